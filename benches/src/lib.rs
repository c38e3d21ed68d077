//! Firefly's generated codecs beside hand-written ones and other libraries, on the same bytes.
//!
//! One module per kind of input, each with its samples and all of its codecs; [`peer`] times them. Before a codec is
//! timed, it has to write every sample byte for byte as it read it.
//!
//! Reading goes from sample to sample, each of which says which one is next, so that one decode cannot begin before
//! the last one has come to that field. Values that were read are dropped inside the measured time.

pub mod crc;
pub mod entity_addr;
pub mod header;
pub mod map;
pub mod mosdop;
#[cfg(feature = "ours")]
pub mod ours;
pub mod peer;
pub mod samples;
