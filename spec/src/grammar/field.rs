//! Fields: their forms and clauses.

use nom::branch::alt;
use nom::combinator::{fail, map, opt};
use nom::multi::separated_list1;
use nom::sequence::preceded;
use nom::{Err, Parser};

use super::body::docs;
use super::tokens::{Mismatch, Parse, Tokens, label, name, number, refuse, sign, small, spanned, word, word_as};
use super::types::{int, ty};
use super::value::{path, test, value};
use crate::diagnostic::Code;
use crate::span::Span;
use crate::syntax::{Field, FieldForm, FieldKind, Region, Section, Test, Value};
use crate::token::Token;

/// `doc* name ":" form ( "|" form )*`
pub(super) fn field(i: Tokens) -> Parse<Field> {
    let (i, docs) = docs(i)?;
    let (i, (name, (), forms)) = (name, sign(":"), separated_list1(sign("|"), form)).parse(i)?;
    Ok((i, Field { docs, name, forms }))
}

/// `( type | derived ) clause*`
fn form(start: Tokens) -> Parse<FieldForm> {
    let kind = alt((count, len, checksum, map(ty, FieldKind::Value)));
    let (mut i, kind) = label("a type", kind).parse(start)?;
    let mut form = FieldForm {
        kind,
        fixed: None,
        default: None,
        since: None,
        until: None,
        when: None,
        unless: None,
        max: None,
        droppable: false,
        section: None,
        span: Span::default(),
    };
    loop {
        match spanned(clause).parse(i) {
            Ok((rest, (clause, span))) => {
                i = rest;
                if !form.set(clause, span) {
                    return refuse(Code::UnexpectedToken, span, "a form has each clause once");
                }
            }
            Err(Err::Error(Mismatch::Unexpected)) => break,
            Err(refused) => return Err(refused),
        }
    }
    form.span = start.span_until(&i);
    Ok((i, form))
}

/// `"count" int "of" path`
fn count(i: Tokens) -> Parse<FieldKind> {
    (preceded(word("count"), int), preceded(word("of"), path)).map(|(int, of)| FieldKind::Count { int, of }).parse(i)
}

/// `"len" int "of" path [ ("+" | "-") number ]`
fn len(i: Tokens) -> Parse<FieldKind> {
    let sign_of = alt((sign("+").map(|()| 1), sign("-").map(|()| -1)));
    let mut parts = (preceded(word("len"), int), preceded(word("of"), path), opt((sign_of, spanned(number))));
    let (i, (int, of, offset)) = parts.parse(i)?;
    match offset {
        None => Ok((i, FieldKind::Len { int, of, plus: 0 })),
        Some((sign, (number, span))) => match i64::try_from(number) {
            Ok(number) => Ok((i, FieldKind::Len { int, of, plus: sign * number })),
            Err(_) => refuse(Code::NumberTooLarge, span, "this number is too large for a length"),
        },
    }
}

/// `name "of" ( "above" | path [ ".." path ] )`
fn checksum(i: Tokens) -> Parse<FieldKind> {
    if i.peek(1).and_then(Token::word) != Some("of") {
        return fail().parse(i);
    }
    let region = alt((
        spanned(word("above")).map(|((), span)| Region::Above(span)),
        (path, opt(preceded(sign(".."), path))).map(|(first, last)| Region::Fields(first, last)),
    ));
    (name, preceded(word("of"), region)).map(|(checksum, of)| FieldKind::Checksum { checksum, of }).parse(i)
}

enum Clause {
    Fixed(Value),
    Default(Value),
    Since(u32),
    Until(u32),
    When(Test),
    Unless(Test),
    Max(u64),
    Droppable,
    Section(Section),
}

fn clause(i: Tokens) -> Parse<Clause> {
    let clause = alt((
        preceded(sign("="), value).map(Clause::Fixed),
        preceded(word("default"), value).map(Clause::Default),
        preceded(word("since"), small).map(Clause::Since),
        preceded(word("until"), small).map(Clause::Until),
        preceded(word("when"), test).map(Clause::When),
        preceded(word("unless"), test).map(Clause::Unless),
        preceded(word("max"), bound).map(Clause::Max),
        word_as("droppable", ()).map(|()| Clause::Droppable),
        preceded(word("in"), apart).map(Clause::Section),
    ));
    label("a clause", clause).parse(i)
}

/// `"middle" | "data"`
fn apart(i: Tokens) -> Parse<Section> {
    alt((word_as("middle", Section::Middle), word_as("data", Section::Data))).parse(i)
}

/// `number [ "KiB" | "MiB" ]`
fn bound(i: Tokens) -> Parse<u64> {
    let unit = alt((word_as("KiB", 1 << 10), word_as("MiB", 1 << 20)));
    let (rest, (number, unit)) = (number, opt(unit)).parse(i)?;
    match number.checked_mul(unit.unwrap_or(1)) {
        Some(bound) => Ok((rest, bound)),
        None => refuse(Code::NumberTooLarge, i.span_until(&rest), "this number needs more than 64 bits"),
    }
}

impl FieldForm {
    /// Takes a clause up; `false` if there is one of its kind already.
    fn set(&mut self, clause: Clause, span: Span) -> bool {
        match clause {
            Clause::Fixed(value) => self.fixed.replace(value).is_none(),
            Clause::Default(value) => self.default.replace(value).is_none(),
            Clause::Since(version) => self.since.replace((version, span)).is_none(),
            Clause::Until(version) => self.until.replace((version, span)).is_none(),
            Clause::When(test) => self.when.replace(test).is_none(),
            Clause::Unless(test) => self.unless.replace(test).is_none(),
            Clause::Max(bound) => self.max.replace(bound).is_none(),
            Clause::Droppable => !std::mem::replace(&mut self.droppable, true),
            Clause::Section(section) => self.section.replace((section, span)).is_none(),
        }
    }
}
