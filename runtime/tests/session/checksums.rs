//! Checksums of messages: which are written, which are looked at, and what follows from a wrong one.

use firefly_runtime::codec::{Bytes, Checksum};
use firefly_runtime::session::{Event, Fault, PeerMisbehaved, Policy, SessionId};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab() -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(osd(Policy::stateless_server()));
    let (peer, session) = lab.opened();
    (lab, peer, session)
}

/// A server that does without checksums where it can.
fn careless() -> (Lab, Peer, SessionId) {
    let mut config = osd(Policy::stateless_server());
    config.nocrc = true;
    let mut lab = Lab::new(config);
    let (peer, session) = lab.opened();
    (lab, peer, session)
}

/// A message with bytes in all sections.
fn full() -> MessageFrame {
    MessageFrame { middle: Bytes::from_static(b"middle"), ..loaded(1, "front", b"data") }
}

const WRONG: u32 = 0xdead_beef;

/// The server breaks the connection because of a checksum; the message was neither delivered nor acknowledged.
#[track_caller]
fn breaks(lab: &mut Lab, peer: Peer, section: &'static str) {
    assert!(lab.is_closed(peer));
    let events = lab.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Message(_))), "{events:?}");
    let faults: Vec<_> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Reset { fault, .. } | Event::Fault { fault, .. } => Some(fault),
            _ => None,
        })
        .collect();
    assert_eq!(faults, [Fault::PeerMisbehaved(PeerMisbehaved::BadCrc { section })]);
}

// covers: CR-01, CR-02, CR-11
#[test]
fn all_sums_are_written() {
    let (mut lab, peer, session) = lab();
    lab.send_over(session, bulk(1, 40, 50));
    let raw = lab.raw(peer);
    // A frame whose sums do not match cannot be taken; here they are once more, from the bytes themselves.
    lab.send_over(session, bulk(2, 40, 50));
    let frame = lab.message(peer);
    assert_eq!(frame.header.crc, Checksum::COMPUTED);
    let sums = [frame.footer.front_crc, frame.footer.middle_crc, frame.footer.data_crc];
    assert_eq!(sums, [Checksum::COMPUTED; 3]);
    let footer = &raw[raw.len() - 21..];
    assert_eq!(footer[..4], CEPH_CRC.of(&frame.front).to_le_bytes());
    assert_eq!(footer[4..8], [0; 4]);
    assert_eq!(footer[8..12], CEPH_CRC.of(&frame.data).to_le_bytes());
    assert_eq!(raw[50..54], CEPH_CRC.of(&raw[1..50]).to_le_bytes());
}

// covers: CR-02, CR-10
#[test]
fn the_sum_of_data_may_be_left_out() {
    let (mut lab, peer, session) = careless();
    lab.send_over(session, bulk(1, 40, 50));
    let frame = lab.message(peer);
    assert_eq!(frame.footer.flags, FooterFlags::COMPLETE | FooterFlags::NOCRC);
    assert_eq!((frame.footer.front_crc, frame.footer.middle_crc), (Checksum::COMPUTED, Checksum::COMPUTED));
    lab.send_over(session, ping(2));
    let empty = lab.message(peer);
    assert_eq!(empty.footer.flags, FooterFlags::COMPLETE | FooterFlags::NOCRC);
    assert_eq!(empty.header.crc, Checksum::COMPUTED);
}

// covers: CR-03, CR-09
#[test]
fn a_wrong_header_breaks_the_connection_at_once() {
    for (mut lab, peer, _) in [lab(), careless()] {
        let mut bad = full();
        bad.header.crc = Checksum::read(WRONG);
        let bytes = bytes_of(&bad);
        lab.bytes(peer, &bytes[..53]);
        assert!(lab.is_quiet(peer));
        lab.bytes(peer, &bytes[53..54]);
        breaks(&mut lab, peer, "header");
    }
}

// covers: CR-03
#[test]
fn a_wrong_old_header_breaks_the_connection_at_once() {
    let mut lab = Lab::new(osd(Policy::stateless_server()));
    let features = ALL & !Features::NOSRCADDR.0;
    let peer = lab.open(&Connect { features: Features(features), ..record() });
    let mut bad = OldMessageFrame::default();
    (bad.header.seq, bad.header.crc) = (1, Checksum::read(WRONG));
    bad.front = Bytes::from_static(b"front");
    let bytes = with_features(&bad, features);
    lab.bytes(peer, &bytes[..334]);
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, &bytes[334..335]);
    breaks(&mut lab, peer, "header");
}

// covers: CR-04, CR-05, CR-06, SQ-18
#[test]
fn a_wrong_section_breaks_the_connection() {
    for section in ["front", "middle", "data"] {
        let (mut lab, peer, _) = lab();
        let mut bad = full();
        let sum = Checksum::read(WRONG);
        match section {
            "front" => bad.footer.front_crc = sum,
            "middle" => bad.footer.middle_crc = sum,
            _ => bad.footer.data_crc = sum,
        }
        let bytes = bytes_of(&bad);
        lab.bytes(peer, &bytes[..bytes.len() - 1]);
        assert!(lab.is_quiet(peer));
        lab.bytes(peer, &bytes[bytes.len() - 1..]);
        breaks(&mut lab, peer, section);
    }
}

// covers: CR-07
#[test]
fn the_sum_of_data_may_be_declared_void() {
    let (mut lab, peer, _) = lab();
    let mut void = full();
    void.footer.data_crc = Checksum::read(WRONG);
    void.footer.flags = FooterFlags::COMPLETE | FooterFlags::NOCRC;
    lab.put(peer, &void);
    assert_eq!(lab.seqs(), [1]);
}

// covers: CR-08
#[test]
fn the_other_sums_may_not_be_declared_void() {
    for section in ["front", "middle"] {
        let (mut lab, peer, _) = lab();
        let mut bad = full();
        bad.footer.flags = FooterFlags::COMPLETE | FooterFlags::NOCRC;
        let sum = if section == "front" { &mut bad.footer.front_crc } else { &mut bad.footer.middle_crc };
        *sum = Checksum::read(WRONG);
        lab.put(peer, &bad);
        breaks(&mut lab, peer, section);
    }
}

// covers: CR-09
#[test]
fn who_does_without_checksums_takes_wrong_ones() {
    let (mut lab, peer, _) = careless();
    let mut bad = full();
    bad.footer.front_crc = Checksum::read(WRONG);
    bad.footer.middle_crc = Checksum::read(WRONG);
    bad.footer.data_crc = Checksum::read(WRONG);
    lab.put(peer, &bad);
    assert_eq!(lab.seqs(), [1]);
}

// covers: CR-12, SQ-18
#[test]
fn what_was_damaged_on_its_way_comes_again() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let (peer, session) = lab.opened();
    lab.put(peer, &loaded(1, "front", b"data"));
    let mut damaged = loaded(2, "front", b"data");
    damaged.footer.data_crc = Checksum::read(WRONG);
    lab.put(peer, &damaged);
    assert_eq!(lab.seqs(), [1]);
    let record = Connect { global_seq: 2, connect_seq: 2, ..record() };
    let (peer, theirs) = lab.reopen(&record, 0);
    assert_eq!(theirs, 1);
    lab.put(peer, &loaded(2, "front", b"data"));
    assert_eq!(lab.seqs(), [2]);
    assert_eq!(lab.info(session).counters.messages_received, 2);
}
