//! Ceph's `test_msgr`: the basic ways to use a messenger.

use firefly_runtime::codec::Content;
use firefly_runtime::session::{Disconnect, Event, Fault, Incompatible, Message, Policy, SendError, SessionId, State};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::mon::{MMonCommand, MPing};
use firefly_runtime::wire::payload::Payload;

use super::*;

#[test]
fn basic_round_trip() {
    let world = met(Policy::stateless_server(), Policy::lossy_client());
    assert_eq!(handshakes(&world, 1), [1, 1, 0, 1, 0]);
    assert_eq!(handshakes(&world, 0), [0, 0, 0, 0, 1]);
    let (server, client) = (counters(&world, 0, only(&world, 0)), counters(&world, 1, only(&world, 1)));
    assert_eq!((client.messages_sent, client.messages_received, client.messages_resent), (1, 1, 0));
    assert_eq!((server.messages_sent, server.messages_received), (1, 1));
    assert_eq!(world.links.len(), 1);
}

#[test]
fn basic_rebind() {
    let mut world = met(Policy::stateless_server(), Policy::lossy_client());
    for (port, nonce) in [(6801, 1_000_001), (6802, 2_000_001)] {
        world.with(0, |endpoint, _| endpoint.mark_down_all());
        world.run_for(ms(50));
        let at = format!("10.0.0.1:{port}");
        world.with(0, |endpoint, _| endpoint.set_addr(addr(&at, nonce)));
        world.hosts[0].socket = socket(&at);
        send(&mut world, 1, 0, u64::from(nonce));
        world.run_for(ms(50));
        assert!(world.has(1, u64::from(nonce) | ANSWER));
    }
    assert_eq!(tale(&world, 1), "reset connect a1000001 reset connect a2000001");
}

#[test]
fn basic_mark_down_and_connect_again() {
    let mut world = met(Policy::stateless_server(), Policy::lossy_client());
    let session = only(&world, 1);
    world.mark_down(1, session);
    world.run_for(ms(50));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("reset".to_owned(), String::new()));
    assert_ne!(send(&mut world, 1, 0, 2), session);
    world.run_for(ms(50));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("reset accept m2".to_owned(), "connect a2".to_owned()));
    assert_eq!(handshakes(&world, 1), [1, 1, 0, 1, 0]);
}

#[test]
fn basic_send_to_a_server_that_was_shut() {
    let mut world = met(Policy::stateless_server(), Policy::lossy_client());
    let session = only(&world, 1);
    world.with(0, |endpoint, _| endpoint.mark_down_all());
    world.hosts[0].door = Door::Shut;
    world.run_for(ms(50));
    assert_eq!(tale(&world, 1), "reset");
    assert_eq!(world.send_over(1, session, ping(2)), Err(SendError::Dropped));
    send(&mut world, 1, 0, 3);
    world.run_for(secs(5));
    assert!(!world.has(0, 2) && !world.has(0, 3));
    let info = world.hosts[1].node.endpoint.session(only(&world, 1)).unwrap();
    assert_eq!((info.state, info.queued, info.transport), (State::Connecting, 1, None));
}

#[test]
fn basic_loopback() {
    let mut world = pair(Policy::lossless_peer(), Policy::lossless_peer());
    assert_eq!(send(&mut world, 0, 0, 7), SessionId::LOOPBACK);
    world.run_for(ms(50));
    assert_eq!(tale(&world, 0), "m7");
    assert!(world.links.is_empty());
}

#[test]
fn accepted_connection_found_by_addr() {
    let world = met(Policy::stateless_server(), Policy::lossy_client());
    let (server, client) = (&world.hosts[0].node.endpoint, &world.hosts[1].node.endpoint);
    assert_eq!(*client.addr(), addr("10.1.0.2:0", 4242));
    assert_eq!(server.lookup(client.addr()), Some(only(&world, 0)));
    assert_eq!(client.lookup(server.addr()), Some(only(&world, 1)));
    assert_eq!(server.session(only(&world, 0)).unwrap().peer_addr, *client.addr());
    assert_eq!(server.session(only(&world, 0)).unwrap().peer_type, EntityType::CLIENT);
    assert_eq!(client.session(only(&world, 1)).unwrap().peer_addr, *server.addr());
}

#[test]
fn missing_feature_refused_then_ok() {
    let lacking = ALL & !Features::OSDENC.0;
    let demanding = Policy::stateless_server().requiring(Features::OSDENC.0);
    let mut world = talking(demanding, Policy::lossy_client().supporting(lacking));
    let session = send(&mut world, 1, 0, 1);
    world.run_for(secs(1));
    assert!(tale(&world, 1).starts_with("retry retry retry") && !tale(&world, 1).contains("connect"));
    let refused = Fault::Incompatible(Incompatible::FeaturesDemanded(Features::OSDENC.0));
    assert!(matches!(&world.hosts[1].node.events[1], Event::Fault { fault, .. } if *fault == refused));
    world.mark_down(1, session);
    world.run_for(ms(50));
    forget(&mut world);
    let granting = Policy::lossy_client();
    world.with(1, |endpoint, _| endpoint.config_mut().policies.set_default(granting));
    send(&mut world, 1, 0, 2);
    world.run_for(ms(50));
    assert_eq!(tale(&world, 1), "connect a2");
}

#[test]
fn idle_timeout_closes() {
    let mut world = World::new(1);
    let impatient = |config| timed(config, |timers| timers.idle = Some(secs(1)));
    let server = bound(name(EntityType::OSD, 0), "10.0.0.1:6800", 1, Policy::stateless_server());
    world.host(impatient(server));
    world.host(impatient(client(Policy::lossy_client())));
    world.hosts[0].echo = true;
    let session = send(&mut world, 1, 0, 1);
    world.run_for(ms(900));
    assert!(world.hosts[1].node.endpoint.session(session).is_some());
    world.run_for(ms(1600));
    assert_eq!(tale(&world, 1), "connect a1 reset");
    assert_eq!(tale(&world, 0), "accept m1 reset");
    assert!(world.links.iter().all(|link| !link.is_open()));
}

#[test]
fn stateful_client_mark_down() {
    let mut world = met(Policy::stateful_server(), Policy::lossless_client());
    let (server, session) = (only(&world, 0), only(&world, 1));
    world.mark_down(1, session);
    world.run_for(ms(50));
    assert_eq!(tale(&world, 0), "standby");
    send(&mut world, 1, 0, 2);
    world.run_for(ms(50));
    assert_eq!(
        (tale(&world, 0), tale(&world, 1)),
        ("standby remote-reset accept m2".to_owned(), "connect a2".to_owned())
    );
    assert_eq!(only(&world, 0), server);
    let it = counters(&world, 0, server);
    assert_eq!((it.accepted, it.remote_resets, it.replaced), (2, 1, 1));
    assert_eq!(handshakes(&world, 1), [1, 1, 0, 1, 0]);
}

#[test]
fn stateful_server_mark_down() {
    let mut world = met(Policy::stateful_server(), Policy::lossless_client());
    let (server, session) = (only(&world, 0), only(&world, 1));
    world.mark_down(0, server);
    world.run_for(ms(50));
    // The client comes back with a session that the server does not know any more.
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("accept".to_owned(), "retry remote-reset connect".to_owned()));
    assert_eq!(only(&world, 1), session);
    assert_eq!(handshakes(&world, 1), [2, 2, 1, 2, 0]);
    assert_eq!(counters(&world, 1, session).remote_resets, 1);
    assert_ne!(only(&world, 0), server);
}

#[test]
fn stateless_server_mark_down() {
    let mut world = met(Policy::stateless_server(), Policy::lossy_client());
    let (server, session) = (only(&world, 0), only(&world, 1));
    world.mark_down(0, server);
    let _ = world.with(1, |endpoint, now| endpoint.keepalive(now, session));
    world.run_for(ms(50));
    assert_eq!((tale(&world, 0), tale(&world, 1)), (String::new(), "reset".to_owned()));
    assert_eq!(world.hosts[0].node.endpoint.sessions().count(), 0);
    send(&mut world, 1, 0, 2);
    world.run_for(ms(50));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("accept m2".to_owned(), "reset connect a2".to_owned()));
    assert_eq!(handshakes(&world, 1), [1, 1, 0, 1, 0]);
}

#[test]
fn standby_wakes_on_send() {
    let mut world = met(Policy::stateful_server(), Policy::lossless_peer());
    let server = only(&world, 0);
    world.mark_down(0, server);
    world.run_for(secs(60));
    assert_eq!((tale(&world, 1), world.links.len()), ("standby".to_owned(), 1));
    send(&mut world, 1, 0, 2);
    world.run_for(ms(50));
    // What woke it is lost with the session that the server forgot.
    assert_eq!(tale(&world, 1), "standby remote-reset connect");
    send(&mut world, 1, 0, 3);
    world.run_for(ms(50));
    assert_eq!(tale(&world, 1), "standby remote-reset connect a3");
    assert_eq!(handshakes(&world, 1), [2, 2, 1, 2, 0]);
}

/// Sends a message, and gets it as it was.
fn large(payload: Payload) {
    let mut world = pair(Policy::stateless_server(), Policy::lossy_client());
    world.send(1, 0, Message::new(payload.clone())).unwrap();
    world.send(1, 0, ping(6)).unwrap();
    world.run_for(secs(1));
    let events = world.take_events(0);
    let Some(Event::Message(message)) = events.get(1) else { panic!("{}", events.len()) };
    assert!(message.payload == payload && world.has(0, 6));
}

#[test]
fn large_front() {
    let text = "abcdefghijklmnopqrstuvwxyz".repeat(30 * 1024);
    large(MPing { status: Content::new(text.into()), ..MPing::default() }.into());
}

#[test]
fn large_data() {
    let data: Vec<u8> = (0..800_000_u64).map(|i| (i * i) as u8).collect();
    large(MMonCommand { inbl: data.into(), ..MMonCommand::default() }.into());
}

#[test]
fn mark_down_from_dispatch() {
    let mut world = World::new(3);
    for (n, at) in ["10.0.0.1:6800", "10.0.0.2:6800"].iter().enumerate() {
        world.host(bound(name(EntityType::OSD, n as i64), at, 1, Policy::lossless_peer_reuse()));
        world.hosts[n].echo = true;
    }
    world.host(bound(name(EntityType::OSD, 2), "10.0.0.3:6800", 3, Policy::lossless_peer_reuse()));
    let mut stalled = 0;
    for round in 0..1000 {
        let sessions = [0, 1].map(|to| world.send(2, to, ping(2 * round + to as u64)).unwrap());
        let answer = |world: &World, to: u64| world.has(2, (2 * round + to) | ANSWER);
        if !world.run_until(secs(1), |world| answer(world, 0) || answer(world, 1)) {
            stalled += 1;
        }
        // As the application would from within its handler: right after the message.
        world.mark_down(2, sessions[(round % 2) as usize]);
        world.mark_down(2, sessions[(round % 2) as usize]);
    }
    assert!(stalled <= 3, "stalled {stalled} times");
    world.run_for(secs(60));
    world.audit(Promise::Lossless).unwrap();
    let endpoint = &world.hosts[2].node.endpoint;
    assert!(endpoint.transports() <= 2 && endpoint.stats().dispatch_bytes == 0);
}

#[test]
fn a_process_that_dies_is_found_dead() {
    let mut world = met(Policy::stateless_server(), Policy::lossy_client());
    world.crash(0);
    world.run_for(ms(50));
    let events = world.take_events(1);
    let broken = Fault::Io(Disconnect::Broken(std::io::ErrorKind::ConnectionReset));
    assert!(matches!(&events[..], [Event::Reset { fault, .. }] if *fault == broken), "{events:?}");
    send(&mut world, 1, 0, 2);
    world.run_for(secs(30));
    assert!(tale(&world, 1).starts_with("retry retry retry"));
    let again = bound(name(EntityType::OSD, 0), "10.0.0.1:6800", 1, Policy::stateless_server());
    world.restart(0, again);
    assert!(world.run_until(secs(16), |world| world.has(0, 2)));
}

#[test]
fn a_host_that_cannot_be_reached_is_tried_again() {
    let mut world = talking(Policy::stateful_server(), Policy::lossless_client());
    world.partition(0, 1);
    send(&mut world, 1, 0, 1);
    world.run_for(secs(35));
    assert_eq!(tale(&world, 1), "retry retry retry");
    world.heal(0, 1);
    assert!(world.run_until(secs(11), |world| world.has(1, 1 | ANSWER)));
}

#[test]
fn a_host_that_does_not_answer_at_all_is_tried_again() {
    let mut world = talking(Policy::stateful_server(), Policy::lossless_client());
    world.hosts[0].door = Door::Silent;
    send(&mut world, 1, 0, 1);
    world.run_for(ms(9_999));
    assert_eq!((tale(&world, 1), world.dials(1)), (String::new(), 1));
    world.run_for(ms(2));
    assert_eq!((tale(&world, 1), world.dials(1)), ("retry".to_owned(), 1));
    world.hosts[0].door = Door::Open;
    assert!(world.run_until(secs(11), |world| world.has(1, 1 | ANSWER)));
    assert_eq!(handshakes(&world, 1), [3, 1, 0, 1, 0]);
}

// covers: HS-06, FR-14
#[test]
fn nothing_depends_on_how_the_stream_is_cut() {
    let run = |cut| {
        let mut world = talking(Policy::lossless_peer(), Policy::lossless_peer());
        world.cut = cut;
        for tid in 1..=3 {
            world.send(1, 0, bulk(tid, 300, 500)).unwrap();
            world.send(0, 1, question(tid + 10)).unwrap();
        }
        world.run_for(ms(100));
        send(&mut world, 0, 1, 20);
        world.cut(0, How::Reset);
        world.run_for(secs(1));
        world.audit(Promise::Lossless).unwrap();
        (tale(&world, 0), tale(&world, 1), handshakes(&world, 0), handshakes(&world, 1))
    };
    let whole = run(Cut::Whole);
    assert_eq!(run(Cut::Bytes), whole);
    assert_eq!(run(Cut::Random), whole);
}
