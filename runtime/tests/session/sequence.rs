//! Numbers of messages, acknowledgements, and what is sent again.

use firefly_runtime::session::{Event, Policy, SessionId, State};
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// A server that keeps the sessions of its clients.
fn lab() -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let (peer, session) = lab.opened();
    (lab, peer, session)
}

/// A client with a session.
fn lossless_client() -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let (peer, session) = lab.served();
    (lab, peer, session)
}

fn later(n: u32) -> Connect {
    Connect { global_seq: n, connect_seq: n, ..record() }
}

// covers: SQ-01, SQ-03
#[test]
fn messages_are_numbered_from_1_in_the_order_in_which_they_are_sent() {
    let (mut lab, peer, session) = lab();
    (1..=5).for_each(|tid| lab.send_over(session, question(tid)));
    let headers: Vec<_> = (1..=5).map(|_| lab.message(peer).header).map(|header| (header.seq, header.tid)).collect();
    assert_eq!(headers, [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
}

// covers: SQ-02, SQ-03
#[test]
fn what_is_urgent_goes_first_and_gets_the_lower_number() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.connect();
    for (tid, priority) in [(1, 64), (2, 196), (3, 0), (4, 196), (5, 64)] {
        lab.send_over(session, ping(tid).priority(priority));
    }
    let (peer, _) = lab.serve();
    let headers: Vec<_> = (1..=5).map(|_| lab.message(peer).header).map(|header| (header.seq, header.tid)).collect();
    assert_eq!(headers, [(1, 2), (2, 4), (3, 3), (4, 1), (5, 5)]);
}

// covers: SQ-04, SQ-05
#[test]
fn what_was_received_is_acknowledged_before_the_application_has_seen_it() {
    let (mut lab, peer, _) = lab();
    lab.node.attentive = false;
    lab.put_all(peer, &[frame(1), frame(2), frame(3)]);
    lab.after(ms(200));
    let (_, acks) = lab.numbers(peer);
    assert!(acks.last() == Some(&3) && acks.is_sorted() && acks.len() <= 3, "{acks:?}");
    assert!(lab.events().is_empty());
    lab.node.attentive = true;
    lab.settle();
    assert_eq!(lab.seqs(), [1, 2, 3]);
}

// covers: SQ-06
#[test]
fn what_may_be_lost_is_acknowledged_all_the_same() {
    for acknowledged in [true, false] {
        let mut config = osd(Policy::stateless_server());
        config.conduct.ack_lossy = acknowledged;
        let mut lab = Lab::new(config);
        let (peer, _) = lab.opened();
        lab.put_all(peer, &[frame(1), frame(2)]);
        lab.after(ms(200));
        assert_eq!(lab.numbers(peer).1.last(), acknowledged.then_some(&2));
    }
}

/// Who keeps what it sent waits for acknowledgements: the more that is, the sooner they go out.
// covers: SQ-05, SQ-06
#[test]
fn nobody_hurries_to_acknowledge_what_may_be_lost() {
    for policy in [Policy::stateless_server(), Policy::stateful_server()] {
        let mut lab = Lab::new(osd(policy));
        let (peer, _) = lab.opened();
        lab.put_all(peer, &(1..=1000).map(frame).collect::<Vec<_>>());
        assert_eq!(lab.numbers(peer).1, if policy.lossy { vec![] } else { vec![1000] });
        lab.after(ms(5));
        assert_eq!(lab.numbers(peer).1, if policy.lossy { vec![1000] } else { vec![] });
    }
}

// covers: SQ-07
#[test]
fn an_acknowledgement_waits_200_ms_at_most() {
    let (mut lab, peer, _) = lab();
    lab.put(peer, &frame(1));
    lab.after(ms(5));
    assert_eq!(lab.frames(peer), [ack(1)]);
    // The next one has a message to travel with.
    let session = lab.session_of(&Lab::client());
    lab.put(peer, &frame(2));
    lab.send_over(session, ping(1));
    assert!(matches!(lab.frames(peer)[..], [Frame::Ack(Ack { seq: 2 }), Frame::Message(_)]));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
}

// covers: SQ-07
#[test]
fn firefly_acknowledges_at_once() {
    let mut config = osd(Policy::stateful_server());
    config.timers = firefly_runtime::session::Timers::firefly();
    let mut lab = Lab::new(config);
    let (peer, _) = lab.opened();
    lab.put(peer, &frame(1));
    lab.after(ms(0));
    assert_eq!(lab.frames(peer), [ack(1)]);
}

// covers: SQ-04, SQ-07
#[test]
fn an_acknowledgement_survives_a_break() {
    // The connection breaks while an acknowledgement waits for something to travel with.
    let (mut lab, peer, _) = lab();
    lab.put(peer, &frame(1));
    lab.hang_up(peer);
    let (peer, _) = lab.reopen(&later(2), 0);
    lab.put(peer, &frame(2));
    lab.after(ms(200));
    assert_eq!(lab.frames(peer), [ack(2)]);
    // The same when another connection takes its place.
    lab.put(peer, &frame(3));
    let (peer, _) = lab.reopen(&later(4), 0);
    lab.put(peer, &frame(4));
    lab.after(ms(200));
    assert_eq!(lab.frames(peer), [ack(4)]);
    // And when the session starts anew.
    lab.put(peer, &frame(5));
    let peer = lab.open(&Connect { global_seq: 5, ..record() });
    lab.put(peer, &frame(1));
    lab.after(ms(200));
    assert_eq!(lab.frames(peer), [ack(1)]);
}

// covers: SQ-04, SQ-07
#[test]
fn an_acknowledgement_of_a_client_survives_a_break() {
    for reset in [false, true] {
        let (mut lab, peer, _) = lossless_client();
        lab.put(peer, &frame(1));
        lab.hang_up(peer);
        lab.after(ms(0));
        let (peer, mut connect) = lab.welcome();
        if reset {
            lab.put(peer, &reply(Tag::RESETSESSION));
            connect = lab.take(peer);
        }
        lab.put(peer, &ready(&connect));
        lab.put(peer, &frame(2));
        lab.after(ms(200));
        assert_eq!(lab.frames(peer).last(), Some(&ack(2)));
        lab.put(peer, &frame(3));
        lab.after(ms(200));
        assert_eq!(lab.frames(peer), [ack(3)]);
    }
}

// covers: SQ-08, SQ-09
#[test]
fn old_messages_are_dropped_in_silence() {
    let (mut lab, peer, session) = lab();
    lab.put(peer, &frame(0));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer) && lab.seqs().is_empty());
    lab.put_all(peer, &[frame(3), frame(4)]);
    assert_eq!(lab.seqs(), [3, 4]);
    lab.after(secs(1));
    lab.raw(peer);
    lab.put_all(peer, &[frame(4), frame(1), frame(3)]);
    lab.after(secs(1));
    assert!(lab.is_quiet(peer) && lab.seqs().is_empty());
    assert_eq!((lab.info(session).in_seq, lab.info(session).counters.duplicates), (4, 4));
}

// covers: SQ-10
#[test]
fn gaps_do_not_matter() {
    let (mut lab, peer, _) = lab();
    lab.put_all(peer, &[frame(5), frame(9)]);
    assert_eq!(lab.seqs(), [5, 9]);
    lab.after(secs(1));
    assert_eq!(lab.numbers(peer).1.last(), Some(&9));
}

// covers: SQ-11, SQ-12, SQ-13
#[test]
fn acknowledgements_count_up_to_their_number() {
    let (mut lab, peer, session) = lab();
    (1..=4).for_each(|tid| lab.send_over(session, ping(tid)));
    assert_eq!(lab.info(session).unacknowledged, 4);
    for (seq, left) in [(0, 4), (2, 2), (1, 2), (2, 2), (3, 1), (u64::MAX, 0), (1, 0)] {
        lab.put(peer, &ack(seq));
        assert_eq!(lab.info(session).unacknowledged, left, "after {seq}");
    }
    assert_eq!(lab.state(session), Some(State::Open));
    lab.send_over(session, ping(5));
    assert_eq!(lab.info(session).unacknowledged, 1);
}

// covers: SQ-13
#[test]
fn what_was_acknowledged_is_not_sent_again() {
    let (mut lab, old, session) = lossless_client();
    (1..=3).for_each(|tid| lab.send_over(session, ping(tid)));
    lab.put(old, &ack(2));
    lab.hang_up(old);
    lab.after(ms(0));
    let (peer, _) = lab.serve();
    assert_eq!(lab.numbers(peer).0, [3]);
}

// covers: SQ-14
#[test]
fn what_comes_again_goes_before_what_is_new_and_more_urgent() {
    let (mut lab, old, session) = lossless_client();
    lab.send_over(session, ping(1).priority(63));
    lab.send_over(session, ping(2).priority(127));
    lab.hang_up(old);
    lab.send_over(session, ping(3).priority(254));
    lab.after(ms(0));
    let (peer, _) = lab.serve();
    let headers: Vec<_> = (1..=3).map(|_| lab.message(peer).header).collect();
    assert_eq!(headers.iter().map(|header| (header.seq, header.tid)).collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(headers.iter().map(|header| header.priority).collect::<Vec<_>>(), [63, 127, 254]);
}

// covers: SQ-15
#[test]
fn what_may_be_lost_is_never_sent_again() {
    let mut lab = Lab::new(osd(Policy::stateless_server()));
    let (peer, session) = lab.opened();
    lab.send_over(session, ping(1));
    assert_eq!(lab.info(session).unacknowledged, 0);
    lab.raw(peer);
    lab.hang_up(peer);
    assert_eq!(lab.state(session), None);
    let again = lab.open(&later(2));
    lab.after(secs(60));
    assert!(lab.is_quiet(again));
}

// covers: SQ-16, SQ-17
#[test]
fn a_message_that_its_sender_gave_up_is_as_if_never_sent() {
    let (mut lab, peer, session) = lab();
    let mut aborted = loaded(1, "front", b"data");
    aborted.footer = MessageFooter { front_crc: firefly_runtime::codec::Checksum::read(1), ..MessageFooter::default() };
    lab.put(peer, &aborted);
    lab.after(secs(1));
    assert!(lab.is_quiet(peer) && lab.seqs().is_empty());
    assert_eq!(lab.info(session).in_seq, 0);
    lab.put(peer, &loaded(1, "front", b"data"));
    assert_eq!(lab.seqs(), [1]);
}

// covers: SQ-19
#[test]
fn acknowledgements_are_not_acknowledged() {
    let (mut lab, peer, session) = lab();
    lab.send_over(session, ping(1));
    lab.raw(peer);
    lab.put(peer, &ack(1));
    lab.after(secs(10));
    assert!(lab.is_quiet(peer));
}

// covers: SQ-20
#[test]
fn what_was_not_dispatched_is_lost_with_a_lossy_session() {
    let mut lab = Lab::new(osd(Policy::stateless_server()));
    let (peer, session) = lab.opened();
    lab.node.attentive = false;
    lab.put_all(peer, &[frame(1), frame(2)]);
    lab.after(secs(1));
    assert_eq!(lab.numbers(peer).1.last(), Some(&2));
    lab.hang_up(peer);
    lab.node.attentive = true;
    lab.settle();
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
    let (over, _, dropped) = lab.reset();
    assert_eq!((over, dropped.undispatched), (session, 2));
}

// covers: SQ-20
#[test]
fn what_was_not_dispatched_is_lost_when_the_session_is_reset() {
    let (mut lab, _, session) = lab();
    let peer = lab.open(&Connect { global_seq: 2, ..record() });
    lab.events();
    lab.node.attentive = false;
    lab.put_all(peer, &[frame(1), frame(2)]);
    lab.open(&Connect { global_seq: 3, ..record() });
    lab.node.attentive = true;
    lab.settle();
    let events = lab.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Message(_))), "{events:?}");
    let undispatched = events.iter().find_map(|event| match event {
        Event::RemoteReset { session: which, dropped } if *which == session => Some(dropped.undispatched),
        _ => None,
    });
    assert_eq!(undispatched, Some(2));
}

#[test]
fn what_was_received_survives_a_lossless_break_undispatched() {
    let (mut lab, peer, _) = lab();
    lab.node.attentive = false;
    lab.put_all(peer, &[frame(1), frame(2)]);
    lab.hang_up(peer);
    let (peer, theirs) = lab.reopen(&later(2), 0);
    assert_eq!(theirs, 2);
    lab.put(peer, &frame(3));
    lab.node.attentive = true;
    lab.settle();
    assert_eq!(lab.seqs(), [1, 2, 3]);
}

#[test]
fn so_much_may_wait_and_not_more() {
    let mut config = client(Policy::lossless_client());
    config.limits.queued_messages = 2;
    let mut lab = Lab::new(config);
    let session = lab.connect();
    lab.send_over(session, ping(1));
    lab.send_over(session, ping(2));
    let full = lab.node.endpoint.send(lab.now, session, ping(3));
    assert!(matches!(full, Err(firefly_runtime::session::SendError::Full(..))), "{full:?}");
    let (peer, _) = lab.serve();
    let full = lab.node.endpoint.send(lab.now, session, ping(3));
    assert!(full.is_err(), "what is not acknowledged counts too");
    lab.put(peer, &ack(1));
    lab.send_over(session, ping(3));
    assert_eq!(lab.numbers(peer).0, [1, 2, 3]);
}
