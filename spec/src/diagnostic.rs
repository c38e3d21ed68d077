//! What is wrong with a spec, where, and under which stable code.

use crate::span::Span;

/// One finding about a spec.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The stable code, see [`Code`].
    pub code: Code,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where it is wrong; the first label is the main one.
    pub labels: Vec<Label>,
    /// How to mend it, if there is something to say.
    pub help: Option<String>,
}

/// A place with a remark.
#[derive(Debug, Clone)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is to be seen there; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// A diagnostic with its main place.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Diagnostic { code, message: message.into(), labels: vec![Label { span, text: String::new() }], help: None }
    }

    /// Says something at the main place.
    #[must_use]
    pub fn here(mut self, text: impl Into<String>) -> Self {
        self.labels[0].text = text.into();
        self
    }

    /// Points at a second place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Tells how to mend it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// The main place.
    pub fn span(&self) -> Span {
        self.labels[0].span
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal $text:literal)*) => {
        /// The stable codes of diagnostics. A code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $text] $name = $number),* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// What the code stands for.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }
        }
    };
}

codes! {
    BadCharacter = 1 "a character that no token starts with"
    BadLiteral = 2 "a number or string that is not well formed"
    Unbalanced = 3 "a bracket without its partner"
    UnexpectedToken = 4 "a word or sign that cannot stand here"
    NumberTooLarge = 5 "a number that does not fit"

    DuplicateName = 20 "a name declared twice in one place"
    UnknownName = 21 "a name that is declared nowhere"
    WrongKind = 22 "a name of the wrong kind, such as a constant where a type is needed"
    UnknownModule = 23 "a file that is not there or cannot be read"
    NotExported = 24 "a name that the other file does not declare"
    UnknownFeature = 25 "a feature word that no `features` item declares"
    UnknownMember = 26 "a name or number that is not a member of the enum or flag set expected"
    UnknownPath = 27 "a path that leads to no field"
    PathTooEarly = 28 "a field used before it has been read"
    IncludeWithout = 29 "an include that replaces a field which is not there"

    SizeMismatch = 40 "a `fixed` size that the fields do not add up to"
    NotFixed = 41 "something of varying size where a fixed size is needed"
    RecursiveType = 42 "a type that contains itself"
    EmptyElement = 43 "a list whose elements may take no bytes"
    ArmTooLong = 44 "an arm that is longer than its union"
    RestNotLast = 45 "something behind a field that takes the rest, or such a field where nothing ends it"

    AboveWithout = 60 "`above` without a derived field that names this one whenever it is there"
    DerivedTwice = 61 "two derived fields of the same kind for one field"
    DerivedUnused = 62 "a derived length or count that its field does not use"
    DerivedKind = 63 "a length of something that has none, or a count of something that is not counted"
    ChecksumTooEarly = 64 "a checksum in front of what it covers"
    FormsDiffer = 65 "forms of one field that give different Rust types or cannot be told apart"
    Conversion = 66 "an `into` without two types between which a conversion could lead, or a path into what is converted"

    RowsOverlap = 80 "version rows that overlap or are out of order"
    RowsAmbiguous = 81 "version rows a reader cannot tell apart"
    NoDefaultRow = 82 "a version table in which not exactly one written row has no condition"
    VersionOutOfRange = 83 "`since`, `until` or `order` outside the versions there are"
    VersionWithout = 84 "`since`, `until` or `order` in a struct that has no version"
    CompatMissing = 85 "a version without compat"
    CompatTooHigh = 86 "a compat above the newest version"
    OrderIncomplete = 87 "an `order` that leaves fields out or names others"
    OrderTwice = 88 "two `order`s of one version"
    OlderType = 89 "an older type that is no struct, or of a message no message, with just the versions it stands for"

    DuplicateValue = 100 "two members, arms or messages with the same value"
    ValueTooLarge = 101 "a value that does not fit its type"
    ElseTwice = 102 "an `else` that is not the last arm"
    PeekMismatch = 103 "an arm that does not start with the value it was chosen by"

    SectionMisplaced = 120 "a section, or `in data`, where there is no message"
    ClauseMisplaced = 121 "a clause that says nothing here"
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "W{:03}", *self as u32)
    }
}
