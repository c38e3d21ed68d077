//! Values that may turn out to be other bytes.

use bytes::Bytes;

use super::{DecodeError, EncodeError, EncodeErrorKind, Reader, SPLICE, Target, Wire, Writer};

/// What stands where a `T` is expected that nobody on the way looks at: a `T`, or the bytes as they are.
///
/// Bytes are read as a `T` if they are one from the first to the last and writing it gives the same bytes again, so that
/// whatever came is passed on unchanged, to whomever: versions that were read are written again without
/// [`Target::exact`], too. No bytes are never a `T`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Content<T> {
    /// The value.
    Known(Box<T>),
    /// The bytes.
    Raw(#[cfg_attr(feature = "serde", serde(with = "super::hex"))] Bytes),
}

impl<T> Content<T> {
    /// A value.
    pub fn new(value: T) -> Self {
        Content::Known(Box::new(value))
    }

    /// The value, if it is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Content::Known(value) => Some(value),
            Content::Raw(_) => None,
        }
    }

    /// The bytes, if they are no value.
    pub fn raw(&self) -> Option<&Bytes> {
        match self {
            Content::Known(_) => None,
            Content::Raw(bytes) => Some(bytes),
        }
    }

    /// Reads the next `n` bytes, with the two functions that read and write a value.
    ///
    /// # Errors
    /// When so many bytes are not there.
    #[inline(never)]
    pub fn decode(
        r: &mut Reader,
        n: usize,
        decode: impl FnOnce(&mut Reader) -> Result<T, DecodeError>,
        encode: impl FnOnce(&T, &mut Writer) -> Result<(), EncodeError>,
    ) -> Result<Self, DecodeError> {
        let mut ahead = r.clone();
        let bytes = r.bytes(n)?;
        if n == 0 {
            return Ok(Content::Raw(bytes));
        }
        let _window = ahead.open(n)?;
        let boxed = ahead.count(1, 1, 0, size_of::<T>());
        let value = boxed.and_then(|_| decode(&mut ahead)).ok().filter(|value| {
            let mut w = Writer::with_capacity(Target::exact(r.context().features), n.min(SPLICE));
            ahead.is_empty() && encode(value, &mut w).is_ok() && are(w.pieces(), &bytes)
        });
        Ok(match value {
            Some(value) => {
                r.charge_as(&ahead);
                Content::new(value)
            }
            None => Content::Raw(bytes),
        })
    }

    /// Writes the value, with the function that does so, or the bytes.
    ///
    /// # Errors
    /// When the value cannot be written for this target, or takes no bytes.
    #[inline]
    pub fn encode(
        &self,
        w: &mut Writer,
        encode: impl FnOnce(&T, &mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        match self {
            Content::Known(value) => encode_known(&**value, w, encode),
            Content::Raw(bytes) => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

#[inline(never)]
fn encode_known<T>(
    value: &T,
    w: &mut Writer,
    encode: impl FnOnce(&T, &mut Writer) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = w.len();
    let target = w.retarget(Target::exact(w.target().features));
    encode(value, w)?;
    w.retarget(target);
    match w.len() - start {
        0 => Err(EncodeError::new(EncodeErrorKind::WrongSize { expected: 1, found: 0 })),
        _ => Ok(()),
    }
}

/// Whether pieces together are these bytes. Those that were taken from them are not compared.
fn are(pieces: Vec<Bytes>, mut bytes: &[u8]) -> bool {
    pieces.iter().all(|piece| match bytes.split_at_checked(piece.len()) {
        Some((head, behind)) => {
            bytes = behind;
            head.as_ptr() == piece.as_ptr() || head == piece
        }
        None => false,
    }) && bytes.is_empty()
}

/// No bytes.
impl<T> Default for Content<T> {
    fn default() -> Self {
        Content::Raw(Bytes::new())
    }
}

impl<T> From<Bytes> for Content<T> {
    fn from(bytes: Bytes) -> Self {
        Content::Raw(bytes)
    }
}

impl<T: Wire> From<T> for Content<T> {
    fn from(value: T) -> Self {
        Content::new(value)
    }
}

#[cfg(feature = "arbitrary")]
impl<'a, T: arbitrary::Arbitrary<'a>> arbitrary::Arbitrary<'a> for Content<T> {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        T::arbitrary(u).map(Content::new)
    }
}

#[cfg(all(test, feature = "serde", feature = "arbitrary"))]
mod tests {
    use super::*;
    use crate::codec::testing::Sample;
    use crate::codec::{BooleanPolicy, Context, Limits};

    fn read<T: Wire>(bytes: &Bytes, n: usize, ctx: &Context) -> (Result<Content<T>, DecodeError>, usize) {
        let mut r = Reader::new(bytes, ctx);
        let content = Content::decode(&mut r, n, T::decode, T::encode);
        (content, r.position())
    }

    fn written(content: &Content<Sample>) -> Result<Bytes, EncodeError> {
        let mut w = Writer::new(Target::exact(0));
        content.encode(&mut w, Wire::encode)?;
        Ok(w.finish())
    }

    fn sample() -> Sample {
        Sample { tag: 5, number: 7, ..Sample::default() }
    }

    #[test]
    fn is_a_value_from_the_first_byte_to_the_last() {
        let bytes = crate::codec::to_bytes(&sample(), Target::default()).unwrap();
        let n = bytes.len();
        let known = Content::from(sample());
        assert_eq!(written(&known), Ok(bytes.clone()));
        assert_eq!(read(&bytes, n, &Context::default()), (Ok(known), n));
        let longer = Bytes::from([&bytes[..], &[0]].concat());
        for (bytes, n) in [(&bytes, n - 1), (&longer, n + 1), (&bytes, 0)] {
            let raw = Content::from(bytes.slice(..n));
            assert_eq!(written(&raw), Ok(bytes.slice(..n)));
            assert_eq!(read(bytes, n, &Context::default()), (Ok(raw), n));
        }
        let (short, position) = read::<Sample>(&bytes, n + 1, &Context::default());
        assert!(short.is_err() && position == 0);
    }

    #[test]
    fn is_raw_if_writing_it_gives_other_bytes() {
        #[derive(Clone, Debug, PartialEq)]
        struct Flag(bool);
        impl Wire for Flag {
            const NAME: &'static str = "Flag";
            const MIN_SIZE: usize = 1;
            fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
                r.boolean().map(Flag)
            }
            fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
                w.put(&[u8::from(self.0)]);
                Ok(())
            }
            fn size(&self, _: Target) -> usize {
                1
            }
        }
        let bytes = Bytes::from_static(&[1, 2]);
        let ctx = Context { booleans: BooleanPolicy::Any, ..Context::default() };
        assert_eq!(read(&bytes, 1, &ctx).0, Ok(Content::from(Flag(true))));
        assert_eq!(read::<Flag>(&bytes.slice(1..), 1, &ctx).0, Ok(Content::from(bytes.slice(1..))));
    }

    #[test]
    fn a_value_without_bytes_cannot_be_written() {
        let mut w = Writer::new(Target::default());
        let e = Content::new(()).encode(&mut w, |(), _| Ok(())).unwrap_err();
        assert_eq!(e.kind(), &EncodeErrorKind::WrongSize { expected: 1, found: 0 });
    }

    #[test]
    fn long_bytes_are_taken_as_they_are() {
        let long = Bytes::from((0..3 * SPLICE).map(|n| n as u8).collect::<Vec<_>>());
        let read = |behind: &'static [u8]| {
            let mut r = Reader::new(&long, &Context::default());
            let value = |r: &mut Reader| Ok((r.array::<2>()?, r.rest()));
            let again = |(head, rest): &([u8; 2], Bytes), w: &mut Writer| {
                w.put(head);
                w.bytes(rest);
                w.put(behind);
                Ok(())
            };
            Content::decode(&mut r, long.len(), value, again).unwrap()
        };
        let known = read(&[]);
        assert_eq!(known.known().map(|(_, rest)| rest.as_ptr()), Some(long[2..].as_ptr()));
        assert_eq!(read(&[1]).raw(), Some(&long));
    }

    #[test]
    fn only_what_is_kept_is_charged() {
        let value = Sample { names: vec!["a".into()], ..sample() };
        let bytes = crate::codec::to_bytes(&value, Target::default()).unwrap();
        let footprint = size_of::<crate::codec::Str>();
        let limits = Limits { memory: size_of::<Sample>() + footprint };
        let ctx = Context { limits, ..Context::default() };
        let both = Bytes::from([&bytes[..], &bytes[..]].concat());
        let mut r = Reader::new(&both, &ctx);
        let mut next = |n| Content::<Sample>::decode(&mut r, n, Wire::decode, Wire::encode).unwrap();
        assert_eq!(next(bytes.len()).known(), Some(&value));
        assert_eq!(next(bytes.len()).raw(), Some(&bytes));
        let mut r = Reader::new(&both, &ctx);
        let mut next = |n| Content::<Sample>::decode(&mut r, n, Wire::decode, Wire::encode).unwrap();
        assert_eq!(next(bytes.len() - 1).known(), None);
        assert!(r.count(1, 1, 1, limits.memory).is_ok());
    }

    #[test]
    fn takes_no_more_room_than_bytes() {
        assert_eq!(size_of::<Content<Sample>>(), size_of::<Bytes>());
    }

    #[test]
    fn serialises_both_ways() {
        let known = Content::new(5);
        assert_eq!(serde_json::to_string(&known).unwrap(), r#"{"Known":5}"#);
        assert_eq!(serde_json::from_str::<Content<u8>>(r#"{"Known":5}"#).unwrap(), known);
        let raw = Content::<u8>::from(Bytes::from_static(&[5]));
        assert_eq!(serde_json::to_string(&raw).unwrap(), r#"{"Raw":"05"}"#);
        assert_eq!(serde_json::from_str::<Content<u8>>(r#"{"Raw":"05"}"#).unwrap(), raw);
    }
}
