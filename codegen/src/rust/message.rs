//! Messages: codecs over the three parts, and the choice of all messages by number.

use firefly_spec::model::{Item, Message, Section, Struct};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::names::ident;
use super::run::{RunKind, Statements};
use super::scope::{Access, Moment, Scope};
use super::types::stored_form;
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// A message, unless its layout is not described.
    pub(super) fn message(&self, item: &'m Item, m: &'m Message) -> TokenStream {
        if m.opaque {
            return TokenStream::new();
        }
        let rt = &self.rt;
        let s = &m.body;
        let name = ident(&item.name, (self.spans)(item.span));
        let text = &item.name;
        let number = Literal::u64_unsuffixed(m.number);
        let newest = Literal::u32_unsuffixed(s.versions.last().map_or(0, |row| row.to));
        let define = self.define_struct(&self.message_docs(item, m), &name, s);
        let (decode, encode) = (self.decode_message(m), self.encode_message(s));
        quote! {
            #define
            #[allow(clippy::all, unused_variables, unused_mut)]
            impl #name {
                /// The message's type number.
                pub const NUMBER: u16 = #number;
                /// The newest version understood.
                pub const VERSION: u16 = #newest;

                /// Reads the message from its sections.
                ///
                /// # Errors
                /// When the sections are not such a message; the error tells where.
                pub fn decode(sections: #rt::Sections, ctx: &#rt::Context) -> Result<Self, #rt::DecodeError> {
                    #decode
                }

                /// Writes the message's parts, in the version that the target is to get.
                ///
                /// # Errors
                /// When the value cannot be written for this target.
                pub fn encode(&self, t: #rt::Target) -> Result<#rt::Parts, #rt::EncodeError> {
                    #encode
                }
            }
            impl #rt::Message for #name {
                const NAME: &'static str = #text;
                const NUMBER: u16 = #number;
                fn decode(sections: #rt::Sections, ctx: &#rt::Context) -> Result<Self, #rt::DecodeError> { #name::decode(sections, ctx) }
                fn encode(&self, t: #rt::Target) -> Result<#rt::Parts, #rt::EncodeError> { #name::encode(self, t) }
            }
        }
    }

    fn message_docs(&self, item: &Item, m: &Message) -> TokenStream {
        let docs = self.item_docs(item);
        let route =
            format!("Message type {0} ({0:#x}), {1} → {2}.", m.number, m.senders.join(", "), m.receivers.join(", "));
        let route = format!(" {route}");
        quote!(#docs #[doc = ""] #[doc = #route])
    }

    fn decode_message(&self, m: &'m Message) -> TokenStream {
        let (rt, s) = (&self.rt, &m.body);
        let at = At::default();
        let scope = Scope::default().inside(s, Access::Locals(String::new()));
        let mut out = Statements::new(RunKind::Load);
        self.read_fields(&mut out, s, "", &scope, &at);
        let body = out.finish();
        let fields: TokenStream = s
            .fields
            .iter()
            .filter(|f| stored_form(f).is_some())
            .map(|f| {
                let (name, var) = (ident(&f.name, proc_macro2::Span::call_site()), super::names::local("", &f.name));
                quote!(#name: #var,)
            })
            .collect();
        let newest = Literal::u32_unsuffixed(self.model.newest_version(m));
        let oldest = s.versions.first().map_or(0, |row| row.from);
        let too_old = (oldest > 0).then(|| {
            let oldest = Literal::u32_unsuffixed(oldest);
            quote!(if struct_v < #oldest {
                return Err(r.fail(#rt::DecodeErrorKind::UnsupportedVersion { version: struct_v, newest: #newest }));
            })
        });
        let older = s.older.as_ref().map(|older| {
            let (to, ty) = (Literal::u32_unsuffixed(older.to), self.type_path(&older.ty));
            let converted = self.newer_of(&quote!(Self));
            quote!(if struct_v <= #to { let older = #ty::decode(sections, ctx)?; return Ok(#converted); })
        });
        let written = self.expected_version(s, &scope);
        let compat = self.compat(&s.versions, &scope, Moment::Reading);
        quote! {
            let struct_v = u32::from(sections.version);
            let struct_compat = u32::from(sections.compat);
            #older
            let r = &mut #rt::Reader::new(sections.front, ctx);
            let middle_r = &mut #rt::Reader::new(sections.middle, ctx);
            let data_r = &mut #rt::Reader::new(sections.data, ctx);
            if struct_compat > #newest {
                return Err(r.fail(#rt::DecodeErrorKind::Incompatible { compat: struct_compat, understood: #newest }));
            }
            #too_old
            #body
            let origin = r
                .origin((struct_v != #written).then_some(struct_v), (struct_compat != #compat).then_some(struct_compat))
                .with_parts(middle_r, data_r);
            Ok(Self { #fields origin })
        }
    }

    fn encode_message(&self, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        let at = At::default();
        let scope = Scope::default().inside(s, Access::Place(quote!(self)));
        let mut out = Statements::new(RunKind::Store);
        self.write_fields(&mut out, s, &scope, &at);
        let body = out.finish();
        let version = self.version_to_write(&s.versions, &quote!(self.origin), &scope, Moment::Sizing);
        let compat = self.compat(&s.versions, &scope, Moment::Sizing);
        let front_size = self.size_struct(s, Access::Place(quote!(self)), &Scope::default(), Some(Section::Front));
        let older = s.older.as_ref().map(|older| {
            let converted = self.as_older(older, &quote!(self), &quote!(self.origin), &scope, Moment::Sizing);
            quote!(if let Some(older) = #converted? { return older.encode(t); })
        });
        quote! {
            #older
            #version
            let struct_compat: u32 = match self.origin.compat() { Some(compat) if t.exact => compat, _ => #compat };
            let mut front_writer = #rt::Writer::with_capacity(t, #front_size);
            let mut middle_writer = #rt::Writer::new(t);
            let mut data_writer = #rt::Writer::new(t);
            let (w, middle_w, data_w) = (&mut front_writer, &mut middle_writer, &mut data_writer);
            #body
            if t.exact {
                w.bytes(self.origin.tail());
                middle_w.bytes(self.origin.middle());
                data_w.bytes(self.origin.data());
            }
            Ok(#rt::Parts {
                version: struct_v as u16,
                compat: struct_compat as u16,
                front: front_writer.finish(),
                middle: middle_writer.finish(),
                data: data_writer.finish(),
            })
        }
    }

    /// The choice of all messages by number.
    pub(super) fn messages(&self, item: &Item, members: &[(String, String, u64)]) -> TokenStream {
        let rt = &self.rt;
        let (docs, name) = (self.item_docs(item), ident(&item.name, (self.spans)(item.span)));
        let serde = self.serde_derive();
        let known: Vec<_> = members.iter().filter(|(_, message, _)| !self.is_opaque(message)).collect();
        let variants = known.iter().map(|(_, message, number)| {
            let (variant, path) = (ident(message, proc_macro2::Span::call_site()), self.type_path(message));
            let docs = format!("Type {number}.");
            quote!(#[doc = #docs] #variant(Box<#path>),)
        });
        let decode = known.iter().map(|(_, message, number)| {
            let (variant, path) = (ident(message, proc_macro2::Span::call_site()), self.type_path(message));
            let number = Literal::u64_unsuffixed(*number);
            quote!(#number => #name::#variant(Box::new(#path::decode(sections, ctx)?)),)
        });
        let encode = known.iter().map(|(_, message, _)| {
            let variant = ident(message, proc_macro2::Span::call_site());
            quote!(#name::#variant(message) => message.encode(t),)
        });
        let numbers = known.iter().map(|(_, message, number)| {
            let variant = ident(message, proc_macro2::Span::call_site());
            let number = Literal::u64_unsuffixed(*number);
            quote!(#name::#variant(_) => #number,)
        });
        let conversions = known.iter().map(|(_, message, _)| {
            let (variant, path) = (ident(message, proc_macro2::Span::call_site()), self.type_path(message));
            quote! {
                impl From<#path> for #name {
                    fn from(message: #path) -> Self { #name::#variant(Box::new(message)) }
                }
            }
        });
        let known_numbers = known.iter().map(|(_, _, number)| Literal::u64_unsuffixed(*number));
        let names = members.iter().map(|(_, message, number)| {
            let number = Literal::u64_unsuffixed(*number);
            quote!(#number => Some(#message),)
        });
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq)]
            #serde
            pub enum #name {
                #(#variants)*
                /// A message whose layout is not described, as it is.
                Opaque(Box<#rt::Opaque>),
            }

            #[allow(clippy::all)]
            impl #name {
                /// Reads a message by its type number.
                ///
                /// # Errors
                /// When the sections are not such a message; the error tells where.
                #[inline]
                pub fn decode(number: u16, sections: #rt::Sections, ctx: &#rt::Context) -> Result<Self, #rt::DecodeError> {
                    if !matches!(number, #(#known_numbers)|*) {
                        return Ok(#name::Opaque(sections.to_opaque(number)));
                    }
                    Self::decode_known(number, sections, ctx)
                }

                fn decode_known(number: u16, sections: #rt::Sections, ctx: &#rt::Context) -> Result<Self, #rt::DecodeError> {
                    Ok(match number { #(#decode)* _ => #name::Opaque(sections.to_opaque(number)) })
                }

                /// A message with its parts as they are.
                #[inline]
                pub fn opaque(number: u16, parts: #rt::Parts) -> Self {
                    #name::Opaque(#rt::Opaque::boxed(number, parts))
                }

                /// Writes a message's parts.
                ///
                /// # Errors
                /// When the value cannot be written for this target.
                pub fn encode(&self, t: #rt::Target) -> Result<#rt::Parts, #rt::EncodeError> {
                    match self { #(#encode)* #name::Opaque(opaque) => Ok(opaque.parts.clone()) }
                }

                /// The message's type number.
                #[inline]
                pub fn number(&self) -> u16 {
                    match self { #name::Opaque(opaque) => opaque.number, known => known.known_number() }
                }

                fn known_number(&self) -> u16 {
                    match self { #(#numbers)* #name::Opaque(opaque) => opaque.number }
                }

                /// The name of the message with that number, described or not.
                pub const fn name_of(number: u16) -> Option<&'static str> {
                    match number { #(#names)* _ => None }
                }
            }

            #(#conversions)*
        }
    }

    fn is_opaque(&self, message: &str) -> bool {
        match self.item(message).map(|i| &i.kind) {
            Some(firefly_spec::model::ItemKind::Message(m)) => m.opaque,
            _ => true,
        }
    }
}
