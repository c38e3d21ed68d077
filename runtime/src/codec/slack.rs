//! Padding.

use super::{EncodeError, EncodeErrorKind, Writer, hex};

/// Bytes without a meaning, which should be zero. They are kept if they are not.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slack(Option<Box<[u8]>>);

impl Slack {
    /// The slack that was read.
    #[inline]
    pub fn read(bytes: &[u8]) -> Slack {
        if bytes.iter().fold(0, |all, b| all | b) == 0 { Slack(None) } else { Slack(Some(bytes.into())) }
    }

    /// Whether all bytes are zero.
    pub fn is_zero(&self) -> bool {
        self.0.is_none()
    }

    /// The bytes if they are not all zero.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }

    /// Writes `n` bytes of slack.
    #[inline]
    pub fn write(&self, w: &mut Writer, n: usize) -> Result<(), EncodeError> {
        match self.bytes() {
            None => w.zeros(n),
            Some(bytes) if bytes.len() == n => w.put(bytes),
            Some(bytes) => {
                return Err(EncodeError::new(EncodeErrorKind::WrongSize { expected: n, found: bytes.len() }));
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.bytes() {
            None => f.write_str("Slack(zero)"),
            Some(bytes) => write!(f, "Slack({})", hex::encode(bytes)),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Slack {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.bytes().map(hex::encode).serialize(s)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Slack {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(d)? {
            None => Ok(Slack::default()),
            Some(digits) => Ok(Slack::read(&hex::decode(&digits).map_err(serde::de::Error::custom)?)),
        }
    }
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Slack {
    fn arbitrary(_: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Slack::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Target;

    fn written(slack: &Slack, n: usize) -> Result<Vec<u8>, EncodeError> {
        let mut w = Writer::new(Target::default());
        slack.write(&mut w, n)?;
        Ok(w.finish().to_vec())
    }

    #[test]
    fn zeros_are_not_kept() {
        let slack = Slack::read(&[0; 9]);
        assert!(slack.is_zero());
        assert_eq!(slack, Slack::default());
        assert_eq!(written(&slack, 3).unwrap(), [0; 3]);
    }

    #[test]
    fn other_bytes_are_kept() {
        let slack = Slack::read(&[0, 0, 7]);
        assert_eq!(slack.bytes(), Some(&[0, 0, 7][..]));
        assert_eq!(written(&slack, 3).unwrap(), [0, 0, 7]);
        let e = written(&slack, 4).unwrap_err();
        assert_eq!(e.kind(), &EncodeErrorKind::WrongSize { expected: 4, found: 3 });
        assert_eq!(format!("{slack:?}"), "Slack(000007)");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_both_ways() {
        for (slack, json) in [(Slack::default(), "null"), (Slack::read(&[1, 0]), r#""0100""#)] {
            assert_eq!(serde_json::to_string(&slack).unwrap(), json);
            assert_eq!(serde_json::from_str::<Slack>(json).unwrap(), slack);
        }
    }
}
