//! Structs and unions: their Rust types, documentation and codecs.

use firefly_spec::model::{ArmKind, Field, FieldKind, Item, Or, Selector, Struct, Type, Union};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use super::choose::{boxed, raw_type};
use super::docs::arm_text;
use super::names::ident;
use super::scope::{Access, Scope};
use super::types::stored_form;
use super::view::has_view;
use super::{At, Emitter};

/// Up to this many bytes on the wire, structs of numbers are `Copy`.
const COPIED: u64 = 64;

impl<'m> Emitter<'m> {
    /// A top-level struct or frame.
    pub(super) fn structure(&self, item: &'m Item, s: &'m Struct) -> TokenStream {
        let name = ident(&s.name, (self.spans)(item.span));
        let mut out = self.define_struct(&self.item_docs(item), &name, s);
        if self.is_plain(s) {
            out.extend(self.plain_codec(&name, s));
        } else {
            let scope = Scope::default();
            let at = At::default();
            let read = self.read_struct(s, quote!(Self), &scope, "", &at);
            let write = self.write_struct(s, Access::Place(quote!(self)), &scope, &at);
            let size = self.size_struct(s, Access::Place(quote!(self)), &scope, None);
            out.extend(self.codec(&name, &read, &write, &size, s.apart));
        }
        if s.frame {
            out.extend(self.measure_struct(&name, s));
        }
        if has_view(s) {
            out.extend(self.view(&name, s));
        }
        if !s.apart {
            out.extend(self.wire_impl(&name, s.size.min));
        }
        out
    }

    /// A codec for a struct that any bytes of the right number are a value of.
    fn plain_codec(&self, name: &Ident, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        let n = Literal::u64_unsuffixed(s.size.min);
        let array = format_ident!("run_0");
        let mut offset = 0;
        let load = self.plain_fields(s, &array, &mut offset);
        let mut offset = 0;
        let store = self.plain_stores(s, &quote!(self), &array, &mut offset);
        quote! {
            #[allow(clippy::all)]
            impl #name {
                /// The value in these bytes.
                #[inline]
                pub fn from_array(run_0: &[u8; #n]) -> Self {
                    Self { #load }
                }

                /// The bytes of the value.
                #[inline]
                pub fn to_array(&self) -> [u8; #n] {
                    let mut bytes = [0u8; #n];
                    let run_0 = &mut bytes;
                    #store
                    bytes
                }

                /// Reads the value.
                ///
                /// # Errors
                /// When too few bytes are left.
                #[inline]
                pub fn decode(r: &mut #rt::Reader) -> Result<Self, #rt::DecodeError> {
                    Ok(Self::from_array(r.run()?))
                }

                /// Writes the value.
                ///
                /// # Errors
                /// None: every value can be written.
                #[inline]
                pub fn encode(&self, w: &mut #rt::Writer) -> Result<(), #rt::EncodeError> {
                    let run_0 = w.run::<#n>();
                    #store
                    Ok(())
                }

                /// The size in bytes.
                pub const fn size(&self, _t: #rt::Target) -> usize {
                    #n
                }
            }
        }
    }

    pub(super) fn plain_fields(&self, s: &Struct, array: &Ident, offset: &mut u64) -> TokenStream {
        let mut out = TokenStream::new();
        for field in &s.fields {
            let Some(FieldKind::Value(ty)) = field.forms.first().map(|f| &f.kind) else { continue };
            let name = ident(&field.name, Span::call_site());
            let value = match ty {
                Type::Struct(inner) => {
                    let (inner_name, fields) =
                        (format_ident!("{}", inner.name), self.plain_fields(inner, array, offset));
                    quote!(#inner_name { #fields })
                }
                _ => {
                    let value = self.load(ty, array, *offset);
                    *offset += self.plain(ty).unwrap_or(0);
                    value
                }
            };
            out.extend(quote!(#name: #value,));
        }
        out
    }

    pub(super) fn plain_stores(&self, s: &Struct, place: &TokenStream, array: &Ident, offset: &mut u64) -> TokenStream {
        let mut out = TokenStream::new();
        for field in &s.fields {
            let Some(FieldKind::Value(ty)) = field.forms.first().map(|f| &f.kind) else { continue };
            let name = ident(&field.name, Span::call_site());
            let place = quote!(#place.#name);
            match ty {
                Type::Struct(inner) => out.extend(self.plain_stores(inner, &place, array, offset)),
                _ => {
                    out.extend(self.store(ty, &place, array, *offset));
                    *offset += self.plain(ty).unwrap_or(0);
                }
            }
        }
        out
    }

    /// A top-level union or choice of frames.
    pub(super) fn union(&self, item: &'m Item, u: &'m Union) -> TokenStream {
        let name = ident(&u.name, (self.spans)(item.span));
        let mut out = self.define_union(&self.item_docs(item), &name, u);
        let scope = Scope::default();
        let at = At::default();
        let read = self.read_union(u, quote!(Self), &scope, "", &at);
        let write = self.write_union(u, quote!(Self), &quote!((*self)), &scope, &at);
        let size = self.size_union(u, quote!(Self), &quote!((*self)), &scope);
        out.extend(self.codec(&name, &read, &write, &size, false));
        if u.frame {
            out.extend(self.measure_union(&name, u));
        }
        out.extend(self.wire_impl(&name, u.size.min));
        out
    }

    /// The functions of a type that read it, write it and tell its size.
    fn codec(
        &self,
        name: &Ident,
        read: &TokenStream,
        write: &TokenStream,
        size: &TokenStream,
        apart: bool,
    ) -> TokenStream {
        let rt = &self.rt;
        let (apart_r, apart_w) = if apart {
            (quote!(, data_r: &mut #rt::Reader), quote!(, data_w: &mut #rt::Writer))
        } else {
            (TokenStream::new(), TokenStream::new())
        };
        quote! {
            #[allow(clippy::all, unused_variables, unused_mut)]
            impl #name {
                /// Reads the value.
                ///
                /// # Errors
                /// When the bytes are not such a value; the error tells where.
                pub fn decode(r: &mut #rt::Reader #apart_r) -> Result<Self, #rt::DecodeError> {
                    Ok({ #read })
                }

                /// Writes the value.
                ///
                /// # Errors
                /// When the value cannot be written for this target.
                pub fn encode(&self, w: &mut #rt::Writer #apart_w) -> Result<(), #rt::EncodeError> {
                    let t = w.target();
                    #write
                    Ok(())
                }

                /// The size in bytes when written for a target, without what lies apart.
                pub fn size(&self, t: #rt::Target) -> usize {
                    #size
                }
            }
        }
    }

    /// The Rust struct, and the types declared inside it.
    pub(super) fn define_struct(&self, docs: &TokenStream, name: &Ident, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        let mut fields = TokenStream::new();
        for field in &s.fields {
            let Some(ty) = self.field_type(field) else { continue };
            let (docs, name) = (self.field_docs(field), ident(&field.name, (self.spans)(field.span)));
            let serde = self.serde_field(field);
            fields.extend(quote!(#docs #serde pub #name: #ty,));
        }
        if !s.versions.is_empty() {
            let skip = self.options.serde.then(|| quote!(#[serde(skip)]));
            fields.extend(quote!(
                /// What was read beyond the fields: version, compat, unknown tail. Ignored by comparisons.
                #skip
                pub origin: #rt::Origin,
            ));
        }
        let copy = (self.is_plain(s) && s.size.min <= COPIED).then(|| quote!(#[derive(Copy)]));
        let derives = self.derives(self.struct_has_float(s));
        let layout = self.layout_docs(s);
        let (derive_default, default) = self.struct_default(name, s);
        let inner = self.inner_types(s);
        let arbitrary = self.options.arbitrary.then(|| self.arbitrary_struct(name, s));
        quote! {
            #docs #layout
            #derives #copy #derive_default
            pub struct #name { #fields }
            #default
            #arbitrary
            #inner
        }
    }

    /// The Rust enum, and the types declared inside it.
    pub(super) fn define_union(&self, docs: &TokenStream, name: &Ident, u: &'m Union) -> TokenStream {
        let rt = &self.rt;
        let mut variants = TokenStream::new();
        let mut inner = TokenStream::new();
        for arm in &u.arms {
            let (docs, variant) = (self.docs_or(&arm.docs, &arm_text(arm)), self.variant(arm));
            let tag = self.keeps_tag(u, arm).then(|| {
                let ty = match &u.by {
                    Selector::Tag(ty) => self.rust_type(ty),
                    _ => quote!(u64),
                };
                quote!(
                    /// The tag it was chosen by.
                    tag: #ty,
                )
            });
            let slack = self.keeps_slack(u, arm).then(|| {
                quote!(
                    /// The bytes behind the fields.
                    slack: #rt::Slack,
                )
            });
            let body = match &arm.kind {
                _ if self.is_unit(u, arm) => TokenStream::new(),
                ArmKind::Raw => {
                    let ty = match u.fixed {
                        Some(n) => raw_type(n),
                        None => quote!(#rt::Bytes),
                    };
                    let serde = self.options.serde.then(|| quote!(#[serde(with = "::firefly_runtime::codec::hex")]));
                    quote!({ #tag
                        /// The bytes as they are.
                        #serde bytes: #ty })
                }
                ArmKind::Type(ty) => {
                    self.inner_type(ty, &arm.docs, &mut inner);
                    let serde = self.serde_bytes(holds_bytes(ty));
                    let ty = self.rust_type(ty);
                    if self.is_newtype(u, arm) {
                        quote!((#serde #ty))
                    } else {
                        quote!({ #tag
                        /// The value.
                        #serde value: #ty, #slack })
                    }
                }
                ArmKind::Fields(s) => {
                    inner.extend(self.inner_types(s));
                    let fields: TokenStream = s
                        .fields
                        .iter()
                        .filter_map(|field| {
                            let ty = self.field_type(field)?;
                            let (docs, name) = (self.field_docs(field), ident(&field.name, (self.spans)(field.span)));
                            let serde = self.serde_field(field);
                            Some(quote!(#docs #serde #name: #ty,))
                        })
                        .collect();
                    quote!({ #tag #fields #slack })
                }
            };
            variants.extend(quote!(#docs #variant #body,));
        }
        let derives = self.derives(self.union_has_float(u));
        let default = self.union_default(name, u);
        let arbitrary = self.options.arbitrary.then(|| self.arbitrary_union(name, u));
        quote! {
            #docs
            #derives
            #[allow(clippy::large_enum_variant)]
            pub enum #name { #variants }
            #default
            #arbitrary
            #inner
        }
    }

    /// The types declared in place inside a struct.
    fn inner_types(&self, s: &'m Struct) -> TokenStream {
        let mut out = TokenStream::new();
        for field in &s.fields {
            for form in &field.forms {
                if let FieldKind::Value(ty) = &form.kind {
                    self.inner_type(ty, &field.docs, &mut out);
                }
            }
        }
        out
    }

    fn inner_type(&self, ty: &'m Type, docs: &[String], out: &mut TokenStream) {
        match ty {
            Type::Struct(s) => {
                let (docs, name) = (self.docs_or(docs, "Part of another type."), format_ident!("{}", s.name));
                out.extend(self.define_struct(&docs, &name, s));
            }
            Type::Union(u) => {
                let (docs, name) = (self.docs_or(docs, "Part of another type."), format_ident!("{}", u.name));
                out.extend(self.define_union(&docs, &name, u));
            }
            Type::Array(inner, _)
            | Type::List(inner, _)
            | Type::Set(inner, _)
            | Type::Option(inner, _)
            | Type::Sealed(inner, _) => {
                self.inner_type(inner, docs, out);
            }
            Type::Framed { inner, .. } => self.inner_type(inner, docs, out),
            // What stands behind `into` is declared elsewhere.
            Type::Into(wire, _) => self.inner_type(wire, docs, out),
            Type::Map(key, value, _) | Type::Pairs(key, value, _) => {
                self.inner_type(key, docs, out);
                self.inner_type(value, docs, out);
            }
            _ => {}
        }
    }

    fn derives(&self, float: bool) -> TokenStream {
        let eq = (!float).then(|| quote!(Eq, Hash,));
        let serde = self.serde_derive();
        quote!(#[derive(Clone, Debug, PartialEq, #eq)] #serde)
    }

    pub(super) fn serde_derive(&self) -> TokenStream {
        if !self.options.serde {
            return TokenStream::new();
        }
        quote! {
            #[derive(::firefly_runtime::codec::serde::Serialize, ::firefly_runtime::codec::serde::Deserialize)]
            #[serde(crate = "::firefly_runtime::codec::serde")]
        }
    }

    fn serde_field(&self, field: &Field) -> TokenStream {
        self.serde_bytes(match stored_form(field).map(|f| &f.kind) {
            Some(FieldKind::Value(ty)) => holds_bytes(ty),
            _ => false,
        })
    }

    /// Shows bytes in hexadecimal.
    fn serde_bytes(&self, bytes: bool) -> TokenStream {
        if self.options.serde && bytes {
            quote!(#[serde(with = "::firefly_runtime::codec::hex")])
        } else {
            TokenStream::new()
        }
    }

    /// Either `#[derive(Default)]` or an implementation.
    fn struct_default(&self, name: &Ident, s: &Struct) -> (TokenStream, TokenStream) {
        let special = s.fields.iter().any(|f| {
            f.forms.iter().any(|form| {
                form.default.is_some()
                    || matches!(&form.kind, FieldKind::Value(ty) if matches!(ty.in_rust(), Type::Array(_, n) if *n > 32))
            })
        });
        if !special {
            return (quote!(#[derive(Default)]), TokenStream::new());
        }
        let mut fields: TokenStream = s
            .fields
            .iter()
            .filter(|f| stored_form(f).is_some())
            .map(|field| {
                let (name, value) = (ident(&field.name, Span::call_site()), self.absent(field));
                quote!(#name: #value,)
            })
            .collect();
        if !s.versions.is_empty() {
            fields.extend(quote!(origin: Default::default(),));
        }
        (TokenStream::new(), quote!(impl Default for #name { fn default() -> Self { Self { #fields } } }))
    }

    /// The default of a union: the arm for 0, else the one for everything else, else the first.
    fn union_default(&self, name: &Ident, u: &Union) -> TokenStream {
        let arm = u.arms.iter().find(|a| a.values.contains(&0)).or_else(|| u.arms.iter().find(|a| a.values.is_empty()));
        let Some(arm) = arm.or(u.arms.first()) else { return TokenStream::new() };
        let variant = self.variant(arm);
        let tag = self.keeps_tag(u, arm).then(|| quote!(tag: Default::default(),));
        let slack = self.keeps_slack(u, arm).then(|| quote!(slack: Default::default(),));
        let value = match &arm.kind {
            _ if self.is_unit(u, arm) => quote!(Self::#variant),
            _ if self.is_newtype(u, arm) => quote!(Self::#variant(Default::default())),
            ArmKind::Raw => {
                let bytes = match u.fixed {
                    Some(n) => {
                        let zeros = Literal::u64_unsuffixed(n);
                        boxed(n, quote!([0; #zeros]))
                    }
                    None => quote!(Default::default()),
                };
                quote!(Self::#variant { #tag bytes: #bytes })
            }
            ArmKind::Type(_) => quote!(Self::#variant { #tag value: Default::default(), #slack }),
            ArmKind::Fields(s) => {
                let fields: TokenStream = s
                    .fields
                    .iter()
                    .filter(|f| stored_form(f).is_some())
                    .map(|field| {
                        let (name, value) = (ident(&field.name, Span::call_site()), self.absent(field));
                        quote!(#name: #value,)
                    })
                    .collect();
                quote!(Self::#variant { #tag #fields #slack })
            }
        };
        quote!(impl Default for #name { fn default() -> Self { #value } })
    }

    /// The implementation of `Wire`, which forwards to the functions of the type.
    pub(super) fn wire_impl(&self, name: &Ident, min: u64) -> TokenStream {
        let rt = &self.rt;
        let (text, min) = (name.to_string(), Literal::u64_unsuffixed(min));
        quote! {
            impl #rt::Wire for #name {
                const NAME: &'static str = #text;
                const MIN_SIZE: usize = #min;
                fn decode(r: &mut #rt::Reader) -> Result<Self, #rt::DecodeError> { #name::decode(r) }
                fn encode(&self, w: &mut #rt::Writer) -> Result<(), #rt::EncodeError> { #name::encode(self, w) }
                fn size(&self, t: #rt::Target) -> usize { #name::size(self, t) }
            }
        }
    }
}

/// Whether the type is bytes, alone or in a container, that are to be shown in hexadecimal.
fn holds_bytes(ty: &Type) -> bool {
    match ty.in_rust() {
        Type::Bytes(_) => true,
        Type::Array(inner, _) => matches!(**inner, Type::Int(firefly_spec::model::Int { bits: 8, signed: false, .. })),
        Type::List(inner, _) | Type::Option(inner, _) => holds_bytes(inner),
        Type::Framed { inner, or, .. } => *or != Some(Or::Raw) && holds_bytes(inner),
        Type::Map(_, value, _) | Type::Pairs(_, value, _) => holds_bytes(value),
        _ => false,
    }
}
