//! What becomes of a session when its connection breaks (4.9 of the reference; `fault()` in `src/msg/Pipe.cc`).

use std::time::Duration;

use super::endpoint::Deadline;
use super::info::State;
use super::{Disconnect, Endpoint, Event, Fault, Next, SessionId, Time, TransportId};

impl Endpoint {
    /// A transport is of no use any more.
    pub(super) fn fault(&mut self, now: Time, transport: TransportId, fault: Fault) {
        let Some(t) = self.transports.get(transport) else { return };
        let (peer, session, closing) = (t.peer, t.session, t.closing);
        let (accepting, exchanging) = (t.is_accepting(), t.awaits_seq());
        let unsaid = !t.staged.is_empty() && !closing && !matches!(fault, Fault::Io(_));
        if unsaid {
            self.close_when_said(transport)
        } else {
            self.close(transport)
        }
        match &fault {
            Fault::PeerMisbehaved(_) | Fault::Auth(_) => tracing::warn!(%peer, %fault, "connection closed"),
            _ => tracing::debug!(%peer, %fault, "connection closed"),
        }
        let Some(session) = session else {
            if accepting && !closing {
                self.stats.handshakes_failed += 1;
                self.dispatch.push_control(Event::HandshakeFailed { transport, peer, fault });
            }
            return;
        };
        let Some(s) = self.sessions.get_mut(session).filter(|s| s.transport == Some(transport)) else { return };
        s.transport = None;
        s.forget_ack(session, &mut self.deadlines);
        match s.state {
            // The peer's connection is still to come.
            State::Wait => {}
            State::Connecting => self.retry(now, session, fault),
            State::Open | State::Standby if s.policy.lossy => self.end(session, Some(fault)),
            // A connection that was let in and broke before the peer said what it received does not count, unless
            // there is no hurry to have another one (`fail_registered` in `src/msg/Pipe.cc`).
            State::Open if exchanging && !s.policy.server && s.is_pending() => {
                s.state = State::Connecting;
                self.retry(now, session, fault);
            }
            State::Open | State::Standby => self.resume_later(now, session, fault),
        }
    }

    /// Closes a transport after what was said on it before: however the bytes of the peer are cut, it is told
    /// the same (HS-06).
    pub(super) fn close_when_said(&mut self, transport: TransportId) {
        if let Some(t) = self.transports.get_mut(transport) {
            t.session = None;
            t.closing = true;
        }
        self.wake(transport);
    }

    /// An established connection broke that is to be continued: at once, or when there is a reason to.
    fn resume_later(&mut self, now: Time, session: SessionId, fault: Fault) {
        let Some(s) = self.sessions.get_mut(session) else { return };
        s.requeue_sent();
        if s.policy.server || s.policy.standby && !s.is_queued() {
            s.state = State::Standby;
            self.dispatch.push_control(Event::Fault { session, fault, next: Next::Standby });
            return;
        }
        s.state = State::Connecting;
        s.backoff = Duration::ZERO;
        s.count_connection();
        self.dispatch.push_control(Event::Fault { session, fault, next: Next::Reconnect(Duration::ZERO) });
        self.dial(now, session);
    }

    /// An attempt to connect failed: try again after a pause, or sleep if there is no reason to.
    pub(super) fn retry(&mut self, now: Time, session: SessionId, fault: Fault) {
        let Some(s) = self.sessions.get_mut(session) else { return };
        s.requeue_sent();
        if s.policy.standby && !s.is_queued() {
            s.state = State::Standby;
            self.dispatch.push_control(Event::Fault { session, fault, next: Next::Standby });
            return;
        }
        let pause = s.next_pause(&self.config.timers, &mut self.random);
        self.dispatch.push_control(Event::Fault { session, fault, next: Next::Reconnect(pause) });
        if pause.is_zero() {
            self.dial(now, session);
        } else {
            self.deadlines.set(Deadline::Backoff(session), now + pause);
        }
    }
}

impl Fault {
    /// Whether nobody listens where one wanted to connect (`ms_handle_refused`).
    pub fn is_refused(&self) -> bool {
        matches!(self, Fault::Io(Disconnect::Refused))
    }
}
