//! Pieces of the model as text, in the words of the spec language.

use firefly_spec::model::{Compare, Count, Extent, FieldForm, FieldKind, Int, Region, Selector, Test, Type, Value};

/// A type as it is written in a spec.
pub fn type_text(ty: &Type) -> String {
    match ty {
        Type::Int(int) => int_text(*int),
        Type::Float { bits, .. } => format!("f{bits}"),
        Type::Bool => "bool".into(),
        Type::Named(name) => name.clone(),
        Type::NamedAs(name, int) => format!("{name} as {}", int_text(*int)),
        Type::Into(wire, rust) => format!("{} into {}", type_text(wire), type_text(rust)),
        Type::Pad(n) => format!("pad {n}"),
        Type::Array(inner, n) => format!("[{}; {n}]", type_text(inner)),
        Type::Bytes(extent) => generic("bytes", &[], extent_text(extent)),
        Type::String(extent) => generic("string", &[], extent_text(extent)),
        Type::List(inner, count) => generic("list", &[inner], count_text(count)),
        Type::Set(inner, count) => generic("set", &[inner], count_text(count)),
        Type::Map(key, value, count) => generic("map", &[key, value], count_text(count)),
        Type::Pairs(key, value, count) => generic("pairs", &[key, value], count_text(count)),
        Type::Option(inner, flag) => {
            generic("option", &[inner], if flag.bits == 8 { None } else { Some(int_text(*flag)) })
        }
        Type::Framed { inner, extent, or } => {
            let or = or.map(|or| or.text().to_owned());
            let rest: Vec<String> = extent_text(extent).into_iter().chain(or).collect();
            generic("framed", &[inner], (!rest.is_empty()).then(|| rest.join(", ")))
        }
        Type::Sealed(inner, extent) => generic("sealed", &[inner], extent_text(extent)),
        Type::Struct(inner) => inner.name.clone(),
        Type::Union(inner) => match &inner.by {
            Selector::Field(path, _) => format!("{} by {}", inner.name, path.join(".")),
            Selector::Peek(_) | Selector::Tag(_) => inner.name.clone(),
        },
    }
}

fn generic(word: &str, types: &[&Type], rest: Option<String>) -> String {
    let mut inside: Vec<String> = types.iter().map(|t| type_text(t)).collect();
    inside.extend(rest);
    if inside.is_empty() { word.into() } else { format!("{word}<{}>", inside.join(", ")) }
}

fn int_text(int: Int) -> String {
    let sign = if int.signed { 'i' } else { 'u' };
    let order = if int.big && int.bits > 8 { "be" } else { "" };
    format!("{sign}{}{order}", int.bits)
}

fn extent_text(extent: &Extent) -> Option<String> {
    match extent {
        Extent::Prefix(Int { bits: 32, signed: false, big: false }) => None,
        Extent::Prefix(int) => Some(format!("len {}", int_text(*int))),
        Extent::Above(path) => Some(format!("len above: {}", path.join("."))),
        Extent::Field(path) => Some(format!("len {}", path.join("."))),
        Extent::Rest => Some("rest".into()),
    }
}

fn count_text(count: &Count) -> Option<String> {
    match count {
        Count::Prefix(Int { bits: 32, signed: false, big: false }) => None,
        Count::Prefix(int) => Some(format!("count {}", int_text(*int))),
        Count::Above(path) => Some(format!("count above: {}", path.join("."))),
        Count::Same(path) => Some(format!("count of {}", path.join("."))),
        Count::Field(path) => Some(format!("count {}", path.join("."))),
        Count::Rest => Some("rest".into()),
    }
}

/// What a form of a field is, as it is written in a spec.
pub fn kind_text(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Value(ty) => type_text(ty),
        FieldKind::Const { ty, value } => format!("{} = {}", type_text(ty), value_text(value)),
        FieldKind::Count { int, of } => format!("count {} of {}", int_text(*int), of.join(".")),
        FieldKind::Len { int, of, plus } => {
            let plus = if *plus == 0 { String::new() } else { format!(" {plus:+}") };
            format!("len {} of {}{plus}", int_text(*int), of.join("."))
        }
        FieldKind::Checksum { checksum, of, .. } => match of {
            Region::Above => format!("{checksum} of above"),
            Region::Fields(from, to) if from == to => format!("{checksum} of {}", from.join(".")),
            Region::Fields(from, to) => format!("{checksum} of {} .. {}", from.join("."), to.join(".")),
        },
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Bytes(bytes) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

/// When a form of a field is present, as it is written in a spec; empty when always.
pub fn presence_text(form: &FieldForm) -> String {
    let mut words = Vec::new();
    if let Some(since) = form.since {
        words.push(format!("since {since}"));
    }
    if let Some(until) = form.until {
        words.push(format!("until {until}"));
    }
    if let Some(when) = &form.when {
        words.push(format!("when {}", test_text(when)));
    }
    words.join(" ")
}

/// A condition as it is written in a spec.
pub fn test_text(test: &Test) -> String {
    match test {
        Test::Has(name, _) => format!("has {name}"),
        Test::Lacks(name, _) => format!("lacks {name}"),
        Test::More => "more".into(),
        Test::Compare(path, compare, value) => format!("{} {} {value}", path.join("."), sign(*compare)),
        Test::Masked(path, mask, compare, value) => {
            format!("{} & {mask:#x} {} {value:#x}", path.join("."), sign(*compare))
        }
        Test::Flag(path, mask) => format!("{} has {mask:#x}", path.join(".")),
        Test::Not(inner) => format!("not ({})", test_text(inner)),
        Test::And(a, b) => format!("{} and {}", test_text(a), test_text(b)),
        Test::Or(a, b) => format!("({} or {})", test_text(a), test_text(b)),
    }
}

fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Eq => "==",
        Compare::Ne => "!=",
        Compare::Lt => "<",
        Compare::Le => "<=",
        Compare::Gt => ">",
        Compare::Ge => ">=",
    }
}
