//! The 53-byte message header.

use bytes::Bytes;

use crate::crc;
use crate::samples::Numbers;

/// The size of a header.
pub const SIZE: usize = 53;

/// Headers of 64 different messages.
pub fn samples() -> Vec<Bytes> {
    let n = 64;
    let mut numbers = Numbers::new(1);
    let header = |i| {
        let header = hand::Header {
            seq: numbers.link(i, n),
            tid: numbers.next_u64(),
            kind: (numbers.next_u64() % 200) as u16,
            priority: [64, 127, 196, 255][i % 4],
            version: (numbers.next_u64() % 8) as u16,
            front_len: (numbers.next_u64() % 4096) as u32,
            middle_len: (numbers.next_u64() % 64) as u32,
            data_len: (numbers.next_u64() % 65536) as u32,
            data_off: numbers.next_u64() as u16,
            src_type: [1, 2, 4, 8][i % 4],
            src_num: (numbers.next_u64() % 10_000) as i64,
            compat_version: 1,
            reserved: 0,
            crc: 0,
        };
        let mut bytes = Vec::new();
        hand::encode_array(&header, &mut bytes);
        let crc = crc::fast(&bytes[..49]);
        bytes[49..].copy_from_slice(&crc.to_le_bytes());
        Bytes::from(bytes)
    };
    (0..n).map(header).collect()
}

/// Written by hand.
pub mod hand {
    use bytes::{Buf, BufMut, TryGetError};

    /// A message header.
    #[derive(Clone, Copy, Debug)]
    #[allow(missing_docs)]
    pub struct Header {
        pub seq: u64,
        pub tid: u64,
        pub kind: u16,
        pub priority: u16,
        pub version: u16,
        pub front_len: u32,
        pub middle_len: u32,
        pub data_len: u32,
        pub data_off: u16,
        pub src_type: u8,
        pub src_num: i64,
        pub compat_version: u16,
        pub reserved: u16,
        pub crc: u32,
    }

    /// Too few bytes.
    #[derive(Clone, Copy, Debug)]
    pub struct TooShort;

    /// One bounds check, then loads at fixed places.
    #[inline]
    pub fn decode_array(bytes: &[u8]) -> Result<Header, TooShort> {
        let b = bytes.first_chunk::<53>().ok_or(TooShort)?;
        Ok(Header {
            seq: u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
            tid: u64::from_le_bytes([b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]),
            kind: u16::from_le_bytes([b[16], b[17]]),
            priority: u16::from_le_bytes([b[18], b[19]]),
            version: u16::from_le_bytes([b[20], b[21]]),
            front_len: u32::from_le_bytes([b[22], b[23], b[24], b[25]]),
            middle_len: u32::from_le_bytes([b[26], b[27], b[28], b[29]]),
            data_len: u32::from_le_bytes([b[30], b[31], b[32], b[33]]),
            data_off: u16::from_le_bytes([b[34], b[35]]),
            src_type: b[36],
            src_num: i64::from_le_bytes([b[37], b[38], b[39], b[40], b[41], b[42], b[43], b[44]]),
            compat_version: u16::from_le_bytes([b[45], b[46]]),
            reserved: u16::from_le_bytes([b[47], b[48]]),
            crc: u32::from_le_bytes([b[49], b[50], b[51], b[52]]),
        })
    }

    /// One array, appended at once.
    #[inline]
    pub fn encode_array(h: &Header, out: &mut Vec<u8>) {
        let mut b = [0; 53];
        b[0..8].copy_from_slice(&h.seq.to_le_bytes());
        b[8..16].copy_from_slice(&h.tid.to_le_bytes());
        b[16..18].copy_from_slice(&h.kind.to_le_bytes());
        b[18..20].copy_from_slice(&h.priority.to_le_bytes());
        b[20..22].copy_from_slice(&h.version.to_le_bytes());
        b[22..26].copy_from_slice(&h.front_len.to_le_bytes());
        b[26..30].copy_from_slice(&h.middle_len.to_le_bytes());
        b[30..34].copy_from_slice(&h.data_len.to_le_bytes());
        b[34..36].copy_from_slice(&h.data_off.to_le_bytes());
        b[36] = h.src_type;
        b[37..45].copy_from_slice(&h.src_num.to_le_bytes());
        b[45..47].copy_from_slice(&h.compat_version.to_le_bytes());
        b[47..49].copy_from_slice(&h.reserved.to_le_bytes());
        b[49..53].copy_from_slice(&h.crc.to_le_bytes());
        out.extend_from_slice(&b);
    }

    /// One `try_get_*` per field.
    #[inline]
    pub fn decode_bytes(mut bytes: &[u8]) -> Result<Header, TryGetError> {
        Ok(Header {
            seq: bytes.try_get_u64_le()?,
            tid: bytes.try_get_u64_le()?,
            kind: bytes.try_get_u16_le()?,
            priority: bytes.try_get_u16_le()?,
            version: bytes.try_get_u16_le()?,
            front_len: bytes.try_get_u32_le()?,
            middle_len: bytes.try_get_u32_le()?,
            data_len: bytes.try_get_u32_le()?,
            data_off: bytes.try_get_u16_le()?,
            src_type: bytes.try_get_u8()?,
            src_num: bytes.try_get_i64_le()?,
            compat_version: bytes.try_get_u16_le()?,
            reserved: bytes.try_get_u16_le()?,
            crc: bytes.try_get_u32_le()?,
        })
    }

    /// One `put_*` per field.
    #[inline]
    pub fn encode_bytes(h: &Header, out: &mut Vec<u8>) {
        out.put_u64_le(h.seq);
        out.put_u64_le(h.tid);
        out.put_u16_le(h.kind);
        out.put_u16_le(h.priority);
        out.put_u16_le(h.version);
        out.put_u32_le(h.front_len);
        out.put_u32_le(h.middle_len);
        out.put_u32_le(h.data_len);
        out.put_u16_le(h.data_off);
        out.put_u8(h.src_type);
        out.put_i64_le(h.src_num);
        out.put_u16_le(h.compat_version);
        out.put_u16_le(h.reserved);
        out.put_u32_le(h.crc);
    }
}

/// `pdl`.
#[allow(missing_docs, clippy::all)]
pub mod pdl {
    #[pdl_derive::pdl_inline(
        r#"
little_endian_packets

packet Header {
    seq : 64,
    tid : 64,
    kind : 16,
    priority : 16,
    version : 16,
    front_len : 32,
    middle_len : 32,
    data_len : 32,
    data_off : 16,
    src_type : 8,
    src_num : 64,
    compat_version : 16,
    reserved : 16,
    crc : 32,
}
"#
    )]
    mod packets {}

    pub use packets::Header;
    pub use pdl_runtime::Packet;
}

/// `binrw`.
#[allow(missing_docs)]
pub mod binrw {
    use binrw::binrw;

    #[binrw]
    #[brw(little)]
    #[derive(Clone, Copy, Debug)]
    pub struct Header {
        pub seq: u64,
        pub tid: u64,
        pub kind: u16,
        pub priority: u16,
        pub version: u16,
        pub front_len: u32,
        pub middle_len: u32,
        pub data_len: u32,
        pub data_off: u16,
        pub src_type: u8,
        pub src_num: i64,
        pub compat_version: u16,
        pub reserved: u16,
        pub crc: u32,
    }
}

/// `deku`.
#[allow(missing_docs)]
pub mod deku {
    use deku::prelude::*;

    #[derive(Clone, Copy, Debug, DekuRead, DekuWrite)]
    #[deku(endian = "little")]
    pub struct Header {
        pub seq: u64,
        pub tid: u64,
        pub kind: u16,
        pub priority: u16,
        pub version: u16,
        pub front_len: u32,
        pub middle_len: u32,
        pub data_len: u32,
        pub data_off: u16,
        pub src_type: u8,
        pub src_num: i64,
        pub compat_version: u16,
        pub reserved: u16,
        pub crc: u32,
    }
}

/// `zerocopy`: the struct is the bytes, so that reading a field is what costs.
#[allow(missing_docs)]
pub mod zerocopy {
    use zerocopy::little_endian::{I64, U16, U32, U64};
    use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

    #[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
    #[repr(C)]
    pub struct Header {
        pub seq: U64,
        pub tid: U64,
        pub kind: U16,
        pub priority: U16,
        pub version: U16,
        pub front_len: U32,
        pub middle_len: U32,
        pub data_len: U32,
        pub data_off: U16,
        pub src_type: u8,
        pub src_num: I64,
        pub compat_version: U16,
        pub reserved: U16,
        pub crc: U32,
    }
}

/// `borsh`.
#[allow(missing_docs)]
pub mod borsh {
    use borsh::{BorshDeserialize, BorshSerialize};

    #[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
    pub struct Header {
        pub seq: u64,
        pub tid: u64,
        pub kind: u16,
        pub priority: u16,
        pub version: u16,
        pub front_len: u32,
        pub middle_len: u32,
        pub data_len: u32,
        pub data_off: u16,
        pub src_type: u8,
        pub src_num: i64,
        pub compat_version: u16,
        pub reserved: u16,
        pub crc: u32,
    }
}

/// `speedy`.
#[allow(missing_docs)]
pub mod speedy {
    use speedy::{Readable, Writable};

    #[derive(Clone, Copy, Debug, Readable, Writable)]
    pub struct Header {
        pub seq: u64,
        pub tid: u64,
        pub kind: u16,
        pub priority: u16,
        pub version: u16,
        pub front_len: u32,
        pub middle_len: u32,
        pub data_len: u32,
        pub data_off: u16,
        pub src_type: u8,
        pub src_num: i64,
        pub compat_version: u16,
        pub reserved: u16,
        pub crc: u32,
    }
}
