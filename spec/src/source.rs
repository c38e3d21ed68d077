//! The texts that spans point into.

use std::path::PathBuf;

use crate::span::Span;

/// The loaded files; [`Span::file`] is an index into them.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    /// The files, the one asked for first.
    pub files: Vec<SourceFile>,
}

/// One loaded file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The name without extension: that of the module.
    pub name: String,
    /// Where it was read from.
    pub path: PathBuf,
    /// What it says; empty for a file that came as tokens.
    pub text: String,
}

/// A line and a column, both counted from one; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl SourceMap {
    /// The file a span lies in.
    pub fn file(&self, span: Span) -> Option<&SourceFile> {
        self.files.get(span.file as usize)
    }

    /// Where a span starts.
    pub fn position(&self, span: Span) -> Option<Position> {
        self.file(span).map(|file| file.position(span.start as usize))
    }
}

impl SourceFile {
    /// The line and column of a byte offset; offsets behind the end are the end.
    pub fn position(&self, offset: usize) -> Position {
        let before: String = self.text.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Position { line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let file = SourceFile { name: "a".into(), path: "a.wire".into(), text: "ab\nµc\n".into() };
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(2), Position { line: 1, column: 3 });
        assert_eq!(file.position(5), Position { line: 2, column: 2 });
        assert_eq!(file.position(99), Position { line: 3, column: 1 });
    }
}
