//! What the handle of a messenger refuses.

use crate::session::Misuse;

/// Why a messenger does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It does not know who it is.
    #[error("the messenger has no entity name")]
    NoEntity,
    /// There is nobody to dispatch messages to.
    #[error("the messenger has no dispatcher")]
    NoDispatcher,
    /// It was started before.
    #[error("already started")]
    AlreadyStarted,
    /// It was shut down, and cannot be started again.
    #[error("shut down")]
    Stopped,
    /// Outside of a tokio runtime there is nobody to run its tasks.
    #[error("{0}")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
    /// The system refuses something.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The messenger was not started, or it was shut down.
    #[error("the messenger is not running")]
    NotRunning,
    /// The address is empty, or the policy is to wait for such peers.
    #[error(transparent)]
    Refused(#[from] Misuse),
}
