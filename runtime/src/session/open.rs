//! Frames of an open connection (4.3 and 4.4 of the reference; `reader()` in `src/msg/Pipe.cc`).

use super::endpoint::Deadline;
use super::envelope::Envelope;
use super::message::{FastLane, Received};
use super::reading::{Reading, frame};
use super::session::Session;
use super::transport::Transport;
use super::{Config, Endpoint, Event, Fault, PeerMisbehaved, SessionId, Time, TransportId, Want};
use crate::auth::Authenticator;
use crate::codec::{BooleanPolicy, Context, Reader, Sections};
use crate::wire::payload::Payload;
use crate::wire::transport::{Close, Frame, Tag};

/// Why no more messages are handled at the moment.
pub(super) enum Stop {
    /// What comes next is none, if anything comes.
    Other,
    /// The session is over.
    Over,
    /// The message that starts there has to wait.
    Wait { from: usize, want: Want },
}

/// What becomes of a message that was received.
enum Judgement {
    /// It is delivered, under this number.
    Good(u64, Payload),
    /// It is dropped.
    Void,
    /// It breaks the connection.
    Bad(PeerMisbehaved),
    /// It broke the connection too often.
    Futile(u32),
}

impl Endpoint {
    /// Handles message frames, as long as they are let in and there is room for them.
    pub(super) fn messages(
        &mut self,
        now: Time,
        transport: TransportId,
        reading: &Reading,
        r: &mut Reader<'_>,
        lane: &mut Option<FastLane<'_>>,
    ) -> Result<Stop, Fault> {
        let Endpoint { transports, sessions, dispatch, throttles, dispatch_throttle, config, auth, .. } = self;
        let Some(t) = transports.get_mut(transport) else { return Ok(Stop::Over) };
        let Some(session) = t.session else { return Ok(Stop::Over) };
        let Some(s) = sessions.get_mut(session) else { return Ok(Stop::Over) };
        let ctx = Context { limits: config.limits.decode, booleans: BooleanPolicy::Any, ..Context::new(t.features) };
        let throttle = s.policy.throttle;
        let (permit, judgement) = loop {
            let from = r.position();
            if r.ahead().first() != Some(&Tag::MSG.0) {
                return Ok(Stop::Other);
            }
            if lane.as_ref().is_some_and(FastLane::is_full) {
                return Ok(Stop::Wait { from, want: Want::Bytes(0) });
            }
            let rest = r.ahead();
            let envelope = Envelope::read(r).map_err(|error| frame(&error, rest))?;
            reading.check(&envelope)?;
            let Some(permit) = t.admit(transport, throttle, throttles, dispatch_throttle, envelope.body_len()) else {
                return Ok(Stop::Wait { from, want: Want::Pause });
            };
            let bytes = r.since(from);
            let (seq, payload) = match judge(config, &**auth, t, s, &ctx, &envelope, bytes) {
                Judgement::Good(seq, payload) => (seq, payload),
                other => break (permit, other),
            };
            s.in_seq = seq;
            s.unacked = (s.unacked.0 + 1, s.unacked.1 + bytes.len());
            s.counters.messages_received += 1;
            let Envelope { src, tid, priority, parts: Sections { data, .. }, .. } = envelope;
            let received = Received { session, src, seq, tid, priority, payload, received: now, permit };
            let queued = match lane {
                Some(lane) if dispatch.len() == 0 => lane.offer(received),
                _ => Some(received),
            };
            if let Some(received) = queued {
                dispatch.push(session, priority, data.len() as u64, Event::Message(received));
            }
        };
        self.release(permit);
        match judgement {
            Judgement::Good(..) | Judgement::Void => Ok(Stop::Other),
            Judgement::Bad(error) => Err(error.into()),
            Judgement::Futile(times) => {
                self.end(session, Some(Fault::Futile { times }));
                Ok(Stop::Over)
            }
        }
    }

    /// Handles a frame that is no message.
    pub(super) fn small_frame(&mut self, transport: TransportId, frame: Frame) {
        let Some(session) = self.transports.get(transport).and_then(|t| t.session) else { return };
        let Some(s) = self.sessions.get_mut(session) else { return };
        match frame {
            Frame::Ack(ack) => {
                s.acknowledged(ack.seq);
                if s.close_on_empty && s.is_drained() {
                    self.end(session, Some(Fault::MarkedDown));
                }
            }
            Frame::Keepalive2(keepalive) => {
                s.keepalive_ack = Some(keepalive.stamp);
                self.wake(transport);
            }
            Frame::Keepalive2Ack(ack) => {
                s.last_keepalive_ack = Some(ack.stamp);
                self.dispatch.push_control(Event::KeepaliveAck { session, stamp: ack.stamp });
            }
            // Where Firefly answers and crashes (PO-20).
            Frame::Close(_) => {
                s.transport = None;
                if let Some(t) = self.transports.get_mut(transport) {
                    t.session = None;
                    t.closing = true;
                    let _ = t.stage(&Close {});
                }
                self.wake(transport);
                self.end(session, Some(Fault::ClosedByPeer));
            }
            _ => {}
        }
    }

    /// Sees to it that what was received is acknowledged: at once if that is much, otherwise with what is sent next or
    /// after a short while (SQ-04).
    pub(super) fn owe_ack(&mut self, now: Time, session: SessionId) {
        let (timers, ack_lossy) = (self.config.timers, self.config.conduct.ack_lossy);
        let Some(s) = self.sessions.get_mut(session) else { return };
        let (Some(transport), true) = (s.transport, s.owes_ack() && (ack_lossy || !s.policy.lossy)) else { return };
        let due = s.ack_due(now, timers.ack);
        if due <= now {
            self.wake(transport);
        } else if s.ack_at.is_none() {
            s.ack_at = Some(due);
            self.deadlines.set(Deadline::Ack(session), due);
        }
    }
}

/// Judges a message.
#[inline(always)]
fn judge(
    config: &Config,
    auth: &dyn Authenticator,
    t: &Transport,
    s: &mut Session,
    ctx: &Context,
    envelope: &Envelope<Sections<'_>>,
    bytes: &[u8],
) -> Judgement {
    if !envelope.is_complete() {
        // Its sender gave up in the middle: void, whatever else is wrong with it (SQ-16, SQ-17).
        return Judgement::Void;
    }
    if let Some(section) = envelope.bad_section(config.nocrc) {
        return Judgement::Bad(PeerMisbehaved::BadCrc { section });
    }
    let wide = if config.conduct.wide_seq { u64::MAX } else { u64::from(u32::MAX) };
    let seq = envelope.seq & wide;
    let error = match t.verify(envelope, bytes, auth) {
        Ok(()) if seq <= s.in_seq & wide => {
            s.counters.duplicates += 1;
            tracing::debug!(peer = %s.peer_addr, seq, in_seq = s.in_seq, "old message dropped");
            return Judgement::Void;
        }
        Ok(()) => match envelope.payload(ctx) {
            Ok(Payload::Opaque(opaque)) if config.conduct.refuse_unknown_types => {
                PeerMisbehaved::UnknownMessage { seq, number: opaque.number }
            }
            Ok(payload) => return Judgement::Good(seq, payload),
            Err(error) => error,
        },
        Err(error) => error,
    };
    let limit = config.limits.futile_replays;
    if !s.policy.lossy && s.is_futile(seq, limit) { Judgement::Futile(s.futile.1) } else { Judgement::Bad(error) }
}
