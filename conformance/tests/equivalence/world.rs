//! Plays a story: each messenger is an endpoint that hears what its peers really said.

use std::collections::HashMap;

use bytes::Bytes;
use firefly_conformance::capture::Direction;
use firefly_runtime::session::{Disconnect, Element, Envelope, State, Time, TransportId};
use firefly_runtime::wire::address::EntityAddr;
use firefly_runtime::wire::transport::{Connect, Tag};

use super::evidence::Evidence;
use super::node::Node;
use super::people::PersonId;
use super::story::{Link, Step, Story, What};
use super::tally::Tally;

/// Plays a story. `broken` says that connections were broken on purpose, so that who closes one has not given up the
/// session.
pub(crate) fn play(story: &Story, broken: bool) -> Tally {
    let mut world = World {
        story,
        broken,
        evidence: Evidence::of(story),
        nodes: story.people.0.iter().zip(1..).map(|(person, seed)| Node::new(person, seed)).collect(),
        ends: HashMap::new(),
        sent: HashMap::new(),
        attempts: HashMap::new(),
        replies: HashMap::new(),
        tally: Tally::default(),
    };
    for _ in story.links.iter().filter(|link| link.midstream) {
        world.tally.skip("connections that were open before the capture");
    }
    for step in &story.steps {
        world.step(step);
    }
    for (person, node) in story.people.0.iter().zip(&world.nodes) {
        for fault in &node.faults {
            world.tally.differences.push(format!("{}: {fault}", person.addr));
        }
    }
    world.tally
}

/// All messengers and connections.
pub(super) struct World<'a> {
    pub(super) story: &'a Story,
    broken: bool,
    pub(super) evidence: Evidence,
    pub(super) nodes: Vec<Node>,
    ends: HashMap<(usize, Direction), End>,
    /// The last message sent in a session; on a connection, if the session ends with it.
    pub(super) sent: HashMap<(PersonId, EntityAddr, Option<usize>), u64>,
    /// The last attempt to connect to somebody, with its connection.
    pub(super) attempts: HashMap<(PersonId, EntityAddr), (usize, u32)>,
    /// The last number that somebody gave to a reply.
    pub(super) replies: HashMap<PersonId, u32>,
    pub(super) tally: Tally,
}

/// A side of a connection.
#[derive(Default)]
pub(super) struct End {
    pub(super) person: Option<PersonId>,
    transport: Option<TransportId>,
    /// What came and is not to be heard before the side says the next thing.
    held: Vec<(Element, Bytes)>,
    /// The connect records or replies said so far.
    pub(super) tries: usize,
    /// It closed.
    closed: bool,
    /// It reads no more.
    deaf: bool,
}

impl World<'_> {
    fn step(&mut self, step: &Step) {
        let link = &self.story.links[step.link];
        let start = self.story.steps.first().map_or(0, |first| first.time);
        let now = Time::from_nanos(step.time.saturating_sub(start));
        self.evidence.packet = step.packet;
        for side in Direction::BOTH {
            if let Some(person) = self.end(step.link, side).person.or(link.person(side)) {
                self.nodes[person].now = self.nodes[person].now.max(now);
            }
        }
        match &step.what {
            What::Opened => self.opened(step, link),
            What::Said { element, bytes } => {
                self.ready(step.link, step.side);
                self.check(step, link, element, bytes);
                self.deliver(step, link, element, bytes);
            }
            What::Began { expect, bytes } => {
                self.ready(step.link, step.side);
                self.check_beginning(step, link, *expect, bytes);
            }
            What::Ended { abort } => self.ended(step, link, *abort),
        }
    }

    pub(super) fn end(&mut self, link: usize, side: Direction) -> &mut End {
        self.ends.entry((link, side)).or_default()
    }

    /// The node and the transport of a side, if the endpoint has them still.
    pub(super) fn live(&mut self, link: usize, side: Direction) -> Option<(PersonId, TransportId)> {
        let end = self.end(link, side);
        let (person, transport) = (end.person?, end.transport?);
        self.nodes[person].has(transport).then_some((person, transport))
    }

    /// A client opened a connection: so does the endpoint in its place.
    fn opened(&mut self, step: &Step, link: &Link) {
        let kind = |addr: &EntityAddr| self.story.people.0.iter().find(|person| person.addr == *addr);
        let Some((addr, server)) = link.server_addr.as_ref().and_then(|addr| Some((addr, kind(addr)?))) else {
            return self.tally.skip("connections to servers that never said who they are");
        };
        let Some(person) = link.client_person else {
            // Nobody said who it is; if only one waits for a connection to there, it is that one.
            let mut waiting = (0..self.nodes.len()).filter(|person| self.nodes[*person].dials(link.server));
            let (Some(person), None) = (waiting.next(), waiting.next()) else {
                return self.tally.skip("connections that ended before the client said who it is");
            };
            let transport = self.nodes[person].take_dial(link.server);
            *self.end(step.link, Direction::Client) = End { person: Some(person), transport, ..End::default() };
            return self.tally.note("connections of clients that did not say who they are, and can only be one");
        };
        self.remember(link);
        let reached = self.nodes[person].reach(server.r#type, addr);
        let transport = self.nodes[person].take_dial(link.server);
        *self.end(step.link, Direction::Client) = End { person: Some(person), transport, ..End::default() };
        let why = reached.err().unwrap_or_else(|| "ours does not connect".into());
        self.tally.compare("connection opened", transport.is_none().then(|| self.at(step, &why)));
    }

    /// Gives both sides of a session that is older than the capture the past it must have.
    fn remember(&mut self, link: &Link) {
        let (Some(client), Some(server)) = (link.client_person, link.server_person) else { return };
        let people = &self.story.people.0;
        let Some(connect) = link.connects.first().filter(|connect| connect.connect_seq > 0) else { return };
        let known = self.nodes[client].info(&people[server].addr).is_some()
            || self.nodes[server].info(&people[client].addr).is_some();
        if known {
            return;
        }
        let connections = connect.connect_seq - 1;
        let [by_client, by_server] = link.seqs.map(Option::unwrap_or_default);
        self.nodes[client].remember(&people[server], connections, by_client, by_server);
        self.nodes[server].remember(&people[client], connections, by_server, by_client);
        self.sent.insert((client, people[server].addr.clone(), None), by_server);
        self.sent.insert((server, people[client].addr.clone(), None), by_client);
        self.tally.note("sessions that are older than the capture and were given a past");
    }

    /// Sees to it that the side that says something has heard what it must have heard.
    fn ready(&mut self, link: usize, side: Direction) {
        let story = &self.story.links[link];
        if side == Direction::Server && self.end(link, side).person.is_none() {
            let person = story.server_person;
            let transport = person.map(|person| self.nodes[person].accept(story.client));
            let held = std::mem::take(&mut self.end(link, side).held);
            *self.end(link, side) = End { person, transport, held, ..End::default() };
        }
        for (element, bytes) in std::mem::take(&mut self.end(link, side).held) {
            if let Element::Connect(connect) = &element {
                self.connect_as_told(link, connect);
            }
            self.hear(link, side, &element, &bytes);
        }
    }

    /// What the application asked for is not in the capture, but a reply tells: WAIT, SEQ to one who begins anew, and
    /// RETRY_SESSION with a number that counts the next connection already, are only said by a server that is
    /// connecting to the client itself.
    fn connect_as_told(&mut self, link: usize, connect: &Connect) {
        let tries = self.end(link, Direction::Server).tries;
        let Some((person, _)) = self.live(link, Direction::Server) else { return };
        let story = &self.story.links[link];
        let (Some(reply), Some(kind)) = (story.replies.get(tries), story.client_type()) else { return };
        let Some(peer) = story.addr(Direction::Client) else { return };
        let node = &mut self.nodes[person];
        let info = node.info(&peer);
        let told = match reply.tag {
            Tag::WAIT => true,
            Tag::SEQ => connect.connect_seq == 0 && !story.is_lossy(),
            Tag::RETRY_SESSION => info.as_ref().is_some_and(|info| reply.connect_seq == info.connect_seq + 2),
            _ => false,
        };
        if told && info.is_none_or(|info| info.state != State::Connecting && info.state != State::Wait) {
            // Whether it can is seen in the reply.
            let _ = node.reach(kind, &peer);
            self.tally.note("attempts to connect that only the reply to the peer shows");
        }
    }

    /// What a side said reaches the other.
    fn deliver(&mut self, step: &Step, link: &Link, element: &Element, bytes: &Bytes) {
        let side = step.side.peer();
        let end = self.end(step.link, side);
        if end.closed || end.deaf {
            return;
        }
        let missed = match element {
            Element::Frame(frame) => Envelope::of(frame.clone())
                .is_ok_and(|message| self.evidence.is_unread(step.link, side, message.seq))
                .then_some("connections that broke before the last messages were read, as SEQ tells later"),
            Element::Seq(_) => (side == Direction::Server && self.evidence.is_number_unread(self.story, step.link))
                .then_some("numbers behind SEQ that the server did not read, as its next connect record tells"),
            _ => None,
        };
        if let Some(what) = missed {
            self.end(step.link, side).deaf = true;
            return self.tally.note(what);
        }
        // What is answered is heard when it is answered: then at the latest, and no sooner than need be.
        let later = match element {
            Element::Banner | Element::ServerHello(_) | Element::Seq(_) => side == Direction::Client,
            Element::Connect(_) => true,
            Element::Reply(reply) => !matches!(reply.tag, Tag::READY | Tag::SEQ | Tag::WAIT),
            Element::ClientHello(_) | Element::Frame(_) => false,
        };
        let end = self.end(step.link, side);
        if later || !end.held.is_empty() || side == Direction::Server && end.person.is_none() {
            end.held.push((element.clone(), bytes.clone()));
            return;
        }
        if let (Element::Reply(_), Some(person), Some(peer)) = (element, end.person, link.addr(Direction::Server)) {
            // Who tells the peer to wait did so before its own connection was open.
            self.answer_first(step.link, person, &peer, &[Tag::WAIT]);
        }
        self.hear(step.link, side, element, bytes);
    }

    fn hear(&mut self, link: usize, side: Direction, element: &Element, bytes: &Bytes) {
        let Some((person, transport)) = self.live(link, side) else { return };
        let tries = self.end(link, side).tries;
        let (story, node) = (&self.story.links[link], &mut self.nodes[person]);
        match element {
            Element::ServerHello(_) | Element::Reply(_) => node.script.show(story.connects.get(tries)),
            Element::Connect(_) => story.replies.get(tries).into_iter().for_each(|reply| node.script.judge(reply)),
            _ => {}
        }
        node.hear(transport, bytes);
    }

    /// A side closed.
    fn ended(&mut self, step: &Step, link: &Link, abort: bool) {
        let peer = step.side.peer();
        let goes_on = link.is_let_in() && !link.is_lossy();
        let given_up = !self.broken && goes_on && !self.end(step.link, peer).closed;
        self.act_unanswered(step);
        self.close(step.link, step.side, given_up);
        let end = self.end(step.link, step.side);
        (end.closed, end.held) = (true, Vec::new());
        if abort && !self.end(step.link, peer).closed {
            self.end(step.link, peer).deaf = true;
            // When the other side of a session that goes on notices, what it does next tells.
            if !goes_on {
                self.close(step.link, peer, false);
            }
        }
    }

    /// A server that breaks a connection between a connect record and the reply may have acted on it all the same.
    fn act_unanswered(&mut self, step: &Step) {
        let link = &self.story.links[step.link];
        let end = self.end(step.link, step.side);
        if end.tries < link.replies.len() {
            return;
        }
        let Some((Element::Connect(connect), bytes)) = end.held.first().cloned() else { return };
        let (Some((person, _)), Some(client)) = (self.live(step.link, step.side), link.addr(Direction::Client)) else {
            return;
        };
        let info = self.nodes[person].info(&client).filter(|info| !info.policy.lossy);
        if info.is_some_and(|info| self.evidence.is_acted_on(self.story, person, &client, &connect, &info)) {
            self.tally.note("connect records acted on without a reply, as what is said later tells");
            self.hear(step.link, step.side, &Element::Connect(connect), &bytes);
        }
    }

    /// Ends the connection for one side, and with it the session if the application gave that up.
    fn close(&mut self, link: usize, side: Direction, given_up: bool) {
        let Some((person, transport)) = self.live(link, side) else { return };
        let Some(peer) = self.story.links[link].addr(side.peer()) else {
            return self.nodes[person].close(transport, Disconnect::Eof);
        };
        if self.nodes[person].info(&peer).is_some_and(|info| info.state == State::Open) {
            // Who closes an open connection while the peer's next connect record waits closes it because of that.
            self.answer_first(link, person, &peer, &[Tag::READY, Tag::SEQ]);
        }
        let info = self.nodes[person].info(&peer).filter(|info| info.transport == Some(transport));
        let Some(info) = info else { return self.nodes[person].close(transport, Disconnect::Eof) };
        if info.policy.lossy && side == Direction::Server && self.evidence.is_alive(self.story, person, &peer) {
            return self.tally.note("lossy sessions whose end was noticed only after the next connect record");
        }
        if given_up {
            self.tally.note("lossless sessions given up by the application");
            return self.nodes[person].give_up(&peer);
        }
        let next = self.evidence.next_connect(self.story, person, &peer);
        if side == Direction::Server && next == Some(info.connect_seq) && info.queued == 0 {
            self.tally.note("messages waiting that only a later connect record shows");
            self.nodes[person].keepalive(&peer);
        }
        self.nodes[person].close(transport, Disconnect::Eof);
    }

    /// Acts on a connect record of a peer that waits for an answer, on another connection than this, if the answer is
    /// one of these.
    fn answer_first(&mut self, link: usize, person: PersonId, peer: &EntityAddr, answers: &[Tag]) {
        let waits = |(at, end): (&(usize, Direction), &End)| {
            let is_other = at.0 != link && at.1 == Direction::Server && end.person == Some(person) && !end.closed;
            let waits = matches!(end.held.first(), Some((Element::Connect(_), _)));
            let story = &self.story.links[at.0];
            let answered = story.replies.get(end.tries).is_some_and(|reply| answers.contains(&reply.tag));
            (is_other && waits && answered && story.addr(Direction::Client).as_ref() == Some(peer)).then_some(at.0)
        };
        if let Some(other) = self.ends.iter().filter_map(waits).min() {
            self.ready(other, Direction::Server);
        }
    }
}
