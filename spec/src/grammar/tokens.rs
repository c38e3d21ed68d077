//! A slice of tokens as an input of nom, and the parsers of single words and signs.

use std::cell::RefCell;
use std::iter::{Copied, Enumerate};

use nom::error::{ErrorKind, ParseError};
use nom::{Err, IResult, Input, Needed, Parser};

use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::Ident;
use crate::token::{Token, TokenKind};

/// How deeply types, sections and conditions may nest.
const MAX_DEPTH: u8 = 20;

/// What a parser gives.
pub(super) type Parse<'a, T> = IResult<Tokens<'a>, T, Mismatch>;

/// The tokens left to read.
#[derive(Clone, Copy)]
pub(super) struct Tokens<'a> {
    rest: &'a [&'a Token],
    trace: &'a Trace,
    depth: u8,
}

/// Why a parser gave up.
///
/// That another token was expected is kept in the [`Trace`], because nom drops errors of optional parts.
#[derive(Debug)]
pub(super) enum Mismatch {
    /// Another token was expected.
    Unexpected,
    /// The tokens are in order but say something impossible.
    Refused(Box<Diagnostic>),
}

/// The furthest position that any parser failed at, and what was expected there.
pub(super) struct Trace {
    end: Span,
    furthest: RefCell<Furthest>,
}

#[derive(Clone)]
struct Furthest {
    left: usize,
    expected: Vec<String>,
}

impl Trace {
    /// A trace of tokens that end at `end`.
    pub(super) fn new(end: Span) -> Self {
        Trace { end, furthest: RefCell::new(Furthest { left: usize::MAX, expected: Vec::new() }) }
    }
}

impl<'a> Tokens<'a> {
    pub(super) fn new(rest: &'a [&'a Token], trace: &'a Trace) -> Self {
        Tokens { rest, trace, depth: 0 }
    }

    /// The token at this distance.
    pub(super) fn peek(&self, distance: usize) -> Option<&'a Token> {
        self.rest.get(distance).copied()
    }

    /// Whether the token at this distance is that sign.
    pub(super) fn has_sign(&self, distance: usize, sign: char) -> bool {
        self.peek(distance).is_some_and(|token| token.is(sign))
    }

    /// Whether the token at this distance is a colon that ends a field name.
    pub(super) fn has_colon(&self, distance: usize) -> bool {
        self.has_sign(distance, ':') && !self.has_sign(distance + 1, ':')
    }

    /// Where the next token stands.
    pub(super) fn span(&self) -> Span {
        self.rest.first().map_or(self.trace.end, |token| token.span)
    }

    /// From the first token of `self` to the last one before `rest`.
    pub(super) fn span_until(&self, rest: &Tokens) -> Span {
        let taken = self.rest.len() - rest.rest.len();
        self.rest[..taken].last().map_or(self.span(), |last| self.span().to(last.span))
    }

    /// What was expected, and found instead, at the furthest position.
    pub(super) fn diagnostic(&self, error: &Err<Mismatch>) -> Diagnostic {
        if let Err::Error(Mismatch::Refused(refused)) | Err::Failure(Mismatch::Refused(refused)) = error {
            return refused.as_ref().clone();
        }
        let furthest = self.trace.furthest.borrow();
        let at = self.rest.len().saturating_sub(furthest.left).min(self.rest.len());
        let (span, found) = match self.rest.get(at) {
            Some(token) => (token.span, token.to_string()),
            None => (self.trace.end, "the end".to_owned()),
        };
        let message = format!("expected {}, found {found}", listed(&furthest.expected));
        Diagnostic::new(Code::UnexpectedToken, span, message)
    }

    /// Gives up because something else stands here.
    pub(super) fn expected<T>(self, what: &str) -> Parse<'a, T> {
        let mut furthest = self.trace.furthest.borrow_mut();
        if self.rest.len() < furthest.left {
            *furthest = Furthest { left: self.rest.len(), expected: Vec::new() };
        }
        if self.rest.len() == furthest.left && !furthest.expected.iter().any(|known| known == what) {
            furthest.expected.push(what.to_owned());
        }
        Err(Err::Error(Mismatch::Unexpected))
    }
}

fn listed(expected: &[String]) -> String {
    match expected {
        [] => "something else".to_owned(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} or {last}", many.join(", ")),
    }
}

/// Ends parsing with a diagnostic of its own.
pub(super) fn refuse<'a, T>(code: Code, span: Span, message: impl Into<String>) -> Parse<'a, T> {
    Err(Err::Failure(Mismatch::Refused(Box::new(Diagnostic::new(code, span, message)))))
}

/// Describes a parser that fails at its first token by one phrase.
pub(super) fn label<'a, T>(
    what: &'static str,
    mut parser: impl Parser<Tokens<'a>, Output = T, Error = Mismatch>,
) -> impl FnMut(Tokens<'a>) -> Parse<'a, T> {
    move |i| {
        let before = i.trace.furthest.borrow().clone();
        let parsed = parser.parse(i);
        let failed_here = i.trace.furthest.borrow().left == i.rest.len();
        if failed_here {
            *i.trace.furthest.borrow_mut() = before;
        }
        match parsed {
            Err(Err::Error(_)) if failed_here => i.expected(what),
            parsed => parsed,
        }
    }
}

/// Counts one level of nesting, so that no spec can exhaust the stack.
pub(super) fn nested<'a, T>(
    mut parser: impl FnMut(Tokens<'a>) -> Parse<'a, T>,
) -> impl FnMut(Tokens<'a>) -> Parse<'a, T> {
    move |i| {
        if i.depth == MAX_DEPTH {
            return refuse(Code::UnexpectedToken, i.span(), "this is nested too deeply");
        }
        let (rest, parsed) = parser(Tokens { depth: i.depth + 1, ..i })?;
        Ok((Tokens { depth: i.depth, ..rest }, parsed))
    }
}

/// The tokens that a parser took, as a span beside what it gave.
pub(super) fn spanned<'a, T>(
    mut parser: impl Parser<Tokens<'a>, Output = T, Error = Mismatch>,
) -> impl FnMut(Tokens<'a>) -> Parse<'a, (T, Span)> {
    move |i| {
        let (rest, parsed) = parser.parse(i)?;
        Ok((rest, (parsed, i.span_until(&rest))))
    }
}

/// A word with a meaning; not one that a colon makes a field's name.
pub(super) fn word<'a>(text: &'static str) -> impl FnMut(Tokens<'a>) -> Parse<'a, ()> {
    move |i| match i.peek(0).and_then(Token::word) {
        Some(word) if word == text && !i.has_colon(1) => Ok((i.take_from(1), ())),
        _ => i.expected(&format!("`{text}`")),
    }
}

/// A word with a meaning, translated.
pub(super) fn word_as<'a, T: Clone>(text: &'static str, meaning: T) -> impl FnMut(Tokens<'a>) -> Parse<'a, T> {
    move |i| word(text)(i).map(|(rest, ())| (rest, meaning.clone()))
}

/// A sign of one or more characters, or a bracket.
pub(super) fn sign<'a>(text: &'static str) -> impl FnMut(Tokens<'a>) -> Parse<'a, ()> {
    move |i| {
        let single_colon = text != ":" || i.has_colon(0);
        if single_colon && text.chars().enumerate().all(|(at, c)| i.has_sign(at, c)) {
            Ok((i.take_from(text.len()), ()))
        } else {
            i.expected(&format!("`{text}`"))
        }
    }
}

/// An optional comma.
pub(super) fn comma(i: Tokens) -> Parse<()> {
    Ok((if i.has_sign(0, ',') { i.take_from(1) } else { i }, ()))
}

fn ident<'a>(what: &'static str, accepted: impl Fn(char) -> bool) -> impl Fn(Tokens<'a>) -> Parse<'a, Ident> {
    move |i| match i.peek(0) {
        Some(Token { kind: TokenKind::Ident(name), span }) if name.starts_with(&accepted) => {
            Ok((i.take_from(1), Ident { name: name.clone(), span: *span }))
        }
        _ => i.expected(what),
    }
}

/// The name of a field, module, role or arm: it starts with a small letter.
pub(super) fn name(i: Tokens) -> Parse<Ident> {
    ident("a name in small letters", |c| !c.is_ascii_uppercase())(i)
}

/// The name of a type, constant or member: it starts with a capital.
pub(super) fn capital(i: Tokens) -> Parse<Ident> {
    ident("a name with a capital", |c| c.is_ascii_uppercase())(i)
}

/// Any name.
pub(super) fn any_name(i: Tokens) -> Parse<Ident> {
    ident("a name", |_| true)(i)
}

/// A number that fits 64 bits.
pub(super) fn number(i: Tokens) -> Parse<u64> {
    match i.peek(0) {
        Some(Token { kind: TokenKind::Int(number), span }) => match u64::try_from(*number) {
            Ok(number) => Ok((i.take_from(1), number)),
            Err(_) => refuse(Code::NumberTooLarge, *span, "this number needs more than 64 bits"),
        },
        _ => i.expected("a number"),
    }
}

/// A number that fits 32 bits: a version or compat.
pub(super) fn small(i: Tokens) -> Parse<u32> {
    let (rest, number) = number(i)?;
    match u32::try_from(number) {
        Ok(number) => Ok((rest, number)),
        Err(_) => refuse(Code::NumberTooLarge, i.span(), "this number needs more than 32 bits"),
    }
}

/// `v3`.
pub(super) fn version(i: Tokens) -> Parse<u32> {
    let digits = i.peek(0).and_then(Token::word).and_then(|word| word.strip_prefix('v'));
    match digits.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit())).map(str::parse) {
        Some(Ok(version)) => Ok((i.take_from(1), version)),
        Some(Err(_)) => refuse(Code::NumberTooLarge, i.span(), "this version needs more than 32 bits"),
        None => i.expected("a version such as `v1`"),
    }
}

/// A string.
pub(super) fn string(i: Tokens) -> Parse<Vec<u8>> {
    match i.peek(0).map(|token| &token.kind) {
        Some(TokenKind::Str(bytes)) => Ok((i.take_from(1), bytes.clone())),
        _ => i.expected("a string"),
    }
}

/// One line of documentation.
pub(super) fn doc(i: Tokens) -> Parse<String> {
    match i.peek(0).map(|token| &token.kind) {
        Some(TokenKind::Doc(line)) => Ok((i.take_from(1), line.clone())),
        _ => Err(Err::Error(Mismatch::Unexpected)),
    }
}

impl<'a> ParseError<Tokens<'a>> for Mismatch {
    fn from_error_kind(_: Tokens<'a>, _: ErrorKind) -> Self {
        Mismatch::Unexpected
    }

    fn append(_: Tokens<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'a> Input for Tokens<'a> {
    type Item = &'a Token;
    type Iter = Copied<std::slice::Iter<'a, &'a Token>>;
    type IterIndices = Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.rest.len()
    }

    fn take(&self, index: usize) -> Self {
        Tokens { rest: &self.rest[..index], ..*self }
    }

    fn take_from(&self, index: usize) -> Self {
        Tokens { rest: &self.rest[index..], ..*self }
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.take_from(index), self.take(index))
    }

    fn position<P: Fn(Self::Item) -> bool>(&self, predicate: P) -> Option<usize> {
        self.rest.iter().position(|token| predicate(token))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.rest.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        match count.checked_sub(self.rest.len()).and_then(std::num::NonZeroUsize::new) {
            Some(missing) => Err(Needed::Size(missing)),
            None => Ok(count),
        }
    }
}
