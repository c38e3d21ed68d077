//! The application's handle of a session.

use std::collections::VecDeque;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};

use tokio::sync::Notify;

use super::inner::{Blocked, Inner};
use crate::session::{Counters, Fault, Message, Misuse, SendError, SessionId, SessionInfo, State, Time};
use crate::wire::address::{EntityAddr, EntityType};
use crate::wire::prelude::UTime;

/// A session with a peer (`Connection` in `src/msg/Message.h`). Clones are the same one.
///
/// It outlives the TCP connections that carry it: while the policy is not lossy, what is sent arrives exactly once and
/// in order, however often they break. What becomes of the session is told to the [`Dispatcher`](super::Dispatcher); a
/// handle that nobody keeps does not end it.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    inner: Arc<Inner>,
    session: SessionId,
    peer_type: EntityType,
    peer_addr: EntityAddr,
    /// Why the session is over.
    over: OnceLock<Fault>,
    /// Told when there may be room to send, and when the session is over.
    changed: Notify,
}

impl Connection {
    pub(super) fn new(
        inner: Arc<Inner>,
        session: SessionId,
        peer_type: EntityType,
        peer_addr: EntityAddr,
    ) -> Connection {
        let (over, changed) = (OnceLock::new(), Notify::new());
        Connection(Arc::new(Shared { inner, session, peer_type, peer_addr, over, changed }))
    }

    /// Sends a message, and waits while too much is waiting already. Done is done when the message is queued.
    ///
    /// Dropping the future before it is done takes the message back: it was not queued and will not be.
    ///
    /// # Errors
    /// When the session is over ([`SendError::Dropped`]), or the message cannot be sent at all.
    pub async fn send(&self, message: Message) -> Result<(), SendError> {
        // Mostly there is room, and nothing to wait for.
        match self.offer(message, false) {
            Err(SendError::Full(back)) => self.send_later(*back).await,
            done => done,
        }
    }

    /// Sends messages one after the other, as [`send`](Self::send) would, with less effort for each of them.
    ///
    /// Dropping the future before it is done, or an error, leaves the first ones queued and the others not; some more than
    /// were queued may have been taken from the iterator.
    ///
    /// # Errors
    /// As [`send`](Self::send), for the first message that cannot be sent.
    pub async fn send_all(&self, messages: impl IntoIterator<Item = Message>) -> Result<(), SendError> {
        /// So many are taken together, few enough for what is close at hand. The iterator is not asked while the lock is
        /// held.
        const TOGETHER: usize = 7;
        let mut messages = messages.into_iter();
        let mut taken = VecDeque::with_capacity(TOGETHER);
        loop {
            if taken.is_empty() {
                taken.extend(messages.by_ref().take(TOGETHER));
            }
            if taken.is_empty() {
                return Ok(());
            }
            self.offer_all(&mut taken);
            // What stops here waits for room, or for the session to open.
            if let Some(message) = taken.pop_front() {
                self.send(message).await?;
            }
        }
    }

    async fn send_later(&self, mut message: Message) -> Result<(), SendError> {
        let mut changed = pin!(self.0.changed.notified());
        loop {
            // Whoever is woken from now on counts, even before the wait begins.
            changed.as_mut().enable();
            match self.offer(message, true) {
                Err(SendError::Full(back)) => message = *back,
                done => return done,
            }
            changed.as_mut().await;
            changed.set(self.0.changed.notified());
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When too much is waiting ([`SendError::Full`] gives the message back), or as [`send`](Self::send).
    pub fn try_send(&self, message: Message) -> Result<(), SendError> {
        self.offer(message, false)
    }

    /// Sends what can be sent at once.
    fn offer_all(&self, messages: &mut VecDeque<Message>) {
        let (inner, session) = (&self.0.inner, self.0.session);
        let mut state = inner.lock();
        state.endpoint.send_all_at_once(session, messages);
        if !state.endpoint.is_drained() {
            inner.settle(state);
        }
    }

    fn offer(&self, message: Message, wait: bool) -> Result<(), SendError> {
        let (inner, session) = (&self.0.inner, self.0.session);
        let mut state = inner.lock();
        let message = match state.endpoint.send_at_once(session, message) {
            // It joins others, of which the pipe knows.
            Ok(()) if state.endpoint.is_drained() => return Ok(()),
            Ok(()) => {
                inner.settle(state);
                return Ok(());
            }
            Err(message) => message,
        };
        // While messages flow the time makes no difference, and asking for it takes longer than all the rest.
        let open = state.endpoint.is_open(session);
        let now = if open { Time::ZERO } else { state.moment.unwrap_or_else(|| inner.now()) };
        let sent = state.endpoint.send(now, session, message);
        if open && sent.is_ok() && state.endpoint.is_drained() {
            return sent;
        }
        if wait && matches!(sent, Err(SendError::Full(_))) {
            let waiting = state.endpoint.pending(session).unwrap_or_default();
            state.blocked.entry(session).or_insert_with(|| Blocked { connection: self.clone(), waiting });
        }
        inner.settle(state);
        sent
    }

    /// Asks the peer for a sign of life. [`last_keepalive_ack`](Self::last_keepalive_ack) tells what came.
    ///
    /// # Errors
    /// When the session is over.
    pub fn send_keepalive(&self) -> Result<(), Misuse> {
        self.0.inner.with(|state, now| state.endpoint.keepalive(now, self.0.session))
    }

    /// Ends the session at once: what was not sent is lost, nothing is told to the peer, and no event comes.
    pub fn mark_down(&self) {
        self.0.inner.with(|state, _| {
            state.endpoint.mark_down(self.0.session);
            state.connections.remove(&self.0.session);
        });
        self.end(Fault::MarkedDown);
    }

    /// Ends the session once everything is sent and acknowledged.
    pub fn mark_down_on_empty(&self) {
        self.0.inner.with(|state, _| state.endpoint.mark_down_on_empty(self.0.session));
    }

    /// Makes the next fault of the session its last.
    pub fn mark_disposable(&self) {
        self.0.inner.with(|state, _| state.endpoint.mark_disposable(self.0.session));
    }

    /// Waits until the session is over. Why it is.
    pub async fn closed(&self) -> Fault {
        let mut changed = pin!(self.0.changed.notified());
        loop {
            changed.as_mut().enable();
            if let Some(fault) = self.0.over.get() {
                return fault.clone();
            }
            changed.as_mut().await;
            changed.set(self.0.changed.notified());
        }
    }

    /// What is at the other end.
    pub fn peer_type(&self) -> EntityType {
        self.0.peer_type
    }

    /// Where the other end is.
    pub fn peer_addr(&self) -> &EntityAddr {
        &self.0.peer_addr
    }

    /// The features that both sides have; 0 before the first handshake.
    pub fn features(&self) -> u64 {
        self.info().map_or(0, |info| info.features)
    }

    /// Whether messages flow at the moment.
    pub fn is_connected(&self) -> bool {
        self.is_loopback() || self.info().is_some_and(|info| info.state == State::Open)
    }

    /// Whether it leads to the own messenger.
    pub fn is_loopback(&self) -> bool {
        self.0.session == SessionId::LOOPBACK
    }

    /// The stamp of the last keepalive that the peer echoed.
    pub fn last_keepalive_ack(&self) -> Option<UTime> {
        self.info()?.last_keepalive_ack
    }

    /// What happened on the session so far; nothing once it is over.
    pub fn stats(&self) -> Counters {
        self.info().map(|info| info.counters).unwrap_or_default()
    }

    /// The session as it is; `None` once it is over, and for the one with oneself.
    pub fn info(&self) -> Option<SessionInfo> {
        self.0.inner.lock().endpoint.session(self.0.session)
    }

    /// The name of the session.
    pub fn session(&self) -> SessionId {
        self.0.session
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0.inner
    }

    pub(super) fn is_marked_down(&self) -> bool {
        self.0.over.get() == Some(&Fault::MarkedDown)
    }

    /// Tells those who wait that the session is over.
    pub(super) fn end(&self, fault: Fault) {
        let _ = self.0.over.set(fault);
        self.0.changed.notify_waiters();
    }

    pub(super) fn wake_senders(&self) {
        self.0.changed.notify_waiters();
    }
}

impl PartialEq for Connection {
    /// Whether both are the same session of the same messenger.
    fn eq(&self, other: &Connection) -> bool {
        self.0.session == other.0.session && Arc::ptr_eq(&self.0.inner, &other.0.inner)
    }
}

impl Eq for Connection {}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("session", &self.0.session)
            .field("peer_type", &self.0.peer_type)
            .field("peer_addr", &format_args!("{}", self.0.peer_addr))
            .finish_non_exhaustive()
    }
}
