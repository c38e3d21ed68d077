//! Unions: types, decoders, encoders, sizes of a choice between arms.

use firefly_spec::model::{Arm, ArmKind, FieldKind, Int, Selector, Struct, Type, Union};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::names::{camel, ident, local};
use super::run::{RunKind, Statements, as_signed};
use super::scope::{Access, Moment, Scope, to_u64};
use super::types::{int_type, stored_form};
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// The Rust name of an arm.
    pub(super) fn variant(&self, arm: &Arm) -> Ident {
        ident(&camel(&arm.name), (self.spans)(arm.span))
    }

    /// Whether the variant keeps the tag it was read with, since the arm does not imply it.
    pub(super) fn keeps_tag(&self, u: &Union, arm: &Arm) -> bool {
        matches!(u.by, Selector::Tag(_)) && arm.values.len() != 1
    }

    /// Whether the variant keeps the bytes behind its fields.
    pub(super) fn keeps_slack(&self, u: &Union, arm: &Arm) -> bool {
        match (&arm.kind, u.fixed) {
            (ArmKind::Fields(s), Some(fixed)) => !s.size.fixed || s.size.min < fixed,
            (ArmKind::Type(ty), Some(fixed)) => self.fixed_size(ty) != Some(fixed),
            _ => false,
        }
    }

    /// Whether the variant has no fields.
    pub(super) fn is_unit(&self, u: &Union, arm: &Arm) -> bool {
        matches!(&arm.kind, ArmKind::Fields(s) if s.fields.iter().all(|f| stored_form(f).is_none()))
            && !self.keeps_tag(u, arm)
            && !self.keeps_slack(u, arm)
    }

    /// Whether the variant is a tuple around one value.
    pub(super) fn is_newtype(&self, u: &Union, arm: &Arm) -> bool {
        matches!(arm.kind, ArmKind::Type(_)) && !self.keeps_tag(u, arm) && !self.keeps_slack(u, arm)
    }

    /// The integer that selects.
    pub(super) fn selector_int(&self, u: &Union) -> Int {
        let int = match &u.by {
            Selector::Field(_, ty) | Selector::Tag(ty) => self.own_int(ty),
            Selector::Peek(ty) => self.const_int(ty),
        };
        int.unwrap_or(Int { bits: 64, signed: false, big: false })
    }

    /// An expression that reads a union.
    pub(super) fn read_union(
        &self,
        u: &'m Union,
        name: TokenStream,
        scope: &Scope<'m>,
        prefix: &str,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        let int = self.selector_int(u);
        let tag = match &u.by {
            Selector::Field(path, _) => match scope.find(self, path).and_then(|f| self.as_int(&f)) {
                Some((expr, _)) => expr,
                None => return self.unresolved(path),
            },
            Selector::Peek(peeked) => {
                let array = at.attempt(quote!(r.peek()));
                let ty = int_type(int);
                let from = if int.big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                let number = quote!(#ty::#from(#array));
                match (peeked, self.own_int(peeked)) {
                    (Type::NamedAs(..), Some(own)) => {
                        let (own, found) = (int_type(own), to_u64(&quote!(found), int));
                        let fail = at.fail(quote!(r.fail(#rt::DecodeErrorKind::Closed { value: #found })));
                        quote!({ let found = #number; if #own::try_from(found).is_err() { #fail; } found })
                    }
                    _ => number,
                }
            }
            Selector::Tag(ty) => {
                let value = self.read_value(ty, None, scope, prefix, at);
                if matches!(ty, Type::Named(_) | Type::NamedAs(..)) { quote!(#value.0) } else { value }
            }
        };
        let flat = u.fixed.filter(|_| u.arms.iter().all(|arm| self.is_flat(arm)));
        let array = self.fresh("run");
        let mut arms = TokenStream::new();
        for arm in &u.arms {
            let value = match flat {
                Some(size) => self.read_flat_arm(u, arm, &name, &array, size, prefix, at),
                None => self.read_arm(u, arm, &name, scope, prefix, at),
            };
            let pattern = if arm.values.is_empty() { quote!(_) } else { self.patterns(&arm.values, int) };
            let guard = arm.when.as_ref().map(|when| {
                let when = self.test(when, scope, Moment::Reading, None);
                quote!(if #when)
            });
            arms.extend(quote!(#pattern #guard => { #value }));
        }
        if u.arms.iter().all(|arm| !arm.values.is_empty() || arm.when.is_some()) {
            let tag = to_u64(&quote!(tag), int);
            let fail = at.fail(quote!(r.fail(#rt::DecodeErrorKind::UnknownTag { tag: #tag })));
            arms.extend(quote!(_ => #fail,));
        }
        let open = match (flat, u.fixed) {
            (Some(size), _) => {
                let n = Literal::u64_unsuffixed(size);
                let load = at.attempt(quote!(r.run::<#n>()));
                quote!(let #array = #load;)
            }
            (None, Some(size)) => {
                let n = Literal::u64_unsuffixed(size);
                let open = at.attempt(quote!(r.open(#n)));
                quote!(let slot = #open;)
            }
            (None, None) => TokenStream::new(),
        };
        match u.by {
            // What is peeked at lies inside the fixed slot.
            Selector::Peek(_) if flat.is_some() => {
                let load = self.load_int(int, &array, 0);
                quote!({ #open let tag = #load; match tag { #arms } })
            }
            Selector::Peek(_) => quote!({ #open let tag = #tag; match tag { #arms } }),
            _ => quote!({ let tag = #tag; #open match tag { #arms } }),
        }
    }

    /// Whether an arm consists of fixed fields only.
    fn is_flat(&self, arm: &Arm) -> bool {
        match &arm.kind {
            ArmKind::Raw => true,
            ArmKind::Fields(s) => {
                s.versions.is_empty() && s.orders.is_empty() && s.fields.iter().all(|f| self.runs(f).is_some())
            }
            ArmKind::Type(ty) => self.plain(ty).is_some(),
        }
    }

    /// Builds an arm from an array that holds the whole union.
    #[allow(clippy::too_many_arguments)]
    fn read_flat_arm(
        &self,
        u: &'m Union,
        arm: &'m Arm,
        name: &TokenStream,
        array: &Ident,
        size: u64,
        prefix: &str,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        let variant = self.variant(arm);
        let tag = self.keeps_tag(u, arm).then(|| self.tag_value(u));
        match &arm.kind {
            ArmKind::Raw => {
                let bytes = boxed(size, quote!(*#array));
                quote!(#name::#variant { #tag bytes: #bytes })
            }
            ArmKind::Type(ty) => {
                let value = self.load(ty, array, 0);
                self.build(u, arm, name, value, self.plain(ty).unwrap_or(0), size, array)
            }
            ArmKind::Fields(s) => {
                let arm_prefix = format!("{prefix}{}_", arm.name);
                let mut offset = 0;
                let mut out = Statements::new(RunKind::Load);
                let mut fields = TokenStream::new();
                for field in &s.fields {
                    let Some((form, n)) = self.runs(field) else { continue };
                    let field_at = at.field(&field.name);
                    let value = self.read_from_run(form, array, offset, &field_at, &mut out);
                    if !matches!(form.kind, FieldKind::Const { .. }) {
                        let var = local(&arm_prefix, &field.name);
                        out.push(quote!(let #var = #value;));
                        if stored_form(field).is_some() {
                            let field_name = ident(&field.name, Span::call_site());
                            fields.extend(quote!(#field_name: #var,));
                        }
                    }
                    offset += n;
                }
                let statements = out.finish();
                let slack = self.keeps_slack(u, arm).then(|| {
                    let from = Literal::u64_unsuffixed(offset);
                    quote!(slack: #rt::Slack::read(&#array[#from..]),)
                });
                let built = if self.is_unit(u, arm) {
                    quote!(#name::#variant)
                } else {
                    quote!(#name::#variant { #tag #fields #slack })
                };
                quote!(#statements #built)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn build(
        &self,
        u: &Union,
        arm: &Arm,
        name: &TokenStream,
        value: TokenStream,
        used: u64,
        size: u64,
        array: &Ident,
    ) -> TokenStream {
        let rt = &self.rt;
        let variant = self.variant(arm);
        if self.is_newtype(u, arm) {
            return quote!(#name::#variant(#value));
        }
        let tag = self.keeps_tag(u, arm).then(|| self.tag_value(u));
        let slack = (used < size).then(|| {
            let from = Literal::u64_unsuffixed(used);
            quote!(slack: #rt::Slack::read(&#array[#from..]),)
        });
        quote!(#name::#variant { #tag value: #value, #slack })
    }

    fn tag_value(&self, u: &Union) -> TokenStream {
        match &u.by {
            Selector::Tag(ty @ (Type::Named(_) | Type::NamedAs(..))) => {
                let ty = self.rust_type(ty);
                quote!(tag: #ty(tag),)
            }
            _ => quote!(tag,),
        }
    }

    /// Reads an arm field by field.
    fn read_arm(
        &self,
        u: &'m Union,
        arm: &'m Arm,
        name: &TokenStream,
        scope: &Scope<'m>,
        prefix: &str,
        at: &At,
    ) -> TokenStream {
        let variant = self.variant(arm);
        let tag = self.keeps_tag(u, arm).then(|| self.tag_value(u));
        let slack = self.keeps_slack(u, arm);
        let close = match (u.fixed, slack) {
            (Some(_), true) => quote!(let slack = r.close_slack(slot);),
            (Some(_), false) => quote!(r.close_slack(slot);),
            _ => TokenStream::new(),
        };
        let slack = slack.then(|| quote!(slack,));
        match &arm.kind {
            ArmKind::Raw => match u.fixed {
                Some(size) => {
                    let array = at.attempt(quote!(r.array()));
                    let bytes = boxed(size, array);
                    quote!(let bytes = #bytes; #close #name::#variant { #tag bytes })
                }
                None => quote!(let bytes = r.rest(); #name::#variant { #tag bytes }),
            },
            ArmKind::Type(ty) => {
                let value = self.read_value(ty, None, scope, prefix, at);
                if self.is_newtype(u, arm) {
                    quote!(let value = #value; #close #name::#variant(value))
                } else {
                    quote!(let value = #value; #close #name::#variant { #tag value, #slack })
                }
            }
            ArmKind::Fields(s) => {
                let arm_prefix = format!("{prefix}{}_", arm.name);
                let inside = scope.inside(s, Access::Locals(arm_prefix.clone()));
                let mut out = Statements::new(RunKind::Load);
                self.read_fields(&mut out, s, &arm_prefix, &inside, at);
                let statements = out.finish();
                let fields = self.arm_fields(s, &arm_prefix);
                if self.is_unit(u, arm) {
                    quote!(#statements #close #name::#variant)
                } else {
                    quote!(#statements #close #name::#variant { #tag #fields #slack })
                }
            }
        }
    }

    /// `name: local,` for the stored fields of an arm; both a pattern and an expression.
    pub(super) fn arm_fields(&self, s: &Struct, prefix: &str) -> TokenStream {
        s.fields
            .iter()
            .filter(|f| stored_form(f).is_some())
            .map(|field| {
                let (name, var) = (ident(&field.name, Span::call_site()), local(prefix, &field.name));
                quote!(#name: #var,)
            })
            .collect()
    }

    /// The pattern that takes an arm apart by reference.
    pub(super) fn arm_pattern(&self, u: &Union, arm: &Arm, name: &TokenStream, prefix: &str) -> TokenStream {
        let variant = self.variant(arm);
        let tag = self.keeps_tag(u, arm).then(|| quote!(tag,));
        let slack = self.keeps_slack(u, arm).then(|| quote!(slack,));
        if self.is_unit(u, arm) {
            return quote!(#name::#variant);
        }
        if self.is_newtype(u, arm) {
            return quote!(#name::#variant(value));
        }
        match &arm.kind {
            ArmKind::Raw => quote!(#name::#variant { #tag bytes }),
            ArmKind::Type(_) => quote!(#name::#variant { #tag value, #slack }),
            ArmKind::Fields(s) => {
                let fields = self.arm_fields(s, prefix);
                quote!(#name::#variant { #tag #fields #slack })
            }
        }
    }

    /// Statements that write a union found at a place.
    pub(super) fn write_union(
        &self,
        u: &'m Union,
        name: TokenStream,
        place: &TokenStream,
        scope: &Scope<'m>,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        let mut arms = TokenStream::new();
        for arm in &u.arms {
            let prefix = format!("{}_", arm.name);
            let pattern = self.arm_pattern(u, arm, &name, &prefix);
            let check = if arm.droppable { TokenStream::new() } else { self.check_arm(u, arm, scope, at) };
            let tag = match &u.by {
                Selector::Tag(ty) => {
                    let value = match (arm.values.as_slice(), ty) {
                        ([one], _) => {
                            self.value(&firefly_spec::model::Value::Int(as_signed(*one, self.selector_int(u))), ty)
                        }
                        _ => quote!((*tag)),
                    };
                    let rust = self.rust_type(ty);
                    let write = self.write_value(ty, &quote!(selector), None, scope, at);
                    quote!(let selector: #rust = #value; #write)
                }
                _ => TokenStream::new(),
            };
            let body = match &arm.kind {
                ArmKind::Raw if u.fixed.is_some() => quote!(w.put(&bytes[..]);),
                ArmKind::Raw => quote!(w.bytes(bytes);),
                ArmKind::Type(ty) => self.write_value(ty, &quote!((*value)), None, scope, at),
                ArmKind::Fields(s) => {
                    let inside = scope.inside(s, Access::Bound(prefix));
                    let mut out = Statements::new(RunKind::Store);
                    self.write_fields(&mut out, s, &inside, at);
                    out.finish()
                }
            };
            let body = match u.fixed {
                Some(fixed) if self.keeps_slack(u, arm) => {
                    let n = Literal::usize_unsuffixed(usize::try_from(fixed).unwrap_or(usize::MAX));
                    let wrong = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::WrongSize { expected: #n, found: w.written(slot) })));
                    let slack = at.attempt(quote!(slack.write(w, rest)));
                    quote!(
                        let slot = w.mark();
                        #body
                        let Some(rest) = usize::checked_sub(#n, w.written(slot)) else { #wrong };
                        #slack;
                    )
                }
                _ => body,
            };
            let body = match (&arm.when, u.fixed) {
                (Some(when), Some(fixed)) if arm.droppable => {
                    let (when, n) = (self.test(when, scope, Moment::Writing, None), Literal::u64_unsuffixed(fixed));
                    quote!(if #when { #body } else { w.zeros(#n); })
                }
                _ => body,
            };
            arms.extend(quote!(#pattern => { #check #tag #body }));
        }
        quote!(match &#place { #arms })
    }

    /// An error when the arm does not belong to the value that selects it.
    fn check_arm(&self, u: &'m Union, arm: &'m Arm, scope: &Scope<'m>, at: &At) -> TokenStream {
        let rt = &self.rt;
        let int = self.selector_int(u);
        if let Some(when) = &arm.when {
            let when = self.test(when, scope, Moment::Writing, None);
            let tag = Literal::u64_unsuffixed(arm.values.first().copied().unwrap_or_default());
            let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::ArmMismatch { tag: #tag })));
            return quote!(if !(#when) { #fail; });
        }
        if u.arms.iter().any(|a| a.when.is_some()) {
            return TokenStream::new();
        }
        let others: Vec<u64> = u.arms.iter().flat_map(|a| a.values.iter().copied()).collect();
        let tag = match &u.by {
            Selector::Field(path, _) => match scope.find(self, path).and_then(|f| self.as_int(&f)) {
                Some((expr, _)) => expr,
                None => return self.unresolved(path),
            },
            Selector::Peek(_) if matches!(arm.kind, ArmKind::Raw) && arm.values.is_empty() => {
                let ty = int_type(int);
                let from = if int.big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::ArmMismatch { tag: 0 })));
                quote!({ let Some(head) = bytes.first_chunk() else { #fail }; #ty::#from(*head) })
            }
            Selector::Peek(_) => match self.leading(arm, int) {
                Some(tag) => tag,
                None => return TokenStream::new(),
            },
            Selector::Tag(_) if self.keeps_tag(u, arm) => {
                if matches!(&u.by, Selector::Tag(Type::Named(_) | Type::NamedAs(..))) {
                    quote!(tag.0)
                } else {
                    quote!(*tag)
                }
            }
            _ => return TokenStream::new(),
        };
        let found = to_u64(&quote!(found), int);
        let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::ArmMismatch { tag: #found })));
        let wrong = if arm.values.is_empty() {
            if others.is_empty() {
                return TokenStream::new();
            }
            let patterns = self.patterns(&others, int);
            quote!(matches!(found, #patterns))
        } else {
            let patterns = self.patterns(&arm.values, int);
            quote!(!matches!(found, #patterns))
        };
        quote!({ let found = #tag; if #wrong { #fail; } })
    }

    /// The integer that an arm starts with, if it is in the value and thus may be wrong.
    fn leading(&self, arm: &'m Arm, int: Int) -> Option<TokenStream> {
        let ArmKind::Fields(s) = &arm.kind else { return None };
        let field = s.fields.first()?;
        let FieldKind::Value(ty) = &super::types::unconditional(field)?.kind else { return None };
        self.const_int(ty).filter(|own| *own == int)?;
        let (name, wire) = (local(&format!("{}_", arm.name), &field.name), int_type(int));
        Some(match ty {
            Type::NamedAs(..) => quote!((#name.0 as #wire)),
            Type::Named(_) => quote!(#name.0),
            _ => quote!(*#name),
        })
    }

    /// An expression for the size of a union found at a place.
    pub(super) fn size_union(
        &self,
        u: &'m Union,
        name: TokenStream,
        place: &TokenStream,
        scope: &Scope<'m>,
    ) -> TokenStream {
        let tag = match &u.by {
            Selector::Tag(ty) => self.min_size(ty),
            _ => 0,
        };
        if let Some(fixed) = u.fixed {
            let n = Literal::u64_unsuffixed(fixed + tag);
            return quote!(#n);
        }
        let mut arms = TokenStream::new();
        for arm in &u.arms {
            let prefix = format!("{}_", arm.name);
            let pattern = self.arm_pattern(u, arm, &name, &prefix);
            let size = match &arm.kind {
                ArmKind::Raw => quote!(bytes.len()),
                ArmKind::Type(ty) => self.size_of(ty, &quote!((*value)), scope),
                ArmKind::Fields(s) => self.size_struct(s, Access::Bound(prefix), scope, None),
            };
            arms.extend(quote!(#pattern => { #size }));
        }
        let tag = Literal::u64_unsuffixed(tag);
        quote!((#tag + match &#place { #arms }))
    }
}

/// From this size on, the bytes of a raw arm are boxed, so that they do not make the other arms large.
const BOXED: u64 = 33;

/// An expression that boxes raw bytes of a size where it is large.
pub(super) fn boxed(size: u64, bytes: TokenStream) -> TokenStream {
    if size < BOXED { bytes } else { quote!(Box::new(#bytes)) }
}

/// The type of raw bytes of a size.
pub(super) fn raw_type(size: u64) -> TokenStream {
    let n = Literal::u64_unsuffixed(size);
    if size < BOXED { quote!([u8; #n]) } else { quote!(Box<[u8; #n]>) }
}
