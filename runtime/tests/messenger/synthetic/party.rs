//! A messenger of a synthetic run, which may die and live again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use firefly_runtime::messenger::{
    Bind, Connection, Dispatcher, Dropped, Fault, Message, MessageIn, Messenger, Policy, Received, ThrottleLimits,
};
use firefly_runtime::wire::address::{EntityInst, EntityType};
use firefly_runtime::wire::mon::MMonCommand;
use firefly_runtime::wire::payload::Payload;
use tokio::net::TcpListener;

use super::ledger::{Kind, Ledger, Life, Tag};
use crate::node::name;
use crate::proxy::{Proxy, Trouble};

/// A messenger that moves to another port gets a nonce that is so much higher.
const NONCE_STEP: u32 = 1_000_000;

/// An address that neither clients nor messengers that choose for themselves get meanwhile, so that a messenger can
/// come back to it.
fn own_addr() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + std::process::id() as u16 % 100 * 200;
    SocketAddr::from(([127, 0, 0, 1], first + NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A message of a run. The urgent overtake the others.
pub(crate) fn message(tid: u64, data: bytes::Bytes) -> Message {
    let priority = if Tag::of(tid).urgent { 200 } else { 127 };
    Message::new(MMonCommand { inbl: data, ..MMonCommand::default() }).tid(tid).priority(priority)
}

/// Writes down what it sees, and answers what it is asked.
struct Witness {
    ledger: Arc<Ledger>,
    life: Life,
}

/// Which messenger of the run has an address.
fn number(connection: &Connection) -> usize {
    (connection.peer_addr().nonce % NONCE_STEP) as usize - 1
}

impl Dispatcher for Witness {
    fn dispatch(&self, given: MessageIn) -> Result<(), MessageIn> {
        let Payload::MMonCommand(command) = &given.payload else { return Err(given) };
        let connection = given.connection();
        self.ledger.received(self.life, given.tid, &command.inbl);
        let Tag { handle, kind, urgent, .. } = Tag::of(given.tid);
        if kind == Kind::Ask {
            // Who asked may be gone.
            let _ = self.ledger.send(handle, Kind::Answer, urgent, |tid, data| connection.try_send(message(tid, data)));
        }
        Ok(())
    }

    fn can_fast_dispatch(&self, _: &Received) -> bool {
        self.life.0.is_multiple_of(2)
    }

    fn handle_reset(&self, connection: &Connection, _: &Fault, dropped: &Dropped) -> bool {
        self.ledger.lost(self.life, number(connection), connection.session(), dropped, true);
        true
    }

    fn handle_remote_reset(&self, connection: &Connection, dropped: &Dropped) {
        self.ledger.lost(self.life, number(connection), connection.session(), dropped, false);
    }
}

/// A messenger, whoever it is at the moment.
pub(crate) struct Party {
    pub(crate) number: usize,
    life: u32,
    policy: Policy,
    /// Where it listens, if it does.
    bind: Option<Bind>,
    messenger: Messenger,
    ledger: Arc<Ledger>,
    proxy: Option<Proxy>,
    pub(crate) has_moved: bool,
}

impl Party {
    /// One that listens, behind a proxy if there is to be trouble.
    pub(crate) async fn listening(
        number: usize,
        policy: Policy,
        ledger: &Arc<Ledger>,
        trouble: Option<Trouble>,
    ) -> Party {
        let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let announce = trouble.map(|_| near.local_addr().unwrap());
        let messenger = Party::make(number, 0, policy, ledger);
        let mut binds = std::iter::repeat_with(|| Bind { announce, ..Bind::from(own_addr()) });
        let bind = binds.find(|bind| messenger.bind(bind.clone()).is_ok()).unwrap();
        messenger.start().unwrap();
        let proxy = trouble.map(|trouble| Proxy::start(near, bind.addr, trouble, number as u64));
        Party { number, life: 0, policy, bind: Some(bind), messenger, ledger: ledger.clone(), proxy, has_moved: false }
    }

    /// One that only connects.
    pub(crate) fn connecting(number: usize, policy: Policy, ledger: &Arc<Ledger>) -> Party {
        let messenger = Party::make(number, 0, policy, ledger);
        messenger.start().unwrap();
        Party { number, life: 0, policy, bind: None, messenger, ledger: ledger.clone(), proxy: None, has_moved: false }
    }

    fn make(number: usize, life: u32, policy: Policy, ledger: &Arc<Ledger>) -> Messenger {
        let builder = Messenger::builder(name(EntityType::OSD, number as i64)).nonce(number as u32 + 1);
        let builder = builder.default_policy(policy.throttled(0)).configure(|config| {
            config.timers.initial_backoff = Duration::from_millis(10);
            config.timers.max_backoff = Duration::from_millis(80);
            config.timers.wait = Some(Duration::from_millis(500));
            // They have to wait for each other, and whatever is not given back stops everything soon.
            config.throttles = vec![ThrottleLimits { messages: 3, bytes: 80 << 10 }];
            config.dispatch_throttle_bytes = 70 << 10;
        });
        let messenger = builder.build();
        messenger.add_dispatcher(Witness { ledger: ledger.clone(), life: (number, life) }).unwrap();
        messenger
    }

    pub(crate) fn life(&self) -> Life {
        (self.number, self.life)
    }

    pub(crate) fn inst(&self) -> EntityInst {
        self.messenger.inst()
    }

    pub(crate) fn messenger(&self) -> &Messenger {
        &self.messenger
    }

    /// How often its proxy cut or half closed a connection.
    pub(crate) fn troubles(&self) -> u64 {
        self.proxy.as_ref().map_or(0, Proxy::troubles)
    }

    /// Ends, and begins again under the same name and address without any memory.
    pub(crate) async fn restart(&mut self) {
        self.end(Duration::from_millis(20)).await;
        self.life += 1;
        self.messenger = Party::make(self.number, self.life, self.policy, &self.ledger);
        if let Some(bind) = &self.bind {
            self.messenger.bind(bind.clone()).unwrap();
        }
        self.messenger.start().unwrap();
    }

    /// Moves to another port, where no proxy is. From there it can only move on: the system does not let it come back
    /// to a port that was not asked for.
    pub(crate) async fn rebind(&mut self) {
        self.messenger.rebind(&Default::default()).await.unwrap();
        self.has_moved = true;
    }

    /// Ends, and looks that nothing is left.
    pub(crate) async fn end(&self, deadline: Duration) {
        let report = self.messenger.shutdown(deadline).await;
        self.ledger.reported(self.number, &report.dropped);
        assert_eq!(report.pipes, 0, "{report:?}");
        let stats = self.messenger.stats();
        assert_eq!((stats.sessions, stats.pipes, stats.connections), (0, 0, 0));
        assert_eq!((stats.endpoint.undispatched, stats.endpoint.dispatch_bytes), (0, 0));
        assert_eq!((stats.panics, stats.unclaimed), (0, 0));
    }
}
