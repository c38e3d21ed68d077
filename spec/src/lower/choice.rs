//! Unions: selectors and arms.

use super::Lowerer;
use super::body::UNKNOWN;
use super::path::{span, steps, value_type};
use super::scope::Place;
use super::test::Sight;
use super::ty::Site;
use super::value::{Expected, pattern};
use crate::diagnostic::{Code, Diagnostic};
use crate::model;
use crate::syntax::{Arm, ArmKind, Selector, Type, Union};

impl<'a> Lowerer<'_, 'a> {
    /// A union.
    pub(super) fn union(&mut self, site: Site, choice: &'a Union) -> Option<model::Union> {
        let name = self.program.scopes(self.item).choice_of(site.place, choice)?.name.clone();
        let (by, expected, module) = self.selector(site, &choice.by)?;
        let arms = choice.arms.iter().filter_map(|arm| self.arm(site, arm, expected, module)).collect();
        let fixed = choice.fixed.map(|(size, _)| size);
        Some(model::Union { name, size: UNKNOWN, frame: false, apart: false, by, fixed, arms })
    }

    /// The selector, what values it has, and the module whose constants they may be.
    fn selector(&mut self, site: Site, by: &'a Selector) -> Option<(model::Selector, Expected<'a>, usize)> {
        match by {
            Selector::Field(path) => {
                let found = self.place(site, path).and_then(|place| self.earlier(place, path))?;
                let expected = self.program.expected_of(found.slot).filter(chooses);
                let (Some(expected), Some(ty)) = (expected, value_type(found.slot)) else {
                    let message = format!("`{}` is not an integer, bool or enum", steps(path).join("."));
                    self.report(Diagnostic::new(Code::WrongKind, span(path), message));
                    return None;
                };
                let written = Site { module: found.slot.module, outermost: false, ..site };
                Some((model::Selector::Field(steps(path), self.ty(written, ty)?), expected, found.slot.module))
            }
            Selector::Peek(tag) => {
                let (tag, expected) = self.tag(site, tag)?;
                Some((model::Selector::Peek(tag), expected, site.module))
            }
            Selector::Tag(tag) => {
                let (tag, expected) = self.tag(site, tag)?;
                Some((model::Selector::Tag(tag), expected, site.module))
            }
        }
    }

    fn tag(&mut self, site: Site, tag: &'a Type) -> Option<(model::Type, Expected<'a>)> {
        let lowered = self.ty(Site { outermost: false, ..site }, tag)?;
        match self.program.expected(site.module, tag).filter(chooses) {
            Some(expected) => Some((lowered, expected)),
            None => {
                self.report(Diagnostic::new(Code::WrongKind, tag.span, "a tag is an integer or an enum"));
                None
            }
        }
    }

    fn arm(&mut self, site: Site, arm: &'a Arm, expected: Expected<'a>, module: usize) -> Option<model::Arm> {
        let bits = match expected {
            Expected::Int(int) | Expected::Members { repr: int, .. } => int.bits,
            _ => 8,
        };
        let mut values = Vec::new();
        for value in &arm.values {
            let number = match self.program.number(module, value, expected) {
                Err(unknown) if module != site.module && unknown.code == Code::UnknownMember => {
                    self.program.number(site.module, value, expected)
                }
                number => number,
            };
            values.extend(self.accept(number).map(|number| pattern(number, bits)));
        }
        let inside = site.place.unwrap_or(Place { scope: usize::MAX, slot: 0 });
        let when = arm.when.as_ref().map(|test| self.test(inside, site.module, test, Sight::Features));
        let kind = match &arm.kind {
            ArmKind::Fields(body) => {
                let scope = self.program.scopes(self.item).scope_of(site.place, body)?;
                model::ArmKind::Fields(self.structure(scope)?)
            }
            ArmKind::Type(ty) => model::ArmKind::Type(self.ty(Site { outermost: false, ..site }, ty)?),
            ArmKind::Raw => model::ArmKind::Raw,
        };
        Some(model::Arm {
            docs: arm.docs.clone(),
            name: arm.name.name.clone(),
            span: arm.name.span,
            values,
            when: when.flatten(),
            droppable: arm.droppable.is_some(),
            kind,
        })
    }
}

/// Whether values of this kind can choose an arm.
fn chooses(expected: &Expected) -> bool {
    matches!(expected, Expected::Int(_) | Expected::Bool | Expected::Members { .. })
}
