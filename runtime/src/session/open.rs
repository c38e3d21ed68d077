//! Frames of an open connection (4.3 and 4.4 of the reference; `reader()` in `src/msg/Pipe.cc`).

use super::endpoint::Deadline;
use super::envelope::Envelope;
use super::message::{Permit, Received};
use super::{Endpoint, Event, Fault, PeerMisbehaved, SessionId, Time, TransportId};
use crate::codec::{BooleanPolicy, Context, Sections};
use crate::wire::payload::Payload;
use crate::wire::transport::{Close, Frame};

impl Endpoint {
    /// Handles a message frame, which was let through the throttles.
    pub(super) fn message_frame(
        &mut self,
        now: Time,
        transport: TransportId,
        permit: Permit,
        envelope: &Envelope<Sections<'_>>,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let Some(session) = self.transports.get(transport).and_then(|t| t.session) else { return Ok(()) };
        let judged = self.message(transport, session, envelope, bytes);
        let Ok(Some((seq, payload))) = judged else {
            self.release(permit);
            return judged.map(|_| ());
        };
        let Envelope { src, tid, priority, parts: Sections { data, .. }, .. } = *envelope;
        let received = Received { session, src, seq, tid, priority, payload, received: now, permit };
        self.dispatch.push(session, priority, data.len() as u64, Event::Message(received));
        self.owe_ack(now, session);
        Ok(())
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

    /// Judges a message. The number and content of what is to be delivered, if anything is.
    fn message(
        &mut self,
        transport: TransportId,
        session: SessionId,
        envelope: &Envelope<Sections<'_>>,
        bytes: &[u8],
    ) -> Result<Option<(u64, Payload)>, Fault> {
        if !envelope.is_complete() {
            // Its sender gave up in the middle: void, whatever else is wrong with it (SQ-16, SQ-17).
            return Ok(None);
        }
        if let Some(section) = envelope.bad_section(self.config.nocrc) {
            return Err(PeerMisbehaved::BadCrc { section }.into());
        }
        let (Some(t), Some(s)) = (self.transports.get(transport), self.sessions.get_mut(session)) else {
            return Ok(None);
        };
        let wide = if self.config.conduct.wide_seq { u64::MAX } else { u64::from(u32::MAX) };
        let seq = envelope.seq & wide;
        let ctx =
            Context { limits: self.config.limits.decode, booleans: BooleanPolicy::Any, ..Context::new(t.features) };
        let judged = match t.verify(envelope, bytes, self.auth.signs()) {
            Ok(()) if seq <= s.in_seq & wide => {
                s.counters.duplicates += 1;
                tracing::debug!(peer = %s.peer_addr, seq, in_seq = s.in_seq, "old message dropped");
                return Ok(None);
            }
            Ok(()) => envelope.payload(&ctx).and_then(|payload| match payload {
                Payload::Opaque { number, .. } if self.config.conduct.refuse_unknown_types => {
                    Err(PeerMisbehaved::UnknownMessage { seq, number })
                }
                payload => Ok(payload),
            }),
            Err(error) => Err(error),
        };
        let payload = match judged {
            Ok(payload) => payload,
            Err(error) => {
                let limit = self.config.limits.futile_replays;
                if !s.policy.lossy && s.is_futile(seq, limit) {
                    let times = s.futile.1;
                    self.end(session, Some(Fault::Futile { times }));
                    return Ok(None);
                }
                return Err(error.into());
            }
        };
        s.in_seq = seq;
        s.unacked = (s.unacked.0 + 1, s.unacked.1 + bytes.len());
        s.counters.messages_received += 1;
        Ok(Some((seq, payload)))
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
