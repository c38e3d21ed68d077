//! Messages that the task hands out which received them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use firefly_runtime::messenger::{Connection, Dispatcher, Message, MessageIn, Messenger, Policy, Received};
use firefly_runtime::wire::address::EntityType;

use super::node::{LIMIT, Node, Recorder, Seen, data, name, ping};

/// Handles those messages fast that are to be, and does something to each before it is recorded.
struct Fast {
    is_fast: fn(&Received) -> bool,
    first: fn(&MessageIn),
    order: Arc<Recorder>,
}

impl Dispatcher for Fast {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        (self.first)(&message);
        self.order.dispatch(message)
    }

    fn can_fast_dispatch(&self, message: &Received) -> bool {
        (self.is_fast)(message)
    }
}

/// A server with such a handler, and a client of it.
fn served(
    is_fast: fn(&Received) -> bool,
    first: fn(&MessageIn),
    policy: Policy,
) -> (Messenger, Arc<Recorder>, Node, Connection) {
    let order = Arc::new(Recorder::default());
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(policy).build();
    server.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    server.add_dispatcher(Fast { is_fast, first, order: order.clone() }).unwrap();
    server.start().unwrap();
    let client = if policy.lossy { Policy::lossy_client() } else { Policy::lossless_client() };
    let client = Node::unbound(EntityType::CLIENT, client);
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    (server, order, client, connection)
}

/// A message of one of several sizes.
fn sized(tid: u64) -> Message {
    const SIZES: [usize; 5] = [0, 100, 5_000, 20_000, 70_000];
    data(tid, SIZES[tid as usize % SIZES.len()])
}

#[tokio::test]
async fn all_answers_arrive_however_large_they_are() {
    for policy in [Policy::stateless_server(), Policy::stateful_server()] {
        let (_server, order, client, connection) = served(|_| true, |_| {}, policy);
        order.echoes.store(true, Ordering::Relaxed);
        client.recorder.fast.store(true, Ordering::Relaxed);
        for tid in 1..=300 {
            connection.send(sized(tid)).await.unwrap();
        }
        client.recorder.until_messages(300).await;
        assert!(order.tids() == (1..=300).collect::<Vec<_>>(), "{:?}", order.tids());
        assert_eq!(client.recorder.tids(), order.tids());
    }
}

#[tokio::test]
async fn many_arrive_as_they_were_sent_together() {
    for policy in [Policy::stateless_server(), Policy::stateful_server()] {
        let (_server, order, _client, connection) = served(|_| true, |_| {}, policy);
        // The first ones before it is connected.
        connection.send_all((1..=300).map(sized)).await.unwrap();
        order.until_messages(300).await;
        connection.send_all((301..=5000).map(ping)).await.unwrap();
        order.until_messages(5000).await;
        assert!(order.tids().into_iter().eq(1..=5000), "{:?}", order.tids());
    }
}

#[tokio::test]
async fn slow_messages_keep_their_place_among_fast_ones() {
    let (_server, order, _client, connection) =
        served(|message| message.tid % 5 != 0, |_| {}, Policy::stateless_server());
    for tid in 1..=500 {
        connection.try_send(ping(tid)).unwrap();
    }
    order.until_messages(500).await;
    assert_eq!(order.tids(), (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_fast_handler_that_panics_loses_one_message() {
    let (server, order, _client, connection) =
        served(|_| true, |message| assert!(message.tid % 4 != 0, "as intended"), Policy::stateless_server());
    for tid in 1..=20 {
        connection.try_send(ping(tid)).unwrap();
    }
    order.until_messages(15).await;
    assert_eq!(order.tids(), (1..=20).filter(|tid| tid % 4 != 0).collect::<Vec<_>>());
    assert_eq!(server.stats().panics, 5);
    assert!(connection.is_connected());
}

#[tokio::test]
async fn a_handler_whose_judgement_panics_is_not_fast() {
    let (server, order, _client, connection) = served(|_| panic!("as intended"), |_| {}, Policy::stateless_server());
    connection.try_send(ping(1)).unwrap();
    connection.try_send(ping(2)).unwrap();
    order.until_messages(2).await;
    assert_eq!(order.tids(), [1, 2]);
    assert!(server.stats().panics >= 2);
}

#[tokio::test]
async fn after_a_fast_handler_marked_down_nothing_more_comes() {
    let (server, order, _client, connection) =
        served(|_| true, |message| message.connection().mark_down(), Policy::stateless_server());
    let all = (1..=50).map(|tid| connection.try_send(ping(tid)));
    assert!(all.into_iter().all(|sent| sent.is_ok()));
    connection.closed().await;
    server.shutdown(LIMIT).await;
    assert_eq!(order.tids(), [1]);
}

#[tokio::test]
async fn what_fast_handlers_keep_holds_back_what_follows() {
    let order = Arc::new(Recorder::default());
    let policy = Policy::stateless_server().throttled(0);
    let limits = firefly_runtime::messenger::ThrottleLimits { messages: 3, bytes: 0 };
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(policy);
    let server = server.configure(|config| config.throttles = vec![limits]).build();
    server.bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let first = |_: &MessageIn| {};
    server.add_dispatcher(Fast { is_fast: |_| true, first, order: order.clone() }).unwrap();
    server.start().unwrap();
    order.keeps.store(true, Ordering::Relaxed);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    for tid in 1..=9 {
        connection.try_send(ping(tid)).unwrap();
    }
    for step in 1..=3 {
        order.until_messages(3 * step).await;
        let kept: Vec<MessageIn> = std::mem::take(&mut *order.kept.lock().unwrap());
        assert_eq!(kept.len(), 3);
    }
    assert_eq!(order.tids(), (1..=9).collect::<Vec<_>>());
    assert!(!order.seen().iter().any(|seen| matches!(seen, Seen::Fault(..))));
}
