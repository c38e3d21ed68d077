//! Replays what a capture shows through the codecs, and judges it.
//!
//! The core's [`Observer`](firefly_runtime::session::Observer) follows each connection in both directions: through the
//! handshake, whose outcome says how everything after it is written, and then frame by frame. Every element is written
//! again and compared, messages inside of messages too. What breaks the rules of the protocol becomes a [`Finding`]; what
//! cannot be read, or is missing in the capture, is skipped up to the next message that can.
//!
//! Then the connections are put together: what a server answers in a handshake depends on the session that it has with
//! the client, which earlier connections and its own attempts to reach the client have left behind.
//!
//! With a keyring, what concerns authentication is kept until all connections have been followed. Then the keys that the
//! keyring leads to are found, ticket by ticket, and with them authorizers and signatures are judged.

mod authorizer;
mod call;
mod element;
mod evidence;
mod exchange;
mod finding;
mod follow;
mod keys;
mod log;
mod message;
mod nested;
mod resync;
mod sessions;
mod signatures;
mod tape;
#[cfg(test)]
mod tests;

pub use finding::{Finding, Place, Severity, Text, rule};
pub use firefly_runtime::auth::{Keyring, KeyringError};

use crate::capture::{Capture, Problem};
use crate::report::CaptureReport;

/// How to replay.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// What the report calls the capture.
    pub file: String,
    /// Keys of the cluster: with them tickets are opened and signatures verified.
    pub keyring: Option<Keyring>,
}

impl Options {
    /// Options for a capture with a name.
    pub fn named(file: impl Into<String>) -> Self {
        Options { file: file.into(), keyring: None }
    }
}

/// Replays a capture.
pub fn replay_capture(capture: &Capture, options: &Options) -> CaptureReport {
    let mut report = CaptureReport { file: options.file.clone(), ..CaptureReport::default() };
    report.counts.packets = capture.packets;
    report.counts.bytes = capture.bytes;
    for problem in &capture.problems {
        report.findings.push(recording(capture, problem));
    }
    let follow = |connection| follow::follow(connection, &mut report.counts, options.keyring.is_some());
    let mut observed: Vec<_> = capture.connections.iter().map(follow).collect();
    sessions::judge(&mut observed);
    if let Some(keyring) = &options.keyring {
        signatures::judge(&mut observed, keyring, &mut report);
    }
    for mut observed in observed {
        observed.findings.sort_by_key(|finding| finding.place.packet);
        report.findings.append(&mut observed.findings);
    }
    report
}

/// What was wrong with the recording.
fn recording(capture: &Capture, problem: &Problem) -> Finding {
    let finding = |severity, place, summary: &str| Finding {
        severity,
        rule: rule::CAPTURE,
        place,
        text: Text::new(summary, problem.to_string()),
    };
    let in_stream = |connection: usize, packet| match capture.connections.get(connection) {
        Some(connection) => Place { packet: Some(packet), ..Place::at(connection, connection.first) },
        None => Place::packet(packet),
    };
    match problem {
        Problem::File(_) => finding(Severity::Error, Place::default(), "not all of the file can be read"),
        Problem::LinkType { packet, .. } => {
            finding(Severity::Warning, Place::packet(*packet), "packets that cannot be read")
        }
        Problem::Malformed { packet, .. } => finding(Severity::Warning, Place::packet(*packet), "malformed packets"),
        Problem::Cut { packet, .. } => finding(Severity::Warning, Place::packet(*packet), "packets not recorded whole"),
        Problem::Conflict { connection, packet, .. } => {
            finding(Severity::Warning, in_stream(*connection, *packet), "bytes sent twice with different content")
        }
        Problem::Stray { connection, packet, .. } => {
            finding(Severity::Info, in_stream(*connection, *packet), "segments that fit no connection")
        }
    }
}
