//! Columns that line up.

use anstyle::Style;

use super::{DIM, grouped};

/// On which side of a column its cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// One cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Cell::styled(text, Style::new())
    }

    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        let style = if text.is_empty() { Style::new() } else { style };
        Cell { text, style }
    }

    /// A number in a style; nothing to see is a dash.
    pub(super) fn count(n: u64, style: Style) -> Self {
        if n == 0 { Cell::styled("-", DIM) } else { Cell::styled(grouped(n), style) }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Rows of cells.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    columns: [Align; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(columns: [Align; N]) -> Self {
        Table { columns, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// Writes the rows, indented by two.
    pub(super) fn write(&self, out: &mut String) {
        let width = |column: usize| self.rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let widths: [usize; N] = std::array::from_fn(width);
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, align), width) in row.iter().zip(self.columns).zip(widths) {
                let Cell { text, style } = cell;
                let padding = " ".repeat(width - cell.width());
                let (before, after) = if align == Align::Left { ("", &*padding) } else { (&*padding, "") };
                line.push_str(&format!("  {before}{style}{text}{style:#}{after}"));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
}
