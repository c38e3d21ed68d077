//! How bytes and ends of connections get from one host of a [`World`] to another.

use std::cmp::Reverse;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use firefly_runtime::session::{Disconnect, Event, TransportId};

use super::{ANSWER, Cut, Dir, Door, Effect, End, How, Link, Piece, World, ms};

/// How long it takes until the one whose bytes were cut off learns that the other one is gone.
const LATE: Duration = ms(700);

/// What is to happen.
pub(super) enum Act {
    Arrive { link: usize, client: End },
    Refuse { host: usize, transport: TransportId },
    Deliver { link: usize, dir: Dir },
    Break { link: usize },
}

impl World {
    pub(super) fn schedule(&mut self, after: Duration, act: Act) {
        self.ticket += 1;
        self.acts.push(Reverse((self.now + after, self.ticket)));
        self.pending.insert(self.ticket, act);
    }

    pub(super) fn perform(&mut self, act: Act) {
        match act {
            Act::Deliver { link, dir } => self.deliver(link, dir),
            Act::Refuse { host, transport } => {
                if self.hang_up(End { host, transport }) {
                    self.hosts[host].node.closed(self.now, transport, Disconnect::Refused);
                    self.settle(host);
                }
            }
            Act::Arrive { link, client } => self.arrive(link, client),
            Act::Break { link } => self.cut(link, How::Reset),
        }
    }

    /// Whether it was dialling.
    pub(super) fn hang_up(&mut self, end: End) -> bool {
        let before = self.dialling.len();
        self.dialling.retain(|dialling| *dialling != end);
        self.dialling.len() != before
    }

    pub(super) fn arrive(&mut self, link: usize, client: End) {
        if !self.hang_up(client) {
            return;
        }
        let host = self.links[link].between.1;
        if self.hosts[host].crashed {
            self.hosts[client.host].node.closed(self.now, client.transport, Disconnect::Refused);
            return self.settle(client.host);
        }
        let from = SocketAddr::new(self.hosts[client.host].socket.ip(), 40_000 + link as u16 % 20_000);
        let transport = self.hosts[host].node.accept(self.now, from);
        self.links[link].client = Some(client);
        self.links[link].server = Some(End { host, transport });
        self.settle(host);
        self.hosts[client.host].node.connected(self.now, client.transport);
        self.settle(client.host);
        for dir in Dir::BOTH {
            self.check(link, dir);
        }
        self.absorb_all();
    }

    pub(super) fn deliver(&mut self, link: usize, dir: Dir) {
        let lane = self.links[link].lane(dir);
        if lane.held || lane.dead {
            return;
        }
        let Some(piece) = lane.pieces.pop_front() else { return };
        let to = *self.links[link].receiver(dir);
        match piece {
            Piece::Bytes(mut bytes) => {
                let lane = self.links[link].lane(dir);
                if let Some((limit, _)) = lane.fault {
                    let room = usize::try_from(limit.saturating_sub(lane.delivered)).unwrap_or(usize::MAX);
                    if bytes.len() > room {
                        lane.pieces.push_front(Piece::Bytes(bytes.split_off(room)));
                    }
                }
                lane.delivered += bytes.len() as u64;
                if let Some(end) = to
                    && !bytes.is_empty()
                {
                    self.hosts[end.host].node.input(self.now, end.transport, &bytes);
                    self.touched.push(end.host);
                }
                self.check(link, dir);
            }
            Piece::End => self.end(link, dir, Disconnect::Eof),
            Piece::Broken => self.end(link, dir, Disconnect::Broken(std::io::ErrorKind::ConnectionReset)),
        }
        self.absorb_all();
    }

    /// The receiver of a direction learns that the connection ended.
    pub(super) fn end(&mut self, link: usize, dir: Dir, how: Disconnect) {
        if let Some(end) = self.links[link].receiver(dir).take() {
            self.hosts[end.host].node.closed(self.now, end.transport, how);
            self.touched.push(end.host);
            // Whoever learns of the end closes its own end.
            self.push(link, dir.back(), Piece::End);
        }
    }

    /// Lets happen what is due on a direction of a link.
    pub(super) fn check(&mut self, link: usize, dir: Dir) {
        if !self.links[link].is_open() {
            return;
        }
        let lane = self.links[link].lane(dir);
        let Some((_, how)) = lane.fault.filter(|(limit, _)| lane.delivered >= *limit) else { return };
        lane.fault = None;
        match how {
            How::Hold => lane.held = true,
            How::Stall => lane.dead = true,
            How::Silence => {
                lane.dead = true;
                self.links[link].lane(dir.back()).dead = true;
            }
            How::HalfClose => {
                lane.dead = true;
                if let Some(end) = self.links[link].receiver(dir).take() {
                    self.hosts[end.host].node.closed(self.now, end.transport, Disconnect::Eof);
                    self.touched.push(end.host);
                    self.push_after(link, dir.back(), Piece::End, LATE);
                }
            }
            How::Close => {
                lane.dead = true;
                self.push(link, dir.back(), Piece::End);
                self.end(link, dir, Disconnect::Eof);
            }
            How::Reset => {
                for dir in Dir::BOTH {
                    self.links[link].lane(dir).dead = true;
                    self.links[link].lane(dir).pieces.clear();
                }
                for dir in Dir::BOTH {
                    self.end(link, dir, Disconnect::Broken(std::io::ErrorKind::ConnectionReset));
                }
            }
        }
    }

    pub(super) fn push(&mut self, link: usize, dir: Dir, piece: Piece) {
        self.push_after(link, dir, piece, self.latency);
    }

    pub(super) fn push_after(&mut self, link: usize, dir: Dir, piece: Piece, latency: Duration) {
        let lane = self.links[link].lane(dir);
        if lane.dead || self.links[link].receiver(dir).is_none() {
            return;
        }
        self.links[link].lane(dir).pieces.push_back(piece);
        let late = self.random.below(self.delay.as_nanos() as u64 + 1);
        self.schedule(latency + Duration::from_nanos(late), Act::Deliver { link, dir });
    }

    pub(super) fn write(&mut self, link: usize, dir: Dir, mut bytes: Bytes) {
        (link, dir, &bytes[..], self.now.as_nanos()).hash(&mut self.digest);
        self.links[link].lane(dir).written += bytes.len() as u64;
        if self.failures > 0 && self.random.below(self.failures) == 0 {
            self.schedule(Duration::ZERO, Act::Break { link });
        }
        while !bytes.is_empty() {
            let n = match self.cut {
                Cut::Whole => bytes.len(),
                Cut::Bytes => 1,
                Cut::Random => 1 + self.random.below(bytes.len().min(120) as u64) as usize,
            };
            self.push(link, dir, Piece::Bytes(bytes.split_to(n)));
        }
    }

    pub(super) fn absorb_all(&mut self) {
        while let Some(host) = self.touched.pop() {
            self.settle(host);
        }
    }

    /// Carries out what an endpoint did, and lets its application answer.
    pub(crate) fn settle(&mut self, host: usize) {
        loop {
            self.hosts[host].node.settle(self.now);
            while let Some(effect) = self.hosts[host].node.effect() {
                self.carry_out(host, effect);
            }
            let it = &mut self.hosts[host];
            let (seen, answer) = (it.seen, it.echo);
            it.seen = it.node.events.len();
            if seen == it.seen {
                return;
            }
            let messages: Vec<_> = it.node.events[seen..]
                .iter()
                .filter_map(|event| if let Event::Message(it) = event { Some((it.session, it.tid)) } else { None })
                .collect();
            it.received.extend(messages.iter().map(|(_, tid)| tid));
            for (session, tid) in messages.into_iter().filter(|(_, tid)| answer && tid & ANSWER == 0) {
                let message = super::ping(tid + ANSWER);
                if it.node.endpoint.send(self.now, session, message).is_ok() {
                    it.sent.push((session, tid + ANSWER));
                }
                it.node.settle(self.now);
            }
        }
    }

    pub(super) fn carry_out(&mut self, host: usize, effect: Effect) {
        match effect {
            Effect::Dial(transport, to) => self.dial(End { host, transport }, to),
            Effect::Send(transport, bytes) => {
                if let Some((link, dir)) = self.find(End { host, transport }) {
                    self.write(link, dir.back(), bytes);
                }
            }
            Effect::Close(transport, flush) => {
                let end = End { host, transport };
                self.hang_up(end);
                if let Some((link, dir)) = self.find(end) {
                    *self.links[link].receiver(dir) = None;
                    let abrupt = self.abrupt && !flush;
                    if abrupt {
                        self.links[link].lane(dir.back()).pieces.clear();
                    }
                    self.push(link, dir.back(), if abrupt { Piece::Broken } else { Piece::End });
                }
            }
        }
    }

    /// The link of which this is an end, and the direction in which it receives.
    pub(super) fn find(&mut self, end: End) -> Option<(usize, Dir)> {
        self.links.iter().enumerate().rev().find_map(|(n, link)| match Some(end) {
            it if it == link.server => Some((n, Dir::ToServer)),
            it if it == link.client => Some((n, Dir::ToClient)),
            _ => None,
        })
    }

    pub(super) fn dial(&mut self, client: End, to: SocketAddr) {
        self.dialling.push(client);
        let server = self.hosts.iter().position(|host| host.socket == to);
        let door = server.map_or(Door::Shut, |server| self.hosts[server].door);
        let parted = server.is_some_and(|server| self.parted.contains(&(client.host, server)));
        match (server, door) {
            (Some(_), _) if parted => {}
            (Some(server), Door::Open) => {
                let n = self.links.len();
                self.links.push(Link {
                    client: None,
                    server: None,
                    between: (client.host, server),
                    to_server: Default::default(),
                    to_client: Default::default(),
                });
                for (_, dir, bytes, how) in self.plans.extract_if(.., |plan| plan.0 == n) {
                    self.links[n].lane(dir).fault = Some((bytes, how));
                }
                self.schedule(self.latency, Act::Arrive { link: n, client });
            }
            (_, Door::Silent) => {}
            _ => self.schedule(self.latency, Act::Refuse { host: client.host, transport: client.transport }),
        }
    }
}
