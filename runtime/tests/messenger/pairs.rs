//! Two messengers of each kind talking to each other.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use firefly_runtime::messenger::{Disconnect, Dropped, Fault, Messenger, Policy, SendError};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityType};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};

use super::node::{LIMIT, Node, Seen, data, name, ping};

/// The policies that meet in a cluster: of the one who is connected to, and of the one who connects.
const PAIRS: [(Policy, Policy); 6] = [
    (Policy::stateless_server(), Policy::lossy_client()),
    (Policy::stateless_server(), Policy::lossless_client()),
    (Policy::stateful_server(), Policy::lossless_client()),
    (Policy::stateful_server(), Policy::lossy_client()),
    (Policy::lossless_peer(), Policy::lossless_peer()),
    (Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse()),
];

async fn round_trips(server: Policy, client: Policy, fast: bool) {
    let server = Node::bound(EntityType::OSD, server);
    let client = Node::bound(EntityType::CLIENT, client);
    server.recorder.echoes.store(true, Ordering::Relaxed);
    server.recorder.fast.store(fast, Ordering::Relaxed);
    client.recorder.fast.store(fast, Ordering::Relaxed);
    let connection = client.connect(&server);
    let sizes = [0, 1, 100, 5000, 70_000, 3 << 20];
    for (tid, len) in (1..).zip(sizes) {
        connection.send(data(tid, len)).await.unwrap();
    }
    client.recorder.until_messages(sizes.len()).await;
    let tids: Vec<u64> = (1..=sizes.len() as u64).collect();
    assert_eq!(server.recorder.tids(), tids);
    assert_eq!(client.recorder.tids(), tids);
    assert_eq!(server.recorder.seen()[0], Seen::Accept);
    assert_eq!(client.recorder.seen()[0], Seen::Connect);
    assert!(connection.is_connected());
    assert_eq!(connection.features(), FEATURES_ALL);
    assert_eq!(connection.stats().messages_sent, sizes.len() as u64);
    assert_eq!(connection.stats().messages_received, sizes.len() as u64);
}

#[tokio::test]
async fn each_pair_of_policies_exchanges_messages_of_all_sizes() {
    for (server, client) in PAIRS {
        round_trips(server, client, false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fast_dispatchers_see_the_same() {
    for (server, client) in PAIRS {
        round_trips(server, client, true).await;
    }
}

#[tokio::test]
async fn ipv6_works_the_same() {
    let node = |r#type, policy| {
        let messenger = Messenger::builder(name(r#type, 0)).default_policy(policy);
        Node::made(messenger, None)
    };
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server());
    let server = Node::made(server, Some("[::1]:0".parse::<SocketAddr>().unwrap().into()));
    let client = node(EntityType::CLIENT, Policy::lossy_client());
    client.connect(&server).send(ping(5)).await.unwrap();
    server.recorder.until_messages(1).await;
    let peer = server.recorder.connections()[0].peer_addr().socket_addr().unwrap();
    assert_eq!((peer.ip(), peer.port()), ("::1".parse().unwrap(), 0));
}

// covers: HS-12, HS-24
#[tokio::test]
async fn an_unbound_client_learns_its_address_and_how_lossy_it_is() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossless_client());
    let nonce = client.messenger.addr().nonce;
    assert!(client.messenger.addr().is_blank_ip());
    let connection = client.connect(&server);
    connection.send(ping(1)).await.unwrap();
    server.recorder.until_messages(1).await;
    client.recorder.until_seen(Seen::Connect).await;
    let expected = EntityAddr::new("127.0.0.1:0".parse().unwrap(), nonce);
    assert_eq!(client.messenger.addr(), expected);
    assert_eq!(*server.recorder.connections()[0].peer_addr(), expected);
    assert!(connection.info().unwrap().policy.lossy);
}

// covers: PO-08
#[tokio::test]
async fn a_lossy_session_ends_with_its_connection() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(&server);
    connection.send(ping(1)).await.unwrap();
    server.recorder.until_messages(1).await;
    server.recorder.connections()[0].mark_down();
    let fault = Fault::Io(Disconnect::Eof);
    assert_eq!(connection.closed().await, fault);
    client.recorder.until("reset", |seen| matches!(seen.last(), Some(Seen::Reset(..)))).await;
    assert!(!connection.is_connected());
    assert_eq!(connection.try_send(ping(2)), Err(SendError::Dropped));

    let again = client.connect(&server);
    assert_ne!(again, connection);
    again.send(ping(3)).await.unwrap();
    server.recorder.until_messages(2).await;
    assert_eq!(server.recorder.tids(), [1, 3]);
}

// covers: PO-10, PO-11
#[tokio::test]
async fn marking_down_tells_by_address_and_not_by_handle() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(&server);
    client.recorder.until_seen(Seen::Connect).await;
    connection.mark_down();
    assert_eq!(connection.closed().await, Fault::MarkedDown);
    assert_eq!(connection.try_send(ping(1)), Err(SendError::Dropped));

    let second = client.connect(&server);
    client.recorder.until("second connection", |seen| seen == [Seen::Connect, Seen::Connect]).await;
    client.messenger.mark_down(&server.messenger.addr());
    assert_eq!(second.closed().await, Fault::MarkedDown);
    let reset = Seen::Reset(Fault::MarkedDown, Dropped::default());
    client.recorder.until_seen(reset.clone()).await;
    assert_eq!(client.recorder.seen(), [Seen::Connect, Seen::Connect, reset]);
}

// covers: PO-12
#[tokio::test]
async fn a_server_does_not_connect() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let peer = Node::bound(EntityType::OSD, Policy::stateless_server());
    assert_eq!(server.messenger.send_to(&peer.inst(), ping(1)), Err(SendError::Dropped));
    assert!(server.messenger.connect_to(&peer.inst()).is_err());
    assert_eq!(server.messenger.stats().pipes, 0);
}

// covers: PO-13, PO-14
#[tokio::test]
async fn lazy_messages_need_a_session_and_all_messages_an_address() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let addr = server.messenger.addr();
    assert_eq!(client.messenger.send_lazily(&addr, ping(1)), Err(SendError::Dropped));
    assert_eq!(client.messenger.stats().sessions, 0);
    client.messenger.send_to(&server.inst(), ping(2)).unwrap();
    client.messenger.send_lazily(&addr, ping(3)).unwrap();
    server.recorder.until_messages(2).await;
    assert_eq!(server.recorder.tids(), [2, 3]);
    let nowhere = EntityInst { name: name(EntityType::OSD, 1), addr: EntityAddr::default() };
    assert_eq!(client.messenger.send_to(&nowhere, ping(4)), Err(SendError::EmptyAddress));
}

// covers: PO-15
#[tokio::test]
async fn what_is_sent_to_oneself_never_touches_a_socket() {
    let node = Node::bound(EntityType::OSD, Policy::lossless_peer());
    node.recorder.keeps.store(true, Ordering::Relaxed);
    node.messenger.send_to(&node.inst(), data(9, 1000)).unwrap();
    node.recorder.until_messages(1).await;
    let kept = node.recorder.kept.lock().unwrap();
    assert_eq!((kept[0].seq, kept[0].tid, kept[0].src), (0, 9, name(EntityType::OSD, 0)));
    assert!(kept[0].connection().is_loopback() && kept[0].connection().is_connected());
    assert_eq!(node.messenger.loopback().as_ref(), Some(kept[0].connection()));
    assert_eq!(node.messenger.stats().pipes, 0);
}

// covers: KA-01, KA-02
#[tokio::test]
async fn keepalives_are_echoed() {
    let server = Node::bound(EntityType::OSD, Policy::stateless_server());
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(&server);
    client.recorder.until_seen(Seen::Connect).await;
    assert_eq!(connection.last_keepalive_ack(), None);
    connection.send_keepalive().unwrap();
    super::node::until("an echo", || connection.last_keepalive_ack().is_some()).await;
}

// covers: HS-29, HS-30
#[tokio::test]
async fn who_lacks_a_feature_stays_out_until_it_is_no_longer_demanded() {
    let lacking = FEATURES_ALL & !Features::OSDREPLYMUX.0;
    let demanding = Policy::stateless_server().requiring(Features::OSDREPLYMUX.0);
    let server = Node::bound(EntityType::OSD, demanding);
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client().supporting(lacking));
    let connection = client.connect(&server);
    connection.send(ping(1)).await.unwrap();
    let refused = |seen: &Seen| matches!(seen, Seen::Fault(Fault::Incompatible(_), _));
    client.recorder.until("refusals", |seen| seen.iter().filter(|seen| refused(seen)).count() >= 2).await;
    assert!(!connection.is_connected());
    server.messenger.set_default_policy(Policy::stateless_server());
    server.recorder.until_messages(1).await;
    assert_eq!(connection.features(), lacking);
}

#[tokio::test]
async fn messengers_of_one_process_know_each_other() {
    let public = Node::bound(EntityType::OSD, Policy::lossless_peer());
    let cluster = Node::bound(EntityType::OSD, Policy::lossless_peer());
    assert_ne!(public.messenger.addr(), cluster.messenger.addr());
    let [there, back] = [public.connect(&cluster), cluster.connect(&public)];
    there.send(ping(1)).await.unwrap();
    back.send(ping(2)).await.unwrap();
    cluster.recorder.until_messages(1).await;
    public.recorder.until_messages(1).await;
    let all = || [&there, &back].iter().all(|one| one.info().is_some_and(|info| info.unacknowledged == 0));
    super::node::until("acknowledgements", all).await;
    for node in [public, cluster] {
        let report = node.messenger.shutdown(LIMIT).await;
        assert!(report.in_time && report.pipes == 0, "{report:?}");
        assert_eq!(report.dropped, Dropped::default());
    }
}
