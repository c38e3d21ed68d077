//! How a messenger treats its peers, by their type.

use crate::wire::address::EntityType;
use crate::wire::features::FEATURES_ALL;

/// How to treat a kind of peer (`Messenger::Policy` in `src/msg/Messenger.h`; 4.8 of the reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Nothing is sent again: when an established connection breaks, the session is over.
    pub lossy: bool,
    /// This side never connects; it waits for the peer.
    pub server: bool,
    /// When the connection breaks and nothing is queued, sleep instead of connecting again.
    pub standby: bool,
    /// Notice when one side forgot the session.
    pub resetcheck: bool,
    /// The features offered.
    pub features_supported: u64,
    /// The features demanded.
    pub features_required: u64,
    /// Which of [`Config::throttles`](super::Config::throttles) bounds what peers of this type have in flight.
    pub throttle: Option<usize>,
}

impl Default for Policy {
    /// What a messenger does to which no policy was given: as [`Policy::lossless_client`].
    fn default() -> Policy {
        Policy::lossless_client()
    }
}

impl Policy {
    const fn preset(lossy: bool, server: bool, standby: bool, resetcheck: bool) -> Policy {
        Policy {
            lossy,
            server,
            standby,
            resetcheck,
            features_supported: FEATURES_ALL,
            features_required: 0,
            throttle: None,
        }
    }

    /// A server that keeps the sessions of its clients: a metadata server.
    pub const fn stateful_server() -> Policy {
        Policy::preset(false, true, true, true)
    }

    /// A server that forgets: a monitor towards clients, an OSD on its public side.
    pub const fn stateless_server() -> Policy {
        Policy::preset(true, true, false, false)
    }

    /// One of equals: OSDs on their cluster side.
    pub const fn lossless_peer() -> Policy {
        Policy::preset(false, false, true, false)
    }

    /// One of equals who notices when the other was restarted: monitors.
    pub const fn lossless_peer_reuse() -> Policy {
        Policy::preset(false, false, true, true)
    }

    /// A client that starts anew when the connection breaks: towards monitors and OSDs.
    pub const fn lossy_client() -> Policy {
        Policy::preset(true, false, false, false)
    }

    /// A client with a session: towards metadata servers.
    pub const fn lossless_client() -> Policy {
        Policy::preset(false, false, false, true)
    }

    /// The same with other features offered.
    pub const fn supporting(self, features: u64) -> Policy {
        Policy { features_supported: features, ..self }
    }

    /// The same with these features demanded too.
    pub const fn requiring(self, features: u64) -> Policy {
        Policy { features_required: self.features_required | features, ..self }
    }

    /// The same with a throttle.
    pub const fn throttled(self, throttle: usize) -> Policy {
        Policy { throttle: Some(throttle), ..self }
    }
}

/// The policies of a messenger.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    default: Policy,
    by_type: Vec<(EntityType, Policy)>,
}

impl Policies {
    /// The same policy for all.
    pub fn new(default: Policy) -> Policies {
        Policies { default, by_type: Vec::new() }
    }

    /// Sets the policy for a type of peer. It counts from the next handshake on.
    pub fn set(&mut self, peer: EntityType, policy: Policy) {
        self.by_type.retain(|(known, _)| *known != peer);
        self.by_type.push((peer, policy));
    }

    /// The same with a policy for a type of peer.
    pub fn with(mut self, peer: EntityType, policy: Policy) -> Policies {
        self.set(peer, policy);
        self
    }

    /// Sets the policy for all types that have none of their own.
    pub fn set_default(&mut self, policy: Policy) {
        self.default = policy;
    }

    /// The policy for a type of peer (HS-34).
    pub fn get(&self, peer: EntityType) -> Policy {
        self.by_type.iter().find(|(known, _)| *known == peer).map_or(self.default, |(_, policy)| *policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_are_fireflys() {
        let flags = |policy: Policy| [policy.lossy, policy.server, policy.standby, policy.resetcheck].map(u8::from);
        assert_eq!(flags(Policy::stateful_server()), [0, 1, 1, 1]);
        assert_eq!(flags(Policy::stateless_server()), [1, 1, 0, 0]);
        assert_eq!(flags(Policy::lossless_peer()), [0, 0, 1, 0]);
        assert_eq!(flags(Policy::lossless_peer_reuse()), [0, 0, 1, 1]);
        assert_eq!(flags(Policy::lossy_client()), [1, 0, 0, 0]);
        assert_eq!(flags(Policy::lossless_client()), [0, 0, 0, 1]);
        assert_eq!(flags(Policy::default()), [0, 0, 0, 1]);
        assert_eq!(Policy::default().features_supported, 0x0fff_ffff_ffff);
    }

    // covers: HS-34
    #[test]
    fn an_unknown_type_gets_the_default() {
        let policies = Policies::new(Policy::stateless_server()).with(EntityType::MON, Policy::lossless_peer_reuse());
        assert_eq!(policies.get(EntityType::MON), Policy::lossless_peer_reuse());
        assert_eq!(policies.get(EntityType(77)), Policy::stateless_server());
    }
}
