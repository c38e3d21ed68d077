//! Judging the tickets of those who connect.

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::wall::since_1970;
use super::{ServiceSecrets, service_name};
use crate::auth::{AuthError, Key, Keyring, Moment, Request, Verdict};
use crate::codec::{Context, Reader, Sealed, Target, to_bytes};
use crate::wire::address::EntityType;
use crate::wire::auth::{
    CephXAuthorize, CephXAuthorizeChallenge, CephXAuthorizeReply, CephXAuthorizer, CephXAuthorizerChallenge,
    CephXAuthorizerReply, SECRET_ID_OWN_KEY,
};
use crate::wire::cephx::{AuthTicket, CephXServiceTicketInfo};
use crate::wire::features::Features;
use crate::wire::prelude::UTime;

/// A service to which tickets are shown.
#[derive(Clone, Debug)]
pub struct CephxService {
    service: EntityType,
    /// With which tickets are sealed that do not say with which rotating secret.
    own_key: Option<Key>,
    secrets: ServiceSecrets,
    accepts_expired: bool,
    challenges: bool,
}

/// What a good authorizer tells.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Who shows it and what he may do.
    pub ticket: AuthTicket,
    /// The key that the owner of the ticket has too.
    pub session_key: Key,
    authorize: CephXAuthorize,
}

impl CephxService {
    /// A service of this type, with the keys of a keyring. It needs rotating secrets, unless its tickets are sealed with
    /// its own key, as those are that monitors show each other.
    pub fn new(service: EntityType, keyring: &Keyring) -> CephxService {
        let own_key = keyring.get(&service_name(service)).cloned();
        let secrets = ServiceSecrets::default();
        CephxService { service, own_key, secrets, accepts_expired: true, challenges: true }
    }

    /// Sets the secrets with which its tickets are sealed: a monitor tells them every now and then.
    pub fn set_secrets(&mut self, secrets: ServiceSecrets) {
        self.secrets = secrets;
    }

    /// The same that accepts, or does not accept, tickets that have expired as long as it knows the secret. Accepts them
    /// unless told otherwise, as Firefly (AU-34).
    pub fn accepting_expired(self, accepts_expired: bool) -> CephxService {
        CephxService { accepts_expired, ..self }
    }

    /// The same that challenges, or does not challenge, peers that have CEPHX_V2. Challenges them unless told otherwise
    /// (MD-15).
    pub fn challenging(self, challenges: bool) -> CephxService {
        CephxService { challenges, ..self }
    }

    /// Opens an authorizer. Bytes behind it do not count (AU-13).
    ///
    /// # Errors
    /// When it is not good: see [`AuthError`] (AU-09 to AU-14).
    pub fn open(&self, authorizer: &Bytes, now: UTime) -> Result<Proven, AuthError> {
        let authorizer = CephXAuthorizer::decode(&mut Reader::new(authorizer, &Context::default()))?;
        let proven = open(&authorizer, |service, secret_id| self.secret(service, secret_id))?;
        if !self.accepts_expired && since_1970(proven.ticket.expires) < since_1970(now) {
            return Err(AuthError::Expired);
        }
        Ok(proven)
    }

    fn secret(&self, service: u32, secret_id: u64) -> Option<&Key> {
        if service != u32::from(self.service.0) {
            return None;
        }
        if secret_id == SECRET_ID_OWN_KEY { self.own_key.as_ref() } else { self.secrets.get(secret_id) }
    }

    /// Judges the authorizer of a peer.
    pub fn verify(&self, request: &Request<'_>, moment: &mut Moment<'_>) -> Verdict {
        self.judge(request, moment).unwrap_or_else(Verdict::Reject)
    }

    fn judge(&self, request: &Request<'_>, moment: &mut Moment<'_>) -> Result<Verdict, AuthError> {
        let Proven { session_key, authorize, .. } = self.open(request.authorizer, moment.wall)?;
        if self.challenges && request.features & Features::CEPHX_V2.0 != 0 {
            let Some(challenge) = request.challenge else { return challenge(&session_key, moment) };
            let is_answer = authorize.server_challenge_plus_one.ct_eq(&challenge.wrapping_add(1));
            if !authorize.have_challenge || !bool::from(is_answer) {
                return Err(AuthError::Challenge);
            }
        }
        let reply =
            CephXAuthorizeReply { nonce_plus_one: authorize.nonce.wrapping_add(1), ..CephXAuthorizeReply::default() };
        let reply = to_bytes(&CephXAuthorizerReply { reply: session_key.seal(&reply)? }, Target::default())?;
        Ok(Verdict::Accept { reply, session_key: Some(session_key) })
    }
}

/// Asks for proof that the authorizer is fresh.
fn challenge(session_key: &Key, moment: &mut Moment<'_>) -> Result<Verdict, AuthError> {
    let server_challenge = moment.random.next_u64();
    let challenge = CephXAuthorizeChallenge { server_challenge, ..CephXAuthorizeChallenge::default() };
    let challenge = CephXAuthorizerChallenge { challenge: session_key.seal(&challenge)? };
    Ok(Verdict::Challenge { reply: to_bytes(&challenge, Target::default())?, challenge: server_challenge })
}

/// Opens an authorizer with the secret that its ticket names (`cephx_verify_authorizer` in
/// `src/auth/cephx/CephxProtocol.cc`; the checks are in its order).
pub(super) fn open<'k>(
    authorizer: &CephXAuthorizer,
    secret: impl FnOnce(u32, u64) -> Option<&'k Key>,
) -> Result<Proven, AuthError> {
    let CephXAuthorizer { global_id, service_id, ticket, authorize, .. } = authorizer;
    let (service_id, secret_id) = (*service_id, ticket.secret_id);
    let secret = secret(service_id, secret_id).ok_or(AuthError::UnknownSecret { service_id, secret_id })?;
    let info: CephXServiceTicketInfo = secret.unseal(&Sealed::new(ticket.blob.clone()))?;
    let expected = info.ticket.global_id;
    if expected != *global_id {
        return Err(AuthError::GlobalId { expected, found: *global_id });
    }
    let session_key = Key::try_from(&info.session_key)?;
    let authorize = session_key.unseal(authorize)?;
    Ok(Proven { ticket: info.ticket, session_key, authorize })
}
