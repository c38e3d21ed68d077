//! Where in a decoded object to find what a dump shows: `rules.txt`, read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What to do with a place in dumps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    /// Compare it with the first of these that is there.
    Same(Vec<Source>),
    /// It is a sentence of one of these forms.
    Sentence(Vec<Vec<Piece>>),
    /// It cannot be compared, and why.
    Except(String),
}

/// A value of ours, and what is made of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Source {
    /// Where it is; with ` & ` a list and further elements of it.
    pub(crate) path: String,
    /// A word, and what it is applied with.
    pub(crate) made: Option<(String, String)>,
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Value(Source),
    /// Whatever stands there, and it is not compared.
    Anything,
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// By type, `*` for all, and by the end of the path in the dump; an empty path is the whole dump.
    by_type: BTreeMap<String, BTreeMap<String, Rule>>,
}

impl Rules {
    /// The rules of `rules.txt`.
    pub(crate) fn new() -> Rules {
        let mut rules = Rules::default();
        let mut section = String::new();
        for line in include_str!("rules.txt").lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.to_owned();
            } else if !line.is_empty() {
                let (path, rule) = rule(line);
                match rules.by_type.entry(section.clone()).or_default().entry(path) {
                    Entry::Vacant(place) => _ = place.insert(rule),
                    Entry::Occupied(mut place) => match (place.get_mut(), rule) {
                        (Rule::Sentence(forms), Rule::Sentence(more)) => forms.extend(more),
                        _ => panic!("a second rule for {} of {section}", place.key()),
                    },
                }
            }
        }
        rules
    }

    /// The rule for a place in the dump of a type: one for the type if there is one, and the most detailed.
    pub(crate) fn find(&self, ty: &str, path: &str) -> Option<&Rule> {
        let suffixes = || path.match_indices('.').map(|(at, _)| &path[at + 1..]);
        [ty, "*"]
            .into_iter()
            .filter_map(|ty| self.by_type.get(ty))
            .find_map(|rules| std::iter::once(path).chain(suffixes()).find_map(|suffix| rules.get(suffix)))
    }

    /// Why a type is not compared at all.
    pub(crate) fn exception(&self, ty: &str) -> Option<&str> {
        match self.by_type.get(ty)?.get("")? {
            Rule::Except(reason) => Some(reason),
            _ => None,
        }
    }
}

fn rule(line: &str) -> (String, Rule) {
    let line = format!(" {line}");
    let cut = |operator: &str| line.split_once(operator).map(|(path, rest)| (path.trim().to_owned(), rest.trim()));
    if let Some((path, sentence)) = cut(" ~ ") {
        (path, Rule::Sentence(vec![pieces(sentence)]))
    } else if let Some((path, sources)) = cut(" = ") {
        (path, Rule::Same(sources.split(" or ").map(source).collect()))
    } else if let Some((path, reason)) = cut(" ! ") {
        (path, Rule::Except(reason.to_owned()))
    } else {
        panic!("not a rule: {line}")
    }
}

/// `path`, or `path : word argument`.
fn source(text: &str) -> Source {
    let (path, made) = text.split_once(':').map_or((text, None), |(path, made)| (path, Some(made.trim())));
    let made = made.map(|made| made.split_once(' ').unwrap_or((made, "")));
    Source { path: path.trim().to_owned(), made: made.map(|(word, with)| (word.to_owned(), with.to_owned())) }
}

/// Text with `{path}` and `{path:word argument}` in it; `{}` is anything.
fn pieces(mut text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while let Some((before, rest)) = text.split_once('{') {
        let (inside, after) = rest.split_once('}').expect("a closing brace");
        pieces.extend((!before.is_empty()).then(|| Piece::Text(before.to_owned())));
        pieces.push(if inside.is_empty() { Piece::Anything } else { Piece::Value(source(inside)) });
        text = after;
    }
    pieces.extend((!text.is_empty()).then(|| Piece::Text(text.to_owned())));
    pieces
}
