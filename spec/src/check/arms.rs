//! Values that choose arms (W100, W103).

use std::collections::HashMap;

use super::walk::{unions, wire_type};
use crate::diagnostic::{Code, Diagnostic};
use crate::lower::value::pattern;
use crate::model::{Arm, ArmKind, FieldForm, FieldKind, Int, ItemKind, Model, Selector, Struct, Type, Union, Value};

pub(super) fn check(model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    unions(model, &mut |choice| {
        distinct(choice, diagnostics);
        if let Selector::Peek(tag) = &choice.by {
            for arm in &choice.arms {
                diagnostics.extend(peeked(model, tag, arm));
            }
        }
    });
}

/// That no value chooses two arms. An arm with a condition leaves its values to later ones.
fn distinct(choice: &Union, diagnostics: &mut Vec<Diagnostic>) {
    let mut taken: HashMap<u64, &Arm> = HashMap::new();
    for arm in &choice.arms {
        for value in &arm.values {
            if let Some(first) = taken.get(value) {
                let message = format!("`{}` and `{}` are chosen by the same value {value}", first.name, arm.name);
                diagnostics
                    .push(Diagnostic::new(Code::DuplicateValue, arm.span, message).also(first.span, "chosen first"));
            } else if arm.when.is_none() {
                taken.insert(*value, arm);
            }
        }
    }
}

/// That an arm starts with the value it was chosen by.
fn peeked(model: &Model, tag: &Type, arm: &Arm) -> Option<Diagnostic> {
    let start = match &arm.kind {
        ArmKind::Raw => return None,
        ArmKind::Fields(body) => start_of_struct(model, body, 0),
        ArmKind::Type(ty) => start(model, ty, 0),
    };
    let message = match start {
        Start::Const(int, value) => match integer(model, tag) {
            Some(wire) if wire == int && arm.values.contains(&pattern(value, own(model, tag, wire).bits)) => {
                return None;
            }
            _ if arm.values.is_empty() => return None,
            _ => format!("`{}` starts with {value}, which does not choose it", arm.name),
        },
        Start::Int(int) if integer(model, tag) == Some(int) => return None,
        Start::Unknown => return None,
        Start::Int(_) | Start::Other => format!("`{}` does not start with the value it is chosen by", arm.name),
    };
    Some(Diagnostic::new(Code::PeekMismatch, arm.span, message))
}

/// What something starts with.
enum Start {
    /// An integer with a known value.
    Const(Int, i128),
    /// An integer.
    Int(Int),
    /// Something that a type written by hand or a recursive one hides.
    Unknown,
    /// Anything else.
    Other,
}

fn start_of_struct(model: &Model, body: &Struct, depth: u8) -> Start {
    let Some(first) = body.fields.first().filter(|_| body.versions.is_empty()) else { return Start::Other };
    match first.forms.as_slice() {
        [FieldForm { kind: FieldKind::Const { ty, value: Value::Int(value) }, .. }] => match integer(model, ty) {
            Some(int) => Start::Const(int, *value),
            None => Start::Other,
        },
        [form] => wire_type(form).map_or(Start::Other, |ty| start(model, ty, depth)),
        _ => Start::Other,
    }
}

fn start(model: &Model, ty: &Type, depth: u8) -> Start {
    if depth > 32 {
        return Start::Unknown;
    }
    if let Some(int) = integer(model, ty) {
        return Start::Int(int);
    }
    match ty {
        Type::Struct(body) => start_of_struct(model, body, depth + 1),
        Type::Named(name) => match model.item(name).map(|item| &item.kind) {
            Some(ItemKind::Struct(body)) => start_of_struct(model, body, depth + 1),
            Some(ItemKind::Extern { .. }) | None => Start::Unknown,
            _ => Start::Other,
        },
        _ => Start::Other,
    }
}

/// The integer that a type is on the wire.
fn integer(model: &Model, ty: &Type) -> Option<Int> {
    match ty {
        Type::Int(int) | Type::NamedAs(_, int) => Some(*int),
        Type::Named(name) => declared(model, name),
        _ => None,
    }
}

/// The integer that the values of a selector are numbers of: an enum's own, whatever it is written as.
fn own(model: &Model, ty: &Type, wire: Int) -> Int {
    match ty {
        Type::NamedAs(name, _) => declared(model, name).unwrap_or(wire),
        _ => wire,
    }
}

/// The integer that an enum or flag set is declared with.
fn declared(model: &Model, name: &str) -> Option<Int> {
    match model.item(name).map(|item| &item.kind) {
        Some(ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. }) => {
            Some(*repr)
        }
        _ => None,
    }
}
