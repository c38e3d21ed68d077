//! A map of 1,000 entries: a 32-bit key, and a struct of a 64-bit number and 24 bytes behind their length.

use bytes::Bytes;

use crate::samples::Numbers;

/// The number of entries.
pub const ENTRIES: usize = 1000;

/// The length of each blob.
pub const BLOB: usize = 24;

/// Eight different maps. The number in the first entry leads to the next map.
pub fn samples() -> Vec<Bytes> {
    let n = 8;
    let mut numbers = Numbers::new(4);
    let map = |i| {
        let mut out = Vec::new();
        out.extend_from_slice(&(ENTRIES as u32).to_le_bytes());
        for entry in 0..ENTRIES {
            let key = (entry * 4) as u32 + (numbers.next_u64() % 4) as u32;
            let a = numbers.link(i, n);
            out.extend_from_slice(&key.to_le_bytes());
            out.extend_from_slice(&a.to_le_bytes());
            out.extend_from_slice(&(BLOB as u32).to_le_bytes());
            out.extend_from_slice(&numbers.bytes(BLOB));
        }
        Bytes::from(out)
    };
    (0..n).map(map).collect()
}

/// Written by hand, for any kind of blob.
pub mod hand {
    /// An entry.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Entry<B> {
        pub key: u32,
        pub a: u64,
        pub blob: B,
    }

    /// Too few bytes, or too many.
    #[derive(Clone, Copy, Debug)]
    pub struct WrongLength;

    /// Reads a map; `blob` makes blobs of the slices found.
    #[inline]
    pub fn decode<'b, B>(bytes: &'b [u8], blob: impl Fn(&'b [u8]) -> B) -> Result<Vec<Entry<B>>, WrongLength> {
        let (count, mut rest) = bytes.split_first_chunk::<4>().ok_or(WrongLength)?;
        let count = u32::from_le_bytes(*count) as usize;
        if count > rest.len() / 16 {
            return Err(WrongLength);
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            let (b, after) = rest.split_first_chunk::<16>().ok_or(WrongLength)?;
            let length = u32::from_le_bytes([b[12], b[13], b[14], b[15]]) as usize;
            let (slice, after) = after.split_at_checked(length).ok_or(WrongLength)?;
            rest = after;
            entries.push(Entry {
                key: u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
                a: u64::from_le_bytes([b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11]]),
                blob: blob(slice),
            });
        }
        if rest.is_empty() { Ok(entries) } else { Err(WrongLength) }
    }

    /// Writes a map.
    #[inline]
    pub fn encode<B: AsRef<[u8]>>(entries: &[Entry<B>], out: &mut Vec<u8>) {
        let size: usize = entries.iter().map(|entry| 16 + entry.blob.as_ref().len()).sum();
        out.reserve(4 + size);
        out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        for entry in entries {
            let blob = entry.blob.as_ref();
            let mut b = [0; 16];
            b[0..4].copy_from_slice(&entry.key.to_le_bytes());
            b[4..12].copy_from_slice(&entry.a.to_le_bytes());
            b[12..16].copy_from_slice(&(blob.len() as u32).to_le_bytes());
            out.extend_from_slice(&b);
            out.extend_from_slice(blob);
        }
    }
}

/// `pdl`.
#[allow(missing_docs, clippy::all)]
pub mod pdl {
    #[pdl_derive::pdl_inline(
        r#"
little_endian_packets

struct Entry {
    key : 32,
    a : 64,
    _size_(blob) : 32,
    blob : 8[],
}

packet Table {
    _count_(entries) : 32,
    entries : Entry[],
}
"#
    )]
    mod packets {}

    pub use packets::Table;
    pub use pdl_runtime::Packet;
}

/// `binrw`.
#[allow(missing_docs)]
pub mod binrw {
    use binrw::binrw;

    #[binrw]
    #[brw(little)]
    #[derive(Clone, Debug)]
    pub struct Entry {
        pub key: u32,
        pub a: u64,
        #[br(temp)]
        #[bw(calc = blob.len() as u32)]
        blob_len: u32,
        #[br(count = blob_len)]
        pub blob: Vec<u8>,
    }

    #[binrw]
    #[brw(little)]
    #[derive(Clone, Debug)]
    pub struct Table {
        #[br(temp)]
        #[bw(calc = entries.len() as u32)]
        entry_count: u32,
        #[br(count = entry_count)]
        pub entries: Vec<Entry>,
    }
}

/// `deku`.
#[allow(missing_docs)]
pub mod deku {
    use deku::prelude::*;

    #[derive(Clone, Debug, DekuRead, DekuWrite)]
    #[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
    pub struct Entry {
        pub key: u32,
        pub a: u64,
        pub blob_len: u32,
        #[deku(count = "blob_len")]
        pub blob: Vec<u8>,
    }

    #[derive(Clone, Debug, DekuRead, DekuWrite)]
    #[deku(endian = "little")]
    pub struct Table {
        pub entry_count: u32,
        #[deku(count = "entry_count")]
        pub entries: Vec<Entry>,
    }
}

/// `borsh`.
#[allow(missing_docs)]
pub mod borsh {
    use borsh::{BorshDeserialize, BorshSerialize};

    #[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
    pub struct Entry {
        pub key: u32,
        pub a: u64,
        pub blob: Vec<u8>,
    }
}

/// `speedy`.
#[allow(missing_docs)]
pub mod speedy {
    use speedy::{Readable, Writable};

    #[derive(Clone, Debug, Readable, Writable)]
    pub struct Entry {
        pub key: u32,
        pub a: u64,
        pub blob: Vec<u8>,
    }
}
