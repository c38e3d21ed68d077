//! One direction of a connection as runs of bytes with gaps between them.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::capture::{Connection, Direction, End, EventKind};

/// The runs of one direction that were not taken yet.
#[derive(Debug)]
pub(super) struct Tape {
    runs: VecDeque<Run>,
    /// Whether the sender closed the stream, with nothing having gone wrong before.
    pub(super) closed: bool,
}

/// Bytes that follow each other.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// How many bytes are missing in front of it.
    pub(super) gap: u64,
    pub(super) bytes: Bytes,
}

impl Tape {
    pub(super) fn new(connection: &Connection, direction: Direction) -> Self {
        let mut runs = VecDeque::new();
        let (mut gap, mut run, mut closed) = (0, BytesMut::new(), false);
        for event in connection.events.iter().filter(|event| event.direction == direction) {
            match &event.kind {
                EventKind::Data(bytes) => run.extend_from_slice(bytes),
                EventKind::Gap { length } => {
                    runs.push_back(Run { gap, bytes: run.split().freeze() });
                    gap = *length;
                }
                EventKind::Fin => closed = connection.end != End::Reset,
                EventKind::Rst => {}
            }
        }
        runs.push_back(Run { gap, bytes: run.freeze() });
        Tape { runs, closed }
    }

    /// The first bytes.
    pub(super) fn start(&self) -> &[u8] {
        self.runs.front().map(|run| &run.bytes[..]).unwrap_or_default()
    }

    /// Whether there are no bytes at all.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.iter().all(|run| run.bytes.is_empty())
    }

    /// Takes the next run.
    pub(super) fn next(&mut self) -> Option<Run> {
        self.runs.pop_front()
    }
}
