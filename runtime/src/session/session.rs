//! A session: what outlives the connections that carry it.

use std::collections::VecDeque;
use std::time::Duration;

use super::accept::{Existing, Phase};
use super::endpoint::Deadline;
use super::queue::OutQueue;
use super::timers::Deadlines;
use super::{Counters, Dropped, Limits, Message, Policy, SessionId, State, Time, TransportId};
use crate::random::Random;
use crate::wire::address::{EntityAddr, EntityName, EntityType};
use crate::wire::features::Features;
use crate::wire::prelude::UTime;
use crate::wire::transport::MessageFrame;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) state: State,
    pub(super) peer_type: EntityType,
    pub(super) peer_addr: EntityAddr,
    pub(super) policy: Policy,
    /// What both sides have; 0 before the first handshake.
    pub(super) features: u64,
    pub(super) transport: Option<TransportId>,

    pub(super) connect_seq: u32,
    pub(super) peer_global_seq: u32,
    /// The connection was open, and `connect_seq` has not been raised since.
    pub(super) was_open: bool,
    /// The pause before the next attempt but one.
    pub(super) backoff: Duration,
    /// The last authorizer was refused.
    pub(super) refused: bool,

    pub(super) in_seq: u64,
    /// The last number acknowledged.
    pub(super) in_seq_acked: u64,
    /// When it is due that the rest be acknowledged.
    pub(super) ack_at: Option<Time>,
    /// Messages and bytes received since then.
    pub(super) unacked: (u32, usize),
    pub(super) out_seq: u64,
    /// Sent on a connection that broke, and to be sent again before anything else.
    pub(super) replay: VecDeque<MessageFrame>,
    pub(super) out: OutQueue<Unsent>,
    /// Sent, and not acknowledged.
    pub(super) sent: VecDeque<MessageFrame>,
    /// How many messages are written and not polled, and will not be kept.
    pub(super) staged: usize,
    /// The bytes of `replay` and `sent`.
    pub(super) sent_bytes: usize,

    pub(super) keepalive: bool,
    pub(super) keepalive_ack: Option<UTime>,
    pub(super) last_keepalive_ack: Option<UTime>,
    /// To be ended once all is sent and acknowledged.
    pub(super) close_on_empty: bool,
    /// The message that broke the connection, and how often in a row.
    pub(super) futile: (u64, u32),
    pub(super) counters: Counters,
}

/// A message that has no number yet.
#[derive(Debug)]
pub(super) struct Unsent {
    pub(super) src: EntityName,
    pub(super) message: Message,
}

/// How many bytes the sections of a frame have.
pub(super) fn body_len(frame: &MessageFrame) -> usize {
    frame.front.len() + frame.middle.len() + frame.data.len()
}

impl Session {
    pub(super) fn new(peer_type: EntityType, peer_addr: EntityAddr, policy: Policy) -> Session {
        Session {
            state: State::Connecting,
            peer_type,
            peer_addr,
            policy,
            features: 0,
            transport: None,
            connect_seq: 0,
            peer_global_seq: 0,
            was_open: false,
            backoff: Duration::ZERO,
            refused: false,
            in_seq: 0,
            in_seq_acked: 0,
            ack_at: None,
            unacked: (0, 0),
            out_seq: 0,
            replay: VecDeque::new(),
            out: OutQueue::new(),
            sent: VecDeque::new(),
            staged: 0,
            sent_bytes: 0,
            keepalive: false,
            keepalive_ack: None,
            last_keepalive_ack: None,
            close_on_empty: false,
            futile: (0, 0),
            counters: Counters::default(),
        }
    }

    /// As the decision on a connect record sees it.
    pub(super) fn as_existing(&self) -> Existing {
        let phase = match self.state {
            State::Connecting => Phase::Connecting,
            State::Wait => Phase::Wait,
            State::Open | State::Standby => Phase::Established,
        };
        Existing {
            phase,
            connect_seq: self.connect_seq,
            peer_global_seq: self.peer_global_seq,
            lossy: self.policy.lossy,
            server: self.policy.server,
        }
    }

    /// Whether there is something to send that a peer should be reached for.
    pub(super) fn is_queued(&self) -> bool {
        !self.out.is_empty() || !self.replay.is_empty() || self.keepalive || self.keepalive_ack.is_some()
    }

    /// The same after a break, when what was not acknowledged is to be sent again.
    pub(super) fn is_pending(&self) -> bool {
        self.is_queued() || !self.sent.is_empty()
    }

    /// How many messages wait to be sent or acknowledged.
    pub(super) fn pending(&self) -> usize {
        self.out.len() + self.replay.len() + self.staged + self.sent.len()
    }

    /// Whether so much waits that no more is taken.
    pub(super) fn is_full(&self, limits: &Limits) -> bool {
        self.pending() >= limits.queued_messages || self.sent_bytes >= limits.queued_bytes
    }

    /// Whether all messages are sent and acknowledged.
    pub(super) fn is_drained(&self) -> bool {
        self.pending() == 0
    }

    /// Whether there are messages to acknowledge.
    pub(super) fn owes_ack(&self) -> bool {
        self.in_seq > self.in_seq_acked
    }

    /// No acknowledgement is due any more. `id` is the session's own.
    pub(super) fn forget_ack(&mut self, id: SessionId, deadlines: &mut Deadlines<Deadline>) {
        self.ack_at = None;
        deadlines.clear(Deadline::Ack(id));
    }

    /// Puts what is not acknowledged back in front, with its numbers (SQ-14, RC-15; `requeue_sent` in
    /// `src/msg/Pipe.cc`).
    pub(super) fn requeue_sent(&mut self) {
        while let Some(frame) = self.sent.pop_back() {
            self.replay.push_front(frame);
        }
    }

    /// The peer has everything up to this number: it is neither kept nor sent again.
    pub(super) fn acknowledged(&mut self, seq: u64) {
        for queue in [&mut self.sent, &mut self.replay] {
            while let Some(frame) = queue.pop_front_if(|frame| frame.header.seq <= seq) {
                self.sent_bytes -= body_len(&frame);
            }
        }
    }

    /// Forgets everything that was queued.
    pub(super) fn discard_out(&mut self) -> Dropped {
        let mut dropped = Dropped {
            unsent: self.out.len() as u64,
            unacknowledged: (self.sent.len() + self.replay.len()) as u64,
            ..Dropped::default()
        };
        let numbered = self.sent.drain(..).chain(self.replay.drain(..)).map(|frame| frame.header.tid);
        for tid in numbered.chain(self.out.take_all().map(|unsent| unsent.message.tid)) {
            dropped.first_tid = Some(dropped.first_tid.map_or(tid, |first| first.min(tid)));
            dropped.last_tid = Some(dropped.last_tid.map_or(tid, |last| last.max(tid)));
        }
        self.sent_bytes = 0;
        dropped
    }

    /// Begins the session anew (4.10 of the reference; `was_session_reset` in `src/msg/Pipe.cc`). What was received and
    /// not dispatched is not the session's to drop. `ack_at_once` is that of
    /// [`Conduct::ack_after_reset`](super::Conduct::ack_after_reset).
    pub(super) fn reset(&mut self, random: &mut Random, ack_at_once: bool) -> Dropped {
        let dropped = self.discard_out();
        self.out_seq = if self.features & Features::MSG_AUTH.0 != 0 { random.below(1 << 31) } else { 0 };
        self.in_seq = 0;
        if ack_at_once {
            self.in_seq_acked = 0;
        }
        self.unacked = (0, 0);
        self.connect_seq = 0;
        self.was_open = false;
        self.counters.remote_resets += 1;
        dropped
    }

    /// Raises `connect_seq` before the next attempt, once for each connection that was open (3.8 of the reference).
    pub(super) fn count_connection(&mut self) {
        if std::mem::take(&mut self.was_open) {
            self.connect_seq = self.connect_seq.wrapping_add(1);
        }
    }

    /// The pause before the next attempt: none at first, then longer ones (PO-05).
    pub(super) fn next_pause(&mut self, timers: &super::Timers, random: &mut Random) -> Duration {
        let pause = self.backoff;
        self.backoff = (pause * 2).clamp(timers.initial_backoff, timers.max_backoff);
        let jitter = pause * u32::from(timers.backoff_jitter.min(100)) / 100;
        let part = random.below(u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX));
        pause - Duration::from_nanos(if jitter.is_zero() { 0 } else { part })
    }

    /// Counts the times that a message broke the connection. Whether it was once too often.
    pub(super) fn is_futile(&mut self, seq: u64, limit: u32) -> bool {
        let times = if self.futile.0 == seq { self.futile.1.saturating_add(1) } else { 1 };
        self.futile = (seq, times);
        times > limit
    }

    /// When an acknowledgement is due that has nothing to travel with.
    pub(super) fn ack_due(&self, now: Time, delay: Duration) -> Time {
        /// With so many messages or bytes not acknowledged, the peer should not have to wait. On a lossy connection it
        /// keeps nothing that would wait for them (SQ-06).
        const MESSAGES: u32 = 64;
        const BYTES: usize = 256 << 10;
        let (messages, bytes) = self.unacked;
        let many = messages >= MESSAGES || bytes >= BYTES;
        if many && !self.policy.lossy { now } else { now + delay }
    }
}
