//! What stands in braces: fields, includes, wire orders and sections.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt};
use nom::multi::many0;
use nom::sequence::{delimited, preceded, terminated};

use super::field::field;
use super::header::struct_header;
use super::tokens::{
    Parse, Tokens, capital, comma, doc, label, name, nested, number, refuse, sign, small, spanned, version, word,
    word_as,
};
use crate::diagnostic::Code;
use crate::span::Span;
use crate::syntax::{Body, Docs, Entry, Section};

/// How many versions one order may speak of.
const MAX_ORDERED: u32 = 256;

/// `[ "fixed" number ] [ header ] "{" entry* "}"`
pub(super) fn body(i: Tokens) -> Parse<Body> {
    let (i, (fixed, header)) = (opt(fixed), opt(struct_header)).parse(i)?;
    let (i, block) = block(i)?;
    Ok((i, Body { fixed, header, ..block }))
}

/// `"{" entry* "}"`
pub(super) fn block(i: Tokens) -> Parse<Body> {
    let entries = delimited(sign("{"), entries, sign("}"));
    spanned(entries).map(|(entries, span)| Body { entries, span, ..Body::default() }).parse(i)
}

/// `"fixed" number`
pub(super) fn fixed(i: Tokens) -> Parse<(u64, Span)> {
    spanned(preceded(word("fixed"), number)).parse(i)
}

/// `doc*`
pub(super) fn docs(i: Tokens) -> Parse<Docs> {
    many0(doc).parse(i)
}

fn entries(i: Tokens) -> Parse<Vec<Entry>> {
    many0(terminated(label("a field name", alt((order, include, section, map(field, Entry::Field)))), comma)).parse(i)
}

/// `"order" vN [ ".." number ] ":" name* ";"`
fn order(i: Tokens) -> Parse<Entry> {
    let (after, first) = preceded(word("order"), version).parse(i)?;
    let (rest, last) = opt(preceded(sign(".."), small)).parse(after)?;
    let versions = first..=last.unwrap_or(first);
    if versions.end().saturating_sub(first) >= MAX_ORDERED {
        let message = format!("one order speaks of at most {MAX_ORDERED} versions");
        return refuse(Code::NumberTooLarge, after.span_until(&rest), message);
    }
    let (rest, fields) = delimited(sign(":"), many0(name), sign(";")).parse(rest)?;
    Ok((rest, Entry::Order { versions, span: i.span_until(&rest), fields }))
}

/// `"include" Name [ "{" field* "}" ]`
fn include(i: Tokens) -> Parse<Entry> {
    let replace = delimited(sign("{"), many0(terminated(field, comma)), sign("}"));
    spanned((preceded(word("include"), capital), opt(replace)))
        .map(|((name, replace), span)| Entry::Include { name, replace: replace.unwrap_or_default(), span })
        .parse(i)
}

/// `( "front" | "middle" | "data" ) "{" entry* "}"`
fn section(i: Tokens) -> Parse<Entry> {
    let (i, (section, span)) = spanned(section_name).parse(i)?;
    let (i, entries) = delimited(sign("{"), nested(entries), sign("}")).parse(i)?;
    Ok((i, Entry::Section { section, span, entries }))
}

/// `"front" | "middle" | "data"`
fn section_name(i: Tokens) -> Parse<Section> {
    alt((word_as("front", Section::Front), word_as("middle", Section::Middle), word_as("data", Section::Data))).parse(i)
}
