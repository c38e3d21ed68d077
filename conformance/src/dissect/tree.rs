//! The result: a tree of what was read.

use std::fmt::Write as _;

use firefly_spec::model::{Form, Section};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Parts, Problem};

/// What bytes turned out to be.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Dissection<'a> {
    /// How many bytes each part had: front, middle, data. Only `front` counts outside messages.
    pub lengths: [usize; 3],
    /// The type asked for.
    pub root: Node<'a>,
    /// Why it ends early.
    pub problem: Option<Problem>,
}

/// Some bytes and what they are.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Node<'a> {
    /// The field's name; of an element its index in brackets.
    pub name: String,
    /// The type as the language writes it.
    pub ty: String,
    /// Why these bytes stand here.
    pub role: Role,
    /// The part of the message; always `Front` outside messages.
    pub section: Section,
    /// Where they begin in that part.
    pub offset: usize,
    /// The bytes, those of all children in the same part included.
    pub raw: &'a [u8],
    /// What they mean.
    pub value: Value<'a>,
    /// What else is to be said.
    pub note: Option<Note>,
    /// What it is made of, in wire order. Children may lie in another part of the message.
    pub children: Vec<Node<'a>>,
}

/// Why bytes stand where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The type asked for.
    Root,
    /// A declared field, or an arm's value.
    Field,
    /// An element of a collection, its key or its value.
    Element,
    /// Version, compat and length in front of a struct.
    Header,
    /// A count, length, flag or tag in front of a value.
    Prefix,
    /// A part of a message without a described layout.
    Opaque,
    /// Bytes that no declaration describes: a newer writer's tail, slack, what was not read.
    Rest,
}

/// The meaning of bytes.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value<'a> {
    /// None of its own.
    #[default]
    Nothing,
    /// An integer or a boolean, and its name in an enum.
    Number {
        /// The number.
        number: i128,
        /// Its name.
        name: Option<String>,
    },
    /// A flag set.
    Flags {
        /// The bits.
        bits: u64,
        /// The flags that are set; bits without a name in hexadecimal.
        names: Vec<String>,
    },
    /// A checksum as it came.
    Checksum(u64),
    /// A floating point number.
    Float(f64),
    /// A string, without its length.
    Text(&'a str),
    /// Bytes, without their length; also strings that are not UTF-8.
    #[serde(serialize_with = "as_hex")]
    Bytes(&'a [u8]),
    /// So many elements.
    Elements(u64),
    /// The arm of a union that was chosen.
    Arm(String),
    /// Whether an option holds something.
    Present(bool),
}

/// What is to be said about bytes beyond their meaning.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A struct or message that carries its version.
    Version {
        /// The version.
        version: u32,
        /// The oldest version whose reader understands it.
        compat: Option<u32>,
        /// How it is written.
        form: Form,
    },
    /// A derived field that agrees with what it is derived from.
    Matches,
    /// A derived field that should be something else.
    Differs(i128),
    /// A checksum that was not computed by the writer.
    Exempt,
    /// A checksum that cannot be checked.
    Unchecked,
}

impl<'a> Node<'a> {
    /// Where the bytes end.
    pub fn end(&self) -> usize {
        self.offset.saturating_add(self.raw.len())
    }

    /// The number it stands for, if any.
    pub fn number(&self) -> Option<i128> {
        match self.value {
            Value::Number { number, .. } => Some(number),
            Value::Flags { bits, .. } | Value::Checksum(bits) => Some(bits.into()),
            _ => None,
        }
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Node<'a>> {
        self.children.iter().find(|child| child.role == Role::Field && child.name == name)
    }

    /// All nodes from here on, in wire order.
    pub fn walk(&self) -> impl Iterator<Item = &Node<'a>> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let node = left.pop()?;
            left.extend(node.children.iter().rev());
            Some(node)
        })
    }
}

impl Dissection<'_> {
    /// The bytes that no leaf accounts for, and those that two do: part and offset. Empty unless there is a bug here.
    pub fn gaps(&self) -> Vec<(Section, usize)> {
        let mut gaps = Vec::new();
        for (section, length) in [Section::Front, Section::Middle, Section::Data].into_iter().zip(self.lengths) {
            let leaves = self.root.walk().filter(|node| node.children.is_empty() && node.section == section);
            let mut spans: Vec<_> = leaves.map(|leaf| (leaf.offset, leaf.end())).filter(|(at, end)| at < end).collect();
            spans.sort_unstable();
            spans.push((length, length));
            let mut covered = 0;
            for (at, end) in spans {
                if at != covered {
                    gaps.push((section, at.min(covered)));
                }
                covered = end;
            }
        }
        gaps
    }
}

impl Parts<'_> {
    pub(super) fn lengths(&self) -> [usize; 3] {
        [self.front.len(), self.middle.len(), self.data.len()]
    }
}

impl Serialize for Node<'_> {
    /// Without what is empty; raw bytes only where there are no children that have them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("type", &self.ty)?;
        map.serialize_entry("role", &self.role)?;
        map.serialize_entry("section", &self.section)?;
        map.serialize_entry("offset", &self.offset)?;
        map.serialize_entry("length", &self.raw.len())?;
        if self.children.is_empty() {
            map.serialize_entry("raw", &hex(self.raw))?;
        }
        if self.value != Value::Nothing {
            map.serialize_entry("value", &self.value)?;
        }
        if let Some(note) = &self.note {
            map.serialize_entry("note", note)?;
        }
        if !self.children.is_empty() {
            map.serialize_entry("children", &self.children)?;
        }
        map.end()
    }
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

/// Two digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
