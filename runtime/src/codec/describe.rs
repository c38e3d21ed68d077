//! Descriptions of generated types, to find one's way among them at run time.

use std::any::Any;
use std::fmt::Debug;

use bytes::Bytes;

use super::{Context, DecodeError, EncodeError, Message, Parts, Target, Wire, from_bytes, to_bytes};

/// A generated type.
#[derive(Clone, Copy, Debug)]
pub struct TypeInfo {
    /// Its name.
    pub name: &'static str,
    /// The name of the C++ type.
    pub cxx: Option<&'static str>,
    /// Where in Ceph's source it is.
    pub source: Option<&'static str>,
    /// The module of the specification.
    pub module: &'static str,
    /// What the specification says about it.
    pub docs: &'static str,
    /// What kind of type it is.
    pub kind: Kind,
    /// Its versions, oldest first.
    pub versions: &'static [VersionInfo],
    /// Its fields in order, or the arms of a union.
    pub fields: &'static [FieldInfo],
    /// The members of an enum or of flags.
    pub members: &'static [MemberInfo],
    /// How to read and write it.
    pub codec: Option<Codec>,
}

/// What kind of type it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Fields one after the other.
    Struct,
    /// One of several arms.
    Union,
    /// What goes over a connection between messages.
    Frame,
    /// A number with names for values.
    Enum,
    /// A number with names for bits.
    Flags,
    /// The body of a message.
    Message {
        /// The number in the header.
        number: u16,
        /// Who sends it.
        senders: &'static [&'static str],
        /// Who receives it.
        receivers: &'static [&'static str],
        /// Whether its contents are not specified.
        opaque: bool,
        /// Whether it is an older layout of the message that has the number.
        older: bool,
    },
}

/// Some versions of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// The first of the versions.
    pub from: u32,
    /// The last of the versions.
    pub to: u32,
    /// How the version is written, such as `envelope`.
    pub form: &'static str,
    /// The oldest version a reader has to understand.
    pub compat: Option<u32>,
}

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its name.
    pub name: &'static str,
    /// Its type as written in the specification.
    pub ty: &'static str,
    /// When it is there, such as `since 3`; empty if always.
    pub presence: &'static str,
    /// The section of the message it is in.
    pub section: &'static str,
    /// What the specification says about it.
    pub docs: &'static str,
}

/// A member of an enum or of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// What the specification says about it.
    pub docs: &'static str,
}

/// `Serialize` if the feature `serde` is on, else nothing.
#[cfg(feature = "serde")]
pub trait MaybeSerialize: serde::Serialize {}
#[cfg(feature = "serde")]
impl<T: serde::Serialize> MaybeSerialize for T {}

/// `Serialize` if the feature `serde` is on, else nothing.
#[cfg(not(feature = "serde"))]
pub trait MaybeSerialize {}
#[cfg(not(feature = "serde"))]
impl<T> MaybeSerialize for T {}

/// `Arbitrary` if the feature `arbitrary` is on, else nothing.
#[cfg(feature = "arbitrary")]
pub trait MaybeArbitrary: for<'a> arbitrary::Arbitrary<'a> {}
#[cfg(feature = "arbitrary")]
impl<T: for<'a> arbitrary::Arbitrary<'a>> MaybeArbitrary for T {}

/// `Arbitrary` if the feature `arbitrary` is on, else nothing.
#[cfg(not(feature = "arbitrary"))]
pub trait MaybeArbitrary {}
#[cfg(not(feature = "arbitrary"))]
impl<T> MaybeArbitrary for T {}

/// What a type needs to have a [`Codec`], depending on the features that are on.
pub trait Value: Any + Send + Debug + MaybeSerialize + MaybeArbitrary {}
impl<T: Any + Send + Debug + MaybeSerialize + MaybeArbitrary> Value for T {}

/// How to read and write values of a type that is not known at compile time.
///
/// For this purpose a message is one piece of bytes, as [`Parts::from_bytes`] reads it.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    decode: Decode,
    #[cfg(feature = "arbitrary")]
    arbitrary: Build,
}

type Decode = fn(Bytes, &Context) -> Result<Box<dyn AnyValue>, DecodeError>;
#[cfg(feature = "arbitrary")]
type Build = fn(&mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Box<dyn AnyValue>>;

impl Codec {
    /// The codec of a type.
    pub const fn of<T: Wire + Value>() -> Codec {
        Codec {
            decode: |bytes, ctx| Ok(Box::new(Plain::<T>(from_bytes(bytes, ctx)?))),
            #[cfg(feature = "arbitrary")]
            arbitrary: |u| Ok(Box::new(Plain(T::arbitrary(u)?))),
        }
    }

    /// The codec of a message.
    pub const fn message<T: Message + Value>() -> Codec {
        Codec {
            decode: |bytes, ctx| Ok(Box::new(Body(T::decode(Parts::from_bytes(bytes)?.sections(), ctx)?))),
            #[cfg(feature = "arbitrary")]
            arbitrary: |u| Ok(Box::new(Body(T::arbitrary(u)?))),
        }
    }

    /// Reads a value from all of the bytes.
    pub fn decode(&self, bytes: Bytes, ctx: &Context) -> Result<Box<dyn AnyValue>, DecodeError> {
        (self.decode)(bytes, ctx)
    }

    /// An arbitrary value.
    #[cfg(feature = "arbitrary")]
    pub fn arbitrary(&self, u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Box<dyn AnyValue>> {
        (self.arbitrary)(u)
    }
}

/// A value of a type that is not known at compile time.
pub trait AnyValue: Debug + Send {
    /// Writes the value.
    fn encode(&self, t: Target) -> Result<Bytes, EncodeError>;

    /// The number of bytes that writing takes; not known for messages.
    fn size(&self, t: Target) -> Option<usize>;

    /// Whether the other value is of the same type and equal.
    fn equals(&self, other: &dyn AnyValue) -> bool;

    /// The value itself.
    fn as_any(&self) -> &dyn Any;

    /// The value as JSON.
    #[cfg(feature = "serde")]
    fn json(&self) -> Result<serde_json::Value, serde_json::Error>;
}

struct Plain<T>(T);

impl<T: Wire + Value> AnyValue for Plain<T> {
    fn encode(&self, t: Target) -> Result<Bytes, EncodeError> {
        to_bytes(&self.0, t)
    }

    fn size(&self, t: Target) -> Option<usize> {
        Some(self.0.size(t))
    }

    fn equals(&self, other: &dyn AnyValue) -> bool {
        other.as_any().downcast_ref() == Some(&self.0)
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }

    #[cfg(feature = "serde")]
    fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&self.0)
    }
}

impl<T: Debug> Debug for Plain<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

struct Body<T>(T);

impl<T: Message + Value> AnyValue for Body<T> {
    fn encode(&self, t: Target) -> Result<Bytes, EncodeError> {
        self.0.encode(t)?.to_bytes()
    }

    fn size(&self, _: Target) -> Option<usize> {
        None
    }

    fn equals(&self, other: &dyn AnyValue) -> bool {
        other.as_any().downcast_ref() == Some(&self.0)
    }

    fn as_any(&self) -> &dyn Any {
        &self.0
    }

    #[cfg(feature = "serde")]
    fn json(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&self.0)
    }
}

impl<T: Debug> Debug for Body<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(all(test, feature = "serde", feature = "arbitrary"))]
mod tests {
    use super::*;
    use crate::codec::testing::{Sample, describe};
    use crate::codec::{DecodeErrorKind, Str};

    static PLAIN: TypeInfo = describe(Codec::of::<Sample>(), "envelope");
    static BODY: TypeInfo = describe(Codec::message::<Sample>(), "message");

    fn sample() -> Sample {
        Sample { tag: 5, names: vec![Str::from("a")], ..Sample::default() }
    }

    #[test]
    fn reads_and_writes_without_knowing_the_type() {
        let (codec, t) = (PLAIN.codec.unwrap(), Target::fresh(0));
        let bytes = to_bytes(&sample(), t).unwrap();
        let value = codec.decode(bytes.clone(), &Context::default()).unwrap();
        assert_eq!(value.as_any().downcast_ref(), Some(&sample()));
        assert_eq!(value.size(t), Some(bytes.len()));
        assert_eq!(value.encode(t).unwrap(), bytes);
        assert_eq!(format!("{value:?}"), format!("{:?}", sample()));
        assert_eq!(value.json().unwrap()["names"][0], "a");
        let e = codec.decode(Bytes::from([&bytes[..], &[0]].concat()), &Context::default()).unwrap_err();
        assert_eq!(e.kind(), &DecodeErrorKind::Trailing { bytes: 1 });
    }

    #[test]
    fn messages_are_one_piece() {
        let (codec, t) = (BODY.codec.unwrap(), Target::fresh(0));
        let bytes = Message::encode(&sample(), t).unwrap().to_bytes().unwrap();
        let value = codec.decode(bytes.clone(), &Context::default()).unwrap();
        assert_eq!(value.as_any().downcast_ref(), Some(&sample()));
        assert_eq!(value.size(t), None);
        assert_eq!(value.encode(t).unwrap(), bytes);
        assert_eq!(value.json().unwrap()["tag"], 5);
    }

    #[test]
    fn equality_needs_the_same_type_and_value() {
        let sample_value = Plain(sample());
        assert!(sample_value.equals(&Plain(sample())));
        assert!(sample_value.equals(&Body(sample())));
        assert!(!sample_value.equals(&Plain(Sample::default())));
    }

    #[test]
    fn arbitrary_values() {
        let value = PLAIN.codec.unwrap().arbitrary(&mut arbitrary::Unstructured::new(&[1, 2, 3])).unwrap();
        assert_eq!(value.as_any().downcast_ref::<Sample>().unwrap().tag, 0x0201);
    }
}
