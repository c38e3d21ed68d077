//! What releases after Firefly do on the same protocol.

use firefly_runtime::codec::Bytes;
use firefly_runtime::session::{Event, Fault, Policy, State};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::transport::*;

use crate::net::*;

// later peers: MD-03
#[test]
fn a_new_session_may_be_answered_with_seq() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let session = lab.send(ping(1));
    let (peer, connect) = lab.welcome();
    lab.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&connect) });
    lab.put(peer, &SeqExchange { seq: 0 });
    assert_eq!(lab.take::<SeqExchange>(peer).seq, 0);
    assert_eq!((lab.message(peer).header.seq, lab.state(session)), (1, Some(State::Open)));
}

// later peers: MD-10
#[test]
fn an_osd_may_be_told_by_another_that_its_session_is_forgotten() {
    let mut lab = Lab::new(osd(Policy::lossless_peer()));
    let (old, session) = lab.served();
    lab.send_over(session, ping(1));
    lab.hang_up(old);
    lab.after(ms(0));
    let (peer, connect) = lab.welcome();
    lab.events();
    lab.put(peer, &reply(Tag::RESETSESSION));
    let again: Connect = lab.take(peer);
    assert_eq!((connect.connect_seq, again.connect_seq), (2, 0));
    assert!(matches!(lab.events()[..], [Event::RemoteReset { session: which, .. }] if which == session));
    lab.put(peer, &ready(&again));
    lab.send_over(session, ping(2));
    assert_eq!(lab.message(peer).header.tid, 2);
}

// later peers: MD-11, MD-45
#[test]
fn before_seq_a_higher_number_may_be_wanted_once_more() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let (old, session) = lab.served();
    lab.hang_up(old);
    lab.after(ms(0));
    let (peer, first) = lab.welcome();
    lab.put(peer, &ConnectReply { global_seq: first.global_seq - 1, ..reply(Tag::RETRY_GLOBAL) });
    let second: Connect = lab.take(peer);
    assert!(second.global_seq > first.global_seq && second.connect_seq == first.connect_seq);
    lab.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&second) });
    lab.put(peer, &SeqExchange { seq: 0 });
    lab.take::<SeqExchange>(peer);
    assert_eq!(lab.state(session), Some(State::Open));
}

// later peers: MD-01
#[test]
fn a_client_may_greet_first() {
    let mut lab = Lab::new(osd(Policy::stateless_server()));
    let peer = lab.incoming();
    lab.put(peer, &Banner {});
    let (_, _): (Banner, ServerHello) = (lab.take(peer), lab.take(peer));
    lab.put(peer, &ClientHello { client_addr: Lab::client() });
    assert_eq!(lab.offer(peer, &record()).tag, Tag::READY);
}

// later peers: MD-29
#[test]
fn managers_are_let_in() {
    let mut lab = Lab::new(osd(Policy::stateless_server()));
    let manager = Connect { host_type: u32::from(EntityType::MGR.0), ..record() };
    let client = Lab::client();
    lab.open(&manager);
    assert_eq!(lab.info(lab.session_of(&client)).peer_type, EntityType::MGR);
}

/// A client and an OSD with tickets, the second of which challenges the first.
fn challenging(features: u64) -> (Lab, Lab) {
    let mut cluster = Cluster::new();
    let (client_auth, osd_auth) = (cluster.member(EntityType::CLIENT), cluster.member(EntityType::OSD));
    let client = Lab::with(client(Policy::lossy_client().supporting(features)), Box::new(client_auth));
    let osd = Lab::with(osd(Policy::stateless_server().supporting(features)), Box::new(osd_auth));
    (client, osd)
}

// later peers: MD-15
#[test]
fn a_challenge_is_put_and_met() {
    let (mut client, mut osd) = challenging(ALL | Features::CEPHX_V2.0);
    let session = client.connect();
    let (to_osd, first) = client.welcome();
    let to_client = osd.greet(&Lab::client());
    let asked = osd.offer(to_client, &first);
    assert_eq!(asked.tag, Tag::CHALLENGE_AUTHORIZER);
    client.put(to_osd, &asked);
    let second: Connect = client.take(to_osd);
    assert_eq!(second, Connect { authorizer: second.authorizer.clone(), ..first.clone() });
    // What was heard before is no answer.
    let eavesdropper = osd.greet(&addr("10.0.0.8:0", 1));
    assert_eq!(osd.offer(eavesdropper, &second).tag, Tag::CHALLENGE_AUTHORIZER);
    assert_eq!(osd.offer(eavesdropper, &second).tag, Tag::BADAUTHORIZER);
    let answer = osd.offer(to_client, &second);
    assert_eq!(answer.tag, Tag::READY);
    client.put(to_osd, &answer);
    assert_eq!(client.state(session), Some(State::Open));
    // Messages are signed in the newer form, which covers what they say.
    client.send_over(session, question(7));
    let mut bytes = client.raw(to_osd).to_vec();
    osd.bytes(to_client, &bytes);
    assert_eq!(osd.received().len(), 1);
    client.send_over(session, question(8));
    bytes = client.raw(to_osd).to_vec();
    osd.bytes(to_client, &bytes[..bytes.len() - 2]);
    osd.bytes(to_client, &[bytes[bytes.len() - 2] ^ 1, bytes[bytes.len() - 1]]);
    assert!(osd.is_closed(to_client));
}

// later peers: MD-15
#[test]
fn who_cannot_answer_is_not_challenged() {
    let (mut client, mut osd) = challenging(ALL);
    client.connect();
    let (_, first) = client.welcome();
    let to_client = osd.greet(&Lab::client());
    assert_eq!(osd.offer(to_client, &first).tag, Tag::READY);
}

// later peers: MD-15
#[test]
fn a_second_challenge_is_too_much() {
    let (mut client, mut osd) = challenging(ALL | Features::CEPHX_V2.0);
    client.connect();
    let (to_osd, first) = client.welcome();
    let to_client = osd.greet(&Lab::client());
    let asked = osd.offer(to_client, &first);
    client.put(to_osd, &asked);
    let _: Connect = client.take(to_osd);
    client.put(to_osd, &asked);
    assert!(client.is_closed(to_osd));
    assert!(matches!(client.fault().0, Fault::Auth(_)));
}

// later peers: MD-15
#[test]
fn a_challenge_that_cannot_be_read_is_a_fault() {
    let (mut client, _) = challenging(ALL | Features::CEPHX_V2.0);
    client.connect();
    let (to_osd, _) = client.welcome();
    let authorizer = Bytes::from_static(b"not a challenge");
    client.put(to_osd, &ConnectReply { authorizer, ..reply(Tag::CHALLENGE_AUTHORIZER) });
    assert!(client.is_closed(to_osd));
    assert!(matches!(client.fault().0, Fault::Auth(_)));
}

// covers: HS-38
#[test]
fn firefly_does_not_know_challenges() {
    let mut config = client(Policy::lossy_client());
    config.conduct.challenges = false;
    let mut lab = Lab::with(config, Box::new(Cluster::new().member(EntityType::CLIENT)));
    lab.connect();
    let (peer, _) = lab.welcome();
    lab.put(peer, &reply(Tag::CHALLENGE_AUTHORIZER));
    assert!(lab.is_closed(peer));
}

// later peers: MD-42
#[test]
fn after_a_reset_acknowledgements_come_at_once_by_default() {
    let mut lab = Lab::new(client(Policy::lossless_client()));
    let (old, _) = lab.served();
    lab.put_all(old, &[frame(1), frame(2), frame(3)]);
    lab.after(ms(100));
    lab.hang_up(old);
    lab.after(ms(0));
    let (peer, _) = lab.welcome();
    lab.put(peer, &reply(Tag::RESETSESSION));
    let again: Connect = lab.take(peer);
    lab.put(peer, &ready(&again));
    lab.put(peer, &frame(1));
    lab.after(ms(100));
    assert_eq!(lab.frames(peer), [ack(1)]);
}
