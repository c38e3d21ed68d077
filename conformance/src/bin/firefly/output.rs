//! Where reports and complaints go.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Writes a report to a file without colours, or to standard output.
pub(crate) fn deliver(text: &str, file: Option<&Path>) -> Result<()> {
    match file {
        Some(path) => std::fs::write(path, anstream::adapter::strip_str(text).to_string())
            .with_context(|| format!("{}: cannot be written", path.display())),
        None => print(text),
    }
}

/// Writes to standard output. A reader that has seen enough is no error.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Tells on standard error why there is no report.
pub(crate) fn complain(error: &anyhow::Error) {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let _ = writeln!(anstream::stderr(), "{style}error:{style:#} {error:#}");
}
