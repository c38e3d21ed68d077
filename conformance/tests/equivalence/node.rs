//! A messenger of the story, with an endpoint of ours in its place.

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use firefly_runtime::codec::{Parts, Target, Wire, to_bytes};
use firefly_runtime::session::{
    Command, Conduct, Config, Disconnect, Element, Endpoint, Envelope, Event, Expect, Fault, Message, SessionInfo,
    Time, Timers, TransportId,
};
use firefly_runtime::wire::address::{EntityAddr, EntityName, EntityType};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::message_types::MessageType;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{
    Ack, Banner, ClientHello, Connect, FooterFlags, Frame, MessageFooter, MessageFrame, MessageHeader,
};

use super::people::Person;
use super::script::Script;
use super::story::whole;

/// A messenger.
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) script: Script,
    pub(crate) now: Time,
    /// What was said and not compared yet.
    output: HashMap<TransportId, BytesMut>,
    /// What was heard and not understood yet.
    input: HashMap<TransportId, BytesMut>,
    /// Connections that are to be opened.
    dials: Vec<(TransportId, SocketAddr)>,
    /// What went wrong although nothing was wrong.
    pub(crate) faults: Vec<Fault>,
}

impl Node {
    pub(crate) fn new(person: &Person, seed: u64) -> Node {
        let mut config = Config::new(EntityName { r#type: person.r#type, num: -1 });
        config.addr = person.addr.clone();
        if person.addr.socket_addr().is_none_or(|addr| addr.port() == 0) {
            // Nobody tells an unbound messenger its address but its first server.
            config.addr = EntityAddr { nonce: person.addr.nonce, ..EntityAddr::default() };
            config.addr = config.addr.with_ip("0.0.0.0".parse().expect("an address"));
        }
        config.policies = person.role.policies();
        config.cluster_protocol = person.role.cluster_protocol();
        config.conduct = Conduct::firefly();
        config.timers = Timers::firefly();
        let script = Script::default();
        Node {
            endpoint: Endpoint::new(config, Box::new(script.clone()), seed),
            script,
            now: Time::ZERO,
            output: HashMap::new(),
            input: HashMap::new(),
            dials: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// A peer connected.
    pub(crate) fn accept(&mut self, peer: SocketAddr) -> TransportId {
        let transport = self.endpoint.accept(self.now, peer).expect("drained");
        self.output.insert(transport, BytesMut::new());
        self.pump();
        transport
    }

    /// The connection that is to be opened to a socket, if there is one.
    pub(crate) fn take_dial(&mut self, server: SocketAddr) -> Option<TransportId> {
        let at = self.dials.iter().position(|(_, addr)| *addr == server)?;
        let (transport, _) = self.dials.remove(at);
        self.output.insert(transport, BytesMut::new());
        self.endpoint.connected(self.now, transport).expect("drained");
        self.pump();
        Some(transport)
    }

    /// Whether a connection to a socket is to be opened.
    pub(crate) fn dials(&self, server: SocketAddr) -> bool {
        self.dials.iter().any(|(_, addr)| *addr == server)
    }

    /// Has a connection opened to a peer: that of a new session, or of one that sleeps or pauses.
    pub(crate) fn reach(&mut self, kind: EntityType, addr: &EntityAddr) -> Result<(), String> {
        let session = self.endpoint.connect(self.now, kind, addr).map_err(|misuse| misuse.to_string())?;
        self.pump();
        let info = self.endpoint.session(session).ok_or("no session")?;
        let is_dial = |transport: &TransportId| self.dials.iter().any(|(dial, _)| dial == transport);
        if let Some(transport) = info.transport.filter(|transport| !is_dial(transport)) {
            // Firefly noticed a fault of which the capture shows nothing.
            self.close(transport, Disconnect::Eof);
        }
        let socket = addr.socket_addr().ok_or("no socket")?;
        if let Some(session) = self.endpoint.lookup(addr).filter(|_| !self.dials(socket)) {
            self.endpoint.keepalive(self.now, session).map_err(|misuse| misuse.to_string())?;
        } else if !self.dials(socket) {
            self.endpoint.connect(self.now, kind, addr).map_err(|misuse| misuse.to_string())?;
        }
        self.pump();
        Ok(())
    }

    /// Bytes came.
    pub(crate) fn hear(&mut self, transport: TransportId, bytes: &[u8]) {
        let mut input = self.input.remove(&transport).unwrap_or_default();
        input.extend_from_slice(bytes);
        self.endpoint.handle_input(self.now, transport, &mut input).expect("drained");
        self.input.insert(transport, input);
        self.pump();
    }

    /// A connection ended.
    pub(crate) fn close(&mut self, transport: TransportId, how: Disconnect) {
        self.dials.retain(|(dial, _)| *dial != transport);
        self.output.remove(&transport);
        self.endpoint.closed(self.now, transport, how).expect("drained");
        self.pump();
    }

    /// The session with a peer.
    pub(crate) fn info(&self, peer: &EntityAddr) -> Option<SessionInfo> {
        self.endpoint.session(self.endpoint.lookup(peer)?)
    }

    /// The application gives the session with a peer up.
    pub(crate) fn give_up(&mut self, peer: &EntityAddr) {
        if let Some(session) = self.endpoint.lookup(peer) {
            self.endpoint.mark_down(session);
        }
        self.pump();
    }

    /// The application has something to say to a peer.
    pub(crate) fn keepalive(&mut self, peer: &EntityAddr) {
        if let Some(session) = self.endpoint.lookup(peer) {
            self.endpoint.keepalive(self.now, session).expect("a session");
        }
        self.pump();
    }

    /// Whether the endpoint still has a connection.
    pub(crate) fn has(&self, transport: TransportId) -> bool {
        self.output.contains_key(&transport)
    }

    /// Takes the next element that was said on a connection.
    pub(crate) fn said(&mut self, transport: TransportId, expect: Expect) -> Option<Bytes> {
        whole(expect, self.output.get_mut(&transport)?)
    }

    /// Takes the next message that was said on a connection.
    pub(crate) fn said_message(&mut self, transport: TransportId) -> Option<Envelope> {
        loop {
            let bytes = self.said(transport, Expect::Frame)?;
            let Ok(Element::Frame(frame)) = super::story::reading().decode(Expect::Frame, bytes) else { return None };
            if let Ok(envelope) = Envelope::of(frame) {
                return Some(envelope);
            }
        }
    }

    /// Sends a message to a peer with which there is a session, as the application of the messenger did.
    pub(crate) fn send(&mut self, peer: &EntityAddr, frame: &MessageFrame) {
        let MessageFrame { header, front, middle, data, .. } = frame;
        let MessageHeader { r#type: MessageType(number), version, compat_version: compat, .. } = *header;
        let parts = Parts { version, compat, front: front.clone(), middle: middle.clone(), data: data.clone() };
        self.endpoint.config_mut().name = header.src;
        let message = Message { data_off: header.data_off, ..Message::new(Payload::opaque(number, parts)) };
        let message = message.tid(header.tid).priority(header.priority);
        // Whether it was sent is seen in what is said.
        let _ = self.endpoint.send_lazily(self.now, peer, message);
        self.pump();
    }

    /// Does what the endpoint wants done, until it wants nothing more.
    fn pump(&mut self) {
        while let Some(command) = self.endpoint.poll_command() {
            match command {
                Command::Dial { transport, addr } => self.dials.push((transport, addr)),
                Command::Close { transport, .. } => {
                    self.dials.retain(|(dial, _)| *dial != transport);
                    self.output.remove(&transport);
                }
                Command::Transmit(transport) => {
                    let mut pieces = Vec::new();
                    self.endpoint.poll_transmit(self.now, transport, &mut pieces);
                    let output = self.output.entry(transport).or_default();
                    pieces.iter().for_each(|piece| output.extend_from_slice(piece));
                }
                Command::Resume(_) => {}
            }
        }
        while let Some(event) = self.endpoint.poll_event() {
            let fault = match event {
                Event::Message(message) => {
                    self.endpoint.release(message.permit);
                    continue;
                }
                Event::Reset { fault, .. } | Event::Fault { fault, .. } | Event::HandshakeFailed { fault, .. } => fault,
                _ => continue,
            };
            if !matches!(fault, Fault::Io(_) | Fault::Replaced | Fault::MarkedDown) {
                self.faults.push(fault);
            }
        }
    }

    /// Gives the session with a peer a past: so many connections, messages received, and messages sent.
    pub(crate) fn remember(&mut self, peer: &Person, connections: u32, in_seq: u64, out_seq: u64) {
        let name = self.endpoint.config().name;
        let connect = Connect {
            features: Features(FEATURES_ALL),
            host_type: peer.r#type.0.into(),
            connect_seq: connections.saturating_sub(1),
            protocol_version: self.endpoint.config().protocol_version(peer.r#type, name.r#type),
            ..Connect::default()
        };
        let transport = self.accept("127.0.0.1:1".parse().expect("an address"));
        self.hear(transport, &written(&Banner {}));
        self.hear(transport, &written(&ClientHello { client_addr: peer.addr.clone() }));
        self.hear(transport, &written(&connect));
        let ping = |seq| MessageFrame {
            header: MessageHeader { seq, src: name, r#type: MessageType(2), ..MessageHeader::default() },
            front: Bytes::new(),
            middle: Bytes::new(),
            data: Bytes::new(),
            footer: MessageFooter { flags: FooterFlags::COMPLETE, ..MessageFooter::default() },
        };
        (0..out_seq).for_each(|_| self.send(&peer.addr, &ping(0)));
        self.hear(transport, &written(&Frame::Ack(Ack { seq: out_seq })));
        if in_seq > 0 {
            self.hear(transport, &written(&Frame::Message(ping(in_seq))));
        }
        let info = self.info(&peer.addr).expect("a session");
        assert_eq!((info.connect_seq, info.in_seq, info.out_seq), (connections, in_seq, out_seq));
        self.close(transport, Disconnect::Eof);
    }
}

fn written<T: Wire>(value: &T) -> Bytes {
    to_bytes(value, Target::fresh(FEATURES_ALL)).expect("fixed structures")
}
