//! Showing a ticket to the service it is for.

use std::time::Duration;

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::wall::{since_1970, utime};
use crate::auth::{AuthError, Authorizer, Key, Moment};
use crate::codec::{Context, Reader, Target, from_bytes, to_bytes};
use crate::wire::address::EntityType;
use crate::wire::auth::{
    AuthProtocol, CephXAuthorize, CephXAuthorizer, CephXAuthorizerChallenge, CephXAuthorizerReply, CephXTicketBlob,
    CryptoKey, SECRET_ID_OWN_KEY,
};
use crate::wire::cephx::{AUTH_UID_DEFAULT, AuthTicket, CephXServiceTicketInfo};
use crate::wire::features::Features;

/// The authorizer of a ticket's owner (`CephXTicketHandler::build_authorizer` in `src/auth/cephx/CephxProtocol.cc`;
/// AU-04). The nonce is to be another one each time (AU-21).
pub(super) fn build(
    ticket: &CephXTicketBlob,
    session_key: &Key,
    service: u32,
    global_id: u64,
    nonce: u64,
) -> Result<CephXAuthorizer, AuthError> {
    let authorize = session_key.seal(&CephXAuthorize { nonce, ..CephXAuthorize::default() })?;
    let ticket = ticket.clone();
    Ok(CephXAuthorizer { global_id, service_id: service, ticket, authorize, ..CephXAuthorizer::default() })
}

/// What a handshake needs of it.
pub(super) fn shown(authorizer: &CephXAuthorizer, nonce: u64, session_key: &Key) -> Result<Authorizer, AuthError> {
    let bytes = to_bytes(authorizer, Target::default())?;
    Ok(Authorizer { protocol: AuthProtocol::CEPHX, bytes, nonce, session_key: Some(session_key.clone()) })
}

/// The same authorizer with the answer to a challenge (MD-15).
pub(in crate::auth) fn answer(authorizer: &Authorizer, challenge: &Bytes) -> Result<Authorizer, AuthError> {
    let session_key = authorizer.session_key.as_ref().ok_or(AuthError::Challenge)?;
    let challenge: CephXAuthorizerChallenge = from_bytes(challenge.clone(), &Context::default())?;
    let challenge = session_key.unseal(&challenge.challenge)?.server_challenge;
    let authorize = CephXAuthorize {
        nonce: authorizer.nonce,
        have_challenge: true,
        server_challenge_plus_one: challenge.wrapping_add(1),
        ..CephXAuthorize::default()
    };
    let before: CephXAuthorizer = from_bytes(authorizer.bytes.clone(), &Context::default())?;
    let authorize = session_key.seal_for(&authorize, Features::CEPHX_V2.0)?;
    shown(&CephXAuthorizer { authorize, ..before }, authorizer.nonce, session_key)
}

/// Whether a reply comes from somebody who could read the authorizer (`CephXAuthorizer::verify_reply` in
/// `src/auth/cephx/CephxProtocol.cc`; AU-06, AU-07). What comes behind it does not count.
pub(in crate::auth) fn verify_reply(authorizer: &Authorizer, reply: &Bytes) -> Result<(), AuthError> {
    let session_key = authorizer.session_key.as_ref().ok_or(AuthError::NoKey)?;
    let reply = CephXAuthorizerReply::decode(&mut Reader::new(reply, &Context::default()))?;
    let nonce_plus_one = session_key.unseal(&reply.reply)?.nonce_plus_one;
    let is_answer = nonce_plus_one.ct_eq(&authorizer.nonce.wrapping_add(1));
    if is_answer.into() { Ok(()) } else { Err(AuthError::WrongNonce) }
}

/// How long the ticket is good that a monitor makes for itself.
const MONITOR_TICKET_TTL: Duration = Duration::from_secs(3600);

/// The authorizer that a monitor shows to another one: with a ticket that it seals itself with the key they share
/// (`Monitor::ms_get_authorizer` in `src/mon/Monitor.cc`).
pub(in crate::auth) fn of_monitor(key: &Key, moment: &mut Moment<'_>) -> Result<Authorizer, AuthError> {
    let session_key = key.derive(moment.random, moment.wall);
    let ticket = AuthTicket {
        name: super::service_name(EntityType::MON),
        auid: AUTH_UID_DEFAULT,
        created: moment.wall,
        expires: utime(since_1970(moment.wall).saturating_add(MONITOR_TICKET_TTL)),
        ..AuthTicket::default()
    };
    let service = u32::from(EntityType::MON.0);
    let ticket = seal_ticket(ticket, &session_key, SECRET_ID_OWN_KEY, key)?;
    let nonce = moment.random.next_u64();
    shown(&build(&ticket, &session_key, service, 0, nonce)?, nonce, &session_key)
}

/// A ticket as its owner gets it.
pub(super) fn seal_ticket(
    ticket: AuthTicket,
    session_key: &Key,
    secret_id: u64,
    secret: &Key,
) -> Result<CephXTicketBlob, AuthError> {
    let session_key = CryptoKey::from(session_key);
    let info = CephXServiceTicketInfo { ticket, session_key, ..CephXServiceTicketInfo::default() };
    let blob = secret.seal(&info)?.ciphertext;
    Ok(CephXTicketBlob { secret_id, blob, ..CephXTicketBlob::default() })
}
