//! Proving who one is, and judging the proofs of others.
//!
//! The layers, from the bottom up: [`Key`] encrypts and decrypts whole values; [`Keyring`] is the file in which keys are
//! kept; [`challenge_proof`] shows that one has a key; [`Signer`] signs messages. With CEPHX, [`CephxClient`] gets tickets
//! from a monitor, of which [`CephxMonitor`] is the other side, and [`CephxService`] judges them. An [`Authenticator`] is
//! what a handshake asks: [`NoneAuth`] believes everybody, and [`Auth`] puts together all that a process needs; [`Rules`]
//! tell what is demanded of whom. Nothing in here does input or output, reads a clock, or draws random numbers: both come
//! in by [`Moment`].
//!
//! Secrets are overwritten when they are dropped, are not shown by `Debug`, and are compared in constant time. What is
//! decrypted lies in memory that is overwritten as well, once the last part of the value that was read from it is gone.
//! Keys that are made come from a key that is there ([`Key::derive`]), because random numbers of
//! [`Random`](crate::random::Random) are no secrets: who has seen one knows the next. Only its seed should come from the
//! operating system, so that no two processes say the same.

mod authenticator;
mod cephx;
mod crypto;
mod keyring;
mod none;
mod process;
mod proof;
mod rules;
mod signature;

pub use authenticator::{AuthError, Authenticator, Authorizer, Moment, Request, Verdict};
pub use cephx::{CephxClient, CephxMonitor, CephxService, MonAnswer, MonSession, Proven, ServiceSecrets, Step};
pub use crypto::{Key, KeyError, UnsealError};
pub use keyring::{Keyring, KeyringError};
pub use none::NoneAuth;
pub use process::{Auth, Shows, Signing};
pub use proof::challenge_proof;
pub use rules::{Demand, Rules};
pub use signature::{Covered, SignatureForm, Signer};
