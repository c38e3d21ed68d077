//! Tokens to a syntax tree, with several errors in one run.

mod body;
mod choice;
mod field;
mod header;
mod item;
mod tokens;
mod types;
mod value;

use nom::branch::alt;
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded, terminated};
use nom::{Input, Parser};

use self::tokens::{Parse, Tokens, Trace, any_name, comma, name, sign, spanned, word, word_as};
use self::value::rust_path;
use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::{lex, unbalanced};
use crate::span::Span;
use crate::syntax::{File, Ident, Item, Order, Use};
use crate::token::{Token, TokenKind};

/// What came out of parsing one file.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The tree, without the items that could not be read; `None` if not even the file's head could be.
    pub file: Option<File>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a text. `file` is the index that spans carry.
pub fn parse(file: u32, text: &str) -> Parsed {
    let (tokens, lexical) = lex(file, text);
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let end = Span { file, start: end, end };
    if lexical.iter().any(|diagnostic| diagnostic.code == Code::Unbalanced) {
        return Parsed { file: None, diagnostics: lexical };
    }
    let mut parsed = parse_tokens(&tokens, end);
    parsed.diagnostics.splice(0..0, lexical);
    parsed
}

/// Parses tokens, such as those of a macro call. `end` is where an unexpected end is reported.
pub fn parse_tokens(tokens: &[Token], end: Span) -> Parsed {
    let diagnostics = unbalanced(tokens);
    if !diagnostics.is_empty() {
        return Parsed { file: None, diagnostics };
    }
    let tokens: Vec<&Token> = tokens.iter().filter(|t| !matches!(t.kind, TokenKind::Comment(_))).collect();
    Source { tokens: unwrapped(&tokens), end }.parse()
}

/// The tokens inside `path::to::wire! { … }`, or all of them.
fn unwrapped<'t, 'a>(tokens: &'t [&'a Token]) -> &'t [&'a Token] {
    let trace = Trace::new(Span::default());
    let wrapper = (rust_path, sign("!"), sign("{")).parse(Tokens::new(tokens, &trace));
    match (wrapper, tokens) {
        (Ok((inside, _)), [.., last]) if last.is('}') => &tokens[tokens.len() - inside.input_len()..tokens.len() - 1],
        _ => tokens,
    }
}

struct Source<'a> {
    tokens: &'a [&'a Token],
    end: Span,
}

impl Source<'_> {
    fn parse(&self) -> Parsed {
        let trace = Trace::new(self.end);
        let mut diagnostics = Vec::new();
        let mut items = Vec::new();
        let mut left = Tokens::new(self.tokens, &trace);
        let head = match head(left) {
            Ok((rest, head)) => {
                left = rest;
                Some(head)
            }
            Err(error) => {
                diagnostics.push(left.diagnostic(&error));
                left = self.next_item(left, 0);
                None
            }
        };
        while left.input_len() > 0 {
            match item::item(left) {
                Ok((rest, item)) => {
                    left = rest;
                    items.push(item);
                }
                Err(error) => {
                    diagnostics.push(left.diagnostic(&error));
                    left = self.next_item(left, 1);
                }
            }
        }
        Parsed { file: head.map(|head| head.with(items)), diagnostics }
    }

    /// The tokens from the next place outside braces, `skip` tokens on or more, where an item starts.
    fn next_item<'t>(&self, left: Tokens<'t>, skip: usize) -> Tokens<'t> {
        let broken = self.tokens.len() - left.input_len();
        let mut depth = 0_usize;
        for (at, token) in self.tokens.iter().enumerate().skip(broken) {
            match token.kind {
                TokenKind::Open(_) => depth += 1,
                TokenKind::Close(_) => depth = depth.saturating_sub(1),
                _ if depth == 0 && at >= broken + skip && self.starts_item(at) => return left.take_from(at - broken),
                _ => {}
            }
        }
        left.take_from(left.input_len())
    }

    fn starts_item(&self, at: usize) -> bool {
        let keyword = self.tokens[at].word().is_some_and(|word| item::KEYWORDS.contains(&word));
        let named = self.tokens.get(at + 1).is_some_and(|token| token.word().is_some());
        keyword && named
    }
}

/// A file without its items.
struct Head {
    protocol: Ident,
    order: Order,
    uses: Vec<Use>,
}

impl Head {
    fn with(self, items: Vec<Item>) -> File {
        File { protocol: self.protocol, order: self.order, uses: self.uses, items }
    }
}

/// `"protocol" name "order" ("little" | "big") use*`
fn head(i: Tokens) -> Parse<Head> {
    let order = alt((word_as("little", Order::Little), word_as("big", Order::Big)));
    (preceded(word("protocol"), name), preceded(word("order"), order), many0(usage))
        .map(|(protocol, order, uses)| Head { protocol, order, uses })
        .parse(i)
}

/// `"use" name "::" "{" Name ("," Name)* [","] "}"`
fn usage(i: Tokens) -> Parse<Use> {
    let used = terminated(separated_list1(sign(","), any_name), comma);
    let parts = (preceded(word("use"), name), preceded(sign("::"), delimited(sign("{"), used, sign("}"))));
    spanned(parts).map(|((module, names), span)| Use { module, names, span }).parse(i)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(items: &str) -> Vec<String> {
        let parsed = parse(0, &format!("protocol p order big {items}"));
        parsed.diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()
    }

    #[test]
    fn a_message_tells_what_was_expected_at_the_furthest_place() {
        assert_eq!(messages("struct A { a u8 }"), ["expected `:`, found `u8`"]);
        assert_eq!(messages("struct A { a : u8 = }"), ["expected a value, found `}`"]);
        assert_eq!(messages("struct A { a : 3 }"), ["expected a type, found `3`"]);
        assert_eq!(messages("struct A { a : u8 ! }"), ["expected a clause, `|`, a field name or `}`, found `!`"]);
        assert_eq!(messages("struct A { a : list<u8, 3> }"), ["expected `count` or `rest`, found `3`"]);
        assert_eq!(messages("struct A { a : u8 when b & c == 1 }"), ["expected a number, found `c`"]);
        assert_eq!(
            messages("struct A { a : Kind as string }"),
            ["expected an integer type such as `u32`, found `string`"]
        );
        assert_eq!(messages("struct A { order v1..v2 : a; }"), ["expected a number, found `v2`"]);
    }

    #[test]
    fn every_broken_item_is_reported() {
        let text = "struct A { a : } struct B { b : u8 } enum C : u8 { D } const E : u8 = 1 flags f";
        assert_eq!(messages(text).len(), 3);
        let parsed = parse(0, &format!("protocol p order big {text}"));
        let names: Vec<String> = parsed.file.unwrap().items.into_iter().map(|item| item.name.name).collect();
        assert_eq!(names, ["B", "E"]);
    }

    #[test]
    fn words_are_names_where_a_colon_follows() {
        let text = "struct A { max : u8 since : u8 type : u8 front : u8 order : u8 in : u8 include : u8 of : u8 }";
        assert_eq!(messages(text), Vec::<String>::new());
        assert_eq!(messages("struct A { kind : Kind as : u8 }"), Vec::<String>::new());
    }

    #[test]
    fn a_clause_stands_once() {
        assert_eq!(messages("struct A { a : u8 since 1 since 2 }"), ["a form has each clause once"]);
    }

    #[test]
    fn the_wrapper_is_optional() {
        let parsed = parse(0, "//! Docs.\na::wire! { protocol p order big const A : u8 = 1 }");
        assert_eq!(parsed.file.unwrap().items.len(), 1);
    }
}
