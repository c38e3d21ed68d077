//! The 136-byte address of a process.
//!
//! The socket address in it has two known forms. A codec either keeps its 128 bytes as they are, or tells the forms
//! apart; then it keeps the bytes behind the form, which are zero in practice.

use bytes::Bytes;

use crate::samples::Numbers;

/// The size of an address.
pub const SIZE: usize = 136;

/// 64 addresses, of which a quarter is IPv6. The nonce leads to the next address.
pub fn samples() -> Vec<Bytes> {
    let n = 64;
    let mut numbers = Numbers::new(2);
    let addr = |i| {
        let port = 6800 + (numbers.next_u64() % 500) as u16;
        let addr = if i % 4 == 3 {
            let mut addr = [0; 16];
            addr.copy_from_slice(&numbers.bytes(16));
            hand::SocketAddr::Ipv6 { port, flowinfo: 0, addr, scope_id: 0, slack: None }
        } else {
            hand::SocketAddr::Ipv4 { port, addr: [10, 0, 0, numbers.next_u64() as u8], slack: None }
        };
        let mut bytes = Vec::new();
        hand::encode_forms(&hand::EntityAddr { kind: 0, nonce: numbers.link(i, n) as u32, addr }, &mut bytes);
        Bytes::from(bytes)
    };
    (0..n).map(addr).collect()
}

/// Written by hand.
pub mod hand {
    /// An address whose socket address is told apart.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct EntityAddr {
        pub kind: u32,
        pub nonce: u32,
        pub addr: SocketAddr,
    }

    /// A socket address, with the bytes behind it unless they are zero.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub enum SocketAddr {
        Ipv4 { port: u16, addr: [u8; 4], slack: Option<Box<[u8]>> },
        Ipv6 { port: u16, flowinfo: u32, addr: [u8; 16], scope_id: u32, slack: Option<Box<[u8]>> },
        Other(Box<[u8; 128]>),
    }

    /// An address whose socket address is kept as it is.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Image {
        pub kind: u32,
        pub nonce: u32,
        pub addr: [u8; 128],
    }

    /// Too few bytes.
    #[derive(Clone, Copy, Debug)]
    pub struct TooShort;

    /// Tells the forms apart.
    #[inline]
    pub fn decode_forms(bytes: &[u8]) -> Result<EntityAddr, TooShort> {
        let b = bytes.first_chunk::<136>().ok_or(TooShort)?;
        let port = u16::from_be_bytes([b[10], b[11]]);
        let addr = match u16::from_be_bytes([b[8], b[9]]) {
            2 => SocketAddr::Ipv4 { port, addr: [b[12], b[13], b[14], b[15]], slack: slack(&b[16..]) },
            10 => {
                let mut addr = [0; 16];
                addr.copy_from_slice(&b[16..32]);
                SocketAddr::Ipv6 {
                    port,
                    flowinfo: u32::from_be_bytes([b[12], b[13], b[14], b[15]]),
                    addr,
                    scope_id: u32::from_le_bytes([b[32], b[33], b[34], b[35]]),
                    slack: slack(&b[36..]),
                }
            }
            _ => {
                let mut image = Box::new([0; 128]);
                image.copy_from_slice(&b[8..]);
                SocketAddr::Other(image)
            }
        };
        Ok(EntityAddr {
            kind: u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            nonce: u32::from_le_bytes([b[4], b[5], b[6], b[7]]),
            addr,
        })
    }

    fn slack(bytes: &[u8]) -> Option<Box<[u8]>> {
        (bytes.iter().fold(0, |all, b| all | b) != 0).then(|| bytes.into())
    }

    /// Writes the form there is.
    #[inline]
    pub fn encode_forms(value: &EntityAddr, out: &mut Vec<u8>) {
        let mut b = [0; 136];
        b[0..4].copy_from_slice(&value.kind.to_le_bytes());
        b[4..8].copy_from_slice(&value.nonce.to_le_bytes());
        match &value.addr {
            SocketAddr::Ipv4 { port, addr, slack } => {
                b[9] = 2;
                b[10..12].copy_from_slice(&port.to_be_bytes());
                b[12..16].copy_from_slice(addr);
                if let Some(slack) = slack {
                    b[16..].copy_from_slice(slack);
                }
            }
            SocketAddr::Ipv6 { port, flowinfo, addr, scope_id, slack } => {
                b[9] = 10;
                b[10..12].copy_from_slice(&port.to_be_bytes());
                b[12..16].copy_from_slice(&flowinfo.to_be_bytes());
                b[16..32].copy_from_slice(addr);
                b[32..36].copy_from_slice(&scope_id.to_le_bytes());
                if let Some(slack) = slack {
                    b[36..].copy_from_slice(slack);
                }
            }
            SocketAddr::Other(image) => b[8..].copy_from_slice(&image[..]),
        }
        out.extend_from_slice(&b);
    }

    /// Keeps the socket address as it is.
    #[inline]
    pub fn decode_image(bytes: &[u8]) -> Result<Image, TooShort> {
        let b = bytes.first_chunk::<136>().ok_or(TooShort)?;
        let mut addr = [0; 128];
        addr.copy_from_slice(&b[8..]);
        Ok(Image {
            kind: u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            nonce: u32::from_le_bytes([b[4], b[5], b[6], b[7]]),
            addr,
        })
    }

    /// Writes the socket address as it is.
    #[inline]
    pub fn encode_image(value: &Image, out: &mut Vec<u8>) {
        let mut b = [0; 136];
        b[0..4].copy_from_slice(&value.kind.to_le_bytes());
        b[4..8].copy_from_slice(&value.nonce.to_le_bytes());
        b[8..].copy_from_slice(&value.addr);
        out.extend_from_slice(&b);
    }
}

/// `zerocopy`, which keeps the socket address as it is.
#[allow(missing_docs)]
pub mod zerocopy {
    use zerocopy::little_endian::U32;
    use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

    #[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
    #[repr(C)]
    pub struct EntityAddr {
        pub kind: U32,
        pub nonce: U32,
        pub addr: [u8; 128],
    }
}

/// `binrw`, which tells the forms apart.
#[allow(missing_docs)]
pub mod binrw {
    use binrw::binrw;

    #[binrw]
    #[brw(little)]
    #[derive(Clone, Debug)]
    pub struct EntityAddr {
        pub kind: u32,
        pub nonce: u32,
        pub addr: SocketAddr,
    }

    #[binrw]
    #[brw(big)]
    #[derive(Clone, Debug)]
    pub enum SocketAddr {
        #[brw(magic = 2u16)]
        Ipv4 {
            port: u16,
            addr: [u8; 4],
            slack: [u8; 120],
        },
        #[brw(magic = 10u16)]
        Ipv6 {
            port: u16,
            flowinfo: u32,
            addr: [u8; 16],
            #[brw(little)]
            scope_id: u32,
            slack: [u8; 100],
        },
        Other {
            image: [u8; 128],
        },
    }
}

/// `deku`, which tells the forms apart.
#[allow(missing_docs)]
pub mod deku {
    use deku::prelude::*;

    #[derive(Clone, Debug, DekuRead, DekuWrite)]
    pub struct EntityAddr {
        #[deku(endian = "little")]
        pub kind: u32,
        #[deku(endian = "little")]
        pub nonce: u32,
        pub addr: SocketAddr,
    }

    #[derive(Clone, Debug, DekuRead, DekuWrite)]
    #[deku(id_type = "u16", id_endian = "big")]
    pub enum SocketAddr {
        #[deku(id = 2)]
        Ipv4 {
            #[deku(endian = "big")]
            port: u16,
            addr: [u8; 4],
            slack: [u8; 120],
        },
        #[deku(id = 10)]
        Ipv6 {
            #[deku(endian = "big")]
            port: u16,
            #[deku(endian = "big")]
            flowinfo: u32,
            addr: [u8; 16],
            #[deku(endian = "little")]
            scope_id: u32,
            slack: [u8; 100],
        },
        #[deku(id_pat = "_")]
        Other { family: u16, rest: [u8; 126] },
    }
}
