//! Unions: a selector and its arms.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, opt};
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded};

use super::body::{block, docs, fixed};
use super::tokens::{Parse, Tokens, comma, label, name, sign, spanned, word, word_as};
use super::types::{int, named, ty};
use super::value::{path, value, when};
use crate::syntax::{Arm, ArmKind, Selector, Type, TypeKind, Union};

/// `"by" selector [ "fixed" number ] "{" arm* "}"`
pub(super) fn choice(i: Tokens) -> Parse<Union> {
    let parts = (preceded(word("by"), selector), opt(fixed), delimited(sign("{"), many0(arm), sign("}")));
    spanned(parts).map(|((by, fixed, arms), span)| Union { name: None, by, fixed, arms, span }).parse(i)
}

fn selector(i: Tokens) -> Parse<Selector> {
    let tag = |i| {
        let kind = alt((int.map(TypeKind::Int), named));
        spanned(kind).map(|(kind, span)| Type { kind, span }).parse(i)
    };
    let selector =
        alt((preceded(word("peek"), tag).map(Selector::Peek), tag.map(Selector::Tag), path.map(Selector::Field)));
    label("a field, `peek` or a tag type", selector).parse(i)
}

/// `doc* ( value ("|" value)* | "else" ) "=>"
/// ( "raw" | name [["droppable"] "when" test] ( ":" type | "{" entry* "}" | "raw" ) )`
fn arm(i: Tokens) -> Parse<Arm> {
    let values = alt((word_as("else", Vec::new()), separated_list1(sign("|"), value)));
    let content = alt((
        preceded(sign(":"), cut(ty)).map(ArmKind::Type),
        block.map(ArmKind::Fields),
        word_as("raw", ArmKind::Raw),
    ));
    // `raw` alone is an arm of that name.
    let bare = spanned(word("raw")).map(|((), span)| crate::syntax::Ident { name: "raw".into(), span });
    let droppable = opt(spanned(word("droppable")).map(|((), span)| span));
    let inside = alt(((name, droppable, when, content), bare.map(|name| (name, None, None, ArmKind::Raw))));
    let (i, docs) = docs(i)?;
    let parts = (values, preceded(sign("=>"), inside));
    let (i, ((values, (name, droppable, when, kind)), span)) = spanned(parts).parse(i)?;
    let (i, ()) = comma(i)?;
    Ok((i, Arm { docs, values, when, droppable, name, kind, span }))
}
