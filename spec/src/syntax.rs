//! The syntax tree: a spec file as it is written, before any name is looked up.
//!
//! Every node that a diagnostic may point at carries a [`Span`]. Equality of trees is not needed; the formatter and
//! the lowering pass are the only readers.

use std::ops::RangeInclusive;

use crate::model::Or;
use crate::span::Span;

/// A name and where it stands.
#[derive(Debug, Clone)]
pub struct Ident {
    /// The text.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// A dotted path to a field, seen from the place of use: `header.flags`.
#[derive(Debug, Clone)]
pub struct Path {
    /// The steps, at least one.
    pub steps: Vec<Ident>,
}

/// Documentation lines (`///`), without the marker and its blank.
pub type Docs = Vec<String>;

/// One `.wire` file.
#[derive(Debug, Clone)]
pub struct File {
    /// `protocol NAME`.
    pub protocol: Ident,
    /// `order little|big`: the byte order of integers without `le` or `be`.
    pub order: Order,
    /// `use module::{Name, …}`.
    pub uses: Vec<Use>,
    /// The declarations, in order.
    pub items: Vec<Item>,
}

/// Byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Names taken from another file.
#[derive(Debug, Clone)]
pub struct Use {
    /// The file's name without extension; it stands beside this one.
    pub module: Ident,
    /// The names.
    pub names: Vec<Ident>,
    /// From `use` to the closing brace.
    pub span: Span,
}

/// A declaration.
#[derive(Debug, Clone)]
pub struct Item {
    /// What the `///` lines above it say.
    pub docs: Docs,
    /// Its name.
    pub name: Ident,
    /// `cxx "…"`: the name in the original implementation.
    pub cxx: Option<String>,
    /// `source "…"`: where the layout was read.
    pub source: Option<String>,
    /// What is declared.
    pub kind: ItemKind,
    /// From the keyword to the end.
    pub span: Span,
}

/// What an [`Item`] declares.
#[derive(Debug, Clone)]
pub enum ItemKind {
    /// `const NAME : u32 = 1` or `const NAME : bytes = "…"`.
    Const(ConstType, Value),
    /// `enum Name : u16 { A = 1 }`.
    Enum { repr: IntType, closed: bool, members: Vec<Member> },
    /// `flags Name : u32 { A = bit 0 }`.
    Flags { repr: IntType, members: Vec<Member> },
    /// `features Name : u64 { A = bit 0 }`: the words of `has` and `lacks`.
    Features { repr: IntType, members: Vec<Member> },
    /// `checksum name : crc32c { init 0 xorout 0 }`.
    Checksum { algorithm: Ident, init: u64, xorout: u64 },
    /// `struct Name … { … }`.
    Struct(Body),
    /// `union Name by … { … }`.
    Union(Union),
    /// `frame Name { … }`: a struct that can be measured while it arrives.
    Frame(Body),
    /// `frame Name by peek T { … }`: the frames of a stream, told apart by their first bytes.
    FrameUnion(Union),
    /// `message Name type … { … }`.
    Message(Message),
    /// `messages Name : Enum from a, b`: all messages of those files, by number.
    Messages { numbers: Ident, from: Vec<Ident> },
    /// `extern Name = path::to::Type fixed 4`: a type written by hand in Rust.
    Extern { path: Vec<Ident>, size: ExternSize },
}

/// The type of a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstType {
    /// An integer.
    Int(IntType),
    /// A byte string.
    Bytes,
}

/// How long a type written by hand is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExternSize {
    /// `fixed N`: always this many bytes.
    Fixed(u64),
    /// `min N`: at least this many bytes.
    Min(u64),
}

/// A named number of an enum, flag set or feature word.
#[derive(Debug, Clone)]
pub struct Member {
    /// What the `///` lines above it say.
    pub docs: Docs,
    /// Its name.
    pub name: Ident,
    /// The number; for `bit n` it is `1 << n`.
    pub value: i128,
    /// Whether it was written as `bit n`.
    pub bit: bool,
}

/// An integer as it lies on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntType {
    /// 8, 16, 32 or 64.
    pub bits: u8,
    /// Two's complement.
    pub signed: bool,
    /// `le` or `be` where written; otherwise the file's order.
    pub order: Option<Order>,
}

/// Fields with an optional size assertion and version history: the inside of a struct.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// A name given to an inline struct; top-level ones have theirs in the [`Item`].
    pub name: Option<Ident>,
    /// `fixed N`: the checker adds the fields up and compares.
    pub fixed: Option<(u64, Span)>,
    /// How the struct's version is written, if it has one.
    pub header: Option<Header>,
    /// The fields, in wire order.
    pub entries: Vec<Entry>,
    /// From the opening to the closing brace.
    pub span: Span,
}

/// The version history of a struct or message.
#[derive(Debug, Clone)]
pub struct Header {
    /// The rows; `envelope v3 compat 2`, `lead u8 v1` and `v4 compat 3` are one row `0..N`.
    pub rows: Vec<Row>,
    /// The versions below the rows, if they are another type on the wire.
    pub older: Option<Box<Older>>,
    /// Whether it was written as a `versions { … }` table.
    pub table: bool,
    /// Where it stands.
    pub span: Span,
}

/// One row of a version table.
#[derive(Debug, Clone)]
pub struct Row {
    /// The lowest version the row speaks for.
    pub from: u32,
    /// The highest, which is also the one written.
    pub to: u32,
    /// How the version is written.
    pub form: Form,
    /// `compat N`.
    pub compat: Option<u32>,
    /// `(6 when hash != -1)`: higher compat numbers under a condition.
    pub compat_when: Vec<(u32, Test)>,
    /// `read only`: accepted but never written.
    pub read_only: bool,
    /// `when …`: the row is written only then.
    pub when: Option<Test>,
    /// Where it stands.
    pub span: Span,
}

/// `0..2 : as OldThing`: versions that lie on the wire as another type, which has them in its own table.
#[derive(Debug, Clone)]
pub struct Older {
    /// The lowest version it speaks for.
    pub from: u32,
    /// The highest.
    pub to: u32,
    /// The other type.
    pub name: Ident,
    /// `read only`: accepted but never written.
    pub read_only: bool,
    /// `when …`: written only then.
    pub when: Option<Test>,
    /// Where it stands.
    pub span: Span,
}

/// How a version is written in front of a struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// u8 version, u8 compat, u32 length, little-endian whatever the order of the file.
    Envelope,
    /// The version alone, followed by a u8 compat if the row has one.
    Lead(IntType),
    /// Nothing: the version comes with the message's header.
    Message,
}

/// Something in the braces of a struct or message.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A field.
    Field(Field),
    /// `include Name { … }`: the fields of another struct in place, some replaced.
    Include { name: Ident, replace: Vec<Field>, span: Span },
    /// `order v1 : a b c;` or `order v0..1 : a b c;`: the wire order in those versions.
    Order { versions: RangeInclusive<u32>, span: Span, fields: Vec<Ident> },
    /// `front { … }`, `middle { … }`, `data { … }` of a message.
    Section { section: Section, span: Span, entries: Vec<Entry> },
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The encoded body.
    Front,
    /// The small second part.
    Middle,
    /// Bulk bytes.
    Data,
}

/// A field: one name, one or more ways to write it.
#[derive(Debug, Clone)]
pub struct Field {
    /// What the `///` lines above it say.
    pub docs: Docs,
    /// Its name.
    pub name: Ident,
    /// The ways it is written, told apart by `since`, `until` and `when`; mostly one.
    pub forms: Vec<FieldForm>,
}

/// One way a field is written.
#[derive(Debug, Clone)]
pub struct FieldForm {
    /// What lies on the wire.
    pub kind: FieldKind,
    /// `= value`: always this value; absent from the Rust struct.
    pub fixed: Option<Value>,
    /// `default value`: what a reader gets when the field is absent.
    pub default: Option<Value>,
    /// `since N`.
    pub since: Option<(u32, Span)>,
    /// `until N`.
    pub until: Option<(u32, Span)>,
    /// `when …`: present only then.
    pub when: Option<Test>,
    /// `unless …`, on a checksum: not computed and not checked then.
    pub unless: Option<Test>,
    /// `max N`: upper bound of a length or count.
    pub max: Option<u64>,
    /// `droppable`: may be lost when written for a version without the field.
    pub droppable: bool,
    /// `in data`: the bytes lie in that part of the message, in order of reading.
    pub section: Option<(Section, Span)>,
    /// Where the form stands.
    pub span: Span,
}

/// What a field is.
#[derive(Debug, Clone)]
pub enum FieldKind {
    /// A value.
    Value(Type),
    /// `count u32 of ops`.
    Count { int: IntType, of: Path },
    /// `len u32 of front + 4`.
    Len { int: IntType, of: Path, plus: i64 },
    /// `ceph_crc of above` or `ceph_crc of front .. data`.
    Checksum { checksum: Ident, of: Region },
}

/// The bytes a checksum covers.
#[derive(Debug, Clone)]
pub enum Region {
    /// From the first byte of the enclosing struct up to the checksum.
    Above(Span),
    /// From the first byte of the first path to the last of the second (or of the first).
    Fields(Path, Option<Path>),
}

/// A type expression.
#[derive(Debug, Clone)]
pub struct Type {
    /// What.
    pub kind: TypeKind,
    /// Where.
    pub span: Span,
}

impl Type {
    /// The type whose Rust type this one has.
    pub fn in_rust(&self) -> &Type {
        match &self.kind {
            TypeKind::Into(_, rust) => rust.in_rust(),
            _ => self,
        }
    }
}

/// The kinds of type expression.
#[derive(Debug, Clone)]
pub enum TypeKind {
    /// `u16be`.
    Int(IntType),
    /// `f32` or `f64`, in the file's order: the number of bits.
    Float(u8),
    /// One byte, 0 or 1.
    Bool,
    /// A declared type.
    Named(Ident),
    /// `Kind as u32`: an enum or flag set, written as another integer than its own.
    NamedAs(Ident, IntType),
    /// `OldKind into Kind`: written as the first, in Rust the second.
    Into(Box<Type>, Box<Type>),
    /// `pad 4`: zero when built, kept when read.
    Pad(u64),
    /// `[T; N]`.
    Array(Box<Type>, Value),
    /// `bytes<…>`.
    Bytes(Extent),
    /// `string<…>`.
    String(Extent),
    /// `list<T, …>`.
    List(Box<Type>, Count),
    /// `set<T, …>`.
    Set(Box<Type>, Count),
    /// `map<K, V, …>`.
    Map(Box<Type>, Box<Type>, Count),
    /// `pairs<K, V, …>`.
    Pairs(Box<Type>, Box<Type>, Count),
    /// `option<T, u8>`.
    Option(Box<Type>, IntType),
    /// `framed<T, len u32, or empty>`: a length, then T in exactly so many bytes, or none or any bytes instead.
    Framed { inner: Box<Type>, extent: Extent, or: Option<Or> },
    /// `sealed<T, len u32>`: bytes that hold a T once decrypted.
    Sealed(Box<Type>, Extent),
    /// `struct { … }` in place.
    Struct(Box<Body>),
    /// `union by field { … }` in place.
    Union(Box<Union>),
}

/// How the length of bytes is known.
#[derive(Debug, Clone)]
pub enum Extent {
    /// `len u32`: written in front.
    Prefix(IntType),
    /// `len above`: derived by an earlier `len … of` field.
    Above(Span),
    /// `len a.b`: an ordinary integer field.
    Field(Path),
    /// `rest`: to the end of what encloses it.
    Rest,
}

/// How the number of elements is known.
#[derive(Debug, Clone)]
pub enum Count {
    /// `count u32`: written in front.
    Prefix(IntType),
    /// `count above`: derived by an earlier `count … of` field.
    Above(Span),
    /// `count of ops`: as many as that list has.
    Same(Path),
    /// `count a.b`: an ordinary integer field.
    Field(Path),
    /// `rest`: to the end of what encloses it.
    Rest,
}

/// A choice between bodies.
#[derive(Debug, Clone)]
pub struct Union {
    /// A name given to an inline union; top-level ones have theirs in the [`Item`].
    pub name: Option<Ident>,
    /// What decides.
    pub by: Selector,
    /// `fixed N`: all arms take this many bytes; the slack is zero when built, kept when read.
    pub fixed: Option<(u64, Span)>,
    /// The arms.
    pub arms: Vec<Arm>,
    /// From `union` to the closing brace.
    pub span: Span,
}

/// What decides between the arms of a union.
#[derive(Debug, Clone)]
pub enum Selector {
    /// A field before it.
    Field(Path),
    /// The first bytes of the arm itself, which are read again by the arm.
    Peek(Type),
    /// A tag that stands in front of the arm.
    Tag(Type),
}

/// One arm of a union.
#[derive(Debug, Clone)]
pub struct Arm {
    /// What the `///` lines above it say.
    pub docs: Docs,
    /// The values that select it; empty for `else`.
    pub values: Vec<Value>,
    /// `when …`: the arm counts only then.
    pub when: Option<Test>,
    /// `droppable`: for others it is written as zeros.
    pub droppable: Option<Span>,
    /// Its name.
    pub name: Ident,
    /// What it holds.
    pub kind: ArmKind,
    /// From the values to the end.
    pub span: Span,
}

/// What an arm holds.
#[derive(Debug, Clone)]
pub enum ArmKind {
    /// `{ … }`, possibly empty.
    Fields(Body),
    /// `: Type`.
    Type(Type),
    /// `raw`: the bytes as they are.
    Raw,
}

/// A message: a type number, a version history and up to three parts.
#[derive(Debug, Clone)]
pub struct Message {
    /// `type N`.
    pub number: Value,
    /// `v4 compat 3` or a `versions` table.
    pub header: Header,
    /// Who sends it.
    pub senders: Vec<Ident>,
    /// Who receives it.
    pub receivers: Vec<Ident>,
    /// `opaque`: the layout is not described (yet); otherwise fields and sections.
    pub body: Option<Body>,
}

/// A condition.
#[derive(Debug, Clone)]
pub struct Test {
    /// What.
    pub kind: TestKind,
    /// Where.
    pub span: Span,
}

/// The kinds of condition.
#[derive(Debug, Clone)]
pub enum TestKind {
    /// `has NAME`: the peer has the feature.
    Has(Ident),
    /// `lacks NAME`: the peer does not.
    Lacks(Ident),
    /// `more`: bytes are left in what encloses the field.
    More,
    /// `a.b == value`.
    Compare(Path, Compare, Value),
    /// `a.b & 0xf0 == value`: the field's bits in the mask.
    Masked(Path, (u64, Span), Compare, Value),
    /// `a.b has NAME`: the flag is set.
    Flag(Path, Ident),
    /// `not …`.
    Not(Box<Test>),
    /// `… and …`.
    And(Box<Test>, Box<Test>),
    /// `… or …`.
    Or(Box<Test>, Box<Test>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A value written in a spec.
#[derive(Debug, Clone)]
pub struct Value {
    /// What.
    pub kind: ValueKind,
    /// Where.
    pub span: Span,
}

/// The kinds of value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    /// A number, also `true` (1) and `false` (0).
    Int(i128),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A constant or a member of the enum or flag set that is expected there.
    Name(String),
}
