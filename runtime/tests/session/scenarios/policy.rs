//! What the policies make of a connection that is marked down, or breaks, on either side, when something is sent then.

use firefly_runtime::session::Policy;

use super::*;

/// What happens to the connection.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// Host 0 marks it down.
    Down0,
    /// Host 1 marks it down.
    Down1,
    /// It breaks for both.
    Break,
}

/// After the blow the client sends 2, if it still can; a while later 3. What both are told.
#[track_caller]
fn check(first: Policy, second: Policy, blow: Blow, expected: (&str, &str)) {
    let mut world = met(first, second);
    match blow {
        Blow::Down0 | Blow::Down1 => {
            let host = usize::from(matches!(blow, Blow::Down1));
            let session = only(&world, host);
            world.mark_down(host, session);
        }
        Blow::Break => world.cut(0, How::Reset),
    }
    world.run_for(ms(100));
    for tid in [2, 3] {
        send(&mut world, 1, 0, tid);
        world.run_for(ms(100));
    }
    let (zero, one) = (tale(&world, 0), tale(&world, 1));
    assert_eq!((&zero[..], &one[..]), expected, "{blow:?}");
    world.audit(if first.lossy { Promise::Lossy } else { Promise::Lossless }).unwrap();
    world.audit_leftovers().unwrap();
}

// covers: PO-01, PO-08, PO-09
#[test]
fn lossy_client_and_stateless_server() {
    let (first, second) = (Policy::stateless_server(), Policy::lossy_client());
    check(first, second, Blow::Down0, ("accept m2 m3", "reset connect a2 a3"));
    check(first, second, Blow::Down1, ("reset accept m2 m3", "connect a2 a3"));
    check(first, second, Blow::Break, ("reset accept m2 m3", "reset connect a2 a3"));
}

// covers: PO-04, PO-19, RC-04, RC-18, RC-21, RC-32
#[test]
fn lossless_client_and_stateful_server() {
    let (first, second) = (Policy::stateful_server(), Policy::lossless_client());
    check(first, second, Blow::Down0, ("accept m2 m3", "retry remote-reset connect a2 a3"));
    check(first, second, Blow::Down1, ("standby remote-reset accept m2 m3", "connect a2 a3"));
    check(first, second, Blow::Break, ("standby accept m2 m3", "retry connect a2 a3"));
}

// covers: PO-03, RC-18, RC-21
#[test]
fn lossless_peer_and_stateful_server() {
    let (first, second) = (Policy::stateful_server(), Policy::lossless_peer());
    check(first, second, Blow::Down0, ("accept m3", "standby remote-reset connect a3"));
    check(first, second, Blow::Down1, ("standby remote-reset accept m2 m3", "connect a2 a3"));
    check(first, second, Blow::Break, ("standby accept m2 m3", "standby connect a2 a3"));
}

// covers: PO-03, RC-05
#[test]
fn lossless_peers() {
    let (first, second) = (Policy::lossless_peer(), Policy::lossless_peer());
    check(first, second, Blow::Down0, ("accept m3", "standby remote-reset connect a3"));
    check(first, second, Blow::Down1, ("standby accept m2 m3", "connect a2 a3"));
    check(first, second, Blow::Break, ("standby accept m2 m3", "standby connect a2 a3"));
}

// covers: PO-03, RC-04, RC-18, RC-21
#[test]
fn lossless_peers_that_are_restarted() {
    let (first, second) = (Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse());
    check(first, second, Blow::Down0, ("accept m3", "standby remote-reset connect a3"));
    check(first, second, Blow::Down1, ("standby remote-reset accept m2 m3", "connect a2 a3"));
    check(first, second, Blow::Break, ("standby accept m2 m3", "standby connect a2 a3"));
}

// covers: RC-19
#[test]
fn lossless_peers_to_the_letter_of_firefly() {
    // An OSD that forgot a session lets it be continued, and so nothing is lost but what it knew.
    let mut world = World::new(1);
    for (n, at) in ["10.0.0.1:6800", "10.0.0.2:6800"].iter().enumerate() {
        let config = bound(name(EntityType::OSD, n as i64), at, n as u32, Policy::lossless_peer());
        world.host(to_the_letter(config));
        world.hosts[n].echo = true;
    }
    send(&mut world, 1, 0, 1);
    world.run_for(ms(100));
    let session = only(&world, 0);
    world.mark_down(0, session);
    world.run_for(ms(100));
    forget(&mut world);
    send(&mut world, 1, 0, 2);
    world.run_for(ms(100));
    assert_eq!(tale(&world, 0), "accept m2");
    // The answer is numbered 1 again, which is old to who remembers.
    assert_eq!(tale(&world, 1), "connect");
}

// covers: HS-24
#[test]
fn a_client_does_as_the_server_says() {
    // A lossless client of a server that forgets, and a lossy one of a server that does not.
    let (forgets, keeps) = (Policy::stateless_server(), Policy::stateful_server());
    let mut world = met(forgets, Policy::lossless_client());
    world.cut(0, How::Reset);
    world.run_for(secs(60));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("reset".to_owned(), "reset".to_owned()));
    let mut world = met(keeps, Policy::lossy_client());
    world.cut(0, How::Reset);
    world.run_for(secs(60));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("standby accept".to_owned(), "retry connect".to_owned()));
}
