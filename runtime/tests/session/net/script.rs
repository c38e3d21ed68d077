//! Names, addresses, configurations and elements of the stream, as tests write them down.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use firefly_runtime::codec::{Content, Parts, Target, Wire, to_bytes};
use firefly_runtime::session::{Conduct, Config, Message, Policies, Policy, Timers};
use firefly_runtime::wire::address::{EntityAddr, EntityName, EntityType};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::mon::{MMonGetVersion, MPing};
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::transport::*;

/// All that Firefly offers.
pub(crate) const ALL: u64 = FEATURES_ALL;

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The address of the process that listens there.
pub(crate) fn addr(text: &str, nonce: u32) -> EntityAddr {
    EntityAddr::new(socket(text), nonce)
}

pub(crate) fn name(r#type: EntityType, num: i64) -> EntityName {
    EntityName { r#type, num }
}

/// An OSD that listens, with one policy for all.
pub(crate) fn osd(policy: Policy) -> Config {
    bound(name(EntityType::OSD, 3), "10.0.0.1:6800", 77, policy)
}

/// A client that does not listen and does not know its address.
pub(crate) fn client(policy: Policy) -> Config {
    let mut config = Config::new(name(EntityType::CLIENT, 4117));
    config.addr.nonce = 4242;
    config.policies = Policies::new(policy);
    config
}

/// A process that listens at an address which it knows.
pub(crate) fn bound(name: EntityName, at: &str, nonce: u32, policy: Policy) -> Config {
    let mut config = Config::new(name);
    config.addr = addr(at, nonce);
    config.learn_addr = false;
    config.policies = Policies::new(policy);
    config
}

/// The same with Firefly's conduct to the letter.
pub(crate) fn to_the_letter(mut config: Config) -> Config {
    config.conduct = Conduct::firefly();
    config
}

/// The same with other timers.
pub(crate) fn timed(mut config: Config, set: impl FnOnce(&mut Timers)) -> Config {
    set(&mut config.timers);
    config
}

/// The bytes of an element.
pub(crate) fn bytes_of<T: Wire>(element: &T) -> Bytes {
    with_features(element, ALL)
}

/// The bytes of an element between peers with these features.
pub(crate) fn with_features<T: Wire>(element: &T, features: u64) -> Bytes {
    to_bytes(element, Target::exact(features)).unwrap()
}

/// A message without a body.
pub(crate) fn ping(tid: u64) -> Message {
    Message::new(MPing::default()).tid(tid)
}

/// A message with a front.
pub(crate) fn question(tid: u64) -> Message {
    let what = "osdmap".to_owned().into();
    Message::new(MMonGetVersion { handle: tid, what, ..MMonGetVersion::default() }).tid(tid)
}

/// A message with a text of so many bytes in front, and so many bytes of data.
pub(crate) fn bulk(tid: u64, front: usize, data: usize) -> Message {
    let mut parts = said(&"x".repeat(front));
    parts.data = (0..data).map(|i| i as u8).collect::<Vec<_>>().into();
    Message::new(Payload::opaque(MessageType::CEPH_MSG_PING.0, parts)).tid(tid)
}

/// The parts of a message with a text in front.
fn said(text: &str) -> Parts {
    let status = Content::new(text.to_owned().into());
    MPing { status, ..MPing::default() }.encode(Target::fresh(ALL)).unwrap()
}

/// The record of a client that opens a new session with an OSD.
pub(crate) fn record() -> Connect {
    Connect {
        features: Features(ALL),
        host_type: u32::from(EntityType::CLIENT.0),
        global_seq: 1,
        connect_seq: 0,
        protocol_version: OSDC_PROTOCOL,
        flags: ConnectFlags::LOSSY,
        ..Connect::default()
    }
}

/// The record of an OSD that connects to another one.
pub(crate) fn osd_record() -> Connect {
    Connect {
        host_type: u32::from(EntityType::OSD.0),
        protocol_version: OSD_PROTOCOL,
        flags: ConnectFlags::default(),
        ..record()
    }
}

/// What a server answers, with nothing in it but the tag and all features.
pub(crate) fn reply(tag: Tag) -> ConnectReply {
    ConnectReply { tag, features: Features(ALL), protocol_version: OSDC_PROTOCOL, ..ConnectReply::default() }
}

/// What a server answers that opens the connection.
pub(crate) fn ready(connect: &Connect) -> ConnectReply {
    ConnectReply { global_seq: 7, connect_seq: connect.connect_seq + 1, ..reply(Tag::READY) }
}

/// The same for a lossy connection.
pub(crate) fn lossy(reply: ConnectReply) -> ConnectReply {
    ConnectReply { flags: ConnectFlags::LOSSY, ..reply }
}

/// A message without a body on the stream.
pub(crate) fn frame(seq: u64) -> MessageFrame {
    MessageFrame {
        header: MessageHeader {
            seq,
            tid: 1000 + seq,
            r#type: MessageType::CEPH_MSG_PING,
            priority: Priority::DEFAULT.0,
            version: 1,
            compat_version: 1,
            src: name(EntityType::CLIENT, 4100),
            ..MessageHeader::default()
        },
        footer: MessageFooter { flags: FooterFlags::COMPLETE, ..MessageFooter::default() },
        ..MessageFrame::default()
    }
}

/// A message with a text in front, if it is not empty, and data on the stream.
pub(crate) fn loaded(seq: u64, front: &str, data: &[u8]) -> MessageFrame {
    let mut frame = frame(seq);
    if !front.is_empty() {
        frame.front = said(front).front;
    }
    frame.data = Bytes::copy_from_slice(data);
    frame
}

/// An acknowledgement on the stream.
pub(crate) fn ack(seq: u64) -> Frame {
    Frame::Ack(Ack { seq })
}

/// A sign of life on the stream, stamped with so many seconds.
pub(crate) fn keepalive2(tv_sec: u32) -> Frame {
    Frame::Keepalive2(Keepalive2 { stamp: UTime { tv_sec, tv_nsec: 5 } })
}

/// The echo of [`keepalive2`].
pub(crate) fn keepalive2_ack(tv_sec: u32) -> Frame {
    Frame::Keepalive2Ack(Keepalive2Ack { stamp: UTime { tv_sec, tv_nsec: 5 } })
}

/// The bytes of an element whose length field says something else. The field is where elements with bodies of `body`
/// and no bytes differ first.
pub(crate) fn with_length<T: Wire>(empty: &T, body: &T, length: u32) -> Bytes {
    let (mut bytes, other) = (bytes_of(empty).to_vec(), bytes_of(body));
    let at = bytes.iter().zip(&other).position(|(a, b)| a != b).unwrap();
    bytes[at..at + size_of_val(&length)].copy_from_slice(&length.to_le_bytes());
    bytes.into()
}

/// A record that announces an authorizer of so many bytes.
pub(crate) fn announcing(record: &Connect, length: u32) -> Bytes {
    with_length(record, &Connect { authorizer: Bytes::from_static(&[0]), ..record.clone() }, length)
}
