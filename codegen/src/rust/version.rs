//! The version in front of a struct: which one is written, how it is read, what is kept of it.

use firefly_spec::model::{Form, Row, Struct};
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};

use super::scope::{Moment, Scope};
use super::types::int_type;
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// The version to write, as an expression of type u32: the lowest row whose condition holds, else the other one.
    pub(super) fn written_version(&self, rows: &'m [Row], scope: &Scope<'m>, moment: Moment) -> TokenStream {
        let rows: Vec<&Row> = rows.iter().filter(|row| !row.read_only).collect();
        let normal = rows.iter().find(|row| row.when.is_none()).map_or(0, |row| row.to);
        let normal = Literal::u32_unsuffixed(normal);
        let mut expr = quote!(#normal);
        for row in rows.iter().rev() {
            if let Some(when) = &row.when {
                let (when, to) = (self.test(when, scope, moment, None), Literal::u32_unsuffixed(row.to));
                expr = quote!(if #when { #to } else { #expr });
            }
        }
        expr
    }

    /// The compat number that goes with version `struct_v`, as an expression of type u32.
    pub(super) fn compat(&self, rows: &'m [Row], scope: &Scope<'m>, moment: Moment) -> TokenStream {
        let mut expr = quote!(0);
        for (i, row) in rows.iter().enumerate() {
            let mut one = Literal::u32_unsuffixed(row.compat.unwrap_or(0)).into_token_stream();
            for (compat, when) in &row.compat_when {
                let (when, compat) = (self.test(when, scope, moment, None), Literal::u32_unsuffixed(*compat));
                one = quote!(if #when { #compat } else { #one });
            }
            let from = Literal::u32_unsuffixed(row.from);
            expr = if i == 0 { one } else { quote!(if struct_v >= #from { #one } else { #expr }) };
        }
        expr
    }

    /// Reads the version in front of a struct into `struct_v`, `struct_compat` and `window`.
    pub(super) fn read_version(&self, rows: &'m [Row], at: &At) -> TokenStream {
        let rt = &self.rt;
        let newest = rows.last().map_or(0, |row| row.to);
        let newest_lit = Literal::u32_unsuffixed(newest);
        let oldest = Literal::u32_unsuffixed(rows.first().map_or(0, |row| row.from));
        let unsupported = at
            .fail(quote!(r.fail(#rt::DecodeErrorKind::UnsupportedVersion { version: struct_v, newest: #newest_lit })));
        let check = if rows.first().is_some_and(|row| row.from > 0) {
            quote!(if struct_v < #oldest { #unsupported; })
        } else {
            TokenStream::new()
        };
        let envelope = at.attempt(quote!(r.envelope(#newest_lit)));
        if rows.iter().all(|row| row.form == Form::Envelope) {
            return quote!(let (struct_v, struct_compat, window) = #envelope; #check);
        }
        if let [Row { form: Form::Lead(int), compat: None, .. }] = rows {
            let lead = self.read_int(*int, at);
            return quote!(let struct_v = u32::from(#lead); #check);
        }
        let peek = at.attempt(quote!(r.peek::<1>()));
        let mut chain = quote!({ #unsupported; });
        for row in rows {
            let from = Literal::u32_unsuffixed(row.from);
            let read = match row.form {
                Form::Envelope => quote!({
                    let (struct_v, struct_compat, window) = #envelope;
                    (struct_v, Some(struct_compat), Some(window))
                }),
                Form::Lead(int) => {
                    let lead = self.read_int(int, at);
                    let compat = if row.compat.is_some() {
                        let byte = at.attempt(quote!(r.byte()));
                        let bad = at.fail(
                            quote!(r.fail(#rt::DecodeErrorKind::Incompatible { compat, understood: #newest_lit })),
                        );
                        quote!({ let compat = u32::from(#byte); if compat > #newest_lit { #bad; } Some(compat) })
                    } else {
                        quote!(None)
                    };
                    quote!({ let struct_v = u32::from(#lead); (struct_v, #compat, None) })
                }
                Form::Message => quote!({ #unsupported; }),
            };
            chain = if row.from == 0 { read } else { quote!(if struct_v >= #from #read else #chain) };
        }
        let window_type = quote!(Option<#rt::Window>);
        quote!(
            let struct_v = u32::from(#peek[0]);
            let (struct_v, struct_compat, window): (u32, Option<u32>, #window_type) = #chain;
        )
    }

    /// The version that would be written of a struct, as [`written_version`](Self::written_version), or that of its
    /// older type.
    pub(super) fn expected_version(&self, s: &'m Struct, scope: &Scope<'m>) -> TokenStream {
        let written = self.written_version(&s.versions, scope, Moment::Reading);
        match &s.older {
            Some(older) => {
                let (due, to) = (self.due(older, scope, Moment::Reading), Literal::u32_unsuffixed(older.to));
                quote!(if #due { #to } else { #written })
            }
            None => written,
        }
    }

    /// Keeps what was read beyond the fields in `origin`.
    pub(super) fn read_origin(&self, s: &'m Struct, scope: &Scope<'m>) -> TokenStream {
        let (rt, rows) = (&self.rt, s.versions.as_slice());
        let written = self.expected_version(s, scope);
        let compat = self.compat(rows, scope, Moment::Reading);
        let version = quote!((struct_v != #written).then_some(struct_v));
        if rows.iter().all(|row| row.form == Form::Envelope) {
            return quote!(
                let origin = r.close_origin(window, #version, (struct_compat != #compat).then_some(struct_compat));
            );
        }
        if let [Row { form: Form::Lead(_), compat: None, .. }] = rows {
            return quote!(let origin = #rt::Origin::read(#version, None, #rt::Bytes::new()););
        }
        quote!(
            let (version, compat) = (#version, struct_compat.filter(|compat| *compat != #compat));
            let origin = match window {
                Some(window) => r.close_origin(window, version, compat),
                None => #rt::Origin::read(version, compat, #rt::Bytes::new()),
            };
        )
    }

    /// Writes the version in front of a struct; leaves `struct_v`, `struct_compat` and `envelope`.
    pub(super) fn write_version(
        &self,
        rows: &'m [Row],
        origin: &TokenStream,
        scope: &Scope<'m>,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        let version = self.version_to_write(rows, origin, scope, Moment::Writing);
        let compat = self.compat(rows, scope, Moment::Writing);
        let head = quote!(
            #version
            let struct_compat: u32 = match #origin.compat() { Some(compat) if t.exact => compat, _ => #compat };
        );
        let open = quote!(w.open_envelope(struct_v as u8, struct_compat as u8));
        if rows.iter().all(|row| row.form == Form::Envelope) {
            return quote!(#head let envelope = #open;);
        }
        let fail =
            at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::UnsupportedVersion { version: struct_v })));
        let mut chain = quote!({ #fail; });
        for row in rows {
            let from = Literal::u32_unsuffixed(row.from);
            let write = match row.form {
                Form::Envelope => quote!({ Some(#open) }),
                Form::Lead(int) => {
                    let ty = int_type(int);
                    let lead = self.write_int(int, &quote!(struct_v as #ty));
                    let compat = row.compat.is_some().then(|| quote!(w.put(&[struct_compat as u8]);));
                    quote!({ #lead #compat None })
                }
                Form::Message => quote!({ None }),
            };
            chain = if row.from == 0 { write } else { quote!(if struct_v >= #from #write else #chain) };
        }
        let ty = quote!(Option<#rt::Mark>);
        quote!(#head let envelope: #ty = #chain;)
    }

    /// `let struct_v = …`: what was read if that is to be echoed, else what the peer is to get.
    pub(super) fn version_to_write(
        &self,
        rows: &'m [Row],
        origin: &TokenStream,
        scope: &Scope<'m>,
        moment: Moment,
    ) -> TokenStream {
        let written = self.written_version(rows, scope, moment);
        quote!(let struct_v: u32 = match #origin.version() { Some(version) if t.exact => version, _ => #written };)
    }
}
