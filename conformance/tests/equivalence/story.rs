//! A capture as a story: who said what to whom, in the order of the packets.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use firefly_conformance::capture::{Capture, Connection, Direction, EventKind};
use firefly_runtime::codec::{Measure, Wire};
use firefly_runtime::session::{Element, Expect, Limits, Reading};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::{ClientHello, Connect, ConnectReply, ServerHello, Tag};

use super::people::{People, PersonId};

/// How everything in a story is read: all words of features in it are Firefly's.
pub(crate) fn reading() -> Reading {
    Reading { features: FEATURES_ALL, limits: Limits::default(), nocrc: false }
}

/// All that happened.
pub(crate) struct Story {
    pub(crate) links: Vec<Link>,
    pub(crate) people: People,
    pub(crate) steps: Vec<Step>,
}

/// A TCP connection.
pub(crate) struct Link {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    /// It was open before the capture began.
    pub(crate) midstream: bool,
    pub(crate) server_hello: Option<ServerHello>,
    pub(crate) client_hello: Option<ClientHello>,
    pub(crate) connects: Vec<Connect>,
    /// The last one may lack the end of its authorizer.
    pub(crate) replies: Vec<ConnectReply>,
    /// The packets of the first of either.
    pub(crate) connected: Option<u64>,
    pub(crate) replied: Option<u64>,
    /// The numbers exchanged, the client's first.
    pub(crate) seqs: [Option<u64>; 2],
    pub(crate) client_person: Option<PersonId>,
    pub(crate) server_person: Option<PersonId>,
    /// Whom the client meant to reach.
    pub(crate) server_addr: Option<EntityAddr>,
}

/// Something that happened.
pub(crate) struct Step {
    pub(crate) packet: u64,
    /// In nanoseconds.
    pub(crate) time: u64,
    pub(crate) link: usize,
    pub(crate) side: Direction,
    pub(crate) what: What,
}

/// What a side did.
pub(crate) enum What {
    /// Opened the connection.
    Opened,
    /// Said something.
    Said { element: Box<Element>, bytes: Bytes },
    /// Said the beginning of something before it closed.
    Began { expect: Expect, bytes: Bytes },
    /// Closed its side, or aborted the connection.
    Ended { abort: bool },
}

impl Story {
    /// Reads a capture.
    pub(crate) fn of(capture: &Capture) -> Story {
        let mut steps = Vec::new();
        let mut links: Vec<Link> = capture.connections.iter().map(|connection| read(connection, &mut steps)).collect();
        steps.sort_by_key(|step| step.packet);
        let people = People::meet(&mut links);
        Story { links, people, steps }
    }
}

impl Link {
    /// The person at a side.
    pub(crate) fn person(&self, side: Direction) -> Option<PersonId> {
        match side {
            Direction::Client => self.client_person,
            Direction::Server => self.server_person,
        }
    }

    /// The address of a side, as the other one knows it.
    pub(crate) fn addr(&self, side: Direction) -> Option<EntityAddr> {
        match side {
            Direction::Client => self.client_hello.as_ref().map(|hello| hello.client_addr.clone()),
            Direction::Server => self.server_addr.clone(),
        }
    }

    /// What the client says to be.
    pub(crate) fn client_type(&self) -> Option<EntityType> {
        self.connects.first().and_then(|connect| u8::try_from(connect.host_type).ok()).map(EntityType)
    }

    /// Whether the session is one that ends with the connection.
    pub(crate) fn is_lossy(&self) -> bool {
        self.replies.last().is_some_and(|reply| reply.flags.0 != 0)
    }

    /// Whether it came to a session.
    pub(crate) fn is_let_in(&self) -> bool {
        self.replies.last().is_some_and(|reply| matches!(reply.tag, Tag::READY | Tag::SEQ))
    }
}

/// Reads a connection.
fn read(connection: &Connection, steps: &mut Vec<Step>) -> Link {
    let mut link = Link {
        client: connection.client,
        server: connection.server,
        midstream: connection.midstream,
        server_hello: None,
        client_hello: None,
        connects: Vec::new(),
        replies: Vec::new(),
        connected: None,
        replied: None,
        seqs: [None; 2],
        client_person: None,
        server_person: None,
        server_addr: None,
    };
    if link.midstream {
        return link;
    }
    let (id, first) = (connection.id, connection.first);
    let step = |mark: firefly_conformance::capture::Mark, side, what| Step {
        packet: mark.packet,
        time: mark.time.0,
        link: id,
        side,
        what,
    };
    steps.push(step(first, Direction::Client, What::Opened));
    // The server's side first: its replies say what comes next on the client's.
    for side in [Direction::Server, Direction::Client] {
        let mut input = BytesMut::new();
        let mut expect = Expect::Banner;
        let mut heard = first;
        for event in connection.events.iter().filter(|event| event.direction == side) {
            let mark = if event.mark.packet > heard.packet { event.mark } else { heard };
            match &event.kind {
                EventKind::Data(data) => {
                    heard = mark;
                    input.extend_from_slice(data);
                }
                EventKind::Gap { .. } => break,
                EventKind::Fin | EventKind::Rst => {
                    steps.extend(link.began(heard.packet, expect, &mut input).map(|what| step(heard, side, what)));
                    steps.push(step(mark, side, What::Ended { abort: event.kind == EventKind::Rst }));
                }
            }
            while let Some(bytes) = whole(expect, &mut input) {
                let element = reading().decode(expect, bytes.clone()).expect("an element of the stream");
                expect = link.note(mark.packet, side, &element);
                steps.push(step(mark, side, What::Said { element: Box::new(element), bytes }));
            }
        }
        steps.extend(link.began(heard.packet, expect, &mut input).map(|what| step(heard, side, what)));
    }
    link
}

/// Takes the next element off the front, if all of it is there.
pub(crate) fn whole(expect: Expect, input: &mut BytesMut) -> Option<Bytes> {
    if input.is_empty() {
        return None;
    }
    match reading().measure(expect, input) {
        Ok(Measure::Whole(n)) if n <= input.len() => Some(input.split_to(n).freeze()),
        Ok(_) => None,
        Err(error) => panic!("{expect:?}: {error}"),
    }
}

/// A reply whose authorizer did not come.
fn cut_reply(bytes: &[u8]) -> Option<ConnectReply> {
    let fixed: &[u8] = bytes.get(..ConnectReply::MIN_SIZE)?;
    let mut blank = BytesMut::from(fixed);
    blank.resize(ConnectReply::MIN_SIZE + 4096, 0);
    match reading().decode(Expect::Reply, whole(Expect::Reply, &mut blank)?) {
        Ok(Element::Reply(reply)) => Some(reply),
        _ => None,
    }
}

impl Link {
    /// What a side began to say, if it did.
    fn began(&mut self, packet: u64, expect: Expect, input: &mut BytesMut) -> Option<What> {
        if input.is_empty() {
            return None;
        }
        let bytes = input.split().freeze();
        if expect == Expect::Reply {
            self.replies.extend(cut_reply(&bytes));
            self.replied.get_or_insert(packet);
        }
        Some(What::Began { expect, bytes })
    }

    /// Keeps what is needed later. What comes next on that side.
    fn note(&mut self, packet: u64, side: Direction, element: &Element) -> Expect {
        match (element, side) {
            (Element::Banner, Direction::Server) => Expect::ServerHello,
            (Element::Banner, Direction::Client) => Expect::ClientHello,
            (Element::ServerHello(hello), _) => {
                self.server_hello = Some(hello.clone());
                Expect::Reply
            }
            (Element::ClientHello(hello), _) => {
                self.client_hello = Some(hello.clone());
                Expect::Connect
            }
            (Element::Connect(connect), _) => {
                let answer = self.replies.get(self.connects.len()).map(|reply| reply.tag);
                assert_eq!(connect.features.0, FEATURES_ALL);
                self.connects.push(connect.clone());
                self.connected.get_or_insert(packet);
                after(answer, Expect::Connect)
            }
            (Element::Reply(reply), _) => {
                assert_eq!(reply.features.0, FEATURES_ALL);
                self.replies.push(reply.clone());
                self.replied.get_or_insert(packet);
                after(Some(reply.tag), Expect::Reply)
            }
            (Element::Seq(seq), _) => {
                self.seqs[side as usize] = Some(*seq);
                Expect::Frame
            }
            (Element::Frame(_), _) => Expect::Frame,
        }
    }
}

fn after(tag: Option<Tag>, again: Expect) -> Expect {
    match tag {
        Some(Tag::READY) => Expect::Frame,
        Some(Tag::SEQ) => Expect::Seq,
        _ => again,
    }
}
