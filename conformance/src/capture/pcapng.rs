//! pcapng, the newer capture file format: blocks, of which some are packets.

use pcap_file::Endianness;
use pcap_file::pcapng::blocks::{ENHANCED_PACKET_BLOCK, PACKET_BLOCK, SIMPLE_PACKET_BLOCK};
use pcap_file::pcapng::{PcapNgParseError, PcapNgParser};

use super::file::{Element, Format, LinkType, RawPacket, Stop, Timestamp};

/// Reads the blocks of a pcapng file.
///
/// Block framing, sections and interfaces are the parser's; packet blocks are read here, because the parser refuses what does no harm, such as
/// a packet that claims to have been shorter on the wire than in the file.
pub(super) struct Pcapng {
    parser: PcapNgParser,
    /// Time of the packet before: a simple packet block has none of its own.
    time: Timestamp,
}

/// Block type and length.
const BLOCK_HEADER: usize = 8;

impl Pcapng {
    /// Reads the section header a file starts with; returns where the next block starts.
    pub(super) fn start(data: &[u8]) -> Result<(Self, usize), Stop> {
        let (rest, parser) = PcapNgParser::new(data)?;
        Ok((Pcapng { parser, time: Timestamp::default() }, data.len() - rest.len()))
    }

    /// Finds the packet in the body of an enhanced packet block, or of its obsolete forerunner, which differs in the first word only.
    fn packet(&mut self, body: &Body<'_>, interface: u32) -> Result<RawPacket, Stop> {
        const DATA: usize = 20;
        let [high, low, captured, original_length] = [body.word(4)?, body.word(8)?, body.word(12)?, body.word(16)?];
        // A time before 1970, or too large for its unit, is as good as none.
        if let Ok(time) = self.parser.state().decode_timestamp(interface, high, low) {
            self.time = Timestamp(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        }
        self.located(interface, original_length, DATA, captured as usize, body)
    }

    /// Finds the packet in the body of a simple packet block. Its interface is the first one.
    fn simple_packet(&mut self, body: &Body<'_>) -> Result<RawPacket, Stop> {
        const DATA: usize = 4;
        let original_length = body.word(0)?;
        let snaplen = self.parser.interfaces().first().map_or(0, |interface| interface.snaplen);
        let captured = if snaplen == 0 { original_length } else { original_length.min(snaplen) };
        self.located(0, original_length, DATA, captured as usize, body)
    }

    fn located(
        &self,
        interface: u32,
        original: u32,
        data: usize,
        length: usize,
        body: &Body<'_>,
    ) -> Result<RawPacket, Stop> {
        let Some(interface) = self.parser.interfaces().get(interface as usize) else {
            return Err(Stop::Malformed(format!("a packet of interface {interface}, which is not described")));
        };
        if length > body.bytes.len().saturating_sub(data) {
            return Err(Stop::Malformed(format!("a packet of {length} bytes in a block of {}", body.bytes.len())));
        }
        let start = BLOCK_HEADER + data;
        Ok(RawPacket {
            time: self.time,
            link_type: LinkType(u32::from(interface.linktype) as u16),
            original_length: original,
            data: start..start + length,
        })
    }
}

impl Format for Pcapng {
    fn next(&mut self, rest: &[u8]) -> Result<Element, Stop> {
        let (behind, block) = self.parser.next_raw_block(rest)?;
        let body = Body { bytes: &block.body, endianness: self.parser.section().endianness };
        let packet = match block.type_ {
            ENHANCED_PACKET_BLOCK => Some(self.packet(&body, body.word(0)?)?),
            // Interface and drop counter share the first word.
            PACKET_BLOCK => Some(self.packet(&body, body.first_half()?)?),
            SIMPLE_PACKET_BLOCK => Some(self.simple_packet(&body)?),
            _ => None,
        };
        Ok(Element { length: rest.len() - behind.len(), packet })
    }
}

/// The body of a block, read in the byte order of its section.
struct Body<'a> {
    bytes: &'a [u8],
    endianness: Endianness,
}

impl Body<'_> {
    fn word(&self, at: usize) -> Result<u32, Stop> {
        let Some(word) = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk()) else {
            return Err(Stop::Malformed(format!("a packet block of {} bytes", self.bytes.len())));
        };
        Ok(match self.endianness {
            Endianness::Big => u32::from_be_bytes(*word),
            Endianness::Little => u32::from_le_bytes(*word),
        })
    }

    fn first_half(&self) -> Result<u32, Stop> {
        let word = self.word(0)?;
        Ok(match self.endianness {
            Endianness::Big => word >> 16,
            Endianness::Little => word & 0xffff,
        })
    }
}

impl From<PcapNgParseError> for Stop {
    fn from(error: PcapNgParseError) -> Self {
        match error {
            PcapNgParseError::IncompleteBuffer(needed, _) => Stop::Cut(needed),
            other => Stop::Malformed(other.to_string()),
        }
    }
}
