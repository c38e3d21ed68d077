//! Connections that break: what is sent on a lossless session arrives exactly once and in order all the same.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use firefly_runtime::messenger::{Bind, Dropped, Fault, Messenger, Policy};
use firefly_runtime::wire::address::EntityType;
use tokio::net::TcpListener;

use super::node::{LIMIT, Node, Seen, data, free_port, name, ping, until};
use super::proxy::{Proxy, Trouble};

/// A messenger that others reach through a proxy.
async fn behind_proxy(r#type: EntityType, num: i64, policy: Policy, trouble: Trouble, seed: u64) -> (Node, Proxy) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bind =
        Bind { announce: Some(listener.local_addr().unwrap()), ..Bind::from(SocketAddr::from(([127, 0, 0, 1], 0))) };
    let builder = Messenger::builder(name(r#type, num)).default_policy(policy);
    let builder = builder.configure(|config| config.timers.max_backoff = Duration::from_millis(400));
    let messenger = builder.build();
    let far = messenger.bind(bind).unwrap();
    let proxy = Proxy::start(listener, far, trouble, seed);
    let recorder = std::sync::Arc::new(super::node::Recorder::default());
    messenger.add_dispatcher(recorder.clone()).unwrap();
    messenger.start().unwrap();
    (Node { messenger, recorder }, proxy)
}

/// Sends messages of many sizes both ways between two messengers, the first of which is behind a proxy, and the second
/// too if it is to be connected to.
async fn exchange(policies: [Policy; 2], trouble: Trouble, messages: u64) -> u64 {
    let (a, a_proxy) = behind_proxy(EntityType::OSD, 0, policies[0], trouble, 1).await;
    let (b, b_proxy) = behind_proxy(EntityType::OSD, 1, policies[1], trouble, 2).await;
    b.recorder.fast.store(true, Ordering::Relaxed);
    let to_a = b.connect(&a);
    // A server has to wait for its client.
    to_a.send(ping(0)).await.unwrap();
    a.recorder.until_messages(1).await;
    let to_b = a.recorder.connections()[0].clone();
    let size = |tid: u64| [0, 40, 4000, 90_000, 300][tid as usize % 5];
    for tid in 1..=messages {
        to_a.send(data(tid, size(tid))).await.unwrap();
        to_b.send(data(tid, size(tid + 1))).await.unwrap();
        if tid % 16 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    a.recorder.until_messages(messages as usize + 1).await;
    b.recorder.until_messages(messages as usize).await;
    assert!(a.recorder.tids().into_iter().eq(0..=messages), "{:?}", a.recorder.seen());
    assert!(b.recorder.tids().into_iter().eq(1..=messages), "{:?}", b.recorder.seen());
    for node in [&a, &b] {
        // One who did not see the answer to his first record begins once more, and is taken for one who was restarted.
        let lost = |seen: &Seen| match seen {
            Seen::RemoteReset(dropped) => *dropped != Dropped::default(),
            seen => matches!(seen, Seen::Reset(..)),
        };
        let lost: Vec<Seen> = node.recorder.seen().into_iter().filter(lost).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
    a_proxy.troubles() + b_proxy.troubles()
}

const LOSSLESS: [[Policy; 2]; 3] = [
    [Policy::stateful_server(), Policy::lossless_client()],
    [Policy::lossless_peer(), Policy::lossless_peer()],
    [Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse()],
];

// covers: PO-02, SQ-14, PO-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    for policies in LOSSLESS {
        let troubles = exchange(policies, Trouble { cut: 20, ..Trouble::default() }, 300).await;
        assert!(troubles > 5, "{troubles} cuts");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_half_closed_lose_nothing() {
    for policies in LOSSLESS {
        let troubles = exchange(policies, Trouble { half_close: 25, ..Trouble::default() }, 200).await;
        assert!(troubles > 3, "{troubles} half closed");
    }
}

// covers: HS-06, FR-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_dribble_in_make_the_same_messages() {
    let trouble = Trouble { dribble: 3, delay: 20, ..Trouble::default() };
    for policies in LOSSLESS {
        assert_eq!(exchange(policies, trouble, 60).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_troubles_together_lose_nothing() {
    let trouble = Trouble { cut: 30, half_close: 60, delay: 30, dribble: 15 };
    for policies in LOSSLESS {
        assert!(exchange(policies, trouble, 300).await > 3);
    }
}

// covers: PO-08, SQ-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lossy_session_delivers_the_beginning_once() {
    let trouble = Trouble { cut: 40, ..Trouble::default() };
    let (server, proxy) = behind_proxy(EntityType::OSD, 0, Policy::stateless_server(), trouble, 3).await;
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let mut sessions = 0;
    while proxy.troubles() < 10 {
        sessions += 1;
        let connection = client.connect(&server);
        for i in 0..200 {
            if connection.send(data(sessions * 1000 + i, 3000)).await.is_err() {
                break;
            }
        }
        let _ = tokio::time::timeout(Duration::from_millis(300), connection.closed()).await;
        connection.mark_down();
    }
    let tids = server.recorder.tids();
    for session in 1..=sessions {
        let of: Vec<u64> = tids.iter().filter(|tid| *tid / 1000 == session).map(|tid| tid % 1000).collect();
        assert!(of.iter().copied().eq(0..of.len() as u64), "session {session}: {of:?}");
    }
    assert!(client.recorder.seen().iter().any(|seen| matches!(seen, Seen::Reset(..))));
}

// covers: PO-05, PO-07
#[tokio::test]
async fn whoever_is_refused_tries_again_until_somebody_listens() {
    let port = free_port();
    let bind = Bind::from(SocketAddr::from(([127, 0, 0, 1], port)));
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let addr = firefly_runtime::wire::address::EntityAddr::new(bind.addr, 9);
    let peer = firefly_runtime::wire::address::EntityInst { name: name(EntityType::OSD, 0), addr };
    let connection = client.messenger.connect_to(&peer).unwrap();
    connection.send(ping(1)).await.unwrap();
    let refusals = |seen: &[Seen]| seen.iter().filter(|seen| **seen == Seen::Refused).count();
    let begin = std::time::Instant::now();
    client.recorder.until("three refusals", |seen| refusals(seen) == 3).await;
    // After the first failure at once, after the second one 0.2 s later.
    assert!(begin.elapsed() >= Duration::from_millis(200) && begin.elapsed() < Duration::from_secs(2));
    let server = Messenger::builder(name(EntityType::OSD, 0)).nonce(9).default_policy(Policy::stateless_server());
    let server = Node::made(server, Some(bind));
    server.recorder.until_messages(1).await;
    assert!(connection.is_connected());
}

#[tokio::test]
async fn somebody_else_at_the_address_is_not_talked_to() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let mut peer = server.inst();
    peer.addr.nonce += 1;
    let connection = client.messenger.connect_to(&peer).unwrap();
    connection.send(ping(1)).await.unwrap();
    let wrong = |seen: &Seen| matches!(seen, Seen::Fault(Fault::WrongNode { .. }, _));
    client.recorder.until("wrong node", |seen| seen.iter().any(wrong)).await;
    assert!(server.recorder.tids().is_empty());
}

// covers: RC-18
#[tokio::test]
async fn a_server_that_was_restarted_is_told_of_no_old_session() {
    let port = free_port();
    let bind = || Some(Bind::from(SocketAddr::from(([127, 0, 0, 1], port))));
    let server = || Messenger::builder(name(EntityType::OSD, 0)).nonce(9).default_policy(Policy::stateful_server());
    let first = Node::made(server(), bind());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
    let connection = client.connect(&first);
    connection.send(ping(1)).await.unwrap();
    first.recorder.until_messages(1).await;
    first.messenger.shutdown(LIMIT).await;
    let second = Node::made(server(), bind());
    client.recorder.until("remote reset", |seen| seen.iter().any(|seen| matches!(seen, Seen::RemoteReset(_)))).await;
    connection.send(ping(2)).await.unwrap();
    second.recorder.until_messages(1).await;
    assert_eq!(second.recorder.tids(), [2]);
}

// covers: PO-03
#[tokio::test]
async fn a_peer_with_nothing_to_say_sleeps_until_it_has() {
    let trouble = Trouble::default();
    let (server, proxy) = behind_proxy(EntityType::OSD, 0, Policy::lossless_peer(), trouble, 5).await;
    let target = server.messenger.addr();
    let client = Node::unbound(EntityType::OSD, Policy::lossless_peer());
    let connection = client.connect(&server);
    connection.send(ping(1)).await.unwrap();
    server.recorder.until_messages(1).await;
    until("an acknowledgement", || connection.info().unwrap().unacknowledged == 0).await;
    let attempts = connection.stats().attempts;
    drop(proxy);
    client.recorder.until("a fault", |seen| seen.iter().any(|seen| matches!(seen, Seen::Fault(..)))).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(connection.stats().attempts, attempts);
    connection.send(ping(2)).await.unwrap();
    until("an attempt", || connection.stats().attempts > attempts).await;
    assert!(target.socket_addr().is_some());
}
