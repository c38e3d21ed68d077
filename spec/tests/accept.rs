//! The specs that use every construct are accepted.

use std::io;
use std::path::PathBuf;

use firefly_spec::analyse;
use firefly_spec::format::format;
use firefly_spec::grammar::parse;
use firefly_spec::lexer::lex;
use firefly_spec::load::{Main, load};
use firefly_spec::span::Span;
use firefly_spec::token::TokenKind;

const KITCHEN_SINK: &str = include_str!("accept/kitchen_sink.wire");
const EXTENSIONS: &str = include_str!("accept/extensions.wire");
const BERTHS: &str = include_str!("accept/berths.wire");

#[test]
fn every_construct_parses() {
    for text in [KITCHEN_SINK, EXTENSIONS] {
        let parsed = parse(0, text);
        assert!(parsed.diagnostics.is_empty(), "{:#?}", parsed.diagnostics);
    }
}

#[test]
fn formatting_is_idempotent_and_keeps_the_tokens() {
    let once = format(KITCHEN_SINK).unwrap();
    assert_eq!(format(&once).unwrap(), once);
    assert_eq!(words(&once), words(KITCHEN_SINK));
    insta::assert_snapshot!(once);
}

#[test]
fn extensions_are_formatted() {
    assert_eq!(format(EXTENSIONS).unwrap(), EXTENSIONS);
    let dense = EXTENSIONS.replace(" & ", "&").replace("v0..1", "v0 .. 1").replace(" as ", "  as  ");
    assert_ne!(dense, EXTENSIONS);
    assert_eq!(format(&dense).unwrap(), EXTENSIONS);
}

/// The tokens of a text without commas.
fn words(text: &str) -> Vec<TokenKind> {
    let (tokens, diagnostics) = lex(0, text);
    assert!(diagnostics.is_empty());
    tokens.into_iter().filter(|token| !token.is(',')).map(|token| token.kind).collect()
}

/// Whatever happens to a text, the front end answers.
#[test]
fn damage_never_panics() {
    for text in [KITCHEN_SINK.as_bytes(), EXTENSIONS.as_bytes()] {
        for at in (0..text.len()).step_by(5) {
            match at % 3 {
                0 => answer(&text[..at]),
                1 => answer(&[&text[..at], &text[at + 1..]].concat()),
                _ => answer(&[&text[..at], b"}", &text[at..]].concat()),
            }
        }
    }
}

fn answer(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    if let Ok(once) = format(&text) {
        assert_eq!(words(&once), words(&text));
    }
}

/// Whatever happens to the tokens, all stages answer.
#[test]
fn damaged_tokens_never_panic() {
    for (text, step) in [(KITCHEN_SINK, 7), (EXTENSIONS, 1)] {
        let (tokens, _) = lex(0, text);
        for at in (0..tokens.len() - 1).step_by(step) {
            let mut damaged = tokens.clone();
            match at / step % 3 {
                0 => drop(damaged.remove(at)),
                1 => damaged.swap(at, at + 1),
                _ => damaged[at].kind = tokens[at * 7 % tokens.len()].kind.clone(),
            }
            let loaded = load("damaged", Main::Tokens(&damaged, Span::default()), |name| match name {
                "berths" => Ok((PathBuf::new(), BERTHS.to_owned())),
                _ => Err(io::ErrorKind::NotFound.into()),
            });
            if let Err(diagnostics) = analyse(&loaded) {
                assert!(!diagnostics.is_empty());
            }
        }
    }
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("list<", ">"), ("struct { a : ", "}"), ("[", "; 1]"), ("u8 when ", ""), ("front {", "}")] {
        let text = format!("protocol p order big struct A {{ a : {}u8{} }}", open.repeat(9000), close.repeat(9000));
        assert!(!parse(0, &text).diagnostics.is_empty());
    }
    for test in ["not ".repeat(9000), "(".repeat(9000), "more and ".repeat(9000)] {
        let text = format!("protocol p order big struct A {{ a : u8 when {test} more }}");
        assert!(!parse(0, &text).diagnostics.is_empty());
    }
}
