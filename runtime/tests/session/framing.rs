//! How messages lie on the stream.

use firefly_runtime::codec::{Bytes, Parts, hex};
use firefly_runtime::session::{Command, Event, Message, Policy};
use firefly_runtime::wire::address::{EntityInst, EntityType};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::osd::MOSDOp;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// A server with a session that has these features.
fn lab(features: u64) -> (Lab, Peer, firefly_runtime::session::SessionId) {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let peer = lab.open(&Connect { features: Features(features), ..record() });
    lab.events();
    let session = lab.session_of(&Lab::client());
    (lab, peer, session)
}

// covers: FR-01, FR-04, FR-05, FR-06, CR-01, CR-11
#[test]
fn an_empty_message_takes_75_bytes() {
    let mut lab = Lab::new(client(Policy::lossy_client()));
    lab.node.endpoint.config_mut().name.num = -1;
    let (peer, session) = lab.served();
    lab.send_over(session, ping(0));
    let expected = "07 0100000000000000 0000000000000000 0200 7f00 0100 00000000 00000000 00000000 0000 \
        08ffffffffffffffff 0100 0000 e092242d 00000000 00000000 00000000 0000000000000000 01";
    assert_eq!(lab.raw(peer), hex::decode(&expected.replace(' ', "")).unwrap());
}

// covers: HS-26, FR-02
#[test]
fn without_nosrcaddr_the_header_has_334_bytes() {
    let features = ALL & !Features::NOSRCADDR.0;
    let (mut lab, peer, session) = lab(features);
    lab.send_over(session, ping(7));
    let raw = lab.raw(peer);
    assert_eq!(raw.len(), 1 + 334 + 21);
    // What is left of the frame is checked by its checksum.
    let frame: OldMessageFrame =
        firefly_runtime::codec::from_bytes(raw, &firefly_runtime::codec::Context::new(features)).unwrap();
    let there = EntityInst { name: name(EntityType::OSD, 3), addr: Lab::client() };
    assert_eq!((frame.header.seq, frame.header.tid, &frame.header.src), (1, 7, &there));
    assert_eq!(frame.header.orig_src, there);
}

// covers: HS-26, FR-03
#[test]
fn without_msg_auth_the_footer_has_13_bytes() {
    let (mut lab, peer, session) = lab(ALL & !Features::MSG_AUTH.0);
    lab.send_over(session, ping(7));
    assert_eq!(lab.raw(peer).len(), 1 + 53 + 13);
    lab.put(peer, &frame(1));
    assert_eq!(lab.seqs(), [1]);
}

// covers: HS-26, FR-02, FR-03
#[test]
fn the_oldest_form_takes_348_bytes() {
    let (mut lab, peer, session) = lab(ALL & !(Features::MSG_AUTH.0 | Features::NOSRCADDR.0));
    lab.send_over(session, question(7));
    let front = 8 + 4 + 6;
    assert_eq!(lab.raw(peer).len(), 1 + 334 + front + 13);
}

// covers: HS-26
#[test]
fn the_servers_features_count_for_the_client() {
    let mut lab = Lab::new(client(Policy::lossy_client()));
    let session = lab.connect();
    let (peer, connect) = lab.welcome();
    lab.put(peer, &ConnectReply { features: Features(ALL & !Features::MSG_AUTH.0), ..ready(&connect) });
    lab.send_over(session, ping(7));
    assert_eq!(lab.raw(peer).len(), 1 + 53 + 13);
}

// covers: FR-05
#[test]
fn the_sender_is_who_it_is_at_the_moment() {
    let (mut lab, peer, session) = lab(ALL);
    lab.node.endpoint.config_mut().name = name(EntityType::OSD, 12);
    lab.send_over(session, ping(7));
    let header = lab.message(peer).header;
    assert_eq!((header.src, header.reserved), (name(EntityType::OSD, 12), 0));
}

// covers: FR-06
#[test]
fn a_message_without_priority_gets_that_of_the_messenger() {
    for (own, priority) in [(EntityType::OSD, 127), (EntityType::MON, 196)] {
        let mut lab = Lab::new(bound(name(own, 0), "10.0.0.1:6800", 77, Policy::stateful_server()));
        let version = if own == EntityType::MON { MONC_PROTOCOL } else { OSDC_PROTOCOL };
        let peer = lab.open(&Connect { protocol_version: version, ..record() });
        let session = lab.session_of(&Lab::client());
        lab.send_over(session, ping(1));
        lab.send_over(session, ping(2).priority(63));
        assert_eq!([lab.message(peer), lab.message(peer)].map(|frame| frame.header.priority), [priority, 63]);
    }
}

// covers: FR-07
#[test]
fn version_and_compat_are_those_of_the_message() {
    let (mut lab, peer, session) = lab(ALL);
    lab.send_over(session, question(1));
    let parts = Parts { version: 7, compat: 0, front: Bytes::from_static(b"ready-made"), ..Parts::default() };
    let number = MessageType::CEPH_MSG_PING.0;
    lab.send_over(session, Message::new(Payload::opaque(number, parts)));
    let (own, made) = (lab.message(peer), lab.message(peer));
    assert_eq!((own.header.version, own.header.compat_version), (1, 1));
    assert_eq!((made.header.version, made.header.compat_version, &made.front[..]), (7, 0, &b"ready-made"[..]));
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_nothing_behind() {
    let (mut lab, peer, session) = lab(ALL & !Features::OBJECTLOCATOR.0);
    // Longer than a frame can hold, and something that the old request has no place for.
    let front = Bytes::from(vec![0; (64 << 20) + 1]);
    let number = MessageType::CEPH_MSG_PING.0;
    lab.send_over(session, ping(1));
    lab.send_over(session, Message::new(Payload::opaque(number, Parts { front, ..Parts::default() })).tid(2));
    let mut request = MOSDOp::default();
    request.oloc.key = "elsewhere".into();
    lab.send_over(session, Message::new(request).tid(3));
    lab.send_over(session, ping(4));
    let told: Vec<_> = lab
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Unwritable { session, number, tid, error } => Some((session, number, tid, error.path())),
            _ => None,
        })
        .collect();
    let object = "oloc".to_owned();
    assert_eq!(told, [(session, 2, 2, "front".to_owned()), (session, MOSDOp::NUMBER, 3, object)]);
    let written = [lab.message(peer), lab.message(peer)].map(|frame| (frame.header.seq, frame.header.tid));
    assert_eq!(written, [(1, 1), (2, 4)]);
    let info = lab.info(session);
    assert_eq!((info.out_seq, info.unacknowledged, info.queued), (2, 2, 0));
}

// covers: FR-09
#[test]
fn reserved_bytes_and_alignment_are_not_looked_at() {
    let (mut lab, peer, _) = lab(ALL);
    let mut strange = frame(1);
    (strange.header.reserved, strange.header.data_off) = (0xffff, 4095);
    lab.put(peer, &strange);
    assert_eq!(lab.seqs(), [1]);
}

#[test]
fn the_alignment_is_sent() {
    let (mut lab, peer, session) = lab(ALL);
    lab.send_over(session, Message { data_off: 513, ..ping(1) });
    assert_eq!(lab.message(peer).header.data_off, 513);
}

// covers: FR-10
#[test]
fn unknown_flags_of_a_footer_are_ignored() {
    let (mut lab, peer, _) = lab(ALL);
    let mut strange = frame(1);
    strange.footer.flags = FooterFlags(0xf8 | FooterFlags::COMPLETE.0);
    lab.put(peer, &strange);
    assert_eq!(lab.seqs(), [1]);
}

fn old_frame(seq: u64) -> OldMessageFrame {
    let start = frame(seq).header;
    OldMessageFrame {
        header: OldMessageHeader {
            seq,
            tid: start.tid,
            r#type: start.r#type,
            priority: start.priority,
            version: start.version,
            src: EntityInst { name: name(EntityType::MDS, 5), addr: addr("1.2.3.4:5", 6) },
            orig_src: EntityInst { name: name(EntityType::MON, 6), addr: addr("1.2.3.4:5", 7) },
            reserved: 99,
            ..OldMessageHeader::default()
        },
        footer: OldMessageFooter { flags: FooterFlags::COMPLETE, ..OldMessageFooter::default() },
        ..OldMessageFrame::default()
    }
}

// covers: FR-11
#[test]
fn an_old_header_names_the_sender_and_its_addresses_mean_nothing() {
    let (mut lab, peer, session) = lab(ALL & !Features::NOSRCADDR.0);
    lab.put(peer, &old_frame(1));
    let received = lab.received();
    assert_eq!((received[0].src, received[0].tid), (name(EntityType::MDS, 5), 1001));
    assert_eq!(received[0].session, session);
}

// covers: FR-12
#[test]
fn the_type_of_an_old_address_counts_as_compat() {
    for (r#type, delivered) in [(0, true), (1, true), (0x0001_0000, true), (2, false), (0x0001_0002, false)] {
        let (mut lab, peer, _) = lab(ALL & !Features::NOSRCADDR.0);
        let mut frame = old_frame(1);
        frame.header.src.addr.r#type = r#type;
        lab.put(peer, &frame);
        assert_eq!(lab.seqs().len() == 1, delivered, "{type:#x}");
    }
}

// covers: FR-13, KA-02
#[test]
fn frames_of_all_kinds_in_one_piece_are_all_read() {
    let (mut lab, peer, session) = lab(ALL);
    lab.send_over(session, ping(1));
    lab.raw(peer);
    let frames = [
        Frame::Message(frame(1)),
        Frame::Keepalive(Keepalive {}),
        ack(1),
        keepalive2(9),
        Frame::Message(loaded(2, "front", b"data")),
        keepalive2_ack(5),
        Frame::Message(frame(3)),
    ];
    lab.put_all(peer, &frames);
    assert_eq!(lab.info(session).unacknowledged, 0);
    assert_eq!(lab.info(session).last_keepalive_ack.map(|stamp| stamp.tv_sec), Some(5));
    assert_eq!(lab.seqs(), [1, 2, 3]);
    lab.after(ms(100));
    assert_eq!(lab.frames(peer), [keepalive2_ack(9), ack(3)]);
}

// covers: FR-14, HS-06
#[test]
fn a_frame_may_come_byte_by_byte() {
    for features in [ALL, ALL & !Features::NOSRCADDR.0, ALL & !Features::MSG_AUTH.0] {
        let (mut lab, peer, _) = lab(features);
        let bytes = if features & Features::NOSRCADDR.0 == 0 {
            with_features(&OldMessageFrame { front: loaded(1, "front", b"").front, ..old_frame(1) }, features)
        } else {
            with_features(&loaded(1, "front", b"data"), features)
        };
        for byte in &bytes[..bytes.len() - 1] {
            lab.bytes(peer, &[*byte]);
            assert!(lab.seqs().is_empty());
        }
        lab.bytes(peer, &bytes[bytes.len() - 1..]);
        assert_eq!(lab.seqs(), [1]);
        for byte in &bytes_of(&keepalive2(4)) {
            lab.bytes(peer, &[*byte]);
        }
        lab.after(ms(100));
        assert_eq!(lab.frames(peer), [keepalive2_ack(4), ack(1)]);
    }
}

// covers: FR-15
#[test]
fn data_alone_is_a_message_too() {
    let (mut lab, peer, _) = lab(ALL);
    let mut only_data = loaded(1, "", b"some data");
    only_data.header.r#type = MessageType::CEPH_MSG_PING;
    lab.put(peer, &only_data);
    assert_eq!(lab.seqs(), [1]);
}

// covers: FR-16
#[test]
fn firefly_looks_at_half_of_the_number() {
    let (low, high) = (2, 1 << 32 | 1);
    let (mut wide, peer, _) = lab(ALL);
    wide.put_all(peer, &[frame(low), frame(high)]);
    assert_eq!(wide.seqs(), [low, high]);
    let mut narrow = Lab::new(to_the_letter(osd(Policy::stateful_server())));
    let peer = narrow.open(&record());
    narrow.put_all(peer, &[frame(low), frame(high), frame(1 << 32 | 3)]);
    assert_eq!(narrow.seqs(), [2, 3]);
}

#[test]
fn large_messages_are_written_whole() {
    let (mut lab, peer, session) = lab(ALL);
    lab.send_over(session, bulk(1, 1 << 20, 4 << 20));
    lab.send_over(session, ping(2));
    let frame = lab.message(peer);
    assert_eq!((frame.front.len(), frame.data.len()), (4 + (1 << 20), 4 << 20));
    assert!(frame.data.iter().enumerate().all(|(i, byte)| *byte == i as u8));
    assert_eq!(lab.message(peer).header.tid, 2);
}

#[test]
fn what_is_too_much_at_once_is_announced_again() {
    let (mut lab, _, session) = lab(ALL);
    let (now, endpoint) = (lab.now, &mut lab.node.endpoint);
    for tid in [1, 2] {
        endpoint.send(now, session, bulk(tid, 100_000, 0)).unwrap();
    }
    let Some(Command::Transmit(transport)) = endpoint.poll_command() else { panic!() };
    assert_eq!(endpoint.poll_command(), None);
    let mut first = Vec::new();
    assert!(endpoint.poll_transmit(now, transport, &mut first));
    assert_eq!(endpoint.poll_command(), Some(Command::Transmit(transport)));
    let mut second = Vec::new();
    assert!(endpoint.poll_transmit(now, transport, &mut second));
    let bytes = |pieces: &[Bytes]| pieces.iter().map(Bytes::len).sum::<usize>();
    assert!(bytes(&first) == bytes(&second) && bytes(&first) > 100_000);
    assert!(!endpoint.poll_transmit(now, transport, &mut second));
    assert_eq!(endpoint.poll_command(), None);
}
