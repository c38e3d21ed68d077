//! What was compared, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

/// The outcome of a capture.
#[derive(Default)]
pub(crate) struct Tally {
    /// How much was compared of each kind, and how much of it was equal.
    pub(crate) kinds: BTreeMap<String, Count>,
    /// What was not compared, by reason.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// What else is worth knowing.
    pub(crate) notes: BTreeMap<&'static str, u64>,
    /// What was not equal.
    pub(crate) differences: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) compared: u64,
    pub(crate) equal: u64,
}

impl Tally {
    /// Notes a comparison.
    pub(crate) fn compare(&mut self, kind: impl Into<String>, difference: Option<String>) {
        let count = self.kinds.entry(kind.into()).or_default();
        count.compared += 1;
        match difference {
            Some(difference) => self.differences.push(difference),
            None => count.equal += 1,
        }
    }

    pub(crate) fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(crate) fn note(&mut self, what: &'static str) {
        *self.notes.entry(what).or_default() += 1;
    }

    /// How often something was noted.
    pub(crate) fn noted(&self, what: &str) -> u64 {
        self.notes.get(what).copied().unwrap_or_default()
    }

    /// How much of a kind was compared.
    pub(crate) fn compared(&self, kind: &str) -> u64 {
        self.kinds.get(kind).map_or(0, |count| count.compared)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, Count { compared, equal }) in &self.kinds {
            writeln!(f, "  {kind:32} {equal:>6} of {compared:>6} equal")?;
        }
        for (what, count) in self.skipped.iter().map(|(what, count)| (format!("skipped: {what}"), count)) {
            writeln!(f, "  {what:60} {count:>6}")?;
        }
        for (what, count) in &self.notes {
            writeln!(f, "  {what:60} {count:>6}")?;
        }
        Ok(())
    }
}
