//! Stories of two and more endpoints, after the tests of Ceph's own messengers, each with what exactly happens.

mod lossless;
mod lossy;
mod messenger;
mod peer;
mod policy;
mod races;
mod stale;
mod stress;

use firefly_runtime::session::{Counters, Event, Next, Policy, SessionId};
use firefly_runtime::wire::address::EntityType;

use crate::net::*;

/// Two hosts: 0 is a server or the first of two peers, 1 its client or the other peer. The address of 0 is the lower one.
fn pair(first: Policy, second: Policy) -> World {
    let mut world = World::new(1);
    world.host(bound(name(EntityType::OSD, 0), "10.0.0.1:6800", 1, first));
    world.host(match first.server {
        true => client(second),
        false => bound(name(EntityType::OSD, 1), "10.0.0.2:6800", 2, second),
    });
    world
}

/// The same, answering each other.
fn talking(first: Policy, second: Policy) -> World {
    let mut world = pair(first, second);
    world.hosts.iter_mut().for_each(|host| host.echo = true);
    world
}

/// The one session of a host.
#[track_caller]
fn only(world: &World, host: usize) -> SessionId {
    let sessions: Vec<_> = world.hosts[host].node.endpoint.sessions().collect();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    sessions[0]
}

/// What a host was told, in one line: `m1` is a message with the transaction id 1, `a1` the answer to one.
fn tale(world: &World, host: usize) -> String {
    let word = |event: &Event| match event {
        Event::Connect(_) => "connect".to_owned(),
        Event::Accept(_) => "accept".to_owned(),
        Event::Message(message) if message.tid & ANSWER != 0 => format!("a{}", message.tid & !ANSWER),
        Event::Message(message) => format!("m{}", message.tid),
        Event::Reset { .. } => "reset".to_owned(),
        Event::RemoteReset { .. } => "remote-reset".to_owned(),
        Event::Fault { next: Next::Reconnect(_), .. } => "retry".to_owned(),
        Event::Fault { next: Next::Standby, .. } => "standby".to_owned(),
        Event::HandshakeFailed { .. } => "failed".to_owned(),
        Event::KeepaliveAck { .. } => "alive".to_owned(),
        _ => String::new(),
    };
    let words: Vec<_> = world.hosts[host].node.events.iter().map(word).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Forgets what a host was told so far.
fn forget(world: &mut World) {
    for host in 0..world.hosts.len() {
        world.take_events(host);
    }
}

#[track_caller]
fn counters(world: &World, host: usize, session: SessionId) -> Counters {
    world.hosts[host].node.endpoint.session(session).expect("the session is over").counters
}

/// Attempts, first records, later records, handshakes done as client and as server.
#[track_caller]
fn handshakes(world: &World, host: usize) -> [u64; 5] {
    let it = counters(world, host, only(world, host));
    [it.attempts, it.connects, it.reconnects, it.connected, it.accepted]
}

/// Sends a message that must be taken.
#[track_caller]
fn send(world: &mut World, from: usize, to: usize, tid: u64) -> SessionId {
    world.send(from, to, ping(tid)).unwrap()
}

/// Opens a session from 1 to 0, with one message and its answer if they talk.
fn met(first: Policy, second: Policy) -> World {
    let mut world = talking(first, second);
    send(&mut world, 1, 0, 1);
    world.run_for(ms(50));
    assert_eq!((tale(&world, 0), tale(&world, 1)), ("accept m1".to_owned(), "connect a1".to_owned()));
    forget(&mut world);
    world
}
