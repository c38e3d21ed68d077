//! What a replay has to say about a place in a capture.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::capture::{Connection, Direction, Mark};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The traffic is not what the protocol demands, or what it means is not known.
    Error,
    /// The traffic is odd, but a receiver copes.
    Warning,
    /// Worth knowing.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        })
    }
}

/// Findings that no requirement of the protocol speaks of.
pub mod rule {
    /// The recording, not the traffic, leaves something to be desired.
    pub const CAPTURE: &str = "CAPTURE";
    /// A stream is not of this protocol.
    pub const FOREIGN: &str = "FOREIGN";
    /// What was read is not what is written again.
    pub const EXACT: &str = "EXACT";
    /// What could be opened and verified with the keyring, and what could not.
    pub const KEYRING: &str = "KEYRING";
}

/// Something worth telling about a place in a capture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The requirement it is about, such as `SQ-01`, or one of [`rule`].
    pub rule: &'static str,
    /// Where in the capture it is.
    #[serde(flatten)]
    pub place: Place,
    /// What there is to say.
    #[serde(flatten)]
    pub text: Text,
}

/// A place in a capture. What is not known, or makes no sense, is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Place {
    /// The connection, `client -> server`.
    pub connection: Option<String>,
    /// Who sent what the finding is about.
    #[serde(serialize_with = "as_text")]
    pub direction: Option<Direction>,
    /// The number of the packet; the first is 1.
    pub packet: Option<u64>,
    /// When it was captured, in seconds since 1970.
    pub time: Option<f64>,
    /// Where in the stream of that direction it is.
    pub stream_offset: Option<u64>,
}

impl Place {
    /// An offset in one direction of a connection.
    pub fn in_stream(connection: &Connection, direction: Direction, offset: u64) -> Self {
        let mark = connection.locate(direction, offset).unwrap_or(connection.last);
        Place { direction: Some(direction), stream_offset: Some(offset), ..Place::at(connection, mark) }
    }

    /// A packet of a connection.
    pub fn at(connection: &Connection, mark: Mark) -> Self {
        Place {
            connection: Some(connection.to_string()),
            packet: Some(mark.packet),
            time: Some(mark.time.seconds()),
            ..Place::default()
        }
    }

    /// A packet.
    pub fn packet(packet: u64) -> Self {
        Place { packet: Some(packet), ..Place::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(packet) = self.packet {
            write!(f, "packet {packet}")?;
            separator = ", ";
        }
        if let Some(connection) = &self.connection {
            write!(f, "{separator}{connection}")?;
            separator = ", ";
        }
        if let (Some(direction), Some(offset)) = (self.direction, self.stream_offset) {
            write!(f, "{separator}{direction} stream at {offset:#x}")?;
        }
        Ok(())
    }
}

/// What there is to say: findings with the same summary are told together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What is wrong, without anything that differs from case to case.
    pub summary: String,
    /// What was expected, what was found.
    pub detail: String,
}

impl Text {
    /// A summary with the details of the case.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Text { summary: summary.into(), detail: detail.into() }
    }
}

impl From<&str> for Text {
    fn from(summary: &str) -> Self {
        Text::new(summary, "")
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

impl Serialize for Text {
    /// As the field `message`.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Message {
            message: String,
        }
        Message { message: self.to_string() }.serialize(s)
    }
}

fn as_text<S: Serializer>(direction: &Option<Direction>, s: S) -> Result<S::Ok, S::Error> {
    direction.map(|direction| direction.to_string()).serialize(s)
}
