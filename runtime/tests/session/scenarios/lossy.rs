//! A lossy client and a stateless server whose connection breaks at each element of the handshake and after it.

use firefly_runtime::session::Policy;

use super::*;

const FAULTS: [How; 3] = [How::Close, How::Reset, How::Silence];

/// A client that sends a message over a connection that fails so.
fn story(dir: Dir, bytes: u64, how: How) -> World {
    let mut world = talking(Policy::stateless_server(), Policy::lossy_client());
    world.plan(0, dir, bytes, how);
    send(&mut world, 1, 0, 1);
    // As long as a handshake may take, and the pause after it.
    world.run_for(secs(31));
    world
}

/// The first connection fails before the server has heard of a session; the second one does not.
#[track_caller]
fn fails_early(dir: Dir, bytes: u64, records: u64) {
    for how in FAULTS {
        let world = story(dir, bytes, how);
        assert_eq!(tale(&world, 1), "retry connect a1", "{how:?}");
        assert_eq!(handshakes(&world, 1), [2, records, 0, 1, 0], "{how:?}");
        assert_eq!(handshakes(&world, 0), [0, 0, 0, 0, 1]);
        assert_eq!(tale(&world, 0), "failed accept m1");
        assert_eq!(world.links.len(), 2);
        world.audit(Promise::Lossy).unwrap();
        world.audit_leftovers().unwrap();
    }
}

// covers: PO-07, ER-04
#[test]
fn early_connect_fault() {
    fails_early(Dir::ToClient, 0, 1);
    fails_early(Dir::ToClient, BANNER_END - 1, 1);
    fails_early(Dir::ToClient, BANNER_END, 1);
    fails_early(Dir::ToClient, SERVER_HELLO_END - 1, 1);
}

// covers: PO-07, ER-04
#[test]
fn early_accept_fault() {
    fails_early(Dir::ToServer, BANNER_END - 1, 2);
    fails_early(Dir::ToServer, BANNER_END, 2);
    fails_early(Dir::ToServer, CLIENT_HELLO_END, 2);
}

// covers: PO-07, ER-04
#[test]
fn connect_fault() {
    fails_early(Dir::ToServer, CONNECT_END - 1, 2);
}

/// The server lets the client in, who does not hear of it.
#[track_caller]
fn fails_after_the_record(dir: Dir, bytes: u64) {
    for how in [How::Close, How::Reset] {
        let world = story(dir, bytes, how);
        assert_eq!(tale(&world, 1), "retry connect a1", "{how:?}");
        assert_eq!(handshakes(&world, 1), [2, 2, 0, 1, 0]);
        assert_eq!(tale(&world, 0), "accept reset accept m1");
        assert_eq!(handshakes(&world, 0), [0, 0, 0, 0, 1]);
        world.audit(Promise::Lossy).unwrap();
        world.audit_leftovers().unwrap();
    }
}

// covers: PO-01, PO-07
#[test]
fn accept_fault() {
    fails_after_the_record(Dir::ToServer, CONNECT_END);
    fails_after_the_record(Dir::ToClient, SERVER_HELLO_END + 1);
    fails_after_the_record(Dir::ToClient, REPLY_END - 1);
}

// covers: RC-03
#[test]
fn a_server_that_does_not_notice_is_told_by_the_next_connection() {
    let world = story(Dir::ToClient, SERVER_HELLO_END + 1, How::Silence);
    assert_eq!(
        (&tale(&world, 0)[..], &tale(&world, 1)[..]),
        ("accept remote-reset reset accept m1", "retry connect a1")
    );
    assert_eq!(handshakes(&world, 1), [2, 2, 0, 1, 0]);
    assert_eq!(world.hosts[0].node.endpoint.transports(), 1);
}

// covers: PO-08
#[test]
fn connected_fault() {
    for how in [How::Close, How::Reset] {
        // The client has just learned that it is connected; what it has sent then is lost.
        let mut world = story(Dir::ToClient, REPLY_END, how);
        assert_eq!(tale(&world, 1), "connect reset", "{how:?}");
        assert!(tale(&world, 0).starts_with("accept") && tale(&world, 0).ends_with("reset"));
        send(&mut world, 1, 0, 2);
        world.run_for(ms(50));
        assert_eq!(tale(&world, 1), "connect reset connect a2");
        assert_eq!(handshakes(&world, 1), [1, 1, 0, 1, 0]);
        world.audit(Promise::Lossy).unwrap();
    }
}

// covers: PO-01, PO-08
#[test]
fn established_fault() {
    for (cut_by, how) in [(Dir::ToServer, How::Close), (Dir::ToClient, How::Close), (Dir::ToServer, How::Reset)] {
        let mut world = met(Policy::stateless_server(), Policy::lossy_client());
        let at = world.links[0].lane(cut_by).delivered;
        world.plan(0, cut_by, at, how);
        world.run_for(secs(60));
        assert_eq!((tale(&world, 0), tale(&world, 1)), ("reset".to_owned(), "reset".to_owned()));
        assert_eq!(world.links.len(), 1);
        world.audit(Promise::Lossy).unwrap();
        world.audit_leftovers().unwrap();
    }
}

// covers: PO-08, SQ-15
#[test]
fn a_message_cut_in_two_is_lost_with_all_after_it() {
    for extra in [1, 40, 75] {
        let mut world = met(Policy::stateless_server(), Policy::lossy_client());
        let at = world.links[0].to_server.delivered + 75 + extra;
        world.plan(0, Dir::ToServer, at, How::Reset);
        for tid in 2..=5 {
            send(&mut world, 1, 0, tid);
        }
        world.run_for(secs(60));
        let whole = if extra == 75 { "m2 m3 reset" } else { "m2 reset" };
        assert_eq!(tale(&world, 0), whole);
        assert_eq!(tale(&world, 1), "reset");
        assert_eq!(world.hosts[1].node.endpoint.sessions().count(), 0);
        world.audit(Promise::Lossy).unwrap();
    }
}
