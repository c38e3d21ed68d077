//! Who is told what happens.

use std::sync::Arc;

use super::{Connection, MessageIn};
use crate::session::{Dropped, Fault, Next, Received};

/// What an application does about messages and events (`Dispatcher` in `src/msg/Dispatcher.h`).
///
/// A messenger asks its dispatchers one after the other, in the order in which they were given. Everything is called
/// from tasks of the messenger, one call at a time, so nothing here may block: what takes long belongs into a task or a
/// thread of its own, to which the message can be handed. It goes on counting against the throttle of its sender until
/// it is dropped.
pub trait Dispatcher: Send + Sync {
    /// Handles a message.
    ///
    /// # Errors
    /// Gives the message back to be offered to the next dispatcher. One that nobody takes is dropped.
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn>;

    /// Whether [`dispatch`](Self::dispatch) takes so little time for this message that the task that received it may
    /// well do it itself if nothing else waits. That saves waking another one, and a queue: among fast messages of a
    /// connection the order is that in which they came, not that of their priorities. The messenger must not be called
    /// here.
    fn can_fast_dispatch(&self, message: &Received) -> bool {
        let _ = message;
        false
    }

    /// A handshake was completed that this side began: the first one, or a later one of the same session.
    fn handle_connect(&self, connection: &Connection) {
        let _ = connection;
    }

    /// A handshake was completed that the peer began.
    fn handle_accept(&self, connection: &Connection) {
        let _ = connection;
    }

    /// A session is over, with what it had not delivered. Whether this dispatcher dealt with it: then the ones after it
    /// are not asked.
    fn handle_reset(&self, connection: &Connection, fault: &Fault, dropped: &Dropped) -> bool {
        let _ = (connection, fault, dropped);
        false
    }

    /// The peer forgot the session, which goes on without what is lost.
    fn handle_remote_reset(&self, connection: &Connection, dropped: &Dropped) {
        let _ = (connection, dropped);
    }

    /// Nobody listens where the session leads. It will be tried again.
    fn handle_refused(&self, connection: &Connection) {
        let _ = connection;
    }

    /// A connection broke, or could not be made for another reason, and the session goes on as `next` tells.
    fn handle_fault(&self, connection: &Connection, fault: &Fault, next: Next) {
        let _ = (connection, fault, next);
    }
}

impl<D: Dispatcher + ?Sized> Dispatcher for Arc<D> {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        (**self).dispatch(message)
    }

    fn can_fast_dispatch(&self, message: &Received) -> bool {
        (**self).can_fast_dispatch(message)
    }

    fn handle_connect(&self, connection: &Connection) {
        (**self).handle_connect(connection);
    }

    fn handle_accept(&self, connection: &Connection) {
        (**self).handle_accept(connection);
    }

    fn handle_reset(&self, connection: &Connection, fault: &Fault, dropped: &Dropped) -> bool {
        (**self).handle_reset(connection, fault, dropped)
    }

    fn handle_remote_reset(&self, connection: &Connection, dropped: &Dropped) {
        (**self).handle_remote_reset(connection, dropped);
    }

    fn handle_refused(&self, connection: &Connection) {
        (**self).handle_refused(connection);
    }

    fn handle_fault(&self, connection: &Connection, fault: &Fault, next: Next) {
        (**self).handle_fault(connection, fault, next);
    }
}
