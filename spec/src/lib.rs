//! The wire language: how a protocol lies on the wire, as a text that programs and people read.
//!
//! ```text
//! text ──lexer──▶ tokens ──grammar──▶ syntax tree ──lower, check──▶ model
//!                    └────format────▶ text
//! ```
mod check;
mod lower;

pub mod diagnostic;
pub mod format;
pub mod grammar;
pub mod lexer;
pub mod load;
#[expect(missing_docs, reason = "the fields of variants are told at the variant")]
pub mod model;
pub mod source;
pub mod span;
#[expect(missing_docs, reason = "the fields of variants are told at the variant")]
pub mod syntax;
pub mod token;

use std::io;
use std::path::Path;

use crate::diagnostic::Diagnostic;
use crate::load::{Loaded, Main, load};
use crate::lower::{Program, lower};
use crate::model::Model;
use crate::source::SourceMap;
use crate::span::Span;
use crate::token::Token;

/// What came of compiling a spec.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The files that were read, for diagnostics and for watching them; the one asked for first.
    pub sources: SourceMap,
    /// The model, or all that is wrong, in the order in which it stands in the files.
    pub result: Result<Model, Vec<Diagnostic>>,
}

/// Compiles the file at a path. Modules that it uses stand beside it. An error means that the file itself cannot be
/// read.
pub fn compile(path: &Path) -> io::Result<Compiled> {
    let text = std::fs::read_to_string(path)?;
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let directory = path.parent().unwrap_or(Path::new(""));
    Ok(compile_main(&name, directory, Main::Text(path, &text)))
}

/// Compiles tokens, as a macro has them, under the name of the module they stand in. Modules that they use stand in the
/// directory. The tokens' spans carry file 0; `end` is where an unexpected end is reported.
pub fn compile_tokens(name: &str, directory: &Path, tokens: &[Token], end: Span) -> Compiled {
    compile_main(name, directory, Main::Tokens(tokens, end))
}

fn compile_main(name: &str, directory: &Path, main: Main) -> Compiled {
    let loaded = load(name, main, |module| {
        let path = directory.join(format!("{module}.wire"));
        std::fs::read_to_string(&path).map(|text| (path, text))
    });
    let result = analyse(&loaded);
    Compiled { sources: loaded.sources, result }
}

/// Turns loaded files into a model. Later stages run only if what they build on is sound.
pub fn analyse(loaded: &Loaded) -> Result<Model, Vec<Diagnostic>> {
    let mut diagnostics = loaded.diagnostics.clone();
    if diagnostics.is_empty() {
        let program = Program::new(loaded, &mut diagnostics);
        if diagnostics.is_empty() {
            let mut model = lower(&program, &mut diagnostics);
            let sound = diagnostics.is_empty();
            check::check(&program, &model, &mut diagnostics);
            if sound {
                check::measure(&program, &mut model, &mut diagnostics);
            }
            if diagnostics.is_empty() {
                return Ok(model);
            }
        }
    }
    // What is wrong with an included field is found again in each struct that includes it.
    diagnostics.sort_by(|a, b| (a.span(), a.code, &a.message).cmp(&(b.span(), b.code, &b.message)));
    diagnostics.dedup_by(|a, b| (a.span(), a.code, &a.message) == (b.span(), b.code, &b.message));
    Err(diagnostics)
}
