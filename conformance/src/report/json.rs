//! The report as JSON, for programs.

use serde::Serialize;

use super::{CaptureReport, Counts, Report, Verdict};
use crate::replay::Finding;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    captures: &'a [CaptureReport],
    summary: Summary<'a>,
}

#[derive(Serialize)]
struct Summary<'a> {
    verdict: Verdict,
    captures: usize,
    #[serde(flatten)]
    counts: Counts,
    findings: Vec<&'a Finding>,
}

/// The report as JSON, with a line feed at the end.
pub fn json(report: &Report) -> String {
    let document = Document {
        schema: "firefly-replay/1",
        captures: &report.captures,
        summary: Summary {
            verdict: report.verdict(),
            captures: report.captures.len(),
            counts: report.total(),
            findings: report.findings().collect(),
        },
    };
    // Keys are strings and numbers, values are plain: nothing here can fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}
