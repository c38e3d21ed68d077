//! Emitters: from the model of a spec to something useful.
//!
//! [`rust::module`] writes the Rust module of one `.wire` file. It is what the `wire!` macro expands to; being an
//! ordinary function it can be printed and tested like any other.

#![forbid(unsafe_code)]

pub mod rust;
pub mod text;
