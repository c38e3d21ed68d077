//! Looking fields up from inside a generated function, and conditions on them.

use firefly_spec::model::{
    ArmKind, Compare, Field, FieldKind, Int, ItemKind, Module, Section, Struct, Test, Type, Union,
};
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;

use super::Emitter;
use super::names::{ident, local};
use super::run::as_signed;
use super::types::{int_literal, int_type, is_optional, stored_form, unconditional, widest};

/// How the fields of one pair of braces are reached.
#[derive(Clone)]
pub(super) enum Access {
    /// As local variables with a prefix: while reading.
    Locals(String),
    /// As local variables with a prefix, of which inline structs are whole ones: while making values up.
    Invented(String),
    /// As fields of a place: while writing.
    Place(TokenStream),
    /// As references bound by a pattern: in the arm of a union, while writing.
    Bound(String),
}

/// The fields that can be named at some point, outermost braces first.
#[derive(Clone, Default)]
pub(super) struct Scope<'m> {
    frames: Vec<(&'m [Field], Access)>,
    /// Whether the innermost braces, or those to come if there are none, are those of a view.
    view: bool,
}

/// What a path leads to.
pub(super) struct Found<'m> {
    /// The expression; a place, never a reference.
    pub(super) expr: TokenStream,
    /// The field.
    pub(super) field: &'m Field,
}

impl<'m> Scope<'m> {
    /// The scope around a view.
    pub(super) fn of_view() -> Scope<'m> {
        Scope { view: true, ..Scope::default() }
    }

    /// Whether bytes read here are left where they are.
    pub(super) fn is_view(&self) -> bool {
        self.view
    }

    /// The scope inside one more pair of braces.
    pub(super) fn inside(&self, s: &'m Struct, access: Access) -> Scope<'m> {
        let mut frames = self.frames.clone();
        frames.push((&s.fields, access));
        Scope { frames, view: self.view && self.frames.is_empty() }
    }

    /// The innermost access.
    pub(super) fn access(&self) -> Option<&Access> {
        self.frames.last().map(|(_, access)| access)
    }

    /// The expression for a field of the innermost braces.
    pub(super) fn field(&self, field: &Field) -> TokenStream {
        match self.access() {
            Some(access) => reach(access, field),
            None => quote!(()),
        }
    }

    /// All fields that can be named.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'m Field> {
        self.frames.iter().flat_map(|(fields, _)| fields.iter())
    }

    /// What a path leads to.
    pub(super) fn find(&self, emitter: &Emitter<'m>, path: &[String]) -> Option<Found<'m>> {
        let (first, rest) = path.split_first()?;
        let (fields, access) = self.frames.iter().rev().find(|(fields, _)| fields.iter().any(|f| f.name == *first))?;
        let mut field = fields.iter().find(|f| f.name == *first)?;
        let mut expr = reach(access, field);
        let mut prefix = match access {
            Access::Locals(prefix) => Some(format!("{prefix}{first}_")),
            _ => None,
        };
        let mut home = emitter.module;
        let mut lists = Vec::new();
        let mut steps = rest.iter();
        while let Some(step) = steps.next() {
            let ty = value_type(field)?;
            if let Type::List(of, _) = ty {
                let next = steps.next()?;
                let member = ident(next, Span::call_site());
                field = emitter.struct_of(of)?.fields.iter().find(|f| f.name == *next)?;
                lists.push(expr);
                (expr, prefix) = (quote!(item.#member), None);
                continue;
            }
            if let Some((u, declared_in)) = emitter.union_of(ty, home) {
                let next = steps.next()?;
                let arm = u.arms.iter().find(|arm| arm.name == *step)?;
                let (name, variant) = (emitter.inner_path(&u.name, declared_in), emitter.variant(arm));
                let member = ident(next, Span::call_site());
                (expr, field) = match &arm.kind {
                    ArmKind::Fields(s) => (
                        quote!((match &#expr { #name::#variant { #member, .. } => *#member, _ => Default::default() })),
                        s.fields.iter().find(|f| f.name == *next)?,
                    ),
                    ArmKind::Type(ty) if emitter.is_newtype(u, arm) => (
                        quote!((match &#expr { #name::#variant(value) => value.#member, _ => Default::default() })),
                        emitter.struct_of(ty)?.fields.iter().find(|f| f.name == *next)?,
                    ),
                    ArmKind::Type(ty) => (
                        quote!((match &#expr { #name::#variant { value, .. } => value.#member, _ => Default::default() })),
                        emitter.struct_of(ty)?.fields.iter().find(|f| f.name == *next)?,
                    ),
                    ArmKind::Raw => return None,
                };
                prefix = None;
                continue;
            }
            let inline = matches!(ty, Type::Struct(_));
            if let Type::Named(name) = ty {
                home = emitter.model.module_of(name)?;
            }
            let s = emitter.struct_of(ty)?;
            field = s.fields.iter().find(|f| f.name == *step)?;
            prefix = prefix.filter(|_| inline && flattens(s));
            match &prefix {
                Some(p) => {
                    let name = local(p, step);
                    expr = quote!(#name);
                    prefix = Some(format!("{p}{step}_"));
                }
                None => {
                    let name = ident(step, Span::call_site());
                    expr = quote!(#expr.#name);
                }
            }
        }
        for list in lists.into_iter().rev() {
            expr = quote!((match #list.first() { Some(item) => #expr, None => Default::default() }));
        }
        Some(Found { expr, field })
    }
}

/// Whether an inline struct is read as part of what encloses it.
pub(super) fn flattens(s: &Struct) -> bool {
    s.versions.is_empty() && s.orders.is_empty()
}

/// A wire order that differs from the declared one.
pub(super) struct Order<'m> {
    /// The versions that have it.
    pub(super) versions: Vec<u32>,
    /// The fields in that order.
    pub(super) present: Vec<&'m Field>,
    /// The fields that those versions lack.
    pub(super) absent: Vec<&'m Field>,
}

/// The wire orders of a struct that differ from the declared one.
pub(super) fn orders(s: &Struct) -> Vec<Order<'_>> {
    let mut grouped: Vec<(Vec<u32>, &[usize])> = Vec::new();
    for (version, order) in &s.orders {
        match grouped.iter_mut().find(|(_, same)| same == order) {
            Some((versions, _)) => versions.push(*version),
            None => grouped.push((vec![*version], order)),
        }
    }
    let order = |(versions, order): (Vec<u32>, &[usize])| Order {
        versions,
        present: order.iter().filter_map(|i| s.fields.get(*i)).collect(),
        absent: s.fields.iter().enumerate().filter(|(i, _)| !order.contains(i)).map(|(_, f)| f).collect(),
    };
    grouped.into_iter().map(order).collect()
}

/// The inline struct that a field is, if it is read as part of what encloses it.
pub(super) fn inlined(field: &Field) -> Option<&Struct> {
    match unconditional(field).map(|form| &form.kind) {
        Some(FieldKind::Value(Type::Struct(s)))
            if flattens(s) && !s.apart && field.section == Section::Front && field.apart.is_none() =>
        {
            Some(s)
        }
        _ => None,
    }
}

fn reach(access: &Access, field: &Field) -> TokenStream {
    match access {
        Access::Locals(prefix) | Access::Invented(prefix) => {
            let name = local(prefix, &field.name);
            quote!(#name)
        }
        Access::Place(place) => {
            let name = ident(&field.name, Span::call_site());
            quote!(#place.#name)
        }
        Access::Bound(prefix) => {
            let name = local(prefix, &field.name);
            quote!((*#name))
        }
    }
}

/// Where a condition is evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// In a reader, called `r`.
    Reading,
    /// In a writer, called `w`.
    Writing,
    /// In the size pass, with a target called `t`.
    Sizing,
    /// While a value is made up.
    Inventing,
}

/// The type of a field's value, if it has one.
fn value_type(field: &Field) -> Option<&Type> {
    field.forms.iter().find_map(|form| match &form.kind {
        FieldKind::Value(ty) => Some(ty),
        _ => None,
    })
}

impl<'m> Emitter<'m> {
    /// The struct that a path steps into from a field of this type.
    fn struct_of(&self, ty: &'m Type) -> Option<&'m Struct> {
        match ty.in_rust() {
            Type::Struct(s) => Some(s),
            Type::Framed { inner, or: None, .. } => self.struct_of(inner),
            Type::Named(name) => match &self.model.item(name)?.kind {
                ItemKind::Struct(s) => Some(s),
                _ => None,
            },
            _ => None,
        }
    }

    /// The union that a path steps into from a field of this type, and the module that declares it.
    fn union_of(&self, ty: &'m Type, home: &'m Module) -> Option<(&'m Union, &'m Module)> {
        match ty {
            Type::Union(u) => Some((u, home)),
            Type::Named(name) => match &self.model.item(name)?.kind {
                ItemKind::Union(u) => Some((u, self.model.module_of(name)?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The path to a type declared in place, in some module.
    fn inner_path(&self, name: &str, module: &Module) -> TokenStream {
        let name = ident(name, Span::call_site());
        if module.name == self.module.name {
            return quote!(#name);
        }
        let module = ident(&module.name, Span::call_site());
        quote!(super::#module::#name)
    }

    /// A field as an expression of some integer type, and that type.
    pub(super) fn as_int(&self, found: &Found<'m>) -> Option<(TokenStream, Int)> {
        let expr = &found.expr;
        let form = found.field.forms.iter().find(|f| !matches!(f.kind, FieldKind::Checksum { .. }))?;
        let ty = match &form.kind {
            FieldKind::Value(ty) | FieldKind::Const { ty, .. } => ty.in_rust(),
            FieldKind::Count { int, .. } | FieldKind::Len { int, .. } => return Some((quote!(#expr), *int)),
            FieldKind::Checksum { .. } => return None,
        };
        let expr = if is_optional(found.field) { quote!(#expr.unwrap_or_default()) } else { quote!(#expr) };
        match ty {
            Type::Int(int) => Some((expr, widest(found.field).unwrap_or(*int))),
            Type::Bool => Some((quote!(u8::from(#expr)), Int { bits: 8, signed: false, big: false })),
            Type::Named(name) | Type::NamedAs(name, _) => match &self.model.item(name)?.kind {
                ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. } => {
                    Some((quote!(#expr.0), *repr))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// A condition as a Rust expression. `stored` is the optional field whose presence `more` asks about when writing.
    pub(super) fn test(
        &self,
        test: &Test,
        scope: &Scope<'m>,
        moment: Moment,
        stored: Option<&TokenStream>,
    ) -> TokenStream {
        match test {
            Test::Has(_, mask) => self.has(*mask, moment),
            Test::Lacks(_, mask) => {
                let has = self.has(*mask, moment);
                quote!(!#has)
            }
            Test::More => match (moment, stored) {
                (Moment::Reading, _) => quote!(!r.is_empty()),
                (Moment::Inventing, _) => quote!({
                    more = more && u.arbitrary::<bool>()?;
                    more
                }),
                (_, Some(stored)) => quote!(#stored.is_some()),
                (_, None) => quote!(true),
            },
            Test::Compare(path, compare, value) => {
                let Some((expr, int)) = scope.find(self, path).and_then(|f| self.as_int(&f)) else {
                    return self.unresolved(path);
                };
                compared(&expr, *compare, *value, int)
            }
            Test::Masked(path, mask, compare, value) => {
                let Some((expr, int)) = scope.find(self, path).and_then(|f| self.as_int(&f)) else {
                    return self.unresolved(path);
                };
                let mask = int_literal(as_signed(*mask, int), int);
                compared(&quote!((#expr & #mask)), *compare, *value, int)
            }
            Test::Flag(path, mask) => {
                let Some((expr, int)) = scope.find(self, path).and_then(|f| self.as_int(&f)) else {
                    return self.unresolved(path);
                };
                let mask = int_literal(as_signed(*mask, int), int);
                quote!(#expr & #mask == #mask)
            }
            Test::Not(inner) => {
                let inner = self.test(inner, scope, moment, stored);
                quote!(!(#inner))
            }
            Test::And(a, b) => {
                let (a, b) = (self.test(a, scope, moment, stored), self.test(b, scope, moment, stored));
                quote!((#a) && (#b))
            }
            Test::Or(a, b) => {
                let (a, b) = (self.test(a, scope, moment, stored), self.test(b, scope, moment, stored));
                quote!(((#a) || (#b)))
            }
        }
    }

    fn has(&self, mask: u64, moment: Moment) -> TokenStream {
        let mask = Literal::u64_suffixed(mask);
        match moment {
            Moment::Reading => quote!(r.has(#mask)),
            Moment::Writing => quote!(w.has(#mask)),
            Moment::Sizing => quote!(t.has(#mask)),
            Moment::Inventing => quote!((u64::MAX & #mask == #mask)),
        }
    }

    /// A compile error for a path the checker should have refused.
    pub(super) fn unresolved(&self, path: &[String]) -> TokenStream {
        let message = format!("cannot reach `{}` from here", path.join("."));
        quote!(compile_error!(#message))
    }

    /// Whether form `index` of a field is the one on the wire; `None` when it always is.
    pub(super) fn presence(
        &self,
        field: &Field,
        index: usize,
        scope: &Scope<'m>,
        moment: Moment,
    ) -> Option<TokenStream> {
        let form = field.forms.get(index)?;
        let mut parts = Vec::new();
        if let Some(since) = form.since {
            let since = Literal::u32_unsuffixed(since);
            parts.push(quote!(struct_v >= #since));
        }
        if let Some(until) = form.until {
            let until = Literal::u32_unsuffixed(until);
            parts.push(quote!(struct_v <= #until));
        }
        if let Some(when) = &form.when {
            let stored = stored_form(field).map(|_| scope.field(field));
            let test = self.test(when, scope, moment, stored.as_ref());
            // Whether bytes are left is asked of the part where the field lies.
            parts.push(match field.apart.unwrap_or(field.section) {
                Section::Data if moment == Moment::Reading => quote!({ let r = &*data_r; #test }),
                Section::Middle if moment == Moment::Reading => quote!({ let r = &*middle_r; #test }),
                _ => quote!((#test)),
            });
        }
        if parts.is_empty() { None } else { Some(quote!(#(#parts)&&*)) }
    }
}

/// An expression that converts an integer of that type to u64.
pub(super) fn to_u64(expr: &TokenStream, int: Int) -> TokenStream {
    if int.signed {
        let unsigned = int_type(Int { signed: false, ..int });
        quote!(u64::from(#expr as #unsigned))
    } else if int.bits == 64 {
        quote!(#expr)
    } else {
        quote!(u64::from(#expr))
    }
}

/// A comparison of an integer with a number.
fn compared(expr: &TokenStream, compare: Compare, value: i128, int: Int) -> TokenStream {
    let value = int_literal(value, int);
    match compare {
        Compare::Eq => quote!(#expr == #value),
        Compare::Ne => quote!(#expr != #value),
        Compare::Lt => quote!(#expr < #value),
        Compare::Le => quote!(#expr <= #value),
        Compare::Gt => quote!(#expr > #value),
        Compare::Ge => quote!(#expr >= #value),
    }
}
