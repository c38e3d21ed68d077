//! Proofs of identity in the handshake, and signatures of messages.

use firefly_runtime::auth::{AuthError, NoneAuth, Rules};
use firefly_runtime::codec::Bytes;
use firefly_runtime::session::{Event, Fault, Next, PeerMisbehaved, Policy, SessionId, State};
use firefly_runtime::wire::address::{AuthEntityName, EntityType};
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn server(policy: Policy) -> Lab {
    Lab::with(osd(policy), Box::new(Sealed { signs: true }))
}

/// A client that shows something.
fn client_of(signs: bool) -> Lab {
    Lab::with(client(Policy::lossless_client()), Box::new(Sealed { signs }))
}

/// A record with an authorizer that is good.
fn proven() -> Connect {
    Connect { authorizer_protocol: AuthProtocol::CEPHX, authorizer: Bytes::from_static(b"12345678"), ..record() }
}

/// The reply that belongs to a record.
fn proving(reply: ConnectReply, connect: &Connect) -> ConnectReply {
    ConnectReply { authorizer: proof(&connect.authorizer), ..reply }
}

/// A signed session that the peer began.
fn signed(policy: Policy) -> (Lab, Peer, SessionId) {
    let mut lab = server(policy);
    let peer = lab.open(&proven());
    lab.events();
    let session = lab.session_of(&Lab::client());
    (lab, peer, session)
}

fn none(rules: Rules) -> Box<NoneAuth> {
    let admin = AuthEntityName { r#type: 8, id: "admin".into() };
    Box::new(NoneAuth::new(admin, 4100).with_rules(rules))
}

// covers: AU-01
#[test]
fn with_none_the_name_is_shown() {
    let mut lab = Lab::with(client(Policy::lossy_client()), none(Rules::nobody()));
    lab.connect();
    let (_, connect) = lab.welcome();
    assert_eq!(connect.authorizer_protocol, AuthProtocol::NONE);
    assert_eq!(connect.authorizer, b"\x01\x08\0\0\0\x05\0\0\0admin\x04\x10\0\0\0\0\0\0"[..]);
}

// covers: AU-02, AU-03, AU-15, HS-39
#[test]
fn with_none_a_name_must_be_shown() {
    let protocols = [AuthProtocol::NONE];
    let mut lab = Lab::with(osd(Policy::stateless_server()), none(Rules::osd(&protocols, &protocols)));
    let peer = lab.greet(&Lab::client());
    let name = b"\x01\x08\0\0\0\x05\0\0\0admin\x04\x10\0\0\0\0\0\0";
    let with = |protocol, authorizer: &'static [u8]| Connect {
        authorizer_protocol: protocol,
        authorizer: Bytes::from_static(authorizer),
        ..record()
    };
    for bad in [record(), with(AuthProtocol::NONE, &name[..21]), with(AuthProtocol::CEPHX, name)] {
        assert_eq!(lab.offer(peer, &bad), reply(Tag::BADAUTHORIZER));
        assert!(lab.is_quiet(peer));
    }
    let answer = lab.offer(peer, &with(AuthProtocol::NONE, name));
    assert_eq!((answer.tag, answer.authorizer), (Tag::READY, Bytes::new()));
}

// covers: AU-16, AU-19
#[test]
fn where_nothing_is_demanded_anything_goes() {
    for rules in [Rules::anyone(), Rules::monitor(&[AuthProtocol::CEPHX])] {
        for record in [record(), proven()] {
            let mut lab = Lab::with(osd(Policy::stateless_server()), none(rules.clone()));
            let peer = lab.greet(&Lab::client());
            let answer = lab.offer(peer, &record);
            assert_eq!((answer.tag, answer.authorizer), (Tag::READY, Bytes::new()));
        }
    }
}

// covers: AU-17
#[test]
fn monitors_prove_themselves_to_each_other() {
    let config = bound(name(EntityType::MON, 0), "10.0.0.1:6789", 0, Policy::lossless_peer_reuse());
    let mut lab = Lab::with(config, none(Rules::monitor(&[AuthProtocol::CEPHX])));
    let peer = lab.greet(&Lab::client());
    let monitor = Connect { host_type: 1, protocol_version: MON_PROTOCOL, ..record() };
    assert_eq!(lab.offer(peer, &monitor).tag, Tag::BADAUTHORIZER);
    let empty = Connect { authorizer_protocol: AuthProtocol::CEPHX, ..monitor };
    assert_eq!(lab.offer(peer, &empty).tag, Tag::BADAUTHORIZER);
}

// covers: AU-08
#[test]
fn the_proof_is_attached_whatever_the_outcome() {
    let mut lab = server(Policy::stateful_server());
    let expected = proof(&proven().authorizer);
    let peer = lab.greet(&Lab::client());
    for (connect_seq, tag) in [(3, Tag::RESETSESSION), (0, Tag::READY)] {
        let answer = lab.offer(peer, &Connect { connect_seq, global_seq: 5, ..proven() });
        assert_eq!((answer.tag, answer.authorizer), (tag, expected.clone()));
    }
    let again = lab.greet(&Lab::client());
    for (global_seq, connect_seq, tag) in [(4, 2, Tag::RETRY_GLOBAL), (5, 1, Tag::RETRY_SESSION), (5, 2, Tag::SEQ)] {
        let answer = lab.offer(again, &Connect { connect_seq, global_seq, ..proven() });
        assert_eq!((answer.tag, answer.authorizer), (tag, expected.clone()));
    }
}

// covers: AU-09, AU-14, AU-15, HS-39
#[test]
fn a_bad_authorizer_is_refused_without_a_proof_and_may_be_replaced() {
    let mut lab = server(Policy::stateless_server());
    let peer = lab.greet(&Lab::client());
    for bad in [record(), Connect { authorizer: Bytes::new(), ..proven() }] {
        assert_eq!(lab.offer(peer, &bad), reply(Tag::BADAUTHORIZER));
        assert!(lab.is_quiet(peer));
    }
    assert_eq!(lab.offer(peer, &proven()).tag, Tag::READY);
}

// covers: AU-06, AU-07
#[test]
fn a_server_that_cannot_prove_itself_is_left_whatever_it_says() {
    for tag in [Tag::READY, Tag::SEQ, Tag::RESETSESSION, Tag::RETRY_GLOBAL, Tag::RETRY_SESSION, Tag::WAIT] {
        for authorizer in [&b""[..], b"wrong wrong"] {
            let mut lab = client_of(true);
            lab.connect();
            for pause in [0, 200] {
                let (peer, connect) = lab.welcome();
                let authorizer = Bytes::from_static(authorizer);
                lab.put(peer, &ConnectReply { tag, authorizer, connect_seq: 1, ..ready(&connect) });
                assert!(lab.is_closed(peer), "{tag:?}");
                let (fault, next) = lab.fault();
                assert_eq!((fault, next), (Fault::Auth(AuthError::WrongNonce), Next::Reconnect(ms(pause))));
                lab.after(ms(pause));
            }
        }
    }
}

// covers: AU-07
#[test]
fn a_server_that_refuses_without_a_proof_is_left() {
    for tag in [Tag::FEATURES, Tag::BADPROTOVER, Tag::BADAUTHORIZER] {
        let mut lab = client_of(true);
        lab.connect();
        for pause in [0, 200] {
            let (peer, _) = lab.welcome();
            lab.put(peer, &reply(tag));
            // With BADAUTHORIZER it may have another, newer authorizer to show before it gives up.
            if lab.try_take::<Connect>(peer).is_some() {
                assert_eq!(tag, Tag::BADAUTHORIZER);
                lab.put(peer, &reply(tag));
            }
            assert!(lab.is_closed(peer), "{tag:?}");
            assert_eq!(lab.fault().1, Next::Reconnect(ms(pause)));
            lab.after(ms(pause));
        }
    }
}

// covers: AU-21
#[test]
fn each_try_shows_another_authorizer() {
    let mut lab = client_of(true);
    lab.connect();
    let (peer, first) = lab.welcome();
    lab.put(peer, &proving(ConnectReply { global_seq: 5, ..reply(Tag::RETRY_GLOBAL) }, &first));
    let second: Connect = lab.take(peer);
    lab.put(peer, &proving(ConnectReply { connect_seq: 3, ..reply(Tag::RETRY_SESSION) }, &second));
    let third: Connect = lab.take(peer);
    assert!(first.authorizer != second.authorizer && second.authorizer != third.authorizer);
    // The proof must belong to the last one.
    lab.put(peer, &proving(ready(&third), &second));
    assert!(lab.is_closed(peer));
}

// covers: AU-20
#[test]
fn refused_twice_it_starts_anew() {
    for firefly in [true, false] {
        let config = client(Policy::lossy_client());
        let config = if firefly { to_the_letter(config) } else { config };
        let mut lab = Lab::with(config, none(Rules::nobody()));
        lab.connect();
        let mut faults = Vec::new();
        for _ in 0..2 {
            let (peer, first) = lab.welcome();
            lab.put(peer, &reply(Tag::BADAUTHORIZER));
            let second: Connect = lab.take(peer);
            assert_eq!(second, first);
            lab.put(peer, &reply(Tag::BADAUTHORIZER));
            assert!(lab.is_closed(peer));
            lab.after(ms(0));
            faults.extend(lab.faults());
        }
        // Firefly never pauses; the pause of others comes with the second failure.
        assert_eq!(lab.rings(), firefly);
        assert!(faults.iter().all(|fault| *fault == Fault::Auth(AuthError::Refused)), "{faults:?}");
        lab.after(ms(200));
        assert!(lab.rings());
    }
}

// covers: AU-22, AU-23
#[test]
fn who_shows_cephx_must_be_able_to_sign_where_that_is_demanded() {
    let unable = Features(ALL & !Features::MSG_AUTH.0);
    let mut lab = server(Policy::stateless_server());
    let peer = lab.greet(&Lab::client());
    let osd = Connect { features: unable, host_type: 4, protocol_version: OSD_PROTOCOL, ..proven() };
    let refusal = lab.offer(peer, &osd);
    assert_eq!((refusal.tag, refusal.features), (Tag::FEATURES, Features(ALL)));
    // Without cephx the lack of signatures is not what is wrong.
    let nothing = Connect { authorizer_protocol: AuthProtocol::UNKNOWN, authorizer: Bytes::new(), ..osd };
    assert_eq!(lab.offer(peer, &nothing).tag, Tag::BADAUTHORIZER);
    assert_eq!(lab.offer(peer, &Connect { features: unable, ..proven() }).tag, Tag::READY);
}

// covers: AU-25
#[test]
fn messages_are_signed() {
    let (mut lab, peer, session) = signed(Policy::stateful_server());
    lab.send_over(session, question(1));
    let frame = lab.message(peer);
    assert_eq!(frame.footer.flags, FooterFlags::COMPLETE | FooterFlags::SIGNED);
    let mut expected = frame.clone();
    sign(&mut expected);
    assert_eq!(frame, expected);
    assert_ne!(frame.footer.sig, 0);
}

// covers: AU-25
#[test]
fn the_client_signs_too() {
    let mut lab = client_of(true);
    let session = lab.connect();
    let (peer, connect) = lab.welcome();
    lab.put(peer, &proving(ready(&connect), &connect));
    lab.send_over(session, question(1));
    let frame = lab.message(peer);
    let mut expected = frame.clone();
    sign(&mut expected);
    assert_eq!(frame, expected);
    let mut good = loaded(1, "front", b"data");
    sign(&mut good);
    lab.put_all(peer, &[good, loaded(2, "front", b"data")]);
    assert_eq!(lab.seqs(), [1]);
    assert!(lab.is_closed(peer));
}

// covers: AU-27, AU-28, SQ-18
#[test]
fn signatures_are_looked_at_whatever_the_flags_say() {
    for flags in [FooterFlags::COMPLETE, FooterFlags::COMPLETE | FooterFlags::SIGNED] {
        let (mut lab, peer, session) = signed(Policy::stateful_server());
        let mut good = loaded(1, "front", b"data");
        sign(&mut good);
        good.footer.flags = flags;
        lab.put(peer, &good);
        assert_eq!(lab.seqs(), [1]);
        let mut bad = loaded(2, "front", b"data");
        sign(&mut bad);
        bad.footer.sig ^= 1 << 63;
        bad.footer.flags = flags;
        lab.put(peer, &bad);
        assert_eq!(lab.faults(), [Fault::PeerMisbehaved(PeerMisbehaved::BadSignature { seq: 2 })]);
        assert_eq!((lab.state(session), lab.info(session).in_seq), (Some(State::Standby), 1));
    }
}

// covers: AU-29, AU-32
#[test]
fn without_cephx_signatures_mean_nothing() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let (peer, session) = lab.opened();
    let mut odd = frame(1);
    (odd.footer.sig, odd.footer.flags) = (99, FooterFlags::COMPLETE | FooterFlags::SIGNED);
    lab.put(peer, &odd);
    assert_eq!(lab.seqs(), [1]);
    lab.send_over(session, ping(1));
    let footer = lab.message(peer).footer;
    assert_eq!((footer.sig, footer.flags), (0, FooterFlags::COMPLETE));
}

// covers: AU-30
#[test]
fn without_room_for_signatures_there_are_none() {
    let mut lab = server(Policy::stateful_server());
    let peer = lab.open(&Connect { features: Features(ALL & !Features::MSG_AUTH.0), ..proven() });
    lab.put(peer, &frame(1));
    assert!(lab.events().iter().any(|event| matches!(event, Event::Message(message) if message.seq == 1)));
    let session = lab.session_of(&Lab::client());
    lab.send_over(session, ping(1));
    assert_eq!(lab.message(peer).footer.sig, 0);
}

// covers: AU-31
#[test]
fn who_does_not_sign_does_not_look_either() {
    let mut lab = Lab::with(osd(Policy::stateful_server()), Box::new(Sealed { signs: false }));
    let peer = lab.open(&proven());
    lab.events();
    lab.put(peer, &frame(1));
    assert_eq!(lab.seqs(), [1]);
    let session = lab.session_of(&Lab::client());
    lab.send_over(session, ping(1));
    let footer = lab.message(peer).footer;
    assert_eq!((footer.sig, footer.flags), (0, FooterFlags::COMPLETE));
    // Who looks does not take what such a one sends.
    let (mut lab, peer, _) = signed(Policy::stateful_server());
    lab.put(peer, &frame(1));
    assert_eq!(lab.faults(), [Fault::PeerMisbehaved(PeerMisbehaved::BadSignature { seq: 1 })]);
}

// covers: AU-35
#[test]
fn the_key_stays_the_same_when_connecting_again() {
    let (mut lab, peer, session) = signed(Policy::stateful_server());
    lab.send_over(session, question(1));
    let first = lab.message(peer);
    lab.hang_up(peer);
    let authorizer = Bytes::from_static(b"87654321");
    let (peer, _) = lab.reopen(&Connect { global_seq: 2, connect_seq: 2, authorizer, ..proven() }, 0);
    assert_eq!(lab.message(peer), first);
}

// covers: ER-28
#[test]
fn a_message_that_is_wrongly_signed_again_and_again_is_never_delivered() {
    let (mut lab, mut peer, session) = signed(Policy::stateful_server());
    for n in 1..=5 {
        lab.put(peer, &loaded(1, "front", b"data"));
        assert!(lab.is_closed(peer));
        assert_eq!(lab.faults(), [Fault::PeerMisbehaved(PeerMisbehaved::BadSignature { seq: 1 })]);
        let connect = Connect { global_seq: n + 1, connect_seq: 2 * n, ..proven() };
        let theirs;
        (peer, theirs) = lab.reopen(&connect, 0);
        assert_eq!(theirs, 0);
        lab.events();
    }
    assert_eq!(lab.info(session).counters.messages_received, 0);
}

// covers: AU-04, AU-05
#[test]
fn tickets_of_a_monitor_open_the_door() {
    let mut cluster = Cluster::new();
    let mut lab = Lab::with(client(Policy::lossy_client()), Box::new(cluster.member(EntityType::CLIENT)));
    let session = lab.connect();
    let (peer, connect) = lab.welcome();
    let mut service = Lab::with(osd(Policy::stateless_server()), Box::new(cluster.member(EntityType::OSD)));
    let other = service.greet(&Lab::client());
    let answer = service.offer(other, &connect);
    assert_eq!((answer.tag, answer.authorizer.len()), (Tag::READY, 36));
    lab.put(peer, &answer);
    assert_eq!(lab.state(session), Some(State::Open));
    lab.send_over(session, question(1));
    let bytes = lab.raw(peer);
    service.bytes(other, &bytes);
    assert_eq!(service.seqs(), [1]);
    // One bit of the authorizer, and it is worth nothing.
    let another = service.greet(&Lab::client());
    let mut forged = connect.authorizer.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(service.offer(another, &Connect { authorizer: forged.into(), ..connect }).tag, Tag::BADAUTHORIZER);
}
