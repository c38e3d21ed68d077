//! Derived fields and what they measure (W028, W060, W061, W062, W063, W064).

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::lower::derived::{Derived, Measure};
use crate::lower::names::ItemId;
use crate::lower::path::{span, steps, value_type};
use crate::lower::scope::{Place, Scopes, Slot};
use crate::syntax::{Count, Extent, FieldForm, FieldKind, Path, Region, Type, TypeKind};

pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    for (id, _) in program.names.items() {
        let scopes = program.scopes(id);
        let derived = program.derived(id);
        for (at, one) in derived.iter().enumerate() {
            if derived[..at].iter().any(|other| other.place == one.place && other.target == one.target) {
                continue;
            }
            diagnostics.extend(measured(scopes.slot(one.target), one));
            diagnostics.extend(missing(scopes.slot(one.place), scopes.slot(one.target), one.measure));
            diagnostics.extend(disordered(scopes, one));
            let first = derived[..at]
                .iter()
                .find(|other| other.target == one.target && other.measure == one.measure && other.place != one.place);
            if let Some(first) = first {
                let message = format!("`{}` is measured twice", steps(one.path).join("."));
                diagnostics.push(
                    Diagnostic::new(Code::DerivedTwice, span(one.path), message)
                        .also(span(first.path), "the first time"),
                );
            }
        }
        for (place, slot) in scopes.slots() {
            for form in &slot.field.forms {
                match &form.kind {
                    FieldKind::Count { of, .. } | FieldKind::Len { of, .. } => {
                        diagnostics.extend(foreign(program, id, place, of));
                    }
                    FieldKind::Checksum { of: Region::Fields(first, last), .. } => {
                        diagnostics.extend(covered(program, id, place, first, last.as_ref()));
                    }
                    FieldKind::Checksum { .. } => {}
                    FieldKind::Value(ty) => diagnostics.extend(same_count(program, id, place, ty)),
                }
            }
        }
    }
}

/// What is wrong with a derived field and the one it measures.
fn measured(target: Slot, derived: &Derived) -> Option<Diagnostic> {
    let name = steps(derived.path).join(".");
    let at = span(derived.path);
    let kinds: Vec<Measured> = target.field.forms.iter().map(|form| measured_by(&form.kind, derived.measure)).collect();
    let problem = if kinds.iter().all(|kind| *kind == Measured::Never) {
        let what = if derived.measure == Measure::Len { "length" } else { "count" };
        Diagnostic::new(Code::DerivedKind, at, format!("`{name}` has no {what}"))
    } else if !kinds.contains(&Measured::Above) {
        let word = if derived.measure == Measure::Len { "len above" } else { "count above" };
        Diagnostic::new(Code::DerivedUnused, at, format!("`{name}` does not use what is derived here"))
            .help(format!("write `{word}` in the type of `{name}`"))
    } else if !derived.is_behind {
        Diagnostic::new(Code::PathTooEarly, at, format!("`{name}` needs this field but is read before it"))
    } else {
        return None;
    };
    Some(problem.also(target.field.name.span, "this field"))
}

/// How a type relates to a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measured {
    /// It has no such measure.
    Never,
    /// It has, but writes it itself or takes it from elsewhere.
    Otherwise,
    /// It takes it from the derived field.
    Above,
}

fn measured_by(kind: &FieldKind, measure: Measure) -> Measured {
    let FieldKind::Value(ty) = kind else { return Measured::Never };
    let above = match (&ty.kind, measure) {
        (
            TypeKind::Bytes(extent)
            | TypeKind::String(extent)
            | TypeKind::Framed { extent, .. }
            | TypeKind::Sealed(_, extent),
            Measure::Len,
        ) => matches!(extent, Extent::Above(_)),
        (
            TypeKind::List(_, count)
            | TypeKind::Set(_, count)
            | TypeKind::Map(_, _, count)
            | TypeKind::Pairs(_, _, count),
            Measure::Count,
        ) => matches!(count, Count::Above(_)),
        _ => return Measured::Never,
    };
    if above { Measured::Above } else { Measured::Otherwise }
}

/// A form that uses a derived field which is not there whenever the form is.
fn missing(derived: Slot, target: Slot, measure: Measure) -> Option<Diagnostic> {
    let from = |form: &FieldForm| form.since.map_or(0, |(version, _)| version);
    let to = |form: &FieldForm| form.until.map_or(u32::MAX, |(version, _)| version);
    let user =
        target.field.forms.iter().filter(|form| measured_by(&form.kind, measure) == Measured::Above).find(|form| {
            let there = |derived: &FieldForm| {
                from(derived) <= from(form)
                    && to(form) <= to(derived)
                    && (derived.when.is_none() || form.when.is_some())
            };
            !derived.field.forms.iter().any(there)
        })?;
    let name = &derived.field.name;
    let message = format!("`{}` is absent in some cases in which this form is there", name.name);
    Some(Diagnostic::new(Code::AboveWithout, user.span, message).also(name.span, "the derived field"))
}

/// A wire order in which the derived field stands behind what it measures.
fn disordered(scopes: &Scopes, derived: &Derived) -> Option<Diagnostic> {
    if derived.place.scope != derived.target.scope {
        return None;
    }
    let name = |place: Place| &scopes.slot(place).field.name.name;
    scopes.scopes[derived.place.scope].orders.iter().find_map(|order| {
        let at = |place: Place| order.fields.iter().position(|field| field.name == *name(place));
        let (target, own) = (at(derived.target)?, at(derived.place)?);
        let message = format!("`{}` needs `{}` but is read before it", name(derived.target), name(derived.place));
        (target < own).then(|| Diagnostic::new(Code::PathTooEarly, order.fields[target].span, message))
    })
}

/// A derived field that measures something inside a declared type, which cannot speak of it.
fn foreign(program: &Program, id: ItemId, place: Place, of: &Path) -> Option<Diagnostic> {
    let found = program.find(id, place, of).ok()?;
    let message = "a field inside a declared type cannot use what is derived out here";
    found.place.is_none().then(|| Diagnostic::new(Code::DerivedUnused, span(of), message))
}

/// A checksum over fields that are not all in front of it.
fn covered(program: &Program, id: ItemId, place: Place, first: &Path, last: Option<&Path>) -> Option<Diagnostic> {
    let start = program.find(id, place, first).ok()?;
    let end = last.map(|last| program.find(id, place, last)).transpose().ok()?;
    let late = [(Some(&start), first), (end.as_ref(), last.unwrap_or(first))]
        .into_iter()
        .find(|(found, _)| found.is_some_and(|found| !found.is_read_before()));
    if let Some((_, path)) = late {
        let message = format!("`{}` does not stand in front of its checksum", steps(path).join("."));
        return Some(Diagnostic::new(Code::ChecksumTooEarly, span(path), message));
    }
    let reversed = end.is_some_and(|end| end.first.scope == start.first.scope && end.first.slot < start.first.slot);
    let message = "the first field stands behind the last one";
    reversed.then(|| Diagnostic::new(Code::ChecksumTooEarly, span(first), message))
}

/// A list that has as many elements as something without elements.
fn same_count(program: &Program, id: ItemId, place: Place, ty: &Type) -> Option<Diagnostic> {
    let (TypeKind::List(_, Count::Same(path))
    | TypeKind::Set(_, Count::Same(path))
    | TypeKind::Map(_, _, Count::Same(path))
    | TypeKind::Pairs(_, _, Count::Same(path))) = &ty.kind
    else {
        return None;
    };
    let found = program.find(id, place, path).ok()?;
    let counted = value_type(found.slot).is_some_and(|ty| {
        matches!(ty.kind, TypeKind::List(..) | TypeKind::Set(..) | TypeKind::Map(..) | TypeKind::Pairs(..))
    });
    let message = format!("`{}` has no count", steps(path).join("."));
    (!counted).then(|| Diagnostic::new(Code::DerivedKind, span(path), message))
}
