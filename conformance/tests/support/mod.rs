//! Builds packets and capture files in memory.
#![allow(dead_code, unreachable_pub, reason = "shared by tests of which none needs all of it")]

use std::net::{IpAddr, SocketAddr};

use etherparse::PacketBuilder;
use firefly_conformance::capture::{LinkType, Mark, Segment, Timestamp};

/// The client of all tests.
pub const CLIENT: &str = "10.0.0.1:40000";
/// The server of all tests.
pub const SERVER: &str = "10.0.0.2:6789";

/// A segment from the client.
pub fn client(seq: u32) -> Segment {
    between(CLIENT, SERVER, seq)
}

/// A segment from the server.
pub fn server(seq: u32) -> Segment {
    between(SERVER, CLIENT, seq)
}

/// A segment without flags and payload.
pub fn between(source: &str, destination: &str, seq: u32) -> Segment {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    Segment {
        source: address(source),
        destination: address(destination),
        seq,
        ack: None,
        syn: false,
        fin: false,
        rst: false,
        payload: bytes::Bytes::new(),
        missing: 0,
    }
}

/// Flags and payload of a segment, one after the other.
pub trait With {
    fn syn(self) -> Self;
    fn fin(self) -> Self;
    fn rst(self) -> Self;
    fn ack(self, ack: u32) -> Self;
    fn data(self, payload: &[u8]) -> Self;
}

impl With for Segment {
    fn syn(self) -> Self {
        Segment { syn: true, ..self }
    }
    fn fin(self) -> Self {
        Segment { fin: true, ..self }
    }
    fn rst(self) -> Self {
        Segment { rst: true, ..self }
    }
    fn ack(self, ack: u32) -> Self {
        Segment { ack: Some(ack), ..self }
    }
    fn data(self, payload: &[u8]) -> Self {
        Segment { payload: payload.to_vec().into(), ..self }
    }
}

/// The place of the nth packet, one second after the other.
pub fn mark(packet: u64) -> Mark {
    Mark { packet, time: Timestamp(packet * 1_000_000_000) }
}

/// What lies in front of the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    Vlan,
    DoubleVlan,
    Sll,
    SllVlan,
    Sll2,
    NullLittle,
    NullBig,
    Loop,
    Raw,
    OldRaw,
    Ip,
}

impl Link {
    pub const ALL: [Link; 12] = [
        Link::Ethernet,
        Link::Vlan,
        Link::DoubleVlan,
        Link::Sll,
        Link::SllVlan,
        Link::Sll2,
        Link::NullLittle,
        Link::NullBig,
        Link::Loop,
        Link::Raw,
        Link::OldRaw,
        Link::Ip,
    ];

    pub fn number(self, v6: bool) -> LinkType {
        match self {
            Link::Ethernet | Link::Vlan | Link::DoubleVlan => LinkType::ETHERNET,
            Link::Sll | Link::SllVlan => LinkType::LINUX_SLL,
            Link::Sll2 => LinkType::LINUX_SLL2,
            Link::NullLittle | Link::NullBig => LinkType::NULL,
            Link::Loop => LinkType::LOOP,
            Link::Raw => LinkType::RAW,
            Link::OldRaw => LinkType(12),
            Link::Ip if v6 => LinkType::IPV6,
            Link::Ip => LinkType::IPV4,
        }
    }

    /// The header in front of an IP packet.
    pub fn header(self, v6: bool) -> Vec<u8> {
        let kind: [u8; 2] = if v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        let family: u32 = if v6 { 30 } else { 2 };
        let vlan = [0x81, 0x00, 0x00, 0x07];
        match self {
            Link::Ethernet => [&[0xee; 12][..], &kind].concat(),
            Link::Vlan => [&[0xee; 12][..], &vlan, &kind].concat(),
            Link::DoubleVlan => [&[0xee; 12][..], &[0x88, 0xa8, 0, 9], &vlan, &kind].concat(),
            Link::Sll => [&[0; 14][..], &kind].concat(),
            Link::SllVlan => [&[0; 14][..], &vlan, &kind].concat(),
            Link::Sll2 => [&kind[..], &[0; 18]].concat(),
            Link::NullLittle => family.to_le_bytes().to_vec(),
            Link::NullBig | Link::Loop => family.to_be_bytes().to_vec(),
            Link::Raw | Link::OldRaw | Link::Ip => vec![],
        }
    }
}

/// A segment as an IP packet.
pub fn ip(segment: &Segment) -> Vec<u8> {
    let packet = match (segment.source.ip(), segment.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => PacketBuilder::ipv4(source.octets(), destination.octets(), 64),
        (IpAddr::V6(source), IpAddr::V6(destination)) => PacketBuilder::ipv6(source.octets(), destination.octets(), 64),
        _ => panic!("two address families"),
    };
    let mut tcp = packet.tcp(segment.source.port(), segment.destination.port(), segment.seq, 65_535);
    if segment.syn {
        tcp = tcp.syn();
    }
    if segment.fin {
        tcp = tcp.fin();
    }
    if segment.rst {
        tcp = tcp.rst();
    }
    if let Some(ack) = segment.ack {
        tcp = tcp.ack(ack);
    }
    let mut bytes = Vec::new();
    tcp.write(&mut bytes, &segment.payload).expect("writes to memory");
    bytes
}

/// A segment as a packet.
pub fn frame(link: Link, segment: &Segment) -> Vec<u8> {
    [link.header(segment.source.is_ipv6()), ip(segment)].concat()
}

/// A variant of the pcap format.
#[derive(Debug, Clone, Copy)]
pub struct Pcap {
    pub big_endian: bool,
    pub nanoseconds: bool,
}

impl Pcap {
    pub const ALL: [Pcap; 4] = [
        Pcap { big_endian: false, nanoseconds: false },
        Pcap { big_endian: false, nanoseconds: true },
        Pcap { big_endian: true, nanoseconds: false },
        Pcap { big_endian: true, nanoseconds: true },
    ];

    fn u32(self, n: u32) -> [u8; 4] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u16(self, n: u16) -> [u8; 2] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    /// A file of packets, the nth captured at n seconds and n units.
    pub fn file<'a>(self, link: LinkType, packets: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
        let magic = if self.nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let mut file = [&self.u32(magic)[..], &self.u16(2), &self.u16(4), &[0; 8], &self.u32(262_144)].concat();
        file.extend(self.u32(link.0.into()));
        for (n, packet) in (1..).zip(packets) {
            let length = packet.len() as u32;
            for word in [n, n, length, length] {
                file.extend(self.u32(word));
            }
            file.extend(packet);
        }
        file
    }
}

/// A little-endian pcap file with microseconds.
pub fn pcap<'a>(link: LinkType, packets: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    Pcap { big_endian: false, nanoseconds: false }.file(link, packets)
}

/// Writes pcapng blocks in one byte order.
#[derive(Debug, Clone, Copy)]
pub struct Pcapng {
    pub big_endian: bool,
}

impl Pcapng {
    pub fn u32(self, n: u32) -> [u8; 4] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub fn u16(self, n: u16) -> [u8; 2] {
        if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    pub fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = self.u32((body.len() + padding + 12) as u32);
        [&self.u32(kind)[..], &length, body, &vec![0; padding], &length].concat()
    }

    pub fn section(self) -> Vec<u8> {
        self.block(0x0a0d_0d0a, &[&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat())
    }

    /// An interface; `resolution` is the value of its if_tsresol option.
    pub fn interface(self, link: LinkType, resolution: Option<u8>) -> Vec<u8> {
        let mut body = [&self.u16(link.0)[..], &[0; 2], &self.u32(0)].concat();
        if let Some(resolution) = resolution {
            body.extend([&self.u16(9)[..], &self.u16(1), &[resolution, 0, 0, 0], &[0; 4]].concat());
        }
        self.block(1, &body)
    }

    pub fn enhanced(self, interface: u32, time: u64, packet: &[u8]) -> Vec<u8> {
        let length = packet.len() as u32;
        let words = [interface, (time >> 32) as u32, time as u32, length, length];
        self.block(6, &[&words.map(|word| self.u32(word)).concat()[..], packet].concat())
    }

    pub fn obsolete(self, interface: u16, time: u64, packet: &[u8]) -> Vec<u8> {
        let length = packet.len() as u32;
        let words = [(time >> 32) as u32, time as u32, length, length].map(|word| self.u32(word)).concat();
        self.block(2, &[&self.u16(interface)[..], &self.u16(0xffff), &words, packet].concat())
    }

    pub fn simple(self, packet: &[u8]) -> Vec<u8> {
        self.block(3, &[&self.u32(packet.len() as u32)[..], packet].concat())
    }
}
