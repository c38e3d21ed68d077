//! Handing out messages and events, one at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::BytesMut;
use tokio::sync::Notify;

use super::inner::{Inner, Stage, State, Todo};
use super::{Connection, Dispatcher, MessageIn};
use crate::session::{Disconnect, Event, FastLane, Fault, Misuse, Permit, Received, Time, TransportId, Want};

/// So many events are handed out before others get their turn on the thread.
const BURST: usize = 256;

/// So many fast messages are handed out at a time: few enough for what is close at hand, as caches and allocators go
/// (glibc's has seven pieces of each size). Out of the queue they are taken so many times in a row.
const FAST: usize = 7;
const ROUNDS: u32 = 32;

/// Who dispatches, and what is to be dispatched next (`DispatchQueue` in `src/msg/DispatchQueue.cc`).
///
/// What waits lies in the endpoint, in the order of dispatch, and is taken from there one by one, fast messages by a
/// few, so that what is more urgent overtakes until the last moment. Whoever finds the queue idle takes the first
/// event out and is in charge of the others until none is left: the task of the queue, or for fast messages the task of a
/// pipe. While nothing waits at all, fast messages do not even get there.
#[derive(Default)]
pub(super) struct DispatchQueue {
    pub(super) dispatchers: OnceLock<Vec<Arc<dyn Dispatcher>>>,
    /// What the task begins with.
    handed: Mutex<Option<Due>>,
    wake: Notify,
    /// Messages that no dispatcher took.
    pub(super) unclaimed: AtomicU64,
    /// Handlers that panicked.
    pub(super) panics: AtomicU64,
}

/// An event, and the connection that it is about.
pub(super) struct Due {
    pub(super) connection: Option<Connection>,
    pub(super) event: Event,
}

impl DispatchQueue {
    /// Has the task go on with an event.
    pub(super) fn hand_over(&self, due: Due) {
        *self.handed.lock().unwrap_or_else(PoisonError::into_inner) = Some(due);
        self.wake.notify_one();
    }

    pub(super) fn take_handed(&self) -> Option<Due> {
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn dispatchers(&self) -> &[Arc<dyn Dispatcher>] {
        self.dispatchers.get().map_or(&[], Vec::as_slice)
    }

    /// Calls something of the application's, whose panic is none of the messenger's.
    #[inline(always)]
    fn call<R>(&self, handler: impl FnOnce() -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(handler)) {
            Ok(result) => Some(result),
            Err(_) => {
                self.count_panic();
                None
            }
        }
    }

    #[cold]
    fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
        tracing::error!("a dispatcher panicked");
    }

    /// Calls the dispatchers in their order. The share of the dispatch throttle to be given back.
    fn deliver(&self, due: Due) -> Permit {
        let Due { connection: Some(connection), event } = due else { return Permit::default() };
        let all = |handler: &dyn Fn(&dyn Dispatcher)| {
            for dispatcher in self.dispatchers() {
                self.call(|| handler(&**dispatcher));
            }
        };
        match event {
            Event::Message(mut received) => {
                let permit = received.permit.take_dispatch();
                let dispatchers = self.asked(&connection);
                self.call(|| self.ask(dispatchers, MessageIn::new(connection, received)));
                return permit;
            }
            Event::Connect(_) => all(&|dispatcher| dispatcher.handle_connect(&connection)),
            Event::Accept(_) => all(&|dispatcher| dispatcher.handle_accept(&connection)),
            Event::RemoteReset { dropped, .. } => {
                all(&|dispatcher| dispatcher.handle_remote_reset(&connection, &dropped));
            }
            Event::Fault { fault: Fault::Io(Disconnect::Refused), .. } => {
                all(&|dispatcher| dispatcher.handle_refused(&connection));
            }
            Event::Fault { fault, next, .. } => {
                tracing::debug!(peer = %connection.peer_addr(), ?next, "{fault}");
                all(&|dispatcher| dispatcher.handle_fault(&connection, &fault, next));
            }
            Event::Reset { fault, dropped, .. } => {
                connection.end(fault.clone());
                let claims = |dispatcher: &Arc<dyn Dispatcher>| {
                    self.call(|| dispatcher.handle_reset(&connection, &fault, &dropped)) == Some(true)
                };
                self.dispatchers().iter().any(claims);
            }
            _ => {}
        }
        Permit::default()
    }

    /// Hands out messages of one connection. The share of the dispatch throttle to be given back.
    fn deliver_all(&self, connection: &Connection, messages: &mut Vec<Received>) -> Permit {
        let mut permit = Permit::default();
        messages.iter_mut().for_each(|message| permit.add_dispatch(message.permit.take_dispatch()));
        let mut messages = messages.drain(..);
        let mut deliver = || {
            while messages.len() > 0 {
                let (dispatchers, connection) = (self.asked(connection), connection.clone());
                // Moved only once, with nothing in between.
                let Some(received) = messages.next() else { return };
                self.ask(dispatchers, MessageIn::new(connection, received));
            }
        };
        // What panics loses one message.
        while self.call(&mut deliver).is_none() {}
        permit
    }

    /// Who is asked about messages of a connection: after mark_down nobody is any more, about those that are here already
    /// neither.
    fn asked(&self, connection: &Connection) -> &[Arc<dyn Dispatcher>] {
        if connection.is_marked_down() { &[] } else { self.dispatchers() }
    }

    /// Asks one dispatcher after the other.
    #[inline(always)]
    fn ask(&self, dispatchers: &[Arc<dyn Dispatcher>], message: MessageIn) {
        let Some((first, others)) = dispatchers.split_first() else { return };
        let mut outcome = first.dispatch(message);
        for dispatcher in others {
            let Err(given_back) = outcome else { return };
            outcome = dispatcher.dispatch(given_back);
        }
        if let Err(message) = outcome {
            self.unclaimed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(?message, "nobody wants it");
        }
    }

    /// Whether the task of a pipe may hand it out itself.
    fn is_fast(&self, due: &Due) -> bool {
        matches!(&due.event, Event::Message(message) if self.is_fast_message(message))
    }

    #[inline(always)]
    fn is_fast_message(&self, message: &Received) -> bool {
        let dispatchers = self.dispatchers();
        self.call(|| dispatchers.iter().all(|dispatcher| dispatcher.can_fast_dispatch(message))) == Some(true)
    }
}

impl Inner {
    /// Offers the endpoint what came. As long as nobody hands out anything else and nothing waits, fast messages are
    /// handed out as they come. What the endpoint wants next, and the lock: it is to be settled.
    pub(super) fn receive(
        &self,
        now: Time,
        transport: TransportId,
        input: &mut BytesMut,
        todo: &mut Todo,
    ) -> (MutexGuard<'_, State>, Result<Want, Misuse>) {
        let mut state = self.lock();
        if state.dispatching {
            let want = state.endpoint.handle_input(now, transport, input);
            return (state, want);
        }
        let takes = |message: &Received| self.dispatch.is_fast_message(message);
        let mut messages = std::mem::take(&mut state.lane);
        let want = loop {
            let lane = FastLane { takes: &takes, messages: &mut messages, room: FAST };
            let want = state.endpoint.handle_input_fast(now, transport, input, lane);
            let Some(session) = messages.first().map(|message| message.session) else { break want };
            let Some(connection) = state.connection(session) else {
                messages.drain(..).for_each(|message| state.endpoint.release(message.permit));
                break want;
            };
            state.dispatching = true;
            state.moment = Some(now);
            if !state.endpoint.is_drained() {
                state.collect(Some(transport), todo);
            }
            drop(state);
            let permit = self.dispatch.deliver_all(&connection, &mut messages);
            state = self.lock();
            state.give_back(permit);
            if !state.endpoint.is_drained() {
                state.collect(Some(transport), todo);
            }
            state.moment = None;
            state.dispatching = state.stage == Stage::Stopped;
            // A batch of answers is not kept waiting for the next one.
            if want != Ok(Want::Bytes(0)) || state.dispatching || state.endpoint.has_batch(transport) {
                break want;
            }
        };
        state.lane = messages;
        (state, want)
    }

    /// Hands out events until there are no more.
    pub(super) async fn dispatch_all(self: Arc<Inner>) {
        loop {
            self.dispatch.wake.notified().await;
            let mut due = self.dispatch.take_handed();
            let mut burst = 0;
            while let Some(next) = due {
                if self.dispatch.is_fast(&next) {
                    let now = self.now();
                    let mut fast = self.lock().begin_burst(now);
                    fast.push(next);
                    // If more is to come, it was handed over.
                    self.dispatch_fast(fast, None);
                    tokio::task::yield_now().await;
                    break;
                }
                let permit = self.dispatch.deliver(next);
                due = self.next_due(permit);
                burst += 1;
                if burst == BURST {
                    burst = 0;
                    // Kept where a shutdown finds it.
                    if let Some(due) = due.take() {
                        self.dispatch.hand_over(due);
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Hands out a burst of fast messages, and those that come meanwhile as long as they are fast and not too many; what
    /// comes `next` is for the task of the queue. All of this is counted as one moment.
    pub(super) fn dispatch_fast(self: &Arc<Inner>, mut burst: Vec<Due>, mut next: Option<Due>) {
        for round in 1.. {
            let mut permit = Permit::default();
            for due in burst.drain(..) {
                permit.add_dispatch(self.dispatch.deliver(due));
            }
            let mut state = self.lock();
            state.give_back(permit);
            if state.stage != Stage::Stopped {
                next = next.or_else(|| state.next_due());
                if round < ROUNDS {
                    next = state.take_burst(&self.dispatch, next, &mut burst);
                }
            }
            if !burst.is_empty() {
                self.settle(state);
                continue;
            }
            state.end_burst(burst);
            state.dispatching = next.is_some() || state.stage == Stage::Stopped;
            self.settle(state);
            if let Some(due) = next {
                self.dispatch.hand_over(due);
            }
            return;
        }
    }

    /// Gives back what the last message took of the dispatch throttle, and takes the next event. Without one, nobody is
    /// in charge any more.
    fn next_due(self: &Arc<Inner>, permit: Permit) -> Option<Due> {
        let mut state = self.lock();
        state.give_back(permit);
        let due = if state.stage == Stage::Stopped { None } else { state.next_due() };
        state.dispatching = due.is_some() || state.stage == Stage::Stopped;
        self.settle(state);
        due
    }
}

impl State {
    /// Makes this the moment at which fast messages are handed out. Where they are collected.
    pub(super) fn begin_burst(&mut self, now: Time) -> Vec<Due> {
        self.moment = Some(now);
        std::mem::take(&mut self.burst)
    }

    /// Ends that moment.
    pub(super) fn end_burst(&mut self, empty: Vec<Due>) {
        self.moment = None;
        self.burst = empty;
    }

    /// Gives back what messages took of the dispatch throttle.
    fn give_back(&mut self, mut permit: Permit) {
        if permit != Permit::default() {
            self.endpoint.dispatched(&mut permit);
        }
    }

    /// Takes fast messages out of the queue, one burst at most, beginning with `first`. What comes next, if it was taken
    /// out, too.
    pub(super) fn take_burst(
        &mut self,
        queue: &DispatchQueue,
        first: Option<Due>,
        burst: &mut Vec<Due>,
    ) -> Option<Due> {
        let mut next = first;
        while let Some(due) = next {
            if burst.len() == FAST || !queue.is_fast(&due) {
                return Some(due);
            }
            burst.push(due);
            next = self.next_due();
        }
        None
    }
}
