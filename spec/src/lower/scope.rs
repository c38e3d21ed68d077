//! The braces of an item as a table: which fields stand in them, and what encloses them.
//!
//! Includes are expanded here and inline types get their names (W020, W021, W022, W029, W042).

use std::ops::RangeInclusive;

use super::names::{ItemId, Names, duplicate, kind};
use crate::diagnostic::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::{
    Arm, ArmKind, Body, Entry, Field, FieldKind, Header, Ident, Item, ItemKind, Section, Type, TypeKind, Union,
};

/// How deeply includes may nest.
const MAX_INCLUDES: usize = 32;

/// How many fields an item may have, includes expanded.
const MAX_FIELDS: usize = 20_000;

/// A field in its braces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    pub(crate) field: &'a Field,
    /// The module whose names and byte order the field was written with.
    pub(crate) module: usize,
    pub(crate) section: Section,
}

impl Slot<'_> {
    /// Whether some form is another type on the wire than in Rust. Integers keep their numbers and do not count.
    pub(crate) fn is_converted(self) -> bool {
        self.field.forms.iter().any(|form| match &form.kind {
            FieldKind::Value(Type { kind: TypeKind::Into(wire, rust), .. }) => {
                !matches!((&wire.kind, &rust.kind), (TypeKind::Int(_), TypeKind::Int(_)))
            }
            _ => false,
        })
    }

    /// Whether the Rust type has the field: it is neither derived nor always the same.
    pub(crate) fn is_kept(self) -> bool {
        self.field.forms.iter().all(|form| matches!(form.kind, FieldKind::Value(_)) && form.fixed.is_none())
    }
}

/// Where something stands: the braces, and the index of the field in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) scope: usize,
    pub(crate) slot: usize,
}

/// One pair of braces with fields.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    /// The field whose type, or whose type's arm, this is; `None` for the item itself.
    pub(crate) parent: Option<Place>,
    /// The body, to be recognised by its address.
    pub(crate) body: &'a Body,
    /// The module it was written in.
    pub(crate) module: usize,
    /// The name of the Rust type.
    pub(crate) name: String,
    /// The version history written here.
    pub(crate) header: Option<&'a Header>,
    /// The fields in wire order.
    pub(crate) slots: Vec<Slot<'a>>,
    /// The wire orders that differ from that of the slots.
    pub(crate) orders: Vec<Ordered<'a>>,
}

/// `order v0..1 : …;`
#[derive(Debug)]
pub(crate) struct Ordered<'a> {
    pub(crate) versions: RangeInclusive<u32>,
    pub(crate) span: Span,
    pub(crate) fields: &'a [Ident],
    /// The section it stands in.
    pub(crate) section: Section,
}

/// A union, where it stands, and the name of its Rust type.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    /// `None` for the item itself.
    pub(crate) parent: Option<Place>,
    pub(crate) choice: &'a Union,
    pub(crate) name: String,
}

/// All braces of one item, outer ones first.
#[derive(Debug, Default)]
pub(crate) struct Scopes<'a> {
    pub(crate) scopes: Vec<Scope<'a>>,
    pub(crate) choices: Vec<Choice<'a>>,
    /// Sections that stand outside of a message.
    pub(crate) misplaced: Vec<Span>,
}

impl<'a> Scopes<'a> {
    /// The table of an item.
    pub(crate) fn new(names: &Names<'a>, id: ItemId, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let item = names.item(id);
        let mut builder =
            Builder { names, item, scopes: Scopes::default(), diagnostics, included: vec![id], fields: 0 };
        let name = item.name.name.clone();
        match &item.kind {
            ItemKind::Struct(body) | ItemKind::Frame(body) => builder.body(None, body, id.module, name, None),
            ItemKind::Union(choice) | ItemKind::FrameUnion(choice) => builder.choice(None, choice, id.module, name),
            ItemKind::Message(message) => {
                if let Some(body) = &message.body {
                    builder.body(None, body, id.module, name, Some(&message.header));
                }
            }
            _ => {}
        }
        builder.scopes
    }

    /// The braces of a body that stands at a place.
    pub(crate) fn scope_of(&self, parent: Option<Place>, body: &Body) -> Option<usize> {
        self.scopes.iter().position(|scope| scope.parent == parent && std::ptr::eq(scope.body, body))
    }

    /// The union that stands at a place.
    pub(crate) fn choice_of(&self, parent: Option<Place>, choice: &Union) -> Option<&Choice<'a>> {
        self.choices.iter().find(|known| known.parent == parent && std::ptr::eq(known.choice, choice))
    }

    /// The places that enclose one, from itself outward.
    pub(crate) fn outward(&self, place: Place) -> impl Iterator<Item = Place> {
        std::iter::successors(Some(place), |place| self.scopes.get(place.scope)?.parent)
    }

    /// The field at a place.
    pub(crate) fn slot(&self, place: Place) -> Slot<'a> {
        self.scopes[place.scope].slots[place.slot]
    }

    /// All fields with their places.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (Place, Slot<'a>)> {
        self.scopes.iter().enumerate().flat_map(|(scope, braces)| {
            braces.slots.iter().enumerate().map(move |(slot, field)| (Place { scope, slot }, *field))
        })
    }

    /// The names of the types beside the item itself, and where they are written.
    pub(crate) fn inline_types(&self) -> impl Iterator<Item = (&str, Span)> {
        let written = |own: &Option<Ident>, span: Span| own.as_ref().map_or(span, |own| own.span);
        let declared_union = self.choices.first().is_some_and(|choice| choice.parent.is_none());
        let structs = self
            .scopes
            .iter()
            .skip(usize::from(!declared_union))
            .map(move |scope| (scope.name.as_str(), written(&scope.body.name, scope.body.span)));
        let unions = self
            .choices
            .iter()
            .skip(usize::from(declared_union))
            .map(move |choice| (choice.name.as_str(), written(&choice.choice.name, choice.choice.span)));
        structs.chain(unions)
    }

    /// The version history that `since` and `until` in these braces speak of.
    pub(crate) fn header(&self, scope: usize) -> Option<&'a Header> {
        let inside = Place { scope, slot: 0 };
        self.outward(inside).find_map(|place| self.scopes.get(place.scope)?.header)
    }
}

struct Builder<'b, 'a> {
    names: &'b Names<'a>,
    item: &'a Item,
    scopes: Scopes<'a>,
    diagnostics: &'b mut Vec<Diagnostic>,
    /// The item, and the structs that are being included.
    included: Vec<ItemId>,
    /// How many fields there are so far.
    fields: usize,
}

impl<'a> Builder<'_, 'a> {
    fn body(&mut self, parent: Option<Place>, body: &'a Body, module: usize, name: String, header: Option<&'a Header>) {
        let scope = self.scopes.scopes.len();
        let header = header.or(body.header.as_ref());
        self.scopes.scopes.push(Scope { parent, body, module, name, header, slots: Vec::new(), orders: Vec::new() });
        let mut slots = Vec::new();
        self.entries(scope, &body.entries, module, Section::Front, &mut slots);
        slots.sort_by_key(|slot| slot.section);
        self.fields += slots.len();
        self.refuse_duplicates(&slots);
        self.scopes.scopes[scope].slots.clone_from(&slots);
        for (slot, field) in slots.iter().enumerate() {
            for form in &field.field.forms {
                if let FieldKind::Value(ty) = &form.kind {
                    self.ty(Place { scope, slot }, ty, field);
                }
            }
        }
    }

    fn entries(
        &mut self,
        scope: usize,
        entries: &'a [Entry],
        module: usize,
        section: Section,
        slots: &mut Vec<Slot<'a>>,
    ) {
        for entry in entries {
            match entry {
                Entry::Field(field) => slots.push(Slot { field, module, section }),
                Entry::Include { name, replace, .. } => {
                    self.include(scope, name, replace, module, section, slots);
                }
                Entry::Order { versions, span, fields } => {
                    let versions = versions.clone();
                    self.scopes.scopes[scope].orders.push(Ordered { versions, span: *span, fields, section });
                }
                Entry::Section { section: inner, span, entries } => {
                    let in_message = scope == 0 && matches!(self.item.kind, ItemKind::Message(_));
                    if !in_message || section != Section::Front {
                        self.scopes.misplaced.push(*span);
                    }
                    self.entries(scope, entries, module, *inner, slots);
                }
            }
        }
    }

    fn include(
        &mut self,
        scope: usize,
        name: &'a Ident,
        replace: &'a [Field],
        module: usize,
        section: Section,
        slots: &mut Vec<Slot<'a>>,
    ) {
        let id = match self.names.find(module, name) {
            Ok(id) => id,
            Err(unknown) => return self.diagnostics.push(unknown),
        };
        let item = self.names.item(id);
        if self.included.contains(&id) {
            let message = format!("`{}` includes itself", name.name);
            return self.diagnostics.push(Diagnostic::new(Code::RecursiveType, name.span, message));
        }
        if self.included.len() > MAX_INCLUDES || self.fields > MAX_FIELDS {
            let message = "this includes too much";
            return self.diagnostics.push(Diagnostic::new(Code::RecursiveType, name.span, message));
        }
        let ItemKind::Struct(body) = &item.kind else {
            let message = format!("`{}` is {}, but only a struct can be included", name.name, kind(item));
            return self.diagnostics.push(Diagnostic::new(Code::WrongKind, name.span, message));
        };
        if let Some(header) = &body.header {
            let message = format!("`{}` has versions of its own and cannot be included", name.name);
            self.diagnostics.push(Diagnostic::new(Code::WrongKind, name.span, message).also(header.span, "here"));
        }
        let mut included = Vec::new();
        self.included.push(id);
        self.entries(scope, &body.entries, id.module, section, &mut included);
        self.included.pop();
        for field in replace {
            match included.iter_mut().find(|slot| slot.field.name.name == field.name.name) {
                Some(slot) => *slot = Slot { field, module, section },
                None => {
                    let message = format!("`{}` has no field `{}`", name.name, field.name.name);
                    self.diagnostics.push(Diagnostic::new(Code::IncludeWithout, field.name.span, message));
                }
            }
        }
        slots.extend(included);
    }

    fn refuse_duplicates(&mut self, slots: &[Slot<'a>]) {
        for (at, slot) in slots.iter().enumerate() {
            let name = &slot.field.name;
            if let Some(first) = slots[..at].iter().find(|first| first.field.name.name == name.name) {
                self.diagnostics.push(duplicate(name, &first.field.name));
            }
        }
    }

    fn ty(&mut self, place: Place, ty: &'a Type, slot: &Slot<'a>) {
        match &ty.kind {
            TypeKind::Array(of, _)
            | TypeKind::List(of, _)
            | TypeKind::Set(of, _)
            | TypeKind::Option(of, _)
            | TypeKind::Framed { inner: of, .. }
            | TypeKind::Sealed(of, _) => self.ty(place, of, slot),
            TypeKind::Map(key, value, _) | TypeKind::Pairs(key, value, _) | TypeKind::Into(key, value) => {
                self.ty(place, key, slot);
                self.ty(place, value, slot);
            }
            TypeKind::Struct(body) => {
                let name = self.inline_name(body.name.as_ref(), place, slot);
                self.body(Some(place), body, slot.module, name, None);
            }
            TypeKind::Union(choice) => {
                let name = self.inline_name(choice.name.as_ref(), place, slot);
                self.choice(Some(place), choice, slot.module, name);
            }
            _ => {}
        }
    }

    fn choice(&mut self, parent: Option<Place>, choice: &'a Union, module: usize, name: String) {
        self.scopes.choices.push(Choice { parent, choice, name: name.clone() });
        for arm in &choice.arms {
            match &arm.kind {
                ArmKind::Fields(body) => self.body(parent, body, module, joined(&name, &arm.name), None),
                ArmKind::Type(ty) => self.arm_type(parent, ty, module, &name, arm),
                ArmKind::Raw => {}
            }
        }
    }

    /// An arm's type, which may hold inline types, too.
    fn arm_type(&mut self, parent: Option<Place>, ty: &'a Type, module: usize, name: &str, arm: &'a Arm) {
        let named = |own: Option<&Ident>| own.map_or_else(|| joined(name, &arm.name), |own| own.name.clone());
        match &ty.kind {
            TypeKind::Struct(body) => self.body(parent, body, module, named(body.name.as_ref()), None),
            TypeKind::Union(choice) => self.choice(parent, choice, module, named(choice.name.as_ref())),
            TypeKind::Array(of, _)
            | TypeKind::List(of, _)
            | TypeKind::Set(of, _)
            | TypeKind::Option(of, _)
            | TypeKind::Framed { inner: of, .. }
            | TypeKind::Sealed(of, _) => self.arm_type(parent, of, module, name, arm),
            TypeKind::Map(key, value, _) | TypeKind::Pairs(key, value, _) | TypeKind::Into(key, value) => {
                self.arm_type(parent, key, module, name, arm);
                self.arm_type(parent, value, module, name, arm);
            }
            _ => {}
        }
    }

    fn inline_name(&self, own: Option<&Ident>, place: Place, slot: &Slot) -> String {
        match own {
            Some(own) => own.name.clone(),
            None => joined(&self.scopes.scopes[place.scope].name, &slot.field.name),
        }
    }
}

/// `Parent` and `some_field` are `ParentSomeField`.
fn joined(parent: &str, field: &Ident) -> String {
    let words = field.name.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    std::iter::once(parent.to_owned()).chain(words).collect()
}
