//! The keys of a cluster, as Ceph writes them to a file.

use std::fmt;

use bytes::Bytes;
use firefly_runtime::codec::{Context, from_bytes};
use firefly_runtime::wire::auth::CryptoKey;

/// Keys by the name of their owner, such as `osd.0`.
#[derive(Clone, Default)]
pub struct Keyring {
    keys: Vec<(String, CryptoKey)>,
}

/// What is wrong with a keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// A key outside any `[section]`.
    #[error("line {0}: a key without an owner")]
    NoOwner(usize),
    /// A key that cannot be read.
    #[error("line {0}: not a key in base64")]
    NotAKey(usize),
    /// There is none.
    #[error("no key in it")]
    Empty,
}

impl Keyring {
    /// Reads the text of a keyring: `[owner]` lines, each followed by a line `key = …`. Other lines are passed over.
    ///
    /// # Errors
    /// When a key cannot be read or there is none.
    pub fn parse(text: &str) -> Result<Keyring, KeyringError> {
        let mut keyring = Keyring::default();
        let mut owner = None;
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                owner = Some(name.to_owned());
            } else if let Some(("key", value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                let owner = owner.clone().ok_or(KeyringError::NoOwner(number))?;
                let bytes = base64(value).ok_or(KeyringError::NotAKey(number))?;
                let key = from_bytes(Bytes::from(bytes), &Context::default());
                keyring.keys.push((owner, key.map_err(|_| KeyringError::NotAKey(number))?));
            }
        }
        if keyring.keys.is_empty() { Err(KeyringError::Empty) } else { Ok(keyring) }
    }

    /// Who has a key in it.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(owner, _)| owner.as_str())
    }
}

impl fmt::Debug for Keyring {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.owners()).finish()
    }
}

/// The bytes that base64 text stands for.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut bits, mut count) = (0u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_has_owners() {
        let text = "[mon.]\n\tkey = AQBmTKBUAAAAABAAcQlPbNHqB9DCnpRrPMPhcw==\n\tcaps mon = \"allow *\"\n";
        let keyring = Keyring::parse(text).unwrap();
        assert_eq!(keyring.owners().collect::<Vec<_>>(), ["mon."]);
        assert_eq!(format!("{keyring:?}"), "[\"mon.\"]");
    }

    #[test]
    fn what_is_not_a_keyring_is_refused() {
        assert_eq!(Keyring::parse("").err(), Some(KeyringError::Empty));
        assert_eq!(Keyring::parse("key = AQBm").err(), Some(KeyringError::NoOwner(1)));
        assert_eq!(Keyring::parse("[a]\nkey = AQBm").err(), Some(KeyringError::NotAKey(2)));
        assert_eq!(Keyring::parse("[a]\nkey = ?").err(), Some(KeyringError::NotAKey(2)));
    }
}
