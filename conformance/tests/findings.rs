//! Doctored conversations: each thing that is wrong is found, and nothing else is.

mod doctored;
mod support;

use Severity::{Error, Info, Warning};
use bytes::Bytes;
use doctored::{Ending, HANDSHAKE, Story, assembled, edit, findings, flip, replay_streams, segments};
use firefly_conformance::capture::Segment;
use firefly_conformance::replay::{Finding, Options, Severity, replay_capture};
use firefly_conformance::report::{CaptureReport, Counts, Report, Verdict};
use firefly_runtime::codec::{Context, Target, from_bytes, to_bytes};
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::mon::MMonGetVersion;
use firefly_runtime::wire::mon_cluster::MForward;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{
    Ack, CEPH_CRC, Connect, ConnectReply, EncapsulatedMessage, FooterFlags, SeqExchange, Tag,
};

/// Asserts that there is exactly one finding, which says something.
#[track_caller]
fn assert_one(report: &CaptureReport, severity: Severity, rule: &str, says: &str) {
    let found = findings(report);
    assert!(matches!(&found[..], [(s, r, text)] if (*s, *r) == (severity, rule) && text.contains(says)), "{found:#?}");
}

fn clean() -> Counts {
    let report = Story::new().replay();
    assert_eq!(findings(&report), []);
    assert_eq!(report.counts.bytes_unaccounted, 0);
    report.counts
}

#[test]
fn an_untouched_conversation_has_no_findings() {
    let counts = clean();
    assert_eq!((counts.connections.total, counts.connections.complete), (1, 1));
    assert!(counts.messages.total > 5);
    assert_eq!(counts.messages.outcome.exact, counts.messages.total);
}

#[test]
fn a_flipped_byte_in_the_front() {
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    let place: usize = story.client[..at].iter().map(Bytes::len).sum();
    // Just in front of the footer.
    flip(&mut story.client[at], -22);
    let report = story.replay();
    assert_one(&report, Error, "CR-04", "the checksum of the front of a message does not match");
    assert_eq!(report.findings[0].place.stream_offset, Some(place as u64));
    assert_eq!((report.counts.crc.bad, report.counts.crc.ok), (1, clean().crc.ok - 1));
    assert_eq!((report.counts.bytes_unaccounted, report.counts.tags), (0, clean().tags));
    assert_eq!(report.counts.messages.outcome.failed + report.counts.messages.outcome.exact, clean().messages.total);
}

#[test]
fn a_flipped_byte_in_the_checksum_of_a_header() {
    let mut story = Story::new();
    let at = Story::message(&story.server, 0);
    flip(&mut story.server[at], 53);
    let report = story.replay();
    assert_one(&report, Error, "CR-01", "the checksum of the header of a message does not match");
    assert_eq!((report.counts.crc.bad, report.counts.bytes_unaccounted), (1, 0));
    assert_eq!(report.counts.messages.outcome.exact, clean().messages.total);
}

#[test]
fn a_flipped_byte_in_a_length() {
    let mut story = Story::new();
    let at = Story::message(&story.server, 1);
    let lost = story.server[at].len() as u64;
    flip(&mut story.server[at], 24);
    let report = story.replay();
    assert_one(&report, Error, "CR-01", "bytes skipped");
    assert_eq!(report.counts.bytes_unaccounted, lost);
    assert_eq!(report.counts.messages.total, clean().messages.total - 1);
    assert_eq!(report.counts.tags.ack, clean().tags.ack);
}

#[test]
fn a_number_left_out() {
    let mut story = Story::new();
    let at = (0..).map_while(|n| std::panic::catch_unwind(|| Story::message(&story.server, n)).ok()).last().unwrap();
    edit(&mut story.server[at], |message| message.header.seq += 7);
    assert_one(&story.replay(), Warning, "SQ-01", "message numbers are left out");
}

#[test]
fn a_number_used_again() {
    let mut story = Story::new();
    let at = Story::message(&story.server, 1);
    edit(&mut story.server[at], |message| message.header.seq = 1);
    let report = story.replay();
    let found = findings(&report);
    assert_eq!(found[0].1, "SQ-01");
    assert_eq!(found[0].2, "a message is numbered again, its receiver drops it: expected 2, found 1");
    assert_eq!(found[1].2, "message numbers are left out: expected 2, found 3");
}

#[test]
fn a_message_acknowledged_that_was_never_sent() {
    let mut story = Story::new();
    let ack = to_bytes(&Ack { seq: 1_000 }, Target::default()).unwrap();
    story.client.push(ack);
    let report = story.replay();
    assert_one(&report, Warning, "SQ-11", "1000, sent up to");
    assert_eq!(report.counts.tags.ack, clean().tags.ack + 1);
}

#[test]
fn an_unknown_tag() {
    for tag in [0x63, Tag::READY.0, Tag::SEQ.0, 0, 0xff] {
        let mut story = Story::new();
        let at = Story::message(&story.client, 1);
        story.client.insert(at, vec![tag].into());
        let report = story.replay();
        assert_one(&report, Error, "ER-10", "1 byte skipped");
        assert_eq!(report.counts.bytes_unaccounted, 1);
        assert_eq!((report.counts.tags, &report.counts.messages), (clean().tags, &clean().messages));
    }
}

#[test]
fn garbage_between_frames() {
    let mut story = Story::new();
    story.server.insert(HANDSHAKE + 1, vec![0xee; 100].into());
    let report = story.replay();
    assert_one(&report, Error, "ER-10", "100 bytes skipped");
    assert_eq!((report.counts.bytes_unaccounted, report.counts.tags), (100, clean().tags));
}

#[test]
fn garbage_at_the_end() {
    let mut story = Story::new();
    story.server.push(vec![0xee; 100].into());
    let report = story.replay();
    assert_one(&report, Error, "ER-10", "100 bytes skipped");
    assert_eq!((report.counts.bytes_unaccounted, report.counts.tags), (100, clean().tags));
}

#[test]
fn a_wrong_banner() {
    let mut story = Story::new();
    story.client[0] = Bytes::from_static(b"ceph v026");
    let report = story.replay();
    assert_one(&report, Error, "ER-01", "wrong banner");
    assert_eq!((report.counts.bytes_unaccounted, report.counts.tags), (9, clean().tags));

    let mut story = Story::new();
    story.server[0] = Bytes::from_static(b"HTTP/1.1 ");
    let report = story.replay();
    assert_one(&report, Error, "ER-03", "wrong banner");
    assert_eq!((report.counts.bytes_unaccounted, report.counts.tags), (9, clean().tags));
}

#[test]
fn another_protocol() {
    let report = replay_streams(b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", Ending::Fin);
    assert_one(&report, Info, "FOREIGN", "ignored");
    assert_eq!((report.counts.connections.total, report.counts.bytes_unaccounted), (0, 0));
    assert!(!report.checked_anything());
}

#[test]
fn a_connection_without_bytes() {
    let report = replay_streams(b"", b"", Ending::Fin);
    assert_eq!(findings(&report), []);
    assert_eq!(report.counts.connections.total, 1);
    assert!(!report.checked_anything());
}

#[test]
fn a_frame_closed_in_the_middle() {
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    story.client.truncate(at + 1);
    story.client[at].truncate(60);
    let report = story.replay_ending(Ending::Fin);
    let found: Vec<_> = findings(&report).into_iter().filter(|finding| finding.1 == "ER-11").collect();
    assert_eq!(found, [(Warning, "ER-11", "closed in the middle of a frame: 60 bytes of it were sent".to_owned())]);
    assert_eq!(report.counts.bytes_unaccounted, 0);
}

#[test]
fn a_frame_cut_off() {
    for ending in [Ending::Rst, Ending::Cut] {
        let mut story = Story::new();
        let at = Story::message(&story.client, 1);
        story.client.truncate(at + 1);
        story.client[at].truncate(60);
        let report = story.replay_ending(ending);
        let found: Vec<_> = findings(&report).into_iter().filter(|finding| finding.1 == "ER-11").collect();
        assert_eq!(found, [(Info, "ER-11", "cut in the middle of a frame: 60 bytes of it were sent".to_owned())]);
        assert_eq!(report.counts.bytes_unaccounted, 0);
    }
}

#[test]
fn a_message_given_up() {
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    let given_up = {
        let mut bytes = story.client[at].clone();
        edit(&mut bytes, |message| message.footer.flags = FooterFlags(message.footer.flags.0 & !1));
        bytes
    };
    story.client.insert(at, given_up);
    let report = story.replay();
    assert_one(&report, Info, "SQ-16", "a message its sender gave up");
    assert_eq!(report.counts.messages.total, clean().messages.total + 1);
    assert_eq!(report.counts.messages.outcome.decoded, clean().messages.outcome.decoded);
}

#[test]
fn a_message_that_is_too_short() {
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    edit(&mut story.client[at], |message| message.front = message.front.slice(..message.front.len() / 2));
    let report = story.replay();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].severity, Error);
    assert!(["MT-05", "EN-19"].contains(&report.findings[0].rule), "{:?}", findings(&report));
    assert_eq!(report.counts.messages.outcome.failed, 1);
    assert_eq!(report.counts.crc.bad, 0);
}

#[test]
fn an_unknown_message() {
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    edit(&mut story.client[at], |message| message.header.r#type = MessageType(60_000));
    let report = story.replay();
    assert_one(&report, Warning, "MT-01", "an unknown message type: 60000");
    assert_eq!(report.counts.messages.by_type[&60_000].name, "unknown");
    assert_eq!(report.counts.messages.by_type[&60_000].outcome.opaque, 1);
}

#[test]
fn a_message_for_newer_receivers() {
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    edit(&mut story.client[at], |message| (message.header.version, message.header.compat_version) = (999, 999));
    assert_one(&story.replay(), Error, "MT-02", "version 999");
}

/// A message that a monitor forwards, `changed`, instead of the client's second one.
fn forwarded(change: impl FnOnce(&mut EncapsulatedMessage)) -> CaptureReport {
    let inner = Payload::from(MMonGetVersion { what: "osdmap".into(), ..Default::default() });
    let parts = inner.encode(Target::fresh(FEATURES_ALL)).expect("can be written");
    let mut msg = EncapsulatedMessage { front: parts.front, ..Default::default() };
    (msg.header.r#type, msg.header.version, msg.header.compat_version) = (MessageType(19), parts.version, parts.compat);
    msg.footer.flags = FooterFlags::COMPLETE;
    change(&mut msg);
    if msg.footer.front_crc == 0 {
        msg.footer.front_crc = CEPH_CRC.of(&msg.front);
    }
    let outer = Payload::from(MForward { msg, ..Default::default() });
    let parts = outer.encode(Target::fresh(FEATURES_ALL)).expect("can be written");
    let mut story = Story::new();
    let at = Story::message(&story.client, 1);
    edit(&mut story.client[at], |message| {
        message.header.r#type = MessageType(46);
        (message.header.version, message.header.compat_version) = (parts.version, parts.compat);
        message.front = parts.front;
    });
    story.replay()
}

// covers: MT-09
#[test]
fn a_message_inside_of_another() {
    let whole = forwarded(|_| {});
    assert_eq!(findings(&whole), []);
    let nested = whole.counts.messages.nested;
    assert_eq!((nested.decoded, nested.exact, nested.total()), (1, 1, 1));
    assert_eq!(whole.counts.messages.outcome.exact, whole.counts.messages.total);

    let checksum = forwarded(|message| message.footer.front_crc = 1);
    assert_one(
        &checksum,
        Error,
        "MT-09",
        "the front of a nested message does not match: MMonGetVersion inside of MForward",
    );
    let cut = forwarded(|message| message.front = message.front.slice(..7));
    assert_one(&cut, Error, "MT-05", "MMonGetVersion inside of MForward cannot be read");
    for report in [checksum, cut] {
        let messages = &report.counts.messages;
        assert_eq!((messages.nested.failed, messages.outcome.failed, messages.by_type[&46].outcome.failed), (1, 1, 1));
        assert_eq!((messages.outcome.exact, report.counts.crc.bad), (messages.total - 1, 0));
    }
    let unknown = forwarded(|message| message.header.r#type = MessageType(60_000));
    assert_eq!(findings(&unknown), []);
    let messages = &unknown.counts.messages;
    assert_eq!((messages.nested.opaque, messages.by_type[&46].outcome.opaque), (1, 1));
}

#[test]
fn an_answer_of_no_handshake() {
    let mut story = Story::new();
    let mut reply = story.server[2].to_vec();
    reply[0] = Tag::CLOSE.0;
    story.server[2] = reply.into();
    let report = story.replay();
    let found = findings(&report);
    assert_eq!((found[0].0, found[0].1), (Error, "HS-38"), "{found:?}");
    assert_eq!(report.counts.handshake.replies["CLOSE"], 1);
}

/// The answer of the handshake, changed.
fn reply(story: &Story, change: impl FnOnce(&mut ConnectReply)) -> Bytes {
    let mut reply = from_bytes(story.server[2].clone(), &Context::default()).expect("a reply");
    change(&mut reply);
    to_bytes(&reply, Target::default()).expect("a reply")
}

/// The client's try, changed.
fn connect(story: &Story, change: impl FnOnce(&mut Connect)) -> Bytes {
    let mut connect = from_bytes(story.client[2].clone(), &Context::default()).expect("a try");
    change(&mut connect);
    to_bytes(&connect, Target::default()).expect("a try")
}

#[test]
fn an_answer_with_a_wrong_count_of_connections() {
    let mut story = Story::new();
    story.server[2] = reply(&story, |reply| reply.connect_seq = 7);
    assert_one(&story.replay(), Error, "HS-21", "expected 1, found 7");
}

#[test]
fn an_authorizer_that_is_too_short() {
    let mut story = Story::new();
    story.client[2] = connect(&story, |connect| {
        connect.authorizer_protocol = AuthProtocol::NONE;
        connect.authorizer = Bytes::from_static(&[1, 0]);
    });
    assert_one(&story.replay(), Warning, "AU-01", "AuthNoneAuthorizer");
}

/// The conversation with an exchange of what both sides had received.
fn resumed(server_had: u64, client_had: u64) -> Story {
    let mut story = Story::new();
    story.server[2] = reply(&story, |reply| reply.tag = Tag::SEQ);
    story.server.insert(HANDSHAKE, to_bytes(&SeqExchange { seq: server_had }, Target::default()).unwrap());
    story.client.insert(HANDSHAKE, to_bytes(&SeqExchange { seq: client_had }, Target::default()).unwrap());
    story
}

#[test]
fn a_session_resumed() {
    let report = resumed(0, 0).replay();
    assert_eq!(findings(&report), []);
    assert_eq!((report.counts.handshake.replies["SEQ"], report.counts.handshake.replies["READY"]), (1, 0));
    assert_eq!((report.counts.tags, report.counts.bytes_unaccounted), (clean().tags, 0));
}

#[test]
fn messages_sent_again_that_the_receiver_already_had() {
    assert_one(&resumed(5, 0).replay(), Warning, "RC-13", "expected more than 5, found 1");
    assert_one(&resumed(0, 5).replay(), Warning, "RC-14", "expected more than 5, found 1");
}

#[test]
fn several_rounds_of_a_handshake() {
    let answer = |tag, connect_seq, global_seq| {
        move |reply: &mut ConnectReply| {
            (reply.tag, reply.connect_seq, reply.global_seq) = (tag, connect_seq, global_seq)
        }
    };
    for (tag, rule) in [
        (Tag::RETRY_SESSION, Some("RC-08")),
        (Tag::RETRY_GLOBAL, Some("RC-02")),
        (Tag::WAIT, Some("RC-25")),
        (Tag::BADAUTHORIZER, None),
        (Tag::FEATURES, None),
        (Tag::RESETSESSION, None),
        (Tag::BADPROTOVER, None),
        (Tag::CHALLENGE_AUTHORIZER, None),
    ] {
        let mut story = Story::new();
        story.client.insert(2, story.client[2].clone());
        story.server.insert(2, reply(&story, answer(tag, 9, 900)));
        let report = story.replay();
        assert_eq!(report.counts.handshake.connects, 2);
        assert_eq!((report.counts.tags, report.counts.bytes_unaccounted), (clean().tags, 0), "{tag:?}");
        let is_unexplained = |finding: &&Finding| finding.text.summary.contains("does not explain");
        let (unexplained, others): (Vec<_>, Vec<_>) = report.findings.iter().partition(is_unexplained);
        assert_eq!(others.iter().map(|finding| finding.rule).collect::<Vec<_>>(), Vec::from_iter(rule), "{tag:?}");
        // Whatever session there was before: a monitor does not say that to a client that begins one.
        let never = [Tag::RETRY_SESSION, Tag::WAIT, Tag::RESETSESSION];
        assert_eq!(unexplained.len(), usize::from(never.contains(&tag)), "{tag:?}");
    }
    // As it should be: the client does what it is told.
    let mut story = Story::new();
    let retry = connect(&story, |connect| (connect.connect_seq, connect.global_seq) = (0, 901));
    story.client.insert(3, retry);
    story.server.insert(2, reply(&story, answer(Tag::RETRY_GLOBAL, 0, 900)));
    assert_eq!(findings(&story.replay()), []);
}

#[test]
fn warnings_count_if_strict() {
    let mut story = Story::new();
    story.client.push(to_bytes(&Ack { seq: 1_000 }, Target::default()).unwrap());
    let report = |strict| Report { captures: vec![story.replay()], strict };
    assert_eq!((report(false).verdict(), report(true).verdict()), (Verdict::Pass, Verdict::Fail));
}

/// Without the segments for which `lost` holds.
fn without(story: &Story, lost: impl Fn(usize) -> bool) -> CaptureReport {
    let segments = segments(&story.client.concat(), &story.server.concat(), Ending::Fin);
    let kept = segments.into_iter().enumerate().filter(|(at, _)| !lost(*at)).map(|(_, segment)| segment);
    replay_capture(&assembled(kept), &Options::named("doctored"))
}

#[test]
fn bytes_missing_in_the_capture() {
    let mut story = Story::new();
    let message = story.server[Story::message(&story.server, 0)].clone();
    story.server.truncate(HANDSHAKE);
    let numbered = |n: u64| {
        let mut bytes = message.clone();
        edit(&mut bytes, |message| message.header.seq = n);
        bytes
    };
    story.server.extend((1..=40).map(numbered));
    let server = support::server(0).source;
    let all = segments(&story.client.concat(), &story.server.concat(), Ending::Fin);
    let data: Vec<&Segment> =
        all.iter().filter(|segment| segment.source == server && !segment.payload.is_empty()).collect();
    assert!(data.len() > 4, "{}", data.len());
    let lost = data[3].seq;
    let capture = assembled(all.iter().filter(|segment| segment.source != server || segment.seq != lost).cloned());
    let report = replay_capture(&capture, &Options::named("doctored"));
    assert_eq!(report.counts.connections.gaps, 1);
    assert!(
        findings(&report).iter().all(|finding| finding.0 == Warning && finding.1 == "CAPTURE"),
        "{:?}",
        findings(&report)
    );
    assert!(report.counts.messages.total > 30, "{}", report.counts.messages.total);
    assert_eq!(report.counts.messages.outcome.exact, report.counts.messages.total);
}

#[test]
fn a_connection_that_was_open_before() {
    let story = Story::new();
    let report = without(&story, |at| at < 3);
    assert_eq!(report.counts.connections.midstream, 1);
    assert!(report.counts.messages.total > 2, "{}", report.counts.messages.total);
    assert!(findings(&report).iter().all(|finding| finding.0 == Info), "{:?}", findings(&report));
}
