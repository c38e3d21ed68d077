//! Capture files: packets out of pcap and pcapng.

use std::fmt;
use std::io;
use std::ops::Range;

use bytes::Bytes;
use pcap_file::pcap::{PcapParseError, PcapParser, PcapTsResolution};

use super::pcapng::Pcapng;
use super::{Compression, Limits, Mark, Source, source};

/// One packet as it stands in a capture file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// Its number in the file; the first packet is 1.
    pub index: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// What its first header is.
    pub link_type: LinkType,
    /// Its length on the wire.
    pub original_length: u32,
    /// The bytes that were captured: a slice of the file.
    pub data: Bytes,
}

impl Packet {
    /// Where in the capture this packet stands.
    pub fn mark(&self) -> Mark {
        Mark { packet: self.index, time: self.time }
    }
}

/// A point in time: nanoseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Seconds since 1970.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

/// The number a capture file gives the header its packets start with, from the registry of link-layer header types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: address family in the byte order of the capturing host.
    pub const NULL: Self = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: Self = LinkType(1);
    /// IPv4 or IPv6 without anything in front.
    pub const RAW: Self = LinkType(101);
    /// OpenBSD loopback: address family in network byte order.
    pub const LOOP: Self = LinkType(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = LinkType(113);
    /// IPv4 without anything in front.
    pub const IPV4: Self = LinkType(228);
    /// IPv6 without anything in front.
    pub const IPV6: Self = LinkType(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = LinkType(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a capture, or the rest of it, cannot be read. Offsets count from the start of the file after decompression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// Opening or reading the source failed.
    #[error("{name}: {reason}")]
    Io {
        /// The file, or standard input.
        name: String,
        /// What the operating system said.
        reason: String,
    },
    /// The compressed data are cut off or damaged.
    #[error("damaged {format} data behind offset {offset}: {reason}")]
    Compression {
        /// The compression format.
        format: Compression,
        /// How many bytes could be unpacked.
        offset: u64,
        /// What the decompressor said.
        reason: String,
    },
    /// The file is larger than [`Limits::file_bytes`].
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The source holds no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file is neither pcap nor pcapng.
    #[error("this is not a capture file: it starts with {magic:02x?}")]
    UnknownFormat {
        /// Its first bytes, at most four.
        magic: Vec<u8>,
    },
    /// The file ends within a header, a packet or a block.
    #[error("the file is cut off: at offset {offset} {wanted} bytes should follow, {found} do")]
    Truncated {
        /// Where the element that is cut off starts.
        offset: u64,
        /// Bytes that are needed to read it, as far as known.
        wanted: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file breaks the rules of its format.
    #[error("the file is damaged at offset {offset}: {reason}")]
    Malformed {
        /// Where the element that is damaged starts.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl CaptureError {
    pub(super) fn io(name: &str, error: &io::Error) -> Self {
        CaptureError::Io { name: name.to_owned(), reason: error.to_string() }
    }

    pub(super) fn compression(format: Compression, offset: usize, error: &dyn fmt::Display) -> Self {
        CaptureError::Compression { format, offset: offset as u64, reason: error.to_string() }
    }
}

/// A capture file, an iterator over its packets.
///
/// The first error is the last item.
pub struct CaptureFile {
    data: Bytes,
    position: usize,
    format: Box<dyn Format>,
    packets: u64,
    /// What ended the file early while it was loaded.
    pending: Option<CaptureError>,
    done: bool,
}

impl CaptureFile {
    /// Opens a capture with the default [`Limits`].
    ///
    /// # Errors
    /// When the source cannot be opened or read, or does not start like a capture file.
    pub fn open(source: impl Into<Source>) -> Result<Self, CaptureError> {
        Self::open_with(source, &Limits::default())
    }

    /// Opens a capture.
    ///
    /// # Errors
    /// See [`CaptureFile::open`].
    pub fn open_with(source: impl Into<Source>, limits: &Limits) -> Result<Self, CaptureError> {
        let source::Content { data, error: pending } = source::load(source.into(), limits.file_bytes)?;
        let (format, position) = match start(&data) {
            Ok(started) => started,
            Err(error) => return Err(pending.unwrap_or(error)),
        };
        Ok(CaptureFile { data, position, format, packets: 0, pending, done: false })
    }

    fn advance(&mut self) -> Result<Option<Packet>, CaptureError> {
        loop {
            let rest = self.data.get(self.position..).unwrap_or_default();
            if rest.is_empty() {
                return self.pending.take().map_or(Ok(None), Err);
            }
            let element = match self.format.next(rest) {
                Ok(element) if element.length > 0 => element,
                Ok(_) => return Err(Stop::Malformed("an element without length".into()).at(self.position, rest)),
                Err(stop) => return Err(self.pending.take().unwrap_or_else(|| stop.at(self.position, rest))),
            };
            let start = self.position;
            self.position += element.length;
            if let Some(packet) = element.packet {
                self.packets += 1;
                return Ok(Some(Packet {
                    index: self.packets,
                    time: packet.time,
                    link_type: packet.link_type,
                    original_length: packet.original_length,
                    data: self.data.slice(start + packet.data.start..start + packet.data.end),
                }));
            }
        }
    }
}

impl Iterator for CaptureFile {
    type Item = Result<Packet, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.advance().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl fmt::Debug for CaptureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureFile").field("position", &self.position).field("packets", &self.packets).finish()
    }
}

/// A file format: what lies at the start of the bytes that are left.
pub(super) trait Format {
    /// The element at the start of `rest`, which is not empty.
    fn next(&mut self, rest: &[u8]) -> Result<Element, Stop>;
}

/// An element of a capture file, and the packet in it if it is one.
pub(super) struct Element {
    pub(super) length: usize,
    pub(super) packet: Option<RawPacket>,
}

/// A packet that starts and ends within its element.
pub(super) struct RawPacket {
    pub(super) time: Timestamp,
    pub(super) link_type: LinkType,
    pub(super) original_length: u32,
    pub(super) data: Range<usize>,
}

/// Why there is no further element.
pub(super) enum Stop {
    /// That many bytes would be needed.
    Cut(usize),
    /// A rule of the format is broken.
    Malformed(String),
}

impl Stop {
    fn at(self, position: usize, rest: &[u8]) -> CaptureError {
        let (offset, found) = (position as u64, rest.len() as u64);
        match self {
            // A length that no writer produces is damage, however short the file is.
            Stop::Cut(wanted) if wanted > PLAUSIBLE => {
                CaptureError::Malformed { offset, reason: format!("a length of {wanted} bytes is not plausible") }
            }
            Stop::Cut(wanted) => CaptureError::Truncated { offset, wanted: wanted as u64, found },
            Stop::Malformed(reason) => CaptureError::Malformed { offset, reason },
        }
    }
}

/// No element is larger: capture tools cap a packet at 256 KiB, and no pcapng block of another kind comes near 16 MiB.
const PLAUSIBLE: usize = 16 << 20;

/// Recognizes the format and reads the file header; returns where the first element starts.
fn start(data: &[u8]) -> Result<(Box<dyn Format>, usize), CaptureError> {
    let stopped = |stop: Stop| stop.at(0, data);
    match data {
        [] => Err(CaptureError::Empty),
        [0xa1, 0xb2, 0xc3, 0xd4, ..]
        | [0xd4, 0xc3, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0x3c, 0x4d, ..]
        | [0x4d, 0x3c, 0xb2, 0xa1, ..] => {
            let (rest, parser) = PcapParser::new(data).map_err(|error| stopped(error.into()))?;
            Ok((Box::new(Pcap { parser }), data.len() - rest.len()))
        }
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => {
            let (format, position) = Pcapng::start(data).map_err(stopped)?;
            Ok((Box::new(format), position))
        }
        _ => Err(CaptureError::UnknownFormat { magic: data.iter().take(4).copied().collect() }),
    }
}

/// Classic pcap.
///
/// The checks of the cooked parser are left out on purpose: packets longer than the snapshot length, or longer than they were on the wire, are
/// found in real files and do no harm.
struct Pcap {
    parser: PcapParser,
}

/// Time, captured length, original length.
const PACKET_HEADER: usize = 16;

impl Format for Pcap {
    fn next(&mut self, rest: &[u8]) -> Result<Element, Stop> {
        let (behind, packet) = self.parser.next_raw_packet(rest)?;
        let header = self.parser.header();
        let unit = match header.ts_resolution {
            PcapTsResolution::MicroSecond => 1_000,
            PcapTsResolution::NanoSecond => 1,
        };
        let length = rest.len() - behind.len();
        Ok(Element {
            length,
            packet: Some(RawPacket {
                time: Timestamp(u64::from(packet.ts_sec) * 1_000_000_000 + u64::from(packet.ts_frac) * unit),
                // The upper half says how long a frame check sequence is, and is no part of the type.
                link_type: LinkType(u32::from(header.datalink) as u16),
                original_length: packet.orig_len,
                data: PACKET_HEADER..length,
            }),
        })
    }
}

impl From<PcapParseError> for Stop {
    fn from(error: PcapParseError) -> Self {
        match error {
            PcapParseError::IncompleteBuffer(needed, _) => Stop::Cut(needed),
            other => Stop::Malformed(other.to_string()),
        }
    }
}
