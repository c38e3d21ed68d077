//! What is demanded of those who connect.

use bytes::Bytes;

use super::{AuthError, Request, Verdict, none};
use crate::wire::address::EntityType;
use crate::wire::auth::AuthProtocol;

/// What is demanded of a kind of peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: no look is taken at what is shown.
    Nothing,
    /// An authorizer of one of these protocols, and a good one. If there are no protocols, nobody gets in.
    OneOf(Vec<AuthProtocol>),
}

/// What a messenger demands of its peers, by their type (5.1 of the reference).
#[derive(Clone, Debug)]
pub struct Rules {
    /// Of whom the demand of the cluster is made.
    members: Vec<EntityType>,
    cluster: Demand,
    service: Demand,
}

impl Rules {
    /// One demand of the members of the cluster, another one of all others.
    pub fn new(members: &[EntityType], cluster: Demand, service: Demand) -> Rules {
        Rules { members: members.to_vec(), cluster, service }
    }

    /// The same demand of everybody.
    pub fn of_all(demand: Demand) -> Rules {
        Rules::new(&[], Demand::Nothing, demand)
    }

    /// Those of an OSD, with its lists of protocols (`auth_cluster_required`, `auth_service_required`; AU-15).
    pub fn osd(cluster: &[AuthProtocol], service: &[AuthProtocol]) -> Rules {
        let members = [EntityType::OSD, EntityType::MDS];
        Rules::new(&members, Demand::OneOf(cluster.to_vec()), Demand::OneOf(service.to_vec()))
    }

    /// Those of a metadata server (AU-15).
    pub fn mds(cluster: &[AuthProtocol], service: &[AuthProtocol]) -> Rules {
        Rules::new(&[EntityType::MDS], Demand::OneOf(cluster.to_vec()), Demand::OneOf(service.to_vec()))
    }

    /// Those of a monitor: other monitors must show CEPHX if that is in the list of the cluster, all others
    /// authenticate later (AU-16, AU-17). Without CEPHX, later monitors demand the protocol NONE of each other (MD-44).
    pub fn monitor(cluster: &[AuthProtocol]) -> Rules {
        let demand = if cluster.contains(&AuthProtocol::CEPHX) {
            Demand::OneOf(vec![AuthProtocol::CEPHX])
        } else {
            Demand::Nothing
        };
        Rules::new(&[EntityType::MON], demand, Demand::Nothing)
    }

    /// Those of heartbeat messengers: everybody gets in (AU-19).
    pub fn anyone() -> Rules {
        Rules::of_all(Demand::Nothing)
    }

    /// Those of a messenger that only connects: nobody gets in.
    pub fn nobody() -> Rules {
        Rules::of_all(Demand::OneOf(Vec::new()))
    }

    /// What is demanded of a peer of this type.
    pub fn demand(&self, peer: EntityType) -> &Demand {
        if self.members.contains(&peer) { &self.cluster } else { &self.service }
    }

    /// Judges what a peer shows; `cephx` is asked if that is an authorizer of CEPHX, and one is demanded.
    pub(super) fn judge(&self, request: &Request<'_>, cephx: impl FnOnce() -> Verdict) -> Verdict {
        match self.demand(request.peer) {
            Demand::Nothing => Verdict::Accept { reply: Bytes::new(), session_key: None },
            Demand::OneOf(protocols) if protocols.contains(&request.protocol) => match request.protocol {
                AuthProtocol::NONE => none::judge(request.authorizer),
                AuthProtocol::CEPHX => cephx(),
                other => Verdict::Reject(AuthError::ProtocolNotAllowed(other)),
            },
            Demand::OneOf(_) => Verdict::Reject(AuthError::ProtocolNotAllowed(request.protocol)),
        }
    }
}
