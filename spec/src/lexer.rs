//! Text to tokens.
//!
//! Whatever passes here also passes the lexer of the Rust compiler, so that a file can be a Rust module.

use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// The signs that stand alone as tokens.
const SIGNS: &str = ":=,.|&;!<>+-";

/// The tokens of a text, and what is wrong with it ([`Code::BadCharacter`], [`Code::BadLiteral`],
/// [`Code::Unbalanced`], [`Code::NumberTooLarge`]).
///
/// A malformed literal still gives a token, so that the grammar can go on.
pub fn lex(file: u32, text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer { file, text, at: 0, tokens: Vec::new(), diagnostics: Vec::new() };
    while lexer.token().is_some() {}
    let Lexer { tokens, mut diagnostics, .. } = lexer;
    diagnostics.extend(unbalanced(&tokens));
    (tokens, diagnostics)
}

/// Brackets that have no partner.
pub(crate) fn unbalanced(tokens: &[Token]) -> Vec<Diagnostic> {
    let mut open: Vec<(char, Span)> = Vec::new();
    let mut diagnostics = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::Open(sign) => open.push((sign, token.span)),
            TokenKind::Close(sign) => match open.pop() {
                Some((partner, _)) if closing(partner) == sign => {}
                Some((partner, at)) => diagnostics.push(
                    Diagnostic::new(Code::Unbalanced, token.span, format!("`{sign}` does not close `{partner}`"))
                        .also(at, "opened here"),
                ),
                None => {
                    diagnostics.push(Diagnostic::new(Code::Unbalanced, token.span, format!("`{sign}` closes nothing")))
                }
            },
            _ => {}
        }
    }
    diagnostics.extend(open.into_iter().map(|(sign, at)| {
        Diagnostic::new(Code::Unbalanced, at, format!("`{sign}` is never closed"))
            .help(format!("add `{}`", closing(sign)))
    }));
    diagnostics
}

fn closing(open: char) -> char {
    match open {
        '{' => '}',
        '[' => ']',
        _ => ')',
    }
}

struct Lexer<'a> {
    file: u32,
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    /// Reads one token; `None` at the end of the text.
    fn token(&mut self) -> Option<()> {
        self.take_while(char::is_whitespace);
        let start = self.at;
        let kind = match self.peek()? {
            '/' if self.rest().starts_with("//") => Some(self.comment()),
            c if c == '_' || c.is_ascii_alphabetic() => self.word_or_bytes(),
            c if c.is_ascii_digit() => Some(self.number()),
            '"' => Some(self.string(false)),
            c => {
                self.at += c.len_utf8();
                self.sign(c, start)
            }
        };
        let span = self.span(start);
        self.tokens.extend(kind.map(|kind| Token::new(kind, span)));
        Some(())
    }

    fn comment(&mut self) -> TokenKind {
        let line = self.take_while(|c| c != '\n').trim_end();
        match line.strip_prefix("///") {
            Some(doc) if !doc.starts_with('/') => TokenKind::Doc(doc.strip_prefix(' ').unwrap_or(doc).to_owned()),
            _ => TokenKind::Comment(line.to_owned()),
        }
    }

    fn word_or_bytes(&mut self) -> Option<TokenKind> {
        if self.rest().starts_with("b\"") {
            self.at += 1;
            return Some(self.string(true));
        }
        let word = self.take_while(|c| c == '_' || c.is_ascii_alphanumeric());
        Some(TokenKind::Ident(word.to_owned()))
    }

    fn number(&mut self) -> TokenKind {
        let start = self.at;
        let written = self.take_while(|c| c == '_' || c.is_ascii_alphanumeric());
        let mut after = self.rest().chars();
        if after.next() == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit()) {
            self.take_while(|c| c == '.' || c.is_ascii_alphanumeric());
            self.refuse(Code::BadLiteral, start, "numbers have no fraction");
            return TokenKind::Int(0);
        }
        let plain = written.replace('_', "");
        let (digits, radix) = match plain.get(..2) {
            Some("0x") => (&plain[2..], 16),
            Some("0b") => (&plain[2..], 2),
            _ => (plain.as_str(), 10),
        };
        let too_large = digits.chars().all(|c| c.is_digit(radix)) && !digits.is_empty();
        match u64::from_str_radix(digits, radix) {
            Ok(number) => TokenKind::Int(number.into()),
            Err(_) if too_large => {
                self.refuse(Code::NumberTooLarge, start, "this number needs more than 64 bits");
                TokenKind::Int(0)
            }
            Err(_) => {
                self.refuse(Code::BadLiteral, start, format!("`{written}` is not a number"));
                TokenKind::Int(0)
            }
        }
    }

    /// A string from its opening quote; `bytes` for `b"…"`, which may hold any byte by its number.
    fn string(&mut self, bytes: bool) -> TokenKind {
        let start = self.at;
        self.at += 1;
        let mut value = Vec::new();
        loop {
            let at = self.at;
            let Some(c) = self.next() else {
                self.refuse(Code::BadLiteral, start, "this string has no closing quote");
                break;
            };
            match c {
                '"' => break,
                '\\' => match self.escape(bytes) {
                    Some(byte) => value.push(byte),
                    None => self.refuse(Code::BadLiteral, at, "this escape is not known here"),
                },
                c if bytes && !c.is_ascii() => {
                    self.refuse(Code::BadLiteral, at, "write bytes above 127 as `\\xNN`");
                }
                c => value.extend(c.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        TokenKind::Str(value)
    }

    fn escape(&mut self, bytes: bool) -> Option<u8> {
        Some(match self.next()? {
            'n' => b'\n',
            't' => b'\t',
            'r' => b'\r',
            '0' => 0,
            '\\' => b'\\',
            '"' => b'"',
            '\'' => b'\'',
            'x' => {
                let digits = self.rest().get(..2).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
                let byte = u8::from_str_radix(digits, 16).ok()?;
                self.at += 2;
                return (bytes || byte.is_ascii()).then_some(byte);
            }
            _ => return None,
        })
    }

    fn sign(&mut self, c: char, start: usize) -> Option<TokenKind> {
        match c {
            '{' | '[' | '(' => Some(TokenKind::Open(c)),
            '}' | ']' | ')' => Some(TokenKind::Close(c)),
            c if SIGNS.contains(c) => Some(TokenKind::Punct(c)),
            c => {
                self.refuse(Code::BadCharacter, start, format!("no token starts with `{}`", c.escape_default()));
                None
            }
        }
    }

    fn refuse(&mut self, code: Code, start: usize, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(code, self.span(start), message));
    }

    fn span(&self, start: usize) -> Span {
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span { file: self.file, start: position(start), end: position(self.at) }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, accepted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !accepted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let (tokens, diagnostics) = lex(0, text);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        tokens.into_iter().map(|t| t.kind).collect()
    }

    fn codes(text: &str) -> Vec<Code> {
        lex(0, text).1.into_iter().map(|d| d.code).collect()
    }

    #[test]
    fn a_range_is_two_numbers_and_two_dots() {
        use TokenKind::{Int, Punct};
        assert_eq!(kinds("1..3"), [Int(1), Punct('.'), Punct('.'), Int(3)]);
        assert_eq!(kinds("v0..1"), [TokenKind::Ident("v0".into()), Punct('.'), Punct('.'), Int(1)]);
    }

    #[test]
    fn numbers_have_three_bases() {
        use TokenKind::Int;
        assert_eq!(kinds("1_000 0xff 0b101"), [Int(1000), Int(255), Int(5)]);
        assert_eq!(kinds("18446744073709551615"), [Int(u64::MAX.into())]);
    }

    #[test]
    fn strings_resolve_escapes() {
        assert_eq!(kinds(r#" "a\n\x41\\\"" "#), [TokenKind::Str(b"a\nA\\\"".to_vec())]);
        assert_eq!(kinds(r#" b"\xff" "#), [TokenKind::Str(vec![0xff])]);
    }

    #[test]
    fn comments_and_docs_differ() {
        use TokenKind::{Comment, Doc};
        assert_eq!(
            kinds("//! a\n// b\n//// c\n/// d "),
            [Comment("//! a".into()), Comment("// b".into()), Comment("//// c".into()), Doc("d".into())]
        );
    }

    #[test]
    fn what_is_malformed_has_a_code() {
        assert_eq!(codes("a # b"), [Code::BadCharacter]);
        assert_eq!(codes("0x"), [Code::BadLiteral]);
        assert_eq!(codes("12ab"), [Code::BadLiteral]);
        assert_eq!(codes("1.5"), [Code::BadLiteral]);
        assert_eq!(codes("\"abc"), [Code::BadLiteral]);
        assert_eq!(codes(r#" "\xff" "\q" b"µ" "#), [Code::BadLiteral; 3]);
        assert_eq!(codes("18446744073709551616"), [Code::NumberTooLarge]);
        assert_eq!(codes("{ ( }"), [Code::Unbalanced; 2]);
        assert_eq!(codes("]"), [Code::Unbalanced]);
    }
}
