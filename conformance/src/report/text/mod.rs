//! The report as text, for people: the verdict, the captures, the messages by type, the findings.

mod corpus;
mod findings;
mod table;

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{CaptureReport, Counts, Report, Verdict};
pub use corpus::corpus_text;
use table::{Align, Cell, Table};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();

/// The report as text with colours in it; `anstream` takes them out where they are not wanted.
pub fn text(report: &Report) -> String {
    let total = report.total();
    let mut out = headline(report, &total);
    for capture in &report.captures {
        out.push('\n');
        capture_block(&mut out, capture);
    }
    if total.messages.total > 0 {
        out.push('\n');
        message_table(&mut out, &total);
    }
    findings::write(&mut out, report);
    out
}

/// The outcome in one line.
fn headline(report: &Report, total: &Counts) -> String {
    let (style, word) = match report.verdict() {
        Verdict::Pass => (GOOD.bold(), "PASS"),
        Verdict::Fail => (BAD.bold(), "FAIL"),
    };
    let messages = &total.messages;
    let mut said = vec![
        amount(report.captures.len() as u64, "capture"),
        amount(total.connections.total, "connection"),
        format!("{} of {}", amount(messages.total, "message"), amount(messages.by_type.len() as u64, "type")),
    ];
    if !report.checked_anything() {
        said.push("nothing to check".to_owned());
    } else if total.bytes_unaccounted == 0 {
        said.push("every byte accounted for".to_owned());
    } else {
        said.push(format!("{} unaccounted for", amount(total.bytes_unaccounted, "byte")));
    }
    format!("{style}{word}{style:#}  {}\n", said.join(", "))
}

fn capture_block(out: &mut String, capture: &CaptureReport) {
    let CaptureReport { file, counts, .. } = capture;
    let size = format!("{}, {}", amount(counts.packets, "packet"), amount(counts.bytes, "byte"));
    let _ = writeln!(out, "{BOLD}{file}{BOLD:#}  {DIM}{size}{DIM:#}");
    let mut table = Table::new([Align::Left, Align::Right, Align::Left]);
    let mut row = |name: &str, number: u64, rest: String| {
        table.row([Cell::new(name), Cell::count(number, Style::new()), Cell::styled(rest, DIM)]);
    };
    let c = &counts.connections;
    let parts = [("complete", c.complete), ("open before", c.midstream), ("with bytes missing", c.gaps)];
    row("connections", c.total, listing(parts));
    let replies = counts.handshake.replies.iter().map(|(tag, &count)| (tag.as_str(), count));
    row("handshakes", counts.handshake.connects, listing(replies));
    let t = &counts.tags;
    let tags = [
        ("MSG", t.msg),
        ("ACK", t.ack),
        ("KEEPALIVE", t.keepalive),
        ("KEEPALIVE2", t.keepalive2),
        ("KEEPALIVE2_ACK", t.keepalive2_ack),
        ("CLOSE", t.close),
    ];
    row("frames", tags.iter().map(|(_, count)| count).sum(), listing(tags));
    let c = &counts.crc;
    row("checksums", c.ok + c.bad + c.skipped, listing([("ok", c.ok), ("bad", c.bad), ("left out", c.skipped)]));
    let s = &counts.signatures;
    row("signatures", s.present, listing([("good", s.verified), ("bad", s.bad), ("not verified", s.unverified)]));
    row("bytes unaccounted", counts.bytes_unaccounted, String::new());
    table.write(out);
}

fn message_table(out: &mut String, total: &Counts) {
    use Align::{Left, Right};
    let mut table = Table::new([Right, Left, Right, Right, Right, Right, Right]);
    let heads = ["type", "message", "count", "decoded", "opaque", "failed", "exact"];
    table.row(heads.map(|head| Cell::styled(head, DIM)));
    let messages = &total.messages;
    let line = |number: String, name: &str, count: u64, o: &super::Outcomes| {
        let exact = if o.exact == count { Style::new() } else { BAD };
        [
            Cell::styled(number, DIM),
            Cell::new(name),
            Cell::new(grouped(count)),
            Cell::count(o.decoded, Style::new()),
            Cell::count(o.opaque, ODD),
            Cell::count(o.failed, BAD),
            Cell::count(o.exact, exact),
        ]
    };
    for (number, by_type) in &messages.by_type {
        table.row(line(number.to_string(), &by_type.name, by_type.count, &by_type.outcome));
    }
    if messages.by_type.len() > 1 {
        table.row(line(String::new(), "all", messages.total, &messages.outcome));
    }
    table.write(out);
}

/// What is not zero, one after the other.
fn listing<'a>(parts: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    parts.map(|(name, count)| format!("{} {name}", grouped(count))).collect::<Vec<_>>().join(", ")
}

/// `1 message`, `2,000 messages`.
pub(super) fn amount(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// A number with commas.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!((amount(1, "byte"), amount(0, "byte")), ("1 byte".to_owned(), "0 bytes".to_owned()));
    }
}
