//! Whether an `into` has two types between which a conversion can lead (W066).

use super::forms::same;
use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::syntax::{ArmKind, Count, Extent, FieldKind, Type, TypeKind};

pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    for (id, _) in program.names.items() {
        let scopes = program.scopes(id);
        for form in scopes.slots().flat_map(|(_, slot)| &slot.field.forms) {
            if let FieldKind::Value(ty) = &form.kind {
                if form.fixed.is_some() && matches!(ty.kind, TypeKind::Into(..)) {
                    let message = "what is always the same is not in Rust, so that nothing is converted";
                    diagnostics.push(Diagnostic::new(Code::Conversion, ty.span, message));
                }
                inside(ty, diagnostics);
            }
        }
        for arm in scopes.choices.iter().flat_map(|choice| &choice.choice.arms) {
            if let ArmKind::Type(ty) = &arm.kind {
                inside(ty, diagnostics);
            }
        }
    }
}

fn inside(ty: &Type, diagnostics: &mut Vec<Diagnostic>) {
    match &ty.kind {
        TypeKind::Into(wire, rust) => {
            inside(wire, diagnostics);
            let message = if !is_plain(rust) {
                "behind `into` stands a Rust type alone, without a layout"
            } else if same(wire, rust) {
                "both types are the same in Rust, so that there is nothing to convert"
            } else {
                return;
            };
            diagnostics.push(Diagnostic::new(Code::Conversion, rust.span, message));
        }
        TypeKind::Array(of, _)
        | TypeKind::List(of, _)
        | TypeKind::Set(of, _)
        | TypeKind::Option(of, _)
        | TypeKind::Framed { inner: of, .. }
        | TypeKind::Sealed(of, _) => inside(of, diagnostics),
        TypeKind::Map(key, value, _) | TypeKind::Pairs(key, value, _) => {
            inside(key, diagnostics);
            inside(value, diagnostics);
        }
        _ => {}
    }
}

/// Whether a type says no more than which Rust type it is.
fn is_plain(ty: &Type) -> bool {
    let counted = |count: &Count| matches!(count, Count::Prefix(_));
    match &ty.kind {
        TypeKind::Int(_) | TypeKind::Float(_) | TypeKind::Bool | TypeKind::Named(_) => true,
        TypeKind::Bytes(extent) | TypeKind::String(extent) => matches!(extent, Extent::Prefix(_)),
        TypeKind::Array(of, _) | TypeKind::Option(of, _) => is_plain(of),
        TypeKind::List(of, count) | TypeKind::Set(of, count) => counted(count) && is_plain(of),
        TypeKind::Map(key, value, count) | TypeKind::Pairs(key, value, count) => {
            counted(count) && is_plain(key) && is_plain(value)
        }
        _ => false,
    }
}
