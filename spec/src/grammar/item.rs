//! Declarations.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::opt;
use nom::multi::many0;
use nom::sequence::{delimited, preceded, terminated};

use super::body::{block, body, docs};
use super::choice::choice;
use super::header::message_header;
use super::tokens::{
    Mismatch, Parse, Tokens, capital, comma, label, name, number, refuse, sign, spanned, string, word, word_as,
};
use super::types::int;
use super::value::{names, rust_path, value};
use crate::diagnostic::Code;
use crate::syntax::{ConstType, ExternSize, Ident, IntType, Item, ItemKind, Member, Message};

/// The words that start an item.
pub(super) const KEYWORDS: &[&str] =
    &["const", "enum", "flags", "features", "checksum", "struct", "union", "frame", "message", "messages", "extern"];

type Origin = (Option<String>, Option<String>);

/// `doc* ( const | enum | … )`
pub(super) fn item(i: Tokens) -> Parse<Item> {
    let (i, docs) = docs(i)?;
    let kinds =
        alt((constant, enumeration, flags, features, checksum, structure, union, frame, message, messages, external));
    let what = "an item (`const`, `enum`, `flags`, `struct`, `union`, `frame`, `message`, …)";
    let (i, ((name, (cxx, source), kind), span)) = spanned(label(what, kinds)).parse(i)?;
    Ok((i, Item { docs, name, cxx, source, kind, span }))
}

type Declared = (Ident, Origin, ItemKind);

/// `"const" NAME ":" ( int | "bytes" ) "=" value`
fn constant(i: Tokens) -> Parse<Declared> {
    let ty = alt((int.map(ConstType::Int), word_as("bytes", ConstType::Bytes)));
    (preceded(word("const"), capital), preceded(sign(":"), ty), preceded(sign("="), value))
        .map(|(name, ty, value)| (name, Origin::default(), ItemKind::Const(ty, value)))
        .parse(i)
}

/// `"enum" Name ":" int ["closed"] origin "{" ( doc* NAME "=" number [","] )* "}"`
fn enumeration(i: Tokens) -> Parse<Declared> {
    let closed = opt(word("closed")).map(|closed| closed.is_some());
    (preceded(word("enum"), capital), preceded(sign(":"), int), closed, origin, members(plain_number))
        .map(|(name, repr, closed, origin, members)| (name, origin, ItemKind::Enum { repr, closed, members }))
        .parse(i)
}

/// `"flags" Name ":" int origin "{" ( doc* NAME "=" ( "bit" number | number ) [","] )* "}"`
fn flags(i: Tokens) -> Parse<Declared> {
    bits(i, "flags", |repr, members| ItemKind::Flags { repr, members })
}

/// `"features" Name ":" int origin "{" ( doc* NAME "=" ( "bit" number | number ) [","] )* "}"`
fn features(i: Tokens) -> Parse<Declared> {
    bits(i, "features", |repr, members| ItemKind::Features { repr, members })
}

fn bits<'a>(i: Tokens<'a>, keyword: &'static str, kind: fn(IntType, Vec<Member>) -> ItemKind) -> Parse<'a, Declared> {
    let member = |i| alt((bit.map(|mask| (mask, true)), plain_number)).parse(i);
    (preceded(word(keyword), capital), preceded(sign(":"), int), origin, members(member))
        .map(|(name, repr, origin, members)| (name, origin, kind(repr, members)))
        .parse(i)
}

fn members<'a>(
    number: impl Parser<Tokens<'a>, Output = (i128, bool), Error = Mismatch>,
) -> impl Parser<Tokens<'a>, Output = Vec<Member>, Error = Mismatch> {
    let member = (docs, capital, preceded(sign("="), number)).map(|(docs, name, (value, bit))| Member {
        docs,
        name,
        value,
        bit,
    });
    delimited(sign("{"), many0(terminated(member, comma)), sign("}"))
}

fn plain_number(i: Tokens) -> Parse<(i128, bool)> {
    number.map(|number| (number.into(), false)).parse(i)
}

/// `"bit" number`
fn bit(i: Tokens) -> Parse<i128> {
    let (rest, bit) = preceded(word("bit"), number).parse(i)?;
    match bit {
        0..=63 => Ok((rest, 1 << bit)),
        _ => refuse(Code::NumberTooLarge, i.span_until(&rest), "there are 64 bits, 0 to 63"),
    }
}

/// `"checksum" name ":" name "{" "init" number "xorout" number "}"`
fn checksum(i: Tokens) -> Parse<Declared> {
    let parameters = (preceded(word("init"), number), preceded(word("xorout"), number));
    (preceded(word("checksum"), name), preceded(sign(":"), name), delimited(sign("{"), parameters, sign("}")))
        .map(|(name, algorithm, (init, xorout))| {
            (name, Origin::default(), ItemKind::Checksum { algorithm, init, xorout })
        })
        .parse(i)
}

/// `"struct" Name origin body`
fn structure(i: Tokens) -> Parse<Declared> {
    (preceded(word("struct"), capital), origin, body)
        .map(|(name, origin, body)| (name, origin, ItemKind::Struct(body)))
        .parse(i)
}

/// `"union" Name origin choice`
fn union(i: Tokens) -> Parse<Declared> {
    (preceded(word("union"), capital), origin, choice)
        .map(|(name, origin, choice)| (name, origin, ItemKind::Union(choice)))
        .parse(i)
}

/// `"frame" Name origin ( body | choice )`
fn frame(i: Tokens) -> Parse<Declared> {
    let kind = alt((choice.map(ItemKind::FrameUnion), body.map(ItemKind::Frame)));
    (preceded(word("frame"), capital), origin, kind).parse(i)
}

/// `"message" Name origin "type" value versions role-list "->" role-list ( "opaque" | "{" entry* "}" )`
fn message(i: Tokens) -> Parse<Declared> {
    let number = preceded(word("type"), value);
    let content = alt((word_as("opaque", ()).map(|()| None), block.map(Some)));
    let (i, (name, origin)) = (preceded(word("message"), capital), origin).parse(i)?;
    let (i, (number, header, senders, receivers, body)) =
        (number, message_header, names, preceded(sign("->"), names), content).parse(i)?;
    Ok((i, (name, origin, ItemKind::Message(Message { number, header, senders, receivers, body }))))
}

/// `"messages" Name ":" Name "from" name ("," name)*`
fn messages(i: Tokens) -> Parse<Declared> {
    (preceded(word("messages"), capital), preceded(sign(":"), capital), preceded(word("from"), names))
        .map(|(name, numbers, from)| (name, Origin::default(), ItemKind::Messages { numbers, from }))
        .parse(i)
}

/// `"extern" Name origin "=" name ("::" name)* ( "fixed" | "min" ) number`
fn external(i: Tokens) -> Parse<Declared> {
    let size = alt((
        preceded(word("fixed"), number).map(ExternSize::Fixed),
        preceded(word("min"), number).map(ExternSize::Min),
    ));
    (preceded(word("extern"), capital), origin, preceded(sign("="), rust_path), size)
        .map(|(name, origin, path, size)| (name, origin, ItemKind::Extern { path, size }))
        .parse(i)
}

/// `[ "cxx" string ] [ "source" string ]`
fn origin(i: Tokens) -> Parse<Origin> {
    (opt(preceded(word("cxx"), text)), opt(preceded(word("source"), text))).parse(i)
}

fn text(i: Tokens) -> Parse<String> {
    string.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).parse(i)
}
