//! Which derived field measures which field.

use super::Program;
use super::names::ItemId;
use super::path::value_type;
use super::scope::{Place, Scopes};
use crate::syntax::{FieldKind, Path, TypeKind};

/// What a derived field says of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Its number of elements.
    Count,
    /// Its length in bytes.
    Len,
}

/// A derived field and the one it measures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Derived<'a> {
    pub(crate) measure: Measure,
    /// Where the derived field stands.
    pub(crate) place: Place,
    /// Where the measured field stands.
    pub(crate) target: Place,
    /// How the measured field is named.
    pub(crate) path: &'a Path,
    /// Whether it stands behind the derived one.
    pub(crate) is_behind: bool,
}

impl<'a> Program<'a> {
    /// The derived fields of an item whose paths lead to a field of the same item.
    pub(crate) fn derived(&self, item: ItemId) -> Vec<Derived<'a>> {
        let forms = self.scopes(item).slots().flat_map(|(place, slot)| {
            slot.field.forms.iter().filter_map(move |form| match &form.kind {
                FieldKind::Count { of, .. } => Some((Measure::Count, place, of)),
                FieldKind::Len { of, .. } => Some((Measure::Len, place, of)),
                _ => None,
            })
        });
        let found = forms.filter_map(|(measure, place, path)| {
            let found = self.find(item, place, path).ok().filter(|found| !found.at_times)?;
            Some(Derived { measure, place, target: found.place?, path, is_behind: found.is_read_after() })
        });
        found.collect()
    }
}

impl Scopes<'_> {
    /// The path to a field as seen from another one, if structs alone stand between.
    pub(crate) fn path_between(&self, from: Place, to: Place) -> Option<Vec<String>> {
        let seen: Vec<usize> = self.outward(from).map(|place| place.scope).collect();
        let mut path = Vec::new();
        let mut at = to;
        loop {
            path.insert(0, self.slot(at).field.name.name.clone());
            if seen.contains(&at.scope) {
                return Some(path);
            }
            let parent = self.scopes[at.scope].parent?;
            let mut ty = value_type(self.slot(parent))?;
            while let TypeKind::Framed { inner, or: None, .. } = &ty.kind {
                ty = inner;
            }
            match &ty.kind {
                TypeKind::Struct(body) if std::ptr::eq(body.as_ref(), self.scopes[at.scope].body) => at = parent,
                _ => return None,
            }
        }
    }
}
