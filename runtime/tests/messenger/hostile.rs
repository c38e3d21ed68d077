//! Peers that mean no good, on real sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use firefly_runtime::codec::{Target, to_bytes};
use firefly_runtime::messenger::{Messenger, Policy};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::transport::{BANNER, CEPH_CRC, ClientHello, Connect, MsgHeader, Tag};

use super::node::{Node, name, ping, until};
use super::raw::{GREETING, opened, opening, raw, read_greeting, read_reply, rest};

fn server() -> Node {
    server_with_handshakes_of(Duration::from_secs(10))
}

fn server_with_handshakes_of(limit: Duration) -> Node {
    let builder = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server());
    let builder = builder.configure(|config| config.timers.handshake = Some(limit));
    Node::made(builder, Some(SocketAddr::from(([127, 0, 0, 1], 0)).into()))
}

/// A good client still gets through.
async fn still_serves(server: &Node) {
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let before = server.recorder.tids().len();
    client.connect(server).send(ping(1)).await.unwrap();
    server.recorder.until_messages(before + 1).await;
}

// covers: HS-01, HS-02, ER-01, ER-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_banners_get_the_greeting_and_the_end() {
    let server = server();
    let banners: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"ceph v2\n\x10\x00\0\0",
        b"ceph v026",
        b"SSH-2.0-OpenSSH",
    ];
    for banner in banners {
        let mut stream = raw(&server);
        stream.write_all(banner).unwrap();
        assert_eq!(rest(stream).len(), GREETING, "{banner:?}");
    }
    until("the end of all", || server.messenger.stats().pipes == 0).await;
    assert_eq!(server.messenger.stats().endpoint.handshakes_failed, 5);
    still_serves(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_takes_too_long_ends() {
    let server = server_with_handshakes_of(Duration::from_millis(300));
    let mut stream = raw(&server);
    let begin = Instant::now();
    for byte in BANNER {
        // Slow, but never silent for long.
        let _ = stream.write_all(&[*byte]);
        std::thread::sleep(Duration::from_millis(40));
    }
    assert_eq!(rest(stream).len(), GREETING);
    assert!(begin.elapsed() < Duration::from_secs(3));
    until("the end", || server.messenger.stats().pipes == 0).await;
}

// covers: ER-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_in_the_handshake_leaves_nothing() {
    let server = server();
    for sent in [0, 1, 8, 9, 100, 144, 145, 160, 177] {
        let mut stream = raw(&server);
        let mut bytes = BANNER.to_vec();
        bytes.resize(sent.max(BANNER.len()), 0);
        stream.write_all(&bytes[..sent]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        rest(stream);
    }
    until("the end of all", || server.messenger.stats().pipes == 0).await;
    assert_eq!(server.messenger.stats().sessions, 0);
    still_serves(&server).await;
}

// covers: ER-06, ER-07
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absurd_authorizer_is_not_waited_for() {
    for len in [5000u32, 1 << 20, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let server = server();
        let mut stream = raw(&server);
        let hello = to_bytes(&ClientHello::default(), Target::default()).unwrap();
        let connect = to_bytes(&Connect { host_type: 8, ..Connect::default() }, Target::default()).unwrap();
        let (before, after) = connect.split_at(connect.len() - 5);
        stream.write_all(BANNER).unwrap();
        stream.write_all(&hello).unwrap();
        stream.write_all(before).unwrap();
        stream.write_all(&len.to_le_bytes()).unwrap();
        stream.write_all(&after[4..]).unwrap();
        let begin = Instant::now();
        assert_eq!(rest(stream).len(), GREETING, "{len:#x}");
        assert!(begin.elapsed() < Duration::from_secs(5), "only after the timeout: {len:#x}");
    }
}

// covers: ER-13, ER-14, ER-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absurd_lengths_end_the_connection_without_memory() {
    let server = server();
    let lens = [[u32::MAX, 0, 0], [0, u32::MAX, 0], [0, 0, u32::MAX], [1 << 31, 1 << 31, 2], [0, 0, 1 << 31]];
    for (nonce, [front_len, middle_len, data_len]) in (1..).zip(lens) {
        let mut stream = opened(&server, nonce);
        let header = MsgHeader { seq: 1, front_len, middle_len, data_len, ..MsgHeader::default() };
        let mut header = to_bytes(&header, Target::default()).unwrap().to_vec();
        let crc = CEPH_CRC.of(&header[..49]);
        header[49..].copy_from_slice(&crc.to_le_bytes());
        stream.write_all(&[Tag::MSG.0]).unwrap();
        stream.write_all(&header).unwrap();
        assert!(rest(stream).is_empty(), "{front_len:#x} {middle_len:#x} {data_len:#x}");
    }
    until("the end of all", || server.messenger.stats().pipes == 0).await;
    still_serves(&server).await;
}

// covers: ER-10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_tags_end_the_connection() {
    let server = server();
    for (nonce, tag) in (1..).zip([0u8, 1, 5, 10, 13, 16, 99, 255]) {
        let mut stream = opened(&server, nonce);
        stream.write_all(&[tag]).unwrap();
        assert!(rest(stream).is_empty(), "tag {tag}");
    }
    still_serves(&server).await;
}

// covers: PO-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_is_answered_once() {
    let server = server();
    let mut stream = opened(&server, 1);
    stream.write_all(&[Tag::CLOSE.0]).unwrap();
    assert_eq!(rest(stream), [Tag::CLOSE.0]);
    until("the end", || server.messenger.stats().pipes == 0).await;
    still_serves(&server).await;
}

// covers: HS-05, HS-43
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_behind_the_record_in_the_same_segment_counts() {
    let server = server();
    let mut stream = raw(&server);
    let mut all = opening(1);
    all.push(Tag::KEEPALIVE2.0);
    all.extend_from_slice(&[7; 8]);
    stream.write_all(&all).unwrap();
    read_greeting(&mut stream);
    assert_eq!(read_reply(&mut stream).tag, Tag::READY);
    let mut echo = [0; 9];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(echo, [Tag::KEEPALIVE2_ACK.0, 7, 7, 7, 7, 7, 7, 7, 7]);
}
