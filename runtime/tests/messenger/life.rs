//! The turns of a messenger's life.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use firefly_runtime::messenger::{Bind, BindError, ConnectError, Messenger, Policy, SendError, StartError};
use firefly_runtime::wire::address::{EntityName, EntityType};

use super::node::{LIMIT, Node, Recorder, Seen, free_port, name, ping};

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn a_messenger_is_bound_once_and_before_the_start() {
    let messenger = Messenger::builder(name(EntityType::OSD, 0)).build();
    let addr = messenger.bind(anywhere()).unwrap();
    assert_eq!(messenger.addr().socket_addr(), Some(addr));
    assert!(matches!(messenger.bind(anywhere()), Err(BindError::AlreadyBound(bound)) if bound == addr));
    messenger.add_dispatcher(Recorder::default()).unwrap();
    messenger.start().unwrap();
    assert!(matches!(messenger.bind(anywhere()), Err(BindError::AlreadyStarted)));
    messenger.shutdown(LIMIT).await;
    assert!(matches!(messenger.bind(anywhere()), Err(BindError::Stopped)));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let messenger = Messenger::builder(name(EntityType::OSD, 0)).build();
    assert!(matches!(messenger.bind(addr), Err(BindError::Address { addr: wanted, .. }) if wanted == addr));
}

#[tokio::test]
async fn a_messenger_starts_once_with_a_name_and_a_dispatcher() {
    let nobody = Messenger::builder(EntityName::default()).build();
    nobody.add_dispatcher(Recorder::default()).unwrap();
    assert!(matches!(nobody.start(), Err(StartError::NoEntity)));

    let messenger = Messenger::builder(name(EntityType::CLIENT, 0)).nonce(77).build();
    assert!(matches!(messenger.start(), Err(StartError::NoDispatcher)));
    let peer = Node::bound(EntityType::OSD, Policy::stateless_server());
    assert_eq!(messenger.connect_to(&peer.inst()), Err(ConnectError::NotRunning));
    assert_eq!(messenger.send_to(&peer.inst(), ping(1)), Err(SendError::Dropped));
    messenger.add_dispatcher(Recorder::default()).unwrap();
    messenger.start().unwrap();
    assert_eq!(messenger.addr().nonce, 77);
    assert!(messenger.loopback().is_some());
    assert!(matches!(messenger.start(), Err(StartError::AlreadyStarted)));
    assert!(matches!(messenger.add_dispatcher(Recorder::default()), Err(StartError::AlreadyStarted)));
    messenger.shutdown(LIMIT).await;
    assert!(matches!(messenger.start(), Err(StartError::Stopped)));
}

#[test]
fn without_a_runtime_nothing_starts() {
    let messenger = Messenger::builder(name(EntityType::CLIENT, 0)).build();
    messenger.add_dispatcher(Recorder::default()).unwrap();
    assert!(matches!(messenger.start(), Err(StartError::NoRuntime(_))));
}

#[tokio::test]
async fn who_connects_before_the_start_is_served_after_it() {
    let port = free_port();
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server()).build();
    server.bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    let recorder = std::sync::Arc::new(Recorder::default());
    server.add_dispatcher(recorder.clone()).unwrap();
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    connection.send(ping(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!connection.is_connected());
    server.start().unwrap();
    recorder.until_messages(1).await;
}

// covers: PO-16
#[tokio::test]
async fn rebinding_makes_a_new_process_of_it() {
    let server = Node::bound(EntityType::OSD, Policy::lossless_peer());
    let client = Node::bound(EntityType::OSD, Policy::lossless_peer());
    let connection = client.connect(&server);
    connection.send(ping(1)).await.unwrap();
    server.recorder.until_messages(1).await;
    let before = server.messenger.addr();
    let port = before.socket_addr().unwrap().port();
    let avoid = BTreeSet::from([port + 1, port + 2]);
    let bound = server.messenger.rebind(&avoid).await.unwrap();
    assert!(bound.port() != port && !avoid.contains(&bound.port()));
    let after = server.messenger.addr();
    assert_eq!(after.socket_addr(), Some(bound));
    assert_eq!(after.nonce, before.nonce + 1_000_000);
    server.recorder.until("reset", |seen| matches!(seen.last(), Some(Seen::Reset(..)))).await;
    super::node::until("the end", || !connection.is_connected()).await;
    assert!(TcpStream::connect(before.socket_addr().unwrap()).is_err());

    client.connect(&server).send(ping(2)).await.unwrap();
    server.recorder.until_messages(2).await;
    let third = server.messenger.rebind(&BTreeSet::new()).await.unwrap();
    assert!(third.port() != bound.port() && third.port() != port);
}

#[tokio::test]
async fn only_what_is_bound_can_be_rebound() {
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    assert!(matches!(client.messenger.rebind(&BTreeSet::new()).await, Err(BindError::NotBound)));
}

// covers: PO-18
#[tokio::test]
async fn after_a_shutdown_nothing_is_left() {
    let server = Node::bound(EntityType::OSD, Policy::stateful_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
    let connection = client.connect(&server);
    for tid in 0..100 {
        connection.send(ping(tid)).await.unwrap();
    }
    server.recorder.until_messages(1).await;
    let report = client.messenger.shutdown(LIMIT).await;
    assert!(report.in_time);
    assert_eq!((report.sessions, report.pipes, report.dropped.unsent, report.dropped.unacknowledged), (1, 0, 0, 0));
    server.recorder.until_messages(100).await;
    assert_eq!(connection.try_send(ping(0)), Err(SendError::Dropped));
    assert_eq!(client.messenger.connect_to(&server.inst()), Err(ConnectError::NotRunning));

    let port = server.port();
    let report = server.messenger.shutdown(LIMIT).await;
    assert_eq!(report.pipes, 0);
    let seen = server.recorder.seen().len();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    TcpListener::bind(("127.0.0.1", port)).unwrap();
    let stats = server.messenger.stats();
    assert_eq!((stats.sessions, stats.pipes, stats.connections), (0, 0, 0));
    assert_eq!(server.recorder.seen().len(), seen);
}

#[tokio::test]
async fn a_shutdown_tells_what_it_could_not_deliver() {
    let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
    let nobody = Bind::from(SocketAddr::from(([127, 0, 0, 1], free_port())));
    let addr = firefly_runtime::wire::address::EntityAddr::new(nobody.addr, 1);
    let peer = firefly_runtime::wire::address::EntityInst { name: name(EntityType::OSD, 0), addr };
    let connection = client.messenger.connect_to(&peer).unwrap();
    for tid in 5..=7 {
        connection.send(ping(tid)).await.unwrap();
    }
    let report = client.messenger.shutdown(Duration::from_millis(50)).await;
    assert!(!report.in_time);
    assert_eq!(report.dropped.unsent, 3);
    assert_eq!((report.dropped.first_tid, report.dropped.last_tid), (Some(5), Some(7)));
}

#[tokio::test]
async fn dropping_a_messenger_closes_all() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(&server);
    client.recorder.until_seen(Seen::Connect).await;
    let port = server.port();
    drop(server);
    connection.closed().await;
    super::node::until("a free port", || TcpStream::connect(("127.0.0.1", port)).is_err()).await;
}
