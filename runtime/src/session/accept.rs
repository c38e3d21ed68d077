//! Who may open, continue or replace a session: the decision on a connect record.

use super::Policy;
use crate::wire::address::EntityAddr;
use crate::wire::transport::Connect;

/// The session that is registered under the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// What it is at.
    pub phase: Phase,
    /// Its `connect_seq`.
    pub connect_seq: u32,
    /// The attempt of the peer that it goes back to.
    pub peer_global_seq: u32,
    /// Whether its policy is lossy.
    pub lossy: bool,
    /// Whether its policy is that of a server.
    pub server: bool,
}

/// What an existing session is at, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// This side is connecting.
    Connecting,
    /// This side was told to wait for the peer's connection.
    Wait,
    /// Open, or asleep.
    Established,
}

/// How to answer a connect record of a peer that speaks the protocol, has the features, and is who it says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A new session: READY.
    Open,
    /// The connection takes the place of the session's: SEQ, or READY to peers without RECONNECT_SEQ.
    Continue,
    /// The peer lost its session and begins anew: READY. `reset` says that what was queued for the old one is lost.
    Restart {
        /// Whether the session is reset.
        reset: bool,
    },
    /// The lossy session there is over, and another one begins: SEQ with 0, or READY.
    Supersede,
    /// RETRY_GLOBAL with the number to exceed.
    RetryGlobal(u32),
    /// RETRY_SESSION with the number to use.
    RetrySession(u32),
    /// RESETSESSION.
    ResetSession,
    /// WAIT: the connection that this side is opening goes on.
    Wait,
}

/// Decides on a connect record (3.4 of the reference; `accept()` in `src/msg/Pipe.cc`; RC-01 to RC-24).
///
/// `client` is who connects, `own` the own address, `policy` that for the client's type. `reset_unknown` is
/// [`Conduct::reset_unknown_sessions`](super::Conduct::reset_unknown_sessions).
pub fn decide(
    existing: Option<&Existing>,
    connect: &Connect,
    policy: &Policy,
    client: &EntityAddr,
    own: &EntityAddr,
    reset_unknown: bool,
) -> Decision {
    let Some(existing) = existing else {
        let forgotten = connect.connect_seq > 0 && (policy.resetcheck || reset_unknown && !policy.lossy);
        return if forgotten { Decision::ResetSession } else { Decision::Open };
    };
    let ours = existing.connect_seq;
    if connect.global_seq < existing.peer_global_seq {
        Decision::RetryGlobal(existing.peer_global_seq)
    } else if existing.lossy {
        Decision::Supersede
    } else if connect.connect_seq == 0 && ours > 0 {
        Decision::Restart { reset: policy.resetcheck }
    } else if connect.connect_seq < ours {
        Decision::RetrySession(ours.saturating_add(1))
    } else if connect.connect_seq == ours {
        match existing.phase {
            // It sleeps and was never open: a number above 0 would only be answered with RESETSESSION, and so on
            // without end between two Fireflies (MD-12).
            Phase::Established if ours == 0 => Decision::Continue,
            Phase::Established => Decision::RetrySession(ours.saturating_add(1)),
            Phase::Connecting if client > own && !existing.server => Decision::Wait,
            // A peer that was told to wait and connects again is let in, where Firefly crashes (ER-34).
            Phase::Connecting | Phase::Wait => Decision::Continue,
        }
    } else if policy.resetcheck && ours == 0 {
        Decision::ResetSession
    } else {
        Decision::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(nonce: u32) -> EntityAddr {
        EntityAddr::new("10.0.0.1:6800".parse().unwrap(), nonce)
    }

    fn existing(phase: Phase, connect_seq: u32) -> Existing {
        Existing { phase, connect_seq, peer_global_seq: 5, lossy: false, server: false }
    }

    /// The decision for a client with a higher or lower address.
    fn on(e: impl Into<Option<Existing>>, global_seq: u32, connect_seq: u32, policy: Policy, higher: bool) -> Decision {
        let connect = Connect { global_seq, connect_seq, ..Connect::default() };
        let (client, own) = if higher { (addr(2), addr(1)) } else { (addr(1), addr(2)) };
        decide(e.into().as_ref(), &connect, &policy, &client, &own, false)
    }

    const PEER: Policy = Policy::lossless_peer();
    const REUSE: Policy = Policy::lossless_peer_reuse();

    // covers: RC-01
    #[test]
    fn an_older_attempt_is_to_exceed_the_newer() {
        let open = existing(Phase::Established, 3);
        assert_eq!(on(open, 4, 9, PEER, true), Decision::RetryGlobal(5));
        assert_ne!(on(open, 5, 9, PEER, true), Decision::RetryGlobal(5));
        let lossy = Existing { lossy: true, ..open };
        assert_eq!(on(lossy, 4, 0, PEER, true), Decision::RetryGlobal(5));
    }

    // covers: RC-03
    #[test]
    fn a_lossy_session_is_superseded_whatever_the_count() {
        let lossy = Existing { lossy: true, ..existing(Phase::Established, 3) };
        for connect_seq in [0, 2, 3, 4] {
            assert_eq!(on(lossy, 5, connect_seq, Policy::stateless_server(), true), Decision::Supersede);
        }
    }

    // covers: RC-04, RC-05
    #[test]
    fn a_restarted_peer_resets_the_session_if_that_is_checked() {
        let open = existing(Phase::Established, 3);
        assert_eq!(on(open, 5, 0, REUSE, true), Decision::Restart { reset: true });
        assert_eq!(on(open, 5, 0, PEER, true), Decision::Restart { reset: false });
    }

    // covers: RC-06, RC-07
    #[test]
    fn a_count_that_is_not_higher_is_to_be_tried_again() {
        for phase in [Phase::Established, Phase::Connecting] {
            assert_eq!(on(existing(phase, 3), 5, 2, PEER, true), Decision::RetrySession(4));
        }
        assert_eq!(on(existing(Phase::Established, 3), 5, 3, PEER, true), Decision::RetrySession(4));
    }

    // covers: RC-23, RC-24, ER-34
    #[test]
    fn of_two_that_connect_at_once_the_lower_address_wins() {
        for count in [0, 3] {
            let connecting = existing(Phase::Connecting, count);
            assert_eq!(on(connecting, 5, count, REUSE, false), Decision::Continue);
            assert_eq!(on(connecting, 5, count, REUSE, true), Decision::Wait);
            let server = Existing { server: true, ..connecting };
            assert_eq!(on(server, 5, count, REUSE, true), Decision::Continue);
            assert_eq!(on(existing(Phase::Wait, count), 5, count, REUSE, true), Decision::Continue);
        }
    }

    // covers: RC-09, RC-20
    #[test]
    fn a_higher_count_continues_the_session_unless_it_never_began() {
        assert_eq!(on(existing(Phase::Established, 3), 5, 4, REUSE, true), Decision::Continue);
        assert_eq!(on(existing(Phase::Connecting, 0), 5, 1, REUSE, true), Decision::ResetSession);
        assert_eq!(on(existing(Phase::Connecting, 0), 5, 1, PEER, true), Decision::Continue);
    }

    // covers: RC-18, RC-19
    #[test]
    fn a_session_nobody_remembers_is_reset_if_that_is_checked() {
        assert_eq!(on(None, 1, 2, REUSE, true), Decision::ResetSession);
        assert_eq!(on(None, 1, 2, PEER, true), Decision::Open);
        assert_eq!(on(None, 1, 0, REUSE, true), Decision::Open);
        let connect = Connect { connect_seq: 2, ..Connect::default() };
        let later = |policy| decide(None, &connect, &policy, &addr(1), &addr(2), true);
        assert_eq!(later(PEER), Decision::ResetSession);
        assert_eq!(later(Policy::stateless_server()), Decision::Open);
    }
}
