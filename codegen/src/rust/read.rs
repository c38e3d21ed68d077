//! Reading values of each type.

use firefly_spec::model::{Count, Extent, FieldKind, Int, ItemKind, Or, Selector, Type};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::scope::{Scope, to_u64};
use super::types::{int_type, limit};
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// An integer, read where it stands.
    pub(super) fn read_int(&self, int: Int, at: &At) -> TokenStream {
        match (int.bits, int.signed) {
            (8, false) => at.attempt(quote!(r.byte())),
            (8, true) => {
                let byte = at.attempt(quote!(r.byte()));
                quote!((#byte as i8))
            }
            _ => {
                let ty = int_type(int);
                let from = if int.big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                let run = at.attempt(quote!(r.run()));
                quote!(#ty::#from(*#run))
            }
        }
    }

    /// A value, read where it stands.
    pub(super) fn read_value(
        &self,
        ty: &'m Type,
        max: Option<u64>,
        scope: &Scope<'m>,
        prefix: &str,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        match ty {
            Type::Int(int) => self.read_int(*int, at),
            Type::Float { bits, big } => {
                let ty = if *bits == 32 { quote!(f32) } else { quote!(f64) };
                let from = if *big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                let run = at.attempt(quote!(r.run()));
                quote!(#ty::#from(*#run))
            }
            Type::Bool => at.attempt(quote!(r.boolean())),
            Type::Named(name) => {
                let path = match self.item(name).map(|i| &i.kind) {
                    Some(ItemKind::Extern { .. }) => self.rust_type(ty),
                    _ => self.type_path(name),
                };
                let apart = self.is_apart(ty).then(|| quote!(, data_r));
                at.attempt_large(quote!(#path::decode(r #apart)))
            }
            Type::NamedAs(name, int) => {
                let Some(own) = self.own_int(ty) else { return self.unresolved(std::slice::from_ref(name)) };
                let (path, own, found) = (self.type_path(name), int_type(own), self.read_int(*int, at));
                let as_u64 = to_u64(&quote!(found), *int);
                let fail = at.fail(quote!(r.fail(#rt::DecodeErrorKind::Closed { value: #as_u64 })));
                let closed = matches!(self.item(name).map(|i| &i.kind), Some(ItemKind::Enum { closed: true, .. }));
                let check = closed.then(|| quote!(if value.name().is_none() { #fail; }));
                quote!({
                    let found = #found;
                    let Ok(value) = #own::try_from(found) else { #fail };
                    let value = #path(value);
                    #check
                    value
                })
            }
            Type::Into(wire, rust) => {
                let (value, wire) = (self.read_value(wire, max, scope, prefix, at), self.rust_type(wire));
                let rust = self.rust_type(rust);
                quote!(<#rust as From<#wire>>::from(#value))
            }
            Type::Pad(n) => {
                let n = Literal::u64_unsuffixed(*n);
                let bytes = at.attempt(quote!(r.array::<#n>()));
                quote!(#rt::Slack::read(&#bytes))
            }
            Type::Array(inner, n) if matches!(**inner, Type::Int(Int { bits: 8, signed: false, .. })) => {
                let n = Literal::u64_unsuffixed(*n);
                at.attempt(quote!(r.array::<#n>()))
            }
            Type::Array(inner, n) => {
                let i = self.fresh("i");
                let default = self.array_default(inner, *n);
                let inner = self.read_value(inner, None, scope, prefix, &at.index(&i));
                quote!({ let mut items = #default; for (#i, item) in items.iter_mut().enumerate() { *item = #inner; } items })
            }
            Type::Bytes(extent) => self.read_bytes(extent, max, scope, at, &quote!(bytes), &quote!(r.rest())),
            Type::String(extent) => {
                self.read_bytes(extent, max, scope, at, &quote!(text), &quote!(#rt::Str::from(r.rest())))
            }
            Type::Sealed(_, extent) => {
                let bytes = self.read_bytes(extent, max, scope, at, &quote!(bytes), &quote!(r.rest()));
                quote!(#rt::Sealed::new(#bytes))
            }
            Type::List(inner, count) => self.read_list(&[inner], count, max, scope, prefix, at),
            Type::Set(inner, count) => {
                let list = self.read_list(&[inner], count, max, scope, prefix, at);
                quote!(#rt::Set::from(#list))
            }
            Type::Map(key, value, count) => {
                let list = self.read_list(&[key, value], count, max, scope, prefix, at);
                quote!(#rt::Map::from(#list))
            }
            Type::Pairs(key, value, count) => self.read_list(&[key, value], count, max, scope, prefix, at),
            Type::Option(inner, flag) => {
                let inner = self.read_value(inner, None, scope, prefix, at);
                let flag_value = self.read_int(*flag, at);
                let found = to_u64(&quote!(found), *flag);
                let fail = at.fail(quote!(r.fail(#rt::DecodeErrorKind::NotBoolean { found: #found })));
                quote!(match #flag_value { 0 => None, 1 => Some(#inner), found => #fail })
            }
            Type::Framed { inner, extent, or: Some(Or::Raw) } => {
                let length = self.read_length(extent, max, scope, at);
                let content = at.attempt_large(self.read_content(inner, scope, prefix));
                quote!({ let n = #length; #content })
            }
            Type::Framed { inner, extent, or } => {
                let inner = self.read_value(inner, None, scope, prefix, at);
                let length = self.read_length(extent, max, scope, at);
                let open = at.attempt(quote!(r.open(n)));
                let framed = quote!({
                    let frame = #open;
                    let value = #inner;
                    #rt::Framed { value, tail: r.close(frame) }
                });
                if or.is_some() {
                    quote!({ let n = #length; if n == 0 { None } else { Some(#framed) } })
                } else {
                    quote!({ let n = #length; #framed })
                }
            }
            Type::Struct(s) => {
                let name = format_ident!("{}", s.name);
                let body = self.read_struct(s, quote!(#name), scope, prefix, at);
                quote!({ #body })
            }
            Type::Union(u) => {
                let name = format_ident!("{}", u.name);
                self.read_union(u, quote!(#name), scope, prefix, at)
            }
        }
    }

    /// The next `n` bytes as a value or as they are, as a `Result`.
    fn read_content(&self, ty: &'m Type, scope: &Scope<'m>, prefix: &str) -> TokenStream {
        // Nobody sees the errors.
        let (rt, at) = (&self.rt, At::default());
        let (read, write) =
            (self.read_value(ty, None, scope, prefix, &at), self.write_value(ty, &quote!((*value)), None, scope, &at));
        let content = quote!(#rt::Content::decode(
            r,
            n,
            |r| Ok(#read),
            |value, w| { let t = w.target(); #write Ok(()) },
        ));
        match self.known_if(ty, scope) {
            Some(known) => quote!((if #known { #content } else { r.bytes(n).map(#rt::Content::Raw) })),
            None => content,
        }
    }

    /// Whether a field that was read before lets the content be a value; `None` if no such field decides.
    pub(super) fn known_if(&self, ty: &'m Type, scope: &Scope<'m>) -> Option<TokenStream> {
        let Type::Union(u) = ty else { return None };
        let Selector::Field(path, _) = &u.by else { return None };
        if u.arms.iter().any(|arm| arm.values.is_empty()) {
            return None;
        }
        let (tag, int) = scope.find(self, path).and_then(|found| self.as_int(&found))?;
        let values: Vec<u64> = u.arms.iter().flat_map(|arm| arm.values.iter().copied()).collect();
        let patterns = self.patterns(&values, int);
        Some(quote!(matches!(#tag, #patterns)))
    }

    /// The length of something, checked against `max` and the bytes present, as usize.
    fn read_length(&self, extent: &Extent, max: Option<u64>, scope: &Scope<'m>, at: &At) -> TokenStream {
        let max = limit(max);
        let n = match extent {
            Extent::Prefix(int) => to_u64(&self.read_int(*int, at), *int),
            Extent::Above(path) | Extent::Field(path) => match scope.find(self, path) {
                Some(found) => {
                    let Some((expr, int)) = self.as_int(&found) else { return self.unresolved(path) };
                    let value = to_u64(&expr, int);
                    match found.field.forms.iter().find_map(|f| match f.kind {
                        FieldKind::Len { plus, .. } if plus != 0 => Some(plus),
                        _ => None,
                    }) {
                        Some(plus) => {
                            let minus = Literal::i64_unsuffixed(-plus);
                            quote!(#value.checked_add_signed(#minus).unwrap_or(u64::MAX))
                        }
                        None => value,
                    }
                }
                None => return self.unresolved(path),
            },
            Extent::Rest => return quote!(r.remaining()),
        };
        let check = at.attempt(quote!(r.length(n, #max)));
        quote!({ let n = #n; #check })
    }

    /// Bytes that `take` reads, or `rest` if all that is left is meant.
    pub(super) fn read_bytes(
        &self,
        extent: &Extent,
        max: Option<u64>,
        scope: &Scope<'m>,
        at: &At,
        take: &TokenStream,
        rest: &TokenStream,
    ) -> TokenStream {
        if *extent == Extent::Rest {
            return rest.clone();
        }
        let n = self.read_length(extent, max, scope, at);
        let bytes = at.attempt_large(quote!(r.#take(n)));
        quote!({ let n = #n; #bytes })
    }

    /// A vector of values or pairs.
    fn read_list(
        &self,
        types: &[&'m Type],
        count: &Count,
        max: Option<u64>,
        scope: &Scope<'m>,
        prefix: &str,
        at: &At,
    ) -> TokenStream {
        let i = self.fresh("i");
        let inner_at = at.index(&i);
        let values: Vec<_> = types.iter().map(|ty| self.read_value(ty, None, scope, prefix, &inner_at)).collect();
        let item = if let [one] = values.as_slice() { quote!(#one) } else { quote!((#(#values),*)) };
        let rust_types: Vec<_> = types.iter().map(|ty| self.rust_type(ty)).collect();
        let rust_type = if let [one] = rust_types.as_slice() { quote!(#one) } else { quote!((#(#rust_types),*)) };
        let min = types.iter().map(|ty| self.min_size(ty)).sum::<u64>();
        let min = Literal::u64_unsuffixed(min);
        let max = limit(max);
        let n = match count {
            Count::Prefix(int) => to_u64(&self.read_int(*int, at), *int),
            Count::Above(path) | Count::Field(path) => match scope.find(self, path).and_then(|f| self.as_int(&f)) {
                Some((expr, int)) => to_u64(&expr, int),
                None => return self.unresolved(path),
            },
            Count::Same(path) => match scope.find(self, path) {
                Some(found) => {
                    let expr = found.expr;
                    quote!(#expr.len() as u64)
                }
                None => return self.unresolved(path),
            },
            Count::Rest => {
                let charge = inner_at.attempt(quote!(r.count(1, u64::MAX, #min, size_of::<#rust_type>())));
                return quote!({
                    let mut items = Vec::new();
                    while !r.is_empty() {
                        let #i = items.len();
                        #charge;
                        items.push(#item);
                    }
                    items
                });
            }
        };
        let count = at.attempt(quote!(r.count(n, #max, #min, size_of::<#rust_type>())));
        let plain: Option<Vec<u64>> = types.iter().map(|ty| self.plain(ty)).collect();
        if let Some(sizes) = plain {
            let chunk = format_ident!("chunk");
            let size = Literal::u64_unsuffixed(sizes.iter().sum());
            let mut offset = 0;
            let values: Vec<_> = types
                .iter()
                .zip(&sizes)
                .map(|(ty, size)| {
                    let value = self.load(ty, &chunk, offset);
                    offset += size;
                    value
                })
                .collect();
            let item = if let [one] = values.as_slice() { quote!(#one) } else { quote!((#(#values),*)) };
            let slice = at.attempt(quote!(r.slice(n * #size)));
            return quote!({
                let n = #n;
                let n = #count;
                let (chunks, _) = #slice.as_chunks::<#size>();
                chunks.iter().map(|chunk| #item).collect::<Vec<_>>()
            });
        }
        quote!({
            let n = #n;
            let n = #count;
            let mut items = Vec::with_capacity(n);
            for #i in 0..n { items.push(#item); }
            items
        })
    }
}
