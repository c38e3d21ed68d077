//! The protocol NONE: everybody is believed.

use bytes::Bytes;

use super::{AuthError, Authenticator, Authorizer, Demand, Moment, Request, Rules, Verdict};
use crate::codec::{Context, Reader, Target, to_bytes};
use crate::wire::address::{AuthEntityName, EntityType};
use crate::wire::auth::{AuthNoneAuthorizer, AuthProtocol};

/// Says who one is, and believes others.
#[derive(Clone, Debug)]
pub struct NoneAuth {
    name: AuthEntityName,
    global_id: u64,
    shows_to_monitors: bool,
    rules: Rules,
}

impl NoneAuth {
    /// Somebody with this name and number, who demands of everybody to say who he is. The number is that which a
    /// monitor gave; 0 before.
    pub fn new(name: AuthEntityName, global_id: u64) -> NoneAuth {
        let rules = Rules::of_all(Demand::OneOf(vec![AuthProtocol::NONE]));
        NoneAuth { name, global_id, shows_to_monitors: false, rules }
    }

    /// The same with other demands. Those that ask for CEPHX let nobody in.
    pub fn with_rules(self, rules: Rules) -> NoneAuth {
        NoneAuth { rules, ..self }
    }

    /// The same that says who it is to monitors too, as later monitors want it of each other (MD-44).
    pub fn showing_to_monitors(self) -> NoneAuth {
        NoneAuth { shows_to_monitors: true, ..self }
    }
}

/// The authorizer of somebody (AU-01).
pub(super) fn authorizer(name: &AuthEntityName, global_id: u64) -> Option<Authorizer> {
    let authorizer = AuthNoneAuthorizer { name: name.clone(), global_id, ..AuthNoneAuthorizer::default() };
    let bytes = to_bytes(&authorizer, Target::default()).ok()?;
    Some(Authorizer { protocol: AuthProtocol::NONE, bytes, nonce: 0, session_key: None })
}

/// Accepts whatever can be read. What comes behind it does not count (AU-02, AU-03).
pub(super) fn judge(authorizer: &Bytes) -> Verdict {
    match AuthNoneAuthorizer::decode(&mut Reader::new(authorizer, &Context::default())) {
        Ok(_) => Verdict::Accept { reply: Bytes::new(), session_key: None },
        Err(error) => Verdict::Reject(AuthError::Malformed(error.to_string())),
    }
}

impl Authenticator for NoneAuth {
    fn authorizer(&mut self, peer: EntityType, _refused: bool, _moment: &mut Moment<'_>) -> Option<Authorizer> {
        if peer == EntityType::MON && !self.shows_to_monitors { None } else { authorizer(&self.name, self.global_id) }
    }

    /// There are no challenges.
    fn answer(
        &mut self,
        _authorizer: &Authorizer,
        _challenge: &Bytes,
        _moment: &mut Moment<'_>,
    ) -> Result<Authorizer, AuthError> {
        Err(AuthError::Challenge)
    }

    /// Any reply will do.
    fn verify_reply(&mut self, _authorizer: &Authorizer, _reply: &Bytes) -> Result<(), AuthError> {
        Ok(())
    }

    fn verify(&mut self, request: &Request<'_>, _moment: &mut Moment<'_>) -> Verdict {
        self.rules.judge(request, || Verdict::Reject(AuthError::NoKey))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::hex;
    use crate::random::Random;
    use crate::wire::prelude::UTime;

    /// Vector A.12: `client.admin` with the number 4100.
    const A12: &str = "010800000005000000 61646d696e 0410000000000000";

    fn bytes(text: &str) -> Bytes {
        hex::decode(&text.replace(' ', "")).unwrap().into()
    }

    fn admin() -> NoneAuth {
        let name = AuthEntityName { r#type: EntityType::CLIENT.0.into(), id: "admin".into() };
        NoneAuth::new(name, 4100)
    }

    fn shown(auth: &mut NoneAuth, peer: EntityType) -> Option<Authorizer> {
        auth.authorizer(peer, false, &mut Moment { wall: UTime::default(), random: &mut Random::new(1) })
    }

    /// What comes of showing something: the reply or why it is refused.
    fn judged(auth: &mut NoneAuth, peer: EntityType, protocol: u32, authorizer: &Bytes) -> Result<Bytes, AuthError> {
        let request =
            Request { peer, protocol: AuthProtocol(protocol), authorizer, features: u64::MAX, challenge: None };
        match auth.verify(&request, &mut Moment { wall: UTime::default(), random: &mut Random::new(1) }) {
            Verdict::Accept { reply, session_key: None } => Ok(reply),
            Verdict::Reject(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    // covers: AU-01
    #[test]
    fn an_authorizer_is_built_as_in_vector_a12() {
        let authorizer = shown(&mut admin(), EntityType::OSD).unwrap();
        assert_eq!((authorizer.protocol, &authorizer.bytes), (AuthProtocol::NONE, &bytes(A12)));
        assert!(authorizer.session_key.is_none());
        assert_eq!(admin().verify_reply(&authorizer, &bytes("ff")), Ok(()));
        assert!(shown(&mut admin(), EntityType::MON).is_none());
        let name = AuthEntityName { r#type: EntityType::MON.0.into(), id: "a".into() };
        let authorizer = shown(&mut NoneAuth::new(name, 0).showing_to_monitors(), EntityType::MON).unwrap();
        assert_eq!(authorizer.bytes, bytes("01 01000000 01000000 61 0000000000000000"));
        assert_eq!(authorizer.bytes.len(), 18);
    }

    // covers: AU-02, AU-03
    #[test]
    fn whatever_can_be_read_is_believed() {
        let good = bytes(A12);
        assert_eq!(judged(&mut admin(), EntityType::CLIENT, 1, &good), Ok(Bytes::new()));
        assert_eq!(
            judged(&mut admin(), EntityType::CLIENT, 1, &[&good[..], &[1, 2]].concat().into()),
            Ok(Bytes::new())
        );
        for length in 0..good.len() {
            let refused = judged(&mut admin(), EntityType::CLIENT, 1, &good.slice(..length));
            assert!(matches!(refused, Err(AuthError::Malformed(_))), "{length} bytes");
        }
    }

    // covers: AU-15
    #[test]
    fn a_daemon_has_a_list_for_its_cluster_and_one_for_its_clients() {
        let (none, cephx) = (AuthProtocol::NONE, AuthProtocol::CEPHX);
        let good = bytes(A12);
        let (osd, mds, mon, client) = (EntityType::OSD, EntityType::MDS, EntityType::MON, EntityType::CLIENT);
        let mut daemon = admin().with_rules(Rules::osd(&[cephx], &[none]));
        for (peer, protocol, wanted) in [
            (client, 1, Ok(Bytes::new())),
            (mon, 1, Ok(Bytes::new())),
            (client, 0, Err(AuthError::ProtocolNotAllowed(AuthProtocol::UNKNOWN))),
            (client, 2, Err(AuthError::ProtocolNotAllowed(cephx))),
            (osd, 1, Err(AuthError::ProtocolNotAllowed(none))),
            (mds, 1, Err(AuthError::ProtocolNotAllowed(none))),
            (mds, 2, Err(AuthError::NoKey)),
        ] {
            assert_eq!(judged(&mut daemon, peer, protocol, &good), wanted, "{peer:?} with {protocol}");
        }
        let mut daemon = admin().with_rules(Rules::mds(&[none], &[cephx, none]));
        assert_eq!(judged(&mut daemon, mds, 1, &good), Ok(Bytes::new()));
        assert_eq!(judged(&mut daemon, osd, 2, &good), Err(AuthError::NoKey));
        assert_eq!(judged(&mut daemon, mds, 2, &good), Err(AuthError::ProtocolNotAllowed(cephx)));
        let unknown = AuthProtocol(7);
        let mut daemon = admin().with_rules(Rules::osd(&[unknown], &[unknown]));
        assert_eq!(judged(&mut daemon, osd, 7, &good), Err(AuthError::ProtocolNotAllowed(unknown)));
    }

    // covers: AU-16, AU-17, AU-19
    #[test]
    fn some_demand_nothing_and_some_let_nobody_in() {
        let nothing = Bytes::new();
        let mut monitor = admin().with_rules(Rules::monitor(&[AuthProtocol::CEPHX]));
        assert_eq!(judged(&mut monitor, EntityType::CLIENT, 0, &nothing), Ok(Bytes::new()));
        assert_eq!(judged(&mut monitor, EntityType::OSD, 0, &nothing), Ok(Bytes::new()));
        let refused = Err(AuthError::ProtocolNotAllowed(AuthProtocol::UNKNOWN));
        assert_eq!(judged(&mut monitor, EntityType::MON, 0, &nothing), refused);
        let mut monitor = admin().with_rules(Rules::monitor(&[AuthProtocol::NONE]));
        assert_eq!(judged(&mut monitor, EntityType::MON, 0, &nothing), Ok(Bytes::new()));
        let mut heartbeat = admin().with_rules(Rules::anyone());
        assert_eq!(judged(&mut heartbeat, EntityType::OSD, 0, &nothing), Ok(Bytes::new()));
        assert_eq!(judged(&mut heartbeat, EntityType::OSD, 2, &bytes("ff")), Ok(Bytes::new()));
        let mut objecter = admin().with_rules(Rules::nobody());
        assert_eq!(judged(&mut objecter, EntityType::OSD, 0, &nothing), refused);
    }
}
