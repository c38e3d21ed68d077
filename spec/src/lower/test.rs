//! Conditions (W022, W025, W026, W027, W028, W101, W121).

use super::Lowerer;
use super::path::{span, steps};
use super::scope::Place;
use super::value::{Expected, name_of, pattern, range, too_large};
use crate::diagnostic::{Code, Diagnostic};
use crate::model;
use crate::span::Span;
use crate::syntax::{Compare, IntType, Path, Test, TestKind, Value};

/// What a condition may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Features, what has been read before, and whether bytes are left.
    Read,
    /// Features and fields wherever they stand.
    All,
    /// Features alone.
    Features,
}

impl<'a> Lowerer<'_, 'a> {
    /// A condition at a place.
    pub(super) fn test(&mut self, place: Place, module: usize, test: &Test, sight: Sight) -> Option<model::Test> {
        let fields = matches!(test.kind, TestKind::Compare(..) | TestKind::Masked(..) | TestKind::Flag(..))
            && sight == Sight::Features;
        let more = matches!(test.kind, TestKind::More) && sight != Sight::Read;
        if fields || more {
            let message = if more { "`more` says nothing here" } else { "only features can be tested here" };
            self.report(Diagnostic::new(Code::ClauseMisplaced, test.span, message));
            return None;
        }
        Some(match &test.kind {
            TestKind::Has(name) => {
                let mask = self.program.feature(module, name);
                model::Test::Has(name.name.clone(), self.accept(mask)?)
            }
            TestKind::Lacks(name) => {
                let mask = self.program.feature(module, name);
                model::Test::Lacks(name.name.clone(), self.accept(mask)?)
            }
            TestKind::More => model::Test::More,
            TestKind::Compare(path, operator, value) => {
                let (expected, of) = self.tested(place, path, sight)?;
                let number = self.compared(of, module, value, expected)?;
                model::Test::Compare(steps(path), compare(*operator), number)
            }
            TestKind::Masked(path, mask, operator, value) => {
                let (expected, of) = self.tested(place, path, sight)?;
                let (int, expected) = match expected {
                    Expected::Int(int) => (int, expected),
                    Expected::Members { repr, wire, members, name, .. } => {
                        (repr, Expected::Members { repr, wire, members, closed: false, name })
                    }
                    _ => {
                        let message = format!("`{}` has no bits to mask", steps(path).join("."));
                        self.report(Diagnostic::new(Code::WrongKind, span(path), message));
                        return None;
                    }
                };
                let number = self.compared(of, module, value, expected)?;
                self.masked(*mask, int, *operator, number, value.span)?;
                model::Test::Masked(steps(path), mask.0, compare(*operator), number)
            }
            TestKind::Flag(path, name) => {
                let (expected, _) = self.tested(place, path, sight)?;
                let Expected::Members { members, name: of, repr, .. } = expected else {
                    let message = "only a flag set can have flags";
                    self.report(Diagnostic::new(Code::WrongKind, span(path), message));
                    return None;
                };
                let Some(member) = members.iter().find(|member| member.name.name == name.name) else {
                    let message = format!("`{of}` has no member `{}`", name.name);
                    self.report(Diagnostic::new(Code::UnknownMember, name.span, message));
                    return None;
                };
                model::Test::Flag(steps(path), pattern(member.value, repr.bits))
            }
            TestKind::Not(inner) => model::Test::Not(Box::new(self.test(place, module, inner, sight)?)),
            TestKind::And(left, right) => {
                let (left, right) = self.both(place, module, left, right, sight);
                model::Test::And(Box::new(left?), Box::new(right?))
            }
            TestKind::Or(left, right) => {
                let (left, right) = self.both(place, module, left, right, sight);
                model::Test::Or(Box::new(left?), Box::new(right?))
            }
        })
    }

    /// The number that a field of some module is compared with; its name may be of either module.
    fn compared(&mut self, of: usize, module: usize, value: &Value, expected: Expected) -> Option<i128> {
        let number = match self.program.number(of, value, expected) {
            Err(unknown) if of != module && matches!(unknown.code, Code::UnknownMember | Code::UnknownName) => {
                self.program.number(module, value, expected)
            }
            number => number,
        };
        self.accept(number)
    }

    /// That a mask is a number that the field can be and lets some bits through, among them all that are asked for
    /// (W101, W121).
    fn masked(&mut self, mask: (u64, Span), int: IntType, operator: Compare, number: i128, at: Span) -> Option<()> {
        let (mask, mask_at) = (i128::from(mask.0), mask.1);
        let exact = matches!(operator, Compare::Eq | Compare::Ne);
        let problem = if !range(int).contains(&mask) {
            too_large(mask_at, mask, &format!("`{}`", name_of(int)))
        } else if mask == 0 {
            Diagnostic::new(Code::ClauseMisplaced, mask_at, "a mask of 0 lets nothing through")
        } else if !(0..=mask).contains(&number) || exact && number & !mask != 0 {
            too_large(at, number, "the mask").also(mask_at, "this one")
        } else {
            return Some(());
        };
        self.report(problem);
        None
    }

    fn both(
        &mut self,
        place: Place,
        module: usize,
        left: &Test,
        right: &Test,
        sight: Sight,
    ) -> (Option<model::Test>, Option<model::Test>) {
        (self.test(place, module, left, sight), self.test(place, module, right, sight))
    }

    /// What values the field at the end of a path has, and the module it was written in.
    fn tested(&mut self, place: Place, path: &Path, sight: Sight) -> Option<(Expected<'a>, usize)> {
        let found = if sight == Sight::Read { self.earlier(place, path)? } else { self.anywhere(place, path)? };
        match self.program.expected_of(found.slot) {
            Some(Expected::Bytes(_) | Expected::Float) | None => {
                let message = format!("`{}` is not a number, flag or enum", steps(path).join("."));
                self.report(Diagnostic::new(Code::WrongKind, span(path), message));
                None
            }
            Some(expected) => Some((expected, found.slot.module)),
        }
    }
}

fn compare(operator: Compare) -> model::Compare {
    match operator {
        Compare::Eq => model::Compare::Eq,
        Compare::Ne => model::Compare::Ne,
        Compare::Lt => model::Compare::Lt,
        Compare::Le => model::Compare::Le,
        Compare::Gt => model::Compare::Gt,
        Compare::Ge => model::Compare::Ge,
    }
}
