//! An endpoint with what a driver keeps for it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use firefly_runtime::session::{Command, Disconnect, Endpoint, Event, Time, TransportId, Want};

/// What an endpoint did to the world around it.
#[derive(Debug)]
pub(crate) enum Effect {
    /// It opens a connection.
    Dial(TransportId, SocketAddr),
    /// It writes.
    Send(TransportId, Bytes),
    /// It closes a connection.
    Close(TransportId, bool),
}

/// An endpoint, the bytes it has not understood yet, and the events it has told.
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) events: Vec<Event>,
    /// Takes events as they come and gives their permits back at once.
    pub(crate) attentive: bool,
    /// Gives permits back at once.
    pub(crate) generous: bool,
    /// Offers bytes only when as many have come as were wanted.
    pub(crate) patient: bool,
    inputs: BTreeMap<TransportId, Input>,
    effects: VecDeque<Effect>,
}

/// The receiving side of a transport.
#[derive(Default)]
struct Input {
    buffer: BytesMut,
    /// How many bytes there must be before they are worth offering.
    enough: usize,
    paused: bool,
    /// The transport ended, which is told when all bytes have been offered.
    ended: Option<Disconnect>,
}

impl Node {
    pub(crate) fn new(endpoint: Endpoint) -> Node {
        Node {
            endpoint,
            events: Vec::new(),
            attentive: true,
            generous: true,
            patient: false,
            inputs: BTreeMap::new(),
            effects: VecDeque::new(),
        }
    }

    /// A connection to this endpoint was opened.
    pub(crate) fn accept(&mut self, now: Time, peer: SocketAddr) -> TransportId {
        let transport = self.endpoint.accept(now, peer).unwrap();
        self.inputs.insert(transport, Input::default());
        self.settle(now);
        transport
    }

    /// The connection that it dialled is open.
    pub(crate) fn connected(&mut self, now: Time, transport: TransportId) {
        self.inputs.insert(transport, Input::default());
        let want = self.endpoint.connected(now, transport).unwrap();
        self.note(transport, want);
        self.settle(now);
    }

    /// Bytes came.
    pub(crate) fn input(&mut self, now: Time, transport: TransportId, bytes: &[u8]) {
        if let Some(input) = self.inputs.get_mut(&transport) {
            input.buffer.extend_from_slice(bytes);
            if !input.paused && (!self.patient || input.buffer.len() >= input.enough) {
                self.offer(now, transport);
            }
        }
        self.settle(now);
    }

    /// A connection ended, or could not be opened. What is paused learns of its end when it reads again.
    pub(crate) fn closed(&mut self, now: Time, transport: TransportId, how: Disconnect) {
        match self.inputs.get_mut(&transport) {
            Some(input) if input.paused && how == Disconnect::Eof => input.ended = Some(how),
            _ => {
                self.inputs.remove(&transport);
                self.endpoint.closed(now, transport, how).unwrap();
            }
        }
        self.settle(now);
    }

    /// The time has come that the endpoint asked for.
    pub(crate) fn timeout(&mut self, now: Time) {
        self.endpoint.handle_timeout(now).unwrap();
        self.settle(now);
    }

    /// Takes one event, if there is one, gives its permit back if that is the custom here, and keeps the event.
    pub(crate) fn take_event(&mut self, now: Time) -> bool {
        let Some(mut event) = self.endpoint.poll_event() else { return false };
        if let Event::Message(message) = &mut event
            && self.generous
        {
            self.endpoint.dispatched(&mut message.permit);
            self.endpoint.release(std::mem::take(&mut message.permit));
        }
        self.events.push(event);
        self.commands(now);
        true
    }

    /// Does what the endpoint wants until it wants nothing more.
    pub(crate) fn settle(&mut self, now: Time) {
        self.commands(now);
        while self.attentive && self.take_event(now) {}
    }

    /// The next thing that the endpoint did.
    pub(crate) fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn commands(&mut self, now: Time) {
        let mut resumed = VecDeque::new();
        loop {
            while let Some(command) = self.endpoint.poll_command() {
                match command {
                    Command::Dial { transport, addr } => self.effects.push_back(Effect::Dial(transport, addr)),
                    Command::Transmit(transport) => self.transmit(now, transport),
                    Command::Close { transport, flush } => {
                        if flush {
                            self.transmit(now, transport);
                        }
                        self.inputs.remove(&transport);
                        self.effects.push_back(Effect::Close(transport, flush));
                    }
                    Command::Resume(transport) => resumed.push_back(transport),
                }
            }
            let Some(transport) = resumed.pop_front() else { return };
            if let Some(input) = self.inputs.get_mut(&transport) {
                input.paused = false;
                self.offer(now, transport);
            }
        }
    }

    fn transmit(&mut self, now: Time, transport: TransportId) {
        let mut pieces = Vec::new();
        while self.endpoint.poll_transmit(now, transport, &mut pieces) {
            for bytes in pieces.drain(..) {
                self.effects.push_back(Effect::Send(transport, bytes));
            }
        }
    }

    fn offer(&mut self, now: Time, transport: TransportId) {
        let Some(input) = self.inputs.get_mut(&transport) else { return };
        let want = self.endpoint.handle_input(now, transport, &mut input.buffer).unwrap();
        self.note(transport, want);
        if let Some(input) = self.inputs.get(&transport)
            && !input.paused
            && let Some(how) = input.ended
        {
            self.commands(now);
            if self.inputs.remove(&transport).is_some() {
                self.endpoint.closed(now, transport, how).unwrap();
            }
        }
    }

    fn note(&mut self, transport: TransportId, want: Want) {
        let Some(input) = self.inputs.get_mut(&transport) else { return };
        input.paused = want == Want::Pause;
        if let Want::Bytes(more) = want {
            assert!(more > 0, "an endpoint that waits for nothing");
            input.enough = input.buffer.len() + more;
        }
    }
}
