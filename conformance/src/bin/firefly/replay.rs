//! `firefly replay`: checks captures.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Parser, ValueEnum};
use firefly_conformance::capture::{self, Source};
use firefly_conformance::replay::{Keyring, Options, replay_capture};
use firefly_conformance::report::{CaptureReport, Report, Verdict, json, text};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{Status, output};

/// Check captures: read every byte, write it again, compare, and judge what both sides did
///
/// A capture is a pcap or pcapng file, plain or compressed with gzip or zstd; `-` is standard input. Without any, the
/// captures that come with this program are checked.
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// How to tell what was found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the report to a file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The keys of the cluster: open tickets and authorizers with them, and verify signatures
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
    /// How many captures to check at once [default: one for each processor]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// What to check
    #[arg(value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  firefly replay
  firefly replay --strict cluster.pcap.gz
  firefly replay --keyring cluster.keyring cluster.pcap.gz
  firefly replay --format json --output report.json *.pcap
  tcpdump -i lo -w - port 6789 | firefly replay -";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// The captures that come with the program.
const BUNDLED: [(&str, &[u8]); 2] = [
    ("mini-none.pcap.gz", include_bytes!("../../../captures/mini-none.pcap.gz")),
    ("ipv6-none.pcap.gz", include_bytes!("../../../captures/ipv6-none.pcap.gz")),
];

pub(crate) fn run(args: Args) -> Result<Status> {
    let keyring = args.keyring.as_deref().map(read_keyring).transpose()?;
    if args.captures.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        bail!("standard input can be read only once");
    }
    let captures: Vec<(String, Source)> = if args.captures.is_empty() {
        BUNDLED.map(|(name, bytes)| (name.to_owned(), Source::Bytes(bytes.into()))).into()
    } else {
        args.captures.iter().map(|path| (path.display().to_string(), path.into())).collect()
    };
    let report = Report { captures: replay_all(&captures, keyring.as_ref(), args.jobs)?, strict: args.strict };
    let told = match args.format {
        Format::Text => text(&report),
        Format::Json => json(&report),
    };
    output::deliver(&told, args.output.as_deref())?;
    if !report.checked_anything() {
        bail!("nothing was checked: no connection of this protocol in the capture");
    }
    Ok(match report.verdict() {
        Verdict::Pass => Status::Good,
        Verdict::Fail => Status::Bad,
    })
}

fn read_keyring(path: &Path) -> Result<Keyring> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Keyring::parse(&text).with_context(|| path.display().to_string())
}

/// Replays several captures at once. The reports are in the order of the captures; so is the error, if there are any.
fn replay_all(
    captures: &[(String, Source)],
    keyring: Option<&Keyring>,
    jobs: Option<NonZeroUsize>,
) -> Result<Vec<CaptureReport>> {
    let jobs = jobs.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let progress = progress(captures.len());
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Result<CaptureReport>>>> = captures.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..jobs.min(captures.len()) {
            scope.spawn(|| {
                while let at = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(((name, source), slot)) = captures.get(at).zip(done.get(at))
                {
                    progress.set_message(name.clone());
                    let report = replay(name, source.clone(), keyring);
                    if let Ok(mut slot) = slot.lock() {
                        *slot = Some(report);
                    }
                    progress.inc(1);
                }
            });
        }
    });
    progress.finish_and_clear();
    let reports = done.into_iter().filter_map(|slot| slot.into_inner().ok().flatten());
    reports.collect()
}

fn replay(name: &str, source: Source, keyring: Option<&Keyring>) -> Result<CaptureReport> {
    let capture = capture::read(source).map_err(|error| {
        let text = error.to_string();
        if text.starts_with(name) { anyhow!(text) } else { anyhow!("{name}: {text}") }
    })?;
    let mut options = Options::named(name);
    options.keyring = keyring.cloned();
    Ok(replay_capture(&capture, &options))
}

/// Shown on standard error, if that is a terminal.
fn progress(captures: usize) -> ProgressBar {
    let bar = ProgressBar::new(captures as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}
