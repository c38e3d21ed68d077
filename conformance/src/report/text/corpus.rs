//! What was found in a corpus, as text.

use std::fmt::Write;

use anstyle::Style;

use super::table::{Align, Cell, Table};
use super::{BAD, BOLD, DIM, GOOD, ODD, amount, grouped};
use crate::corpus::{Corpus, Tally};

/// What was found in a corpus as text with colours in it.
pub fn corpus_text(corpus: &Corpus) -> String {
    use Align::{Left, Right};
    let Corpus { by_type, summary, failures } = corpus;
    let good = corpus.is_good() && corpus.checked_anything();
    let (style, word) = if good { (GOOD.bold(), "PASS") } else { (BAD.bold(), "FAIL") };
    let known = by_type.values().filter(|tally| tally.unknown < tally.count).count();
    let mut out = format!(
        "{style}{word}{style:#}  {} of {}, {} exact; {} of {} unknown\n\n",
        amount(summary.count - summary.unknown, "object"),
        amount(known as u64, "type"),
        grouped(summary.exact),
        grouped(summary.unknown),
        amount((by_type.len() - known) as u64, "type"),
    );
    let mut table = Table::new([Left, Right, Right, Right, Right, Right]);
    table.row(["type", "count", "decoded", "exact", "failed", "unknown"].map(|head| Cell::styled(head, DIM)));
    for (name, tally) in by_type.iter().chain([(&"all".to_owned(), summary)]) {
        table.row(row(name, tally));
    }
    table.write(&mut out);
    for fault in failures {
        let _ = writeln!(out, "\n{BAD}error{BAD:#}  {BOLD}{}{BOLD:#}  {}", fault.ty, fault.message);
        let _ = writeln!(out, "    {DIM}{}{DIM:#}", fault.name);
    }
    out
}

fn row(name: &str, tally: &Tally) -> [Cell; 6] {
    let exact = if tally.exact == tally.decoded { Style::new() } else { BAD };
    [
        Cell::styled(name, if tally.unknown == tally.count { DIM } else { Style::new() }),
        Cell::new(grouped(tally.count)),
        Cell::count(tally.decoded, Style::new()),
        Cell::count(tally.exact, exact),
        Cell::count(tally.failed, BAD),
        Cell::count(tally.unknown, ODD),
    ]
}
