//! Encrypted values.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

use bytes::Bytes;

/// An encrypted `T`. What it holds is for those who have the key.
pub struct Sealed<T> {
    /// The bytes as they are on the wire.
    pub ciphertext: Bytes,
    marker: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// The value encrypted as these bytes.
    pub const fn new(ciphertext: Bytes) -> Self {
        Sealed { ciphertext, marker: PhantomData }
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Sealed::new(self.ciphertext.clone())
    }
}

impl<T> Default for Sealed<T> {
    fn default() -> Self {
        Sealed::new(Bytes::new())
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.ciphertext == other.ciphertext
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> Hash for Sealed<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ciphertext.hash(state);
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.ciphertext.len())
    }
}

#[cfg(feature = "serde")]
impl<T> serde::Serialize for Sealed<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        super::hex::serialize(&self.ciphertext, s)
    }
}

#[cfg(feature = "serde")]
impl<'de, T> serde::Deserialize<'de> for Sealed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        super::hex::deserialize(d).map(Sealed::new)
    }
}

#[cfg(feature = "arbitrary")]
impl<'a, T> arbitrary::Arbitrary<'a> for Sealed<T> {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        super::sample::bytes(u).map(Sealed::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has no traits at all.
    struct Bare;

    #[test]
    fn needs_nothing_of_what_it_holds() {
        let sealed = Sealed::<Bare>::new(Bytes::from_static(b"secret"));
        assert_eq!(sealed.clone(), sealed);
        assert_ne!(sealed, Sealed::default());
        assert_eq!(std::collections::HashSet::from([sealed.clone(), sealed]).len(), 1);
    }

    #[test]
    fn shows_only_the_length() {
        let sealed = Sealed::<Bare>::new(Bytes::from_static(b"secret"));
        assert_eq!(format!("{sealed:?}"), "Sealed(6 bytes)");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_both_ways() {
        let sealed = Sealed::<Bare>::new(Bytes::from_static(&[0xde, 0xad]));
        assert_eq!(serde_json::to_string(&sealed).unwrap(), r#""dead""#);
        assert_eq!(serde_json::from_str::<Sealed<Bare>>(r#""dead""#).unwrap(), sealed);
    }
}
