//! Identifiers of the generated code.

use proc_macro2::{Ident, Span};

/// Words that cannot be used as identifiers even in raw form.
const UNRAWABLE: &[&str] = &["self", "Self", "super", "crate", "_"];

/// Rust keywords, which become raw identifiers.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false", "fn", "for", "gen",
    "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct",
    "trait", "true", "type", "unsafe", "use", "where", "while", "abstract", "become", "box", "do", "final", "macro",
    "override", "priv", "try", "typeof", "unsized", "virtual", "yield",
];

/// Names that the bodies of generated functions use themselves.
const RESERVED: &[&str] = &[
    "at",
    "b",
    "bytes",
    "codec",
    "compat",
    "constant",
    "ctx",
    "data_r",
    "data_w",
    "digest",
    "e",
    "envelope",
    "found",
    "frame",
    "framed",
    "item",
    "items",
    "known",
    "length",
    "middle_r",
    "middle_w",
    "more",
    "n",
    "origin",
    "part",
    "parts",
    "prefix",
    "r",
    "selector",
    "slack",
    "slot",
    "start",
    "struct_compat",
    "struct_v",
    "sum",
    "t",
    "tag",
    "tail",
    "u",
    "value",
    "version",
    "w",
    "window",
];

/// An identifier for a field or type, raw where it must be.
pub(super) fn ident(name: &str, span: Span) -> Ident {
    if UNRAWABLE.contains(&name) {
        Ident::new(&format!("{name}_"), span)
    } else if KEYWORDS.contains(&name) {
        Ident::new_raw(name, span)
    } else {
        Ident::new(name, span)
    }
}

/// An identifier for a local variable that holds a field.
pub(super) fn local(prefix: &str, name: &str) -> Ident {
    let name = format!("{prefix}{name}");
    if RESERVED.contains(&name.as_str())
        || ["run_", "i_", "start_", "end_", "sum_"].iter().any(|stem| name.starts_with(stem))
        || name == "Self"
    {
        Ident::new(&format!("{name}_"), Span::call_site())
    } else {
        ident(&name, Span::call_site())
    }
}

/// `snake_case` to `CamelCase`.
pub(super) fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut up = true;
    for c in name.chars() {
        if c == '_' {
            up = true;
        } else if up {
            out.extend(c.to_uppercase());
            up = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// `snake_case` to `SHOUTING_CASE`.
pub(super) fn shout(name: &str) -> String {
    name.to_uppercase()
}
