//! Who connects: what it says, what it believes, and when it tries again.

use firefly_runtime::codec::Bytes;
use firefly_runtime::session::{
    BannerKind, Event, Fault, Incompatible, Next, PeerMisbehaved, Policies, Policy, State, Time, Timeout,
};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::features::{FEATURES_IF_RESERVED, Features};
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab() -> Lab {
    Lab::new(client(Policy::lossy_client()))
}

// covers: HS-07, HS-08
#[test]
fn speaks_only_when_spoken_to() {
    let mut lab = lab();
    lab.connect();
    let peer = lab.pick_up();
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, b"ceph v02");
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, b"7");
    assert_eq!(lab.raw(peer), b"ceph v027"[..]);
    let hello = bytes_of(&Lab::hello());
    lab.bytes(peer, &hello[..271]);
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, &hello[271..]);
    let _: ClientHello = lab.take(peer);
    let _: Connect = lab.take(peer);
    assert!(lab.is_quiet(peer));
}

// covers: HS-06
#[test]
fn takes_the_handshake_byte_by_byte() {
    let mut lab = lab();
    let session = lab.connect();
    let peer = lab.pick_up();
    let greeting = [bytes_of(&Banner {}), bytes_of(&Lab::hello())].concat();
    let answer = bytes_of(&ready(&Connect::default()));
    for byte in greeting.iter().chain(&answer) {
        assert_eq!(lab.state(session), Some(State::Connecting));
        lab.bytes(peer, &[*byte]);
    }
    assert_eq!(lab.state(session), Some(State::Open));
    assert!(lab.events().iter().any(|event| matches!(event, Event::Connect(connected) if *connected == session)));
}

// covers: HS-17, HS-18, HS-19
#[test]
fn the_first_record_opens_a_new_session() {
    for (policy, flags) in [
        (Policy::lossy_client().supporting(0x7ff), ConnectFlags::LOSSY),
        (Policy::lossless_client().supporting(0x7ff), ConnectFlags::default()),
    ] {
        let mut lab = Lab::new(client(policy));
        lab.connect();
        let (peer, connect) = lab.welcome();
        let expected = Connect {
            features: Features(0x7ff),
            host_type: 8,
            global_seq: 1,
            connect_seq: 0,
            protocol_version: 24,
            authorizer_protocol: AuthProtocol::UNKNOWN,
            flags,
            authorizer: Bytes::new(),
        };
        assert_eq!(connect, expected);
        assert!(lab.is_quiet(peer));
    }
}

// covers: HS-20
#[test]
fn an_authorizer_stands_behind_the_record() {
    let mut lab = Lab::with(client(Policy::lossy_client()), Box::new(Sealed { signs: true }));
    lab.connect();
    let peer = lab.pick_up();
    lab.put(peer, &Banner {});
    lab.put(peer, &Lab::hello());
    let (_, _): (Banner, ClientHello) = (lab.take(peer), lab.take(peer));
    let raw = lab.raw(peer);
    assert_eq!(raw.len(), 41);
    let record = Connect {
        features: Features(ALL),
        host_type: 8,
        global_seq: 1,
        protocol_version: 24,
        authorizer_protocol: AuthProtocol::CEPHX,
        flags: ConnectFlags::LOSSY,
        authorizer: raw.slice(33..),
        ..Connect::default()
    };
    assert_eq!(raw, bytes_of(&record));
}

// covers: HS-32, HS-33
#[test]
fn the_protocol_depends_on_the_types_of_both() {
    use EntityType as T;
    for (own, peer, version) in [
        (T::CLIENT, T::MON, 15),
        (T::CLIENT, T::OSD, 24),
        (T::CLIENT, T::MDS, 32),
        (T::OSD, T::MON, 15),
        (T::OSD, T::OSD, 10),
        (T::MON, T::MON, 13),
        (T::MDS, T::MDS, 23),
        (T::MDS, T::OSD, 24),
    ] {
        let mut lab = Lab::new(bound(name(own, 0), "10.0.0.1:6800", 77, Policy::lossy_client()));
        lab.node.endpoint.connect(lab.now, peer, &Lab::server()).unwrap();
        lab.settle();
        let (_, connect) = lab.welcome();
        assert_eq!((connect.protocol_version, connect.host_type), (version, u32::from(own.0)), "{own:?} {peer:?}");
    }
}

// covers: HS-24
#[test]
fn the_server_may_say_that_messages_can_be_lost() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.connect();
    let (peer, connect) = lab.welcome();
    lab.put(peer, &lossy(ready(&connect)));
    assert!(lab.info(session).policy.lossy);
    lab.hang_up(peer);
    assert_eq!(lab.reset().0, session);
    lab.after(secs(60));
    assert!(!lab.rings());
}

// covers: HS-24
#[test]
fn the_server_may_say_that_messages_cannot_be_lost() {
    let mut lab = lab();
    let (peer, session) = lab.served();
    assert!(!lab.info(session).policy.lossy);
    lab.hang_up(peer);
    lab.after(ms(0));
    assert_eq!(lab.state(session), Some(State::Connecting));
    let (_, connect) = lab.welcome();
    assert_eq!(connect.connect_seq, 2);
}

// covers: HS-28
#[test]
fn another_protocol_is_tried_again_later() {
    let fault = refused(client(Policy::lossy_client()), |lab| {
        let (peer, _) = lab.welcome();
        lab.put(peer, &ConnectReply { protocol_version: 25, ..reply(Tag::BADPROTOVER) });
        peer
    });
    assert_eq!(fault, Fault::Incompatible(Incompatible::Protocol { ours: 24, theirs: 25 }));
}

// covers: HS-30
#[test]
fn features_that_are_demanded_and_lacking_are_told() {
    let supported = ALL & !(Features::OSDENC.0 | Features::UID.0);
    let fault = refused(client(Policy::lossy_client().supporting(supported)), |lab| {
        let (peer, _) = lab.welcome();
        let demanded = Features(Features::OSDENC.0 | Features::PGID64.0);
        lab.put(peer, &ConnectReply { features: demanded, ..reply(Tag::FEATURES) });
        peer
    });
    assert_eq!(fault, Fault::Incompatible(Incompatible::FeaturesDemanded(Features::OSDENC.0)));
}

// covers: HS-31
#[test]
fn a_server_without_required_features_is_left() {
    for tag in [Tag::READY, Tag::SEQ] {
        let fault = refused(client(Policy::lossy_client().requiring(Features::OSDREPLYMUX.0)), |lab| {
            let (peer, connect) = lab.welcome();
            let features = Features(ALL & !Features::OSDREPLYMUX.0);
            lab.put(peer, &ConnectReply { tag, features, ..ready(&connect) });
            peer
        });
        assert_eq!(fault, Fault::Incompatible(Incompatible::FeaturesMissing(Features::OSDREPLYMUX.0)));
    }
}

// covers: HS-36
#[test]
fn the_reserved_bit_stands_for_the_features_of_its_time() {
    let mut lab = lab();
    let session = lab.connect();
    let (peer, connect) = lab.welcome();
    let features = Features(Features::RESERVED.0 | 1 << 42);
    lab.put(peer, &ConnectReply { features, ..ready(&connect) });
    assert_eq!(lab.info(session).features, FEATURES_IF_RESERVED);
}

// covers: HS-38
#[test]
fn a_reply_with_a_strange_tag_is_a_fault() {
    for tag in [0, 6, 7, 8, 9, 14, 15, 17, 255].map(Tag) {
        let fault = refused(client(Policy::lossy_client()), |lab| {
            let (peer, connect) = lab.welcome();
            lab.put(peer, &ConnectReply { tag, ..ready(&connect) });
            peer
        });
        assert_eq!(fault, Fault::PeerMisbehaved(PeerMisbehaved::BadReplyTag(tag)));
    }
}

// covers: HS-43
#[test]
fn frames_behind_the_reply_are_read() {
    let mut lab = lab();
    lab.connect();
    let (peer, connect) = lab.welcome();
    lab.bytes(peer, &[bytes_of(&ready(&connect)), bytes_of(&frame(1)), bytes_of(&frame(2))].concat());
    assert_eq!(lab.seqs(), [1, 2]);
}

// covers: ER-03
#[test]
fn another_banner_is_answered_with_nothing() {
    for (banner, kind) in [(b"ceph v026", BannerKind::OtherVersion), (b"\0\0\0\0\0\0\0\0\0", BannerKind::Unknown)] {
        let fault = refused(client(Policy::lossy_client()), |lab| {
            let peer = lab.pick_up();
            lab.bytes(peer, banner);
            peer
        });
        assert_eq!(fault, Fault::PeerMisbehaved(PeerMisbehaved::BadBanner(kind)));
    }
}

// covers: ER-08
#[test]
fn an_absurd_authorizer_is_not_waited_for() {
    for length in [4097, 65_537, 1 << 30, 1 << 31, u32::MAX] {
        let fault = refused(client(Policy::lossy_client()), |lab| {
            let (peer, connect) = lab.welcome();
            let empty = ready(&connect);
            let longer = ConnectReply { authorizer: Bytes::from_static(&[0]), ..empty.clone() };
            lab.bytes(peer, &with_length(&empty, &longer, length));
            peer
        });
        let expected = |fault: &Fault| {
            matches!(fault, Fault::PeerMisbehaved(
            PeerMisbehaved::Oversize { len, max: 4096, .. }) if *len == u64::from(length))
        };
        assert!(expected(&fault), "{fault:?}");
    }
}

// covers: ER-19
#[test]
fn the_connection_must_have_the_next_number() {
    for (tag, theirs) in [(Tag::READY, 0), (Tag::READY, 2), (Tag::READY, u32::MAX), (Tag::SEQ, 3)] {
        let fault = refused(client(Policy::lossless_client()), |lab| {
            let (peer, connect) = lab.welcome();
            lab.put(peer, &ConnectReply { tag, connect_seq: theirs, ..ready(&connect) });
            if !lab.is_closed(peer) {
                lab.put(peer, &SeqExchange { seq: 0 });
                lab.try_take::<SeqExchange>(peer);
            }
            peer
        });
        assert_eq!(fault, Fault::PeerMisbehaved(PeerMisbehaved::ConnectSeqMismatch { expected: 1, theirs }));
    }
}

// covers: ER-20
#[test]
fn a_server_cannot_have_what_was_never_sent() {
    for theirs in [1, u64::MAX] {
        let fault = refused(client(Policy::lossless_client()), |lab| {
            let (peer, connect) = lab.welcome();
            lab.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&connect) });
            lab.put(peer, &SeqExchange { seq: theirs });
            peer
        });
        assert_eq!(fault, Fault::PeerMisbehaved(PeerMisbehaved::SeqBeyondSent { theirs, sent: 0 }));
    }
}

// covers: ER-18
#[test]
fn told_to_take_a_lower_number_is_a_fault() {
    for theirs in [0, 1, 2] {
        let mut lab = Lab::new(client(Policy::lossless_client()));
        let (peer, _) = lab.served();
        lab.hang_up(peer);
        lab.after(ms(0));
        let (peer, connect) = lab.welcome();
        assert_eq!(connect.connect_seq, 2);
        lab.events();
        lab.put(peer, &ConnectReply { connect_seq: theirs, ..reply(Tag::RETRY_SESSION) });
        assert!(lab.is_closed(peer));
        let expected = PeerMisbehaved::ConnectSeqNotGreater { ours: 2, theirs };
        assert_eq!(lab.fault().0, Fault::PeerMisbehaved(expected));
    }
}

#[test]
fn a_server_that_never_has_enough_is_left() {
    let mut lab = lab();
    lab.connect();
    let (peer, mut connect) = lab.welcome();
    let mut rounds = 1;
    while !lab.is_closed(peer) && rounds < 100 {
        lab.put(peer, &ConnectReply { global_seq: connect.global_seq + 5, ..reply(Tag::RETRY_GLOBAL) });
        if let Some(next) = lab.try_take(peer) {
            connect = next;
            rounds += 1;
        }
    }
    assert_eq!(rounds, 16);
    assert!(matches!(lab.fault().0, Fault::PeerMisbehaved(PeerMisbehaved::HandshakeLoop { .. })));
}

#[test]
fn opening_a_connection_takes_ten_seconds_at_most() {
    let mut lab = lab();
    lab.connect();
    lab.after(ms(9_999));
    assert!(lab.rings() && lab.events().is_empty());
    lab.after(ms(1));
    assert_eq!(lab.fault(), (Fault::Timeout(Timeout::Connect(secs(10))), Next::Reconnect(ms(0))));
    lab.after(ms(0));
    assert_eq!(lab.dials.iter().map(|dial| dial.0).collect::<Vec<_>>(), [Time::ZERO, Time::ZERO + secs(10)]);
}

// covers: ER-29
#[test]
fn a_handshake_takes_thirty_seconds_at_most() {
    let mut lab = lab();
    lab.connect();
    lab.after(secs(1));
    let (peer, _) = lab.welcome();
    lab.after(ms(29_999));
    assert!(lab.is_quiet(peer));
    lab.after(ms(1));
    assert!(lab.is_closed(peer));
    assert_eq!(lab.fault().0, Fault::Timeout(Timeout::Handshake(secs(30))));
}

// covers: HS-37
#[test]
fn firefly_waits_longer_for_a_silent_server() {
    let mut config = client(Policy::lossy_client());
    config.timers = firefly_runtime::session::Timers::firefly();
    let mut lab = Lab::new(config);
    lab.connect();
    let (peer, _) = lab.welcome();
    lab.after(ms(899_999));
    assert!(lab.is_quiet(peer));
    lab.after(ms(1));
    assert!(lab.is_closed(peer));
    assert_eq!(lab.fault().0, Fault::Timeout(Timeout::Idle(secs(900))));
}

#[test]
fn a_session_keeps_the_policy_it_was_made_with() {
    let mut lab = lab();
    lab.connect();
    lab.node.endpoint.config_mut().policies = Policies::new(Policy::lossy_client().supporting(0xff));
    assert_eq!(lab.welcome().1.features, Features(ALL));
}
