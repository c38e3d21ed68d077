//! Tokens as they are printed: signs joined, and blanks decided.

use super::marks::{Mark, Marks};
use crate::span::Span;
use crate::token::{Token, TokenKind};

/// The signs of two characters.
const JOINED: &[&str] = &["::", "..", "=>", "->", "==", "!=", "<=", ">="];

/// One or two tokens that are printed together.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// As printed.
    pub(super) text: String,
    /// Where it stood.
    pub(super) span: Span,
    /// Whether it is a comment or documentation.
    pub(super) remark: Option<Remark>,
    /// What it is for the layout.
    pub(super) mark: Option<Mark>,
    /// No blank in front.
    glued_left: bool,
    /// No blank behind.
    glued_right: bool,
}

/// What a piece that is not part of the grammar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// `//`
    Comment,
    /// `///`
    Doc,
}

impl Piece {
    /// Whether it is this sign.
    pub(super) fn is(&self, sign: &str) -> bool {
        self.text == sign
    }

    /// Whether a line starts here.
    pub(super) fn starts_line(&self) -> bool {
        self.mark.is_some_and(Mark::starts_line)
    }

    /// Whether a blank stands between the two.
    pub(super) fn blank_before(&self, next: &Piece) -> bool {
        !self.glued_right && !next.glued_left
    }

    /// A comma between entries on one line.
    pub(super) fn comma() -> Piece {
        Piece { glued_left: true, ..Piece::plain(",".to_owned(), Span::default()) }
    }

    fn plain(text: String, span: Span) -> Piece {
        Piece { text, span, remark: None, mark: None, glued_left: false, glued_right: false }
    }
}

/// The pieces of a text.
pub(super) fn pieces(text: &str, tokens: &[Token], marks: &Marks) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut brackets: Vec<Bracket> = Vec::new();
    let mut left = tokens.iter().peekable();
    while let Some(token) = left.next() {
        let mut piece = Piece::plain(written(text, token), token.span);
        piece.mark = marks.get(&token.span.start).copied();
        match token.kind {
            TokenKind::Doc(_) => piece.remark = Some(Remark::Doc),
            TokenKind::Comment(_) => piece.remark = Some(Remark::Comment),
            TokenKind::Punct(sign) => {
                let closes = sign == '>' && brackets.last() == Some(&Bracket::Angle);
                if let Some(second) = left.next_if(|next| !closes && joins(sign, next)) {
                    piece.text.push_str(&written(text, second));
                    piece.span = token.span.to(second.span);
                }
            }
            _ => {}
        }
        glue(&mut piece, pieces.last(), left.peek().copied(), &mut brackets);
        pieces.push(piece);
    }
    pieces
}

fn joins(first: char, second: &Token) -> bool {
    matches!(second.kind, TokenKind::Punct(second) if JOINED.contains(&format!("{first}{second}").as_str()))
}

fn written(text: &str, token: &Token) -> String {
    match &token.kind {
        TokenKind::Doc(doc) => format!("/// {doc}").trim_end().to_owned(),
        TokenKind::Comment(comment) => comment.clone(),
        _ => text.get(token.span.start as usize..token.span.end as usize).unwrap_or_default().to_owned(),
    }
}

/// An open bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// `<` of a type.
    Angle,
    /// `{` behind `::`.
    Names,
    /// Any other.
    Other,
}

fn glue(piece: &mut Piece, before: Option<&Piece>, next: Option<&Token>, brackets: &mut Vec<Bracket>) {
    if piece.remark.is_some() {
        return;
    }
    let (left, right) = match piece.text.as_str() {
        "{" => {
            let names = before.is_some_and(|before| before.is("::"));
            brackets.push(if names { Bracket::Names } else { Bracket::Other });
            (false, names || next.is_some_and(|next| next.is('}')))
        }
        "}" => (brackets.pop() == Some(Bracket::Names), false),
        "(" | "[" => {
            brackets.push(Bracket::Other);
            (false, true)
        }
        ")" | "]" => {
            brackets.pop();
            (true, false)
        }
        "<" if before.is_some_and(|before| before.mark == Some(Mark::Brackets)) => {
            brackets.push(Bracket::Angle);
            (true, true)
        }
        ">" if brackets.last() == Some(&Bracket::Angle) => {
            brackets.pop();
            (true, false)
        }
        "," | ";" | "!" => (true, false),
        "." | "::" => (true, true),
        ".." => {
            let numbers = next.is_some_and(|next| matches!(next.kind, TokenKind::Int(_)));
            (numbers, numbers)
        }
        "-" => (false, piece.mark.is_some()),
        _ => (false, false),
    };
    (piece.glued_left, piece.glued_right) = (left, right);
}
