//! What later packets tell of what cannot be seen: what a process had read, or was about to do, when a connection
//! broke.

use std::collections::HashMap;

use firefly_conformance::capture::Direction;
use firefly_runtime::session::{SessionInfo, State};
use firefly_runtime::wire::address::EntityAddr;
use firefly_runtime::wire::transport::{Connect, Tag};

use super::people::PersonId;
use super::story::{Link, Story};

/// What is said when.
pub(crate) struct Evidence {
    /// Where the story is.
    pub(crate) packet: u64,
    /// The first connect record and the first reply of each connection, in the order of the packets.
    said: Vec<(u64, usize, Direction)>,
    /// The last message that the receiving side of a connection read.
    read: HashMap<(usize, Direction), u64>,
}

impl Evidence {
    pub(crate) fn of(story: &Story) -> Evidence {
        let mut said = Vec::new();
        for (id, link) in story.links.iter().enumerate() {
            let first = [(link.connected, Direction::Client), (link.replied, Direction::Server)];
            said.extend(first.into_iter().filter_map(|(packet, side)| Some((packet?, id, side))));
        }
        said.sort();
        Evidence { packet: 0, said, read: read(story) }
    }

    /// Whether the receiving side of a connection never read a message, as the number tells that it gives on the next
    /// one. What arrives shortly before a fault may be lost (4.6 of the reference).
    pub(crate) fn is_unread(&self, link: usize, side: Direction, seq: u64) -> bool {
        self.read.get(&(link, side)).is_some_and(|last| seq > *last)
    }

    /// Whether the server of a connection never read the client's number behind SEQ: only then it does not count the
    /// connection once more when it connects itself.
    pub(crate) fn is_number_unread(&self, story: &Story, link: usize) -> bool {
        let link = &story.links[link];
        let (Some(server), Some(client)) = (link.server_person, link.addr(Direction::Client)) else { return false };
        let counted = link.replies.last().map(|reply| reply.connect_seq);
        counted.is_some() && self.next_connect(story, server, &client) == counted
    }

    /// The `connect_seq` with which somebody connects to a peer next.
    pub(crate) fn next_connect(&self, story: &Story, person: PersonId, peer: &EntityAddr) -> Option<u32> {
        let connects = self.later(story).filter(|(link, side)| *side == Direction::Client && is_to(link, person, peer));
        connects.filter_map(|(link, _)| link.connects.first()).map(|connect| connect.connect_seq).next()
    }

    /// Whether a lossy session is still there when its client connects again: only then SEQ is said.
    pub(crate) fn is_alive(&self, story: &Story, server: PersonId, client: &EntityAddr) -> bool {
        let mut replies =
            self.later(story).filter(|(link, side)| *side == Direction::Server && is_from(link, server, client));
        replies.next().and_then(|(link, _)| link.replies.first()).is_some_and(|reply| reply.tag == Tag::SEQ)
    }

    /// Whether a server acted on a connect record that it did not answer: what it says next to the same client tells
    /// how far it has counted.
    pub(crate) fn is_acted_on(
        &self,
        story: &Story,
        server: PersonId,
        client: &EntityAddr,
        connect: &Connect,
        info: &SessionInfo,
    ) -> bool {
        let counted = connect.connect_seq + 1;
        let told = self.later(story).find_map(|(link, side)| match side {
            Direction::Client if is_to(link, server, client) => {
                let next = link.connects.first()?.connect_seq;
                let otherwise = info.connect_seq + u32::from(info.state != State::Connecting);
                Some(next != otherwise && (next == counted || next == counted + 1))
            }
            Direction::Server if is_from(link, server, client) => {
                let (connect, reply) = link.connects.first().zip(link.replies.first())?;
                Some(match reply.tag {
                    Tag::RETRY_SESSION => reply.connect_seq == counted + 1,
                    Tag::WAIT => connect.connect_seq == counted,
                    _ => connect.connect_seq > counted,
                })
            }
            _ => None,
        });
        told == Some(true)
    }

    /// What is said from here on.
    fn later<'a>(&'a self, story: &'a Story) -> impl Iterator<Item = (&'a Link, Direction)> {
        let from = self.said.partition_point(|(packet, ..)| *packet <= self.packet);
        self.said.iter().skip(from).map(|(_, link, side)| (&story.links[*link], *side))
    }
}

fn is_to(link: &Link, client: PersonId, server: &EntityAddr) -> bool {
    link.client_person == Some(client) && link.server_addr.as_ref() == Some(server)
}

fn is_from(link: &Link, server: PersonId, client: &EntityAddr) -> bool {
    link.server_person == Some(server) && link.addr(Direction::Client).as_ref() == Some(client)
}

/// The last message of each connection that its receiver has read, as far as it tells later.
fn read(story: &Story) -> HashMap<(usize, Direction), u64> {
    let mut read = HashMap::new();
    let mut told: HashMap<(EntityAddr, EntityAddr), u64> = HashMap::new();
    for (id, link) in story.links.iter().enumerate().rev().filter(|(_, link)| !link.is_lossy()) {
        for side in Direction::BOTH {
            let (Some(own), Some(peer)) = (link.addr(side), link.addr(side.peer())) else { continue };
            let pair = (own, peer);
            if let Some(seq) = told.get(&pair) {
                read.insert((id, side), *seq);
            }
            if let Some(seq) = link.seqs[side as usize] {
                told.insert(pair, seq);
            }
        }
    }
    read
}
