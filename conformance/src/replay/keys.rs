//! The keys of a cluster: those of its keyring, and those that are found with them.

use std::collections::HashMap;

use bytes::Bytes;
use firefly_runtime::auth::{Key, Keyring, UnsealError};
use firefly_runtime::codec::{Sealed, Str, Wire};
use firefly_runtime::wire::address::AuthEntityName;
use firefly_runtime::wire::auth::{CephXTicketBlob, SECRET_ID_OWN_KEY};
use firefly_runtime::wire::cephx::CephXServiceTicketInfo;

use super::finding::{Severity, Text, rule};
use super::log::Spot;

/// All keys known so far.
pub(super) struct Keys<'a> {
    keyring: &'a Keyring,
    /// With which tickets are sealed, by service and number.
    rotating: HashMap<(u32, u64), Key>,
    /// Of tickets, by what only the service can open.
    sessions: HashMap<Bytes, Key>,
}

/// A key that was found.
pub(super) enum Found {
    Rotating { service: u32, id: u64, key: Key },
    Session { ticket: Bytes, key: Key },
}

/// What reading the evidence of a connection yields.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) found: Vec<Found>,
    pub(super) faults: Vec<(Severity, &'static str, Spot, Text)>,
    pub(super) tickets: Tally,
    pub(super) rotating: Tally,
    pub(super) authorizers: Tally,
}

/// How many of something there are, and how many of them were opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) present: u64,
    pub(super) opened: u64,
}

impl Tally {
    pub(super) fn count(&mut self, opened: bool) {
        self.present += 1;
        self.opened += u64::from(opened);
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.present += other.present;
        self.opened += other.opened;
    }
}

impl Heard {
    pub(super) fn fault(&mut self, severity: Severity, rule: &'static str, spot: Spot, text: impl Into<Text>) {
        self.faults.push((severity, rule, spot, text.into()));
    }

    /// Opens what is sealed, seals it again and compares. Nothing if it was sealed with another key.
    pub(super) fn open<T: Wire>(&mut self, sealed: &Sealed<T>, key: &Key, spot: Spot) -> Option<T> {
        match key.unseal(sealed) {
            Ok(value) => {
                if key.seal(&value).ok().as_ref() != Some(sealed) {
                    let text = Text::new("what is sealed is not what is written again", T::NAME);
                    self.fault(Severity::Error, rule::EXACT, spot, text);
                }
                Some(value)
            }
            Err(UnsealError::Malformed(error)) => {
                let text = Text::new(format!("what is sealed cannot be read ({})", T::NAME), error.to_string());
                self.fault(Severity::Error, "AU-24", spot, text);
                None
            }
            Err(_) => None,
        }
    }

    /// The same with the first key that fits.
    pub(super) fn open_with_any<'k, T: Wire>(
        &mut self,
        sealed: &Sealed<T>,
        keys: impl IntoIterator<Item = &'k Key>,
        spot: Spot,
    ) -> Option<T> {
        keys.into_iter().find_map(|key| self.open(sealed, key, spot))
    }

    /// A key that was sent.
    pub(super) fn key(&mut self, wire: &firefly_runtime::wire::auth::CryptoKey, spot: Spot) -> Option<Key> {
        let key = Key::try_from(wire);
        if let Err(error) = &key {
            self.fault(Severity::Error, "AU-24", spot, Text::new("a key that cannot be used", error.to_string()));
        }
        key.ok()
    }
}

impl<'a> Keys<'a> {
    pub(super) fn new(keyring: &'a Keyring) -> Self {
        Keys { keyring, rotating: HashMap::new(), sessions: HashMap::new() }
    }

    /// Adds what was found. Whether any of it is new.
    pub(super) fn add(&mut self, found: impl IntoIterator<Item = Found>) -> bool {
        let before = self.rotating.len() + self.sessions.len();
        for found in found {
            match found {
                Found::Rotating { service, id, key } => _ = self.rotating.entry((service, id)).or_insert(key),
                Found::Session { ticket, key } => _ = self.sessions.entry(ticket).or_insert(key),
            }
        }
        self.rotating.len() + self.sessions.len() > before
    }

    /// The keys that may be an owner's: its own, or any if it is not known who it is.
    pub(super) fn of(&self, owner: Option<&AuthEntityName>) -> Vec<(&'a AuthEntityName, &'a Key)> {
        self.keyring.iter().filter(|(known, _)| owner.is_none_or(|owner| owner == *known)).collect()
    }

    /// The session key of a ticket, as its owner knows it.
    pub(super) fn session(&self, ticket: &CephXTicketBlob) -> Option<&Key> {
        self.sessions.get(&ticket.blob)
    }

    /// The key with which a ticket for a service is sealed.
    pub(super) fn secret(&self, service: u32, ticket: &CephXTicketBlob) -> Option<&Key> {
        if ticket.secret_id == SECRET_ID_OWN_KEY {
            self.keyring.get(&AuthEntityName { r#type: service, id: Str::default() })
        } else {
            self.rotating.get(&(service, ticket.secret_id))
        }
    }
}

/// What is sealed in a ticket.
pub(super) fn sealed_in(ticket: &CephXTicketBlob) -> Sealed<CephXServiceTicketInfo> {
    Sealed::new(ticket.blob.clone())
}
