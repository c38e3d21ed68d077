//! Types, and how lengths and counts are known.

use nom::branch::alt;
use nom::combinator::{cut, opt};
use nom::sequence::{delimited, preceded};
use nom::{Input, Parser};

use super::body::body;
use super::choice::choice;
use super::tokens::{Mismatch, Parse, Tokens, capital, label, nested, number, sign, spanned, word, word_as};
use super::value::{path, value};
use crate::model::Or;
use crate::syntax::{Body, Count, Extent, IntType, Order, Type, TypeKind, Union};
use crate::token::Token;

/// The prefix of a length or count that is not written.
const DEFAULT_PREFIX: IntType = IntType { bits: 32, signed: false, order: None };

/// A type expression, with what it becomes in Rust.
pub(super) fn ty(i: Tokens) -> Parse<Type> {
    let (rest, wire) = on_wire(i)?;
    if rest.peek(0).and_then(Token::word) != Some("into") {
        return Ok((rest, wire));
    }
    let (rest, rust) = preceded(word("into"), cut(on_wire)).parse(rest)?;
    let kind = TypeKind::Into(Box::new(wire), Box::new(rust));
    Ok((rest, Type { kind, span: i.span_until(&rest) }))
}

/// A type expression as it lies on the wire.
fn on_wire(i: Tokens) -> Parse<Type> {
    let kind = alt((scalar, text, collection, enclosed, inline, named));
    nested(label("a type", spanned(kind).map(|(kind, span)| Type { kind, span })))(i)
}

/// `Name [ "as" int ]`
pub(super) fn named(i: Tokens) -> Parse<TypeKind> {
    let (i, (name, wire)) = (capital, opt(preceded(word("as"), cut(int)))).parse(i)?;
    Ok((
        i,
        match wire {
            None => TypeKind::Named(name),
            Some(wire) => TypeKind::NamedAs(name, wire),
        },
    ))
}

fn scalar(i: Tokens) -> Parse<TypeKind> {
    let array = delimited(sign("["), (ty, preceded(sign(";"), value)), sign("]"));
    alt((
        int.map(TypeKind::Int),
        word_as("f32", TypeKind::Float(32)),
        word_as("f64", TypeKind::Float(64)),
        word_as("bool", TypeKind::Bool),
        preceded(word("pad"), number).map(TypeKind::Pad),
        array.map(|(of, length)| TypeKind::Array(Box::new(of), length)),
    ))
    .parse(i)
}

fn text(i: Tokens) -> Parse<TypeKind> {
    let extent = |i| opt(in_angles(extent)).map(|e| e.unwrap_or(Extent::Prefix(DEFAULT_PREFIX))).parse(i);
    alt((preceded(word("bytes"), extent).map(TypeKind::Bytes), preceded(word("string"), extent).map(TypeKind::String)))
        .parse(i)
}

fn collection(i: Tokens) -> Parse<TypeKind> {
    let one = |i| in_angles((boxed, counted)).parse(i);
    let two = |i| in_angles((boxed, preceded(sign(","), boxed), counted)).parse(i);
    let flag = opt(preceded(sign(","), int)).map(|flag| flag.unwrap_or(IntType { bits: 8, ..DEFAULT_PREFIX }));
    alt((
        preceded(word("list"), one).map(|(of, count)| TypeKind::List(of, count)),
        preceded(word("set"), one).map(|(of, count)| TypeKind::Set(of, count)),
        preceded(word("map"), two).map(|(key, value, count)| TypeKind::Map(key, value, count)),
        preceded(word("pairs"), two).map(|(key, value, count)| TypeKind::Pairs(key, value, count)),
        preceded(word("option"), in_angles((boxed, flag))).map(|(of, flag)| TypeKind::Option(of, flag)),
    ))
    .parse(i)
}

fn enclosed(i: Tokens) -> Parse<TypeKind> {
    let length = |i| opt(preceded(sign(","), extent)).map(|e| e.unwrap_or(Extent::Prefix(DEFAULT_PREFIX))).parse(i);
    let instead = alt((word_as("empty", Or::Empty), word_as("raw", Or::Raw)));
    let or = opt(preceded((sign(","), word("or")), cut(instead)));
    let framed = in_angles((boxed, length, or)).map(|(inner, extent, or)| TypeKind::Framed { inner, extent, or });
    let sealed = in_angles((boxed, length)).map(|(inner, extent)| TypeKind::Sealed(inner, extent));
    alt((preceded(word("framed"), framed), preceded(word("sealed"), sealed))).parse(i)
}

fn inline(i: Tokens) -> Parse<TypeKind> {
    let named_struct = (opt(capital), body).map(|(name, body)| Body { name, ..body });
    let named_union = (opt(capital), choice).map(|(name, choice)| Union { name, ..choice });
    alt((
        preceded(word("struct"), named_struct).map(|body| TypeKind::Struct(Box::new(body))),
        preceded(word("union"), named_union).map(|choice| TypeKind::Union(Box::new(choice))),
    ))
    .parse(i)
}

fn boxed(i: Tokens) -> Parse<Box<Type>> {
    ty.map(Box::new).parse(i)
}

fn in_angles<'a, T>(
    inner: impl Parser<Tokens<'a>, Output = T, Error = Mismatch>,
) -> impl Parser<Tokens<'a>, Output = T, Error = Mismatch> {
    delimited(sign("<"), inner, sign(">"))
}

/// `"len" ( int | "above" | path ) | "rest"`
fn extent(i: Tokens) -> Parse<Extent> {
    let length = alt((
        int.map(Extent::Prefix),
        spanned(word("above")).map(|((), span)| Extent::Above(span)),
        path.map(Extent::Field),
    ));
    alt((preceded(word("len"), length), word_as("rest", Extent::Rest))).parse(i)
}

/// `"," count`, or the default count.
fn counted(i: Tokens) -> Parse<Count> {
    opt(preceded(sign(","), count)).map(|count| count.unwrap_or(Count::Prefix(DEFAULT_PREFIX))).parse(i)
}

/// `"count" ( int | "above" | "of" path | path ) | "rest"`
fn count(i: Tokens) -> Parse<Count> {
    let number = alt((
        int.map(Count::Prefix),
        spanned(word("above")).map(|((), span)| Count::Above(span)),
        preceded(word("of"), path).map(Count::Same),
        path.map(Count::Field),
    ));
    alt((preceded(word("count"), number), word_as("rest", Count::Rest))).parse(i)
}

/// `u16`, `i64be`
pub(super) fn int(i: Tokens) -> Parse<IntType> {
    match i.peek(0).and_then(Token::word).and_then(int_of) {
        Some(int) => Ok((i.take_from(1), int)),
        None => i.expected("an integer type such as `u32`"),
    }
}

fn int_of(word: &str) -> Option<IntType> {
    let (plain, order) = match word.strip_suffix("le") {
        Some(plain) => (plain, Some(Order::Little)),
        None => word.strip_suffix("be").map_or((word, None), |plain| (plain, Some(Order::Big))),
    };
    let signed = plain.starts_with('i');
    let bits = match plain.strip_prefix(['u', 'i'])? {
        "8" => 8,
        "16" => 16,
        "32" => 32,
        "64" => 64,
        _ => return None,
    };
    Some(IntType { bits, signed, order })
}
