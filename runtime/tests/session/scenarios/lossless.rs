//! A lossless client and a stateful server whose connection breaks at each element of the handshake and after it.

use firefly_runtime::session::Policy;
use firefly_runtime::wire::transport::Tag;

use super::*;

const FAULTS: [How; 2] = [How::Close, How::Reset];

fn new() -> World {
    talking(Policy::stateful_server(), Policy::lossless_client())
}

fn old() -> World {
    met(Policy::stateful_server(), Policy::lossless_client())
}

fn replies(world: &World, tag: Tag) -> u64 {
    world.hosts[0].node.endpoint.stats().replies[usize::from(tag.0)]
}

#[track_caller]
fn sound(world: &World) {
    world.audit(Promise::Lossless).unwrap();
    world.audit_leftovers().unwrap();
    assert!(world.is_idle());
}

/// The first connection fails at this place; then the message is delivered all the same.
#[track_caller]
fn first(dir: Dir, bytes: u64, how: How) -> World {
    let mut world = new();
    world.plan(0, dir, bytes, how);
    send(&mut world, 1, 0, 1);
    world.run_for(secs(31));
    assert!(world.has(1, 1 | ANSWER), "{}", tale(&world, 1));
    assert_eq!(world.links.len(), 2);
    sound(&world);
    world
}

// covers: ER-04
#[test]
fn connect_fault() {
    for how in FAULTS {
        for (dir, at, records) in [
            (Dir::ToClient, 0, 1),
            (Dir::ToClient, BANNER_END, 1),
            (Dir::ToClient, SERVER_HELLO_END - 1, 1),
            (Dir::ToServer, BANNER_END, 2),
            (Dir::ToServer, CLIENT_HELLO_END, 2),
            (Dir::ToServer, CONNECT_END - 1, 2),
        ] {
            let world = first(dir, at, how);
            assert_eq!(
                (tale(&world, 0), tale(&world, 1)),
                ("failed accept m1".to_owned(), "retry connect a1".to_owned())
            );
            assert_eq!((handshakes(&world, 1), handshakes(&world, 0)), ([2, records, 0, 1, 0], [0, 0, 0, 0, 1]));
        }
    }
}

// covers: RC-04
#[test]
fn accept_fault() {
    for how in FAULTS {
        for (dir, at) in
            [(Dir::ToServer, CONNECT_END), (Dir::ToClient, SERVER_HELLO_END + 1), (Dir::ToClient, REPLY_END - 1)]
        {
            let world = first(dir, at, how);
            // The server was connected and the client was not, so it seems to start anew.
            assert_eq!(tale(&world, 0), "accept standby remote-reset accept m1");
            assert_eq!(tale(&world, 1), "retry connect a1");
            assert_eq!((handshakes(&world, 1), handshakes(&world, 0)), ([2, 2, 0, 1, 0], [0, 0, 0, 0, 2]));
            assert_eq!((replies(&world, Tag::READY), replies(&world, Tag::SEQ)), (2, 0));
        }
    }
}

// covers: RC-28, RC-09, PO-02
#[test]
fn connected_fault() {
    for how in FAULTS {
        let world = first(Dir::ToClient, REPLY_END, how);
        assert_eq!(tale(&world, 1), "connect retry connect a1");
        assert!(["accept standby accept m1", "accept m1 standby accept"].contains(&&tale(&world, 0)[..]));
        assert_eq!((handshakes(&world, 1), handshakes(&world, 0)), ([2, 1, 1, 2, 0], [0, 0, 0, 0, 2]));
        assert_eq!((replies(&world, Tag::READY), replies(&world, Tag::SEQ)), (1, 1));
    }
}

/// A session whose connection fails so many bytes after it was quiet, while a message, its answer, and a sign of life in
/// both directions are on their way.
fn second(dir: Dir, bytes: u64, how: How) -> World {
    let mut world = old();
    let at = world.links[0].lane(dir).delivered;
    world.plan(0, dir, at + bytes, how);
    for host in [1, 0] {
        let session = only(&world, host);
        world.with(host, |endpoint, now| endpoint.keepalive(now, session)).unwrap();
    }
    send(&mut world, 1, 0, 2);
    world.run_for(secs(31));
    world
}

// covers: PO-02, RC-28, FR-14
#[test]
fn connected_fault_2() {
    // In each direction: KEEPALIVE2, KEEPALIVE2_ACK, ACK, and one message or none.
    for dir in Dir::BOTH {
        for at in 0..=9 + 9 + 75 + 9 {
            for how in FAULTS {
                let world = second(dir, at, how);
                assert!(world.has(0, 2) && world.has(1, 2 | ANSWER));
                let session = only(&world, 1);
                let it = counters(&world, 1, session);
                assert_eq!(
                    (it.attempts, it.connects, it.reconnects, it.connected),
                    (2, 1, 1, 2),
                    "{dir:?} {at} {how:?}"
                );
                assert_eq!((it.messages_received, it.remote_resets, it.replaced), (2, 0, 0));
                assert!(it.messages_resent <= 1 && it.messages_sent == 2 + it.messages_resent);
                assert_eq!((handshakes(&world, 0)[4], replies(&world, Tag::SEQ)), (2, 1));
                sound(&world);
            }
        }
    }
}

/// The connection that continues the session fails at this place, the third one does not.
#[track_caller]
fn third(dir: Dir, bytes: u64, how: How) -> World {
    let mut world = old();
    world.plan(1, dir, bytes, how);
    send(&mut world, 1, 0, 2);
    world.cut(0, How::Reset);
    world.run_for(secs(31));
    assert!(world.has(1, 2 | ANSWER), "{}", tale(&world, 1));
    assert_eq!((world.links.len(), counters(&world, 1, only(&world, 1)).remote_resets), (3, 0));
    sound(&world);
    world
}

// covers: RC-29
#[test]
fn reconnect_fault() {
    for how in FAULTS {
        for (dir, at, records) in
            [(Dir::ToClient, BANNER_END, 1), (Dir::ToServer, CLIENT_HELLO_END, 2), (Dir::ToServer, CONNECT_END - 1, 2)]
        {
            let world = third(dir, at, how);
            assert_eq!(tale(&world, 1), "retry retry connect a2");
            assert_eq!(tale(&world, 0), "standby failed accept m2");
            assert_eq!(handshakes(&world, 1), [3, 1, records, 2, 0]);
            assert_eq!((handshakes(&world, 0)[4], replies(&world, Tag::RETRY_SESSION)), (2, 0));
        }
    }
}

// covers: RC-31, RC-06
#[test]
fn reaccept_fault() {
    for how in FAULTS {
        for at in [SERVER_HELLO_END + 1, REPLY_END, REPLY_END + SEQ - 1] {
            let world = third(Dir::ToClient, at, how);
            // The server continued the session and is ahead by one.
            assert_eq!(handshakes(&world, 1), [3, 1, 3, 2, 0], "{at}");
            assert_eq!((replies(&world, Tag::RETRY_SESSION), replies(&world, Tag::SEQ)), (1, 2));
            assert!(tale(&world, 1).ends_with("retry retry connect a2"));
        }
    }
}

// covers: RC-11, RC-12, RC-31
#[test]
fn reestablishing_fault() {
    for how in FAULTS {
        // The client has answered with what it has, and is connected; the server may not hear of it.
        for at in [CONNECT_END, CONNECT_END + SEQ - 1] {
            let world = third(Dir::ToServer, at, how);
            let tale = tale(&world, 1);
            assert!(
                ["retry connect retry connect a2", "retry retry connect a2"].contains(&&tale[..]),
                "{at} {how:?}: {tale}"
            );
        }
    }
}

// covers: RC-13, RC-14
#[test]
fn messages_of_both_sides_survive_any_number_of_breaks() {
    let mut world = old();
    world.cut = Cut::Random;
    let (server, client) = (only(&world, 0), only(&world, 1));
    for round in 0..50 {
        for n in 0..4 {
            let tid = 100 + round * 10 + n;
            world.send_over(1, client, ping(tid)).unwrap();
            world.send_over(0, server, ping(tid | 1 << 40)).unwrap();
        }
        let link = world.links.len() - 1;
        let at = world.links[link].to_server.delivered + round * 7;
        world.plan(link, Dir::ToServer, at, How::Reset);
        world.run_for(ms(100));
    }
    world.run_for(secs(60));
    let received = |host: usize| counters(&world, host, only(&world, host)).messages_received;
    assert_eq!((received(0), received(1)), (1 + 200 + 200, 1 + 200 + 200));
    sound(&world);
}
