//! Types, lengths and counts (W021, W022, W027, W028, W060).

use super::Lowerer;
use super::derived::Measure;
use super::names::kind;
use super::path::{span, steps};
use super::scope::Place;
use super::value::Expected;
use crate::diagnostic::{Code, Diagnostic};
use crate::model;
use crate::span::Span;
use crate::syntax::{Count, Extent, Ident, IntType, ItemKind, Order, Path, Type, TypeKind};

/// Where a type stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    /// The field it belongs to; `None` in a declared union.
    pub(super) place: Option<Place>,
    /// The module whose names it uses.
    pub(super) module: usize,
    /// Whether it is the type of the field itself, so that `above` can speak of it.
    pub(super) outermost: bool,
}

impl<'a> Lowerer<'_, 'a> {
    /// A type.
    pub(super) fn ty(&mut self, site: Site, ty: &'a Type) -> Option<model::Type> {
        let inside = Site { outermost: false, ..site };
        Some(match &ty.kind {
            TypeKind::Int(int) => model::Type::Int(self.int(site.module, *int)),
            TypeKind::Float(bits) => model::Type::Float { bits: *bits, big: self.is_big(site.module, None) },
            TypeKind::Bool => model::Type::Bool,
            TypeKind::Named(name) => model::Type::Named(self.named(site.module, name)?),
            TypeKind::NamedAs(name, wire) => {
                let declared = self.named(site.module, name)?;
                if !matches!(self.program.expected(site.module, ty), Some(Expected::Members { .. })) {
                    let message = format!("`{declared}` is no enum or flag set, which alone are written as an integer");
                    self.report(Diagnostic::new(Code::WrongKind, name.span, message));
                    return None;
                }
                model::Type::NamedAs(declared, self.int(site.module, *wire))
            }
            TypeKind::Into(wire, rust) => {
                let (wire, rust) = (self.boxed(inside, wire), self.boxed(inside, rust));
                model::Type::Into(wire?, rust?)
            }
            TypeKind::Pad(bytes) => model::Type::Pad(*bytes),
            TypeKind::Array(of, length) => {
                let length = self.program.length(site.module, length);
                let (of, length) = (self.boxed(inside, of), self.accept(length));
                model::Type::Array(of?, length?)
            }
            TypeKind::Bytes(extent) => model::Type::Bytes(self.extent(site, extent)?),
            TypeKind::String(extent) => model::Type::String(self.extent(site, extent)?),
            TypeKind::List(of, count) => {
                let (of, count) = (self.boxed(inside, of), self.count(site, count));
                model::Type::List(of?, count?)
            }
            TypeKind::Set(of, count) => {
                let (of, count) = (self.boxed(inside, of), self.count(site, count));
                model::Type::Set(of?, count?)
            }
            TypeKind::Map(key, value, count) => {
                let (key, value, count) = (self.boxed(inside, key), self.boxed(inside, value), self.count(site, count));
                model::Type::Map(key?, value?, count?)
            }
            TypeKind::Pairs(key, value, count) => {
                let (key, value, count) = (self.boxed(inside, key), self.boxed(inside, value), self.count(site, count));
                model::Type::Pairs(key?, value?, count?)
            }
            TypeKind::Option(of, flag) => model::Type::Option(self.boxed(inside, of)?, self.int(site.module, *flag)),
            TypeKind::Framed { inner, extent, or } => {
                let (inner, extent) = (self.boxed(inside, inner), self.extent(site, extent));
                model::Type::Framed { inner: inner?, extent: extent?, or: *or }
            }
            TypeKind::Sealed(of, extent) => {
                let (of, extent) = (self.boxed(inside, of), self.extent(site, extent));
                model::Type::Sealed(of?, extent?)
            }
            TypeKind::Struct(body) => {
                let scope = self.program.scopes(self.item).scope_of(site.place, body)?;
                model::Type::Struct(Box::new(self.structure(scope)?))
            }
            TypeKind::Union(choice) => model::Type::Union(Box::new(self.union(site, choice)?)),
        })
    }

    fn boxed(&mut self, site: Site, ty: &'a Type) -> Option<Box<model::Type>> {
        self.ty(site, ty).map(Box::new)
    }

    /// A declared type by its name.
    fn named(&mut self, module: usize, name: &Ident) -> Option<String> {
        let id = self.program.names.find(module, name);
        let id = self.accept(id)?;
        let item = self.program.names.item(id);
        match item.kind {
            ItemKind::Const(..) | ItemKind::Checksum { .. } | ItemKind::Message(_) | ItemKind::Messages { .. } => {
                let message = format!("`{}` is {}, not a type", name.name, kind(item));
                self.report(Diagnostic::new(Code::WrongKind, name.span, message).also(item.name.span, "declared here"));
                None
            }
            _ => {
                self.uses(id);
                Some(name.name.clone())
            }
        }
    }

    /// An integer with its byte order.
    pub(super) fn int(&self, module: usize, int: IntType) -> model::Int {
        model::Int { bits: int.bits, signed: int.signed, big: self.is_big(module, int.order) }
    }

    fn is_big(&self, module: usize, order: Option<Order>) -> bool {
        order.unwrap_or(self.program.names.order(module)) == Order::Big
    }

    fn extent(&mut self, site: Site, extent: &Extent) -> Option<model::Extent> {
        Some(match extent {
            Extent::Prefix(int) => model::Extent::Prefix(self.int(site.module, *int)),
            Extent::Above(at) => model::Extent::Above(self.above(site, Measure::Len, *at)?),
            Extent::Field(path) => model::Extent::Field(self.integer(site, path)?),
            Extent::Rest => model::Extent::Rest,
        })
    }

    fn count(&mut self, site: Site, count: &Count) -> Option<model::Count> {
        Some(match count {
            Count::Prefix(int) => model::Count::Prefix(self.int(site.module, *int)),
            Count::Above(at) => model::Count::Above(self.above(site, Measure::Count, *at)?),
            Count::Same(path) => {
                let place = self.place(site, path)?;
                self.outside_arms(place, path)?;
                self.earlier(place, path)?;
                model::Count::Same(steps(path))
            }
            Count::Field(path) => model::Count::Field(self.integer(site, path)?),
            Count::Rest => model::Count::Rest,
        })
    }

    /// The path to an earlier field that is an integer.
    fn integer(&mut self, site: Site, path: &Path) -> Option<Vec<String>> {
        let found = self.place(site, path).and_then(|place| self.earlier(place, path))?;
        match self.program.expected_of(found.slot) {
            Some(Expected::Int(_)) => Some(steps(path)),
            _ => {
                let message = format!("`{}` is not an integer", steps(path).join("."));
                self.report(Diagnostic::new(Code::WrongKind, span(path), message));
                None
            }
        }
    }

    /// The path to the derived field that measures this one (W060).
    fn above(&mut self, site: Site, measure: Measure, at: Span) -> Option<Vec<String>> {
        let place = site.place.filter(|_| site.outermost);
        let path = place.and_then(|place| {
            let derived = self.derived.iter().find(|derived| derived.target == place && derived.measure == measure)?;
            self.program.scopes(self.item).path_between(place, derived.place)
        });
        if path.is_none() {
            let word = if measure == Measure::Len { "len" } else { "count" };
            let message = format!("no `{word} … of` field names this one");
            self.report(Diagnostic::new(Code::AboveWithout, at, message));
        }
        path
    }

    /// The place that a path is seen from.
    pub(super) fn place(&mut self, site: Site, path: &Path) -> Option<Place> {
        if site.place.is_none() {
            let message = "a declared union has no fields around it";
            self.report(Diagnostic::new(Code::UnknownPath, span(path), message));
        }
        site.place
    }
}
