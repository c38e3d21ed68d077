//! Views of frames: the same frames with their bytes left where they are.

use firefly_spec::model::{Extent, Field, FieldKind, Struct, Type};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::names::ident;
use super::scope::{Access, Scope};
use super::types::unconditional;
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// The view of a frame: the type, its decoder, and the ways between it and the frame itself.
    pub(super) fn view(&self, name: &Ident, s: &'m Struct) -> TokenStream {
        let rt = &self.rt;
        let view = format_ident!("{name}View");
        let read = self.read_struct(s, quote!(Self), &Scope::of_view(), "", &At::default());
        let write = self.write_struct(s, Access::Place(quote!(self)), &Scope::default(), &At::default());
        let docs = format!(" A [`{name}`] with its bytes left where they are: reading it counts no references.");
        let [mut fields, mut shares, mut views] = [(); 3].map(|()| TokenStream::new());
        for field in &s.fields {
            let Some(ty) = self.field_type(field) else { continue };
            let (docs, name) = (self.field_docs(field), ident(&field.name, Span::call_site()));
            if is_viewed(field) {
                fields.extend(quote!(#docs pub #name: #rt::Slice<'a>,));
                shares.extend(quote!(#name: self.#name.share(),));
                views.extend(quote!(#name: (&self.#name).into(),));
            } else {
                fields.extend(quote!(#docs pub #name: #ty,));
                shares.extend(quote!(#name: self.#name,));
                views.extend(quote!(#name: self.#name.clone(),));
            }
        }
        quote! {
            #[doc = #docs]
            #[derive(Clone, Debug)]
            pub struct #view<'a> { #fields }
            #[allow(clippy::all, unused_variables, unused_mut)]
            impl<'a> #view<'a> {
                /// Reads the frame.
                ///
                /// # Errors
                /// When the bytes are not such a frame; the error tells where.
                #[inline]
                pub fn decode(r: &mut #rt::Reader<'a>) -> Result<Self, #rt::DecodeError> {
                    Ok({ #read })
                }

                /// Writes the frame.
                ///
                /// # Errors
                /// When it cannot be written for this target.
                #[inline(always)]
                pub fn encode(&self, w: &mut #rt::Writer) -> Result<(), #rt::EncodeError> {
                    let t = w.target();
                    #write
                    Ok(())
                }

                /// The frame itself, which shares the bytes.
                pub fn share(self) -> #name {
                    #name { #shares }
                }
            }
            #[allow(clippy::all)]
            impl #name {
                /// The frame with its bytes left where they are.
                pub fn view(&self) -> #view<'_> {
                    #view { #views }
                }
            }
        }
    }
}

/// Whether a struct has a view: a frame with fields of bytes.
pub(super) fn has_view(s: &Struct) -> bool {
    s.frame && s.versions.is_empty() && s.orders.is_empty() && s.fields.iter().any(is_viewed)
}

/// Whether the view leaves the bytes of the field where they are.
pub(super) fn is_viewed(field: &Field) -> bool {
    unconditional(field).is_some_and(
        |form| matches!(&form.kind, FieldKind::Value(Type::Bytes(extent)) if !matches!(extent, Extent::Rest)),
    )
}
