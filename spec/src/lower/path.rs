//! Paths: which field a dotted name leads to, seen from another field.

use super::Program;
use super::names::ItemId;
use super::scope::{Place, Scopes, Slot};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::{ArmKind, Body, FieldKind, ItemKind, Path, Type, TypeKind, Union};

/// Where a path leads.
#[derive(Debug, Clone)]
pub(crate) struct Found<'a> {
    /// The field that the first step names, in the braces of the one who looks or around them.
    pub(crate) first: Place,
    /// Where the one who looks stands in the same braces.
    pub(crate) from: Place,
    /// The field at the end, in the same item, if no step led through a declared type.
    pub(crate) place: Option<Place>,
    /// Whether a step led into an arm or the first element of a list, so that the field is there only if that is.
    pub(crate) at_times: bool,
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
        let mut at = Spot { scopes, id: item, place: Some(first) };
        let mut at_times = false;
        let mut steps = path.steps[1..].iter();
        while let Some(mut step) = steps.next() {
            let mut owner = &slot.field.name.name;
            if slot.is_converted() {
                let message = format!("`{owner}` is converted, so that what is in it may not be what is on the wire");
                return Err(Diagnostic::new(Code::Conversion, step.span, message));
            }
            let braces = match (self.arms(at, slot), self.first(at, slot)) {
                (None, None) => self.inside(at, slot),
                (None, Some(first)) => {
                    let Some(field) = steps.next().filter(|_| step.name == "first") else {
                        let message = format!("`{owner}` is a list; a path leads on to a field of its `first` element");
                        return Err(Diagnostic::new(Code::UnknownPath, step.span, message));
                    };
                    (at_times, owner, step) = (true, &step.name, field);
                    Some(first)
                }
                (Some((union, choice, module)), _) => {
                    let Some(arm) = choice.arms.iter().find(|arm| arm.name.name == step.name) else {
                        let message = format!("`{owner}` has no arm `{}`", step.name);
                        return Err(Diagnostic::new(Code::UnknownPath, step.span, message));
                    };
                    let Some(field) = steps.next() else {
                        let message = format!("`{}` is an arm, but a path leads to a field", step.name);
                        return Err(Diagnostic::new(Code::UnknownPath, step.span, message));
                    };
                    (at_times, owner, step) = (true, &arm.name.name, field);
                    match &arm.kind {
                        ArmKind::Fields(body) => union.scope_of(body),
                        ArmKind::Type(ty) => self.braces(union, module, ty),
                        ArmKind::Raw => None,
                    }
                }
            };
            let field = braces.and_then(|(braces, scope)| {
                let slots = &braces.scopes.scopes[scope].slots;
                let slot = slots.iter().position(|slot| slot.field.name.name == step.name)?;
                Some((braces, Place { scope, slot }))
            });
            let Some((braces, place)) = field else {
                let message = format!("`{owner}` has no field `{}`", step.name);
                return Err(Diagnostic::new(Code::UnknownPath, step.span, message));
            };
            slot = braces.scopes.slot(place);
            at = Spot { place: Some(place), ..braces };
        }
        let place = at.place.filter(|_| at.id == item);
        Ok(Found { first, from, place, at_times, slot })
    }

    /// The union that a field is, where its arms stand, and the module it was written in.
    fn arms<'s>(&'s self, at: Spot<'s, 'a>, slot: Slot<'a>) -> Option<(Spot<'s, 'a>, &'a Union, usize)> {
        match &value_type(slot)?.kind {
            TypeKind::Union(choice) => Some((at, choice, slot.module)),
            TypeKind::Named(name) => {
                let id = self.names.lookup(slot.module, &name.name)?;
                match &self.names.item(id).kind {
                    ItemKind::Union(choice) | ItemKind::FrameUnion(choice) => {
                        Some((Spot { scopes: self.scopes(id), id, place: None }, choice, id.module))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The braces that the elements of a list open.
    fn first<'s>(&'s self, at: Spot<'s, 'a>, slot: Slot<'a>) -> Option<(Spot<'s, 'a>, usize)> {
        match &value_type(slot)?.kind {
            TypeKind::List(of, _) => self.braces(at, slot.module, of),
            _ => None,
        }
    }

    /// The braces that a field's type opens.
    fn inside<'s>(&'s self, at: Spot<'s, 'a>, slot: Slot<'a>) -> Option<(Spot<'s, 'a>, usize)> {
        let mut ty = value_type(slot)?;
        while let TypeKind::Framed { inner, or: None, .. } = &ty.kind {
            ty = inner;
        }
        self.braces(at, slot.module, ty)
    }

    /// The braces that a type opens.
    fn braces<'s>(&'s self, at: Spot<'s, 'a>, module: usize, ty: &Type) -> Option<(Spot<'s, 'a>, usize)> {
        match &ty.kind {
            TypeKind::Struct(body) => at.scope_of(body),
            TypeKind::Named(name) => {
                let id = self.names.lookup(module, &name.name)?;
                let scopes = self.scopes(id);
                let declared = matches!(self.names.item(id).kind, ItemKind::Struct(_) | ItemKind::Frame(_));
                (declared && !scopes.scopes.is_empty()).then_some((Spot { scopes, id, place: None }, 0))
            }
            _ => None,
        }
    }
}

/// A place in any item.
#[derive(Clone, Copy)]
struct Spot<'s, 'a> {
    scopes: &'s Scopes<'a>,
    id: ItemId,
    /// `None` for the item itself.
    place: Option<Place>,
}

impl<'s, 'a> Spot<'s, 'a> {
    /// The braces of a body that stands here.
    fn scope_of(self, body: &Body) -> Option<(Spot<'s, 'a>, usize)> {
        self.scopes.scope_of(self.place, body).map(|scope| (self, scope))
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
