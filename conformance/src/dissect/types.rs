//! Types as text, and how small their values can be.

use firefly_spec::model::{ArmKind, Count, Extent, FieldKind, Form, Int, ItemKind, Or, Selector, Struct, Type, Union};

use super::walk::Walker;

/// A type as the language writes it. Big integers say so, for the byte order of the file is not known here.
pub(super) fn describe(ty: &Type) -> String {
    match ty {
        Type::Int(int) => integer(*int),
        Type::Float { bits, .. } => format!("f{bits}"),
        Type::Bool => "bool".to_owned(),
        Type::Named(name) => name.clone(),
        Type::NamedAs(name, int) => format!("{name} as {}", integer(*int)),
        Type::Into(wire, _) => describe(wire),
        Type::Pad(length) => format!("pad {length}"),
        Type::Array(of, length) => format!("[{}; {length}]", describe(of)),
        Type::Bytes(extent) => wrapped("bytes", &[], None, &length(extent)),
        Type::String(extent) => wrapped("string", &[], None, &length(extent)),
        Type::List(of, count) => wrapped("list", &[of], None, &counted(count)),
        Type::Set(of, count) => wrapped("set", &[of], None, &counted(count)),
        Type::Map(key, value, count) => wrapped("map", &[key, value], None, &counted(count)),
        Type::Pairs(key, value, count) => wrapped("pairs", &[key, value], None, &counted(count)),
        Type::Option(of, flag) if flag.bits == 8 => wrapped("option", &[of], None, ""),
        Type::Option(of, flag) => wrapped("option", &[of], None, &integer(*flag)),
        Type::Framed { inner, extent, or } => wrapped("framed", &[inner], or.map(Or::text), &length(extent)),
        Type::Sealed(of, extent) => wrapped("sealed", &[of], None, &length(extent)),
        Type::Struct(decl) => decl.name.clone(),
        Type::Union(decl) => decl.name.clone(),
    }
}

fn integer(int: Int) -> String {
    let sign = if int.signed { 'i' } else { 'u' };
    let order = if int.big && int.bits > 8 { "be" } else { "" };
    format!("{sign}{}{order}", int.bits)
}

/// Lengths and counts in front that are a u32 go without saying.
fn length(extent: &Extent) -> String {
    match extent {
        Extent::Prefix(int) if int.bits == 32 => String::new(),
        Extent::Prefix(int) => format!("len {}", integer(*int)),
        Extent::Above(_) => "len above".to_owned(),
        Extent::Field(path) => format!("len {}", path.join(".")),
        Extent::Rest => "rest".to_owned(),
    }
}

fn counted(count: &Count) -> String {
    match count {
        Count::Prefix(int) if int.bits == 32 => String::new(),
        Count::Prefix(int) => format!("count {}", integer(*int)),
        Count::Above(_) => "count above".to_owned(),
        Count::Same(path) => format!("count of {}", path.join(".")),
        Count::Field(path) => format!("count {}", path.join(".")),
        Count::Rest => "rest".to_owned(),
    }
}

fn wrapped(word: &str, of: &[&Type], also: Option<&str>, size: &str) -> String {
    let of = of.iter().map(|ty| describe(ty));
    let inside: Vec<String> =
        of.chain([size.to_owned()]).chain(also.map(str::to_owned)).filter(|text| !text.is_empty()).collect();
    if inside.is_empty() { word.to_owned() } else { format!("{word}<{}>", inside.join(", ")) }
}

impl<'m> Walker<'m, '_> {
    /// At least how many bytes a value takes in the part of the message in which it is read.
    pub(super) fn least(&mut self, ty: &'m Type) -> u64 {
        let counted = |count: &Count| if let Count::Prefix(int) = count { int.bytes() } else { 0 };
        match ty {
            Type::Int(int) | Type::NamedAs(_, int) => int.bytes(),
            Type::Float { bits, .. } => u64::from(bits / 8),
            Type::Bool => 1,
            Type::Named(name) => self.least_named(name),
            Type::Into(wire, _) => self.least(wire),
            Type::Pad(length) => *length,
            Type::Array(of, length) => self.least(of).saturating_mul(*length),
            Type::Bytes(extent) | Type::String(extent) | Type::Sealed(_, extent) => prefix(extent),
            Type::List(_, count) | Type::Set(_, count) | Type::Map(_, _, count) | Type::Pairs(_, _, count) => {
                counted(count)
            }
            Type::Option(_, flag) => flag.bytes(),
            Type::Framed { extent, or: Some(_), .. } => prefix(extent),
            Type::Framed { inner, extent, or: None } => prefix(extent).saturating_add(self.least(inner)),
            Type::Struct(decl) => self.least_struct(decl),
            Type::Union(decl) => self.least_union(decl),
        }
    }

    fn least_named(&mut self, name: &'m str) -> u64 {
        if let Some(size) = self.sizes.get(name) {
            return *size;
        }
        // A type that holds itself asks for its own size: nothing is right, if too little.
        self.sizes.insert(name, 0);
        let Some(item) = self.items.get(name).copied() else { return 0 };
        let size = match &item.kind {
            ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. } => {
                repr.bytes()
            }
            ItemKind::Struct(decl) => self.least_struct(decl),
            ItemKind::Union(decl) => self.least_union(decl),
            ItemKind::Extern { min, .. } => *min,
            _ => 0,
        };
        self.sizes.insert(name, size);
        size
    }

    /// The header and the fields that are always there.
    fn least_struct(&mut self, decl: &'m Struct) -> u64 {
        let headers = decl.versions.iter().map(|row| match row.form {
            Form::Envelope => 6,
            Form::Lead(int) => int.bytes(),
            Form::Message => 0,
        });
        if decl.older.is_some() {
            // With another layout it may be smaller.
            return 1;
        }
        let mut size = headers.min().unwrap_or(0);
        for field in decl.fields.iter().filter(|field| field.apart.is_none()) {
            let always = field.forms.iter().find(|f| f.since.is_none() && f.until.is_none() && f.when.is_none());
            // With a form in front that may count, the smaller one is not known without further ado.
            let Some(form) = always.filter(|_| field.forms.len() == 1) else { continue };
            size = size.saturating_add(match &form.kind {
                FieldKind::Value(ty) | FieldKind::Const { ty, .. } => self.least(ty),
                FieldKind::Count { int, .. } | FieldKind::Len { int, .. } | FieldKind::Checksum { int, .. } => {
                    int.bytes()
                }
            });
        }
        size
    }

    fn least_union(&mut self, decl: &'m Union) -> u64 {
        let tag = if let Selector::Tag(ty) = &decl.by { self.least(ty) } else { 0 };
        let arms = decl.arms.iter().map(|arm| match &arm.kind {
            ArmKind::Fields(decl) => self.least_struct(decl),
            ArmKind::Type(ty) => self.least(ty),
            ArmKind::Raw => 0,
        });
        let least = arms.min().unwrap_or(0);
        tag.saturating_add(decl.fixed.unwrap_or(least))
    }
}

fn prefix(extent: &Extent) -> u64 {
    if let Extent::Prefix(int) = extent { int.bytes() } else { 0 }
}
