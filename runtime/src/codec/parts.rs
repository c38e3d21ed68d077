//! The parts of a message.

use bytes::Bytes;

use super::{Context, DecodeError, EncodeError, Reader, Slice, Target, Writer, narrow};

/// A message as its header and its sections give it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Parts {
    /// The version, from the header.
    pub version: u16,
    /// The oldest version to be understood, from the header.
    pub compat: u16,
    /// The first section.
    #[cfg_attr(feature = "serde", serde(with = "super::hex"))]
    pub front: Bytes,
    /// The second section.
    #[cfg_attr(feature = "serde", serde(with = "super::hex"))]
    pub middle: Bytes,
    /// The third section.
    #[cfg_attr(feature = "serde", serde(with = "super::hex"))]
    pub data: Bytes,
}

/// A message whose layout is not described.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Opaque {
    /// Its type.
    pub number: u16,
    /// Its parts.
    pub parts: Parts,
}

impl Opaque {
    /// A message of that type, in memory of its own.
    #[inline]
    pub fn boxed(number: u16, parts: Parts) -> Box<Opaque> {
        // Built where it is to lie: what was just written in small parts takes long to be read in large ones.
        Box::write(Box::new_uninit(), Opaque { number, parts })
    }
}

/// What a message is read from: [`Parts`], or sections that are still where a frame left them.
#[derive(Clone, Copy, Debug)]
pub struct Sections<'a> {
    /// The version, from the header.
    pub version: u16,
    /// The oldest version to be understood, from the header.
    pub compat: u16,
    /// The first section.
    pub front: Slice<'a>,
    /// The second section.
    pub middle: Slice<'a>,
    /// The third section.
    pub data: Slice<'a>,
}

impl Sections<'_> {
    /// The sections as values of their own.
    pub fn to_parts(&self) -> Parts {
        Parts {
            version: self.version,
            compat: self.compat,
            front: self.front.share(),
            middle: self.middle.share(),
            data: self.data.share(),
        }
    }

    /// The sections of a message of that type as they are.
    #[inline(always)]
    pub fn to_opaque(&self, number: u16) -> Box<Opaque> {
        // Everything is filled in where it is to lie: moving it costs more.
        let mut opaque = Box::<Opaque>::default();
        opaque.number = number;
        let Parts { version, compat, front, middle, data } = &mut opaque.parts;
        (*version, *compat) = (self.version, self.compat);
        for (part, section) in [(front, self.front), (middle, self.middle), (data, self.data)] {
            if !section.is_empty() {
                *part = section.share();
            }
        }
        opaque
    }
}

impl Parts {
    /// What a message is read from.
    pub fn sections(&self) -> Sections<'_> {
        Sections {
            version: self.version,
            compat: self.compat,
            front: (&self.front).into(),
            middle: (&self.middle).into(),
            data: (&self.data).into(),
        }
    }

    /// The parts from one piece: version, compat, and each section with its length in front, all little-endian.
    pub fn from_bytes(bytes: Bytes) -> Result<Parts, DecodeError> {
        let mut r = Reader::new(&bytes, &Context::default());
        let parts = Parts {
            version: u16::from_le_bytes(r.array().map_err(|e| e.field("version"))?),
            compat: u16::from_le_bytes(r.array().map_err(|e| e.field("compat"))?),
            front: section(&mut r).map_err(|e| e.field("front"))?,
            middle: section(&mut r).map_err(|e| e.field("middle"))?,
            data: section(&mut r).map_err(|e| e.field("data"))?,
        };
        r.finish()?;
        Ok(parts)
    }

    /// The parts as one piece, as [`from_bytes`](Self::from_bytes) reads it.
    pub fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        let size = 16 + self.front.len() + self.middle.len() + self.data.len();
        let mut w = Writer::contiguous(Target::default(), size);
        w.put(&self.version.to_le_bytes());
        w.put(&self.compat.to_le_bytes());
        for section in [&self.front, &self.middle, &self.data] {
            w.put(&narrow::<u32>(section.len(), u64::MAX)?.to_le_bytes());
            w.bytes(section);
        }
        Ok(w.finish())
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Parts {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        use super::sample::bytes;
        let (version, compat) = u.arbitrary()?;
        Ok(Parts { version, compat, front: bytes(u)?, middle: bytes(u)?, data: bytes(u)? })
    }
}

fn section(r: &mut Reader) -> Result<Bytes, DecodeError> {
    let n = u32::from_le_bytes(r.array()?);
    let n = r.length(u64::from(n), u64::MAX)?;
    r.bytes(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DecodeErrorKind;

    #[test]
    fn one_piece_and_back() {
        let parts = Parts {
            version: 0x0102,
            compat: 3,
            front: Bytes::from_static(b"f"),
            middle: Bytes::new(),
            data: Bytes::from_static(b"da"),
        };
        let bytes = parts.to_bytes().unwrap();
        assert_eq!(bytes, b"\x02\x01\x03\0\x01\0\0\0f\0\0\0\0\x02\0\0\0da"[..]);
        assert_eq!(parts.sections().to_parts(), parts);
        assert_eq!(Parts::from_bytes(bytes.clone()), Ok(parts));
        for n in 0..bytes.len() {
            assert!(Parts::from_bytes(bytes.slice(..n)).is_err());
        }
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        let e = Parts::from_bytes(longer).unwrap_err();
        assert_eq!(e.kind(), &DecodeErrorKind::Trailing { bytes: 1 });
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_both_ways() {
        let parts = Parts { version: 1, front: Bytes::from_static(&[0xab]), ..Parts::default() };
        let json = r#"{"version":1,"compat":0,"front":"ab","middle":"","data":""}"#;
        assert_eq!(serde_json::to_string(&parts).unwrap(), json);
        assert_eq!(serde_json::from_str::<Parts>(json).unwrap(), parts);
    }
}
