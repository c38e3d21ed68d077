//! `firefly spec`: checks, formats and translates texts in the specification language.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use firefly_spec::diagnostic::Diagnostic;
use firefly_spec::load::{Main, load};
use firefly_spec::model::Model;
use firefly_spec::source::{SourceFile, SourceMap};
use firefly_spec::{analyse, compile};

use crate::{Status, output};

/// Check, format or translate files in the specification language
#[derive(Debug, Parser)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  firefly spec check spec/protocol/*.wire
  firefly spec fmt --check spec/protocol/*.wire
  firefly spec ir spec/protocol/transport.wire";

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell all that is wrong with a specification
    Check {
        /// The files to check, each with those it uses
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Bring files into the canonical layout
    Fmt {
        /// Only tell which files are not in it
        #[arg(long)]
        check: bool,
        /// The files to format
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the model of a specification as JSON
    Ir {
        /// The files to translate, each with those it uses
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(crate) fn run(args: Args) -> Result<Status> {
    match args.command {
        Command::Check { files } => check(&files),
        Command::Fmt { check, files } => format(&files, check),
        Command::Ir { files } => ir(&files),
    }
}

fn check(files: &[PathBuf]) -> Result<Status> {
    let mut text = String::new();
    let mut told = std::collections::HashSet::new();
    for path in files {
        let compiled = compile(path).with_context(|| path.display().to_string())?;
        for diagnostic in compiled.result.err().iter().flatten() {
            // A file that several others use is wrong only once.
            let place =
                (compiled.sources.file(diagnostic.span()).map(|file| file.path.clone()), diagnostic.span().start);
            if told.insert((place, diagnostic.message.clone())) {
                text.push_str(&rendered(diagnostic, &compiled.sources));
                text.push_str("\n\n");
            }
        }
    }
    let good = told.is_empty();
    if good {
        let _ = writeln!(text, "{} checked, nothing wrong", plural(files.len(), "file"));
    } else {
        let _ = writeln!(text, "{} in {}", plural(told.len(), "error"), plural(files.len(), "file"));
    }
    output::print(&text)?;
    Ok(if good { Status::Good } else { Status::Bad })
}

fn format(files: &[PathBuf], check: bool) -> Result<Status> {
    let mut status = Status::Good;
    let mut text = String::new();
    for path in files {
        let before = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        match firefly_spec::format::format(&before) {
            Ok(after) if after == before => {}
            Ok(_) if check => {
                status = Status::Bad;
                let _ = writeln!(text, "{}: not in canonical layout", path.display());
            }
            Ok(after) => {
                std::fs::write(path, after).with_context(|| path.display().to_string())?;
                let _ = writeln!(text, "{}: formatted", path.display());
            }
            Err(diagnostics) => {
                status = Status::Bad;
                let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let sources = SourceMap { files: vec![SourceFile { name, path: path.clone(), text: before }] };
                for diagnostic in &diagnostics {
                    text.push_str(&rendered(diagnostic, &sources));
                    text.push_str("\n\n");
                }
            }
        }
    }
    output::print(&text)?;
    Ok(status)
}

fn ir(files: &[PathBuf]) -> Result<Status> {
    let mut models = Vec::new();
    let mut wrong = String::new();
    for path in files {
        let compiled = compile(path).with_context(|| path.display().to_string())?;
        match compiled.result {
            Ok(model) => models.push(model),
            Err(diagnostics) => {
                for diagnostic in &diagnostics {
                    wrong.push_str(&rendered(diagnostic, &compiled.sources));
                    wrong.push_str("\n\n");
                }
            }
        }
    }
    if !wrong.is_empty() {
        anstream::eprint!("{wrong}");
        return Ok(Status::Bad);
    }
    let json = match models.as_slice() {
        [model] => serde_json::to_string_pretty(model)?,
        models => serde_json::to_string_pretty(models)?,
    };
    output::print(&(json + "\n"))?;
    Ok(Status::Good)
}

/// A diagnostic with excerpts of the text it speaks of.
fn rendered(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let code = diagnostic.code.to_string();
    let mut group = Group::with_title(Level::ERROR.primary_title(diagnostic.message.as_str()).id(code.as_str()));
    let mut files: Vec<u32> = Vec::new();
    for label in &diagnostic.labels {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    for index in files {
        let Some(file) = sources.files.get(index as usize) else { continue };
        let path = file.path.display().to_string();
        let mut snippet = Snippet::source(file.text.as_str()).path(path);
        for (at, label) in diagnostic.labels.iter().enumerate().filter(|(_, label)| label.span.file == index) {
            let kind = if at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let end = (label.span.end as usize).min(file.text.len());
            let range = (label.span.start as usize).min(end)..end;
            let annotation = kind.span(range);
            let text = (!label.text.is_empty()).then_some(label.text.as_str());
            snippet = snippet.annotation(annotation.label(text));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}

fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

macro_rules! bundle {
    ($($module:literal)*) => {
        /// The specification of the protocol, as it was when this program was built.
        const BUNDLED: &[(&str, &str)] =
            &[$(($module, include_str!(concat!("../../../../spec/protocol/", $module, ".wire")))),*];
    };
}

bundle! {
    "address" "auth" "client" "features" "mds" "mds_mon" "message_types" "mon" "mon_cluster" "osd" "osd_mon" "osdmap"
    "payload" "pg" "prelude" "transport"
}

/// The model of a module of the protocol's own specification, and of what it uses.
pub(crate) fn bundled(module: &str) -> Result<Model> {
    let text = |name: &str| BUNDLED.iter().find(|(module, _)| *module == name).map(|(_, text)| *text);
    let path = |name: &str| PathBuf::from(format!("{name}.wire"));
    let main = text(module).ok_or_else(|| anyhow!("there is no module `{module}`"))?;
    let loaded = load(module, Main::Text(&path(module), main), |name| {
        text(name).map(|text| (path(name), text.to_owned())).ok_or_else(|| io::ErrorKind::NotFound.into())
    });
    analyse(&loaded).map_err(|diagnostics| {
        let texts: Vec<String> = diagnostics.iter().map(|diagnostic| rendered(diagnostic, &loaded.sources)).collect();
        anyhow!("the specification of the protocol is wrong:\n{}", texts.join("\n\n"))
    })
}
