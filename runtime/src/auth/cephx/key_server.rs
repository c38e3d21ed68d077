//! What monitors know: everybody's key and capabilities, and the secrets of services.

use std::collections::BTreeMap;
use std::time::Duration;

use super::authorizer::seal_ticket;
use super::wall::{since_1970, utime};
use super::{ServiceSecrets, service_name};
use crate::auth::{AuthError, Key, Keyring, Moment};
use crate::codec::{Framed, Str};
use crate::wire::address::{AuthEntityName, EntityType};
use crate::wire::auth::CephXTicketBlob;
use crate::wire::cephx::{
    AuthCaps, AuthCapsInfo, AuthTicket, CephXSealedTicketBlob, CephXServiceTicket, CephXTicketReplyBlob,
    CephXTicketReplyEntry, CephXTicketReplyTicket,
};

/// The services that have secrets.
const SERVICES: [EntityType; 4] = [EntityType::AUTH, EntityType::MON, EntityType::OSD, EntityType::MDS];

/// Makes tickets (`KeyServer` in `src/auth/cephx/CephxKeyServer.cc`).
#[derive(Clone, Debug)]
pub(super) struct KeyServer {
    keyring: Keyring,
    /// By their owner and the service where they hold.
    caps: Vec<(AuthEntityName, u32, Str)>,
    /// The key of the monitors, from which others are made.
    source: Key,
    secrets: BTreeMap<u32, ServiceSecrets>,
    /// How long tickets for the ticket service are good, and those for other services.
    pub(super) mon_ticket_ttl: Duration,
    pub(super) service_ticket_ttl: Duration,
}

/// A ticket that is made: the entry for its owner, and the key that is in it.
pub(super) struct Made {
    pub(super) known: CephXServiceTicket,
    pub(super) blob: CephXTicketBlob,
    service: u32,
}

impl KeyServer {
    pub(super) fn new(keyring: Keyring) -> Result<KeyServer, AuthError> {
        let source = keyring.get(&service_name(EntityType::MON)).cloned().ok_or(AuthError::NoKey)?;
        Ok(KeyServer {
            keyring,
            caps: Vec::new(),
            source,
            secrets: BTreeMap::new(),
            mon_ticket_ttl: Duration::from_secs(12 * 3600),
            service_ticket_ttl: Duration::from_secs(3600),
        })
    }

    /// The key of somebody.
    pub(super) fn key(&self, name: &AuthEntityName) -> Option<&Key> {
        self.keyring.get(name)
    }

    /// The key from which others are made.
    pub(super) fn source(&self) -> &Key {
        &self.source
    }

    pub(super) fn set_caps(&mut self, name: AuthEntityName, service: u32, caps: Str) {
        self.caps.retain(|(owner, at, _)| (owner, *at) != (&name, service));
        self.caps.push((name, service, caps));
    }

    /// What somebody may do at a service.
    pub(super) fn caps(&self, name: &AuthEntityName, service: u32) -> AuthCapsInfo {
        let caps = self.caps.iter().find(|(owner, at, _)| (owner, *at) == (name, service));
        let caps = caps.map(|(_, _, text)| Framed::new(AuthCaps { text: text.clone() }));
        AuthCapsInfo { caps, ..AuthCapsInfo::default() }
    }

    /// The secrets of a service.
    pub(super) fn secrets(&self, service: u32) -> Option<&ServiceSecrets> {
        self.secrets.get(&service)
    }

    /// Makes new secrets where it is time to.
    pub(super) fn rotate(&mut self, moment: &mut Moment<'_>) {
        for service in SERVICES {
            let ttl = self.ttl(service.0.into());
            self.secrets.entry(service.0.into()).or_default().rotate(ttl, &self.source, moment);
        }
    }

    fn ttl(&self, service: u32) -> Duration {
        if service == u32::from(EntityType::AUTH.0) { self.mon_ticket_ttl } else { self.service_ticket_ttl }
    }

    /// Makes a ticket for a service. An error if the service has no secrets.
    pub(super) fn make(&self, service: u32, owner: AuthTicket, moment: &mut Moment<'_>) -> Result<Made, AuthError> {
        let now = since_1970(moment.wall);
        let secret = self.secrets(service).and_then(|secrets| secrets.for_sealing(now));
        let (secret_id, secret) = secret.ok_or(AuthError::UnknownSecret { service_id: service, secret_id: 0 })?;
        let session_key = self.source.derive(moment.random, moment.wall);
        let validity = self.ttl(service);
        let expires = utime(now.saturating_add(validity));
        let ticket = AuthTicket { created: moment.wall, expires, ..owner };
        let blob = seal_ticket(ticket, &session_key, secret_id, secret)?;
        let session_key = (&session_key).into();
        let known = CephXServiceTicket { session_key, validity: utime(validity), ..CephXServiceTicket::default() };
        Ok(Made { known, blob, service })
    }
}

impl Made {
    /// The ticket on its way to its owner, whose key this is. Who had a ticket before gets it sealed once more with the
    /// session key of that.
    pub(super) fn for_owner(self, key: &Key, before: Option<&Key>) -> Result<CephXTicketReplyEntry, AuthError> {
        let msg_a = key.seal(&self.known)?;
        let blob = Framed::new(self.blob);
        let ticket_blob = match before {
            None => CephXTicketReplyBlob::Plain { blob },
            Some(before) => CephXTicketReplyBlob::Encrypted { blob: before.seal(&CephXSealedTicketBlob { blob })? },
        };
        let ticket = CephXTicketReplyTicket { msg_a, ticket_blob, ..CephXTicketReplyTicket::default() };
        Ok(CephXTicketReplyEntry { service_id: self.service, ticket })
    }
}
