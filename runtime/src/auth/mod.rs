//! Keys, and what is sealed and signed with them.
//!
//! The layers, from the bottom up: [`Key`] encrypts and decrypts whole values; [`Keyring`] is the file in which keys are
//! kept; [`challenge_proof`] shows that one has a key; [`Signer`] signs messages. Nothing in here does input or output,
//! reads a clock, or draws random numbers.
//!
//! Secrets are overwritten when they are dropped, are not shown by `Debug`, and are compared in constant time. What is
//! decrypted lies in memory that is overwritten as well, once the last part of the value that was read from it is gone.

mod crypto;
mod keyring;
mod proof;
mod signature;

pub use crypto::{Key, KeyError, UnsealError};
pub use keyring::{Keyring, KeyringError};
pub use proof::challenge_proof;
pub use signature::{Covered, SignatureForm, Signer};
