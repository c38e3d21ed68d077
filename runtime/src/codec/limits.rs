//! What decoding may take.

/// Bounds on what one decode may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The memory that the collections of one decode may take, in bytes. 256 MiB unless changed.
    pub memory: usize,
}

impl Limits {
    /// The bounds unless changed.
    pub const DEFAULT: Limits = Limits { memory: 256 << 20 };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}
