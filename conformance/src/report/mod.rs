//! What a replay found, and how to tell it: as text for people, as JSON for programs.

mod counts;
mod json;
mod text;

pub use counts::{ByType, Checksums, Connections, Counts, Handshake, Messages, Outcomes, Signatures, Tags, tag_name};
pub use json::json;
pub use text::{corpus_text, text};

use serde::Serialize;

use crate::replay::{Finding, Severity};

/// What was found in one capture.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CaptureReport {
    /// Where the capture came from.
    pub file: String,
    /// What was counted.
    #[serde(flatten)]
    pub counts: Counts,
    /// What is worth telling, in the order of the capture.
    pub findings: Vec<Finding>,
}

/// What was found in all captures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The captures, in the order they were asked for.
    pub captures: Vec<CaptureReport>,
    /// Warnings count as errors.
    pub strict: bool,
}

/// The outcome in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All is well.
    Pass,
    /// Something is wrong, or nothing was checked.
    Fail,
}

impl CaptureReport {
    /// Whether there was anything of the protocol in the capture.
    pub fn checked_anything(&self) -> bool {
        let Counts { tags, handshake, .. } = &self.counts;
        let frames = tags.msg + tags.ack + tags.keepalive + tags.keepalive2 + tags.keepalive2_ack + tags.close;
        handshake.connects + frames > 0
    }
}

impl Report {
    /// Everything that was counted, together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.captures.iter().for_each(|capture| total += &capture.counts);
        total
    }

    /// All findings.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.captures.iter().flat_map(|capture| &capture.findings)
    }

    /// How many findings are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings().filter(|finding| finding.severity == severity).count()
    }

    /// Whether there was anything to check.
    pub fn checked_anything(&self) -> bool {
        self.captures.iter().any(CaptureReport::checked_anything)
    }

    /// The outcome in one word.
    pub fn verdict(&self) -> Verdict {
        let worst = if self.strict { Severity::Warning } else { Severity::Error };
        let bad = self.findings().any(|finding| finding.severity <= worst);
        if bad || !self.checked_anything() { Verdict::Fail } else { Verdict::Pass }
    }
}
