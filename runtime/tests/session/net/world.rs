//! Endpoints and the connections between them, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use firefly_runtime::auth::Authenticator;
use firefly_runtime::random::Random;
use firefly_runtime::session::{Config, Endpoint, Event, Message, SendError, SessionId, Time};
use firefly_runtime::wire::address::{EntityAddr, EntityType};

use super::delivery::Act;
use super::{Dir, End, How, Link, Node, Open, Piece, ms};

/// How bytes are cut on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// As they were written.
    Whole,
    /// Each by itself.
    Bytes,
    /// At random.
    Random,
}

/// How a host answers those who connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// It refuses.
    Shut,
    /// It does not answer at all.
    Silent,
}

/// A process.
pub(crate) struct Host {
    pub(crate) node: Node,
    /// Where it is.
    pub(crate) socket: SocketAddr,
    pub(crate) door: Door,
    /// It runs no more.
    pub(crate) crashed: bool,
    /// Answers each message whose transaction id lacks the bit [`ANSWER`] with one that has it.
    pub(crate) echo: bool,
    /// Sessions that it marked down.
    pub(crate) downed: Vec<SessionId>,
    /// What was accepted for sending, by session.
    pub(crate) sent: Vec<(SessionId, u64)>,
    /// The transaction ids of the messages that it received, before and since it was restarted last.
    pub(crate) received: Vec<u64>,
    /// How many of its events have been looked at.
    pub(super) seen: usize,
}

/// Marks the transaction id of an answer.
pub(crate) const ANSWER: u64 = 1 << 63;

/// Endpoints and the connections between them.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) hosts: Vec<Host>,
    pub(crate) links: Vec<Link>,
    pub(crate) cut: Cut,
    pub(crate) latency: Duration,
    /// Each write breaks its connection with this chance: one in so many; never if 0.
    pub(crate) failures: u64,
    /// So much longer, at random, bytes may take.
    pub(crate) delay: Duration,
    /// Closing without flushing breaks the connection: what is on its way is lost.
    pub(crate) abrupt: bool,
    /// What shall happen to links, by their number.
    pub(super) plans: Vec<(usize, Dir, u64, How)>,
    /// Pairs of hosts that cannot connect, and between which nothing arrives.
    pub(super) parted: Vec<(usize, usize)>,
    pub(super) acts: BinaryHeap<Reverse<(Time, u64)>>,
    pub(super) pending: BTreeMap<u64, Act>,
    pub(super) ticket: u64,
    pub(super) dialling: Vec<End>,
    /// Hosts that were told something and have not been looked after yet.
    pub(super) touched: Vec<usize>,
    pub(super) random: Random,
    pub(super) seed: u64,
    /// A digest of all that was written, by whom and when.
    pub(super) digest: DefaultHasher,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        World {
            now: Time::ZERO,
            hosts: Vec::new(),
            links: Vec::new(),
            cut: Cut::Whole,
            latency: ms(1),
            failures: 0,
            delay: Duration::ZERO,
            abrupt: false,
            plans: Vec::new(),
            parted: Vec::new(),
            acts: BinaryHeap::new(),
            pending: BTreeMap::new(),
            ticket: 0,
            dialling: Vec::new(),
            touched: Vec::new(),
            random: Random::new(seed),
            seed,
            digest: DefaultHasher::new(),
        }
    }

    /// Adds a process. Who is not bound is at an address of its own and cannot be connected to.
    pub(crate) fn host(&mut self, config: Config) -> usize {
        self.host_with(config, Box::new(Open))
    }

    pub(crate) fn host_with(&mut self, config: Config, auth: Box<dyn Authenticator + Send>) -> usize {
        let n = self.hosts.len();
        let bound = config.addr.socket_addr().filter(|addr| addr.port() != 0);
        let socket = bound.unwrap_or_else(|| SocketAddr::from(([10, 1, 0, n as u8 + 1], 0)));
        let door = if bound.is_some() { Door::Open } else { Door::Shut };
        let mut node = Node::new(Endpoint::new(config, auth, self.seed ^ (n as u64 + 1)));
        node.patient = true;
        self.hosts.push(Host {
            node,
            socket,
            door,
            crashed: false,
            echo: false,
            downed: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            seen: 0,
        });
        n
    }

    // what is done to the network

    /// Lets something happen to the nth connection, counted from 0, when so many bytes have arrived in a direction.
    pub(crate) fn plan(&mut self, link: usize, dir: Dir, bytes: u64, how: How) {
        if link < self.links.len() {
            self.links[link].lane(dir).fault = Some((bytes, how));
            self.check(link, dir);
            self.absorb_all();
        } else {
            self.plans.push((link, dir, bytes, how));
        }
    }

    /// Breaks a connection now.
    pub(crate) fn cut(&mut self, link: usize, how: How) {
        let at = self.links[link].to_server.delivered;
        self.plan(link, Dir::ToServer, at, how);
    }

    /// Lets what was held go on.
    pub(crate) fn release(&mut self, link: usize) {
        for dir in Dir::BOTH {
            let lane = self.links[link].lane(dir);
            lane.held = false;
            for _ in 0..lane.pieces.len() {
                self.schedule(Duration::ZERO, Act::Deliver { link, dir });
            }
        }
    }

    /// Two hosts reach each other no more.
    pub(crate) fn partition(&mut self, a: usize, b: usize) {
        self.parted.extend([(a, b), (b, a)]);
        for link in 0..self.links.len() {
            if [(a, b), (b, a)].contains(&self.links[link].between) {
                self.links[link].to_server.dead = true;
                self.links[link].to_client.dead = true;
            }
        }
    }

    /// Two hosts can connect again. The connections they had remain silent.
    pub(crate) fn heal(&mut self, a: usize, b: usize) {
        self.parted.retain(|pair| ![(a, b), (b, a)].contains(pair));
    }

    /// The process dies; the system breaks its connections.
    pub(crate) fn crash(&mut self, host: usize) {
        self.hosts[host].crashed = true;
        self.hosts[host].door = Door::Shut;
        self.dialling.retain(|end| end.host != host);
        for link in 0..self.links.len() {
            for dir in Dir::BOTH {
                if self.links[link].receiver(dir).is_some_and(|end| end.host == host) {
                    *self.links[link].receiver(dir) = None;
                    self.push(link, dir.back(), Piece::Broken);
                }
            }
        }
    }

    /// Another process takes its place, as configured.
    pub(crate) fn restart(&mut self, host: usize, config: Config) {
        self.restart_with(host, config, Box::new(Open));
    }

    pub(crate) fn restart_with(&mut self, host: usize, config: Config, auth: Box<dyn Authenticator + Send>) {
        self.seed += 1000;
        let mut node = Node::new(Endpoint::new(config, auth, self.seed));
        node.patient = true;
        let it = &mut self.hosts[host];
        (it.node, it.crashed, it.door, it.seen) = (node, false, Door::Open, 0);
        it.sent.clear();
    }

    // what the applications do

    pub(crate) fn addr(&self, host: usize) -> EntityAddr {
        self.hosts[host].node.endpoint.addr().clone()
    }

    pub(crate) fn r#type(&self, host: usize) -> EntityType {
        self.hosts[host].node.endpoint.config().name.r#type
    }

    /// Sends from one to another, connecting if need be.
    pub(crate) fn send(&mut self, from: usize, to: usize, message: Message) -> Result<SessionId, SendError> {
        let (r#type, addr, tid) = (self.r#type(to), self.addr(to), message.tid);
        let sent = self.hosts[from].node.endpoint.send_to(self.now, r#type, &addr, message);
        if let Ok(session) = sent {
            self.hosts[from].sent.push((session, tid));
        }
        self.settle(from);
        sent
    }

    /// Sends over a session.
    pub(crate) fn send_over(&mut self, from: usize, session: SessionId, message: Message) -> Result<(), SendError> {
        let tid = message.tid;
        let sent = self.hosts[from].node.endpoint.send(self.now, session, message);
        if sent.is_ok() {
            self.hosts[from].sent.push((session, tid));
        }
        self.settle(from);
        sent
    }

    /// Takes what a host was told so far.
    pub(crate) fn take_events(&mut self, host: usize) -> Vec<Event> {
        self.hosts[host].seen = 0;
        std::mem::take(&mut self.hosts[host].node.events)
    }

    /// Marks a session down.
    pub(crate) fn mark_down(&mut self, host: usize, session: SessionId) {
        self.hosts[host].downed.push(session);
        self.with(host, |endpoint, _| endpoint.mark_down(session));
    }

    /// Connects one to another.
    pub(crate) fn connect(&mut self, from: usize, to: usize) -> SessionId {
        let (r#type, addr) = (self.r#type(to), self.addr(to));
        let session = self.hosts[from].node.endpoint.connect(self.now, r#type, &addr).unwrap();
        self.settle(from);
        session
    }

    /// Does something with an endpoint.
    pub(crate) fn with<T>(&mut self, host: usize, act: impl FnOnce(&mut Endpoint, Time) -> T) -> T {
        let result = act(&mut self.hosts[host].node.endpoint, self.now);
        self.settle(host);
        result
    }

    // time

    /// Lets so much time pass.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until something is so, and tells whether it became so in time.
    pub(crate) fn run_until(&mut self, limit: Duration, mut reached: impl FnMut(&World) -> bool) -> bool {
        let end = self.now + limit;
        for _ in 0..1_000_000 {
            if reached(self) {
                return true;
            }
            if !self.step(end) {
                self.now = end;
                return reached(self);
            }
        }
        panic!("no end in sight");
    }

    /// The next thing that happens, if it happens before the end.
    fn step(&mut self, end: Time) -> bool {
        let due = |host: &Host| if host.crashed { None } else { host.node.endpoint.poll_timeout() };
        let timer = self.hosts.iter().enumerate().filter_map(|(n, host)| Some((due(host)?, n))).min();
        let act = self.acts.peek().map(|Reverse(act)| *act);
        let next = [timer.map(|(at, _)| at), act.map(|(at, _)| at)].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next <= end) else { return false };
        self.now = next.max(self.now);
        match act.filter(|(at, _)| *at == next) {
            Some((_, ticket)) => {
                self.acts.pop();
                let act = self.pending.remove(&ticket).unwrap();
                self.perform(act);
            }
            None => {
                let (_, host) = timer.unwrap();
                self.hosts[host].node.timeout(self.now);
                self.settle(host);
            }
        }
        true
    }

    /// How many connections a host is opening.
    pub(crate) fn dials(&self, host: usize) -> usize {
        self.dialling.iter().filter(|end| end.host == host).count()
    }

    /// A digest of all that was written so far.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.finish()
    }
}
