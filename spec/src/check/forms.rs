//! Whether the forms of one field belong together (W065).

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::lower::path::steps;
use crate::syntax::{FieldForm, FieldKind, Type, TypeKind};

pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    for (id, _) in program.names.items() {
        for (_, slot) in program.scopes(id).slots() {
            let Some((first, others)) = slot.field.forms.split_first() else { continue };
            for (at, form) in others.iter().enumerate() {
                let before = &slot.field.forms[..=at];
                let message = if !alike(first, form) {
                    "all forms of a field give the same Rust type"
                } else if first.section.map(|s| s.0) != form.section.map(|s| s.0) {
                    "all forms of a field lie in the same part of the message"
                } else if before.iter().any(|earlier| covers(earlier, form)) {
                    "a form before this one is used whenever this one could be"
                } else {
                    continue;
                };
                diagnostics
                    .push(Diagnostic::new(Code::FormsDiffer, form.span, message).also(first.span, "the first form"));
            }
        }
    }
}

/// Whether the earlier form is used whenever the later one could be.
fn covers(earlier: &FieldForm, later: &FieldForm) -> bool {
    let from = |form: &FieldForm| form.since.map_or(0, |(version, _)| version);
    let to = |form: &FieldForm| form.until.map_or(u32::MAX, |(version, _)| version);
    earlier.when.is_none() && from(earlier) <= from(later) && to(later) <= to(earlier)
}

fn alike(a: &FieldForm, b: &FieldForm) -> bool {
    match (&a.kind, &b.kind) {
        (FieldKind::Value(x), FieldKind::Value(y)) => {
            (same(x, y) || widens(x, y)) && a.fixed.is_some() == b.fixed.is_some()
        }
        (FieldKind::Count { of: x, .. }, FieldKind::Count { of: y, .. })
        | (FieldKind::Len { of: x, .. }, FieldKind::Len { of: y, .. }) => steps(x) == steps(y),
        (FieldKind::Checksum { .. }, FieldKind::Checksum { .. }) => true,
        _ => false,
    }
}

/// Whether two integers differ in their width alone: the widest stands for all.
fn widens(a: &Type, b: &Type) -> bool {
    matches!((&a.kind, &b.kind), (TypeKind::Int(x), TypeKind::Int(y)) if x.signed == y.signed)
}

/// Whether two types give the same Rust type: how lengths and counts are written does not matter.
pub(super) fn same(a: &Type, b: &Type) -> bool {
    match (&a.kind, &b.kind) {
        (TypeKind::Int(x), TypeKind::Int(y)) => x.bits == y.bits && x.signed == y.signed,
        (TypeKind::Float(x), TypeKind::Float(y)) => x == y,
        (TypeKind::Bool, TypeKind::Bool) => true,
        (TypeKind::Named(x) | TypeKind::NamedAs(x, _), TypeKind::Named(y) | TypeKind::NamedAs(y, _)) => {
            x.name == y.name
        }
        (TypeKind::Pad(x), TypeKind::Pad(y)) => x == y,
        (TypeKind::Into(_, x), _) => same(x, b),
        (_, TypeKind::Into(_, y)) => same(a, y),
        (TypeKind::Array(x, n), TypeKind::Array(y, m)) => same(x, y) && n.kind == m.kind,
        (TypeKind::Bytes(_), TypeKind::Bytes(_)) | (TypeKind::String(_), TypeKind::String(_)) => true,
        (TypeKind::List(x, _), TypeKind::List(y, _))
        | (TypeKind::Set(x, _), TypeKind::Set(y, _))
        | (TypeKind::Option(x, _), TypeKind::Option(y, _))
        | (TypeKind::Sealed(x, _), TypeKind::Sealed(y, _)) => same(x, y),
        (TypeKind::Map(k, v, _), TypeKind::Map(l, w, _)) | (TypeKind::Pairs(k, v, _), TypeKind::Pairs(l, w, _)) => {
            same(k, l) && same(v, w)
        }
        (TypeKind::Framed { inner: x, or: e, .. }, TypeKind::Framed { inner: y, or: f, .. }) => same(x, y) && e == f,
        _ => false,
    }
}
