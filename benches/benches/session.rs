//! The protocol engine without a network: what a small message costs from one application to the other.
//!
//! Two endpoints hand their bytes to each other. A message is sent, numbered, encoded with its checksums, signed or not,
//! cut out of the stream, verified, decoded, dispatched, given back and acknowledged. The floor does the same bytes
//! without a session: a frame encoded and decoded, checksums included.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use firefly_runtime::auth::{AuthError, Authenticator, Authorizer, Key, Moment, Request, Verdict};
use firefly_runtime::codec::{Context, Target, Writer, from_bytes};
use firefly_runtime::session::{
    Command, Config, Endpoint, Event, Message, Policies, Policy, SessionId, Time, TransportId,
};
use firefly_runtime::wire::address::{EntityAddr, EntityName, EntityType};
use firefly_runtime::wire::auth::{AuthProtocol, CryptoType};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::mon::MPing;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::transport::{Frame, MessageFrame, MessageHeader};

/// Messages that travel together, as under load, and one by one.
const BATCHES: [usize; 2] = [1, 64];

/// Believes everybody, with a key for signatures or without.
struct Shared(Option<Key>);

impl Authenticator for Shared {
    fn authorizer(&mut self, _: EntityType, _: bool, _: &mut Moment<'_>) -> Option<Authorizer> {
        let session_key = Some(self.0.clone()?);
        Some(Authorizer { protocol: AuthProtocol::CEPHX, bytes: Bytes::new(), nonce: 0, session_key })
    }

    fn answer(&mut self, _: &Authorizer, _: &Bytes, _: &mut Moment<'_>) -> Result<Authorizer, AuthError> {
        Err(AuthError::Challenge)
    }

    fn verify_reply(&mut self, _: &Authorizer, _: &Bytes) -> Result<(), AuthError> {
        Ok(())
    }

    fn verify(&mut self, _: &Request<'_>, _: &mut Moment<'_>) -> Verdict {
        Verdict::Accept { reply: Bytes::new(), session_key: self.0.clone() }
    }
}

/// An endpoint, its transport, and what has come for it.
struct Node {
    endpoint: Endpoint,
    transport: Option<TransportId>,
    input: BytesMut,
    pieces: Vec<Bytes>,
}

impl Node {
    fn new(r#type: EntityType, addr: &str, policy: Policy, key: Option<Key>) -> Node {
        let mut config = Config::new(EntityName { r#type, num: 0 });
        config.addr = EntityAddr::new(addr.parse().expect("an address"), 1);
        config.policies = Policies::new(policy);
        let endpoint = Endpoint::new(config, Box::new(Shared(key)), 7);
        Node { endpoint, transport: None, input: BytesMut::with_capacity(1 << 16), pieces: Vec::new() }
    }

    /// Does what the endpoint wants done.
    fn drain(&mut self, now: Time, peer: &mut Node) {
        while let Some(command) = self.endpoint.poll_command() {
            match command {
                Command::Dial { transport, .. } => {
                    let from = "10.0.0.2:40000".parse().expect("an address");
                    self.transport = Some(transport);
                    peer.transport = peer.endpoint.accept(now, from).ok();
                    let _ = self.endpoint.connected(now, transport);
                }
                Command::Transmit(transport) => {
                    self.endpoint.poll_transmit(now, transport, &mut self.pieces);
                    for piece in self.pieces.drain(..) {
                        peer.input.extend_from_slice(&piece);
                    }
                }
                Command::Close { .. } | Command::Resume(_) => unreachable!("nothing goes wrong here"),
            }
        }
    }

    /// Takes what has come, and all events. How many messages.
    fn take(&mut self, now: Time) -> usize {
        if let Some(transport) = self.transport
            && !self.input.is_empty()
        {
            let _ = self.endpoint.handle_input(now, transport, &mut self.input);
        }
        let mut messages = 0;
        while let Some(event) = self.endpoint.poll_event() {
            if let Event::Message(message) = event {
                messages += 1;
                black_box(&message.payload);
                self.endpoint.release(message.permit);
            }
        }
        messages
    }
}

/// A client and a server, connected.
struct Pair {
    client: Node,
    server: Node,
    session: SessionId,
    now: u64,
}

impl Pair {
    fn new(key: Option<Key>) -> Pair {
        let mut client = Node::new(EntityType::CLIENT, "10.0.0.2:6800", Policy::lossless_client(), key.clone());
        let server = Node::new(EntityType::OSD, "10.0.0.1:6800", Policy::stateful_server(), key);
        let addr = server.endpoint.addr().clone();
        let session = client.endpoint.connect(Time::ZERO, EntityType::OSD, &addr).expect("an address");
        let mut pair = Pair { client, server, session, now: 0 };
        pair.settle();
        pair
    }

    /// Lets the two talk until they have nothing to say, not even after a while. How many messages arrived.
    fn settle(&mut self) -> usize {
        let messages = self.talk();
        self.now += 1_000_000_000;
        for node in [&mut self.client, &mut self.server] {
            node.endpoint.handle_timeout(Time::from_nanos(self.now)).expect("drained");
        }
        messages + self.talk()
    }

    fn talk(&mut self) -> usize {
        let now = Time::from_nanos(self.now);
        let mut messages = 0;
        loop {
            self.client.drain(now, &mut self.server);
            let arrived = self.server.take(now);
            self.server.drain(now, &mut self.client);
            self.client.take(now);
            self.client.drain(now, &mut self.server);
            messages += arrived;
            if arrived == 0 && self.client.input.is_empty() && self.server.input.is_empty() {
                return messages;
            }
        }
    }

    fn round(&mut self, batch: usize) {
        let now = Time::from_nanos(self.now);
        for _ in 0..batch {
            self.client.endpoint.send(now, self.session, Message::new(MPing::default())).expect("room");
        }
        assert_eq!(self.settle(), batch, "messages got lost");
    }
}

fn small_messages(c: &mut Criterion) {
    let secret: [u8; 16] = std::array::from_fn(|i| i as u8);
    let key = Key::new(CryptoType::AES, UTime::default(), &secret).expect("a key");
    for batch in BATCHES {
        let mut group = c.benchmark_group(format!("session_{batch}"));
        group.throughput(Throughput::Elements(batch as u64));
        for (name, key) in [("ours", None), ("ours signed", Some(key.clone()))] {
            let mut pair = Pair::new(key);
            group.bench_function(name, |b| b.iter(|| pair.round(batch)));
        }
        floor(&mut group, batch);
        group.finish();
    }
}

/// The same frames, encoded and decoded without a session.
fn floor(group: &mut BenchmarkGroup<'_, WallTime>, batch: usize) {
    let target = Target::fresh(FEATURES_ALL);
    let ctx = Context::new(FEATURES_ALL);
    group.bench_function("floor codec", |b| {
        b.iter(|| {
            let mut w = Writer::new(target);
            for seq in 0..batch as u64 {
                let parts = Payload::from(MPing::default()).encode(target).expect("a message");
                let header = MessageHeader { seq, version: parts.version, ..MessageHeader::default() };
                let frame = MessageFrame { header, front: parts.front, ..MessageFrame::default() };
                Frame::Message(frame).encode(&mut w).expect("a frame");
            }
            let mut stream = w.finish();
            let size = stream.len() / batch;
            while !stream.is_empty() {
                black_box(from_bytes::<Frame>(stream.split_to(size), &ctx).expect("a frame"));
            }
        });
    });
}

criterion_group!(benches, small_messages);
criterion_main!(benches);
