//! Walks bytes by a spec's [`Model`]: every field with its place, its raw bytes and what they mean.
//!
//! ```text
//!  Model ─┐
//!         ├─► walk: structure, history, choice, collection, derived ─► tree ─► render, JSON
//!  Input ─┘         what a path means: scope; where reading stands: cursor
//! ```
//!
//! This follows the language's description and shares nothing with the generated codecs, so that the two can be held against each other.
//! Where a codec would be content with an error, everything before the error is kept here. No byte is left out: what no declaration describes
//! appears as a node of the role [`Role::Rest`].
//!
//! Nothing here panics, whatever the bytes and whatever the model. Counts are checked against the bytes that are present, nesting is bounded by
//! [`MAX_DEPTH`] and the tree by [`MAX_NODES`].

mod choice;
mod collection;
mod cursor;
mod derived;
mod history;
mod message;
mod problem;
mod render;
mod scope;
mod structure;
mod tree;
mod types;
mod walk;

use firefly_spec::model::{ItemKind, Model, Section};

pub use problem::{Cause, Problem};
pub use render::render;
pub use tree::{Dissection, Node, Note, Role, Value};

use walk::{Stop, Walker};

/// How deeply types may nest.
pub const MAX_DEPTH: usize = 64;

/// How many nodes a tree may have.
pub const MAX_NODES: usize = 1 << 20;

/// What is dissected.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// One buffer: a struct, union or frame.
    Bytes(&'a [u8]),
    /// A message, or a struct whose fields lie in several parts of one.
    Message(Parts<'a>),
}

/// A message without its frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'a> {
    /// The version, from the header.
    pub version: u16,
    /// The oldest version whose reader understands it, from the header.
    pub compat: u16,
    /// The encoded body.
    pub front: &'a [u8],
    /// The small second part.
    pub middle: &'a [u8],
    /// Bulk bytes.
    pub data: &'a [u8],
}

impl<'a> Input<'a> {
    /// Front, middle and data, whatever versions say.
    pub(crate) fn parts(&self) -> Parts<'a> {
        match *self {
            Input::Bytes(front) => Parts { front, ..Parts::default() },
            Input::Message(parts) => parts,
        }
    }
}

/// Dissects the input as the type of that name, between peers with these features.
///
/// The name is the spec's own or the one of the original implementation (`MonMap`, `pg_t`).
pub fn dissect<'a>(model: &Model, type_name: &str, input: &Input<'a>, features: u64) -> Dissection<'a> {
    let item = model.item(type_name).or_else(|| {
        let mut items = model.modules.iter().flat_map(|module| &module.items);
        items.find(|item| item.cxx.as_deref() == Some(type_name))
    });
    let name = item.map_or(type_name, |item| item.name.as_str());
    let mut walker = Walker::new(model, input, features);
    let outcome =
        walker.open(name.to_owned(), name.to_owned(), Role::Root).and_then(|()| match item.map(|i| &i.kind) {
            None => Err(walker.stop(Cause::UnknownType)),
            Some(ItemKind::Message(message)) => match input {
                Input::Message(parts) => walker.message(message, parts),
                Input::Bytes(_) => Err(walker.stop(Cause::HeaderMissing)),
            },
            Some(ItemKind::Struct(_) | ItemKind::Union(_)) => walker.named(name),
            Some(_) => walker.node("value", name, Role::Field, |walker| walker.named(name)),
        });
    finish(walker, outcome)
}

/// Accounts for the bytes that are left and takes the tree out.
fn finish<'a>(mut walker: Walker<'_, 'a>, outcome: Result<(), Stop>) -> Dissection<'a> {
    let name = if outcome.is_err() { "unread" } else { "trailing" };
    for section in [Section::Front, Section::Middle, Section::Data] {
        walker.within_section(section, |walker| walker.remainder(name));
    }
    walker.into_dissection(outcome.err().map(|stop| *stop))
}

#[cfg(test)]
mod tests;
