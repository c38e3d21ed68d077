//! The endpoint: what an application and a driver call.

use std::collections::{HashMap, VecDeque};

use super::info::{SessionInfo, State, Stats};
use super::message::Permit;
use super::queue::DispatchQueue;
use super::session::{Session, Unsent};
use super::slots::{Key, Slots};
use super::throttle::Gate;
use super::timers::Deadlines;
use super::transmit::Staging;
use super::transport::{ClientTry, Handshake, Transport};
use super::{Command, Config, Dropped, Event, Fault, Message, Misuse, Received, SendError, Time};
use crate::auth::{Authenticator, Moment};
use crate::random::Random;
use crate::wire::address::{EntityAddr, EntityType};

/// One messenger without its sockets: all sessions with its peers, and the transports that carry them.
///
/// A deterministic state machine. The driver says what happened ([`accept`](Self::accept),
/// [`connected`](Self::connected), [`handle_input`](Self::handle_input), [`closed`](Self::closed),
/// [`handle_timeout`](Self::handle_timeout)), the application what it wants; then **all commands must be taken** with
/// [`poll_command`](Self::poll_command) before the next thing that happened is told: whatever else is refused with
/// [`Misuse::Undrained`]. Bytes, events and the next deadline are polled when it suits.
pub struct Endpoint {
    pub(super) config: Config,
    pub(super) auth: Box<dyn Authenticator + Send>,
    pub(super) random: Random,
    /// The last attempt to connect, or the last reply that let a peer in.
    pub(super) global_seq: u32,
    pub(super) sessions: Slots<Session>,
    pub(super) transports: Slots<Transport>,
    /// Sessions by the address of the peer.
    pub(super) by_addr: HashMap<EntityAddr, SessionId>,
    pub(super) commands: VecDeque<Command>,
    pub(super) dispatch: DispatchQueue<SessionId, Event>,
    /// What was received and not dispatched yet.
    pub(super) dispatch_throttle: Gate<TransportId>,
    /// Messages and bytes in flight, as the policies bound them.
    pub(super) throttles: Vec<[Gate<TransportId>; 2]>,
    pub(super) deadlines: Deadlines<Deadline>,
    pub(super) staging: Staging,
    /// Accepted transports in their handshake.
    pub(super) handshakes: usize,
    pub(super) stats: Stats,
}

/// What may come due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// Opening a connection.
    Connect(TransportId),
    Handshake(TransportId),
    Idle(TransportId),
    Backoff(SessionId),
    Wait(SessionId),
    Ack(SessionId),
}

/// The name of a session. It is never given out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

impl SessionId {
    /// The session with the own address.
    pub const LOOPBACK: SessionId = SessionId(0);
}

/// The name of a transport: of one TCP connection. It is never given out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransportId(u64);

impl Key for SessionId {
    fn new(raw: u64) -> SessionId {
        SessionId(raw)
    }

    fn raw(self) -> u64 {
        self.0
    }
}

impl Key for TransportId {
    fn new(raw: u64) -> TransportId {
        TransportId(raw)
    }

    fn raw(self) -> u64 {
        self.0
    }
}

impl Endpoint {
    /// An endpoint that behaves as configured. The same seed and the same inputs give the same outputs.
    pub fn new(config: Config, auth: Box<dyn Authenticator + Send>, seed: u64) -> Endpoint {
        let throttles = config.throttles.iter().map(|limits| [Gate::new(limits.messages), Gate::new(limits.bytes)]);
        Endpoint {
            throttles: throttles.collect(),
            dispatch_throttle: Gate::new(config.dispatch_throttle_bytes),
            config,
            auth,
            random: Random::new(seed),
            global_seq: 0,
            sessions: Slots::default(),
            transports: Slots::default(),
            by_addr: HashMap::new(),
            commands: VecDeque::new(),
            dispatch: DispatchQueue::new(SessionId::LOOPBACK),
            deadlines: Deadlines::new(),
            staging: Staging::new(),
            handshakes: 0,
            stats: Stats::default(),
        }
    }

    /// How it behaves.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How it behaves, to be changed while it runs. Policies count from the next handshake on (HS-41), throttles not at
    /// all.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Who proves the own identity and judges that of others.
    pub fn auth_mut(&mut self) -> &mut (dyn Authenticator + Send + 'static) {
        &mut *self.auth
    }

    /// The own address, as far as it is known.
    pub fn addr(&self) -> &EntityAddr {
        &self.config.addr
    }

    /// Sets the own address: when a port was bound, or another one (PO-16).
    pub fn set_addr(&mut self, addr: EntityAddr) {
        self.config.addr = addr;
    }

    /// The session with the process at an address: the existing one, or a new one that begins to connect
    /// (`get_connection`).
    ///
    /// # Errors
    /// [`Misuse::EmptyAddress`], or [`Misuse::NotConnected`] where the policy is to wait for the peer.
    pub fn connect(&mut self, now: Time, peer: EntityType, addr: &EntityAddr) -> Result<SessionId, Misuse> {
        let socket = addr.socket_addr().ok_or(Misuse::EmptyAddress)?;
        if addr == &self.config.addr {
            return Ok(SessionId::LOOPBACK);
        }
        if let Some(session) = self.lookup(addr) {
            return Ok(session);
        }
        let policy = self.config.policies.get(peer);
        if policy.server {
            return Err(Misuse::NotConnected);
        }
        if socket.port() == 0 || socket.ip().is_unspecified() {
            return Err(Misuse::EmptyAddress);
        }
        let id = self.sessions.insert(Session::new(peer, addr.clone(), policy));
        self.by_addr.insert(addr.clone(), id);
        self.dial(now, id);
        Ok(id)
    }

    /// The existing session with the process at an address.
    pub fn lookup(&self, addr: &EntityAddr) -> Option<SessionId> {
        self.by_addr.get(addr).copied()
    }

    /// Sends over a session, [at once](Self::send_at_once) if possible. A message for a session that is over is dropped
    /// (PO-11). If the session [is open](Self::is_open), the time makes no difference.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn send(&mut self, now: Time, session: SessionId, message: Message) -> Result<(), SendError> {
        let Err(message) = self.send_at_once(session, message) else { return Ok(()) };
        let priority = self.config.priority_of(&message);
        let message = Message { priority, ..message };
        if session == SessionId::LOOPBACK {
            self.deliver_locally(now, message);
            return Ok(());
        }
        let Some(s) = self.sessions.get_mut(session) else { return Err(SendError::Dropped) };
        if s.is_full(&self.config.limits) {
            return Err(SendError::Full(Box::new(message)));
        }
        s.out.push(priority, Unsent { src: self.config.name, message });
        self.wake_session(now, session);
        Ok(())
    }

    /// Sends to the process at an address, and connects to it if need be. To the own address: to oneself (PO-15).
    ///
    /// # Errors
    /// When it was not taken: the policy may be to wait for the peer (PO-12).
    pub fn send_to(
        &mut self,
        now: Time,
        peer: EntityType,
        addr: &EntityAddr,
        message: Message,
    ) -> Result<SessionId, SendError> {
        let session = self.connect(now, peer, addr).map_err(|misuse| match misuse {
            Misuse::EmptyAddress => SendError::EmptyAddress,
            _ => SendError::Dropped,
        })?;
        self.send(now, session, message).map(|()| session)
    }

    /// Sends to the process at an address if there is a session with it (`lazy_send_message`; PO-13).
    ///
    /// # Errors
    /// When it was not taken.
    pub fn send_lazily(&mut self, now: Time, addr: &EntityAddr, message: Message) -> Result<SessionId, SendError> {
        if addr.socket_addr().is_none() {
            return Err(SendError::EmptyAddress);
        }
        let own = (addr == &self.config.addr).then_some(SessionId::LOOPBACK);
        let session = own.or_else(|| self.lookup(addr)).ok_or(SendError::Dropped)?;
        self.send(now, session, message).map(|()| session)
    }

    /// Asks the peer for a sign of life. A sleeping session connects for it (KA-10).
    ///
    /// # Errors
    /// [`Misuse::NotConnected`] when the session is over.
    pub fn keepalive(&mut self, now: Time, session: SessionId) -> Result<(), Misuse> {
        if session == SessionId::LOOPBACK {
            return Ok(());
        }
        self.sessions.get_mut(session).ok_or(Misuse::NotConnected)?.keepalive = true;
        self.wake_session(now, session);
        Ok(())
    }

    /// Ends a session at once, without a word to the peer and without an event (PO-09, PO-10).
    pub fn mark_down(&mut self, session: SessionId) {
        self.end(session, None);
    }

    /// Ends the session with the process at an address, with a reset event (PO-10).
    pub fn mark_down_addr(&mut self, addr: &EntityAddr) {
        if let Some(session) = self.lookup(addr) {
            self.end(session, Some(Fault::MarkedDown));
        }
    }

    /// Ends all sessions, with a reset event each, and closes what is in its handshake (PO-10).
    pub fn mark_down_all(&mut self) {
        for session in self.sessions.keys().collect::<Vec<SessionId>>() {
            self.end(session, Some(Fault::MarkedDown));
        }
        for transport in self.transports.keys().collect::<Vec<TransportId>>() {
            self.fault(Time::ZERO, transport, Fault::MarkedDown);
        }
    }

    /// Ends a session when everything is sent and acknowledged; at once if nothing waits to be sent. With a reset event.
    pub fn mark_down_on_empty(&mut self, session: SessionId) {
        let Some(s) = self.sessions.get_mut(session) else { return };
        if !s.out.is_empty() || !s.replay.is_empty() {
            s.close_on_empty = true;
            return;
        }
        // What is written already is still to be polled.
        if let Some(transport) = s.transport.filter(|transport| self.staging.transport == Some(*transport)) {
            s.transport = None;
            self.close_when_said(transport);
        }
        self.end(session, Some(Fault::MarkedDown));
    }

    /// Makes the next fault of a session its last (PO-17).
    pub fn mark_disposable(&mut self, session: SessionId) {
        if let Some(s) = self.sessions.get_mut(session) {
            s.policy.lossy = true;
        }
    }

    /// The handler of a message returned: its share of the dispatch throttle is free again (TH-08).
    pub fn dispatched(&mut self, permit: &mut Permit) {
        let bytes = std::mem::take(&mut permit.dispatch_bytes);
        self.dispatch_throttle.give_back(bytes);
        self.resume();
    }

    /// A message is gone: all that it took of the throttles is free again.
    pub fn release(&mut self, mut permit: Permit) {
        let (messages, bytes) = (permit.messages, permit.bytes);
        if let Some([count, size]) = permit.throttle.and_then(|throttle| self.throttles.get_mut(throttle)) {
            count.give_back(messages);
            size.give_back(bytes);
        }
        self.dispatched(&mut permit);
    }

    /// Has the transports try again for which there is room now.
    fn resume(&mut self) {
        for gate in self.throttles.iter_mut().flatten().chain([&mut self.dispatch_throttle]) {
            while let Some(transport) = gate.retry() {
                self.commands.push_back(Command::Resume(transport));
            }
        }
    }

    /// What to do next.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// Whether there is nothing to do next.
    pub fn is_drained(&self) -> bool {
        self.commands.is_empty()
    }

    /// The next event, in the order of dispatch (4.13 of the reference).
    pub fn poll_event(&mut self) -> Option<Event> {
        self.dispatch.pop()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.deadlines.next()
    }

    /// A session as it is.
    pub fn session(&self, session: SessionId) -> Option<SessionInfo> {
        self.sessions.get(session).map(SessionInfo::of)
    }

    /// Whether messages of a session flow at the moment.
    pub fn is_open(&self, session: SessionId) -> bool {
        self.sessions.get(session).is_some_and(|s| s.state == State::Open && s.transport.is_some())
    }

    /// How many messages of a session wait to be sent or acknowledged; nothing once it is over.
    pub fn pending(&self, session: SessionId) -> Option<usize> {
        self.sessions.get(session).map(Session::pending)
    }

    /// All sessions but that with oneself.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys()
    }

    /// How many transports there are.
    pub fn transports(&self) -> usize {
        self.transports.len()
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        let dispatch_bytes = self.dispatch_throttle.throttle().used();
        Stats { undispatched: self.dispatch.len() as u64, dispatch_bytes, ..self.stats }
    }

    /// Who answers questions of authentication, and what else the answer depends on.
    pub(super) fn authenticator(&mut self, now: Time) -> (&mut (dyn Authenticator + Send + 'static), Moment<'_>) {
        let wall = self.config.wall(now);
        (&mut *self.auth, Moment { wall, random: &mut self.random })
    }

    /// Refuses inputs while commands wait.
    pub(super) fn check_drained(&self) -> Result<(), Misuse> {
        if self.is_drained() { Ok(()) } else { Err(Misuse::Undrained) }
    }

    /// Draws the number of an attempt, above a floor (3.8 of the reference).
    pub(super) fn next_global_seq(&mut self, floor: u32) -> u32 {
        self.global_seq = self.global_seq.max(floor).wrapping_add(1);
        self.global_seq
    }

    /// Begins an attempt to connect.
    pub(super) fn dial(&mut self, now: Time, session: SessionId) {
        self.deadlines.clear(Deadline::Backoff(session));
        let global_seq = self.next_global_seq(0);
        let Some(s) = self.sessions.get_mut(session) else { return };
        let Some(addr) = s.peer_addr.socket_addr() else { return };
        s.counters.attempts += 1;
        let client = ClientTry { global_seq, connect_seq: s.connect_seq, ..ClientTry::default() };
        let handshake = Handshake { client, ..Handshake::default() };
        let transport = Transport::new(addr, Some(session), handshake, now);
        let transport = self.transports.insert(transport);
        s.transport = Some(transport);
        self.stats.dialled += 1;
        if let Some(connect) = self.config.timers.connect {
            self.deadlines.set(Deadline::Connect(transport), now + connect);
        }
        self.commands.push_back(Command::Dial { transport, addr });
    }

    /// Something is to be sent on a session: tells the driver, or connects.
    pub(super) fn wake_session(&mut self, now: Time, session: SessionId) {
        let Some(s) = self.sessions.get_mut(session) else { return };
        match (s.state, s.transport) {
            (State::Open, Some(transport)) => self.wake(transport),
            (State::Standby, _) if !s.policy.server => {
                s.count_connection();
                s.state = State::Connecting;
                self.dial(now, session);
            }
            // A pause ends early (PO-06).
            (State::Connecting, None) => self.dial(now, session),
            _ => {}
        }
    }

    /// Tells the driver, once, that there is something to write.
    pub(super) fn wake(&mut self, transport: TransportId) {
        let Some(t) = self.transports.get_mut(transport) else { return };
        if !std::mem::replace(&mut t.woken, true) {
            self.commands.push_back(Command::Transmit(transport));
        }
    }

    /// Ends a session: nothing of it is left but an event, if there is a reason to tell.
    pub(super) fn end(&mut self, session: SessionId, fault: Option<Fault>) {
        let Some(mut s) = self.sessions.remove(session) else { return };
        if self.by_addr.get(&s.peer_addr) == Some(&session) {
            self.by_addr.remove(&s.peer_addr);
        }
        for deadline in [Deadline::Backoff(session), Deadline::Wait(session), Deadline::Ack(session)] {
            self.deadlines.clear(deadline);
        }
        if let Some(transport) = s.transport {
            self.close(transport);
        }
        let undispatched = self.discard_received(session);
        let dropped = Dropped { undispatched, ..s.discard_out() };
        let Some(fault) = fault else { return };
        tracing::debug!(peer = %s.peer_addr, %fault, ?dropped, "session over");
        self.dispatch.push_control(Event::Reset { session, fault, dropped });
    }

    /// Drops what was received on a session and not dispatched (SQ-20). How many messages.
    pub(super) fn discard_received(&mut self, session: SessionId) -> u64 {
        let mut messages = 0;
        for event in self.dispatch.discard(session) {
            if let Event::Message(message) = event {
                messages += 1;
                self.release(message.permit);
            }
        }
        messages
    }

    /// Has a transport closed at once.
    pub(super) fn close(&mut self, transport: TransportId) {
        if self.forget(transport).is_some() {
            self.commands.push_back(Command::Close { transport, flush: false });
        }
    }

    /// Takes a transport off the books.
    pub(super) fn forget(&mut self, transport: TransportId) -> Option<Transport> {
        let mut t = self.transports.remove(transport)?;
        self.staging.discard(transport);
        for deadline in [Deadline::Connect(transport), Deadline::Handshake(transport), Deadline::Idle(transport)] {
            self.deadlines.clear(deadline);
        }
        if t.is_accepting() {
            self.handshakes = self.handshakes.saturating_sub(1);
        }
        if let Some(admission) = t.admission.take() {
            for gate in self.throttles.iter_mut().flatten().chain([&mut self.dispatch_throttle]) {
                gate.forget(transport);
            }
            self.release(admission.permit);
        }
        Some(t)
    }

    fn deliver_locally(&mut self, now: Time, message: Message) {
        let Message { payload, tid, priority, .. } = message;
        let received = Received {
            session: SessionId::LOOPBACK,
            src: self.config.name,
            seq: 0,
            tid,
            priority,
            payload,
            received: now,
            permit: Permit::default(),
        };
        self.dispatch.push(SessionId::LOOPBACK, priority, 0, Event::Message(received));
    }
}
