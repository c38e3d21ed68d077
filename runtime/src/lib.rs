//! Codec support, and the wire types of Ceph Firefly's messenger protocol.
//!
//! [`codec`] is what generated codecs are built on: readers and writers, checksums, and the value types that keep what
//! was on the wire exactly. With the feature `ceph`, [`wire`](mod@wire) holds what the macro [`wire!`] makes of
//! Firefly's protocol. With the feature `auth`, `auth` holds the keys of its protocol CEPHX and what is done with them.

#![forbid(unsafe_code)]

extern crate self as firefly_runtime;

#[cfg(feature = "auth")]
pub mod auth;
pub mod codec;

#[cfg(feature = "ceph")]
pub mod wire;

pub use firefly_codegen_macro::wire;
