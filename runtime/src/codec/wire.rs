//! What generated types implement.

use std::fmt::Debug;

use bytes::Bytes;

use super::{Context, DecodeError, EncodeError, Parts, Reader, Sections, Target, Writer};

/// A type with a form on the wire.
pub trait Wire: Sized + Clone + PartialEq + Debug {
    /// The name of the type in the specification.
    const NAME: &'static str;
    /// The fewest bytes a value takes.
    const MIN_SIZE: usize;

    /// Reads a value.
    fn decode(r: &mut Reader) -> Result<Self, DecodeError>;

    /// Writes the value.
    fn encode(&self, w: &mut Writer) -> Result<(), EncodeError>;

    /// The number of bytes that writing the value takes.
    fn size(&self, t: Target) -> usize;
}

/// A type that is the body of a message.
pub trait Message: Sized + Clone + PartialEq + Debug {
    /// The name of the message in the specification.
    const NAME: &'static str;
    /// The number of the message in the header.
    const NUMBER: u16;

    /// Reads a message.
    fn decode(sections: Sections, ctx: &Context) -> Result<Self, DecodeError>;

    /// Writes the message.
    fn encode(&self, t: Target) -> Result<Parts, EncodeError>;
}

/// The value that the bytes, all of them, stand for.
pub fn from_bytes<T: Wire>(buf: Bytes, ctx: &Context) -> Result<T, DecodeError> {
    let mut r = Reader::new(&buf, ctx);
    let value = T::decode(&mut r)?;
    r.finish()?;
    Ok(value)
}

/// The bytes of a value.
pub fn to_bytes<T: Wire>(value: &T, t: Target) -> Result<Bytes, EncodeError> {
    let mut w = Writer::contiguous(t, value.size(t));
    value.encode(&mut w)?;
    Ok(w.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DecodeErrorKind;

    #[derive(Clone, Debug, PartialEq)]
    struct Pair(u8, u8);

    impl Wire for Pair {
        const NAME: &'static str = "Pair";
        const MIN_SIZE: usize = 2;

        fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
            let [a, b] = r.array()?;
            Ok(Pair(a, b))
        }

        fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
            w.put(&[self.0, self.1]);
            Ok(())
        }

        fn size(&self, _: Target) -> usize {
            2
        }
    }

    #[test]
    fn all_of_the_bytes() {
        let ctx = Context::default();
        assert_eq!(from_bytes(Bytes::from_static(&[1, 2]), &ctx), Ok(Pair(1, 2)));
        assert_eq!(to_bytes(&Pair(1, 2), Target::default()).unwrap(), [1, 2][..]);
        let e = from_bytes::<Pair>(Bytes::from_static(&[1, 2, 3]), &ctx).unwrap_err();
        assert_eq!((e.offset(), e.kind()), (2, &DecodeErrorKind::Trailing { bytes: 1 }));
    }
}
