//! TCP reassembly, scenario by scenario, and against a model.

mod support;

use firefly_conformance::capture::{Assembler, Connection, Direction, End, Event, EventKind, Limits, Problem, Segment};
use proptest::prelude::*;
use support::{With, between, client, mark, server};

const C: Direction = Direction::Client;
const S: Direction = Direction::Server;

/// Reassembles segments, the nth being packet n.
fn assemble_with(limits: Limits, segments: impl IntoIterator<Item = Segment>) -> (Vec<Connection>, Vec<Problem>) {
    let mut assembler = Assembler::new(limits);
    for (n, segment) in (1..).zip(segments) {
        assembler.push(mark(n), segment);
    }
    assembler.finish()
}

fn assemble(segments: impl IntoIterator<Item = Segment>) -> (Vec<Connection>, Vec<Problem>) {
    assemble_with(Limits::default(), segments)
}

/// Reassembles segments of one connection without problems.
fn one(segments: impl IntoIterator<Item = Segment>) -> Connection {
    let (connections, problems) = assemble(segments);
    assert_eq!(problems, []);
    let [connection] = <[Connection; 1]>::try_from(connections).expect("one connection");
    connection
}

/// The three packets that open a connection; the first bytes are at 101 and 501.
fn handshake() -> Vec<Segment> {
    vec![client(100).syn(), server(500).syn().ack(101), client(101).ack(501)]
}

fn after_handshake(segments: impl IntoIterator<Item = Segment>) -> Vec<Segment> {
    handshake().into_iter().chain(segments).collect()
}

/// One line for each event: packet, direction, offset, and what it is.
fn story(connection: &Connection) -> Vec<String> {
    let line = |event: &Event| {
        let what = match &event.kind {
            EventKind::Data(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            EventKind::Gap { length } => format!("gap {length}"),
            EventKind::Fin => "fin".into(),
            EventKind::Rst => "rst".into(),
        };
        format!("{} {} {} {what}", event.mark.packet, event.direction, event.offset)
    };
    connection.events.iter().map(line).collect()
}

/// A stream's bytes, gaps as dots.
fn stream(connection: &Connection, direction: Direction) -> Vec<u8> {
    let mut stream = Vec::new();
    for event in connection.events.iter().filter(|event| event.direction == direction) {
        assert_eq!(event.offset, stream.len() as u64);
        match &event.kind {
            EventKind::Data(bytes) => stream.extend(bytes),
            EventKind::Gap { length } => stream.resize(stream.len() + *length as usize, b'.'),
            EventKind::Fin | EventKind::Rst => {}
        }
    }
    stream
}

#[test]
fn both_directions_keep_their_order_in_time() {
    let connection = one(after_handshake([
        server(501).ack(101).data(b"banner"),
        client(101).ack(507).data(b"hello"),
        server(507).ack(106).data(b"welcome"),
        client(106).fin().ack(514),
        server(514).fin().ack(107),
        client(107).ack(515),
    ]));
    assert_eq!(
        story(&connection),
        ["4 server 0 banner", "5 client 0 hello", "6 server 6 welcome", "7 client 5 fin", "8 server 13 fin",]
    );
    assert_eq!((connection.end, connection.midstream, connection.is_complete()), (End::Closed, false, true));
    assert_eq!((connection.first, connection.last, connection.packets), (mark(1), mark(9), 9));
    assert_eq!((connection.length(C), connection.length(S)), (5, 13));
    assert_eq!(connection.to_string(), "10.0.0.1:40000 -> 10.0.0.2:6789");
}

#[test]
fn segments_out_of_order_wait_for_those_before_them() {
    let connection = one(after_handshake([
        client(107).data(b"ghi"),
        client(104).data(b"def"),
        server(501).data(b"!"),
        client(101).data(b"abc"),
    ]));
    assert_eq!(story(&connection), ["6 server 0 !", "7 client 0 abc", "5 client 3 def", "4 client 6 ghi"]);
    assert!(connection.gaps().next().is_none());
}

#[test]
fn every_byte_and_every_gap_is_located_in_its_packet() {
    let connection =
        one(after_handshake([client(101).data(b"abc"), client(104).data(b"def"), client(110).data(b"jkl")]));
    let packets = |offset| connection.locate(C, offset).map(|mark| mark.packet);
    assert_eq!([0, 2, 3, 5].map(packets), [Some(4), Some(4), Some(5), Some(5)]);
    assert_eq!([6, 8, 9, 11, 12].map(packets), [Some(6), Some(6), Some(6), Some(6), None]);
    assert_eq!(connection.locate(C, 4), Some(mark(5)));
    assert_eq!(connection.locate(S, 0), None);
}

#[test]
fn retransmitted_bytes_count_once() {
    let connection = one(after_handshake([
        client(101).data(b"abcdef"),
        client(101).data(b"abcdef"),
        client(103).data(b"cd"),
        client(104).data(b"defghi"),
        client(101).data(b"abcdefghijk"),
        client(100).data(b"\0abc"),
    ]));
    assert_eq!(story(&connection), ["4 client 0 abcdef", "7 client 6 ghi", "8 client 9 jk"]);
}

#[test]
fn overlaps_between_waiting_segments_fill_only_the_holes() {
    let connection = one(after_handshake([
        client(104).data(b"de"),
        client(108).data(b"hi"),
        client(102).data(b"bcdefghijkl"),
        client(103).data(b"c"),
        client(101).data(b"a"),
    ]));
    assert_eq!(
        story(&connection),
        ["8 client 0 a", "6 client 1 bc", "4 client 3 de", "6 client 5 fg", "5 client 7 hi", "6 client 9 jkl",]
    );
}

#[test]
fn bytes_sent_twice_with_other_content_are_reported_and_the_first_are_kept() {
    let (connections, problems) = assemble(after_handshake([
        client(101).data(b"abcd"),
        client(105).data(b"efgh"),
        client(102).data(b"bXdeYghij"),
        client(120).data(b"tuv"),
        client(119).data(b"stUvw"),
    ]));
    let conflict = |packet, offset, length| Problem::Conflict { connection: 0, direction: C, packet, offset, length };
    assert_eq!(problems, [conflict(6, 2, 4), conflict(8, 20, 1)]);
    assert_eq!(stream(&connections[0], C), b"abcdefghij........stuvw");
}

#[test]
fn a_keepalive_probe_is_no_data() {
    let connection = one(after_handshake([
        client(101).data(b"abc"),
        client(103).ack(501).data(b"\0"),
        client(103).ack(501),
        server(500).ack(104).data(b"\0"),
        server(501).ack(104),
        client(104).data(b"def"),
        client(107).fin(),
        client(107).data(b"\0"),
    ]));
    assert_eq!(story(&connection), ["4 client 0 abc", "9 client 3 def", "10 client 6 fin"]);
}

#[test]
fn sequence_numbers_wrap_around() {
    let connection = one([
        client(u32::MAX - 2).syn(),
        server(u32::MAX).syn().ack(u32::MAX - 1),
        client(u32::MAX - 1).ack(0).data(b"abcd"),
        client(4).data(b"gh"),
        client(2).data(b"ef"),
        client(u32::MAX).data(b"bcd"),
        server(0).data(b"xyz"),
        client(6).fin(),
        server(3).fin(),
    ]);
    assert_eq!((stream(&connection, C), stream(&connection, S)), (b"abcdefgh".to_vec(), b"xyz".to_vec()));
    assert_eq!(connection.end, End::Closed);
}

#[test]
fn a_stream_may_be_longer_than_the_sequence_space() {
    const CHUNK: u32 = 1 << 24;
    let chunk = bytes::Bytes::from(vec![7; CHUNK as usize]);
    let send = |n: u32| Segment { payload: chunk.clone(), ..client(101u32.wrapping_add(n.wrapping_mul(CHUNK))) };
    let connection = one(handshake().into_iter().chain((0..300).map(send)));
    assert_eq!(connection.length(C), 300 * u64::from(CHUNK));
    assert!(connection.gaps().next().is_none());
    assert_eq!(connection.locate(C, 299 * u64::from(CHUNK)), Some(mark(3 + 300)));
}

#[test]
fn a_syn_may_carry_data() {
    let connection = one([client(100).syn().data(b"early"), server(500).syn().ack(106), client(106).data(b" late")]);
    assert_eq!(stream(&connection, C), b"early late");
}

#[test]
fn a_repeated_syn_belongs_to_the_same_connection() {
    let connection = one([
        client(100).syn(),
        client(100).syn(),
        server(500).syn().ack(101),
        server(500).syn().ack(101),
        client(101).ack(501).data(b"abc"),
        client(100).syn(),
    ]);
    assert_eq!(stream(&connection, C), b"abc");
    assert!(!connection.midstream);
}

#[test]
fn a_syn_recorded_after_its_answer_belongs_to_the_same_connection() {
    let connection = one([server(500).syn().ack(101), client(100).syn(), client(101).ack(501).data(b"abc")]);
    assert_eq!((stream(&connection, C), connection.midstream), (b"abc".to_vec(), false));
}

#[test]
fn a_lost_answer_to_the_syn_does_not_hide_the_start_of_the_server_stream() {
    let connection =
        one([client(100).syn(), client(101).ack(501).data(b"abc"), server(505).data(b"56"), server(501).data(b"1234")]);
    assert_eq!(stream(&connection, S), b"123456");
}

#[test]
fn a_port_that_is_used_again_starts_another_connection() {
    let closed = after_handshake([
        client(101).ack(501).data(b"one"),
        client(104).ack(501).fin(),
        server(501).ack(105).fin(),
        client(105).ack(502),
    ]);
    let again = [
        client(9_000).syn(),
        server(70_000).syn().ack(9_001),
        client(9_001).ack(70_001).data(b"two"),
        server(70_001).ack(9_004).rst(),
    ];
    // Without an end in between, as when the capture lost it.
    let third = [client(77).syn(), client(78).data(b"three")];
    let (connections, problems) = assemble(closed.into_iter().chain(again).chain(third));
    assert_eq!(problems, []);
    let streams: Vec<_> = connections.iter().map(|connection| stream(connection, C)).collect();
    assert_eq!(streams, [&b"one"[..], b"two", b"three"]);
    let ends: Vec<_> = connections.iter().map(|connection| (connection.id, connection.end)).collect();
    assert_eq!(ends, [(0, End::Closed), (1, End::Reset), (2, End::Open)]);
}

#[test]
fn the_answer_to_a_syn_that_was_not_captured_starts_another_connection() {
    for old in [client(100).syn(), client(100).data(b"old")] {
        let (connections, _) = assemble([old, server(500).syn().ack(9_001), client(9_001).ack(501).data(b"new")]);
        assert_eq!(connections.len(), 2);
        assert_eq!((stream(&connections[1], C), connections[1].midstream), (b"new".to_vec(), false));
    }
}

#[test]
fn a_connection_that_was_open_before_has_the_lower_port_as_server() {
    for segments in
        [[client(900).data(b"abc"), server(300).data(b"xyz")], [server(300).data(b"xyz"), client(900).data(b"abc")]]
    {
        let connection = one(segments);
        assert_eq!((connection.client, connection.server), (client(0).source, server(0).source));
        assert_eq!((stream(&connection, C), stream(&connection, S)), (b"abc".to_vec(), b"xyz".to_vec()));
        assert_eq!((connection.midstream, connection.is_complete(), connection.end), (true, false, End::Open));
    }
}

#[test]
fn leftovers_of_an_old_connection_have_no_streams() {
    let connection =
        one([client(900).ack(300), server(299).ack(900), client(900).ack(300), server(300).ack(900).rst()]);
    assert_eq!(story(&connection), ["4 server 0 rst"]);
    assert_eq!((connection.midstream, connection.end, connection.packets), (true, End::Reset, 4));
}

#[test]
fn a_keepalive_probe_does_not_start_a_stream_that_was_open_before() {
    let connection = one([client(899).ack(300), client(900).ack(300).data(b"abc"), server(299).ack(903)]);
    assert_eq!(story(&connection), ["2 client 0 abc"]);
}

#[test]
fn a_new_connection_follows_leftovers_of_an_old_one() {
    let old = [server(300).data(b"old"), client(900).ack(303).fin()];
    let (connections, _) = assemble(old.into_iter().chain(after_handshake([client(101).data(b"new")])));
    assert_eq!(connections.len(), 2);
    assert_eq!(connections.iter().map(|connection| connection.midstream).collect::<Vec<_>>(), [true, false]);
    assert_eq!(stream(&connections[1], C), b"new");
}

#[test]
fn what_is_still_missing_at_the_end_is_a_gap() {
    let connection = one(after_handshake([
        client(101).data(b"abc"),
        client(108).data(b"hij"),
        server(501).data(b"!"),
        client(113).data(b"m"),
    ]));
    assert_eq!(
        story(&connection),
        ["4 client 0 abc", "6 server 0 !", "5 client 3 gap 4", "5 client 7 hij", "7 client 10 gap 2", "7 client 12 m",]
    );
    assert_eq!((connection.gaps().count(), connection.is_complete()), (2, false));
}

#[test]
fn bytes_missing_before_a_fin_are_a_gap() {
    let connection = one(after_handshake([client(101).data(b"abc"), client(110).fin(), server(501).fin()]));
    assert_eq!(story(&connection), ["4 client 0 abc", "6 server 0 fin", "6 client 3 gap 6", "5 client 9 fin"]);
    assert_eq!((connection.end, connection.is_complete()), (End::Closed, false));
}

#[test]
fn bytes_that_were_acknowledged_but_never_seen_are_a_gap() {
    let connection = one(after_handshake([client(101).data(b"abc"), server(501).ack(110)]));
    assert_eq!(story(&connection), ["4 client 0 abc", "5 client 3 gap 6"]);
}

#[test]
fn the_acknowledgment_of_a_fin_that_was_not_captured_is_no_gap() {
    let connection = one(after_handshake([client(101).data(b"abc"), server(501).ack(105)]));
    assert_eq!(story(&connection), ["4 client 0 abc"]);
}

#[test]
fn bytes_the_receiver_has_but_the_capture_lacks_do_not_hold_up_the_rest() {
    let lost = after_handshake([client(101).data(b"abc"), client(107).data(b"ghi")]);
    let talk = |n: u32| [server(501 + n).ack(110).data(b"r"), client(110 + n).ack(502 + n).data(b"q")];
    let connection = one(lost.into_iter().chain((0..100).flat_map(talk)));
    let gap = connection.events.iter().position(|event| event.kind == EventKind::Gap { length: 3 });
    assert!(gap.is_some_and(|at| (10..60).contains(&at)), "{gap:?}");
    assert_eq!(connection.length(C), 109);
}

#[test]
fn an_acknowledgment_recorded_before_its_data_is_no_gap() {
    let connection = one(after_handshake([
        server(501).ack(107),
        client(104).data(b"def"),
        server(501).ack(107),
        client(101).data(b"abc"),
    ]));
    assert_eq!(stream(&connection, C), b"abcdef");
}

#[test]
fn what_a_direction_may_hold_back_is_bounded() {
    let mut limits = Limits::default();
    limits.held_segments = 10;
    let scattered = (0..30).map(|n| client(103 + 2 * n).data(b"x"));
    let (connections, _) = assemble_with(limits, handshake().into_iter().chain(scattered));
    assert_eq!(story(&connections[0]).first().map(String::as_str), Some("4 client 0 gap 2"));
    assert_eq!(stream(&connections[0], C).len(), 61);

    limits = Limits::default();
    limits.held_bytes = 10;
    let (connections, _) =
        assemble_with(limits, after_handshake([client(104).data(&[b'x'; 11]), client(101).data(b"abc")]));
    assert_eq!(stream(&connections[0], C), b"...xxxxxxxxxxx");
}

#[test]
fn a_cut_payload_leaves_a_gap_unless_it_is_sent_again() {
    let cut = |segment: Segment| Segment { missing: 3, ..segment };
    let rest = [client(107).data(b"ghi"), client(110).fin()];
    let connection = one(after_handshake([cut(client(101).data(b"abc"))].into_iter().chain(rest.clone())));
    assert_eq!(stream(&connection, C), b"abc...ghi");
    let again = [cut(client(101).data(b"abc")), client(101).data(b"abcdef")];
    let connection = one(after_handshake(again.into_iter().chain(rest)));
    assert_eq!(stream(&connection, C), b"abcdefghi");
    let connection = one(after_handshake([cut(client(101).data(b"abc").fin())]));
    assert_eq!(story(&connection), ["4 client 0 abc", "4 client 3 gap 3", "4 client 6 fin"]);
}

#[test]
fn a_reset_ends_the_stream_of_its_sender() {
    let connection = one(after_handshake([client(101).data(b"abc"), client(107).data(b"gh"), client(109).rst()]));
    assert_eq!(story(&connection), ["4 client 0 abc", "5 client 3 gap 3", "5 client 6 gh", "6 client 8 rst"]);
    assert_eq!(connection.end, End::Reset);
}

#[test]
fn a_refused_connection_is_complete_and_empty() {
    let connection = one([client(100).syn(), server(0).ack(101).rst()]);
    assert_eq!(story(&connection), ["2 server 0 rst"]);
    assert!(connection.is_complete());
}

#[test]
fn a_segment_out_of_reach_is_reported_and_left_out() {
    let (connections, problems) = assemble(after_handshake([
        client(101).data(b"abc"),
        client(101 + 3 + (1 << 30) + 1).data(b"far"),
        client(104).data(b"def").fin(),
        client(107).data(b"late"),
    ]));
    let stray = |packet, seq| Problem::Stray { connection: 0, direction: C, packet, seq };
    assert_eq!(problems, [stray(5, 101 + 3 + (1 << 30) + 1), stray(7, 107)]);
    assert_eq!(stream(&connections[0], C), b"abcdef");
}

#[test]
fn connections_between_other_addresses_do_not_mix() {
    let other = |seq| between("[::1]:40000", "[::1]:6789", seq);
    let (connections, _) =
        assemble([client(100).syn(), other(100).syn(), client(101).data(b"v4"), other(101).data(b"v6")]);
    assert_eq!(stream(&connections[0], C), b"v4");
    assert_eq!(stream(&connections[1], C), b"v6");
    assert_eq!(connections[1].sender(S), other(0).destination);
}

/// A segment of the model: where it starts, how long it is, and where in the queue it is sent.
fn pieces(length: usize) -> impl Strategy<Value = Vec<(usize, usize, u32)>> {
    prop::collection::vec((0..length, 1..40usize, any::<u32>()), 0..60)
}

proptest! {
    /// Whatever the segmentation, the order, the duplicates and the initial sequence number: the stream that was sent comes out.
    #[test]
    fn any_order_of_any_segmentation_gives_the_stream(
        stream_bytes in prop::collection::vec(any::<u8>(), 2..400),
        isn in prop_oneof![any::<u32>(), (u32::MAX - 400)..=u32::MAX],
        cuts in prop::collection::btree_set(0..400usize, 0..30),
        shuffle in prop::collection::vec(any::<u32>(), 31),
        again in pieces(400),
    ) {
        let length = stream_bytes.len();
        let piece = |start: usize, end: usize| {
            client(isn.wrapping_add(1).wrapping_add(start as u32)).data(&stream_bytes[start..end])
        };
        // A cover of the whole stream, and further pieces of it, in any order. A piece of one byte may be taken for a keepalive probe, but
        // only when that byte is there already.
        let bounds: Vec<usize> = [0].into_iter().chain(cuts.into_iter().filter(|&cut| cut > 0 && cut < length)).chain([length]).collect();
        let mut queue: Vec<(u32, Segment)> =
            bounds.windows(2).zip(shuffle).map(|(bound, order)| (order, piece(bound[0], bound[1]))).collect();
        queue.extend(again.into_iter().filter(|&(start, ..)| start < length).map(|(start, size, order)| {
            (order, piece(start, (start + size).min(length)))
        }));
        queue.sort_by_key(|&(order, _)| order);
        let fin = client(isn.wrapping_add(1).wrapping_add(length as u32)).fin();
        let segments = [client(isn).syn()].into_iter().chain(queue.into_iter().map(|(_, segment)| segment)).chain([fin]);
        let connection = one(segments);
        prop_assert_eq!(stream(&connection, C), stream_bytes);
        prop_assert_eq!(connection.gaps().count(), 0);
        prop_assert_eq!(connection.events.last().map(|event| event.kind.clone()), Some(EventKind::Fin));
    }

    /// With any segments at all: the first version of every byte that arrived comes out, and gaps are exactly where none arrived.
    #[test]
    fn any_segments_give_the_first_version_of_every_byte(
        segments in prop::collection::vec((0..300usize, prop::collection::vec(any::<u8>(), 2..50)), 1..60),
    ) {
        let mut model: Vec<Option<u8>> = Vec::new();
        for (start, bytes) in &segments {
            model.resize(model.len().max(start + bytes.len()), None);
            for (slot, byte) in model[*start..].iter_mut().zip(bytes) {
                slot.get_or_insert(*byte);
            }
        }
        let sent = segments.iter().map(|(start, bytes)| client(101 + *start as u32).data(bytes));
        let (connections, _) = assemble(handshake().into_iter().chain(sent));
        let mut out = Vec::new();
        for event in &connections[0].events {
            prop_assert_eq!(event.offset, out.len() as u64);
            match &event.kind {
                EventKind::Data(bytes) => out.extend(bytes.iter().copied().map(Some)),
                EventKind::Gap { length } => out.resize(out.len() + *length as usize, None),
                EventKind::Fin | EventKind::Rst => {}
            }
        }
        prop_assert_eq!(out, model);
    }

    /// Segments nobody would send do no harm, and every location given is one of a packet that exists.
    #[test]
    fn arbitrary_segments_do_no_harm(
        segments in prop::collection::vec(
            (any::<bool>(), prop_oneof![0..2_000u32, any::<u32>()], prop::option::of(any::<u32>()), 0..8u8, 0..20usize, 0..3u32),
            0..80,
        ),
    ) {
        let count = segments.len() as u64;
        let segments = segments.into_iter().map(|(from_client, seq, ack, flags, length, missing)| Segment {
            ack,
            syn: flags & 3 == 3,
            fin: flags & 5 == 4,
            rst: flags == 7,
            missing,
            ..if from_client { client(seq) } else { server(seq) }.data(&vec![flags; length])
        });
        let (connections, _) = assemble(segments);
        for connection in &connections {
            for direction in Direction::BOTH {
                let mut end = 0;
                for event in connection.events.iter().filter(|event| event.direction == direction) {
                    prop_assert_eq!(event.offset, end);
                    prop_assert!((1..=count).contains(&event.mark.packet));
                    end = event.end();
                }
                prop_assert_eq!(end, connection.length(direction));
                prop_assert_eq!(connection.locate(direction, end), None);
            }
        }
    }
}
