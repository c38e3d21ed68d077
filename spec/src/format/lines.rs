//! Pieces to lines.

use super::marks::{Mark, Marks};
use super::pieces::{Piece, Remark, pieces};
use super::{INDENT, WIDTH};
use crate::token::Token;

/// One line of the result, unless it has to be broken.
#[derive(Debug)]
pub(super) struct Line {
    /// Levels of indentation.
    pub(super) depth: usize,
    /// Which braces it stands in.
    pub(super) braces: usize,
    /// Whether an empty line stands in front.
    pub(super) gap: bool,
    /// What it says.
    pub(super) pieces: Vec<Piece>,
    /// For each piece, extra blanks in front of it, for columns.
    pub(super) padding: Vec<usize>,
}

impl Line {
    /// What the line starts with.
    pub(super) fn mark(&self) -> Option<Mark> {
        self.pieces.first().and_then(|piece| piece.mark)
    }

    /// Whether the line is a comment or documentation.
    pub(super) fn remark(&self) -> Option<Remark> {
        self.pieces.first().and_then(|piece| piece.remark)
    }

    /// Whether all braces that the line opens are closed in it.
    fn braces_closed(&self) -> bool {
        let count = |sign| self.pieces.iter().filter(|piece| piece.is(sign)).count();
        count("{") == count("}")
    }

    /// The pieces from one index to another as they are printed.
    pub(super) fn text(&self, from: usize, to: usize) -> String {
        let mut text = String::new();
        for at in from..to.min(self.pieces.len()) {
            if at > from {
                let blank = usize::from(self.pieces[at - 1].blank_before(&self.pieces[at]));
                text.push_str(&" ".repeat(blank + self.padding[at]));
            }
            text.push_str(&self.pieces[at].text);
        }
        text
    }

    /// The line with its newline, broken where it is too long and may be.
    pub(super) fn render(&self) -> String {
        let mut text = if self.gap { "\n".to_owned() } else { String::new() };
        let mut indent = self.depth * INDENT;
        let whole = self.text(0, self.pieces.len());
        if indent + whole.chars().count() <= WIDTH {
            return format!("{text}{:indent$}{whole}\n", "");
        }
        let breaks = self.breaks();
        // What is in the braces stands one level in, so that the rest of the line before them stands two levels in.
        let levels = if self.pieces.last().is_some_and(|last| last.is("{")) { 2 } else { 1 };
        let mut from = 0;
        while from < self.pieces.len() {
            let fits = |to: &&usize| indent + self.text(from, **to).chars().count() <= WIDTH;
            let later = || breaks.iter().filter(|at| **at > from);
            let to = *later().take_while(fits).last().or(later().next()).unwrap_or(&self.pieces.len());
            text.push_str(&format!("{:indent$}{}\n", "", self.text(from, to)));
            indent = (self.depth + levels) * INDENT;
            from = to;
        }
        text
    }

    /// The indexes of pieces that may start a new line, and the end.
    fn breaks(&self) -> Vec<usize> {
        let order = (self.mark() == Some(Mark::Entry) && self.pieces[0].is("order"))
            .then(|| self.pieces.iter().position(|piece| piece.is(":")))
            .flatten();
        let mut depth = 0_usize;
        let mut breaks = Vec::new();
        for (at, piece) in self.pieces.iter().enumerate() {
            let behind_comma = at > 0 && self.pieces[at - 1].is(",") && self.mark() == Some(Mark::Use);
            let word = matches!(piece.text.as_str(), "|" | "and" | "or" | "when" | "unless" | "source" | "type");
            let raised = piece.is("(") && self.mark() == Some(Mark::Row);
            let clause = (word || raised) && depth == 0 && at > 0 && self.mark() != Some(Mark::Use);
            let in_order = order.is_some_and(|colon| at > colon + 1) && !piece.is(";");
            if behind_comma || clause || in_order {
                breaks.push(at);
            }
            match piece.text.as_str() {
                "{" | "(" => depth += 1,
                "}" | ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        breaks.push(self.pieces.len());
        breaks
    }
}

/// The lines of a text, not yet aligned.
pub(super) fn lines(text: &str, tokens: &[Token], marks: &Marks) -> Vec<Line> {
    let pieces = pieces(text, tokens, marks);
    let braces = braces(text, &pieces);
    let mut builder = Builder { text, lines: Vec::new(), open: Vec::new(), fresh: true };
    for (at, piece) in pieces.iter().enumerate() {
        builder.piece(&pieces, at, piece, braces[at]);
    }
    let mut lines = builder.lines;
    separate_items(&mut lines);
    lines
}

/// How braces are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Braces {
    /// Not a brace, or one without lines inside.
    None,
    /// The braces around the file.
    Wrapper,
    /// One entry per line.
    Block,
    /// All entries on one line.
    Inline,
}

/// For each piece that is a brace, how it is laid out.
fn braces(text: &str, pieces: &[Piece]) -> Vec<Braces> {
    let mut braces = vec![Braces::None; pieces.len()];
    let mut open = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        if piece.is("{") {
            open.push(at);
        } else if piece.is("}")
            && let Some(start) = open.pop()
        {
            let layout = layout(text, &pieces[start..=at], start > 0 && pieces[start - 1].is("!"));
            braces[start] = layout;
            braces[at] = layout;
        }
    }
    braces
}

fn layout(text: &str, inside: &[Piece], wrapper: bool) -> Braces {
    if wrapper {
        return Braces::Wrapper;
    }
    let entries = inside.iter().any(|piece| piece.starts_line());
    let remarks = inside.iter().any(|piece| piece.remark.is_some());
    let ends = inside.first().zip(inside.last()).map(|(first, last)| (first.span.start, last.span.end));
    let written = ends.and_then(|(from, to)| text.get(from as usize..to as usize)).unwrap_or_default();
    let width: usize = inside.iter().map(|piece| piece.text.chars().count() + 1).sum();
    match (entries, remarks || written.contains('\n') || width > WIDTH * 3 / 4) {
        (false, false) => Braces::None,
        (false, true) if !remarks => Braces::None,
        (_, true) => Braces::Block,
        (true, false) => Braces::Inline,
    }
}

struct Builder<'a> {
    text: &'a str,
    lines: Vec<Line>,
    /// The open braces that have lines inside: the index of the piece, and how they are laid out.
    open: Vec<(usize, Braces)>,
    /// Whether the next piece starts a line.
    fresh: bool,
}

impl Builder<'_> {
    fn piece(&mut self, pieces: &[Piece], at: usize, piece: &Piece, layout: Braces) {
        let before = at.checked_sub(1).map(|at| &pieces[at]);
        let between = before.map_or("", |before| self.between(before, piece));
        let newlines = between.matches('\n').count();
        let next = pieces[at + 1..].iter().find(|next| next.remark.is_none());
        if piece.is(",") && next.is_none_or(|next| next.starts_line() || next.is("}")) {
            let closes = next.is_none_or(|next| next.is("}"));
            if !closes && self.inline() {
                self.push(Piece::comma());
            }
            return;
        }
        let closing = piece.is("}") && layout != Braces::None;
        if closing {
            self.open.pop();
        }
        let breaks_in_front = match piece.remark {
            Some(Remark::Doc) => true,
            Some(Remark::Comment) => newlines > 0 || before.is_none(),
            None if closing => layout != Braces::Inline,
            None => piece.starts_line() && !self.inline(),
        };
        if self.fresh || breaks_in_front {
            let opened = before.is_some_and(|before| before.is("{"));
            self.start(newlines > 1 && !opened && !closing, piece, closing);
        } else if piece.starts_line() && before.is_some_and(|before| !before.is("{") && !before.is(",")) {
            self.push(Piece::comma());
        }
        self.push(piece.clone());
        self.fresh = piece.remark.is_some();
        if piece.is("{") && layout != Braces::None {
            self.open.push((at, layout));
            // A comment behind the brace stays behind it.
            self.fresh = layout != Braces::Inline && !self.comment_follows(pieces, at);
        }
    }

    fn start(&mut self, gap: bool, piece: &Piece, closing: bool) {
        let levels = self.open.iter().filter(|(_, layout)| *layout == Braces::Block).count();
        let goes_on = !closing && piece.remark.is_none() && !piece.starts_line() && !self.lines.is_empty();
        let wrapped = self.lines.last().is_some_and(|line| line.pieces.last().is_some_and(|p| p.remark.is_some()));
        let continuation = goes_on && wrapped && !self.at_top();
        self.lines.push(Line {
            depth: levels + usize::from(continuation),
            braces: self.open.last().map_or(0, |(at, _)| at + 1),
            gap: gap && !self.lines.is_empty(),
            pieces: Vec::new(),
            padding: Vec::new(),
        });
    }

    /// Whether nothing of the grammar has been printed yet.
    fn at_top(&self) -> bool {
        self.lines.iter().all(|line| line.remark().is_some())
    }

    fn push(&mut self, piece: Piece) {
        if let Some(line) = self.lines.last_mut() {
            line.pieces.push(piece);
            line.padding.push(0);
        }
    }

    fn inline(&self) -> bool {
        self.open.last().is_some_and(|(_, layout)| *layout == Braces::Inline)
    }

    fn comment_follows(&self, pieces: &[Piece], at: usize) -> bool {
        pieces
            .get(at + 1)
            .is_some_and(|next| next.remark == Some(Remark::Comment) && !self.between(&pieces[at], next).contains('\n'))
    }

    fn between(&self, before: &Piece, piece: &Piece) -> &str {
        self.text.get(before.span.end as usize..piece.span.start as usize).unwrap_or_default()
    }
}

/// Puts one empty line between items; those that take one line each may stand together.
fn separate_items(lines: &mut [Line]) {
    let mut previous: Option<String> = None;
    for at in 0..lines.len() {
        match lines[at].mark() {
            Some(Mark::Item) => {
                let line = &lines[at];
                let single = line.braces_closed();
                let keyword = single.then(|| line.pieces[0].text.clone());
                let first = first_remark(lines, at);
                let together = keyword.is_some() && keyword == previous && first == at;
                if !together {
                    lines[first].gap = first > 0;
                }
                previous = keyword;
            }
            Some(Mark::Use) if previous.is_none() => {
                let first = first_remark(lines, at);
                lines[first].gap = true;
                previous = Some("use".to_owned());
            }
            Some(Mark::Head) => lines[at].gap &= lines[at].pieces[0].is("protocol"),
            _ => {}
        }
    }
}

/// The first of the remarks that stand right above a line.
fn first_remark(lines: &[Line], at: usize) -> usize {
    let mut first = at;
    while first > 0 && !lines[first].gap && lines[first - 1].remark().is_some() {
        first -= 1;
    }
    first
}
