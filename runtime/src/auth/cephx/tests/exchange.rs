//! Clients and monitors.

use super::*;
use crate::auth::{Signing, challenge_proof};
use crate::codec::{Framed, Set};
use crate::wire::auth::{AuthHello, CephXRequestType};
use crate::wire::cephx::{
    CephXAuthenticate, CephXResponse, CephXResponseBody, CephXServerChallenge, CephXServiceTicket,
    CephXServiceTicketInfo, CephXServiceTicketRequest, CephXTicketReply, CephXTicketReplyBlob, CephXTicketReplyEntry,
    CephXTicketReplyTicket,
};

fn hello(offered: &[u32], entity_name: AuthEntityName, global_id: u64) -> MAuth {
    let supported = Set::from(offered.to_vec());
    let hello = AuthHello { supported, entity_name, global_id, ..AuthHello::default() };
    MAuth { auth_payload: to_bytes(&hello, Target::default()).unwrap(), ..MAuth::default() }
}

fn request(payload: impl Into<Bytes>) -> MAuth {
    MAuth { protocol: AuthProtocol::CEPHX, auth_payload: payload.into(), ..MAuth::default() }
}

fn client_admin() -> AuthEntityName {
    name(EntityType::CLIENT, "admin")
}

fn response(reply: &MAuthReply) -> CephXResponseBody {
    assert_eq!(reply.result, 0);
    from_bytes::<CephXResponse>(reply.result_bl.clone(), &Context::default()).unwrap().response
}

/// A monitor and a connection on which a client has been given a challenge.
struct Challenged {
    monitor: CephxMonitor,
    session: MonSession,
    random: Random,
    challenge: u64,
}

impl Challenged {
    fn new(monitor: CephxMonitor, hello: &MAuth) -> Challenged {
        let mut challenged = Challenged { monitor, session: MonSession::new(0), random: Random::new(3), challenge: 0 };
        let reply = challenged.says(hello);
        let challenge: CephXServerChallenge = from_bytes(reply.result_bl, &Context::default()).unwrap();
        challenged.challenge = challenge.server_challenge;
        challenged
    }

    fn says(&mut self, request: &MAuth) -> MAuthReply {
        self.monitor.handle(&mut self.session, request, &mut at(NOW, &mut self.random)).reply
    }

    fn proves(&mut self, key: &Key, old_ticket: CephXTicketBlob) -> MAuthReply {
        let key = challenge_proof(key, self.challenge, 5).unwrap();
        let authenticate = CephXAuthenticate { client_challenge: 5, key, old_ticket, ..CephXAuthenticate::default() };
        let request = CephXRequest {
            request_type: CephXRequestType::GET_AUTH_SESSION_KEY,
            request: CephXRequestBody::Authenticate(authenticate),
        };
        self.says(&self::request(to_bytes(&request, Target::default()).unwrap()))
    }
}

// covers: MA-01
#[test]
fn a_client_begins_as_in_vector_a6() {
    let mut client = admin().offering(&[AuthProtocol::CEPHX, AuthProtocol::NONE]);
    let first = client.start(0, 0).unwrap();
    let wanted = "0000000000000000 ffff 0000000000000000 00000000 22000000 01 02000000 01000000 02000000 \
                  08000000 05000000 61646d696e 0000000000000000 00000000";
    assert_eq!((MAuth::NUMBER, first.protocol), (17, AuthProtocol::UNKNOWN));
    let front = first.encode(Target::default()).unwrap().front;
    // The vector's lengths are those of its own frame: 64 bytes.
    assert_eq!(front.len(), 64);
    assert_eq!(front, bytes(wanted));
}

// covers: MA-02, MA-09, MA-12, MA-13
#[test]
fn a_client_gets_tickets() {
    let (mut client, mut monitor) = (admin(), monitor());
    let mut session = MonSession::new(0);
    let mut random = Random::new(1);
    let (said, end) = authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut random));
    assert_eq!(end, Ok(()));
    assert_eq!(said.len(), 3);
    let [_, authenticate, tickets] = &said[..] else { panic!() };
    let CephXRequestBody::Authenticate(authenticate) = super::said(authenticate) else { panic!() };
    assert_eq!(authenticate.old_ticket, CephXTicketBlob::default());
    let CephXRequestBody::Tickets { authorizer, request } = super::said(tickets) else { panic!() };
    assert_eq!((authorizer.global_id, authorizer.service_id, request.keys), (4100, 0x20, 5));

    assert_eq!((client.global_id(), session.global_id()), (4100, 4100));
    assert!(client.is_authenticated());
    assert!([EntityType::AUTH, EntityType::MON, EntityType::OSD].into_iter().all(|at| client.holds(at, utime(NOW))));
    assert!(!client.holds(EntityType::MDS, utime(NOW)));
    assert_eq!(session.caps().unwrap().caps.as_ref().unwrap().text, "allow r");

    let answer = monitor.handle(&mut session, tickets, &mut at(NOW, &mut random)).reply;
    assert_eq!(&answer.result_bl[..6], [0, 2, 0, 0, 0, 0]);
    let CephXResponseBody::Tickets(list) = response(&answer) else { panic!() };
    assert_eq!(list.tickets.iter().map(|entry| entry.service_id).collect::<Vec<_>>(), [1, 4]);
    let secrets = monitor.secrets(EntityType::MON, &mut at(NOW, &mut random)).unwrap();
    let CephXTicketReplyBlob::Plain { blob } = &list.tickets[0].ticket.ticket_blob else { panic!() };
    let sealed = Sealed::<CephXServiceTicketInfo>::new(blob.blob.clone());
    let info = secrets.get(blob.secret_id).unwrap().unseal(&sealed).unwrap();
    assert_eq!((info.ticket.global_id, info.ticket.caps.caps), (4100, None));
    assert!(list.tickets.iter().all(|entry| matches!(entry.ticket.ticket_blob, CephXTicketReplyBlob::Plain { .. })));
}

// covers: MA-02, MA-03, MA-04, MA-05
#[test]
fn the_highest_common_protocol_is_chosen() {
    let both = [AuthProtocol::NONE, AuthProtocol::CEPHX];
    let chosen = |offered: &[u32], allowed: &[AuthProtocol]| {
        let mut monitor = monitor().allowing(&[AuthProtocol::CEPHX], allowed);
        let mut session = MonSession::new(0);
        let hello = hello(offered, client_admin(), 0);
        let reply = monitor.handle(&mut session, &hello, &mut at(NOW, &mut Random::new(1))).reply;
        (reply.protocol.0, reply.result, reply.global_id, reply.result_bl, session.caps().is_some())
    };
    let (protocol, result, global_id, blob, believed) = chosen(&[1, 2], &both);
    assert_eq!((protocol, result, global_id, blob.len(), blob[0], believed), (2, 0, 4100, 9, 1, false));
    assert_ne!(blob[1..], [0; 8]);
    assert_eq!(chosen(&[1], &both), (1, 0, 4100, Bytes::new(), true));
    assert_eq!(chosen(&[1], &[AuthProtocol::CEPHX]), (0, -95, 0, Bytes::new(), false));
    assert_eq!(chosen(&[7], &[AuthProtocol(7)]), (0, -95, 0, Bytes::new(), false));
}

#[test]
fn who_cannot_sign_is_not_offered_cephx_where_signatures_are_demanded() {
    let signing = Signing { cluster_require: true, ..Signing::default() };
    let result = |entity, features| {
        let hello = hello(&[2], name(entity, "0"), 0);
        let mut monitor = monitor().with_signing(signing);
        let answer = monitor.handle(&mut MonSession::new(features), &hello, &mut at(NOW, &mut Random::new(1)));
        answer.reply.result
    };
    assert_eq!(result(EntityType::OSD, 0), -95);
    assert_eq!(result(EntityType::OSD, Features::MSG_AUTH.0), 0);
    assert_eq!(result(EntityType::CLIENT, 0), 0);
}

// covers: MA-06, MA-07, MA-16
#[test]
fn what_is_out_of_order_or_cannot_be_read_is_refused() {
    let mut random = Random::new(1);
    let mut session = MonSession::new(0);
    let mut monitor = monitor();
    let mut answer = |session: &mut MonSession, request: &MAuth| {
        let reply = monitor.handle(session, request, &mut at(NOW, &mut random)).reply;
        (reply.protocol.0, reply.result, reply.result_bl.len())
    };
    let whole = hello(&[2], client_admin(), 0);
    for length in 0..whole.auth_payload.len() {
        let cut = MAuth { auth_payload: whole.auth_payload.slice(..length), ..whole.clone() };
        assert_eq!(answer(&mut session, &cut), (0, -22, 0));
    }
    assert_eq!(answer(&mut session, &request([0, 4].to_vec())), (2, -22, 0));
    assert_eq!(answer(&mut session, &whole), (2, 0, 9));
    for payload in [&[][..], &[0], &[0, 9], &[0, 1], &[0, 2, 1]] {
        assert_eq!(answer(&mut session, &request(payload.to_vec())), (2, -22, 0));
    }
    assert_eq!(answer(&mut session, &whole), (0, -22, 0), "the protocol is chosen once");
}

// covers: MA-10
#[test]
fn a_wrong_key_is_refused_and_may_try_again() {
    let mut challenged = Challenged::new(monitor(), &hello(&[2], client_admin(), 0));
    let refused = challenged.proves(&key_of(9), CephXTicketBlob::default());
    assert_eq!((refused.result, refused.result_bl), (-1, Bytes::new()));
    assert!(challenged.session.caps().is_none());
    assert_eq!(challenged.proves(&key(), CephXTicketBlob::default()).result, 0);

    let mut challenged = Challenged::new(monitor(), &hello(&[2], name(EntityType::CLIENT, "nobody"), 0));
    assert_eq!(challenged.proves(&key(), CephXTicketBlob::default()).result, -1);

    let mut client = CephxClient::new(client_admin(), key_of(9), &[EntityType::OSD]);
    let (mut monitor, mut session) = (monitor(), MonSession::new(0));
    let (_, end) = authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut Random::new(1)));
    assert_eq!(end, Err(AuthError::Result(-1)));
    assert!(!client.is_authenticated());
}

#[test]
fn tickets_are_only_for_who_shows_a_ticket_for_the_ticket_service() {
    let (mut client, mut monitor, mut random) = (admin(), monitor(), Random::new(1));
    authenticate(&mut client, &mut monitor, &mut MonSession::new(0), &mut at(NOW, &mut random)).1.unwrap();
    let authorizer = client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).unwrap();
    let authorizer: CephXAuthorizer = from_bytes(authorizer.bytes, &Context::default()).unwrap();
    let mut challenged = Challenged::new(monitor, &hello(&[2], client_admin(), 0));
    let request = CephXServiceTicketRequest { keys: 4, ..CephXServiceTicketRequest::default() };
    let request = CephXRequest {
        request_type: CephXRequestType::GET_PRINCIPAL_SESSION_KEY,
        request: CephXRequestBody::Tickets { authorizer, request },
    };
    let reply = challenged.says(&self::request(to_bytes(&request, Target::default()).unwrap()));
    assert_eq!((reply.result, reply.result_bl), (-1, Bytes::new()));
}

// covers: MA-14
#[test]
fn an_old_ticket_brings_the_number_back() {
    let (mut client, mut monitor) = (admin(), monitor());
    let mut random = Random::new(1);
    let mut connect = |client: &mut CephxClient, monitor: &mut CephxMonitor| {
        let mut session = MonSession::new(0);
        let (said, end) = authenticate(client, monitor, &mut session, &mut at(NOW, &mut random));
        assert_eq!(end, Ok(()));
        said
    };
    connect(&mut client, &mut monitor);
    connect(&mut admin(), &mut monitor);
    let said = connect(&mut client, &mut monitor);
    let hello: AuthHello = from_bytes(said[0].auth_payload.clone(), &Context::default()).unwrap();
    assert_eq!(hello.global_id, 4100);
    // Its other tickets are still good: it does not ask for them again.
    assert_eq!(said.len(), 2);
    assert_eq!(client.global_id(), 4100);

    // Even if it says nothing of its number, its ticket tells.
    let CephXRequestBody::Authenticate(authenticate) = super::said(&said[1]) else { panic!() };
    let mut challenged = Challenged::new(monitor, &self::hello(&[2], client_admin(), 0));
    assert_eq!(challenged.session.global_id(), 4102);
    let reply = challenged.proves(&key(), authenticate.old_ticket);
    assert_eq!((reply.global_id, challenged.session.global_id()), (4100, 4100));
    let CephXResponseBody::Session { tickets, .. } = response(&reply) else { panic!() };
    let [entry] = &tickets.tickets[..] else { panic!() };
    assert_eq!(entry.service_id, 0x20);
    assert!(matches!(entry.ticket.ticket_blob, CephXTicketReplyBlob::Encrypted { .. }));
}

#[test]
fn an_old_ticket_of_somebody_else_is_worth_nothing() {
    let (mut client, mut monitor) = (admin(), monitor());
    let mut session = MonSession::new(0);
    let said = authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut Random::new(1))).0;
    let CephXRequestBody::Tickets { authorizer, .. } = super::said(&said[2]) else { panic!() };
    let mut challenged = Challenged::new(monitor, &hello(&[2], name(EntityType::OSD, "0"), 0));
    let reply = challenged.proves(&key_of(2), authorizer.ticket);
    assert_eq!((reply.result, reply.global_id), (0, 4101));
}

// later peers: MD-19
#[test]
fn a_strict_monitor_gives_a_number_only_to_its_owner() {
    let strict = || monitor().reclaiming(false);
    let mut claims = Challenged::new(strict(), &hello(&[2], client_admin(), 77));
    assert_eq!(claims.proves(&key(), CephXTicketBlob::default()).result, -13);
    assert!(claims.session.caps().is_none());
    let mut claims = Challenged::new(monitor(), &hello(&[2], client_admin(), 77));
    let reply = claims.proves(&key(), CephXTicketBlob::default());
    assert_eq!((reply.result, reply.global_id), (0, 77));

    // A client that lost its connection before it had a ticket does not claim the number it was given.
    let mut random = Random::new(1);
    let (mut client, mut strict) = (admin(), strict());
    let first = client.start(0, 0).unwrap();
    let reply = strict.handle(&mut MonSession::new(0), &first, &mut at(NOW, &mut random)).reply;
    client.handle(&reply, &mut at(NOW, &mut random)).unwrap();
    for _ in 0..2 {
        let mut session = MonSession::new(0);
        let (_, end) = authenticate(&mut client, &mut strict, &mut session, &mut at(NOW, &mut random));
        assert_eq!((end, client.global_id()), (Ok(()), 4101));
    }
    // Who has proven it once on a connection may do so again without a ticket.
    let said = authenticate(&mut client, &mut strict, &mut MonSession::new(0), &mut at(NOW, &mut random)).0;
    let CephXRequestBody::Authenticate(proof) = super::said(&said[1]) else { panic!() };
    let mut claims = Challenged::new(strict, &hello(&[2], client_admin(), 4101));
    for old_ticket in [proof.old_ticket, CephXTicketBlob::default()] {
        assert_eq!(claims.proves(&key(), old_ticket).result, 0);
    }

    // Another cluster knows neither ticket nor number; who forgets both is new to it.
    let mut elsewhere = monitor().reclaiming(false).numbering_from(9);
    let mut session = MonSession::new(0);
    elsewhere.secrets(EntityType::AUTH, &mut at(NOW, &mut Random::new(99)));
    let (_, end) = authenticate(&mut client, &mut elsewhere, &mut session, &mut at(NOW, &mut random));
    assert_eq!(end, Err(AuthError::Result(-13)));
    client.forget();
    assert!(!client.is_authenticated());
    let mut session = MonSession::new(0);
    let (_, end) = authenticate(&mut client, &mut elsewhere, &mut session, &mut at(NOW, &mut random));
    assert_eq!((end, client.global_id()), (Ok(()), 10 - 1));
}

// covers: MA-15
#[test]
fn a_daemon_gets_the_secrets_of_its_service() {
    let mut monitor = monitor();
    let mut random = Random::new(1);
    let mut osd = CephxClient::new(name(EntityType::OSD, "0"), key_of(2), &[EntityType::MON, EntityType::OSD]);
    let mut session = MonSession::new(0);
    let (said, end) = authenticate(&mut osd, &mut monitor, &mut session, &mut at(NOW, &mut random));
    assert_eq!(end, Ok(()));
    assert_eq!(said.len(), 4);
    assert_eq!(said[3].auth_payload[..], [0, 4]);
    let reply = monitor.handle(&mut session, &said[3], &mut at(NOW, &mut random)).reply;
    assert_eq!(reply.result_bl[..6], [0, 4, 0, 0, 0, 0]);
    let CephXResponseBody::Rotating { secrets: Some(secrets) } = response(&reply) else { panic!() };
    let secrets = key_of(2).unseal(&secrets).unwrap();
    assert_eq!(secrets.secrets.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3]);
    let of_osds = monitor.secrets(EntityType::OSD, &mut at(NOW, &mut random)).unwrap();
    assert!((1..=3).all(|id| osd.secrets().get(id).is_some() && osd.secrets().get(id) == of_osds.get(id)));

    let mut session = MonSession::new(0);
    authenticate(&mut admin(), &mut monitor, &mut session, &mut at(NOW, &mut random)).1.unwrap();
    let reply = monitor.handle(&mut session, &said[3], &mut at(NOW, &mut random)).reply;
    assert_eq!(response(&reply), CephXResponseBody::Rotating { secrets: None });
}

// covers: MA-17
#[test]
fn who_has_an_old_map_gets_the_new_one_first() {
    let mut monitor = monitor();
    monitor.set_monmap_epoch(3);
    let mut random = Random::new(1);
    let mut first = |epoch| {
        let mut session = MonSession::new(0);
        let hello = admin().start(epoch, 0).unwrap();
        let first = monitor.handle(&mut session, &hello, &mut at(NOW, &mut random));
        let again =
            monitor.handle(&mut session, &MAuth { protocol: AuthProtocol::CEPHX, ..hello }, &mut at(NOW, &mut random));
        (first.monmap_first, again.monmap_first)
    };
    assert_eq!([0, 2, 3, 4].map(&mut first), [(true, false), (true, false), (false, false), (false, false)]);
    let refused = hello(&[1], client_admin(), 0);
    assert!(!monitor.handle(&mut MonSession::new(0), &refused, &mut at(NOW, &mut random)).monmap_first);
}

// covers: MA-04
#[test]
fn with_the_protocol_none_a_client_shows_its_name() {
    let mut monitor = monitor().allowing(&[], &[AuthProtocol::NONE]);
    let mut random = Random::new(1);
    let mut client = CephxClient::without_key(client_admin());
    assert!(client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).is_none());
    let mut session = MonSession::new(0);
    let (said, end) = authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut random));
    assert_eq!((said.len(), end), (1, Ok(())));
    assert!(session.caps().unwrap().allow_all);
    let authorizer = client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).unwrap();
    assert_eq!(authorizer.bytes, bytes("01 08000000 05000000 61646d696e 0410000000000000"));
    assert!(client.authorizer(EntityType::MON, false, &mut at(NOW, &mut random)).is_none());
    assert_eq!((client.needs_renewal(utime(NOW)), client.next_renewal()), (false, None));
    client.forget();
    assert!(client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).is_none());
}

/// The answer to a proof with one ticket for the ticket service.
fn session_reply(sealed_with: &Key, tv_sec: u32, behind: &[u8]) -> MAuthReply {
    let known = CephXServiceTicket {
        session_key: (&key_of(7)).into(),
        validity: UTime { tv_sec, tv_nsec: 0 },
        ..CephXServiceTicket::default()
    };
    let blob = CephXTicketBlob { secret_id: 1, blob: vec![1; 32].into(), ..CephXTicketBlob::default() };
    let ticket = CephXTicketReplyTicket {
        msg_a: sealed_with.seal(&known).unwrap(),
        ticket_blob: CephXTicketReplyBlob::Plain { blob: Framed::new(blob) },
        ..CephXTicketReplyTicket::default()
    };
    let entry = CephXTicketReplyEntry { service_id: 0x20, ticket };
    let tickets = CephXTicketReply { tickets: vec![entry], ..CephXTicketReply::default() };
    let response = CephXResponse {
        request_type: CephXRequestType::GET_AUTH_SESSION_KEY,
        status: 0,
        response: CephXResponseBody::Session { tickets, connection_secret: None, extra_tickets: None },
    };
    let payload = to_bytes(&response, Target::default()).unwrap();
    let result_bl = [&payload[..], behind].concat().into();
    MAuthReply { protocol: AuthProtocol::CEPHX, global_id: 5, result_bl, ..MAuthReply::default() }
}

/// A client that has answered a challenge.
fn waiting(random: &mut Random) -> CephxClient {
    let mut client = admin();
    client.start(0, 0).unwrap();
    let challenge =
        MAuthReply { protocol: AuthProtocol::CEPHX, result_bl: bytes("01 8877665544332211"), ..MAuthReply::default() };
    assert!(matches!(client.handle(&challenge, &mut at(NOW, random)), Ok(Step::Send(_))));
    client
}

// covers: MA-11
#[test]
fn a_client_takes_only_what_is_sealed_for_it_and_nothing_more() {
    let mut random = Random::new(1);
    let mut heard = |reply: &MAuthReply| {
        let mut client = waiting(&mut random);
        let end = client.handle(reply, &mut at(NOW, &mut random));
        (end.map(|step| matches!(step, Step::Send(_))), client.is_authenticated())
    };
    assert_eq!(heard(&session_reply(&key(), 60, &[])), (Ok(true), true));
    assert_eq!(heard(&session_reply(&key_of(9), 60, &[])), (Err(AuthError::WrongKey), false));
    for behind in [&[0][..], &[0; 4], &[0; 8], &[1, 2, 3, 4, 5]] {
        let (end, believed) = heard(&session_reply(&key(), 60, behind));
        assert!(matches!(end, Err(AuthError::Malformed(_))) && !believed, "{behind:?}");
    }
}

#[test]
fn a_ticket_without_validity_is_good_for_ever() {
    let mut random = Random::new(1);
    let mut client = waiting(&mut random);
    client.handle(&session_reply(&key(), 0, &[]), &mut at(NOW, &mut random)).unwrap();
    assert!(client.holds(EntityType::AUTH, UTime { tv_sec: u32::MAX, tv_nsec: 0 }));
    assert_eq!(client.next_renewal(), None);
    let mut client = waiting(&mut random);
    client.handle(&session_reply(&key(), 60, &[]), &mut at(NOW, &mut random)).unwrap();
    assert!(!client.holds(EntityType::AUTH, utime(NOW + Duration::from_secs(60))));
    assert_eq!(client.next_renewal(), Some(utime(NOW + Duration::from_secs(45))));
}

#[test]
fn the_last_capabilities_count() {
    let mut monitor = monitor();
    monitor.set_caps(client_admin(), EntityType::MON, "allow w");
    let mut session = MonSession::new(0);
    authenticate(&mut admin(), &mut monitor, &mut session, &mut at(NOW, &mut Random::new(1))).1.unwrap();
    assert_eq!(session.caps().unwrap().caps.as_ref().unwrap().text, "allow w");
}

// covers: ER-23
#[test]
fn an_answer_to_something_else_is_an_error() {
    let mut random = Random::new(1);
    let reply = |payload: &[u8]| MAuthReply {
        protocol: AuthProtocol::CEPHX,
        result_bl: payload.to_vec().into(),
        ..MAuthReply::default()
    };
    let unknown = bytes("ffff 00000000");
    let rotating = bytes("0004 00000000");
    let refused = bytes("0001 ffffffff 01 00000000");
    let no_tickets = bytes("0001 00000000 01 00000000");
    let not_read = "cannot be read";
    for (payload, wanted) in [
        (&[][..], not_read),
        (&unknown, not_read),
        (&rotating, "malformed: the answer is to something else"),
        (&refused, "the monitor refused with -1"),
        (&no_tickets, "malformed: no ticket for the ticket service"),
    ] {
        let mut client = waiting(&mut random);
        let error = client.handle(&reply(payload), &mut at(NOW, &mut random)).unwrap_err();
        assert!(
            wanted == not_read && matches!(error, AuthError::Malformed(_)) || error.to_string() == wanted,
            "{error}"
        );
        assert!(!client.is_authenticated());
        let again = client.handle(&session_reply(&key(), 60, &[]), &mut at(NOW, &mut random));
        assert!(matches!(again, Err(AuthError::Malformed(_))), "nothing is asked any more");
    }
    let mut client = admin();
    client.start(0, 0).unwrap();
    let none = MAuthReply { protocol: AuthProtocol::NONE, ..MAuthReply::default() };
    let end = client.handle(&none, &mut at(NOW, &mut random)).err();
    assert_eq!(end, Some(AuthError::ProtocolNotAllowed(AuthProtocol::NONE)), "it was not offered");

    let mut client = CephxClient::without_key(client_admin()).offering(&[AuthProtocol::CEPHX, AuthProtocol::NONE]);
    let first = client.start(0, 0).unwrap();
    let first: AuthHello = from_bytes(first.auth_payload, &Context::default()).unwrap();
    assert_eq!(first.supported.as_slice(), [1]);
    let challenge = MAuthReply { result_bl: bytes("01 8877665544332211"), ..reply(&[]) };
    let end = client.handle(&challenge, &mut at(NOW, &mut random)).err();
    assert_eq!(end, Some(AuthError::ProtocolNotAllowed(AuthProtocol::CEPHX)), "it has no key");
}

// later peers: MD-18
#[test]
fn a_later_monitor_is_told_that_old_tickets_are_always_shown() {
    let version = |features| {
        let (mut client, mut random) = (admin(), Random::new(1));
        let mut monitor = monitor();
        let first = client.start(0, features).unwrap();
        let reply = monitor.handle(&mut MonSession::new(features), &first, &mut at(NOW, &mut random)).reply;
        let Ok(Step::Send(second)) = client.handle(&reply, &mut at(NOW, &mut random)) else { panic!() };
        (second.auth_payload[2], second.auth_payload.len())
    };
    assert_eq!(version(0), (1, 32));
    assert_eq!(version(Features::CEPHX_V2.0), (3, 36));
}
