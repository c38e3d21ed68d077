//! All that a process needs to authenticate: what it shows, and what it demands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{
    AuthError, Authenticator, Authorizer, CephxClient, CephxService, Key, Moment, Request, Rules, Step, Verdict, cephx,
};
use crate::wire::address::EntityType;
use crate::wire::auth::{AuthProtocol, MAuthReply};

/// What a process shows to those to whom it connects, what it demands of those who connect, and how it judges them.
///
/// Who needs it after an endpoint has got it puts it into an `Arc<Mutex<_>>`, which authenticates as well.
#[derive(Clone, Debug)]
pub struct Auth {
    shows: Shows,
    rules: Rules,
    service: Option<CephxService>,
    signing: Signing,
}

/// What a process shows to those to whom it connects.
#[derive(Clone, Debug)]
pub enum Shows {
    /// Nothing: heartbeat messengers, and monitors that do not use CEPHX.
    Nothing,
    /// What came of authenticating to a monitor: tickets, or with the protocol NONE its name. Nothing to monitors.
    Tickets(Box<CephxClient>),
    /// To other monitors, a ticket that it seals with the key `mon.`, which they share. Nothing to others.
    MonitorKey(Key),
}

/// What is done about signatures of messages with CEPHX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signing {
    /// Whether messages are signed, and signatures looked at (`cephx_sign_messages`).
    pub sign_messages: bool,
    /// Whether OSDs and metadata servers must be able to sign (`cephx_cluster_require_signatures`; AU-22).
    pub cluster_require: bool,
    /// Whether all others must (`cephx_service_require_signatures`).
    pub service_require: bool,
}

impl Default for Signing {
    /// Signs, and demands it of nobody.
    fn default() -> Signing {
        Signing { sign_messages: true, cluster_require: false, service_require: false }
    }
}

impl Auth {
    /// A process that shows something and demands something. Without a [service](Self::with_service) it lets nobody in
    /// of whom CEPHX is demanded.
    pub fn new(shows: Shows, rules: Rules) -> Auth {
        Auth { shows, rules, service: None, signing: Signing::default() }
    }

    /// The same with a service to which tickets can be shown.
    pub fn with_service(self, service: CephxService) -> Auth {
        Auth { service: Some(service), ..self }
    }

    /// The same with another way of signing.
    pub fn with_signing(self, signing: Signing) -> Auth {
        Auth { signing, ..self }
    }

    /// What authenticates to monitors.
    pub fn client(&mut self) -> Option<&mut CephxClient> {
        match &mut self.shows {
            Shows::Tickets(client) => Some(client),
            _ => None,
        }
    }

    /// What judges tickets.
    pub fn service(&mut self) -> Option<&mut CephxService> {
        self.service.as_mut()
    }

    /// Takes a monitor's answer, as [`CephxClient::handle`]; the service gets the secrets that come with it.
    ///
    /// # Errors
    /// When there is no client, or it fails.
    pub fn handle(&mut self, reply: &MAuthReply, moment: &mut Moment<'_>) -> Result<Step, AuthError> {
        let Shows::Tickets(client) = &mut self.shows else { return Err(AuthError::NoKey) };
        let step = client.handle(reply, moment)?;
        if let Some(service) = &mut self.service
            && !client.secrets().is_empty()
        {
            service.set_secrets(client.secrets().clone());
        }
        Ok(step)
    }
}

impl Authenticator for Auth {
    fn authorizer(&mut self, peer: EntityType, refused: bool, moment: &mut Moment<'_>) -> Option<Authorizer> {
        match &mut self.shows {
            Shows::Nothing => None,
            Shows::Tickets(client) => client.authorizer(peer, refused, moment),
            Shows::MonitorKey(key) if peer == EntityType::MON => cephx::of_monitor(key, moment).ok(),
            Shows::MonitorKey(_) => None,
        }
    }

    fn answer(
        &mut self,
        authorizer: &Authorizer,
        challenge: &Bytes,
        _moment: &mut Moment<'_>,
    ) -> Result<Authorizer, AuthError> {
        match authorizer.protocol {
            AuthProtocol::CEPHX => cephx::answer(authorizer, challenge),
            _ => Err(AuthError::Challenge),
        }
    }

    fn verify_reply(&mut self, authorizer: &Authorizer, reply: &Bytes) -> Result<(), AuthError> {
        match authorizer.protocol {
            AuthProtocol::CEPHX => cephx::verify_reply(authorizer, reply),
            _ => Ok(()),
        }
    }

    fn verify(&mut self, request: &Request<'_>, moment: &mut Moment<'_>) -> Verdict {
        let service = &self.service;
        self.rules.judge(request, || match service {
            Some(service) => service.verify(request, moment),
            None => Verdict::Reject(AuthError::NoKey),
        })
    }

    fn requires_signatures(&self, peer: EntityType) -> bool {
        let Signing { cluster_require, service_require, .. } = self.signing;
        if peer == EntityType::OSD || peer == EntityType::MDS { cluster_require } else { service_require }
    }

    fn signs(&self) -> bool {
        self.signing.sign_messages
    }
}

impl<A: Authenticator> Authenticator for Arc<Mutex<A>> {
    fn authorizer(&mut self, peer: EntityType, refused: bool, moment: &mut Moment<'_>) -> Option<Authorizer> {
        lock(self).authorizer(peer, refused, moment)
    }

    fn answer(
        &mut self,
        authorizer: &Authorizer,
        challenge: &Bytes,
        moment: &mut Moment<'_>,
    ) -> Result<Authorizer, AuthError> {
        lock(self).answer(authorizer, challenge, moment)
    }

    fn verify_reply(&mut self, authorizer: &Authorizer, reply: &Bytes) -> Result<(), AuthError> {
        lock(self).verify_reply(authorizer, reply)
    }

    fn verify(&mut self, request: &Request<'_>, moment: &mut Moment<'_>) -> Verdict {
        lock(self).verify(request, moment)
    }

    fn requires_signatures(&self, peer: EntityType) -> bool {
        lock(self).requires_signatures(peer)
    }

    fn signs(&self) -> bool {
        lock(self).signs()
    }
}

/// What is behind a lock, even if somebody panicked while holding it: every change is made at once.
fn lock<A>(mutex: &Mutex<A>) -> MutexGuard<'_, A> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{CephxMonitor, Demand, Keyring, MonSession};
    use crate::codec::Str;
    use crate::random::Random;
    use crate::wire::address::AuthEntityName;
    use crate::wire::auth::CryptoType;
    use crate::wire::prelude::UTime;

    fn keyring() -> Keyring {
        let mut keyring = Keyring::default();
        for (byte, (r#type, id)) in (1..).zip([(EntityType::MON, ""), (EntityType::OSD, "0")]) {
            let key = Key::new(CryptoType::AES, UTime::default(), &[byte; 16]).unwrap();
            keyring.insert(AuthEntityName { r#type: r#type.0.into(), id: Str::from(id) }, key);
        }
        keyring
    }

    #[test]
    fn an_osd_shows_and_judges_tickets() {
        let mut random = Random::new(1);
        let mut moment = Moment { wall: UTime { tv_sec: 1 << 30, tv_nsec: 0 }, random: &mut random };
        let name = AuthEntityName { r#type: EntityType::OSD.0.into(), id: Str::from("0") };
        let client = CephxClient::new(name.clone(), keyring().get(&name).unwrap().clone(), &[EntityType::OSD]);
        let service = CephxService::new(EntityType::OSD, &keyring());
        let cephx = [AuthProtocol::CEPHX];
        let auth = Auth::new(Shows::Tickets(Box::new(client)), Rules::osd(&cephx, &cephx)).with_service(service);
        let mut auth = Arc::new(Mutex::new(auth));
        assert!(auth.authorizer(EntityType::OSD, false, &mut moment).is_none());

        let mut monitor = CephxMonitor::new(keyring()).unwrap();
        let mut session = MonSession::new(0);
        let mut request = lock(&auth).client().unwrap().start(0, 0).unwrap();
        loop {
            let answer = monitor.handle(&mut session, &request, &mut moment);
            match lock(&auth).handle(&answer.reply, &mut moment).unwrap() {
                Step::Send(next) => request = next,
                Step::Done => break,
            }
        }
        let authorizer = auth.authorizer(EntityType::OSD, false, &mut moment).unwrap();
        let (peer, protocol, bytes) = (EntityType::OSD, authorizer.protocol, &authorizer.bytes);
        let request = Request { peer, protocol, authorizer: bytes, features: 0, challenge: None };
        let verdict = auth.verify(&request, &mut moment);
        let Verdict::Accept { reply, session_key } = verdict else { panic!("{verdict:?}") };
        assert_eq!(auth.verify_reply(&authorizer, &reply), Ok(()));
        assert_eq!(session_key, authorizer.session_key);
        assert!(auth.signs());
    }

    #[test]
    fn who_has_no_service_cannot_judge_tickets() {
        let mut auth = Auth::new(Shows::Nothing, Rules::of_all(Demand::OneOf(vec![AuthProtocol::CEPHX])));
        let (authorizer, mut random) = (Bytes::new(), Random::new(1));
        let mut moment = Moment { wall: UTime::default(), random: &mut random };
        let (peer, protocol) = (EntityType::CLIENT, AuthProtocol::CEPHX);
        let request = Request { peer, protocol, authorizer: &authorizer, features: 0, challenge: None };
        assert!(matches!(auth.verify(&request, &mut moment), Verdict::Reject(AuthError::NoKey)));
        assert!(auth.authorizer(EntityType::OSD, false, &mut moment).is_none());
        assert!(matches!(auth.handle(&MAuthReply::default(), &mut moment), Err(AuthError::NoKey)));
    }

    #[test]
    fn signatures_are_demanded_by_the_type_of_the_peer() {
        let signing = Signing { sign_messages: false, cluster_require: true, service_require: false };
        let auth = Auth::new(Shows::Nothing, Rules::anyone()).with_signing(signing);
        let demanded = [EntityType::OSD, EntityType::MDS, EntityType::MON, EntityType::CLIENT];
        assert_eq!(demanded.map(|peer| auth.requires_signatures(peer)), [true, true, false, false]);
        assert!(!auth.signs());
    }
}
