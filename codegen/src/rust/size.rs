//! Sizes: how many bytes a value takes before it is written.

use firefly_spec::model::{Count, Extent, Field, FieldKind, Form, Int, Or, Section, Struct, Type};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::Emitter;
use super::scope::{Access, Moment, Scope};
use super::types::is_optional;

impl<'m> Emitter<'m> {
    /// An expression for the size of a struct found at a place. `section` restricts it to one part of a message.
    pub(super) fn size_struct(
        &self,
        s: &'m Struct,
        access: Access,
        scope: &Scope<'m>,
        section: Option<Section>,
    ) -> TokenStream {
        if s.size.fixed && section.is_none() && !s.apart {
            let n = Literal::u64_unsuffixed(s.size.min);
            return quote!(#n);
        }
        let origin = match &access {
            Access::Place(place) => quote!(#place.origin),
            _ => quote!(origin),
        };
        let place = match &access {
            Access::Place(place) => place.clone(),
            _ => quote!(()),
        };
        let inside = scope.inside(s, access);
        let mut constant = 0;
        let mut terms = TokenStream::new();
        let mut head = TokenStream::new();
        if !s.versions.is_empty() {
            head.extend(self.version_to_write(&s.versions, &origin, &inside, Moment::Sizing));
            head.extend(self.size_of_header(s, &origin, &mut constant, &mut terms));
        }
        let here = |f: &&Field| f.apart.is_none() && section.is_none_or(|section| f.section == section);
        for field in s.fields.iter().filter(here) {
            self.size_field(field, &inside, &mut constant, &mut terms);
        }
        let constant = Literal::u64_unsuffixed(constant);
        let size = if terms.is_empty() && head.is_empty() {
            quote!(#constant)
        } else {
            quote!({ #head let mut n: usize = #constant; #terms n })
        };
        // Messages ask for a part of theirs only when it is not an older one.
        let Some(older) = s.older.as_ref().filter(|_| section.is_none()) else { return size };
        let converted = self.as_older(older, &place, &origin, &inside, Moment::Sizing);
        quote!(match #converted { Ok(Some(older)) => older.size(t), Ok(None) => #size, Err(_) => 0 })
    }

    fn size_of_header(
        &self,
        s: &'m Struct,
        origin: &TokenStream,
        constant: &mut u64,
        terms: &mut TokenStream,
    ) -> TokenStream {
        if s.versions.iter().all(|row| row.form == Form::Envelope) {
            *constant += 6;
            terms.extend(quote!(if t.exact { n += #origin.tail().len(); }));
            return TokenStream::new();
        }
        let mut chain = quote!({ 0 });
        for row in &s.versions {
            let from = Literal::u32_unsuffixed(row.from);
            let size = match row.form {
                Form::Envelope => quote!({ 6 + if t.exact { #origin.tail().len() } else { 0 } }),
                Form::Lead(int) => {
                    let n = Literal::u64_unsuffixed(int.bytes() + u64::from(row.compat.is_some()));
                    quote!({ #n })
                }
                Form::Message => quote!({ 0 }),
            };
            chain = if row.from == 0 { size } else { quote!(if struct_v >= #from #size else #chain) };
        }
        if s.versions.iter().all(|row| row.form == Form::Message) {
            return TokenStream::new();
        }
        terms.extend(quote!(n += #chain;));
        TokenStream::new()
    }

    fn size_field(&self, field: &'m Field, scope: &Scope<'m>, constant: &mut u64, terms: &mut TokenStream) {
        if let Some((_, size)) = self.runs(field) {
            *constant += size;
            return;
        }
        let place = scope.field(field);
        let mut chain = quote!(0);
        let mut fixed = None;
        for (i, form) in field.forms.iter().enumerate().rev() {
            let size = match &form.kind {
                FieldKind::Value(ty) if is_optional(field) => {
                    let inner = self.size_of(ty, &quote!((*value)), scope);
                    quote!(match &#place { Some(value) => #inner, None => 0 })
                }
                FieldKind::Value(ty) => {
                    fixed = self.fixed_size(ty);
                    self.size_of(ty, &place, scope)
                }
                FieldKind::Const { ty, .. } => {
                    let n = Literal::u64_unsuffixed(self.min_size(ty));
                    quote!(#n)
                }
                FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. } => {
                    let n = Literal::u64_unsuffixed(int.bytes());
                    quote!(#n)
                }
            };
            chain = match self.presence(field, i, scope, Moment::Sizing) {
                None => size,
                Some(test) => {
                    fixed = None;
                    quote!(if #test { #size } else { #chain })
                }
            };
        }
        match fixed {
            Some(n) => *constant += n,
            None => terms.extend(quote!(n += #chain;)),
        }
    }

    /// An expression for the size of a value found at a place.
    pub(super) fn size_of(&self, ty: &'m Type, place: &TokenStream, scope: &Scope<'m>) -> TokenStream {
        if let Some(n) = self.fixed_size(ty) {
            let n = Literal::u64_unsuffixed(n);
            return quote!(#n);
        }
        match ty {
            Type::Int(_) | Type::Float { .. } | Type::Bool | Type::NamedAs(..) | Type::Pad(_) => quote!(0),
            Type::Named(_) => quote!(#place.size(t)),
            Type::Into(wire, rust) => {
                let (converted, size) =
                    (self.convert(wire, rust, place), self.size_of(wire, &quote!(converted), scope));
                quote!(#converted.map_or(0, |converted| #size))
            }
            Type::Array(inner, _) => {
                let inner = self.size_of(inner, &quote!((*item)), scope);
                quote!(#place.iter().map(|item| #inner).sum::<usize>())
            }
            Type::Bytes(extent) | Type::String(extent) => {
                let prefix = prefix(extent);
                quote!((#prefix + #place.len()))
            }
            Type::Sealed(_, extent) => {
                let prefix = prefix(extent);
                quote!((#prefix + #place.ciphertext.len()))
            }
            Type::List(inner, count) => self.size_of_list(&[inner], count, place, &quote!(#place.iter()), scope),
            Type::Set(inner, count) => {
                self.size_of_list(&[inner], count, place, &quote!(#place.as_slice().iter()), scope)
            }
            Type::Map(key, value, count) => {
                self.size_of_list(&[key, value], count, place, &quote!(#place.as_slice().iter()), scope)
            }
            Type::Pairs(key, value, count) => {
                self.size_of_list(&[key, value], count, place, &quote!(#place.iter()), scope)
            }
            Type::Option(inner, flag) => {
                let inner = self.size_of(inner, &quote!((*value)), scope);
                let n = Literal::u64_unsuffixed(flag.bytes());
                quote!((#n + match &#place { Some(value) => #inner, None => 0 }))
            }
            Type::Framed { inner, extent, or: Some(Or::Raw) } => {
                let (rt, inner) = (&self.rt, self.size_of(inner, &quote!((**value)), scope));
                let prefix = prefix(extent);
                let inner = quote!({ let t = #rt::Target::exact(t.features); #inner });
                quote!((#prefix + match &#place { #rt::Content::Known(value) => #inner, #rt::Content::Raw(bytes) => bytes.len() }))
            }
            Type::Framed { inner, extent, or } => {
                let inner = self.size_of(inner, &quote!((framed.value)), scope);
                let prefix = prefix(extent);
                if or.is_some() {
                    quote!((#prefix + match &#place { Some(framed) => (#inner) + framed.tail.len(), None => 0 }))
                } else {
                    quote!((#prefix + { let framed = &#place; (#inner) + framed.tail.len() }))
                }
            }
            Type::Struct(s) => self.size_struct(s, Access::Place(place.clone()), scope, None),
            Type::Union(u) => {
                let name = format_ident!("{}", u.name);
                self.size_union(u, quote!(#name), place, scope)
            }
        }
    }

    fn size_of_list(
        &self,
        types: &[&'m Type],
        count: &Count,
        place: &TokenStream,
        iter: &TokenStream,
        scope: &Scope<'m>,
    ) -> TokenStream {
        let prefix = match count {
            Count::Prefix(int) => int.bytes(),
            _ => 0,
        };
        let prefix = Literal::u64_unsuffixed(prefix);
        let fixed: Option<u64> = types.iter().map(|ty| self.fixed_size(ty)).sum();
        if let Some(each) = fixed {
            let each = Literal::u64_unsuffixed(each);
            return quote!((#prefix + #place.len() * #each));
        }
        let items: Vec<_> = match types {
            [one] => vec![self.size_of(one, &quote!((*item)), scope)],
            _ => types
                .iter()
                .enumerate()
                .map(|(n, ty)| {
                    let n = Literal::usize_unsuffixed(n);
                    self.size_of(ty, &quote!(item.#n), scope)
                })
                .collect(),
        };
        quote!((#prefix + #iter.map(|item| #((#items))+*).sum::<usize>()))
    }
}

fn prefix(extent: &Extent) -> TokenStream {
    let n = match extent {
        Extent::Prefix(Int { bits, .. }) => u64::from(bits / 8),
        _ => 0,
    };
    let n = Literal::u64_unsuffixed(n);
    quote!(#n)
}
