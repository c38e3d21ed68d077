//! Numbers that one side counts and the other confirms.

use std::collections::HashSet;

use firefly_runtime::wire::prelude::UTime;

use super::finding::{Severity, Text};
use super::log::{Log, Spot};
use crate::capture::Direction;

/// What one side numbered and confirmed.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// The last message it sent, if it is known.
    last: Option<u64>,
    /// The highest number it sent, or that its peer had from it already.
    highest: u64,
    /// What it had received when the session was resumed.
    received: u64,
    /// What its peer had received when the session was resumed.
    resumes_behind: u64,
    /// The first message of the connection, and where it is.
    first: Option<(u64, u64)>,
    /// Messages may have gone unseen.
    interrupted: bool,
    acks: Vec<(u64, u64)>,
    asked: HashSet<(u32, u32)>,
    echoed: Vec<(u64, UTime)>,
}

impl Sequence {
    /// A message of its own.
    pub(super) fn message(&mut self, seq: u64, spot: Spot, log: &mut Log<'_>) {
        if let Some(last) = self.last {
            let expected = last.wrapping_add(1);
            if seq != expected {
                let what = if seq <= last {
                    "a message is numbered again, its receiver drops it"
                } else {
                    "message numbers are left out"
                };
                let text = Text::new(what, format!("expected {expected}, found {seq}"));
                log.add(Severity::Warning, "SQ-01", spot, text);
            }
        } else if seq == 0 {
            log.add(Severity::Warning, "SQ-09", spot, "the first message has number 0, its receiver drops it");
        }
        if self.first.is_none() && !self.interrupted {
            self.first = Some((seq, spot.1));
        }
        self.last = Some(seq);
        self.highest = self.highest.max(seq);
    }

    /// A confirmation of the peer's messages.
    pub(super) fn ack(&mut self, seq: u64, spot: Spot) {
        self.acks.push((spot.1, seq));
    }

    /// A question for a sign of life.
    pub(super) fn keepalive(&mut self, stamp: UTime) {
        self.asked.insert((stamp.tv_sec, stamp.tv_nsec));
    }

    /// An answer to the peer's question.
    pub(super) fn keepalive_ack(&mut self, stamp: UTime, spot: Spot) {
        self.echoed.push((spot.1, stamp));
    }

    /// What it had received when the session was resumed.
    pub(super) fn received_before(&mut self, seq: u64) {
        self.received = seq;
    }

    /// What the peer had received when the session was resumed.
    pub(super) fn resumes_behind(&mut self, seq: u64) {
        self.resumes_behind = seq;
    }

    /// Messages may have gone unseen.
    pub(super) fn interrupt(&mut self) {
        self.last = None;
        self.interrupted = true;
    }

    /// Judges where it went on, once that is known from both sides.
    pub(super) fn resumed(&self, direction: Direction, log: &mut Log<'_>) {
        let had = self.resumes_behind;
        if let Some((seq, offset)) = self.first.filter(|(seq, _)| *seq <= had) {
            let rule = if direction == Direction::Client { "RC-13" } else { "RC-14" };
            let detail = format!("expected more than {had}, found {seq}");
            let text = Text::new("a message is sent again that its receiver already had", detail);
            log.add(Severity::Warning, rule, (direction, offset), text);
        }
    }

    /// Judges the confirmations, once all that the peer sent is known.
    pub(super) fn compare(&self, peer: &Sequence, direction: Direction, log: &mut Log<'_>) {
        let highest = peer.highest.max(self.received);
        for &(offset, seq) in self.acks.iter().filter(|(_, seq)| *seq > highest) {
            let text =
                Text::new("a message is acknowledged that was never sent", format!("{seq}, sent up to {highest}"));
            log.add(Severity::Warning, "SQ-11", (direction, offset), text);
        }
        let asked = |stamp: &UTime| peer.asked.contains(&(stamp.tv_sec, stamp.tv_nsec));
        for (offset, stamp) in self.echoed.iter().filter(|(_, stamp)| !asked(stamp)) {
            let text = Text::new("a keepalive is answered that was never sent", format!("{stamp:?}"));
            log.add(Severity::Warning, "KA-02", (direction, *offset), text);
        }
    }
}
