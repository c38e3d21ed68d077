//! Conversations that were made up, and what an observer makes of them.

use super::*;
use crate::codec::{Target, to_bytes};
use crate::random::Random;
use crate::session::PeerMisbehaved;
use crate::wire::features::Features;
use crate::wire::prelude::UTime;
use crate::wire::transport::{
    Ack, Banner, ClientHello, Close, Connect, ConnectReply, Keepalive2, Keepalive2Ack, MessageFrame, SeqExchange,
    ServerHello, Tag,
};

const ALL: Features = Features(FEATURES_ALL);

fn bytes<T: crate::codec::Wire>(value: &T) -> Bytes {
    to_bytes(value, Target::fresh(FEATURES_ALL)).unwrap()
}

fn message(seq: u64, flags: FooterFlags) -> Bytes {
    let mut frame = MessageFrame { front: Bytes::from_static(b"front"), ..MessageFrame::default() };
    (frame.header.seq, frame.header.r#type.0, frame.footer.flags) = (seq, 2, flags);
    bytes(&Frame::Message(frame))
}

fn complete(seq: u64) -> Bytes {
    message(seq, FooterFlags::COMPLETE)
}

fn connect(global_seq: u32, connect_seq: u32) -> Connect {
    Connect { features: ALL, global_seq, connect_seq, ..Connect::default() }
}

fn reply(tag: Tag, global_seq: u32, connect_seq: u32) -> ConnectReply {
    ConnectReply { tag, features: ALL, global_seq, connect_seq, ..ConnectReply::default() }
}

/// What both sides send, element by element.
#[derive(Clone)]
struct Story {
    client: Vec<Bytes>,
    server: Vec<Bytes>,
}

impl Story {
    /// A handshake with these tries and answers.
    fn new(rounds: &[(Connect, ConnectReply)]) -> Story {
        let client = [bytes(&Banner {}), bytes(&ClientHello::default())];
        let server = [bytes(&Banner {}), bytes(&ServerHello::default())];
        Story {
            client: client.into_iter().chain(rounds.iter().map(|(connect, _)| bytes(connect))).collect(),
            server: server.into_iter().chain(rounds.iter().map(|(_, reply)| bytes(reply))).collect(),
        }
    }

    /// One that is let in at once.
    fn open() -> Story {
        Story::new(&[(connect(1, 0), reply(Tag::READY, 1, 1))])
    }

    fn client(mut self, elements: impl IntoIterator<Item = Bytes>) -> Story {
        self.client.extend(elements);
        self
    }

    fn server(mut self, elements: impl IntoIterator<Item = Bytes>) -> Story {
        self.server.extend(elements);
        self
    }

    fn side(&self, side: Side) -> Bytes {
        match side {
            Side::Client => self.client.concat().into(),
            Side::Server => self.server.concat().into(),
        }
    }

    /// All that is seen of it.
    fn seen(&self) -> Vec<Seen> {
        let mut observer = Observer::new(Limits::default());
        for side in Side::BOTH {
            observer.input(side, &self.side(side));
            observer.close(side);
        }
        drain(&mut observer)
    }

    /// Rules and details of what is odd.
    #[track_caller]
    fn assert_odd(&self, expected: &[(&str, &str)]) {
        let odd = odd(&self.seen());
        let odd: Vec<_> = odd.iter().map(|odd| (odd.rule(), odd.oddity.detail())).collect();
        assert_eq!(odd.iter().map(|(rule, detail)| (*rule, &detail[..])).collect::<Vec<_>>(), expected);
    }
}

fn drain(observer: &mut Observer) -> Vec<Seen> {
    let mut seen: Vec<Seen> = std::iter::from_fn(|| observer.poll()).collect();
    observer.finish();
    seen.extend(std::iter::from_fn(|| observer.poll()));
    seen
}

fn odd(seen: &[Seen]) -> Vec<Observation> {
    let odd = |seen: &Seen| match seen {
        Seen::Odd(odd) | Seen::Lost(odd) => Some(odd.clone()),
        Seen::Element(_) => None,
    };
    seen.iter().filter_map(odd).collect()
}

fn elements(seen: &[Seen], of: Side) -> Vec<Bytes> {
    let element = |seen: &Seen| match seen {
        Seen::Element(Sighting { side, bytes, .. }) if *side == of => Some(bytes.clone()),
        _ => None,
    };
    seen.iter().filter_map(element).collect()
}

/// A long one, with several rounds, a session that goes on, and all kinds of frames.
fn long_story() -> Story {
    let stamp = UTime { tv_sec: 5, tv_nsec: 6 };
    let rounds = [
        (connect(1, 2), reply(Tag::RETRY_GLOBAL, 7, 0)),
        (connect(8, 2), reply(Tag::RETRY_SESSION, 0, 5)),
        (connect(8, 5), reply(Tag::CHALLENGE_AUTHORIZER, 0, 0)),
        (connect(8, 5), reply(Tag::SEQ, 3, 6)),
    ];
    Story::new(&rounds)
        .client([bytes(&SeqExchange { seq: 20 }), complete(11), complete(12), bytes(&Ack { seq: 22 })])
        .client([bytes(&Keepalive2 { stamp }), message(13, FooterFlags::default()), complete(13), bytes(&Close {})])
        .server([bytes(&SeqExchange { seq: 10 }), complete(21), complete(22), bytes(&Ack { seq: 13 })])
        .server([bytes(&Keepalive2Ack { stamp }), bytes(&Close {})])
}

// covers: HS-06, HS-40, HS-43
#[test]
fn every_element_is_seen_with_its_place() {
    let story = long_story();
    let seen = story.seen();
    assert_eq!(elements(&seen, Side::Client), story.client);
    assert_eq!(elements(&seen, Side::Server), story.server);
    let mut ends = [0, 0];
    for seen in &seen {
        let Seen::Element(Sighting { side, offset, bytes, .. }) = seen else { continue };
        let end = &mut ends[*side as usize];
        assert_eq!(offset, end);
        *end += bytes.len() as u64;
    }
    assert_eq!(ends, Side::BOTH.map(|side| story.side(side).len() as u64));
    story.assert_odd(&[("SQ-16", "MPing, number 13")]);
}

/// However the bytes are cut, and whichever side is heard first.
#[test]
fn pieces_make_no_difference() {
    let stories = [
        long_story(),
        Story::open().client([complete(1), complete(1)]).server([bytes(&Ack { seq: 9 })]),
        Story::open().client([Bytes::from_static(b"\xff\xff")]).server([complete(0)]),
        Story::new(&[(connect(1, 0), reply(Tag::CLOSE, 1, 1))]).client([complete(1)]).server([complete(1)]),
    ];
    let mut random = Random::new(1);
    for story in stories {
        let whole = story.seen();
        let by_side = |seen: &[Seen], side| {
            let of = |seen: &Seen| match seen {
                Seen::Element(sighting) => sighting.side,
                Seen::Odd(odd) | Seen::Lost(odd) => odd.side,
            };
            seen.iter().filter(|seen| of(seen) == side).cloned().collect::<Vec<_>>()
        };
        for round in 0..200 {
            let mut rest = Side::BOTH.map(|side| story.side(side));
            let mut observer = Observer::new(Limits::default());
            let mut seen = Vec::new();
            while let Some(at) = (0..2).cycle().skip(random.below(2) as usize).take(2).find(|at| !rest[*at].is_empty())
            {
                let most = if round == 0 { 1 } else { 60 };
                let n = (1 + random.below(most) as usize).min(rest[at].len());
                observer.input(Side::BOTH[at], &rest[at].split_to(n));
                seen.extend(std::iter::from_fn(|| observer.poll()));
            }
            Side::BOTH.into_iter().for_each(|side| observer.close(side));
            seen.extend(drain(&mut observer));
            for side in Side::BOTH {
                assert_eq!(by_side(&seen, side), by_side(&whole, side));
            }
        }
    }
}

/// Later clients greet before they were greeted; every element may come before what it answers.
#[test]
fn who_waits_for_whom_is_known() {
    let story = long_story();
    for first in Side::BOTH {
        let mut observer = Observer::new(Limits::default());
        observer.input(first, &story.side(first));
        let seen: Vec<Seen> = std::iter::from_fn(|| observer.poll()).collect();
        assert_eq!(elements(&seen, first).len(), if first == Side::Client { 3 } else { 2 });
        assert_eq!((observer.pending(first), observer.pending(first.peer())), (Pending::Peer, Pending::Bytes));
        observer.input(first.peer(), &story.side(first.peer()));
        let seen: Vec<Seen> = seen.into_iter().chain(drain(&mut observer)).collect();
        assert_eq!(elements(&seen, Side::Client), story.client);
        assert_eq!(elements(&seen, Side::Server), story.server);
    }
}

// covers: HS-26, FR-12
#[test]
fn frames_are_read_for_what_both_sides_have() {
    let old = Features(FEATURES_ALL & !Features::NOSRCADDR.0);
    let story = Story::new(&[(connect(1, 0), ConnectReply { features: old, ..reply(Tag::READY, 1, 1) })]);
    let mut frame = crate::wire::transport::OldMessageFrame::default();
    (frame.header.seq, frame.footer.flags) = (1, FooterFlags::COMPLETE);
    let frame = to_bytes(&Frame::OldMessage(frame), Target::fresh(old.0)).unwrap();
    let story = story.client([frame.clone()]).server([frame]);
    let seen = story.seen();
    assert_eq!((odd(&seen), elements(&seen, Side::Server)), (vec![], story.server));
}

#[test]
fn tries_that_do_not_do_what_they_were_told() {
    let after =
        |tag, retry: Connect| Story::new(&[(connect(1, 2), reply(tag, 7, 9)), (retry, reply(Tag::BADPROTOVER, 0, 0))]);
    after(Tag::RETRY_GLOBAL, connect(7, 2)).assert_odd(&[("RC-02", "expected more than 7, found 7")]);
    after(Tag::RETRY_GLOBAL, connect(8, 3)).assert_odd(&[("RC-02", "expected 2, found 3")]);
    after(Tag::RETRY_GLOBAL, connect(8, 2)).assert_odd(&[]);
    after(Tag::RETRY_SESSION, connect(1, 8)).assert_odd(&[("RC-08", "expected 9, found 8")]);
    after(Tag::RETRY_SESSION, connect(1, 9)).assert_odd(&[]);
    after(Tag::RESETSESSION, connect(1, 2)).assert_odd(&[("RC-21", "connect_seq is 2")]);
    after(Tag::RESETSESSION, connect(1, 0)).assert_odd(&[]);
    after(Tag::WAIT, connect(2, 2)).assert_odd(&[("RC-25", "")]);
    after(Tag::FEATURES, connect(2, 2)).assert_odd(&[]);
}

#[test]
fn answers_that_are_wrong() {
    let answered = |connect: Connect, reply| Story::new(&[(connect, reply)]);
    answered(connect(1, 2), reply(Tag::READY, 1, 2)).assert_odd(&[("HS-21", "expected 3, found 2")]);
    answered(connect(1, 2), reply(Tag::RETRY_SESSION, 1, 2)).assert_odd(&[("RC-06", "expected more than 2, found 2")]);
    let old = Connect { features: Features(0), ..connect(1, 2) };
    answered(old, reply(Tag::SEQ, 1, 3)).assert_odd(&[("RC-10", "")]);
    let bad = answered(connect(1, 0), reply(Tag::MSG, 1, 1));
    bad.assert_odd(&[("HS-38", "MSG")]);
    let lost = bad.client([complete(1)]).seen();
    assert!(matches!(
        &lost[..],
        [.., Seen::Lost(Observation { oddity: Oddity::BehindBadReply, side: Side::Client, .. })]
    ));
}

#[test]
fn numbers_of_messages() {
    let sent = |numbers: &[u64]| Story::open().client(numbers.iter().map(|seq| complete(*seq)));
    sent(&[1, 2, 3]).assert_odd(&[]);
    sent(&[900, 901]).assert_odd(&[]);
    sent(&[1, 2, 2, 3]).assert_odd(&[("SQ-01", "expected 3, found 2")]);
    sent(&[1, 5, 6]).assert_odd(&[("SQ-01", "expected 2, found 5")]);
    sent(&[0, 1]).assert_odd(&[("SQ-09", "")]);
}

#[test]
fn sessions_that_go_on() {
    let resumed = |server_had, client_had| {
        Story::new(&[(connect(2, 1), reply(Tag::SEQ, 1, 2))])
            .server([bytes(&SeqExchange { seq: server_had }), complete(31)])
            .client([bytes(&SeqExchange { seq: client_had }), complete(7)])
    };
    resumed(6, 30).assert_odd(&[]);
    resumed(7, 30).assert_odd(&[("RC-13", "expected more than 7, found 7")]);
    resumed(6, 31).assert_odd(&[("RC-14", "expected more than 31, found 31")]);
}

#[test]
fn confirmations_of_what_was_never_sent() {
    let stamp = UTime { tv_sec: 5, tv_nsec: 6 };
    let story = Story::open().client([complete(1), bytes(&Keepalive2 { stamp })]);
    let answers = |seq| [bytes(&Keepalive2Ack { stamp }), bytes(&Ack { seq })];
    story.clone().server(answers(1)).assert_odd(&[]);
    story.server(answers(2)).assert_odd(&[("SQ-11", "2, sent up to 1")]);
    Story::open().server([bytes(&Keepalive2Ack { stamp })]).assert_odd(&[("KA-02", &format!("{stamp:?}"))]);
    // What was sent before the connection is not known.
    let blind = Story::new(&[(connect(2, 1), reply(Tag::READY, 1, 2))]);
    blind.server([bytes(&Ack { seq: 50 })]).assert_odd(&[]);
    // What the other side had before counts.
    let had = Story::new(&[(connect(2, 1), reply(Tag::SEQ, 1, 2))]).client([bytes(&SeqExchange { seq: 0 })]);
    had.server([bytes(&SeqExchange { seq: 40 }), bytes(&Ack { seq: 40 })]).assert_odd(&[]);
}

// covers: ER-10, ER-15
#[test]
fn a_side_is_lost_until_someone_finds_where_it_goes_on() {
    let mut huge = MessageFrame::default();
    huge.header.seq = 3;
    let mut header = bytes(&Frame::Message(huge)).to_vec();
    header[25..29].copy_from_slice(&u32::MAX.to_le_bytes());
    let crc = crate::wire::transport::CEPH_CRC.of(&header[1..50]);
    header[50..54].copy_from_slice(&crc.to_le_bytes());
    for (garbage, rule) in [(Bytes::from_static(b"\x63"), "ER-10"), (Bytes::from(header), "ER-15")] {
        let story = Story::open().client([complete(1), garbage.clone(), complete(2)]);
        let mut observer = Observer::new(Limits::default());
        Side::BOTH.into_iter().for_each(|side| observer.input(side, &story.side(side)));
        let seen: Vec<Seen> = std::iter::from_fn(|| observer.poll()).collect();
        let Some(Seen::Lost(lost)) = seen.last() else { panic!("{seen:?}") };
        assert_eq!((lost.rule(), lost.severity(), lost.offset), (rule, Severity::Error, observer.offset(Side::Client)));
        assert_eq!((observer.pending(Side::Client), observer.rest(Side::Client)[0]), (Pending::Lost, garbage[0]));
        assert_eq!(observer.skip(Side::Client, garbage.len()), garbage.len());
        observer.resume(Side::Client, Expect::Frame, FEATURES_ALL);
        assert_eq!(elements(&drain(&mut observer), Side::Client), [complete(2)]);
    }
}

#[test]
fn a_header_can_be_trusted_though_its_checksum_is_wrong() {
    let mut damaged = complete(2).to_vec();
    damaged[50] ^= 1;
    let story = Story::open().client([complete(1), damaged.clone().into(), complete(3)]);
    let mut observer = Observer::new(Limits::default());
    Side::BOTH.into_iter().for_each(|side| observer.input(side, &story.side(side)));
    let seen: Vec<Seen> = std::iter::from_fn(|| observer.poll()).collect();
    let fault = PeerMisbehaved::BadCrc { section: "header" };
    assert!(matches!(seen.last(), Some(Seen::Lost(lost)) if lost.oddity == Oddity::Unreadable(Expect::Frame, fault)));
    observer.trust_header(Side::Client);
    assert_eq!(elements(&drain(&mut observer), Side::Client), [Bytes::from(damaged), complete(3)]);
}

#[test]
fn a_frame_cut_by_a_gap_is_passed_over() {
    let (whole, cut) = (complete(1), complete(2));
    let story = Story::open();
    let mut observer = Observer::new(Limits::default());
    Side::BOTH.into_iter().for_each(|side| observer.input(side, &story.side(side)));
    observer.input(Side::Client, &[&whole[..], &cut[..60]].concat());
    assert!(std::iter::from_fn(|| observer.poll()).count() > 0);
    let behind = observer.offset(Side::Client) + cut.len() as u64;
    observer.gap(Side::Client, 10);
    assert_eq!(observer.pending(Side::Client), Pending::Bytes);
    observer.input(Side::Client, &[&cut[70..], &complete(7)].concat());
    let seen = drain(&mut observer);
    assert!(matches!(&seen[..], [Seen::Element(frame)] if (frame.offset, &frame.bytes) == (behind, &complete(7))));
    // Further than that, nobody knows.
    let mut observer = Observer::new(Limits::default());
    Side::BOTH.into_iter().for_each(|side| observer.input(side, &story.side(side)));
    observer.input(Side::Client, &cut[..60]);
    assert!(std::iter::from_fn(|| observer.poll()).count() > 0);
    observer.gap(Side::Client, cut.len() as u64);
    assert_eq!(observer.pending(Side::Client), Pending::Lost);
}

// covers: ER-04, ER-11
#[test]
fn what_is_cut_at_the_end_is_told() {
    let mut story = Story::open().client([complete(1).slice(..40)]);
    story.assert_odd(&[("ER-11", "40 bytes of it were sent")]);
    story.client.truncate(2);
    story.client[1] = story.client[1].slice(..1);
    story.server.truncate(2);
    story.assert_odd(&[("ER-04", "1 byte of it were sent")]);
    let mut observer = Observer::new(Limits::default());
    observer.input(Side::Client, b"ceph");
    let seen = drain(&mut observer);
    let [Seen::Odd(cut)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((cut.severity(), cut.oddity.summary()), (Severity::Info, "cut in the middle of the handshake".into()));
}

#[test]
fn bytes_that_nothing_leads_up_to() {
    let mut story = Story::open();
    story.client.truncate(2);
    let mut observer = Observer::new(Limits::default());
    Side::BOTH.into_iter().for_each(|side| observer.input(side, &story.side(side)));
    assert_eq!(std::iter::from_fn(|| observer.poll()).count(), 4);
    assert_eq!(observer.pending(Side::Server), Pending::Peer);
    assert!(observer.stop_waiting());
    assert!(matches!(observer.poll(), Some(Seen::Lost(lost)) if lost.rule() == "HS-26" && lost.side == Side::Server));
    assert!(!observer.stop_waiting());
}

// covers: ER-01, ER-03
#[test]
fn another_greeting() {
    for (side, rule) in [(Side::Client, "ER-01"), (Side::Server, "ER-03")] {
        let mut observer = Observer::new(Limits::default());
        observer.input(side, b"ceph v026");
        assert!(matches!(observer.poll(), Some(Seen::Lost(lost)) if lost.rule() == rule));
        assert_eq!(observer.poll(), None);
    }
}
