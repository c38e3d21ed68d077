//! One conversation, during which one connection fails at one place.

use firefly_runtime::auth::Authenticator;
use firefly_runtime::session::{Config, Event, Policy};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::features::Features;

use crate::net::*;

/// The policies of both, first that of who is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pair {
    StatelessServerLossyClient,
    StatefulServerLosslessClient,
    StatefulServerLosslessPeer,
    LosslessPeers,
    LosslessPeersReuse,
    Defaults,
}

impl Pair {
    fn policies(self) -> (Policy, Policy) {
        match self {
            Pair::StatelessServerLossyClient => (Policy::stateless_server(), Policy::lossy_client()),
            Pair::StatefulServerLosslessClient => (Policy::stateful_server(), Policy::lossless_client()),
            Pair::StatefulServerLosslessPeer => (Policy::stateful_server(), Policy::lossless_peer()),
            Pair::LosslessPeers => (Policy::lossless_peer(), Policy::lossless_peer()),
            Pair::LosslessPeersReuse => (Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse()),
            Pair::Defaults => (Policy::default(), Policy::default()),
        }
    }

    pub(super) fn promise(self) -> Promise {
        if self == Pair::StatelessServerLossyClient { Promise::Lossy } else { Promise::Lossless }
    }

    /// Whether both may connect.
    fn is_mutual(self) -> bool {
        !self.policies().0.server
    }
}

/// Who proves what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    None,
    /// The authorizers of tests, which are short.
    Unsigned,
    Signed,
    /// Real tickets, signed.
    Cephx,
}

impl Auth {
    pub(super) const ALL: [Auth; 4] = [Auth::None, Auth::Unsigned, Auth::Signed, Auth::Cephx];

    fn get(self, r#type: EntityType) -> Box<dyn Authenticator + Send> {
        match self {
            Auth::None => Box::new(Open),
            Auth::Unsigned => Box::new(Sealed { signs: false }),
            Auth::Signed => Box::new(Sealed { signs: true }),
            Auth::Cephx => Box::new(Cluster::new().member(r#type)),
        }
    }
}

/// How the connection comes about that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// It is the first one.
    Fresh,
    /// The one before broke with messages on their way.
    Reconnect,
    /// The same among peers that do not say what they have received.
    Plain,
    /// The same, but the server does not know yet.
    Stale,
    /// The server was restarted and knows nothing of the session.
    Restart,
    /// Both connect at once; this is the connection of the server.
    Crossing,
    /// The same; this is the connection of the client.
    Crossed,
}

impl Branch {
    pub(super) const ALL: [Branch; 7] = [
        Branch::Fresh,
        Branch::Reconnect,
        Branch::Plain,
        Branch::Stale,
        Branch::Restart,
        Branch::Crossing,
        Branch::Crossed,
    ];

    /// Which connection fails.
    fn link(self) -> usize {
        usize::from(!matches!(self, Branch::Fresh | Branch::Crossing))
    }
}

/// A conversation and its mishap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) pair: Pair,
    pub(super) auth: Auth,
    pub(super) branch: Branch,
    pub(super) fault: Option<(Dir, u64, How)>,
    pub(super) cut: Cut,
}

const SERVER: usize = 0;
const CLIENT: usize = 1;
const IDLE: u64 = 4;
const HANDSHAKE: u64 = 2;
const MAX_BACKOFF: u64 = 1;

/// How long a fault may remain unnoticed, and how long it may take then until all is well.
const LIMIT: u64 = IDLE + HANDSHAKE + 2 * MAX_BACKOFF + 1;

/// How many connections it may take: those of the story, and those that replace the one that fails, first in vain.
const MOST_LINKS: usize = 8;

impl Case {
    /// Whether there is such a case.
    pub(super) fn makes_sense(&self) -> bool {
        self.pair.is_mutual() || !matches!(self.branch, Branch::Crossing | Branch::Crossed)
    }

    fn config(&self, host: usize) -> Config {
        let (server, client) = self.pair.policies();
        let features = if self.branch == Branch::Plain { ALL & !Features::RECONNECT_SEQ.0 } else { ALL };
        let policy = if host == SERVER { server } else { client }.supporting(features);
        let config = match (host, self.pair.is_mutual()) {
            (SERVER, _) => bound(name(EntityType::OSD, 0), "10.0.0.1:6800", 1, policy),
            (_, true) => bound(name(EntityType::OSD, 1), "10.0.0.2:6800", 2, policy),
            _ => super::super::net::client(policy),
        };
        timed(config, |timers| {
            timers.idle = Some(secs(IDLE));
            timers.handshake = Some(secs(HANDSHAKE));
            timers.connect = Some(secs(HANDSHAKE));
            timers.wait = Some(secs(HANDSHAKE));
            timers.max_backoff = secs(MAX_BACKOFF);
        })
    }

    fn begin(&self) -> World {
        let mut world = World::new(7);
        world.cut = self.cut;
        for host in [SERVER, CLIENT] {
            let config = self.config(host);
            let auth = self.auth.get(config.name.r#type);
            world.host_with(config, auth);
            world.hosts[host].echo = true;
        }
        if let Some((dir, bytes, how)) = self.fault {
            world.plan(self.branch.link(), dir, bytes, how);
        }
        self.talk(&mut world);
        world
    }

    /// How many bytes go over the connection that fails, if it does not.
    pub(super) fn extent(&self, dir: Dir) -> u64 {
        let whole = Case { fault: None, ..*self };
        whole.begin().links[self.branch.link()].lane(dir).written
    }

    /// Lets it happen, and checks what must be so afterwards.
    pub(super) fn run(&self) -> Result<World, String> {
        let mut world = self.begin();
        self.settle(&mut world).map_err(|what| format!("{self:?} at {} s: {what}", world.clock()))?;
        Ok(world)
    }

    /// Six messages, and those that come before them if the connection is not the first one.
    fn talk(&self, world: &mut World) {
        let ask = |world: &mut World, tid| drop(world.send(CLIENT, SERVER, ping(tid)));
        match self.branch {
            Branch::Fresh => {}
            Branch::Crossing | Branch::Crossed => drop(world.send(SERVER, CLIENT, question(0x100))),
            _ => self.before(world),
        }
        // When both connect at once, the connection of the server comes first.
        ask(world, 0x200);
        ask(world, 0x201);
        world.run_for(ms(20));
        ask(world, 0x202);
        world.run_for(ms(20));
    }

    /// The connection before.
    fn before(&self, world: &mut World) {
        let _ = world.send(CLIENT, SERVER, ping(1));
        world.run_for(ms(50));
        let _ = world.send(CLIENT, SERVER, question(2));
        let session = world.with(SERVER, |endpoint, _| endpoint.sessions().next());
        if let Some(session) = session {
            let _ = world.send_over(SERVER, session, question(3));
        }
        match self.branch {
            Branch::Stale => {
                world.links[0].to_client.fault = None;
                let at = world.links[0].to_client.delivered;
                world.plan(0, Dir::ToClient, at, How::HalfClose);
            }
            Branch::Restart => {
                world.crash(SERVER);
                world.restart_with(SERVER, self.config(SERVER), self.auth.get(EntityType::OSD));
            }
            _ => world.cut(0, How::Reset),
        }
    }

    /// Whether messages may wait until there are new ones: because who has them may not connect, and who may has
    /// nothing to say; or because what came again is not acknowledged again (SQ-08).
    fn may_rest(&self) -> bool {
        self.pair == Pair::StatefulServerLosslessPeer || self.branch == Branch::Plain
    }

    /// All is delivered or known to be lost in time, and a new message is answered; then nothing is left over.
    fn settle(&self, world: &mut World) -> Result<(), String> {
        if !self.may_rest() && !world.run_until(secs(LIMIT), World::is_idle) {
            return Err(format!("messages are still waiting: {}", describe(world)));
        }
        // Where nothing may be lost, one message is enough; elsewhere it may take several. When the connection works
        // again, the next one is answered and acknowledged at once.
        let lossless = self.pair.promise() == Promise::Lossless && !self.may_rest();
        for n in 0..2 {
            let (tries, patience) = match (lossless, n) {
                (false, 0) => (2 * LIMIT, secs(1)),
                (true, 0) => (1, secs(LIMIT)),
                _ => (1, secs(1)),
            };
            let answered = (0..tries).any(|again| {
                let tid = 0x300 + 0x100 * n + again;
                let _ = world.send(CLIENT, SERVER, ping(tid));
                world.run_until(patience, |world| world.has(CLIENT, tid | ANSWER) && world.is_idle())
            });
            if !answered {
                return Err(format!("no answer any more: {}", describe(world)));
            }
        }
        // As long as a handshake may take that nobody needs any more, and shorter than silence is endured.
        world.run_for(secs(HANDSHAKE) + ms(100));
        if !self.may_rest() && !world.is_idle() {
            return Err(format!("messages wait again: {}", describe(world)));
        }
        if world.links.len() > MOST_LINKS {
            return Err(format!("{} connections: {}", world.links.len(), describe(world)));
        }
        world.audit(self.pair.promise())?;
        world.audit_leftovers().map_err(|what| format!("{what}: {}", describe(world)))
    }
}

fn describe(world: &World) -> String {
    let of = |host: &Host| {
        let endpoint = &host.node.endpoint;
        let sessions: Vec<_> = endpoint
            .sessions()
            .filter_map(|session| endpoint.session(session))
            .map(|it| (it.state, it.connect_seq, it.in_seq, it.out_seq, it.queued, it.unacknowledged))
            .collect();
        let events: Vec<_> = host.node.events.iter().map(brief).collect();
        format!("{} transports, sessions {sessions:?}, {}", endpoint.transports(), events.join(" "))
    };
    world.hosts.iter().map(of).collect::<Vec<_>>().join("\n    ")
}

fn brief(event: &Event) -> String {
    match event {
        Event::Message(message) => format!("{}:{:x}", message.seq, message.tid),
        Event::Fault { fault, next, .. } => format!("Fault({fault}, {next:?})"),
        Event::Reset { fault, dropped, .. } => format!("Reset({fault}, {dropped:?})"),
        Event::HandshakeFailed { fault, .. } => format!("HandshakeFailed({fault})"),
        Event::Connect(_) => "Connect".to_owned(),
        Event::Accept(_) => "Accept".to_owned(),
        other => format!("{other:?}"),
    }
}
