//! Proofs of identity in a handshake. They are read and written again; with keys, they are opened and compared.

use bytes::Bytes;
use firefly_runtime::auth::Key;
use firefly_runtime::codec::{Context, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::auth::{
    AuthNoneAuthorizer, AuthProtocol, CephXAuthorize, CephXAuthorizer, CephXAuthorizerChallenge, CephXAuthorizerReply,
    SECRET_ID_OWN_KEY,
};
use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};

use super::evidence::{Evidence, Round};
use super::finding::{Severity, Text, rule};
use super::keys::{Found, Heard, Keys, sealed_in};
use super::log::{Log, Spot};

/// Checks the client's proof.
pub(super) fn check_connect(connect: &Connect, spot: Spot, log: &mut Log<'_>) {
    let authorizer = &connect.authorizer;
    match connect.authorizer_protocol {
        _ if authorizer.is_empty() => {}
        AuthProtocol::NONE => check::<AuthNoneAuthorizer>(authorizer, "AU-01", spot, log),
        AuthProtocol::CEPHX => check::<CephXAuthorizer>(authorizer, "AU-04", spot, log),
        _ => {}
    }
}

/// Checks the server's proof. A challenge has another form.
pub(super) fn check_reply(reply: &ConnectReply, spot: Spot, log: &mut Log<'_>) {
    let Some(Round { connect, .. }) = log.evidence.rounds.last() else { return };
    if connect.authorizer_protocol != AuthProtocol::CEPHX || reply.authorizer.is_empty() {
        return;
    }
    if reply.tag == Tag::CHALLENGE_AUTHORIZER {
        check::<CephXAuthorizerChallenge>(&reply.authorizer, "MD-15", spot, log);
    } else {
        check::<CephXAuthorizerReply>(&reply.authorizer, "AU-05", spot, log);
    }
}

fn check<T: Wire>(bytes: &Bytes, broken: &'static str, spot: Spot, log: &mut Log<'_>) {
    match from_bytes::<T>(bytes.clone(), &Context::default()) {
        Ok(value) if to_bytes(&value, Target::exact(0)).is_ok_and(|again| again == *bytes) => {}
        Ok(_) => {
            let text = Text::new("an authorizer is not what is written again", T::NAME);
            log.add(Severity::Error, rule::EXACT, spot, text);
        }
        Err(error) => {
            let text = Text::new(format!("an authorizer cannot be read ({})", T::NAME), error.to_string());
            log.add(Severity::Warning, broken, spot, text);
        }
    }
}

/// What one round leaves for the next.
#[derive(Default)]
struct Before {
    nonce: Option<u64>,
    challenge: Option<u64>,
}

/// Opens the authorizers of a connection and the answers to them. The session key, if it is known.
pub(super) fn open(evidence: &Evidence, keys: &Keys<'_>, heard: &mut Heard) -> Option<Key> {
    let mut before = Before::default();
    evidence.rounds.iter().fold(None, |_, round| open_round(round, keys, heard, &mut before))
}

fn open_round(round: &Round, keys: &Keys<'_>, heard: &mut Heard, before: &mut Before) -> Option<Key> {
    let Before { nonce, challenge } = std::mem::take(before);
    let Connect { authorizer_protocol, authorizer, .. } = &round.connect;
    if *authorizer_protocol != AuthProtocol::CEPHX || authorizer.is_empty() {
        return None;
    }
    let opened = from_bytes(authorizer.clone(), &Context::default()).ok().and_then(|authorizer: CephXAuthorizer| {
        let key = session_key(&authorizer, round, keys, heard)?;
        match heard.open(&authorizer.authorize, &key, round.spot) {
            Some(authorize) => Some((key, authorize)),
            None => {
                fault(round, heard, "AU-04", "an authorizer is not sealed with the session key of its ticket");
                None
            }
        }
    });
    heard.authorizers.count(opened.is_some());
    let (key, authorize) = opened?;
    if challenge.is_none() && nonce == Some(authorize.nonce) {
        heard.fault(Severity::Warning, "AU-21", round.spot, "a nonce is used again");
    }
    if let Some(challenge) = challenge
        && (!authorize.have_challenge || authorize.server_challenge_plus_one != challenge.wrapping_add(1))
    {
        fault(round, heard, "MD-15", "an authorizer does not answer the challenge");
    }
    before.nonce = Some(authorize.nonce);
    before.challenge = open_reply(round, &key, &authorize, heard);
    Some(key)
}

/// The session key of an authorizer's ticket, from either side.
fn session_key(authorizer: &CephXAuthorizer, round: &Round, keys: &Keys<'_>, heard: &mut Heard) -> Option<Key> {
    let CephXAuthorizer { ticket, service_id, .. } = authorizer;
    let session = keys.session(ticket).cloned();
    let Some(secret) = keys.secret(*service_id, ticket) else { return session };
    let Some(info) = heard.open(&sealed_in(ticket), secret, round.spot) else {
        if ticket.secret_id == SECRET_ID_OWN_KEY {
            let text = "a ticket does not open with the service's key in the keyring";
            heard.fault(Severity::Warning, rule::KEYRING, round.spot, text);
        } else {
            fault(round, heard, "AU-09", "a ticket is not sealed with the key of the service");
        }
        return session;
    };
    if info.ticket.global_id != authorizer.global_id {
        fault(round, heard, "AU-11", "an authorizer is for another global_id than its ticket");
    }
    let key = heard.key(&info.session_key, round.spot)?;
    if session.is_some_and(|session| session != key) {
        heard.fault(
            Severity::Error,
            "AU-35",
            round.spot,
            "a ticket has other session keys for its owner and for the service",
        );
    }
    heard.found.push(Found::Session { ticket: ticket.blob.clone(), key: key.clone() });
    Some(key)
}

/// Checks the answer. The challenge, if it is one.
fn open_reply(round: &Round, key: &Key, authorize: &CephXAuthorize, heard: &mut Heard) -> Option<u64> {
    let (spot, reply) = round.answer.as_ref()?;
    if reply.tag == Tag::CHALLENGE_AUTHORIZER {
        let challenge: CephXAuthorizerChallenge = from_bytes(reply.authorizer.clone(), &Context::default()).ok()?;
        let opened = heard.open(&challenge.challenge, key, *spot);
        if opened.is_none() {
            heard.fault(Severity::Error, "MD-15", *spot, "a challenge is not sealed with the session key");
        }
        return opened.map(|challenge| challenge.server_challenge);
    }
    if reply.authorizer.is_empty() {
        if is_accepted(round) {
            heard.fault(Severity::Error, "AU-05", *spot, "an authorizer is accepted without an answer to it");
        }
        return None;
    }
    let answer: CephXAuthorizerReply = from_bytes(reply.authorizer.clone(), &Context::default()).ok()?;
    match heard.open(&answer.reply, key, *spot) {
        Some(answer) if answer.nonce_plus_one == authorize.nonce.wrapping_add(1) => {}
        Some(_) => heard.fault(Severity::Error, "AU-05", *spot, "the server's proof is not for the client's nonce"),
        None => heard.fault(Severity::Error, "AU-05", *spot, "the server's proof is not sealed with the session key"),
    }
    None
}

fn is_accepted(round: &Round) -> bool {
    matches!(&round.answer, Some((_, reply)) if matches!(reply.tag, Tag::READY | Tag::SEQ))
}

/// A client's fault, for which it is to be refused. If it is not, that is worse.
fn fault(round: &Round, heard: &mut Heard, rule: &'static str, text: &str) {
    let accepted = is_accepted(round);
    let severity = if accepted { Severity::Error } else { Severity::Warning };
    let detail = if accepted { "it is accepted all the same" } else { "" };
    heard.fault(severity, rule, round.spot, Text::new(text, detail));
}
