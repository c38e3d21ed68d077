//! In which order events are told.

use firefly_runtime::session::{Event, Policy, SessionId};
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// A server whose application does not look, and two clients.
fn lab() -> (Lab, [Peer; 2], [SessionId; 2]) {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let addrs = [1, 2].map(|nonce| addr("10.0.0.9:0", nonce));
    let peers = [0, 1].map(|i| lab.open_as(&addrs[i], &record()));
    let sessions = [0, 1].map(|i| lab.session_of(&addrs[i]));
    lab.events();
    lab.node.attentive = false;
    (lab, peers, sessions)
}

fn urgent(seq: u64, priority: u16) -> MessageFrame {
    let mut frame = frame(seq);
    frame.header.priority = priority;
    frame
}

/// What the application sees now: the session and number of each message.
fn look(lab: &mut Lab) -> Vec<(SessionId, u64)> {
    lab.node.attentive = true;
    lab.settle();
    lab.received().iter().map(|message| (message.session, message.seq)).collect()
}

// covers: DQ-01
#[test]
fn the_most_urgent_first() {
    let (mut lab, [peer, _], [session, _]) = lab();
    lab.put_all(peer, &[urgent(1, 127), urgent(2, 196), urgent(3, 64), urgent(4, 127), urgent(5, 196)]);
    assert_eq!(look(&mut lab), [2, 5, 1, 4, 3].map(|seq| (session, seq)));
}

// covers: DQ-02
#[test]
fn equals_take_turns() {
    let (mut lab, [one, two], [a, b]) = lab();
    lab.put_all(one, &[frame(1), frame(2), frame(3), frame(4)]);
    lab.put_all(two, &[frame(1), frame(2)]);
    let seen = look(&mut lab);
    let order: Vec<_> = seen.iter().map(|(session, _)| *session).collect();
    assert!(order == [a, b, a, b, a, a] || order == [b, a, b, a, a, a], "{seen:?}");
    for session in [a, b] {
        assert!(seen.iter().filter(|(of, _)| *of == session).map(|(_, seq)| seq).is_sorted());
    }
}

// covers: DQ-03
#[test]
fn what_is_below_64_waits_for_all_others() {
    let (mut lab, [one, two], [a, b]) = lab();
    lab.put_all(one, &[urgent(1, 63), urgent(2, 63), urgent(3, 1)]);
    lab.put_all(two, &[urgent(1, 64), urgent(2, 64)]);
    let seen = look(&mut lab);
    assert_eq!(seen[..2], [(b, 1), (b, 2)]);
    assert!(seen[2..].iter().all(|(session, _)| *session == a) && seen.len() == 5, "{seen:?}");
    assert!(seen.iter().position(|it| *it == (a, 1)) < seen.iter().position(|it| *it == (a, 2)));
}

// covers: DQ-03
#[test]
fn what_comes_later_and_is_strict_overtakes_what_is_not() {
    let (mut lab, [one, _], _) = lab();
    lab.put_all(one, &[urgent(1, 63), urgent(2, 63)]);
    assert!(lab.node.take_event(lab.now));
    lab.put(one, &urgent(3, 64));
    let seen: Vec<_> = look(&mut lab).iter().map(|(_, seq)| *seq).collect();
    assert_eq!(seen, [1, 3, 2]);
}

// covers: DQ-03
#[test]
fn those_below_64_share() {
    let (mut lab, [one, two], _) = lab();
    for seq in 1..=40 {
        lab.put(one, &urgent(seq, 10));
        lab.put(two, &urgent(seq, 60));
    }
    lab.node.attentive = true;
    lab.settle();
    let first: Vec<_> = lab.received().iter().take(40).map(|message| message.priority).collect();
    let low = first.iter().filter(|priority| **priority == 10).count();
    assert!((1..20).contains(&low), "{first:?}");
}

// covers: DQ-04
#[test]
fn news_of_sessions_go_before_messages() {
    let (mut lab, [one, two], [_, b]) = lab();
    lab.put_all(one, &[urgent(1, 254), urgent(2, 127)]);
    lab.node.endpoint.mark_down_addr(&addr("10.0.0.9:0", 2));
    lab.settle();
    assert!(lab.is_closed(two));
    lab.open_as(&addr("10.0.0.9:0", 3), &record());
    lab.node.attentive = true;
    lab.settle();
    let events = lab.events();
    assert!(
        matches!(&events[..], [Event::Reset { session, .. }, Event::Accept(_), Event::Message(first), Event::Message(_)]
            if *session == b && first.seq == 1),
        "{events:?}"
    );
}

// covers: DQ-04
#[test]
fn messages_above_255_do_not_overtake_their_session() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    lab.node.attentive = false;
    let peer = lab.open(&record());
    lab.put(peer, &urgent(1, 255));
    lab.node.attentive = true;
    lab.settle();
    let events = lab.events();
    assert!(matches!(events[..], [Event::Accept(_), Event::Message(_)]), "{events:?}");
}

#[test]
fn events_are_told_one_at_a_time() {
    let (mut lab, [one, two], _) = lab();
    lab.put(one, &urgent(1, 127));
    lab.put(two, &urgent(1, 127));
    assert!(lab.node.take_event(lab.now) && lab.node.take_event(lab.now));
    assert!(!lab.node.take_event(lab.now));
}
