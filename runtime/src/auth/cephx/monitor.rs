//! Letting clients authenticate to a monitor.

use std::time::Duration;

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::key_server::KeyServer;
use super::service::open;
use super::{Proven, ServiceSecrets};
use crate::auth::{AuthError, Key, Keyring, Moment, Signing, challenge_proof};
use crate::codec::{Context, EncodeError, Reader, Sealed, Str, Target, Wire, to_bytes};
use crate::wire::address::{AuthEntityName, EntityType};
use crate::wire::auth::{AuthHello, AuthProtocol, CephXTicketBlob, MAuth, MAuthReply};
use crate::wire::cephx::{
    AUTH_UID_DEFAULT, AuthCapsInfo, AuthTicket, CephXAuthenticate, CephXRequest, CephXRequestBody, CephXResponse,
    CephXResponseBody, CephXServerChallenge, CephXServiceTicketInfo, CephXTicketReply, RotatingSecrets,
};
use crate::wire::features::Features;

/// The ticket service.
const AUTH: u32 = EntityType::AUTH.0 as u32;

/// Why a monitor refuses, as the errno that it says, negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Nobody of this name with this key, or no such ticket (MA-10).
    NotPermitted = 1,
    /// Somebody's number without his ticket (MD-19).
    NotHis = 13,
    /// Not laid out as it should be, or out of order (MA-06, MA-07, MA-16).
    Invalid = 22,
    /// No protocol that both have (MA-05).
    NotSupported = 95,
}

/// The part of a monitor with which clients authenticate (`AuthMonitor::prep_auth` in `src/mon/AuthMonitor.cc`,
/// `src/auth/cephx/CephxServiceHandler.cc`).
///
/// Its keys are made from the key `mon.` and from random numbers, which need not be secret.
#[derive(Clone, Debug)]
pub struct CephxMonitor {
    keys: KeyServer,
    cluster: Vec<AuthProtocol>,
    service: Vec<AuthProtocol>,
    signing: Signing,
    reclaims: bool,
    next_global_id: u64,
    monmap_epoch: u32,
}

/// A client's connection to a monitor: how far it has got.
#[derive(Clone, Debug, Default)]
pub struct MonSession {
    features: u64,
    protocol: Option<AuthProtocol>,
    name: AuthEntityName,
    pub(super) server_challenge: u64,
    global_id: u64,
    /// Whether the number is one that the client said it had, and has not shown its ticket for.
    is_claimed: bool,
    caps: Option<AuthCapsInfo>,
}

/// What a monitor says.
#[derive(Clone, Debug, PartialEq)]
pub struct MonAnswer {
    /// Whether the client's monitor map is old: it is to be sent the newest one first (MA-17).
    pub monmap_first: bool,
    /// What it says.
    pub reply: MAuthReply,
}

impl MonSession {
    /// A new connection with these features.
    pub fn new(features: u64) -> MonSession {
        MonSession { features, ..MonSession::default() }
    }

    /// Who the client says to be: it is to be believed once there are [capabilities](Self::caps).
    pub fn name(&self) -> &AuthEntityName {
        &self.name
    }

    /// The number of the client; 0 before it has one.
    pub fn global_id(&self) -> u64 {
        self.global_id
    }

    /// What the client may do at the monitor. `None` as long as it is not authenticated.
    pub fn caps(&self) -> Option<&AuthCapsInfo> {
        self.caps.as_ref()
    }
}

impl CephxMonitor {
    /// A monitor that knows the keys of a keyring, its own `mon.` among them, and allows CEPHX.
    ///
    /// # Errors
    /// When there is no key `mon.`.
    pub fn new(keyring: Keyring) -> Result<CephxMonitor, AuthError> {
        Ok(CephxMonitor {
            keys: KeyServer::new(keyring)?,
            cluster: vec![AuthProtocol::CEPHX],
            service: vec![AuthProtocol::CEPHX],
            signing: Signing::default(),
            reclaims: true,
            next_global_id: 4100,
            monmap_epoch: 0,
        })
    }

    /// The same that allows these protocols to daemons and to clients (`auth_cluster_required`,
    /// `auth_service_required`).
    pub fn allowing(self, cluster: &[AuthProtocol], service: &[AuthProtocol]) -> CephxMonitor {
        CephxMonitor { cluster: cluster.to_vec(), service: service.to_vec(), ..self }
    }

    /// The same that demands signatures: to those who cannot sign CEPHX is not allowed.
    pub fn with_signing(self, signing: Signing) -> CephxMonitor {
        CephxMonitor { signing, ..self }
    }

    /// The same that lets, or does not let, clients have a number again without showing the ticket for it. It lets them
    /// unless told otherwise, as Firefly (`auth_allow_insecure_global_id_reclaim`; MD-19).
    pub fn reclaiming(self, reclaims: bool) -> CephxMonitor {
        CephxMonitor { reclaims, ..self }
    }

    /// The same whose tickets are good for so long: those for the ticket service, by itself 12 hours, and those for
    /// others, 1 hour (`auth_mon_ticket_ttl`, `auth_service_ticket_ttl`).
    pub fn with_ttl(mut self, mon_ticket: Duration, service_ticket: Duration) -> CephxMonitor {
        self.keys.mon_ticket_ttl = mon_ticket;
        self.keys.service_ticket_ttl = service_ticket;
        self
    }

    /// The same that gives out numbers from this one on.
    pub fn numbering_from(self, global_id: u64) -> CephxMonitor {
        CephxMonitor { next_global_id: global_id.max(1), ..self }
    }

    /// Sets the epoch of the monitor map.
    pub fn set_monmap_epoch(&mut self, monmap_epoch: u32) {
        self.monmap_epoch = monmap_epoch;
    }

    /// Sets what somebody may do at a service.
    pub fn set_caps(&mut self, name: AuthEntityName, service: EntityType, caps: impl Into<Str>) {
        self.keys.set_caps(name, service.0.into(), caps.into());
    }

    /// The secrets of a service, renewed if it is time to.
    pub fn secrets(&mut self, service: EntityType, moment: &mut Moment<'_>) -> Option<&ServiceSecrets> {
        self.keys.rotate(moment);
        self.keys.secrets(service.0.into())
    }

    /// Answers a client.
    pub fn handle(&mut self, session: &mut MonSession, request: &MAuth, moment: &mut Moment<'_>) -> MonAnswer {
        self.keys.rotate(moment);
        let starts = request.protocol == AuthProtocol::UNKNOWN && session.protocol.is_none();
        let answer = match session.protocol {
            _ if starts => self.start(session, &request.auth_payload, moment),
            None => Err(Refusal::Invalid),
            Some(AuthProtocol::CEPHX) => self.request(session, &request.auth_payload, moment),
            Some(_) => Ok(Bytes::new()),
        };
        let protocol = session.protocol.filter(|_| starts).unwrap_or(request.protocol);
        let monmap_first = starts && answer.is_ok() && request.monmap_epoch.unwrap_or(0) < self.monmap_epoch;
        let (result, result_bl) = match answer {
            Ok(payload) => (0, payload),
            Err(refusal) => (-(refusal as i32), Bytes::new()),
        };
        let global_id = session.global_id;
        MonAnswer {
            monmap_first,
            reply: MAuthReply { protocol, result, global_id, result_bl, ..MAuthReply::default() },
        }
    }

    /// Chooses the protocol.
    fn start(&mut self, session: &mut MonSession, payload: &Bytes, moment: &mut Moment<'_>) -> Result<Bytes, Refusal> {
        let AuthHello { supported, entity_name, global_id, .. } = read(payload)?;
        session.global_id = global_id;
        let protocol = self.choose(&entity_name, supported.as_slice(), session.features);
        let protocol = protocol.ok_or(Refusal::NotSupported)?;
        session.protocol = Some(protocol);
        session.name = entity_name;
        session.is_claimed = global_id != 0;
        if global_id == 0 {
            session.global_id = self.next_global_id;
            self.next_global_id = self.next_global_id.saturating_add(1);
        }
        if protocol == AuthProtocol::NONE {
            session.caps = Some(AuthCapsInfo { allow_all: true, ..AuthCapsInfo::default() });
            return Ok(Bytes::new());
        }
        session.server_challenge = self.keys.source().derive_number(moment.random).max(1);
        let server_challenge = session.server_challenge;
        write(&CephXServerChallenge { server_challenge, ..CephXServerChallenge::default() })
    }

    /// The highest protocol that is offered and allowed (MA-03).
    fn choose(&self, name: &AuthEntityName, offered: &[u32], features: u64) -> Option<AuthProtocol> {
        let daemons = [EntityType::MON, EntityType::OSD, EntityType::MDS];
        let (allowed, signs) = if daemons.into_iter().any(|daemon| name.r#type == u32::from(daemon.0)) {
            (&self.cluster, self.signing.cluster_require)
        } else {
            (&self.service, self.signing.service_require)
        };
        let cannot_sign = signs && features & Features::MSG_AUTH.0 == 0;
        let common = allowed.iter().filter(|protocol| offered.contains(&protocol.0)).copied();
        let known = [AuthProtocol::NONE, AuthProtocol::CEPHX];
        let common = common.filter(|protocol| known.contains(protocol));
        common.filter(|protocol| *protocol != AuthProtocol::CEPHX || !cannot_sign).max_by_key(|protocol| protocol.0)
    }

    /// Answers a request of CEPHX.
    fn request(&self, session: &mut MonSession, payload: &Bytes, moment: &mut Moment<'_>) -> Result<Bytes, Refusal> {
        let CephXRequest { request_type, request } = read(payload)?;
        let response = match request {
            CephXRequestBody::Authenticate(request) => self.authenticate(session, &request, moment)?,
            CephXRequestBody::Tickets { authorizer, request } => {
                let secret = |service, id| if service == AUTH { self.auth_secret(id) } else { None };
                let proven = open(&authorizer, secret).map_err(|_| Refusal::NotPermitted)?;
                self.tickets(&proven, request.keys, moment)?
            }
            CephXRequestBody::Rotating => self.rotating(&session.name)?,
        };
        write(&CephXResponse { request_type, status: 0, response })
    }

    /// Checks the proof of a client's key, and gives it a ticket for the ticket service.
    fn authenticate(
        &self,
        session: &mut MonSession,
        request: &CephXAuthenticate,
        moment: &mut Moment<'_>,
    ) -> Result<CephXResponseBody, Refusal> {
        let key = self.keys.key(&session.name).ok_or(Refusal::NotPermitted)?;
        let proof = challenge_proof(key, session.server_challenge, request.client_challenge)?;
        if !bool::from(proof.ct_eq(&request.key)) {
            return Err(Refusal::NotPermitted);
        }
        let old = self.old_ticket(&session.name, &request.old_ticket);
        match &old {
            Some((ticket, _)) => session.global_id = ticket.global_id,
            None if session.is_claimed && !self.reclaims => return Err(Refusal::NotHis),
            None => {}
        }
        session.is_claimed = false;
        let ticket = AuthTicket {
            name: session.name.clone(),
            global_id: session.global_id,
            auid: AUTH_UID_DEFAULT,
            ..AuthTicket::default()
        };
        let made = self.keys.make(AUTH, ticket, moment)?;
        let entry = made.for_owner(key, old.as_ref().map(|(_, session_key)| session_key))?;
        session.caps = Some(self.keys.caps(&session.name, EntityType::MON.0.into()));
        let tickets = CephXTicketReply { tickets: vec![entry], ..CephXTicketReply::default() };
        Ok(CephXResponseBody::Session { tickets, connection_secret: None, extra_tickets: None })
    }

    /// The ticket that a client had before, with the session key, if it can be opened and is its own.
    fn old_ticket(&self, name: &AuthEntityName, blob: &CephXTicketBlob) -> Option<(AuthTicket, Key)> {
        let sealed = Sealed::<CephXServiceTicketInfo>::new(blob.blob.clone());
        let info = self.auth_secret(blob.secret_id)?.unseal(&sealed).ok()?;
        let session_key = Key::try_from(&info.session_key).ok()?;
        (info.ticket.name == *name).then_some((info.ticket, session_key))
    }

    fn auth_secret(&self, secret_id: u64) -> Option<&Key> {
        self.keys.secrets(AUTH)?.get(secret_id)
    }

    /// Gives tickets for services, in the order of their numbers (MA-13).
    fn tickets(&self, proven: &Proven, services: u32, moment: &mut Moment<'_>) -> Result<CephXResponseBody, Refusal> {
        let owner = &proven.ticket;
        let mut tickets = Vec::new();
        for service in (0..u32::BITS).map(|bit| services & (1 << bit)).filter(|service| *service != 0) {
            // What may be done at monitors, they look up themselves.
            let caps = match service == u32::from(EntityType::MON.0) {
                true => AuthCapsInfo::default(),
                false => self.keys.caps(&owner.name, service),
            };
            let made = self.keys.make(service, AuthTicket { caps, ..owner.clone() }, moment)?;
            tickets.push(made.for_owner(&proven.session_key, None)?);
        }
        Ok(CephXResponseBody::Tickets(CephXTicketReply { tickets, ..CephXTicketReply::default() }))
    }

    /// The secrets of the service that a client is, if it is one (MA-15).
    fn rotating(&self, name: &AuthEntityName) -> Result<CephXResponseBody, Refusal> {
        let secrets = match (self.keys.key(name), self.keys.secrets(name.r#type)) {
            (Some(key), Some(secrets)) => Some(key.seal(&RotatingSecrets::from(secrets))?),
            _ => None,
        };
        Ok(CephXResponseBody::Rotating { secrets })
    }
}

/// The value at the begin of a payload. What comes behind it does not count.
fn read<T: Wire>(payload: &Bytes) -> Result<T, Refusal> {
    T::decode(&mut Reader::new(payload, &Context::default())).map_err(|_| Refusal::Invalid)
}

fn write<T: Wire>(value: &T) -> Result<Bytes, Refusal> {
    Ok(to_bytes(value, Target::default())?)
}

impl From<EncodeError> for Refusal {
    fn from(_: EncodeError) -> Refusal {
        Refusal::Invalid
    }
}

impl From<AuthError> for Refusal {
    fn from(_: AuthError) -> Refusal {
        Refusal::NotPermitted
    }
}
