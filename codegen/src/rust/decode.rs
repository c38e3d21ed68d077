//! Decoders.

use firefly_spec::model::{Extent, Field, FieldForm, FieldKind, Older, Region, Section, Struct, Type, Value};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::names::local;
use super::run::{RunKind, Statements};
use super::scope::{Access, Moment, Scope, inlined, orders, to_u64};
use super::types::{int_literal, int_type, is_optional, stored_form, widest};
use super::view::is_viewed;
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// The statements that read a struct's fields and version header, and the expression that builds it.
    pub(super) fn read_struct(
        &self,
        s: &'m Struct,
        name: TokenStream,
        scope: &Scope<'m>,
        prefix: &str,
        at: &At,
    ) -> TokenStream {
        let mut out = Statements::new(RunKind::Load);
        let inside = scope.inside(s, Access::Locals(prefix.into()));
        if !s.versions.is_empty() {
            out.wire(self.read_version(&s.versions, at));
        }
        self.read_fields(&mut out, s, prefix, &inside, at);
        if !s.versions.is_empty() {
            out.wire(self.read_origin(s, &inside));
        }
        let fields = self.collect(s, prefix);
        let mut tokens = out.finish();
        let origin = (!s.versions.is_empty()).then(|| quote!(origin));
        tokens.extend(quote!(#name { #fields #origin }));
        match &s.older {
            Some(older) => self.or_older(older, &name, tokens, at),
            None => tokens,
        }
    }

    /// Reads older versions as another type, which is converted.
    fn or_older(&self, older: &Older, name: &TokenStream, otherwise: TokenStream, at: &At) -> TokenStream {
        let to = Literal::u32_unsuffixed(older.to);
        let ty = Type::Named(older.ty.clone());
        let (path, apart) = (self.rust_type(&ty), self.is_apart(&ty).then(|| quote!(, data_r)));
        let (peek, read) = (at.attempt(quote!(r.peek::<1>())), at.attempt(quote!(#path::decode(r #apart))));
        let converted = self.newer_of(name);
        quote!(if u32::from(#peek[0]) <= #to { let older = #read; #converted } else { #otherwise })
    }

    /// The value that the older type in the variable `older` is.
    pub(super) fn newer_of(&self, name: &TokenStream) -> TokenStream {
        let rt = &self.rt;
        quote!({
            let value = #name::from(older.clone());
            #name { origin: #rt::Origin::converted(older), ..value }
        })
    }

    /// The fields of a struct expression, from local variables.
    fn collect(&self, s: &Struct, prefix: &str) -> TokenStream {
        let mut out = TokenStream::new();
        for field in s.fields.iter().filter(|f| stored_form(f).is_some()) {
            let name = super::names::ident(&field.name, proc_macro2::Span::call_site());
            let value = local(prefix, &field.name);
            out.extend(if name == value { quote!(#name,) } else { quote!(#name: #value,) });
        }
        out
    }

    /// Reads all fields into local variables, and verifies the checksums among them.
    pub(super) fn read_fields(&self, out: &mut Statements, s: &'m Struct, prefix: &str, scope: &Scope<'m>, at: &At) {
        let start = self.begin_region(out, s);
        if s.orders.is_empty() {
            let regions = self.marked_regions(s, scope);
            for field in &s.fields {
                if regions.iter().any(|(_, from, _)| *from == field.name) {
                    let start = format_ident!("start_of_{prefix}{}", field.name);
                    out.wire(quote!(let #start = r.position();));
                }
                self.read_field(out, field, prefix, scope, at, Some(&start));
                if regions.iter().any(|(.., to)| *to == field.name) {
                    let end = format_ident!("end_of_{prefix}{}", field.name);
                    out.wire(quote!(let #end = r.position();));
                }
            }
        } else {
            self.read_in_orders(out, s, prefix, scope, at);
        }
        for field in &s.fields {
            self.verify(out, field, prefix, scope, at, &start);
        }
    }

    /// Remembers where a struct begins that holds a checksum of what is above it.
    pub(super) fn begin_region(&self, out: &mut Statements, s: &Struct) -> RegionStart {
        let Some(above) = s.fields.iter().position(is_above) else { return RegionStart::None };
        if s.fields[..above].iter().all(|f| self.runs(f).is_some()) {
            RegionStart::InRun(out.run_length())
        } else {
            let start = self.fresh("start");
            out.wire(match out.kind() {
                RunKind::Load => quote!(let #start = r.position();),
                RunKind::Store => quote!(let #start = w.mark();),
            });
            RegionStart::At(start)
        }
    }

    fn read_in_orders(&self, out: &mut Statements, s: &'m Struct, prefix: &str, scope: &Scope<'m>, at: &At) {
        for field in &s.fields {
            let name = local(prefix, &field.name);
            let ty = self.local_type(field);
            out.wire(quote!(let #name: #ty;));
        }
        let mut chain = {
            let mut all = Statements::new(RunKind::Load);
            for field in &s.fields {
                self.read_field(&mut all, field, prefix, scope, at, None);
            }
            let all = all.finish();
            quote!({ #all })
        };
        for order in orders(s) {
            let mut some = Statements::new(RunKind::Load);
            for field in order.absent {
                let (name, absent) = (local(prefix, &field.name), self.absent_local(field));
                some.push(quote!(#name = #absent;));
            }
            for field in order.present {
                self.read_field(&mut some, field, prefix, scope, at, None);
            }
            let (some, versions) = (some.finish(), order.versions.into_iter().map(Literal::u32_unsuffixed));
            chain = quote!(if matches!(struct_v, #(#versions)|*) { #some } else #chain);
        }
        out.wire(chain);
    }

    /// The type of the local variable that holds a field while reading.
    fn local_type(&self, field: &Field) -> TokenStream {
        match field.forms.first().map(|f| &f.kind) {
            Some(FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. }) => {
                int_type(*int)
            }
            Some(FieldKind::Const { .. }) => quote!(()),
            _ => self.field_type(field).unwrap_or_else(|| quote!(())),
        }
    }

    /// What the local variable of an absent field holds.
    fn absent_local(&self, field: &Field) -> TokenStream {
        match field.forms.first().map(|f| &f.kind) {
            Some(FieldKind::Count { .. } | FieldKind::Len { .. } | FieldKind::Checksum { .. }) => quote!(0),
            Some(FieldKind::Const { .. }) => quote!(()),
            _ => self.absent(field),
        }
    }

    fn read_field(
        &self,
        out: &mut Statements,
        field: &'m Field,
        prefix: &str,
        scope: &Scope<'m>,
        at: &At,
        start: Option<&RegionStart>,
    ) {
        let bind = start.is_some();
        let name = local(prefix, &field.name);
        let place = if bind { quote!(let #name) } else { quote!(#name) };
        let inner_at = at.field(&field.name);
        let apart = matches!(start, Some(RegionStart::At(_))) && is_above(field);
        if apart {
            let end = format_ident!("end_above_{prefix}{}", field.name);
            out.wire(quote!(let #end = r.position();));
        }
        if let (Some((form, size)), false) = (self.runs(field), apart) {
            let (array, offset) = out.reserve(size, self.fresh("run"), &inner_at);
            if matches!(form.kind, FieldKind::Checksum { .. }) {
                out.note(field, &array, offset);
            }
            let value = self.read_from_run(form, &array, offset, &inner_at, out);
            if !matches!(form.kind, FieldKind::Const { .. }) {
                out.push(quote!(#place = #value;));
            } else if !bind {
                out.push(quote!(#place = ();));
            }
            return;
        }
        if let (Some(s), true) = (inlined(field), bind) {
            let inner_prefix = format!("{prefix}{}_", field.name);
            let inside = scope.inside(s, Access::Locals(inner_prefix.clone()));
            self.read_fields(out, s, &inner_prefix, &inside, &inner_at);
            let (type_name, fields) = (format_ident!("{}", s.name), self.collect(s, &inner_prefix));
            out.push(quote!(let #name = #type_name { #fields };));
            return;
        }
        let mut chain: Option<TokenStream> = None;
        for (i, form) in field.forms.iter().enumerate().rev() {
            let value = self.read_form(field, form, prefix, scope, &inner_at);
            let value = if is_optional(field) { quote!(Some(#value)) } else { value };
            chain = Some(match self.presence(field, i, scope, Moment::Reading) {
                None => value,
                Some(test) => {
                    let otherwise = chain.unwrap_or_else(|| self.absent_local(field));
                    quote!(if #test { #value } else { #otherwise })
                }
            });
        }
        let value = chain.unwrap_or_else(|| quote!(()));
        if matches!(field.forms.first().map(|f| &f.kind), Some(FieldKind::Const { .. })) && bind {
            out.wire(quote!(#value;));
        } else {
            out.wire(quote!(#place = #value;));
        }
    }

    /// The value of a field that is part of a run. Constants are checked, booleans too.
    pub(super) fn read_from_run(
        &self,
        form: &FieldForm,
        array: &proc_macro2::Ident,
        offset: u64,
        at: &At,
        out: &mut Statements,
    ) -> TokenStream {
        let rt = &self.rt;
        match &form.kind {
            FieldKind::Value(Type::Bool) => {
                let o = Literal::u64_unsuffixed(offset);
                at.attempt(quote!(r.to_bool(#array[#o])))
            }
            FieldKind::Value(ty) => self.load(ty, array, offset),
            FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. } => {
                self.load_int(*int, array, offset)
            }
            FieldKind::Const { ty, value } => {
                match (self.const_int(ty), value) {
                    (Some(int), Value::Int(n)) => {
                        let found = self.load_int(int, array, offset);
                        let expected = int_literal(*n, int);
                        let (e, f) = (to_u64(&expected, int), to_u64(&found, int));
                        let fail =
                            at.fail(quote!(r.fail(#rt::DecodeErrorKind::Unexpected { expected: #e, found: #f })));
                        out.push(quote!(if #found != #expected { #fail; }));
                    }
                    (_, Value::Bytes(bytes)) => {
                        let found = self.load(ty, array, offset);
                        let expected = Literal::byte_string(bytes);
                        let fail = at.fail(quote!(r.fail(#rt::DecodeErrorKind::UnexpectedBytes { expected: #expected, found: found.to_vec() })));
                        out.push(quote!({ let found = #found; if found != *#expected { #fail; } }));
                    }
                    _ => {}
                }
                quote!(())
            }
        }
    }

    /// The value of one form of a field, read where it stands.
    fn read_form(
        &self,
        field: &'m Field,
        form: &'m FieldForm,
        prefix: &str,
        scope: &Scope<'m>,
        at: &At,
    ) -> TokenStream {
        let rt = &self.rt;
        match &form.kind {
            FieldKind::Value(ty) => {
                let prefix = format!("{prefix}{}_", field.name);
                let value = match ty {
                    Type::Bytes(extent) if scope.is_view() && is_viewed(field) => {
                        self.read_bytes(extent, form.max, scope, at, &quote!(view), &quote!())
                    }
                    _ => self.read_value(ty, form.max, scope, &prefix, at),
                };
                let value = match (ty.in_rust(), widest(field)) {
                    (Type::Int(int), Some(wide)) if int.bits < wide.bits => {
                        let wide = int_type(wide);
                        quote!(#wide::from(#value))
                    }
                    _ => value,
                };
                self.elsewhere(field, value)
            }
            FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. } => {
                self.read_int(*int, at)
            }
            FieldKind::Const { ty, value } => {
                let found = match value {
                    Value::Int(_) => self.const_int(ty).map(|int| self.read_int(int, at)),
                    Value::Bytes(_) => None,
                };
                match (found, value, self.const_int(ty)) {
                    (Some(found), Value::Int(n), Some(int)) => {
                        let expected = int_literal(*n, int);
                        let (e, f) = (to_u64(&expected, int), to_u64(&quote!(found), int));
                        let fail =
                            at.fail(quote!(r.fail(#rt::DecodeErrorKind::Unexpected { expected: #e, found: #f })));
                        quote!({ let found = #found; if found != #expected { #fail; } })
                    }
                    _ => {
                        let found = self.read_value(ty, None, scope, prefix, at);
                        let expected = self.value(value, ty);
                        let bytes = match value {
                            Value::Bytes(bytes) => Literal::byte_string(bytes),
                            Value::Int(_) => Literal::byte_string(b""),
                        };
                        let fail = at.fail(quote!(r.fail(#rt::DecodeErrorKind::UnexpectedBytes { expected: #bytes, found: Vec::new() })));
                        quote!({ let found = #found; if found != #expected { #fail; } })
                    }
                }
            }
        }
    }

    /// Lets a value be read from the part of the message where its bytes lie.
    fn elsewhere(&self, field: &Field, value: TokenStream) -> TokenStream {
        let reader = match (field.apart, field.section) {
            (Some(Section::Data), _) | (None, Section::Data) => quote!(data_r),
            (Some(Section::Middle), _) | (None, Section::Middle) => quote!(middle_r),
            _ => return value,
        };
        quote!({ let r = &mut *#reader; #value })
    }

    /// Checks a checksum that has been read, and puts what is to be kept into its variable.
    fn verify(
        &self,
        out: &mut Statements,
        field: &'m Field,
        prefix: &str,
        scope: &Scope<'m>,
        at: &At,
        start: &RegionStart,
    ) {
        let rt = &self.rt;
        for (i, form) in field.forms.iter().enumerate() {
            let FieldKind::Checksum { checksum, of, unless, .. } = &form.kind else { continue };
            let name = local(prefix, &field.name);
            let function = self.checksum_path(checksum);
            let computed = match (of, start) {
                (Region::Above, RegionStart::InRun(from)) => {
                    let Some((array, to)) = out.noted(field) else { continue };
                    let (from, to) = (Literal::u64_unsuffixed(*from), Literal::u64_unsuffixed(to));
                    quote!(#function.of(&#array[#from..#to]))
                }
                (Region::Above, RegionStart::At(var)) => {
                    let end = format_ident!("end_above_{prefix}{}", field.name);
                    quote!(#function.of(r.between(#var, #end)))
                }
                (Region::Above, RegionStart::None) => quote!(0),
                (Region::Fields(from, to), _) if self.is_bytes(from, to, scope) => {
                    self.bytes_sum(&function, from, scope)
                }
                (Region::Fields(from, to), _) => {
                    let start = format_ident!("start_of_{prefix}{}", from.join("."));
                    let end = format_ident!("end_of_{prefix}{}", to.join("."));
                    quote!(#function.of(r.between(#start, #end)))
                }
            };
            let at = at.field(&field.name);
            let verified = at.attempt(quote!(r.checksum(#computed, #name)));
            let verified = match unless {
                Some(unless) => {
                    let unless = self.test(unless, scope, Moment::Reading, None);
                    quote!(if #unless { #rt::Checksum::exempt(#name) } else { #verified })
                }
                None => verified,
            };
            let verified = quote!(if r.skips_checksums() { #rt::Checksum::COMPUTED } else { #verified });
            let verified = match self.presence(field, i, scope, Moment::Reading) {
                Some(test) => quote!(if #test { #verified } else { #rt::Checksum::COMPUTED }),
                None => verified,
            };
            out.push(quote!(let #name = #verified;));
        }
    }

    /// Whether a region is one field of bytes, whose checksum needs no positions.
    pub(super) fn is_bytes(&self, from: &[String], to: &[String], scope: &Scope<'m>) -> bool {
        from == to
            && scope.find(self, from).is_some_and(|found| {
                let kind = stored_form(found.field).map(|form| &form.kind);
                !is_optional(found.field)
                    && matches!(
                        kind,
                        Some(FieldKind::Value(Type::Bytes(Extent::Above(_) | Extent::Rest | Extent::Field(_))))
                    )
            })
    }

    /// The checksum of a field of bytes.
    pub(super) fn bytes_sum(&self, function: &TokenStream, path: &[String], scope: &Scope<'m>) -> TokenStream {
        match scope.find(self, path) {
            Some(found) => {
                let expr = found.expr;
                quote!(#function.of(&#expr))
            }
            None => self.unresolved(path),
        }
    }

    /// The checksums in a struct whose regions must be marked while they pass: the field, the first and the last name.
    pub(super) fn marked_regions(&self, s: &'m Struct, scope: &Scope<'m>) -> Vec<(&'m Field, String, String)> {
        let mut out = Vec::new();
        for field in &s.fields {
            for form in &field.forms {
                if let FieldKind::Checksum { of: Region::Fields(from, to), .. } = &form.kind
                    && !self.is_bytes(from, to, scope)
                {
                    out.push((field, from.join("."), to.join(".")));
                }
            }
        }
        out
    }

    /// The constant of a checksum.
    pub(super) fn checksum_path(&self, name: &str) -> TokenStream {
        let constant = format_ident!("{}", super::names::shout(name));
        match self.model.module_of(name) {
            Some(module) if module.name != self.module.name => {
                let module = format_ident!("{}", module.name);
                quote!(super::#module::#constant)
            }
            _ => quote!(#constant),
        }
    }
}

/// Whether the field is a checksum of what stands above it.
pub(super) fn is_above(field: &Field) -> bool {
    field.forms.iter().any(|form| matches!(&form.kind, FieldKind::Checksum { of: Region::Above, .. }))
}

/// Where the region of a checksum of what is above it starts.
pub(super) enum RegionStart {
    /// There is no such checksum.
    None,
    /// At this offset of the run that holds all of it.
    InRun(u64),
    /// At the position in this variable.
    At(proc_macro2::Ident),
}
