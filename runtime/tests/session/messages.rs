//! Which messages are delivered, and which break the connection.

use firefly_runtime::codec::{Bytes, DecodeErrorKind};
use firefly_runtime::session::{Fault, Message, PeerMisbehaved, Policy, SessionId, State};
use firefly_runtime::wire::client::MClientReply;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::mds_mon::MRemoveSnaps;
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::mon::MMonSubscribe;
use firefly_runtime::wire::osd::MOSDOp;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab() -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let (peer, session) = lab.opened();
    (lab, peer, session)
}

/// A message of a type with this front.
fn of(r#type: MessageType, front: &[u8]) -> MessageFrame {
    let mut frame = frame(1);
    (frame.header.r#type, frame.front) = (r#type, Bytes::copy_from_slice(front));
    frame
}

/// The front of a message that can be read.
fn front_of(payload: &Payload) -> Vec<u8> {
    payload.encode(firefly_runtime::codec::Target::fresh(ALL)).unwrap().front.to_vec()
}

/// The fault that a message causes; it is neither delivered nor acknowledged, and the session lives on.
#[track_caller]
fn fault(message: &MessageFrame) -> Fault {
    let (mut lab, peer, session) = lab();
    lab.put(peer, message);
    assert!(lab.is_closed(peer));
    assert_eq!((lab.state(session), lab.info(session).in_seq), (Some(State::Standby), 0));
    let mut faults = lab.faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[track_caller]
fn delivered(message: &MessageFrame) {
    let (mut lab, peer, _) = lab();
    lab.put(peer, message);
    assert_eq!(lab.seqs(), [1]);
    lab.after(secs(1));
    assert_eq!(lab.frames(peer), [ack(1)]);
}

// covers: MT-01, MT-08, SQ-18
#[test]
fn an_unknown_type_breaks_the_connection() {
    for number in [0, 3, 40, 54, 55, 56, 57, 82, 0x205, 0x454, 0x455, 9999, u16::MAX] {
        let unknown = PeerMisbehaved::UnknownMessage { seq: 1, number };
        assert_eq!(fault(&of(MessageType(number), b"")), Fault::PeerMisbehaved(unknown));
    }
}

#[test]
fn an_unknown_type_may_be_delivered_as_it_is() {
    let mut config = osd(Policy::stateful_server());
    config.conduct.refuse_unknown_types = false;
    let mut lab = Lab::new(config);
    let (peer, _) = lab.opened();
    lab.put(peer, &of(MessageType(9999), b"whatever"));
    let received = lab.received();
    assert!(
        matches!(&received[0].payload, Payload::Opaque(it) if it.number == 9999 && it.parts.front == b"whatever"[..])
    );
}

#[track_caller]
fn bad_message(message: &MessageFrame) -> DecodeErrorKind {
    match fault(message) {
        Fault::PeerMisbehaved(PeerMisbehaved::BadMessage { seq: 1, number, error }) => {
            assert_eq!(number, message.header.r#type.0);
            error.kind().clone()
        }
        other => panic!("{other:?}"),
    }
}

// covers: MT-02, SQ-18
#[test]
fn a_message_for_newer_peers_breaks_the_connection() {
    let mut newer = frame(1);
    (newer.header.version, newer.header.compat_version) = (3, 2);
    assert_eq!(bad_message(&newer), DecodeErrorKind::Incompatible { compat: 2, understood: 1 });
}

// covers: MT-03
#[test]
fn a_newer_version_that_can_be_understood_is_delivered() {
    let mut newer = frame(1);
    (newer.header.version, newer.header.compat_version) = (9, 1);
    delivered(&newer);
}

// covers: MT-04
#[test]
fn without_compat_any_version_is_delivered() {
    let mut newer = frame(1);
    (newer.header.version, newer.header.compat_version) = (9, 0);
    delivered(&newer);
}

// covers: MT-05, SQ-18
#[test]
fn a_front_that_is_too_short_breaks_the_connection() {
    let front = front_of(&question(1).payload);
    delivered(&of(MessageType::CEPH_MSG_MON_GET_VERSION, &front));
    for n in 0..front.len() {
        let kind = bad_message(&of(MessageType::CEPH_MSG_MON_GET_VERSION, &front[..n]));
        assert!(matches!(kind, DecodeErrorKind::NeedMore { .. } | DecodeErrorKind::TooLong { .. }), "{n}: {kind:?}");
    }
}

// covers: MT-06
#[test]
fn what_follows_a_front_is_ignored() {
    let front = [front_of(&question(1).payload), vec![1, 2, 3]].concat();
    delivered(&of(MessageType::CEPH_MSG_MON_GET_VERSION, &front));
}

// covers: MT-06
#[test]
fn a_ping_is_one_whatever_is_in_it() {
    for front in [&b"x"[..], b"trailing", b"\xff\xff\xff\xff", b"\x04\0\0\0text"] {
        delivered(&of(MessageType::CEPH_MSG_PING, front));
    }
    let mut newer = of(MessageType::CEPH_MSG_PING, b"trailing");
    (newer.header.version, newer.header.compat_version) = (3, 2);
    assert!(matches!(bad_message(&newer), DecodeErrorKind::Incompatible { compat: 2, .. }));
}

// covers: ER-22
#[test]
fn what_follows_a_front_of_fixed_length_breaks_the_connection() {
    for payload in [Payload::from(MRemoveSnaps::default()), Payload::from(MClientReply::default())] {
        let parts = payload.encode(firefly_runtime::codec::Target::fresh(ALL)).unwrap();
        let mut frame = of(MessageType(payload.number()), &parts.front);
        (frame.header.version, frame.header.compat_version) = (parts.version, parts.compat);
        delivered(&frame);
        frame.front = [&parts.front[..], &[0]].concat().into();
        bad_message(&frame);
    }
}

// covers: MT-07
#[test]
fn whoever_does_not_look_receives_and_acknowledges_all_the_same() {
    let (mut lab, peer, session) = lab();
    lab.node.attentive = false;
    lab.put(peer, &frame(1));
    lab.after(secs(1));
    assert_eq!(lab.frames(peer), [ack(1)]);
    assert_eq!(lab.state(session), Some(State::Open));
}

// covers: EN-19, ER-27
#[test]
fn a_count_that_cannot_be_breaks_the_connection() {
    for count in [u32::MAX, u32::MAX / 2, 1 << 20] {
        let mut frame = of(MessageType::CEPH_MSG_MON_SUBSCRIBE, &count.to_le_bytes());
        frame.header.version = 2;
        let kind = bad_message(&frame);
        assert!(matches!(kind, DecodeErrorKind::CountExceedsInput { .. }), "{kind:?}");
    }
}

/// The header of a message as it is sent to a peer with these features.
fn sent(message: Message, features: u64) -> MessageHeader {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let peer = lab.open(&Connect { features: Features(features), ..record() });
    let session = lab.session_of(&Lab::client());
    lab.send_over(session, message);
    lab.message(peer).header
}

// covers: MT-11
#[test]
fn messages_are_written_as_the_peer_can_read_them() {
    let subscribe = || Message::new(MMonSubscribe::default());
    let version = |features| sent(subscribe(), features).version;
    assert_eq!((version(ALL), version(ALL & !Features::SUBSCRIBE2.0)), (2, 0));
}

// covers: MT-11, MT-12
#[test]
fn an_operation_is_written_in_its_oldest_version_for_the_oldest_peers() {
    let op = || {
        let mut op = MOSDOp::default();
        (op.oloc.pool, op.pgid.m_pool) = (3, 3);
        Message::new(op)
    };
    let header = |features| sent(op(), features);
    let (new, old) = (header(ALL), header(ALL & !Features::OBJECTLOCATOR.0));
    assert_eq!((old.version, old.compat_version), (1, 3));
    assert_eq!((new.version, new.compat_version), (4, 3));
}

// covers: FR-17, MT-11
#[test]
fn what_comes_again_is_written_for_the_peer_of_now() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let (old, session) = lab.opened();
    let subscribe = MMonSubscribe::default();
    lab.send_over(session, Message::new(subscribe).tid(7));
    let first = lab.message(old);
    let features = Features(ALL & !Features::MSG_AUTH.0);
    let (peer, _) = lab.reopen(&Connect { global_seq: 2, connect_seq: 2, features, ..record() }, 0);
    lab.agree(peer, features.0);
    let again = lab.message(peer);
    assert_eq!((&again.header, &again.front), (&first.header, &first.front));
}
