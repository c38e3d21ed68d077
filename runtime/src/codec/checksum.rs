//! Checksum fields.

/// A checksum of other bytes of the value.
///
/// Normally it is computed when written. It is kept only if what was read did not match, or was exempt from checking
/// and not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Checksum(Option<u32>);

impl Checksum {
    /// Computed when written.
    pub const COMPUTED: Checksum = Checksum(None);

    /// Written as it is.
    pub fn read(found: u32) -> Self {
        Checksum(Some(found))
    }

    /// What was read where no checksum is needed: usually 0.
    pub fn exempt(found: u32) -> Self {
        if found == 0 { Checksum::COMPUTED } else { Checksum::read(found) }
    }

    /// The checksum to write as it is, if it is not to be computed.
    pub fn stored(&self) -> Option<u32> {
        self.0
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Checksum {
    fn arbitrary(_: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Checksum::COMPUTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_only_what_cannot_be_computed() {
        assert_eq!(Checksum::COMPUTED.stored(), None);
        assert_eq!(Checksum::default(), Checksum::COMPUTED);
        assert_eq!(Checksum::read(0).stored(), Some(0));
        assert_eq!(Checksum::exempt(0), Checksum::COMPUTED);
        assert_eq!(Checksum::exempt(3).stored(), Some(3));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_as_a_number_or_null() {
        for (checksum, json) in [(Checksum::COMPUTED, "null"), (Checksum::read(9), "9")] {
            assert_eq!(serde_json::to_string(&checksum).unwrap(), json);
            assert_eq!(serde_json::from_str::<Checksum>(json).unwrap(), checksum);
        }
    }
}
