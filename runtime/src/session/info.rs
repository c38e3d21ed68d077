//! What can be seen of an endpoint.

use super::session::Session;
use super::{Policy, TransportId};
use crate::wire::address::{EntityAddr, EntityType};
use crate::wire::prelude::UTime;

/// The state of a session (`Pipe::STATE_*` in `src/msg/Pipe.h`; 4.1 of the reference). One that is closed is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A handshake is on its way, or the pause before it.
    Connecting,
    /// Messages flow, or will as soon as the peer has said what it received.
    Open,
    /// Asleep until something is to be sent, or the peer connects.
    Standby,
    /// The peer is to connect.
    Wait,
}

/// A session as it is at a moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its state.
    pub state: State,
    /// What is at the other end.
    pub peer_type: EntityType,
    /// Where that is.
    pub peer_addr: EntityAddr,
    /// The policy; lossy as the server says once it is open (HS-24).
    pub policy: Policy,
    /// What both sides have; 0 before the first handshake.
    pub features: u64,
    /// Counts the connections.
    pub connect_seq: u32,
    /// The attempt of the peer that the connection goes back to.
    pub peer_global_seq: u32,
    /// The last message received.
    pub in_seq: u64,
    /// The last number given out.
    pub out_seq: u64,
    /// Messages waiting to be sent, for the first time or again.
    pub queued: usize,
    /// Messages sent and not acknowledged.
    pub unacknowledged: usize,
    /// Messages received and not acknowledged.
    pub owes_ack: bool,
    /// The transport that carries it, if there is one.
    pub transport: Option<TransportId>,
    /// The stamp of the last keepalive that was echoed.
    pub last_keepalive_ack: Option<UTime>,
    /// What happened so far.
    pub counters: Counters,
}

impl SessionInfo {
    pub(super) fn of(s: &Session) -> SessionInfo {
        SessionInfo {
            state: s.state,
            peer_type: s.peer_type,
            peer_addr: s.peer_addr.clone(),
            policy: s.policy,
            features: s.features,
            connect_seq: s.connect_seq,
            peer_global_seq: s.peer_global_seq,
            in_seq: s.in_seq,
            out_seq: s.out_seq,
            queued: s.out.len() + s.replay.len(),
            unacknowledged: s.sent.len(),
            owes_ack: s.owes_ack(),
            transport: s.transport,
            last_keepalive_ack: s.last_keepalive_ack,
            counters: s.counters,
        }
    }
}

/// What happened on a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Attempts to connect: transports dialled.
    pub attempts: u64,
    /// Connect records sent that begin a session.
    pub connects: u64,
    /// Connect records sent that continue it.
    pub reconnects: u64,
    /// Handshakes completed as client.
    pub connected: u64,
    /// Handshakes completed as server.
    pub accepted: u64,
    /// Times that a connection of the peer took the place of another, or of an attempt.
    pub replaced: u64,
    /// Times that the session began anew.
    pub remote_resets: u64,
    /// Messages sent, those sent again included.
    pub messages_sent: u64,
    /// Messages sent again.
    pub messages_resent: u64,
    /// Messages received and delivered.
    pub messages_received: u64,
    /// Messages dropped because they had come before.
    pub duplicates: u64,
}

/// What happened at an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Transports accepted.
    pub accepted: u64,
    /// Transports dialled.
    pub dialled: u64,
    /// Accepted transports that ended in their handshake.
    pub handshakes_failed: u64,
    /// Replies to connect records, by tag.
    pub replies: [u64; 17],
    /// Messages and events that wait to be dispatched.
    pub undispatched: u64,
    /// Bytes that were received and are not dispatched.
    pub dispatch_bytes: u64,
}
