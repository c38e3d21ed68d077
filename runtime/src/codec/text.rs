//! Strings.

use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;

/// A string as it is on the wire: any bytes, usually UTF-8.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(Bytes);

impl Str {
    /// A string that needs no memory of its own.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Str(Bytes::from_static(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, if it is UTF-8.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

impl Deref for Str {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Str(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Str(Bytes::from(text))
    }
}

impl From<Bytes> for Str {
    fn from(bytes: Bytes) -> Self {
        Str(bytes)
    }
}

impl From<Str> for Bytes {
    fn from(text: Str) -> Self {
        text.0
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for chunk in self.0.utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        f.write_str("\"")
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Repr<T> {
    Text(T),
    Bytes { hex: String },
}

#[cfg(feature = "serde")]
impl serde::Serialize for Str {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.to_str() {
            Ok(text) => Repr::Text(text),
            Err(_) => Repr::Bytes { hex: super::hex::encode(self) },
        }
        .serialize(s)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Str {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Repr::<String>::deserialize(d)? {
            Repr::Text(text) => Ok(Str::from(text)),
            Repr::Bytes { hex } => {
                let bytes = super::hex::decode(&hex).map_err(serde::de::Error::custom)?;
                Ok(Str(Bytes::from(bytes)))
            }
        }
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Str {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut bytes = super::sample::bytes(u)?.to_vec();
        if u.ratio(7, 8)? {
            bytes.iter_mut().for_each(|b| *b = b' ' + *b % 95);
        }
        Ok(Str(Bytes::from(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: Str = Str::from_static(b"a\"\n\xff");

    #[test]
    fn is_bytes_that_are_usually_text() {
        let text = Str::from("h\u{e9}");
        assert_eq!((text.len(), text.is_empty()), (3, false));
        assert_eq!(text.to_str(), Ok("h\u{e9}"));
        assert_eq!(text, "h\u{e9}");
        assert_eq!(text, *"h\u{e9}");
        assert_eq!(text, Str::from("h\u{e9}".to_string()));
        assert_eq!(Bytes::from(text.clone()), text.as_bytes());
        assert!(ODD.to_str().is_err() && Str::default().is_empty());
        assert!(Str::from_static(b"a") < Str::from_static(b"b"));
    }

    #[test]
    fn shows_what_is_there() {
        assert_eq!(format!("{ODD:?}"), r#""a\"\n\xff""#);
        assert_eq!(ODD.to_string(), "a\"\n\u{fffd}");
        assert_eq!(format!("[{:>3}]", Str::from("x")), "[  x]");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_both_ways() {
        for (text, json) in [(Str::from("x\"y"), r#""x\"y""#), (ODD, r#"{"hex":"61220aff"}"#)] {
            assert_eq!(serde_json::to_string(&text).unwrap(), json);
            assert_eq!(serde_json::from_str::<Str>(json).unwrap(), text);
        }
        assert!(serde_json::from_str::<Str>(r#"{"hex":"6"}"#).is_err());
    }
}
