//! Clauses and sections that say nothing where they stand (W120, W121).

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::span::Span;
use crate::syntax::{FieldForm, FieldKind, ItemKind, Section, Selector, Type, TypeKind, Value};

pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    for (id, item) in program.names.items() {
        let scopes = program.scopes(id);
        let frame = matches!(item.kind, ItemKind::Frame(_) | ItemKind::FrameUnion(_));
        for span in &scopes.misplaced {
            let message = "sections stand in the outermost braces of a message";
            diagnostics.push(Diagnostic::new(Code::SectionMisplaced, *span, message));
        }
        for choice in scopes.choices.iter().map(|choice| choice.choice) {
            let fills = choice.fixed.is_some() && matches!(choice.by, Selector::Field(_));
            for span in choice.arms.iter().filter(|arm| !fills || arm.when.is_none()).filter_map(|arm| arm.droppable) {
                let message = "only an arm that is absent at times can be dropped, in a `fixed` union by a field";
                diagnostics.push(Diagnostic::new(Code::ClauseMisplaced, span, message));
            }
        }
        for (_, slot) in scopes.slots() {
            for form in &slot.field.forms {
                if let Some((_, span)) = form.section
                    && (frame || slot.section != Section::Front)
                {
                    let message = "only fields in the front of a message lie apart";
                    diagnostics.push(Diagnostic::new(Code::SectionMisplaced, span, message));
                }
                diagnostics
                    .extend(idle(form).map(|(span, message)| Diagnostic::new(Code::ClauseMisplaced, span, message)));
            }
        }
    }
}

/// The clauses of a form that say nothing.
fn idle(form: &FieldForm) -> impl Iterator<Item = (Span, &'static str)> + use<> {
    let derived = !matches!(form.kind, FieldKind::Value(_));
    let in_rust = !derived && form.fixed.is_none();
    let versioned = form.since.is_some() || form.until.is_some();
    let at = |value: &Option<Value>| value.as_ref().map(|value| value.span);
    let when = |wrong: bool, span: Option<Span>, message| span.filter(|_| wrong).map(|span| (span, message));
    let found = [
        when(derived, at(&form.fixed), "a derived field has no value of its own"),
        when(!in_rust, at(&form.default), "only a field of the Rust struct has a default"),
        when(
            !matches!(form.kind, FieldKind::Checksum { .. }),
            form.unless.as_ref().map(|test| test.span),
            "only a checksum can be left uncomputed",
        ),
        when(
            form.max.is_some() && !is_counted(form),
            Some(form.span),
            "`max` bounds a length or count, which this type has not",
        ),
        when(
            form.droppable && !(in_rust && (versioned || form.when.is_some())),
            Some(form.span),
            "only a field that is absent at times can be dropped",
        ),
    ];
    found.into_iter().flatten()
}

/// The type that lies on the wire.
fn wire_of(ty: &Type) -> &Type {
    match &ty.kind {
        TypeKind::Into(wire, _) => wire,
        _ => ty,
    }
}

/// Whether the type has a length or count that `max` can bound.
fn is_counted(form: &FieldForm) -> bool {
    match &form.kind {
        FieldKind::Value(ty) => matches!(
            wire_of(ty).kind,
            TypeKind::Bytes(_)
                | TypeKind::String(_)
                | TypeKind::List(..)
                | TypeKind::Set(..)
                | TypeKind::Map(..)
                | TypeKind::Pairs(..)
                | TypeKind::Framed { .. }
                | TypeKind::Sealed(..)
        ),
        _ => false,
    }
}
