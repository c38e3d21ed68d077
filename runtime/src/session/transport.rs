//! A transport: one TCP stream.

use std::net::SocketAddr;

use bytes::Bytes;

use super::message::Permit;
use super::reading::{Expect, Reading};
use super::throttle::Gate;
use super::{Limits, SessionId, Time, TransportId};
use crate::auth::{Authorizer, Key, SignatureForm, Signer};
use crate::codec::{EncodeError, Target, Wire, to_bytes};
use crate::wire::address::EntityAddr;
use crate::wire::transport::ConnectReply;

#[derive(Debug)]
pub(super) struct Transport {
    /// The socket at the other end.
    pub(super) peer: SocketAddr,
    pub(super) session: Option<SessionId>,
    /// What comes next from the peer.
    pub(super) expect: Expect,
    /// What only a handshake needs.
    pub(super) handshake: Option<Box<Handshake>>,
    /// What the handshake says, until it is polled.
    pub(super) staged: Vec<u8>,
    /// What decides how frames are written.
    pub(super) features: u64,
    /// Signs messages and verifies signatures, if both are done.
    pub(super) signer: Option<Signer>,
    /// When the last byte came.
    pub(super) heard: Time,
    /// What the message that is coming takes of the throttles, as far as it has got it.
    pub(super) admission: Option<Admission>,
    /// Whole frames that wait for the throttles.
    pub(super) ready: Bytes,
    /// Whether a throttle holds it up, so that it is not read.
    pub(super) paused: bool,
    /// Whether the driver was told that there is something to write.
    pub(super) woken: bool,
    /// To be closed when what is staged is polled.
    pub(super) closing: bool,
}

/// How far a message is on its way through the throttles.
#[derive(Debug, Default)]
pub(super) struct Admission {
    pub(super) permit: Permit,
    /// The throttles passed.
    pub(super) passed: u8,
}

impl Admission {
    /// How many throttles there are to pass.
    pub(super) const ALL: u8 = 3;

    /// Passes the throttle in that place, unless that was done or has to wait. Whether it is passed.
    pub(super) fn passes(&mut self, place: u8, gate: &mut Gate<TransportId>, key: TransportId, amount: u64) -> bool {
        if place < self.passed {
            return true;
        }
        if !gate.take(key, amount) {
            return false;
        }
        self.passed = place + 1;
        match place {
            0 => self.permit.messages = amount,
            1 => self.permit.bytes = amount,
            _ => self.permit.dispatch_bytes = amount,
        }
        true
    }
}

/// The state of a handshake.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    /// Whether the peer connects.
    pub(super) accepting: bool,
    /// While this side connects.
    pub(super) client: ClientTry,
    /// While the peer connects.
    pub(super) server: ServerTry,
}

/// A handshake that this side began (3.2 of the reference).
#[derive(Debug, Default)]
pub(super) struct ClientTry {
    pub(super) tries: u32,
    /// As the last record said.
    pub(super) global_seq: u32,
    pub(super) connect_seq: u32,
    pub(super) features: u64,
    pub(super) authorizer: Option<Authorizer>,
    /// BADAUTHORIZER came once.
    pub(super) refused: bool,
    /// The challenge that the peer sent, sealed as it came.
    pub(super) challenge: Option<Bytes>,
    /// The reply with SEQ, until the exchange is done.
    pub(super) reply: Option<ConnectReply>,
}

/// A handshake that the peer began (3.3 of the reference).
#[derive(Debug, Default)]
pub(super) struct ServerTry {
    pub(super) tries: u32,
    pub(super) client_addr: EntityAddr,
    /// The challenge sent.
    pub(super) challenge: Option<u64>,
}

impl Transport {
    pub(super) fn new(peer: SocketAddr, session: Option<SessionId>, handshake: Handshake, now: Time) -> Transport {
        Transport {
            peer,
            session,
            expect: Expect::Nothing,
            handshake: Some(Box::new(handshake)),
            staged: Vec::new(),
            features: 0,
            signer: None,
            heard: now,
            admission: None,
            ready: Bytes::new(),
            paused: false,
            woken: false,
            closing: false,
        }
    }

    /// Takes the throttles for a message of so many bytes, in Firefly's order: messages, bytes, dispatch (4.7 of the
    /// reference). Nothing if not all of them let it pass: then the transport is paused.
    #[inline(always)]
    pub(super) fn admit(
        &mut self,
        own: TransportId,
        throttle: Option<usize>,
        throttles: &mut [[Gate<TransportId>; 2]],
        dispatch: &mut Gate<TransportId>,
        body: u64,
    ) -> Option<Permit> {
        // Mostly nothing is in the way.
        if throttle.is_none() && self.admission.is_none() && dispatch.take(own, body) {
            return Some(Permit { dispatch_bytes: body, ..Permit::default() });
        }
        self.admit_in_turn(own, throttle, throttles, dispatch, body)
    }

    /// The same, one throttle after the other.
    #[inline(never)]
    fn admit_in_turn(
        &mut self,
        own: TransportId,
        throttle: Option<usize>,
        throttles: &mut [[Gate<TransportId>; 2]],
        dispatch: &mut Gate<TransportId>,
        body: u64,
    ) -> Option<Permit> {
        let mut admission = self.admission.take().unwrap_or_default();
        let passed = match throttle.and_then(|throttle| throttles.get_mut(throttle)) {
            Some([messages, bytes]) => {
                admission.permit.throttle = throttle;
                admission.passes(0, messages, own, 1) && admission.passes(1, bytes, own, body)
            }
            None => true,
        };
        if passed && admission.passes(2, dispatch, own, body) {
            return Some(admission.permit);
        }
        self.admission = Some(admission);
        self.paused = true;
        None
    }

    /// Whether the peer connects, and is not in yet.
    pub(super) fn is_accepting(&self) -> bool {
        self.handshake.as_ref().is_some_and(|handshake| handshake.accepting)
    }

    /// Whether the peer was let in, and is to say what it received.
    pub(super) fn awaits_seq(&self) -> bool {
        self.expect == Expect::Seq && self.handshake.is_none()
    }

    /// Whether a message is coming that was let through the throttles.
    pub(super) fn is_admitted(&self) -> bool {
        self.admission.as_ref().is_some_and(|admission| admission.passed == Admission::ALL)
    }

    /// Whether messages flow.
    pub(super) fn is_open(&self) -> bool {
        self.expect == Expect::Frame
    }

    /// Writes an element of the handshake.
    pub(super) fn stage<T: Wire>(&mut self, element: &T) -> Result<(), EncodeError> {
        self.staged.extend_from_slice(&to_bytes(element, Target::fresh(0))?);
        Ok(())
    }

    /// Goes over to frames.
    pub(super) fn open(&mut self, features: u64, session_key: Option<&Key>) {
        self.features = features;
        self.signer = session_key.map(|key| Signer::new(key, SignatureForm::for_features(features)));
        self.expect = Expect::Frame;
        self.handshake = None;
    }

    /// What reading depends on.
    pub(super) fn reading(&self, limits: Limits, nocrc: bool) -> Reading {
        Reading { features: self.features, limits, nocrc }
    }
}
