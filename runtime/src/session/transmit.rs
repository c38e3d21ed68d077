//! What is written: acknowledgements, signs of life and messages, in Firefly's order (4.2 of the reference; `writer()`
//! in `src/msg/Pipe.cc`).

use bytes::Bytes;

use super::envelope::covered;
use super::session::{Numbered, Session, Unsent};
use super::transport::Transport;
use super::{Command, Endpoint, Event, Time, TransportId};
use crate::auth::Signer;
use crate::codec::{EncodeError, Mark, Parts, Target, Writer};
use crate::wire::address::EntityInst;
use crate::wire::features::Features;
use crate::wire::message_types::MessageType;
use crate::wire::transport::{
    Ack, FooterFlags, Keepalive, Keepalive2, Keepalive2Ack, MessageFooter, MessageFrame, MessageHeader, MsgFooter,
    OldMessageFooter, OldMessageFrame, OldMessageHeader,
};

/// How many bytes are given out at once, as far as messages allow.
const BATCH: usize = 64 << 10;

impl Endpoint {
    /// Appends the next bytes to be written to `out`, about 64 KiB if there are as many. To be called again when they
    /// are written; whether there were any.
    pub fn poll_transmit(&mut self, now: Time, transport: TransportId, out: &mut Vec<Bytes>) -> bool {
        let Some(t) = self.transports.get_mut(transport) else { return false };
        t.woken = false;
        let before = out.len();
        if !t.staged.is_empty() {
            out.push(Bytes::from(std::mem::take(&mut t.staged)));
        }
        if t.closing {
            self.forget(transport);
            self.commands.push_back(Command::Close { transport, flush: true });
            return out.len() > before;
        }
        if t.is_open() {
            self.transmit_open(now, transport, out);
        }
        out.len() > before
    }

    fn transmit_open(&mut self, now: Time, transport: TransportId, out: &mut Vec<Bytes>) {
        let Some(t) = self.transports.get(transport) else { return };
        let Some(session) = t.session else { return };
        let Some(s) = self.sessions.get_mut(session) else { return };
        let mut w = t.writer();
        // Frames of fixed size can always be written.
        if std::mem::take(&mut s.keepalive) {
            let _ = if s.features & Features::MSGR_KEEPALIVE2.0 != 0 {
                Keepalive2 { stamp: self.config.wall(now) }.encode(&mut w)
            } else {
                Keepalive {}.encode(&mut w)
            };
        }
        if let Some(stamp) = s.keepalive_ack.take() {
            let _ = Keepalive2Ack { stamp }.encode(&mut w);
        }
        let acks = self.config.conduct.ack_lossy || !s.policy.lossy;
        let rides_along = !w.is_empty() || !s.replay.is_empty() || !s.out.is_empty();
        let due = s.ack_at.is_none_or(|at| at <= now) || s.ack_due(now, self.config.timers.ack) <= now;
        if acks && s.owes_ack() && (rides_along || due) {
            let _ = Ack { seq: s.in_seq }.encode(&mut w);
            s.in_seq_acked = s.in_seq;
            s.unacked = (0, 0);
            s.forget_ack(session, &mut self.deadlines);
        }
        let mut unwritable = Vec::new();
        let format = Format { nocrc: self.config.nocrc, sign: self.auth.signs() };
        while w.len() < BATCH {
            let mut message = match next(s) {
                Some(Ok(message)) => message,
                Some(Err((number, tid, error))) => {
                    unwritable.push(Event::Unwritable { session, number, tid, error });
                    continue;
                }
                None => break,
            };
            let start = w.mark();
            if let Err(error) = format.write(&mut message, s, t, &mut w) {
                // A section is longer than a frame can hold. Its number is that of the next message.
                w.rewind(start);
                s.out_seq -= 1;
                s.sent_bytes -= message.bytes();
                let Numbered { number, tid, .. } = message;
                unwritable.push(Event::Unwritable { session, number, tid, error });
                continue;
            }
            s.counters.messages_sent += 1;
            if s.policy.lossy && !s.close_on_empty {
                s.sent_bytes -= message.bytes();
            } else {
                s.sent.push_back(message);
            }
        }
        let more = !s.replay.is_empty() || !s.out.is_empty();
        if !w.is_empty() {
            out.extend(w.pieces());
        }
        unwritable.into_iter().for_each(|event| self.dispatch.push_control(event));
        if more && let Some(t) = self.transports.get_mut(transport) {
            t.woken = true;
            self.commands.push_back(Command::Transmit(transport));
        }
    }
}

/// The next message to be sent: those that are sent again first, with their numbers; then the most urgent one, which gets
/// the next number (SQ-01, SQ-02). With type and transaction id, one that cannot be written for this peer.
fn next(s: &mut Session) -> Option<Result<Numbered, (u16, u64, EncodeError)>> {
    if let Some(message) = s.replay.pop_front() {
        s.counters.messages_resent += 1;
        return Some(Ok(message));
    }
    let (priority, Unsent { src, message }) = s.out.pop()?;
    let (number, tid, data_off) = (message.payload.number(), message.tid, message.data_off);
    Some(match message.payload.encode(Target::fresh(s.features)) {
        Ok(parts) => {
            s.out_seq += 1;
            let message = Numbered { seq: s.out_seq, src, tid, priority, data_off, number, parts };
            s.sent_bytes += message.bytes();
            Ok(message)
        }
        Err(error) => Err((number, tid, error)),
    })
}

/// How messages are written.
struct Format {
    nocrc: bool,
    sign: bool,
}

impl Format {
    fn write(&self, message: &mut Numbered, s: &Session, t: &Transport, w: &mut Writer) -> Result<(), EncodeError> {
        let start = w.mark();
        let signer = t.signer.as_ref().filter(|_| self.sign && t.features & Features::MSG_AUTH.0 != 0);
        let mut flags = FooterFlags::COMPLETE;
        if self.nocrc {
            flags = flags | FooterFlags::NOCRC;
        }
        if signer.is_some() {
            flags = flags | FooterFlags::SIGNED;
        }
        let (written, front, middle, data) = if t.features & Features::NOSRCADDR.0 != 0 {
            let frame = new_frame(message, flags);
            (frame.encode(w), frame.front, frame.middle, frame.data)
        } else {
            let frame = old_frame(message, s, flags);
            (frame.encode(w), frame.front, frame.middle, frame.data)
        };
        message.parts = Parts { front, middle, data, ..message.parts };
        written?;
        if let Some(signer) = signer {
            sign(signer, t.features, start, w);
        }
        Ok(())
    }
}

/// Fills in the signature of the frame that was written last.
fn sign(signer: &Signer, features: u64, start: Mark, w: &mut Writer) {
    let Some(footer) = w.tail().map(|tail| MsgFooter::from_array(tail)) else { return };
    let Some(covered) = covered(w.staged_since(start), &footer, features) else { return };
    if let Some(tail) = w.tail() {
        *tail = MsgFooter { sig: signer.sign(&covered), ..footer }.to_array();
    }
}

/// The frame of a message, with its sections.
fn new_frame(message: &mut Numbered, flags: FooterFlags) -> MessageFrame {
    let Numbered { seq, src, tid, priority, data_off, number, parts, .. } = message;
    MessageFrame {
        header: MessageHeader {
            seq: *seq,
            tid: *tid,
            r#type: MessageType(*number),
            priority: *priority,
            version: parts.version,
            data_off: *data_off,
            src: *src,
            compat_version: parts.compat,
            ..MessageHeader::default()
        },
        front: std::mem::take(&mut parts.front),
        middle: std::mem::take(&mut parts.middle),
        data: std::mem::take(&mut parts.data),
        footer: MessageFooter { flags, ..MessageFooter::default() },
    }
}

/// The same with the old header: as Firefly does, with the address of the peer (2.8 of the reference).
fn old_frame(message: &mut Numbered, s: &Session, flags: FooterFlags) -> OldMessageFrame {
    let Numbered { seq, src, tid, priority, data_off, number, parts, .. } = message;
    let src = EntityInst { name: *src, addr: s.peer_addr.clone() };
    OldMessageFrame {
        header: OldMessageHeader {
            seq: *seq,
            tid: *tid,
            r#type: MessageType(*number),
            priority: *priority,
            version: parts.version,
            data_off: *data_off,
            orig_src: src.clone(),
            src,
            ..OldMessageHeader::default()
        },
        front: std::mem::take(&mut parts.front),
        middle: std::mem::take(&mut parts.middle),
        data: std::mem::take(&mut parts.data),
        footer: OldMessageFooter { flags, ..OldMessageFooter::default() },
    }
}
