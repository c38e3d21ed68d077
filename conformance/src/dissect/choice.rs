//! Unions: which arm it is, and what it holds.

use firefly_spec::model::{Arm, ArmKind, Int, ItemKind, Selector, Type, Union};

use super::Cause;
use super::cursor::{number, pattern};
use super::tree::{Role, Value};
use super::types::describe;
use super::walk::{Step, Stop, Walker};

impl<'m> Walker<'m, '_> {
    /// Reads a union into the innermost node.
    pub(super) fn union(&mut self, decl: &'m Union) -> Step {
        let at = self.cursor().at;
        let (selector, bits) = self.selector(&decl.by)?;
        let Some(arm) = self.choose(decl, pattern(selector, bits))? else {
            return Err(self.stop_at(at, Cause::NoArm(decl.name.clone(), selector)));
        };
        self.means(Value::Arm(arm.name.clone()));
        match decl.fixed {
            None => self.arm(arm),
            Some(length) => self.within(length, |walker| {
                walker.arm(arm)?;
                walker.remainder("slack");
                Ok(())
            }),
        }
    }

    /// What decides, and how many bits it has.
    fn selector(&mut self, by: &'m Selector) -> Result<(i128, u8), Stop> {
        match by {
            Selector::Field(path, ty) => Ok((self.known(path)?, self.integer(ty).map_or(64, |int| int.bits))),
            Selector::Peek(ty) => {
                let own = self.integer(ty).ok_or_else(|| self.stop(Cause::NotWire(describe(ty))))?;
                let selector = match ty {
                    Type::NamedAs(name, wire) => self.fitting(name, *wire, own)?,
                    _ => number(own, self.peek(own.bytes())?),
                };
                Ok((selector, own.bits))
            }
            Selector::Tag(ty) => {
                let mut tag = None;
                self.node("tag", describe(ty), Role::Prefix, |walker| {
                    walker.fill(ty, None)?;
                    tag = walker.open.last().and_then(|node| node.number());
                    Ok(())
                })?;
                let tag = tag.ok_or_else(|| self.stop(Cause::NotWire(describe(ty))))?;
                Ok((tag, self.integer(ty).map_or(64, |int| int.bits)))
            }
        }
    }

    /// The integer whose numbers a type has: of an enum always its own, whatever it is written as.
    fn integer(&self, ty: &Type) -> Option<Int> {
        match ty {
            Type::Int(int) => Some(*int),
            Type::Bool => Some(Int { bits: 8, signed: false, big: false }),
            Type::Named(name) | Type::NamedAs(name, _) => match self.items.get(name.as_str())?.kind {
                ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. } => {
                    Some(repr)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The first arm that has the value and whose condition holds, otherwise the one for all others.
    fn choose(&self, decl: &'m Union, value: u64) -> Result<Option<&'m Arm>, Stop> {
        let (named, others): (Vec<_>, Vec<_>) = decl.arms.iter().partition(|arm| !arm.values.is_empty());
        for arm in named.into_iter().filter(|arm| arm.values.contains(&value)).chain(others) {
            if self.holds_or_none(arm.when.as_ref())? {
                return Ok(Some(arm));
            }
        }
        Ok(None)
    }

    fn arm(&mut self, arm: &'m Arm) -> Step {
        match &arm.kind {
            ArmKind::Fields(decl) => self.structure(decl),
            ArmKind::Type(ty) => self.content(ty, &arm.name),
            ArmKind::Raw => self.node(&arm.name, "raw", Role::Field, Self::rest),
        }
    }

    /// Reads what is left as it is.
    pub(super) fn rest(&mut self) -> Step {
        let bytes = self.take(self.left())?;
        self.means(Value::Bytes(bytes));
        Ok(())
    }

    /// Reads what something else wraps: the fields of a struct into the innermost node, everything else into one of its own.
    pub(super) fn content(&mut self, ty: &'m Type, name: &str) -> Step {
        if self.inside(ty).is_some() {
            return self.fill(ty, None);
        }
        self.node(name, describe(ty), Role::Field, |walker| walker.fill(ty, None))
    }
}
