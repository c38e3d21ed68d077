//! Where something stands in a spec.

use serde::{Deserialize, Serialize};

/// A half-open range of positions in one source of tokens.
///
/// For text the positions are byte offsets. For a token stream of the Rust compiler they are indexes into the
/// table of compiler spans which the caller keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// Which source: an index into the list of loaded files.
    pub file: u32,
    /// First position.
    pub start: u32,
    /// One past the last position.
    pub end: u32,
}

impl Span {
    /// The smallest range that holds both.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}
