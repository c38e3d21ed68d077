//! Conditions (W022, W025, W026, W027, W028, W121).

use super::Lowerer;
use super::path::{span, steps};
use super::scope::Place;
use super::value::{Expected, pattern};
use crate::diagnostic::{Code, Diagnostic};
use crate::model;
use crate::syntax::{Compare, Path, Test, TestKind};

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
        let fields = matches!(test.kind, TestKind::Compare(..) | TestKind::Flag(..)) && sight == Sight::Features;
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
                let number = match self.program.number(of, value, expected) {
                    Err(unknown) if of != module && unknown.code == Code::UnknownMember => {
                        self.program.number(module, value, expected)
                    }
                    number => number,
                };
                model::Test::Compare(steps(path), compare(*operator), self.accept(number)?)
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
