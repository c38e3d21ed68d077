//! However a stream of the bundled captures is cut, the core makes the same of it: whoever looks on sees the same
//! elements, and whoever takes part tells the same events and says the same bytes.

use std::path::Path;

use bytes::{Bytes, BytesMut};
use firefly_conformance::capture::{Capture, Connection, Direction, EventKind, read};
use firefly_runtime::auth::{Auth, Rules, Shows};
use firefly_runtime::random::Random;
use firefly_runtime::session::{
    Command, Config, Element, Endpoint, Event, Limits, Observer, Policies, Policy, Seen, Side, Time, Want,
};
use firefly_runtime::wire::address::{EntityName, EntityType};

/// How long the pieces are.
const CUTS: [Cut; 5] = [Cut::Of(1), Cut::Of(2), Cut::Random(1), Cut::Random(2), Cut::Random(3)];

#[derive(Clone, Copy, Debug)]
enum Cut {
    /// All at once.
    Whole,
    /// All of this length.
    Of(usize),
    /// Up to 300 bytes, as a seed has it.
    Random(u64),
}

impl Cut {
    fn pieces(self, mut stream: Bytes) -> impl Iterator<Item = Bytes> {
        let mut random = Random::new(if let Cut::Random(seed) = self { seed } else { 0 });
        std::iter::from_fn(move || {
            let n = match self {
                Cut::Whole => stream.len(),
                Cut::Of(n) => n,
                Cut::Random(_) => 1 + random.below(300) as usize,
            };
            (!stream.is_empty()).then(|| stream.split_to(n.min(stream.len())))
        })
    }
}

fn bundled() -> impl Iterator<Item = Capture> {
    ["mini-none", "ipv6-none"].into_iter().map(|name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/{name}.pcap.gz"));
        read(&path).expect("a bundled capture")
    })
}

/// What both sides of each connection said that was captured from its start.
fn streams(capture: &Capture) -> Vec<[Bytes; 2]> {
    let whole = capture.connections.iter().filter(|connection| !connection.midstream && connection.gaps().count() == 0);
    let side = |connection: &Connection, direction| {
        let mut stream = BytesMut::new();
        for event in connection.events.iter().filter(|event| event.direction == direction) {
            if let EventKind::Data(bytes) = &event.kind {
                stream.extend_from_slice(bytes);
            }
        }
        stream.freeze()
    };
    whole.map(|connection| Direction::BOTH.map(|direction| side(connection, direction))).collect()
}

/// What an observer sees of each side. A side is heard whenever the other one has said a piece.
fn seen(streams: &[Bytes; 2], cut: Cut) -> [Vec<Seen>; 2] {
    let mut observer = Observer::new(Limits::default());
    let mut seen = [Vec::new(), Vec::new()];
    let mut take = |observer: &mut Observer| {
        while let Some(next) = observer.poll() {
            let side = match &next {
                Seen::Element(sighting) => sighting.side,
                Seen::Odd(odd) | Seen::Lost(odd) => odd.side,
            };
            seen[side as usize].push(next);
        }
    };
    let mut pieces = streams.each_ref().map(|stream| cut.pieces(stream.clone()));
    loop {
        let mut heard = false;
        for (side, pieces) in Side::BOTH.into_iter().zip(&mut pieces) {
            if let Some(piece) = pieces.next() {
                heard = true;
                observer.input(side, &piece);
                take(&mut observer);
            }
        }
        if !heard {
            break;
        }
    }
    for side in Side::BOTH {
        observer.close(side);
    }
    observer.finish();
    take(&mut observer);
    seen
}

/// What a server tells and says to a client that sent this stream.
fn served(stream: &Bytes, protocol: EntityType, cut: Cut) -> (Vec<String>, Vec<u8>) {
    let mut config = Config::new(EntityName { r#type: protocol, num: 0 });
    config.policies = Policies::new(Policy::stateless_server());
    let mut endpoint = Endpoint::new(config, Box::new(Auth::new(Shows::Nothing, Rules::anyone())), 1);
    let transport = endpoint.accept(Time::ZERO, "127.0.0.1:40000".parse().expect("an address")).expect("drained");
    let (mut input, mut said, mut events) = (BytesMut::new(), Vec::new(), Vec::new());
    let mut open = true;
    for piece in [Bytes::new()].into_iter().chain(cut.pieces(stream.clone())) {
        input.extend_from_slice(&piece);
        if open {
            open = endpoint.handle_input(Time::ZERO, transport, &mut input).is_ok_and(|want| want != Want::Nothing)
                || piece.is_empty();
        }
        while let Some(command) = endpoint.poll_command() {
            open &= !matches!(command, Command::Close { .. });
        }
        // What is said in between depends on when it is asked for: acknowledgements add up.
        while let Some(event) = endpoint.poll_event() {
            events.push(format!("{event:?}"));
            if let Event::Message(message) = event {
                endpoint.release(message.permit);
            }
        }
    }
    let mut pieces = Vec::new();
    endpoint.poll_transmit(Time::ZERO, transport, &mut pieces);
    pieces.iter().for_each(|piece| said.extend_from_slice(piece));
    (events, said)
}

// covers: HS-06, FR-13, FR-14
#[test]
fn whoever_looks_on_sees_the_same() {
    let mut elements = 0;
    for capture in bundled() {
        for streams in streams(&capture) {
            let whole = seen(&streams, Cut::Whole);
            elements += whole.iter().flatten().filter(|seen| matches!(seen, Seen::Element(_))).count();
            for cut in CUTS {
                assert_eq!(seen(&streams, cut), whole, "{cut:?}");
            }
        }
    }
    assert!(elements > 500, "{elements} elements");
}

// covers: HS-06, FR-13, FR-14
#[test]
fn whoever_takes_part_tells_and_says_the_same() {
    let mut messages = 0;
    for capture in bundled() {
        for streams in streams(&capture) {
            // Who was called shows in the protocol that the client wanted to speak.
            let connect = seen(&streams, Cut::Whole)[0].iter().find_map(|seen| match seen {
                Seen::Element(sighting) => match &sighting.element {
                    Element::Connect(connect) => Some(connect.protocol_version),
                    _ => None,
                },
                _ => None,
            });
            let server = match connect {
                Some(15) => EntityType::MON,
                Some(24) => EntityType::OSD,
                _ => continue,
            };
            let whole = served(&streams[0], server, Cut::Whole);
            messages += whole.0.iter().filter(|event| event.starts_with("Message")).count();
            for cut in CUTS {
                assert_eq!(served(&streams[0], server, cut), whole, "{cut:?}");
            }
        }
    }
    assert!(messages > 80, "{messages} messages");
}
