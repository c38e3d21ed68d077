//! The body of the target over the bundled captures, as they are and mutated.

use std::path::Path;

use firefly_conformance::capture::{Direction, EventKind, read};

/// The bytes of each direction of each connection.
fn streams(capture: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../conformance/captures/{capture}.pcap.gz"));
    let mut streams = Vec::new();
    for connection in read(&path).expect("a bundled capture").connections {
        for direction in [Direction::Client, Direction::Server] {
            let mut stream = Vec::new();
            for event in connection.events.iter().filter(|event| event.direction == direction) {
                if let EventKind::Data(bytes) = &event.kind {
                    stream.extend_from_slice(bytes);
                }
            }
            streams.push(stream);
        }
    }
    streams
}

/// A stream from its first message on; in front of it stands the handshake.
fn open_state(stream: &[u8]) -> Vec<usize> {
    (0..stream.len()).filter(|at| stream[*at] == 7).take(400).collect()
}

#[test]
fn real_streams_hold_from_any_start_and_in_any_cut() {
    for stream in streams("mini-none").iter().chain(&streams("ipv6-none")) {
        for (n, start) in open_state(stream).into_iter().enumerate() {
            let step = u8::try_from(n % 256).unwrap_or_default();
            firefly_fuzz::frame_stream(&firefly_fuzz::seed(0, step, &stream[start..stream.len().min(start + 2000)]));
        }
    }
}

#[test]
fn mutated_streams_hold() {
    let streams = streams("mini-none");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n.max(1) as u64) as usize
    };
    for _ in 0..20_000 {
        let stream = &streams[random(streams.len())];
        let starts = open_state(stream);
        if starts.is_empty() {
            continue;
        }
        let start = starts[random(starts.len())];
        let mut piece = stream[start..stream.len().min(start + 600)].to_vec();
        for _ in 0..=random(4) {
            let at = random(piece.len());
            piece[at] = u8::try_from(random(256)).unwrap_or_default();
        }
        let form = u8::try_from(random(4)).unwrap_or_default();
        firefly_fuzz::frame_stream(&firefly_fuzz::seed(form, 9, &piece));
    }
}
