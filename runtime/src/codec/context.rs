//! What reading and writing depend on besides the bytes.

use super::Limits;

/// What reading depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The features both sides of the connection have.
    pub features: u64,
    /// What one decode may take.
    pub limits: Limits,
    /// What to do about checksums.
    pub checksums: ChecksumPolicy,
    /// Which bytes are booleans.
    pub booleans: BooleanPolicy,
}

impl Context {
    /// A context with these features, default limits, and checksums verified.
    pub const fn new(features: u64) -> Self {
        Context {
            features,
            limits: Limits::DEFAULT,
            checksums: ChecksumPolicy::Verify,
            booleans: BooleanPolicy::ZeroOrOne,
        }
    }
}

/// What to do about checksums while reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumPolicy {
    /// A checksum that does not match is an error.
    #[default]
    Verify,
    /// A checksum that does not match is kept in the decoded [`Checksum`](super::Checksum), and reading goes on.
    Report,
    /// Checksums are not looked at.
    Skip,
}

/// Which bytes are booleans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BooleanPolicy {
    /// 0 and 1. Others are an error, as they could not be written again as they were.
    #[default]
    ZeroOrOne,
    /// All, and those that are not 0 are true: as Firefly reads them (EN-10).
    Any,
}

/// What writing depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The features the reader has.
    pub features: u64,
    /// Whether to echo what was read beyond the fields: version numbers and what came after the known fields, as the
    /// [`Origin`](super::Origin) of a value remembers them. Otherwise the version that suits the features is written.
    pub exact: bool,
}

impl Target {
    /// Write what suits a reader with these features.
    pub fn fresh(features: u64) -> Self {
        Target { features, exact: false }
    }

    /// Write back exactly what was read.
    pub fn exact(features: u64) -> Self {
        Target { features, exact: true }
    }

    /// Whether the reader has all features of the mask.
    #[inline]
    pub fn has(self, mask: u64) -> bool {
        self.features & mask == mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_takes_all_bits_of_the_mask() {
        let t = Target::fresh(0b0110);
        assert!(t.has(0b0110) && t.has(0b0010) && t.has(0));
        assert!(!t.has(0b1010));
        assert!(!t.exact && Target::exact(1).exact);
        assert_eq!(Target::exact(1).features, 1);
    }

    #[test]
    fn checksums_are_verified_unless_asked_otherwise() {
        let ctx = Context::new(5);
        assert_eq!((ctx.features, ctx.checksums), (5, ChecksumPolicy::Verify));
        assert_eq!(ctx.limits.memory, 256 << 20);
    }
}
