//! One endpoint, and peers that are played byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use firefly_runtime::auth::Authenticator;
use firefly_runtime::codec::{Context, Reader, Wire};
use firefly_runtime::session::{
    Config, Disconnect, Dropped, Endpoint, Event, Fault, Message, Next, Received, SessionId, SessionInfo, State, Time,
    TransportId,
};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::transport::*;

use super::{ALL, Effect, Node, Open, addr, bytes_of, ms, ready, record, socket, with_features};

/// An endpoint under test, and the other ends of its transports.
pub(crate) struct Lab {
    pub(crate) node: Node,
    pub(crate) now: Time,
    /// The other end of each transport, in the order in which they came about.
    wires: Vec<Line>,
    /// When it dialled whom.
    pub(crate) dials: Vec<(Time, SocketAddr)>,
    /// Those that have not been answered.
    ringing: Vec<(TransportId, SocketAddr)>,
}

/// The other end of a transport: what [`Lab`] calls a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(usize);

struct Line {
    transport: TransportId,
    /// What the endpoint has written and nobody has taken.
    inbox: BytesMut,
    /// The endpoint closed it.
    closed: bool,
    /// What both have in common.
    features: u64,
}

impl Lab {
    pub(crate) fn new(config: Config) -> Lab {
        Lab::with(config, Box::new(Open))
    }

    pub(crate) fn with(config: Config, auth: Box<dyn Authenticator + Send>) -> Lab {
        let node = Node::new(Endpoint::new(config, auth, 1));
        Lab { node, now: Time::ZERO, wires: Vec::new(), dials: Vec::new(), ringing: Vec::new() }
    }

    // what happens at the other ends

    /// Somebody connects.
    pub(crate) fn incoming(&mut self) -> Peer {
        self.incoming_from(socket("10.0.0.9:40001"))
    }

    pub(crate) fn incoming_from(&mut self, from: SocketAddr) -> Peer {
        let transport = self.node.accept(self.now, from);
        self.join(transport)
    }

    /// The connection that the endpoint opens last comes about.
    pub(crate) fn pick_up(&mut self) -> Peer {
        let (transport, _) = self.ringing.pop().expect("the endpoint does not connect");
        self.node.connected(self.now, transport);
        self.join(transport)
    }

    /// The connection that the endpoint opens last does not come about.
    pub(crate) fn refuse(&mut self) {
        let (transport, _) = self.ringing.pop().expect("the endpoint does not connect");
        self.node.closed(self.now, transport, Disconnect::Refused);
        self.collect();
    }

    /// Whether the endpoint waits for a connection to come about.
    pub(crate) fn rings(&self) -> bool {
        !self.ringing.is_empty()
    }

    /// Writes an element.
    pub(crate) fn put<T: Wire>(&mut self, peer: Peer, element: &T) {
        let bytes = with_features(element, self.wires[peer.0].features);
        self.bytes(peer, &bytes);
    }

    /// Writes elements in one piece.
    pub(crate) fn put_all<T: Wire>(&mut self, peer: Peer, elements: &[T]) {
        let features = self.wires[peer.0].features;
        let bytes: Vec<Bytes> = elements.iter().map(|element| with_features(element, features)).collect();
        self.bytes(peer, &bytes.concat());
    }

    /// Writes bytes.
    pub(crate) fn bytes(&mut self, peer: Peer, bytes: &[u8]) {
        let transport = self.wires[peer.0].transport;
        self.node.input(self.now, transport, bytes);
        self.collect();
    }

    /// Closes.
    pub(crate) fn hang_up(&mut self, peer: Peer) {
        self.end(peer, Disconnect::Eof);
    }

    /// The connection ends.
    pub(crate) fn end(&mut self, peer: Peer, how: Disconnect) {
        let line = &mut self.wires[peer.0];
        assert!(!line.closed, "the endpoint closed it before");
        line.closed = true;
        let transport = line.transport;
        self.node.closed(self.now, transport, how);
        self.collect();
    }

    /// From now on both use what they have in common.
    pub(crate) fn agree(&mut self, peer: Peer, features: u64) {
        self.wires[peer.0].features = features;
    }

    // what the endpoint wrote

    /// Takes the next element.
    #[track_caller]
    pub(crate) fn take<T: Wire>(&mut self, peer: Peer) -> T {
        self.try_take(peer).unwrap_or_else(|| {
            let line = &self.wires[peer.0];
            let closed = if line.closed { "closed" } else { "open" };
            panic!(
                "no {} in {:02x?}, {closed}; {:?}",
                T::NAME,
                &line.inbox[..line.inbox.len().min(80)],
                self.node.events
            )
        })
    }

    /// Takes the next element, if all of it is there.
    pub(crate) fn try_take<T: Wire>(&mut self, peer: Peer) -> Option<T> {
        let line = &mut self.wires[peer.0];
        let bytes = Bytes::copy_from_slice(&line.inbox);
        let mut reader = Reader::new(&bytes, &Context::new(line.features));
        let element = T::decode(&mut reader).ok()?;
        line.inbox.advance(reader.position());
        Some(element)
    }

    /// Takes the next frame, which must be a message if it is not an acknowledgement, which is passed over.
    #[track_caller]
    pub(crate) fn message(&mut self, peer: Peer) -> MessageFrame {
        loop {
            match self.take(peer) {
                Frame::Message(frame) => return frame,
                Frame::Ack(_) => {}
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    /// Takes all frames.
    pub(crate) fn frames(&mut self, peer: Peer) -> Vec<Frame> {
        std::iter::from_fn(|| self.try_take(peer)).collect()
    }

    /// Takes all frames and keeps the numbers of messages and acknowledgements.
    pub(crate) fn numbers(&mut self, peer: Peer) -> (Vec<u64>, Vec<u64>) {
        let (mut messages, mut acks) = (Vec::new(), Vec::new());
        for frame in self.frames(peer) {
            match frame {
                Frame::Message(frame) => messages.push(frame.header.seq),
                Frame::Ack(ack) => acks.push(ack.seq),
                _ => {}
            }
        }
        (messages, acks)
    }

    /// Takes the bytes that are there.
    pub(crate) fn raw(&mut self, peer: Peer) -> Bytes {
        self.wires[peer.0].inbox.split().freeze()
    }

    /// Whether the endpoint has written nothing that was not taken, and has not closed.
    pub(crate) fn is_quiet(&self, peer: Peer) -> bool {
        !self.wires[peer.0].closed && self.wires[peer.0].inbox.is_empty()
    }

    /// Whether the endpoint has closed without writing anything that was not taken.
    pub(crate) fn is_closed(&self, peer: Peer) -> bool {
        self.wires[peer.0].closed && self.wires[peer.0].inbox.is_empty()
    }

    // time

    /// Time passes, with all that the endpoint does meanwhile.
    pub(crate) fn after(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.node.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.node.timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    // what the application does

    /// Sends to the server, connecting if need be.
    #[track_caller]
    pub(crate) fn send(&mut self, message: Message) -> SessionId {
        let session = self.node.endpoint.send_to(self.now, EntityType::OSD, &Lab::server(), message).unwrap();
        self.settle();
        session
    }

    /// Sends over a session.
    #[track_caller]
    pub(crate) fn send_over(&mut self, session: SessionId, message: Message) {
        self.node.endpoint.send(self.now, session, message).unwrap();
        self.settle();
    }

    /// Connects to the server.
    #[track_caller]
    pub(crate) fn connect(&mut self) -> SessionId {
        self.connect_to(&Lab::server())
    }

    /// Connects to the OSD at an address.
    #[track_caller]
    pub(crate) fn connect_to(&mut self, addr: &EntityAddr) -> SessionId {
        let session = self.node.endpoint.connect(self.now, EntityType::OSD, addr).unwrap();
        self.settle();
        session
    }

    /// Does what follows from what was asked of the endpoint directly.
    pub(crate) fn settle(&mut self) {
        self.node.settle(self.now);
        self.collect();
    }

    // what can be seen

    /// Who is connected to in these tests.
    pub(crate) fn server() -> EntityAddr {
        addr("10.0.0.5:6789", 9)
    }

    #[track_caller]
    pub(crate) fn info(&self, session: SessionId) -> SessionInfo {
        self.node.endpoint.session(session).expect("the session is over")
    }

    pub(crate) fn state(&self, session: SessionId) -> Option<State> {
        self.node.endpoint.session(session).map(|info| info.state)
    }

    /// The session with a peer.
    #[track_caller]
    pub(crate) fn session_of(&self, addr: &EntityAddr) -> SessionId {
        self.node.endpoint.lookup(addr).expect("no session")
    }

    /// Takes the events.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.node.events)
    }

    /// Takes the events and keeps the messages.
    pub(crate) fn received(&mut self) -> Vec<Received> {
        self.events()
            .into_iter()
            .filter_map(|event| if let Event::Message(m) = event { Some(m) } else { None })
            .collect()
    }

    /// Takes the events and keeps the numbers of messages.
    pub(crate) fn seqs(&mut self) -> Vec<u64> {
        self.received().iter().map(|message| message.seq).collect()
    }

    /// Takes the events and keeps what went wrong.
    pub(crate) fn faults(&mut self) -> Vec<Fault> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Reset { fault, .. } | Event::Fault { fault, .. } | Event::HandshakeFailed { fault, .. } => {
                    Some(fault)
                }
                _ => None,
            })
            .collect()
    }

    /// Takes the events, which must be the end of the session and nothing more of the kind.
    #[track_caller]
    pub(crate) fn reset(&mut self) -> (SessionId, Fault, Dropped) {
        let mut resets: Vec<_> = self
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Reset { session, fault, dropped } => Some((session, fault, dropped)),
                _ => None,
            })
            .collect();
        assert_eq!(resets.len(), 1, "{resets:?}");
        resets.remove(0)
    }

    /// Takes the events, of which one tells of a fault that is not the end.
    #[track_caller]
    pub(crate) fn fault(&mut self) -> (Fault, Next) {
        let mut faults: Vec<_> = self
            .events()
            .into_iter()
            .filter_map(|event| if let Event::Fault { fault, next, .. } = event { Some((fault, next)) } else { None })
            .collect();
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.remove(0)
    }

    fn join(&mut self, transport: TransportId) -> Peer {
        self.wires.push(Line { transport, inbox: BytesMut::new(), closed: false, features: ALL });
        self.collect();
        Peer(self.wires.len() - 1)
    }

    pub(crate) fn collect(&mut self) {
        while let Some(effect) = self.node.effect() {
            let line = |wires: &mut Vec<Line>, transport| wires.iter().position(|line| line.transport == transport);
            match effect {
                Effect::Dial(transport, to) => {
                    self.dials.push((self.now, to));
                    self.ringing.push((transport, to));
                }
                Effect::Send(transport, bytes) => {
                    let i = line(&mut self.wires, transport).expect("bytes for a transport that never was");
                    self.wires[i].inbox.extend_from_slice(&bytes);
                }
                Effect::Close(transport, _) => {
                    self.ringing.retain(|(ringing, _)| *ringing != transport);
                    if let Some(i) = line(&mut self.wires, transport) {
                        self.wires[i].closed = true;
                    }
                }
            }
        }
    }
}

/// The client's part of a handshake.
impl Lab {
    /// The address of the client that is played.
    pub(crate) fn client() -> EntityAddr {
        addr("10.0.0.9:0", 4100)
    }

    /// Connects and greets, up to the record.
    #[track_caller]
    pub(crate) fn greet(&mut self, client: &EntityAddr) -> Peer {
        let peer = self.incoming();
        let (_, _): (Banner, ServerHello) = (self.take(peer), self.take(peer));
        self.put(peer, &Banner {});
        self.put(peer, &ClientHello { client_addr: client.clone() });
        assert!(self.is_quiet(peer));
        peer
    }

    /// Writes a record and takes the reply.
    #[track_caller]
    pub(crate) fn offer(&mut self, peer: Peer, record: &Connect) -> ConnectReply {
        self.put(peer, record);
        self.take(peer)
    }

    /// Connects as the client and opens a session.
    #[track_caller]
    pub(crate) fn open(&mut self, record: &Connect) -> Peer {
        self.open_as(&Lab::client(), record)
    }

    /// Connects as somebody and opens a session.
    #[track_caller]
    pub(crate) fn open_as(&mut self, client: &EntityAddr, record: &Connect) -> Peer {
        let peer = self.greet(client);
        let reply = self.offer(peer, record);
        assert_eq!(reply.tag, Tag::READY);
        self.agree(peer, record.features.0 & reply.features.0);
        peer
    }

    /// Opens a session with the usual record, tells which it is and forgets the events so far.
    #[track_caller]
    pub(crate) fn opened(&mut self) -> (Peer, SessionId) {
        let peer = self.open(&record());
        self.events();
        (peer, self.session_of(&Lab::client()))
    }

    /// Connects again, is answered with SEQ, and says what was received.
    #[track_caller]
    pub(crate) fn reopen(&mut self, record: &Connect, received: u64) -> (Peer, u64) {
        let peer = self.greet(&Lab::client());
        assert_eq!(self.offer(peer, record).tag, Tag::SEQ);
        let theirs: SeqExchange = self.take(peer);
        self.put(peer, &SeqExchange { seq: received });
        (peer, theirs.seq)
    }
}

/// The server's part of a handshake.
impl Lab {
    /// Answers the connection that is opened, up to the first record.
    #[track_caller]
    pub(crate) fn welcome(&mut self) -> (Peer, Connect) {
        let peer = self.pick_up();
        self.put(peer, &Banner {});
        self.put(peer, &Lab::hello());
        let (_, _): (Banner, ClientHello) = (self.take(peer), self.take(peer));
        (peer, self.take(peer))
    }

    /// What the server says of both addresses.
    pub(crate) fn hello() -> ServerHello {
        ServerHello { server_addr: Lab::server(), client_addr: addr("10.0.0.7:51000", 0) }
    }

    /// Answers the connection that is opened and opens the session.
    #[track_caller]
    pub(crate) fn serve(&mut self) -> (Peer, Connect) {
        let (peer, connect) = self.welcome();
        let reply = ready(&connect);
        self.agree(peer, connect.features.0 & reply.features.0);
        self.bytes(peer, &bytes_of(&reply));
        (peer, connect)
    }

    /// Answers the connection that is opened with SEQ, and takes what the client says to have received.
    #[track_caller]
    pub(crate) fn serve_again(&mut self, received: u64) -> (Peer, Connect, u64) {
        let (peer, connect) = self.welcome();
        self.put(peer, &ConnectReply { tag: Tag::SEQ, ..ready(&connect) });
        self.put(peer, &SeqExchange { seq: received });
        let theirs: SeqExchange = self.take(peer);
        (peer, connect, theirs.seq)
    }

    /// Connects to a server and lets it open the session; forgets the events so far.
    #[track_caller]
    pub(crate) fn served(&mut self) -> (Peer, SessionId) {
        let session = self.connect();
        let (peer, _) = self.serve();
        self.events();
        (peer, session)
    }
}

/// An endpoint whose attempts to connect are answered so, three times. It closes each time without writing anything
/// that was not taken, and pauses as it does when nobody answers.
#[track_caller]
pub(crate) fn refused(config: Config, answer: impl Fn(&mut Lab) -> Peer) -> Fault {
    let mut lab = Lab::new(config);
    let session = lab.connect();
    let mut faults = Vec::new();
    for pause in [0, 200, 400] {
        let before = lab.now;
        let peer = answer(&mut lab);
        assert!(lab.is_closed(peer), "{:?}", lab.events());
        let (fault, next) = lab.fault();
        assert_eq!(next, Next::Reconnect(ms(pause)));
        faults.push(fault);
        if pause > 0 {
            lab.after(ms(pause - 1));
            assert!(!lab.rings());
            lab.after(ms(1));
        }
        lab.after(ms(0));
        assert_eq!(lab.dials.last().unwrap().0, before + ms(pause));
    }
    assert_eq!(lab.state(session), Some(State::Connecting));
    assert_eq!(lab.info(session).counters.attempts, 4);
    assert!(faults.windows(2).all(|pair| pair[0] == pair[1]), "{faults:?}");
    faults.remove(0)
}
