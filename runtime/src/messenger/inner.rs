//! What the handles and tasks of one messenger share.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::SocketOptions;
use super::by_id::ById;
use super::connection::Connection;
use super::dispatch::{DispatchQueue, Due};
use super::pipe::{Pipe, Transport};
use super::read_buffer::Pool;
use super::reaper::Ended;
use super::signal::Orders;
use crate::session::{Command, Endpoint, Event, Misuse, Received, SessionId, Time, TransportId};

/// A messenger without its handle. The endpoint lies behind the one lock; nothing waits while it is held.
pub(super) struct Inner {
    pub(super) label: String,
    pub(super) socket: SocketOptions,
    /// The moment that is [`Time::ZERO`].
    pub(super) epoch: Instant,
    pub(super) dispatch: DispatchQueue,
    /// Wakes the timer when it has to ring earlier.
    pub(super) timer: Notify,
    /// Where pipes go when they ended.
    pub(super) reaper: mpsc::UnboundedSender<Ended>,
    /// Told whenever a pipe was reaped.
    pub(super) reaped: Notify,
    /// Where tasks run; known from the start on.
    pub(super) runtime: OnceLock<Handle>,
    /// How often the operating system refused to accept a connection.
    pub(super) accept_failures: AtomicU64,
    /// How often sockets were read and written.
    pub(super) reads: AtomicU64,
    pub(super) writes: AtomicU64,
    /// Where pipes read.
    pub(super) pool: Pool,
    state: Mutex<State>,
}

/// What the lock guards.
pub(super) struct State {
    /// For new handles.
    inner: Weak<Inner>,
    pub(super) endpoint: Endpoint,
    pub(super) stage: Stage,
    /// All pipes that were not reaped.
    pub(super) pipes: ById<TransportId, Arc<Pipe>>,
    /// The handles of sessions that somebody has seen.
    pub(super) connections: ById<SessionId, Connection>,
    /// Whether somebody hands out events at the moment, or nobody may.
    pub(super) dispatching: bool,
    /// When the timer rings.
    pub(super) armed: Option<Time>,
    /// The sessions on which somebody waits for room to send.
    pub(super) blocked: ById<SessionId, Blocked>,
    /// Pipes that read no more until less waits to be dispatched.
    held: Vec<Arc<Pipe>>,
    /// The time while fast messages are handed out: it is not asked for again for each of them.
    pub(super) moment: Option<Time>,
    /// Room for fast messages that are taken out of the queue together; whoever is in charge has it.
    pub(super) burst: Vec<Due>,
    /// Room for those that do not get into the queue.
    pub(super) lane: Vec<Received>,
}

/// While more events wait to be dispatched, nothing is read: what has no bytes is not bounded by the throttle.
const WAITING: u64 = 1024;

/// How far a messenger's life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Created,
    Started,
    Stopped,
}

/// A session on which somebody waits for room to send.
pub(super) struct Blocked {
    pub(super) connection: Connection,
    /// How many messages of the session were in the way.
    pub(super) waiting: usize,
}

/// What is to be done once the lock is released.
#[derive(Default)]
pub(super) struct Todo {
    /// The pipe that asks has something to write.
    pub(super) transmit: bool,
    /// An event that nobody else hands out.
    pub(super) due: Option<Due>,
    rest: Vec<Action>,
    timer: bool,
}

/// What else there may be to do.
enum Action {
    Raise(Arc<Pipe>, Orders),
    Dial(Arc<Pipe>, SocketAddr),
    /// There is room to send.
    Wake(Connection),
}

impl Inner {
    /// A messenger around an endpoint, and what its reaper listens to.
    pub(super) fn new(
        label: String,
        socket: SocketOptions,
        epoch: Instant,
        endpoint: Endpoint,
    ) -> (Arc<Inner>, mpsc::UnboundedReceiver<Ended>) {
        let (reaper, ended) = mpsc::unbounded_channel();
        let state = |inner: &Weak<Inner>| State {
            inner: inner.clone(),
            endpoint,
            stage: Stage::Created,
            pipes: ById::default(),
            connections: ById::default(),
            dispatching: true,
            armed: None,
            blocked: ById::default(),
            held: Vec::new(),
            moment: None,
            burst: Vec::new(),
            lane: Vec::new(),
        };
        let inner = |inner: &Weak<Inner>| Inner {
            label,
            socket,
            epoch,
            dispatch: DispatchQueue::default(),
            timer: Notify::new(),
            reaper,
            reaped: Notify::new(),
            runtime: OnceLock::new(),
            accept_failures: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            pool: Pool::default(),
            writes: AtomicU64::new(0),
            state: Mutex::new(state(inner)),
        };
        (Arc::new_cyclic(inner), ended)
    }

    /// The time, as the endpoint is told it.
    pub(super) fn now(&self) -> Time {
        Time::ZERO + self.epoch.elapsed()
    }

    /// Takes the lock. What was called on the endpoint under it must be [settled](Inner::settle).
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the endpoint, and does what it wants.
    pub(super) fn with<R>(self: &Arc<Inner>, call: impl FnOnce(&mut State, Time) -> R) -> R {
        let mut state = self.lock();
        let now = state.moment.unwrap_or_else(|| self.now());
        let result = call(&mut state, now);
        self.settle(state);
        result
    }

    /// Releases the lock and does what the endpoint wants.
    pub(super) fn settle(self: &Arc<Inner>, mut state: MutexGuard<'_, State>) {
        let mut todo = Todo::default();
        state.collect(None, &mut todo);
        drop(state);
        self.act(todo);
    }

    /// Does what was to be done after the lock.
    pub(super) fn act(self: &Arc<Inner>, todo: Todo) {
        for action in todo.rest {
            match action {
                Action::Raise(pipe, orders) => pipe.signal.raise(orders),
                Action::Dial(pipe, addr) => self.run(pipe, Transport::Dial(addr)),
                Action::Wake(connection) => connection.wake_senders(),
            }
        }
        if todo.timer {
            self.timer.notify_one();
        }
        if let Some(due) = todo.due {
            self.dispatch.hand_over(due);
        }
    }

    /// Lets the endpoint know of an accepted connection, and begins to serve it.
    pub(super) fn accepted(self: &Arc<Inner>, stream: TcpStream, peer: SocketAddr) {
        self.socket.apply(&stream);
        let now = self.now();
        let mut state = self.lock();
        if state.stage != Stage::Started {
            return;
        }
        let pipe = match state.endpoint.accept(now, peer) {
            Ok(transport) => state.add_pipe(transport, peer),
            Err(misuse) => return self.check(Err(misuse)),
        };
        self.settle(state);
        self.run(pipe, Transport::Open(stream));
    }

    /// Tells of a call that made no sense.
    pub(super) fn check(&self, told: Result<(), Misuse>) {
        if let Err(misuse) = told {
            tracing::error!(messenger = %self.label, "{misuse}");
        }
    }

    /// Starts the task of a pipe.
    fn run(self: &Arc<Inner>, pipe: Arc<Pipe>, transport: Transport) {
        let Some(runtime) = self.runtime.get() else { return };
        // Held while the task starts: the reaper must find the handle.
        let mut join = pipe.join.lock().unwrap_or_else(PoisonError::into_inner);
        *join = Some(runtime.spawn(Pipe::run(self.clone(), pipe.clone(), transport)));
    }
}

impl State {
    /// Takes the commands of the endpoint, and looks what else there is to do. The pipe `own` asks, and is not told to
    /// write: it sees that in `todo`.
    pub(super) fn collect(&mut self, own: Option<TransportId>, todo: &mut Todo) {
        while let Some(command) = self.endpoint.poll_command() {
            let (transport, orders) = match command {
                Command::Dial { transport, addr } => {
                    todo.rest.push(Action::Dial(self.add_pipe(transport, addr), addr));
                    continue;
                }
                Command::Transmit(transport) if Some(transport) == own => {
                    todo.transmit = true;
                    continue;
                }
                Command::Transmit(transport) => (transport, Orders::TRANSMIT),
                Command::Resume(transport) => (transport, Orders::RESUME),
                Command::Close { transport, flush: false } => (transport, Orders::CLOSE),
                Command::Close { transport, flush: true } => {
                    self.keep_tail(transport);
                    (transport, Orders::CLOSE.and(Orders::FLUSH))
                }
            };
            if let Some(pipe) = self.pipes.get(&transport) {
                todo.rest.push(Action::Raise(pipe.clone(), orders));
            }
        }
        if !self.dispatching {
            todo.due = self.next_due();
            self.dispatching = todo.due.is_some();
        }
        if let Some(next) = self.endpoint.poll_timeout()
            && self.armed.is_none_or(|armed| next < armed)
        {
            self.armed = Some(next);
            todo.timer = true;
        }
        if !self.blocked.is_empty() {
            self.find_room(todo);
        }
        if !self.held.is_empty() {
            self.let_go(todo);
        }
    }

    /// The next event, with the connection that it is about.
    pub(super) fn next_due(&mut self) -> Option<Due> {
        let event = self.endpoint.poll_event()?;
        let connection = match &event {
            Event::Message(message) => self.connection(message.session),
            Event::Connect(session)
            | Event::Accept(session)
            | Event::RemoteReset { session, .. }
            | Event::Fault { session, .. }
            | Event::KeepaliveAck { session, .. } => self.connection(*session),
            Event::Reset { session, .. } => self.connections.remove(session),
            _ => None,
        };
        Some(Due { connection, event })
    }

    /// The handle of a session; made for one that nobody has seen yet.
    pub(super) fn connection(&mut self, session: SessionId) -> Option<Connection> {
        if let Some(connection) = self.connections.get(&session) {
            return Some(connection.clone());
        }
        let peer = match self.endpoint.session(session) {
            Some(info) => (info.peer_type, info.peer_addr),
            None if session == SessionId::LOOPBACK => {
                (self.endpoint.config().name.r#type, self.endpoint.addr().clone())
            }
            None => return None,
        };
        let connection = Connection::new(self.inner.upgrade()?, session, peer.0, peer.1);
        self.connections.insert(session, connection.clone());
        Some(connection)
    }

    /// Whether a pipe may read on. If not, it is told when it may.
    pub(super) fn may_read(&mut self, pipe: &Arc<Pipe>) -> bool {
        let full = self.endpoint.stats().undispatched > WAITING;
        if full {
            self.held.push(pipe.clone());
        }
        !full
    }

    /// Lets held pipes read again if little waits to be dispatched.
    fn let_go(&mut self, todo: &mut Todo) {
        if self.endpoint.stats().undispatched <= WAITING / 2 {
            todo.rest.extend(self.held.drain(..).map(|pipe| Action::Raise(pipe, Orders::RESUME)));
        }
    }

    fn add_pipe(&mut self, transport: TransportId, peer: SocketAddr) -> Arc<Pipe> {
        let pipe = Arc::new(Pipe::new(transport, peer));
        self.pipes.insert(transport, pipe.clone());
        pipe
    }

    /// Keeps what a transport has still to say: after this the endpoint does not know it any more.
    fn keep_tail(&mut self, transport: TransportId) {
        let mut tail: Vec<Bytes> = Vec::new();
        // What is closing has its last words ready: the time makes no difference.
        while self.endpoint.poll_transmit(Time::ZERO, transport, &mut tail) {}
        if let Some(pipe) = self.pipes.get(&transport) {
            pipe.tail.lock().unwrap_or_else(PoisonError::into_inner).append(&mut tail);
        }
    }

    /// Finds those who can send again.
    fn find_room(&mut self, todo: &mut Todo) {
        let State { blocked, endpoint, .. } = self;
        blocked.retain(|session, Blocked { connection, waiting }| {
            let left = endpoint.pending(*session);
            // Not for every single message: waking costs more than sending.
            let full = left.is_some_and(|left| left > *waiting / 8 * 7);
            if !full {
                todo.rest.push(Action::Wake(connection.clone()));
            }
            full
        });
    }
}
