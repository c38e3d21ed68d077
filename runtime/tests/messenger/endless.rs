//! Peers that never come to an end.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use firefly_runtime::codec::{Target, to_bytes};
use firefly_runtime::messenger::{Dropped, Fault, Messenger, Next, Policy};
use firefly_runtime::session::{Incompatible, PeerMisbehaved, Timeout};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};
use tokio::runtime::Handle;

use super::node::{LIMIT, Node, Seen, data, name, ping, until};
use super::raw::{hello, raw, read_greeting, read_reply, record};
use super::scripted::{Script, Scripted};

/// The first and the longest pause of these clients, and how long they wait for a server that says WAIT.
const FIRST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(80);
const WAIT: Duration = Duration::from_millis(20);

/// So many attempts are looked at.
const ATTEMPTS: usize = 7;

/// The most records that a client sends on one connection.
const TRIES: usize = 16;

fn reply(tag: Tag) -> ConnectReply {
    ConnectReply { tag, features: Features(FEATURES_ALL), ..ConnectReply::default() }
}

/// Connects to a server that answers everything the same. On each connection there are so many records, and after it
/// this fault, and pauses that become longer; nothing piles up, and in between the messenger can be shut down.
async fn is_bounded(script: Script, records: usize, is_expected: impl Fn(&Fault) -> bool) {
    let tasks = Handle::current().metrics().num_alive_tasks();
    let server = Scripted::start(script).await;
    let builder = Messenger::builder(name(EntityType::CLIENT, 0)).default_policy(Policy::lossless_client());
    let client = Node::made(
        builder.configure(|config| {
            config.timers.initial_backoff = FIRST;
            config.timers.max_backoff = LONGEST;
            config.timers.wait = Some(WAIT);
        }),
        None,
    );
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    connection.send(ping(1)).await.unwrap();
    until("many attempts", || {
        let stats = client.messenger.stats();
        assert!((stats.sessions, stats.connections) == (1, 2) && stats.pipes <= 2, "{stats:?}");
        assert!(stats.endpoint.undispatched < 64, "{stats:?}");
        // The server's accepter and connections, and the client's pipes, reaper, timer and dispatcher.
        assert!(Handle::current().metrics().num_alive_tasks() <= tasks + 10);
        server.visits().iter().filter(|visit| visit.is_over).count() >= ATTEMPTS
    })
    .await;
    let visits = server.visits();
    for visit in visits.iter().filter(|visit| visit.is_over) {
        assert_eq!(visit.records.len(), records, "{:?}", visit.records);
    }
    let mut pauses = vec![Duration::ZERO];
    while pauses.len() < ATTEMPTS - 1 {
        pauses.push((pauses[pauses.len() - 1] * 2).clamp(FIRST, LONGEST));
    }
    for (attempts, pause) in visits.windows(2).zip(pauses) {
        let between = attempts[1].begin - attempts[0].begin;
        // The one clock is read a little before the other.
        assert!(between + Duration::from_millis(2) >= pause, "{between:?} instead of {pause:?}");
    }
    let report = client.messenger.shutdown(Duration::ZERO).await;
    assert_eq!((report.sessions, report.pipes), (1, 0));
    let faults: Vec<_> = client.recorder.seen().into_iter().filter(|seen| matches!(seen, Seen::Fault(..))).collect();
    assert!(faults.len() >= ATTEMPTS);
    for fault in faults {
        assert!(matches!(&fault, Seen::Fault(fault, Next::Reconnect(_)) if is_expected(fault)), "{fault:?}");
    }
    // Lost with the session, if that was reset; otherwise kept all the time.
    let resets = client.recorder.seen().into_iter().filter_map(|seen| match seen {
        Seen::RemoteReset(dropped) => Some(dropped),
        _ => None,
    });
    let lost: Dropped = resets.max_by_key(|dropped| dropped.unsent).unwrap_or_default();
    assert_eq!(lost.unsent + report.dropped.unsent, 1, "{lost:?} {report:?}");
    until("the end of all visits", || server.visits().iter().all(|visit| visit.is_over)).await;
    drop((server, client, connection));
    until("the end of all tasks", || Handle::current().metrics().num_alive_tasks() == tasks).await;
}

fn goes_round(fault: &Fault) -> bool {
    matches!(fault, Fault::PeerMisbehaved(PeerMisbehaved::HandshakeLoop { tries }) if *tries == TRIES as u32 + 1)
}

#[tokio::test]
async fn retry_session_for_ever() {
    let next =
        |connect: &Connect| Some(ConnectReply { connect_seq: connect.connect_seq + 1, ..reply(Tag::RETRY_SESSION) });
    is_bounded(next, TRIES, goes_round).await;
}

// covers: ER-18
#[tokio::test]
async fn retry_session_with_the_same_number_for_ever() {
    let same = |connect: &Connect| Some(ConnectReply { connect_seq: connect.connect_seq, ..reply(Tag::RETRY_SESSION) });
    let refused = |fault: &Fault| {
        matches!(fault, Fault::PeerMisbehaved(PeerMisbehaved::ConnectSeqNotGreater { ours: 0, theirs: 0 }))
    };
    is_bounded(same, 1, refused).await;
}

#[tokio::test]
async fn retry_global_for_ever() {
    let higher = |connect: &Connect| {
        let global_seq = connect.global_seq.wrapping_add(1000);
        Some(ConnectReply { global_seq, ..reply(Tag::RETRY_GLOBAL) })
    };
    is_bounded(higher, TRIES, goes_round).await;
    // There is no higher one.
    let highest = |_: &Connect| Some(ConnectReply { global_seq: u32::MAX, ..reply(Tag::RETRY_GLOBAL) });
    is_bounded(highest, TRIES, goes_round).await;
}

#[tokio::test]
async fn reset_session_for_ever() {
    is_bounded(|_| Some(reply(Tag::RESETSESSION)), TRIES, goes_round).await;
}

#[tokio::test]
async fn wait_for_ever() {
    let waited = |fault: &Fault| *fault == Fault::Timeout(Timeout::Wait(WAIT));
    is_bounded(|_| Some(reply(Tag::WAIT)), 1, waited).await;
}

#[tokio::test]
async fn lacking_features_for_ever() {
    let demanded = |_: &Connect| Some(ConnectReply { features: Features(1 << 62), ..reply(Tag::FEATURES) });
    let named = |fault: &Fault| *fault == Fault::Incompatible(Incompatible::FeaturesDemanded(1 << 62));
    is_bounded(demanded, 1, named).await;
    let another = |_: &Connect| Some(ConnectReply { protocol_version: 3, ..reply(Tag::BADPROTOVER) });
    let named = |fault: &Fault| matches!(fault, Fault::Incompatible(Incompatible::Protocol { theirs: 3, .. }));
    is_bounded(another, 1, named).await;
}

#[tokio::test]
async fn refused_authorizers_for_ever() {
    is_bounded(|_| Some(reply(Tag::BADAUTHORIZER)), 2, |fault| matches!(fault, Fault::Auth(_))).await;
    is_bounded(|_| Some(reply(Tag::CHALLENGE_AUTHORIZER)), 1, |fault| matches!(fault, Fault::Auth(_))).await;
}

#[tokio::test]
async fn answers_that_are_none_for_ever() {
    let none = |fault: &Fault| *fault == Fault::PeerMisbehaved(PeerMisbehaved::BadReplyTag(Tag(99)));
    is_bounded(|_| Some(reply(Tag(99))), 1, none).await;
    let wrong = |fault: &Fault| {
        matches!(fault, Fault::PeerMisbehaved(PeerMisbehaved::ConnectSeqMismatch { expected: 1, theirs: 5 }))
    };
    is_bounded(|_| Some(ConnectReply { connect_seq: 5, ..reply(Tag::READY) }), 1, wrong).await;
    is_bounded(|_| None, 1, |fault| matches!(fault, Fault::Io(_))).await;
}

/// Somebody says for ever that he is a client who has a session, with numbers that are no longer true. He is told so as
/// often as he may try on one connection, and the session does not notice.
async fn is_told_better(tag: Tag, stale: impl Fn(Connect) -> Connect) {
    const CONNECTIONS: u64 = 60;
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateful_server());
    let server = Node::made(server, Some(SocketAddr::from(([127, 0, 0, 1], 0)).into()));
    server.recorder.echoes.store(true, std::sync::atomic::Ordering::Relaxed);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
    let connection = client.connect(&server);
    connection.send(data(0, 100)).await.unwrap();
    client.recorder.until_messages(1).await;
    let theirs = server.recorder.connections()[0].info().unwrap();
    let known = Connect { global_seq: theirs.peer_global_seq, connect_seq: theirs.connect_seq, ..record() };
    let stale = to_bytes(&stale(known), Target::default()).unwrap();
    let hello = hello(&client.messenger.addr());
    for tid in 1..=CONNECTIONS {
        let mut stream = raw(&server);
        stream.write_all(&hello).unwrap();
        connection.send(data(tid, 1000)).await.unwrap();
        let told = tokio::task::spawn_blocking({
            let stale = stale.clone();
            move || {
                read_greeting(&mut stream);
                for _ in 0..TRIES {
                    stream.write_all(&stale).unwrap();
                    assert_eq!(read_reply(&mut stream).tag, tag);
                }
                stream.write_all(&stale).unwrap();
                let mut more = Vec::new();
                let _ = stream.read_to_end(&mut more);
                assert!(more.is_empty());
            }
        });
        tokio::time::timeout(LIMIT, told).await.unwrap().unwrap();
        let stats = server.messenger.stats();
        assert!(stats.sessions == 1 && stats.pipes <= 3, "{stats:?}");
    }
    client.recorder.until_messages(CONNECTIONS as usize + 1).await;
    assert!(client.recorder.tids().into_iter().eq(0..=CONNECTIONS));
    assert!(server.recorder.tids().into_iter().eq(0..=CONNECTIONS));
    until("the end of the others", || server.messenger.stats().pipes == 1).await;
    let endpoint = server.messenger.stats().endpoint;
    assert_eq!(endpoint.replies[usize::from(tag.0)], CONNECTIONS * TRIES as u64);
    assert_eq!(endpoint.handshakes_failed, CONNECTIONS);
    let counters = server.recorder.connections()[0].stats();
    assert_eq!(
        (counters.accepted, counters.replaced, counters.remote_resets, connection.stats().attempts),
        (1, 0, 0, 1)
    );
}

// covers: RC-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_connect_seq_for_ever() {
    is_told_better(Tag::RETRY_SESSION, |known| known).await;
}

// covers: RC-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_global_seq_for_ever() {
    is_told_better(Tag::RETRY_GLOBAL, |known| Connect { global_seq: known.global_seq - 1, ..known }).await;
}
