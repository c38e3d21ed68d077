//! Structs: fields, versions and wire orders.

use super::Lowerer;
use super::path::steps;
use super::scope::{Place, Scope, Slot};
use super::test::Sight;
use super::ty::Site;
use crate::diagnostic::{Code, Diagnostic};
use crate::lower::names::kind;
use crate::model;
use crate::syntax::{FieldForm, FieldKind, Form, Header, Ident, ItemKind, Region, Row, Section};

/// A size that is not known yet.
pub(super) const UNKNOWN: model::Size = model::Size { min: 0, fixed: false };

impl<'a> Lowerer<'_, 'a> {
    /// The struct of some braces.
    pub(super) fn structure(&mut self, scope: usize) -> Option<model::Struct> {
        let program = self.program;
        let braces = program.scopes(self.item).scopes.get(scope)?;
        let versions = braces.header.map(|header| self.rows(scope, header)).unwrap_or_default();
        let slots = braces.slots.iter().enumerate();
        let fields = slots.filter_map(|(slot, field)| self.field(Place { scope, slot }, *field)).collect();
        Some(model::Struct {
            name: braces.name.clone(),
            size: UNKNOWN,
            frame: false,
            apart: false,
            versions,
            older: braces.header.and_then(|header| self.older(scope, header)),
            fields,
            orders: orders(braces),
        })
    }

    /// The rows of a version history.
    pub(super) fn rows(&mut self, scope: usize, header: &Header) -> Vec<model::Row> {
        header.rows.iter().map(|row| self.row(scope, row)).collect()
    }

    /// The versions that are another type on the wire.
    pub(super) fn older(&mut self, scope: usize, header: &Header) -> Option<model::Older> {
        let older = header.older.as_ref()?;
        let module = self.program.scopes(self.item).scopes.get(scope).map_or(self.item.module, |braces| braces.module);
        let id = self.program.names.find(module, &older.name);
        let id = self.accept(id)?;
        self.uses(id);
        let place = Place { scope, slot: 0 };
        Some(model::Older {
            from: older.from,
            to: older.to,
            ty: older.name.name.clone(),
            when: older.when.as_ref().and_then(|test| self.test(place, module, test, Sight::All)),
        })
    }

    fn row(&mut self, scope: usize, row: &Row) -> model::Row {
        let place = Place { scope, slot: 0 };
        let module = self.program.scopes(self.item).scopes.get(scope).map_or(self.item.module, |braces| braces.module);
        let raised = row.compat_when.iter();
        let compat_when =
            raised.filter_map(|(compat, test)| Some((*compat, self.test(place, module, test, Sight::All)?))).collect();
        model::Row {
            from: row.from,
            to: row.to,
            form: match row.form {
                Form::Envelope => model::Form::Envelope,
                Form::Lead(int) => model::Form::Lead(self.int(module, int)),
                Form::Message => model::Form::Message,
            },
            compat: row.compat,
            compat_when,
            read_only: row.read_only,
            when: row.when.as_ref().and_then(|test| self.test(place, module, test, Sight::All)),
        }
    }

    fn field(&mut self, place: Place, slot: Slot<'a>) -> Option<model::Field> {
        let forms = slot.field.forms.iter();
        let forms: Vec<_> = forms.filter_map(|form| self.form(place, slot, form)).collect();
        Some(model::Field {
            name: slot.field.name.name.clone(),
            span: slot.field.name.span,
            docs: slot.field.docs.clone(),
            forms,
            section: section(slot.section),
            apart: slot.field.forms.iter().find_map(|form| form.section).map(|(apart, _)| section(apart)),
        })
    }

    fn form(&mut self, place: Place, slot: Slot<'a>, form: &'a FieldForm) -> Option<model::FieldForm> {
        let kind = self.kind(place, slot, form);
        let default = form.default.as_ref().map(|default| {
            let expected = self.program.expected_of(slot);
            let value = match expected {
                Some(expected) => self.program.value(slot.module, default, expected),
                None => Err(Diagnostic::new(Code::WrongKind, default.span, "a field of this type has no default")),
            };
            self.accept(value)
        });
        let when = form.when.as_ref().map(|test| self.test(place, slot.module, test, Sight::Read));
        Some(model::FieldForm {
            kind: kind?,
            default: default.flatten(),
            since: form.since.map(|(version, _)| version),
            until: form.until.map(|(version, _)| version),
            when: when.flatten(),
            max: form.max,
            droppable: form.droppable,
        })
    }

    fn kind(&mut self, place: Place, slot: Slot<'a>, form: &'a FieldForm) -> Option<model::FieldKind> {
        Some(match &form.kind {
            FieldKind::Value(ty) => {
                let site = Site { place: Some(place), module: slot.module, outermost: true };
                let lowered = self.ty(site, ty);
                let Some(value) = &form.fixed else { return lowered.map(model::FieldKind::Value) };
                let value = match self.program.expected(slot.module, ty) {
                    Some(expected) => self.program.value(slot.module, value, expected),
                    None => Err(Diagnostic::new(Code::WrongKind, value.span, "a field of this type has no values")),
                };
                let value = self.accept(value);
                model::FieldKind::Const { ty: lowered?, value: value? }
            }
            FieldKind::Count { int, of } => {
                self.outside_arms(place, of)?;
                model::FieldKind::Count { int: self.int(slot.module, *int), of: steps(of) }
            }
            FieldKind::Len { int, of, plus } => {
                self.outside_arms(place, of)?;
                model::FieldKind::Len { int: self.int(slot.module, *int), of: steps(of), plus: *plus }
            }
            FieldKind::Checksum { checksum, of } => self.checksum(place, slot, form, checksum, of)?,
        })
    }

    fn checksum(
        &mut self,
        place: Place,
        slot: Slot<'a>,
        form: &'a FieldForm,
        checksum: &'a Ident,
        of: &'a Region,
    ) -> Option<model::FieldKind> {
        let id = self.program.names.find(slot.module, checksum);
        let id = self.accept(id)?;
        let item = self.program.names.item(id);
        if !matches!(item.kind, ItemKind::Checksum { .. }) {
            let message = format!("`{}` is {}, not a checksum", checksum.name, kind(item));
            self.report(Diagnostic::new(Code::WrongKind, checksum.span, message));
            return None;
        }
        self.uses(id);
        let of = match of {
            Region::Above(_) => model::Region::Above,
            Region::Fields(first, last) => {
                let last = last.as_ref().unwrap_or(first);
                self.outside_arms(place, first)?;
                self.outside_arms(place, last)?;
                model::Region::Fields(steps(first), steps(last))
            }
        };
        let unless = form.unless.as_ref().map(|test| self.test(place, slot.module, test, Sight::All));
        let int = crate::syntax::IntType { bits: 32, signed: false, order: None };
        Some(model::FieldKind::Checksum {
            checksum: checksum.name.clone(),
            int: self.int(slot.module, int),
            of,
            unless: unless.flatten(),
        })
    }
}

/// The wire orders that differ from the declared one. Sections that an order does not speak of keep theirs.
fn orders(braces: &Scope) -> Vec<(u32, Vec<usize>)> {
    let mut versions: Vec<u32> = braces.orders.iter().flat_map(|order| order.versions.clone()).collect();
    versions.sort_unstable();
    versions.dedup();
    let of_version = |version: u32| {
        let mut fields: Vec<usize> = Vec::new();
        for section in [Section::Front, Section::Middle, Section::Data] {
            let declared =
                braces.orders.iter().find(|order| order.versions.contains(&version) && order.section == section);
            let slots = braces.slots.iter().enumerate().filter(|(_, slot)| slot.section == section);
            match declared {
                Some(order) => fields.extend(order.fields.iter().filter_map(|name| {
                    slots.clone().find(|(_, slot)| slot.field.name.name == name.name).map(|(index, _)| index)
                })),
                None => fields.extend(slots.map(|(index, _)| index)),
            }
        }
        fields
    };
    versions.into_iter().map(|version| (version, of_version(version))).collect()
}

fn section(section: Section) -> model::Section {
    match section {
        Section::Front => model::Section::Front,
        Section::Middle => model::Section::Middle,
        Section::Data => model::Section::Data,
    }
}
