//! Encoders.

use firefly_spec::model::{
    Extent, Field, FieldForm, FieldKind, Form, Int, Older, Region, Section, Struct, Type, Value,
};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::decode::{RegionStart, is_above};
use super::run::{RunKind, Statements};
use super::scope::{Access, Moment, Scope, inlined, orders};
use super::types::{int_literal, int_type, is_optional, stored_form, widest};
use super::{At, Emitter};

impl<'m> Emitter<'m> {
    /// The statements that write a struct found at a place.
    pub(super) fn write_struct(&self, s: &'m Struct, access: Access, scope: &Scope<'m>, at: &At) -> TokenStream {
        let mut out = Statements::new(RunKind::Store);
        let origin = match &access {
            Access::Place(place) => quote!(#place.origin),
            _ => quote!(origin),
        };
        let place = match &access {
            Access::Place(place) => place.clone(),
            _ => quote!(()),
        };
        let inside = scope.inside(s, access);
        if !s.versions.is_empty() {
            out.wire(self.write_version(&s.versions, &origin, &inside, at));
        }
        self.write_fields(&mut out, s, &inside, at);
        if s.versions.iter().any(|row| row.form == Form::Envelope) {
            let close = at.attempt(quote!(w.close_envelope(envelope)));
            out.wire(if s.versions.iter().all(|row| row.form == Form::Envelope) {
                quote!(if t.exact { w.bytes(#origin.tail()); } #close;)
            } else {
                quote!(if let Some(envelope) = envelope { if t.exact { w.bytes(#origin.tail()); } #close; })
            });
        }
        let Some(older) = &s.older else { return out.finish() };
        let apart = self.is_apart(&Type::Named(older.ty.clone())).then(|| quote!(, data_w));
        let (write, converted) = (
            at.attempt(quote!(older.encode(w #apart))),
            at.attempt(self.as_older(older, &place, &origin, &inside, Moment::Writing)),
        );
        let otherwise = out.finish();
        quote!(if let Some(older) = #converted { #write; } else { #otherwise })
    }

    /// The older type as which a value found at a place is to be written, if it is, as a `Result`.
    pub(super) fn as_older(
        &self,
        older: &'m Older,
        place: &TokenStream,
        origin: &TokenStream,
        scope: &Scope<'m>,
        moment: Moment,
    ) -> TokenStream {
        let rt = &self.rt;
        let ty = self.rust_type(&Type::Named(older.ty.clone()));
        let due = self.due(older, scope, moment);
        let place = if place.to_string() == "self" { quote!((*self)) } else { place.clone() };
        quote!(#rt::older::<_, #ty>(&#place, &#origin, t.exact, #due))
    }

    /// Whether the target calls for the older type.
    pub(super) fn due(&self, older: &'m Older, scope: &Scope<'m>, moment: Moment) -> TokenStream {
        older.when.as_ref().map_or(quote!(false), |when| self.test(when, scope, moment, None))
    }

    /// Writes all fields.
    pub(super) fn write_fields(&self, out: &mut Statements, s: &'m Struct, scope: &Scope<'m>, at: &At) {
        let start = self.begin_region(out, s);
        if s.orders.is_empty() {
            let regions = self.marked_regions(s, scope);
            for section in sections_with_ends(s) {
                let ended = ended(section);
                out.wire(quote!(let mut #ended: Option<usize> = None;));
            }
            for field in &s.fields {
                if regions.iter().any(|(_, from, _)| *from == field.name) {
                    let start = format_ident!("start_of_{}", field.name);
                    out.wire(quote!(let #start = w.mark();));
                }
                self.write_field(out, field, scope, at, &start);
                self.note_end(out, field, scope);
                for (sum, from, _) in regions.iter().filter(|(.., to)| *to == field.name) {
                    let (name, start) = (format_ident!("sum_of_{}", sum.name), format_ident!("start_of_{from}"));
                    let function = sum.forms.iter().find_map(|form| match &form.kind {
                        FieldKind::Checksum { checksum, .. } => Some(self.checksum_path(checksum)),
                        _ => None,
                    });
                    out.wire(quote!(let #name: u32 = w.checksum(#start, #function);));
                }
            }
            self.check_ends(out, s, at);
            return;
        }
        let mut all = Statements::new(RunKind::Store);
        for field in &s.fields {
            self.write_field(&mut all, field, scope, at, &start);
        }
        let all = all.finish();
        let mut chain = quote!({ #all });
        for order in orders(s) {
            let mut some = Statements::new(RunKind::Store);
            // Of those that are absent only a loss is noticed.
            for field in order.present.into_iter().chain(order.absent) {
                self.write_field(&mut some, field, scope, at, &start);
            }
            let (some, versions) = (some.finish(), order.versions.into_iter().map(Literal::u32_unsuffixed));
            chain = quote!(if matches!(struct_v, #(#versions)|*) { #some } else #chain);
        }
        out.wire(chain);
    }

    fn write_field(&self, out: &mut Statements, field: &'m Field, scope: &Scope<'m>, at: &At, start: &RegionStart) {
        let at = at.field(&field.name);
        let place = scope.field(field);
        let apart = matches!(start, RegionStart::At(_)) && is_above(field);
        if let (Some((form, size)), false) = (self.runs(field), apart) {
            let (array, offset) = out.reserve(size, self.fresh("run"), &at);
            let store = self.store_form(field, form, &array, offset, scope, &at, start);
            out.push(store);
            return;
        }
        if let Some(s) = inlined(field) {
            let inside = scope.inside(s, Access::Place(place));
            self.write_fields(out, s, &inside, &at);
            return;
        }
        let mut chain: Option<TokenStream> = None;
        for (i, form) in field.forms.iter().enumerate().rev() {
            let write = self.write_form(field, form, scope, &at, start);
            chain = Some(match self.presence(field, i, scope, Moment::Writing) {
                None => write,
                Some(test) => {
                    let otherwise = match chain {
                        Some(chain) => quote!(else { #chain }),
                        None => self.refuse_loss(field, &place, &at),
                    };
                    quote!(if #test { #write } #otherwise)
                }
            });
        }
        out.wire(chain.unwrap_or_default());
    }

    /// Remembers where a part ended because a field that is read only if bytes are left is not there.
    fn note_end(&self, out: &mut Statements, field: &'m Field, scope: &Scope<'m>) {
        if !is_optional(field) {
            return;
        }
        let place = scope.field(field);
        let due = field.forms.iter().map(|form| {
            let mut parts = vec![quote!(true)];
            parts.extend(form.since.map(Literal::u32_unsuffixed).map(|n| quote!(struct_v >= #n)));
            parts.extend(form.until.map(Literal::u32_unsuffixed).map(|n| quote!(struct_v <= #n)));
            parts.extend(form.when.as_ref().map(|when| {
                let when = self.test(when, scope, Moment::Writing, None);
                quote!((#when))
            }));
            quote!((#(#parts)&&*))
        });
        let (ended, writer) = (ended(field.section), writer(field.section));
        out.wire(
            quote!(if #place.is_none() && (#(#due)||*) { #ended.get_or_insert(#writer.len()); #writer.ends_here(); }),
        );
    }

    /// An error when something was written behind such an end: it would be read as the field that is not there.
    fn check_ends(&self, out: &mut Statements, s: &Struct, at: &At) {
        let rt = &self.rt;
        for section in sections_with_ends(s) {
            let (ended, writer) = (ended(section), writer(section));
            let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::Lost)));
            out.wire(quote!(if #ended.is_some_and(|end| end != #writer.len()) { #fail; }));
        }
    }

    /// What to do with a field that the version written lacks: nothing if nothing is lost.
    fn refuse_loss(&self, field: &Field, place: &TokenStream, at: &At) -> TokenStream {
        let rt = &self.rt;
        let droppable = field.forms.iter().any(|f| f.droppable);
        if droppable || is_optional(field) || !matches!(stored_form(field).map(|f| &f.kind), Some(FieldKind::Value(_)))
        {
            return TokenStream::new();
        }
        let absent = self.absent(field);
        let ty = self.field_type(field).unwrap_or_default();
        let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::Lost)));
        quote!(else if #place != { let absent: #ty = #absent; absent } { #fail; })
    }

    /// Stores a field into the array of a run.
    #[allow(clippy::too_many_arguments)]
    fn store_form(
        &self,
        field: &'m Field,
        form: &'m FieldForm,
        array: &proc_macro2::Ident,
        offset: u64,
        scope: &Scope<'m>,
        at: &At,
        start: &RegionStart,
    ) -> TokenStream {
        let place = &scope.field(field);
        match &form.kind {
            FieldKind::Value(Type::Bool) => {
                let o = Literal::u64_unsuffixed(offset);
                quote!(#array[#o] = u8::from(#place);)
            }
            FieldKind::Value(ty) => self.store(ty, place, array, offset),
            FieldKind::Const { ty, value } => match (self.const_int(ty), value) {
                (Some(int), Value::Int(n)) => self.store_int(int, &int_literal(*n, int), array, offset),
                _ => {
                    let value = self.value(value, ty);
                    self.store(ty, &quote!((#value)), array, offset)
                }
            },
            FieldKind::Count { int, .. } | FieldKind::Len { int, .. } => {
                let value = self.derived(&form.kind, scope, at);
                self.store_int(*int, &value, array, offset)
            }
            FieldKind::Checksum { int, checksum, of, unless } => {
                let function = self.checksum_path(checksum);
                let computed = match (of, start) {
                    (Region::Above, RegionStart::InRun(from)) => {
                        let (from, to) = (Literal::u64_unsuffixed(*from), Literal::u64_unsuffixed(offset));
                        quote!(#function.of(&#array[#from..#to]))
                    }
                    _ => self.computed(&field.name, of, &function, scope, start),
                };
                let value = self.checksum_value(place, computed, unless.as_ref(), scope);
                let store = self.store_int(*int, &quote!(sum), array, offset);
                quote!(let sum: u32 = #value; #store)
            }
        }
    }

    fn checksum_value(
        &self,
        place: &TokenStream,
        computed: TokenStream,
        unless: Option<&'m firefly_spec::model::Test>,
        scope: &Scope<'m>,
    ) -> TokenStream {
        let computed = match unless {
            Some(unless) => {
                let unless = self.test(unless, scope, Moment::Writing, None);
                quote!(if #unless { 0 } else { #computed })
            }
            None => computed,
        };
        quote!(match #place.stored() { Some(stored) => stored, None => #computed })
    }

    fn computed(
        &self,
        name: &str,
        of: &Region,
        function: &TokenStream,
        scope: &Scope<'m>,
        start: &RegionStart,
    ) -> TokenStream {
        match (of, start) {
            (Region::Above, RegionStart::At(var)) => quote!(w.checksum(#var, #function)),
            (Region::Above, _) => quote!(compile_error!("a checksum outside its run")),
            (Region::Fields(from, to), _) if self.is_bytes(from, to, scope) => self.bytes_sum(function, from, scope),
            (Region::Fields(..), _) => {
                let name = format_ident!("sum_of_{name}");
                quote!(#name)
            }
        }
    }

    fn write_form(
        &self,
        field: &'m Field,
        form: &'m FieldForm,
        scope: &Scope<'m>,
        at: &At,
        start: &RegionStart,
    ) -> TokenStream {
        let rt = &self.rt;
        let place = scope.field(field);
        let write = match &form.kind {
            FieldKind::Value(ty) => {
                if is_optional(field) {
                    let inner = self.write_value(ty, &quote!((*value)), form.max, scope, at);
                    quote!(if let Some(value) = &#place { #inner })
                } else if let (Type::Int(int), Some(wide)) =
                    (ty, widest(field).filter(|wide| matches!(ty, Type::Int(int) if int.bits < wide.bits)))
                {
                    let (narrow, unsigned) = (int_type(*int), int_type(Int { signed: false, ..wide }));
                    let max = Literal::u64_unsuffixed(u64::MAX >> (64 - int.bits + u8::from(int.signed)));
                    let fail = at.fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::TooLong { length: #place as #unsigned as u64, max: #max })));
                    let write = self.write_int(*int, &quote!(narrowed));
                    quote!({ let Ok(narrowed) = #narrow::try_from(#place) else { #fail }; #write })
                } else {
                    self.write_value(ty, &place, form.max, scope, at)
                }
            }
            FieldKind::Const { ty, value } => {
                let (value, rust) = (self.value(value, ty), self.rust_type(ty));
                let write = self.write_value(ty, &quote!(constant), None, scope, at);
                quote!({ let constant: #rust = #value; #write })
            }
            FieldKind::Count { int, .. } | FieldKind::Len { int, .. } => {
                let value = self.derived(&form.kind, scope, at);
                self.write_int(*int, &value)
            }
            FieldKind::Checksum { int, checksum, of, unless } => {
                let function = self.checksum_path(checksum);
                let computed = self.computed(&field.name, of, &function, scope, start);
                let value = self.checksum_value(&place, computed, unless.as_ref(), scope);
                self.write_int(*int, &value)
            }
        };
        let writer = match (field.apart, field.section) {
            (Some(Section::Data), _) | (None, Section::Data) => quote!(data_w),
            (Some(Section::Middle), _) | (None, Section::Middle) => quote!(middle_w),
            _ => return write,
        };
        quote!({ let w = &mut *#writer; #write })
    }

    /// The value of a derived count or length.
    fn derived(&self, kind: &FieldKind, scope: &Scope<'m>, at: &At) -> TokenStream {
        let rt = &self.rt;
        let (FieldKind::Count { int, of } | FieldKind::Len { int, of, .. }) = kind else { return quote!(0) };
        let Some(found) = scope.find(self, of) else { return self.unresolved(of) };
        let expr = &found.expr;
        let n = match kind {
            FieldKind::Count { .. } => quote!(#expr.len()),
            FieldKind::Len { plus, .. } => {
                let above = found.field.forms.iter().find(|f| {
                    matches!(
                        &f.kind,
                        FieldKind::Value(
                            Type::Bytes(Extent::Above(_))
                                | Type::String(Extent::Above(_))
                                | Type::Sealed(_, Extent::Above(_))
                                | Type::Framed { extent: Extent::Above(_), .. },
                        )
                    )
                });
                let form = above.or_else(|| stored_form(found.field));
                let n = match form.map(|f| &f.kind) {
                    Some(FieldKind::Value(ty)) => {
                        let size = if is_optional(found.field) {
                            let inner = self.size_of(ty, &quote!((*value)), scope);
                            quote!(match &#expr { Some(value) => #inner, None => 0 })
                        } else {
                            self.size_of(ty, expr, scope)
                        };
                        quote!((#size))
                    }
                    _ => return self.unresolved(of),
                };
                if *plus == 0 {
                    n
                } else {
                    let plus = Literal::i64_unsuffixed(*plus);
                    let fail = at
                        .fail(quote!(#rt::EncodeError::new(#rt::EncodeErrorKind::WrongSize { expected: 0, found: n })));
                    quote!({
                        let n: usize = #n;
                        let Some(n) = n.checked_add_signed(#plus) else { #fail };
                        n
                    })
                }
            }
            _ => return quote!(0),
        };
        let ty = int_type(*int);
        at.attempt(quote!(#rt::narrow::<#ty>(#n, u64::MAX)))
    }
}

/// The parts of a message in which fields are read only if bytes are left.
fn sections_with_ends(s: &Struct) -> Vec<Section> {
    let mut sections: Vec<Section> = s.fields.iter().filter(|f| is_optional(f)).map(|f| f.section).collect();
    sections.sort_unstable();
    sections.dedup();
    sections
}

/// The variable that remembers where a part ended.
fn ended(section: Section) -> proc_macro2::Ident {
    format_ident!("end_{}", format!("{section:?}").to_lowercase())
}

/// The writer of a part.
fn writer(section: Section) -> TokenStream {
    match section {
        Section::Front => quote!(w),
        Section::Middle => quote!(middle_w),
        Section::Data => quote!(data_w),
    }
}
