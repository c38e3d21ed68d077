//! Takes real conversations apart, so that something can be changed, and puts them together again.
#![allow(dead_code, unreachable_pub, reason = "shared by tests of which none needs all of it")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use firefly_conformance::capture::{Assembler, Capture, Direction, EventKind, Limits, Segment, read};
use firefly_conformance::replay::{Options, Severity, replay_capture};
use firefly_conformance::report::CaptureReport;
use firefly_runtime::codec::{Context, DecodeError, Measure, Target, from_bytes, to_bytes};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::{Banner, ClientHello, Connect, ConnectReply, Frame, MessageFrame, ServerHello};

use crate::support::{With, client, mark, server};

/// A capture that comes with the package.
pub fn bundled(name: &str) -> Capture {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)).expect("a bundled capture")
}

/// A file outside the package. Says so if it is not there.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

/// What both sides of a connection sent, element by element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    pub client: Vec<Bytes>,
    pub server: Vec<Bytes>,
}

/// How the client's side of a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Fin,
    Rst,
    Cut,
}

/// Elements before the first frame.
pub const HANDSHAKE: usize = 3;

impl Story {
    /// The first connection of the bundled capture: a monitor client's, with messages both ways.
    pub fn new() -> Story {
        let capture = bundled("mini-none.pcap.gz");
        let story = Story::of(&capture, 0);
        assert!(story.client.len() > HANDSHAKE + 3 && story.server.len() > HANDSHAKE + 3, "{story:?}");
        story
    }

    pub fn of(capture: &Capture, connection: usize) -> Story {
        let stream = |direction| {
            let mut bytes = Vec::new();
            for event in capture.connections[connection].events.iter().filter(|event| event.direction == direction) {
                if let EventKind::Data(data) = &event.kind {
                    bytes.extend_from_slice(data);
                }
            }
            Bytes::from(bytes)
        };
        let client: [Size; HANDSHAKE] = [Banner::measure, ClientHello::measure, Connect::measure];
        let server: [Size; HANDSHAKE] = [Banner::measure, ServerHello::measure, ConnectReply::measure];
        Story { client: cut(stream(Direction::Client), client), server: cut(stream(Direction::Server), server) }
    }

    /// The position of the nth message of a side.
    pub fn message(side: &[Bytes], n: usize) -> usize {
        let is_message = |bytes: &Bytes| matches!(frame(bytes), Frame::Message(_));
        (HANDSHAKE..side.len()).filter(|&at| is_message(&side[at])).nth(n).expect("a message")
    }

    pub fn replay(&self) -> CaptureReport {
        self.replay_ending(Ending::Fin)
    }

    pub fn replay_ending(&self, ending: Ending) -> CaptureReport {
        replay_streams(&self.client.concat(), &self.server.concat(), ending)
    }
}

type Size = fn(&[u8], &Context) -> Result<Measure, DecodeError>;

fn cut(mut stream: Bytes, handshake: [Size; HANDSHAKE]) -> Vec<Bytes> {
    let mut elements = Vec::new();
    while !stream.is_empty() {
        let measure = handshake.get(elements.len()).copied().unwrap_or(Frame::measure);
        let Ok(Measure::Whole(n)) = measure(&stream, &Context::new(FEATURES_ALL)) else { panic!("{stream:?}") };
        elements.push(stream.split_to(n));
    }
    elements
}

/// A frame of an open connection.
pub fn frame(bytes: &Bytes) -> Frame {
    from_bytes(bytes.clone(), &Context::new(FEATURES_ALL)).expect("a frame")
}

/// Changes a message and writes it with the checksums it has to have.
pub fn edit(bytes: &mut Bytes, change: impl FnOnce(&mut MessageFrame)) {
    let Frame::Message(mut message) = frame(bytes) else { panic!("not a message") };
    change(&mut message);
    *bytes = to_bytes(&Frame::Message(message), Target::fresh(FEATURES_ALL)).expect("a frame");
}

/// Inverts the bits of a byte; negative positions count from the end.
pub fn flip(bytes: &mut Bytes, at: isize) {
    let mut changed = bytes.to_vec();
    let at = if at < 0 { changed.len().strict_sub(at.unsigned_abs()) } else { at.unsigned_abs() };
    changed[at] ^= 0xff;
    *bytes = changed.into();
}

/// Replays a connection on which these bytes were sent.
pub fn replay_streams(sent: &[u8], answered: &[u8], ending: Ending) -> CaptureReport {
    replay_capture(&assembled(segments(sent, answered, ending)), &Options::named("doctored"))
}

/// A connection as TCP segments.
pub fn segments(sent: &[u8], answered: &[u8], ending: Ending) -> Vec<Segment> {
    let mut segments = vec![client(100).syn(), server(500).syn().ack(101)];
    let (mut at, mut behind) = (101, 501);
    let mut answers = answered.chunks(1_000);
    for chunk in sent.chunks(1_000) {
        segments.push(client(at).data(chunk));
        at += chunk.len() as u32;
        if let Some(chunk) = answers.next() {
            segments.push(server(behind).data(chunk));
            behind += chunk.len() as u32;
        }
    }
    for chunk in answers {
        segments.push(server(behind).data(chunk));
        behind += chunk.len() as u32;
    }
    match ending {
        Ending::Fin => segments.extend([client(at).fin(), server(behind).fin()]),
        Ending::Rst => segments.push(client(at).rst()),
        Ending::Cut => {}
    }
    segments
}

/// A capture of these segments.
pub fn assembled(segments: impl IntoIterator<Item = Segment>) -> Capture {
    let mut assembler = Assembler::new(Limits::default());
    for (packet, segment) in (1..).zip(segments) {
        assembler.push(mark(packet), segment);
    }
    let mut capture = Capture::default();
    (capture.connections, capture.problems) = assembler.finish();
    capture
}

/// Severity, rule and message of each finding.
pub fn findings(report: &CaptureReport) -> Vec<(Severity, &str, String)> {
    let finding =
        |finding: &firefly_conformance::replay::Finding| (finding.severity, finding.rule, finding.text.to_string());
    report.findings.iter().map(finding).collect()
}
