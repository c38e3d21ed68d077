//! All structs and unions of a model, the inline ones too.

use crate::model::{ArmKind, FieldForm, FieldKind, ItemKind, Model, Struct, Type, Union};

/// Calls a function for every union of a model.
pub(super) fn unions<'m>(model: &'m Model, visit: &mut impl FnMut(&'m Union)) {
    for item in model.modules.iter().flat_map(|module| &module.items) {
        match &item.kind {
            ItemKind::Struct(body) => in_struct(body, visit),
            ItemKind::Message(message) => in_struct(&message.body, visit),
            ItemKind::Union(choice) => in_union(choice, visit),
            _ => {}
        }
    }
}

fn in_struct<'m>(body: &'m Struct, visit: &mut impl FnMut(&'m Union)) {
    for form in body.fields.iter().flat_map(|field| &field.forms) {
        if let Some(ty) = wire_type(form) {
            in_type(ty, visit);
        }
    }
}

fn in_union<'m>(choice: &'m Union, visit: &mut impl FnMut(&'m Union)) {
    visit(choice);
    for arm in &choice.arms {
        match &arm.kind {
            ArmKind::Fields(body) => in_struct(body, visit),
            ArmKind::Type(ty) => in_type(ty, visit),
            ArmKind::Raw => {}
        }
    }
}

fn in_type<'m>(ty: &'m Type, visit: &mut impl FnMut(&'m Union)) {
    match ty {
        Type::Array(of, _)
        | Type::List(of, _)
        | Type::Set(of, _)
        | Type::Option(of, _)
        | Type::Framed { inner: of, .. }
        | Type::Sealed(of, _) => in_type(of, visit),
        Type::Map(key, value, _) | Type::Pairs(key, value, _) | Type::Into(key, value) => {
            in_type(key, visit);
            in_type(value, visit);
        }
        Type::Struct(body) => in_struct(body, visit),
        Type::Union(choice) => in_union(choice, visit),
        _ => {}
    }
}

/// The type that a form has on the wire, if it is written as one.
pub(super) fn wire_type(form: &FieldForm) -> Option<&Type> {
    match &form.kind {
        FieldKind::Value(ty) | FieldKind::Const { ty, .. } => Some(ty),
        _ => None,
    }
}
