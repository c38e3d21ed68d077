//! Futures that are dropped before they are done: at each of their waits, and by chance.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use firefly_runtime::messenger::{Bind, Connection, Disconnect, Fault, Messenger, Policy, SendError, ThrottleLimits};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityType};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::node::{LIMIT, Node, Seen, free_port, name, ping, until};
use super::polled::{polled, sweep};

/// A client whose sessions hold few messages.
fn narrow(messages: usize) -> Node {
    let builder = Messenger::builder(name(EntityType::CLIENT, 0)).default_policy(Policy::lossless_client());
    Node::made(builder.configure(|config| config.limits.queued_messages = messages), None)
}

/// A session with an address where nobody listens.
fn to_nobody(client: &Node) -> Connection {
    let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let peer = EntityInst { name: name(EntityType::OSD, 0), addr: EntityAddr::new(addr, 5) };
    client.messenger.connect_to(&peer).unwrap()
}

#[tokio::test]
async fn a_send_that_is_dropped_while_it_waits_was_never_sent() {
    let port = free_port();
    let client = narrow(2);
    let later = Bind::from(SocketAddr::from(([127, 0, 0, 1], port)));
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
    let connection = to_nobody(&client);
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

/// A server that takes one message at a time, the next one once the last one is let go.
fn reluctant() -> Node {
    let policy = Policy::stateful_server().throttled(0);
    let builder = Messenger::builder(name(EntityType::OSD, 0)).default_policy(policy);
    let builder = builder.configure(|config| config.throttles = vec![ThrottleLimits { messages: 1, bytes: 0 }]);
    let server = Node::made(builder, Some(SocketAddr::from(([127, 0, 0, 1], 0)).into()));
    server.recorder.keeps.store(true, Ordering::Relaxed);
    server
}

/// With rivals that take the room in front of it, a send waits several times. Wherever it is given up, the message is
/// not sent, and nobody else's is touched.
#[tokio::test]
async fn a_send_can_be_given_up_at_each_of_its_waits() {
    const RIVALS: u64 = 4;
    let waits = sweep(async |polls| {
        let (server, client) = (reluctant(), narrow(1));
        let connection = client.connect(&server);
        connection.send(ping(0)).await.unwrap();
        let rivals: Vec<_> = (1..=RIVALS)
            .map(|tid| {
                let connection = connection.clone();
                tokio::spawn(async move { connection.send(ping(tid)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let recorder = server.recorder.clone();
        let lets_go = tokio::spawn(async move {
            loop {
                recorder.kept.lock().unwrap().pop();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let sent = polled(connection.send(ping(99)), polls).await;
        assert!(matches!(sent, None | Some(Ok(()))), "{sent:?}");
        connection.send(ping(100)).await.unwrap();
        for rival in rivals {
            rival.await.unwrap().unwrap();
        }
        let count = 2 + RIVALS as usize + usize::from(sent.is_some());
        server.recorder.until_messages(count).await;
        until("acknowledgements", || connection.info().is_some_and(|info| info.queued + info.unacknowledged == 0))
            .await;
        let mut tids = server.recorder.tids();
        assert_eq!(tids.contains(&99), sent.is_some(), "{tids:?}");
        tids.sort();
        tids.dedup();
        assert_eq!(tids.len(), count);
        assert_eq!(connection.stats().messages_sent, count as u64);
        lets_go.abort();
        sent.is_some()
    })
    .await;
    assert!(waits > 2, "only {waits} polls");
}

/// Wherever sending many is given up, the first of them arrive and the others do not.
#[tokio::test]
async fn sending_many_can_be_given_up_at_each_of_its_waits() {
    const MANY: u64 = 60;
    let waits = sweep(async |polls| {
        let (server, client) = (Node::bound(EntityType::OSD, Policy::stateful_server()), narrow(3));
        let connection = client.connect(&server);
        let sent = polled(connection.send_all((1..=MANY).map(ping)), polls).await;
        connection.send(ping(u64::MAX)).await.unwrap();
        server.recorder.until_seen(Seen::Message(u64::MAX)).await;
        let tids = server.recorder.tids();
        let many = tids.len() as u64 - 1;
        assert!(tids.iter().copied().eq((1..=many).chain([u64::MAX])), "{tids:?}");
        assert!(matches!(sent, None | Some(Ok(()))) && (sent.is_none() || many == MANY), "{sent:?}, {many}");
        sent.is_some()
    })
    .await;
    assert!(waits > 5, "only {waits} polls");
}

#[tokio::test]
async fn what_cannot_be_sent_ends_sending_many() {
    let client = narrow(4);
    let connection = to_nobody(&client);
    let mut asked = 0;
    let messages = (1..=1000).map(ping).inspect(|_| asked += 1);
    let (sent, ()) = tokio::join!(connection.send_all(messages), async { connection.mark_down() });
    assert_eq!(sent, Err(SendError::Dropped));
    assert!((5..100).contains(&asked), "{asked} were asked for");
    assert_eq!(connection.send_all([]).await, Ok(()), "there is nothing to send");
    assert_eq!(connection.send_all([ping(1)]).await, Err(SendError::Dropped));
}

/// Many send through two narrow sessions at the same time, and half of them give up now and then. What was taken
/// arrives, in the order of each, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_senders_what_was_taken_arrives() {
    const SENDERS: usize = 16;
    const EACH: u64 = 60;
    let servers = [0, 1].map(|_| Node::bound(EntityType::OSD, Policy::stateful_server()));
    let client = narrow(4);
    let connections = [0, 1].map(|server| client.connect(&servers[server]));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let connection = connections[sender / 2 % 2].clone();
            tokio::spawn(async move {
                let mut taken = Vec::new();
                for i in 0..EACH {
                    let tid = sender as u64 * 1000 + i;
                    let polls = if sender % 2 == 0 { usize::MAX } else { (i % 5) as usize };
                    match polled(connection.send(ping(tid)), polls).await {
                        Some(sent) => {
                            sent.unwrap();
                            taken.push(tid);
                        }
                        None => tokio::task::yield_now().await,
                    }
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for sender in senders {
        taken.push(timeout(LIMIT, sender).await.unwrap().unwrap());
    }
    let count: usize = taken.iter().map(Vec::len).sum();
    let patient = SENDERS / 2 * EACH as usize;
    assert!(count > patient && count < patient * 19 / 10, "{count} were taken");
    for (i, (server, connection)) in servers.iter().zip(&connections).enumerate() {
        connection.send(ping(u64::MAX)).await.unwrap();
        server.recorder.until_seen(Seen::Message(u64::MAX)).await;
        let tids = server.recorder.tids();
        let own: Vec<_> = taken.iter().enumerate().filter(|(sender, _)| sender / 2 % 2 == i).collect();
        assert_eq!(tids.len(), 1 + own.iter().map(|(_, taken)| taken.len()).sum::<usize>());
        for (sender, taken) in own {
            let of = tids.iter().filter(|tid| *tid / 1000 == sender as u64);
            assert!(of.eq(taken), "sender {sender}");
        }
    }
}

#[tokio::test]
async fn waiting_for_the_end_can_be_given_up_at_each_of_its_waits() {
    for by_peer in [false, true] {
        let polls = sweep(async |polls| {
            let server = Node::bound(EntityType::OSD, Policy::stateless_server());
            let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
            let connection = client.connect(&server);
            connection.send(ping(1)).await.unwrap();
            server.recorder.until_messages(1).await;
            let (there, here) = (server.recorder.connections()[0].clone(), connection.clone());
            let ends = tokio::spawn(async move { if by_peer { there.mark_down() } else { here.mark_down() } });
            let expected = if by_peer { Fault::Io(Disconnect::Eof) } else { Fault::MarkedDown };
            let closed = polled(connection.closed(), polls).await;
            assert!(closed.as_ref().is_none_or(|fault| *fault == expected), "{closed:?}");
            assert_eq!(connection.closed().await, expected);
            // By now it is no longer waited for.
            assert_eq!(polled(connection.closed(), 1).await, Some(expected));
            ends.await.unwrap();
            closed.is_some()
        })
        .await;
        assert!(polls > 1, "only {polls} polls");
    }
}

/// Shuts a messenger down with a future that is given up after so many polls, and then once more.
async fn is_shut_down_twice(node: &Node, polls: usize) -> bool {
    let first = polled(node.messenger.shutdown(LIMIT), polls).await;
    let last = node.messenger.shutdown(LIMIT).await;
    for report in first.iter().chain([&last]) {
        assert!(report.in_time && report.pipes == 0, "{report:?}");
        assert_eq!(report.dropped, firefly_runtime::messenger::Dropped::default());
    }
    let stats = node.messenger.stats();
    assert_eq!((stats.sessions, stats.pipes, stats.connections), (0, 0, 0));
    assert_eq!((stats.endpoint.undispatched, stats.endpoint.dispatch_bytes), (0, 0));
    first.is_some()
}

/// Wherever a shutdown is given up, what was taken is delivered once, and another one ends everything.
#[tokio::test]
async fn a_shutdown_can_be_given_up_at_each_of_its_waits() {
    let tasks = Handle::current().metrics().num_alive_tasks();
    let polls = sweep(async |polls| {
        let server = Node::bound(EntityType::OSD, Policy::stateful_server());
        let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
        let connection = client.connect(&server);
        for tid in 0..20 {
            connection.send(ping(tid)).await.unwrap();
        }
        let client_is_done = is_shut_down_twice(&client, polls).await;
        assert_eq!(connection.try_send(ping(20)), Err(SendError::Dropped));
        server.recorder.until_messages(20).await;
        assert!(server.recorder.tids().into_iter().eq(0..20));
        let port = server.port();
        let server_is_done = is_shut_down_twice(&server, polls).await;
        std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        drop((server, client, connection));
        until("the end of all tasks", || Handle::current().metrics().num_alive_tasks() == tasks).await;
        client_is_done && server_is_done
    })
    .await;
    assert!(polls > 3, "only {polls} polls");
}

/// A shutdown that is given up while it waits for a peer that is not there goes on with everything it had.
#[tokio::test]
async fn a_shutdown_that_is_given_up_before_its_deadline_loses_nothing() {
    for polls in 0..8 {
        let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
        let bind = Bind::from(SocketAddr::from(([127, 0, 0, 1], free_port())));
        let peer = EntityInst { name: name(EntityType::OSD, 0), addr: EntityAddr::new(bind.addr, 5) };
        let connection = client.messenger.connect_to(&peer).unwrap();
        connection.send(ping(1)).await.unwrap();
        assert!(polled(client.messenger.shutdown(LIMIT), polls).await.is_none());
        connection.send(ping(2)).await.unwrap();
        if polls % 2 == 0 {
            let report = client.messenger.shutdown(Duration::ZERO).await;
            assert_eq!((report.dropped.unsent, report.pipes), (2, 0));
            continue;
        }
        let server = Messenger::builder(name(EntityType::OSD, 0)).nonce(5).default_policy(Policy::stateful_server());
        let server = Node::made(server, Some(bind));
        let report = client.messenger.shutdown(LIMIT).await;
        assert!(report.in_time && report.pipes == 0, "{report:?}");
        server.recorder.until_messages(2).await;
        assert_eq!(server.recorder.tids(), [1, 2]);
    }
}

/// Wherever a rebind is given up, the messenger can be bound anew, and is reached there.
#[tokio::test]
async fn a_rebind_can_be_given_up_at_each_of_its_waits() {
    let polls = sweep(async |polls| {
        let server = Node::bound(EntityType::OSD, Policy::stateless_server());
        let before = server.messenger.addr();
        let first = polled(server.messenger.rebind(&BTreeSet::new()), polls).await;
        let last = server.messenger.rebind(&BTreeSet::new()).await.unwrap();
        assert_eq!(server.messenger.addr().socket_addr(), Some(last));
        let steps = (server.messenger.addr().nonce - before.nonce) / 1_000_000;
        assert_eq!(steps, 1 + u32::from(first.is_some()));
        assert_ne!(before.socket_addr(), Some(last));
        let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
        client.connect(&server).send(ping(1)).await.unwrap();
        server.recorder.until_messages(1).await;
        first.is_some()
    })
    .await;
    assert!(polls > 1, "only {polls} polls");
}

/// Sends that are given up leave nothing behind that later ones would have to look at.
#[tokio::test]
async fn sends_that_are_given_up_do_not_pile_up() {
    let client = narrow(1);
    let connection = to_nobody(&client);
    connection.send(ping(0)).await.unwrap();
    let give_up = async |count: u64| {
        let begin = Instant::now();
        for tid in 0..count {
            assert!(polled(connection.send(ping(tid)), 1).await.is_none());
        }
        begin.elapsed()
    };
    let few = give_up(500).await;
    give_up(10_000).await;
    let as_few = give_up(500).await;
    assert!(as_few < few * 10 + Duration::from_millis(50), "{few:?} at first, {as_few:?} later");
}
