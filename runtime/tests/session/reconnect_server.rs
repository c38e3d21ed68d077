//! Who is connected to again: what it makes of a record when it knows, or should know, the session.

use firefly_runtime::session::{Dropped, Event, Fault, Policy, SessionId, State};
use firefly_runtime::wire::address::EntityAddr;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab(policy: Policy) -> Lab {
    Lab::new(osd(policy))
}

/// The record of a later connection.
fn later(global_seq: u32, connect_seq: u32) -> Connect {
    Connect { global_seq, connect_seq, ..record() }
}

/// The same from somebody who cannot say what he received.
fn plainly(record: Connect) -> Connect {
    Connect { features: Features(ALL & !Features::RECONNECT_SEQ.0), ..record }
}

/// A server with a session on which it sent messages 1 to 3 and received 1 and 2, nothing of it acknowledged by the peer.
fn busy(policy: Policy) -> (Lab, Peer, SessionId) {
    let mut lab = lab(policy);
    let (peer, session) = lab.opened();
    (11..=13).for_each(|tid| lab.send_over(session, ping(tid)));
    lab.put_all(peer, &[frame(1), frame(2)]);
    lab.after(secs(1));
    assert_eq!(lab.numbers(peer), (vec![1, 2, 3], vec![2]));
    assert_eq!(lab.seqs(), [1, 2]);
    (lab, peer, session)
}

// covers: RC-01
#[test]
fn an_older_attempt_is_told_to_take_a_higher_number() {
    let mut lab = lab(Policy::stateful_server());
    lab.open(&later(5, 0));
    let peer = lab.greet(&Lab::client());
    let refusal = lab.offer(peer, &later(4, 7));
    assert_eq!(refusal, ConnectReply { global_seq: 5, ..reply(Tag::RETRY_GLOBAL) });
    assert!(lab.is_quiet(peer));
    assert_eq!(lab.offer(peer, &later(5, 7)).tag, Tag::SEQ);
}

// covers: RC-01, RC-03
#[test]
fn an_older_attempt_does_not_replace_a_lossy_session_either() {
    let mut lab = lab(Policy::stateless_server());
    lab.open(&later(5, 0));
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &later(4, 0)).tag, Tag::RETRY_GLOBAL);
}

// covers: RC-03, RC-17
#[test]
fn a_lossy_session_is_replaced_whatever_the_number() {
    for connect_seq in [0, 1, 7] {
        let mut lab = lab(Policy::stateless_server());
        let (old, session) = lab.opened();
        lab.put(old, &frame(3));
        lab.send_over(session, ping(1));
        lab.raw(old);
        let (new, theirs) = lab.reopen(&later(1, connect_seq), 0);
        assert_eq!(theirs, 0);
        assert!(lab.is_closed(old));
        let now = lab.session_of(&Lab::client());
        assert_ne!(now, session);
        let events = lab.events();
        assert!(
            events.iter().any(|event| matches!(event,
            Event::Reset { session: over, fault: Fault::Replaced, .. } if *over == session)),
            "{events:?}"
        );
        assert!(events.iter().any(|event| matches!(event, Event::Accept(accepted) if *accepted == now)));
        // Nothing of the old session is left.
        lab.put(new, &frame(1));
        assert_eq!(lab.seqs(), [1]);
        lab.send_over(now, ping(2));
        assert_eq!(lab.message(new).header.tid, 2);
    }
}

// covers: RC-03
#[test]
fn a_lossy_session_is_replaced_with_ready_if_the_client_knows_no_better() {
    let mut lab = lab(Policy::stateless_server());
    let (old, _) = lab.opened();
    let peer = lab.greet(&Lab::client());
    let answer = lab.offer(peer, &plainly(later(2, 4)));
    assert_eq!((answer.tag, answer.connect_seq), (Tag::READY, 5));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer) && lab.is_closed(old));
}

// covers: RC-04, RC-22
#[test]
fn a_client_that_started_anew_gets_nothing_of_the_past() {
    let (mut lab, old, session) = busy(Policy::stateful_server());
    let peer = lab.greet(&Lab::client());
    let answer = lab.offer(peer, &later(2, 0));
    assert_eq!((answer.tag, answer.connect_seq), (Tag::READY, 1));
    assert!(lab.is_closed(old));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
    let events = lab.events();
    assert!(
        events.iter().any(|event| matches!(event,
            Event::RemoteReset { session: which, dropped: Dropped { unsent: 0, unacknowledged: 3, first_tid: Some(11),
            last_tid: Some(13), .. } } if *which == session)),
        "{events:?}"
    );
    assert_eq!(lab.session_of(&Lab::client()), session);
    lab.put(peer, &frame(1));
    assert_eq!(lab.seqs(), [1]);
    lab.send_over(session, ping(14));
    let frame = lab.message(peer);
    assert!((1..=1 << 31).contains(&frame.header.seq) && frame.header.tid == 14, "{frame:?}");
    lab.send_over(session, ping(15));
    assert_eq!(lab.message(peer).header.seq, frame.header.seq + 1);
}

// covers: RC-05
#[test]
fn without_resetcheck_a_restarted_peer_gets_all_again() {
    let (mut lab, _, session) = busy(Policy::lossless_peer());
    lab.send_over(session, ping(14));
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &later(2, 0)).tag, Tag::READY);
    let (messages, _) = lab.numbers(peer);
    assert_eq!(messages, [1, 2, 3, 4]);
    let events = lab.events();
    assert!(!events.iter().any(|event| matches!(event, Event::RemoteReset { .. } | Event::Reset { .. })), "{events:?}");
    lab.put(peer, &frame(1));
    assert_eq!(lab.seqs(), [1]);
    assert_eq!(lab.session_of(&Lab::client()), session);
}

// covers: RC-04, RC-05, SQ-04
#[test]
fn what_a_restarted_peer_sends_is_acknowledged_from_the_start() {
    for policy in [Policy::stateful_server(), Policy::lossless_peer()] {
        for firefly in [false, true] {
            let config = osd(policy);
            let mut lab = Lab::new(if firefly { to_the_letter(config) } else { config });
            let (old, _) = lab.opened();
            lab.put_all(old, &[frame(1), frame(2), frame(3)]);
            lab.after(secs(1));
            assert_eq!(lab.numbers(old).1.last(), Some(&3));
            let peer = lab.open(&later(2, 0));
            lab.put(peer, &frame(1));
            lab.after(secs(1));
            assert_eq!(lab.frames(peer), [ack(1)]);
        }
    }
}

// covers: RC-06, RC-07
#[test]
fn a_number_that_was_used_before_is_not_taken_again() {
    let mut lab = lab(Policy::stateful_server());
    lab.opened();
    lab.reopen(&later(2, 2), 0);
    for connect_seq in [1, 2, 3] {
        let peer = lab.greet(&Lab::client());
        let refusal = lab.offer(peer, &later(3, connect_seq));
        assert_eq!(refusal, ConnectReply { connect_seq: 4, ..reply(Tag::RETRY_SESSION) });
        assert!(lab.is_quiet(peer));
    }
}

// covers: RC-07
#[test]
fn a_sleeping_session_wants_a_higher_number_too() {
    let mut lab = lab(Policy::stateful_server());
    let (peer, session) = lab.opened();
    lab.hang_up(peer);
    assert_eq!(lab.state(session), Some(State::Standby));
    let peer = lab.greet(&Lab::client());
    let refusal = lab.offer(peer, &later(2, 1));
    assert_eq!((refusal.tag, refusal.connect_seq), (Tag::RETRY_SESSION, 2));
    assert_eq!(lab.offer(peer, &later(2, 2)).tag, Tag::SEQ);
}

// covers: RC-09, RC-11, RC-14, RC-16, RC-17
#[test]
fn a_session_goes_on_where_both_are() {
    let (mut lab, old, session) = busy(Policy::stateful_server());
    lab.send_over(session, ping(14));
    lab.raw(old);
    let peer = lab.greet(&Lab::client());
    let answer = lab.offer(peer, &later(2, 2));
    assert_eq!((answer.tag, answer.connect_seq), (Tag::SEQ, 3));
    assert_eq!(lab.take::<SeqExchange>(peer).seq, 2);
    lab.send_over(session, ping(15));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer) && lab.is_closed(old));
    lab.put(peer, &SeqExchange { seq: 2 });
    let (third, fourth, fifth) = (lab.message(peer), lab.message(peer), lab.message(peer));
    assert_eq!(
        [&third, &fourth, &fifth].map(|frame| (frame.header.seq, frame.header.tid)),
        [(3, 13), (4, 14), (5, 15)]
    );
    lab.events();
    lab.put_all(peer, &[frame(2), frame(3)]);
    assert_eq!(lab.seqs(), [3]);
}

// covers: RC-09, SQ-04
#[test]
fn what_the_exchange_has_told_is_not_acknowledged_again() {
    let mut lab = lab(Policy::stateful_server());
    let (old, _) = lab.opened();
    lab.put_all(old, &[frame(1), frame(2)]);
    lab.hang_up(old);
    let (peer, theirs) = lab.reopen(&later(2, 2), 0);
    assert_eq!(theirs, 2);
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
}

// covers: RC-10, RC-15
#[test]
fn with_ready_all_that_is_not_acknowledged_comes_again() {
    let (mut lab, _, session) = busy(Policy::stateful_server());
    let peer = lab.greet(&Lab::client());
    let answer = lab.offer(peer, &plainly(later(2, 2)));
    assert_eq!((answer.tag, answer.connect_seq), (Tag::READY, 3));
    let again: Vec<_> = (0..3).map(|_| lab.message(peer).header).map(|header| (header.seq, header.tid)).collect();
    assert_eq!(again, [(1, 11), (2, 12), (3, 13)]);
    assert_eq!(lab.info(session).counters.messages_resent, 3);
    lab.put_all(peer, &[frame(1), frame(2), frame(3)]);
    assert_eq!(lab.seqs(), [3]);
    assert_eq!(lab.info(session).counters.duplicates, 2);
}

// covers: PO-19
#[test]
fn the_application_sees_the_same_session() {
    let (mut lab, old, session) = busy(Policy::stateful_server());
    lab.hang_up(old);
    lab.events();
    lab.reopen(&later(2, 2), 3);
    let events = lab.events();
    assert!(matches!(events[..], [Event::Accept(accepted)] if accepted == session), "{events:?}");
    let info = lab.info(session);
    assert_eq!((info.state, info.connect_seq, info.in_seq, info.out_seq), (State::Open, 3, 2, 3));
    assert_eq!((info.queued, info.unacknowledged), (0, 0));
}

// covers: RC-18
#[test]
fn a_session_that_nobody_remembers_is_reset() {
    let mut lab = lab(Policy::stateful_server());
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &later(3, 5)), reply(Tag::RESETSESSION));
    assert!(lab.is_quiet(peer));
    let answer = lab.offer(peer, &later(3, 0));
    assert_eq!((answer.tag, answer.connect_seq), (Tag::READY, 1));
}

// covers: RC-19
#[test]
fn without_resetcheck_firefly_opens_it_all_the_same() {
    for policy in [Policy::stateless_server(), Policy::lossless_peer()] {
        let mut letter = Lab::new(to_the_letter(osd(policy)));
        let peer = letter.greet(&Lab::client());
        let answer = letter.offer(peer, &later(3, 5));
        assert_eq!((answer.tag, answer.connect_seq), (Tag::READY, 6));
        // Later releases, and by default this one, do so only where nothing can be lost.
        let mut corrected = lab(policy);
        let peer = corrected.greet(&Lab::client());
        let tag = if policy.lossy { Tag::READY } else { Tag::RESETSESSION };
        assert_eq!(corrected.offer(peer, &later(3, 5)).tag, tag);
    }
}

/// A peer that sorts below the OSD under test, and one above.
fn neighbours() -> [EntityAddr; 2] {
    [addr("10.0.0.9:6800", 1), addr("10.0.0.9:6800", 128)]
}

/// An OSD that is connecting to a peer, with one message to send; its record is on its way.
fn connecting(policy: Policy, to: &EntityAddr) -> (Lab, Peer, SessionId) {
    let mut lab = lab(policy);
    let session = lab.connect_to(to);
    lab.send_over(session, ping(1));
    let own = lab.pick_up();
    lab.put(own, &Banner {});
    lab.put(own, &ServerHello { server_addr: to.clone(), ..Lab::hello() });
    let (_, _): (Banner, ClientHello) = (lab.take(own), lab.take(own));
    let connect: Connect = lab.take(own);
    assert_eq!(connect.connect_seq, 0);
    (lab, own, session)
}

// covers: RC-20
#[test]
fn a_peer_with_a_past_is_reset_while_the_own_attempt_goes_on() {
    let [lower, _] = neighbours();
    let (mut lab, own, session) = connecting(Policy::lossless_peer_reuse(), &lower);
    let peer = lab.greet(&lower);
    let refusal = lab.offer(peer, &Connect { connect_seq: 2, ..osd_record() });
    assert_eq!(refusal.tag, Tag::RESETSESSION);
    assert!(lab.is_quiet(own));
    assert_eq!(lab.state(session), Some(State::Connecting));
}

// covers: RC-23
#[test]
fn the_lower_address_wins_when_both_connect() {
    let [lower, _] = neighbours();
    let (mut lab, own, session) = connecting(Policy::lossless_peer(), &lower);
    let peer = lab.greet(&lower);
    assert_eq!(lab.offer(peer, &osd_record()).tag, Tag::SEQ);
    assert_eq!(lab.take::<SeqExchange>(peer).seq, 0);
    lab.put(peer, &SeqExchange { seq: 0 });
    assert!(lab.is_closed(own));
    assert_eq!(lab.message(peer).header.tid, 1);
    assert_eq!(lab.session_of(&lower), session);
    assert_eq!(lab.info(session).state, State::Open);
    lab.after(secs(60));
    assert_eq!(lab.dials.len(), 1);
}

// covers: RC-23
#[test]
fn the_lower_address_wins_with_ready_if_it_knows_no_better() {
    let [lower, _] = neighbours();
    let (mut lab, own, _) = connecting(Policy::lossless_peer(), &lower);
    let peer = lab.greet(&lower);
    assert_eq!(lab.offer(peer, &plainly(osd_record())).tag, Tag::READY);
    assert!(lab.is_closed(own));
    assert_eq!(lab.message(peer).header.tid, 1);
}

// covers: RC-24, RC-27
#[test]
fn the_higher_address_waits_when_both_connect() {
    let [_, higher] = neighbours();
    let (mut lab, own, session) = connecting(Policy::lossless_peer(), &higher);
    let peer = lab.greet(&higher);
    assert_eq!(lab.offer(peer, &osd_record()), ConnectReply { protocol_version: 10, ..reply(Tag::WAIT) });
    assert!(lab.is_quiet(own) && lab.is_quiet(peer));
    lab.bytes(own, &bytes_of(&ready(&Connect::default())));
    assert_eq!(lab.info(session).state, State::Open);
    let frames = lab.frames(own);
    assert!(matches!(frames[..], [Frame::Keepalive2(_), Frame::Message(_)]), "{frames:?}");
}

// covers: RC-27
#[test]
fn the_keepalive_after_wait_is_sent_without_messages_too() {
    let [_, higher] = neighbours();
    let mut lab = lab(Policy::lossless_peer());
    lab.connect_to(&higher);
    let own = lab.pick_up();
    lab.put(own, &Banner {});
    lab.put(own, &ServerHello { server_addr: higher.clone(), ..Lab::hello() });
    lab.raw(own);
    let peer = lab.greet(&higher);
    assert_eq!(lab.offer(peer, &osd_record()).tag, Tag::WAIT);
    lab.bytes(own, &bytes_of(&ready(&Connect::default())));
    assert!(matches!(lab.frames(own)[..], [Frame::Keepalive2(_)]));
}

// covers: ER-34
#[test]
fn a_peer_that_said_wait_and_connects_out_of_turn_does_no_harm() {
    let [_, higher] = neighbours();
    let (mut lab, own, session) = connecting(Policy::lossless_peer(), &higher);
    lab.put(own, &reply(Tag::WAIT));
    assert_eq!(lab.state(session), Some(State::Wait));
    let peer = lab.greet(&higher);
    lab.put(peer, &osd_record());
    // It is answered by replacing what waits, or closed.
    if let Some(answer) = lab.try_take::<ConnectReply>(peer) {
        assert_eq!(answer.tag, Tag::SEQ);
        lab.put(peer, &SeqExchange { seq: 0 });
        lab.take::<SeqExchange>(peer);
        assert_eq!(lab.message(peer).header.tid, 1);
    } else {
        assert!(lab.is_closed(peer));
        assert_ne!(lab.state(session), Some(State::Open));
    }
}

// later peers: MD-12
#[test]
fn a_peer_that_could_not_be_reached_comes_by_itself() {
    // The own session was never open and sleeps with number 0. To want a higher number would not do: with resetcheck
    // that would be a number from a past that nobody remembers.
    for policy in [Policy::lossless_peer(), Policy::lossless_peer_reuse()] {
        let [lower, higher] = neighbours();
        for theirs in [lower, higher] {
            let mut lab = lab(policy);
            let session = lab.connect_to(&theirs);
            lab.refuse();
            assert_eq!(lab.state(session), Some(State::Standby));
            let peer = lab.greet(&theirs);
            let mut connect = osd_record();
            for _ in 0..2 {
                let answer = lab.offer(peer, &connect);
                connect.connect_seq = match answer.tag {
                    Tag::RETRY_SESSION => answer.connect_seq,
                    Tag::RESETSESSION => 0,
                    _ => break,
                };
            }
            assert_eq!((lab.state(session), lab.session_of(&theirs)), (Some(State::Open), session));
        }
    }
}

// covers: RC-30
#[test]
fn another_nonce_is_another_client() {
    let mut lab = lab(Policy::stateful_server());
    let (old, session) = lab.opened();
    let other = EntityAddr { nonce: 4101, ..Lab::client() };
    let peer = lab.open_as(&other, &later(0, 0));
    assert_ne!(lab.session_of(&other), session);
    lab.send_over(session, ping(1));
    assert_eq!(lab.message(old).header.tid, 1);
    assert!(lab.is_quiet(peer) && lab.is_quiet(old));
}

// covers: RC-32, PO-01
#[test]
fn a_server_does_not_connect() {
    let mut lab = lab(Policy::stateful_server());
    let (peer, session) = lab.opened();
    lab.send_over(session, ping(1));
    lab.hang_up(peer);
    lab.send_over(session, ping(2));
    lab.after(secs(1000));
    assert!(!lab.rings() && lab.dials.is_empty());
    assert_eq!(lab.state(session), Some(State::Standby));
    let (peer, _) = lab.reopen(&later(2, 2), 0);
    assert_eq!(lab.numbers(peer).0, [1, 2]);
}

#[test]
fn a_connection_that_breaks_before_its_turn_leaves_the_session_asleep() {
    let (mut lab, _, session) = busy(Policy::stateful_server());
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &later(2, 2)).tag, Tag::SEQ);
    lab.hang_up(peer);
    assert_eq!(lab.state(session), Some(State::Standby));
    assert!(!lab.events().iter().any(|event| matches!(event, Event::Reset { .. })));
    let (peer, theirs) = lab.reopen(&later(3, 4), 1);
    assert_eq!(theirs, 2);
    assert_eq!(lab.numbers(peer).0, [2, 3]);
}
