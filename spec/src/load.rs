//! A file and, transitively, the files it takes names from.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};
use crate::grammar::{Parsed, parse, parse_tokens};
use crate::source::{SourceFile, SourceMap};
use crate::span::Span;
use crate::syntax::{File, Ident, ItemKind};
use crate::token::Token;

/// The file asked for.
#[derive(Debug, Clone, Copy)]
pub enum Main<'a> {
    /// Its text, and where it was read.
    Text(&'a Path, &'a str),
    /// Its tokens, as a macro has them, and what an unexpected end is reported at. Their spans carry file 0.
    Tokens(&'a [Token], Span),
}

/// What was loaded.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The texts, the one asked for first.
    pub sources: SourceMap,
    /// The trees of the same files in the same order, without those that could not be read.
    pub files: Vec<(usize, File)>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// Loads a module and what it needs. `read` gives the path and text of another module by its name. Modules may use each
/// other in circles.
pub fn load(name: &str, main: Main, mut read: impl FnMut(&str) -> io::Result<(PathBuf, String)>) -> Loaded {
    let mut loaded = Loaded::default();
    let mut known = HashMap::from([(name.to_owned(), true)]);
    let (path, text, parsed) = match main {
        Main::Text(path, text) => (path.to_owned(), text.to_owned(), parse(0, text)),
        Main::Tokens(tokens, end) => (PathBuf::new(), String::new(), parse_tokens(tokens, end)),
    };
    let mut wanted = loaded.add(SourceFile { name: name.to_owned(), path, text }, parsed);
    while let Some(module) = wanted.pop() {
        let readable = *known.entry(module.name.clone()).or_insert_with(|| match read(&module.name) {
            Ok((path, text)) => {
                let index = u32::try_from(loaded.sources.files.len()).unwrap_or(u32::MAX);
                let parsed = parse(index, &text);
                wanted.extend(loaded.add(SourceFile { name: module.name.clone(), path, text }, parsed));
                true
            }
            Err(_) => false,
        });
        if !readable {
            let message = format!("there is no readable file `{}.wire` beside this one", module.name);
            loaded.diagnostics.push(Diagnostic::new(Code::UnknownModule, module.span, message));
        }
    }
    loaded
}

impl Loaded {
    /// Takes a file up and tells which modules it names.
    fn add(&mut self, source: SourceFile, parsed: Parsed) -> Vec<Ident> {
        let index = self.sources.files.len();
        self.sources.files.push(source);
        self.diagnostics.extend(parsed.diagnostics);
        let wanted = parsed.file.iter().flat_map(modules).cloned().collect();
        self.files.extend(parsed.file.map(|file| (index, file)));
        wanted
    }
}

/// The modules that a file names, last one first.
fn modules(file: &File) -> impl Iterator<Item = &Ident> {
    let from = file.items.iter().rev().flat_map(|item| match &item.kind {
        ItemKind::Messages { from, .. } => from.as_slice(),
        _ => &[],
    });
    from.chain(file.uses.iter().rev().map(|used| &used.module))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(main: &str, others: &[(&str, &str)]) -> Loaded {
        load("main", Main::Text(Path::new("main.wire"), main), |name| {
            let text = others.iter().find(|(other, _)| *other == name).map(|(_, text)| (*text).to_owned());
            text.map(|text| (PathBuf::from(name), text)).ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    #[test]
    fn circles_are_read_once() {
        let loaded = loaded(
            "protocol p order big use a::{A} use b::{B}",
            &[("a", "protocol p order big use main::{M} use b::{B}"), ("b", "protocol p order big use a::{A}")],
        );
        let names: Vec<&str> = loaded.sources.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["main", "a", "b"]);
        assert!(loaded.diagnostics.is_empty());
    }

    #[test]
    fn what_is_missing_is_reported_where_it_is_named() {
        let loaded = loaded("protocol p order big use a::{A}", &[]);
        assert_eq!(loaded.diagnostics[0].code, Code::UnknownModule);
        assert_eq!(loaded.diagnostics[0].span(), Span { file: 0, start: 25, end: 26 });
    }
}
