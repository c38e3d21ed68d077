//! Which Rust type stands for a wire type, and what is known about it.

use firefly_spec::model::{ArmKind, Field, FieldKind, Int, Item, ItemKind, Or, Struct, Type, Union, Value};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::Emitter;
use super::names::ident;

impl Emitter<'_> {
    /// The item of that name. The checker has made sure that there is one.
    pub(super) fn item(&self, name: &str) -> Option<&Item> {
        self.model.item(name)
    }

    /// The path to a declared type, from this module.
    pub(super) fn type_path(&self, name: &str) -> TokenStream {
        let type_name = ident(name, Span::call_site());
        match self.model.module_of(name) {
            Some(module) if module.name != self.module.name => {
                let module = ident(&module.name, Span::call_site());
                quote!(super::#module::#type_name)
            }
            _ => quote!(#type_name),
        }
    }

    /// The Rust type of a wire type.
    pub(super) fn rust_type(&self, ty: &Type) -> TokenStream {
        let rt = &self.rt;
        match ty {
            Type::Int(int) => int_type(*int),
            Type::Float { bits: 32, .. } => quote!(f32),
            Type::Float { .. } => quote!(f64),
            Type::Bool => quote!(bool),
            Type::Named(name) => match self.item(name).map(|item| &item.kind) {
                Some(ItemKind::Extern { path, .. }) => {
                    let path = path.iter().map(|p| Ident::new(p, Span::call_site()));
                    quote!(#(#path)::*)
                }
                _ => self.type_path(name),
            },
            Type::NamedAs(name, _) => self.type_path(name),
            Type::Into(_, rust) => self.rust_type(rust),
            Type::Pad(_) => quote!(#rt::Slack),
            Type::Array(inner, n) => {
                let inner = self.rust_type(inner);
                let n = Literal::u64_unsuffixed(*n);
                quote!([#inner; #n])
            }
            Type::Bytes(_) => quote!(#rt::Bytes),
            Type::String(_) => quote!(#rt::Str),
            Type::List(inner, _) => {
                let inner = self.rust_type(inner);
                quote!(Vec<#inner>)
            }
            Type::Set(inner, _) => {
                let inner = self.rust_type(inner);
                quote!(#rt::Set<#inner>)
            }
            Type::Map(key, value, _) => {
                let (key, value) = (self.rust_type(key), self.rust_type(value));
                quote!(#rt::Map<#key, #value>)
            }
            Type::Pairs(key, value, _) => {
                let (key, value) = (self.rust_type(key), self.rust_type(value));
                quote!(Vec<(#key, #value)>)
            }
            Type::Option(inner, _) => {
                let inner = self.rust_type(inner);
                quote!(Option<#inner>)
            }
            Type::Framed { inner, or, .. } => {
                let inner = self.rust_type(inner);
                match or {
                    None => quote!(#rt::Framed<#inner>),
                    Some(Or::Empty) => quote!(Option<#rt::Framed<#inner>>),
                    Some(Or::Raw) => quote!(#rt::Content<#inner>),
                }
            }
            Type::Sealed(inner, _) => {
                let inner = self.rust_type(inner);
                quote!(#rt::Sealed<#inner>)
            }
            Type::Struct(inner) => {
                let name = format_ident!("{}", inner.name);
                quote!(#name)
            }
            Type::Union(inner) => {
                let name = format_ident!("{}", inner.name);
                quote!(#name)
            }
        }
    }

    /// The Rust type of a field: of its first form that is in the struct. `more` makes it optional.
    pub(super) fn field_type(&self, field: &Field) -> Option<TokenStream> {
        let form = stored_form(field)?;
        let ty = match &form.kind {
            FieldKind::Value(_) if widest(field).is_some() => int_type(widest(field)?),
            FieldKind::Value(ty) => self.rust_type(ty),
            _ => {
                let rt = &self.rt;
                quote!(#rt::Checksum)
            }
        };
        Some(if is_optional(field) { quote!(Option<#ty>) } else { ty })
    }

    /// The number of bytes of a type that any bytes of that number are a value of, so that reading cannot fail.
    pub(super) fn plain(&self, ty: &Type) -> Option<u64> {
        match ty {
            Type::Int(int) => Some(int.bytes()),
            Type::Float { bits, .. } => Some(u64::from(bits / 8)),
            Type::Array(inner, n) if matches!(**inner, Type::Int(Int { bits: 8, signed: false, .. })) => Some(*n),
            Type::Named(name) => match &self.item(name)?.kind {
                ItemKind::Enum { repr, closed: false, .. } | ItemKind::Flags { repr, .. } => Some(repr.bytes()),
                ItemKind::Features { repr, .. } => Some(repr.bytes()),
                ItemKind::Struct(s) if self.is_plain(s) => Some(s.size.min),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether any bytes of the right number are a value of the struct.
    pub(super) fn is_plain(&self, s: &Struct) -> bool {
        s.size.fixed
            && s.versions.is_empty()
            && !s.fields.is_empty()
            && s.fields.iter().all(|f| {
                f.apart.is_none()
                    && unconditional(f).is_some_and(|form| match &form.kind {
                        FieldKind::Value(Type::Struct(inner)) => self.is_plain(inner),
                        FieldKind::Value(ty) => self.plain(ty).is_some(),
                        _ => false,
                    })
            })
    }

    /// The fewest bytes the type takes.
    pub(super) fn min_size(&self, ty: &Type) -> u64 {
        match ty {
            Type::Int(int) => int.bytes(),
            Type::Float { bits, .. } => u64::from(bits / 8),
            Type::Bool => 1,
            Type::Named(name) => match self.item(name).map(|i| &i.kind) {
                Some(ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. }) => {
                    repr.bytes()
                }
                Some(ItemKind::Struct(s)) => s.size.min,
                Some(ItemKind::Union(u)) => u.size.min,
                Some(ItemKind::Extern { min, .. }) => *min,
                _ => 0,
            },
            Type::NamedAs(_, int) => int.bytes(),
            Type::Into(wire, _) => self.min_size(wire),
            Type::Pad(n) => *n,
            Type::Array(inner, n) => self.min_size(inner).saturating_mul(*n),
            Type::Bytes(extent) | Type::String(extent) | Type::Sealed(_, extent) => extent_size(extent),
            Type::Framed { inner, extent, or } => {
                extent_size(extent) + if or.is_some() { 0 } else { self.min_size(inner) }
            }
            Type::List(_, count) | Type::Set(_, count) | Type::Map(_, _, count) | Type::Pairs(_, _, count) => {
                count_size(count)
            }
            Type::Option(_, flag) => flag.bytes(),
            Type::Struct(s) => s.size.min,
            Type::Union(u) => u.size.min,
        }
    }

    /// The exact size of the type if it is always the same.
    pub(super) fn fixed_size(&self, ty: &Type) -> Option<u64> {
        match ty {
            Type::Int(_) | Type::NamedAs(..) | Type::Float { .. } | Type::Bool | Type::Pad(_) => {
                Some(self.min_size(ty))
            }
            Type::Named(name) => match &self.item(name)?.kind {
                ItemKind::Enum { .. } | ItemKind::Flags { .. } | ItemKind::Features { .. } => Some(self.min_size(ty)),
                ItemKind::Struct(s) if s.size.fixed && !s.apart => Some(s.size.min),
                ItemKind::Union(u) if u.size.fixed => Some(u.size.min),
                ItemKind::Extern { fixed, .. } => *fixed,
                _ => None,
            },
            Type::Into(wire, _) => self.fixed_size(wire),
            Type::Array(inner, n) => self.fixed_size(inner)?.checked_mul(*n),
            Type::Struct(s) if s.size.fixed && !s.apart => Some(s.size.min),
            Type::Union(u) if u.size.fixed => Some(u.size.min),
            _ => None,
        }
    }

    /// Whether the type or something inside it lies apart, in another part of the message.
    pub(super) fn is_apart(&self, ty: &Type) -> bool {
        match ty {
            Type::Named(name) => match self.item(name).map(|i| &i.kind) {
                Some(ItemKind::Struct(s)) => s.apart,
                Some(ItemKind::Union(u)) => u.apart,
                _ => false,
            },
            Type::Struct(s) => s.apart,
            Type::Union(u) => u.apart,
            Type::Array(inner, _) | Type::List(inner, _) | Type::Set(inner, _) | Type::Option(inner, _) => {
                self.is_apart(inner)
            }
            Type::Framed { inner, .. } | Type::Into(inner, _) => self.is_apart(inner),
            Type::Map(key, value, _) | Type::Pairs(key, value, _) => self.is_apart(key) || self.is_apart(value),
            _ => false,
        }
    }

    /// Whether the type holds a floating point number, which has no total equality.
    pub(super) fn has_float(&self, ty: &Type) -> bool {
        match ty {
            Type::Float { .. } => true,
            Type::Named(name) => match self.item(name).map(|i| &i.kind) {
                Some(ItemKind::Struct(s)) => self.struct_has_float(s),
                Some(ItemKind::Union(u)) => self.union_has_float(u),
                _ => false,
            },
            Type::Array(inner, _) | Type::List(inner, _) | Type::Set(inner, _) | Type::Option(inner, _) => {
                self.has_float(inner)
            }
            Type::Framed { inner, .. } | Type::Into(_, inner) => self.has_float(inner),
            Type::Map(key, value, _) | Type::Pairs(key, value, _) => self.has_float(key) || self.has_float(value),
            Type::Struct(s) => self.struct_has_float(s),
            Type::Union(u) => self.union_has_float(u),
            _ => false,
        }
    }

    pub(super) fn struct_has_float(&self, s: &Struct) -> bool {
        s.fields.iter().flat_map(|f| &f.forms).any(|form| match &form.kind {
            FieldKind::Value(ty) => self.has_float(ty),
            _ => false,
        })
    }

    pub(super) fn union_has_float(&self, u: &Union) -> bool {
        u.arms.iter().any(|arm| match &arm.kind {
            ArmKind::Fields(s) => self.struct_has_float(s),
            ArmKind::Type(ty) => self.has_float(ty),
            ArmKind::Raw => false,
        })
    }

    /// The value as a Rust expression of the type.
    pub(super) fn value(&self, value: &Value, ty: &Type) -> TokenStream {
        let rt = &self.rt;
        match (value, ty.in_rust()) {
            (Value::Int(n), Type::Int(int)) => int_literal(*n, *int),
            (Value::Int(n), Type::Bool) => {
                if *n == 0 {
                    quote!(false)
                } else {
                    quote!(true)
                }
            }
            (Value::Int(n), Type::Float { .. }) => {
                let n = Literal::f64_unsuffixed(*n as f64);
                quote!(#n)
            }
            (Value::Int(n), Type::Named(name) | Type::NamedAs(name, _)) => {
                let path = self.type_path(name);
                match self.item(name).map(|i| &i.kind) {
                    Some(ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. }) => {
                        let n = int_literal(*n, *repr);
                        quote!(#path(#n))
                    }
                    _ => quote!(Default::default()),
                }
            }
            (Value::Bytes(bytes), Type::Array(..)) => {
                let bytes = Literal::byte_string(bytes);
                quote!(*#bytes)
            }
            (Value::Bytes(bytes), Type::String(_)) => {
                let bytes = Literal::byte_string(bytes);
                quote!(#rt::Str::from_static(#bytes))
            }
            (Value::Bytes(bytes), _) => {
                let bytes = Literal::byte_string(bytes);
                quote!(#rt::Bytes::from_static(#bytes))
            }
            (Value::Int(_), _) => quote!(Default::default()),
        }
    }

    /// What an absent field of this kind reads as.
    pub(super) fn absent(&self, field: &Field) -> TokenStream {
        let default = field.forms.iter().find_map(|form| match (&form.default, &form.kind) {
            (Some(value), FieldKind::Value(ty)) => match widest(field) {
                Some(int) => Some(self.value(value, &Type::Int(int))),
                None => Some(self.value(value, ty)),
            },
            _ => None,
        });
        match default {
            Some(value) if !is_optional(field) => value,
            _ => match stored_form(field).map(|f| &f.kind) {
                Some(FieldKind::Value(ty)) => match ty.in_rust() {
                    Type::Array(inner, n) if *n > 32 => self.array_default(inner, *n),
                    _ => quote!(Default::default()),
                },
                _ => quote!(Default::default()),
            },
        }
    }

    /// An array of defaults of any length.
    pub(super) fn array_default(&self, inner: &Type, n: u64) -> TokenStream {
        let n = Literal::u64_unsuffixed(n);
        match inner {
            Type::Int(_) => quote!([0; #n]),
            _ => quote!(core::array::from_fn::<_, #n, _>(|_| Default::default())),
        }
    }
}

/// The Rust integer of a wire integer.
pub(super) fn int_type(int: Int) -> TokenStream {
    let name = format_ident!("{}{}", if int.signed { 'i' } else { 'u' }, int.bits);
    quote!(#name)
}

/// An upper bound as an expression of type u64.
pub(super) fn limit(max: Option<u64>) -> TokenStream {
    match max.map(Literal::u64_unsuffixed) {
        Some(max) => quote!(#max),
        None => quote!(u64::MAX),
    }
}

/// A number as a literal of that integer.
pub(super) fn int_literal(n: i128, int: Int) -> TokenStream {
    let suffix = format!("{}{}", if int.signed { 'i' } else { 'u' }, int.bits);
    let magnitude: TokenStream = match format!("{}{suffix}", n.unsigned_abs()).parse::<Literal>() {
        Ok(literal) => quote!(#literal),
        Err(_) => quote!(0),
    };
    if n < 0 { quote!(-#magnitude) } else { magnitude }
}

/// The form that puts the field into the Rust struct, if there is one.
pub(super) fn stored_form(field: &Field) -> Option<&firefly_spec::model::FieldForm> {
    field.forms.iter().find(|f| matches!(f.kind, FieldKind::Value(_) | FieldKind::Checksum { .. }))
}

/// The widest of the integers that a field is written as: the one in the Rust struct.
pub(super) fn widest(field: &Field) -> Option<Int> {
    let ints: Option<Vec<Int>> = field
        .forms
        .iter()
        .map(|form| match &form.kind {
            FieldKind::Value(ty) => match ty.in_rust() {
                Type::Int(int) => Some(*int),
                _ => None,
            },
            _ => None,
        })
        .collect();
    ints?.into_iter().max_by_key(|int| int.bits)
}

/// The only form of a field that is always there.
pub(super) fn unconditional(field: &Field) -> Option<&firefly_spec::model::FieldForm> {
    match field.forms.as_slice() {
        [form] if form.since.is_none() && form.until.is_none() && form.when.is_none() => Some(form),
        _ => None,
    }
}

/// Whether the field is present only when bytes are left.
pub(super) fn is_optional(field: &Field) -> bool {
    fn mentions_more(test: &firefly_spec::model::Test) -> bool {
        use firefly_spec::model::Test;
        match test {
            Test::More => true,
            Test::Not(a) => mentions_more(a),
            Test::And(a, b) | Test::Or(a, b) => mentions_more(a) || mentions_more(b),
            _ => false,
        }
    }
    field.forms.iter().any(|f| f.when.as_ref().is_some_and(mentions_more))
}

fn extent_size(extent: &firefly_spec::model::Extent) -> u64 {
    match extent {
        firefly_spec::model::Extent::Prefix(int) => int.bytes(),
        _ => 0,
    }
}

fn count_size(count: &firefly_spec::model::Count) -> u64 {
    match count {
        firefly_spec::model::Count::Prefix(int) => int.bytes(),
        _ => 0,
    }
}
