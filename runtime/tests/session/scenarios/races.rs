//! Both connect at once, or one does while the other has not noticed what happened.

use firefly_runtime::session::{Policy, State};
use firefly_runtime::wire::transport::Tag;

use super::*;

fn peers() -> World {
    talking(Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse())
}

/// How often a host answered with a tag.
fn replies(world: &World, host: usize, tag: Tag) -> u64 {
    world.hosts[host].node.endpoint.stats().replies[usize::from(tag.0)]
}

#[track_caller]
fn one_open_session_each(world: &World) {
    for host in [0, 1] {
        let info = world.hosts[host].node.endpoint.session(only(world, host)).unwrap();
        assert_eq!(info.state, State::Open);
        assert_eq!(world.hosts[host].node.endpoint.transports(), 1);
    }
    assert_eq!(world.links.iter().filter(|link| link.is_open()).count(), 1);
}

// covers: RC-23, RC-24, RC-26, RC-27
#[test]
fn connection_race() {
    for first_free in [0, 1] {
        let mut world = peers();
        // Neither has said anything of a session when both are connected.
        world.plan(0, Dir::ToClient, BANNER_END, How::Hold);
        world.plan(1, Dir::ToClient, BANNER_END, How::Hold);
        send(&mut world, 0, 1, 1);
        send(&mut world, 1, 0, 2);
        world.run_for(secs(1));
        assert_eq!(world.links.iter().map(|link| link.between).collect::<Vec<_>>(), [(0, 1), (1, 0)]);
        world.release(first_free);
        world.run_for(ms(100));
        world.release(1 - first_free);
        world.run_for(secs(1));
        one_open_session_each(&world);
        // The lower address is that of host 0, whose connection survives.
        assert!(world.links[0].is_open() && !world.links[1].is_open());
        assert_eq!((handshakes(&world, 0)[3], handshakes(&world, 1)[4]), (1, 1));
        assert_eq!(
            (tale(&world, 0), tale(&world, 1)),
            match first_free {
                0 => ("failed connect m2 a1".to_owned(), "accept m1 a2".to_owned()),
                // The sign of life that makes a connection come about whose other end was told to wait for it.
                _ => ("failed connect m2 alive a1".to_owned(), "accept m1 a2".to_owned()),
            }
        );
        assert_eq!(replies(&world, 0, Tag::WAIT), first_free as u64);
        world.audit(Promise::Lossless).unwrap();
    }
}

// covers: RC-24, RC-25, RC-26
#[test]
fn the_higher_address_waits_for_the_lower_one() {
    let mut world = peers();
    world.plan(0, Dir::ToClient, SERVER_HELLO_END, How::Hold);
    send(&mut world, 0, 1, 1);
    world.run_for(ms(1));
    world.plan(0, Dir::ToServer, CLIENT_HELLO_END, How::Hold);
    send(&mut world, 1, 0, 2);
    world.run_for(secs(1));
    let waiting = only(&world, 1);
    assert_eq!(world.hosts[1].node.endpoint.session(waiting).unwrap().state, State::Wait);
    world.release(0);
    world.run_for(secs(1));
    one_open_session_each(&world);
    let (first, second) = (tale(&world, 0), tale(&world, 1));
    assert_eq!((&first[..], &second[..]), ("failed connect m2 alive a1", "accept m1 a2"));
    assert_eq!((replies(&world, 0, Tag::WAIT), only(&world, 1)), (1, waiting));
}

// covers: RC-23, RC-26
#[test]
fn connection_race_reuse_banner() {
    let mut world = peers();
    // 1 has dialled 0 and waits for its banner when the connection of 0 comes.
    world.plan(0, Dir::ToClient, 0, How::Hold);
    send(&mut world, 1, 0, 2);
    world.run_for(ms(10));
    send(&mut world, 0, 1, 1);
    world.run_for(secs(1));
    one_open_session_each(&world);
    assert!(world.links[1].is_open() && !world.links[0].is_open());
    assert_eq!(handshakes(&world, 0), [1, 1, 0, 1, 0]);
    assert_eq!(handshakes(&world, 1), [1, 0, 0, 0, 1]);
    assert_eq!((replies(&world, 1, Tag::SEQ), replies(&world, 0, Tag::READY)), (1, 0));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("failed connect m2 a1".to_owned(), "accept m1 a2".to_owned()));
}

// covers: RC-24
#[test]
fn connection_race_reuse_banner_of_the_higher_address() {
    let mut world = peers();
    // 0 has dialled 1 and waits for its banner when the connection of 1 comes, which has to wait.
    world.plan(0, Dir::ToClient, 0, How::Hold);
    send(&mut world, 0, 1, 1);
    world.run_for(ms(10));
    send(&mut world, 1, 0, 2);
    world.run_for(secs(1));
    assert_eq!((tale(&world, 0), tale(&world, 1)), (String::new(), String::new()));
    world.release(0);
    world.run_for(secs(1));
    one_open_session_each(&world);
    assert!(world.links[0].is_open() && !world.links[1].is_open());
    assert_eq!(handshakes(&world, 0), [1, 1, 0, 1, 0]);
    assert_eq!(handshakes(&world, 1), [1, 1, 0, 0, 1]);
}

// covers: RC-04
#[test]
fn missing_server_ident() {
    let mut world = talking(Policy::stateful_server(), Policy::lossy_client());
    world.plan(0, Dir::ToClient, SERVER_HELLO_END, How::Hold);
    send(&mut world, 1, 0, 1);
    world.run_for(ms(50));
    let server = only(&world, 0);
    world.send_over(0, server, ping(2)).unwrap();
    world.cut(0, How::Reset);
    world.run_for(secs(1));
    // The client never heard of its session, and so the server has to start anew.
    assert_eq!(
        (tale(&world, 0), tale(&world, 1)),
        ("accept standby remote-reset accept m1".to_owned(), "retry connect a1".to_owned())
    );
    assert_eq!(world.hosts[0].lost(Some(server)), (1, 1, 0));
    assert_eq!(handshakes(&world, 1), [2, 2, 0, 1, 0]);
    assert_eq!(handshakes(&world, 0), [0, 0, 0, 0, 2]);
    assert_eq!(world.links.len(), 2);
    world.audit(Promise::Lossless).unwrap();
}

// covers: RC-05, PO-03
#[test]
fn missing_server_ident_2() {
    let mut world = talking(Policy::lossless_peer(), Policy::lossless_peer());
    world.plan(0, Dir::ToClient, SERVER_HELLO_END, How::Hold);
    world.connect(1, 0);
    world.run_for(ms(50));
    let server = only(&world, 0);
    world.send_over(0, server, ping(2)).unwrap();
    world.cut(0, How::Reset);
    world.run_for(secs(1));
    // The client has nothing to say and sleeps; the server dials back.
    assert_eq!(world.links.iter().map(|link| link.between).collect::<Vec<_>>(), [(1, 0), (0, 1)]);
    assert_eq!(
        (tale(&world, 0), tale(&world, 1)),
        ("accept retry connect a2".to_owned(), "standby accept m2".to_owned())
    );
    assert_eq!(handshakes(&world, 1), [1, 1, 0, 0, 1]);
    assert_eq!(handshakes(&world, 0), [1, 0, 1, 1, 1]);
}

// covers: RC-09, RC-28
#[test]
fn reconnect() {
    let mut world = met(Policy::stateful_server(), Policy::lossless_peer());
    send(&mut world, 1, 0, 2);
    world.cut(0, How::Reset);
    world.run_for(ms(50));
    send(&mut world, 1, 0, 3);
    world.run_for(ms(50));
    assert_eq!(
        (tale(&world, 0), tale(&world, 1)),
        ("standby accept m2 m3".to_owned(), "retry connect a2 a3".to_owned())
    );
    assert_eq!(handshakes(&world, 1), [2, 1, 1, 2, 0]);
    assert_eq!(handshakes(&world, 0), [0, 0, 0, 0, 2]);
    assert_eq!(replies(&world, 0, Tag::SEQ), 1);
    assert_eq!(counters(&world, 1, only(&world, 1)).messages_resent, 1);
}

// covers: RC-26
#[test]
fn reconnect_race() {
    for order in [[1, 2], [2, 1]] {
        let mut world = met(Policy::lossless_peer(), Policy::lossless_peer());
        world.plan(1, Dir::ToClient, BANNER_END, How::Hold);
        world.plan(2, Dir::ToClient, BANNER_END, How::Hold);
        // Both have something on its way when the connection breaks, so both connect again.
        send(&mut world, 1, 0, 3);
        send(&mut world, 0, 1, 2);
        world.cut(0, How::Reset);
        world.run_for(ms(50));
        assert_eq!(world.links[1..].iter().map(|link| link.between).collect::<Vec<_>>().len(), 2);
        order.iter().for_each(|link| world.release(*link));
        world.run_for(secs(1));
        one_open_session_each(&world);
        assert!(world.has(1, 3 | ANSWER) && world.has(0, 2 | ANSWER));
        let (first, second) = (handshakes(&world, 0), handshakes(&world, 1));
        assert_eq!(first[3] + second[3], 2, "one connection after the first: {first:?} {second:?}");
        let retries: u64 = [0, 1].iter().map(|host| replies(&world, *host, Tag::RETRY_SESSION)).sum();
        assert_eq!((retries, first[3], second[4]), (0, 1, 1), "that of the lower address, at once");
        world.audit(Promise::Lossless).unwrap();
    }
}
