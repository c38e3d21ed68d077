//! One direction of a connection and how far it has been read.

use firefly_runtime::codec::{Context, DecodeError, Measure, Target, Wire, from_bytes, to_bytes};

use super::finding::{Severity, Text, rule};
use super::log::{Log, Spot};
use super::resync;
use super::sequence::Sequence;
use super::tape::Tape;
use crate::capture::{Connection, Direction};

/// One direction.
pub(super) struct Side {
    pub(super) direction: Direction,
    pub(super) tape: Tape,
    pub(super) phase: Phase,
    pub(super) sequence: Sequence,
    /// The phase came as it should, from the first byte on.
    pub(super) whole: bool,
}

/// What is to come next in a direction.
#[derive(Debug)]
pub(super) enum Phase {
    /// The banner.
    Banner,
    /// Addresses.
    Hello,
    /// A try to open the connection, or its answer.
    Round,
    /// What was received before.
    Exchange,
    /// Frames, written for these features.
    Open(u64),
    /// Nobody knows.
    Lost(Lost),
}

/// Why it is not known what comes next.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) severity: Severity,
    pub(super) rule: &'static str,
    pub(super) text: Text,
    /// How many bytes are certainly not the start of anything.
    pub(super) skip: usize,
    /// The features of the connection, if they are known.
    pub(super) features: Option<u64>,
}

/// Why nothing more can be read for now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The other side has to go first, or all has been read.
    Blocked,
    /// The rest of the run is not enough; the number of bytes that would be, if that is known.
    Starved(Option<usize>),
    /// What is there is not what it should be.
    Lost,
}

impl Side {
    pub(super) fn new(connection: &Connection, direction: Direction) -> Self {
        let tape = Tape::new(connection, direction);
        let mut side = Side { direction, tape, phase: Phase::Banner, sequence: Sequence::default(), whole: true };
        if connection.midstream {
            let text = "bytes before the first frame of a connection that was open before the capture began";
            side.lose(Severity::Info, rule::CAPTURE, text.into(), 0, None);
        }
        side
    }

    /// Where the next byte is.
    pub(super) fn here(&self) -> Spot {
        (self.direction, self.tape.offset())
    }

    /// From here on nothing is known.
    pub(super) fn lose(
        &mut self,
        severity: Severity,
        rule: &'static str,
        text: Text,
        skip: usize,
        features: Option<u64>,
    ) {
        self.whole = false;
        self.sequence.interrupt();
        self.phase = Phase::Lost(Lost { severity, rule, text, skip, features });
    }

    /// Reads the next element of a handshake, and writes it again.
    pub(super) fn element<T: Wire>(
        &mut self,
        measure: fn(&[u8], &Context) -> Result<Measure, DecodeError>,
        rule: &'static str,
        log: &mut Log<'_>,
    ) -> Result<(T, Spot), Stop> {
        let (here, context) = (self.here(), Context::default());
        let rest = self.tape.rest();
        let size = match measure(rest, &context) {
            Ok(Measure::Whole(n)) if n <= rest.len() => Ok(n),
            Ok(Measure::Whole(n)) => return Err(Stop::Starved(Some(n))),
            Ok(Measure::More(_)) => return Err(Stop::Starved(None)),
            Err(error) => Err(error),
        };
        let read = size.and_then(|n| Ok((n, from_bytes::<T>(rest.slice(..n), &context)?)));
        let (n, value) = read.map_err(|error| {
            let text = Text::new(format!("the handshake cannot be read ({})", T::NAME), error.to_string());
            self.lose(Severity::Error, rule, text, 1, None);
            Stop::Lost
        })?;
        let bytes = self.tape.take(n);
        if to_bytes(&value, Target::exact(0)).ok().as_ref() != Some(&bytes) {
            let text = Text::from("the handshake is not what is written again");
            log.add(Severity::Error, rule::EXACT, here, Text { detail: T::NAME.to_owned(), ..text });
        }
        Ok((value, here))
    }

    /// Goes on behind a gap. Of an element that was cut by the gap and whose size is known, the rest is skipped.
    pub(super) fn skip_gap(&mut self, cut: Option<usize>) {
        let end = cut.map(|whole| self.tape.offset().saturating_add(whole as u64));
        self.whole = false;
        self.sequence.interrupt();
        self.tape.skip_gap();
        let behind = end.and_then(|end| end.checked_sub(self.tape.offset()));
        let features = match &self.phase {
            Phase::Open(features) => Some(*features),
            Phase::Lost(lost) => lost.features,
            _ => None,
        };
        match (&self.phase, behind.map(usize::try_from)) {
            (Phase::Open(_), Some(Ok(behind))) if behind <= self.tape.rest().len() => {
                self.tape.take(behind);
            }
            _ => {
                let text = "bytes between a gap in the capture and the next frame";
                self.lose(Severity::Warning, rule::CAPTURE, text.into(), 0, features);
            }
        }
    }

    /// Looks for the next frame.
    pub(super) fn search(&mut self, log: &mut Log<'_>) -> Result<(), Stop> {
        let Phase::Lost(lost) = &mut self.phase else { return Ok(()) };
        let rest = self.tape.rest();
        if rest.is_empty() {
            return Err(if self.tape.gap_follows() { Stop::Starved(None) } else { Stop::Blocked });
        }
        let found = resync::find(rest, lost.skip, lost.features);
        let skip = found.as_ref().map_or(rest.len(), |found| found.skip);
        let here = (self.direction, self.tape.offset());
        if skip > 0 {
            let mut text = lost.text.clone();
            let skipped = format!("{skip} byte{} skipped", if skip == 1 { "" } else { "s" });
            let separator = if text.detail.is_empty() { "" } else { "; " };
            text.detail = format!("{}{separator}{skipped}", text.detail);
            log.add(lost.severity, lost.rule, here, text);
            log.counts.bytes_unaccounted += skip as u64;
        }
        self.tape.take(skip);
        match found {
            Some(found) => self.phase = Phase::Open(found.features),
            None => lost.skip = 0,
        }
        Ok(())
    }
}
