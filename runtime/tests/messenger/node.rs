//! A messenger whose dispatcher remembers what it sees.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use firefly_runtime::messenger::{
    Bind, Builder, Connection, Dispatcher, Dropped, Fault, Message, MessageIn, Messenger, Next, Policy, Received,
};
use firefly_runtime::wire::address::{EntityInst, EntityName, EntityType};
use firefly_runtime::wire::mon::{MMonCommand, MPing};
use firefly_runtime::wire::payload::Payload;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The longest that anything in these tests may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// What a dispatcher saw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    Connect,
    Accept,
    Message(u64),
    Reset(Fault, Dropped),
    RemoteReset(Dropped),
    Refused,
    Fault(Fault, Next),
}

/// Remembers what it sees, and answers commands if told so.
#[derive(Default)]
pub(crate) struct Recorder {
    seen: Mutex<Vec<(Option<Connection>, Seen)>>,
    changed: Notify,
    pub(crate) echoes: AtomicBool,
    pub(crate) fast: AtomicBool,
    /// Messages are kept instead of dropped.
    pub(crate) keeps: AtomicBool,
    pub(crate) kept: Mutex<Vec<MessageIn>>,
}

impl Recorder {
    fn note(&self, connection: &Connection, seen: Seen) {
        self.seen.lock().unwrap().push((Some(connection.clone()), seen));
        self.changed.notify_waiters();
    }

    /// All it saw so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().map(|(_, seen)| seen.clone()).collect()
    }

    /// The transaction ids of the messages, in their order.
    pub(crate) fn tids(&self) -> Vec<u64> {
        let tid = |seen| if let Seen::Message(tid) = seen { Some(tid) } else { None };
        self.seen().into_iter().filter_map(tid).collect()
    }

    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.seen.lock().unwrap().iter().filter_map(|(connection, _)| connection.clone()).collect()
    }

    /// Forgets what it saw.
    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&[Seen]) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if is_so(&self.seen()) {
                    return;
                }
                changed.await;
            }
        };
        if timeout(LIMIT, wait).await.is_err() {
            panic!("no {what} in {:?}", self.seen());
        }
    }

    /// Waits for so many messages.
    pub(crate) async fn until_messages(&self, count: usize) {
        self.until(&format!("{count} messages"), |seen| {
            seen.iter().filter(|seen| matches!(seen, Seen::Message(_))).count() >= count
        })
        .await;
    }

    /// Waits for one event.
    pub(crate) async fn until_seen(&self, wanted: Seen) {
        self.until(&format!("{wanted:?}"), |seen| seen.contains(&wanted)).await;
    }
}

impl Dispatcher for Recorder {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        self.note(message.connection(), Seen::Message(message.tid));
        if self.echoes.load(Ordering::Relaxed)
            && let Payload::MMonCommand(command) = &message.payload
        {
            let answer = MMonCommand { inbl: command.inbl.clone(), ..MMonCommand::default() };
            let _ = message.connection().try_send(Message::new(answer).tid(message.tid));
        }
        if self.keeps.load(Ordering::Relaxed) {
            self.kept.lock().unwrap().push(message);
        }
        Ok(())
    }

    fn can_fast_dispatch(&self, _: &Received) -> bool {
        self.fast.load(Ordering::Relaxed)
    }

    fn handle_connect(&self, connection: &Connection) {
        self.note(connection, Seen::Connect);
    }

    fn handle_accept(&self, connection: &Connection) {
        self.note(connection, Seen::Accept);
    }

    fn handle_reset(&self, connection: &Connection, fault: &Fault, dropped: &Dropped) -> bool {
        self.note(connection, Seen::Reset(fault.clone(), *dropped));
        true
    }

    fn handle_remote_reset(&self, connection: &Connection, dropped: &Dropped) {
        self.note(connection, Seen::RemoteReset(*dropped));
    }

    fn handle_refused(&self, connection: &Connection) {
        self.note(connection, Seen::Refused);
    }

    fn handle_fault(&self, connection: &Connection, fault: &Fault, next: Next) {
        self.note(connection, Seen::Fault(fault.clone(), next));
    }
}

/// A messenger with its recorder.
pub(crate) struct Node {
    pub(crate) messenger: Messenger,
    pub(crate) recorder: Arc<Recorder>,
}

pub(crate) fn name(r#type: EntityType, num: i64) -> EntityName {
    EntityName { r#type, num }
}

impl Node {
    /// A messenger that listens on the loopback.
    pub(crate) fn bound(r#type: EntityType, policy: Policy) -> Node {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Node::made(Messenger::builder(name(r#type, 0)).default_policy(policy), Some(anywhere.into()))
    }

    /// A messenger that only connects.
    pub(crate) fn unbound(r#type: EntityType, policy: Policy) -> Node {
        Node::made(Messenger::builder(name(r#type, 0)).default_policy(policy), None)
    }

    pub(crate) fn made(builder: Builder, bind: Option<Bind>) -> Node {
        let messenger = builder.label("test").build();
        if let Some(bind) = bind {
            messenger.bind(bind).unwrap();
        }
        let recorder = Arc::new(Recorder::default());
        messenger.add_dispatcher(recorder.clone()).unwrap();
        messenger.start().unwrap();
        Node { messenger, recorder }
    }

    /// Who it is, for others to connect to.
    pub(crate) fn inst(&self) -> EntityInst {
        self.messenger.inst()
    }

    pub(crate) fn port(&self) -> u16 {
        self.messenger.addr().socket_addr().unwrap().port()
    }

    pub(crate) fn connect(&self, to: &Node) -> Connection {
        self.messenger.connect_to(&to.inst()).unwrap()
    }
}

/// Waits until something is so of which nobody tells.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(LIMIT, wait).await.is_ok(), "never: {what}");
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn ping(tid: u64) -> Message {
    Message::new(MPing::default()).tid(tid)
}

/// A message with data.
pub(crate) fn data(tid: u64, len: usize) -> Message {
    let inbl: Vec<u8> = (0..len).map(|i| (i as u64).wrapping_mul(tid + 7) as u8).collect();
    Message::new(MMonCommand { inbl: Bytes::from(inbl), ..MMonCommand::default() }).tid(tid)
}
