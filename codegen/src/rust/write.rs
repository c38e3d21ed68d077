//! Writing values of each type.

use firefly_spec::model::{Count, Extent, Int, Or, Type};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::scope::{Access, Scope, to_u64};
use super::types::{int_type, limit};
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// Writes an integer.
    pub(super) fn write_int(&self, int: Int, value: &TokenStream) -> TokenStream {
        let to = if int.big { quote!(to_be_bytes) } else { quote!(to_le_bytes) };
        quote!({ let value = #value; w.put(&value.#to()); })
    }

    /// Writes a value found at a place.
    pub(super) fn write_value(
        &self,
        ty: &'m Type,
        place: &TokenStream,
        max: Option<u64>,
        scope: &Scope<'m>,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        match ty {
            Type::Int(int) => self.write_int(*int, place),
            Type::Float { big, .. } => {
                let to = if *big { quote!(to_be_bytes) } else { quote!(to_le_bytes) };
                quote!(w.put(&#place.#to());)
            }
            Type::Bool => quote!(w.put(&[u8::from(#place)]);),
            Type::Named(_) => {
                let apart = self.is_apart(ty).then(|| quote!(, data_w));
                let write = at.attempt(quote!(#place.encode(w #apart)));
                quote!(#write;)
            }
            Type::NamedAs(_, int) => {
                let narrow = int_type(*int);
                let max = Literal::u64_unsuffixed(u64::MAX >> (64 - int.bits + u8::from(int.signed)));
                let kind = quote!(#rt::EncodeErrorKind::TooLong { length: #place.0 as u64, max: #max });
                let fail = at.fail(quote!(#rt::EncodeError::new(#kind)));
                let write = self.write_int(*int, &quote!(value));
                quote!({ let Ok(value) = #narrow::try_from(#place.0) else { #fail }; #write })
            }
            Type::Into(wire, rust) => {
                let converted = self.convert(wire, rust, place);
                let fail = quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::Unsayable));
                let converted = at.attempt(quote!(#converted.map_err(|_| #fail)));
                let write = self.write_value(wire, &quote!(converted), max, scope, at);
                quote!({ let converted = #converted; #write })
            }
            Type::Pad(n) => {
                let n = Literal::u64_unsuffixed(*n);
                let write = at.attempt(quote!(#place.write(w, #n)));
                quote!(#write;)
            }
            Type::Array(inner, _) if matches!(**inner, Type::Int(Int { bits: 8, signed: false, .. })) => {
                quote!(w.put(&#place);)
            }
            Type::Array(inner, _) => {
                let i = self.fresh("i");
                let inner = self.write_value(inner, &quote!((*item)), None, scope, &at.index(&i));
                quote!(for (#i, item) in #place.iter().enumerate() { let _ = #i; #inner })
            }
            Type::Bytes(extent) => self.write_bytes(extent, max, place, &quote!(w.bytes(&#place);), scope, at),
            Type::String(extent) => self.write_bytes(extent, max, place, &quote!(w.put(#place.as_bytes());), scope, at),
            Type::Sealed(_, extent) => {
                let ciphertext = quote!(#place.ciphertext);
                self.write_bytes(extent, max, &ciphertext, &quote!(w.bytes(&#ciphertext);), scope, at)
            }
            Type::List(inner, count) => self.write_list(&[inner], count, max, place, &quote!(#place.iter()), scope, at),
            Type::Set(inner, count) => {
                self.write_list(&[inner], count, max, place, &quote!(#place.as_slice().iter()), scope, at)
            }
            Type::Map(key, value, count) => {
                self.write_list(&[key, value], count, max, place, &quote!(#place.as_slice().iter()), scope, at)
            }
            Type::Pairs(key, value, count) => {
                self.write_list(&[key, value], count, max, place, &quote!(#place.iter()), scope, at)
            }
            Type::Option(inner, flag) => {
                let inner = self.write_value(inner, &quote!((*value)), None, scope, at);
                let ty = int_type(*flag);
                let (some, none) = (self.write_int(*flag, &quote!(1 as #ty)), self.write_int(*flag, &quote!(0 as #ty)));
                quote!(match &#place { Some(value) => { #some #inner } None => { #none } })
            }
            Type::Framed { inner, extent, or } => {
                let body = if *or == Some(Or::Raw) {
                    let inner = self.write_value(inner, &quote!((*value)), None, scope, &At::default());
                    let write = at.attempt(quote!(#place.encode(w, |value, w| { let t = w.target(); #inner Ok(()) })));
                    quote!(#write;)
                } else {
                    let inner = self.write_value(inner, &quote!((framed.value)), None, scope, at);
                    quote!(#inner w.bytes(&framed.tail);)
                };
                let write = match extent {
                    Extent::Prefix(int) => {
                        let n = Literal::u64_unsuffixed(int.bytes());
                        let max = limit(max);
                        let ty = int_type(*int);
                        let length = at.attempt(quote!(#rt::narrow::<#ty>(w.written(start), #max)));
                        let to = if int.big { quote!(to_be_bytes) } else { quote!(to_le_bytes) };
                        quote!({
                            let length = w.hole(#n);
                            let start = w.mark();
                            #body
                            let n = #length;
                            w.patch(length, &n.#to());
                        })
                    }
                    Extent::Field(path) => {
                        let check = self.check_length(path, quote!(w.written(start)), scope, at);
                        quote!({ let start = w.mark(); #body #check })
                    }
                    Extent::Above(_) | Extent::Rest => quote!({ #body }),
                };
                if *or == Some(Or::Raw) {
                    return write;
                }
                if or.is_some() {
                    let empty = match extent {
                        Extent::Prefix(int) => self.write_int(*int, &{
                            let ty = int_type(*int);
                            quote!(0 as #ty)
                        }),
                        _ => TokenStream::new(),
                    };
                    // A value without bytes would be read as none.
                    let prefix = Literal::u64_unsuffixed(match extent {
                        Extent::Prefix(int) => int.bytes(),
                        _ => 0,
                    });
                    let fail = at
                        .fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::WrongSize { expected: 1, found: 0 })));
                    quote!(match &#place {
                        Some(framed) => {
                            let begin = w.mark();
                            #write
                            if w.written(begin) == #prefix { #fail; }
                        }
                        None => { #empty }
                    })
                } else {
                    quote!({ let framed = &#place; #write })
                }
            }
            Type::Struct(s) => {
                let body = self.write_struct(s, Access::Place(place.clone()), scope, at);
                quote!({ #body })
            }
            Type::Union(u) => {
                let name = format_ident!("{}", u.name);
                self.write_union(u, quote!(#name), place, scope, at)
            }
        }
    }

    /// What lies on the wire for a value, as a `Result`.
    pub(super) fn convert(&self, wire: &Type, rust: &Type, place: &TokenStream) -> TokenStream {
        let by_value = matches!(rust, Type::Int(_) | Type::Float { .. } | Type::Bool);
        let place = if by_value { quote!(#place) } else { quote!(&#place) };
        let wire = self.rust_type(wire);
        quote!(<#wire>::try_from(#place))
    }

    /// An error unless a length equals an ordinary field.
    fn check_length(&self, path: &[String], found: TokenStream, scope: &Scope<'m>, at: &At) -> TokenStream {
        let rt = &self.rt;
        let Some((expr, int)) = scope.find(self, path).and_then(|f| self.as_int(&f)) else {
            return self.unresolved(path);
        };
        let expected = to_u64(&expr, int);
        let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::LengthMismatch { expected: #expected, found: found as u64 })));
        quote!({ let found = #found; if found as u64 != #expected { #fail; } })
    }

    fn write_bytes(
        &self,
        extent: &Extent,
        max: Option<u64>,
        place: &TokenStream,
        write: &TokenStream,
        scope: &Scope<'m>,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        let max = limit(max);
        match extent {
            Extent::Prefix(int) => {
                let ty = int_type(*int);
                let n = at.attempt(quote!(#rt::narrow::<#ty>(#place.len(), #max)));
                let n = self.write_int(*int, &n);
                quote!(#n #write)
            }
            Extent::Above(_) => {
                let check = at.attempt(quote!(#rt::narrow::<u64>(#place.len(), #max)));
                quote!(#check; #write)
            }
            Extent::Field(path) => {
                let check = self.check_length(path, quote!(#place.len()), scope, at);
                quote!(#check #write)
            }
            Extent::Rest => write.clone(),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn write_list(
        &self,
        types: &[&'m Type],
        count: &Count,
        max: Option<u64>,
        place: &TokenStream,
        iter: &TokenStream,
        scope: &Scope<'m>,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        let i = self.fresh("i");
        let inner_at = at.index(&i);
        let write = match types {
            [one] => self.write_value(one, &quote!((*item)), None, scope, &inner_at),
            _ => types
                .iter()
                .enumerate()
                .map(|(n, ty)| {
                    let n = Literal::usize_unsuffixed(n);
                    self.write_value(ty, &quote!(item.#n), None, scope, &inner_at)
                })
                .collect(),
        };
        let max = limit(max);
        let head = match count {
            Count::Prefix(int) => {
                let ty = int_type(*int);
                let n = at.attempt(quote!(#rt::narrow::<#ty>(#place.len(), #max)));
                self.write_int(*int, &n)
            }
            Count::Same(path) => match scope.find(self, path) {
                Some(found) => {
                    let expr = found.expr;
                    let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::CountMismatch { expected: #expr.len(), found: #place.len() })));
                    quote!(if #place.len() != #expr.len() { #fail; })
                }
                None => self.unresolved(path),
            },
            Count::Field(path) => self.check_length(path, quote!(#place.len()), scope, at),
            Count::Above(_) | Count::Rest => TokenStream::new(),
        };
        let fail = inner_at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::Lost)));
        // Nothing can follow an element whose last fields are read only if bytes are left.
        let check = matches!(count, Count::Rest).then(|| quote!(if w.ended_here() { #fail; }));
        quote!(#head for (#i, item) in #iter.enumerate() { let _ = #i; #check #write })
    }
}
