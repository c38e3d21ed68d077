//! `firefly corpus`: checks encoded objects.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use firefly_conformance::corpus::{Corpus, read};
use firefly_conformance::report::corpus_text;

use crate::replay::Format;
use crate::{Status, output};

/// Check encoded objects: read each, write it again, compare
///
/// A corpus is a file of JSON lines {"type": "pg_info_t", "hex": "…"}, gzip-compressed or not, or a folder laid out as
/// ceph-object-corpus (objects/TYPE/HASH). Types go by the names they have in Ceph's source. An encoded message is a dump:
/// header, old footer, then front, middle and data, each with its length in front.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// What to check
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  firefly corpus objects.jsonl.gz
  firefly corpus --format json ceph-object-corpus/archive/0.80-rc1";

pub(crate) fn run(args: Args) -> Result<Status> {
    let mut corpus = Corpus::default();
    for file in &args.files {
        read(file)?.iter().for_each(|object| corpus.add(object));
    }
    output::print(&match args.format {
        Format::Text => corpus_text(&corpus),
        Format::Json => corpus.json(),
    })?;
    if !corpus.checked_anything() {
        bail!("nothing was checked: no object of a known type");
    }
    Ok(if corpus.is_good() { Status::Good } else { Status::Bad })
}
