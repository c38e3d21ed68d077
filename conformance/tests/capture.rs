//! Capture files, link layers, and real captures.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};

use firefly_conformance::capture::{
    Capture, CaptureError, CaptureFile, Connection, Direction, EventKind, LinkType, Packet, Problem, Segment, Skipped,
    Timestamp, read, segment,
};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use support::{Link, Pcap, Pcapng, With, between, client, frame, pcap, server};

const V6: [&str; 2] = ["[2001:db8::1]:40000", "[2001:db8::2]:6789"];

/// A short conversation.
fn conversation() -> Vec<Segment> {
    vec![
        client(100).syn(),
        server(500).syn().ack(101),
        client(101).ack(501).data(b"hello"),
        server(501).ack(106).data(b"ceph v027"),
        client(106).ack(510).fin(),
        server(510).ack(107).fin(),
    ]
}

fn frames(segments: &[Segment]) -> Vec<Vec<u8>> {
    segments.iter().map(|segment| frame(Link::Ethernet, segment)).collect()
}

fn packets(file: Vec<u8>) -> Vec<Packet> {
    CaptureFile::open(file).expect("a capture").map(|packet| packet.expect("a packet")).collect()
}

/// The one packet of a file.
fn only(file: Vec<u8>) -> Packet {
    let [packet] = <[Packet; 1]>::try_from(packets(file)).expect("one packet");
    packet
}

fn assert_is_the_conversation(capture: &Capture) {
    assert_eq!(capture.problems, []);
    assert_eq!((capture.packets, capture.counts.tcp, capture.connections.len()), (6, 6, 1));
    let connection = &capture.connections[0];
    assert!(connection.is_complete());
    assert_eq!((connection.length(Direction::Client), connection.length(Direction::Server)), (5, 9));
    assert_eq!(connection.locate(Direction::Server, 8).map(|mark| mark.packet), Some(4));
}

#[test]
fn pcap_in_both_byte_orders_and_both_units() {
    let frames = frames(&conversation());
    for variant in Pcap::ALL {
        let file = variant.file(LinkType::ETHERNET, &frames);
        assert_is_the_conversation(&read(file.clone()).expect("a capture"));
        let packets = packets(file);
        let unit = if variant.nanoseconds { 1 } else { 1_000 };
        assert_eq!(packets[2].time, Timestamp(3_000_000_000 + 3 * unit), "{variant:?}");
        assert_eq!((packets[2].index, packets[2].link_type), (3, LinkType::ETHERNET));
        assert_eq!((packets[2].original_length as usize, &packets[2].data[..]), (frames[2].len(), &frames[2][..]));
    }
    assert_eq!(Timestamp(3_000_003_000).to_string(), "3.000003000");
    assert_eq!(Timestamp(1_500_000_000).seconds(), 1.5);
}

#[test]
fn pcapng_in_both_byte_orders() {
    let frames = frames(&conversation());
    for format in [Pcapng { big_endian: false }, Pcapng { big_endian: true }] {
        let mut file = [format.section(), format.interface(LinkType::ETHERNET, None)].concat();
        for (n, frame) in (1..).zip(&frames) {
            file.extend(format.enhanced(0, n * 1_000_000 + 7, frame));
            // Name resolution, interface statistics, and a block nobody knows.
            file.extend([format.block(4, &[0; 8]), format.block(0x7777_0000, b"whatever")].concat());
        }
        assert_is_the_conversation(&read(file.clone()).expect("a capture"));
        assert_eq!(packets(file)[2].time, Timestamp(3_000_007_000));
    }
}

#[test]
fn pcapng_with_every_kind_of_packet_block_unit_and_section() {
    let (little, big) = (Pcapng { big_endian: false }, Pcapng { big_endian: true });
    let frame = frame(Link::Ethernet, &client(1).data(b"payload"));
    let file = [
        little.section(),
        little.interface(LinkType::ETHERNET, Some(9)),
        little.interface(LinkType::RAW, Some(0x80 | 10)),
        little.enhanced(0, 5_000_000_001, &frame),
        little.simple(&frame),
        little.enhanced(1, 3 << 9, &frame),
        big.section(),
        big.interface(LinkType::LINUX_SLL, None),
        big.obsolete(0, 2_000_001, &frame),
    ]
    .concat();
    let packets = packets(file);
    let summary: Vec<_> = packets.iter().map(|packet| (packet.time.0, packet.link_type)).collect();
    assert_eq!(
        summary,
        [
            (5_000_000_001, LinkType::ETHERNET),
            (5_000_000_001, LinkType::ETHERNET),
            (1_500_000_000, LinkType::RAW),
            (2_000_001_000, LinkType::LINUX_SLL),
        ]
    );
    assert!(packets.iter().all(|packet| packet.data == frame));
}

#[test]
fn a_pcapng_packet_of_an_unknown_interface_ends_the_file() {
    let format = Pcapng { big_endian: false };
    let file = [
        format.section(),
        format.interface(LinkType::ETHERNET, None),
        format.enhanced(0, 1, b"good"),
        format.enhanced(1, 2, b"bad"),
    ]
    .concat();
    let mut capture = CaptureFile::open(file).expect("a capture");
    assert!(matches!(capture.next(), Some(Ok(packet)) if &packet.data[..] == b"good"));
    assert!(matches!(capture.next(), Some(Err(CaptureError::Malformed { offset: 84, .. }))));
    assert!(capture.next().is_none());
}

#[test]
fn a_pcapng_packet_larger_than_its_block_ends_the_file() {
    let format = Pcapng { big_endian: false };
    let start = [format.section(), format.interface(LinkType::ETHERNET, None)].concat();
    let words = [0, 0, 1, u32::MAX, u32::MAX].map(|word| format.u32(word)).concat();
    for body in [&words[..], &words[..12], &[]] {
        let file = [start.clone(), format.block(6, body)].concat();
        let error = CaptureFile::open(file).expect("a capture").next();
        assert!(matches!(error, Some(Err(CaptureError::Malformed { offset: 48, .. }))), "{error:?}");
    }
}

#[test]
fn gzip_and_zstd_are_unpacked() {
    let file = pcap(LinkType::ETHERNET, &frames(&conversation()));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&file).expect("writes to memory");
    assert_is_the_conversation(&read(gzip.finish().expect("writes to memory")).expect("a capture"));
    assert_is_the_conversation(&read(compress_to_vec(&file[..], CompressionLevel::Fastest)).expect("a capture"));
}

#[test]
fn every_link_type_leads_to_the_segment() {
    let v4 = client(7).ack(9).fin().data(b"payload");
    let v6 = Segment { ..between(V6[0], V6[1], 7).syn().rst().data(b"payload") };
    for link in Link::ALL {
        for expected in [&v4, &v6] {
            let packet = only(pcap(link.number(expected.source.is_ipv6()), [&frame(link, expected)]));
            assert_eq!(segment(&packet).as_ref(), Ok(expected), "{link:?}");
        }
    }
}

#[test]
fn padding_behind_the_ip_packet_is_no_payload() {
    for expected in [client(7).ack(9), client(7).data(b"x"), between(V6[0], V6[1], 7).data(b"x")] {
        let padded = [frame(Link::Ethernet, &expected), vec![0xaa; 20]].concat();
        assert_eq!(segment(&only(pcap(LinkType::ETHERNET, [&padded]))), Ok(expected));
    }
}

#[test]
fn a_packet_without_a_length_of_its_own_ends_with_the_frame() {
    let expected = client(7).data(b"large segment offload");
    let mut frame = frame(Link::Raw, &expected);
    frame[2..4].fill(0);
    assert_eq!(segment(&only(pcap(LinkType::RAW, [&frame]))), Ok(expected));
}

#[test]
fn a_packet_that_was_cut_says_how_much_is_missing() {
    for sent in [client(7).data(b"payload"), between(V6[0], V6[1], 7).data(b"payload")] {
        let mut frame = frame(Link::Sll, &sent);
        frame.truncate(frame.len() - 4);
        let expected = Segment { payload: "pay".into(), missing: 4, ..sent };
        let file = pcap(LinkType::LINUX_SLL, [&frame]);
        assert_eq!(segment(&only(file.clone())), Ok(expected));
        assert_eq!(read(file).expect("a capture").problems, [Problem::Cut { packet: 1, missing: 4 }]);
    }
}

#[test]
fn what_is_not_tcp_is_counted_and_passed_over() {
    let whole = frame(Link::Ethernet, &client(1).data(b"payload"));
    let patched = |at: usize, bytes: &[u8]| {
        let mut frame = whole.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        frame
    };
    let packets = [
        // An ARP frame, an LLC frame.
        patched(12, &[0x08, 0x06]),
        patched(12, &[0x00, 0x40]),
        // UDP.
        patched(23, &[17]),
        // More fragments; a later fragment.
        patched(20, &[0x20, 0x00]),
        patched(20, &[0x00, 0x10]),
        // A TCP header of one word, IP version 5, and a frame that ends in its link header.
        patched(46, &[0x10]),
        patched(14, &[0x55]),
        whole[..13].to_vec(),
        whole,
    ];
    let capture = read(pcap(LinkType::ETHERNET, &packets)).expect("a capture");
    let counts = capture.counts;
    assert_eq!((counts.not_ip, counts.not_tcp, counts.fragments, counts.malformed, counts.tcp), (2, 1, 2, 3, 1));
    assert_eq!((capture.packets, capture.connections.len()), (9, 1));
    let malformed = |problem: &Problem| match problem {
        Problem::Malformed { packet, .. } => Some(*packet),
        _ => None,
    };
    assert_eq!(capture.problems.iter().filter_map(malformed).collect::<Vec<_>>(), [6, 7, 8]);
}

#[test]
fn a_link_type_nobody_reads_is_reported_once() {
    let capture = read(pcap(LinkType(147), &frames(&conversation()))).expect("a capture");
    assert_eq!(capture.counts.unsupported, 6);
    assert_eq!(capture.problems, [Problem::LinkType { packet: 1, link_type: LinkType(147) }]);
    assert_eq!(segment(&only(pcap(LinkType(147), [&vec![]]))), Err(Skipped::Unsupported));
}

#[test]
fn a_packet_longer_than_the_snapshot_length_or_than_it_was_is_read() {
    let mut file = pcap(LinkType::ETHERNET, &frames(&conversation()));
    // The snapshot length, and the original length of the first packet.
    file[16..20].copy_from_slice(&[1, 0, 0, 0]);
    file[36..40].copy_from_slice(&[1, 0, 0, 0]);
    assert_is_the_conversation(&read(file).expect("a capture"));
}

#[test]
fn a_file_cut_anywhere_delivers_what_lies_before_the_cut() {
    let frames = frames(&conversation());
    let format = Pcapng { big_endian: true };
    let mut pcapng = [format.section(), format.interface(LinkType::ETHERNET, None)].concat();
    pcapng.extend(frames.iter().flat_map(|frame| format.enhanced(0, 1, frame)));
    for (file, start) in [(pcap(LinkType::ETHERNET, &frames), 24), (pcapng, 28)] {
        let mut whole = 0;
        for cut in 0..=file.len() {
            let result = read(file[..cut].to_vec());
            if cut < start {
                let error = result.expect_err("not even a header");
                assert!(
                    matches!(
                        error,
                        CaptureError::Empty
                            | CaptureError::UnknownFormat { .. }
                            | CaptureError::Truncated { offset: 0, .. }
                    ),
                    "{error:?}"
                );
                continue;
            }
            let capture = result.expect("a capture");
            assert!(capture.packets == whole || capture.packets == whole + 1, "cut at {cut}");
            whole = capture.packets;
            match &capture.problems[..] {
                [] => {}
                [Problem::File(CaptureError::Truncated { offset, wanted, found })] => {
                    assert_eq!(offset + found, cut as u64);
                    assert!(wanted > &0);
                }
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
        assert_eq!(whole, 6);
    }
}

#[test]
fn a_length_nobody_writes_is_damage_and_costs_nothing() {
    let mut file = pcap(LinkType::ETHERNET, &frames(&conversation()));
    file[24 + 8..24 + 12].fill(0xff);
    let capture = read(file).expect("a capture");
    assert!(matches!(capture.problems[..], [Problem::File(CaptureError::Malformed { offset: 24, .. })]));

    let format = Pcapng { big_endian: false };
    for length in [0, 4, 13, u32::MAX] {
        let file = [format.section(), format.u32(6).to_vec(), format.u32(length).to_vec(), vec![0; 40]].concat();
        let capture = read(file).expect("a capture");
        assert!(
            matches!(capture.problems[..], [Problem::File(CaptureError::Malformed { offset: 28, .. })]),
            "{length}"
        );
    }
}

#[test]
fn what_is_no_capture_is_refused_with_its_first_bytes() {
    let refused = |data: &[u8]| read(data.to_vec()).expect_err("no capture");
    assert_eq!(refused(b""), CaptureError::Empty);
    assert_eq!(refused(b"%PDF-1.7"), CaptureError::UnknownFormat { magic: b"%PDF".to_vec() });
    assert!(matches!(refused(&[0x1f, 0x8b, 8, 0]), CaptureError::Compression { offset: 0, .. }));
    let io = read("no/such/file.pcap").expect_err("no file");
    assert!(matches!(&io, CaptureError::Io { name, .. } if name == "no/such/file.pcap"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(magic in 0..7usize, tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let magics: [&[u8]; 7] = [
            &[],
            &[0xd4, 0xc3, 0xb2, 0xa1],
            &[0xa1, 0xb2, 0x3c, 0x4d],
            &[0x0a, 0x0d, 0x0d, 0x0a],
            &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a],
            &[0x1f, 0x8b, 8],
            &[0x28, 0xb5, 0x2f, 0xfd],
        ];
        let _ = read([magics[magic], &tail].concat());
    }

    #[test]
    fn damage_in_a_file_does_no_harm(form in 0..4usize, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let frames = frames(&conversation());
        let format = Pcapng { big_endian: false };
        let mut file = match form {
            0 => pcap(LinkType::ETHERNET, &frames),
            1 => [format.section(), format.interface(LinkType::ETHERNET, Some(6))].concat(),
            2 => compress_to_vec(&pcap(LinkType::ETHERNET, &frames)[..], CompressionLevel::Fastest),
            _ => pcap(LinkType::LINUX_SLL2, &[frame(Link::Sll2, &client(1).data(b"abc")), frame(Link::Sll2, &between(V6[0], V6[1], 1))]),
        };
        if form == 1 {
            file.extend(frames.iter().flat_map(|frame| format.enhanced(0, 1, frame)));
        }
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let _ = read(file);
    }
}

/// Reads a capture from beside this package, or says that it is not there.
fn recorded(folder: &str, name: &str) -> Option<Capture> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    if !path.exists() {
        eprintln!("skipped: {folder}/{name} is not here");
        return None;
    }
    Some(read(&path).expect("a capture"))
}

fn assert_whole(capture: &Capture, name: &str) {
    assert_eq!(capture.problems, [], "{name}");
    assert_eq!(capture.counts.tcp, capture.packets, "{name}");
    for connection in &capture.connections {
        assert!(connection.midstream || connection.gaps().next().is_none(), "{name}: gap in {connection}");
    }
}

#[test]
fn the_bundled_captures_are_whole() {
    for (name, connections) in [("mini-none.pcap.gz", 10), ("ipv6-none.pcap.gz", 7)] {
        let capture = recorded("captures", name).expect("bundled");
        assert_whole(&capture, name);
        assert_eq!(capture.connections.len(), connections, "{name}");
        assert!(capture.connections.iter().all(|connection| !connection.midstream), "{name}");
        // On msgr v1 the server speaks first, and both start with the banner.
        for connection in &capture.connections {
            for direction in Direction::BOTH {
                assert!(
                    first_bytes(connection, direction).starts_with(b"ceph v027"),
                    "{name}: {connection} {direction}"
                );
            }
        }
    }
}

fn first_bytes(connection: &Connection, direction: Direction) -> Vec<u8> {
    let data = connection.events.iter().filter(|event| event.direction == direction);
    data.filter_map(|event| if let EventKind::Data(bytes) = &event.kind { Some(&bytes[..]) } else { None })
        .flatten()
        .copied()
        .take(64)
        .collect()
}

#[test]
fn every_recorded_stream_that_starts_with_a_syn_has_no_gap() {
    for name in
        ["mini-none", "ipv6-none", "client-cephx", "boot-cephx", "faults-cephx", "osd-recovery", "mds-export-cephx"]
    {
        let name = format!("{name}.pcap.gz");
        if let Some(capture) = recorded("../../shared/captures/firefly", &name) {
            assert_whole(&capture, &name);
        }
    }
}
