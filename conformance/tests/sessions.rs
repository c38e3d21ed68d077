//! Answers to connect records that were made up: those that the session explains are not told of, all others are.

mod support;

use std::net::SocketAddr;

use bytes::Bytes;
use firefly_conformance::capture::{Assembler, Capture, Limits, Segment};
use firefly_conformance::replay::{Options, Severity, replay_capture};
use firefly_runtime::codec::{Target, Wire, to_bytes};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::transport::{
    Banner, ClientHello, Connect, ConnectFlags, ConnectReply, Keepalive, MON_PROTOCOL, MONC_PROTOCOL, OSD_PROTOCOL,
    SeqExchange, ServerHello, Tag,
};
use support::{With, between, mark};

/// Two OSDs, the lower address first, a monitor, and a client that nobody can call.
const LOW: &str = "10.0.0.1:6800";
const HIGH: &str = "10.0.0.2:6800";
const CLIENT: &str = "10.0.0.9:0";

fn bytes<T: Wire>(value: &T) -> Bytes {
    to_bytes(value, Target::fresh(0)).expect("can be written")
}

fn addr(text: &str) -> EntityAddr {
    EntityAddr::new(text.parse().expect("an address"), 7)
}

/// A capture in the making.
#[derive(Default)]
struct Story {
    segments: Vec<Segment>,
    calls: Vec<Call>,
}

/// A connection of it.
struct Call {
    client: String,
    server: String,
    /// The next number of each side.
    next: [u32; 2],
}

const C: usize = 0;
const S: usize = 1;

impl Story {
    /// Opens a connection, up to the first connect record.
    fn call(&mut self, client: &str, server: &str) -> usize {
        let id = self.calls.len();
        let ip = client.parse::<SocketAddr>().expect("an address").ip();
        let socket = format!("{ip}:{}", 40_000 + id);
        self.segments.push(between(&socket, server, 100).syn());
        self.segments.push(between(server, &socket, 500).syn().ack(101));
        self.calls.push(Call { client: socket, server: server.into(), next: [101, 501] });
        self.say(id, S, &[bytes(&Banner {}), bytes(&hello(server))].concat());
        self.say(id, C, &[bytes(&Banner {}), bytes(&ClientHello { client_addr: addr(client) })].concat());
        id
    }

    fn segment(&mut self, id: usize, side: usize, length: usize) -> Segment {
        let call = &mut self.calls[id];
        let seq = call.next[side];
        call.next[side] += length as u32;
        match side {
            C => between(&call.client, &call.server, seq),
            _ => between(&call.server, &call.client, seq),
        }
    }

    fn say(&mut self, id: usize, side: usize, bytes: &[u8]) {
        let segment = self.segment(id, side, bytes.len()).data(bytes);
        self.segments.push(segment);
    }

    /// A side ends a connection.
    fn end(&mut self, id: usize, side: usize) {
        let segment = self.segment(id, side, 1).fin();
        self.segments.push(segment);
    }

    fn connect(&mut self, id: usize, peers: Peers, global_seq: u32, connect_seq: u32) {
        let connect = Connect {
            features: Features(FEATURES_ALL),
            host_type: peers.client().0.into(),
            global_seq,
            connect_seq,
            protocol_version: peers.protocol(),
            ..Connect::default()
        };
        self.say(id, C, &bytes(&connect));
    }

    /// An answer; the number is `connect_seq`, or `global_seq` for RETRY_GLOBAL.
    fn reply(&mut self, id: usize, peers: Peers, tag: Tag, number: u32) {
        let reply = ConnectReply {
            tag,
            features: Features(FEATURES_ALL),
            global_seq: if tag == Tag::RETRY_GLOBAL { number } else { 1_000 },
            connect_seq: if tag == Tag::RETRY_GLOBAL { 0 } else { number },
            protocol_version: peers.protocol(),
            flags: if peers == Peers::Lossy { ConnectFlags::LOSSY } else { ConnectFlags::default() },
            ..ConnectReply::default()
        };
        self.say(id, S, &bytes(&reply));
        if tag == Tag::SEQ {
            self.say(id, S, &bytes(&SeqExchange { seq: 0 }));
            self.say(id, C, &bytes(&SeqExchange { seq: 0 }));
        }
    }

    /// A whole connection that is let in; the number is that of its record.
    fn open(&mut self, peers: Peers, tag: Tag, global_seq: u32, connect_seq: u32) -> usize {
        let id = self.call(peers.addr(), LOW);
        self.connect(id, peers, global_seq, connect_seq);
        self.reply(id, peers, tag, connect_seq + 1);
        id
    }

    fn odd(&self) -> Vec<(&'static str, String)> {
        let mut assembler = Assembler::new(Limits::default());
        for (packet, segment) in (1..).zip(&self.segments) {
            assembler.push(mark(packet), segment.clone());
        }
        let mut capture = Capture::default();
        (capture.connections, capture.problems) = assembler.finish();
        let report = replay_capture(&capture, &Options::named("made up"));
        assert!(report.findings.iter().all(|finding| finding.severity == Severity::Warning), "{:#?}", report.findings);
        assert_eq!(report.counts.bytes_unaccounted, 0);
        report.findings.into_iter().map(|finding| (finding.rule, finding.text.detail)).collect()
    }

    #[track_caller]
    fn assert_odd(&self, expected: &[(&str, &str)]) {
        let odd = self.odd();
        assert_eq!(odd.iter().map(|(rule, detail)| (*rule, &detail[..])).collect::<Vec<_>>(), expected);
    }
}

fn hello(server: &str) -> ServerHello {
    ServerHello { server_addr: addr(server), client_addr: addr(CLIENT) }
}

/// Who talks to the server at [`LOW`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peers {
    /// Two OSDs on their cluster side: lossless, without resetcheck.
    Osds,
    /// Two monitors: lossless, with resetcheck.
    Monitors,
    /// A client and a monitor: lossy.
    Lossy,
}

impl Peers {
    fn addr(self) -> &'static str {
        if self == Peers::Lossy { CLIENT } else { HIGH }
    }

    fn client(self) -> EntityType {
        match self {
            Peers::Osds => EntityType::OSD,
            Peers::Monitors => EntityType::MON,
            Peers::Lossy => EntityType::CLIENT,
        }
    }

    fn protocol(self) -> u32 {
        match self {
            Peers::Osds => OSD_PROTOCOL,
            Peers::Monitors => MON_PROTOCOL,
            Peers::Lossy => MONC_PROTOCOL,
        }
    }
}

/// A second connection while the first one is open, answered so. The first one ends before the answer if it is replaced.
#[track_caller]
fn assert_second(peers: Peers, record: (u32, u32), answer: (Tag, u32), expected: &[(&str, &str)]) {
    let mut wire = Story::default();
    // The second connection of the session, so that its count is 2.
    let first = wire.open(peers, Tag::SEQ, 10, 1);
    let second = wire.call(peers.addr(), LOW);
    wire.connect(second, peers, record.0, record.1);
    if matches!(answer.0, Tag::READY | Tag::SEQ) {
        wire.end(first, S);
    }
    wire.reply(second, peers, answer.0, answer.1);
    wire.assert_odd(expected);
}

// covers: RC-01
#[test]
fn older_attempts() {
    for peers in [Peers::Osds, Peers::Monitors, Peers::Lossy] {
        assert_second(peers, (9, 0), (Tag::RETRY_GLOBAL, 10), &[]);
        let wrong = [("RC-01", "expected RETRY_GLOBAL 10, found RETRY_GLOBAL 11")];
        assert_second(peers, (9, 0), (Tag::RETRY_GLOBAL, 11), &wrong);
        assert_second(peers, (9, 0), (Tag::READY, 1), &[("RC-01", "expected RETRY_GLOBAL 10, found READY")]);
    }
    assert_second(Peers::Osds, (10, 0), (Tag::RETRY_GLOBAL, 10), &[("RC-05", "expected READY, found RETRY_GLOBAL 10")]);
}

// covers: RC-03
#[test]
fn lossy_sessions_are_superseded() {
    for count in [0, 2, 7] {
        assert_second(Peers::Lossy, (11, count), (Tag::SEQ, count + 1), &[]);
        let wrong = [("RC-03", "expected SEQ, found READY")];
        assert_second(Peers::Lossy, (11, count), (Tag::READY, count + 1), &wrong);
    }
}

// covers: RC-04, RC-05, RC-06, RC-07, RC-09
#[test]
fn lossless_sessions_go_on() {
    for (peers, restarted) in [(Peers::Osds, "RC-05"), (Peers::Monitors, "RC-04")] {
        assert_second(peers, (11, 0), (Tag::READY, 1), &[]);
        assert_second(peers, (11, 0), (Tag::SEQ, 1), &[(restarted, "expected READY, found SEQ")]);
        assert_second(peers, (11, 1), (Tag::RETRY_SESSION, 3), &[]);
        assert_second(peers, (11, 2), (Tag::RETRY_SESSION, 3), &[]);
        let wrong = "expected RETRY_SESSION 3, found RETRY_SESSION 4";
        assert_second(peers, (11, 1), (Tag::RETRY_SESSION, 4), &[("RC-06", wrong)]);
        assert_second(peers, (11, 2), (Tag::SEQ, 3), &[("RC-07", "expected RETRY_SESSION 3, found SEQ")]);
        assert_second(peers, (11, 3), (Tag::SEQ, 4), &[]);
        assert_second(peers, (11, 8), (Tag::SEQ, 9), &[]);
        assert_second(peers, (11, 3), (Tag::READY, 4), &[("RC-09", "expected SEQ, found READY")]);
        assert_second(peers, (11, 3), (Tag::RESETSESSION, 0), &[("RC-09", "expected SEQ, found RESETSESSION")]);
        assert_second(peers, (11, 2), (Tag::WAIT, 0), &[("RC-07", "expected RETRY_SESSION 3, found WAIT")]);
    }
}

/// Once its connection has broken, a session may sleep, be gone, or be what the server is connecting for: much can be
/// explained, but not everything.
#[test]
fn sessions_without_a_connection() {
    let second = |calls_are_seen: bool, record: (u32, u32), answer: (Tag, u32)| {
        let mut wire = Story::default();
        if calls_are_seen {
            wire.call(CLIENT, HIGH);
        }
        let first = wire.open(Peers::Monitors, Tag::SEQ, 10, 1);
        wire.end(first, C);
        wire.end(first, S);
        let second = wire.call(HIGH, LOW);
        wire.connect(second, Peers::Monitors, record.0, record.1);
        wire.reply(second, Peers::Monitors, answer.0, answer.1);
        wire.odd()
    };
    for calls_are_seen in [false, true] {
        assert_eq!(second(calls_are_seen, (11, 0), (Tag::READY, 1)), []);
        // The client's address is the higher one, and the server may be about to call it.
        for explained in [(Tag::SEQ, 4), (Tag::RESETSESSION, 0), (Tag::WAIT, 0)] {
            assert_eq!(second(calls_are_seen, (11, 3), explained), []);
        }
    }
    for (record, answer) in [((11, 1), (Tag::RETRY_SESSION, 9)), ((9, 3), (Tag::RETRY_GLOBAL, 12))] {
        // If no call to the client would be in the capture, the session may have gone on without being seen.
        assert_eq!(second(false, record, answer), []);
        let [(_, detail)] = &second(true, record, answer)[..] else { panic!("nothing odd") };
        assert!(detail.starts_with("expected "), "{detail}");
    }
}

/// The server at the lower address calls the client while that calls it.
#[track_caller]
fn assert_crossing(server: &str, client: &str, answer: (Tag, u32), expected: &[(&str, &str)]) {
    let mut wire = Story::default();
    let peers = Peers::Osds;
    let old = wire.call(client, server);
    wire.connect(old, peers, 10, 0);
    wire.reply(old, peers, Tag::READY, 1);
    wire.end(old, C);
    wire.end(old, S);
    let own = wire.call(server, client);
    wire.connect(own, peers, 5, 2);
    let theirs = wire.call(client, server);
    wire.connect(theirs, peers, 12, 2);
    wire.reply(theirs, peers, answer.0, answer.1);
    wire.assert_odd(expected);
}

// covers: RC-23, RC-24
#[test]
fn of_two_that_call_each_other_the_lower_address_wins() {
    assert_crossing(LOW, HIGH, (Tag::WAIT, 0), &[]);
    assert_crossing(HIGH, LOW, (Tag::SEQ, 3), &[]);
    assert_crossing(LOW, HIGH, (Tag::SEQ, 3), &[("RC-24", "expected WAIT, found SEQ")]);
    assert_crossing(HIGH, LOW, (Tag::WAIT, 0), &[("RC-23", "expected SEQ, found WAIT")]);
    assert_crossing(LOW, HIGH, (Tag::RETRY_SESSION, 3), &[("RC-24", "expected WAIT, found RETRY_SESSION 3")]);
}

/// The server reached the client itself: that session counts.
#[test]
fn sessions_that_the_server_began() {
    let second = |record: (u32, u32), answer: (Tag, u32), expected: &[(&str, &str)]| {
        let mut wire = Story::default();
        let own = wire.call(LOW, HIGH);
        wire.connect(own, Peers::Osds, 5, 3);
        wire.reply(own, Peers::Osds, Tag::SEQ, 4);
        wire.say(own, C, &bytes(&Keepalive {}));
        let theirs = wire.call(HIGH, LOW);
        wire.connect(theirs, Peers::Osds, record.0, record.1);
        wire.reply(theirs, Peers::Osds, answer.0, answer.1);
        wire.assert_odd(expected);
    };
    // Its global_seq is the one that the client gave.
    second((999, 4), (Tag::RETRY_GLOBAL, 1_000), &[]);
    second((1_001, 4), (Tag::RETRY_SESSION, 5), &[]);
    second((1_001, 3), (Tag::RETRY_SESSION, 5), &[]);
    second((1_001, 3), (Tag::RETRY_SESSION, 4), &[("RC-06", "expected RETRY_SESSION 5, found RETRY_SESSION 4")]);
    second((1_001, 0), (Tag::SEQ, 1), &[("RC-05", "expected READY, found SEQ")]);
}

// covers: RC-18, RC-19
#[test]
fn clients_that_nobody_can_call() {
    let first = |peers, record: (u32, u32), answer: (Tag, u32), expected: &[(&str, &str)]| {
        let mut wire = Story::default();
        let id = wire.call(CLIENT, LOW);
        wire.connect(id, peers, record.0, record.1);
        wire.reply(id, peers, answer.0, answer.1);
        wire.assert_odd(expected);
    };
    first(Peers::Lossy, (1, 0), (Tag::READY, 1), &[]);
    // It may have had a session before the capture.
    first(Peers::Lossy, (1, 0), (Tag::SEQ, 1), &[]);
    first(Peers::Lossy, (1, 4), (Tag::READY, 5), &[]);
    // But monitors never ask clients for it.
    let odd = |answer: (Tag, u32), count| {
        let mut wire = Story::default();
        let id = wire.call(CLIENT, LOW);
        wire.connect(id, Peers::Lossy, 1, count);
        wire.reply(id, Peers::Lossy, answer.0, answer.1);
        wire.odd().len()
    };
    assert_eq!(odd((Tag::RESETSESSION, 0), 4), 1);
    assert_eq!(odd((Tag::WAIT, 0), 0), 1);
    assert_eq!(odd((Tag::RETRY_GLOBAL, 1), 0), 1);
    assert_eq!(odd((Tag::RETRY_GLOBAL, 2), 0), 0);
}

/// Servers later than Firefly answer otherwise.
#[test]
fn later_servers_are_left_alone() {
    let mut wire = Story::default();
    wire.open(Peers::Lossy, Tag::READY, 10, 1);
    let second = wire.call(CLIENT, LOW);
    wire.connect(second, Peers::Lossy, 11, 1);
    let later = ConnectReply {
        tag: Tag::READY,
        features: Features(FEATURES_ALL | 1 << 58),
        connect_seq: 2,
        protocol_version: MONC_PROTOCOL,
        flags: ConnectFlags::LOSSY,
        ..ConnectReply::default()
    };
    wire.say(second, S, &bytes(&later));
    wire.assert_odd(&[]);
}
