//! Documentation of generated items: the spec's words, and the layout of the bytes.

use firefly_spec::model::{Arm, Field, FieldKind, Form, Item, Section, Struct};
use proc_macro2::TokenStream;
use quote::quote;

use super::Emitter;
use super::types::is_optional;
use crate::text;

impl Emitter<'_> {
    /// The documentation of an item: what the spec says, the original name, the source.
    pub(super) fn item_docs(&self, item: &Item) -> TokenStream {
        let mut lines = item.docs.clone();
        if lines.is_empty() {
            lines.push(format!("`{}`.", item.cxx.as_deref().unwrap_or(&item.name)));
        }
        match (&item.cxx, &item.source) {
            (Some(cxx), Some(source)) => lines.extend([String::new(), format!("`{cxx}` in `{source}`.")]),
            (Some(cxx), None) => lines.extend([String::new(), format!("`{cxx}`.")]),
            (None, Some(source)) => lines.extend([String::new(), format!("From `{source}`.")]),
            (None, None) => {}
        }
        self.docs_or(&lines, "")
    }

    pub(super) fn docs_or(&self, docs: &[String], otherwise: &str) -> TokenStream {
        let text = if docs.is_empty() { otherwise.to_owned() } else { docs.join("\n") };
        let text = text.lines().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n");
        quote!(#[doc = #text])
    }

    pub(super) fn field_docs(&self, field: &Field) -> TokenStream {
        let wire = field.forms.iter().map(|form| {
            let (kind, presence) = (text::kind_text(&form.kind), text::presence_text(form));
            if presence.is_empty() { format!("`{kind}`") } else { format!("`{kind}` {presence}") }
        });
        let wire = wire.collect::<Vec<_>>().join(" | ");
        let mut lines = field.docs.clone();
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("On the wire: {wire}."));
        self.docs_or(&lines, "")
    }

    /// A table of the bytes.
    pub(super) fn layout_docs(&self, s: &Struct) -> TokenStream {
        let mut lines =
            vec![String::new(), "| offset | field | on the wire | present |".into(), "|---|---|---|---|".into()];
        let mut offset = match s.versions.as_slice() {
            [] => Some(0),
            rows if rows.iter().all(|r| r.form == Form::Message) => Some(0),
            rows if rows.iter().all(|r| r.form == Form::Envelope) => Some(6),
            _ => None,
        };
        for field in &s.fields {
            let mut at = offset.map_or_else(|| "…".to_owned(), |n| n.to_string());
            if field.section != Section::Front {
                at = format!("{:?} …", field.section).to_lowercase();
            }
            for form in &field.forms {
                let (kind, presence) = (text::kind_text(&form.kind), text::presence_text(form));
                let presence = if is_optional(field) && presence.is_empty() { "optional".into() } else { presence };
                lines.push(format!(
                    "| {at} | {} | `{}` | {} |",
                    field.name,
                    kind.replace('|', "\\|"),
                    presence.replace('|', "\\|")
                ));
            }
            let fixed = match super::types::unconditional(field).map(|f| &f.kind) {
                Some(FieldKind::Value(ty) | FieldKind::Const { ty, .. }) => self.fixed_size(ty),
                Some(FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. }) => {
                    Some(int.bytes())
                }
                None => None,
            };
            offset = offset.zip(fixed).map(|(a, b)| a + b);
        }
        if s.fields.is_empty() && s.older.is_none() {
            return TokenStream::new();
        }
        if let Some(older) = &s.older {
            lines.extend([String::new(), format!("Versions up to {} lie on the wire as [`{}`].", older.to, older.ty)]);
        }
        let text = lines.iter().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n");
        quote!(#[doc = ""] #[doc = #text])
    }
}

/// When an arm is chosen.
pub(super) fn arm_text(arm: &Arm) -> String {
    if arm.values.is_empty() {
        "For all other values.".into()
    } else {
        let values: Vec<String> = arm.values.iter().map(|v| format!("`{v:#x}`")).collect();
        format!("For {}.", values.join(", "))
    }
}
