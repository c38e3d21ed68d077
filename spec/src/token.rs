//! Tokens: what the grammar reads, whether they come from text or from the Rust compiler.

use crate::span::Span;

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where.
    pub span: Span,
}

/// The kinds of token.
///
/// Signs of several characters, such as `=>` and `::`, are several [`TokenKind::Punct`]s in a row, as in a token
/// stream of the Rust compiler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// A word.
    Ident(String),
    /// A number.
    Int(i128),
    /// A string, with its escapes resolved.
    Str(Vec<u8>),
    /// A `///` line, without the marker and one blank behind it.
    Doc(String),
    /// A sign of one character.
    Punct(char),
    /// One of `{ [ (`.
    Open(char),
    /// One of `} ] )`.
    Close(char),
    /// A `//` or `//!` line with its marker. Only the formatter sees these.
    Comment(String),
}

impl Token {
    /// A token at a place.
    pub fn new(kind: TokenKind, span: Span) -> Self {
        Token { kind, span }
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            TokenKind::Ident(word) => Some(word),
            _ => None,
        }
    }

    /// Whether it is this sign or bracket.
    pub fn is(&self, sign: char) -> bool {
        matches!(self.kind, TokenKind::Punct(c) | TokenKind::Open(c) | TokenKind::Close(c) if c == sign)
    }
}

impl std::fmt::Display for Token {
    /// As a message names it: "`since`", "a string".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            TokenKind::Ident(word) => write!(f, "`{word}`"),
            TokenKind::Int(number) => write!(f, "`{number}`"),
            TokenKind::Punct(sign) | TokenKind::Open(sign) | TokenKind::Close(sign) => write!(f, "`{sign}`"),
            TokenKind::Str(_) => f.write_str("a string"),
            TokenKind::Doc(_) => f.write_str("a doc comment"),
            TokenKind::Comment(_) => f.write_str("a comment"),
        }
    }
}
