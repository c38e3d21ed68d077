//! Authenticating to a monitor.

use std::time::Duration;

use super::ServiceSecrets;
use super::authorizer::shown;
use super::tickets::Tickets;
use super::wall::{since_1970, utime};
use crate::auth::{AuthError, Authorizer, Key, Moment, challenge_proof, none};
use crate::codec::{Context, Set, Target, from_bytes, to_bytes};
use crate::wire::address::{AuthEntityName, EntityType};
use crate::wire::auth::{AuthHello, AuthProtocol, CephXRequestType, CephXTicketBlob, MAuth, MAuthReply};
use crate::wire::cephx::{
    CephXAuthenticate, CephXRequest, CephXRequestBody, CephXResponse, CephXResponseBody, CephXServerChallenge,
    CephXServiceTicketRequest,
};
use crate::wire::prelude::UTime;

/// The service that gives tickets.
const AUTH: u32 = EntityType::AUTH.0 as u32;

/// How long after the present secret has expired new ones are asked for: a monitor makes them when it expires.
const SECRETS_GRACE: Duration = Duration::from_secs(30);

/// Authenticates to a monitor, with a key or without, and holds the tickets that come of it (`src/mon/MonClient.cc`,
/// `src/auth/cephx/CephxClientHandler.cc`).
///
/// With each new connection to a monitor it begins anew, with [`start`](Self::start), and keeps the tickets it has.
#[derive(Clone, Debug)]
pub struct CephxClient {
    name: AuthEntityName,
    key: Option<Key>,
    offered: Vec<AuthProtocol>,
    /// The services for which tickets are wanted, added up.
    services: u32,
    global_id: u64,
    /// What the monitor chose.
    protocol: AuthProtocol,
    /// Of the connection to the monitor.
    features: u64,
    server_challenge: u64,
    asked: Option<Asked>,
    tickets: Tickets,
    secrets: ServiceSecrets,
}

/// What has been asked and not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Protocol,
    Session,
    Tickets,
    Secrets,
}

/// What comes of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// This is to be sent to the monitor.
    Send(MAuth),
    /// The monitor believes it, and there is nothing more to ask for now.
    Done,
}

impl CephxClient {
    /// Somebody with a key, who wants tickets for these services and offers only CEPHX.
    pub fn new(name: AuthEntityName, key: Key, services: &[EntityType]) -> CephxClient {
        let services = services.iter().fold(0, |sum, service| sum | u32::from(service.0));
        CephxClient { services, key: Some(key), ..CephxClient::without_key(name).offering(&[AuthProtocol::CEPHX]) }
    }

    /// Somebody without a key, who offers only the protocol NONE.
    pub fn without_key(name: AuthEntityName) -> CephxClient {
        CephxClient {
            name,
            key: None,
            offered: vec![AuthProtocol::NONE],
            services: 0,
            global_id: 0,
            protocol: AuthProtocol::UNKNOWN,
            features: 0,
            server_challenge: 0,
            asked: None,
            tickets: Tickets::default(),
            secrets: ServiceSecrets::default(),
        }
    }

    /// The same with another offer (`auth_client_required`). Without a key CEPHX is not offered.
    pub fn offering(self, protocols: &[AuthProtocol]) -> CephxClient {
        CephxClient { offered: protocols.to_vec(), ..self }
    }

    /// Who it is.
    pub fn name(&self) -> &AuthEntityName {
        &self.name
    }

    /// The number that the cluster gave it; 0 before.
    pub fn global_id(&self) -> u64 {
        self.global_id
    }

    /// Whether a monitor believed it, now or on a former connection: it can show something to services.
    pub fn is_authenticated(&self) -> bool {
        self.protocol == AuthProtocol::NONE || self.tickets.get(AUTH).is_some()
    }

    /// Whether it has a ticket for a service that has not expired.
    pub fn holds(&self, service: EntityType, now: UTime) -> bool {
        self.tickets.holds(service.0.into(), since_1970(now))
    }

    /// The secrets with which tickets for itself are sealed: only daemons get them.
    pub fn secrets(&self) -> &ServiceSecrets {
        &self.secrets
    }

    /// Forgets its number and its tickets: the next monitor is to treat it as new. For when a monitor refuses to let it
    /// have its number again (MD-19).
    pub fn forget(&mut self) {
        self.global_id = 0;
        self.tickets.clear();
        self.secrets = ServiceSecrets::default();
        self.protocol = AuthProtocol::UNKNOWN;
        self.asked = None;
    }

    /// The first message on a new connection to a monitor with these features (MA-01). `monmap_epoch` is that of the
    /// monitor map it has, or 0. A number is claimed again only together with the ticket that proves it (MD-19).
    ///
    /// # Errors
    /// Never, as long as the name can be written.
    pub fn start(&mut self, monmap_epoch: u32, features: u64) -> Result<MAuth, AuthError> {
        let is_known = self.is_authenticated();
        let offered = self.offered.iter().filter(|protocol| self.can(**protocol));
        let mut supported = Set::default();
        offered.for_each(|protocol| _ = supported.insert(protocol.0));
        let hello = AuthHello {
            supported,
            entity_name: self.name.clone(),
            global_id: if is_known { self.global_id } else { 0 },
            ..AuthHello::default()
        };
        let auth_payload = to_bytes(&hello, Target::default())?;
        self.features = features;
        self.asked = Some(Asked::Protocol);
        Ok(MAuth { auth_payload, monmap_epoch: Some(monmap_epoch), ..MAuth::default() })
    }

    fn can(&self, protocol: AuthProtocol) -> bool {
        protocol == AuthProtocol::NONE || protocol == AuthProtocol::CEPHX && self.key.is_some()
    }

    /// Takes the monitor's answer.
    ///
    /// # Errors
    /// When the monitor refuses, or answers something else than was asked (ER-23, MA-11). What was asked is given up;
    /// tickets that are held stay.
    pub fn handle(&mut self, reply: &MAuthReply, moment: &mut Moment<'_>) -> Result<Step, AuthError> {
        let asked = self.asked.take().ok_or_else(|| unexpected("nothing was asked"))?;
        if reply.result < 0 {
            return Err(AuthError::Result(reply.result));
        }
        if asked == Asked::Protocol {
            return self.chosen(reply, moment);
        }
        self.set_global_id(reply.global_id);
        let response: CephXResponse = from_bytes(reply.result_bl.clone(), &Context::default())?;
        if response.status < 0 {
            return Err(AuthError::Result(response.status));
        }
        let now = since_1970(moment.wall);
        match (asked, &response.response) {
            (Asked::Session, CephXResponseBody::Session { tickets, connection_secret: None, .. }) => {
                self.tickets.take(tickets, self.key.as_ref().ok_or(AuthError::NoKey)?, now)?;
                if self.tickets.get(AUTH).is_none() {
                    return Err(unexpected("no ticket for the ticket service"));
                }
                self.more(moment)
            }
            (Asked::Tickets, CephXResponseBody::Tickets(tickets)) => {
                let auth = self.tickets.get(AUTH).ok_or(AuthError::NoKey)?.session_key.clone();
                self.tickets.take(tickets, &auth, now)?;
                if self.secrets_are_due(now) { self.ask_for_secrets() } else { Ok(Step::Done) }
            }
            (Asked::Secrets, CephXResponseBody::Rotating { secrets }) => {
                if let Some(secrets) = secrets {
                    let secrets = self.key.as_ref().ok_or(AuthError::NoKey)?.unseal(secrets)?;
                    self.secrets = ServiceSecrets::try_from(&secrets)?;
                }
                Ok(Step::Done)
            }
            _ => Err(unexpected("the answer is to something else")),
        }
    }

    /// The protocol is chosen.
    fn chosen(&mut self, reply: &MAuthReply, moment: &mut Moment<'_>) -> Result<Step, AuthError> {
        let protocol = reply.protocol;
        if !self.offered.contains(&protocol) || !self.can(protocol) {
            return Err(AuthError::ProtocolNotAllowed(protocol));
        }
        if protocol == AuthProtocol::CEPHX {
            let challenge: CephXServerChallenge = from_bytes(reply.result_bl.clone(), &Context::default())?;
            self.server_challenge = challenge.server_challenge;
        }
        self.protocol = protocol;
        self.set_global_id(reply.global_id);
        if protocol == AuthProtocol::CEPHX { self.ask_for_session(moment) } else { Ok(Step::Done) }
    }

    fn set_global_id(&mut self, global_id: u64) {
        if global_id != 0 && global_id != self.global_id {
            self.global_id = global_id;
            self.tickets.refuse_all();
        }
    }

    /// Asks for what is missing besides the ticket for the ticket service.
    fn more(&mut self, moment: &mut Moment<'_>) -> Result<Step, AuthError> {
        let now = since_1970(moment.wall);
        match self.tickets.due(self.services, now) {
            0 if self.secrets_are_due(now) => self.ask_for_secrets(),
            0 => Ok(Step::Done),
            keys => self.ask_for_tickets(keys, moment),
        }
    }

    fn ask_for_session(&mut self, moment: &mut Moment<'_>) -> Result<Step, AuthError> {
        let own = self.key.as_ref().ok_or(AuthError::NoKey)?;
        let client_challenge = moment.random.next_u64();
        let key = challenge_proof(own, self.server_challenge, client_challenge)?;
        let old_ticket = self.tickets.get(AUTH).map_or_else(CephXTicketBlob::default, |ticket| ticket.blob.clone());
        let authenticate = CephXAuthenticate { client_challenge, key, old_ticket, ..CephXAuthenticate::default() };
        self.ask(Asked::Session, CephXRequestType::GET_AUTH_SESSION_KEY, CephXRequestBody::Authenticate(authenticate))
    }

    fn ask_for_tickets(&mut self, keys: u32, moment: &mut Moment<'_>) -> Result<Step, AuthError> {
        let auth = self.tickets.get(AUTH).ok_or(AuthError::NoKey)?;
        let authorizer = auth.authorizer(AUTH, self.global_id, moment.random.next_u64())?;
        let request = CephXServiceTicketRequest { keys, ..CephXServiceTicketRequest::default() };
        let body = CephXRequestBody::Tickets { authorizer, request };
        self.ask(Asked::Tickets, CephXRequestType::GET_PRINCIPAL_SESSION_KEY, body)
    }

    fn ask_for_secrets(&mut self) -> Result<Step, AuthError> {
        self.ask(Asked::Secrets, CephXRequestType::GET_ROTATING_KEY, CephXRequestBody::Rotating)
    }

    fn ask(
        &mut self,
        asked: Asked,
        request_type: CephXRequestType,
        request: CephXRequestBody,
    ) -> Result<Step, AuthError> {
        let auth_payload = to_bytes(&CephXRequest { request_type, request }, Target::fresh(self.features))?;
        self.asked = Some(asked);
        Ok(Step::Send(MAuth { protocol: self.protocol, auth_payload, monmap_epoch: Some(0), ..MAuth::default() }))
    }

    /// Whether there is something to [`renew`](Self::renew).
    pub fn needs_renewal(&self, now: UTime) -> bool {
        let now = since_1970(now);
        let is_ready = self.protocol == AuthProtocol::CEPHX && self.asked.is_none() && self.is_authenticated();
        is_ready && (self.tickets.due(self.services | AUTH, now) != 0 || self.secrets_are_due(now))
    }

    /// When the next ticket or secret has to be renewed, if nothing is missing.
    pub fn next_renewal(&self) -> Option<UTime> {
        let secrets = self.secrets.expiration().filter(|_| self.is_daemon());
        let secrets = secrets.map(|expiration| expiration.saturating_add(SECRETS_GRACE));
        let tickets = self.tickets.next_renewal(self.services | AUTH);
        tickets.into_iter().chain(secrets).min().map(utime)
    }

    /// What to send to the monitor to which it is authenticated in order to have good tickets: `None` if all are good,
    /// or an answer is outstanding.
    ///
    /// # Errors
    /// Never, as long as the name can be written.
    pub fn renew(&mut self, moment: &mut Moment<'_>) -> Result<Option<MAuth>, AuthError> {
        if !self.needs_renewal(moment.wall) {
            return Ok(None);
        }
        let auth_is_due = self.tickets.due(AUTH, since_1970(moment.wall)) != 0;
        match if auth_is_due { self.ask_for_session(moment) } else { self.more(moment) }? {
            Step::Send(request) => Ok(Some(request)),
            Step::Done => Ok(None),
        }
    }

    fn is_daemon(&self) -> bool {
        [EntityType::OSD, EntityType::MDS].into_iter().any(|daemon| self.name.r#type == u32::from(daemon.0))
    }

    fn secrets_are_due(&self, now: Duration) -> bool {
        self.is_daemon() && self.secrets.are_due(now.saturating_sub(SECRETS_GRACE))
    }

    /// The authorizer to show to a service, with a new nonce (AU-21): monitors get none. `None` without a ticket.
    pub fn authorizer(&mut self, peer: EntityType, refused: bool, moment: &mut Moment<'_>) -> Option<Authorizer> {
        if peer == EntityType::MON {
            return None;
        }
        if self.protocol == AuthProtocol::NONE {
            return none::authorizer(&self.name, self.global_id);
        }
        let service = u32::from(peer.0);
        if refused {
            self.tickets.refuse(service);
        }
        let ticket = self.tickets.get(service)?;
        let nonce = moment.random.next_u64();
        let authorizer = ticket.authorizer(service, self.global_id, nonce).ok()?;
        shown(&authorizer, nonce, &ticket.session_key).ok()
    }
}

fn unexpected(what: &str) -> AuthError {
    AuthError::Malformed(what.to_owned())
}
