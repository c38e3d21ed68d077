//! What the session of a server with a client may be.

use firefly_runtime::session::{Decision, Existing, Phase, Policy, decide};
use firefly_runtime::wire::address::EntityAddr;
use firefly_runtime::wire::transport::{Connect, ConnectFlags, ConnectReply, Tag};

/// One thing that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Possible {
    /// The session, if there is one.
    pub(super) session: Option<Session>,
    /// The connection that carries it, or is to carry it.
    pub(super) carrier: Option<usize>,
}

/// A session, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) phase: Phase,
    pub(super) connect_seq: Range,
    pub(super) peer_global_seq: Range,
    /// Whether it is lossy, if that is known.
    pub(super) lossy: Option<bool>,
}

/// A number that lies between two others, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range(pub(super) u32, pub(super) u32);

impl Range {
    pub(super) const ANY: Range = Range(0, u32::MAX);

    pub(super) fn exactly(n: u32) -> Range {
        Range(n, n)
    }

    /// The same, or up to one more.
    pub(super) fn or_next(self) -> Range {
        Range(self.0, self.1.saturating_add(1))
    }

    /// The ends, and those of the given numbers and their neighbours that lie between: what makes a difference.
    fn representatives(self, near: &[u32]) -> Vec<u32> {
        let near = near.iter().flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]);
        let within = near.filter(|n| (self.0..=self.1).contains(n));
        let mut all: Vec<u32> = [self.0, self.1].into_iter().chain(within).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A connect record that a server was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try<'a> {
    pub(super) connect: &'a Connect,
    pub(super) client: &'a EntityAddr,
    pub(super) server: &'a EntityAddr,
}

impl Possible {
    pub(super) const NOTHING: Possible = Possible { session: None, carrier: None };

    /// All that it may be where nothing is known. The server connects only to clients that can be reached.
    pub(super) fn anything(can_connect: bool) -> Vec<Possible> {
        let of = |phase| {
            let session = Session { phase, connect_seq: Range::ANY, peer_global_seq: Range::ANY, lossy: None };
            Possible { session: Some(session), carrier: None }
        };
        let mut all = vec![Possible::NOTHING, of(Phase::Established)];
        if can_connect {
            all.extend([of(Phase::Connecting), of(Phase::Wait)]);
        }
        all
    }

    /// The session of a client that was let in.
    pub(super) fn accepted(connect: &Connect, reply: Option<&ConnectReply>, carrier: usize) -> Possible {
        let session = Session {
            phase: Phase::Established,
            connect_seq: Range::exactly(connect.connect_seq.wrapping_add(1)),
            peer_global_seq: Range::exactly(connect.global_seq),
            lossy: reply.map(|reply| reply.flags.contains(ConnectFlags::LOSSY)),
        };
        Possible { session: Some(session), carrier: Some(carrier) }
    }

    pub(super) fn is_at(&self, phase: Phase) -> bool {
        self.session.is_some_and(|session| session.phase == phase)
    }

    /// The same with another session.
    pub(super) fn with(self, change: impl FnOnce(Session) -> Session) -> Possible {
        Possible { session: self.session.map(change), ..self }
    }

    /// What it may have become by itself, now that no connection is seen to carry it: the server noticed that or did not,
    /// it forgot the session, or it connects to the client if that can be reached.
    pub(super) fn left_alone(self, can_connect: bool) -> Vec<Possible> {
        let loose = Possible { carrier: None, ..self };
        let mut all = vec![loose, Possible::NOTHING];
        if let Some(session) = self.session {
            let at = |phase, connect_seq| loose.with(|session| Session { phase, connect_seq, ..session });
            if session.phase != Phase::Established {
                all.push(at(Phase::Established, session.connect_seq));
            }
            if can_connect {
                all.push(at(Phase::Connecting, session.connect_seq.or_next()));
            }
        }
        if can_connect {
            all.push(Possible::NEW_ATTEMPT);
        }
        all
    }

    /// A session for which the server connects for the first time.
    const NEW_ATTEMPT: Possible = {
        let zero = Range(0, 0);
        let session = Session { phase: Phase::Connecting, connect_seq: zero, peer_global_seq: zero, lossy: None };
        Possible { session: Some(session), carrier: None }
    };

    /// What is known of it once a try was answered so; nothing if it does not lead to that answer.
    pub(super) fn explaining(self, attempt: &Try<'_>, reply: &ConnectReply, policies: &[Policy]) -> Option<Possible> {
        let told = |decision: Decision, _: Option<&Existing>| decision.is_told_by(attempt.connect, reply);
        self.any_decision(attempt, reply, policies, told).then(|| match reply.tag {
            Tag::RETRY_GLOBAL => {
                self.with(|session| Session { peer_global_seq: Range::exactly(reply.global_seq), ..session })
            }
            Tag::RETRY_SESSION => {
                let ours = Range::exactly(reply.connect_seq.saturating_sub(1));
                self.with(|session| Session { connect_seq: ours, ..session })
            }
            _ => self,
        })
    }

    /// What it leads to: requirement, tag and number of the answers.
    pub(super) fn answers(
        self,
        attempt: &Try<'_>,
        reply: &ConnectReply,
        policies: &[Policy],
    ) -> Vec<(&'static str, Tag, Option<u32>)> {
        let mut answers = Vec::new();
        self.any_decision(attempt, reply, policies, |decision, existing| {
            let (tag, number) = decision.answer(attempt.connect);
            answers.push((decision.rule(existing, attempt.connect), tag, number));
            false
        });
        answers
    }

    /// Whether something holds for one of the decisions that it may lead to.
    fn any_decision(
        self,
        attempt: &Try<'_>,
        reply: &ConnectReply,
        policies: &[Policy],
        mut holds: impl FnMut(Decision, Option<&Existing>) -> bool,
    ) -> bool {
        let Try { connect, client, server } = *attempt;
        let existing = self.candidates(connect, reply);
        policies.iter().any(|policy| {
            existing.iter().any(|existing| {
                // A server never connects.
                if policy.server && existing.is_some_and(|existing| existing.phase != Phase::Established) {
                    return false;
                }
                [false, true].into_iter().any(|reset_unknown| {
                    let decision = decide(existing.as_ref(), connect, policy, client, server, reset_unknown);
                    holds(decision, existing.as_ref())
                })
            })
        })
    }

    /// Sessions that stand for all that it may be.
    fn candidates(self, connect: &Connect, reply: &ConnectReply) -> Vec<Option<Existing>> {
        let Some(Session { phase, connect_seq, peer_global_seq, lossy }) = self.session else { return vec![None] };
        let counts = connect_seq.representatives(&[connect.connect_seq, reply.connect_seq]);
        let attempts = peer_global_seq.representatives(&[connect.global_seq, reply.global_seq]);
        let lossy = lossy.map_or_else(|| vec![false, true], |lossy| vec![lossy]);
        let mut all = Vec::with_capacity(counts.len() * attempts.len() * lossy.len());
        for &connect_seq in &counts {
            for &peer_global_seq in &attempts {
                let of = |&lossy| Some(Existing { phase, connect_seq, peer_global_seq, lossy, server: false });
                all.extend(lossy.iter().map(of));
            }
        }
        all
    }
}
