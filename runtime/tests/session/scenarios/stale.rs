//! What was held up on an old connection arrives when a new one has taken its place.

use firefly_runtime::session::{Policy, State};
use firefly_runtime::wire::transport::Tag;

use super::*;

/// A client that gives up a handshake after a second.
fn impatient(first: Policy, second: Policy) -> World {
    let mut world = World::new(1);
    let config = bound(name(EntityType::OSD, 0), "10.0.0.1:6800", 1, first);
    world.host(timed(config, |timers| timers.handshake = Some(secs(20))));
    world.host(timed(client(second), |timers| timers.handshake = Some(secs(1))));
    world.hosts[0].echo = true;
    world
}

fn pairs() -> [(Policy, Policy); 2] {
    [(Policy::stateless_server(), Policy::lossy_client()), (Policy::stateful_server(), Policy::lossless_client())]
}

fn replies(world: &World, tag: Tag) -> u64 {
    world.hosts[0].node.endpoint.stats().replies[usize::from(tag.0)]
}

/// What is held up on a connection arrives, and the session, which is carried by another one, does not notice.
#[track_caller]
fn arrives_late(world: &mut World, link: usize) {
    let (server, client) = (only(world, 0), only(world, 1));
    assert!(world.links.len() > link + 1 && world.links[link].client.is_none());
    let before = (tale(world, 0), tale(world, 1), handshakes(world, 1), handshakes(world, 0));
    world.release(link);
    world.run_for(ms(100));
    let mut after = (tale(world, 0), tale(world, 1), handshakes(world, 1), handshakes(world, 0));
    after.0 = after.0.trim_end_matches(" failed").to_owned();
    assert_eq!(after, before);
    assert_eq!((only(world, 0), only(world, 1)), (server, client));
    send(world, 1, 0, 9);
    world.run_for(ms(100));
    assert!(world.has(1, 9 | ANSWER));
    for host in [0, 1] {
        let endpoint = &world.hosts[host].node.endpoint;
        assert_eq!(endpoint.session(only(world, host)).unwrap().state, State::Open);
        assert_eq!(endpoint.transports(), 1);
    }
}

// covers: RC-01
#[test]
fn stale_connect() {
    for (first, second) in pairs() {
        for at in [CLIENT_HELLO_END, CONNECT_END - 1] {
            let mut world = impatient(first, second);
            world.plan(0, Dir::ToServer, at, How::Hold);
            send(&mut world, 1, 0, 1);
            world.run_for(secs(2));
            assert_eq!(tale(&world, 1), "retry connect a1");
            arrives_late(&mut world, 0);
            assert_eq!(replies(&world, Tag::RETRY_GLOBAL), 1);
        }
    }
}

// covers: RC-03, RC-04, RC-17
#[test]
fn stale_accept() {
    for (first, second) in pairs() {
        let mut world = impatient(first, second);
        // The server lets it in; its reply does not arrive, and neither does the end of the connection.
        world.plan(0, Dir::ToClient, SERVER_HELLO_END + 1, How::Hold);
        world.plan(0, Dir::ToServer, CONNECT_END, How::Hold);
        send(&mut world, 1, 0, 1);
        world.run_for(secs(2));
        assert_eq!(tale(&world, 1), "retry connect a1");
        assert!(tale(&world, 0).starts_with("accept remote-reset"), "{}", tale(&world, 0));
        assert!(world.links[0].server.is_none(), "the server closes what was replaced");
        arrives_late(&mut world, 0);
    }
}

// covers: RC-01
#[test]
fn stale_reconnect() {
    let mut world = impatient(Policy::stateful_server(), Policy::lossless_client());
    send(&mut world, 1, 0, 1);
    world.run_for(ms(50));
    world.plan(1, Dir::ToServer, CLIENT_HELLO_END, How::Hold);
    world.cut(0, How::Reset);
    world.run_for(secs(2));
    assert_eq!(tale(&world, 1), "connect a1 retry retry connect");
    arrives_late(&mut world, 1);
    assert_eq!((replies(&world, Tag::RETRY_GLOBAL), handshakes(&world, 1)), (1, [3, 1, 2, 2, 0]));
}

// covers: RC-17, RC-31
#[test]
fn stale_reaccept() {
    let mut world = impatient(Policy::stateful_server(), Policy::lossless_client());
    send(&mut world, 1, 0, 1);
    world.run_for(ms(50));
    world.plan(1, Dir::ToClient, SERVER_HELLO_END + 1, How::Hold);
    world.plan(1, Dir::ToServer, CONNECT_END, How::Hold);
    world.cut(0, How::Reset);
    world.run_for(secs(2));
    assert_eq!(tale(&world, 1), "connect a1 retry retry connect");
    // What the server has said on the held connection it said to nobody.
    assert_eq!(handshakes(&world, 1), [3, 1, 3, 2, 0]);
    assert_eq!(replies(&world, Tag::RETRY_SESSION), 1);
    arrives_late(&mut world, 1);
}

// covers: RC-11, RC-17
#[test]
fn stale_establishing() {
    let mut world = impatient(Policy::stateful_server(), Policy::lossless_client());
    send(&mut world, 1, 0, 1);
    world.run_for(ms(50));
    // The client is connected; what it says to have does not reach the server.
    world.plan(1, Dir::ToServer, CONNECT_END, How::Hold);
    let server = only(&world, 0);
    world.send_over(0, server, ping(5)).unwrap();
    world.cut(0, How::Reset);
    world.run_for(ms(50));
    assert_eq!(tale(&world, 1), "connect a1 retry connect");
    assert!(!world.has(1, 5));
    // The connection breaks at the client only.
    let end = world.links[1].client.take().unwrap();
    let (now, eof) = (world.now, firefly_runtime::session::Disconnect::Eof);
    world.hosts[1].node.closed(now, end.transport, eof);
    world.settle(1);
    world.run_for(ms(50));
    assert!(world.has(1, 5), "{} / {}", tale(&world, 0), tale(&world, 1));
    assert_eq!(tale(&world, 1), "connect a1 retry connect retry connect m5");
    assert!(world.links[1].server.is_none());
    arrives_late(&mut world, 1);
}
