//! The handle of a messenger.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::Socket;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::accepter::Accepter;
use super::dispatch::Due;
use super::inner::{Inner, Stage};
use super::reaper::Ended;
use super::{Bind, BindError, Builder, ConnectError, Connection, Dispatcher, MessengerStats, Report, StartError};
use crate::session::{Event, Fault, Message, Policy, SendError, SessionId};
use crate::wire::address::{EntityAddr, EntityInst, EntityName, EntityType};

/// The next messenger at the same address is that much further (`Accepter::rebind` in `src/msg/Accepter.cc`).
pub(super) const NONCE_STEP: u32 = 1_000_000;

/// How often a shutdown looks whether all is done.
const LOOK: Duration = Duration::from_millis(2);

/// How long the last connections may take to be closed.
const CLOSING: Duration = Duration::from_secs(2);

/// The messenger of a process, or one of several (`SimpleMessenger` in `src/msg/SimpleMessenger.cc`).
///
/// See the [module](super) for its life. Dropping it ends all at once.
pub struct Messenger {
    inner: Arc<Inner>,
    life: Mutex<Life>,
}

/// What is only needed at the turns of a messenger's life.
#[derive(Default)]
struct Life {
    dispatchers: Vec<Arc<dyn Dispatcher>>,
    bind: Option<Bind>,
    /// Listens before the start.
    listener: Option<Socket>,
    accepter: Option<Accepter>,
    ended: Option<UnboundedReceiver<Ended>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Messenger {
    /// A messenger of this name, to be described further.
    pub fn builder(name: EntityName) -> Builder {
        Builder::new(name)
    }

    pub(super) fn new(inner: Arc<Inner>, ended: UnboundedReceiver<Ended>) -> Messenger {
        Messenger { inner, life: Mutex::new(Life { ended: Some(ended), ..Life::default() }) }
    }

    /// Adds a dispatcher behind those there are.
    ///
    /// # Errors
    /// After the start.
    pub fn add_dispatcher(&self, dispatcher: impl Dispatcher + 'static) -> Result<(), StartError> {
        let mut life = self.life();
        match self.stage() {
            Stage::Created => life.dispatchers.push(Arc::new(dispatcher)),
            Stage::Started => return Err(StartError::AlreadyStarted),
            Stage::Stopped => return Err(StartError::Stopped),
        }
        Ok(())
    }

    /// Listens, before the start. Connections wait until then. The address that was chosen.
    ///
    /// # Errors
    /// When it listens already, was started, or cannot listen there.
    pub fn bind(&self, bind: impl Into<Bind>) -> Result<SocketAddr, BindError> {
        let mut life = self.life();
        if life.listener.is_some()
            && let Some(addr) = self.addr().socket_addr()
        {
            return Err(BindError::AlreadyBound(addr));
        }
        match self.stage() {
            Stage::Created => self.listen(&mut life, bind.into(), 0),
            Stage::Started => Err(BindError::AlreadyStarted),
            Stage::Stopped => Err(BindError::Stopped),
        }
    }

    /// Listens, and changes the own address.
    fn listen(&self, life: &mut Life, bind: Bind, nonce_step: u32) -> Result<SocketAddr, BindError> {
        let (listener, addr) = bind.listen()?;
        life.listener = Some(listener);
        let announced = bind.announce.unwrap_or(addr);
        life.bind = Some(bind);
        self.inner.with(|state, _| {
            let nonce = state.endpoint.addr().nonce.wrapping_add(nonce_step);
            state.endpoint.set_addr(EntityAddr::new(announced, nonce));
        });
        tracing::info!(messenger = %self.inner.label, %addr, "bound");
        Ok(addr)
    }

    /// Begins to accept, connect and dispatch. One that was not bound gets a nonce only, and learns its IP from the
    /// first peer.
    ///
    /// # Errors
    /// Without a name or dispatchers, outside of a tokio runtime, or the second time.
    pub fn start(&self) -> Result<(), StartError> {
        let mut life = self.life();
        match self.stage() {
            Stage::Created => {}
            Stage::Started => return Err(StartError::AlreadyStarted),
            Stage::Stopped => return Err(StartError::Stopped),
        }
        if self.name().r#type == EntityType::default() {
            return Err(StartError::NoEntity);
        }
        if life.dispatchers.is_empty() {
            return Err(StartError::NoDispatcher);
        }
        let runtime = Handle::try_current()?;
        let Some(ended) = life.ended.take() else { return Err(StartError::AlreadyStarted) };
        let _ = self.inner.dispatch.dispatchers.set(std::mem::take(&mut life.dispatchers));
        let _ = self.inner.runtime.set(runtime.clone());
        life.tasks = vec![
            runtime.spawn(self.inner.clone().reap(ended)),
            runtime.spawn(self.inner.clone().ring()),
            runtime.spawn(self.inner.clone().dispatch_all()),
        ];
        self.inner.with(|state, _| {
            state.stage = Stage::Started;
            state.dispatching = false;
            // That of the loopback is there from the beginning.
            state.connection(SessionId::LOOPBACK);
        });
        if let Some(listener) = life.listener.take() {
            life.accepter = Some(Accepter::start(self.inner.clone(), listener, &runtime)?);
        }
        tracing::info!(messenger = %self.inner.label, addr = %self.addr(), "started");
        Ok(())
    }

    /// Moves to another port and becomes a new process in the eyes of others: ends all sessions, with an event each,
    /// and takes the next nonce. The ports not to be taken are the present one, those that [`bind`](Self::bind) was
    /// to avoid, and `avoid`.
    ///
    /// # Errors
    /// When it was not bound, or there is no port: then it does not listen any more, and may be rebound again. The same
    /// holds if the future is dropped before it is done.
    pub async fn rebind(&self, avoid: &BTreeSet<u16>) -> Result<SocketAddr, BindError> {
        if self.stage() == Stage::Stopped {
            return Err(BindError::Stopped);
        }
        let (accepter, listener, mut bind) = {
            let mut life = self.life();
            let Some(bind) = life.bind.clone() else { return Err(BindError::NotBound) };
            (life.accepter.take(), life.listener.take(), bind)
        };
        drop(listener);
        if let Some(accepter) = accepter {
            accepter.stop().await;
        }
        if self.stage() == Stage::Stopped {
            return Err(BindError::Stopped);
        }
        self.mark_down_all();
        let present = self.addr().socket_addr().map(|addr| addr.port());
        bind.avoid.extend(present);
        bind.avoid.extend(avoid);
        bind.addr.set_port(0);
        // Another port is another address, and what it is translated to is not known.
        bind.announce = None;
        let mut life = self.life();
        let addr = self.listen(&mut life, bind, NONCE_STEP)?;
        if self.stage() == Stage::Started
            && let (Some(listener), Some(runtime)) = (life.listener.take(), self.inner.runtime.get())
        {
            let accepter = Accepter::start(self.inner.clone(), listener, runtime);
            life.accepter = Some(accepter.map_err(|error| BindError::Address { addr, error })?);
        }
        Ok(addr)
    }

    /// The session with a peer: the existing one, or a new one that begins to connect.
    ///
    /// # Errors
    /// When the messenger is not running, the address is empty, or the policy is to wait for such peers.
    pub fn connect_to(&self, peer: &EntityInst) -> Result<Connection, ConnectError> {
        self.inner.with(|state, now| {
            if state.stage != Stage::Started {
                return Err(ConnectError::NotRunning);
            }
            let session = state.endpoint.connect(now, peer.name.r#type, &peer.addr)?;
            state.connection(session).ok_or(ConnectError::NotRunning)
        })
    }

    /// The session with the process at an address, if there is one.
    pub fn connection(&self, addr: &EntityAddr) -> Option<Connection> {
        self.inner.with(|state, _| {
            let session = state.endpoint.lookup(addr)?;
            state.connection(session)
        })
    }

    /// The session with oneself: what is sent there is dispatched without having been written.
    pub fn loopback(&self) -> Option<Connection> {
        self.inner.with(|state, _| state.connection(SessionId::LOOPBACK))
    }

    /// Sends a message to a peer, and connects if need be.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn send_to(&self, peer: &EntityInst, message: Message) -> Result<(), SendError> {
        self.inner.with(|state, now| {
            if state.stage != Stage::Started {
                return Err(SendError::Dropped);
            }
            state.endpoint.send_to(now, peer.name.r#type, &peer.addr, message).map(drop)
        })
    }

    /// Sends a message to the process at an address if there is a session with it.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn send_lazily(&self, addr: &EntityAddr, message: Message) -> Result<(), SendError> {
        self.inner.with(|state, now| {
            if state.stage != Stage::Started {
                return Err(SendError::Dropped);
            }
            state.endpoint.send_lazily(now, addr, message).map(drop)
        })
    }

    /// Ends the session with the process at an address, with a reset event.
    pub fn mark_down(&self, addr: &EntityAddr) {
        self.inner.with(|state, _| state.endpoint.mark_down_addr(addr));
    }

    /// Ends all sessions, with a reset event each.
    pub fn mark_down_all(&self) {
        self.inner.with(|state, _| state.endpoint.mark_down_all());
    }

    /// Who it is.
    pub fn name(&self) -> EntityName {
        self.inner.lock().endpoint.config().name
    }

    /// Changes who it is, such as when a monitor has assigned a number.
    pub fn set_name(&self, name: EntityName) {
        self.inner.lock().endpoint.config_mut().name = name;
    }

    /// Changes how it treats peers of a type, from their next handshake on.
    pub fn set_policy(&self, peer: EntityType, policy: Policy) {
        self.inner.lock().endpoint.config_mut().policies.set(peer, policy);
    }

    /// Changes how it treats peers that have no policy of their own, from their next handshake on.
    pub fn set_default_policy(&self, policy: Policy) {
        self.inner.lock().endpoint.config_mut().policies.set_default(policy);
    }

    /// The own address, as far as it is known.
    pub fn addr(&self) -> EntityAddr {
        self.inner.lock().endpoint.addr().clone()
    }

    /// Name and address.
    pub fn inst(&self) -> EntityInst {
        EntityInst { name: self.name(), addr: self.addr() }
    }

    /// What it is called in the log.
    pub fn label(&self) -> &str {
        &self.inner.label
    }

    /// What it did and holds.
    pub fn stats(&self) -> MessengerStats {
        let state = self.inner.lock();
        MessengerStats {
            endpoint: state.endpoint.stats(),
            sessions: state.endpoint.sessions().count(),
            pipes: state.pipes.len(),
            connections: state.connections.len(),
            accept_failures: self.inner.accept_failures.load(Ordering::Relaxed),
            reads: self.inner.reads.load(Ordering::Relaxed),
            writes: self.inner.writes.load(Ordering::Relaxed),
            unclaimed: self.inner.dispatch.unclaimed.load(Ordering::Relaxed),
            panics: self.inner.dispatch.panics.load(Ordering::Relaxed),
        }
    }

    /// Accepts no more, waits until all is sent, acknowledged and dispatched or `deadline` has passed, and ends. When it
    /// is done, the port is free, all connections are closed, and nothing is dispatched any more.
    pub async fn shutdown(&self, deadline: Duration) -> Report {
        let deadline = Instant::now() + deadline;
        let accepter = {
            let mut life = self.life();
            life.listener = None;
            life.accepter.take()
        };
        if let Some(accepter) = accepter {
            accepter.stop().await;
        }
        let idle = async {
            while self.is_busy() {
                sleep(LOOK).await;
            }
        };
        let in_time = timeout_at(deadline, idle).await.is_ok();
        let mut report = Report { in_time, ..self.stop() };
        let closed = async {
            loop {
                let reaped = self.inner.reaped.notified();
                if self.inner.lock().pipes.is_empty() {
                    return;
                }
                reaped.await;
            }
        };
        let _ = timeout_at(deadline.max(Instant::now() + CLOSING), closed).await;
        report.pipes = self.inner.lock().pipes.len();
        let tasks = std::mem::take(&mut self.life().tasks);
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            // One that is in the hands of a dispatcher ends when that returns.
            let _ = timeout(CLOSING, task).await;
        }
        // What was handed to a task that ended before it took it.
        if let Some(Due { event: Event::Message(message), .. }) = self.inner.dispatch.take_handed() {
            report.dropped.undispatched += 1;
            self.inner.with(|state, _| state.endpoint.release(message.permit));
        }
        tracing::info!(messenger = %self.inner.label, ?report, "shut down");
        report
    }

    /// Whether anything is still to be sent, acknowledged or dispatched.
    fn is_busy(&self) -> bool {
        let state = self.inner.lock();
        let waits = |session| {
            let info = state.endpoint.session(session);
            info.is_some_and(|info| info.queued + info.unacknowledged > 0 || info.owes_ack)
        };
        state.stage == Stage::Started
            && (state.dispatching
                || state.pipes.values().any(|pipe| pipe.writing.load(Ordering::Acquire))
                || state.endpoint.sessions().any(waits))
    }

    /// Ends all sessions, and sees that nothing is dispatched any more.
    fn stop(&self) -> Report {
        let mut report = Report::default();
        let connections = self.inner.with(|state, _| {
            if state.stage == Stage::Started {
                state.dispatching = true;
            }
            state.stage = Stage::Stopped;
            report.sessions = state.endpoint.sessions().count();
            state.endpoint.mark_down_all();
            while let Some(event) = state.endpoint.poll_event() {
                match event {
                    Event::Reset { dropped, .. } => report.add(&dropped),
                    Event::Message(message) => {
                        report.dropped.undispatched += 1;
                        state.endpoint.release(message.permit);
                    }
                    _ => {}
                }
            }
            state.blocked.clear();
            std::mem::take(&mut state.connections)
        });
        for connection in connections.into_values() {
            connection.end(Fault::MarkedDown);
        }
        report
    }

    fn stage(&self) -> Stage {
        self.inner.lock().stage
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Messenger {
    fn drop(&mut self) {
        self.stop();
        let life = self.life.get_mut().unwrap_or_else(PoisonError::into_inner);
        life.tasks.iter().for_each(JoinHandle::abort);
        if let Some(accepter) = &life.accepter {
            accepter.abort();
        }
    }
}
