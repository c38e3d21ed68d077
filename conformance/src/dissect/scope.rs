//! Braces: what paths and conditions mean at a place.

use firefly_spec::model::{ArmKind, Compare, Field, FieldKind, ItemKind, Section, Struct, Test, Type, Union, Value};

use super::Cause;
use super::derived::{Check, Pending};
use super::tree::{self, Node, Role};
use super::walk::{Stop, Walker};

/// One pair of braces that is being read.
pub(super) struct Scope<'m> {
    pub(super) decl: &'m Struct,
    /// The open node that takes its fields.
    pub(super) node: usize,
    /// If it carries one.
    pub(super) version: Option<u32>,
    /// Its first byte, header included.
    pub(super) start: (Section, usize),
    /// Fields that are not there.
    pub(super) absent: Vec<&'m str>,
    /// Counts and lengths of its fields that have been read before them.
    pub(super) pending: Vec<Pending<'m>>,
    /// Checksums in these braces.
    pub(super) checks: Vec<Check<'m>>,
}

/// What a path leads to.
pub(super) struct Found<'m, 'n, 'a> {
    pub(super) field: &'m Field,
    /// If it is there.
    pub(super) node: Option<&'n Node<'a>>,
    /// Whether it is in an arm that was not chosen, or in an element that is not there.
    pub(super) passed_by: bool,
}

impl<'m, 'a> Walker<'m, 'a> {
    /// The version that `since` and `until` speak of.
    pub(super) fn version(&self) -> Option<u32> {
        self.scopes.iter().rev().find_map(|scope| scope.version)
    }

    /// What a path leads to. Both the braces and what precedes must have been read.
    pub(super) fn look(&self, path: &[String]) -> Result<Found<'m, '_, 'a>, Stop> {
        let unread = || self.stop(Cause::Unread(path.join(".")));
        let (first, steps) = path.split_first().ok_or_else(unread)?;
        let mut outward = self.scopes.iter().rev();
        let declared = |scope: &Scope<'m>| scope.decl.fields.iter().find(|field| field.name == *first);
        let (scope, mut field) =
            outward.find_map(|scope| declared(scope).map(|field| (scope, field))).ok_or_else(unread)?;
        let mut node = self.open.get(scope.node).and_then(|node| node.field(first));
        if node.is_none() && !scope.absent.contains(&first.as_str()) {
            return Err(unread());
        }
        let mut passed_by = false;
        let mut steps = steps.iter();
        while let Some(mut step) = steps.next() {
            let inside = match value_type(field).and_then(|ty| self.arms(ty)) {
                None if let Some(Type::List(of, _)) = value_type(field) => {
                    let first = node.and_then(|node| node.children.iter().find(|child| child.role == Role::Element));
                    passed_by |= first.is_none();
                    (node, step) = (first, steps.next().ok_or_else(unread)?);
                    self.inside(of)
                }
                None => inside_of(field).and_then(|ty| self.inside(ty)),
                Some(choice) => {
                    let arm = choice.arms.iter().find(|arm| arm.name == *step).ok_or_else(unread)?;
                    let chosen = node.filter(|node| matches!(&node.value, tree::Value::Arm(name) if *name == arm.name));
                    passed_by |= chosen.is_none();
                    (node, step) = (chosen, steps.next().ok_or_else(unread)?);
                    match &arm.kind {
                        ArmKind::Fields(decl) => Some(decl),
                        ArmKind::Type(ty) => self.inside(ty),
                        ArmKind::Raw => None,
                    }
                }
            };
            field = inside.and_then(|decl| decl.fields.iter().find(|f| f.name == *step)).ok_or_else(unread)?;
            node = node.and_then(|node| node.field(step));
        }
        Ok(Found { field, node, passed_by })
    }

    /// The number at the end of a path: of a field that is not there its default, in an arm or element that is not there 0.
    pub(super) fn known(&self, path: &[String]) -> Result<i128, Stop> {
        match self.look(path)? {
            Found { node: Some(node), .. } => node.number().ok_or_else(|| self.stop(Cause::Unread(path.join(".")))),
            Found { passed_by: true, .. } => Ok(0),
            Found { field, .. } => Ok(default(field)),
        }
    }

    /// The union that a type is.
    fn arms(&self, ty: &'m Type) -> Option<&'m Union> {
        match ty {
            Type::Union(decl) => Some(decl),
            Type::Named(name) => match &self.items.get(name.as_str())?.kind {
                ItemKind::Union(decl) => Some(decl),
                _ => None,
            },
            _ => None,
        }
    }

    /// The struct whose fields a type's node has.
    pub(super) fn inside(&self, ty: &'m Type) -> Option<&'m Struct> {
        match ty {
            Type::Struct(decl) => Some(decl),
            Type::Named(name) => match &self.items.get(name.as_str())?.kind {
                ItemKind::Struct(decl) => Some(decl),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a condition holds, if there is one.
    pub(super) fn holds_or_none(&self, test: Option<&Test>) -> Result<bool, Stop> {
        test.map_or(Ok(true), |test| self.holds(test))
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, test: &Test) -> Result<bool, Stop> {
        Ok(match test {
            Test::Has(_, mask) => self.features & mask == *mask,
            Test::Lacks(_, mask) => self.features & mask != *mask,
            Test::More => self.left() > 0,
            Test::Compare(path, operator, value) => compare(self.known(path)?, *operator, *value),
            Test::Masked(path, mask, operator, value) => {
                compare(self.known(path)? & i128::from(*mask), *operator, *value)
            }
            Test::Flag(path, mask) => self.known(path)? & i128::from(*mask) == i128::from(*mask),
            Test::Not(test) => !self.holds(test)?,
            Test::And(left, right) => self.holds(left)? && self.holds(right)?,
            Test::Or(left, right) => self.holds(left)? || self.holds(right)?,
        })
    }
}

/// The type of a field that is a value.
fn value_type(field: &Field) -> Option<&Type> {
    field.forms.iter().find_map(|form| match &form.kind {
        FieldKind::Value(ty) => Some(ty),
        _ => None,
    })
}

/// The type of a field that has fields itself; what frames it does not count.
fn inside_of(field: &Field) -> Option<&Type> {
    let mut ty = value_type(field)?;
    while let Type::Framed { inner, or: None, .. } = ty {
        ty = inner;
    }
    Some(ty)
}

fn default(field: &Field) -> i128 {
    let numbers = field.forms.iter().filter_map(|form| match form.default {
        Some(Value::Int(number)) => Some(number),
        _ => None,
    });
    numbers.take(1).sum()
}

fn compare(left: i128, operator: Compare, right: i128) -> bool {
    match operator {
        Compare::Eq => left == right,
        Compare::Ne => left != right,
        Compare::Lt => left < right,
        Compare::Le => left <= right,
        Compare::Gt => left > right,
        Compare::Ge => left >= right,
    }
}
