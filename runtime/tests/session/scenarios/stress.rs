//! Many servers and clients, random operations, and connections that break by chance.

use std::time::Duration;

use firefly_runtime::random::Random;
use firefly_runtime::session::{Config, Policy};

use super::*;

/// What a crowd consists of and what it does.
struct Crowd {
    servers: usize,
    clients: usize,
    first: Policy,
    second: Policy,
    operations: u64,
    /// One write in so many breaks its connection.
    failures: u64,
    delay: Duration,
    /// Whether sessions are marked down now and then.
    drops: bool,
}

impl Crowd {
    fn config(&self, n: usize) -> Config {
        let (policy, port) = if n < self.servers { (self.first, 6800) } else { (self.second, 6900) };
        let at = format!("10.{}.0.{}:{port}", n / 200, 1 + n % 200);
        let config = if n >= self.servers && self.first.server {
            let mut config = client(policy);
            (config.addr.nonce, config.name.num) = (n as u32, n as i64);
            config
        } else {
            bound(name(EntityType::OSD, n as i64), &at, n as u32 + 1, policy)
        };
        timed(config, |timers| timers.max_backoff = secs(1))
    }

    fn gather(&self, seed: u64) -> World {
        let mut world = World::new(seed);
        (world.failures, world.delay, world.cut) = (self.failures, self.delay, Cut::Random);
        world.abrupt = seed.is_multiple_of(2);
        for n in 0..self.servers + self.clients {
            world.host(self.config(n));
            world.hosts[n].echo = true;
        }
        world
    }

    /// Lets them do what chance wants, at most 64 messages at a time without a break, and checks what came of it.
    fn run(&self, seed: u64) -> World {
        let mut world = self.gather(seed);
        let mut random = Random::new(seed);
        for tid in 0..self.operations {
            let client = self.servers + random.below(self.clients as u64) as usize;
            let server = random.below(self.servers as u64) as usize;
            match random.below(100) {
                91.. => drop(world.connect(client, server)),
                80..=90 if self.drops => self.drop_one(&mut world, &mut random),
                11.. => {
                    let size = if random.below(50) == 0 { 100_000 } else { random.below(2000) as usize };
                    let urgent = !self.first.lossy && random.below(20) == 0;
                    let message =
                        if urgent { bulk(tid | URGENT, size, 0).priority(200) } else { bulk(tid, size, size / 2) };
                    world.send(client, server, message).unwrap();
                }
                _ => world.run_for(ms(random.below(500))),
            }
            world.run_for(ms(random.below(4)));
        }
        world.failures = 0;
        world.run_for(secs(60));
        world
            .audit(if self.first.lossy { Promise::Lossy } else { Promise::Lossless })
            .unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        for n in 0..world.hosts.len() {
            let endpoint = &world.hosts[n].node.endpoint;
            // Servers keep what they have for clients that do not come back.
            let waiting =
                |session: SessionId| endpoint.session(session).is_some_and(|it| it.queued + it.unacknowledged > 0);
            let may_keep = n < self.servers && self.first.server;
            let left: Vec<_> = endpoint.sessions().filter(|it| waiting(*it)).map(|it| endpoint.session(it)).collect();
            assert!(may_keep || left.is_empty(), "seed {seed}: host {n} still has messages: {left:?}");
            let carried = endpoint.sessions().filter_map(|session| endpoint.session(session)?.transport).count();
            let held = (endpoint.transports(), endpoint.stats().dispatch_bytes);
            assert_eq!(held, (carried, 0), "seed {seed}: host {n}");
        }
        world
    }

    fn drop_one(&self, world: &mut World, random: &mut Random) {
        let host = random.below(world.hosts.len() as u64) as usize;
        let endpoint = &world.hosts[host].node.endpoint;
        let sessions: Vec<_> = endpoint.sessions().collect();
        if let Some(session) = sessions.get(random.below(sessions.len() as u64) as usize) {
            world.mark_down(host, *session);
        }
    }
}

/// Messages accepted for sending by anybody.
fn accepted(world: &World) -> usize {
    world.hosts.iter().map(|host| host.sent.len()).sum()
}

/// Messages delivered to anybody.
fn delivered(world: &World) -> usize {
    world.hosts.iter().map(|host| host.received.len()).sum()
}

#[test]
fn stress_stateful() {
    let crowd = Crowd {
        servers: 8,
        clients: 32,
        first: Policy::stateful_server(),
        second: Policy::lossless_client(),
        operations: 5000,
        failures: 0,
        delay: Duration::ZERO,
        drops: true,
    };
    assert!(delivered(&crowd.run(11)) > 6000);
}

#[test]
fn stress_peer_reuse() {
    let crowd = Crowd {
        servers: 16,
        clients: 32,
        first: Policy::lossless_peer_reuse(),
        second: Policy::lossless_peer_reuse(),
        operations: 10_000,
        failures: 0,
        delay: Duration::ZERO,
        drops: true,
    };
    assert!(delivered(&crowd.run(12)) > 12_000);
}

#[test]
fn inject_stateful() {
    let crowd = Crowd {
        servers: 2,
        clients: 8,
        first: Policy::stateful_server(),
        second: Policy::lossless_client(),
        operations: 1000,
        failures: 30,
        delay: ms(100),
        drops: false,
    };
    let world = crowd.run(13);
    assert!(world.links.len() > 100, "{}", world.links.len());
    assert_eq!(delivered(&world), accepted(&world));
}

#[test]
fn inject_peer_reuse() {
    let crowd = Crowd {
        servers: 8,
        clients: 16,
        first: Policy::lossless_peer_reuse(),
        second: Policy::lossless_peer_reuse(),
        operations: 1000,
        failures: 30,
        delay: ms(20),
        drops: false,
    };
    let world = crowd.run(14);
    assert!(world.links.len() > 100, "{}", world.links.len());
}

#[test]
fn inject_lossy() {
    let crowd = Crowd {
        servers: 8,
        clients: 32,
        first: Policy::stateless_server(),
        second: Policy::lossy_client(),
        operations: 2000,
        failures: 100,
        delay: Duration::ZERO,
        drops: true,
    };
    crowd.run(15);
}

#[test]
fn inject_delay() {
    let crowd = Crowd {
        servers: 16,
        clients: 32,
        first: Policy::lossless_peer(),
        second: Policy::lossless_peer(),
        operations: 1000,
        failures: 30,
        delay: secs(5),
        drops: false,
    };
    let world = crowd.run(16);
    assert_eq!(delivered(&world), accepted(&world));
}

/// Smaller crowds, more of them.
#[test]
fn inject_everything() {
    let seeds = if cfg!(debug_assertions) { 40 } else { 1000 };
    let pairs = [
        (Policy::stateful_server(), Policy::lossless_client()),
        (Policy::lossless_peer(), Policy::lossless_peer()),
        (Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse()),
        (Policy::stateless_server(), Policy::lossy_client()),
    ];
    for seed in 0..seeds {
        let (first, second) = pairs[(seed % 4) as usize];
        let crowd = Crowd {
            servers: 2,
            clients: 3,
            first,
            second,
            operations: 200,
            failures: [10, 30, 100][(seed % 3) as usize],
            delay: ms(200 * (seed % 5)),
            // Without resetcheck a peer that forgot a session gets again what it had received (RC-05).
            drops: first.resetcheck || first.lossy,
        };
        crowd.run(1000 + seed);
    }
}
