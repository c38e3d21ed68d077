//! The resolved model: what a spec means, free of syntax.
//!
//! Names are looked up, includes expanded, shorthands spelled out, byte orders filled in, sizes known. Emitters and the
//! dump tools read this and nothing else. It serializes, so that other back ends can read it as JSON.

use serde::{Deserialize, Serialize};

use crate::span::Span;

/// A whole protocol: the file asked for and everything it uses, directly or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Model {
    /// The `schema` of the JSON form: "firefly-spec/1".
    pub schema: String,
    /// The modules, the one asked for first.
    pub modules: Vec<Module>,
}

/// One file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Module {
    /// The file's name without extension; also the Rust module's name.
    pub name: String,
    /// `protocol NAME`.
    pub protocol: String,
    /// Its declarations in order.
    pub items: Vec<Item>,
    /// The names of other modules' items used here, with the module that declares them.
    pub uses: Vec<(String, String)>,
}

/// A declaration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// Its name, unique among all modules of the model.
    pub name: String,
    /// Where the name stands.
    #[serde(skip)]
    pub span: Span,
    /// Documentation lines.
    pub docs: Vec<String>,
    /// The name in the original implementation.
    pub cxx: Option<String>,
    /// Where the layout was read.
    pub source: Option<String>,
    /// What it is.
    pub kind: ItemKind,
}

/// What an item is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// A named number.
    ConstInt { int: Int, value: i128 },
    /// A named byte string.
    ConstBytes { value: Vec<u8> },
    /// Named numbers of one integer.
    Enum { repr: Int, closed: bool, members: Vec<Member> },
    /// Named bits of one integer.
    Flags { repr: Int, members: Vec<Member> },
    /// The feature word: the names of `has` and `lacks`.
    Features { repr: Int, members: Vec<Member> },
    /// A checksum algorithm with its parameters.
    Checksum { algorithm: String, init: u64, xorout: u64 },
    /// Fields in a row.
    Struct(Struct),
    /// A choice.
    Union(Union),
    /// A message.
    Message(Message),
    /// All messages of some modules, by number: (module, message, number).
    Messages { numbers: String, members: Vec<(String, String, u64)> },
    /// A type written by hand.
    Extern { path: Vec<String>, min: u64, fixed: Option<u64> },
}

/// A named number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    /// Documentation lines.
    pub docs: Vec<String>,
    /// The name.
    pub name: String,
    /// Where the name stands.
    #[serde(skip)]
    pub span: Span,
    /// The number; of a flag, the mask.
    pub value: u64,
}

/// An integer on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Int {
    /// 8, 16, 32 or 64.
    pub bits: u8,
    /// Two's complement.
    pub signed: bool,
    /// Most significant byte first.
    pub big: bool,
}

impl Int {
    /// How many bytes it takes.
    pub fn bytes(self) -> u64 {
        u64::from(self.bits / 8)
    }
}

/// How many bytes something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// At least.
    pub min: u64,
    /// Always exactly `min`, whatever the version, features or values.
    pub fixed: bool,
}

/// A struct: a list of fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Struct {
    /// The Rust name, also of inline structs.
    pub name: String,
    /// Its size.
    pub size: Size,
    /// Declared as a `frame`.
    pub frame: bool,
    /// Whether some field, here or below, lies `in data` or `in middle` of the enclosing message.
    pub apart: bool,
    /// The version history, oldest row first; empty without one.
    pub versions: Vec<Row>,
    /// The versions before those, if they lie on the wire as another type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<Older>,
    /// The fields, in wire order.
    pub fields: Vec<Field>,
    /// For versions that differ: the version and the indexes of its fields in wire order.
    pub orders: Vec<(u32, Vec<usize>)>,
}

/// One row of a version table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The lowest version it speaks for.
    pub from: u32,
    /// The highest, and the one written.
    pub to: u32,
    /// How the version is written.
    pub form: Form,
    /// The compat number.
    pub compat: Option<u32>,
    /// Higher compat numbers under conditions; the last that holds counts.
    pub compat_when: Vec<(u32, Test)>,
    /// Never written.
    pub read_only: bool,
    /// Written only when this holds.
    pub when: Option<Test>,
}

/// Versions that lie on the wire as another type, which is converted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Older {
    /// The lowest version.
    pub from: u32,
    /// The highest. Whatever is above is no older version.
    pub to: u32,
    /// The other type: a struct with these versions, or of a message another message.
    pub ty: String,
    /// Written when this holds; never if there is none.
    pub when: Option<Test>,
}

/// How a version is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// u8 version, u8 compat, u32 length, little-endian whatever the order of the file.
    Envelope,
    /// The version alone, followed by a u8 compat if the row has one.
    Lead(Int),
    /// In the header of the message.
    Message,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The encoded body.
    Front,
    /// The small second part.
    Middle,
    /// Bulk bytes.
    Data,
}

/// A field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    #[serde(skip)]
    pub span: Span,
    /// Documentation lines.
    pub docs: Vec<String>,
    /// The ways it is written; the first whose `since`, `until` and `when` hold counts.
    pub forms: Vec<FieldForm>,
    /// The part of the message it stands in; `Front` outside messages.
    pub section: Section,
    /// `in data` or `in middle`: its bytes lie in that part although it is read here.
    pub apart: Option<Section>,
}

/// One way a field is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldForm {
    /// What lies on the wire.
    pub kind: FieldKind,
    /// The default of an absent field.
    pub default: Option<Value>,
    /// Present since this version.
    pub since: Option<u32>,
    /// Present until this version.
    pub until: Option<u32>,
    /// Present only when this holds.
    pub when: Option<Test>,
    /// Upper bound of the length or count.
    pub max: Option<u64>,
    /// May be lost when written for a version without it.
    pub droppable: bool,
}

/// What a field is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A value, in the Rust struct.
    Value(Type),
    /// Always this value; not in the Rust struct.
    Const { ty: Type, value: Value },
    /// The count of another field, minus nothing; not in the Rust struct.
    Count { int: Int, of: Vec<String> },
    /// The length of another field, plus `plus`; not in the Rust struct.
    Len { int: Int, of: Vec<String>, plus: i64 },
    /// A checksum; in the Rust struct as `Checksum`.
    Checksum { checksum: String, int: Int, of: Region, unless: Option<Test> },
}

/// The bytes a checksum covers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// The enclosing struct up to the checksum.
    Above,
    /// From the first path to the last, inclusive.
    Fields(Vec<String>, Vec<String>),
}

/// A type expression.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// An integer.
    Int(Int),
    /// IEEE 754.
    Float { bits: u8, big: bool },
    /// One byte, 0 or 1.
    Bool,
    /// A declared enum, flag set, struct, union or extern.
    Named(String),
    /// A declared enum or flag set, written as this integer instead of its own; only numbers that fit both are values.
    NamedAs(String, Int),
    /// The first lies on the wire, the second is in Rust; two conversions written by hand lead from one to the other.
    Into(Box<Type>, Box<Type>),
    /// So many bytes, zero when built.
    Pad(u64),
    /// So many elements.
    Array(Box<Type>, u64),
    /// Bytes.
    Bytes(Extent),
    /// Text, any bytes.
    String(Extent),
    /// Elements.
    List(Box<Type>, Count),
    /// Elements, in order of value when built.
    Set(Box<Type>, Count),
    /// Keys and values, in order of key when built.
    Map(Box<Type>, Box<Type>, Count),
    /// Keys and values, in any order.
    Pairs(Box<Type>, Box<Type>, Count),
    /// A flag, 0 or 1, and a value if it is 1.
    Option(Box<Type>, Int),
    /// A length and a value inside it.
    Framed { inner: Box<Type>, extent: Extent, or: Option<Or> },
    /// A length and ciphertext.
    Sealed(Box<Type>, Extent),
    /// A struct in place.
    Struct(Box<Struct>),
    /// A union in place.
    Union(Box<Union>),
}

impl Type {
    /// The type whose Rust type this one has.
    pub fn in_rust(&self) -> &Type {
        match self {
            Type::Into(_, rust) => rust.in_rust(),
            _ => self,
        }
    }
}

/// What a frame may hold instead of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Or {
    /// No bytes at all.
    Empty,
    /// Any bytes that are not exactly a value.
    Raw,
}

impl Or {
    /// As a spec says it.
    pub fn text(self) -> &'static str {
        match self {
            Or::Empty => "or empty",
            Or::Raw => "or raw",
        }
    }
}

/// How the length of bytes is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// An integer in front.
    Prefix(Int),
    /// A derived field: the path to it.
    Above(Vec<String>),
    /// An ordinary integer field: the path to it.
    Field(Vec<String>),
    /// To the end of what encloses it.
    Rest,
}

/// How the number of elements is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// An integer in front.
    Prefix(Int),
    /// A derived field: the path to it.
    Above(Vec<String>),
    /// As many as the list at this path has.
    Same(Vec<String>),
    /// An ordinary integer field: the path to it.
    Field(Vec<String>),
    /// To the end of what encloses it.
    Rest,
}

/// A choice.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Union {
    /// The Rust name, also of inline unions.
    pub name: String,
    /// Its size.
    pub size: Size,
    /// Declared as a `frame`.
    pub frame: bool,
    /// As in [`Struct::apart`].
    pub apart: bool,
    /// What decides.
    pub by: Selector,
    /// All arms take this many bytes.
    pub fixed: Option<u64>,
    /// The arms, `else` last.
    pub arms: Vec<Arm>,
}

/// What decides between arms.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// A field read before: the path to it, and its type.
    Field(Vec<String>, Type),
    /// The first bytes of the arm, an integer or enum.
    Peek(Type),
    /// A tag in front, an integer or enum. An arm with exactly one value implies it; the others keep it as `tag`.
    Tag(Type),
}

/// An arm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Arm {
    /// Documentation lines.
    pub docs: Vec<String>,
    /// Its name, as in the spec.
    pub name: String,
    /// Where the name stands.
    #[serde(skip)]
    pub span: Span,
    /// The values that select it, negative ones as the bits of the selector's integer (of an enum always its own);
    /// empty for `else`.
    pub values: Vec<u64>,
    /// It counts only when this holds (features only).
    pub when: Option<Test>,
    /// Otherwise it is written as zeros.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub droppable: bool,
    /// What it holds.
    pub kind: ArmKind,
}

/// What an arm holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmKind {
    /// Fields, as in a struct without a version.
    Fields(Struct),
    /// One value.
    Type(Type),
    /// The bytes as they are: all of a fixed union, otherwise the rest.
    Raw,
}

/// A message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// Its type number.
    pub number: u64,
    /// Who sends it.
    pub senders: Vec<String>,
    /// Who receives it.
    pub receivers: Vec<String>,
    /// The layout is not described.
    pub opaque: bool,
    /// It is an older layout of this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_of: Option<String>,
    /// Version rows and the fields of all parts, each with its section.
    pub body: Struct,
}

/// A condition.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The peer has all bits of the mask; the name is for reading.
    Has(String, u64),
    /// The peer lacks some bit of the mask.
    Lacks(String, u64),
    /// Bytes are left.
    More,
    /// A field compared with a number.
    Compare(Vec<String>, Compare, i128),
    /// The bits of a field that are in a mask, compared with a number. The mask is a number that the field can be.
    Masked(Vec<String>, u64, Compare, i128),
    /// All bits of the mask are set in the field.
    Flag(Vec<String>, u64),
    /// Negation.
    Not(Box<Test>),
    /// Both.
    And(Box<Test>, Box<Test>),
    /// Either.
    Or(Box<Test>, Box<Test>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A number.
    Int(i128),
    /// A byte string.
    Bytes(Vec<u8>),
}

impl Model {
    /// The item of that name, from any module.
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.modules.iter().flat_map(|m| &m.items).find(|i| i.name == name)
    }

    /// The newest version of a message that a reader has to understand: of an older layout that of the newer one.
    pub fn newest_version(&self, message: &Message) -> u32 {
        let of = message.older_of.as_ref().and_then(|of| self.item(of));
        let newer = match of.map(|item| &item.kind) {
            Some(ItemKind::Message(newer)) => newer,
            _ => message,
        };
        newer.body.versions.last().map_or(0, |row| row.to)
    }

    /// The module that declares the name.
    pub fn module_of(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|m| m.items.iter().any(|i| i.name == name))
    }
}
