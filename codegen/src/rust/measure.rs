//! Measuring frames: from the bytes that have arrived, how many the frame takes.

use firefly_spec::model::{ArmKind, Extent, Field, FieldKind, Region, Struct, Type, Union, Value};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::names::local;
use super::scope::{Access, Moment, Scope, flattens, to_u64};
use super::types::int_type;
use super::{Emitter, types::int_literal};

/// Fixed fields that have not been measured yet.
struct Pending<'m> {
    fields: Vec<(String, &'m Field, u64, u64)>,
    size: u64,
}

impl<'m> Emitter<'m> {
    /// `measure` for a struct.
    pub(super) fn measure_struct(&self, name: &Ident, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        let body = self.measure_body(s);
        quote! {
            #[allow(clippy::all, unused_variables, unused_mut)]
            impl #name {
                /// How many bytes the frame takes, or how many are needed to tell.
                ///
                /// # Errors
                /// When what has arrived cannot be the beginning of such a frame.
                pub fn measure(b: &[u8], ctx: &#rt::Context) -> Result<#rt::Measure, #rt::DecodeError> {
                    let t = #rt::Target::fresh(ctx.features);
                    #body
                }
            }
        }
    }

    fn measure_body(&self, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        let scope = Scope::default().inside(s, Access::Locals(String::new()));
        let mut pending = Pending { fields: Vec::new(), size: 0 };
        let mut out = TokenStream::new();
        self.measure_fields(s, "", &scope, &mut pending, &mut out);
        self.settle(&mut pending, &mut out);
        quote!(let mut at: usize = 0; #out Ok(#rt::Measure::Whole(at)))
    }

    /// `measure` for a choice of frames.
    pub(super) fn measure_union(&self, name: &Ident, u: &'m Union) -> TokenStream {
        let rt = &self.rt;
        let int = self.selector_int(u);
        let n = Literal::u64_unsuffixed(int.bytes());
        let (ty, from) = (int_type(int), if int.big { quote!(from_be_bytes) } else { quote!(from_le_bytes) });
        let scope = Scope::default();
        let mut arms = TokenStream::new();
        for arm in &u.arms {
            let pattern = if arm.values.is_empty() { quote!(_) } else { self.patterns(&arm.values, int) };
            let guard = arm.when.as_ref().map(|when| {
                let when = self.test(when, &scope, Moment::Sizing, None);
                quote!(if #when)
            });
            let measure = match &arm.kind {
                ArmKind::Type(Type::Named(inner)) => {
                    let path = self.type_path(inner);
                    quote!(#path::measure(b, ctx))
                }
                ArmKind::Fields(s) => {
                    let body = self.measure_body(s);
                    quote!({ #body })
                }
                _ => quote!(compile_error!("this arm cannot be measured: name a frame")),
            };
            arms.extend(quote!(#pattern #guard => #measure,));
        }
        let tag = to_u64(&quote!(tag), int);
        if u.arms.iter().all(|arm| !arm.values.is_empty() || arm.when.is_some()) {
            arms.extend(quote!(_ => Err(#rt::DecodeError::new(0, #rt::DecodeErrorKind::UnknownTag { tag: #tag })),));
        }
        quote! {
            #[allow(clippy::all, unused_variables)]
            impl #name {
                /// How many bytes the frame takes that starts here, or how many are needed to tell.
                ///
                /// # Errors
                /// When what has arrived cannot be the beginning of a frame.
                pub fn measure(b: &[u8], ctx: &#rt::Context) -> Result<#rt::Measure, #rt::DecodeError> {
                    let t = #rt::Target::fresh(ctx.features);
                    let Some(tag) = b.first_chunk::<#n>() else { return Ok(#rt::Measure::More(#n)) };
                    let tag = #ty::#from(*tag);
                    match tag { #arms }
                }
            }
        }
    }

    fn measure_fields(
        &self,
        s: &'m Struct,
        prefix: &str,
        scope: &Scope<'m>,
        pending: &mut Pending<'m>,
        out: &mut TokenStream,
    ) {
        let start = pending.size;
        for field in &s.fields {
            let Some(form) = field.forms.first() else { continue };
            if let Some((_, size)) = self.runs(field) {
                pending.fields.push((prefix.to_owned(), field, pending.size, start));
                pending.size += size;
                continue;
            }
            let only = super::types::unconditional(field).is_some();
            match &form.kind {
                FieldKind::Value(Type::Struct(inner)) if only && flattens(inner) => {
                    let inner_prefix = format!("{prefix}{}_", field.name);
                    let inside = scope.inside(inner, Access::Locals(inner_prefix.clone()));
                    self.measure_fields(inner, &inner_prefix, &inside, pending, out);
                }
                FieldKind::Value(ty) if self.fixed_size(ty).is_some() && only => {
                    pending.size += self.fixed_size(ty).unwrap_or(0);
                }
                FieldKind::Value(ty) if self.fixed_size(ty).is_some() && field.forms.len() == 1 => {
                    self.settle(pending, out);
                    let n = Literal::u64_unsuffixed(self.fixed_size(ty).unwrap_or(0));
                    let test = self.presence(field, 0, scope, Moment::Sizing);
                    out.extend(quote!(if #test { at = at.saturating_add(#n); }));
                }
                FieldKind::Value(
                    Type::Bytes(extent) | Type::String(extent) | Type::Sealed(_, extent) | Type::Framed { extent, .. },
                ) if only => {
                    self.settle(pending, out);
                    out.extend(self.measure_extent(extent, form.max, scope, &field.name));
                }
                _ => out.extend(quote!(compile_error!("this frame cannot be measured");)),
            }
        }
    }

    /// Measures the fixed fields collected so far. Those which decide something must have arrived.
    fn settle(&self, pending: &mut Pending<'m>, out: &mut TokenStream) {
        let rt = &self.rt;
        let size = std::mem::take(&mut pending.size);
        let fields = std::mem::take(&mut pending.fields);
        if size == 0 {
            return;
        }
        let n = Literal::u64_unsuffixed(size);
        let mut body = TokenStream::new();
        let array = self.fresh("run");
        for (prefix, field, offset, start) in &fields {
            let Some((form, _)) = self.runs(field) else { continue };
            let name = &field.name;
            let fail = |kind: TokenStream| quote!(return Err(#rt::DecodeError::new(at, #kind).field(#name)));
            match &form.kind {
                FieldKind::Count { int, .. } | FieldKind::Len { int, .. } => {
                    let (var, value) = (local(prefix, name), self.load_int(*int, &array, *offset));
                    body.extend(quote!(let #var = #value;));
                }
                FieldKind::Const { ty, value: Value::Int(v) } => {
                    let Some(int) = self.const_int(ty) else { continue };
                    let (found, expected) = (self.load_int(int, &array, *offset), int_literal(*v, int));
                    let (e, f) = (to_u64(&expected, int), to_u64(&found, int));
                    let fail = fail(quote!(#rt::DecodeErrorKind::Unexpected { expected: #e, found: #f }));
                    body.extend(quote!(if #found != #expected { #fail; }));
                }
                FieldKind::Const { ty, value: Value::Bytes(bytes) } => {
                    let (found, expected) = (self.load(ty, &array, *offset), Literal::byte_string(bytes));
                    let fail = fail(
                        quote!(#rt::DecodeErrorKind::UnexpectedBytes { expected: #expected, found: found.to_vec() }),
                    );
                    body.extend(quote!({ let found = #found; if found != *#expected { #fail; } }));
                }
                FieldKind::Checksum { checksum, of: Region::Above, int, unless: None } => {
                    let (function, found) = (self.checksum_path(checksum), self.load_int(*int, &array, *offset));
                    let (from, to) = (Literal::u64_unsuffixed(*start), Literal::u64_unsuffixed(*offset));
                    let fail = fail(quote!(#rt::DecodeErrorKind::Checksum { expected: computed, found }));
                    body.extend(quote!(if ctx.checksums == #rt::ChecksumPolicy::Verify {
                        let (computed, found) = (#function.of(&#array[#from..#to]), #found);
                        if computed != found { #fail; }
                    }));
                }
                FieldKind::Value(ty) if self.const_int(ty).is_some() && !matches!(ty, Type::Bool) => {
                    let (var, value) = (local(prefix, name), self.load(ty, &array, *offset));
                    body.extend(quote!(let #var = #value;));
                }
                _ => {}
            }
        }
        let decides = fields.iter().any(|(_, field, ..)| {
            self.runs(field).is_some_and(|(form, _)| {
                matches!(form.kind, FieldKind::Count { .. } | FieldKind::Len { .. } | FieldKind::Const { .. })
            })
        });
        if decides {
            out.extend(quote!(
                let Some(#array) = b.get(at..).and_then(|b| b.first_chunk::<#n>()) else {
                    return Ok(#rt::Measure::More(at.saturating_add(#n)));
                };
                #body
            ));
        }
        out.extend(quote!(at = at.saturating_add(#n);));
    }

    fn measure_extent(&self, extent: &Extent, max: Option<u64>, scope: &Scope<'m>, name: &str) -> TokenStream {
        let rt = &self.rt;
        let (load, n) = match extent {
            Extent::Prefix(int) => {
                let (ty, size) = (int_type(*int), Literal::u64_unsuffixed(int.bytes()));
                let from = if int.big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                let value = to_u64(&quote!(prefix), *int);
                let load = quote!(
                    let Some(prefix) = b.get(at..).and_then(|b| b.first_chunk::<#size>()) else {
                        return Ok(#rt::Measure::More(at.saturating_add(#size)));
                    };
                    let prefix = #ty::#from(*prefix);
                    at = at.saturating_add(#size);
                );
                (load, value)
            }
            Extent::Above(path) | Extent::Field(path) => match scope.find(self, path).and_then(|f| self.as_int(&f)) {
                Some((expr, int)) => (TokenStream::new(), to_u64(&expr, int)),
                None => return self.unresolved(path),
            },
            Extent::Rest => return quote!(compile_error!("the rest of a frame cannot be measured")),
        };
        let check = max.map(|max| {
            let max = Literal::u64_unsuffixed(max);
            quote!(if length > #max {
                return Err(#rt::DecodeError::new(at, #rt::DecodeErrorKind::TooLong { length, max: #max }).field(#name));
            })
        });
        quote!(
            #load
            let length: u64 = #n;
            #check
            at = at.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
        )
    }
}
