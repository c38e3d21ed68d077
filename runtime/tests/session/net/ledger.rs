//! What became of the messages: the promises of lossless and lossy sessions, checked from outside.

use std::collections::{BTreeMap, HashMap};

use firefly_runtime::session::{Event, SessionId, Time};

use super::{Dir, World};

/// Marks the transaction id of a message that may overtake others.
pub(crate) const URGENT: u64 = 1 << 62;

/// Whether messages may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Each message is delivered once and in order, or named as lost when the session is reset, or still kept.
    Lossless,
    /// Of each session a beginning is delivered, once and in order; if that is not all, the session is reset.
    Lossy,
}

impl World {
    /// Checks what was delivered so far, when all is quiet.
    pub(crate) fn audit(&self, promise: Promise) -> Result<(), String> {
        let mut places: HashMap<u64, usize> = HashMap::new();
        for host in &self.hosts {
            for (place, tid) in host.received.iter().enumerate() {
                if places.insert(*tid, place).is_some() {
                    return Err(format!("{tid:#x} was delivered twice"));
                }
            }
        }
        let undispatched: u64 = self.hosts.iter().map(|host| host.lost(None).2).sum();
        for (n, host) in self.hosts.iter().enumerate() {
            let mut sessions: BTreeMap<SessionId, Vec<u64>> = BTreeMap::new();
            for (session, tid) in &host.sent {
                sessions.entry(*session).or_default().push(*tid);
            }
            for (session, tids) in sessions {
                let found: Vec<_> = tids.iter().map(|tid| places.get(tid)).collect();
                let in_turn = tids.iter().zip(&found).filter(|(tid, _)| **tid & URGENT == 0);
                if !in_turn.filter_map(|(_, place)| *place).is_sorted() {
                    return Err(format!("host {n}, {session:?}: {tids:x?} arrived out of order at {found:?}"));
                }
                let missing = found.iter().filter(|place| place.is_none()).count() as u64;
                let (resets, lost, _) = host.lost(Some(session));
                let info = host.node.endpoint.session(session);
                let kept = info.map_or(0, |info| (info.queued + info.unacknowledged) as u64);
                let downed = host.downed.contains(&session);
                let kept = match promise {
                    Promise::Lossless => downed || missing <= lost + undispatched + kept,
                    Promise::Lossy => {
                        let prefix = !found.iter().skip_while(|place| place.is_some()).any(|place| place.is_some());
                        prefix && (missing == 0 || resets > 0 || kept > 0 || downed)
                    }
                };
                if !kept {
                    let what = format!("{missing} of {tids:x?} are missing, found {found:?}");
                    return Err(format!("host {n}, {session:?}: {what}, {resets} resets name {lost} + {undispatched}"));
                }
            }
        }
        Ok(())
    }

    /// Checks that nothing is held that nobody needs: one session and one transport per pair of hosts at most, no share
    /// of a throttle, and no message waiting.
    pub(crate) fn audit_leftovers(&self) -> Result<(), String> {
        for (n, host) in self.hosts.iter().enumerate().filter(|(_, host)| !host.crashed) {
            let endpoint = &host.node.endpoint;
            let sessions: Vec<_> = endpoint.sessions().filter_map(|session| endpoint.session(session)).collect();
            let carried = sessions.iter().filter(|session| session.transport.is_some()).count();
            if endpoint.transports() != carried {
                return Err(format!("host {n}: {} transports for {carried} sessions", endpoint.transports()));
            }
            if sessions.iter().any(|session| session.queued + session.unacknowledged > 0) {
                return Err(format!("host {n}: messages are waiting: {sessions:?}"));
            }
            if endpoint.stats().dispatch_bytes != 0 {
                return Err(format!("host {n}: {} bytes of the dispatch throttle", endpoint.stats().dispatch_bytes));
            }
            let ends =
                |dir| self.links.iter().filter(move |link| link.end(dir).is_some_and(|end| end.host == n)).count();
            if ends(Dir::ToServer) + ends(Dir::ToClient) + self.dials(n) != endpoint.transports() {
                return Err(format!("host {n}: connections and transports do not match"));
            }
        }
        Ok(())
    }

    /// Whether nothing waits to be sent or acknowledged anywhere.
    pub(crate) fn is_idle(&self) -> bool {
        self.hosts.iter().filter(|host| !host.crashed).all(|host| {
            let endpoint = &host.node.endpoint;
            let infos = endpoint.sessions().filter_map(|session| endpoint.session(session));
            infos.into_iter().all(|info| info.queued + info.unacknowledged == 0)
        })
    }

    /// Whether a message was delivered.
    pub(crate) fn has(&self, host: usize, tid: u64) -> bool {
        self.hosts[host].received.contains(&tid)
    }

    /// Seconds since the beginning, for messages of tests.
    pub(crate) fn clock(&self) -> f64 {
        (self.now - Time::ZERO).as_secs_f64()
    }
}

impl super::Host {
    /// How often a session, or any, was reset; how many messages it names as not sent or not acknowledged, and how many
    /// as not dispatched.
    pub(crate) fn lost(&self, of: Option<SessionId>) -> (usize, u64, u64) {
        let resets = self.node.events.iter().filter_map(|event| match event {
            Event::Reset { session, dropped, .. } | Event::RemoteReset { session, dropped } => {
                of.is_none_or(|of| of == *session).then_some(dropped)
            }
            _ => None,
        });
        resets.fold((0, 0, 0), |(n, lost, late), it| {
            (n + 1, lost + it.unsent + it.unacknowledged, late + it.undispatched)
        })
    }
}
