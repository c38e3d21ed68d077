//! A network in one thread and in virtual time, and the means to play a peer byte by byte.

mod auth;
mod delivery;
mod lab;
mod ledger;
mod link;
mod node;
mod script;
mod world;

pub(crate) use auth::*;
pub(crate) use lab::*;
pub(crate) use ledger::*;
pub(crate) use link::*;
pub(crate) use node::*;
pub(crate) use script::*;
pub(crate) use world::*;
