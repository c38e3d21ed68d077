//! The order in which things are dispatched, and what holds them back.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firefly_runtime::messenger::{
    Connection, Dispatcher, Dropped, Fault, Message, MessageIn, Messenger, Policy, ThrottleLimits,
};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::payload::Payload;

use super::node::{LIMIT, Node, Recorder, Seen, data, name, ping, until};

/// Holds the first message until it is let go.
struct Gate {
    hold: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    order: Arc<Recorder>,
}

impl Dispatcher for Gate {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        let hold = self.hold.lock().unwrap().take();
        if let Some(hold) = hold {
            let _ = hold.recv_timeout(LIMIT);
        }
        self.order.dispatch(message)
    }

    fn handle_reset(&self, connection: &Connection, fault: &Fault, dropped: &Dropped) -> bool {
        self.order.handle_reset(connection, fault, dropped)
    }
}

/// A server whose first message is held until something is sent to what comes with it.
fn gated(
    configure: impl FnOnce(&mut firefly_runtime::messenger::Config),
) -> (Messenger, Arc<Recorder>, std::sync::mpsc::Sender<()>) {
    let (go, hold) = std::sync::mpsc::channel();
    let order = Arc::new(Recorder::default());
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server());
    let server = server.configure(configure).build();
    server.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    server.add_dispatcher(Gate { hold: Mutex::new(Some(hold)), order: order.clone() }).unwrap();
    server.start().unwrap();
    (server, order, go)
}

fn received(messenger: &Messenger, addr: &firefly_runtime::wire::address::EntityAddr) -> u64 {
    messenger.connection(addr).map_or(0, |connection| connection.stats().messages_received)
}

// covers: DQ-01, DQ-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_more_urgent_is_dispatched_first() {
    let (server, order, go) = gated(|_| {});
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    connection.send(ping(0)).await.unwrap();
    until("the first message", || received(&server, &client.messenger.addr()) == 1).await;
    for (tid, priority) in [(1, 63), (2, 127), (3, 64), (4, 196), (5, 127)] {
        connection.send(ping(tid).priority(priority)).await.unwrap();
    }
    until("all messages", || received(&server, &client.messenger.addr()) == 6).await;
    go.send(()).unwrap();
    order.until_messages(6).await;
    assert_eq!(order.tids(), [0, 4, 2, 5, 3, 1]);
}

// covers: DQ-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_connections_take_turns() {
    let (server, order, go) = gated(|_| {});
    let [a, b] = [0, 1].map(|_| Node::unbound(EntityType::CLIENT, Policy::lossy_client()));
    let [to_a, to_b] = [&a, &b].map(|node| node.messenger.connect_to(&server.inst()).unwrap());
    to_a.send(ping(0)).await.unwrap();
    until("the first message", || received(&server, &a.messenger.addr()) == 1).await;
    for tid in 1..=3 {
        to_a.send(ping(tid)).await.unwrap();
        to_b.send(ping(10 + tid)).await.unwrap();
    }
    until("all of one", || received(&server, &a.messenger.addr()) == 4).await;
    until("all of the other", || received(&server, &b.messenger.addr()) == 3).await;
    go.send(()).unwrap();
    order.until_messages(7).await;
    let tids = order.tids();
    let of = |range: std::ops::Range<u64>| tids.iter().filter(|tid| range.contains(tid)).copied().collect::<Vec<u64>>();
    assert_eq!((of(1..9), of(11..19)), (vec![1, 2, 3], vec![11, 12, 13]));
    assert!(tids[1..].windows(2).all(|pair| (pair[0] < 10) != (pair[1] < 10)), "{tids:?}");
}

// covers: TH-06, TH-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_when_its_session_is_marked_down_gives_back_what_it_took() {
    for by_handle in [false, true] {
        let (server, order, go) = gated(|config| {
            config.policies.set_default(Policy::stateless_server().throttled(0));
            config.throttles = vec![ThrottleLimits { messages: 4, bytes: 50_000 }];
        });
        let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
        let connection = client.messenger.connect_to(&server.inst()).unwrap();
        for tid in 1..=4 {
            connection.send(data(tid, 10_000)).await.unwrap();
        }
        until("all messages", || received(&server, &client.messenger.addr()) == 4).await;
        if by_handle {
            server.connection(&client.messenger.addr()).unwrap().mark_down();
        } else {
            server.mark_down(&client.messenger.addr());
        }
        connection.closed().await;
        go.send(()).unwrap();
        until("an empty throttle", || server.stats().endpoint.dispatch_bytes == 0).await;
        // As many as the throttle lets through, and some more.
        let again = client.messenger.connect_to(&server.inst()).unwrap();
        for tid in 11..=16 {
            again.send(data(tid, 10_000)).await.unwrap();
        }
        order.until_messages(7).await;
        assert_eq!(order.tids(), [1, 11, 12, 13, 14, 15, 16]);
        let resets = order.seen().into_iter().filter_map(|seen| match seen {
            Seen::Reset(fault, dropped) => Some((fault, dropped.undispatched)),
            _ => None,
        });
        let expected = [(Fault::MarkedDown, 3)];
        assert!(resets.eq(expected.into_iter().filter(|_| !by_handle)));
    }
}

/// Takes commands only.
struct Commands(Arc<Recorder>);

impl Dispatcher for Commands {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        match message.payload {
            Payload::MMonCommand(_) => self.0.dispatch(message),
            _ => Err(message),
        }
    }

    fn handle_accept(&self, connection: &Connection) {
        self.0.handle_accept(connection);
    }

    fn handle_reset(&self, connection: &Connection, fault: &Fault, dropped: &Dropped) -> bool {
        self.0.handle_reset(connection, fault, dropped)
    }
}

// covers: DQ-05, MT-07
#[tokio::test]
async fn each_message_and_reset_is_for_the_first_who_wants_it() {
    let [first, second] = [0, 1].map(|_| Arc::new(Recorder::default()));
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server()).build();
    server.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    server.add_dispatcher(Commands(first.clone())).unwrap();
    server.add_dispatcher(second.clone()).unwrap();
    server.start().unwrap();
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    connection.send(data(1, 10)).await.unwrap();
    connection.send(ping(2)).await.unwrap();
    second.until_messages(1).await;
    connection.mark_down();
    first.until("reset", |seen| matches!(seen.last(), Some(Seen::Reset(..)))).await;
    assert_eq!(first.seen()[..2], [Seen::Accept, Seen::Message(1)]);
    assert_eq!(second.seen(), [Seen::Accept, Seen::Message(2)]);

    // Nobody wants this one.
    let lonely = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server()).build();
    lonely.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    lonely.add_dispatcher(Commands(first.clone())).unwrap();
    lonely.start().unwrap();
    let connection = client.messenger.connect_to(&lonely.inst()).unwrap();
    connection.send(ping(3)).await.unwrap();
    connection.send(data(4, 10)).await.unwrap();
    first.until_messages(2).await;
    assert_eq!(first.tids(), [1, 4]);
    assert_eq!(lonely.stats().unclaimed, 1);
    assert!(connection.is_connected());
}

// covers: TH-01, TH-08
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_dispatched_holds_back_what_follows() {
    let (server, order, go) = gated(|config| config.dispatch_throttle_bytes = 150_000);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    for tid in 1..=4 {
        connection.send(data(tid, 100_000)).await.unwrap();
    }
    until("the first message", || received(&server, &client.messenger.addr()) == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(received(&server, &client.messenger.addr()), 1);
    assert!(server.stats().endpoint.dispatch_bytes >= 100_000);
    go.send(()).unwrap();
    order.until_messages(4).await;
    until("an empty throttle", || server.stats().endpoint.dispatch_bytes == 0).await;
}

/// While the server does not read, the sockets fill up, and a write ends somewhere in a message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_into_a_socket_arrives_whole() {
    let (server, order, go) = gated(|config| config.dispatch_throttle_bytes = 1 << 20);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    for tid in 1..=5 {
        connection.send(data(tid, 3 << 20)).await.unwrap();
    }
    until("the first message", || received(&server, &client.messenger.addr()) == 1).await;
    let writes = std::cell::Cell::new(0);
    until("a full socket", || writes.replace(client.messenger.stats().writes) == client.messenger.stats().writes).await;
    go.send(()).unwrap();
    order.until_messages(5).await;
    assert_eq!(order.tids(), [1, 2, 3, 4, 5]);
    assert!(connection.is_connected());
}

// covers: TH-06
#[tokio::test]
async fn messages_that_are_kept_hold_back_what_follows() {
    let policy = Policy::stateless_server().throttled(0);
    let builder = Messenger::builder(name(EntityType::OSD, 0)).default_policy(policy);
    let builder = builder.configure(|config| config.throttles = vec![ThrottleLimits { messages: 3, bytes: 0 }]);
    let server = Node::made(builder, Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()));
    server.recorder.keeps.store(true, Ordering::Relaxed);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(&server);
    for tid in 1..=5 {
        connection.send(ping(tid)).await.unwrap();
    }
    server.recorder.until_messages(3).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.recorder.tids(), [1, 2, 3]);
    let kept = server.recorder.kept.lock().unwrap().pop();
    drop(kept);
    server.recorder.until_messages(4).await;
    server.recorder.kept.lock().unwrap().clear();
    server.recorder.until_messages(5).await;
}

/// Panics at pings.
struct Touchy;

impl Dispatcher for Touchy {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        assert!(!matches!(message.payload, Payload::MPing(_)), "as intended");
        Err(message)
    }
}

#[tokio::test]
async fn a_dispatcher_that_panics_takes_nobody_with_it() {
    let seen = Arc::new(Recorder::default());
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server()).build();
    server.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    server.add_dispatcher(Touchy).unwrap();
    server.add_dispatcher(seen.clone()).unwrap();
    server.start().unwrap();
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    connection.send(ping(1)).await.unwrap();
    connection.send(data(2, 5)).await.unwrap();
    seen.until_messages(1).await;
    assert_eq!(seen.tids(), [2]);
    assert_eq!(server.stats().panics, 1);
}

/// Marks the connection down at the first message.
struct Once(Mutex<Vec<u64>>);

impl Dispatcher for Once {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        self.0.lock().unwrap().push(message.tid);
        message.connection().mark_down();
        Ok(())
    }
}

#[tokio::test]
async fn after_marking_down_nothing_more_is_dispatched() {
    let once = Arc::new(Once(Mutex::default()));
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server()).build();
    server.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    server.add_dispatcher(once.clone()).unwrap();
    server.start().unwrap();
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    let all = (1..=50).map(|tid| connection.try_send(ping(tid)));
    assert!(all.into_iter().all(|sent| sent.is_ok()));
    connection.closed().await;
    server.shutdown(LIMIT).await;
    assert_eq!(*once.0.lock().unwrap(), [1]);
    let _: Message = ping(0);
}
