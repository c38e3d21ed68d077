//! Who connects again: what it offers, and how it takes what it is told.

use firefly_runtime::session::{Event, Fault, Next, Policy, SessionId, State, Timeout};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab() -> Lab {
    Lab::new(client(Policy::lossless_client()))
}

/// A client that sent messages 1 to 3 and received 1 and 2, nothing of it acknowledged by the server; its connection
/// is broken and the next one is on its way.
fn broken(config: firefly_runtime::session::Config) -> (Lab, SessionId) {
    let mut lab = Lab::new(config);
    let (peer, session) = lab.served();
    (11..=13).for_each(|tid| lab.send_over(session, question(tid)));
    lab.put_all(peer, &[frame(1), frame(2)]);
    lab.after(ms(100));
    assert_eq!(lab.numbers(peer), (vec![1, 2, 3], vec![2]));
    lab.hang_up(peer);
    lab.after(ms(0));
    lab.events();
    (lab, session)
}

// covers: HS-40, RC-02
#[test]
fn takes_a_higher_number_when_told() {
    for theirs in [5, 1, 0] {
        let mut lab = lab();
        lab.connect();
        let (peer, first) = lab.welcome();
        lab.put(peer, &ConnectReply { global_seq: theirs, ..reply(Tag::RETRY_GLOBAL) });
        let second: Connect = lab.take(peer);
        assert!(second.global_seq > theirs && second.global_seq > first.global_seq, "{second:?}");
        assert_eq!(second, Connect { global_seq: second.global_seq, ..first });
        lab.bytes(peer, &bytes_of(&ready(&second)));
        lab.hang_up(peer);
        lab.after(ms(0));
        assert!(lab.welcome().1.global_seq > second.global_seq);
    }
}

// covers: HS-40, RC-08
#[test]
fn takes_the_session_number_it_is_told() {
    let mut lab = lab();
    let session = lab.connect();
    let (peer, first) = lab.welcome();
    lab.put(peer, &ConnectReply { connect_seq: 8, ..reply(Tag::RETRY_SESSION) });
    let second: Connect = lab.take(peer);
    assert_eq!(second, Connect { connect_seq: 8, ..first });
    lab.put(peer, &ready(&second));
    assert_eq!((lab.info(session).state, lab.info(session).connect_seq), (State::Open, 9));
}

// covers: RC-08, RC-29
#[test]
fn the_session_number_it_is_told_counts_for_the_next_connection_too() {
    let mut lab = lab();
    lab.connect();
    let (peer, _) = lab.welcome();
    lab.put(peer, &ConnectReply { connect_seq: 8, ..reply(Tag::RETRY_SESSION) });
    assert_eq!(lab.take::<Connect>(peer).connect_seq, 8);
    lab.hang_up(peer);
    lab.after(ms(0));
    let (peer, connect) = lab.welcome();
    assert_eq!(connect.connect_seq, 8);
    lab.events();
    lab.put(peer, &ConnectReply { connect_seq: 8, ..reply(Tag::RETRY_SESSION) });
    let expected = firefly_runtime::session::PeerMisbehaved::ConnectSeqNotGreater { ours: 8, theirs: 8 };
    assert_eq!(lab.fault().0, Fault::PeerMisbehaved(expected));
}

// covers: RC-12, RC-13, FR-17
#[test]
fn goes_on_where_the_server_is() {
    let (mut lab, session) = broken(client(Policy::lossless_client()));
    lab.send_over(session, question(14));
    let (peer, _, theirs) = lab.serve_again(2);
    assert_eq!(theirs, 2);
    let (third, fourth) = (lab.message(peer), lab.message(peer));
    assert_eq!([&third, &fourth].map(|frame| (frame.header.seq, frame.header.tid)), [(3, 13), (4, 14)]);
    let body = firefly_runtime::codec::Target::fresh(ALL);
    assert_eq!(third.front, question(13).payload.encode(body).unwrap().front);
    assert!(lab.is_quiet(peer));
    let info = lab.info(session);
    assert_eq!((info.counters.reconnects, info.counters.connected, info.counters.messages_resent), (1, 2, 1));
}

// covers: RC-12
#[test]
fn says_what_it_has_before_anything_else() {
    let (mut lab, _) = broken(client(Policy::lossless_client()));
    let (peer, connect) = lab.welcome();
    lab.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&connect) });
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, &bytes_of(&SeqExchange { seq: 3 })[..7]);
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, &bytes_of(&SeqExchange { seq: 3 })[7..]);
    assert_eq!(lab.take::<SeqExchange>(peer).seq, 2);
    assert!(lab.is_quiet(peer));
}

// covers: RC-15, FR-17
#[test]
fn sends_all_again_when_the_server_does_not_say_what_it_has() {
    let (mut lab, _) = broken(client(Policy::lossless_client()));
    let (peer, connect) = lab.serve();
    assert_eq!(connect.connect_seq, 2);
    let again: Vec<_> = (0..3).map(|_| lab.message(peer).header).map(|header| (header.seq, header.tid)).collect();
    assert_eq!(again, [(1, 11), (2, 12), (3, 13)]);
    assert!(lab.is_quiet(peer));
}

// covers: RC-21
#[test]
fn a_reset_session_starts_empty() {
    let (mut lab, session) = broken(client(Policy::lossless_client()));
    lab.send_over(session, question(14));
    let (peer, first) = lab.welcome();
    assert_eq!(first.connect_seq, 2);
    lab.put(peer, &reply(Tag::RESETSESSION));
    let second: Connect = lab.take(peer);
    assert_eq!(second, Connect { connect_seq: 0, ..first });
    let events = lab.events();
    let dropped = events.iter().find_map(|event| match event {
        Event::RemoteReset { session: which, dropped } if *which == session => Some(dropped),
        _ => None,
    });
    let dropped = dropped.unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!((dropped.unsent, dropped.unacknowledged), (1, 3));
    assert_eq!((dropped.first_tid, dropped.last_tid), (Some(11), Some(14)));
    lab.put(peer, &ready(&second));
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
    assert_eq!((lab.info(session).connect_seq, lab.info(session).in_seq), (1, 0));
    lab.put(peer, &frame(1));
    assert_eq!(lab.seqs(), [1]);
}

// covers: RC-21
#[test]
fn a_reset_session_starts_at_0_on_the_next_connection_too() {
    let (mut lab, _) = broken(client(Policy::lossless_client()));
    let (peer, _) = lab.welcome();
    lab.put(peer, &reply(Tag::RESETSESSION));
    assert_eq!(lab.take::<Connect>(peer).connect_seq, 0);
    lab.hang_up(peer);
    lab.after(ms(0));
    let (peer, connect) = lab.welcome();
    assert_eq!(connect.connect_seq, 0);
    lab.put(peer, &ConnectReply { connect_seq: 1, ..reply(Tag::RETRY_SESSION) });
    assert_eq!(lab.take::<Connect>(peer).connect_seq, 1);
}

// covers: RC-28, RC-29
#[test]
fn a_session_that_was_never_open_is_not_continued() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let session = lab.connect();
    lab.refuse();
    assert_eq!(lab.state(session), Some(State::Standby));
    lab.send_over(session, ping(1));
    let (peer, connect) = lab.serve();
    assert_eq!((connect.connect_seq, connect.global_seq), (0, 2));
    assert_eq!(lab.message(peer).header.tid, 1);
    // Once it was open, each connection counts once, however often it fails to come about.
    lab.put(peer, &ack(1));
    lab.hang_up(peer);
    for _ in 0..3 {
        lab.send_over(session, ping(2));
        lab.after(secs(1));
        let (peer, connect) = lab.welcome();
        assert_eq!(connect.connect_seq, 2);
        lab.hang_up(peer);
    }
}

// covers: RC-22
#[test]
fn numbers_after_a_reset_start_anywhere() {
    for (features, random) in [(ALL, true), (ALL & !Features::MSG_AUTH.0, false)] {
        let (mut lab, session) = broken(client(Policy::lossless_client().supporting(features)));
        let (peer, connect) = lab.welcome();
        lab.put(peer, &reply(Tag::RESETSESSION));
        let second: Connect = lab.take(peer);
        assert_eq!(connect.features, Features(features));
        lab.put(peer, &ready(&second));
        lab.agree(peer, features);
        lab.send_over(session, question(15));
        let seq = lab.message(peer).header.seq;
        assert!((1..=1 << 31).contains(&seq) && (seq != 1) == random, "{seq}");
    }
}

// covers: RC-22
#[test]
fn numbers_may_start_anywhere() {
    let mut lab = lab();
    let (peer, _) = lab.served();
    lab.put_all(peer, &[frame(1 << 31), frame((1 << 31) + 1)]);
    assert_eq!(lab.seqs(), [1 << 31, (1 << 31) + 1]);
    lab.after(ms(100));
    assert_eq!(lab.numbers(peer).1.last(), Some(&((1 << 31) + 1)));
}

// covers: RC-33
#[test]
fn firefly_withholds_acknowledgements_after_a_reset() {
    for firefly in [true, false] {
        let config = client(Policy::lossless_client());
        let (mut lab, _) = broken(if firefly { to_the_letter(config) } else { config });
        let (peer, _) = lab.welcome();
        lab.put(peer, &reply(Tag::RESETSESSION));
        let second: Connect = lab.take(peer);
        lab.put(peer, &ready(&second));
        let mut acks = Vec::new();
        for seq in 1..=3 {
            lab.put(peer, &frame(seq));
            lab.after(ms(100));
            acks.extend(lab.numbers(peer).1);
        }
        assert_eq!(acks, if firefly { vec![3] } else { vec![1, 2, 3] });
    }
}

// covers: RC-25
#[test]
fn told_to_wait_it_waits_for_the_peer() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let session = lab.send(ping(1));
    let (peer, _) = lab.welcome();
    lab.put(peer, &reply(Tag::WAIT));
    assert_eq!(lab.state(session), Some(State::Wait));
    lab.send_over(session, ping(2));
    lab.after(secs(10));
    assert!(lab.is_quiet(peer) && !lab.rings());
    let theirs = lab.greet(&Lab::server());
    assert_eq!(lab.offer(theirs, &osd_record()).tag, Tag::SEQ);
    let _: SeqExchange = lab.take(theirs);
    lab.put(theirs, &SeqExchange { seq: 0 });
    assert_eq!(lab.numbers(theirs).0, [1, 2]);
    assert_eq!(lab.session_of(&Lab::server()), session);
    assert!(lab.is_closed(peer));
    lab.after(secs(60));
    assert_eq!(lab.dials.len(), 1);
}

// covers: RC-25
#[test]
fn waiting_has_an_end_but_not_for_firefly() {
    for firefly in [false, true] {
        let mut config = osd(Policy::lossless_peer());
        if firefly {
            config.timers = firefly_runtime::session::Timers::firefly();
        }
        let mut lab = Lab::new(config);
        let session = lab.send(ping(1));
        let (peer, _) = lab.welcome();
        lab.put(peer, &reply(Tag::WAIT));
        lab.after(ms(14_999));
        assert_eq!(lab.state(session), Some(State::Wait));
        lab.events();
        lab.after(ms(1));
        if firefly {
            lab.after(secs(800));
            assert_eq!(lab.state(session), Some(State::Wait));
        } else {
            assert_eq!(lab.state(session), Some(State::Connecting));
            assert_eq!(lab.fault().0, Fault::Timeout(Timeout::Wait(secs(15))));
            lab.after(secs(15));
            assert!(lab.rings());
        }
    }
}

// covers: RC-28, PO-02
#[test]
fn a_broken_session_is_continued_at_once() {
    let mut lab = lab();
    let (peer, session) = lab.served();
    lab.send_over(session, ping(1));
    lab.hang_up(peer);
    lab.after(ms(0));
    let (peer, second) = lab.welcome();
    assert_eq!((second.connect_seq, second.global_seq), (2, 2));
    lab.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&second) });
    lab.put(peer, &SeqExchange { seq: 1 });
    lab.end(peer, firefly_runtime::session::Disconnect::Broken(std::io::ErrorKind::ConnectionReset));
    lab.after(ms(0));
    let third = lab.welcome().1;
    assert_eq!((third.connect_seq, third.global_seq), (4, 3));
    assert!(lab.dials.iter().all(|dial| dial.0 == firefly_runtime::session::Time::ZERO));
}

// covers: RC-29
#[test]
fn failed_attempts_change_only_the_global_seq() {
    let (mut lab, _) = broken(client(Policy::lossless_client()));
    let mut last = 1;
    for _ in 0..5 {
        while !lab.rings() {
            lab.after(ms(100));
        }
        let (peer, connect) = lab.welcome();
        assert!(connect.connect_seq == 2 && connect.global_seq > last, "{connect:?}");
        last = connect.global_seq;
        lab.hang_up(peer);
    }
}

// covers: RC-29
#[test]
fn attempts_that_nobody_answered_count_too() {
    let mut lab = lab();
    lab.connect();
    lab.refuse();
    lab.after(ms(0));
    assert_eq!(lab.welcome().1.global_seq, 2);
}

// covers: RC-31
#[test]
fn a_lost_ready_is_made_good_with_a_higher_number() {
    let (mut lab, session) = broken(client(Policy::lossless_client()));
    // The server takes 2 and is at 3, but nobody hears of it.
    let (lost, first) = lab.welcome();
    lab.hang_up(lost);
    lab.after(ms(0));
    let (peer, second) = lab.welcome();
    assert_eq!((first.connect_seq, second.connect_seq), (2, 2));
    lab.put(peer, &ConnectReply { connect_seq: 4, ..reply(Tag::RETRY_SESSION) });
    let third: Connect = lab.take(peer);
    assert_eq!((third.connect_seq, third.global_seq), (4, second.global_seq));
    lab.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&third) });
    lab.put(peer, &SeqExchange { seq: 3 });
    assert_eq!((lab.info(session).state, lab.info(session).connect_seq), (State::Open, 5));
    assert_eq!(lab.info(session).unacknowledged, 0);
}

// covers: PO-19
#[test]
fn the_application_sees_the_same_session() {
    let (mut lab, session) = broken(client(Policy::lossless_client()));
    lab.serve_again(3);
    let events = lab.events();
    assert!(matches!(events[..], [Event::Connect(connected)] if connected == session), "{events:?}");
}

#[test]
fn the_fault_of_a_session_that_goes_on_is_told() {
    let mut lab = lab();
    let (peer, _) = lab.served();
    lab.hang_up(peer);
    let fault = Fault::Io(firefly_runtime::session::Disconnect::Eof);
    assert_eq!(lab.fault(), (fault, Next::Reconnect(ms(0))));
}
