//! Who is connected to: greeting, addresses, and the record that opens the session.

use firefly_runtime::codec::Bytes;
use firefly_runtime::session::{
    BannerKind, Disconnect, Event, Fault, PeerMisbehaved, Policies, Policy, State, Timeout, Timers,
};
use firefly_runtime::wire::address::{EntityAddr, EntityType, SocketAddr};
use firefly_runtime::wire::features::{FEATURES_IF_RESERVED, Features};
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab() -> Lab {
    Lab::new(osd(Policy::stateless_server()))
}

// covers: HS-01, HS-02, HS-03, HS-04
#[test]
fn greets_at_once_and_says_both_addresses() {
    let mut lab = lab();
    let peer = lab.incoming_from(socket("10.0.0.9:40001"));
    let hello = ServerHello { server_addr: addr("10.0.0.1:6800", 77), client_addr: addr("10.0.0.9:40001", 0) };
    let greeting = [&b"ceph v027"[..], &bytes_of(&hello)].concat();
    assert_eq!(greeting.len(), 281);
    assert_eq!(lab.raw(peer), greeting);
    lab.after(secs(1));
    assert!(lab.is_quiet(peer));
}

/// All that a client says, in one piece.
fn all_at_once() -> Vec<u8> {
    let hello = ClientHello { client_addr: Lab::client() };
    [bytes_of(&Banner {}), bytes_of(&hello), bytes_of(&record())].concat()
}

// covers: HS-05
#[test]
fn takes_the_whole_handshake_in_one_piece() {
    let mut lab = lab();
    let peer = lab.incoming();
    lab.bytes(peer, &all_at_once());
    let (_, _): (Banner, ServerHello) = (lab.take(peer), lab.take(peer));
    assert_eq!(lab.take::<ConnectReply>(peer).tag, Tag::READY);
}

// covers: HS-06
#[test]
fn takes_the_handshake_byte_by_byte() {
    let mut lab = lab();
    let peer = lab.incoming();
    let (_, _): (Banner, ServerHello) = (lab.take(peer), lab.take(peer));
    let bytes = all_at_once();
    for byte in &bytes[..bytes.len() - 1] {
        lab.bytes(peer, &[*byte]);
        assert!(lab.is_quiet(peer));
    }
    lab.bytes(peer, &bytes[bytes.len() - 1..]);
    assert_eq!(lab.take::<ConnectReply>(peer).tag, Tag::READY);
}

// covers: HS-15
#[test]
fn a_client_without_ip_is_known_by_that_of_its_socket() {
    for blank in ["0.0.0.0:99", "[::]:99"] {
        let mut lab = lab();
        lab.open_as(&addr(blank, 5), &record());
        assert!(lab.node.endpoint.lookup(&addr("10.0.0.9:99", 5)).is_some(), "{blank}");
    }
}

// covers: HS-16
#[test]
fn a_client_with_another_ip_than_its_socket_is_believed() {
    let mut lab = lab();
    let elsewhere = addr("192.168.7.7:1234", 8);
    lab.open_as(&elsewhere, &record());
    assert_eq!(lab.info(lab.session_of(&elsewhere)).peer_addr, elsewhere);
}

// covers: ER-05
#[test]
fn an_address_of_unknown_family_counts_as_blank() {
    let mut lab = lab();
    let mut raw = [0; 128];
    raw[1] = 3;
    raw[7] = 9;
    let strange = EntityAddr { nonce: 6, addr: SocketAddr::Other { bytes: Box::new(raw) }, ..EntityAddr::default() };
    lab.open_as(&strange, &record());
    assert!(lab.node.endpoint.lookup(&addr("10.0.0.9:0", 6)).is_some());
}

// covers: HS-21, HS-23
#[test]
fn ready_says_what_was_agreed() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let answer = lab.offer(peer, &Connect { flags: ConnectFlags::default(), ..record() });
    let expected = ConnectReply { global_seq: answer.global_seq, connect_seq: 1, ..lossy(reply(Tag::READY)) };
    assert_eq!(answer, expected);
    assert!(lab.is_quiet(peer));
    let session = lab.session_of(&Lab::client());
    assert!(matches!(lab.events()[..], [Event::Accept(accepted)] if accepted == session));
}

// covers: HS-23
#[test]
fn the_servers_policy_says_whether_messages_may_be_lost() {
    let mut lab = Lab::new(osd(Policy::stateful_server()));
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &record()).flags, ConnectFlags::default());
}

// covers: HS-22
#[test]
fn ready_names_all_that_the_server_supports() {
    let supported = ALL & !Features::MSGR_KEEPALIVE2.0;
    let mut lab = Lab::new(osd(Policy::stateless_server().supporting(supported)));
    let peer = lab.greet(&Lab::client());
    let offered = ALL & !Features::OSDENC.0;
    let reply = lab.offer(peer, &Connect { features: Features(offered), ..record() });
    assert_eq!((reply.tag, reply.features.0), (Tag::READY, supported));
    assert_eq!(lab.info(lab.session_of(&Lab::client())).features, offered & supported);
}

// covers: HS-25
#[test]
fn the_servers_global_seq_rises() {
    let mut lab = lab();
    let seqs: Vec<_> = (0..3)
        .map(|nonce| {
            let peer = lab.greet(&addr("10.0.0.9:0", nonce));
            lab.offer(peer, &record()).global_seq
        })
        .collect();
    assert!(seqs[0] < seqs[1] && seqs[1] < seqs[2], "{seqs:?}");
}

// covers: HS-27, HS-39
#[test]
fn another_protocol_version_is_refused_and_may_be_corrected() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let refusal = lab.offer(peer, &Connect { protocol_version: 23, features: Features(5), ..record() });
    assert_eq!(refusal, ConnectReply { features: Features(5), ..reply(Tag::BADPROTOVER) });
    assert!(lab.is_quiet(peer));
    assert_eq!(lab.offer(peer, &record()).tag, Tag::READY);
}

// covers: ER-09
#[test]
fn garbage_after_a_refusal_is_judged_as_a_record() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    lab.offer(peer, &Connect { protocol_version: 23, ..record() });
    // As a record: protocol 0x0d0d0d0d, no authorizer.
    let garbage = Connect { protocol_version: 0x0d0d_0d0d, global_seq: 0xffff, connect_seq: 0xeeee, ..record() };
    lab.bytes(peer, &bytes_of(&garbage)[..CONNECT as usize - 1]);
    assert!(lab.is_quiet(peer));
    lab.bytes(peer, &bytes_of(&garbage)[CONNECT as usize - 1..]);
    assert_eq!(lab.take::<ConnectReply>(peer).tag, Tag::BADPROTOVER);
}

// covers: HS-29, HS-39
#[test]
fn a_missing_feature_is_named_and_may_be_added() {
    let required = Features::OSDENC.0 | Features::PGID64.0;
    let supported = ALL & !Features::UID.0;
    let mut lab = Lab::new(osd(Policy::stateless_server().supporting(supported).requiring(required)));
    let peer = lab.greet(&Lab::client());
    let offered = Features::UID.0 | Features::MSG_AUTH.0 | Features::PGID64.0;
    let refusal = lab.offer(peer, &Connect { features: Features(offered), ..record() });
    let demanded = Features(Features::MSG_AUTH.0 | required);
    assert_eq!(refusal, ConnectReply { features: demanded, ..reply(Tag::FEATURES) });
    assert!(lab.is_quiet(peer));
    assert_eq!(lab.offer(peer, &Connect { features: Features(required), ..record() }).tag, Tag::READY);
}

// covers: HS-29
#[test]
fn what_is_required_need_not_be_supported() {
    let policy = Policy::stateless_server().supporting(ALL & !Features::CRUSH_V4.0).requiring(Features::CRUSH_V4.0);
    let mut lab = Lab::new(osd(policy));
    let peer = lab.greet(&Lab::client());
    let refusal = lab.offer(peer, &record());
    assert_eq!((refusal.tag, refusal.features), (Tag::FEATURES, Features(ALL | Features::CRUSH_V4.0)));
    let able = Connect { features: Features(ALL | Features::CRUSH_V4.0), ..record() };
    assert_eq!(lab.offer(peer, &able).tag, Tag::READY);
    assert_eq!(lab.info(lab.session_of(&Lab::client())).features, ALL);
}

// covers: HS-41
#[test]
fn the_requirements_of_the_moment_count() {
    let mut lab = Lab::new(osd(Policy::stateless_server().requiring(Features::CRUSH_V2.0)));
    let peer = lab.greet(&Lab::client());
    let poor = Connect { features: Features(ALL & !Features::CRUSH_V2.0), ..record() };
    assert_eq!(lab.offer(peer, &poor).tag, Tag::FEATURES);
    lab.node.endpoint.config_mut().policies = Policies::new(Policy::stateless_server());
    assert_eq!(lab.offer(peer, &poor).tag, Tag::READY);
}

// covers: HS-32, HS-33
#[test]
fn the_protocol_depends_on_the_types_of_both() {
    use EntityType as T;
    for (own, peer, version) in [
        (T::MON, T::CLIENT, 15),
        (T::MON, T::OSD, 15),
        (T::MON, T::MON, 13),
        (T::OSD, T::CLIENT, 24),
        (T::OSD, T::MDS, 24),
        (T::OSD, T::OSD, 10),
        (T::MDS, T::CLIENT, 32),
        (T::MDS, T::MDS, 23),
        (T::CLIENT, T::CLIENT, 0),
        (T::CLIENT, T::OSD, 0),
    ] {
        let mut lab = Lab::new(bound(name(own, 0), "10.0.0.1:6800", 77, Policy::stateless_server()));
        let it = lab.greet(&Lab::client());
        let record = Connect { host_type: u32::from(peer.0), protocol_version: 99, ..record() };
        let refusal = lab.offer(it, &record);
        assert_eq!((refusal.tag, refusal.protocol_version), (Tag::BADPROTOVER, version), "{own:?} {peer:?}");
        assert_eq!(lab.offer(it, &Connect { protocol_version: version, ..record }).tag, Tag::READY);
    }
    let mut public = osd(Policy::stateless_server());
    public.cluster_protocol = 0;
    let mut lab = Lab::new(public);
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &osd_record()).protocol_version, 0);
    assert_eq!(lab.offer(peer, &Connect { protocol_version: 0, ..osd_record() }).tag, Tag::READY);
}

// covers: HS-34
#[test]
fn an_unknown_type_gets_the_default_policy_and_the_public_protocol() {
    let mut config = osd(Policy::stateful_server());
    config.policies.set(EntityType::CLIENT, Policy::stateless_server());
    let mut lab = Lab::new(config);
    let peer = lab.greet(&Lab::client());
    let reply = lab.offer(peer, &Connect { host_type: 0x40, ..record() });
    assert_eq!((reply.tag, reply.protocol_version, reply.flags), (Tag::READY, OSDC_PROTOCOL, ConnectFlags::default()));
}

// covers: ER-25
#[test]
fn a_type_of_several_bits_is_turned_away() {
    for host_type in [0x05, 0x108, 0xff] {
        let mut lab = lab();
        let peer = lab.greet(&Lab::client());
        lab.put(peer, &Connect { host_type, ..record() });
        assert!(lab.is_closed(peer));
        let expected = Fault::PeerMisbehaved(PeerMisbehaved::BadPeerType(host_type));
        assert_eq!(lab.faults(), [expected], "{host_type:#x}");
    }
    let mut lab = Lab::new(to_the_letter(osd(Policy::stateless_server())));
    let peer = lab.greet(&Lab::client());
    assert_eq!(lab.offer(peer, &Connect { host_type: 0x05, ..record() }).tag, Tag::READY);
}

// covers: ER-09
#[test]
fn garbage_instead_of_another_record_is_judged_as_one() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let garbage = Connect { host_type: u32::MAX, protocol_version: u32::MAX, ..record() };
    for record in [Connect { protocol_version: 1, ..record() }, garbage] {
        let refusal = lab.offer(peer, &record);
        assert_eq!((refusal.tag, refusal.protocol_version), (Tag::BADPROTOVER, OSDC_PROTOCOL));
    }
    assert_eq!(lab.offer(peer, &record()).tag, Tag::READY);
}

// covers: HS-35
#[test]
fn the_reserved_bit_stands_for_the_features_of_its_time() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let reply = lab.offer(peer, &Connect { features: Features(Features::RESERVED.0 | 1 << 42), ..record() });
    assert_eq!(reply.tag, Tag::READY);
    assert_eq!(lab.info(lab.session_of(&Lab::client())).features, FEATURES_IF_RESERVED);
}

// covers: HS-37
#[test]
fn fireflys_patience_with_silent_clients_is_that_of_the_idle_timer() {
    let mut config = osd(Policy::stateless_server());
    config.timers = Timers::firefly();
    let mut lab = Lab::new(config);
    let (silent, slow) = (lab.incoming(), lab.incoming());
    let (_, _) = (lab.raw(silent), lab.raw(slow));
    lab.after(secs(500));
    lab.bytes(slow, b"ceph");
    lab.after(ms(399_999));
    assert!(lab.is_quiet(silent) && lab.is_quiet(slow));
    lab.after(ms(1));
    assert!(lab.is_closed(silent) && lab.is_quiet(slow));
    assert_eq!(lab.faults(), [Fault::Timeout(Timeout::Idle(secs(900)))]);
    lab.after(secs(500));
    assert!(lab.is_closed(slow));
}

// covers: ER-29
#[test]
fn a_handshake_takes_thirty_seconds_at_most() {
    let mut lab = lab();
    let peer = lab.incoming();
    lab.raw(peer);
    let bytes = all_at_once();
    for byte in &bytes[..29] {
        lab.after(secs(1));
        lab.bytes(peer, &[*byte]);
    }
    lab.after(ms(999));
    assert!(lab.is_quiet(peer));
    lab.after(ms(1));
    assert!(lab.is_closed(peer));
    assert_eq!(lab.faults(), [Fault::Timeout(Timeout::Handshake(secs(30)))]);
    assert_eq!(lab.node.endpoint.transports(), 0);
}

// covers: ER-29
#[test]
fn only_so_many_handshakes_go_on_at_a_time() {
    let mut config = osd(Policy::stateless_server());
    config.limits.handshakes = 2;
    let mut lab = Lab::new(config);
    let peers = [lab.incoming(), lab.incoming(), lab.incoming()];
    lab.raw(peers[0]);
    lab.raw(peers[1]);
    lab.raw(peers[2]);
    assert!(lab.is_closed(peers[2]) && lab.is_quiet(peers[0]) && lab.is_quiet(peers[1]));
    lab.bytes(peers[0], &all_at_once());
    assert_eq!(lab.take::<ConnectReply>(peers[0]).tag, Tag::READY);
    let late = lab.incoming();
    lab.raw(late);
    assert!(lab.is_quiet(late));
}

// covers: HS-06, HS-27
#[test]
fn an_answer_is_not_lost_when_nonsense_follows_in_the_same_piece() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let wrong = bytes_of(&Connect { protocol_version: 1, ..record() });
    let mut absurd = bytes_of(&record()).to_vec();
    absurd[28..32].fill(0xff);
    lab.bytes(peer, &[wrong.to_vec(), absurd].concat());
    assert_eq!(lab.take::<ConnectReply>(peer).tag, Tag::BADPROTOVER);
    assert!(lab.is_closed(peer));
    assert_eq!(lab.node.endpoint.transports(), 0);
}

#[test]
fn a_handshake_does_not_go_round_for_ever() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let wrong = Connect { protocol_version: 1, ..record() };
    let rounds = (0..100).take_while(|_| {
        !lab.is_closed(peer) && {
            lab.put(peer, &wrong);
            lab.try_take::<ConnectReply>(peer).is_some()
        }
    });
    assert!((15..=17).contains(&rounds.count()));
    assert!(lab.is_closed(peer));
    let faults = lab.faults();
    assert!(matches!(faults[..], [Fault::PeerMisbehaved(PeerMisbehaved::HandshakeLoop { .. })]), "{faults:?}");
}

// covers: HS-43
#[test]
fn frames_behind_the_record_are_read_when_the_session_is_open() {
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let bytes = [bytes_of(&record()), bytes_of(&frame(1)), bytes_of(&frame(2)), bytes_of(&keepalive2(3))].concat();
    lab.bytes(peer, &bytes);
    assert_eq!(lab.take::<ConnectReply>(peer).tag, Tag::READY);
    assert_eq!(lab.seqs(), [1, 2]);
    lab.after(secs(1));
    assert!(lab.frames(peer).contains(&keepalive2_ack(3)));
}

// covers: ER-01, ER-02
#[test]
fn another_banner_closes_the_connection() {
    for (banner, kind) in [
        (&b"ceph v026"[..], BannerKind::OtherVersion),
        (b"ceph v2\n\x10", BannerKind::Msgr2),
        (b"GET / HTT", BannerKind::Http),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc", BannerKind::Tls),
        (b"SSH-2.0-O", BannerKind::Unknown),
    ] {
        let mut lab = lab();
        let peer = lab.incoming();
        lab.bytes(peer, banner);
        assert_eq!(lab.raw(peer).len(), 281);
        assert!(lab.is_closed(peer));
        assert_eq!(lab.faults(), [Fault::PeerMisbehaved(PeerMisbehaved::BadBanner(kind))], "{banner:?}");
    }
}

// covers: ER-04
#[test]
fn a_connection_that_ends_within_the_handshake_leaves_nothing() {
    let bytes = [all_at_once(), vec![0]].concat();
    for n in 0..all_at_once().len() {
        let mut lab = lab();
        let peer = lab.incoming();
        lab.bytes(peer, &bytes[..n]);
        lab.hang_up(peer);
        assert_eq!(lab.node.endpoint.transports(), 0);
        assert_eq!(lab.node.endpoint.sessions().count(), 0);
        assert_eq!(lab.faults(), [Fault::Io(Disconnect::Eof)], "after {n} bytes");
    }
}

// covers: ER-06, ER-07
#[test]
fn an_absurd_authorizer_is_not_waited_for() {
    for length in [4097, 65_536, 65_537, 1 << 30, 1 << 31, u32::MAX] {
        let mut lab = lab();
        let peer = lab.greet(&Lab::client());
        lab.bytes(peer, &announcing(&record(), length));
        assert!(lab.is_closed(peer), "{length}");
        let faults = lab.faults();
        let expected = |fault: &Fault| {
            matches!(fault, Fault::PeerMisbehaved(
            PeerMisbehaved::Oversize { len, max: 4096, .. }) if *len == u64::from(length))
        };
        assert!(faults.len() == 1 && expected(&faults[0]), "{faults:?}");
    }
    let mut lab = lab();
    let peer = lab.greet(&Lab::client());
    let authorizer = Bytes::from(vec![7; 4096]);
    assert_eq!(lab.offer(peer, &Connect { authorizer, ..record() }).tag, Tag::READY);
}

// covers: ER-31
#[test]
fn the_own_address_is_one_like_any_other() {
    for policy in [Policy::stateless_server(), Policy::lossless_peer(), Policy::lossless_peer_reuse()] {
        let mut lab = Lab::new(osd(policy));
        let own = lab.node.endpoint.addr().clone();
        let peer = lab.greet(&own);
        assert_eq!(lab.offer(peer, &osd_record()).tag, Tag::READY);
        let again = lab.greet(&own);
        lab.put(again, &Connect { global_seq: 2, connect_seq: 1, ..osd_record() });
    }
}

// covers: ER-31
#[test]
fn who_claims_the_own_address_is_not_called_back() {
    let mut lab = Lab::new(osd(Policy::lossless_peer_reuse()));
    let own = lab.node.endpoint.addr().clone();
    let peer = lab.open_as(&own, &osd_record());
    let events = lab.events();
    let [Event::Accept(session)] = events[..] else { panic!("{events:?}") };
    lab.send_over(session, ping(1));
    assert_eq!(lab.message(peer).header.tid, 1);
    lab.hang_up(peer);
    lab.after(secs(1));
    assert_eq!((lab.state(session), lab.rings()), (Some(State::Standby), false));
}
