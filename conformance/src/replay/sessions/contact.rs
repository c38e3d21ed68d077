//! Connections, as far as they matter to sessions.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use firefly_runtime::wire::address::EntityAddr;
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::{Connect, ConnectReply};

use super::super::call::Call;
use super::super::evidence::Round;
use super::super::follow::Observed;
use super::super::log::Spot;
use crate::capture::{Connection, Direction, EventKind};

/// A server and one of its clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) server: EntityAddr,
    pub(super) client: EntityAddr,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Contact<'a> {
    /// [`Connection::id`].
    pub(super) id: usize,
    pub(super) call: &'a Call,
    /// The client's tries and the answers to them, each with its packet.
    pub(super) rounds: Vec<(u64, &'a Connect, Option<Answer<'a>>)>,
    /// The first packet.
    pub(super) first: u64,
    /// When it ended, and who ended it.
    pub(super) end: Option<(u64, Direction)>,
}

/// An answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) packet: u64,
    /// Where it is in the server's stream.
    pub(super) offset: u64,
    pub(super) reply: &'a ConnectReply,
}

impl<'a> Contact<'a> {
    fn of(observed: &'a Observed<'_>) -> Contact<'a> {
        let connection = observed.connection;
        let packet = |(direction, offset): Spot| connection.locate(direction, offset).map(|mark| mark.packet);
        let round = |round: &'a Round| {
            let answer = round
                .answer
                .as_ref()
                .and_then(|(spot, reply)| packet(*spot).map(|packet| Answer { packet, offset: spot.1, reply }));
            Some((packet(round.spot)?, &round.connect, answer))
        };
        let rounds = observed.evidence.rounds.iter().filter_map(round).collect();
        let (first, end) = (connection.first.packet, end(connection));
        Contact { id: connection.id, call: &observed.call, rounds, first, end }
    }

    /// Who called whom, if both said who they are.
    fn pair(&self) -> Option<Pair> {
        Some(Pair { server: self.call.server.clone()?, client: self.call.client.clone()? })
    }
}

/// When a connection ended, and who ended it.
fn end(connection: &Connection) -> Option<(u64, Direction)> {
    let end = connection.events.iter().find(|event| matches!(event.kind, EventKind::Fin | EventKind::Rst))?;
    Some((end.mark.packet, end.direction))
}

/// All connections of a capture.
#[derive(Debug, Default)]
pub(super) struct Contacts<'a> {
    by_pair: HashMap<Pair, Vec<Contact<'a>>>,
    by_socket: HashMap<SocketAddr, Calls<'a>>,
    /// Servers later than Firefly.
    later: HashSet<EntityAddr>,
}

/// Calls to a socket that may not be between two who are known.
#[derive(Debug, Default)]
struct Calls<'a> {
    /// There is one whose handshake cannot be read.
    unreadable: bool,
    /// Those on which one side, or both, did not say who it is.
    unnamed: Vec<Contact<'a>>,
}

impl<'a> Contacts<'a> {
    pub(super) fn of(observed: &'a [Observed<'_>]) -> Contacts<'a> {
        let mut contacts = Contacts::default();
        for observed in observed {
            let contact = Contact::of(observed);
            let calls = contacts.by_socket.entry(observed.connection.server).or_default();
            if observed.connection.midstream {
                continue;
            }
            calls.unreadable |= contact.call.is_lost;
            let answers = contact.rounds.iter().filter_map(|(_, _, answer)| *answer);
            if answers.into_iter().any(|answer| answer.reply.features.0 & !FEATURES_ALL != 0) {
                contacts.later.extend(contact.call.server.clone());
            }
            match contact.pair() {
                Some(pair) => contacts.by_pair.entry(pair).or_default().push(contact),
                None => calls.unnamed.push(contact),
            }
        }
        contacts
    }

    /// Who called whom.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.by_pair.keys()
    }

    /// Whether it can be told what went on between them.
    pub(super) fn are_clear(&self, pair: &Pair) -> bool {
        let unreadable = |addr: &EntityAddr| self.to(addr).is_some_and(|calls| calls.unreadable);
        !self.later.contains(&pair.server) && !unreadable(&pair.server) && !unreadable(&pair.client)
    }

    /// Whether calls to somebody are in the capture.
    pub(super) fn show_calls_to(&self, addr: &EntityAddr) -> bool {
        self.to(addr).is_some()
    }

    /// The connections on which one called the other.
    pub(super) fn between(&self, pair: &Pair) -> impl Iterator<Item = &Contact<'a>> {
        self.by_pair.get(pair).into_iter().flatten()
    }

    /// The calls to somebody on which one side, or both, did not say who it is.
    pub(super) fn unnamed_to(&self, addr: &EntityAddr) -> impl Iterator<Item = &Contact<'a>> {
        self.to(addr).into_iter().flat_map(|calls| &calls.unnamed)
    }

    fn to(&self, addr: &EntityAddr) -> Option<&Calls<'a>> {
        self.by_socket.get(&addr.socket_addr()?)
    }
}
