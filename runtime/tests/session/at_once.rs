//! What is written and handed out without waiting for anything.

use bytes::BytesMut;
use firefly_runtime::session::{FastLane, Fault, Message, Policy, Received, SendError, SessionId, Want};
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// A server whose session with a client is open.
fn lab(policy: Policy, queued: usize) -> (Lab, Peer, SessionId) {
    let mut config = osd(policy);
    config.limits.queued_messages = queued;
    let mut lab = Lab::new(config);
    let (peer, session) = lab.opened();
    (lab, peer, session)
}

fn at_once(lab: &mut Lab, session: SessionId, message: Message) -> bool {
    lab.node.endpoint.send_at_once(session, message).is_ok()
}

/// The numbers and transaction ids of all messages that the peer got.
fn got(lab: &mut Lab, peer: Peer) -> Vec<(u64, u64)> {
    let messages = lab.frames(peer).into_iter().filter_map(|frame| match frame {
        Frame::Message(frame) => Some((frame.header.seq, frame.header.tid)),
        _ => None,
    });
    messages.collect()
}

// covers: SQ-01
#[test]
fn what_is_written_at_once_is_not_overtaken() {
    let (mut lab, peer, session) = lab(Policy::stateless_server(), 100);
    for (tid, priority) in [(1, 64), (2, 255), (3, 1)] {
        assert!(at_once(&mut lab, session, ping(tid).priority(priority)));
    }
    lab.settle();
    assert_eq!(got(&mut lab, peer), [(1, 1), (2, 2), (3, 3)]);
}

// covers: SQ-02
#[test]
fn behind_a_batch_the_most_urgent_goes_first() {
    let (mut lab, peer, session) = lab(Policy::stateless_server(), 100);
    assert!(at_once(&mut lab, session, bulk(1, 0, 70_000)));
    assert!(lab.node.endpoint.has_batch(lab.info(session).transport.unwrap()));
    for (tid, priority) in [(2, 64), (3, 196)] {
        let back = lab.node.endpoint.send_at_once(session, ping(tid).priority(priority)).unwrap_err();
        assert_eq!(back, ping(tid).priority(priority));
        lab.node.endpoint.send(lab.now, session, back).unwrap();
    }
    // Now something is queued.
    assert!(!at_once(&mut lab, session, ping(4)));
    lab.settle();
    assert_eq!(got(&mut lab, peer), [(1, 1), (2, 3), (3, 2)]);
}

fn all_at_once(lab: &mut Lab, session: SessionId, messages: impl IntoIterator<Item = Message>) -> Vec<u64> {
    let mut messages = messages.into_iter().collect();
    lab.node.endpoint.send_all_at_once(session, &mut messages);
    messages.iter().map(|left| left.tid).collect()
}

#[test]
fn many_are_written_as_one_after_the_other_are() {
    let messages = || [ping(1), bulk(2, 9, 300), ping(3).priority(0), bulk(4, 0, 5000), ping(5).priority(255)];
    let [one_by_one, together] = [false, true].map(|together| {
        let (mut lab, _, session) = lab(Policy::stateful_server(), 100);
        if together {
            assert!(all_at_once(&mut lab, session, messages()).is_empty());
        } else {
            assert!(messages().into_iter().all(|message| at_once(&mut lab, session, message)));
        }
        assert_eq!(lab.node.endpoint.pending(session), Some(5));
        let (transport, mut out) = (lab.info(session).transport.unwrap(), Vec::new());
        assert!(lab.node.endpoint.poll_transmit(lab.now, transport, &mut out));
        out.concat()
    });
    assert!(together.len() > 5300 && one_by_one == together);
}

#[test]
fn of_many_those_that_have_no_room_are_left() {
    let (mut lab, peer, session) = lab(Policy::stateful_server(), 3);
    assert_eq!(all_at_once(&mut lab, session, (1..=5).map(ping)), [4, 5]);
    assert_eq!(lab.node.endpoint.pending(session), Some(3));
    lab.settle();
    assert_eq!(got(&mut lab, peer), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(all_at_once(&mut lab, session, [ping(4)]), [4], "nothing is acknowledged");
    lab.put(peer, &ack(2));
    assert_eq!(all_at_once(&mut lab, session, (4..=7).map(ping)), [6, 7]);
}

#[test]
fn of_many_a_batch_is_written() {
    let (mut lab, peer, session) = lab(Policy::stateless_server(), 100);
    assert_eq!(all_at_once(&mut lab, session, [ping(1), bulk(2, 0, 70_000), ping(3), ping(4)]), [3, 4]);
    lab.settle();
    assert_eq!(got(&mut lab, peer), [(1, 1), (2, 2)]);
    lab.hang_up(peer);
    assert_eq!(all_at_once(&mut lab, session, [ping(5)]), [5], "it is over");
}

// covers: SQ-04
#[test]
fn none_at_all_do_not_hurry_an_acknowledgement() {
    let (mut lab, peer, session) = lab(Policy::stateful_server(), 100);
    lab.put(peer, &frame(1));
    assert!(all_at_once(&mut lab, session, []).is_empty());
    assert!(lab.is_quiet(peer));
    lab.after(ms(200));
    assert_eq!(lab.take::<Frame>(peer), ack(1));
}

#[test]
fn what_was_queued_and_is_polled_counts_no_more() {
    let (mut lab, _, session) = lab(Policy::stateless_server(), 100);
    assert!(at_once(&mut lab, session, bulk(1, 0, 70_000)));
    for tid in [2, 3] {
        lab.node.endpoint.send(lab.now, session, ping(tid)).unwrap();
    }
    let transport = lab.info(session).transport.unwrap();
    for left in [2, 0] {
        assert!(lab.node.endpoint.poll_transmit(lab.now, transport, &mut Vec::new()));
        assert_eq!(lab.node.endpoint.pending(session), Some(left));
    }
}

#[test]
fn only_what_can_be_written_is_taken() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.connect();
    assert!(!at_once(&mut lab, session, ping(1)), "it is not open");
    assert!(!at_once(&mut lab, SessionId::LOOPBACK, ping(1)));
    let (peer, _) = lab.serve();
    assert!(at_once(&mut lab, session, ping(1)));
    lab.settle();
    lab.hang_up(peer);
    assert!(!at_once(&mut lab, session, ping(2)), "it is broken");
}

#[test]
fn what_is_written_and_not_polled_counts_against_the_limit() {
    for policy in [Policy::stateless_server(), Policy::stateful_server()] {
        let (mut lab, peer, session) = lab(policy, 2);
        assert!(at_once(&mut lab, session, ping(1)) && at_once(&mut lab, session, ping(2)));
        assert_eq!(lab.node.endpoint.pending(session), Some(2));
        assert!(!at_once(&mut lab, session, ping(3)));
        assert!(matches!(lab.node.endpoint.send(lab.now, session, ping(3)), Err(SendError::Full(_))));
        lab.settle();
        assert_eq!(got(&mut lab, peer), [(1, 1), (2, 2)]);
        // What may be lost is forgotten by now.
        assert_eq!(at_once(&mut lab, session, ping(3)), policy.lossy);
    }
}

// covers: SQ-04
#[test]
fn an_acknowledgement_goes_before_it() {
    let (mut lab, peer, session) = lab(Policy::stateful_server(), 100);
    lab.put_all(peer, &[frame(1), frame(2)]);
    assert!(at_once(&mut lab, session, ping(7)));
    lab.settle();
    assert_eq!(lab.take::<Frame>(peer), ack(2));
    assert_eq!(got(&mut lab, peer), [(1, 7)]);
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
}

// covers: SQ-14
#[test]
fn what_was_written_at_once_is_sent_again() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.connect();
    let (peer, _) = lab.serve();
    assert!(at_once(&mut lab, session, ping(7)));
    // The connection breaks when the driver was told and has not polled.
    while lab.node.endpoint.poll_command().is_some() {}
    lab.hang_up(peer);
    let (peer, _) = lab.serve();
    assert_eq!(got(&mut lab, peer), [(1, 7)]);
    assert_eq!(lab.info(session).counters.messages_resent, 1);
}

#[test]
fn one_session_does_not_write_into_the_stream_of_another() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let addrs = [1, 2].map(|nonce| addr("10.0.0.9:0", nonce));
    let peers = [0, 1].map(|i| lab.open_as(&addrs[i], &record()));
    let [one, two] = [0, 1].map(|i| lab.session_of(&addrs[i]));
    assert!(at_once(&mut lab, one, ping(1)));
    assert!(!at_once(&mut lab, two, ping(2)));
    lab.node.endpoint.send(lab.now, two, ping(2)).unwrap();
    assert!(at_once(&mut lab, one, ping(3)));
    lab.settle();
    assert_eq!(peers.map(|peer| got(&mut lab, peer)), [vec![(1, 1), (2, 3)], vec![(1, 2)]]);
}

#[test]
fn what_is_written_is_said_before_a_session_is_marked_down() {
    for policy in [Policy::stateless_server(), Policy::stateful_server()] {
        let (mut lab, peer, session) = lab(policy, 100);
        assert!(at_once(&mut lab, session, ping(7)));
        lab.node.endpoint.mark_down_on_empty(session);
        lab.settle();
        assert_eq!(got(&mut lab, peer), [(1, 7)]);
        assert!(lab.is_closed(peer));
        assert_eq!(lab.reset().1, Fault::MarkedDown);
    }
}

#[test]
fn what_is_written_is_lost_with_a_session_that_is_marked_down() {
    let (mut lab, peer, session) = lab(Policy::stateless_server(), 100);
    assert!(at_once(&mut lab, session, ping(7)));
    lab.node.endpoint.mark_down(session);
    lab.settle();
    assert!(lab.is_closed(peer));
    // Nor does anybody else get it.
    let (peer, session) = lab.opened();
    assert!(at_once(&mut lab, session, ping(8)));
    lab.settle();
    assert_eq!(got(&mut lab, peer), [(1, 8)]);
}

/// Offers bytes with a fast lane of two. What it wants, and the numbers of what the lane took.
fn offer(lab: &mut Lab, session: SessionId, input: &mut BytesMut, takes: fn(&Received) -> bool) -> (Want, Vec<u64>) {
    let transport = lab.info(session).transport.unwrap();
    let mut messages = Vec::new();
    let lane = FastLane { takes: &takes, messages: &mut messages, room: 2 };
    let want = lab.node.endpoint.handle_input_fast(lab.now, transport, input, lane).unwrap();
    lab.node.attentive = false;
    lab.settle();
    let seqs = messages.iter().map(|message| message.seq).collect();
    messages.into_iter().for_each(|message| lab.node.endpoint.release(message.permit));
    (want, seqs)
}

fn input(frames: &[MessageFrame]) -> BytesMut {
    frames.iter().flat_map(|frame| with_features(frame, ALL)).collect()
}

#[test]
fn the_fast_lane_takes_as_much_as_it_has_room_for() {
    let (mut lab, _, session) = lab(Policy::stateful_server(), 100);
    let mut bytes = input(&[frame(1), frame(2), frame(3), frame(4), frame(5)]);
    bytes.truncate(bytes.len() - 1);
    assert_eq!(offer(&mut lab, session, &mut bytes, |_| true), (Want::Bytes(0), vec![1, 2]));
    // Of the last one a byte is missing.
    assert_eq!(offer(&mut lab, session, &mut bytes, |_| true), (Want::Bytes(1), vec![3, 4]));
    assert_eq!((lab.info(session).in_seq, lab.node.endpoint.stats().undispatched), (4, 0));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
}

#[test]
fn what_the_fast_lane_does_not_take_keeps_its_place() {
    let (mut lab, _, session) = lab(Policy::stateful_server(), 100);
    let mut bytes = input(&[frame(1), frame(2), frame(3), frame(4)]);
    // The second one waits, and those behind it with it.
    let (want, seqs) = offer(&mut lab, session, &mut bytes, |message| message.seq != 2);
    assert!(matches!(want, Want::Bytes(1..)), "{want:?}");
    assert_eq!(seqs, [1]);
    lab.node.attentive = true;
    lab.settle();
    assert_eq!(lab.seqs(), [2, 3, 4]);
}
