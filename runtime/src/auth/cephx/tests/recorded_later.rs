//! What processes of Nautilus 14.2 said, recorded on a cluster that was thrown away, keys and all.

use super::*;
use crate::auth::cephx::authorizer::{answer, verify_reply};
use crate::auth::cephx::tests::recorded::{reply, request};
use crate::wire::auth::CephXAuthorizerChallenge;
use crate::wire::cephx::{CephXResponse, CephXResponseBody, CephXServerChallenge};

/// The keys of that cluster.
const KEYRING: &str = "
[mon.]
    key = AQBHywJrfa1JNhAAGoNrMvzh6SK1T6S9klZAzA==
[osd.0]
    key = AQBIywJr86hYABAAK7H4Kny3o7KomuE9WRE6yw==
[client.admin]
    key = AQBHywJrtCOdORAAQhmyUA+GZZgzJj6KxXCZQA==
";

/// The front of the message with which `osd.0` got its secrets.
const SECRETS: &str = concat!(
    "02000000000000000710000000000000aa000000000400000000a0000000db22a488e73e3dfc22e98f5276bf07b7d7be5723dd53ddb1acef",
    "84c93706af41d7d1d3559bd018a63e621b856bb9ba347f9a4f358d719ec6da15a037f26ef1582eed3d54c86febadd99bd80fafba07ce5e96",
    "e859c2e02fd29cfd72dc5e55834de72d7332898d852dd57f1a362f5039b2129e3590c5fb6bab7eb71b24e388713fefeec588891907a85230",
    "00eda4d32baa29018822b6a54533817dca8fece03bc100000000",
);

/// What `client.admin` said to a monitor.
const CLIENT_SAYS: [&str; 2] = [
    concat!(
        "0000000000000000ffff0000000000000000000000001e000000010100000002000000080000000500000061646d696e0000000000000000",
        "00000000",
    ),
    concat!(
        "0000000000000000ffff00000000000000000200000024000000000103a37103a23b99fe68e3f75d251185b2070100000000000000000000",
        "00003500000000000000",
    ),
];

/// What it was answered at first.
const CLIENT_HEARS: &str = "020000000000000010100000000000000900000001321545d65d138f1f00000000";

/// The authorizers that it showed to the OSD: the second one answers the challenge.
const SHOWS: [&str; 2] = [
    concat!(
        "01101000000000000004000000010200000000000000700000000c07a1db595f53518717b97f7453e039f3e60fa6e9919a0279f6a8be2ff6",
        "c2a7bc4196f8bf74f966b97c233f4e8b701267ca3779f536c0f31c093819b165739b879808f79b727797445c5f469e8f037b8c5b6eabdc69",
        "0eb36d3f164d306da47533fc35caa5c01747ca4fe20475b73bac20000000211f083b11130bfd372ee19d2f891c74d85f99b41176403685e3",
        "6c57e4dd01b7",
    ),
    concat!(
        "01101000000000000004000000010200000000000000700000000c07a1db595f53518717b97f7453e039f3e60fa6e9919a0279f6a8be2ff6",
        "c2a7bc4196f8bf74f966b97c233f4e8b701267ca3779f536c0f31c093819b165739b879808f79b727797445c5f469e8f037b8c5b6eabdc69",
        "0eb36d3f164d306da47533fc35caa5c01747ca4fe20475b73bac20000000211f083b11130bfd372ee19d2f891c740eeed1f07261eecc4a05",
        "c66ce3f098e3",
    ),
];

/// The challenge.
const CHALLENGE: &str = "ba1ccc891c340e21d18595ecc1c54fc0134ef64bf40705f327caca0841febbe7";

/// The answer to the second one.
const IS_SHOWN: &str = "200000006093697fad3e6f22b11479d840581051bb1cb8d737578fa7f5e48fe86e7c936b";

/// The OSD.
fn service() -> CephxService {
    let keyring = Keyring::parse(KEYRING).unwrap();
    let response: CephXResponse = from_bytes(reply(SECRETS).result_bl, &Context::default()).unwrap();
    let CephXResponseBody::Rotating { secrets: Some(secrets) } = response.response else { panic!() };
    let secrets = keyring.get(&name(EntityType::OSD, "0")).unwrap().unseal(&secrets).unwrap();
    let mut service = CephxService::new(EntityType::OSD, &keyring);
    service.set_secrets(ServiceSecrets::try_from(&secrets).unwrap());
    service
}

/// The client's first authorizer, as it knows it.
fn first() -> Authorizer {
    let bytes = bytes(SHOWS[0]);
    let session_key = service().open(&bytes, utime(NOW)).unwrap().session_key;
    let authorizer: CephXAuthorizer = from_bytes(bytes.clone(), &Context::default()).unwrap();
    let nonce = session_key.unseal(&authorizer.authorize).unwrap().nonce;
    Authorizer { protocol: AuthProtocol::CEPHX, bytes, nonce, session_key: Some(session_key) }
}

// later peers: MD-15, MD-18
#[test]
fn a_challenge_is_answered_as_nautilus_does() {
    let second = answer(&first(), &bytes(CHALLENGE)).unwrap();
    assert_eq!(second.bytes, bytes(SHOWS[1]));
    assert_eq!(verify_reply(&second, &bytes(IS_SHOWN)), Ok(()));
}

// later peers: MD-15
#[test]
fn a_service_believes_a_client_of_nautilus_that_answers() {
    let (service, mut random) = (service(), Random::new(1));
    let [first_shown, answered] = SHOWS.map(bytes);
    let later =
        |authorizer, challenge| Request { features: Features::CEPHX_V2.0, challenge, ..super::shown(authorizer) };
    let verdict = service.verify(&later(&first_shown, None), &mut at(NOW, &mut random));
    assert!(matches!(verdict, Verdict::Challenge { .. }), "{verdict:?}");
    let challenge: CephXAuthorizerChallenge = from_bytes(bytes(CHALLENGE), &Context::default()).unwrap();
    let challenge = first().session_key.unwrap().unseal(&challenge.challenge).unwrap().server_challenge;
    let (reply, session_key) = accepted(service.verify(&later(&answered, Some(challenge)), &mut at(NOW, &mut random)));
    assert_eq!((reply.len(), Some(session_key)), (bytes(IS_SHOWN).len(), first().session_key));
    let verdict = service.verify(&later(&first_shown, Some(challenge)), &mut at(NOW, &mut random));
    assert_eq!(rejected(verdict), AuthError::Challenge);
}

// later peers: MD-18
#[test]
fn a_monitor_believes_a_client_of_nautilus() {
    let mut monitor = CephxMonitor::new(Keyring::parse(KEYRING).unwrap()).unwrap();
    let (mut session, mut random) = (MonSession::new(Features::CEPHX_V2.0), Random::new(1));
    monitor.handle(&mut session, &request(CLIENT_SAYS[0]), &mut at(NOW, &mut random));
    let challenge: CephXServerChallenge = from_bytes(reply(CLIENT_HEARS).result_bl, &Context::default()).unwrap();
    session.server_challenge = challenge.server_challenge;
    let answer = monitor.handle(&mut session, &request(CLIENT_SAYS[1]), &mut at(NOW, &mut random)).reply;
    assert_eq!(answer.result, 0);
    assert!(session.caps().is_some());
}
