//! What specs mean: the parts of the model that are not written down as such.

use std::io;
use std::path::{Path, PathBuf};

use firefly_spec::load::{Main, load};
use firefly_spec::model::{
    ArmKind, Compare, Count, Extent, Field, FieldKind, Form, Int, ItemKind, Model, Or, Section, Selector, Size, Struct,
    Test, Type, Union, Value,
};
use firefly_spec::{analyse, compile};

/// The model of a big-endian spec with these items.
fn model(items: &str) -> Model {
    model_with(items, &[])
}

fn model_with(items: &str, others: &[(&str, &str)]) -> Model {
    let text = format!("protocol test order big {items}");
    let loaded = load("main", Main::Text(Path::new("main.wire"), &text), |name| {
        let text = others.iter().find(|(other, _)| *other == name).map(|(_, text)| (*text).to_owned());
        text.map(|text| (PathBuf::from(name), text)).ok_or_else(|| io::ErrorKind::NotFound.into())
    });
    analyse(&loaded).unwrap()
}

fn structure<'m>(model: &'m Model, name: &str) -> &'m Struct {
    match &model.item(name).unwrap().kind {
        ItemKind::Struct(body) => body,
        ItemKind::Message(message) => &message.body,
        other => panic!("{other:?}"),
    }
}

fn field<'m>(body: &'m Struct, name: &str) -> &'m Field {
    body.fields.iter().find(|field| field.name == name).unwrap()
}

fn kind<'m>(body: &'m Struct, name: &str) -> &'m FieldKind {
    &field(body, name).forms[0].kind
}

fn ty<'m>(body: &'m Struct, name: &str) -> &'m Type {
    match kind(body, name) {
        FieldKind::Value(ty) | FieldKind::Const { ty, .. } => ty,
        other => panic!("{other:?}"),
    }
}

fn union<'m>(body: &'m Struct, name: &str) -> &'m Union {
    match ty(body, name) {
        Type::Union(choice) => choice,
        other => panic!("{other:?}"),
    }
}

const U32: Int = Int { bits: 32, signed: false, big: true };

fn fixed(min: u64) -> Size {
    Size { min, fixed: true }
}

fn at_least(min: u64) -> Size {
    Size { min, fixed: false }
}

#[test]
fn the_kitchen_sink_has_a_model() {
    assert_eq!(accepted("kitchen_sink"), ["kitchen_sink", "berths"]);
}

#[test]
fn the_extensions_have_a_model() {
    assert_eq!(accepted("extensions"), ["extensions"]);
}

/// The modules of an accepted spec, whose model is the same after a way through JSON.
fn accepted(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accept").join(format!("{name}.wire"));
    let model = compile(&path).unwrap().result.unwrap();
    let json = serde_json::to_string(&model).unwrap();
    let back: Model = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), json);
    model.modules.into_iter().map(|module| module.name).collect()
}

#[test]
fn missing_extents_and_counts_are_u32_of_the_file() {
    let model = model("struct A { a : bytes, b : list<u8>, c : option<u16le>, d : bytes<len u16le> }");
    let a = structure(&model, "A");
    assert!(matches!(ty(a, "a"), Type::Bytes(Extent::Prefix(U32))));
    assert!(matches!(ty(a, "b"), Type::List(_, Count::Prefix(U32))));
    assert!(matches!(ty(a, "c"), Type::Option(of, Int { bits: 8, .. })
        if matches!(**of, Type::Int(Int { bits: 16, big: false, .. }))));
    assert!(matches!(ty(a, "d"), Type::Bytes(Extent::Prefix(Int { bits: 16, big: false, .. }))));
}

#[test]
fn an_include_brings_its_fields_and_its_byte_order() {
    let other = "protocol other order little struct Base { a : u16, b : u32, c : Inner } struct Inner { d : u8 }";
    let model = model_with("use other::{Base} struct A { include Base { b : u64 } e : u16 }", &[("other", other)]);
    let a = structure(&model, "A");
    let names: Vec<&str> = a.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "e"]);
    assert!(matches!(ty(a, "a"), Type::Int(Int { bits: 16, big: false, .. })));
    assert!(matches!(ty(a, "b"), Type::Int(Int { bits: 64, big: true, .. })));
    assert_eq!(a.size, fixed(2 + 8 + 1 + 2));
    assert_eq!(model.modules[0].uses, [("Inner".to_owned(), "other".to_owned())]);
}

#[test]
fn inline_types_are_named_after_where_they_stand() {
    let model = model(
        "struct A {
            one_part : struct { b : u8 }
            own : list<struct Mine { b : u8 }>
            kind : u8
            which : union by kind { 1 => the_first { c : u8 }, 2 => second : struct { d : u8 } }
        }",
    );
    let a = structure(&model, "A");
    assert!(matches!(ty(a, "one_part"), Type::Struct(part) if part.name == "AOnePart"));
    assert!(matches!(ty(a, "own"), Type::List(of, _) if matches!(&**of, Type::Struct(own) if own.name == "Mine")));
    let which = union(a, "which");
    assert_eq!(which.name, "AWhich");
    assert!(matches!(&which.arms[0].kind, ArmKind::Fields(body) if body.name == "AWhichTheFirst"));
    assert!(matches!(&which.arms[1].kind, ArmKind::Type(Type::Struct(body)) if body.name == "AWhichSecond"));
}

#[test]
fn above_finds_the_derived_field_in_a_header() {
    let model = model(
        "struct A {
            head : struct { size : len u32 of body + 4, n : count u8 of items }
            body : bytes<len above>
            items : list<u8, count above>
            inner : struct { x : len u8 of y, y : string<len above> }
        }",
    );
    let a = structure(&model, "A");
    assert!(matches!(ty(a, "body"), Type::Bytes(Extent::Above(path)) if path == &["head", "size"]));
    assert!(matches!(ty(a, "items"), Type::List(_, Count::Above(path)) if path == &["head", "n"]));
    let Type::Struct(inner) = ty(a, "inner") else { panic!() };
    assert!(matches!(ty(inner, "y"), Type::String(Extent::Above(path)) if path == &["x"]));
    let Type::Struct(head) = ty(a, "head") else { panic!() };
    assert!(matches!(kind(head, "size"), FieldKind::Len { int: U32, of, plus: 4 } if of == &["body"]));
}

#[test]
fn names_in_values_become_numbers() {
    let model = model(
        "const N : u8 = 3
        enum E : u8 { B = 7 }
        flags F : u16 { X = bit 0, Y = bit 15 }
        features Can : u64 { TALK = bit 40 }
        struct A lead u8 v2 {
            a : E = B
            b : u8 default N since 2
            f : F
            c : [u16; N] when a == B and f has Y
            d : u8 when has TALK
        }",
    );
    let a = structure(&model, "A");
    assert!(matches!(kind(a, "a"), FieldKind::Const { value: Value::Int(7), .. }));
    assert_eq!(field(a, "b").forms[0].default, Some(Value::Int(3)));
    assert!(matches!(ty(a, "c"), Type::Array(_, 3)));
    let Some(Test::And(left, right)) = &field(a, "c").forms[0].when else { panic!() };
    assert!(matches!(&**left, Test::Compare(path, _, 7) if path == &["a"]));
    assert!(matches!(&**right, Test::Flag(path, 0x8000) if path == &["f"]));
    assert!(matches!(&field(a, "d").forms[0].when, Some(Test::Has(_, mask)) if *mask == 1 << 40));
}

#[test]
fn arms_have_the_bits_of_their_tag() {
    let model = model("union A by i16 { -1 => none {}, 2 | 3 => some : u8, else => raw }");
    let ItemKind::Union(a) = &model.item("A").unwrap().kind else { panic!() };
    assert!(matches!(&a.by, Selector::Tag(Type::Int(Int { bits: 16, signed: true, .. }))));
    let values: Vec<&[u64]> = a.arms.iter().map(|arm| arm.values.as_slice()).collect();
    assert_eq!(values, [[0xffff].as_slice(), &[2, 3], &[]]);
}

#[test]
fn a_shorthand_is_one_row_for_all_versions() {
    let model = model("struct A envelope v4 compat 3 { a : u8 } message M type 1 v2 compat 1 a -> b, c opaque");
    let [row] = structure(&model, "A").versions.as_slice() else { panic!() };
    assert_eq!((row.from, row.to, row.form, row.compat), (0, 4, Form::Envelope, Some(3)));
    let [row] = structure(&model, "M").versions.as_slice() else { panic!() };
    assert_eq!((row.from, row.to, row.form, row.compat), (0, 2, Form::Message, Some(1)));
}

#[test]
fn parts_stand_in_order_and_orders_name_all_fields() {
    let model = model(
        "message M type 1 v2 compat 1 a -> b {
            data { z : bytes<rest> }
            x : u8
            y : u8
            order v1 : y x;
        }",
    );
    let m = structure(&model, "M");
    let parts: Vec<(&str, Section)> = m.fields.iter().map(|field| (field.name.as_str(), field.section)).collect();
    assert_eq!(parts, [("x", Section::Front), ("y", Section::Front), ("z", Section::Data)]);
    assert_eq!(m.orders, [(1, vec![1, 0, 2])]);
    assert_eq!(m.size, fixed(2));
}

#[test]
fn an_order_of_several_versions_is_one_of_each() {
    let model = model("struct A lead u8 v3 { a : u8, b : u8, c : u8 since 3, order v3 : c b a; order v0..2 : b a; }");
    let backwards = |version| (version, vec![1, 0]);
    assert_eq!(structure(&model, "A").orders, [backwards(0), backwards(1), backwards(2), (3, vec![2, 1, 0])]);
}

#[test]
fn paths_lead_through_arms() {
    let model = model(
        "union Wide by u8 { 1 => one { n : u16 }, else => two : Pair }
        struct Pair { x : u8, y : bool }
        struct Head { kind : u8, args : union by kind fixed 2 { 1 => name { length : u8 }, else => pair : Pair } }
        struct A {
            head : framed<Head>
            wide : Wide
            b : bytes<len head.args.name.length>
            c : list<u8, count wide.one.n>
            d : u8 when head.args.pair.y == true
            e : union by wide.two.x { 1 => some {}, else => none {} }
        }",
    );
    let a = structure(&model, "A");
    assert!(matches!(ty(a, "b"), Type::Bytes(Extent::Field(path)) if path == &["head", "args", "name", "length"]));
    assert!(matches!(ty(a, "c"), Type::List(_, Count::Field(path)) if path == &["wide", "one", "n"]));
    assert!(
        matches!(&field(a, "d").forms[0].when, Some(Test::Compare(path, _, 1)) if path == &["head", "args", "pair", "y"])
    );
    assert!(matches!(&union(a, "e").by, Selector::Field(path, Type::Int(_)) if path == &["wide", "two", "x"]));
}

#[test]
fn masks_are_numbers() {
    let model = model(
        "flags F : u16 { HIGH = 0x600 }
        struct A { a : F, b : i8, c : u8 when a & 0xf00 == HIGH or b & 0x7f > 3 }",
    );
    let Some(Test::Or(left, right)) = &field(structure(&model, "A"), "c").forms[0].when else { panic!() };
    assert!(matches!(&**left, Test::Masked(path, 0xf00, Compare::Eq, 0x600) if path == &["a"]));
    assert!(matches!(&**right, Test::Masked(path, 0x7f, Compare::Gt, 3) if path == &["b"]));
}

#[test]
fn enums_are_written_as_other_integers() {
    let model = model_with(
        "use other::{E}
        flags F : u32 { X = bit 20 }
        struct A fixed 11 { a : E as u32, b : E as i16le = B, c : E, d : F as u32le default X }
        struct B lead u8 v2 { a : E as u32 since 2 | E until 1 }
        union C by E as i64 { -1 => one {}, else => two {} }
        union D by peek E as u32 { B => one { tag : E as u32 = B }, else => two { tag : E as u32 } }",
        &[("other", "protocol other order little enum E : i8 { B = 7 }")],
    );
    let as_e = |ty: &Type, wire: Int| matches!(ty, Type::NamedAs(name, int) if name == "E" && *int == wire);
    let a = structure(&model, "A");
    assert!(as_e(ty(a, "a"), U32));
    assert!(as_e(ty(a, "b"), Int { bits: 16, signed: true, big: false }));
    assert!(matches!(kind(a, "b"), FieldKind::Const { value: Value::Int(7), .. }));
    assert!(matches!(ty(a, "d"), Type::NamedAs(name, Int { big: false, .. }) if name == "F"));
    assert_eq!(field(a, "d").forms[0].default, Some(Value::Int(1 << 20)));
    assert_eq!(structure(&model, "B").size, at_least(1 + 1));
    assert_eq!(model.modules[0].uses, [("E".to_owned(), "other".to_owned())]);
    let ItemKind::Union(c) = &model.item("C").unwrap().kind else { panic!() };
    assert!(matches!(&c.by, Selector::Tag(tag) if as_e(tag, Int { bits: 64, signed: true, big: true })));
    assert_eq!((c.size, c.arms[0].values.as_slice()), (fixed(8), [0xff].as_slice()));
    let ItemKind::Union(d) = &model.item("D").unwrap().kind else { panic!() };
    assert!(matches!(&d.by, Selector::Peek(tag) if as_e(tag, U32)));
    assert_eq!(d.size, fixed(4));
}

#[test]
fn a_frame_may_hold_something_else() {
    let model = model(
        "struct B { x : u16 }
        struct A { a : framed<B, or empty>, b : framed<B, len u8, or raw>, c : framed<B>, d : framed<B, rest, or raw> }",
    );
    let a = structure(&model, "A");
    let or = |name| match ty(a, name) {
        Type::Framed { or, .. } => *or,
        other => panic!("{other:?}"),
    };
    assert_eq!(["a", "b", "c", "d"].map(or), [Some(Or::Empty), Some(Or::Raw), None, Some(Or::Raw)]);
    assert!(matches!(ty(a, "d"), Type::Framed { extent: Extent::Rest, .. }));
    assert_eq!(a.size, at_least(4 + 1 + (4 + 2)));
}

#[test]
fn paths_lead_to_the_first_element() {
    let model = model(
        "struct B { x : u8 y : struct Y { z : u8 } }
        struct A { a : list<B>, b : bytes<len a.first.x>, c : union by a.first.y.z { 0 => none {}, else => some {} } }",
    );
    let a = structure(&model, "A");
    assert!(matches!(ty(a, "b"), Type::Bytes(Extent::Field(path)) if path == &["a", "first", "x"]));
    assert!(matches!(&union(a, "c").by, Selector::Field(path, _) if path == &["a", "first", "y", "z"]));
}

#[test]
fn messages_are_collected_by_number() {
    let other = "protocol o order big message Two type 2 v1 compat 1 a -> b opaque";
    let model = model_with(
        "enum N : u16 { ONE = 1, TWO = 2 } message One type ONE v1 compat 1 a -> b opaque messages All : N from main, other",
        &[("other", other)],
    );
    let ItemKind::Messages { members, .. } = &model.item("All").unwrap().kind else { panic!() };
    let members: Vec<(&str, &str, u64)> = members.iter().map(|(m, n, v)| (m.as_str(), n.as_str(), *v)).collect();
    assert_eq!(members, [("main", "One", 1), ("other", "Two", 2)]);
}

#[test]
fn sizes_add_up() {
    let model = model(
        "struct Fixed { a : u8, b : [u16; 3], c : pad 2, d : f64, e : bool }
        struct Lead lead u16 v2 compat 1 { a : u8 }
        struct Grown lead u8 v2 { a : u8, b : u32 since 2 }
        struct Swapped lead u8 v2 { a : u32 until 1, b : u32 since 2 }
        struct Sealed envelope v1 compat 1 { a : u8 }
        struct Open { a : string, b : list<u16>, c : option<u64>, d : framed<Fixed>, e : framed<Fixed, or empty>, f : u8 when more }
        union Slack by u8 fixed 8 { 1 => one { a : u32 }, else => raw }
        union Tight by u16 { 1 => one { a : u32 }, 2 => two { a : u8 } }
        extern Hand = a::b min 3
        struct Uses { a : Hand, b : Slack, c : Tight }",
    );
    assert_eq!(structure(&model, "Fixed").size, fixed(1 + 6 + 2 + 8 + 1));
    assert_eq!(structure(&model, "Lead").size, fixed(2 + 1 + 1));
    assert_eq!(structure(&model, "Grown").size, at_least(1 + 1));
    assert_eq!(structure(&model, "Swapped").size, fixed(1 + 4));
    assert_eq!(structure(&model, "Sealed").size, at_least(6 + 1));
    assert_eq!(structure(&model, "Open").size, at_least(4 + 4 + 1 + (4 + 18) + 4));
    assert_eq!(structure(&model, "Uses").size, at_least(3 + 9 + 3));
}

#[test]
fn what_lies_apart_is_known_further_out() {
    let model = model(
        "struct Op { n : len u32 of body, body : bytes<len above> in data }
        message M type 1 v1 compat 1 a -> b { ops : list<Op> }
        struct Plain { a : u8 }",
    );
    assert!(structure(&model, "Op").apart && structure(&model, "M").apart && !structure(&model, "Plain").apart);
    assert_eq!(structure(&model, "Op").size, fixed(4));
    assert_eq!(field(structure(&model, "Op"), "body").apart, Some(Section::Data));
}

#[test]
fn a_conversion_has_the_size_of_what_lies_on_the_wire() {
    let model =
        model("struct Old { a : u8 } struct New { a : u64 } struct A { a : Old into New b : set<u16 into u64> }");
    let body = structure(&model, "A");
    assert_eq!(body.size, at_least(5));
    let Type::Into(wire, rust) = ty(body, "a") else { panic!("{:?}", ty(body, "a")) };
    assert!(matches!((&**wire, &**rust), (Type::Named(wire), Type::Named(rust)) if wire == "Old" && rust == "New"));
    assert!(matches!(ty(body, "b"), Type::Set(of, _) if matches!(of.in_rust(), Type::Int(Int { bits: 64, .. }))));
}

#[test]
fn older_versions_can_be_a_type_of_their_own() {
    let model = model_with(
        "use old::{Old}
         enum Number : u16 { HAIL = 7 }
         struct New versions { 0..2 : as Old read only 3 : lead u8 } { a : u64 }
         messages All : Number from main, hail",
        &[
            ("old", "protocol test order little struct Old lead u8 v2 { a : u8 since 1 }"),
            (
                "hail",
                "protocol test order big features F : u64 { NEW = bit 1 }
                 message OldHail type 7 v1 compat 1 a -> b {}
                 message Hail type 7 versions { 0..1 : as OldHail when lacks NEW 2 : compat 2 } a -> b { a : u8 }",
            ),
        ],
    );
    let body = structure(&model, "New");
    assert_eq!((body.size, body.versions.len()), (at_least(1), 1));
    let older = body.older.as_ref().unwrap();
    assert_eq!((older.from, older.to, older.ty.as_str(), older.when.is_none()), (0, 2, "Old", true));
    assert!(matches!(structure(&model, "Hail").older.as_ref().unwrap().when, Some(Test::Lacks(_, 2))));
    let ItemKind::Messages { members, .. } = &model.item("All").unwrap().kind else { panic!() };
    assert_eq!(members.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(), ["Hail"]);
    let ItemKind::Message(old) = &model.item("OldHail").unwrap().kind else { panic!() };
    assert_eq!((old.older_of.as_deref(), model.newest_version(old)), (Some("Hail"), 2));
}
