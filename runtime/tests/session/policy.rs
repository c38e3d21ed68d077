//! What each side does when a connection breaks, and what the application can ask for.

use firefly_runtime::session::{
    Disconnect, Event, Fault, Misuse, Next, Policies, Policy, SendError, SessionId, State, Time,
};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// A client with a session.
fn connected(policy: Policy) -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(osd(policy));
    let (peer, session) = lab.served();
    (lab, peer, session)
}

/// A server with a session.
fn accepted(policy: Policy) -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(osd(policy));
    let (peer, session) = lab.opened();
    (lab, peer, session)
}

// covers: PO-01
#[test]
fn a_lossy_server_forgets() {
    let (mut lab, peer, session) = accepted(Policy::stateless_server());
    lab.hang_up(peer);
    let (over, fault, _) = lab.reset();
    assert_eq!((over, fault), (session, Fault::Io(Disconnect::Eof)));
    assert_eq!((lab.state(session), lab.node.endpoint.sessions().count()), (None, 0));
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &record()).tag, Tag::READY);
    assert_ne!(lab.session_of(&Lab::client()), session);
}

// covers: PO-02, PO-03
#[test]
fn a_peer_with_something_to_send_connects_again_at_once() {
    for acknowledged in [false, true] {
        let (mut lab, peer, session) = connected(Policy::lossless_peer());
        lab.send_over(session, ping(1));
        if acknowledged {
            lab.put(peer, &ack(1));
        }
        lab.hang_up(peer);
        let next = if acknowledged { Next::Standby } else { Next::Reconnect(ms(0)) };
        assert_eq!(lab.fault(), (Fault::Io(Disconnect::Eof), next));
        lab.after(ms(0));
        assert_eq!(lab.rings(), !acknowledged);
        assert_eq!(lab.state(session), Some(if acknowledged { State::Standby } else { State::Connecting }));
    }
}

// covers: PO-03
#[test]
fn a_sleeping_peer_wakes_for_a_message() {
    let (mut lab, peer, session) = connected(Policy::lossless_peer());
    lab.hang_up(peer);
    lab.after(secs(3600));
    assert!(!lab.rings());
    lab.send_over(session, ping(1));
    lab.after(ms(0));
    let (peer, connect) = lab.serve();
    assert_eq!(connect.connect_seq, 2);
    assert_eq!(lab.message(peer).header.tid, 1);
}

// covers: PO-04
#[test]
fn a_client_without_standby_connects_again_with_nothing_to_send() {
    let (mut lab, peer, session) = connected(Policy::lossless_client());
    lab.hang_up(peer);
    lab.after(ms(0));
    assert!(lab.rings());
    assert_eq!(lab.state(session), Some(State::Connecting));
}

/// Lets all attempts fail until the time is up; the times between them, in milliseconds.
fn pauses(lab: &mut Lab, time: std::time::Duration) -> Vec<u128> {
    let end = lab.now + time;
    while lab.now < end {
        while lab.rings() {
            lab.refuse();
            lab.after(ms(0));
        }
        lab.after(ms(1));
    }
    lab.dials.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_millis()).collect()
}

// covers: PO-05, PO-07
#[test]
fn the_pauses_double_up_to_15_seconds() {
    for policy in [Policy::lossy_client(), Policy::lossless_client(), Policy::lossless_peer()] {
        let mut lab = Lab::new(client(policy));
        let session = lab.send(ping(1));
        let pauses = pauses(&mut lab, secs(60));
        assert_eq!(pauses, [0, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
        assert_eq!(lab.state(session), Some(State::Connecting));
        let reconnects = lab.events().into_iter().filter(|event| matches!(event, Event::Fault { .. })).count();
        assert_eq!(reconnects, 11);
    }
}

// covers: PO-05
#[test]
fn success_ends_the_pauses() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    lab.send(ping(1));
    pauses(&mut lab, ms(500));
    lab.after(secs(1));
    let (peer, _) = lab.serve();
    lab.dials.clear();
    lab.hang_up(peer);
    lab.after(ms(0));
    assert_eq!(pauses(&mut lab, ms(300)), [0, 200]);
}

// covers: PO-06
#[test]
fn a_new_message_ends_the_pause() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.connect();
    for _ in 0..2 {
        lab.refuse();
        lab.after(ms(0));
    }
    lab.after(ms(50));
    assert!(!lab.rings());
    lab.send_over(session, ping(1));
    lab.after(ms(0));
    assert!(lab.rings());
    assert_eq!(lab.dials.last().unwrap().0, Time::ZERO + ms(50));
}

// covers: PO-08
#[test]
fn a_lossy_client_that_was_connected_gives_up() {
    let mut lab = Lab::new(client(Policy::lossy_client()));
    let session = lab.connect();
    let (peer, connect) = lab.welcome();
    lab.put(peer, &lossy(ready(&connect)));
    lab.send_over(session, ping(7));
    lab.hang_up(peer);
    assert_eq!(lab.reset().1, Fault::Io(Disconnect::Eof));
    lab.after(secs(3600));
    assert!(!lab.rings());
    assert_eq!(lab.node.endpoint.sessions().count(), 0);
}

// covers: PO-09, PO-10
#[test]
fn marking_down_by_name_is_silent() {
    let (mut lab, peer, session) = accepted(Policy::stateful_server());
    lab.send_over(session, ping(1));
    lab.raw(peer);
    lab.node.endpoint.mark_down(session);
    lab.settle();
    assert!(lab.is_closed(peer));
    assert!(lab.events().is_empty());
    assert_eq!((lab.state(session), lab.node.endpoint.transports()), (None, 0));
}

// covers: PO-09
#[test]
fn what_was_queued_is_not_sent_after_marking_down() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.connect();
    lab.send_over(session, ping(1));
    let (peer, connect) = lab.welcome();
    lab.node.endpoint.mark_down(session);
    lab.settle();
    assert!(lab.is_closed(peer));
    let again = lab.connect();
    assert_ne!(again, session);
    let (peer, second) = lab.serve();
    assert_eq!((second.connect_seq, second.global_seq), (0, connect.global_seq + 1));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
}

// covers: PO-10
#[test]
fn marking_down_by_address_is_told() {
    let (mut lab, peer, session) = accepted(Policy::stateful_server());
    lab.send_over(session, ping(1));
    lab.raw(peer);
    lab.node.endpoint.mark_down_addr(&Lab::client());
    lab.settle();
    assert!(lab.is_closed(peer));
    let (over, fault, dropped) = lab.reset();
    assert_eq!((over, fault, dropped.unacknowledged), (session, Fault::MarkedDown, 1));
    lab.node.endpoint.mark_down_addr(&Lab::client());
    lab.settle();
    assert!(lab.events().is_empty());
}

// covers: PO-10
#[test]
fn marking_all_down_is_told_once_for_each() {
    let (mut lab, peer, _) = accepted(Policy::lossless_peer());
    let second = lab.open_as(&addr("10.0.0.8:0", 1), &record());
    let greeted = lab.greet(&addr("10.0.0.8:0", 2));
    lab.connect_to(&addr("10.0.0.8:6800", 3));
    lab.events();
    lab.node.endpoint.mark_down_all();
    lab.settle();
    assert!([peer, second, greeted].iter().all(|peer| lab.is_closed(*peer)));
    assert!(!lab.rings());
    let (mut resets, mut failed) = (0, 0);
    for event in lab.events() {
        match event {
            Event::Reset { fault: Fault::MarkedDown, .. } => resets += 1,
            Event::HandshakeFailed { fault: Fault::MarkedDown, .. } => failed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((resets, failed), (3, 1));
    assert_eq!((lab.node.endpoint.sessions().count(), lab.node.endpoint.transports()), (0, 0));
    lab.after(secs(3600));
    assert!(!lab.rings() && lab.events().is_empty());
}

// covers: PO-11
#[test]
fn what_is_sent_over_a_session_that_is_over_is_gone() {
    let (mut lab, _, session) = accepted(Policy::stateful_server());
    lab.node.endpoint.mark_down(session);
    lab.settle();
    assert_eq!(lab.node.endpoint.send(lab.now, session, ping(1)), Err(SendError::Dropped));
    assert_eq!(lab.node.endpoint.lookup(&Lab::client()), None);
}

// covers: PO-12
#[test]
fn a_server_does_not_connect_to_send() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let sent = lab.node.endpoint.send_to(lab.now, EntityType::CLIENT, &Lab::server(), ping(1));
    assert_eq!(sent, Err(SendError::Dropped));
    lab.settle();
    lab.after(secs(60));
    assert!(!lab.rings() && lab.node.endpoint.sessions().count() == 0);
}

// covers: PO-13
#[test]
fn what_is_sent_lazily_needs_a_session() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let sent = lab.node.endpoint.send_lazily(lab.now, &Lab::server(), ping(1));
    assert_eq!(sent, Err(SendError::Dropped));
    let session = lab.connect();
    assert_eq!(lab.node.endpoint.send_lazily(lab.now, &Lab::server(), ping(2)), Ok(session));
    lab.settle();
    let (peer, _) = lab.serve();
    assert_eq!(lab.message(peer).header.tid, 2);
    assert_eq!(lab.dials.len(), 1);
}

// covers: PO-14
#[test]
fn an_empty_address_is_refused() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let nowhere = EntityAddr::default();
    let endpoint = &mut lab.node.endpoint;
    let sent = endpoint.send_to(lab.now, EntityType::OSD, &nowhere, ping(1));
    assert_eq!(sent, Err(SendError::EmptyAddress));
    assert_eq!(endpoint.send_lazily(lab.now, &nowhere, ping(1)), Err(SendError::EmptyAddress));
    assert_eq!(endpoint.connect(lab.now, EntityType::OSD, &nowhere), Err(Misuse::EmptyAddress));
}

// covers: PO-14
#[test]
fn an_empty_address_is_not_the_own_one_either() {
    let mut config = client(Policy::lossless_client());
    config.addr = EntityAddr::default();
    let mut lab = Lab::new(config);
    let nowhere = EntityAddr::default();
    let sent = lab.node.endpoint.send_to(lab.now, EntityType::OSD, &nowhere, ping(1));
    assert_eq!(sent, Err(SendError::EmptyAddress));
    lab.settle();
    assert!(lab.received().is_empty());
}

// covers: PO-15
#[test]
fn what_is_sent_to_oneself_does_not_leave_the_house() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let own = lab.node.endpoint.addr().clone();
    let sent = lab.node.endpoint.send_to(lab.now, EntityType::OSD, &own, question(5));
    assert_eq!(sent, Ok(SessionId::LOOPBACK));
    lab.settle();
    let received = lab.received();
    assert_eq!(received.len(), 1);
    assert_eq!((received[0].session, received[0].seq, received[0].tid), (SessionId::LOOPBACK, 0, 5));
    assert_eq!((received[0].src, &received[0].payload), (name(EntityType::OSD, 3), &question(5).payload));
    lab.node.endpoint.send(lab.now, SessionId::LOOPBACK, ping(6)).unwrap();
    lab.settle();
    assert_eq!(lab.received()[0].tid, 6);
    assert!(!lab.rings());
}

// covers: PO-16
#[test]
fn a_new_address_is_a_new_identity() {
    let (mut lab, peer, _) = accepted(Policy::stateful_server());
    lab.node.endpoint.mark_down_all();
    lab.settle();
    assert!(lab.is_closed(peer));
    lab.node.endpoint.set_addr(addr("10.0.0.1:6801", 1_000_077));
    let peer = lab.incoming();
    let _: Banner = lab.take(peer);
    assert_eq!(lab.take::<ServerHello>(peer).server_addr, addr("10.0.0.1:6801", 1_000_077));
}

// covers: PO-17
#[test]
fn the_next_fault_of_a_disposable_session_is_its_last() {
    let (mut lab, peer, session) = connected(Policy::lossless_peer());
    lab.send_over(session, ping(1));
    lab.node.endpoint.mark_disposable(session);
    lab.settle();
    assert_eq!(lab.state(session), Some(State::Open));
    lab.hang_up(peer);
    assert_eq!(lab.reset().0, session);
    lab.after(secs(3600));
    assert!(!lab.rings());
}

// covers: PO-20
#[test]
fn a_good_bye_is_answered_once() {
    for policy in [Policy::lossless_peer(), Policy::lossy_client()] {
        let (mut lab, peer, session) = connected(policy);
        lab.put(peer, &Close {});
        assert_eq!(lab.raw(peer), bytes_of(&Close {}));
        assert!(lab.is_closed(peer));
        let (over, fault, _) = lab.reset();
        assert_eq!((over, fault), (session, Fault::ClosedByPeer));
        lab.after(secs(3600));
        assert!(!lab.rings());
        assert_eq!((lab.node.endpoint.sessions().count(), lab.node.endpoint.transports()), (0, 0));
    }
}

// covers: PO-20
#[test]
fn what_comes_after_a_good_bye_is_not_read() {
    let (mut lab, peer, _) = connected(Policy::lossless_peer());
    lab.put_all(
        peer,
        &[Frame::Message(frame(1)), Frame::Close(Close {}), Frame::Message(frame(2)), Frame::Close(Close {})],
    );
    let closes = lab.frames(peer).into_iter().filter(|frame| matches!(frame, Frame::Close(_))).count();
    assert_eq!(closes, 1);
    assert!(!lab.events().iter().any(|event| matches!(event, Event::Message(message) if message.seq == 2)));
}

#[test]
fn marking_down_when_empty_waits_for_the_last_acknowledgement() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let session = lab.connect();
    lab.send_over(session, ping(1));
    lab.send_over(session, ping(2));
    lab.node.endpoint.mark_down_on_empty(session);
    let (peer, _) = lab.serve();
    assert_eq!(lab.numbers(peer).0, [1, 2]);
    lab.put(peer, &ack(1));
    assert_eq!(lab.state(session), Some(State::Open));
    lab.put(peer, &ack(2));
    assert!(lab.is_closed(peer));
    let (over, fault, dropped) = lab.reset();
    assert_eq!((over, fault, dropped.unacknowledged), (session, Fault::MarkedDown, 0));
}

#[test]
fn marking_down_what_is_empty_happens_at_once() {
    let (mut lab, peer, session) = connected(Policy::lossless_peer());
    lab.node.endpoint.mark_down_on_empty(session);
    lab.settle();
    assert!(lab.is_closed(peer));
    assert_eq!(lab.reset().0, session);
}

#[test]
fn chance_shortens_or_lengthens_the_pauses_as_told() {
    let mut config = timed(client(Policy::lossless_client()), |timers| timers.backoff_jitter = 50);
    config.policies = Policies::new(Policy::lossless_client());
    let mut lab = Lab::new(config);
    lab.send(ping(1));
    let pauses = pauses(&mut lab, secs(30));
    let plain = [0, 200, 400, 800, 1600, 3200, 6400];
    let shifted = plain.iter().zip(&pauses).filter(|(plain, pause)| plain != pause).count();
    assert!(shifted >= 5, "{pauses:?}");
    for (plain, pause) in plain.iter().zip(&pauses) {
        assert!((plain / 2..=plain * 3 / 2 + 1).contains(pause), "{pauses:?}");
    }
}

// covers: PO-08
#[test]
fn silence_ends_a_lossy_session_after_15_minutes() {
    let (mut lab, peer, session) = accepted(Policy::stateless_server());
    lab.after(ms(899_999));
    assert!(lab.is_quiet(peer));
    lab.after(ms(1));
    assert!(lab.is_closed(peer));
    let (over, fault, _) = lab.reset();
    assert_eq!((over, fault), (session, Fault::Timeout(firefly_runtime::session::Timeout::Idle(secs(900)))));
}
