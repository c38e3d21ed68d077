//! What an endpoint tells.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Fault, Received, SessionId, TransportId};
use crate::codec::EncodeError;
use crate::wire::address::EntityAddr;
use crate::wire::prelude::UTime;

/// What happened, for the application. The names are those of Firefly's `Dispatcher` where it has one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A handshake was completed that this side began, be it the first one or a later one of the same session
    /// (`ms_handle_connect`).
    Connect(SessionId),
    /// A handshake was completed that the peer began (`ms_handle_accept`).
    Accept(SessionId),
    /// A message came (`ms_dispatch`).
    Message(Received),
    /// The session is over: its id means nothing any more (`ms_handle_reset`).
    Reset {
        /// Which.
        session: SessionId,
        /// Why.
        fault: Fault,
        /// What was lost.
        dropped: Dropped,
    },
    /// The peer forgot the session, which goes on empty (`ms_handle_remote_reset`).
    RemoteReset {
        /// Which.
        session: SessionId,
        /// What was lost.
        dropped: Dropped,
    },
    /// The connection of a session broke, or an attempt to connect failed. Firefly does not tell.
    Fault {
        /// Which.
        session: SessionId,
        /// Why.
        fault: Fault,
        /// What happens next.
        next: Next,
    },
    /// An accepted connection ended before it had a session. Firefly resets a handle that nobody has seen.
    HandshakeFailed {
        /// Which.
        transport: TransportId,
        /// Whence it came.
        peer: SocketAddr,
        /// Why.
        fault: Fault,
    },
    /// A message that was taken for sending cannot be written for this peer, which lacks the features for what it says.
    /// It is dropped. Firefly would leave out what the peer cannot be told.
    Unwritable {
        /// For which session it was.
        session: SessionId,
        /// Its type.
        number: u16,
        /// Its transaction id.
        tid: u64,
        /// What cannot be written.
        error: EncodeError,
    },
    /// A keepalive was echoed.
    KeepaliveAck {
        /// Whence.
        session: SessionId,
        /// When it was sent.
        stamp: UTime,
    },
    /// The own address is known now.
    AddrLearned(EntityAddr),
}

/// How a session goes on after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It connects again, after a pause.
    Reconnect(Duration),
    /// It sleeps until something is to be sent, or the peer connects.
    Standby,
}

/// What was lost with a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// Messages never sent.
    pub unsent: u64,
    /// Messages sent, of which it is not known whether they arrived.
    pub unacknowledged: u64,
    /// Messages received, acknowledged, and not dispatched.
    pub undispatched: u64,
    /// The lowest transaction id among those not acknowledged or not sent.
    pub first_tid: Option<u64>,
    /// The highest one.
    pub last_tid: Option<u64>,
}

/// What an endpoint wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Open a TCP connection, and say how it went with [`Endpoint::connected`](super::Endpoint::connected) or
    /// [`Endpoint::closed`](super::Endpoint::closed).
    Dial {
        /// Its name from now on.
        transport: TransportId,
        /// Where to.
        addr: SocketAddr,
    },
    /// Close the connection. The transport's name means nothing any more.
    Close {
        /// Which.
        transport: TransportId,
        /// Whether what was polled for it before is to be written first.
        flush: bool,
    },
    /// There is something to write: [`Endpoint::poll_transmit`](super::Endpoint::poll_transmit).
    Transmit(TransportId),
    /// A throttle let go: offer the bytes that are there again, with [`Endpoint::handle_input`](super::Endpoint::handle_input).
    Resume(TransportId),
}

/// How an endpoint gets further with the input of a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// With at least so many more bytes; without any when what a [`FastLane`](super::FastLane) took is handed out.
    Bytes(usize),
    /// When a throttle lets go: read no more until [`Command::Resume`].
    Pause,
    /// Not at all: the transport is closed.
    Nothing,
}
