//! What generated codecs are built on.
//!
//! A [`Reader`] goes over the bytes of one value and never panics on what a peer sent; a [`Writer`] collects the bytes
//! of one value. The value types keep exactly what was on the wire: the order of a [`Map`], bytes that are not UTF-8 in
//! a [`Str`], non-zero padding in [`Slack`], fields from the future in [`Origin`]. So what was read can be written back
//! byte for byte with [`Target::exact`].
//!
//! The traits [`Wire`] and [`Message`] are what every generated type implements, and [`TypeInfo`] describes it.

mod checksum;
mod content;
mod context;
mod crc;
mod describe;
mod error;
mod frame;
mod framed;
mod limits;
mod map;
mod origin;
mod parts;
mod reader;
mod sealed;
mod set;
mod slack;
mod slice;
mod text;
mod wire;
mod writer;

#[cfg(all(test, feature = "serde", feature = "arbitrary"))]
mod testing;

pub mod hex;
#[cfg(feature = "arbitrary")]
pub mod laws;
#[cfg(feature = "arbitrary")]
pub mod sample;

#[cfg(feature = "arbitrary")]
pub use arbitrary;
pub use bytes::Bytes;
#[cfg(feature = "serde")]
pub use serde;

pub use checksum::Checksum;
pub use content::Content;
pub use context::{BooleanPolicy, ChecksumPolicy, Context, Target};
pub use crc::{Crc32c, Digest};
pub use describe::{
    AnyValue, Codec, FieldInfo, Kind, MaybeArbitrary, MaybeSerialize, MemberInfo, TypeInfo, Value, VersionInfo,
};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use frame::{FrameBuffer, Measure};
pub use framed::Framed;
pub use limits::Limits;
pub use map::Map;
pub use origin::{Origin, older};
pub use parts::{Opaque, Parts, Sections};
pub use reader::{Reader, Window, part, set};
pub use sealed::Sealed;
pub use set::Set;
pub use slack::Slack;
pub use slice::Slice;
pub use text::Str;
pub use wire::{Message, Wire, from_bytes, to_bytes};
pub use writer::{Mark, SPLICE, Writer, narrow};
