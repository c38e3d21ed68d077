//! A message in the hands of the application.

use std::fmt;
use std::ops::Deref;

use super::Connection;
use crate::codec::Parts;
use crate::session::Received;
use crate::wire::payload::Payload;

/// A message that was received. It counts against the throttle of its sender's policy until it is dropped.
pub struct MessageIn {
    connection: Connection,
    received: Received,
}

impl MessageIn {
    #[inline(always)]
    pub(super) fn new(connection: Connection, received: Received) -> MessageIn {
        MessageIn { connection, received }
    }

    /// Whence it came, and whither an answer goes.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What it says, without the rest.
    pub fn into_payload(mut self) -> Payload {
        std::mem::replace(&mut self.received.payload, Payload::opaque(0, Parts::default()))
    }
}

impl Deref for MessageIn {
    type Target = Received;

    fn deref(&self) -> &Received {
        &self.received
    }
}

impl Drop for MessageIn {
    fn drop(&mut self) {
        if !self.received.permit.is_empty() {
            let permit = std::mem::take(&mut self.received.permit);
            self.connection.inner().with(|state, _| state.endpoint.release(permit));
        }
    }
}

impl fmt::Debug for MessageIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageIn")
            .field("connection", &self.connection)
            .field("src", &self.received.src)
            .field("seq", &self.received.seq)
            .field("tid", &self.received.tid)
            .field("type", &self.received.payload.number())
            .finish_non_exhaustive()
    }
}
