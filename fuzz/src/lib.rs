//! The bodies of the fuzz targets, as ordinary functions: a panic is a finding.

#![forbid(unsafe_code)]

mod frame_stream;

pub use frame_stream::{frame_stream, seed};
