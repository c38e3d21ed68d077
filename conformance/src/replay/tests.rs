//! Authentication that was made up: what is wrong in it is found, and nothing else is.

use bytes::Bytes;
use firefly_runtime::auth::{Key, Keyring, challenge_proof};
use firefly_runtime::codec::{Framed, Map, Sealed, Target, Wire, to_bytes};
use firefly_runtime::wire::address::{AuthEntityName, EntityType};
use firefly_runtime::wire::auth::{
    AuthHello, AuthProtocol, CephXAuthorize, CephXAuthorizeChallenge, CephXAuthorizeReply, CephXAuthorizer,
    CephXAuthorizerChallenge, CephXAuthorizerReply, CephXRequestType, CephXTicketBlob, CryptoKey, CryptoType, MAuth,
    MAuthReply,
};
use firefly_runtime::wire::cephx::{
    AuthTicket, CephXAuthenticate, CephXRequest, CephXRequestBody, CephXResponse, CephXResponseBody,
    CephXSealedTicketBlob, CephXServerChallenge, CephXServiceTicket, CephXServiceTicketInfo, CephXTicketReply,
    CephXTicketReplyBlob, CephXTicketReplyEntry, CephXTicketReplyTicket, ExpiringCryptoKey, RotatingSecrets,
};
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};

use super::evidence::{Evidence, Round};
use super::finding::Severity;
use super::keys::{Heard, Keys, Tally};
use super::log::Spot;
use super::{authorizer, exchange};
use crate::capture::Direction;

const SPOT: Spot = (Direction::Client, 0);
const NONCE: u64 = 0xffff_ffff_ffff_ffff;
const GLOBAL_ID: u64 = 4100;

fn key(seed: u8) -> Key {
    Key::new(CryptoType::AES, UTime::default(), &[seed; 16]).unwrap()
}

/// The keys of the story.
fn own() -> Key {
    key(1)
}
fn auth_session() -> Key {
    key(2)
}
fn osd_session() -> Key {
    key(3)
}
fn rotating() -> Key {
    key(4)
}

fn osd_0() -> AuthEntityName {
    AuthEntityName { r#type: EntityType::OSD.0.into(), id: "0".into() }
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    keyring.insert(osd_0(), own());
    keyring
}

fn bytes<T: Wire>(value: &T) -> Bytes {
    to_bytes(value, Target::fresh(0)).unwrap()
}

/// A ticket that only the service can open.
fn ticket(session: &Key, secret: &Key, global_id: u64) -> CephXTicketBlob {
    let ticket = AuthTicket { name: osd_0(), global_id, ..AuthTicket::default() };
    let info = CephXServiceTicketInfo { ticket, session_key: session.into(), ..Default::default() };
    CephXTicketBlob { secret_id: 2, blob: secret.seal(&info).unwrap().ciphertext, ..Default::default() }
}

/// A ticket on its way to its owner.
fn given(service: EntityType, ticket: CephXTicketBlob, session: &Key, owner: &Key) -> CephXTicketReply {
    let msg_a = CephXServiceTicket { session_key: CryptoKey::from(session), ..Default::default() };
    let ticket = CephXTicketReplyTicket {
        msg_a: owner.seal(&msg_a).unwrap(),
        ticket_blob: CephXTicketReplyBlob::Plain { blob: Framed::new(ticket) },
        ..Default::default()
    };
    let entry = CephXTicketReplyEntry { service_id: service.0.into(), ticket };
    CephXTicketReply { tickets: vec![entry], ..Default::default() }
}

fn authorizer(service: EntityType, ticket: CephXTicketBlob, session: &Key, nonce: u64) -> CephXAuthorizer {
    let authorize = CephXAuthorize { nonce, ..Default::default() };
    CephXAuthorizer {
        global_id: GLOBAL_ID,
        service_id: service.0.into(),
        ticket,
        authorize: session.seal(&authorize).unwrap(),
        ..Default::default()
    }
}

/// What osd.0 and a monitor say to each other, and how osd.0 then opens a connection to another OSD.
struct Story {
    server_challenge: u64,
    proof: u64,
    session: CephXTicketReply,
    shown: CephXAuthorizer,
    services: CephXTicketReply,
    secrets: Sealed<RotatingSecrets>,
    rounds: Vec<Round>,
}

impl Story {
    fn new() -> Story {
        let auth_ticket = ticket(&auth_session(), &key(9), GLOBAL_ID);
        let osd_ticket = ticket(&osd_session(), &rotating(), GLOBAL_ID);
        let secret = ExpiringCryptoKey { key: (&rotating()).into(), ..Default::default() };
        let mut secrets = RotatingSecrets { max_ver: 2, ..Default::default() };
        secrets.secrets = Map::from_iter([(2, secret)]);
        let authorizer = |service, ticket, session: &Key| self::authorizer(service, ticket, session, NONCE);
        Story {
            server_challenge: 7,
            proof: challenge_proof(&own(), 7, 8).unwrap(),
            session: given(EntityType::AUTH, auth_ticket.clone(), &auth_session(), &own()),
            shown: authorizer(EntityType::AUTH, auth_ticket, &auth_session()),
            services: given(EntityType::OSD, osd_ticket.clone(), &osd_session(), &auth_session()),
            secrets: own().seal(&secrets).unwrap(),
            rounds: vec![round(&authorizer(EntityType::OSD, osd_ticket, &osd_session()), Tag::READY, proof(NONCE))],
        }
    }

    fn evidence(&self) -> Evidence {
        let mut evidence = Evidence { rounds: Vec::new(), ..Evidence::default() };
        let mut turn = |request: Bytes, protocol, reply: Bytes| {
            let request = MAuth { protocol, auth_payload: request, ..MAuth::default() };
            let reply = MAuthReply { protocol: AuthProtocol::CEPHX, result_bl: reply, ..MAuthReply::default() };
            evidence.requests.push((SPOT, request));
            evidence.replies.push((SPOT, reply));
        };
        let hello = AuthHello { entity_name: osd_0(), ..AuthHello::default() };
        let challenge = CephXServerChallenge { server_challenge: self.server_challenge, ..Default::default() };
        turn(bytes(&hello), AuthProtocol::UNKNOWN, bytes(&challenge));
        let mut cephx = |request_type, request, response| {
            let request = CephXRequest { request_type, request };
            let response = CephXResponse { request_type, response, ..CephXResponse::default() };
            turn(bytes(&request), AuthProtocol::CEPHX, bytes(&response));
        };
        let authenticate = CephXAuthenticate { client_challenge: 8, key: self.proof, ..Default::default() };
        let session =
            CephXResponseBody::Session { tickets: self.session.clone(), connection_secret: None, extra_tickets: None };
        cephx(CephXRequestType::GET_AUTH_SESSION_KEY, CephXRequestBody::Authenticate(authenticate), session);
        let tickets = CephXRequestBody::Tickets { authorizer: self.shown.clone(), request: Default::default() };
        let services = CephXResponseBody::Tickets(self.services.clone());
        cephx(CephXRequestType::GET_PRINCIPAL_SESSION_KEY, tickets, services);
        let secrets = CephXResponseBody::Rotating { secrets: Some(self.secrets.clone()) };
        cephx(CephXRequestType::GET_ROTATING_KEY, CephXRequestBody::Rotating, secrets);
        evidence.rounds.clone_from(&self.rounds);
        evidence
    }

    /// What is heard in the end, and the session key of the connection.
    fn heard(&self) -> (Heard, Option<Key>) {
        hear(&self.evidence(), &keyring())
    }

    #[track_caller]
    fn assert_one(&self, severity: Severity, rule: &str, says: &str) {
        let (heard, _) = self.heard();
        let faults: Vec<_> = heard.faults.iter().map(|(s, rule, _, text)| (*s, *rule, text.to_string())).collect();
        assert!(
            matches!(&faults[..], [(s, r, text)] if (*s, *r) == (severity, rule) && text.contains(says)),
            "{faults:#?}"
        );
    }
}

fn hear(evidence: &Evidence, keyring: &Keyring) -> (Heard, Option<Key>) {
    let mut keys = Keys::new(keyring);
    loop {
        let mut heard = Heard::default();
        exchange::read(evidence, &keys, &mut heard);
        let session = authorizer::open(evidence, &keys, &mut heard);
        if !keys.add(std::mem::take(&mut heard.found)) {
            return (heard, session);
        }
    }
}

fn proof(nonce: u64) -> Bytes {
    let reply = CephXAuthorizeReply { nonce_plus_one: nonce.wrapping_add(1), ..Default::default() };
    bytes(&CephXAuthorizerReply { reply: osd_session().seal(&reply).unwrap() })
}

fn round(authorizer: &CephXAuthorizer, tag: Tag, answer: Bytes) -> Round {
    let connect =
        Connect { authorizer_protocol: AuthProtocol::CEPHX, authorizer: bytes(authorizer), ..Connect::default() };
    let reply = ConnectReply { tag, authorizer: answer, ..ConnectReply::default() };
    Round { spot: SPOT, connect, answer: Some(((Direction::Server, 0), reply)) }
}

fn osd_authorizer(nonce: u64) -> CephXAuthorizer {
    authorizer(EntityType::OSD, ticket(&osd_session(), &rotating(), GLOBAL_ID), &osd_session(), nonce)
}

#[test]
fn everything_is_opened() {
    let (heard, session) = Story::new().heard();
    assert!(heard.faults.is_empty());
    assert_eq!(heard.tickets, Tally { present: 2, opened: 2 });
    assert_eq!(heard.rotating, Tally { present: 1, opened: 1 });
    assert_eq!(heard.authorizers, Tally { present: 1, opened: 1 });
    assert_eq!(session, Some(osd_session()));
}

#[test]
fn either_side_of_a_ticket_is_enough() {
    let mut story = Story::new();
    story.services.tickets.clear();
    assert_eq!(story.heard().1, Some(osd_session()));
    let mut story = Story::new();
    story.secrets = own().seal(&RotatingSecrets::default()).unwrap();
    assert_eq!(story.heard().1, Some(osd_session()));
    story.services.tickets.clear();
    assert_eq!(story.heard().1, None);
}

#[test]
fn without_requests_all_keys_are_tried() {
    let mut evidence = Story::new().evidence();
    evidence.requests.clear();
    let (heard, session) = hear(&evidence, &keyring());
    assert!(heard.faults.is_empty());
    assert_eq!((heard.tickets.opened, session), (2, Some(osd_session())));
}

#[test]
fn a_refused_turn_does_not_confuse_the_next() {
    let mut evidence = Story::new().evidence();
    let (refused, hello) = (evidence.requests[1].clone(), evidence.requests[0].clone());
    evidence.requests.splice(0..0, [hello, refused]);
    let answers = [evidence.replies[0].clone(), (SPOT, MAuthReply { result: -1, ..evidence.replies[1].1.clone() })];
    evidence.replies.splice(0..0, answers);
    let (heard, session) = hear(&evidence, &keyring());
    assert!(heard.faults.is_empty());
    assert_eq!((heard.tickets.opened, session), (2, Some(osd_session())));
}

#[test]
fn a_ticket_may_be_sealed_with_the_session_key_of_an_older_one() {
    let old = ticket(&key(5), &key(9), GLOBAL_ID);
    let mut evidence = Story::new().evidence();
    let mut story = Story::new();
    // First the old ticket is given.
    story.session = given(EntityType::AUTH, old.clone(), &key(5), &own());
    story.services.tickets.clear();
    story.shown = authorizer(EntityType::AUTH, old.clone(), &key(5), NONCE);
    let earlier = story.evidence();
    // Then it is shown for a new one.
    let authenticate =
        CephXAuthenticate { client_challenge: 8, key: story.proof, old_ticket: old, ..Default::default() };
    let request = CephXRequest {
        request_type: CephXRequestType::GET_AUTH_SESSION_KEY,
        request: CephXRequestBody::Authenticate(authenticate),
    };
    evidence.requests[1].1.auth_payload = bytes(&request);
    let new = CephXSealedTicketBlob { blob: Framed::new(Story::new().shown.ticket) };
    let mut session = Story::new().session;
    session.tickets[0].ticket.ticket_blob = CephXTicketReplyBlob::Encrypted { blob: key(5).seal(&new).unwrap() };
    let response = CephXResponse {
        request_type: CephXRequestType::GET_AUTH_SESSION_KEY,
        response: CephXResponseBody::Session { tickets: session, connection_secret: None, extra_tickets: None },
        ..CephXResponse::default()
    };
    evidence.replies[1].1.result_bl = bytes(&response);
    evidence.requests.splice(0..0, earlier.requests);
    evidence.replies.splice(0..0, earlier.replies);
    let (heard, session) = hear(&evidence, &keyring());
    assert!(heard.faults.is_empty());
    assert_eq!((heard.tickets.opened, session), (3, Some(osd_session())));
}

#[test]
fn the_keyring_of_another_cluster() {
    let mut other = Keyring::default();
    other.insert(osd_0(), key(99));
    let (heard, session) = hear(&Story::new().evidence(), &other);
    assert_eq!(session, None);
    assert_eq!((heard.tickets.opened, heard.rotating.opened, heard.authorizers.opened), (0, 0, 0));
    assert!(heard.faults.iter().all(|(severity, rule, ..)| (*severity, *rule) == (Severity::Warning, "KEYRING")));
    assert_eq!(heard.faults.len(), 2);
}

#[test]
fn a_wrong_proof() {
    let mut story = Story::new();
    story.proof ^= 1;
    story.assert_one(Severity::Error, "MA-10", "wrong proof");
}

#[test]
fn service_tickets_sealed_with_another_key() {
    let mut story = Story::new();
    let ticket = ticket(&osd_session(), &rotating(), GLOBAL_ID);
    story.services = given(EntityType::OSD, ticket, &osd_session(), &key(9));
    story.assert_one(Severity::Error, "MA-13", "not sealed with the key of the ticket that was shown");
}

#[test]
fn what_is_sealed_is_something_else() {
    let mut story = Story::new();
    story.secrets = Sealed::new(own().seal(&CephXAuthorizeReply::default()).unwrap().ciphertext);
    let (heard, _) = story.heard();
    assert!(heard.faults.iter().any(|(severity, rule, ..)| (*severity, *rule) == (Severity::Error, "AU-24")));
}

#[test]
fn an_authorizer_sealed_with_another_key() {
    let mut story = Story::new();
    let mut authorizer = osd_authorizer(NONCE);
    authorizer.authorize = key(9).seal(&CephXAuthorize::default()).unwrap();
    story.rounds = vec![round(&authorizer, Tag::READY, proof(NONCE))];
    story.assert_one(Severity::Error, "AU-04", "accepted all the same");
    story.rounds = vec![round(&authorizer, Tag::BADAUTHORIZER, Bytes::new())];
    story.assert_one(Severity::Warning, "AU-04", "not sealed with the session key");
}

#[test]
fn a_ticket_sealed_with_another_key() {
    let mut story = Story::new();
    let ticket = ticket(&osd_session(), &key(9), GLOBAL_ID);
    let authorizer = authorizer(EntityType::OSD, ticket, &osd_session(), NONCE);
    story.rounds = vec![round(&authorizer, Tag::BADAUTHORIZER, Bytes::new())];
    story.assert_one(Severity::Warning, "AU-09", "not sealed with the key of the service");
    assert_eq!(story.heard().1, None);
}

#[test]
fn an_authorizer_for_another_global_id() {
    let mut story = Story::new();
    let authorizer = CephXAuthorizer { global_id: GLOBAL_ID + 1, ..osd_authorizer(NONCE) };
    story.rounds = vec![round(&authorizer, Tag::READY, proof(NONCE))];
    story.assert_one(Severity::Error, "AU-11", "global_id");
}

#[test]
fn a_ticket_with_two_session_keys() {
    let mut story = Story::new();
    let ticket = ticket(&key(9), &rotating(), GLOBAL_ID);
    story.services = given(EntityType::OSD, ticket.clone(), &osd_session(), &auth_session());
    let authorizer = authorizer(EntityType::OSD, ticket, &key(9), NONCE);
    let reply = CephXAuthorizeReply { nonce_plus_one: NONCE.wrapping_add(1), ..Default::default() };
    let reply = bytes(&CephXAuthorizerReply { reply: key(9).seal(&reply).unwrap() });
    story.rounds = vec![round(&authorizer, Tag::READY, reply)];
    story.assert_one(Severity::Error, "AU-35", "other session keys");
}

#[test]
fn a_wrong_answer_to_an_authorizer() {
    let mut story = Story::new();
    for (answer, says) in [
        (proof(NONCE - 1), "not for the client's nonce"),
        (bytes(&CephXAuthorizerReply { reply: key(9).seal(&CephXAuthorizeReply::default()).unwrap() }), "not sealed"),
        (Bytes::new(), "without an answer"),
    ] {
        story.rounds = vec![round(&osd_authorizer(NONCE), Tag::READY, answer)];
        story.assert_one(Severity::Error, "AU-05", says);
    }
}

#[test]
fn a_nonce_that_was_used_before() {
    let mut story = Story::new();
    let again = || round(&osd_authorizer(NONCE), Tag::RETRY_GLOBAL, proof(NONCE));
    story.rounds = vec![again(), again()];
    story.assert_one(Severity::Warning, "AU-21", "used again");
    story.rounds = vec![again(), round(&osd_authorizer(5), Tag::READY, proof(5))];
    assert!(story.heard().0.faults.is_empty());
}

#[test]
fn a_challenge_is_to_be_answered() {
    let challenge = CephXAuthorizeChallenge { server_challenge: 41, ..Default::default() };
    let challenge = CephXAuthorizerChallenge { challenge: osd_session().seal(&challenge).unwrap() };
    let challenged = || round(&osd_authorizer(NONCE), Tag::CHALLENGE_AUTHORIZER, bytes(&challenge));
    let mut story = Story::new();
    story.rounds = vec![challenged(), round(&osd_authorizer(NONCE), Tag::READY, proof(NONCE))];
    story.assert_one(Severity::Error, "MD-15", "does not answer the challenge");
    // The first version has no room for the answer.
    let plaintext = [&[1][..], &[0x55, 0xaa, 0x26, 0x88, 0xad, 0x9c, 0, 0xff], &[2], &NONCE.to_le_bytes(), &[1]];
    for (answer, right) in [(42u64, true), (43, false)] {
        let plaintext = [&plaintext.concat()[..], &answer.to_le_bytes()].concat();
        let authorize = Sealed::new(osd_session().encrypt(&plaintext).into());
        let authorizer = CephXAuthorizer { authorize, ..osd_authorizer(NONCE) };
        story.rounds = vec![challenged(), round(&authorizer, Tag::READY, proof(NONCE))];
        let (heard, session) = story.heard();
        assert_eq!((heard.faults.is_empty(), session), (right, Some(osd_session())), "{answer}");
    }
}
