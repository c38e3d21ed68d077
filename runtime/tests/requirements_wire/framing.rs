//! FR and CR: frames and their checksums.

use firefly_runtime::codec::{Bytes, Context, Crc32c, Reader, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::address::{EntityName, EntityType};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::transport::{FooterFlags, Frame, MessageFrame, OldMessageFrame};

use super::bytes;
use super::heads::heads;

const CRC: Crc32c = Crc32c::new(0, 0);

fn without(features: Features) -> u64 {
    FEATURES_ALL & !features.0
}

fn wire<T: Wire>(value: &T, features: u64) -> Bytes {
    to_bytes(value, Target::fresh(features)).expect("a frame that can be written")
}

/// A ping of a client that has no number yet.
fn ping() -> MessageFrame {
    let mut ping = MessageFrame::default();
    ping.header.seq = 1;
    ping.header.r#type = MessageType::CEPH_MSG_PING;
    ping.header.priority = 127;
    (ping.header.version, ping.header.compat_version) = (1, 1);
    ping.header.src = EntityName { r#type: EntityType::CLIENT, num: -1 };
    ping.footer.flags = FooterFlags::COMPLETE;
    ping
}

/// The same in the long form.
fn old_ping() -> OldMessageFrame {
    let mut ping = OldMessageFrame::default();
    ping.header.seq = 1;
    ping.header.r#type = MessageType::CEPH_MSG_PING;
    ping.header.priority = 127;
    ping.header.version = 1;
    ping.header.src.name = EntityName { r#type: EntityType::CLIENT, num: -1 };
    ping.footer.flags = FooterFlags::COMPLETE;
    ping
}

/// Which frame this is to a reader with the features, all of the bytes.
fn frame(bytes: &Bytes, features: u64) -> Frame {
    from_bytes(bytes.clone(), &Context::new(features)).expect("a frame")
}

/// The short header of an empty ping, with its checksum.
const PING: &str = "07 0100000000000000 0000000000000000 0200 7f00 0100 00000000 00000000 00000000 0000
    08ffffffffffffffff 0100 0000 e092242d";

// covers: FR-01, FR-04, CR-01
#[test]
fn an_empty_message() {
    let expected = bytes(&format!("{PING} 00000000 00000000 00000000 0000000000000000 01"));
    assert_eq!(expected.len(), 75);
    assert_eq!(wire(&ping(), FEATURES_ALL), expected);
    assert_eq!(frame(&expected, FEATURES_ALL), Frame::Message(ping()));
}

// covers: FR-03
#[test]
fn a_footer_without_room_for_a_signature() {
    let features = without(Features::MSG_AUTH);
    let expected = bytes(&format!("{PING} 00000000 00000000 00000000 01"));
    assert_eq!(wire(&ping(), features), expected);
    assert_eq!(frame(&expected, features), Frame::Message(ping()));
    let old = wire(&old_ping(), features & !Features::NOSRCADDR.0);
    assert_eq!(old.len(), 1 + 334 + 13);
    assert_eq!(frame(&old, features & !Features::NOSRCADDR.0), Frame::OldMessage(old_ping()));
}

// covers: FR-02, CR-01
#[test]
fn a_header_with_addresses() {
    let features = without(Features::NOSRCADDR);
    let mut message = old_ping();
    message.front = Bytes::from_static(b"front");
    let written = wire(&message, features);
    assert_eq!(written.len(), 1 + 334 + 5 + 21);
    let (header, rest) = written[1..].split_at(334);
    assert_eq!(
        header[..36],
        bytes(PING)[1..37].iter().enumerate().map(|(at, b)| if at == 22 { 5 } else { *b }).collect::<Vec<_>>()
    );
    assert_eq!(header[36..45], *bytes("08ffffffffffffffff"));
    assert_eq!(header[330..], CRC.of(&header[..330]).to_le_bytes());
    assert_eq!(&rest[..5], b"front");
    assert_eq!(frame(&written, features), Frame::OldMessage(message));
}

// covers: FR-02, FR-03
#[test]
fn features_choose_among_four_forms() {
    let forms = [
        (FEATURES_ALL, 1 + 53 + 21),
        (without(Features::MSG_AUTH), 1 + 53 + 13),
        (without(Features::NOSRCADDR), 1 + 334 + 21),
        (without(Features::NOSRCADDR | Features::MSG_AUTH), 1 + 334 + 13),
    ];
    for (features, length) in forms {
        let written = match features & Features::NOSRCADDR.0 {
            0 => wire(&old_ping(), features),
            _ => wire(&ping(), features),
        };
        assert_eq!(written.len(), length);
        for (other, _) in forms.iter().filter(|(other, _)| *other != features) {
            let mut reader = Reader::new(&written, &Context::new(*other));
            let misread = Frame::decode(&mut reader).is_ok() && reader.is_empty();
            assert!(!misread, "a frame for {features:x} was read with {other:x}");
        }
    }
}

// covers: CR-02
#[test]
fn front_and_middle_are_always_summed() {
    let mut message = ping();
    message.front = Bytes::from_static(b"foo bar baz");
    message.middle = Bytes::from_static(b"123456789");
    message.data = Bytes::from_static(b"data");
    for flags in [FooterFlags::COMPLETE, FooterFlags::COMPLETE | FooterFlags::NOCRC] {
        message.footer.flags = flags;
        let written = wire(&message, FEATURES_ALL);
        let footer = &written[written.len() - 21..];
        assert_eq!(footer[..4], 4_119_623_852_u32.to_le_bytes());
        assert_eq!(footer[4..8], 0x58e3_fa20_u32.to_le_bytes());
        if !flags.contains(FooterFlags::NOCRC) {
            assert_eq!(footer[8..12], CRC.of(b"data").to_le_bytes());
        }
        assert_eq!(footer[20], flags.0);
    }
}

// covers: CR-11
#[test]
fn the_checksum_of_an_empty_part_is_0() {
    for only in 0..3 {
        let mut message = ping();
        let part = [&mut message.front, &mut message.middle, &mut message.data].into_iter().nth(only).unwrap();
        *part = Bytes::from_static(b"123456789");
        for features in [FEATURES_ALL, without(Features::MSG_AUTH)] {
            let written = wire(&message, features);
            let footer = if features == FEATURES_ALL { 21 } else { 13 };
            let sums: Vec<u32> = written[written.len() - footer..][..12]
                .chunks(4)
                .map(|sum| u32::from_le_bytes(sum.try_into().unwrap()))
                .collect();
            let mut expected = [0; 3];
            expected[only] = 0x58e3_fa20;
            assert_eq!(sums, expected);
        }
    }
}

// covers: FR-07
#[test]
fn compat_follows_the_version_unless_a_message_has_its_own() {
    for head in heads() {
        for bit in [None].into_iter().chain((0..44).map(Some)) {
            let features = bit.map_or(FEATURES_ALL, |bit| FEATURES_ALL & !(1 << bit));
            let Ok(parts) = head.message.encode(Target::fresh(features)) else {
                panic!("{} cannot be written without {bit:?}", head.name());
            };
            match head.compat {
                None => assert_eq!(parts.compat, parts.version, "{} without {bit:?}", head.name()),
                Some(compat) if bit.is_none() => assert_eq!(parts.compat, compat, "{}", head.name()),
                Some(_) => {}
            }
        }
    }
}
