//! Holds a dump against the decoded object.

use std::collections::BTreeMap;

use serde_json::Value;

use super::dump::Node;
use super::find::{Scope, list};
use super::forms;
use super::rules::{Piece, Rule, Rules, Source};

/// What came of comparing objects of one type.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How many values of dumps are the same in the object.
    pub(crate) matched: usize,
    /// How many values of dumps are excepted, by place and reason.
    pub(crate) exceptions: BTreeMap<(String, String), usize>,
    /// What differs, and what is not found.
    pub(crate) mismatches: Vec<String>,
}

impl Outcome {
    /// How many values of dumps are excepted.
    pub(crate) fn excepted(&self) -> usize {
        self.exceptions.values().sum()
    }
}

/// Compares one dump.
pub(crate) fn compare(rules: &Rules, ty: &str, dump: &Node, ours: &Value, outcome: &mut Outcome) {
    let scope = Scope { root: ours, here: ours, around: ours, index: 0 };
    Comparison { rules, ty, outcome }.node("", dump, scope);
}

struct Comparison<'a> {
    rules: &'a Rules,
    ty: &'a str,
    outcome: &'a mut Outcome,
}

impl Comparison<'_> {
    /// Compares a piece of the dump with the value at the scope.
    fn node(&mut self, path: &str, dump: &Node, scope: Scope) {
        match dump {
            Node::Text(text) => self.text(path, text, scope.here),
            Node::List(items) => self.list(path, items, scope),
            Node::Object(members) => match list(scope.here) {
                Some(entries) => self.map(path, members, entries, scope),
                None => members.iter().for_each(|(name, node)| self.member(&join(path, name), name, node, scope)),
            },
        }
    }

    /// Compares a member of a dump's object with what the rules, or else its name, say.
    fn member(&mut self, path: &str, name: &str, dump: &Node, scope: Scope) {
        let by_name = Rule::Same(vec![Source { path: name.to_owned(), made: None }]);
        match self.rules.find(self.ty, path).unwrap_or(&by_name) {
            Rule::Except(reason) => {
                *self.outcome.exceptions.entry((path.to_owned(), reason.clone())).or_default() += dump.leaves();
            }
            Rule::Same(sources) => match sources.iter().find_map(|source| scope.find(source)) {
                Some(value) => self.node(path, dump, Scope { here: &value, around: scope.here, ..scope }),
                None => self.wrong(path, format!("nothing for {}", shown(dump))),
            },
            Rule::Sentence(forms) => self.sentence(path, dump, forms, scope),
        }
    }

    fn text(&mut self, path: &str, text: &str, ours: &Value) {
        if forms::is(ours, text) {
            self.outcome.matched += 1;
        } else {
            self.wrong(path, format!("{text:?}, but {ours}"));
        }
    }

    fn list(&mut self, path: &str, items: &[Node], scope: Scope) {
        match list(scope.here) {
            Some(ours) if ours.len() == items.len() => {
                for (index, (item, here)) in items.iter().zip(ours).enumerate() {
                    self.node(path, item, Scope { here, index, ..scope });
                }
            }
            // What is alone, or nothing, may be in brackets.
            None if items.len() == 1 => self.node(path, &items[0], scope),
            None if items.is_empty() && scope.here.is_null() => {}
            Some(ours) => self.wrong(path, format!("{} elements, but {}", items.len(), ours.len())),
            None => self.wrong(path, format!("a list, but {}", scope.here)),
        }
    }

    /// Compares an object whose names stand for the keys of a map.
    fn map(&mut self, path: &str, members: &[(String, Node)], entries: &[Value], scope: Scope) {
        if members.len() != entries.len() {
            return self.wrong(path, format!("{} entries, but {}", members.len(), entries.len()));
        }
        for (index, ((name, node), entry)) in members.iter().zip(entries).enumerate() {
            let mut here = entry;
            if let (Some(key), Some(value)) = (entry.get("key"), entry.get("value")) {
                if !forms::texts(key).iter().any(|key| is_name_of(name, key)) {
                    self.wrong(path, format!("the key {name:?}, but {key}"));
                }
                here = if matches!(node, Node::Text(_)) || value.is_array() { value } else { entry };
            }
            self.node(path, node, Scope { here, index, ..scope });
        }
    }

    fn sentence(&mut self, path: &str, dump: &Node, forms: &[Vec<Piece>], scope: Scope) {
        let Node::Text(text) = dump else { return self.wrong(path, format!("{} is no sentence", shown(dump))) };
        let read: Vec<Result<usize, String>> = forms.iter().map(|form| spoken(text, form, scope)).collect();
        match read.iter().find_map(|read| read.as_ref().ok()) {
            Some(values) => self.outcome.matched += values,
            None => {
                let reasons: Vec<String> = read.into_iter().filter_map(Result::err).collect();
                self.wrong(path, format!("{text:?}: {}", reasons.join("; ")));
            }
        }
    }

    fn wrong(&mut self, path: &str, what: String) {
        self.outcome.mismatches.push(format!("{} {path}: {what}", self.ty));
    }
}

/// How many values a sentence speaks of, if all of them are ours.
fn spoken(text: &str, form: &[Piece], scope: Scope) -> Result<usize, String> {
    match form.split_first() {
        None if text.is_empty() => Ok(0),
        None => Err(format!("{text:?} is left")),
        Some((Piece::Text(expected), form)) => match text.strip_prefix(expected.as_str()) {
            Some(rest) => spoken(rest, form, scope),
            None => Err(format!("{text:?} is not {expected:?}")),
        },
        Some((Piece::Anything, form)) => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let rests: Vec<_> = ends.map(|at| spoken(&text[at..], form, scope)).collect();
            rests.into_iter().max_by_key(Result::is_ok).unwrap_or(Ok(0))
        }
        Some((Piece::Value(source), form)) => {
            let value = scope.find(source).ok_or_else(|| format!("no {}", source.path))?;
            let texts = forms::texts(&value);
            let rests = texts.iter().filter_map(|known| text.strip_prefix(known.as_str()));
            let rest = rests.map(|rest| spoken(rest, form, scope)).max_by_key(Result::is_ok);
            rest.unwrap_or_else(|| Err(format!("{text:?} is not {texts:?}"))).map(|values| values + 1)
        }
    }
}

/// Whether the name stands for the key, maybe behind a word and `_`. Ceph cuts some such names after nine characters.
fn is_name_of(name: &str, key: &str) -> bool {
    let number = name.split_once('_').map(|(_, number)| number);
    name == key || number.is_some_and(|number| number == key || (name.len() == 9 && key.starts_with(number)))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn shown(dump: &Node) -> String {
    let text = format!("{dump:?}");
    if text.len() > 80 { text.chars().take(80).collect() } else { text }
}
