//! Messages on their way.

use super::{SessionId, Time};
use crate::wire::address::EntityName;
use crate::wire::payload::Payload;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it says. [`Payload::Opaque`] is sent as it is.
    pub payload: Payload,
    /// Relates an answer to its question; means nothing to the transport.
    pub tid: u64,
    /// Higher ones are sent and dispatched first; 0 for the messenger's default.
    pub priority: u16,
    /// Where in a page the data belongs.
    pub data_off: u16,
}

impl Message {
    /// A message with the default priority.
    pub fn new(payload: impl Into<Payload>) -> Message {
        Message { payload: payload.into(), tid: 0, priority: 0, data_off: 0 }
    }

    /// The same with a transaction id.
    #[inline]
    pub fn tid(self, tid: u64) -> Message {
        Message { tid, ..self }
    }

    /// The same with a priority.
    #[inline]
    pub fn priority(self, priority: u16) -> Message {
        Message { priority, ..self }
    }
}

/// A message that was received.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// Whence it came; [`SessionId::LOOPBACK`] if it was sent to the own address.
    pub session: SessionId,
    /// Who says to have sent it.
    pub src: EntityName,
    /// Its number in the session; 0 on the loopback.
    pub seq: u64,
    /// Relates an answer to its question.
    pub tid: u64,
    /// How urgent it is.
    pub priority: u16,
    /// What it says.
    pub payload: Payload,
    /// When its last byte came.
    pub received: Time,
    /// What it takes of the throttles: give it back with [`Endpoint::dispatched`](super::Endpoint::dispatched) and
    /// [`Endpoint::release`](super::Endpoint::release).
    pub permit: Permit,
}

/// Where messages go that need not wait for their turn among the events, as long as nothing else waits there.
pub struct FastLane<'a> {
    /// Whether it takes a message.
    pub takes: &'a dyn Fn(&Received) -> bool,
    /// What it took, in the order in which it came.
    pub messages: &'a mut Vec<Received>,
    /// How many messages it takes.
    pub room: usize,
}

impl FastLane<'_> {
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= self.room
    }

    /// Takes a message, or gives it back.
    #[inline(always)]
    pub(super) fn offer(&mut self, message: Received) -> Option<Received> {
        self.messages.push(message);
        self.messages.pop_if(|message| !(self.takes)(message))
    }
}

/// A share of the throttles, held by a message from its header on (4.7 of the reference).
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "a permit that is not given back throttles for ever"]
pub struct Permit {
    /// The throttle of the policy.
    pub(super) throttle: Option<usize>,
    /// What it takes of that.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// What it takes of the dispatch throttle.
    pub(super) dispatch_bytes: u64,
}

impl Permit {
    /// The bytes that it takes of the dispatch throttle.
    pub fn dispatch_bytes(&self) -> u64 {
        self.dispatch_bytes
    }

    /// Whether there is nothing to give back.
    pub fn is_empty(&self) -> bool {
        self.throttle.is_none() && self.dispatch_bytes == 0
    }

    /// Adds what another permit takes of the dispatch throttle.
    pub fn add_dispatch(&mut self, other: Permit) {
        self.dispatch_bytes += other.dispatch_bytes;
    }

    /// The share of the dispatch throttle by itself; the rest stays.
    pub fn take_dispatch(&mut self) -> Permit {
        Permit { dispatch_bytes: std::mem::take(&mut self.dispatch_bytes), ..Permit::default() }
    }
}
