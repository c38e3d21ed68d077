//! The orders in which messages are sent and dispatched.
mod dispatch;
mod out;

pub(super) use dispatch::DispatchQueue;
pub(super) use out::OutQueue;
