//! Decoded objects held against what Ceph's own tools say is in them.
//!
//! ```text
//!  corpus ─┬─► codec ─► JSON ──────┐
//!          └─► dump ──► tree ──────┴─► compare, by rules.txt
//! ```
//!
//! Most names in dumps are those of the specification, and values are told apart by their shape. `rules.txt` says the rest.

pub(crate) mod compare;
pub(crate) mod dump;
mod find;
mod forms;
pub(crate) mod rules;
