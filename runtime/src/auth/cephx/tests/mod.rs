//! Clients, monitors and services with each other, with what was recorded, and with what is wrong.

use std::time::Duration;

use bytes::Bytes;

use super::wall::utime;
use super::*;
use crate::auth::crypto::tests::key;
use crate::auth::{Authorizer, Key, Keyring, Moment, Request, Verdict};
use crate::codec::{Context, Parts, Sealed, Target, from_bytes, hex, to_bytes};
use crate::random::Random;
use crate::wire::auth::{
    AuthProtocol, CephXAuthorize, CephXAuthorizer, CephXAuthorizerReply, CephXTicketBlob, MAuth, MAuthReply,
    SECRET_ID_OWN_KEY,
};
use crate::wire::cephx::{CephXRequest, CephXRequestBody};
use crate::wire::features::Features;
use crate::wire::prelude::UTime;

mod exchange;
mod handshake;
mod hostile;
mod recorded;
mod recorded_later;
mod renewal;

/// A moment in 2026, since 1970.
const NOW: Duration = Duration::from_secs(1_795_344_234);

fn at(now: Duration, random: &mut Random) -> Moment<'_> {
    Moment { wall: utime(now), random }
}

fn name(r#type: EntityType, id: &str) -> AuthEntityName {
    AuthEntityName { r#type: r#type.0.into(), id: id.into() }
}

fn bytes(text: &str) -> Bytes {
    hex::decode(&text.replace(' ', "")).unwrap().into()
}

/// A key that is made of one byte.
fn key_of(byte: u8) -> Key {
    Key::new(crate::wire::auth::CryptoType::AES, UTime::default(), &[byte; 16]).unwrap()
}

fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    keyring.insert(name(EntityType::MON, ""), key_of(1));
    keyring.insert(name(EntityType::OSD, "0"), key_of(2));
    keyring.insert(name(EntityType::CLIENT, "admin"), key());
    keyring
}

fn monitor() -> CephxMonitor {
    let mut monitor = CephxMonitor::new(keyring()).unwrap();
    monitor.set_caps(name(EntityType::CLIENT, "admin"), EntityType::OSD, "allow rwx");
    monitor.set_caps(name(EntityType::CLIENT, "admin"), EntityType::MON, "allow r");
    monitor
}

fn admin() -> CephxClient {
    CephxClient::new(name(EntityType::CLIENT, "admin"), key(), &[EntityType::MON, EntityType::OSD])
}

/// What a client says after the challenge.
fn said(request: &MAuth) -> CephXRequestBody {
    from_bytes::<CephXRequest>(request.auth_payload.clone(), &Context::default()).unwrap().request
}

/// Lets a client authenticate on a new connection. What it said, and the end of it.
fn authenticate(
    client: &mut CephxClient,
    monitor: &mut CephxMonitor,
    session: &mut MonSession,
    moment: &mut Moment<'_>,
) -> (Vec<MAuth>, Result<(), AuthError>) {
    let mut said = vec![client.start(0, 0).unwrap()];
    loop {
        let answer = monitor.handle(session, said.last().unwrap(), moment);
        match client.handle(&answer.reply, moment) {
            Ok(Step::Send(next)) => said.push(next),
            Ok(Step::Done) => return (said, Ok(())),
            Err(error) => return (said, Err(error)),
        }
    }
}

/// A client with tickets, and a service that knows the secrets for them.
fn client_and_service() -> (CephxClient, CephxService) {
    let (mut client, mut monitor) = (admin(), monitor());
    let mut random = Random::new(7);
    authenticate(&mut client, &mut monitor, &mut MonSession::new(0), &mut at(NOW, &mut random)).1.unwrap();
    let mut service = CephxService::new(EntityType::OSD, &keyring());
    service.set_secrets(monitor.secrets(EntityType::OSD, &mut at(NOW, &mut random)).unwrap().clone());
    (client, service)
}

/// An authorizer of CEPHX as a peer without later features shows it.
fn shown(authorizer: &Bytes) -> Request<'_> {
    Request { peer: EntityType::CLIENT, protocol: AuthProtocol::CEPHX, authorizer, features: 0, challenge: None }
}

fn accepted(verdict: Verdict) -> (Bytes, Key) {
    match verdict {
        Verdict::Accept { reply, session_key } => (reply, session_key.unwrap()),
        other => panic!("{other:?}"),
    }
}

fn rejected(verdict: Verdict) -> AuthError {
    match verdict {
        Verdict::Reject(error) => error,
        other => panic!("{other:?}"),
    }
}
