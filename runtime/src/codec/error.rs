//! Why bytes cannot be read or a value cannot be written, and where.

use std::fmt;

/// Bytes that are not what they should be.
///
/// One pointer wide, so that the results of reading stay small.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<DecodeInner>);

#[derive(Clone, PartialEq, Eq)]
struct DecodeInner {
    offset: usize,
    kind: DecodeErrorKind,
    path: Path,
}

/// What is wrong with the bytes.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The input ends too early.
    NeedMore {
        /// The number of bytes missing.
        needed: usize,
    },
    /// A number that is always the same is different.
    Unexpected {
        /// The number that should be there.
        expected: u64,
        /// The number that is there.
        found: u64,
    },
    /// Bytes that are always the same are different.
    UnexpectedBytes {
        /// The bytes that should be there.
        expected: &'static [u8],
        /// The bytes that are there.
        found: Vec<u8>,
    },
    /// No arm of a union has this tag.
    UnknownTag {
        /// The tag.
        tag: u64,
    },
    /// A boolean is neither 0 nor 1.
    NotBoolean {
        /// What it is.
        found: u64,
    },
    /// A version that cannot be read.
    UnsupportedVersion {
        /// The version.
        version: u32,
        /// The newest version known.
        newest: u32,
    },
    /// The sender requires that a newer version be understood.
    Incompatible {
        /// The oldest version that has to be understood.
        compat: u32,
        /// The newest version that is.
        understood: u32,
    },
    /// Something takes more bytes than it may.
    TooLong {
        /// The number of bytes.
        length: u64,
        /// The most that are allowed.
        max: u64,
    },
    /// Something has more elements than it may.
    TooMany {
        /// The number of elements.
        count: u64,
        /// The most that are allowed.
        max: u64,
    },
    /// More elements are announced than can lie in the rest of the input.
    CountExceedsInput {
        /// The number of elements.
        count: u64,
        /// The most that fit into the rest of the input.
        at_most: u64,
    },
    /// A checksum does not match.
    Checksum {
        /// The checksum computed.
        expected: u32,
        /// The checksum found.
        found: u32,
    },
    /// Collections would take more memory than allowed.
    Memory {
        /// The limit in bytes.
        max: usize,
    },
    /// A number that is not a member of a closed enum.
    Closed {
        /// The number.
        value: u64,
    },
    /// Bytes are left over.
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl DecodeError {
    /// An error at an offset, as yet without a path.
    #[cold]
    pub fn new(offset: usize, kind: DecodeErrorKind) -> Self {
        DecodeError(Box::new(DecodeInner { offset, kind, path: Path::default() }))
    }

    /// Where in the input reading stopped.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// What is wrong there.
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// Which part of the value was being read, such as `ops[3].args.offset`.
    pub fn path(&self) -> String {
        self.0.path.to_string()
    }

    /// The same error inside a field. Fields are added from the inside outwards.
    #[cold]
    pub fn field(mut self, name: &'static str) -> Self {
        self.0.path.push(Segment::Field(name));
        self
    }

    /// The same error inside an element of a collection.
    #[cold]
    pub fn index(mut self, i: usize) -> Self {
        self.0.path.push(Segment::Index(i));
        self
    }

    /// The same error in an input that starts `by` bytes earlier.
    #[cold]
    pub fn shifted(mut self, by: usize) -> Self {
        self.0.offset = self.0.offset.saturating_add(by);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecodeInner { offset, kind, path } = &*self.0;
        write!(f, "at byte {offset:#x} ({offset})")?;
        if !path.is_empty() {
            write!(f, ", {path}")?;
        }
        write!(f, ": {kind}")
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError")
            .field("offset", &self.0.offset)
            .field("kind", &self.0.kind)
            .field("path", &self.path())
            .finish()
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedMore { needed } => write!(f, "needs {needed} more byte{}", plural(*needed as u64)),
            Self::Unexpected { expected, found } => write!(f, "expected {expected:#x}, found {found:#x}"),
            Self::UnexpectedBytes { expected, found } => {
                write!(f, "expected bytes {}, found {}", super::hex::encode(expected), super::hex::encode(found))
            }
            Self::UnknownTag { tag } => write!(f, "unknown tag {tag:#x}"),
            Self::NotBoolean { found } => write!(f, "expected a boolean, found {found:#x}"),
            Self::UnsupportedVersion { version, newest } => {
                write!(f, "version {version} cannot be read, the newest known is {newest}")
            }
            Self::Incompatible { compat, understood } => {
                write!(f, "the sender requires version {compat} to be understood, the newest known is {understood}")
            }
            Self::TooLong { length, max } => write!(f, "{length} bytes are too long, the limit is {max}"),
            Self::TooMany { count, max } => write!(f, "{count} elements are too many, the limit is {max}"),
            Self::CountExceedsInput { count, at_most } => {
                write!(f, "{count} elements announced, but at most {at_most} fit into the rest of the input")
            }
            Self::Checksum { expected, found } => {
                write!(f, "checksum is {found:#010x}, but {expected:#010x} was computed")
            }
            Self::Memory { max } => write!(f, "collections take more than the {max} bytes of memory allowed"),
            Self::Closed { value } => write!(f, "unknown value {value:#x}"),
            Self::Trailing { bytes } => write!(f, "{bytes} byte{} left over", plural(*bytes as u64)),
        }
    }
}

/// A value that cannot be written.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<EncodeInner>);

#[derive(Clone, PartialEq, Eq)]
struct EncodeInner {
    kind: EncodeErrorKind,
    path: Path,
}

/// What is wrong with the value.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeErrorKind {
    /// Something is longer than its length field can say or than is allowed.
    TooLong {
        /// The number of bytes or elements.
        length: u64,
        /// The most that are allowed.
        max: u64,
    },
    /// Two collections that must have the same number of elements do not.
    CountMismatch {
        /// The number of elements of the first.
        expected: usize,
        /// The number of elements of the second.
        found: usize,
    },
    /// A length does not equal the field that says it.
    LengthMismatch {
        /// What the field says.
        expected: u64,
        /// The length.
        found: u64,
    },
    /// The arm of a union is not the one its tag selects.
    ArmMismatch {
        /// The tag.
        tag: u64,
    },
    /// Something of fixed size has another size.
    WrongSize {
        /// The fixed size.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// The version to write has no place for a field that is set.
    Lost,
    /// The older form to write has no way to say this value.
    Unsayable,
    /// A version that cannot be written.
    UnsupportedVersion {
        /// The version.
        version: u32,
    },
}

impl EncodeError {
    /// An error, as yet without a path.
    #[cold]
    pub fn new(kind: EncodeErrorKind) -> Self {
        EncodeError(Box::new(EncodeInner { kind, path: Path::default() }))
    }

    /// The error that an older form has no way to say what a field says.
    #[cold]
    pub fn unsayable(field: &'static str) -> Self {
        EncodeError::new(EncodeErrorKind::Unsayable).field(field)
    }

    /// What is wrong.
    pub fn kind(&self) -> &EncodeErrorKind {
        &self.0.kind
    }

    /// Which part of the value was being written, such as `ops[3].args.offset`.
    pub fn path(&self) -> String {
        self.0.path.to_string()
    }

    /// The same error inside a field. Fields are added from the inside outwards.
    #[cold]
    pub fn field(mut self, name: &'static str) -> Self {
        self.0.path.push(Segment::Field(name));
        self
    }

    /// The same error inside an element of a collection.
    #[cold]
    pub fn index(mut self, i: usize) -> Self {
        self.0.path.push(Segment::Index(i));
        self
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EncodeInner { kind, path } = &*self.0;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        write!(f, "{kind}")
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodeError").field("kind", &self.0.kind).field("path", &self.path()).finish()
    }
}

impl std::error::Error for EncodeError {}

impl fmt::Display for EncodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length, max } => write!(f, "length {length} is too long, the limit is {max}"),
            Self::CountMismatch { expected, found } => {
                write!(f, "{found} elements beside a collection of {expected}")
            }
            Self::LengthMismatch { expected, found } => {
                write!(f, "length {found}, but the field for it says {expected}")
            }
            Self::ArmMismatch { tag } => write!(f, "tag {tag:#x} selects another arm"),
            Self::WrongSize { expected, found } => write!(f, "{found} bytes where there is room for {expected}"),
            Self::Lost => write!(f, "the version to write has no place for this field"),
            Self::Unsayable => write!(f, "the older form to write has no way to say this value"),
            Self::UnsupportedVersion { version } => write!(f, "version {version} cannot be written"),
        }
    }
}

/// The way to a part of a value, innermost segment first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Path(Vec<Segment>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Field(&'static str),
    Index(usize),
}

impl Path {
    fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().rev().enumerate() {
            match segment {
                Segment::Field(name) if i == 0 => write!(f, "{name}")?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(n) => write!(f, "[{n}]")?,
            }
        }
        Ok(())
    }
}

fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_and_what() {
        let e = DecodeError::new(26, DecodeErrorKind::NeedMore { needed: 8 }).field("args").index(3).field("ops");
        assert_eq!(e.to_string(), "at byte 0x1a (26), ops[3].args: needs 8 more bytes");
        assert_eq!(e.path(), "ops[3].args");
        assert_eq!(e.offset(), 26);
        assert_eq!(e.kind(), &DecodeErrorKind::NeedMore { needed: 8 });
        let e = e.shifted(4).field("op");
        assert_eq!(e.to_string(), "at byte 0x1e (30), op.ops[3].args: needs 8 more bytes");
    }

    #[test]
    fn says_what_without_a_path() {
        let e = DecodeError::new(0, DecodeErrorKind::NeedMore { needed: 1 });
        assert_eq!(e.to_string(), "at byte 0x0 (0): needs 1 more byte");
        assert_eq!(e.path(), "");
        let e = EncodeError::new(EncodeErrorKind::TooLong { length: 300, max: 255 });
        assert_eq!(e.to_string(), "length 300 is too long, the limit is 255");
        let e = e.index(0).index(1).field("a").field("b");
        assert_eq!(e.to_string(), "b.a[1][0]: length 300 is too long, the limit is 255");
        assert_eq!(e.kind(), &EncodeErrorKind::TooLong { length: 300, max: 255 });
        assert_eq!(e.path(), "b.a[1][0]");
    }

    #[test]
    fn is_one_pointer_wide() {
        assert_eq!(size_of::<DecodeError>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), DecodeError>>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), EncodeError>>(), size_of::<usize>());
    }

    #[test]
    fn says_numbers_in_hex() {
        let text = |kind: DecodeErrorKind| kind.to_string();
        assert_eq!(text(DecodeErrorKind::Unexpected { expected: 7, found: 0x10 }), "expected 0x7, found 0x10");
        let kind = DecodeErrorKind::UnexpectedBytes { expected: b"\x01\xff", found: vec![0xab, 0] };
        assert_eq!(text(kind), "expected bytes 01ff, found ab00");
        assert_eq!(
            text(DecodeErrorKind::Checksum { expected: 0x1234, found: 0xffff_ffff }),
            "checksum is 0xffffffff, but 0x00001234 was computed"
        );
    }
}
