//! Values, paths and conditions.

use nom::branch::alt;
use nom::combinator::opt;
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded};
use nom::{Input, Parser};

use super::tokens::{
    Parse, Tokens, any_name, capital, label, name, nested, number, refuse, sign, spanned, string, word, word_as,
};
use crate::diagnostic::Code;
use crate::syntax::{Compare, Ident, Path, Test, TestKind, Value, ValueKind};

/// How many conditions one `and` or `or` may join.
const MAX_JOINED: usize = 48;

/// `[ "-" ] number | string | NAME | "true" | "false"`
pub(super) fn value(i: Tokens) -> Parse<Value> {
    let kind = alt((
        (sign("-"), number).map(|((), number)| ValueKind::Int(-i128::from(number))),
        number.map(|number| ValueKind::Int(number.into())),
        string.map(ValueKind::Bytes),
        word_as("true", ValueKind::Int(1)),
        word_as("false", ValueKind::Int(0)),
        capital.map(|ident| ValueKind::Name(ident.name)),
    ));
    spanned(label("a value", kind)).map(|(kind, span)| Value { kind, span }).parse(i)
}

/// `name ( "." name )*`
pub(super) fn path(i: Tokens) -> Parse<Path> {
    let (mut i, first) = name(i)?;
    let mut steps = vec![first];
    while i.has_sign(0, '.') && !i.has_sign(1, '.') {
        let step;
        (i, step) = name(i.take_from(1))?;
        steps.push(step);
    }
    Ok((i, Path { steps }))
}

/// `conj ( "or" conj )*`
pub(super) fn test(i: Tokens) -> Parse<Test> {
    nested(|i| joined(i, "or", |i| joined(i, "and", atom, TestKind::And), TestKind::Or))(i)
}

fn joined<'a>(
    i: Tokens<'a>,
    by: &'static str,
    part: fn(Tokens<'a>) -> Parse<'a, Test>,
    join: fn(Box<Test>, Box<Test>) -> TestKind,
) -> Parse<'a, Test> {
    let (rest, parts) = separated_list1(word(by), part).parse(i)?;
    if parts.len() > MAX_JOINED {
        return refuse(
            Code::UnexpectedToken,
            i.span_until(&rest),
            format!("more than {MAX_JOINED} conditions in a row"),
        );
    }
    let test = parts.into_iter().reduce(|left, right| {
        let span = left.span.to(right.span);
        Test { kind: join(Box::new(left), Box::new(right)), span }
    });
    // `separated_list1` gives at least one part.
    test.map_or_else(|| refuse(Code::UnexpectedToken, i.span(), "a condition is missing"), |test| Ok((rest, test)))
}

fn atom(i: Tokens) -> Parse<Test> {
    let kind = alt((
        comparison,
        flag,
        preceded(word("not"), nested(atom)).map(|test| TestKind::Not(Box::new(test))),
        delimited(sign("("), test, sign(")")).map(|test| test.kind),
        preceded(word("has"), capital).map(TestKind::Has),
        preceded(word("lacks"), capital).map(TestKind::Lacks),
        word_as("more", ()).map(|()| TestKind::More),
    ));
    label("a condition", spanned(kind)).map(|(kind, span)| Test { kind, span }).parse(i)
}

/// `path [ "&" number ] ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) value`
fn comparison(i: Tokens) -> Parse<TestKind> {
    let operator = alt((
        sign("==").map(|()| Compare::Eq),
        sign("!=").map(|()| Compare::Ne),
        sign("<=").map(|()| Compare::Le),
        sign(">=").map(|()| Compare::Ge),
        sign("<").map(|()| Compare::Lt),
        sign(">").map(|()| Compare::Gt),
    ));
    let compared = label("a comparison", (opt(preceded(sign("&"), spanned(number))), operator));
    let (i, (path, (mask, operator), value)) = (path, compared, value).parse(i)?;
    Ok((
        i,
        match mask {
            None => TestKind::Compare(path, operator, value),
            Some(mask) => TestKind::Masked(path, mask, operator, value),
        },
    ))
}

/// `path "has" NAME`
fn flag(i: Tokens) -> Parse<TestKind> {
    (path, preceded(word("has"), capital)).map(|(path, flag)| TestKind::Flag(path, flag)).parse(i)
}

/// `name ( "," name )*`
pub(super) fn names(i: Tokens) -> Parse<Vec<Ident>> {
    separated_list1(sign(","), name).parse(i)
}

/// `name ( "::" name )*`, the path to a Rust item.
pub(super) fn rust_path(i: Tokens) -> Parse<Vec<Ident>> {
    let (i, first) = any_name(i)?;
    let (i, more) = many0(preceded(sign("::"), any_name)).parse(i)?;
    Ok((i, std::iter::once(first).chain(more).collect()))
}

/// `when test`, if it is there.
pub(super) fn when(i: Tokens) -> Parse<Option<Test>> {
    opt(preceded(word("when"), test)).parse(i)
}
