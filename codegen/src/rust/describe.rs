//! Static descriptor tables, and the tests of the laws.

use firefly_spec::model::{ArmKind, Field, Form, Item, ItemKind, Member, Section, Selector, Struct, Union};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::Emitter;
use crate::text;

impl Emitter<'_> {
    /// `pub static TYPES`: what is known about each type of the module.
    pub(super) fn descriptors(&self) -> TokenStream {
        let rt = &self.rt;
        let entries: TokenStream = self.module.items.iter().filter_map(|item| self.descriptor(item)).collect();
        quote! {
            /// What is known about each type of this module.
            pub static TYPES: &[#rt::TypeInfo] = &[#entries];
        }
    }

    fn descriptor(&self, item: &Item) -> Option<TokenStream> {
        let rt = &self.rt;
        let kind = match &item.kind {
            ItemKind::Enum { .. } => quote!(Enum),
            ItemKind::Flags { .. } | ItemKind::Features { .. } => quote!(Flags),
            ItemKind::Struct(Struct { frame: true, .. }) | ItemKind::Union(Union { frame: true, .. }) => quote!(Frame),
            ItemKind::Struct(_) => quote!(Struct),
            ItemKind::Union(_) => quote!(Union),
            ItemKind::Message(m) => {
                let (number, opaque) = (Literal::u64_unsuffixed(m.number), m.opaque);
                let (senders, receivers) = (&m.senders, &m.receivers);
                let older = m.older_of.is_some();
                quote!(Message { number: #number, senders: &[#(#senders),*], receivers: &[#(#receivers),*], opaque: #opaque, older: #older })
            }
            _ => return None,
        };
        let type_name = self.type_path(&item.name);
        let codec = match &item.kind {
            ItemKind::Struct(Struct { apart: true, .. }) | ItemKind::Union(Union { apart: true, .. }) => quote!(None),
            ItemKind::Message(m) if m.opaque => quote!(None),
            ItemKind::Message(_) => quote!(Some(#rt::Codec::message::<#type_name>())),
            _ => quote!(Some(#rt::Codec::of::<#type_name>())),
        };
        let fields = match &item.kind {
            ItemKind::Struct(s) => self.field_infos(&s.fields),
            ItemKind::Message(m) => self.field_infos(&m.body.fields),
            ItemKind::Union(u) => self.arm_infos(u),
            _ => TokenStream::new(),
        };
        let versions = match &item.kind {
            ItemKind::Struct(s) => self.version_infos(s),
            ItemKind::Message(m) => self.version_infos(&m.body),
            _ => TokenStream::new(),
        };
        let members = match &item.kind {
            ItemKind::Enum { members, .. } | ItemKind::Flags { members, .. } | ItemKind::Features { members, .. } => {
                self.member_infos(members)
            }
            _ => TokenStream::new(),
        };
        let (name, module, docs) = (&item.name, &self.module.name, item.docs.join("\n"));
        let (cxx, source) = (optional(item.cxx.as_deref()), optional(item.source.as_deref()));
        Some(quote! {
            #rt::TypeInfo {
                name: #name, cxx: #cxx, source: #source, module: #module, docs: #docs, kind: #rt::Kind::#kind,
                versions: &[#versions], fields: &[#fields], members: &[#members], codec: #codec,
            },
        })
    }

    fn field_infos(&self, fields: &[Field]) -> TokenStream {
        let rt = &self.rt;
        let mut out = TokenStream::new();
        for field in fields {
            for form in &field.forms {
                let (name, ty, presence) = (&field.name, text::kind_text(&form.kind), text::presence_text(form));
                let docs = field.docs.join("\n");
                let section = match field.apart.unwrap_or(field.section) {
                    Section::Front => "front",
                    Section::Middle => "middle",
                    Section::Data => "data",
                };
                out.extend(quote!(#rt::FieldInfo { name: #name, ty: #ty, presence: #presence, section: #section, docs: #docs },));
            }
        }
        out
    }

    fn arm_infos(&self, u: &Union) -> TokenStream {
        let rt = &self.rt;
        let by = match &u.by {
            Selector::Field(path, _) => path.join("."),
            Selector::Peek(ty) => format!("peek {}", text::type_text(ty)),
            Selector::Tag(ty) => text::type_text(ty),
        };
        let mut out = TokenStream::new();
        for arm in &u.arms {
            let ty = match &arm.kind {
                ArmKind::Fields(s) => {
                    let fields: Vec<String> = s
                        .fields
                        .iter()
                        .flat_map(|f| {
                            f.forms.iter().map(|form| format!("{} : {}", f.name, text::kind_text(&form.kind)))
                        })
                        .collect();
                    format!("{{ {} }}", fields.join("  "))
                }
                ArmKind::Type(ty) => text::type_text(ty),
                ArmKind::Raw => "raw".into(),
            };
            let presence = if arm.values.is_empty() {
                "else".to_owned()
            } else {
                let values: Vec<String> = arm.values.iter().map(|v| format!("{v:#x}")).collect();
                format!("{by} = {}", values.join(", "))
            };
            let (name, docs) = (&arm.name, arm.docs.join("\n"));
            out.extend(
                quote!(#rt::FieldInfo { name: #name, ty: #ty, presence: #presence, section: "front", docs: #docs },),
            );
        }
        out
    }

    fn version_infos(&self, s: &Struct) -> TokenStream {
        let rt = &self.rt;
        let older = s.older.iter().map(|older| {
            let (from, to) = (Literal::u32_unsuffixed(older.from), Literal::u32_unsuffixed(older.to));
            let form = format!("as {}", older.ty);
            quote!(#rt::VersionInfo { from: #from, to: #to, form: #form, compat: None },)
        });
        let own = s.versions.iter();
        let own = own.map(|row| {
            let (from, to) = (Literal::u32_unsuffixed(row.from), Literal::u32_unsuffixed(row.to));
            let form = match row.form {
                Form::Envelope => "envelope".to_owned(),
                Form::Lead(int) => format!("lead u{}", int.bits),
                Form::Message => "message".to_owned(),
            };
            let compat = match row.compat {
                Some(compat) => {
                    let compat = Literal::u32_unsuffixed(compat);
                    quote!(Some(#compat))
                }
                None => quote!(None),
            };
            quote!(#rt::VersionInfo { from: #from, to: #to, form: #form, compat: #compat },)
        });
        older.chain(own).collect()
    }

    fn member_infos(&self, members: &[Member]) -> TokenStream {
        let rt = &self.rt;
        members
            .iter()
            .map(|m| {
                let (name, value, docs) = (&m.name, Literal::u64_unsuffixed(m.value), m.docs.join("\n"));
                quote!(#rt::MemberInfo { name: #name, value: #value, docs: #docs },)
            })
            .collect()
    }

    /// A test of the laws for each type that can stand alone.
    pub(super) fn laws(&self) -> TokenStream {
        let rt = &self.rt;
        let tests: TokenStream = self
            .module
            .items
            .iter()
            .filter(|item| match &item.kind {
                ItemKind::Struct(s) => !s.apart,
                ItemKind::Union(u) => !u.apart,
                ItemKind::Message(m) => !m.opaque,
                _ => false,
            })
            .map(|item| {
                let (test, name) = (snake(&item.name), &item.name);
                quote!(
                    #[test]
                    fn #test() {
                        for info in super::TYPES.iter().filter(|info| info.name == #name) {
                            #rt::laws::hold(info);
                        }
                    }
                )
            })
            .collect();
        quote! {
            #[cfg(test)]
            mod laws { use ::firefly_runtime::codec; #tests }
        }
    }
}

fn optional(text: Option<&str>) -> TokenStream {
    match text {
        Some(text) => quote!(Some(#text)),
        None => quote!(None),
    }
}

/// `MonMap` to `mon_map_holds`.
fn snake(name: &str) -> Ident {
    let mut out = String::new();
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && before != '_' && !before.is_uppercase() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        before = c;
    }
    format_ident!("{out}_holds")
}
