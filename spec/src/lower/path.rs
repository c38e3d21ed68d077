//! Paths: which field a dotted name leads to, seen from another field.

use super::Program;
use super::names::ItemId;
use super::scope::{Place, Scopes, Slot};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::{FieldKind, ItemKind, Path, Type, TypeKind};

/// Where a path leads.
#[derive(Debug, Clone)]
pub(crate) struct Found<'a> {
    /// The field that the first step names, in the braces of the one who looks or around them.
    pub(crate) first: Place,
    /// Where the one who looks stands in the same braces.
    pub(crate) from: Place,
    /// The field at the end, in the same item, if no step led through a declared type.
    pub(crate) place: Option<Place>,
    /// The field at the end.
    pub(crate) slot: Slot<'a>,
}

impl Found<'_> {
    /// Whether the field has been read when the one who looks is.
    pub(crate) fn is_read_before(&self) -> bool {
        self.first.slot < self.from.slot
    }

    /// Whether the field is read after the one who looks.
    pub(crate) fn is_read_after(&self) -> bool {
        self.first.slot > self.from.slot
    }
}

impl<'a> Program<'a> {
    /// The field that a path seen from a place leads to (W027).
    pub(crate) fn find(&self, item: ItemId, from: Place, path: &Path) -> Result<Found<'a>, Diagnostic> {
        let scopes = self.scopes(item);
        let Some(first_step) = path.steps.first() else {
            return Err(Diagnostic::new(Code::UnknownPath, Span::default(), "a path without steps"));
        };
        let in_scope = |place: &Place| {
            let slots = &scopes.scopes.get(place.scope)?.slots;
            let slot = slots.iter().position(|slot| slot.field.name.name == first_step.name)?;
            Some((*place, Place { slot, ..*place }))
        };
        let Some((from, first)) = scopes.outward(from).find_map(|place| in_scope(&place)) else {
            let message = format!("there is no field `{}` here or further out", first_step.name);
            return Err(Diagnostic::new(Code::UnknownPath, first_step.span, message));
        };
        let mut slot = scopes.slot(first);
        let mut at = (scopes, Some(first), item);
        for step in &path.steps[1..] {
            let inside = self.inside(at.0, at.1, slot, at.2);
            let field = inside.and_then(|(scopes, scope, id)| {
                let slots = &scopes.scopes[scope].slots;
                let slot = slots.iter().position(|slot| slot.field.name.name == step.name)?;
                Some((scopes, Place { scope, slot }, id))
            });
            let Some((scopes, place, id)) = field else {
                let message = format!("`{}` has no field `{}`", slot.field.name.name, step.name);
                return Err(Diagnostic::new(Code::UnknownPath, step.span, message));
            };
            slot = scopes.slot(place);
            at = (scopes, Some(place), id);
        }
        let place = at.1.filter(|_| at.2 == item);
        Ok(Found { first, from, place, slot })
    }

    /// The braces that a field's type opens.
    fn inside<'s>(
        &'s self,
        scopes: &'s Scopes<'a>,
        place: Option<Place>,
        slot: Slot<'a>,
        id: ItemId,
    ) -> Option<(&'s Scopes<'a>, usize, ItemId)> {
        let mut ty = value_type(slot)?;
        while let TypeKind::Framed { inner, .. } = &ty.kind {
            ty = inner;
        }
        match &ty.kind {
            TypeKind::Struct(body) => scopes.scope_of(place, body).map(|scope| (scopes, scope, id)),
            TypeKind::Named(name) => {
                let id = self.names.lookup(slot.module, &name.name)?;
                let declared = matches!(self.names.item(id).kind, ItemKind::Struct(_) | ItemKind::Frame(_));
                declared.then(|| (self.scopes(id), 0, id)).filter(|(scopes, ..)| !scopes.scopes.is_empty())
            }
            _ => None,
        }
    }
}

/// The type of a field that is a value.
pub(crate) fn value_type(slot: Slot<'_>) -> Option<&Type> {
    slot.field.forms.iter().find_map(|form| match &form.kind {
        FieldKind::Value(ty) => Some(ty),
        _ => None,
    })
}

/// The path as the model has it.
pub(crate) fn steps(path: &Path) -> Vec<String> {
    path.steps.iter().map(|step| step.name.clone()).collect()
}

/// Where a path stands.
pub(crate) fn span(path: &Path) -> Span {
    let spans = path.steps.iter().map(|step| step.span);
    spans.reduce(Span::to).unwrap_or_default()
}
