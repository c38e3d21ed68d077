//! EN: how values lie on the wire.

use std::collections::HashSet;

use firefly_runtime::codec::{Context, DecodeErrorKind, Map, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityName, EntityType};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::mon::{MLog, MMonSubscribe, SubscribeFlags, SubscribeItem};
use firefly_runtime::wire::mon_cluster::{MMonScrub, MonScrubOp};
use firefly_runtime::wire::monmap::MonMap;
use firefly_runtime::wire::object::ObjectT;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{Connect, ConnectReply, MsgFooter, MsgFooterOld, MsgHeader, MsgHeaderOld};

use super::{bytes, front, read};

fn wire<T: Wire>(value: &T) -> Vec<u8> {
    to_bytes(value, Target::fresh(FEATURES_ALL)).expect("a value that can be written").to_vec()
}

// covers: EN-03
#[test]
fn a_blank_address_is_its_nonce() {
    let mut image = vec![0; 136];
    image[4..8].copy_from_slice(&[0x04, 0x03, 0x02, 0x01]);
    assert_eq!(wire(&EntityAddr { nonce: 0x0102_0304, ..EntityAddr::default() }), image);
}

// covers: EN-04
#[test]
fn every_byte_of_an_address_tells_processes_apart() {
    let image = wire(&EntityAddr::new("192.168.0.1:6789".parse().unwrap(), 7));
    let mut different = HashSet::new();
    for at in 0..image.len() {
        let mut image = image.clone();
        image[at] ^= 1;
        let addr: EntityAddr = from_bytes(image.into(), &Context::default()).unwrap();
        different.insert(addr);
    }
    different.insert(from_bytes(image.into(), &Context::default()).unwrap());
    assert_eq!(different.len(), 137);
}

// covers: EN-06
#[test]
fn a_client_without_a_number() {
    let name = EntityName { r#type: EntityType::CLIENT, num: -1 };
    assert_eq!(wire(&name), *bytes("08 ffffffffffffffff"));
    assert_eq!(name.to_string(), "client.?");
}

// covers: EN-07
#[test]
fn an_instance_is_a_name_and_an_address() {
    let name = EntityName { r#type: EntityType::OSD, num: 3 };
    let addr = EntityAddr::new("192.168.0.1:6789".parse().unwrap(), 7);
    let mut image = bytes("04 0300000000000000 00000000 07000000 00021a85 c0a80001").to_vec();
    image.resize(145, 0);
    assert_eq!(wire(&EntityInst { name, addr }), image);
}

// covers: EN-08
#[test]
fn a_string_has_its_length_in_front() {
    assert_eq!(wire(&ObjectT { name: "abc".into() }), *bytes("03000000 616263"));
    assert_eq!(wire(&ObjectT { name: "".into() }), *bytes("00000000"));
}

// covers: EN-09
#[test]
fn maps_are_written_in_order_and_read_in_any() {
    let item = |start| SubscribeItem { start, flags: SubscribeFlags::ONETIME };
    let what = Map::from_iter([("osdmap".into(), item(3)), ("mdsmap".into(), item(2)), ("monmap".into(), item(1))]);
    let message = Payload::from(MMonSubscribe { what, ..MMonSubscribe::default() });
    let ascending = "03000000
        06000000 6d64736d6170 0200000000000000 01
        06000000 6d6f6e6d6170 0100000000000000 01
        06000000 6f73646d6170 0300000000000000 01";
    assert_eq!(message.encode(Target::fresh(FEATURES_ALL)).unwrap().front, bytes(ascending));

    let descending = "03000000
        06000000 6f73646d6170 0300000000000000 01
        06000000 6d6f6e6d6170 0100000000000000 01
        06000000 6d64736d6170 0200000000000000 01";
    let Payload::MMonSubscribe(read) = read(15, front(2, bytes(descending))).unwrap() else { panic!("a type") };
    for (name, start) in [("mdsmap", 2), ("monmap", 1), ("osdmap", 3)] {
        assert_eq!(read.what.get(&name.into()), Some(&item(start)));
    }
    assert_eq!(read.what.len(), 3);
}

/// The front of a question whose last field is an envelope.
fn scrub(envelope: &str) -> Result<Payload, DecodeErrorKind> {
    let front = front(1, bytes(&format!("01 0500000000000000 {envelope}")));
    read(64, front).map_err(|error| {
        assert!(error.path().starts_with("result"), "{error}");
        error.kind().clone()
    })
}

fn empty_scrub() -> Payload {
    Payload::from(MMonScrub { op: MonScrubOp::SCRUB, version: 5, ..MMonScrub::default() })
}

// covers: EN-11
#[test]
fn an_envelope_for_newer_readers() {
    assert_eq!(scrub("01 01 08000000 00000000 00000000"), Ok(empty_scrub()));
    let refused = DecodeErrorKind::Incompatible { compat: 2, understood: 1 };
    assert_eq!(scrub("02 02 08000000 00000000 00000000"), Err(refused));
}

// covers: EN-12
#[test]
fn an_envelope_longer_than_the_message() {
    assert_eq!(scrub("01 01 09000000 00000000 00000000"), Err(DecodeErrorKind::NeedMore { needed: 1 }));
    assert_eq!(scrub("01 01 ffffffff 00000000 00000000"), Err(DecodeErrorKind::NeedMore { needed: 0xffff_ffff - 8 }));
}

// covers: EN-14
#[test]
fn an_envelope_shorter_than_its_fields() {
    assert_eq!(scrub("01 01 07000000 00000000 00000000"), Err(DecodeErrorKind::NeedMore { needed: 1 }));
    assert_eq!(scrub("01 01 00000000 00000000 00000000"), Err(DecodeErrorKind::NeedMore { needed: 4 }));
}

/// A line of the log in its fields, the sequence number given.
fn log_entry(seq: u8) -> String {
    let who = format!("01 0000000000000000 {}", "00".repeat(136));
    format!("{who} 0100000002000000 {seq:02x}00000000000000 0100 02000000 6869")
}

/// The sequence numbers of the lines in a message that holds two.
fn log(first: &str, second: &str) -> Vec<u64> {
    let head = format!("0000000000000000 ffff 0000000000000000 {}", "00".repeat(16));
    let front = front(1, bytes(&format!("{head} 02000000 {first} {second}")));
    let Payload::MLog(log) = read(52, front).unwrap() else { panic!("a type") };
    let MLog { entries, .. } = *log;
    assert!(entries.iter().all(|entry| entry.msg == "hi" && entry.who.name.r#type == EntityType::MON));
    entries.iter().map(|entry| entry.seq).collect()
}

fn enveloped(version: u8, fields: &str) -> String {
    let length = u8::try_from(bytes(fields).len()).unwrap();
    format!("{version:02x} 02 {length:02x}000000 {fields}")
}

// covers: EN-13
#[test]
fn what_newer_writers_append_is_passed_over() {
    let newer = enveloped(3, &format!("{} dead beef", log_entry(1)));
    assert_eq!(log(&newer, &enveloped(2, &log_entry(2))), [1, 2]);
}

// covers: EN-15
#[test]
fn versions_without_an_envelope() {
    for version in ["00", "01"] {
        let old = |seq| format!("{version} {}", log_entry(seq));
        assert_eq!(log(&old(1), &old(2)), [1, 2]);
        assert_eq!(log(&old(1), &enveloped(2, &log_entry(2))), [1, 2]);
    }
}

// covers: EN-16
#[test]
fn versions_that_were_two_bytes_wide() {
    let fields = format!("{} 05000000 00000000 0100000002000000 0300000004000000", "11".repeat(16));
    let old: MonMap = from_bytes(bytes(&format!("0200 {fields}")), &Context::new(FEATURES_ALL)).unwrap();
    let length = bytes(&fields).len();
    let new = bytes(&format!("03 03 {length:02x}000000 {fields}"));
    assert_eq!(old, from_bytes(new, &Context::new(FEATURES_ALL)).unwrap());
    assert_eq!((old.epoch, old.last_changed.tv_sec, old.created.tv_nsec), (5, 1, 4));
}

// covers: EN-18
#[test]
fn sizes_of_the_fixed_structures() {
    assert_eq!(wire(&Connect::default()).len(), 33);
    assert_eq!(wire(&ConnectReply::default()).len(), 26);
    assert_eq!(wire(&MsgHeader::default()).len(), 53);
    assert_eq!(wire(&MsgHeaderOld::default()).len(), 334);
    assert_eq!(wire(&MsgFooter::default()).len(), 21);
    assert_eq!(wire(&MsgFooterOld::default()).len(), 13);
}

// covers: EN-19
#[test]
fn counts_that_cannot_be_true() {
    let head = format!("0000000000000000 ffff 0000000000000000 {}", "00".repeat(16));
    let command = |count: &str| {
        let front = front(1, bytes(&format!("{head} {count} 02000000 6869 00000000")));
        read(50, front).map_err(|error| (error.path(), error.kind().clone()))
    };
    assert!(matches!(command("02000000"), Ok(Payload::MMonCommand(message)) if message.cmd.len() == 2));
    // Ten bytes hold two strings at most.
    let refused = DecodeErrorKind::CountExceedsInput { count: 3, at_most: 2 };
    assert_eq!(command("03000000"), Err(("cmd".to_owned(), refused)));
    let refused = DecodeErrorKind::CountExceedsInput { count: 0xffff_ffff, at_most: 2 };
    assert_eq!(command("ffffffff"), Err(("cmd".to_owned(), refused)));
}
