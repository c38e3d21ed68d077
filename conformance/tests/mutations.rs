//! Whatever is done to real conversations and capture files: nothing panics, and every byte is in one place.

mod doctored;
mod support;

use std::path::Path;
use std::thread;

use bytes::Bytes;
use doctored::{Ending, bundled, replay_streams};
use firefly_conformance::capture::{Direction, EventKind, read};
use firefly_conformance::replay::{Options, replay_capture};
use firefly_conformance::report::{CaptureReport, Report, json, text};

/// Mutated conversations; files come on top.
const CONVERSATIONS: u64 = 10_000;
const FILES: u64 = 200;
const THREADS: u64 = 4;

/// Numbers that look random and are the same every time (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n.max(1)
    }

    /// Changes a few places.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(64)).min(bytes.len());
            match self.below(8) {
                0..=2 => bytes[at] = self.next() as u8,
                3 => bytes[at] ^= 1 << self.below(8),
                4 => drop(bytes.drain(at..end)),
                5 => bytes.insert(at, self.next() as u8),
                6 => {
                    let again = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, again);
                }
                _ if self.below(4) == 0 => bytes.truncate(at),
                _ => bytes[at..end].fill([0, 0xff][self.below(2)]),
            }
        }
    }
}

/// What holds for every report.
fn assert_sane(report: &CaptureReport, sent: u64, what: &str) {
    let counts = &report.counts;
    assert!(counts.bytes_unaccounted <= sent, "{what}: {counts:?}");
    let messages = &counts.messages;
    assert_eq!(messages.total, counts.tags.msg, "{what}");
    assert_eq!(messages.total, messages.by_type.values().map(|by_type| by_type.count).sum::<u64>(), "{what}");
    assert!(messages.outcome.exact <= messages.total, "{what}");
    let read = messages.outcome.decoded + messages.outcome.opaque + messages.outcome.failed;
    assert_eq!(read, counts.crc.ok + counts.crc.bad + counts.crc.skipped, "{what}");
    if counts.bytes_unaccounted > 0 {
        assert!(!report.findings.is_empty(), "{what}");
    }
}

/// The conversations of the bundled captures, both directions each.
fn conversations() -> Vec<[Bytes; 2]> {
    let captures = [bundled("mini-none.pcap.gz"), bundled("ipv6-none.pcap.gz")];
    let mut conversations = Vec::new();
    for connection in captures.iter().flat_map(|capture| &capture.connections) {
        conversations.push(Direction::BOTH.map(|direction| {
            let events = connection.events.iter().filter(|event| event.direction == direction);
            let data = events.filter_map(|event| match &event.kind {
                EventKind::Data(bytes) => Some(bytes.clone()),
                _ => None,
            });
            Bytes::from(data.collect::<Vec<_>>().concat())
        }));
    }
    conversations
}

#[test]
fn mutated_conversations() {
    let conversations = conversations();
    let one = |seed: u64| {
        let mut random = Random::new(seed);
        let [mut sent, mut answered] = conversations[random.below(conversations.len())].clone().map(Vec::from);
        for stream in [&mut sent, &mut answered] {
            if random.below(3) > 0 {
                random.mutate(stream);
            }
        }
        let ending = [Ending::Fin, Ending::Rst, Ending::Cut][random.below(3)];
        let report = replay_streams(&sent, &answered, ending);
        assert_sane(&report, (sent.len() + answered.len()) as u64, &format!("seed {seed}"));
    };
    thread::scope(|scope| {
        for part in 0..THREADS {
            scope.spawn(move || (part..CONVERSATIONS).step_by(THREADS as usize).for_each(one));
        }
    });
}

#[test]
fn mutated_capture_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/ipv6-none.pcap.gz");
    let packed = std::fs::read(path).expect("a bundled capture");
    let mut file = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut file).expect("gzip");
    for seed in 0..FILES {
        let mut random = Random::new(seed);
        let mut mutated = if seed % 8 == 0 { packed.clone() } else { file.clone() };
        random.mutate(&mut mutated);
        if let Ok(capture) = read(mutated) {
            let report = replay_capture(&capture, &Options::named("mutated"));
            assert_sane(&report, u64::MAX, &format!("seed {seed}"));
            let report = Report { captures: vec![report], strict: false };
            assert!(!text(&report).is_empty() && json(&report).ends_with("}\n"));
        }
    }
}
