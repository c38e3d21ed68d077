//! The side that is connected to (3.3 and 3.4 of the reference; `accept()` in `src/msg/Pipe.cc`).

use super::super::accept::{Decision, decide};
use super::super::answer::sanitized;
use super::super::endpoint::Deadline;
use super::super::info::State;
use super::super::reading::Expect;
use super::super::session::Session;
use super::super::transport::ServerTry;
use super::super::{Endpoint, Event, Fault, PeerMisbehaved, Policy, SessionId, Time, TransportId};
use crate::auth::{Key, Request, Verdict};
use crate::wire::address::{EntityAddr, EntityType};
use crate::wire::auth::AuthProtocol;
use crate::wire::features::Features;
use crate::wire::transport::{ClientHello, Connect, ConnectFlags, ConnectReply, SeqExchange, Tag};

/// A client that may come in: what the reply to it depends on.
struct Admitted {
    client_addr: EntityAddr,
    peer_type: EntityType,
    policy: Policy,
    features: u64,
    session_key: Option<Key>,
    /// The reply as far as it does not depend on the decision.
    reply: ConnectReply,
}

impl Endpoint {
    /// The client said who it is. What it does not know of its address, the socket tells (HS-15, HS-16, ER-05).
    pub(in super::super) fn client_hello(&mut self, transport: TransportId, hello: ClientHello) {
        let Some(t) = self.transports.get_mut(transport) else { return };
        let claimed = hello.client_addr;
        let client_addr = if claimed.is_blank_ip() {
            let port = claimed.socket_addr().map_or(0, |socket| socket.port());
            let mut socket = t.peer;
            socket.set_port(port);
            EntityAddr { addr: socket.into(), ..claimed }
        } else {
            claimed
        };
        if let Some(handshake) = &mut t.handshake {
            handshake.server.client_addr = client_addr;
        }
        t.expect = Expect::Connect;
    }

    /// The client tries to connect.
    pub(in super::super) fn connect_record(
        &mut self,
        now: Time,
        transport: TransportId,
        connect: Connect,
    ) -> Result<(), Fault> {
        let max = self.config.limits.handshake_tries;
        let Some(server) = self.server_try(transport) else { return Ok(()) };
        server.tries += 1;
        if server.tries > max {
            return Err(PeerMisbehaved::HandshakeLoop { tries: server.tries }.into());
        }
        let (client_addr, challenge) = (server.client_addr.clone(), server.challenge);

        let peer_type = peer_type(connect.host_type);
        let mut policy = self.config.policies.get(peer_type);
        // Who claims the own address is not called back: that would be oneself (ER-31).
        policy.server |= client_addr == *self.addr();
        let own_type = self.config.name.r#type;
        let features = sanitized(connect.features) & policy.features_supported;
        let mut required = policy.features_required;
        let cephx = connect.authorizer_protocol == AuthProtocol::CEPHX;
        if cephx && self.auth.requires_signatures(peer_type) {
            required |= Features::MSG_AUTH.0;
        }
        let mut reply = ConnectReply {
            features: Features(features | required),
            protocol_version: self.config.protocol_version(peer_type, own_type),
            ..ConnectReply::default()
        };
        if connect.protocol_version != reply.protocol_version {
            return self.answer(transport, Tag::BADPROTOVER, reply);
        }
        if self.config.conduct.single_bit_types && connect.host_type.count_ones() > 1 {
            return Err(PeerMisbehaved::BadPeerType(connect.host_type).into());
        }
        if required & !sanitized(connect.features) != 0 {
            return self.answer(transport, Tag::FEATURES, reply);
        }
        let request = Request {
            peer: peer_type,
            protocol: connect.authorizer_protocol,
            authorizer: &connect.authorizer,
            features,
            challenge,
        };
        let (auth, mut moment) = self.authenticator(now);
        let session_key = match auth.verify(&request, &mut moment) {
            Verdict::Accept { reply: proof, session_key } => {
                reply.authorizer = proof;
                session_key
            }
            Verdict::Challenge { reply: question, challenge } => {
                if let Some(server) = self.server_try(transport) {
                    server.challenge = Some(challenge);
                }
                reply.authorizer = question;
                return self.answer(transport, Tag::CHALLENGE_AUTHORIZER, reply);
            }
            Verdict::Reject(error) => {
                tracing::warn!(peer = %client_addr, %error, "authorizer refused");
                return self.answer(transport, Tag::BADAUTHORIZER, reply);
            }
        };
        let admitted = Admitted { client_addr, peer_type, policy, features, session_key, reply };
        self.decided(now, transport, &connect, admitted)
    }

    /// Acts on the decision about a client that may come in.
    fn decided(
        &mut self,
        now: Time,
        transport: TransportId,
        connect: &Connect,
        admitted: Admitted,
    ) -> Result<(), Fault> {
        let existing = self.lookup(&admitted.client_addr);
        let seen = existing.and_then(|session| self.sessions.get(session)).map(Session::as_existing);
        let reset_unknown = self.config.conduct.reset_unknown_sessions;
        let Admitted { policy, client_addr, .. } = &admitted;
        let decision = decide(seen.as_ref(), connect, policy, client_addr, self.addr(), reset_unknown);
        tracing::trace!(peer = %client_addr, ?decision, "connect record");
        let reply = admitted.reply.clone();
        let (tag, _) = decision.answer(connect);
        let session = match (decision, existing) {
            (Decision::RetryGlobal(global_seq), _) => {
                return self.answer(transport, tag, ConnectReply { global_seq, ..reply });
            }
            (Decision::RetrySession(connect_seq), _) => {
                return self.answer(transport, tag, ConnectReply { connect_seq, ..reply });
            }
            (Decision::ResetSession, _) => return self.answer(transport, tag, reply),
            (Decision::Wait, existing) => {
                // So that the own attempt comes to something (RC-27).
                if let Some(s) = existing.and_then(|session| self.sessions.get_mut(session)) {
                    s.keepalive = true;
                }
                return self.answer(transport, tag, reply);
            }
            (Decision::Open, _) | (_, None) => self.new_session(&admitted),
            (Decision::Supersede, Some(old)) => {
                self.reset_session(old);
                self.end(old, Some(Fault::Replaced));
                self.new_session(&admitted)
            }
            (Decision::Restart { reset }, Some(session)) => {
                if reset {
                    self.reset_session(session);
                }
                self.take_over(session, &admitted);
                if let Some(s) = self.sessions.get_mut(session) {
                    s.in_seq = 0;
                    s.in_seq_acked = 0;
                }
                session
            }
            (Decision::Continue, Some(session)) => {
                self.take_over(session, &admitted);
                session
            }
        };
        self.server_open(now, transport, session, connect, admitted, tag)
    }

    fn new_session(&mut self, admitted: &Admitted) -> SessionId {
        let Admitted { peer_type, client_addr, policy, .. } = admitted;
        let id = self.sessions.insert(Session::new(*peer_type, client_addr.clone(), *policy));
        self.by_addr.insert(client_addr.clone(), id);
        id
    }

    /// Takes the place of the transport that carries a session, or of the attempt to get one (RC-17).
    fn take_over(&mut self, session: SessionId, admitted: &Admitted) {
        self.deadlines.clear(Deadline::Backoff(session));
        let Some(s) = self.sessions.get_mut(session) else { return };
        s.forget_ack(session, &mut self.deadlines);
        s.policy = admitted.policy;
        s.peer_type = admitted.peer_type;
        s.requeue_sent();
        s.counters.replaced += 1;
        if let Some(old) = s.transport.take() {
            self.close(old);
        }
    }

    /// Lets a client in.
    fn server_open(
        &mut self,
        now: Time,
        transport: TransportId,
        session: SessionId,
        connect: &Connect,
        admitted: Admitted,
        tag: Tag,
    ) -> Result<(), Fault> {
        let exchange = tag == Tag::SEQ;
        let global_seq = self.next_global_seq(0);
        let Admitted { policy, features, session_key, reply, .. } = admitted;
        let Some(s) = self.sessions.get_mut(session) else { return Ok(()) };
        s.state = State::Open;
        s.was_open = true;
        s.backoff = std::time::Duration::ZERO;
        s.connect_seq = connect.connect_seq.wrapping_add(1);
        s.peer_global_seq = connect.global_seq;
        s.features = features;
        s.transport = Some(transport);
        // The peer learns it from the exchange.
        s.in_seq_acked = if exchange { s.in_seq } else { s.in_seq_acked };
        s.counters.accepted += 1;
        let reply = ConnectReply {
            features: Features(policy.features_supported),
            global_seq,
            connect_seq: s.connect_seq,
            flags: if policy.lossy { ConnectFlags::LOSSY } else { ConnectFlags::default() },
            ..reply
        };
        tracing::debug!(peer = %s.peer_addr, connect_seq = s.connect_seq, exchange, "accepted");
        let in_seq = s.in_seq;
        self.answer(transport, tag, reply)?;
        let Some(t) = self.transports.get_mut(transport) else { return Ok(()) };
        t.session = Some(session);
        t.open(features, session_key.as_ref());
        self.handshakes = self.handshakes.saturating_sub(1);
        if exchange {
            let _ = t.stage(&SeqExchange { seq: in_seq });
            t.expect = Expect::Seq;
            self.dispatch.push_control(Event::Accept(session));
        } else {
            self.opened(now, transport, session, Event::Accept(session));
        }
        Ok(())
    }

    /// A side said what it received of the session.
    pub(in super::super) fn seq_exchanged(
        &mut self,
        now: Time,
        transport: TransportId,
        theirs: u64,
    ) -> Result<(), Fault> {
        let Some(t) = self.transports.get_mut(transport) else { return Ok(()) };
        if t.handshake.is_some() {
            return self.client_seq(now, transport, theirs);
        }
        t.expect = Expect::Frame;
        let Some(session) = t.session else { return Ok(()) };
        if let Some(s) = self.sessions.get_mut(session) {
            s.acknowledged(theirs);
        }
        self.deadlines.clear(Deadline::Handshake(transport));
        self.owe_ack(now, session);
        self.wake(transport);
        Ok(())
    }

    /// Answers a connect record. After all but READY and SEQ the client may try again on the same connection (HS-39).
    fn answer(&mut self, transport: TransportId, tag: Tag, reply: ConnectReply) -> Result<(), Fault> {
        if let Some(count) = self.stats.replies.get_mut(usize::from(tag.0)) {
            *count += 1;
        }
        if let Some(t) = self.transports.get_mut(transport) {
            let _ = t.stage(&ConnectReply { tag, ..reply });
        }
        self.wake(transport);
        Ok(())
    }

    fn server_try(&mut self, transport: TransportId) -> Option<&mut ServerTry> {
        Some(&mut self.transports.get_mut(transport)?.handshake.as_mut()?.server)
    }
}

/// The type of peer that a number stands for (HS-34). What does not fit is a type that nobody has a policy for.
fn peer_type(host_type: u32) -> EntityType {
    EntityType(u8::try_from(host_type).unwrap_or_default())
}
