//! Looking on while others talk: both directions of a connection, element by element.

mod numbers;
mod oddity;
mod rounds;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;

use self::rounds::Rounds;
use self::stream::{Stream, hello};
use super::answer::After;
use super::{Element, Expect, Limits};
use crate::wire::features::FEATURES_ALL;
use crate::wire::transport::{FooterFlags, Frame};

pub use self::oddity::{Observation, Oddity, Severity};

/// One of the two sides of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one that opened it.
    Client,
    /// The one that accepted it.
    Server,
}

impl Sighting {
    /// Whether it is a frame of an open connection.
    pub fn is_frame(&self) -> bool {
        matches!(self.element, Element::Frame(_))
    }
}

impl Side {
    /// Both sides, the client first.
    pub const BOTH: [Side; 2] = [Side::Client, Side::Server];

    /// The other side.
    pub fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Client => "client",
            Side::Server => "server",
        })
    }
}

/// What an observer sees.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "elements are what there is most of")]
pub enum Seen {
    /// An element.
    Element(Sighting),
    /// Something odd about the last element, or about the whole; reading goes on.
    Odd(Observation),
    /// Something that cannot be read: the side is lost from there on, until [`Observer::resume`].
    Lost(Observation),
}

/// An element of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Who sent it.
    pub side: Side,
    /// Where in the stream of that side it begins, in bytes.
    pub offset: u64,
    /// What it is. Checksums of sections that do not match are kept in it.
    pub element: Element,
    /// As what it was sent.
    pub bytes: Bytes,
    /// The features with which frames are read on this side.
    pub features: u64,
}

/// What a side waits for when nothing more can be read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// More bytes.
    Bytes,
    /// The other side, which has to go first.
    Peer,
    /// That someone finds out what comes: [`Observer::resume`].
    Lost,
}

/// Follows a connection in both directions without taking part in it.
///
/// Bytes of both sides are put in as they come, in pieces of any size; [`poll`](Self::poll) tells what they are. Which
/// piece came first matters only where one side waits for the other. What both sides said is judged once
/// [`finish`](Self::finish) says that there is no more.
///
/// Where the observer cannot go on (bytes that are something else, a gap, a connection that was open before) the side is
/// lost: look for a place to go on in [`rest`](Self::rest), [`skip`](Self::skip) what is in front of it and
/// [`resume`](Self::resume) there.
#[derive(Debug)]
pub struct Observer {
    limits: Limits,
    client: Stream,
    server: Stream,
    rounds: Rounds,
    seen: VecDeque<Seen>,
}

impl Observer {
    /// An observer of a connection from its first bytes on. Of the limits, those for the length of things count.
    pub fn new(limits: Limits) -> Observer {
        Observer {
            limits,
            client: Stream::new(FEATURES_ALL),
            server: Stream::new(FEATURES_ALL),
            rounds: Rounds::default(),
            seen: VecDeque::new(),
        }
    }

    /// Takes the next bytes of a side.
    pub fn input(&mut self, side: Side, bytes: &[u8]) {
        self.stream_mut(side).input(bytes);
    }

    /// The next bytes of a side are not known. What is there of an element that they cut is dropped.
    pub fn gap(&mut self, side: Side, length: u64) {
        self.stream_mut(side).gap(length);
    }

    /// A side closed its direction: nothing follows.
    pub fn close(&mut self, side: Side) {
        self.stream_mut(side).closed = true;
    }

    /// What comes next on a side is not known: it was open before.
    pub fn lose(&mut self, side: Side) {
        self.stream_mut(side).lose();
    }

    /// The next thing that is seen; nothing until there are more bytes.
    pub fn poll(&mut self) -> Option<Seen> {
        loop {
            if let Some(seen) = self.seen.pop_front() {
                return Some(seen);
            }
            if !self.step(Side::Client) && !self.step(Side::Server) {
                return None;
            }
        }
    }

    /// What a side waits for, once [`poll`](Self::poll) tells nothing more.
    pub fn pending(&self, side: Side) -> Pending {
        match self.stream(side).expect {
            Expect::Nothing => Pending::Lost,
            Expect::Connect if self.rounds.awaits_reply() => Pending::Peer,
            Expect::Reply if !self.is_reply_due() => Pending::Peer,
            _ => Pending::Bytes,
        }
    }

    /// What comes next on a side, and the features with which frames are read there.
    pub fn expects(&self, side: Side) -> (Expect, u64) {
        let stream = self.stream(side);
        (stream.expect, stream.features)
    }

    /// The bytes of a side that were not read yet.
    pub fn rest(&self, side: Side) -> &[u8] {
        self.stream(side).rest()
    }

    /// Where in the stream of a side that begins, in bytes.
    pub fn offset(&self, side: Side) -> u64 {
        self.stream(side).offset()
    }

    /// Drops bytes of a side that was lost, as many as there are. How many those are.
    pub fn skip(&mut self, side: Side, n: usize) -> usize {
        self.stream_mut(side).take(n)
    }

    /// Goes on with a side that was lost: this comes next, written for these features.
    pub fn resume(&mut self, side: Side, expect: Expect, features: u64) {
        self.stream_mut(side).goes_on(expect, features);
    }

    /// Goes on with a side that was lost because of the checksum of a header: the lengths in it are right.
    pub fn trust_header(&mut self, side: Side) {
        let stream = self.stream_mut(side);
        stream.trusting = true;
        stream.goes_on(Expect::Frame, stream.features);
    }

    /// Loses a side that waits for the other one in vain, though there are bytes of it. Whether there is one.
    pub fn stop_waiting(&mut self) -> bool {
        let waits = |side: &Side| self.pending(*side) == Pending::Peer && !self.rest(*side).is_empty();
        let Some(side) = Side::BOTH.into_iter().find(waits) else { return false };
        self.give_up(side, Oddity::Unexplained);
        true
    }

    /// There is no more: judges what only the whole shows. [`poll`](Self::poll) tells it.
    pub fn finish(&mut self) {
        for side in Side::BOTH {
            let stream = self.stream(side);
            // That a side is lost was told.
            if !stream.rest().is_empty() && stream.expect != Expect::Nothing {
                let (expect, bytes, closed) = (stream.expect, stream.rest().len(), stream.closed);
                self.odd(side, stream.offset(), Oddity::Incomplete { expect, bytes, closed });
            }
        }
        for side in Side::BOTH {
            let (stream, peer) = (self.stream(side), self.stream(side.peer()));
            let mut odd: Vec<Observation> = stream.numbers.resumed(side).into_iter().collect();
            if peer.is_whole && !self.rounds.resumes_blindly() {
                odd.append(&mut stream.numbers.unconfirmed(side, &peer.numbers));
            }
            self.seen.extend(odd.into_iter().map(Seen::Odd));
        }
    }

    /// Reads the next element of a side. Whether anything came of it.
    fn step(&mut self, side: Side) -> bool {
        self.leave_rounds(side);
        if self.pending(side) != Pending::Bytes {
            return false;
        }
        let limits = self.limits;
        let stream = self.stream_mut(side);
        let (expect, offset, features) = (stream.expect, stream.offset(), stream.features);
        match stream.next(&limits) {
            Ok(None) => false,
            Ok(Some((element, bytes))) => {
                let sighting = Sighting { side, offset, element, bytes, features };
                let odd = self.follow(&sighting);
                self.seen.push_back(Seen::Element(sighting));
                self.seen.extend(odd.map(|oddity| Seen::Odd(Observation { side, offset, oddity })));
                true
            }
            Err(fault) => {
                self.give_up(side, Oddity::Unreadable(expect, fault));
                true
            }
        }
    }

    /// Where the rounds are over, goes on to what follows them.
    fn leave_rounds(&mut self, side: Side) {
        let (features, after, over) = (self.rounds.features(), self.rounds.after(), !self.rounds.awaits_reply());
        let stream = self.stream_mut(side);
        if !over || !matches!(stream.expect, Expect::Connect | Expect::Reply) {
            return;
        }
        match after {
            Some(After::Try) => {}
            Some(After::Frames) => stream.goes_on(Expect::Frame, features),
            Some(After::Exchange) => stream.goes_on(Expect::Seq, features),
            None if stream.rest().is_empty() => {}
            None => {
                stream.features = features;
                self.give_up(side, Oddity::BehindBadReply);
            }
        }
    }

    /// Whether the server may answer: it was asked, or nobody knows what the client asked.
    fn is_reply_due(&self) -> bool {
        let client_is_lost = matches!(self.client.expect, Expect::Frame | Expect::Nothing);
        self.rounds.awaits_reply() || client_is_lost && self.rounds.is_unanswered()
    }

    /// Takes notice of an element. What is odd about it.
    fn follow(&mut self, sighting: &Sighting) -> Option<Oddity> {
        let Sighting { side, offset, ref element, features, .. } = *sighting;
        match element {
            Element::Banner => self.stream_mut(side).goes_on(hello(side), features),
            Element::ClientHello(_) => self.client.goes_on(Expect::Connect, features),
            Element::ServerHello(_) => self.server.goes_on(Expect::Reply, features),
            Element::Connect(connect) => return self.rounds.connect(connect.clone()),
            Element::Reply(reply) => return self.rounds.reply(reply.clone()),
            Element::Seq(seq) => {
                let (stream, peer) = self.both_mut(side);
                stream.goes_on(Expect::Frame, features);
                stream.numbers.received = *seq;
                peer.numbers.peer_received = *seq;
            }
            Element::Frame(frame) => return self.frame(side, offset, frame),
        }
        None
    }

    fn frame(&mut self, side: Side, offset: u64, frame: &Frame) -> Option<Oddity> {
        let (stream, peer) = self.both_mut(side);
        let (numbers, theirs) = (&mut stream.numbers, &peer.numbers);
        let (seq, number, flags) = match frame {
            Frame::Message(message) => (message.header.seq, message.header.r#type.0, message.footer.flags),
            Frame::OldMessage(message) => (message.header.seq, message.header.r#type.0, message.footer.flags),
            Frame::Ack(ack) => {
                numbers.ack(ack.seq, offset, theirs);
                return None;
            }
            Frame::Keepalive2(keepalive) => {
                numbers.keepalive(keepalive.stamp);
                return None;
            }
            Frame::Keepalive2Ack(echo) => {
                numbers.echo(echo.stamp, offset, theirs);
                return None;
            }
            Frame::Keepalive(_) | Frame::Close(_) => return None,
        };
        match flags.contains(FooterFlags::COMPLETE) {
            true => numbers.message(seq, offset),
            false => Some(Oddity::GivenUp { number, seq }),
        }
    }

    /// Tells of something, which is odd only now.
    fn odd(&mut self, side: Side, offset: u64, oddity: Oddity) {
        self.seen.push_back(Seen::Odd(Observation { side, offset, oddity }));
    }

    /// Loses a side.
    fn give_up(&mut self, side: Side, oddity: Oddity) {
        let stream = self.stream_mut(side);
        let offset = stream.offset();
        stream.lose();
        self.seen.push_back(Seen::Lost(Observation { side, offset, oddity }));
    }

    fn stream(&self, side: Side) -> &Stream {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn stream_mut(&mut self, side: Side) -> &mut Stream {
        self.both_mut(side).0
    }

    /// A side, and the other one.
    fn both_mut(&mut self, side: Side) -> (&mut Stream, &mut Stream) {
        match side {
            Side::Client => (&mut self.client, &mut self.server),
            Side::Server => (&mut self.server, &mut self.client),
        }
    }
}
