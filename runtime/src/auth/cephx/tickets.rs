//! The tickets that a client holds.

use std::collections::BTreeMap;
use std::time::Duration;

use super::authorizer;
use super::wall::since_1970;
use crate::auth::{AuthError, Key};
use crate::wire::auth::{CephXAuthorizer, CephXTicketBlob};
use crate::wire::cephx::{CephXTicketReply, CephXTicketReplyBlob, CephXTicketReplyTicket};

/// Tickets by the service they are for, as an entity type.
#[derive(Clone, Debug, Default)]
pub(super) struct Tickets(BTreeMap<u32, Ticket>);

/// A ticket and what its owner must know of it (`CephXTicketHandler` in `src/auth/cephx/CephxProtocol.h`).
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) blob: CephXTicketBlob,
    pub(super) session_key: Key,
    /// `None` if it is good for ever.
    term: Option<Term>,
    /// Whether a service refused it.
    refused: bool,
}

/// Until when a ticket is good, since 1970.
#[derive(Clone, Copy, Debug)]
struct Term {
    renew_after: Duration,
    expires: Duration,
}

impl Tickets {
    /// The ticket for a service.
    pub(super) fn get(&self, service: u32) -> Option<&Ticket> {
        self.0.get(&service)
    }

    /// Notes that a service refused its ticket: it is to be renewed.
    pub(super) fn refuse(&mut self, service: u32) {
        if let Some(ticket) = self.0.get_mut(&service) {
            ticket.refused = true;
        }
    }

    /// Notes that all tickets are to be renewed.
    pub(super) fn refuse_all(&mut self) {
        self.0.values_mut().for_each(|ticket| ticket.refused = true);
    }

    /// Forgets all tickets.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there is a ticket for a service that has not expired.
    pub(super) fn holds(&self, service: u32, now: Duration) -> bool {
        self.get(service).is_some_and(|ticket| ticket.term.is_none_or(|term| now < term.expires))
    }

    /// Those of some services, added up, for which there is no ticket, or one that is to be renewed.
    pub(super) fn due(&self, services: u32, now: Duration) -> u32 {
        let bits = (0..u32::BITS).map(|bit| services & (1 << bit));
        bits.filter(|service| self.get(*service).is_none_or(|ticket| ticket.is_due(now))).sum()
    }

    /// When the next of the tickets for some services is to be renewed.
    pub(super) fn next_renewal(&self, services: u32) -> Option<Duration> {
        let wanted = self.0.iter().filter(|(service, _)| services & **service != 0);
        wanted.filter_map(|(_, ticket)| ticket.term.map(|term| term.renew_after)).min()
    }

    /// Takes tickets that are sealed with a key: all of them or none
    /// (`CephXTicketManager::verify_service_ticket_reply` in `src/auth/cephx/CephxProtocol.cc`).
    pub(super) fn take(&mut self, reply: &CephXTicketReply, key: &Key, now: Duration) -> Result<(), AuthError> {
        let open = |service, ticket| Ok((service, Ticket::open(ticket, key, self.get(service), now)?));
        let tickets = reply.tickets.iter().map(|entry| open(entry.service_id, &entry.ticket));
        let tickets = tickets.collect::<Result<Vec<_>, AuthError>>()?;
        self.0.extend(tickets);
        Ok(())
    }
}

impl Ticket {
    /// Opens a ticket that is sealed with a key, and perhaps with the session key of the one before.
    fn open(
        ticket: &CephXTicketReplyTicket,
        key: &Key,
        before: Option<&Ticket>,
        now: Duration,
    ) -> Result<Ticket, AuthError> {
        let known = key.unseal(&ticket.msg_a)?;
        let blob = match &ticket.ticket_blob {
            CephXTicketReplyBlob::Plain { blob } => blob.value.clone(),
            CephXTicketReplyBlob::Encrypted { blob } => {
                let before = before.ok_or(AuthError::NoKey)?;
                before.session_key.unseal(blob)?.blob.value
            }
        };
        let session_key = Key::try_from(&known.session_key)?;
        let validity = since_1970(known.validity);
        let term = (!validity.is_zero()).then(|| {
            let expires = now.saturating_add(validity);
            Term { renew_after: expires.saturating_sub(validity / 4), expires }
        });
        Ok(Ticket { blob, session_key, term, refused: false })
    }

    fn is_due(&self, now: Duration) -> bool {
        self.refused || self.term.is_some_and(|term| now >= term.renew_after)
    }

    /// An authorizer for the service.
    pub(super) fn authorizer(&self, service: u32, global_id: u64, nonce: u64) -> Result<CephXAuthorizer, AuthError> {
        authorizer::build(&self.blob, &self.session_key, service, global_id, nonce)
    }
}
