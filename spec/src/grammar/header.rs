//! Version histories.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::opt;
use nom::multi::many0;
use nom::sequence::{delimited, preceded, terminated};

use super::tokens::{Mismatch, Parse, Tokens, capital, comma, label, sign, small, spanned, version, word, word_as};
use super::types::int;
use super::value::{test, when};
use crate::syntax::{Form, Header, Older, Row, Test};

type Compat = (u32, Vec<(u32, Test)>);

/// `"envelope" vN compat | "lead" int vN [compat] | "versions" "{" row* "}"`
pub(super) fn struct_header(i: Tokens) -> Parse<Header> {
    let envelope = (word_as("envelope", Form::Envelope), version, opt(compat));
    let lead = (preceded(word("lead"), int).map(Form::Lead), version, opt(compat));
    let one = shorthand(alt((envelope, lead)));
    let form = || alt((word_as("envelope", Form::Envelope), preceded(word("lead"), int).map(Form::Lead)));
    label("`envelope`, `lead` or `versions`", alt((one, |i| table(i, (form(), opt(compat)))))).parse(i)
}

/// `vN compat | "versions" "{" row* "}"`, the rows without a form.
pub(super) fn message_header(i: Tokens) -> Parse<Header> {
    let one = shorthand((version, opt(compat)).map(|(to, compat)| (Form::Message, to, compat)));
    label("a version", alt((one, |i| table(i, opt(compat).map(|compat| (Form::Message, compat)))))).parse(i)
}

/// One row for all versions up to the one named.
fn shorthand<'a>(
    parts: impl Parser<Tokens<'a>, Output = (Form, u32, Option<Compat>), Error = Mismatch>,
) -> impl Parser<Tokens<'a>, Output = Header, Error = Mismatch> {
    spanned(parts).map(|((form, to, compat), span)| {
        let (compat, compat_when) = split(compat);
        let row = Row { from: 0, to, form, compat, compat_when, read_only: false, when: None, span };
        Header { rows: vec![row], older: None, table: false, span }
    })
}

fn table<'a>(
    i: Tokens<'a>,
    form: impl Parser<Tokens<'a>, Output = (Form, Option<Compat>), Error = Mismatch>,
) -> Parse<'a, Header> {
    let rows = many0(terminated(row(form), comma));
    let older = opt(terminated(older, comma).map(Box::new));
    spanned(preceded(word("versions"), delimited(sign("{"), (older, rows), sign("}"))))
        .map(|((older, rows), span)| Header { rows, older, table: true, span })
        .parse(i)
}

/// `number [ ".." number ] ":" form [compat] [ "read" "only" ] [ "when" test ]`
fn row<'a>(
    form: impl Parser<Tokens<'a>, Output = (Form, Option<Compat>), Error = Mismatch>,
) -> impl Parser<Tokens<'a>, Output = Row, Error = Mismatch> {
    let versions = (small, opt(preceded(sign(".."), small)));
    let read_only = opt((word("read"), word("only"))).map(|read_only| read_only.is_some());
    spanned((versions, preceded(sign(":"), form), read_only, when)).map(
        |(((from, to), (form, compat), read_only, when), span)| {
            let (compat, compat_when) = split(compat);
            Row { from, to: to.unwrap_or(from), form, compat, compat_when, read_only, when, span }
        },
    )
}

/// `number [ ".." number ] ":" "as" Name [ "read" "only" ] [ "when" test ]`
fn older(i: Tokens) -> Parse<Older> {
    let versions = (small, opt(preceded(sign(".."), small)));
    let name = preceded((sign(":"), word("as")), capital);
    let read_only = opt((word("read"), word("only"))).map(|read_only| read_only.is_some());
    spanned((versions, name, read_only, when))
        .map(|(((from, to), name, read_only, when), span)| Older {
            from,
            to: to.unwrap_or(from),
            name,
            read_only,
            when,
            span,
        })
        .parse(i)
}

fn split(compat: Option<Compat>) -> (Option<u32>, Vec<(u32, Test)>) {
    compat.map_or((None, Vec::new()), |(compat, when)| (Some(compat), when))
}

/// `"compat" number ( "(" number "when" test ")" )*`
fn compat(i: Tokens) -> Parse<Compat> {
    let raised = delimited(sign("("), (small, preceded(word("when"), test)), sign(")"));
    preceded(word("compat"), (small, many0(raised))).parse(i)
}
