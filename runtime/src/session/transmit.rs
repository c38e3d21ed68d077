//! What is written: acknowledgements, signs of life and messages, in Firefly's order (4.2 of the reference; `writer()`
//! in `src/msg/Pipe.cc`).

use std::collections::VecDeque;

use bytes::Bytes;

use super::endpoint::Deadline;
use super::envelope::covered;
use super::queue::DispatchQueue;
use super::session::{Session, Unsent, body_len};
use super::timers::Deadlines;
use super::transport::Transport;
use super::{Command, Config, Endpoint, Event, Message, SessionId, State, Time, TransportId};
use crate::auth::{Authenticator, Signer};
use crate::codec::{EncodeError, Mark, Target, Writer};
use crate::wire::address::{EntityInst, EntityName};
use crate::wire::features::Features;
use crate::wire::message_types::MessageType;
use crate::wire::payload::Payload;
use crate::wire::transport::{
    Ack, FooterFlags, Keepalive, Keepalive2, Keepalive2Ack, MessageFooter, MessageFrame, MessageFrameView,
    MessageHeader, MsgFooter, OldMessageFooter, OldMessageFrameView, OldMessageHeader,
};

/// How many bytes are given out at once, as far as messages allow.
const BATCH: usize = 64 << 10;

/// Frames that are written and not polled yet, of one transport at a time.
pub(super) struct Staging {
    pub(super) transport: Option<TransportId>,
    frames: Writer,
}

impl Staging {
    pub(super) fn new() -> Staging {
        Staging { transport: None, frames: Writer::new(Target::default()) }
    }

    /// The writer for frames of a transport, if it is free.
    fn of(&mut self, transport: TransportId, features: u64) -> Option<&mut Writer> {
        if self.transport.is_none() {
            self.transport = Some(transport);
            self.frames.retarget(Target::fresh(features));
            // What exceeds a batch should fit in, too.
            self.frames.make_room(BATCH + BATCH / 4);
        }
        (self.transport == Some(transport)).then_some(&mut self.frames)
    }

    /// How many bytes the frames of a transport have.
    fn len(&self, transport: TransportId) -> usize {
        if self.transport == Some(transport) { self.frames.len() } else { 0 }
    }

    /// Gives out the frames of a transport.
    fn take(&mut self, transport: TransportId, out: &mut Vec<Bytes>) {
        if self.transport == Some(transport) {
            self.frames.take_pieces(out);
            self.transport = None;
        }
    }

    /// Forgets the frames of a transport.
    pub(super) fn discard(&mut self, transport: TransportId) {
        self.take(transport, &mut Vec::new());
    }
}

impl Endpoint {
    /// Whether as many bytes as are given out at once are written for a transport and wait to be polled.
    pub fn has_batch(&self, transport: TransportId) -> bool {
        self.staging.len(transport) >= BATCH
    }

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
            self.staging.take(transport, out);
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
        let Endpoint { transports, sessions, staging, config, deadlines, dispatch, auth, .. } = self;
        let Some(t) = transports.get_mut(transport) else { return };
        let Some(session) = t.session else { return };
        let Some(s) = sessions.get_mut(session) else { return };
        let mut own;
        let w = match staging.of(transport, t.features) {
            Some(w) => w,
            None => {
                own = Writer::new(Target::fresh(t.features));
                &mut own
            }
        };
        // Frames of fixed size can always be written.
        if std::mem::take(&mut s.keepalive) {
            let _ = if s.features & Features::MSGR_KEEPALIVE2.0 != 0 {
                Keepalive2 { stamp: config.wall(now) }.encode(w)
            } else {
                Keepalive {}.encode(w)
            };
        }
        if let Some(stamp) = s.keepalive_ack.take() {
            let _ = Keepalive2Ack { stamp }.encode(w);
        }
        let rides_along = !w.is_empty() || !s.replay.is_empty() || !s.out.is_empty();
        let due = s.ack_at.is_none_or(|at| at <= now) || s.ack_due(now, config.timers.ack) <= now;
        if rides_along || due {
            write_ack(config, session, s, deadlines, w);
        }
        let format = Format::new(t, config.nocrc, &**auth);
        let mut outlet = Outlet { session, s, format, w, config, dispatch };
        while outlet.w.len() < BATCH && outlet.next() {}
        // All of it is polled now.
        s.staged = 0;
        let more = !s.replay.is_empty() || !s.out.is_empty();
        w.take_pieces(out);
        staging.take(transport, out);
        if more {
            t.woken = true;
            self.commands.push_back(Command::Transmit(transport));
        }
    }

    /// Sends over a session on which messages flow, if nothing is to be sent before and not too much waits to be polled.
    /// The message is written at once: nothing overtakes it any more.
    ///
    /// # Errors
    /// Otherwise the message comes back.
    #[inline]
    pub fn send_at_once(&mut self, session: SessionId, message: Message) -> Result<(), Message> {
        let Some(mut outlet) = self.outlet(session) else { return Err(message) };
        outlet.send(message);
        Ok(())
    }

    /// The same with many messages. Those that are sent are taken off the front.
    pub fn send_all_at_once(&mut self, session: SessionId, messages: &mut VecDeque<Message>) {
        if messages.is_empty() {
            return;
        }
        let Some(mut outlet) = self.outlet(session) else { return };
        while outlet.has_room()
            && let Some(message) = messages.pop_front()
        {
            outlet.send(message);
        }
    }

    /// Where messages can be written at once, if they can: at least one is to be.
    #[inline(always)]
    fn outlet(&mut self, session: SessionId) -> Option<Outlet<'_>> {
        let Endpoint { transports, sessions, staging, config, deadlines, dispatch, auth, commands, .. } = self;
        let s = sessions.get_mut(session)?;
        if s.state != State::Open || s.is_queued() || s.is_full(&config.limits) {
            return None;
        }
        let transport = s.transport?;
        let t = transports.get_mut(transport).filter(|t| t.is_open() && !t.closing)?;
        let w = staging.of(transport, t.features).filter(|w| w.len() < BATCH)?;
        if w.is_empty() {
            write_ack(config, session, s, deadlines, w);
        }
        if !std::mem::replace(&mut t.woken, true) {
            commands.push_back(Command::Transmit(transport));
        }
        let format = Format::new(t, config.nocrc, &**auth);
        Some(Outlet { session, s, format, w, config, dispatch })
    }
}

/// Writes an acknowledgement, if one is owed.
fn write_ack(
    config: &Config,
    session: SessionId,
    s: &mut Session,
    deadlines: &mut Deadlines<Deadline>,
    w: &mut Writer,
) {
    if s.owes_ack() && (config.conduct.ack_lossy || !s.policy.lossy) {
        let _ = Ack { seq: s.in_seq }.encode(w);
        s.in_seq_acked = s.in_seq;
        s.unacked = (0, 0);
        s.forget_ack(session, deadlines);
    }
}

/// Where the messages of a session are written.
struct Outlet<'a> {
    session: SessionId,
    s: &'a mut Session,
    format: Format<'a>,
    w: &'a mut Writer,
    config: &'a Config,
    /// For those that cannot be written.
    dispatch: &'a mut DispatchQueue<SessionId, Event>,
}

impl Outlet<'_> {
    /// Whether one more message can be sent at once.
    fn has_room(&self) -> bool {
        self.w.len() < BATCH && !self.s.is_full(&self.config.limits)
    }

    /// Writes a new message.
    #[inline(always)]
    fn send(&mut self, message: Message) {
        let priority = self.config.priority_of(&message);
        self.message(self.config.name, &Message { priority, ..message });
    }

    /// Writes the next message, if there is one: those that are sent again first, with their numbers; then the most
    /// urgent one (SQ-01, SQ-02).
    fn next(&mut self) -> bool {
        if let Some(frame) = self.s.replay.pop_front() {
            self.again(frame);
            return true;
        }
        match self.s.out.pop() {
            Some((_, Unsent { src, message })) => {
                self.message(src, &message);
                true
            }
            None => false,
        }
    }

    /// Gives a message the next number and writes it.
    #[inline(always)]
    fn message(&mut self, src: EntityName, message: &Message) {
        let Message { payload, tid, data_off, priority } = message;
        let encoded;
        let number = payload.number();
        let parts = match payload {
            Payload::Opaque(opaque) => &opaque.parts,
            payload => match payload.encode(Target::fresh(self.s.features)) {
                Ok(parts) => {
                    encoded = parts;
                    &encoded
                }
                Err(error) => return self.unwritable(number, *tid, error),
            },
        };
        let (seq, flags) = (self.s.out_seq + 1, self.format.flags);
        // Made wherever it is needed: only so it need not lie in memory.
        let frame = || MessageFrameView {
            header: MessageHeader {
                seq,
                tid: *tid,
                r#type: MessageType(number),
                priority: *priority,
                version: parts.version,
                data_off: *data_off,
                src,
                compat_version: parts.compat,
                ..MessageHeader::default()
            },
            front: (&parts.front).into(),
            middle: (&parts.middle).into(),
            data: (&parts.data).into(),
            footer: MessageFooter { flags, ..MessageFooter::default() },
        };
        // One that cannot be written leaves its number to the next.
        if self.write(frame) {
            self.s.out_seq = seq;
            if self.keeps() {
                let frame = frame().share();
                self.s.sent_bytes += body_len(&frame);
                self.s.sent.push_back(frame);
            } else {
                self.s.staged += 1;
            }
        }
    }

    /// Writes a message again.
    fn again(&mut self, mut frame: MessageFrame) {
        frame.footer.flags = self.format.flags;
        self.s.counters.messages_resent += 1;
        if self.write(|| frame.view()) && self.keeps() {
            self.s.sent.push_back(frame);
        } else {
            self.s.sent_bytes -= body_len(&frame);
        }
    }

    fn keeps(&self) -> bool {
        !self.s.policy.lossy || self.s.close_on_empty
    }

    /// Whether the frame could be written.
    #[inline(always)]
    fn write<'a>(&mut self, frame: impl Fn() -> MessageFrameView<'a>) -> bool {
        let start = self.w.mark();
        let written = self.format.write(&frame, self.s, self.w);
        match written {
            Ok(()) => self.s.counters.messages_sent += 1,
            // A section is longer than a frame can hold.
            Err(error) => {
                self.w.rewind(start);
                let MessageHeader { r#type, tid, .. } = frame().header;
                self.unwritable(r#type.0, tid, error);
                return false;
            }
        }
        true
    }

    #[cold]
    fn unwritable(&mut self, number: u16, tid: u64, error: EncodeError) {
        self.dispatch.push_control(Event::Unwritable { session: self.session, number, tid, error });
    }
}

/// How messages are written.
struct Format<'a> {
    features: u64,
    flags: FooterFlags,
    signer: Option<&'a Signer>,
}

impl Format<'_> {
    fn new<'a>(t: &'a Transport, nocrc: bool, auth: &dyn Authenticator) -> Format<'a> {
        let signer = t.signer.as_ref().filter(|_| t.features & Features::MSG_AUTH.0 != 0 && auth.signs());
        let mut flags = FooterFlags::COMPLETE;
        if nocrc {
            flags = flags | FooterFlags::NOCRC;
        }
        if signer.is_some() {
            flags = flags | FooterFlags::SIGNED;
        }
        Format { features: t.features, flags, signer }
    }

    #[inline(always)]
    fn write<'a>(
        &self,
        frame: impl Fn() -> MessageFrameView<'a>,
        s: &Session,
        w: &mut Writer,
    ) -> Result<(), EncodeError> {
        let start = w.mark();
        if self.features & Features::NOSRCADDR.0 != 0 {
            frame().encode(w)?;
        } else {
            write_old(frame(), s, w)?;
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

/// Writes the frame with the old header: as Firefly does, with the address of the peer (2.8 of the reference).
#[cold]
fn write_old(frame: MessageFrameView<'_>, s: &Session, w: &mut Writer) -> Result<(), EncodeError> {
    let MessageHeader { seq, tid, r#type, priority, version, data_off, src, .. } = frame.header;
    let src = EntityInst { name: src, addr: s.peer_addr.clone() };
    let frame = OldMessageFrameView {
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
        front: frame.front,
        middle: frame.middle,
        data: frame.data,
        footer: OldMessageFooter { flags: frame.footer.flags, ..OldMessageFooter::default() },
    };
    frame.encode(w)
}
