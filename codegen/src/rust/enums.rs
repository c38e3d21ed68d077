//! Named numbers: constants, enums, flag sets, checksums.

use firefly_spec::model::{Int, Item, ItemKind, Member};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::Emitter;
use super::names::ident;
use super::run::as_signed;
use super::types::{int_literal, int_type};

impl Emitter<'_> {
    /// `pub const NAME: u32 = 1;`
    pub(super) fn constant(&self, item: &Item) -> TokenStream {
        let (docs, name) = (self.item_docs(item), ident(&item.name, (self.spans)(item.span)));
        match &item.kind {
            ItemKind::ConstInt { int, value } => {
                let (ty, value) = (int_type(*int), int_literal(*value, *int));
                quote!(#docs pub const #name: #ty = #value;)
            }
            ItemKind::ConstBytes { value } => {
                let (n, value) = (Literal::usize_unsuffixed(value.len()), Literal::byte_string(value));
                quote!(#docs pub const #name: &[u8; #n] = #value;)
            }
            _ => TokenStream::new(),
        }
    }

    /// A checksum as a constant that computes it.
    pub(super) fn checksum_const(&self, item: &Item, init: u64, xorout: u64) -> TokenStream {
        let rt = &self.rt;
        let (docs, name) = (self.item_docs(item), format_ident!("{}", super::names::shout(&item.name)));
        let (init, xorout) = (Literal::u64_unsuffixed(init), Literal::u64_unsuffixed(xorout));
        quote!(#docs pub const #name: #rt::Crc32c = #rt::Crc32c::new(#init, #xorout);)
    }

    /// An enum: an integer with named values. Unknown values are kept unless it is closed.
    pub(super) fn enumeration(&self, item: &Item, repr: Int, closed: bool, members: &[Member]) -> TokenStream {
        let rt = &self.rt;
        let mut out = self.named_integer(item, repr, members);
        let name = ident(&item.name, (self.spans)(item.span));
        let mut seen = std::collections::HashSet::new();
        let arms: TokenStream = members
            .iter()
            .filter(|m| seen.insert(m.value))
            .map(|m| {
                let (pattern, text) = (self.patterns(&[m.value], repr), &m.name);
                quote!(#pattern => Some(#text),)
            })
            .collect();
        out.extend(quote! {
            impl #name {
                /// The name of the value, if the protocol gives it one.
                pub const fn name(self) -> Option<&'static str> {
                    match self.0 { #arms _ => None }
                }
            }
            impl core::fmt::Debug for #name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    match self.name() { Some(name) => f.write_str(name), None => write!(f, "{:#x}", self.0) }
                }
            }
        });
        let check = closed.then(|| {
            let found = super::scope::to_u64(&quote!(value.0), repr);
            quote!(if value.name().is_none() { return Err(r.fail(#rt::DecodeErrorKind::Closed { value: #found })); })
        });
        out.extend(self.integer_codec(&name, repr, check));
        if self.options.arbitrary {
            let values = members.iter().map(|m| {
                let n = m.name.as_str();
                let n = ident(n, proc_macro2::Span::call_site());
                quote!(#name::#n)
            });
            let other = if closed { quote!(*u.choose(&known)?) } else { quote!(#name(u.arbitrary()?)) };
            out.extend(if members.is_empty() {
                quote! {
                    impl<'a> #rt::arbitrary::Arbitrary<'a> for #name {
                        fn arbitrary(u: &mut #rt::arbitrary::Unstructured<'a>) -> #rt::arbitrary::Result<Self> {
                            Ok(#name(u.arbitrary()?))
                        }
                    }
                }
            } else {
                quote! {
                    impl<'a> #rt::arbitrary::Arbitrary<'a> for #name {
                        fn arbitrary(u: &mut #rt::arbitrary::Unstructured<'a>) -> #rt::arbitrary::Result<Self> {
                            let known = [#(#values),*];
                            Ok(if u.ratio(7, 8)? { *u.choose(&known)? } else { #other })
                        }
                    }
                }
            });
        }
        out
    }

    /// A flag set: an integer with named bits. Unknown bits are kept.
    pub(super) fn flags(&self, item: &Item, repr: Int, members: &[Member]) -> TokenStream {
        let rt = &self.rt;
        let mut out = self.named_integer(item, repr, members);
        let name = ident(&item.name, (self.spans)(item.span));
        let mut seen = 0u64;
        let texts: TokenStream = members
            .iter()
            .filter(|m| {
                let new = m.value & !seen != 0;
                seen |= m.value;
                new
            })
            .map(|m| {
                let (mask, text) = (int_literal(i128::from(m.value), repr), &m.name);
                quote!((#mask, #text),)
            })
            .collect();
        let ty = int_type(repr);
        out.extend(quote! {
            impl #name {
                /// The named bits, in order of declaration.
                pub const NAMES: &'static [(#ty, &'static str)] = &[#texts];

                /// Whether all bits of `mask` are set.
                pub const fn contains(self, mask: Self) -> bool {
                    self.0 & mask.0 == mask.0
                }
            }
            impl core::ops::BitOr for #name {
                type Output = Self;
                fn bitor(self, other: Self) -> Self {
                    Self(self.0 | other.0)
                }
            }
            impl core::fmt::Debug for #name {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    let mut rest = self.0;
                    let mut first = true;
                    for (mask, name) in Self::NAMES {
                        if rest & mask == *mask {
                            rest &= !mask;
                            f.write_str(if first { "" } else { "|" })?;
                            f.write_str(name)?;
                            first = false;
                        }
                    }
                    if rest != 0 || first {
                        write!(f, "{}{rest:#x}", if first { "" } else { "|" })?;
                    }
                    Ok(())
                }
            }
        });
        out.extend(self.integer_codec(&name, repr, None));
        if self.options.arbitrary {
            out.extend(quote! {
                impl<'a> #rt::arbitrary::Arbitrary<'a> for #name {
                    fn arbitrary(u: &mut #rt::arbitrary::Unstructured<'a>) -> #rt::arbitrary::Result<Self> {
                        Ok(#name(u.arbitrary()?))
                    }
                }
            });
        }
        out
    }

    fn named_integer(&self, item: &Item, repr: Int, members: &[Member]) -> TokenStream {
        let (docs, name, ty) = (self.item_docs(item), ident(&item.name, (self.spans)(item.span)), int_type(repr));
        let serde = self.serde_derive();
        let constants: TokenStream = members
            .iter()
            .map(|m| {
                let docs = self.docs_or(&m.docs, &format!("{:#x}", m.value));
                let member = ident(&m.name, (self.spans)(m.span));
                let value = int_literal(as_signed(m.value, repr), repr);
                quote!(#docs pub const #member: Self = Self(#value);)
            })
            .collect();
        quote! {
            #docs
            #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #serde
            pub struct #name(pub #ty);

            #[allow(non_upper_case_globals)]
            impl #name { #constants }
        }
    }

    fn integer_codec(&self, name: &proc_macro2::Ident, repr: Int, check: Option<TokenStream>) -> TokenStream {
        let (ty, n) = (int_type(repr), Literal::u64_unsuffixed(repr.bytes()));
        let (from, to) = if repr.big {
            (quote!(from_be_bytes), quote!(to_be_bytes))
        } else {
            (quote!(from_le_bytes), quote!(to_le_bytes))
        };
        let rt = &self.rt;
        let codec = quote! {
            impl #name {
                /// Reads the integer.
                pub fn decode(r: &mut #rt::Reader) -> Result<Self, #rt::DecodeError> {
                    let value = Self(#ty::#from(*r.run()?));
                    #check
                    Ok(value)
                }

                /// Writes the integer.
                pub fn encode(&self, w: &mut #rt::Writer) -> Result<(), #rt::EncodeError> {
                    w.put(&self.0.#to());
                    Ok(())
                }

                /// The size in bytes.
                pub const fn size(&self, _t: #rt::Target) -> usize {
                    #n
                }
            }
        };
        let wire = self.wire_impl(name, repr.bytes());
        quote!(#codec #wire)
    }
}
