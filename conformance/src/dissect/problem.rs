//! Why a dissection ended early.

use std::fmt;

use firefly_spec::model::Section;
use serde::{Serialize, Serializer};

/// What was wrong, and where. Everything before it is in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {cause}", self.place())]
pub struct Problem {
    /// The part of the message.
    pub section: Section,
    /// Where in that part.
    pub offset: usize,
    /// The field, seen from the type that was asked for: `ops[2].op.args`.
    pub path: String,
    /// What was wrong.
    #[serde(rename = "message", serialize_with = "as_text")]
    pub cause: Cause,
}

impl Problem {
    fn place(&self) -> String {
        let section = match self.section {
            Section::Front => "",
            Section::Middle => "middle ",
            Section::Data => "data ",
        };
        format!("{section}{:#06x} {}", self.offset, self.path).trim_end().to_owned()
    }
}

/// What can be wrong with bytes, and some things that can be wrong with a model made by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The bytes end too early.
    #[error("needs {wanted} bytes, {present} are left")]
    Truncated {
        /// How many bytes were to be read.
        wanted: u64,
        /// How many there were.
        present: u64,
    },
    /// More elements than the bytes that are left can hold.
    #[error("{count} elements of {least} or more bytes do not fit into the {present} that are left")]
    TooMany {
        /// How many elements were announced.
        count: u64,
        /// How many bytes each takes at least.
        least: u64,
        /// How many bytes there were.
        present: u64,
    },
    /// A length or count above the `max` of its field.
    #[error("{found} is above the limit of {max}")]
    AboveMax {
        /// The length or count.
        found: u64,
        /// The limit.
        max: u64,
    },
    /// A length or count below 0.
    #[error("{0} is no length")]
    Negative(i128),
    /// Only newer readers understand it.
    #[error("needs a reader of version {compat}, the spec describes up to {newest}")]
    Incompatible {
        /// The version that a reader must know.
        compat: u32,
        /// The newest version of the spec.
        newest: u32,
    },
    /// No row of the version table has this version.
    #[error("there is no version {0}")]
    UnknownVersion(u32),
    /// Not the value that always stands here.
    #[error("is {found}, must be {wanted}")]
    WrongConstant {
        /// What stands there.
        found: String,
        /// What should.
        wanted: String,
    },
    /// A derived count or length that does not fit what it measures.
    #[error("says {found}, but it is {actual}")]
    WrongMeasure {
        /// What stands there.
        found: i128,
        /// What should.
        actual: i128,
    },
    /// A boolean or an option's flag that is neither 0 nor 1.
    #[error("{0} is neither 0 nor 1")]
    NotBool(i128),
    /// A number that a closed enum does not have.
    #[error("the closed enum `{0}` has no {1}")]
    NotMember(String, i128),
    /// A number that the enum's or flag set's own integer cannot be.
    #[error("`{0}` cannot be {1}")]
    Unfit(String, i128),
    /// No arm of the union has this number.
    #[error("no arm of `{0}` has {1}")]
    NoArm(String, i128),
    /// Nested too deeply.
    #[error("nested more than {max} deep", max = super::MAX_DEPTH)]
    TooDeep,
    /// Too many fields for one tree.
    #[error("more than {max} fields", max = super::MAX_NODES)]
    TooMuch,
    /// The layout is written by hand, in Rust.
    #[error("the layout of `{0}` is not described in the spec")]
    Extern(String),
    /// The spec has no such type.
    #[error("the spec has no such type")]
    UnknownType,
    /// A message's version stands in its header, which was not given.
    #[error("is a message: its version and parts are needed")]
    HeaderMissing,
    /// A type that lies nowhere on the wire.
    #[error("`{0}` is not a type of the wire")]
    NotWire(String),
    /// A path that leads to nothing that has been read.
    #[error("`{0}` has not been read")]
    Unread(String),
}

fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
