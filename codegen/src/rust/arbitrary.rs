//! Made-up values for fuzzing and for the tests of the laws.

use firefly_spec::model::{
    Arm, ArmKind, Count, Extent, Field, FieldKind, Or, Selector, Struct, Test, Type, Union, Value,
};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::Emitter;
use super::choose::boxed;
use super::names::{ident, local};
use super::run::as_signed;
use super::scope::{Access, Moment, Scope};
use super::types::{is_optional, stored_form};

impl<'m> Emitter<'m> {
    /// `Arbitrary` for a struct.
    pub(super) fn arbitrary_struct(&self, name: &Ident, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        if reaches_out(s, &[], false) {
            return TokenStream::new();
        }
        let body = self.invent_struct(s, quote!(Self), &Scope::default(), "");
        quote! {
            #[allow(clippy::all, unused_variables, unused_mut, unused_assignments)]
            impl<'a> #rt::arbitrary::Arbitrary<'a> for #name {
                fn arbitrary(u: &mut #rt::arbitrary::Unstructured<'a>) -> #rt::arbitrary::Result<Self> {
                    Ok({ #body })
                }
            }
        }
    }

    /// `Arbitrary` for a union that can stand alone.
    pub(super) fn arbitrary_union(&self, name: &Ident, u: &'m Union) -> TokenStream {
        let rt = &self.rt;
        if matches!(u.by, Selector::Field(..)) || arms_reach_out(u, &[], false) {
            return TokenStream::new();
        }
        let body = self.invent_union(u, quote!(Self), &Scope::default(), "");
        quote! {
            #[allow(clippy::all, unused_variables, unused_mut, unused_assignments)]
            impl<'a> #rt::arbitrary::Arbitrary<'a> for #name {
                fn arbitrary(u: &mut #rt::arbitrary::Unstructured<'a>) -> #rt::arbitrary::Result<Self> {
                    let mut more = true;
                    Ok(#body)
                }
            }
        }
    }

    fn invent_struct(&self, s: &'m Struct, name: TokenStream, scope: &Scope<'m>, prefix: &str) -> TokenStream {
        let inside = scope.inside(s, Access::Invented(prefix.into()));
        let mut out = quote!(let mut more = true;);
        if !s.versions.is_empty() {
            let version = self.written_version(&s.versions, &inside, Moment::Inventing);
            out.extend(quote!(let struct_v: u32 = #version;));
        }
        let mut fields = TokenStream::new();
        for field in s.fields.iter().filter(|f| stored_form(f).is_some()) {
            let (var, field_name) = (local(prefix, &field.name), ident(&field.name, proc_macro2::Span::call_site()));
            let (value, ty) = (self.invent_field(field, &inside, prefix), self.field_type(field));
            out.extend(quote!(let #var: #ty = #value;));
            fields.extend(quote!(#field_name: #var,));
        }
        if !s.versions.is_empty() {
            fields.extend(quote!(origin: Default::default(),));
        }
        quote!(#out #name { #fields })
    }

    fn invent_field(&self, field: &'m Field, scope: &Scope<'m>, prefix: &str) -> TokenStream {
        let mut chain = self.absent(field);
        for (i, form) in field.forms.iter().enumerate().rev() {
            let value = match &form.kind {
                FieldKind::Value(ty) => match self.steered(field, ty, scope) {
                    Some(value) => value,
                    None => self.invent(ty, form.max, scope, &format!("{prefix}{}_", field.name)),
                },
                FieldKind::Checksum { .. } => quote!(Default::default()),
                _ => continue,
            };
            let value = if is_optional(field) { quote!(Some(#value)) } else { value };
            chain = match self.presence(field, i, scope, Moment::Inventing) {
                None => value,
                Some(test) => quote!(if #test { #value } else { #chain }),
            };
        }
        chain
    }

    /// A value for a field that others depend on: the selector of a union, or a length.
    fn steered(&self, field: &Field, ty: &Type, scope: &Scope<'m>) -> Option<TokenStream> {
        let mut values = Vec::new();
        let mut is_length = false;
        for form in scope.fields().flat_map(|f| &f.forms) {
            if let FieldKind::Value(used) = &form.kind {
                selectors(used, &field.name, &mut values);
                is_length |= measured_by(used, &field.name);
            }
        }
        let int = self.own_int(ty)?;
        let wrap = |value: TokenStream| match ty {
            Type::Named(_) | Type::NamedAs(..) => {
                let path = self.rust_type(ty);
                quote!(#path(#value))
            }
            _ => value,
        };
        if is_length && !matches!(ty, Type::Bool) {
            return Some(wrap(quote!(u.int_in_range(0..=6)?)));
        }
        if values.is_empty() || matches!(ty, Type::Bool) {
            return None;
        }
        let literals = values.iter().map(|v| super::types::int_literal(as_signed(*v, int), int));
        Some(wrap(quote!(if u.ratio(7, 8)? { *u.choose(&[#(#literals),*])? } else { u.arbitrary()? })))
    }

    /// A value of a type.
    fn invent(&self, ty: &'m Type, max: Option<u64>, scope: &Scope<'m>, prefix: &str) -> TokenStream {
        let rt = &self.rt;
        let few = Literal::usize_unsuffixed(max.map_or(3, |max| usize::try_from(max.min(3)).unwrap_or(3)));
        match ty {
            Type::Int(_) | Type::Bool | Type::Named(_) | Type::NamedAs(..) => quote!(u.arbitrary()?),
            // What the wire can say.
            Type::Into(wire, rust) => {
                let (value, wire) = (self.invent(wire, max, scope, prefix), self.rust_type(wire));
                let rust = self.rust_type(rust);
                quote!({ let value: #wire = #value; <#rust as From<#wire>>::from(value) })
            }
            Type::Float { bits: 32, .. } => quote!(f32::from(u.arbitrary::<i16>()?)),
            Type::Float { .. } => quote!(f64::from(u.arbitrary::<i32>()?)),
            Type::Pad(_) => quote!(#rt::Slack::default()),
            Type::Array(inner, n) if matches!(**inner, Type::Int(_)) => {
                let n = Literal::u64_unsuffixed(*n);
                quote!(u.arbitrary::<[_; #n]>()?)
            }
            Type::Array(inner, n) => {
                let default = self.array_default(inner, *n);
                let inner = self.invent(inner, None, scope, prefix);
                quote!({ let mut items = #default; for item in items.iter_mut() { *item = #inner; } items })
            }
            Type::Bytes(extent) => self.invent_bytes(extent, scope),
            Type::String(Extent::Field(path)) => {
                let bytes = self.invent_bytes(&Extent::Field(path.clone()), scope);
                quote!(#rt::Str::from(#bytes))
            }
            Type::String(_) => quote!(u.arbitrary()?),
            Type::Sealed(_, extent) => {
                let bytes = self.invent_bytes(extent, scope);
                quote!(#rt::Sealed::new(#bytes))
            }
            Type::List(inner, count) => {
                let (n, inner) = (self.invent_count(count, &few, scope), self.invent(inner, None, scope, prefix));
                quote!({ let n = #n; let mut items = Vec::new(); for _ in 0..n { items.push(#inner); } items })
            }
            Type::Set(inner, _) => {
                let inner = self.invent(inner, None, scope, prefix);
                quote!({ let mut items = Vec::new(); for _ in 0..u.int_in_range(0..=#few)? { items.push(#inner); } #rt::Set::from(items) })
            }
            Type::Map(key, value, _) => {
                let (key, value) = (self.invent(key, None, scope, prefix), self.invent(value, None, scope, prefix));
                quote!({ let mut items = Vec::new(); for _ in 0..u.int_in_range(0..=#few)? { items.push((#key, #value)); } #rt::Map::from(items) })
            }
            Type::Pairs(key, value, count) => {
                let n = self.invent_count(count, &few, scope);
                let (key, value) = (self.invent(key, None, scope, prefix), self.invent(value, None, scope, prefix));
                quote!({ let n = #n; let mut items = Vec::new(); for _ in 0..n { items.push((#key, #value)); } items })
            }
            Type::Option(inner, _) => {
                let inner = self.invent(inner, None, scope, prefix);
                quote!(if u.arbitrary()? { Some(#inner) } else { None })
            }
            Type::Framed { inner, or: Some(Or::Raw), .. } => {
                let (bytes, value) = (self.invent_bytes(&Extent::Rest, scope), self.invent(inner, None, scope, prefix));
                match self.known_if(inner, scope) {
                    Some(known) => {
                        quote!(if #known { #rt::Content::new(#value) } else { #rt::Content::Raw(#bytes) })
                    }
                    None => quote!(if u.ratio(7, 8)? { #rt::Content::new(#value) } else { Default::default() }),
                }
            }
            Type::Framed { inner, or, .. } => {
                let inner = self.invent(inner, None, scope, prefix);
                if or.is_some() {
                    quote!(if u.arbitrary()? { Some(#rt::Framed { value: #inner, tail: #rt::Bytes::new() }) } else { None })
                } else {
                    quote!(#rt::Framed { value: #inner, tail: #rt::Bytes::new() })
                }
            }
            Type::Struct(s) => {
                let name = format_ident!("{}", s.name);
                let body = self.invent_struct(s, quote!(#name), scope, prefix);
                quote!({ #body })
            }
            Type::Union(u) => {
                let name = format_ident!("{}", u.name);
                self.invent_union(u, quote!(#name), scope, prefix)
            }
        }
    }

    fn invent_bytes(&self, extent: &Extent, scope: &Scope<'m>) -> TokenStream {
        let rt = &self.rt;
        let n = match extent {
            Extent::Field(path) => match scope.find(self, path).and_then(|f| self.as_int(&f)) {
                Some((expr, _)) => quote!(usize::try_from(#expr).unwrap_or(0).min(64)),
                None => return self.unresolved(path),
            },
            _ => quote!(u.int_in_range(0..=8usize)?),
        };
        quote!({ let n = #n; #rt::Bytes::from((0..n).map(|_| u.arbitrary()).collect::<Result<Vec<u8>, _>>()?) })
    }

    fn invent_count(&self, count: &Count, few: &Literal, scope: &Scope<'m>) -> TokenStream {
        match count {
            Count::Same(path) => match scope.find(self, path) {
                Some(found) => {
                    let expr = found.expr;
                    quote!(#expr.len())
                }
                None => self.unresolved(path),
            },
            Count::Field(path) => match scope.find(self, path).and_then(|f| self.as_int(&f)) {
                Some((expr, _)) => quote!(usize::try_from(#expr).unwrap_or(0).min(16)),
                None => self.unresolved(path),
            },
            _ => quote!(u.int_in_range(0..=#few)?),
        }
    }

    fn invent_union(&self, u: &'m Union, name: TokenStream, scope: &Scope<'m>, prefix: &str) -> TokenStream {
        let int = self.selector_int(u);
        match &u.by {
            Selector::Field(path, _) => {
                let Some((tag, _)) = scope.find(self, path).and_then(|f| self.as_int(&f)) else {
                    return self.unresolved(path);
                };
                let mut arms = TokenStream::new();
                for arm in &u.arms {
                    let pattern = if arm.values.is_empty() { quote!(_) } else { self.patterns(&arm.values, int) };
                    let guard = arm.when.as_ref().map(|when| {
                        let when = self.test(when, scope, Moment::Inventing, None);
                        quote!(if #when)
                    });
                    let value = self.invent_arm(u, arm, &name, scope, prefix);
                    arms.extend(quote!(#pattern #guard => { #value }));
                }
                if u.arms.iter().all(|arm| !arm.values.is_empty() || arm.when.is_some()) {
                    arms.extend(quote!(_ => #name::default(),));
                }
                quote!(match #tag { #arms })
            }
            Selector::Peek(_) | Selector::Tag(_) => {
                let last = u.arms.len().saturating_sub(1);
                let arms = u.arms.iter().enumerate().map(|(n, arm)| {
                    let value = self.invent_arm(u, arm, &name, scope, prefix);
                    let i = Literal::usize_unsuffixed(n);
                    if n == last { quote!(_ => { #value }) } else { quote!(#i => { #value }) }
                });
                let last = Literal::usize_unsuffixed(last);
                quote!(match u.int_in_range(0..=#last)? { #(#arms)* })
            }
        }
    }

    fn invent_arm(
        &self,
        u: &'m Union,
        arm: &'m Arm,
        name: &TokenStream,
        scope: &Scope<'m>,
        prefix: &str,
    ) -> TokenStream {
        let (variant, int) = (self.variant(arm), self.selector_int(u));
        let tag = self.keeps_tag(u, arm).then(|| match (&u.by, arm.values.as_slice()) {
            (Selector::Tag(ty), values) if !values.is_empty() => {
                let values = values.iter().map(|v| self.value(&Value::Int(as_signed(*v, int)), ty));
                quote!(tag: *u.choose(&[#(#values),*])?,)
            }
            _ => quote!(tag: u.arbitrary()?,),
        });
        let slack = self.keeps_slack(u, arm).then(|| quote!(slack: Default::default(),));
        match &arm.kind {
            _ if self.is_unit(u, arm) => quote!(#name::#variant),
            ArmKind::Raw if u.fixed.is_some() => {
                let bytes = boxed(u.fixed.unwrap_or_default(), quote!(u.arbitrary()?));
                quote!(#name::#variant { #tag bytes: #bytes })
            }
            ArmKind::Raw => {
                let bytes = self.invent_bytes(&Extent::Rest, scope);
                quote!(#name::#variant { #tag bytes: #bytes })
            }
            ArmKind::Type(ty) => {
                let value = self.invent(ty, None, scope, prefix);
                if self.is_newtype(u, arm) {
                    quote!(#name::#variant(#value))
                } else {
                    quote!(#name::#variant { #tag value: #value, #slack })
                }
            }
            ArmKind::Fields(s) => {
                let arm_prefix = format!("{prefix}{}_", arm.name);
                let inside = scope.inside(s, Access::Invented(arm_prefix.clone()));
                let mut out = TokenStream::new();
                let mut fields = TokenStream::new();
                for field in s.fields.iter().filter(|f| stored_form(f).is_some()) {
                    let (var, field_name) =
                        (local(&arm_prefix, &field.name), ident(&field.name, proc_macro2::Span::call_site()));
                    let (value, ty) = (self.invent_field(field, &inside, &arm_prefix), self.field_type(field));
                    out.extend(quote!(let #var: #ty = #value;));
                    fields.extend(quote!(#field_name: #var,));
                }
                quote!(#out #name::#variant { #tag #fields #slack })
            }
        }
    }
}

/// Whether an inline struct names fields outside its own braces, so that it cannot be made up alone. `around` are the
/// names it may use.
fn reaches_out(s: &Struct, around: &[&str], versioned: bool) -> bool {
    let known: Vec<&str> = around.iter().copied().chain(s.fields.iter().map(|f| f.name.as_str())).collect();
    let versioned = versioned || !s.versions.is_empty();
    s.fields.iter().flat_map(|f| &f.forms).any(|form| {
        form.when.as_ref().is_some_and(|test| test_reaches_out(test, &known))
            || !versioned && (form.since.is_some() || form.until.is_some())
            || matches!(&form.kind, FieldKind::Value(ty) if type_reaches_out(ty, &known, versioned))
    })
}

fn is_outside(path: &[String], known: &[&str]) -> bool {
    path.first().is_some_and(|first| !known.contains(&first.as_str()))
}

fn test_reaches_out(test: &Test, known: &[&str]) -> bool {
    match test {
        Test::Compare(path, ..) | Test::Flag(path, _) | Test::Masked(path, ..) => is_outside(path, known),
        Test::Not(a) => test_reaches_out(a, known),
        Test::And(a, b) | Test::Or(a, b) => test_reaches_out(a, known) || test_reaches_out(b, known),
        Test::Has(..) | Test::Lacks(..) | Test::More => false,
    }
}

fn type_reaches_out(ty: &Type, known: &[&str], versioned: bool) -> bool {
    let inner = |ty: &Type| type_reaches_out(ty, known, versioned);
    let counted = |count: &Count| match count {
        Count::Same(path) | Count::Field(path) => is_outside(path, known),
        _ => false,
    };
    let measured = |extent: &Extent| matches!(extent, Extent::Field(path) if is_outside(path, known));
    match ty {
        Type::Bytes(extent) | Type::String(extent) | Type::Sealed(_, extent) => measured(extent),
        Type::List(element, count) | Type::Set(element, count) => counted(count) || inner(element),
        Type::Map(key, value, count) | Type::Pairs(key, value, count) => counted(count) || inner(key) || inner(value),
        Type::Option(element, _) | Type::Array(element, _) | Type::Into(element, _) => inner(element),
        Type::Framed { inner: element, extent, .. } => measured(extent) || inner(element),
        Type::Struct(s) => reaches_out(s, known, versioned),
        Type::Union(u) => {
            matches!(&u.by, Selector::Field(path, _) if is_outside(path, known)) || arms_reach_out(u, known, versioned)
        }
        _ => false,
    }
}

fn arms_reach_out(u: &Union, known: &[&str], versioned: bool) -> bool {
    u.arms.iter().any(|arm| match &arm.kind {
        ArmKind::Fields(s) => reaches_out(s, known, versioned),
        ArmKind::Type(ty) => type_reaches_out(ty, known, versioned),
        ArmKind::Raw => false,
    })
}

/// Collects the values that select an arm of a union inside the type by the field.
fn selectors(ty: &Type, field: &str, values: &mut Vec<u64>) {
    match ty {
        Type::Union(u) => {
            if matches!(&u.by, Selector::Field(path, _) if path.last().is_some_and(|last| last == field)) {
                values.extend(u.arms.iter().flat_map(|a| a.values.iter().copied()));
            }
        }
        Type::Framed { inner, .. } | Type::Option(inner, _) | Type::List(inner, _) => selectors(inner, field, values),
        _ => {}
    }
}

/// Whether the field gives a length or count inside the type.
fn measured_by(ty: &Type, field: &str) -> bool {
    let is = |path: &[String]| path.last().is_some_and(|last| last == field);
    match ty {
        Type::Bytes(Extent::Field(path)) | Type::String(Extent::Field(path)) | Type::Sealed(_, Extent::Field(path)) => {
            is(path)
        }
        Type::List(_, Count::Field(path)) | Type::Pairs(_, _, Count::Field(path)) => is(path),
        Type::Union(u) => u.arms.iter().any(|arm| match &arm.kind {
            ArmKind::Fields(s) => s
                .fields
                .iter()
                .flat_map(|f| &f.forms)
                .any(|form| matches!(&form.kind, FieldKind::Value(ty) if measured_by(ty, field))),
            ArmKind::Type(ty) => measured_by(ty, field),
            ArmKind::Raw => false,
        }),
        Type::Struct(s) => s
            .fields
            .iter()
            .flat_map(|f| &f.forms)
            .any(|form| matches!(&form.kind, FieldKind::Value(ty) if measured_by(ty, field))),
        _ => false,
    }
}
