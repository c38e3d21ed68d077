//! The protocol engine against peers that are played byte by byte, and against itself over a network that fails.

mod at_once;
mod auth;
mod checksums;
mod dispatch;
mod errors;
mod framing;
mod handshake_addresses;
mod handshake_client;
mod handshake_server;
mod keepalive;
mod later_peers;
mod messages;
mod net;
mod policy;
mod reconnect_client;
mod reconnect_server;
mod scenarios;
mod sequence;
mod sweep;
mod throttle;
