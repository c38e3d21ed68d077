//! The file in which Ceph keeps keys.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::crypto::{Key, KeyError};
use crate::codec::Str;
use crate::wire::address::{AuthEntityName, EntityType};

/// Keys by the name of their owner, such as `osd.0`.
#[derive(Clone, Default)]
pub struct Keyring {
    keys: Vec<(AuthEntityName, Key)>,
}

/// What is wrong with a keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// A key outside any `[section]`.
    #[error("line {0}: a key without an owner")]
    NoOwner(usize),
    /// A key in a section whose name is not `TYPE.ID`.
    #[error("line {0}: the owner of the key is none: a name such as `osd.0` is")]
    NotAnOwner(usize),
    /// A key that is not base64.
    #[error("line {0}: not a key in base64")]
    NotBase64(usize),
    /// Bytes that are no key.
    #[error("line {line}: {error}")]
    NotAKey {
        /// The line.
        line: usize,
        /// What is wrong with the key.
        #[source]
        error: KeyError,
    },
    /// There is none.
    #[error("no key in it")]
    Empty,
}

/// The words for types in the names of owners (`src/common/entity_name.cc`).
const TYPES: [(&str, EntityType); 6] = [
    ("mon", EntityType::MON),
    ("mds", EntityType::MDS),
    ("osd", EntityType::OSD),
    ("client", EntityType::CLIENT),
    ("mgr", EntityType::MGR),
    ("auth", EntityType::AUTH),
];

impl Keyring {
    /// Reads the text of a keyring: `[owner]` lines, each followed by a line `key = …` (`src/auth/KeyRing.cc`). Other
    /// lines are passed over. Of two keys of one owner the last one counts.
    ///
    /// # Errors
    /// When a key cannot be read or there is none.
    pub fn parse(text: &str) -> Result<Keyring, KeyringError> {
        let mut keyring = Keyring::default();
        let mut section = None;
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if let Some(name) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
                section = Some(name);
            } else if let Some(("key", value)) = text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                let owner = section.ok_or(KeyringError::NoOwner(line))?;
                let owner = entity_name(owner).ok_or(KeyringError::NotAnOwner(line))?;
                let bytes = STANDARD.decode(value).map_err(|_| KeyringError::NotBase64(line))?;
                let key = Key::from_wire_bytes(Zeroizing::new(bytes));
                keyring.insert(owner, key.map_err(|error| KeyringError::NotAKey { line, error })?);
            }
        }
        if keyring.keys.is_empty() { Err(KeyringError::Empty) } else { Ok(keyring) }
    }

    /// Adds a key, or replaces that of its owner.
    pub fn insert(&mut self, owner: AuthEntityName, key: Key) {
        self.keys.retain(|(known, _)| *known != owner);
        self.keys.push((owner, key));
    }

    /// The key of an owner.
    pub fn get(&self, owner: &AuthEntityName) -> Option<&Key> {
        self.iter().find_map(|(known, key)| (known == owner).then_some(key))
    }

    /// All owners and their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&AuthEntityName, &Key)> {
        self.keys.iter().map(|(owner, key)| (owner, key))
    }
}

impl fmt::Debug for Keyring {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |r#type: u32| TYPES.iter().find_map(|(word, t)| (u32::from(t.0) == r#type).then_some(*word));
        let name = |owner: &AuthEntityName| format!("{}.{}", word(owner.r#type).unwrap_or("?"), owner.id);
        f.debug_list().entries(self.iter().map(|(owner, _)| name(owner))).finish()
    }
}

/// The name that a text stands for.
fn entity_name(text: &str) -> Option<AuthEntityName> {
    let (word, id) = text.split_once('.')?;
    let r#type = TYPES.iter().find_map(|(known, r#type)| (*known == word).then_some(u32::from(r#type.0)))?;
    Some(AuthEntityName { r#type, id: Str::from(id) })
}

#[cfg(test)]
mod tests {
    use super::super::crypto::tests::key;
    use super::*;

    const A13: &str = "AQAAoMVTAAAAABAAAAECAwQFBgcICQoLDA0ODw==";

    #[test]
    fn keys_are_found_by_their_owner() {
        let text = format!("# ours\n[mon.]\n\tkey = {A13}\n\tcaps mon = \"allow *\"\n[client.a.b]\nkey={A13}\n");
        let keyring = Keyring::parse(&text).unwrap();
        let name = |r#type: EntityType, id: &str| AuthEntityName { r#type: r#type.0.into(), id: id.into() };
        assert_eq!(keyring.get(&name(EntityType::MON, "")), Some(&key()));
        assert_eq!(keyring.get(&name(EntityType::CLIENT, "a.b")), Some(&key()));
        assert_eq!(keyring.get(&name(EntityType::CLIENT, "a")), None);
        assert_eq!(format!("{keyring:?}"), r#"["mon.", "client.a.b"]"#);
    }

    #[test]
    fn the_last_key_of_an_owner_counts() {
        let text = format!("[osd.0]\nkey = AQBmTKBUAAAAABAAcQlPbNHqB9DCnpRrPMPhcw==\n[osd.0]\nkey = {A13}\n");
        let keyring = Keyring::parse(&text).unwrap();
        assert_eq!(keyring.iter().map(|(_, key)| key).collect::<Vec<_>>(), [&key()]);
    }

    #[test]
    fn what_is_not_a_keyring_is_refused() {
        let parse = |text: &str| Keyring::parse(text).err();
        assert_eq!(parse(""), Some(KeyringError::Empty));
        assert_eq!(parse("[osd.0]\ncaps = key"), Some(KeyringError::Empty));
        assert_eq!(parse(&format!("key = {A13}")), Some(KeyringError::NoOwner(1)));
        assert_eq!(parse(&format!("[osd]\nkey = {A13}")), Some(KeyringError::NotAnOwner(2)));
        assert_eq!(parse(&format!("[rgw.a]\nkey = {A13}")), Some(KeyringError::NotAnOwner(2)));
        assert_eq!(parse("[osd.0]\n\nkey = ?"), Some(KeyringError::NotBase64(3)));
        assert!(matches!(parse("[osd.0]\nkey = AQBm"), Some(KeyringError::NotAKey { line: 2, .. })));
    }
}
