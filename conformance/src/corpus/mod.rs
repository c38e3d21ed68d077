//! Encoded objects, as Ceph's own tools leave them behind: read each, write it again, compare.
//!
//! A corpus is a file of JSON lines or a folder laid out as ceph-object-corpus; see [`read`]. Types go by the names they
//! have in Ceph's source.

mod object;
mod report;
mod source;
mod types;

pub use object::{Failure, Outcome, Value, check, decode};
pub use report::{Corpus, Fault, Tally};
pub use source::{CorpusError, Object, read};
pub use types::{find, find_cxx, similar, types};
