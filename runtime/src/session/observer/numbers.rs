//! Numbers that one side counts and the other confirms.

use std::collections::HashSet;

use super::{Observation, Oddity, Side};
use crate::wire::prelude::UTime;

/// What one side numbered and confirmed.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The last message it sent, if it is known.
    last: Option<u64>,
    /// The highest number it sent.
    pub(super) highest: u64,
    /// What it had received when the session was resumed.
    pub(super) received: u64,
    /// What its peer had received when the session was resumed.
    pub(super) peer_received: u64,
    /// The first message of the connection: its number, and where it is.
    first: Option<(u64, u64)>,
    /// Messages may have gone unseen.
    interrupted: bool,
    /// Confirmations of what was not seen yet, and where they are.
    early_acks: Vec<(u64, u64)>,
    asked: HashSet<(u32, u32)>,
    /// Echoes of what was not seen yet, and where they are.
    early_echoes: Vec<(u64, UTime)>,
}

impl Numbers {
    /// A message of its own. What is odd about its number, if anything is (SQ-01, SQ-09).
    pub(super) fn message(&mut self, seq: u64, offset: u64) -> Option<Oddity> {
        let expected = self.last.map(|last| last.wrapping_add(1));
        let oddity = match expected {
            Some(expected) if seq > expected => Some(Oddity::NumbersLeftOut { expected, found: seq }),
            Some(expected) if seq < expected => Some(Oddity::NumberedAgain { expected, found: seq }),
            None if seq == 0 => Some(Oddity::NumberZero),
            _ => None,
        };
        if self.first.is_none() && !self.interrupted {
            self.first = Some((seq, offset));
        }
        self.last = Some(seq);
        self.highest = self.highest.max(seq);
        oddity
    }

    /// A confirmation of the peer's messages, who has sent these so far.
    pub(super) fn ack(&mut self, seq: u64, offset: u64, peer: &Numbers) {
        if seq > peer.highest.max(self.received) {
            self.early_acks.push((offset, seq));
        }
    }

    /// A question for a sign of life.
    pub(super) fn keepalive(&mut self, stamp: UTime) {
        self.asked.insert((stamp.tv_sec, stamp.tv_nsec));
    }

    /// An answer to a question of the peer.
    pub(super) fn echo(&mut self, stamp: UTime, offset: u64, peer: &Numbers) {
        if !peer.has_asked(stamp) {
            self.early_echoes.push((offset, stamp));
        }
    }

    fn has_asked(&self, stamp: UTime) -> bool {
        self.asked.contains(&(stamp.tv_sec, stamp.tv_nsec))
    }

    /// Messages may have gone unseen.
    pub(super) fn interrupt(&mut self) {
        self.last = None;
        self.interrupted = true;
    }

    /// Judges where it went on, once that is known from both sides (RC-13, RC-14).
    pub(super) fn resumed(&self, side: Side) -> Option<Observation> {
        let had = self.peer_received;
        let (found, offset) = self.first.filter(|(seq, _)| *seq <= had)?;
        // A number of 0 was told of already.
        (had > 0).then_some(Observation { side, offset, oddity: Oddity::SentAgain { had, found } })
    }

    /// Judges the confirmations, once all that the peer sent is known (SQ-11, KA-02).
    pub(super) fn unconfirmed(&self, side: Side, peer: &Numbers) -> Vec<Observation> {
        let sent = peer.highest.max(self.received);
        let beyond = self.early_acks.iter().filter(|(_, seq)| *seq > sent);
        let acks = beyond.map(|&(offset, found)| (offset, Oddity::AckBeyondSent { found, sent }));
        let unasked = self.early_echoes.iter().filter(|(_, stamp)| !peer.has_asked(*stamp));
        let echoes = unasked.map(|&(offset, stamp)| (offset, Oddity::EchoOfNothing(stamp)));
        acks.chain(echoes).map(|(offset, oddity)| Observation { side, offset, oddity }).collect()
    }
}
