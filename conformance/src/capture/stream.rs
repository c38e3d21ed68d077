//! One direction of a TCP connection: segments in any order in, ordered events out.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::{Limits, Timestamp};

/// Who sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The side that opened the connection.
    Client,
    /// The side that accepted it.
    Server,
}

impl Direction {
    /// Both directions, the client's first.
    pub const BOTH: [Direction; 2] = [Direction::Client, Direction::Server];

    /// The other side.
    pub fn peer(self) -> Self {
        match self {
            Direction::Client => Direction::Server,
            Direction::Server => Direction::Client,
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Client => "client",
            Direction::Server => "server",
        })
    }
}

/// A place in a capture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    /// Number of the packet; the first is 1.
    pub packet: u64,
    /// When it was captured.
    pub time: Timestamp,
}

/// One thing that happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The packet it came in; for a gap, the packet that showed it.
    pub mark: Mark,
    /// Who sent it.
    pub direction: Direction,
    /// Where in that direction's stream it stands. Offset 0 is the first byte behind the SYN, or in a connection that was open before the
    /// capture began, the first byte captured.
    pub offset: u64,
    /// What it is.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The next bytes of the stream.
    Data(Bytes),
    /// Bytes of the stream that the capture lacks.
    Gap {
        /// How many.
        length: u64,
    },
    /// The sender closed its side: no bytes follow.
    Fin,
    /// The sender aborted the connection.
    Rst,
}

impl Event {
    /// The stream offset behind the event.
    pub fn end(&self) -> u64 {
        self.offset
            + match &self.kind {
                EventKind::Data(bytes) => bytes.len() as u64,
                EventKind::Gap { length } => *length,
                EventKind::Fin | EventKind::Rst => 0,
            }
    }
}

/// What is wrong with a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// These stream offsets were sent before with other content.
    Conflict(Range<u64>),
    /// It cannot belong to this stream.
    Stray,
}

/// The largest window TCP can announce. A segment further ahead than this belongs to some other connection.
const REACH: i64 = 1 << 30;

/// Puts the segments of one direction in order.
///
/// Where bytes arrive more than once, those that came first count.
#[derive(Debug)]
pub(super) struct Stream {
    direction: Direction,
    /// Sequence number of the SYN, if the handshake was seen.
    pub(super) syn: Option<u32>,
    /// Sequence number of offset 0.
    base: Option<u32>,
    /// Offset behind the last event.
    next: u64,
    /// Everything before this offset is known to have reached the peer.
    acked: u64,
    /// Segments behind a hole, by offset; no two overlap.
    held: BTreeMap<u64, (Bytes, Mark)>,
    held_bytes: usize,
    /// Packets seen since the peer acknowledged the hole.
    waited: u32,
    fin: Option<(u64, Mark)>,
    /// The FIN is among the events.
    pub(super) finished: bool,
    /// Positions of this direction's data and gaps in the events of the connection, which is in order of offset.
    pub(super) pieces: Vec<usize>,
}

impl Stream {
    pub(super) fn new(direction: Direction) -> Self {
        Stream {
            direction,
            syn: None,
            base: None,
            next: 0,
            acked: 0,
            held: BTreeMap::new(),
            held_bytes: 0,
            waited: 0,
            fin: None,
            finished: false,
            pieces: Vec::new(),
        }
    }

    pub(super) fn is_started(&self) -> bool {
        self.base.is_some()
    }

    /// Says which sequence number offset 0 has; the first word counts.
    pub(super) fn start(&mut self, seq: u32) {
        self.base.get_or_insert(seq);
    }

    /// Whether a SYN that acknowledges a sequence number answers the SYN of this stream, or that and data which came with it.
    pub(super) fn answered_by(&self, ack: u32) -> bool {
        self.syn.is_some_and(|syn| u64::from(ack.wrapping_sub(syn).wrapping_sub(1)) <= self.next)
    }

    /// The stream offset of a sequence number: of all that share it, the one nearest to where the stream is.
    fn offset_of(&self, seq: u32) -> Option<i64> {
        let here = self.base?.wrapping_add(self.next as u32);
        Some(self.next as i64 + i64::from(seq.wrapping_sub(here) as i32))
    }

    /// Takes in the payload of a segment.
    pub(super) fn receive(
        &mut self,
        seq: u32,
        payload: Bytes,
        mark: Mark,
        events: &mut Vec<Event>,
    ) -> Result<(), Trouble> {
        let Some(offset) = self.offset_of(seq) else { return Ok(()) };
        let end = offset + payload.len() as i64;
        // A keepalive probe repeats the last byte as a blank.
        let last = self.next as i64 - i64::from(!self.finished);
        if payload.is_empty() || (payload.len() == 1 && offset == last) {
            return Ok(());
        }
        let beyond_fin = self.fin.is_some_and(|(fin, _)| end > fin as i64);
        if beyond_fin || offset - self.next as i64 > REACH {
            return Err(Trouble::Stray);
        }
        // What was sent before the capture began is not part of the stream.
        let before = usize::try_from(-offset).unwrap_or(0).min(payload.len());
        let mut differences = Differences::default();
        self.hold(offset.max(0) as u64, payload.slice(before..), mark, events, &mut differences);
        self.deliver(events);
        differences.0.map_or(Ok(()), |range| Err(Trouble::Conflict(range)))
    }

    /// Keeps the parts of a segment that are new, and compares the others with what is known.
    fn hold(&mut self, mut offset: u64, mut bytes: Bytes, mark: Mark, events: &[Event], differences: &mut Differences) {
        let delivered = bytes.split_to(bytes.len().min(self.next.saturating_sub(offset) as usize));
        if !delivered.is_empty() {
            self.compare_delivered(offset, &delivered, events, differences);
        }
        offset += delivered.len() as u64;
        while !bytes.is_empty() {
            if let Some((&start, (known, _))) = self.held.range(..=offset).next_back()
                && let Some(known) = known.get((offset - start) as usize..).filter(|known| !known.is_empty())
            {
                let again = bytes.split_to(bytes.len().min(known.len()));
                differences.note(offset, known, &again);
                offset += again.len() as u64;
                continue;
            }
            let room = self.held.range(offset..).next().map_or(u64::MAX, |(&start, _)| start - offset);
            let fresh = bytes.split_to(bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            let length = fresh.len();
            self.held_bytes += length;
            self.held.insert(offset, (fresh, mark));
            offset += length as u64;
        }
    }

    fn compare_delivered(&self, offset: u64, bytes: &[u8], events: &[Event], differences: &mut Differences) {
        let first = piece_at(&self.pieces, offset, events);
        for event in self.pieces.iter().skip(first).map_while(|&piece| events.get(piece)) {
            if event.offset >= offset + bytes.len() as u64 {
                break;
            }
            let EventKind::Data(known) = &event.kind else { continue };
            let start = offset.max(event.offset);
            let known = known.get((start - event.offset) as usize..).unwrap_or_default();
            let again = bytes.get((start - offset) as usize..).unwrap_or_default();
            differences.note(start, known, again);
        }
    }

    /// Turns what is in order into events.
    fn deliver(&mut self, events: &mut Vec<Event>) {
        while let Some(entry) = self.held.first_entry()
            && *entry.key() == self.next
        {
            let (bytes, mark) = entry.remove();
            self.held_bytes -= bytes.len();
            self.piece(mark, EventKind::Data(bytes), events);
        }
        if let Some((fin, mark)) = self.fin
            && fin == self.next
            && !self.finished
        {
            self.finished = true;
            events.push(self.event(mark, EventKind::Fin));
        }
    }

    /// Notes a FIN at a sequence number.
    pub(super) fn finish(&mut self, seq: u32, mark: Mark, events: &mut Vec<Event>) {
        if let Some(offset) = self.offset_of(seq)
            && let Ok(offset) = u64::try_from(offset)
            && offset >= self.next
            && offset - self.next <= REACH as u64
        {
            self.fin.get_or_insert((offset, mark));
            self.deliver(events);
        }
    }

    /// Notes that the sender aborts the connection: what it sent so far is all there will be.
    pub(super) fn reset(&mut self, mark: Mark, events: &mut Vec<Event>) {
        self.flush(mark, events);
        events.push(self.event(mark, EventKind::Rst));
    }

    /// Notes that the peer expects a sequence number next.
    pub(super) fn acknowledge(&mut self, seq: u32) {
        if let Some(offset) = self.offset_of(seq)
            && offset - self.next as i64 <= REACH
        {
            self.acked = self.acked.max(u64::try_from(offset).unwrap_or(0));
        }
    }

    /// Gives up on a hole that nothing will fill any more: what is held is too much, or the receiver has had the missing bytes for a while, so
    /// that only the capture lacks them. To be called once for each packet of the connection.
    pub(super) fn settle(&mut self, limits: &Limits, events: &mut Vec<Event>) {
        let acked = self.held.first_key_value().is_some_and(|(&start, _)| self.acked >= start);
        self.waited = if acked { self.waited.saturating_add(1) } else { 0 };
        if self.waited > limits.patience {
            self.skip_hole(events);
        }
        while self.held_bytes > limits.held_bytes || self.held.len() > limits.held_segments {
            self.skip_hole(events);
        }
    }

    /// Turns everything that is left into events, with gaps where bytes are missing.
    pub(super) fn flush(&mut self, mark: Mark, events: &mut Vec<Event>) {
        while !self.held.is_empty() {
            self.skip_hole(events);
        }
        // The acknowledgment of a FIN that was not captured looks like one more byte.
        let end = match self.fin {
            Some((fin, _)) => fin,
            None if self.acked > self.next + 1 => self.acked,
            None => self.next,
        };
        if end > self.next && self.is_started() {
            self.piece(mark, EventKind::Gap { length: end - self.next }, events);
        }
        self.deliver(events);
    }

    fn skip_hole(&mut self, events: &mut Vec<Event>) {
        self.waited = 0;
        if let Some((&start, &(_, mark))) = self.held.first_key_value() {
            self.piece(mark, EventKind::Gap { length: start - self.next }, events);
            self.deliver(events);
        }
    }

    fn piece(&mut self, mark: Mark, kind: EventKind, events: &mut Vec<Event>) {
        let event = self.event(mark, kind);
        self.next = event.end();
        self.pieces.push(events.len());
        events.push(event);
    }

    fn event(&self, mark: Mark, kind: EventKind) -> Event {
        Event { mark, direction: self.direction, offset: self.next, kind }
    }
}

/// Position among `pieces` of the last event that starts at or before an offset.
pub(super) fn piece_at(pieces: &[usize], offset: u64, events: &[Event]) -> usize {
    let behind = pieces.partition_point(|&piece| events.get(piece).is_some_and(|event| event.offset <= offset));
    behind.saturating_sub(1)
}

/// From the first to the last stream offset at which two versions differ.
#[derive(Default)]
struct Differences(Option<Range<u64>>);

impl Differences {
    /// Compares two versions of the bytes at an offset, over the length both have.
    fn note(&mut self, offset: u64, known: &[u8], again: &[u8]) {
        let length = known.len().min(again.len()) as u64;
        let mut differing =
            (0..length).zip(known.iter().zip(again)).filter(|(_, (a, b))| a != b).map(|(at, _)| offset + at);
        if let Some(first) = differing.next() {
            let last = differing.last().unwrap_or(first);
            let start = self.0.as_ref().map_or(first, |range| range.start);
            self.0 = Some(start..last + 1);
        }
    }
}
