//! Hostile input on an open connection: one fault that names what is wrong, and nobody else notices.

use firefly_runtime::codec::{Bytes, Checksum};
use firefly_runtime::session::{Disconnect, Event, Fault, PeerMisbehaved, Policy, SessionId, State};
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::mon_cluster::{MMonElection, MMonProbe, MonElectionOp, MonProbeOp};
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// Two clients of a server, of which the first writes something and must be told apart from the second, which goes on
/// as if nothing had happened. The one fault that the first causes.
#[track_caller]
fn hostile(policy: Policy, bytes: &[u8], ending: Option<Disconnect>) -> (Fault, Vec<u64>) {
    let mut lab = Lab::new(osd(policy));
    let bystander = lab.open_as(&addr("10.0.0.8:0", 1), &record());
    let (peer, session) = lab.opened();
    lab.bytes(peer, bytes);
    match ending {
        Some(how) => {
            assert!(!lab.node.events.iter().any(|event| matches!(event, Event::Reset { .. } | Event::Fault { .. })));
            lab.end(peer, how);
        }
        None => assert!(lab.is_closed(peer), "{:?}", lab.node.events),
    }
    let (mut faults, mut seqs) = (Vec::new(), Vec::new());
    for event in lab.events() {
        match event {
            Event::Reset { session: which, fault, .. } | Event::Fault { session: which, fault, .. } => {
                assert_eq!(which, session);
                faults.push(fault);
            }
            Event::Message(message) => seqs.push(message.seq),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(faults.len(), 1, "{faults:?}");
    let state = if policy.lossy { None } else { Some(State::Standby) };
    assert_eq!((lab.state(session), lab.node.endpoint.transports()), (state, 1));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
    lab.put_all(bystander, &[Frame::Message(frame(1)), keepalive2(3)]);
    assert_eq!(lab.seqs(), [1]);
    lab.after(secs(1));
    assert_eq!(lab.frames(bystander), [keepalive2_ack(3), ack(1)]);
    lab.after(secs(3600));
    assert!(lab.dials.is_empty());
    (faults.remove(0), seqs)
}

/// The same on lossy and lossless sessions, where only the outcome differs.
#[track_caller]
fn breaks(bytes: &[u8]) -> PeerMisbehaved {
    let (fault, seqs) = hostile(Policy::stateful_server(), bytes, None);
    assert_eq!(hostile(Policy::stateless_server(), bytes, None), (fault.clone(), seqs));
    match fault {
        Fault::PeerMisbehaved(what) => what,
        other => panic!("{other:?}"),
    }
}

// covers: ER-10
#[test]
fn tags_of_the_handshake_have_no_place_in_an_open_connection() {
    for tag in [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 16, 17, 128, 255] {
        assert_eq!(breaks(&[tag]), PeerMisbehaved::BadTag(Tag(tag)));
    }
}

// covers: ER-10, FR-13
#[test]
fn what_comes_before_a_bad_tag_counts() {
    let bytes = [&bytes_of(&frame(1))[..], &[0], &bytes_of(&frame(2))].concat();
    let (fault, seqs) = hostile(Policy::stateful_server(), &bytes, None);
    assert_eq!((fault, seqs), (Fault::PeerMisbehaved(PeerMisbehaved::BadTag(Tag(0))), vec![1]));
}

// covers: ER-11, ER-12
#[test]
fn a_frame_that_ends_too_early_is_void() {
    let frames = [
        bytes_of(&MessageFrame { middle: Bytes::from_static(b"middle"), ..loaded(1, "front", b"data") }),
        bytes_of(&ack(1)),
        bytes_of(&keepalive2(1)),
        bytes_of(&keepalive2_ack(1)),
    ];
    for bytes in frames {
        for n in 0..bytes.len() {
            for how in [Disconnect::Eof, Disconnect::Broken(std::io::ErrorKind::ConnectionReset)] {
                let (fault, seqs) = hostile(Policy::stateful_server(), &bytes[..n], Some(how));
                assert_eq!((fault, seqs), (Fault::Io(how), Vec::<u64>::new()));
            }
        }
    }
}

// covers: ER-17
#[test]
fn what_comes_right_before_the_end_is_not_lost() {
    let bytes: Vec<_> = (1..=10).map(|seq| bytes_of(&loaded(seq, "front", b"data"))).collect();
    let (_, seqs) = hostile(Policy::stateful_server(), &bytes.concat(), Some(Disconnect::Eof));
    assert_eq!(seqs, (1..=10).collect::<Vec<_>>());
}

/// The header of a message that announces so much; its checksum is right.
fn announcing(front_len: u32, middle_len: u32, data_len: u32) -> Vec<u8> {
    let it = frame(1).header;
    let mut header = MsgHeader {
        seq: 1,
        r#type: it.r#type,
        priority: it.priority,
        version: 1,
        front_len,
        middle_len,
        data_len,
        src: it.src,
        compat_version: 1,
        ..MsgHeader::default()
    };
    let image = header.to_array();
    header.crc = CEPH_CRC.of(&image[..image.len() - size_of_val(&header.crc)]);
    [&[Tag::MSG.0][..], &header.to_array()].concat()
}

// covers: ER-13, ER-14, ER-15
#[test]
fn a_section_that_is_too_long_is_not_waited_for() {
    let (front, middle, data) = (16 << 20, 16 << 20, 128 << 20);
    for length in [1 << 31, u32::MAX, 0x7fff_ffff] {
        for (bytes, max) in
            [(announcing(length, 0, 0), front), (announcing(0, length, 0), middle), (announcing(0, 0, length), data)]
        {
            let what = breaks(&bytes);
            // What the protocol itself allows may be more than what this side allows.
            let named = matches!(what, PeerMisbehaved::Oversize { len, max: most, .. }
                if len == u64::from(length) && most >= max);
            assert!(named, "{what:?}");
        }
    }
    for (bytes, section) in [
        (announcing(front as u32 + 1, 0, 0), "front"),
        (announcing(0, middle as u32 + 1, 0), "middle"),
        (announcing(0, 0, data as u32 + 1), "data"),
    ] {
        assert!(matches!(breaks(&bytes), PeerMisbehaved::Oversize { what, .. } if what == section));
    }
}

// covers: ER-16
#[test]
fn lengths_do_not_wrap() {
    // In 32 bits the sum is 0.
    let bytes = announcing(1 << 30, 1 << 30, 1 << 31);
    assert!(matches!(breaks(&bytes), PeerMisbehaved::Oversize { .. }));
}

// covers: ER-15
#[test]
fn the_longest_sections_are_waited_for() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let (peer, _) = lab.opened();
    lab.bytes(peer, &announcing(16 << 20, 16 << 20, 128 << 20));
    assert!(lab.is_quiet(peer));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 160 << 20);
    lab.after(secs(900));
    assert!(lab.is_closed(peer));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
}

// covers: ER-30, CR-03
#[test]
fn what_follows_a_damaged_header_is_not_read() {
    let mut damaged = frame(1);
    damaged.header.crc = Checksum::read(5);
    let bytes = [bytes_of(&damaged), bytes_of(&frame(2))].concat();
    let (fault, seqs) = hostile(Policy::stateful_server(), &bytes, None);
    assert!(seqs.is_empty(), "{seqs:?}");
    assert_eq!(fault, Fault::PeerMisbehaved(PeerMisbehaved::BadCrc { section: "header" }));
}

// covers: ER-32
#[test]
fn unknown_operations_do_no_harm() {
    let strange = [
        Payload::from(MMonProbe { op: MonProbeOp(99), ..MMonProbe::default() }),
        Payload::from(MMonElection { op: MonElectionOp(99), ..MMonElection::default() }),
    ];
    for payload in strange {
        let mut lab = Lab::new(osd(Policy::stateful_server()));
        let (peer, session) = lab.opened();
        let parts = payload.encode(firefly_runtime::codec::Target::fresh(ALL)).unwrap();
        let mut message = frame(1);
        (message.header.r#type, message.front) = (MessageType(payload.number()), parts.front);
        (message.header.version, message.header.compat_version) = (parts.version, parts.compat);
        lab.put(peer, &message);
        assert_eq!(lab.state(session), Some(State::Open));
        // Nor does writing the message into a log.
        let received = lab.received();
        assert!(received.len() == 1 && format!("{received:?}").contains("0x63"), "{received:?}");
    }
}

/// A server to which a client sends the same bad message each time it connects; now and then a good one before.
fn futile(progress: bool) -> (Lab, SessionId, u32) {
    let mut config = osd(Policy::stateful_server());
    config.limits.futile_replays = 5;
    let mut lab = Lab::new(config);
    let (mut peer, session) = lab.opened();
    let mut times = 0;
    while times < 20 {
        let seq = if progress { u64::from(times) + 1 } else { 1 };
        if progress {
            lab.put(peer, &frame(seq));
        }
        let mut bad = frame(seq + u64::from(progress));
        bad.header.r#type = MessageType(9999);
        lab.put(peer, &bad);
        assert!(lab.is_closed(peer));
        times += 1;
        if lab.state(session).is_none() {
            break;
        }
        peer = lab.reopen(&Connect { global_seq: times + 1, connect_seq: 2 * times, ..record() }, 0).0;
    }
    (lab, session, times)
}

// covers: ER-33
#[test]
fn a_message_that_can_never_be_taken_ends_the_session() {
    let (mut lab, session, times) = futile(false);
    assert_eq!(times, 6);
    let (over, fault, _) = lab.reset();
    assert_eq!((over, fault), (session, Fault::Futile { times: 6 }));
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &Connect { global_seq: 9, connect_seq: 10, ..record() }).tag, Tag::RESETSESSION);
}

// covers: ER-33
#[test]
fn as_long_as_there_is_progress_the_session_goes_on() {
    let (mut lab, session, times) = futile(true);
    assert_eq!((times, lab.state(session)), (20, Some(State::Open)));
    assert_eq!(lab.seqs(), (1..=20).collect::<Vec<_>>());
}
