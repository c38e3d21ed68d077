//! Runs: neighbouring fields of fixed size, read and written as one array.

use firefly_spec::model::{Field, FieldForm, FieldKind, Int, ItemKind, Section, Struct, Type};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::types::{int_literal, int_type, unconditional};
use super::{At, Emitter};

/// Statements under construction, with an open run of fixed fields at their end.
pub(super) struct Statements {
    out: TokenStream,
    run: Option<Run>,
    kind: RunKind,
    /// Where in which array the checksums among the fields stand.
    places: Vec<(*const Field, Ident, u64)>,
}

/// Whether runs are loads or stores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RunKind {
    Load,
    Store,
}

struct Run {
    name: Ident,
    size: u64,
    body: TokenStream,
    at: At,
}

impl Statements {
    pub(super) fn new(kind: RunKind) -> Self {
        Statements { out: TokenStream::new(), run: None, kind, places: Vec::new() }
    }

    /// Whether runs are loads or stores.
    pub(super) fn kind(&self) -> RunKind {
        self.kind
    }

    /// Appends a statement that neither reads nor writes the wire.
    pub(super) fn push(&mut self, statement: TokenStream) {
        match &mut self.run {
            Some(run) => run.body.extend(statement),
            None => self.out.extend(statement),
        }
    }

    /// Appends a statement that reads or writes the wire itself.
    pub(super) fn wire(&mut self, statement: TokenStream) {
        self.flush();
        self.out.extend(statement);
    }

    /// Takes `size` bytes of the open run, opening one if there is none: the array's name and the offset in it.
    pub(super) fn reserve(&mut self, size: u64, name: Ident, at: &At) -> (Ident, u64) {
        let run = self.run.get_or_insert_with(|| Run { name, size: 0, body: TokenStream::new(), at: at.clone() });
        let offset = run.size;
        run.size += size;
        (run.name.clone(), offset)
    }

    /// How long the open run is by now.
    pub(super) fn run_length(&self) -> u64 {
        self.run.as_ref().map_or(0, |run| run.size)
    }

    /// Remembers where a field stands in a run.
    pub(super) fn note(&mut self, field: &Field, array: &Ident, offset: u64) {
        self.places.push((field, array.clone(), offset));
    }

    /// Where a field stands in a run, if it was noted.
    pub(super) fn noted(&self, field: &Field) -> Option<(&Ident, u64)> {
        self.places.iter().find(|(f, ..)| std::ptr::eq(*f, field)).map(|(_, array, offset)| (array, *offset))
    }

    fn flush(&mut self) {
        let Some(Run { name, size, body, at }) = self.run.take() else { return };
        let n = Literal::u64_unsuffixed(size);
        match self.kind {
            RunKind::Load => {
                let load = at.attempt(quote!(r.run::<#n>()));
                self.out.extend(quote!(let #name = #load; #body));
            }
            RunKind::Store => self.out.extend(quote!(let #name = w.run::<#n>(); #body)),
        }
    }

    /// The statements.
    pub(super) fn finish(mut self) -> TokenStream {
        self.flush();
        self.out
    }
}

impl<'m> Emitter<'m> {
    /// The form and size of a field that can be part of a run.
    pub(super) fn runs<'f>(&self, field: &'f Field) -> Option<(&'f FieldForm, u64)> {
        if field.apart.is_some() || field.section != Section::Front {
            return None;
        }
        let form = unconditional(field)?;
        let size = match &form.kind {
            FieldKind::Value(Type::Bool) => 1,
            FieldKind::Value(Type::Struct(_)) => return None,
            FieldKind::Const { ty: Type::NamedAs(_, int), .. } => int.bytes(),
            FieldKind::Value(ty) | FieldKind::Const { ty, .. } => self.plain(ty)?,
            FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. } => int.bytes(),
        };
        Some((form, size))
    }

    /// A plain value loaded from an array at an offset.
    pub(super) fn load(&self, ty: &Type, array: &Ident, offset: u64) -> TokenStream {
        let rt = &self.rt;
        let o = Literal::u64_unsuffixed(offset);
        match ty {
            Type::Int(int) => self.load_int(*int, array, offset),
            Type::Float { bits, big } => {
                let ty = if *bits == 32 { quote!(f32) } else { quote!(f64) };
                let from = if *big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                let n = Literal::u64_unsuffixed(u64::from(bits / 8));
                quote!(#ty::#from(#rt::part::<#o, #n, _>(#array)))
            }
            Type::Array(_, n) => {
                let n = Literal::u64_unsuffixed(*n);
                quote!(#rt::part::<#o, #n, _>(#array))
            }
            Type::Named(name) => {
                let path = self.type_path(name);
                match self.item(name).map(|i| &i.kind) {
                    Some(
                        ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. },
                    ) => {
                        let int = self.load_int(*repr, array, offset);
                        quote!(#path(#int))
                    }
                    Some(ItemKind::Struct(s)) if !has_inner_struct(s) => {
                        let fields = self.plain_fields(s, array, &mut { offset });
                        quote!(#path { #fields })
                    }
                    Some(ItemKind::Struct(s)) => {
                        let n = Literal::u64_unsuffixed(s.size.min);
                        quote!(#path::from_array(&#rt::part::<#o, #n, _>(#array)))
                    }
                    _ => quote!(compile_error!("not plain")),
                }
            }
            _ => quote!(compile_error!("not plain")),
        }
    }

    /// An integer loaded from an array at an offset.
    pub(super) fn load_int(&self, int: Int, array: &Ident, offset: u64) -> TokenStream {
        let rt = &self.rt;
        let o = Literal::u64_unsuffixed(offset);
        match (int.bits, int.signed) {
            (8, false) => quote!(#array[#o]),
            (8, true) => quote!((#array[#o] as i8)),
            _ => {
                let (ty, n) = (int_type(int), Literal::u64_unsuffixed(int.bytes()));
                let from = if int.big { quote!(from_be_bytes) } else { quote!(from_le_bytes) };
                quote!(#ty::#from(#rt::part::<#o, #n, _>(#array)))
            }
        }
    }

    /// A plain value stored into an array at an offset.
    pub(super) fn store(&self, ty: &Type, place: &TokenStream, array: &Ident, offset: u64) -> TokenStream {
        let rt = &self.rt;
        let o = Literal::u64_unsuffixed(offset);
        match ty {
            Type::Int(int) => self.store_int(*int, place, array, offset),
            Type::Float { big, .. } => {
                let to = if *big { quote!(to_be_bytes) } else { quote!(to_le_bytes) };
                quote!(#rt::set::<#o, _, _>(&mut *#array, #place.#to());)
            }
            Type::Array(..) => quote!(#rt::set::<#o, _, _>(&mut *#array, #place);),
            Type::Named(name) => match self.item(name).map(|i| &i.kind) {
                Some(ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. }) => {
                    self.store_int(*repr, &quote!(#place.0), array, offset)
                }
                Some(ItemKind::Struct(s)) => self.plain_stores(s, place, array, &mut { offset }),
                _ => quote!(compile_error!("not plain")),
            },
            _ => quote!(compile_error!("not plain")),
        }
    }

    /// An integer stored into an array at an offset.
    pub(super) fn store_int(&self, int: Int, value: &TokenStream, array: &Ident, offset: u64) -> TokenStream {
        let rt = &self.rt;
        let o = Literal::u64_unsuffixed(offset);
        let to = if int.big { quote!(to_be_bytes) } else { quote!(to_le_bytes) };
        quote!(#rt::set::<#o, _, _>(&mut *#array, (#value).#to());)
    }

    /// The integer type behind a constant's type, if it has one.
    pub(super) fn const_int(&self, ty: &Type) -> Option<Int> {
        match ty {
            Type::Int(int) | Type::NamedAs(_, int) => Some(*int),
            Type::Bool => Some(Int { bits: 8, signed: false, big: false }),
            Type::Named(name) => match &self.item(name)?.kind {
                ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. } => {
                    Some(*repr)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The integer in the Rust value of a type.
    pub(super) fn own_int(&self, ty: &Type) -> Option<Int> {
        match ty {
            Type::NamedAs(name, _) => self.const_int(&Type::Named(name.clone())),
            _ => self.const_int(ty),
        }
    }

    /// Patterns for the values of an arm, of the selecting integer.
    pub(super) fn patterns(&self, values: &[u64], int: Int) -> TokenStream {
        let values = values.iter().map(|v| int_literal(as_signed(*v, int), int));
        quote!(#(#values)|*)
    }
}

/// Whether a struct declares others inside it.
fn has_inner_struct(s: &Struct) -> bool {
    s.fields.iter().flat_map(|field| &field.forms).any(|form| matches!(form.kind, FieldKind::Value(Type::Struct(_))))
}

/// The number that a bit pattern of the integer's width stands for.
pub(super) fn as_signed(bits: u64, int: Int) -> i128 {
    match (int.signed, int.bits) {
        (false, _) => i128::from(bits),
        (true, 8) => i128::from(bits as i8),
        (true, 16) => i128::from(bits as i16),
        (true, 32) => i128::from(bits as i32),
        (true, _) => i128::from(bits as i64),
    }
}
