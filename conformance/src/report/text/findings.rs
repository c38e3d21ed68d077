//! Findings, those that say the same told together.

use std::collections::HashMap;
use std::fmt::Write;

use anstyle::Style;

use super::super::Report;
use super::{BAD, BOLD, DIM, ODD, grouped};
use crate::replay::{Finding, Severity};

/// How many different cases are told of findings that say the same.
const SHOWN: usize = 5;

/// Findings that say the same.
struct Group<'a> {
    severity: Severity,
    rule: &'a str,
    summary: &'a str,
    cases: Vec<Case<'a>>,
}

/// The file a finding is in, and the finding.
type Case<'a> = (&'a str, &'a Finding);

pub(super) fn write(out: &mut String, report: &Report) {
    for Group { severity, rule, summary, cases } in groups(report) {
        let style = match severity {
            Severity::Error => BAD,
            Severity::Warning => ODD,
            Severity::Info => Style::new(),
        };
        let times = match cases.len() {
            1 => String::new(),
            n => format!("  {DIM}({} times){DIM:#}", grouped(n as u64)),
        };
        let _ = writeln!(out, "\n{style}{severity}{style:#}  {BOLD}{rule}{BOLD:#}  {summary}{times}");
        let details = details(&cases);
        for (detail, cases) in details.iter().take(SHOWN) {
            if !detail.is_empty() {
                let _ = writeln!(out, "    {detail}");
            }
            if let Some((file, finding)) = cases.first() {
                let place = finding.place.to_string();
                let separator = if place.is_empty() { "" } else { ": " };
                let more = match cases.len() {
                    1 => String::new(),
                    n => format!(", and {} more", grouped(n as u64 - 1)),
                };
                let _ = writeln!(out, "    {DIM}{file}{separator}{place}{more}{DIM:#}");
            }
        }
        if details.len() > SHOWN {
            let _ = writeln!(out, "    {DIM}and {} more{DIM:#}", grouped((details.len() - SHOWN) as u64));
        }
    }
}

/// The cases by what they differ in.
fn details<'a>(cases: &[Case<'a>]) -> Vec<(&'a str, Vec<Case<'a>>)> {
    let mut details: Vec<(&str, Vec<Case<'_>>)> = Vec::new();
    let mut known = HashMap::new();
    for case in cases {
        let detail = case.1.text.detail.as_str();
        let at = *known.entry(detail).or_insert_with(|| {
            details.push((detail, Vec::new()));
            details.len() - 1
        });
        details[at].1.push(*case);
    }
    details
}

/// Groups in order of severity, and then of their first finding.
fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known = HashMap::new();
    for capture in &report.captures {
        for finding in &capture.findings {
            let (severity, rule, summary) = (finding.severity, finding.rule, finding.text.summary.as_str());
            let at = *known.entry((severity, rule, summary)).or_insert_with(|| {
                groups.push(Group { severity, rule, summary, cases: Vec::new() });
                groups.len() - 1
            });
            groups[at].cases.push((capture.file.as_str(), finding));
        }
    }
    groups.sort_by_key(|group| group.severity);
    groups
}
