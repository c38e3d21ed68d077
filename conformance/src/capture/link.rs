//! From a packet to the TCP segment in it.

use std::net::SocketAddr;

use bytes::Bytes;
use etherparse::{IpNumber, LaxIpSlice, TcpSlice};

use super::{LinkType, Packet};

/// A TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The sender.
    pub source: SocketAddr,
    /// The receiver.
    pub destination: SocketAddr,
    /// Sequence number of the SYN if there is one, else of the first payload byte.
    pub seq: u32,
    /// The next sequence number the sender expects, if the ACK flag is set.
    pub ack: Option<u32>,
    /// The SYN flag.
    pub syn: bool,
    /// The FIN flag.
    pub fin: bool,
    /// The RST flag.
    pub rst: bool,
    /// The payload, without the padding a link layer may put behind it: a slice of the packet.
    pub payload: Bytes,
    /// Payload bytes at the end that were sent but not captured.
    pub missing: u32,
}

/// Why a packet gave no TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// The link type is not supported.
    Unsupported,
    /// The frame carries no IP.
    NotIp,
    /// The IP packet carries no TCP.
    NotTcp,
    /// The IP packet is a fragment.
    Fragment,
    /// Headers are cut off or make no sense; the text says which.
    Malformed(String),
}

/// Finds the TCP segment in a packet.
///
/// Where the IP header gives a length, the payload ends there; where it gives none, as in packets captured before segmentation offload filled it
/// in, it ends with the packet. Checksums are not verified: with offload, captured packets do not have them yet.
///
/// # Errors
/// When there is no whole TCP header in the packet.
pub fn segment(packet: &Packet) -> Result<Segment, Skipped> {
    let network = network(packet)?;
    let (ip, damage) = LaxIpSlice::from_slice(network).map_err(malformed)?;
    if ip.is_fragmenting_payload() {
        return Err(Skipped::Fragment);
    }
    let payload = ip.payload();
    if let Some((error, _)) = damage {
        return Err(malformed(error));
    }
    if payload.ip_number != IpNumber::TCP {
        return Err(Skipped::NotTcp);
    }
    let tcp = TcpSlice::from_slice(payload.payload).map_err(malformed)?;
    Ok(Segment {
        source: SocketAddr::new(ip.source_addr(), tcp.source_port()),
        destination: SocketAddr::new(ip.destination_addr(), tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: packet.data.slice_ref(tcp.payload()),
        missing: if payload.incomplete { declared_length(&ip).saturating_sub(network.len() as u32) } else { 0 },
    })
}

fn malformed(error: impl std::fmt::Display) -> Skipped {
    Skipped::Malformed(error.to_string())
}

/// The length of the whole packet according to its IP header.
fn declared_length(ip: &LaxIpSlice<'_>) -> u32 {
    const IPV6_HEADER: u32 = 40;
    match ip {
        LaxIpSlice::Ipv4(ip) => u32::from(ip.header().total_len()),
        LaxIpSlice::Ipv6(ip) => IPV6_HEADER + u32::from(ip.header().payload_length()),
    }
}

/// Skips the link layer.
fn network(packet: &Packet) -> Result<&[u8], Skipped> {
    /// The obsolete numbers of [`LinkType::RAW`] on FreeBSD and on OpenBSD.
    const OLD_RAW: [LinkType; 2] = [LinkType(12), LinkType(14)];
    let data = &packet.data[..];
    match packet.link_type {
        // Two addresses in front of the type.
        LinkType::ETHERNET => ether(data, 12, 14),
        LinkType::LINUX_SLL => ether(data, 14, 16),
        LinkType::LINUX_SLL2 => ether(data, 0, 20),
        LinkType::NULL | LinkType::LOOP => family(data),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Ok(data),
        raw if OLD_RAW.contains(&raw) => Ok(data),
        _ => Err(Skipped::Unsupported),
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and two numbers in use before 802.1ad.
const VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];

/// Skips a header that holds an Ethernet type, and the VLAN tags that may follow.
fn ether(data: &[u8], kind: usize, header: usize) -> Result<&[u8], Skipped> {
    let short = || Skipped::Malformed(format!("the link header is cut off after {} bytes", data.len()));
    let mut kind = half(data, kind).ok_or_else(short)?;
    let mut rest = data.get(header..).ok_or_else(short)?;
    while VLAN.contains(&kind) {
        // The tag itself, then the type of what follows.
        kind = half(rest, 2).ok_or_else(short)?;
        rest = rest.get(4..).ok_or_else(short)?;
    }
    if [IPV4, IPV6].contains(&kind) { Ok(rest) } else { Err(Skipped::NotIp) }
}

/// Skips an address family. IPv4 is 2 everywhere; for IPv6 every system has its own number: Linux, NetBSD, FreeBSD, Darwin.
fn family(data: &[u8]) -> Result<&[u8], Skipped> {
    const FAMILIES: [u32; 5] = [2, 10, 24, 28, 30];
    let Some((family, rest)) = data.split_first_chunk() else {
        return Err(Skipped::Malformed(format!("the link header is cut off after {} bytes", data.len())));
    };
    // The byte order of the capturing host is not known, and the numbers leave no doubt.
    let known = [u32::from_le_bytes(*family), u32::from_be_bytes(*family)].iter().any(|n| FAMILIES.contains(n));
    if known { Ok(rest) } else { Err(Skipped::NotIp) }
}

fn half(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}
