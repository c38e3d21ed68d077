//! The side that connects (3.2 of the reference; `connect()` in `src/msg/Pipe.cc`).

use super::super::answer::{After, after_reply, judge_reply, negotiated, sanitized};
use super::super::endpoint::Deadline;
use super::super::info::State;
use super::super::reading::Expect;
use super::super::session::Session;
use super::super::transport::{ClientTry, Transport};
use super::super::{Dropped, Endpoint, Event, Fault, Incompatible, PeerMisbehaved, SessionId, Time, TransportId};
use crate::auth::AuthError;
use crate::wire::address::EntityAddr;
use crate::wire::auth::AuthProtocol;
use crate::wire::features::Features;
use crate::wire::transport::{Banner, ClientHello, Connect, ConnectFlags, ConnectReply, SeqExchange, ServerHello, Tag};

/// Who connects, on what, for which session.
struct Connecting<'a> {
    t: &'a mut Transport,
    s: &'a mut Session,
    session: SessionId,
}

impl Connecting<'_> {
    fn client(&mut self) -> &mut ClientTry {
        &mut self.t.handshake.get_or_insert_default().client
    }
}

impl Endpoint {
    /// The server greeted: greet it.
    pub(in super::super) fn greeted(&mut self, transport: TransportId) {
        if let Some(t) = self.transports.get_mut(transport) {
            let _ = t.stage(&Banner {});
            t.expect = Expect::ServerHello;
        }
        self.wake(transport);
    }

    /// The server said who it is, and who it sees: check that, take over the own address, and try to connect.
    pub(in super::super) fn server_hello(
        &mut self,
        now: Time,
        transport: TransportId,
        hello: ServerHello,
    ) -> Result<(), Fault> {
        let Some(Connecting { s, .. }) = self.connecting(transport) else { return Ok(()) };
        let ServerHello { server_addr, client_addr } = hello;
        if !is_meant(&server_addr, &s.peer_addr) {
            let expected = Box::new(s.peer_addr.clone());
            return Err(Fault::WrongNode { expected, claimed: Box::new(server_addr) });
        }
        if self.config.learn_addr && self.addr().is_blank_ip() {
            let Some(seen) = client_addr.socket_addr() else { return Err(PeerMisbehaved::NoAddress.into()) };
            let learned = self.addr().with_ip(seen.ip());
            self.set_addr(learned.clone());
            tracing::debug!(addr = %learned, "address learned");
            self.dispatch.push_control(Event::AddrLearned(learned));
        }
        let own = ClientHello { client_addr: self.addr().clone() };
        if let Some(t) = self.transports.get_mut(transport) {
            let _ = t.stage(&own);
        }
        self.send_connect(now, transport)
    }

    /// Sends a connect record, with a new authorizer (AU-21). One that was challenged goes on meeting the challenge.
    fn send_connect(&mut self, now: Time, transport: TransportId) -> Result<(), Fault> {
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        let challenge = connecting.client().challenge.clone();
        let (peer_type, policy, renew) = (connecting.s.peer_type, connecting.s.policy, connecting.s.refused);
        let (auth, mut moment) = self.authenticator(now);
        let authorizer = match (auth.authorizer(peer_type, renew, &mut moment), challenge) {
            (Some(authorizer), Some(challenge)) => Some(auth.answer(&authorizer, &challenge, &mut moment)?),
            (None, Some(_)) => return Err(AuthError::Challenge.into()),
            (authorizer, None) => authorizer,
        };
        let own_type = self.config.name.r#type;
        let protocol_version = self.config.protocol_version(own_type, peer_type);
        let tries_max = self.config.limits.handshake_tries;
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        let client = connecting.client();
        client.tries += 1;
        if client.tries > tries_max {
            return Err(PeerMisbehaved::HandshakeLoop { tries: client.tries }.into());
        }
        client.features = policy.features_supported;
        let mut connect = Connect {
            features: Features(policy.features_supported),
            host_type: own_type.0.into(),
            global_seq: client.global_seq,
            connect_seq: client.connect_seq,
            protocol_version,
            flags: if policy.lossy { ConnectFlags::LOSSY } else { ConnectFlags::default() },
            ..Connect::default()
        };
        if let Some(authorizer) = &authorizer {
            connect.authorizer_protocol = authorizer.protocol;
            connect.authorizer = authorizer.bytes.clone();
        }
        client.authorizer = authorizer;
        let counters = &mut connecting.s.counters;
        *(if connect.connect_seq == 0 { &mut counters.connects } else { &mut counters.reconnects }) += 1;
        let _ = connecting.t.stage(&connect);
        connecting.t.expect = Expect::Reply;
        self.wake(transport);
        Ok(())
    }

    /// The server answered a connect record.
    pub(in super::super) fn reply(
        &mut self,
        now: Time,
        transport: TransportId,
        reply: ConnectReply,
    ) -> Result<(), Fault> {
        let (own_type, challenges) = (self.config.name.r#type, self.config.conduct.challenges);
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        tracing::trace!(peer = %connecting.s.peer_addr, tag = ?reply.tag, "connect reply");
        let offered = connecting.client().features;
        let ours = connecting.s.policy;
        // What stands in the way whatever the authorizer: named as it is, not as a missing proof.
        match reply.tag {
            Tag::FEATURES => {
                return Err(Incompatible::FeaturesDemanded(sanitized(reply.features) & !offered).into());
            }
            Tag::BADPROTOVER => {
                let peer_type = connecting.s.peer_type;
                let ours = self.config.protocol_version(own_type, peer_type);
                return Err(Incompatible::Protocol { ours, theirs: reply.protocol_version }.into());
            }
            Tag::CHALLENGE_AUTHORIZER if challenges => {
                return self.challenged(now, transport, &reply);
            }
            Tag::BADAUTHORIZER => return self.refused(now, transport),
            _ => {}
        }
        if let Some(authorizer) = connecting.client().authorizer.clone() {
            self.auth.verify_reply(&authorizer, &reply.authorizer)?;
        }
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        let after = after_reply(reply.tag)?;
        let ClientTry { connect_seq, .. } = *connecting.client();
        judge_reply(&Connect { connect_seq, ..Connect::default() }, &reply)?;
        match reply.tag {
            Tag::RESETSESSION => {
                let session = connecting.session;
                connecting.client().connect_seq = 0;
                self.reset_session(session);
                self.send_connect(now, transport)
            }
            Tag::RETRY_GLOBAL => {
                let global_seq = self.next_global_seq(reply.global_seq);
                let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
                connecting.client().global_seq = global_seq;
                self.send_connect(now, transport)
            }
            Tag::RETRY_SESSION => {
                connecting.s.connect_seq = reply.connect_seq;
                connecting.client().connect_seq = reply.connect_seq;
                self.send_connect(now, transport)
            }
            Tag::WAIT => {
                connecting.s.state = State::Wait;
                connecting.t.expect = Expect::Nothing;
                let session = connecting.session;
                self.deadlines.clear(Deadline::Handshake(transport));
                if let Some(wait) = self.config.timers.wait {
                    self.deadlines.set(Deadline::Wait(session), now + wait);
                }
                Ok(())
            }
            Tag::READY | Tag::SEQ => {
                let missing = ours.features_required & !sanitized(reply.features);
                if missing != 0 {
                    return Err(Incompatible::FeaturesMissing(missing).into());
                }
                if after == After::Frames {
                    return self.client_open(now, transport, &reply);
                }
                connecting.client().reply = Some(reply);
                connecting.t.expect = Expect::Seq;
                Ok(())
            }
            other => Err(PeerMisbehaved::BadReplyTag(other).into()),
        }
    }

    /// BADAUTHORIZER: with the protocol NONE or none at all, try once more; otherwise the proof that the reply should
    /// carry is missing (AU-07, AU-20).
    fn refused(&mut self, now: Time, transport: TransportId) -> Result<(), Fault> {
        let pause = self.config.conduct.pause_when_refused;
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        connecting.s.refused = true;
        let client = connecting.client();
        let cephx = client.authorizer.as_ref().is_some_and(|auth| auth.protocol == AuthProtocol::CEPHX);
        let again = std::mem::replace(&mut client.refused, true);
        match (again || cephx, pause || cephx) {
            (false, _) => self.send_connect(now, transport),
            (true, true) => Err(AuthError::Refused.into()),
            (true, false) => {
                let session = connecting.session;
                self.close(transport);
                self.dial(now, session);
                Ok(())
            }
        }
    }

    /// A later peer wants to know that the authorizer is fresh (MD-15).
    fn challenged(&mut self, now: Time, transport: TransportId, reply: &ConnectReply) -> Result<(), Fault> {
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        if connecting.client().challenge.replace(reply.authorizer.clone()).is_some() {
            return Err(AuthError::Challenge.into());
        }
        self.send_connect(now, transport)
    }

    /// The server said what it received; say the same, and begin.
    pub(super) fn client_seq(&mut self, now: Time, transport: TransportId, theirs: u64) -> Result<(), Fault> {
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        let sent = connecting.s.out_seq;
        if theirs > sent {
            return Err(PeerMisbehaved::SeqBeyondSent { theirs, sent }.into());
        }
        connecting.s.acknowledged(theirs);
        let seq = connecting.s.in_seq;
        let _ = connecting.t.stage(&SeqExchange { seq });
        match connecting.client().reply.take() {
            Some(reply) => self.client_open(now, transport, &reply),
            None => Ok(()),
        }
    }

    /// The handshake is done.
    fn client_open(&mut self, now: Time, transport: TransportId, reply: &ConnectReply) -> Result<(), Fault> {
        let Some(mut connecting) = self.connecting(transport) else { return Ok(()) };
        let ClientTry { features, connect_seq, authorizer, .. } = std::mem::take(connecting.client());
        let Connecting { t, s, session } = connecting;
        s.state = State::Open;
        s.was_open = true;
        s.backoff = std::time::Duration::ZERO;
        s.refused = false;
        s.connect_seq = connect_seq.wrapping_add(1);
        s.peer_global_seq = reply.global_seq;
        s.policy.lossy = reply.flags.contains(ConnectFlags::LOSSY);
        s.features = negotiated(Features(features), reply.features);
        s.counters.connected += 1;
        let key = authorizer.as_ref().and_then(|authorizer| authorizer.session_key.as_ref());
        t.open(s.features, key);
        tracing::debug!(peer = %s.peer_addr, connect_seq = s.connect_seq, tag = ?reply.tag, "connected");
        self.opened(now, transport, session, Event::Connect(session));
        Ok(())
    }

    /// What is true of a session from either side once it is open.
    pub(super) fn opened(&mut self, now: Time, transport: TransportId, session: SessionId, event: Event) {
        self.deadlines.clear(Deadline::Handshake(transport));
        self.deadlines.clear(Deadline::Wait(session));
        self.dispatch.push_control(event);
        self.owe_ack(now, session);
        self.wake(transport);
    }

    /// The peer forgot the session, or is to forget it (RC-21).
    pub(in super::super) fn reset_session(&mut self, session: SessionId) {
        let ack_at_once = self.config.conduct.ack_after_reset;
        let Some(s) = self.sessions.get_mut(session) else { return };
        let dropped = s.reset(&mut self.random, ack_at_once);
        let undispatched = self.discard_received(session);
        let dropped = Dropped { undispatched, ..dropped };
        tracing::warn!(?session, ?dropped, "session reset by the peer");
        self.dispatch.push_control(Event::RemoteReset { session, dropped });
    }

    /// The transport on which this side connects, and its session.
    fn connecting(&mut self, transport: TransportId) -> Option<Connecting<'_>> {
        let t = self.transports.get_mut(transport)?;
        let session = t.session?;
        let s = self.sessions.get_mut(session)?;
        Some(Connecting { t, s, session })
    }
}

/// Whether a server that says to be at `claimed` is the one to be reached at `dialled`: it is, or does not know its own
/// IP yet (HS-09, HS-10, HS-11).
fn is_meant(claimed: &EntityAddr, dialled: &EntityAddr) -> bool {
    let port = |addr: &EntityAddr| addr.socket_addr().map_or(0, |socket| socket.port());
    claimed == dialled || claimed.is_blank_ip() && port(claimed) == port(dialled) && claimed.nonce == dialled.nonce
}
