//! From a capture file to ordered TCP streams.
//!
//! ```text
//!  source ──► file ──► link ──► tcp / stream
//!  bytes,     packets  TCP      connections: the events of both directions
//!  unpacked            segments in capture order
//! ```
//!
//! Nothing in a capture is trusted and nothing in it is fatal: damage ends up in [`Capture::problems`], and everything that can still be read
//! is read. Packet data, TCP payloads and stream events are slices of the one buffer that holds the file; nothing is copied.

mod file;
mod link;
mod pcapng;
mod source;
mod stream;
mod tcp;

use std::collections::BTreeSet;

pub use file::{CaptureError, CaptureFile, LinkType, Packet, Timestamp};
pub use link::{Segment, Skipped, segment};
pub use source::{Compression, Source};
pub use stream::{Direction, Event, EventKind, Mark};
pub use tcp::{Assembler, Connection, End};

/// Everything a capture file held, ready to be walked connection by connection.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Capture {
    /// Packets in the file.
    pub packets: u64,
    /// Captured bytes of all packets, link headers included.
    pub bytes: u64,
    /// What the packets were.
    pub counts: Counts,
    /// TCP connections in the order of their first packet; [`Connection::id`] is the position in here.
    pub connections: Vec<Connection>,
    /// What was wrong with the file, its packets or its streams.
    pub problems: Vec<Problem>,
}

/// How many packets were TCP, and how many were passed over for which reason. The sum is [`Capture::packets`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// TCP segments.
    pub tcp: u64,
    /// IP packets of another protocol.
    pub not_tcp: u64,
    /// Frames that carry no IP.
    pub not_ip: u64,
    /// IP fragments, which are not put together.
    pub fragments: u64,
    /// Packets whose headers make no sense or are cut off.
    pub malformed: u64,
    /// Packets of a link type this crate does not read.
    pub unsupported: u64,
}

/// Bounds on what reading a capture may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the file once it is decompressed.
    pub file_bytes: u64,
    /// Bytes one direction of a connection may hold back while it waits for an earlier segment.
    pub held_bytes: usize,
    /// Segments one direction of a connection may hold back.
    pub held_segments: usize,
    /// Packets of a connection to wait for a segment that its receiver has already acknowledged, before it counts as lost to the capture.
    pub patience: u32,
}

impl Default for Limits {
    /// 2 GiB of file; 16 MiB or 16,384 segments held back, twice what a Linux receive buffer takes; 32 packets of patience.
    fn default() -> Self {
        Limits { file_bytes: 2 << 30, held_bytes: 16 << 20, held_segments: 16_384, patience: 32 }
    }
}

/// Something that was wrong with a capture, short of making it unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file ends early or is damaged; what lay before the offset was read.
    #[error("{0}")]
    File(#[from] CaptureError),
    /// Packets of a link type this crate does not read; reported once for each type.
    #[error("packet {packet}: link type {link_type} is not supported")]
    LinkType {
        /// First packet of that type.
        packet: u64,
        /// The type.
        link_type: LinkType,
    },
    /// A packet whose headers make no sense or are cut off.
    #[error("packet {packet}: {reason}")]
    Malformed {
        /// The packet.
        packet: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A packet recorded with only part of its TCP payload; the rest shows up as a gap unless it was sent again.
    #[error("packet {packet}: the last {missing} bytes of its payload were not recorded")]
    Cut {
        /// The packet.
        packet: u64,
        /// Payload bytes that are absent.
        missing: u32,
    },
    /// Stream bytes that were sent twice with different content. The bytes that came first were kept.
    #[error(
        "packet {packet}: {length} bytes of connection {connection} ({direction}) from offset {offset} on were sent before with other content"
    )]
    Conflict {
        /// [`Connection::id`].
        connection: usize,
        /// Who sent them.
        direction: Direction,
        /// The packet with the later version.
        packet: u64,
        /// First stream offset that differs.
        offset: u64,
        /// Bytes from there to the last one that differs.
        length: u64,
    },
    /// A segment that cannot belong to the connection whose addresses it has: beyond any window, or behind the end of the stream.
    #[error("packet {packet}: sequence number {seq} is out of reach of connection {connection} ({direction})")]
    Stray {
        /// [`Connection::id`].
        connection: usize,
        /// Who sent it.
        direction: Direction,
        /// The packet.
        packet: u64,
        /// Its TCP sequence number.
        seq: u32,
    },
}

/// Reads a capture with the default [`Limits`].
///
/// # Errors
/// When the source cannot be opened or read, or is no capture file. Damage further on is a [`Problem`] instead.
pub fn read(source: impl Into<Source>) -> Result<Capture, CaptureError> {
    read_with(source, &Limits::default())
}

/// Reads a capture.
///
/// # Errors
/// See [`read`].
pub fn read_with(source: impl Into<Source>, limits: &Limits) -> Result<Capture, CaptureError> {
    let mut capture = Capture::default();
    let mut assembler = Assembler::new(*limits);
    let mut unsupported = BTreeSet::new();
    for packet in CaptureFile::open_with(source, limits)? {
        let packet = match packet {
            Ok(packet) => packet,
            Err(error) => {
                capture.problems.push(error.into());
                continue;
            }
        };
        capture.packets += 1;
        capture.bytes += packet.data.len() as u64;
        let counts = &mut capture.counts;
        match segment(&packet) {
            Ok(segment) => {
                counts.tcp += 1;
                if segment.missing > 0 {
                    capture.problems.push(Problem::Cut { packet: packet.index, missing: segment.missing });
                }
                assembler.push(packet.mark(), segment);
            }
            Err(Skipped::NotTcp) => counts.not_tcp += 1,
            Err(Skipped::NotIp) => counts.not_ip += 1,
            Err(Skipped::Fragment) => counts.fragments += 1,
            Err(Skipped::Malformed(reason)) => {
                counts.malformed += 1;
                capture.problems.push(Problem::Malformed { packet: packet.index, reason });
            }
            Err(Skipped::Unsupported) => {
                counts.unsupported += 1;
                if unsupported.insert(packet.link_type) {
                    capture.problems.push(Problem::LinkType { packet: packet.index, link_type: packet.link_type });
                }
            }
        }
    }
    let (connections, problems) = assembler.finish();
    capture.connections = connections;
    capture.problems.extend(problems);
    Ok(capture)
}
