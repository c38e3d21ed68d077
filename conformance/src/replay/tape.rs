//! One direction of a connection as bytes to be read from front to back.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::capture::{Connection, Direction, End, EventKind};

/// The bytes of one direction: runs with gaps between them.
#[derive(Debug)]
pub(super) struct Tape {
    /// The run being read, without what was taken off it.
    run: Bytes,
    /// Where it starts in the stream.
    offset: u64,
    /// The runs behind the gaps that follow.
    later: VecDeque<(u64, Bytes)>,
    /// Whether the sender closed the stream, with nothing having gone wrong before.
    pub(super) closed: bool,
}

impl Tape {
    pub(super) fn new(connection: &Connection, direction: Direction) -> Self {
        let mut runs = VecDeque::new();
        let (mut offset, mut run, mut closed) = (0, BytesMut::new(), false);
        for event in connection.events.iter().filter(|event| event.direction == direction) {
            match &event.kind {
                EventKind::Data(bytes) => run.extend_from_slice(bytes),
                EventKind::Gap { .. } => {
                    runs.push_back((offset, run.split().freeze()));
                    offset = event.end();
                }
                EventKind::Fin => closed = connection.end != End::Reset,
                EventKind::Rst => {}
            }
        }
        runs.push_back((offset, run.freeze()));
        let (offset, run) = runs.pop_front().unwrap_or_default();
        Tape { run, offset, later: runs, closed }
    }

    /// What is left of the run.
    pub(super) fn rest(&self) -> &Bytes {
        &self.run
    }

    /// Where in the stream that is.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes bytes off the run, as far as there are any.
    pub(super) fn take(&mut self, n: usize) -> Bytes {
        let taken = self.run.split_to(n.min(self.run.len()));
        self.offset += taken.len() as u64;
        taken
    }

    /// Whether nothing at all is left.
    pub(super) fn is_empty(&self) -> bool {
        self.run.is_empty() && self.later.iter().all(|(_, run)| run.is_empty())
    }

    /// Whether a gap follows the run.
    pub(super) fn gap_follows(&self) -> bool {
        !self.later.is_empty()
    }

    /// Goes to the run behind the gap and tells how long the gap is. Drops what is left of the run.
    pub(super) fn skip_gap(&mut self) -> u64 {
        let end = self.offset + self.run.len() as u64;
        match self.later.pop_front() {
            Some((offset, run)) => {
                (self.offset, self.run) = (offset, run);
                offset - end
            }
            None => 0,
        }
    }
}
