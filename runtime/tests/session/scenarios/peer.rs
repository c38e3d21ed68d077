//! Two lossless peers whose connection breaks at each element, and who wins when both connect.

use firefly_runtime::session::{Policy, State};
use firefly_runtime::wire::transport::Tag;

use super::*;

fn new() -> World {
    talking(Policy::lossless_peer(), Policy::lossless_peer())
}

fn old() -> World {
    met(Policy::lossless_peer(), Policy::lossless_peer())
}

fn replies(world: &World, host: usize, tag: Tag) -> u64 {
    world.hosts[host].node.endpoint.stats().replies[usize::from(tag.0)]
}

#[track_caller]
fn sound(world: &World) {
    world.audit(Promise::Lossless).unwrap();
    world.audit_leftovers().unwrap();
    assert!(world.is_idle());
    for host in [0, 1] {
        only(world, host);
    }
}

// covers: RC-29
#[test]
fn connect_fault() {
    for (dir, at) in [(Dir::ToClient, 0), (Dir::ToClient, BANNER_END), (Dir::ToServer, CLIENT_HELLO_END)] {
        let mut world = new();
        world.plan(0, dir, at, How::Reset);
        send(&mut world, 1, 0, 1);
        world.run_for(secs(1));
        assert_eq!((tale(&world, 0), tale(&world, 1)), ("failed accept m1".to_owned(), "retry connect a1".to_owned()));
        assert_eq!((handshakes(&world, 1)[0], handshakes(&world, 1)[3]), (2, 1));
        sound(&world);
    }
}

// covers: RC-05
#[test]
fn accept_fault() {
    for at in [SERVER_HELLO_END + 1, REPLY_END - 1] {
        let mut world = new();
        world.plan(0, Dir::ToClient, at, How::Reset);
        send(&mut world, 1, 0, 1);
        world.run_for(secs(1));
        // The acceptor sleeps, having nothing to say, until the other one starts again from the beginning.
        assert_eq!(
            (tale(&world, 0), tale(&world, 1)),
            ("accept standby accept m1".to_owned(), "retry connect a1".to_owned())
        );
        assert_eq!((handshakes(&world, 1), handshakes(&world, 0)), ([2, 2, 0, 1, 0], [0, 0, 0, 0, 2]));
        assert_eq!(replies(&world, 0, Tag::READY), 2);
        sound(&world);
    }
}

// covers: PO-02, RC-28
#[test]
fn connected_fault_reconnect() {
    let mut world = old();
    send(&mut world, 1, 0, 2);
    world.cut(0, How::Reset);
    world.run_for(secs(1));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("standby accept m2".to_owned(), "retry connect a2".to_owned()));
    assert_eq!((handshakes(&world, 1), handshakes(&world, 0)), ([2, 1, 1, 2, 0], [0, 0, 0, 0, 2]));
    sound(&world);
}

// covers: PO-02, RC-28
#[test]
fn connected_fault_reaccept() {
    // Who was connected to has something to say, and so connects this time.
    let mut world = old();
    send(&mut world, 0, 1, 2);
    world.cut(0, How::Reset);
    world.run_for(secs(1));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("retry connect a2".to_owned(), "standby accept m2".to_owned()));
    assert_eq!((handshakes(&world, 0), handshakes(&world, 1)), ([1, 0, 1, 1, 1], [1, 1, 0, 1, 1]));
    sound(&world);
}

// covers: PO-03
#[test]
fn a_fault_without_anything_to_say_puts_both_to_sleep() {
    let mut world = old();
    world.cut(0, How::Reset);
    world.run_for(secs(3600));
    assert_eq!((tale(&world, 0), tale(&world, 1), world.links.len()), ("standby".to_owned(), "standby".to_owned(), 1));
    send(&mut world, 0, 1, 2);
    world.run_for(secs(1));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("standby connect a2".to_owned(), "standby accept m2".to_owned()));
    sound(&world);
}

// later peers: MD-12
#[test]
fn who_could_not_be_reached_calls_back() {
    for policy in [Policy::lossless_peer(), Policy::lossless_peer_reuse()] {
        for caller in [0, 1] {
            let mut world = talking(policy, policy);
            world.hosts[1 - caller].door = Door::Shut;
            world.connect(caller, 1 - caller);
            world.run_for(secs(1));
            world.hosts[1 - caller].door = Door::Open;
            send(&mut world, 1 - caller, caller, 1);
            world.run_for(secs(1));
            assert_eq!(tale(&world, caller), "standby accept m1");
            assert_eq!((tale(&world, 1 - caller), world.links.len()), ("connect a1".to_owned(), 1));
            sound(&world);
        }
    }
}

// covers: EN-05, RC-23, RC-24
#[test]
fn check_peer_wins() {
    // By nonce before all else, then by port, then by IP; of the nonce the lowest byte first.
    for (one, other) in [
        (("10.0.0.9:6900", 1), ("10.0.0.1:6800", 2)),
        (("10.0.0.9:6900", 0x0100), ("10.0.0.1:6800", 1)),
        (("10.0.0.9:6800", 7), ("10.0.0.1:6900", 7)),
        (("10.0.0.1:6800", 7), ("10.0.0.9:6800", 7)),
        (("10.0.0.9:6800", 7), ("[fd00::1]:6800", 7)),
    ] {
        for swapped in [false, true] {
            let mut world = World::new(1);
            let both = if swapped { [other, one] } else { [one, other] };
            for (n, (at, nonce)) in both.into_iter().enumerate() {
                world.host(bound(name(EntityType::OSD, n as i64), at, nonce, Policy::lossless_peer()));
                world.hosts[n].echo = true;
            }
            send(&mut world, 0, 1, 1);
            send(&mut world, 1, 0, 2);
            world.run_for(secs(1));
            let winner = usize::from(swapped);
            let open: Vec<_> = world.links.iter().filter(|link| link.is_open()).map(|link| link.between).collect();
            assert_eq!(open, [(winner, 1 - winner)], "{both:?}");
            assert!(world.has(0, 1 | ANSWER) && world.has(1, 2 | ANSWER));
            sound(&world);
        }
    }
}

/// Both connect; the record of one is held until the other one's is through.
fn racing(first: usize) -> World {
    let mut world = new();
    send(&mut world, first, 1 - first, 1);
    world.plan(0, Dir::ToServer, CLIENT_HELLO_END, How::Hold);
    world.run_for(ms(20));
    send(&mut world, 1 - first, first, 2);
    world.run_for(ms(20));
    world
}

// covers: RC-23, RC-26
#[test]
fn racing_connect_acceptor_lose() {
    // The lower address connects second, and the attempt of its peer gives way.
    let mut world = racing(1);
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("connect m1 a2".to_owned(), "accept m2 a1".to_owned()));
    world.release(0);
    world.run_for(secs(1));
    assert_eq!((handshakes(&world, 0), handshakes(&world, 1)), ([1, 1, 0, 1, 0], [1, 1, 0, 0, 1]));
    sound(&world);
}

// covers: RC-24, RC-25, RC-27
#[test]
fn racing_connect_acceptor_win() {
    // The higher address connects second and has to wait for the attempt of its peer.
    let mut world = racing(0);
    let waiting = world.hosts[1].node.endpoint.session(only(&world, 1)).unwrap();
    assert_eq!((waiting.state, replies(&world, 0, Tag::WAIT)), (State::Wait, 1));
    world.release(0);
    world.run_for(secs(1));
    assert_eq!((handshakes(&world, 0), handshakes(&world, 1)), ([1, 1, 0, 1, 0], [1, 1, 0, 0, 1]));
    assert!(world.has(0, 1 | ANSWER) && world.has(1, 2 | ANSWER));
    sound(&world);
}

/// Both connect again after a break; the record of one is held until the other one's is through.
fn racing_again(first: usize) -> World {
    let mut world = old();
    send(&mut world, first, 1 - first, 3);
    world.cut(0, How::Reset);
    world.plan(1, Dir::ToServer, CLIENT_HELLO_END, How::Hold);
    world.run_for(ms(20));
    send(&mut world, 1 - first, first, 2);
    world.run_for(ms(20));
    world
}

// covers: RC-23, RC-26
#[test]
fn racing_reconnect_acceptor_lose() {
    let mut world = racing_again(1);
    assert!(world.has(1, 2) && world.has(1, 3 | ANSWER));
    world.release(1);
    world.run_for(secs(1));
    assert_eq!((handshakes(&world, 0), handshakes(&world, 1)), ([1, 0, 1, 1, 1], [2, 1, 1, 1, 1]));
    sound(&world);
}

// covers: RC-24, RC-25
#[test]
fn racing_reconnect_acceptor_win() {
    let mut world = racing_again(0);
    assert_eq!(replies(&world, 0, Tag::WAIT), 1);
    world.release(1);
    world.run_for(secs(1));
    assert_eq!((handshakes(&world, 0), handshakes(&world, 1)), ([1, 0, 1, 1, 1], [2, 1, 1, 1, 1]));
    assert!(world.has(0, 3 | ANSWER) && world.has(1, 2 | ANSWER));
    sound(&world);
}

/// 1 has lost what it was connected with, marks it down and connects anew, while 0 continues the session.
fn racing_connect_reconnect(reset: bool) -> World {
    let policy = if reset { Policy::lossless_peer_reuse() } else { Policy::lossless_peer() };
    let mut world = met(policy, policy);
    send(&mut world, 0, 1, 2);
    world.cut(0, How::Reset);
    world.plan(1, Dir::ToServer, CLIENT_HELLO_END, How::Hold);
    world.run_for(ms(20));
    let session = only(&world, 1);
    world.mark_down(1, session);
    send(&mut world, 1, 0, 3);
    world.run_for(ms(20));
    world.release(1);
    world.run_for(secs(1));
    world
}

// covers: RC-04
#[test]
fn racing_connect_reconnect_win() {
    let world = racing_connect_reconnect(true);
    // A record without a past resets the session where that is noticed.
    assert!(tale(&world, 0).contains("remote-reset"), "{}", tale(&world, 0));
    assert!(world.has(0, 3) && world.has(1, 3 | ANSWER));
    world.audit_leftovers().unwrap();
}

// covers: RC-05
#[test]
fn racing_connect_reconnect_lose() {
    let world = racing_connect_reconnect(false);
    // Without resetcheck the session goes on, and so nothing is lost.
    assert!(!tale(&world, 0).contains("remote-reset"), "{}", tale(&world, 0));
    assert!(world.has(1, 2) && world.has(0, 2 | ANSWER) && world.has(1, 3 | ANSWER));
    sound(&world);
}
