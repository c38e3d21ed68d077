//! The canonical layout of a spec: text in, text out, with comments kept.
//!
//! The tokens decide, not the newlines, with two exceptions: braces that were written on one line, and fit, stay on
//! one line; single blank lines between fields stay. Formatting twice gives the same text as formatting once.

mod columns;
mod lines;
mod marks;
mod pieces;

use crate::diagnostic::Diagnostic;
use crate::grammar::parse;
use crate::lexer::lex;

/// How wide a line may be.
const WIDTH: usize = 120;

/// What one level of braces indents.
const INDENT: usize = 4;

/// The text in canonical layout, or why it cannot be read.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = parse(0, text);
    let Some(file) = parsed.file.filter(|_| parsed.diagnostics.is_empty()) else {
        return Err(parsed.diagnostics);
    };
    let tokens = lex(0, text).0;
    let marks = marks::marks(&file, &tokens);
    let mut lines = lines::lines(text, &tokens, &marks);
    columns::align(&mut lines);
    Ok(lines.iter().map(lines::Line::render).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(body: &str) -> String {
        let text = format!("protocol p order big {body}");
        let once = format(&text).unwrap();
        assert_eq!(format(&once).unwrap(), once);
        once.strip_prefix("protocol p\norder big\n\n").unwrap().to_owned()
    }

    #[test]
    fn columns_align_within_braces() {
        assert_eq!(
            formatted("struct A {\nid:u32 since 2\n name :string<len u8> default \"x\"\n\n\nz : u8 }"),
            "struct A {\n    id   : u32            since 2\n    name : string<len u8> default \"x\"\n\n    z    : u8\n}\n"
        );
    }

    #[test]
    fn braces_stay_on_one_line() {
        assert_eq!(formatted("enum A : u8 { B=1 C=2, }"), "enum A : u8 { B = 1, C = 2 }\n");
        assert_eq!(formatted("struct A{ }"), "struct A {}\n");
    }

    #[test]
    fn comments_stay() {
        assert_eq!(
            formatted("struct A { // one\n// two\na : // three\nu8, // four\n// five\n} // six\n// seven\n"),
            "struct A { // one\n    // two\n    a : // three\n        u8 // four\n    // five\n} // six\n// seven\n"
        );
    }

    #[test]
    fn signs_keep_their_meaning() {
        assert_eq!(
            formatted("struct A { a : i8 default - 1\nb:list<u8,count of a>when a<3 and a.b >=-1\nc:len u8 of d.e-4 }"),
            "struct A {\n    a : i8                   default -1\n    b : list<u8, count of a> when a < 3 and a.b >= -1\n    \
             c : len u8 of d.e - 4\n}\n"
        );
    }

    #[test]
    fn ranges_and_masks_have_their_blanks() {
        assert_eq!(
            formatted("struct A { a:Kind as u32 when b&0xf==1\nc:crc of v0..v1\norder v0 .. 1:a  c; }"),
            "struct A {\n    a : Kind as u32 when b & 0xf == 1\n    c : crc of v0 .. v1\n    order v0..1 : a c;\n}\n"
        );
    }

    #[test]
    fn long_lines_break() {
        let names: Vec<String> = (0..30).map(|n| format!("Name{n}")).collect();
        let text = format!("protocol p order big use m::{{{}}}", names.join(","));
        let once = format(&text).unwrap();
        assert!(once.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(format(&once).unwrap(), once);
    }
}
