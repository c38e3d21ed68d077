//! The protocol CEPHX: monitors give tickets, and who has a ticket shows it to a service.
//!
//! [`CephxClient`] gets tickets from a monitor; [`CephxService`] judges them; [`CephxMonitor`] gives them out.

mod authorizer;
mod client;
mod key_server;
mod monitor;
mod secrets;
mod service;
mod tickets;
mod wall;

#[cfg(test)]
mod tests;

pub use client::{CephxClient, Step};
pub use monitor::{CephxMonitor, MonAnswer, MonSession};
pub use secrets::ServiceSecrets;
pub use service::{CephxService, Proven};

pub(super) use authorizer::{answer, of_monitor, verify_reply};

use super::{AuthError, KeyError, UnsealError};
use crate::codec::{DecodeError, EncodeError, Str};
use crate::wire::address::{AuthEntityName, EntityType};

/// The owner of a service's long-term key: `mon.`.
fn service_name(service: EntityType) -> AuthEntityName {
    AuthEntityName { r#type: service.0.into(), id: Str::default() }
}

impl From<UnsealError> for AuthError {
    fn from(error: UnsealError) -> AuthError {
        match error {
            UnsealError::WrongKey => AuthError::WrongKey,
            UnsealError::Malformed(error) => error.into(),
        }
    }
}

impl From<DecodeError> for AuthError {
    fn from(error: DecodeError) -> AuthError {
        AuthError::Malformed(error.to_string())
    }
}

impl From<KeyError> for AuthError {
    fn from(error: KeyError) -> AuthError {
        AuthError::Malformed(error.to_string())
    }
}

impl From<EncodeError> for AuthError {
    fn from(error: EncodeError) -> AuthError {
        AuthError::Malformed(error.to_string())
    }
}
