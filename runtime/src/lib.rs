//! Codec support, and the wire types of Ceph Firefly's messenger protocol.
//!
//! From the bottom up:
//!
//! * [`codec`] is what generated codecs are built on: readers and writers, checksums, and the value types that keep what
//!   was on the wire exactly. It is all there is without features; the macro [`wire!`] makes codecs of a spec.
//! * [`wire`](mod@wire) holds what that macro makes of Firefly's protocol (feature `ceph`).
//! * `auth` proves identities: the protocols NONE and CEPHX, keys, signatures (feature `auth`).
//! * `session` is the protocol engine, a state machine without input or output (feature `session`).
//! * `messenger` runs it on tokio (feature `messenger`, which is on by default).

#![forbid(unsafe_code)]

extern crate self as firefly_runtime;

#[cfg(feature = "auth")]
pub mod auth;
pub mod codec;
#[cfg(feature = "messenger")]
pub mod messenger;
#[cfg(feature = "auth")]
pub mod random;
#[cfg(feature = "session")]
pub mod session;

#[cfg(feature = "ceph")]
pub mod wire;

pub use firefly_codegen_macro::wire;
