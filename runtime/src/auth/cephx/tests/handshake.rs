//! Authorizers and the answers to them.

use super::*;
use crate::auth::cephx::authorizer::{answer, build, of_monitor, seal_ticket, verify_reply};
use crate::auth::{Auth, Authenticator, Rules, Shows};
use crate::wire::cephx::AuthTicket;

/// The authorizer of the client of [`client_and_service`].
fn authorizer(client: &mut CephxClient, random: &mut Random) -> Authorizer {
    client.authorizer(EntityType::OSD, false, &mut at(NOW, random)).unwrap()
}

fn changed(authorizer: &Authorizer, change: impl FnOnce(&mut CephXAuthorizer)) -> Bytes {
    let mut changed: CephXAuthorizer = from_bytes(authorizer.bytes.clone(), &Context::default()).unwrap();
    change(&mut changed);
    to_bytes(&changed, Target::default()).unwrap()
}

// covers: AU-04
#[test]
fn an_authorizer_is_built_as_in_vector_a11() {
    let ticket = CephXTicketBlob { secret_id: 2, blob: vec![0xaa; 32].into(), ..CephXTicketBlob::default() };
    let built = build(&ticket, &key(), 4, 4100, 0x0102_0304_0506_0708).unwrap();
    let wanted = format!(
        "01 0410000000000000 04000000 01 0200000000000000 20000000 {} 20000000 {}",
        "aa".repeat(32),
        "a55120bcd8ab6459d0a1941b16a04415da70cbef7e276d3732e4d02a8c04ca2e"
    );
    assert_eq!(to_bytes(&built, Target::default()).unwrap(), bytes(&wanted));
}

// covers: AU-05, AU-35
#[test]
fn a_service_accepts_a_ticket_for_it() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let authorizer = authorizer(&mut client, &mut random);
    let (reply, session_key) = accepted(service.verify(&shown(&authorizer.bytes), &mut at(NOW, &mut random)));
    assert_eq!(authorizer.session_key, Some(session_key.clone()));
    assert_eq!((reply.len(), &reply[..4]), (36, &[32, 0, 0, 0][..]));
    let opened: CephXAuthorizerReply = from_bytes(reply.clone(), &Context::default()).unwrap();
    assert_eq!(session_key.unseal(&opened.reply).unwrap().nonce_plus_one, authorizer.nonce + 1);
    assert_eq!(verify_reply(&authorizer, &reply), Ok(()));

    let proven = service.open(&authorizer.bytes, utime(NOW)).unwrap();
    assert_eq!((proven.ticket.name, proven.ticket.global_id), (name(EntityType::CLIENT, "admin"), 4100));
    assert_eq!(proven.ticket.caps.caps.unwrap().text, "allow rwx");
}

// covers: AU-06, AU-07
#[test]
fn a_client_does_not_accept_another_answer() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let [first, second] = [(); 2].map(|()| authorizer(&mut client, &mut random));
    let (reply, session_key) = accepted(service.verify(&shown(&first.bytes), &mut at(NOW, &mut random)));
    assert_eq!(verify_reply(&second, &reply), Err(AuthError::WrongNonce));
    let other = Authorizer { session_key: Some(key_of(9)), ..first.clone() };
    assert_eq!(verify_reply(&other, &reply), Err(AuthError::WrongKey));
    // A wrong magic.
    let sealed = Sealed::new(session_key.encrypt(&[1; 17]).into());
    let reply = to_bytes(&CephXAuthorizerReply { reply: sealed }, Target::default()).unwrap();
    assert_eq!(verify_reply(&first, &reply), Err(AuthError::WrongKey));
    assert!(matches!(verify_reply(&first, &Bytes::new()), Err(AuthError::Malformed(_))));
}

// covers: AU-21
#[test]
fn each_authorizer_has_another_nonce() {
    let (mut client, _) = client_and_service();
    let mut random = Random::new(1);
    let [first, second] =
        [false, true].map(|refused| client.authorizer(EntityType::OSD, refused, &mut at(NOW, &mut random)).unwrap());
    assert_ne!(first.nonce, second.nonce);
    assert_ne!(first.bytes, second.bytes);
    assert_eq!(first.session_key, second.session_key);
}

// covers: AU-09, AU-10, AU-11
#[test]
fn a_ticket_that_is_not_good_is_refused() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let good = authorizer(&mut client, &mut random);
    let mut judge = |bytes: &Bytes| rejected(service.verify(&shown(bytes), &mut at(NOW, &mut random)));

    let damaged = changed(&good, |authorizer| authorizer.ticket.blob = vec![0; 112].into());
    assert_eq!(judge(&damaged), AuthError::WrongKey);
    let no_magic = changed(&good, |authorizer| authorizer.ticket.blob = key().encrypt(&[0; 100]).into());
    assert_eq!(judge(&no_magic), AuthError::WrongKey);

    let other = changed(&good, |authorizer| authorizer.ticket.secret_id = 77);
    assert_eq!(judge(&other), AuthError::UnknownSecret { service_id: 4, secret_id: 77 });
    let other = changed(&good, |authorizer| authorizer.service_id = 2);
    assert_eq!(judge(&other), AuthError::UnknownSecret { service_id: 2, secret_id: 2 });
    let own = changed(&good, |authorizer| authorizer.ticket.secret_id = SECRET_ID_OWN_KEY);
    assert_eq!(judge(&own), AuthError::UnknownSecret { service_id: 4, secret_id: SECRET_ID_OWN_KEY });

    let other = changed(&good, |authorizer| authorizer.global_id = 4101);
    assert_eq!(judge(&other), AuthError::GlobalId { expected: 4100, found: 4101 });

    let sealed = key_of(9).seal(&CephXAuthorize::default()).unwrap();
    let other = changed(&good, |authorizer| authorizer.authorize = sealed);
    assert_eq!(judge(&other), AuthError::WrongKey);
}

// covers: AU-12, AU-13, AU-14
#[test]
fn an_authorizer_must_be_whole_and_may_have_more_behind_it() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let good = authorizer(&mut client, &mut random).bytes;
    for length in 0..good.len() {
        let verdict = service.verify(&shown(&good.slice(..length)), &mut at(NOW, &mut random));
        assert!(matches!(rejected(verdict), AuthError::Malformed(_)), "{length} bytes");
    }
    let longer = Bytes::from([&good[..], &[1, 2, 3]].concat());
    assert_eq!(accepted(service.verify(&shown(&longer), &mut at(NOW, &mut random))).0.len(), 36);
}

// covers: AU-34
#[test]
fn an_expired_ticket_is_good_for_those_who_say_so() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let authorizer = authorizer(&mut client, &mut random).bytes;
    let end = NOW + Duration::from_secs(3600);
    let second = Duration::from_secs(1);
    assert!(service.open(&authorizer, utime(end + second)).is_ok());
    let strict = service.accepting_expired(false);
    assert!(strict.open(&authorizer, utime(end)).is_ok());
    assert_eq!(strict.open(&authorizer, utime(end + second)).err(), Some(AuthError::Expired));
}

// later peers: MD-15
#[test]
fn a_later_peer_is_challenged() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let first = authorizer(&mut client, &mut random);
    let later = |bytes, challenge| Request { features: Features::CEPHX_V2.0, challenge, ..shown(bytes) };
    let verdict = service.verify(&later(&first.bytes, None), &mut at(NOW, &mut random));
    let Verdict::Challenge { reply, challenge } = verdict else { panic!("{verdict:?}") };
    assert_eq!(reply.len(), 32);

    let second = answer(&first, &reply).unwrap();
    assert_eq!((second.nonce, &second.session_key), (first.nonce, &first.session_key));
    let opened: CephXAuthorizer = from_bytes(second.bytes.clone(), &Context::default()).unwrap();
    let plain = first.session_key.as_ref().unwrap().decrypt(&opened.authorize.ciphertext).unwrap();
    let nonce = hex::encode(&first.nonce.to_le_bytes());
    let plus_one = hex::encode(&challenge.wrapping_add(1).to_le_bytes());
    assert_eq!(hex::encode(&plain), format!("0155aa2688ad9c00ff02{nonce}01{plus_one}"));

    let (reply, _) = accepted(service.verify(&later(&second.bytes, Some(challenge)), &mut at(NOW, &mut random)));
    assert_eq!(verify_reply(&second, &reply), Ok(()));
    for (bytes, challenge) in [(&first.bytes, challenge), (&second.bytes, challenge.wrapping_add(1))] {
        let verdict = service.verify(&later(bytes, Some(challenge)), &mut at(NOW, &mut random));
        assert_eq!(rejected(verdict), AuthError::Challenge);
    }
    // Who has no challenge does not have the answer 0 either.
    let verdict = service.verify(&later(&first.bytes, Some(u64::MAX)), &mut at(NOW, &mut random));
    assert_eq!(rejected(verdict), AuthError::Challenge);
    let lenient = service.challenging(false);
    accepted(lenient.verify(&later(&first.bytes, None), &mut at(NOW, &mut random)));
}

#[test]
fn a_challenge_of_somebody_else_is_not_answered() {
    let (mut client, _) = client_and_service();
    let authorizer = authorizer(&mut client, &mut Random::new(1));
    let sealed = key_of(9).encrypt(&[0; 18]);
    assert_eq!(answer(&authorizer, &sealed.into()).err(), Some(AuthError::WrongKey));
    assert_eq!(answer(&authorizer, &Bytes::new()).err(), Some(AuthError::WrongKey));
}

// covers: AU-17, AU-18
#[test]
fn monitors_show_each_other_a_ticket_of_their_own() {
    let mut random = Random::new(1);
    let rules = Rules::monitor(&[AuthProtocol::CEPHX]);
    let service = CephxService::new(EntityType::MON, &keyring());
    let mut monitor = Auth::new(Shows::MonitorKey(key_of(1)), rules.clone()).with_service(service.clone());
    let authorizer = monitor.authorizer(EntityType::MON, false, &mut at(NOW, &mut random)).unwrap();
    assert_eq!(authorizer.protocol, AuthProtocol::CEPHX);
    assert!(monitor.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).is_none());
    let whole: CephXAuthorizer = from_bytes(authorizer.bytes.clone(), &Context::default()).unwrap();
    assert_eq!((whole.global_id, whole.service_id, whole.ticket.secret_id), (0, 1, u64::MAX));

    let request = Request { peer: EntityType::MON, ..shown(&authorizer.bytes) };
    let (reply, session_key) = accepted(monitor.verify(&request, &mut at(NOW, &mut random)));
    assert_eq!(authorizer.session_key, Some(session_key));
    assert_eq!(monitor.verify_reply(&authorizer, &reply), Ok(()));

    let none = Bytes::new();
    let empty = Request { authorizer: &none, ..request };
    assert!(matches!(rejected(monitor.verify(&empty, &mut at(NOW, &mut random))), AuthError::Malformed(_)));
    let none = Request { protocol: AuthProtocol::UNKNOWN, ..request };
    let error = rejected(monitor.verify(&none, &mut at(NOW, &mut random)));
    assert_eq!(error, AuthError::ProtocolNotAllowed(AuthProtocol::UNKNOWN));
    let foreign = of_monitor(&key_of(9), &mut at(NOW, &mut random)).unwrap().bytes;
    let foreign = Request { authorizer: &foreign, ..request };
    assert_eq!(rejected(monitor.verify(&foreign, &mut at(NOW, &mut random))), AuthError::WrongKey);
}

#[test]
fn the_session_key_that_a_monitor_makes_is_another_one_each_time() {
    let mut random = Random::new(1);
    let [first, second] = [(); 2].map(|()| of_monitor(&key_of(1), &mut at(NOW, &mut random)).unwrap());
    assert_ne!(first.session_key, second.session_key);
    assert_ne!(first.nonce, second.nonce);
}

#[test]
fn a_session_key_without_a_cipher_is_taken_as_it_is() {
    let none = Key::new(crate::wire::auth::CryptoType::NONE, UTime::default(), &[]).unwrap();
    let ticket = seal_ticket(AuthTicket::default(), &none, SECRET_ID_OWN_KEY, &key_of(1)).unwrap();
    let built = to_bytes(&build(&ticket, &none, 1, 0, 5).unwrap(), Target::default()).unwrap();
    let proven = CephxService::new(EntityType::MON, &keyring()).open(&built, utime(NOW)).unwrap();
    assert_eq!(proven.session_key, none);
}
