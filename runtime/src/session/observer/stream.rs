//! One direction of a connection.

use bytes::{Bytes, BytesMut};

use super::super::reading::{Element, Expect, Reading};
use super::super::{Limits, PeerMisbehaved};
use super::Side;
use super::numbers::Numbers;
use crate::codec::{ChecksumPolicy, Context, Measure};
use crate::wire::transport::Frame;

/// The bytes of one direction that were not read yet, and what they should be.
#[derive(Debug)]
pub(super) struct Stream {
    rest: BytesMut,
    /// Where that begins, in bytes from the start.
    offset: u64,
    /// Nothing: it is not known what comes.
    pub(super) expect: Expect,
    /// The features with which frames are read.
    pub(super) features: u64,
    /// The checksum of the next header is known to be wrong.
    pub(super) trusting: bool,
    /// How many bytes are needed to get on.
    need: usize,
    /// How long the element is that begins here, if that is known and not all of it is there.
    pub(super) whole: Option<usize>,
    /// Bytes to come that belong to an element which is lost.
    lost: u64,
    pub(super) numbers: Numbers,
    /// All that was sent could be read.
    pub(super) is_whole: bool,
    /// The sender closed it.
    pub(super) closed: bool,
}

impl Stream {
    pub(super) fn new(features: u64) -> Stream {
        Stream {
            rest: BytesMut::new(),
            offset: 0,
            expect: Expect::Banner,
            features,
            trusting: false,
            need: 1,
            whole: None,
            lost: 0,
            numbers: Numbers::default(),
            is_whole: true,
            closed: false,
        }
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.rest
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn input(&mut self, bytes: &[u8]) {
        let lost = usize::try_from(self.lost).unwrap_or(usize::MAX).min(bytes.len());
        self.lost -= lost as u64;
        self.offset += lost as u64;
        self.rest.extend_from_slice(bytes.get(lost..).unwrap_or_default());
    }

    /// Drops bytes from the front, as far as there are any. How many those are.
    pub(super) fn take(&mut self, n: usize) -> usize {
        let taken = self.rest.split_to(n.min(self.rest.len())).len();
        self.offset += taken as u64;
        (self.need, self.whole) = (1, None);
        taken
    }

    /// From here on this comes.
    pub(super) fn goes_on(&mut self, expect: Expect, features: u64) {
        (self.expect, self.features) = (expect, features);
        (self.need, self.whole) = (1, None);
    }

    /// From here on nothing is known.
    pub(super) fn lose(&mut self) {
        (self.is_whole, self.trusting) = (false, false);
        self.numbers.interrupt();
        self.goes_on(Expect::Nothing, self.features);
    }

    /// Bytes are missing behind what is here. Of a frame whose length is known, the rest is dropped as it comes, and
    /// what follows can be read.
    pub(super) fn gap(&mut self, length: u64) {
        let end = self.whole.filter(|_| self.expect == Expect::Frame).map(|whole| self.offset + whole as u64);
        let behind = self.offset + self.rest.len() as u64 + length;
        let end = if self.lost > 0 { Some(self.offset + self.lost) } else { end };
        self.rest.clear();
        self.offset = behind;
        self.lost = 0;
        match end.and_then(|end| end.checked_sub(behind)) {
            Some(lost) => {
                self.is_whole = false;
                self.numbers.interrupt();
                self.goes_on(self.expect, self.features);
                self.lost = lost;
            }
            None => self.lose(),
        }
    }

    /// Reads the element that comes next, if all of it is there. Its bytes, too.
    pub(super) fn next(&mut self, limits: &Limits) -> Result<Option<(Element, Bytes)>, PeerMisbehaved> {
        if self.expect == Expect::Nothing || self.rest.len() < self.need {
            return Ok(None);
        }
        let reading = Reading { features: self.features, limits: *limits, nocrc: false };
        let measure = match self.trusting {
            true => self.measure_trusting(&reading)?,
            false => reading.measure(self.expect, &self.rest)?,
        };
        match measure {
            Measure::Whole(n) if n <= self.rest.len() => {
                let bytes = self.rest.split_to(n).freeze();
                match reading.decode(self.expect, bytes.clone()) {
                    Ok(element) => {
                        self.offset += n as u64;
                        self.trusting = false;
                        (self.need, self.whole) = (1, None);
                        Ok(Some((element, bytes)))
                    }
                    Err(fault) => {
                        let mut rest = BytesMut::from(bytes);
                        rest.unsplit(std::mem::take(&mut self.rest));
                        self.rest = rest;
                        Err(fault)
                    }
                }
            }
            Measure::Whole(n) => {
                (self.need, self.whole) = (n, Some(n));
                Ok(None)
            }
            Measure::More(n) => {
                (self.need, self.whole) = (n.max(self.rest.len() + 1), None);
                Ok(None)
            }
        }
    }

    fn measure_trusting(&self, reading: &Reading) -> Result<Measure, PeerMisbehaved> {
        let ctx = Context {
            features: self.features,
            limits: reading.limits.decode,
            checksums: ChecksumPolicy::Report,
            ..Context::default()
        };
        match Frame::measure(&self.rest, &ctx) {
            Ok(measure) => Ok(measure),
            Err(_) => reading.measure(self.expect, &self.rest),
        }
    }
}

/// What comes first on a side after the banner.
pub(super) fn hello(side: Side) -> Expect {
    match side {
        Side::Client => Expect::ClientHello,
        Side::Server => Expect::ServerHello,
    }
}
