//! Signs of life.

use firefly_runtime::session::{Event, Misuse, Policy, SessionId, State};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab(features: u64) -> (Lab, Peer, SessionId) {
    let mut config = osd(Policy::stateful_server());
    config.epoch = UTime { tv_sec: 1000, tv_nsec: 900_000_000 };
    let mut lab = Lab::new(config);
    let peer = lab.open(&Connect { features: Features(features), ..record() });
    lab.events();
    let session = lab.session_of(&Lab::client());
    (lab, peer, session)
}

fn ask(lab: &mut Lab, session: SessionId) {
    lab.node.endpoint.keepalive(lab.now, session).unwrap();
    lab.settle();
}

// covers: KA-01
#[test]
fn says_the_time() {
    let (mut lab, peer, session) = lab(ALL);
    lab.after(ms(2_300));
    ask(&mut lab, session);
    let stamp = UTime { tv_sec: 1003, tv_nsec: 200_000_000 };
    assert_eq!(lab.frames(peer), [Frame::Keepalive2(Keepalive2 { stamp })]);
}

// covers: KA-01
#[test]
fn says_nothing_to_who_does_not_understand_the_time() {
    let (mut lab, peer, session) = lab(ALL & !Features::MSGR_KEEPALIVE2.0);
    ask(&mut lab, session);
    assert_eq!(lab.raw(peer), [Tag::KEEPALIVE.0][..]);
}

// covers: KA-02, KA-04
#[test]
fn a_sign_of_life_is_echoed_whether_agreed_or_not() {
    for features in [ALL, ALL & !Features::MSGR_KEEPALIVE2.0] {
        let (mut lab, peer, _) = lab(features);
        lab.put(peer, &keepalive2(0xffff_fff0));
        assert_eq!(lab.raw(peer), bytes_of(&keepalive2_ack(0xffff_fff0)));
    }
}

// covers: KA-03
#[test]
fn the_old_sign_of_life_is_not_answered() {
    let (mut lab, peer, _) = lab(ALL);
    lab.put(peer, &Keepalive {});
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
    lab.put(peer, &frame(1));
    assert_eq!(lab.seqs(), [1]);
}

// covers: KA-05
#[test]
fn of_several_signs_of_life_the_last_one_is_echoed() {
    let (mut lab, peer, _) = lab(ALL);
    lab.put_all(peer, &[keepalive2(1), keepalive2(2), keepalive2(3)]);
    let echoes = lab.frames(peer);
    assert_eq!(echoes.last(), Some(&keepalive2_ack(3)));
    let all = [keepalive2_ack(1), keepalive2_ack(2), keepalive2_ack(3)];
    assert!(echoes == all || echoes == all[2..], "{echoes:?}");
}

// covers: KA-06
#[test]
fn an_echo_of_nothing_is_taken_down() {
    let (mut lab, peer, session) = lab(ALL);
    assert_eq!(lab.info(session).last_keepalive_ack, None);
    lab.put(peer, &keepalive2_ack(77));
    let stamp = UTime { tv_sec: 77, tv_nsec: 5 };
    assert_eq!(lab.info(session).last_keepalive_ack, Some(stamp));
    let events = lab.events();
    assert!(
        matches!(&events[..], [Event::KeepaliveAck { session: which, stamp: echoed }]
        if *which == session && *echoed == stamp),
        "{events:?}"
    );
    assert!(lab.is_quiet(peer));
}

// covers: KA-07
#[test]
fn signs_of_life_go_before_acknowledgements_and_these_before_messages() {
    let (mut lab, peer, session) = lab(ALL);
    lab.put_all(peer, &[Frame::Message(frame(1)), keepalive2(4)]);
    lab.raw(peer);
    // All that is pending when the session opens is written at one moment.
    lab.hang_up(peer);
    lab.send_over(session, ping(1));
    ask(&mut lab, session);
    let again = lab.greet(&Lab::client());
    let later = Connect { global_seq: 2, connect_seq: 2, ..record() };
    let bytes = [bytes_of(&later), bytes_of(&SeqExchange { seq: 0 }), bytes_of(&keepalive2(5)), bytes_of(&frame(2))];
    lab.bytes(again, &bytes.concat());
    let (_, _): (ConnectReply, SeqExchange) = (lab.take(again), lab.take(again));
    lab.after(ms(100));
    let kinds: Vec<_> = lab
        .frames(again)
        .iter()
        .map(|frame| match frame {
            Frame::Keepalive2(_) => Tag::KEEPALIVE2,
            Frame::Keepalive2Ack(_) => Tag::KEEPALIVE2_ACK,
            Frame::Ack(_) => Tag::ACK,
            _ => Tag::MSG,
        })
        .collect();
    let place = |tag| kinds.iter().position(|kind| *kind == tag).unwrap();
    assert!(place(Tag::KEEPALIVE2) < place(Tag::MSG), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == Tag::KEEPALIVE2).count(), 1);
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

// covers: KA-10, PO-03
#[test]
fn a_sleeping_peer_wakes_for_a_sign_of_life() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let (peer, session) = lab.served();
    lab.hang_up(peer);
    lab.after(secs(60));
    assert_eq!(lab.state(session), Some(State::Standby));
    assert!(!lab.rings());
    ask(&mut lab, session);
    lab.after(ms(0));
    let (peer, connect) = lab.serve();
    assert_eq!(connect.connect_seq, 2);
    assert!(matches!(lab.frames(peer)[..], [Frame::Keepalive2(_)]));
}

// covers: KA-10, PO-03
#[test]
fn a_sign_of_life_that_was_not_sent_yet_is_something_to_send() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let (peer, session) = lab.served();
    lab.hang_up(peer);
    ask(&mut lab, session);
    for _ in 0..3 {
        lab.after(secs(1));
        assert!(lab.rings());
        lab.refuse();
        assert_eq!(lab.state(session), Some(State::Connecting));
    }
    lab.after(secs(1));
    let (peer, _) = lab.serve();
    assert!(matches!(lab.frames(peer)[..], [Frame::Keepalive2(_)]));
}

#[test]
fn a_sign_of_life_needs_a_session() {
    let (mut lab, _, session) = lab(ALL);
    lab.node.endpoint.mark_down(session);
    lab.settle();
    assert_eq!(lab.node.endpoint.keepalive(lab.now, session), Err(Misuse::NotConnected));
    assert_eq!(lab.node.endpoint.keepalive(lab.now, SessionId::LOOPBACK), Ok(()));
}

#[test]
fn signs_of_life_keep_a_connection_alive() {
    let (mut lab, peer, session) = lab(ALL);
    for _ in 0..5 {
        lab.after(secs(899));
        lab.put(peer, &Keepalive {});
    }
    assert_eq!(lab.state(session), Some(State::Open));
    lab.after(ms(899_999));
    assert!(lab.is_quiet(peer));
    lab.after(ms(1));
    assert!(lab.is_closed(peer));
}
