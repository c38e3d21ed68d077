//! What is written: acknowledgements, signs of life and messages, in Firefly's order (4.2 of the reference; `writer()`
//! in `src/msg/Pipe.cc`).

use bytes::Bytes;

use super::envelope::covered;
use super::session::{Session, Unsent, body_len};
use super::transport::Transport;
use super::{Command, Endpoint, Event, Message, Time, TransportId};
use crate::auth::Signer;
use crate::codec::{EncodeError, Mark, Parts, Target, Writer};
use crate::wire::address::EntityInst;
use crate::wire::features::Features;
use crate::wire::message_types::MessageType;
use crate::wire::payload::Payload;
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
        let mut w = Writer::onto(Target::fresh(t.features), std::mem::take(&mut self.staging));
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
        if acks && s.owes_ack() {
            let rides_along = !w.is_empty() || !s.replay.is_empty() || !s.out.is_empty();
            let due = s.ack_at.is_none_or(|at| at <= now) || s.ack_due(now, self.config.timers.ack) <= now;
            if rides_along || due {
                let _ = Ack { seq: s.in_seq }.encode(&mut w);
                s.in_seq_acked = s.in_seq;
                s.unacked = (0, 0);
                s.forget_ack(session, &mut self.deadlines);
            }
        }
        let mut unwritable = Vec::new();
        let format = Format::new(t, self.config.nocrc, self.auth.signs());
        let keeps = !s.policy.lossy || s.close_on_empty;
        while w.len() < BATCH {
            let mut frame = match next(s) {
                Some(Ok(frame)) => frame,
                Some(Err((number, tid, error))) => {
                    unwritable.push(Event::Unwritable { session, number, tid, error });
                    continue;
                }
                None => break,
            };
            frame.footer.flags = format.flags;
            let start = w.mark();
            if let Err(error) = format.write(&frame, s, &mut w) {
                // A section is longer than a frame can hold. Its number is that of the next message.
                w.rewind(start);
                s.out_seq -= 1;
                s.sent_bytes -= body_len(&frame);
                let MessageHeader { r#type: MessageType(number), tid, .. } = frame.header;
                unwritable.push(Event::Unwritable { session, number, tid, error });
                continue;
            }
            s.counters.messages_sent += 1;
            if keeps {
                s.sent.push_back(frame);
            } else {
                s.sent_bytes -= body_len(&frame);
            }
        }
        let more = !s.replay.is_empty() || !s.out.is_empty();
        self.staging = w.pieces_onto(out);
        unwritable.into_iter().for_each(|event| self.dispatch.push_control(event));
        if more && let Some(t) = self.transports.get_mut(transport) {
            t.woken = true;
            self.commands.push_back(Command::Transmit(transport));
        }
    }
}

/// The next message to be sent: those that are sent again first, with their numbers; then the most urgent one, which gets
/// the next number (SQ-01, SQ-02). With type and transaction id, one that cannot be written for this peer.
fn next(s: &mut Session) -> Option<Result<MessageFrame, (u16, u64, EncodeError)>> {
    if let Some(frame) = s.replay.pop_front() {
        s.counters.messages_resent += 1;
        return Some(Ok(frame));
    }
    let (priority, Unsent { src, message }) = s.out.pop()?;
    let Message { payload, tid, data_off, .. } = message;
    let number = payload.number();
    let parts = match payload {
        Payload::Opaque { parts, .. } => *parts,
        payload => match payload.encode(Target::fresh(s.features)) {
            Ok(parts) => parts,
            Err(error) => return Some(Err((number, tid, error))),
        },
    };
    s.out_seq += 1;
    let Parts { version, compat, front, middle, data } = parts;
    let header = MessageHeader {
        seq: s.out_seq,
        tid,
        r#type: MessageType(number),
        priority,
        version,
        data_off,
        src,
        compat_version: compat,
        ..MessageHeader::default()
    };
    let frame = MessageFrame { header, front, middle, data, footer: MessageFooter::default() };
    s.sent_bytes += body_len(&frame);
    Some(Ok(frame))
}

/// How messages are written.
struct Format<'a> {
    features: u64,
    flags: FooterFlags,
    signer: Option<&'a Signer>,
}

impl Format<'_> {
    fn new(t: &Transport, nocrc: bool, sign: bool) -> Format<'_> {
        let signer = t.signer.as_ref().filter(|_| sign && t.features & Features::MSG_AUTH.0 != 0);
        let mut flags = FooterFlags::COMPLETE;
        if nocrc {
            flags = flags | FooterFlags::NOCRC;
        }
        if signer.is_some() {
            flags = flags | FooterFlags::SIGNED;
        }
        Format { features: t.features, flags, signer }
    }

    fn write(&self, frame: &MessageFrame, s: &Session, w: &mut Writer) -> Result<(), EncodeError> {
        let start = w.mark();
        if self.features & Features::NOSRCADDR.0 != 0 {
            frame.encode(w)?;
        } else {
            old_frame(frame, s).encode(w)?;
        }
        if let Some(signer) = self.signer {
            sign(signer, self.features, start, w);
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

/// The frame with the old header: as Firefly does, with the address of the peer (2.8 of the reference).
fn old_frame(frame: &MessageFrame, s: &Session) -> OldMessageFrame {
    let MessageHeader { seq, tid, r#type, priority, version, data_off, src, .. } = frame.header;
    let src = EntityInst { name: src, addr: s.peer_addr.clone() };
    OldMessageFrame {
        header: OldMessageHeader {
            seq,
            tid,
            r#type,
            priority,
            version,
            data_off,
            orig_src: src.clone(),
            src,
            ..OldMessageHeader::default()
        },
        front: frame.front.clone(),
        middle: frame.middle.clone(),
        data: frame.data.clone(),
        footer: OldMessageFooter { flags: frame.footer.flags, ..OldMessageFooter::default() },
    }
}
