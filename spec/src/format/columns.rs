//! Columns: what lines in the same braces have in common stands below each other.

use std::collections::HashMap;

use super::lines::Line;
use super::marks::Mark;

/// The widest text that the others are aligned to.
const WIDEST: usize = 40;

/// The words that start a clause.
const CLAUSES: &[&str] = &["=", "default", "since", "until", "when", "unless", "max", "droppable", "in"];

/// Pads the lines so that names, types and clauses form columns.
pub(super) fn align(lines: &mut [Line]) {
    align_names(lines);
    align_clauses(lines);
}

/// Aligns the sign behind the name of all lines of one kind in the same braces.
fn align_names(lines: &mut [Line]) {
    let mut widths: HashMap<(usize, bool), usize> = HashMap::new();
    let key = |line: &Line| (line.braces, line.mark() == Some(Mark::Field));
    for line in lines.iter() {
        if let Some(sign) = name_end(line) {
            let width = line.text(0, sign).chars().count();
            let widest = widths.entry(key(line)).or_default();
            if width <= WIDEST {
                *widest = width.max(*widest);
            }
        }
    }
    for line in lines {
        if let Some(sign) = name_end(line) {
            let widest = widths.get(&key(line)).copied().unwrap_or_default();
            line.padding[sign] = widest.saturating_sub(line.text(0, sign).chars().count());
        }
    }
}

/// The index of the sign behind the name.
fn name_end(line: &Line) -> Option<usize> {
    let sign = match line.mark()? {
        Mark::Field | Mark::Row => ":",
        Mark::Member => "=",
        Mark::Arm => "=>",
        _ => return None,
    };
    line.pieces.iter().position(|piece| piece.is(sign))
}

/// Aligns the first clause of fields that follow each other; only empty lines and braces keep them apart.
fn align_clauses(lines: &mut [Line]) {
    let mut from = 0;
    while from < lines.len() {
        let mut to = from + 1;
        while to < lines.len() && !lines[to].gap && lines[to].braces == lines[from].braces {
            to += 1;
        }
        align_run(&mut lines[from..to]);
        from = to;
    }
}

fn align_run(lines: &mut [Line]) {
    let width = |line: &Line| clause(line).map(|(name, clause)| line.text(name + 1, clause).chars().count());
    let widest = lines.iter().filter_map(width).filter(|width| *width <= WIDEST).max().unwrap_or_default();
    for line in lines {
        if let (Some((_, at)), Some(width)) = (clause(line), width(line)) {
            line.padding[at] = widest.saturating_sub(width);
        }
    }
}

/// The indexes of a field's colon and of its first clause, if it stands on the same line.
fn clause(line: &Line) -> Option<(usize, usize)> {
    let colon = name_end(line).filter(|_| line.mark() == Some(Mark::Field))?;
    let mut depth = 0_usize;
    for at in colon + 2..line.pieces.len() {
        let (before, piece) = (&line.pieces[at - 1], &line.pieces[at]);
        match piece.text.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "|" => return None,
            word if depth == 0 && CLAUSES.contains(&word) && ![".", "..", "of"].contains(&before.text.as_str()) => {
                return Some((colon, at));
            }
            _ => {}
        }
    }
    None
}
