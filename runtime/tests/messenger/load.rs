//! Many connections.

use std::sync::Arc;

use firefly_runtime::messenger::{Messenger, Policy};
use firefly_runtime::wire::address::EntityType;
use tokio::task::JoinSet;

use super::node::{LIMIT, Node, Recorder, Seen, name, ping, until};
use super::process::{alone, passes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_after_ten_thousand_connections() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    for i in 0..10_000u64 {
        let connection = client.connect(&server);
        connection.send(ping(i)).await.unwrap();
        server.recorder.until("the message", |seen| seen.last() == Some(&Seen::Message(i))).await;
        connection.mark_down();
        server.recorder.forget();
    }
    let gone = |node: &Node| {
        let stats = node.messenger.stats();
        // The one with oneself stays.
        (stats.sessions, stats.pipes, stats.connections) == (0, 0, 1)
    };
    until("nothing left", || gone(&server) && gone(&client)).await;
    assert_eq!(server.messenger.stats().endpoint.accepted, 10_000);
    assert_eq!(client.messenger.stats().endpoint.dialled, 10_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connect_at_once() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let inst = server.inst();
    let mut clients = JoinSet::new();
    for i in 0..1000 {
        let inst = inst.clone();
        clients.spawn(async move {
            let client = Messenger::builder(name(EntityType::CLIENT, i)).default_policy(Policy::lossy_client()).build();
            client.add_dispatcher(Arc::new(Recorder::default())).unwrap();
            client.start().unwrap();
            client.send_to(&inst, ping(i as u64)).unwrap();
            client
        });
    }
    let clients = tokio::time::timeout(LIMIT, clients.join_all()).await.unwrap();
    server.recorder.until_messages(1000).await;
    let mut tids = server.recorder.tids();
    tids.sort();
    assert!(tids.into_iter().eq(0..1000));
    let attempts: u64 = clients.iter().map(|client| client.stats().endpoint.dialled).sum();
    assert_eq!(attempts, 1000, "some had to try again");
}

/// Runs the next test in a process that may have few descriptors.
// covers: ER-26
#[test]
fn the_accepter_outlives_a_shortage_of_descriptors() {
    passes(alone("load::with_few_descriptors", "ulimit -n 40"));
}

#[tokio::test]
#[ignore = "run by the test before it, in a process of its own"]
async fn with_few_descriptors() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let addr = ("127.0.0.1", server.port());
    // The backlog takes those who are not accepted.
    let mut crowd: Vec<std::net::TcpStream> = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect(addr) {
        crowd.push(stream);
        tokio::task::yield_now().await;
    }
    until("refusals", || server.messenger.stats().accept_failures > 2).await;
    drop(crowd);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    client.connect(&server).send(ping(1)).await.unwrap();
    server.recorder.until_messages(1).await;
}
