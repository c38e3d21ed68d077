//! Authentication as tests want it.

use bytes::Bytes;
use firefly_runtime::auth::{
    Auth, AuthError, Authenticator, Authorizer, CephxClient, CephxMonitor, CephxService, Covered, Key, Keyring, Moment,
    MonSession, Request, Rules, Shows, SignatureForm, Signer, Step, Verdict,
};
use firefly_runtime::random::Random;
use firefly_runtime::wire::address::{AuthEntityName, EntityType};
use firefly_runtime::wire::auth::{AuthProtocol, CryptoType};
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::transport::{MessageFrame, MsgFooter, MsgHeader};

use super::{ALL, bytes_of};

/// Shows nothing and believes everybody, as a monitor towards clients.
pub(crate) struct Open;

impl Authenticator for Open {
    fn authorizer(&mut self, _: EntityType, _: bool, _: &mut Moment<'_>) -> Option<Authorizer> {
        None
    }

    fn answer(&mut self, _: &Authorizer, _: &Bytes, _: &mut Moment<'_>) -> Result<Authorizer, AuthError> {
        Err(AuthError::Challenge)
    }

    fn verify_reply(&mut self, _: &Authorizer, _: &Bytes) -> Result<(), AuthError> {
        Ok(())
    }

    fn verify(&mut self, _: &Request<'_>, _: &mut Moment<'_>) -> Verdict {
        Verdict::Accept { reply: Bytes::new(), session_key: None }
    }
}

/// Shows eight bytes that differ each time, and believes whoever shows eight bytes and cephx; both prove that they saw
/// them by turning them around. Messages are signed with a key that everybody has, if at all.
pub(crate) struct Sealed {
    pub(crate) signs: bool,
}

/// The key that [`Sealed`] signs with.
pub(crate) fn shared_key() -> Key {
    Key::new(CryptoType::AES, UTime::default(), &std::array::from_fn::<u8, 16, _>(|i| i as u8)).unwrap()
}

/// What proves that an authorizer of [`Sealed`] was read.
pub(crate) fn proof(authorizer: &[u8]) -> Bytes {
    authorizer.iter().rev().copied().collect::<Vec<_>>().into()
}

impl Authenticator for Sealed {
    fn authorizer(&mut self, _: EntityType, refused: bool, moment: &mut Moment<'_>) -> Option<Authorizer> {
        // The last bit tells a server that the client was told to get new keys.
        let nonce = moment.random.next_u64() & !1 | u64::from(refused);
        Some(Authorizer {
            protocol: AuthProtocol::CEPHX,
            bytes: nonce.to_be_bytes().to_vec().into(),
            nonce,
            session_key: Some(shared_key()),
        })
    }

    fn answer(&mut self, _: &Authorizer, _: &Bytes, _: &mut Moment<'_>) -> Result<Authorizer, AuthError> {
        Err(AuthError::Challenge)
    }

    fn verify_reply(&mut self, authorizer: &Authorizer, reply: &Bytes) -> Result<(), AuthError> {
        if *reply == proof(&authorizer.bytes) { Ok(()) } else { Err(AuthError::WrongNonce) }
    }

    fn verify(&mut self, request: &Request<'_>, _: &mut Moment<'_>) -> Verdict {
        if request.protocol != AuthProtocol::CEPHX {
            return Verdict::Reject(AuthError::ProtocolNotAllowed(request.protocol));
        }
        if request.authorizer.len() != 8 {
            return Verdict::Reject(AuthError::Malformed("not eight bytes".to_owned()));
        }
        Verdict::Accept { reply: proof(request.authorizer), session_key: Some(shared_key()) }
    }

    fn requires_signatures(&self, peer: EntityType) -> bool {
        peer == EntityType::OSD
    }
    fn signs(&self) -> bool {
        self.signs
    }
}

/// A cluster of which everybody has tickets: OSDs, and clients of theirs.
pub(crate) struct Cluster {
    monitor: CephxMonitor,
    random: Random,
}

impl Cluster {
    pub(crate) fn new() -> Cluster {
        let mut keyring = Keyring::default();
        for (r#type, id, byte) in
            [(EntityType::MON, "", 1), (EntityType::OSD, "0", 2), (EntityType::CLIENT, "admin", 3)]
        {
            keyring.insert(entity(r#type, id), key_of(byte));
        }
        let mut monitor = CephxMonitor::new(keyring).unwrap();
        monitor.set_caps(entity(EntityType::CLIENT, "admin"), EntityType::OSD, "allow rwx");
        monitor.set_caps(entity(EntityType::OSD, "0"), EntityType::OSD, "allow *");
        Cluster { monitor, random: Random::new(5) }
    }

    /// A process with a ticket for OSDs; an OSD lets in who has one, too.
    pub(crate) fn member(&mut self, r#type: EntityType) -> Auth {
        let (id, byte) = if r#type == EntityType::OSD { ("0", 2) } else { ("admin", 3) };
        let client = CephxClient::new(entity(r#type, id), key_of(byte), &[EntityType::OSD]);
        let cephx = [AuthProtocol::CEPHX];
        let mut auth = Auth::new(Shows::Tickets(client.into()), Rules::osd(&cephx, &cephx));
        let mut session = MonSession::new(ALL);
        let mut request = auth.client().unwrap().start(0, ALL).unwrap();
        let mut moment = Moment { wall: UTime::default(), random: &mut self.random };
        loop {
            let answer = self.monitor.handle(&mut session, &request, &mut moment);
            match auth.handle(&answer.reply, &mut moment).unwrap() {
                Step::Send(next) => request = next,
                Step::Done => break,
            }
        }
        if r#type != EntityType::OSD {
            return auth;
        }
        let mut service = CephxService::new(EntityType::OSD, &Keyring::default());
        service.set_secrets(self.monitor.secrets(EntityType::OSD, &mut moment).unwrap().clone());
        auth.with_service(service)
    }
}

fn entity(r#type: EntityType, id: &str) -> AuthEntityName {
    AuthEntityName { r#type: r#type.0.into(), id: id.into() }
}

fn key_of(byte: u8) -> Key {
    Key::new(CryptoType::AES, UTime::default(), &[byte; 16]).unwrap()
}

/// Gives a message the signature that it has with the shared key.
pub(crate) fn sign(frame: &mut MessageFrame) {
    let bytes = bytes_of(frame);
    let (header, rest) = bytes[1..].split_first_chunk().unwrap();
    let (_, footer) = rest.split_last_chunk().unwrap();
    let covered = Covered::of(&MsgHeader::from_array(header), &MsgFooter::from_array(footer));
    frame.footer.sig = Signer::new(&shared_key(), SignatureForm::Sealed).sign(&covered);
}
