//! Values with a length in front.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;

/// A value in a frame of its own length.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Framed<T> {
    /// The value.
    pub value: T,
    /// What the frame holds after the value.
    #[cfg_attr(feature = "serde", serde(with = "super::hex", default, skip_serializing_if = "Bytes::is_empty"))]
    pub tail: Bytes,
}

impl<T> Framed<T> {
    /// The value in a frame that holds nothing else.
    pub const fn new(value: T) -> Self {
        Framed { value, tail: Bytes::new() }
    }
}

impl<T> From<T> for Framed<T> {
    fn from(value: T) -> Self {
        Framed::new(value)
    }
}

impl<T> Deref for Framed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Framed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

#[cfg(feature = "arbitrary")]
impl<'a, T: arbitrary::Arbitrary<'a>> arbitrary::Arbitrary<'a> for Framed<T> {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        T::arbitrary(u).map(Framed::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_used_like_its_value() {
        let mut framed = Framed::from(vec![1, 2]);
        framed.push(3);
        assert_eq!(framed.len(), 3);
        assert_eq!(framed, Framed::new(vec![1, 2, 3]));
        assert_eq!(framed, Framed { value: vec![1, 2, 3], tail: Bytes::new() });
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_both_ways() {
        let framed = Framed { value: 5, tail: Bytes::from_static(&[9]) };
        assert_eq!(serde_json::to_string(&framed).unwrap(), r#"{"value":5,"tail":"09"}"#);
        assert_eq!(serde_json::from_str::<Framed<u8>>(r#"{"value":5,"tail":"09"}"#).unwrap(), framed);
        assert_eq!(serde_json::from_str::<Framed<u8>>(r#"{"value":5}"#).unwrap(), Framed::from(5));
    }
}
