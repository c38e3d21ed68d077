//! Futures that are dropped before they are done.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use firefly_runtime::messenger::{Fault, Messenger, Policy, SendError};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityType};
use tokio::time::timeout;

use super::node::{LIMIT, Node, free_port, name, ping};

/// A client whose sessions hold few messages.
fn narrow(messages: usize) -> Node {
    let builder = Messenger::builder(name(EntityType::CLIENT, 0)).default_policy(Policy::lossless_client());
    Node::made(builder.configure(|config| config.limits.queued_messages = messages), None)
}

#[tokio::test]
async fn a_send_that_is_dropped_while_it_waits_was_never_sent() {
    let port = free_port();
    let client = narrow(2);
    let later = firefly_runtime::messenger::Bind::from(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
    let peer = EntityInst { name: name(EntityType::OSD, 0), addr: EntityAddr::new(later.addr, 5) };
    let connection = client.messenger.connect_to(&peer).unwrap();
    connection.send(ping(1)).await.unwrap();
    connection.send(ping(2)).await.unwrap();
    assert!(matches!(connection.try_send(ping(3)), Err(SendError::Full(back)) if back.tid == 3));
    for polls in 1..4 {
        let mut send = pin!(connection.send(ping(10 + polls)));
        for _ in 0..polls {
            assert!(send.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
    }
    assert!(timeout(Duration::from_millis(20), connection.send(ping(4))).await.is_err());

    let server = Messenger::builder(name(EntityType::OSD, 0)).nonce(5).default_policy(Policy::stateful_server());
    let server = Node::made(server, Some(later));
    timeout(LIMIT, connection.send(ping(5))).await.unwrap().unwrap();
    server.recorder.until_messages(3).await;
    assert_eq!(server.recorder.tids(), [1, 2, 5]);
}

#[tokio::test]
async fn those_who_wait_to_send_are_told_that_the_session_is_over() {
    let client = narrow(1);
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let peer = EntityInst { name: name(EntityType::OSD, 0), addr: EntityAddr::new(addr, 5) };
    let connection = client.messenger.connect_to(&peer).unwrap();
    connection.send(ping(1)).await.unwrap();
    let waiting: Vec<_> = (2..10)
        .map(|tid| {
            let connection = connection.clone();
            tokio::spawn(async move { connection.send(ping(tid)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    connection.mark_down();
    for waiting in waiting {
        assert_eq!(timeout(LIMIT, waiting).await.unwrap().unwrap(), Err(SendError::Dropped));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_get_through_a_narrow_session() {
    let server = Node::bound(EntityType::OSD, Policy::stateful_server());
    let client = narrow(4);
    let connection = client.connect(&server);
    let senders: Vec<_> = (0..16u64)
        .map(|sender| {
            let connection = connection.clone();
            tokio::spawn(async move {
                for i in 0..200 {
                    connection.send(ping(sender * 1000 + i)).await.unwrap();
                }
            })
        })
        .collect();
    for sender in senders {
        timeout(LIMIT, sender).await.unwrap().unwrap();
    }
    server.recorder.until_messages(3200).await;
    let tids = server.recorder.tids();
    for sender in 0..16 {
        let of: Vec<u64> = tids.iter().filter(|tid| *tid / 1000 == sender).map(|tid| tid % 1000).collect();
        assert!(of.into_iter().eq(0..200));
    }
}

#[tokio::test]
async fn waiting_for_the_end_can_be_given_up() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(&server);
    {
        let mut closed = pin!(connection.closed());
        assert!(closed.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert!(timeout(Duration::from_millis(10), connection.closed()).await.is_err());
    connection.mark_down();
    assert_eq!(connection.closed().await, Fault::MarkedDown);
    let mut closed = pin!(connection.closed());
    assert!(matches!(closed.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Fault::MarkedDown)));
}

#[tokio::test]
async fn a_shutdown_that_is_given_up_can_be_repeated() {
    let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
    let peer = EntityInst { name: name(EntityType::OSD, 0), addr: EntityAddr::new(addr, 5) };
    client.messenger.connect_to(&peer).unwrap().send(ping(1)).await.unwrap();
    assert!(timeout(Duration::from_millis(20), client.messenger.shutdown(LIMIT)).await.is_err());
    let report = client.messenger.shutdown(Duration::ZERO).await;
    assert_eq!((report.dropped.unsent, report.pipes), (1, 0));
}
