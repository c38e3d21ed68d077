//! `firefly decode`: shows an encoded value.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use clap::Parser;
use firefly_conformance::corpus;
use firefly_conformance::dissect::{Input, Parts, dissect, render};
use firefly_runtime::codec::{self, Kind, TypeInfo};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::EncapsulatedMessage;

use crate::types::by_name;
use crate::{Status, output, spec};

/// Show an encoded value as JSON, or field by field with its bytes
///
/// The value of a message type is a dump: header, old footer, then front, middle and data, each with its length in front.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The type of the value, by its name here or in Ceph's source
    #[arg(long = "type", short = 't', value_name = "NAME")]
    ty: String,
    /// The value as hexadecimal digits; blanks are ignored
    #[arg(long, value_name = "HEX", conflicts_with = "file")]
    hex: Option<String>,
    /// The features both sides have, as a hexadecimal number [default: all of Firefly's]
    #[arg(long, value_name = "HEX", value_parser = features)]
    features: Option<u64>,
    /// Show every field with its place, its bytes and its value
    #[arg(long)]
    tree: bool,
    /// The file that holds the value; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  firefly decode --type entity_name_t --hex 08ffffffffffffffff
  firefly decode --type pg_info_t --tree info.bin
  firefly decode --type MOSDOp --features 0fffffffffff - < dump";

pub(crate) fn run(args: Args) -> Result<Status> {
    let info = by_name(&args.ty)?;
    let (name, bytes) = input(&args)?;
    let features = args.features.unwrap_or(FEATURES_ALL);
    if args.tree {
        return tree(info, &bytes, features);
    }
    let value = corpus::decode(info, bytes, features).map_err(|failure| anyhow!("{name}: {}: {failure}", info.name));
    match value {
        Ok(Some(value)) => {
            output::print(&format!("{:#}\n", value.json().context("no JSON")?))?;
            Ok(Status::Good)
        }
        Ok(None) => bail!("a value of `{}` cannot be read by itself", info.name),
        Err(error) => {
            output::complain(&error);
            Ok(Status::Bad)
        }
    }
}

/// The bytes, and what to call them.
fn input(args: &Args) -> Result<(String, Bytes)> {
    if let Some(digits) = &args.hex {
        let digits: String = digits.split_whitespace().collect();
        let bytes = codec::hex::decode(&digits).context("--hex")?;
        return Ok(("--hex".to_owned(), bytes.into()));
    }
    match args.file.as_deref() {
        Some(path) if path != Path::new("-") => {
            let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
            Ok((path.display().to_string(), bytes.into()))
        }
        None if std::io::stdin().is_terminal() => bail!("no value given: use --hex, a file, or `-`"),
        _ => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("standard input")?;
            Ok(("standard input".to_owned(), bytes.into()))
        }
    }
}

fn features(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16).map_err(|error| error.to_string())
}

fn tree(info: &TypeInfo, bytes: &Bytes, features: u64) -> Result<Status> {
    let model = spec::bundled(info.module)?;
    let message;
    let input = match info.kind {
        Kind::Message { .. } => {
            let context = codec::Context::new(features);
            message = codec::from_bytes::<EncapsulatedMessage>(bytes.clone(), &context).context("the dump")?;
            Input::Message(Parts {
                version: message.header.version,
                compat: message.header.compat_version,
                front: &message.front,
                middle: &message.middle,
                data: &message.data,
            })
        }
        _ => Input::Bytes(bytes),
    };
    let dissection = dissect(&model, info.name, &input, features);
    let good = dissection.problem.is_none();
    let mut text = render(&dissection);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    output::print(&text)?;
    Ok(if good { Status::Good } else { Status::Bad })
}
