//! How many bytes everything takes (W040 to W045, W120).
//!
//! The sizes are stored in the model. A minimal size is never too high, and a fixed one is exact.

use std::collections::HashMap;

use super::walk::wire_type;
use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::model::{
    ArmKind, Count, Extent, Field, FieldForm, FieldKind, Form, Item, ItemKind, Model, Or, Row, Section, Selector, Size,
    Struct, Type, Union,
};
use crate::span::Span;

/// How deeply declared types may contain each other.
const MAX_DEPTH: usize = 64;

/// Computes all sizes, stores them and checks them.
pub(super) fn measure(program: &Program, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    let mut sizes = Sizes { model, asserted: asserted(program), known: HashMap::new(), open: Vec::new(), diagnostics };
    let items = model.modules.iter().flat_map(|module| &module.items);
    items.for_each(|item| {
        sizes.item(item);
    });
    let known = std::mem::take(&mut sizes.known);
    let known = known.into_iter().map(|((item, name), facts)| ((item.to_owned(), name.to_owned()), facts)).collect();
    store(model, &known);
}

/// What is known of a type.
#[derive(Debug, Clone, Copy)]
struct Facts {
    size: Size,
    /// Whether bytes of it lie in another part of the message.
    apart: bool,
    /// Whether it takes all bytes that are left.
    rest: bool,
}

impl Facts {
    fn fixed(bytes: u64) -> Self {
        Facts { size: Size { min: bytes, fixed: true }, apart: false, rest: false }
    }

    fn min(bytes: u64) -> Self {
        Facts { size: Size { min: bytes, fixed: false }, apart: false, rest: false }
    }
}

/// `fixed N` by the names of an item and of the struct in it.
type Asserted = HashMap<(String, String), (u64, Span)>;

fn asserted(program: &Program) -> Asserted {
    let items = program.names.items();
    let scopes = items.flat_map(|(id, item)| program.scopes(id).scopes.iter().map(move |scope| (item, scope)));
    scopes.filter_map(|(item, scope)| Some(((item.name.name.clone(), scope.name.clone()), scope.body.fixed?))).collect()
}

struct Sizes<'m, 'd> {
    model: &'m Model,
    asserted: Asserted,
    /// By the names of an item and of the type in it.
    known: HashMap<(&'m str, &'m str), Facts>,
    /// The items being measured.
    open: Vec<&'m Item>,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl<'m> Sizes<'m, '_> {
    fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(code, span, message));
    }

    fn item(&mut self, item: &'m Item) -> Facts {
        let key = (item.name.as_str(), item.name.as_str());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let recursive = self.open.iter().any(|open| open.name == item.name);
        if recursive || self.open.len() == MAX_DEPTH {
            let what = if recursive { "contains itself" } else { "is nested too deeply" };
            self.report(Code::RecursiveType, item.span, format!("`{}` {what}", item.name));
            return Facts::min(1);
        }
        self.open.push(item);
        let facts = match &item.kind {
            ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. } => {
                Facts::fixed(repr.bytes())
            }
            ItemKind::Struct(body) => self.structure(body),
            ItemKind::Message(message) => self.structure(&message.body),
            ItemKind::Union(choice) => self.union(choice),
            ItemKind::Extern { fixed: Some(size), .. } => Facts::fixed(*size),
            ItemKind::Extern { min, .. } => Facts::min(*min),
            _ => Facts::fixed(0),
        };
        self.open.pop();
        self.known.insert(key, facts);
        let frame = match &item.kind {
            ItemKind::Struct(body) => body.frame,
            ItemKind::Union(choice) => choice.frame,
            _ => false,
        };
        if frame && facts.rest {
            self.report(Code::RestNotLast, item.span, "a frame has no end that something could take the rest up to");
        }
        if frame && facts.apart {
            self.report(Code::SectionMisplaced, item.span, "a frame has no parts that fields could lie in");
        }
        facts
    }

    /// Remembers what is known of a type inside of the item being measured.
    fn remember(&mut self, name: &'m str, facts: Facts) -> Facts {
        if let Some(item) = self.open.last() {
            self.known.insert((&item.name, name), facts);
        }
        facts
    }

    fn structure(&mut self, body: &'m Struct) -> Facts {
        let forms: Vec<Vec<Facts>> =
            body.fields.iter().map(|field| field.forms.iter().map(|form| self.form(field, form)).collect()).collect();
        let sizes: Vec<Size> = versions(body).filter_map(|version| size_in(body, &forms, version)).collect();
        let min = sizes.iter().map(|size| size.min).min().unwrap_or_default();
        let enclosed = body.versions.iter().any(|row| row.form == Form::Envelope);
        let fixed = !enclosed && sizes.iter().all(|size| size.fixed && size.min == min);
        let rest = self.rest(body, &forms) && !enclosed;
        let apart =
            body.fields.iter().any(|field| field.apart.is_some()) || forms.iter().flatten().any(|form| form.apart);
        let older = body.older.as_ref().and_then(|older| self.model.item(&older.ty)).map(|item| self.item(item));
        let (min, fixed) = older.map_or((min, fixed), |older| (min.min(older.size.min), false));
        let apart = apart || older.is_some_and(|older| older.apart);
        let rest = rest || older.is_some_and(|older| older.rest);
        let size = Size { min, fixed };
        self.assert(body, size);
        self.remember(&body.name, Facts { size, apart, rest })
    }

    /// Compares a size with what is asserted of it.
    fn assert(&mut self, body: &Struct, size: Size) {
        let Some(item) = self.open.last() else { return };
        let Some((wanted, span)) = self.asserted.get(&(item.name.clone(), body.name.clone())).copied() else { return };
        if !size.fixed {
            let message = format!("`{}` is at least {} bytes long, but not always the same", body.name, size.min);
            self.report(Code::NotFixed, span, message);
        } else if size.min != wanted {
            let message = format!("the fields of `{}` add up to {}, not {wanted}", body.name, size.min);
            self.report(Code::SizeMismatch, span, message);
        }
    }

    fn form(&mut self, field: &'m Field, form: &'m FieldForm) -> Facts {
        match (&form.kind, wire_type(form)) {
            (_, Some(ty)) => self.ty(ty, field.span),
            (FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. }, _) => {
                Facts::fixed(int.bytes())
            }
            _ => Facts::fixed(0),
        }
    }

    /// Whether the struct takes the rest; what stands behind a field that does is reported.
    fn rest(&mut self, body: &'m Struct, forms: &[Vec<Facts>]) -> bool {
        let mut takers: Vec<(&Field, &FieldForm)> = Vec::new();
        for (field, facts) in body.fields.iter().zip(forms).filter(|(field, _)| field.apart.is_none()) {
            let behind = takers.iter().find(|(taker, taken)| {
                taker.section == field.section && field.forms.iter().any(|form| overlap(taken, form))
            });
            if let Some((taker, _)) = behind {
                let message = format!("nothing can stand behind `{}`, which takes the rest", taker.name);
                self.diagnostics
                    .push(Diagnostic::new(Code::RestNotLast, field.span, message).also(taker.span, "takes the rest"));
            }
            takers.extend(field.forms.iter().zip(facts).filter(|(_, facts)| facts.rest).map(|(form, _)| (field, form)));
        }
        takers.iter().any(|(field, _)| field.section == Section::Front)
    }

    fn union(&mut self, choice: &'m Union) -> Facts {
        let tag = match &choice.by {
            Selector::Tag(tag) => self.ty(tag, Span::default()).size.min,
            _ => 0,
        };
        let peeked = match &choice.by {
            Selector::Peek(tag) => self.ty(tag, Span::default()).size.min,
            _ => 0,
        };
        let mut arms = Vec::new();
        for arm in &choice.arms {
            let facts = match &arm.kind {
                ArmKind::Fields(body) => self.structure(body),
                ArmKind::Type(ty) => self.ty(ty, arm.span),
                ArmKind::Raw => Facts { rest: choice.fixed.is_none(), ..Facts::min(peeked) },
            };
            if let Some(fixed) = choice.fixed {
                self.fits(arm.span, &arm.name, facts.size, fixed, matches!(arm.kind, ArmKind::Raw));
            }
            arms.push(facts);
        }
        let min = arms.iter().map(|arm| arm.size.min).min().unwrap_or_default();
        let size = match choice.fixed {
            Some(fixed) => Size { min: tag.saturating_add(fixed), fixed: true },
            None => Size {
                min: tag.saturating_add(min),
                fixed: arms.iter().all(|arm| arm.size.fixed && arm.size.min == min),
            },
        };
        let rest = choice.fixed.is_none() && arms.iter().any(|arm| arm.rest);
        self.remember(&choice.name, Facts { size, apart: arms.iter().any(|arm| arm.apart), rest })
    }

    fn fits(&mut self, span: Span, name: &str, size: Size, fixed: u64, raw: bool) {
        if size.min > fixed {
            let message = format!("`{name}` takes {} bytes, but the union has {fixed}", size.min);
            self.report(Code::ArmTooLong, span, message);
        } else if !size.fixed && !raw {
            self.report(Code::NotFixed, span, format!("`{name}` varies in size, but the union has {fixed} bytes"));
        }
    }

    fn ty(&mut self, ty: &'m Type, span: Span) -> Facts {
        match ty {
            Type::Int(int) | Type::NamedAs(_, int) => Facts::fixed(int.bytes()),
            Type::Float { bits, .. } => Facts::fixed(u64::from(bits / 8)),
            Type::Bool => Facts::fixed(1),
            Type::Pad(bytes) => Facts::fixed(*bytes),
            Type::Named(name) => match self.model.item(name) {
                Some(item) => self.item(item),
                None => Facts::min(1),
            },
            Type::Array(of, length) => {
                let of = self.element(of, span);
                let min = of.size.min.saturating_mul(*length);
                Facts { size: Size { min, fixed: of.size.fixed }, rest: false, ..of }
            }
            Type::Bytes(extent) | Type::String(extent) => of_extent(extent),
            Type::List(of, count) | Type::Set(of, count) => {
                let of = self.element(of, span);
                self.repeated(of.size.min, of.apart, count, span)
            }
            Type::Map(key, value, count) | Type::Pairs(key, value, count) => {
                let (key, value) = (self.element(key, span), self.element(value, span));
                self.repeated(key.size.min.saturating_add(value.size.min), key.apart || value.apart, count, span)
            }
            Type::Option(of, flag) => Facts { size: Size { min: flag.bytes(), fixed: false }, ..self.ty(of, span) },
            Type::Framed { inner, extent, or } => {
                let inner = self.ty(inner, span);
                if *or == Some(Or::Raw) && inner.apart {
                    self.report(Code::SectionMisplaced, span, "what may be raw lies in one place");
                }
                let outer = of_extent(extent);
                let min = if or.is_some() { 0 } else { inner.size.min };
                let size = Size { min: outer.size.min.saturating_add(min), fixed: false };
                Facts { size, apart: inner.apart, rest: outer.rest }
            }
            Type::Sealed(of, extent) => {
                self.ty(of, span);
                of_extent(extent)
            }
            Type::Into(wire, rust) => {
                self.ty(rust, span);
                self.ty(wire, span)
            }
            Type::Struct(body) => self.structure(body),
            Type::Union(choice) => self.union(choice),
        }
    }

    /// An element, behind which others stand.
    fn element(&mut self, ty: &'m Type, span: Span) -> Facts {
        let facts = self.ty(ty, span);
        if facts.rest {
            self.report(Code::RestNotLast, span, "an element cannot take the rest, since others stand behind it");
        }
        facts
    }

    fn repeated(&mut self, element: u64, apart: bool, count: &Count, span: Span) -> Facts {
        if element == 0 {
            let message = "the elements may take no bytes, so that nothing limits their number";
            self.report(Code::EmptyElement, span, message);
        }
        let min = match count {
            Count::Prefix(int) => int.bytes(),
            _ => 0,
        };
        Facts { size: Size { min, fixed: false }, apart, rest: matches!(count, Count::Rest) }
    }
}

fn of_extent(extent: &Extent) -> Facts {
    match extent {
        Extent::Prefix(int) => Facts::min(int.bytes()),
        Extent::Above(_) | Extent::Field(_) => Facts::min(0),
        Extent::Rest => Facts { rest: true, ..Facts::min(0) },
    }
}

/// Whether some version has both forms.
fn overlap(a: &FieldForm, b: &FieldForm) -> bool {
    let from = a.since.unwrap_or(0).max(b.since.unwrap_or(0));
    let to = a.until.unwrap_or(u32::MAX).min(b.until.unwrap_or(u32::MAX));
    from <= to
}

/// The versions in which the fields of a struct change.
fn versions(body: &Struct) -> impl Iterator<Item = u32> {
    let forms = body.fields.iter().flat_map(|field| &field.forms);
    let changes =
        forms.flat_map(|form| form.since.into_iter().chain(form.until.and_then(|until| until.checked_add(1))));
    let rows = body.versions.iter().map(|row| row.from);
    let newest = body.versions.iter().map(|row| row.to).max().unwrap_or(u32::MAX);
    let start = body.versions.is_empty().then_some(0);
    start.into_iter().chain(rows).chain(changes).filter(move |version| *version <= newest)
}

/// How long a struct is in one version; `None` if there is no such version.
fn size_in(body: &Struct, forms: &[Vec<Facts>], version: u32) -> Option<Size> {
    let row = body.versions.iter().find(|row| (row.from..=row.to).contains(&version));
    if row.is_none() && !body.versions.is_empty() {
        return None;
    }
    let header = row.map_or(0, header);
    let fields =
        body.fields.iter().zip(forms).filter(|(field, _)| field.section == Section::Front && field.apart.is_none());
    Some(fields.fold(Size { min: header, fixed: true }, |sum, (field, facts)| {
        let size = field_size(field, facts, version);
        Size { min: sum.min.saturating_add(size.min), fixed: sum.fixed && size.fixed }
    }))
}

/// How long a version is written.
fn header(row: &Row) -> u64 {
    match row.form {
        Form::Envelope => 6,
        Form::Lead(int) => int.bytes() + u64::from(row.compat.is_some()),
        Form::Message => 0,
    }
}

/// How long a field is in one version: the first form of it counts, or none if all have conditions.
fn field_size(field: &Field, facts: &[Facts], version: u32) -> Size {
    let mut conditional = Vec::new();
    let in_version = |form: &FieldForm| {
        form.since.is_none_or(|since| since <= version) && form.until.is_none_or(|until| version <= until)
    };
    for (form, facts) in field.forms.iter().zip(facts).filter(|(form, _)| in_version(form)) {
        if form.when.is_none() {
            let min = conditional.iter().copied().chain([facts.size.min]).min().unwrap_or_default();
            return Size { min, fixed: facts.size.fixed && conditional.is_empty() };
        }
        conditional.push(facts.size.min);
    }
    Size { min: 0, fixed: conditional.is_empty() }
}

type Known = HashMap<(String, String), Facts>;

/// Writes what is known into the model.
fn store(model: &mut Model, known: &Known) {
    for item in model.modules.iter_mut().flat_map(|module| &mut module.items) {
        let store = Store { item: &item.name, known };
        match &mut item.kind {
            ItemKind::Struct(body) => store.structure(body),
            ItemKind::Message(message) => store.structure(&mut message.body),
            ItemKind::Union(choice) => store.union(choice),
            _ => {}
        }
    }
}

struct Store<'k> {
    item: &'k str,
    known: &'k Known,
}

impl Store<'_> {
    fn facts(&self, name: &str) -> Facts {
        let key = (self.item.to_owned(), name.to_owned());
        self.known.get(&key).copied().unwrap_or(Facts::min(0))
    }

    fn structure(&self, body: &mut Struct) {
        let facts = self.facts(&body.name);
        (body.size, body.apart) = (facts.size, facts.apart);
        for form in body.fields.iter_mut().flat_map(|field| &mut field.forms) {
            if let FieldKind::Value(ty) | FieldKind::Const { ty, .. } = &mut form.kind {
                self.ty(ty);
            }
        }
    }

    fn union(&self, choice: &mut Union) {
        let facts = self.facts(&choice.name);
        (choice.size, choice.apart) = (facts.size, facts.apart);
        for arm in &mut choice.arms {
            match &mut arm.kind {
                ArmKind::Fields(body) => self.structure(body),
                ArmKind::Type(ty) => self.ty(ty),
                ArmKind::Raw => {}
            }
        }
    }

    fn ty(&self, ty: &mut Type) {
        match ty {
            Type::Array(of, _)
            | Type::List(of, _)
            | Type::Set(of, _)
            | Type::Option(of, _)
            | Type::Framed { inner: of, .. }
            | Type::Sealed(of, _) => self.ty(of),
            Type::Map(key, value, _) | Type::Pairs(key, value, _) | Type::Into(key, value) => {
                self.ty(key);
                self.ty(value);
            }
            Type::Struct(body) => self.structure(body),
            Type::Union(choice) => self.union(choice),
            _ => {}
        }
    }
}
