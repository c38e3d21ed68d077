//! What the driver tells: bytes, ends of connections, time.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::endpoint::Deadline;
use super::info::State;
use super::message::{FastLane, Permit};
use super::open::Stop;
use super::reading::{Element, Expect, Reading, body_len, frame, head};
use super::transport::{Admission, Handshake, Transport};
use super::{Command, Disconnect, Endpoint, Fault, Misuse, SessionId, Time, Timeout, Timers, TransportId, Want};
use crate::codec::{Measure, Reader};
use crate::wire::address::EntityAddr;
use crate::wire::transport::{Banner, Frame, ServerHello, Tag};

impl Endpoint {
    /// A connection was accepted. It gets a name, and the greeting is to be written.
    ///
    /// # Errors
    /// When commands were not taken.
    pub fn accept(&mut self, now: Time, peer: SocketAddr) -> Result<TransportId, Misuse> {
        self.check_drained()?;
        self.stats.accepted += 1;
        let mut t = Transport::new(peer, None, Handshake { accepting: true, ..Handshake::default() }, now);
        t.expect = Expect::Banner;
        let hello = ServerHello { server_addr: self.addr().clone(), client_addr: EntityAddr::new(peer, 0) };
        // Fixed structures can always be written.
        let _ = t.stage(&Banner {}).and_then(|()| t.stage(&hello));
        let transport = self.transports.insert(t);
        self.handshakes += 1;
        if self.handshakes > self.config.limits.handshakes {
            self.close(transport);
            return Ok(transport);
        }
        self.start_handshake_timers(now, transport);
        self.wake(transport);
        Ok(transport)
    }

    /// A connection was opened as told.
    ///
    /// # Errors
    /// When commands were not taken.
    pub fn connected(&mut self, now: Time, transport: TransportId) -> Result<Want, Misuse> {
        self.check_drained()?;
        self.deadlines.clear(Deadline::Connect(transport));
        let Some(t) = self.transports.get_mut(transport) else { return Ok(Want::Nothing) };
        t.expect = Expect::Banner;
        t.heard = now;
        self.start_handshake_timers(now, transport);
        Ok(Want::Bytes(1))
    }

    fn start_handshake_timers(&mut self, now: Time, transport: TransportId) {
        let timers = self.config.timers;
        if let Some(handshake) = timers.handshake {
            self.deadlines.set(Deadline::Handshake(transport), now + handshake);
        }
        if let Some(idle) = timers.idle {
            self.deadlines.set(Deadline::Idle(transport), now + idle);
        }
    }

    /// Bytes came. What was understood is taken off the front of `input`; what is left must be offered again, with as
    /// many more as the answer wants or at a [`Command::Resume`]. However the bytes are cut, the outcome is the same
    /// (HS-06, FR-14).
    ///
    /// # Errors
    /// When commands were not taken.
    pub fn handle_input(&mut self, now: Time, transport: TransportId, input: &mut BytesMut) -> Result<Want, Misuse> {
        self.handle(now, transport, input, None)
    }

    /// The same, with messages that need not wait among the events. When there is no room for the next one, no more bytes
    /// are wanted: the input is to be offered again when the messages are handed out.
    ///
    /// # Errors
    /// When commands were not taken.
    pub fn handle_input_fast(
        &mut self,
        now: Time,
        transport: TransportId,
        input: &mut BytesMut,
        lane: FastLane<'_>,
    ) -> Result<Want, Misuse> {
        self.handle(now, transport, input, Some(lane))
    }

    fn handle(
        &mut self,
        now: Time,
        transport: TransportId,
        input: &mut BytesMut,
        mut lane: Option<FastLane<'_>>,
    ) -> Result<Want, Misuse> {
        self.check_drained()?;
        if let Some(t) = self.transports.get_mut(transport) {
            t.heard = now;
            t.paused = false;
        }
        loop {
            match self.step(now, transport, input, &mut lane) {
                Ok(Some(want)) => return Ok(want),
                Ok(None) => {}
                Err(fault) => {
                    self.fault(now, transport, fault);
                    return Ok(Want::Nothing);
                }
            }
        }
    }

    /// Handles the next element, if it is there. Otherwise what is wanted for it.
    fn step(
        &mut self,
        now: Time,
        transport: TransportId,
        input: &mut BytesMut,
        lane: &mut Option<FastLane<'_>>,
    ) -> Result<Option<Want>, Fault> {
        let Some(t) = self.transports.get_mut(transport) else { return Ok(Some(Want::Nothing)) };
        if t.closing {
            return Ok(Some(Want::Nothing));
        }
        let (expect, accepting) = (t.expect, t.is_accepting());
        if expect == Expect::Nothing {
            // After WAIT nothing is read, but the end is to be noticed.
            input.clear();
            return Ok(Some(Want::Bytes(1)));
        }
        let reading = t.reading(self.config.limits, self.config.nocrc);
        if expect == Expect::Frame {
            if t.ready.is_empty() {
                t.ready = reading.whole_frames(input);
            }
            if !t.ready.is_empty() {
                let session = t.session;
                let outcome = self.frames(now, transport, &reading, lane);
                if let Some(session) = session {
                    self.owe_ack(now, session);
                }
                return outcome;
            }
        }
        let len = input.len();
        let n = match reading.measure(expect, input)? {
            Measure::More(n) => return Ok(Some(Want::Bytes(n.saturating_sub(len).max(1)))),
            Measure::Whole(n) => n,
        };
        if n > len {
            // Of a message, the header is there: it is let through the throttles before the rest is waited for.
            if expect == Expect::Frame
                && let Some(head) = head(input)
                && !t.is_admitted()
            {
                let Some(permit) = self.admit(transport, body_len(&head)) else { return Ok(Some(Want::Pause)) };
                self.keep(now, transport, permit);
            }
            return Ok(Some(Want::Bytes(n - len)));
        }
        let bytes = input.split_to(n).freeze();
        match reading.decode(expect, bytes)? {
            // All that are whole were handled.
            Element::Frame(_) => {}
            Element::Banner if accepting => self.expect(transport, Expect::ClientHello),
            Element::Banner => self.greeted(transport),
            Element::ServerHello(hello) => self.server_hello(now, transport, hello)?,
            Element::ClientHello(hello) => self.client_hello(transport, hello),
            Element::Connect(connect) => self.connect_record(now, transport, connect)?,
            Element::Reply(reply) => self.reply(now, transport, reply)?,
            Element::Seq(seq) => self.seq_exchanged(now, transport, seq)?,
        }
        Ok(None)
    }

    fn expect(&mut self, transport: TransportId, expect: Expect) {
        if let Some(t) = self.transports.get_mut(transport) {
            t.expect = expect;
        }
    }

    /// Handles whole frames, one after the other, as long as they are let in.
    fn frames(
        &mut self,
        now: Time,
        transport: TransportId,
        reading: &Reading,
        lane: &mut Option<FastLane<'_>>,
    ) -> Result<Option<Want>, Fault> {
        let Some(t) = self.transports.get_mut(transport) else { return Ok(Some(Want::Nothing)) };
        let mut ready = std::mem::take(&mut t.ready);
        let ctx = reading.context();
        let mut r = Reader::new(&ready, &ctx);
        while let Some(tag) = r.ahead().first() {
            if *tag == Tag::MSG.0 {
                match self.messages(now, transport, reading, &mut r, lane)? {
                    Stop::Other => {}
                    Stop::Over => return Ok(Some(Want::Nothing)),
                    Stop::Wait { from, want } => {
                        ready.advance(from);
                        if let Some(t) = self.transports.get_mut(transport) {
                            t.ready = ready;
                        }
                        return Ok(Some(want));
                    }
                }
            } else {
                let rest = r.ahead();
                self.small_frame(transport, Frame::decode(&mut r).map_err(|error| frame(&error, rest))?);
            }
            // It may have been the last one.
            if !self.transports.get(transport).is_some_and(Transport::is_open) {
                return Ok(Some(Want::Nothing));
            }
        }
        Ok(None)
    }

    /// Takes the throttles for a message whose header is there, if all of them let it pass: otherwise the transport is
    /// paused.
    fn admit(&mut self, transport: TransportId, body: u64) -> Option<Permit> {
        let t = self.transports.get_mut(transport)?;
        let session = t.session.and_then(|session| self.sessions.get(session));
        let throttle = session.and_then(|s| s.policy.throttle);
        t.admit(transport, throttle, &mut self.throttles, &mut self.dispatch_throttle, body)
    }

    /// Keeps the permit of a message until the rest of it is there, which is to come soon: others wait.
    fn keep(&mut self, now: Time, transport: TransportId, permit: Permit) {
        let Some(t) = self.transports.get_mut(transport) else { return };
        t.admission = Some(Admission { permit, passed: Admission::ALL });
        if let Some(limit) = silence(t, &self.config.timers) {
            self.deadlines.set(Deadline::Idle(transport), now + limit);
        }
    }

    /// A connection ended, or could not be opened. All bytes that came before must have been offered.
    ///
    /// # Errors
    /// When commands were not taken.
    pub fn closed(&mut self, now: Time, transport: TransportId, how: Disconnect) -> Result<(), Misuse> {
        self.check_drained()?;
        self.fault(now, transport, Fault::Io(how));
        // The driver knows already.
        self.commands
            .retain(|command| !matches!(command, Command::Close { transport: closed, .. } if *closed == transport));
        Ok(())
    }

    /// Time passed. To be called when the time of [`poll_timeout`](Self::poll_timeout) has come; earlier is no harm.
    ///
    /// # Errors
    /// When commands were not taken.
    pub fn handle_timeout(&mut self, now: Time) -> Result<(), Misuse> {
        self.check_drained()?;
        let timers = self.config.timers;
        while let Some(deadline) = self.deadlines.expire(now) {
            match deadline {
                Deadline::Connect(transport) => {
                    let timeout = Timeout::Connect(timers.connect.unwrap_or_default());
                    self.fault(now, transport, Fault::Timeout(timeout));
                }
                Deadline::Handshake(transport) => {
                    let timeout = Timeout::Handshake(timers.handshake.unwrap_or_default());
                    self.fault(now, transport, Fault::Timeout(timeout));
                }
                Deadline::Idle(transport) => self.check_idle(now, transport),
                Deadline::Backoff(session) => self.dial(now, session),
                Deadline::Wait(session) => self.waited(now, session, timers.wait.unwrap_or_default()),
                Deadline::Ack(session) => {
                    if let Some(transport) = self.sessions.get(session).and_then(|s| s.transport) {
                        self.wake(transport);
                    }
                }
            }
        }
        Ok(())
    }

    /// The deadline for silence is only moved when it comes.
    fn check_idle(&mut self, now: Time, transport: TransportId) {
        let Some(t) = self.transports.get(transport) else { return };
        let Some(limit) = silence(t, &self.config.timers) else { return };
        // After WAIT there is nothing to say.
        if t.expect == Expect::Nothing {
            return;
        }
        // A peer that is held up is not to blame for its silence.
        let heard = if t.paused { now } else { t.heard };
        if now - heard < limit {
            self.deadlines.set(Deadline::Idle(transport), heard + limit);
        } else {
            self.fault(now, transport, Fault::Timeout(Timeout::Idle(limit)));
        }
    }

    /// The peer that was to connect did not.
    fn waited(&mut self, now: Time, session: SessionId, after: Duration) {
        let Some(s) = self.sessions.get_mut(session).filter(|s| s.state == State::Wait) else { return };
        s.state = State::Connecting;
        let fault = Fault::Timeout(Timeout::Wait(after));
        match s.transport {
            Some(transport) => self.fault(now, transport, fault),
            None => self.retry(now, session, fault),
        }
    }
}

/// How long a transport may be silent.
fn silence(t: &Transport, timers: &Timers) -> Option<Duration> {
    let stall = timers.stall.filter(|_| t.is_admitted());
    [timers.idle, stall].into_iter().flatten().min()
}
