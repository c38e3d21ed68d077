//! TCP connections: which segment belongs to which connection, and who is the client.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

use super::stream::{Stream, Trouble, piece_at};
use super::{Direction, Event, EventKind, Limits, Mark, Problem, Segment};

/// A TCP connection, as far as the capture shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// Its number; the first connection in a capture is 0.
    pub id: usize,
    /// The side that opened it.
    pub client: SocketAddr,
    /// The side that accepted it.
    pub server: SocketAddr,
    /// It was open before the capture began: the streams start anywhere, and the side with the lower port is taken for the server.
    pub midstream: bool,
    /// How it ended.
    pub end: End,
    /// Its first packet.
    pub first: Mark,
    /// Its last packet.
    pub last: Mark,
    /// How many packets it has, those without payload included.
    pub packets: u64,
    /// What happened on it, in the order in which an observer without gaps could have told: a segment that came too early stands behind those
    /// it had to wait for. The events of each direction are in order of offset and leave nothing out.
    pub events: Vec<Event>,
    /// For each direction the positions of its data and gaps in `events`.
    pieces: [Vec<usize>; 2],
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was open, or half open, when the capture stopped.
    Open,
    /// Both sides closed it.
    Closed,
    /// One side aborted it.
    Reset,
}

impl Connection {
    /// Bytes a direction's stream has, gaps included.
    pub fn length(&self, direction: Direction) -> u64 {
        self.pieces(direction).last().and_then(|&piece| self.events.get(piece)).map_or(0, Event::end)
    }

    /// The packet that brought the byte at an offset of a stream, or that showed the gap there. `None` behind the end of the stream.
    pub fn locate(&self, direction: Direction, offset: u64) -> Option<Mark> {
        let pieces = self.pieces(direction);
        let event = self.events.get(*pieces.get(piece_at(pieces, offset, &self.events))?)?;
        (event.end() > offset).then_some(event.mark)
    }

    /// The gaps of both directions, in the order of the events.
    pub fn gaps(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| matches!(event.kind, EventKind::Gap { .. }))
    }

    /// Whether the capture has all of it: from SYN to FIN or RST, without a gap.
    pub fn is_complete(&self) -> bool {
        !self.midstream && self.end != End::Open && self.gaps().next().is_none()
    }

    /// The address of the side that sends in a direction.
    pub fn sender(&self, direction: Direction) -> SocketAddr {
        match direction {
            Direction::Client => self.client,
            Direction::Server => self.server,
        }
    }

    fn pieces(&self, direction: Direction) -> &[usize] {
        let [client, server] = &self.pieces;
        match direction {
            Direction::Client => client,
            Direction::Server => server,
        }
    }
}

impl fmt::Display for Connection {
    /// `client -> server`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.client, self.server)
    }
}

/// Sorts segments into connections.
///
/// Addresses and ports are used again by later connections: a SYN that does not fit the connection there is starts another one.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    /// The latest connection between two addresses, the lower one first.
    latest: HashMap<(SocketAddr, SocketAddr), usize>,
    connections: Vec<Assembly>,
    problems: Vec<Problem>,
}

impl Assembler {
    /// An assembler without connections.
    pub fn new(limits: Limits) -> Self {
        Assembler { limits, latest: HashMap::new(), connections: Vec::new(), problems: Vec::new() }
    }

    /// Takes in the next segment of the capture.
    pub fn push(&mut self, mark: Mark, segment: Segment) {
        let (a, b) = (segment.source, segment.destination);
        let key = (a.min(b), a.max(b));
        let known = self.latest.get(&key).copied();
        let known = known.filter(|&id| self.connections.get(id).is_some_and(|assembly| assembly.admits(&segment)));
        let id = known.unwrap_or_else(|| {
            let id = self.connections.len();
            self.connections.push(Assembly::new(id, mark, &segment));
            self.latest.insert(key, id);
            id
        });
        if let Some(assembly) = self.connections.get_mut(id) {
            assembly.push(mark, segment, &self.limits, &mut self.problems);
        }
    }

    /// Ends all connections that are still open.
    pub fn finish(self) -> (Vec<Connection>, Vec<Problem>) {
        (self.connections.into_iter().map(Assembly::finish).collect(), self.problems)
    }
}

/// A connection in the making.
#[derive(Debug)]
struct Assembly {
    connection: Connection,
    client: Stream,
    server: Stream,
}

impl Assembly {
    fn new(id: usize, mark: Mark, segment: &Segment) -> Self {
        let (source, destination) = (segment.source, segment.destination);
        let source_is_client = match (segment.syn, segment.ack) {
            (true, None) => true,
            (true, Some(_)) => false,
            (false, _) => source.port() >= destination.port(),
        };
        let (client, server) = if source_is_client { (source, destination) } else { (destination, source) };
        Assembly {
            connection: Connection {
                id,
                client,
                server,
                midstream: !segment.syn,
                end: End::Open,
                first: mark,
                last: mark,
                packets: 0,
                events: Vec::new(),
                pieces: [Vec::new(), Vec::new()],
            },
            client: Stream::new(Direction::Client),
            server: Stream::new(Direction::Server),
        }
    }

    /// Whether a segment between these addresses belongs to this connection and not to a new one.
    fn admits(&self, segment: &Segment) -> bool {
        if !segment.syn {
            return true;
        }
        let (sender, receiver) = match self.direction(segment) {
            Direction::Client => (&self.client, &self.server),
            Direction::Server => (&self.server, &self.client),
        };
        match segment.ack {
            // Sent once more, or the answer to the SYN of this connection.
            Some(ack) => match sender.syn {
                Some(syn) => syn == segment.seq,
                None => receiver.answered_by(ack),
            },
            None => sender.syn == Some(segment.seq),
        }
    }

    fn direction(&self, segment: &Segment) -> Direction {
        if segment.source == self.connection.client { Direction::Client } else { Direction::Server }
    }

    fn push(&mut self, mark: Mark, segment: Segment, limits: &Limits, problems: &mut Vec<Problem>) {
        let direction = self.direction(&segment);
        let Assembly { connection, client, server } = self;
        let (sender, receiver) = match direction {
            Direction::Client => (client, server),
            Direction::Server => (server, client),
        };
        let events = &mut connection.events;
        connection.last = mark;
        connection.packets += 1;

        let mut seq = segment.seq;
        if segment.syn {
            sender.syn = Some(seq);
            // The SYN takes a sequence number.
            seq = seq.wrapping_add(1);
            sender.start(seq);
            if let Some(ack) = segment.ack {
                receiver.syn.get_or_insert(ack.wrapping_sub(1));
            }
        } else if connection.midstream && (segment.fin || !segment.payload.is_empty()) {
            sender.start(seq);
        }
        if let Some(ack) = segment.ack {
            // The first acknowledgment in a handshake says where the other side's stream starts, should its SYN be missing.
            if !connection.midstream {
                receiver.start(ack);
            }
            receiver.acknowledge(ack);
        }

        let end = seq.wrapping_add(segment.payload.len() as u32).wrapping_add(segment.missing);
        match sender.receive(seq, segment.payload, mark, events) {
            Ok(()) => {}
            Err(Trouble::Stray) => {
                let (connection, packet) = (connection.id, mark.packet);
                problems.push(Problem::Stray { connection, direction, packet, seq: segment.seq });
            }
            Err(Trouble::Conflict(range)) => problems.push(Problem::Conflict {
                connection: connection.id,
                direction,
                packet: mark.packet,
                offset: range.start,
                length: range.end - range.start,
            }),
        }
        if segment.fin {
            sender.finish(end, mark, events);
        }
        if segment.rst {
            sender.reset(mark, events);
            connection.end = End::Reset;
        }
        sender.settle(limits, events);
        receiver.settle(limits, events);
        if sender.finished && receiver.finished && connection.end == End::Open {
            connection.end = End::Closed;
        }
    }

    fn finish(self) -> Connection {
        let Assembly { mut connection, mut client, mut server } = self;
        for stream in [&mut client, &mut server] {
            stream.flush(connection.last, &mut connection.events);
        }
        if client.finished && server.finished && connection.end == End::Open {
            connection.end = End::Closed;
        }
        connection.pieces = [client.pieces, server.pieces];
        connection
    }
}
