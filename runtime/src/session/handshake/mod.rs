//! The handshake: what a side does at each step.

mod client;
mod server;
