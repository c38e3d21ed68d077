//! How clients get tickets from monitors.

use std::collections::VecDeque;

use bytes::Bytes;
use firefly_runtime::auth::{Key, challenge_proof};
use firefly_runtime::codec::{Context, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::address::AuthEntityName;
use firefly_runtime::wire::auth::{AuthHello, AuthProtocol, CephXRequestType, CephXTicketBlob, MAuth, MAuthReply};
use firefly_runtime::wire::cephx::{
    CephXAuthenticate, CephXRequest, CephXRequestBody, CephXResponse, CephXResponseBody, CephXServerChallenge,
    CephXTicketReply, CephXTicketReplyBlob, RotatingSecrets,
};

use super::evidence::Evidence;
use super::finding::{Severity, Text, rule};
use super::keys::{Found, Heard, Keys};
use super::log::Spot;

/// A client's turn.
enum Request {
    Hello(AuthHello),
    CephX(CephXRequest),
    /// Of another protocol, or not readable.
    Other,
}

/// The exchange of one connection, as far as it has been read.
struct Exchange<'a> {
    keys: &'a Keys<'a>,
    heard: &'a mut Heard,
    /// Who the client is.
    name: Option<AuthEntityName>,
    challenge: Option<u64>,
    /// Session keys of tickets for the ticket service.
    sessions: Vec<Key>,
}

/// Reads what was said to a monitor and its answers.
pub(super) fn read(evidence: &Evidence, keys: &Keys<'_>, heard: &mut Heard) {
    let mut requests: VecDeque<Request> =
        evidence.requests.iter().map(|(spot, request)| self::request(request, *spot, heard)).collect();
    let mut exchange = Exchange { keys, heard, name: None, challenge: None, sessions: Vec::new() };
    for request in &requests {
        exchange.claim(request);
    }
    for (spot, reply) in &evidence.replies {
        exchange.answer(reply, *spot, &mut requests);
    }
}

/// What a client says in a turn.
fn request(request: &MAuth, spot: Spot, heard: &mut Heard) -> Request {
    let payload = &request.auth_payload;
    match request.protocol {
        AuthProtocol::UNKNOWN => payload_as(payload, "MA-06", spot, heard).map_or(Request::Other, Request::Hello),
        AuthProtocol::CEPHX => payload_as(payload, "MA-16", spot, heard).map_or(Request::Other, Request::CephX),
        _ => Request::Other,
    }
}

/// The value that a payload stands for, if it is one and is written again the same way.
fn payload_as<T: Wire>(payload: &Bytes, broken: &'static str, spot: Spot, heard: &mut Heard) -> Option<T> {
    match from_bytes::<T>(payload.clone(), &Context::default()) {
        Ok(value) => {
            if to_bytes(&value, Target::exact(0)).ok().as_ref() != Some(payload) {
                let text = Text::new("an authentication payload is not what is written again", T::NAME);
                heard.fault(Severity::Error, rule::EXACT, spot, text);
            }
            Some(value)
        }
        Err(error) => {
            let text = Text::new(format!("an authentication payload cannot be read ({})", T::NAME), error.to_string());
            heard.fault(Severity::Warning, broken, spot, text);
            None
        }
    }
}

/// Takes the first request that fits an answer off the queue.
fn take<T>(requests: &mut VecDeque<Request>, fits: impl Fn(&Request) -> Option<T>) -> Option<T> {
    let (at, taken) = requests.iter().enumerate().find_map(|(at, request)| Some((at, fits(request)?)))?;
    requests.remove(at);
    Some(taken)
}

fn as_hello(request: &Request) -> Option<AuthEntityName> {
    match request {
        Request::Hello(hello) => Some(hello.entity_name.clone()),
        _ => None,
    }
}

fn as_authenticate(request: &Request) -> Option<CephXAuthenticate> {
    match request {
        Request::CephX(CephXRequest { request: CephXRequestBody::Authenticate(authenticate), .. }) => {
            Some(authenticate.clone())
        }
        _ => None,
    }
}

fn as_ticket(request: &Request) -> Option<CephXTicketBlob> {
    match request {
        Request::CephX(CephXRequest { request: CephXRequestBody::Tickets { authorizer, .. }, .. }) => {
            Some(authorizer.ticket.clone())
        }
        _ => None,
    }
}

fn as_rotating(request: &Request) -> Option<()> {
    let Request::CephX(CephXRequest { request_type, .. }) = request else { return None };
    (*request_type == CephXRequestType::GET_ROTATING_KEY).then_some(())
}

impl Exchange<'_> {
    /// What a request says by itself: an authorizer for the ticket service.
    fn claim(&mut self, request: &Request) {
        let Request::CephX(CephXRequest { request: CephXRequestBody::Tickets { authorizer, .. }, .. }) = request else {
            return;
        };
        if let Some(key) = self.keys.session(&authorizer.ticket) {
            self.sessions.push(key.clone());
        }
    }

    fn answer(&mut self, reply: &MAuthReply, spot: Spot, requests: &mut VecDeque<Request>) {
        if reply.result != 0 || reply.protocol != AuthProtocol::CEPHX {
            requests.pop_front();
            return;
        }
        let payload = &reply.result_bl;
        if payload.len() == CephXServerChallenge::MIN_SIZE {
            self.name = take(requests, as_hello);
            let challenge = payload_as::<CephXServerChallenge>(payload, "MA-02", spot, self.heard);
            self.challenge = challenge.map(|challenge| challenge.server_challenge);
            return;
        }
        let response = payload_as::<CephXResponse>(payload, "MA-09", spot, self.heard);
        match response.map(|response| response.response) {
            Some(CephXResponseBody::Session { tickets, extra_tickets, .. }) => {
                let request = take(requests, as_authenticate);
                self.session(&tickets, request.as_ref(), spot);
                if let (Some(Some(extra)), Some(session)) = (extra_tickets, self.sessions.last().cloned()) {
                    self.tickets(&extra, &[session], spot);
                }
            }
            Some(CephXResponseBody::Tickets(tickets)) => {
                let presented = take(requests, as_ticket);
                match presented.and_then(|ticket| self.keys.session(&ticket)) {
                    Some(key) => {
                        if self.tickets(&tickets, std::slice::from_ref(key), spot) < tickets.tickets.len() {
                            let text = "tickets are not sealed with the key of the ticket that was shown";
                            self.heard.fault(Severity::Error, "MA-13", spot, text);
                        }
                    }
                    None => _ = self.tickets(&tickets, &self.sessions.clone(), spot),
                }
            }
            Some(CephXResponseBody::Rotating { secrets }) => {
                take(requests, as_rotating);
                if let Some(secrets) = secrets {
                    self.rotating(&secrets, spot);
                }
            }
            _ => {}
        }
    }

    /// The ticket for the ticket service.
    fn session(&mut self, reply: &CephXTicketReply, request: Option<&CephXAuthenticate>, spot: Spot) {
        let own = self.keys.of(self.name.as_ref());
        let old = request.and_then(|request| self.keys.session(&request.old_ticket));
        for entry in &reply.tickets {
            let opened = own.iter().find_map(|(_, key)| Some((*key, self.heard.open(&entry.ticket.msg_a, key, spot)?)));
            self.heard.tickets.count(opened.is_some());
            let Some((own, ticket)) = opened else {
                self.closed(&own, spot);
                continue;
            };
            if let (Some(request), Some(challenge)) = (request, self.challenge)
                && challenge_proof(own, challenge, request.client_challenge) != Ok(request.key)
            {
                self.heard.fault(Severity::Error, "MA-10", spot, "a ticket is given for a wrong proof");
            }
            if let Some(key) = self.heard.key(&ticket.session_key, spot) {
                self.found(&entry.ticket.ticket_blob, key.clone(), old, spot);
                self.sessions.push(key);
            }
        }
    }

    /// Tickets for services, sealed with one of these keys. How many of them could be opened.
    fn tickets(&mut self, reply: &CephXTicketReply, keys: &[Key], spot: Spot) -> usize {
        let mut count = 0;
        for entry in &reply.tickets {
            let ticket = self.heard.open_with_any(&entry.ticket.msg_a, keys, spot);
            self.heard.tickets.count(ticket.is_some());
            let Some(ticket) = ticket else { continue };
            count += 1;
            if let Some(key) = self.heard.key(&ticket.session_key, spot) {
                self.found(&entry.ticket.ticket_blob, key, keys, spot);
            }
        }
        count
    }

    /// The session key of a ticket, which may be sealed once more.
    fn found<'k>(
        &mut self,
        blob: &CephXTicketReplyBlob,
        key: Key,
        outer: impl IntoIterator<Item = &'k Key>,
        spot: Spot,
    ) {
        let blob = match blob {
            CephXTicketReplyBlob::Plain { blob } => blob.value.clone(),
            CephXTicketReplyBlob::Encrypted { blob } => match self.heard.open_with_any(blob, outer, spot) {
                Some(opened) => opened.blob.value,
                None => return,
            },
        };
        self.heard.found.push(Found::Session { ticket: blob.blob, key });
    }

    /// Keys with which tickets for the client are sealed.
    fn rotating(&mut self, sealed: &firefly_runtime::codec::Sealed<RotatingSecrets>, spot: Spot) {
        let own = self.keys.of(self.name.as_ref());
        let opened = own.iter().find_map(|(name, key)| Some((*name, self.heard.open(sealed, key, spot)?)));
        self.heard.rotating.count(opened.is_some());
        let Some((name, secrets)) = opened else { return self.closed(&own, spot) };
        for (id, secret) in secrets.secrets.iter() {
            if let Some(key) = self.heard.key(&secret.key, spot) {
                self.heard.found.push(Found::Rotating { service: name.r#type, id: *id, key });
            }
        }
    }

    /// The keyring has a key, but not the right one.
    fn closed(&mut self, own: &[(&AuthEntityName, &Key)], spot: Spot) {
        if self.name.is_some() && !own.is_empty() {
            let text = "what a monitor seals for a client does not open with the client's key in the keyring";
            self.heard.fault(Severity::Warning, rule::KEYRING, spot, text);
        }
    }
}
