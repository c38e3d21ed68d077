//! Bytes and models that mean harm.

use std::path::Path;

use firefly_spec::model::{Count, FieldKind, Int, ItemKind, Type};
use proptest::prelude::*;

use super::*;
use crate::dissect::{MAX_DEPTH, MAX_NODES};

#[test]
fn a_count_that_cannot_be_true_is_refused_before_anything_is_read() {
    let model = model("struct P { a : u32 b : string } struct S { list : list<P> }");
    let input = bytes("ffffffff 00000000");
    let it = read(&model, "S", &input, 0);
    assert_eq!(cause(&it), Some(Cause::TooMany { count: 0xffff_ffff, least: 8, present: 4 }));
    assert_eq!(rest(&it), ["unread"]);
}

#[test]
fn elements_without_bytes_end_somewhere() {
    let mut model = model("struct S { n : u32 list : list<u8, count n> }");
    for item in model.modules.iter_mut().flat_map(|module| &mut module.items) {
        let ItemKind::Struct(decl) = &mut item.kind else { continue };
        if let FieldKind::Value(Type::List(of, _)) = &mut decl.fields[1].forms[0].kind {
            **of = Type::Pad(0);
        }
    }
    let it = read(&model, "S", &[0xff; 4], 0);
    assert_eq!(cause(&it), Some(Cause::TooMuch));
    assert!(it.root.walk().count() <= MAX_NODES);
}

#[test]
fn nesting_ends_somewhere() {
    let mut model = model("struct P { a : u8 } struct S { deeper : option<P> }");
    for item in model.modules.iter_mut().flat_map(|module| &mut module.items) {
        let ItemKind::Struct(decl) = &mut item.kind else { continue };
        if let FieldKind::Value(Type::Option(of, _)) = &mut decl.fields[0].forms[0].kind {
            **of = Type::Named("S".into());
        }
    }
    let input = vec![1; 1000];
    let it = read(&model, "S", &input, 0);
    assert_eq!(cause(&it), Some(Cause::TooDeep));
    assert!(it.problem.expect("a problem").path.len() < "deeper.".len() * MAX_DEPTH);
}

#[test]
fn whatever_comes_before_an_error_is_kept() {
    let model = model("struct S { a : u8 l : list<struct E { b : u16 }, count u8> c : string }");
    let whole = bytes("01 02 0300 0400 02000000 6162");
    for length in 0..=whole.len() {
        let it = read(&model, "S", &whole[..length], 0);
        assert_eq!(it.problem.is_none(), length == whole.len());
        assert_eq!(find(&it, "a").is_some_and(|a| a.value == number(1)), length > 0);
        assert_eq!(find(&it, "l.[1].b").is_some_and(|b| b.value == number(4)), length >= 6);
    }
}

#[test]
fn models_that_make_no_sense_are_errors() {
    let sound = model("struct S { a : u8 l : list<u8, count a> }");
    let with = |ty: Type| {
        let mut model = sound.clone();
        for item in model.modules.iter_mut().flat_map(|module| &mut module.items) {
            let ItemKind::Struct(decl) = &mut item.kind else { continue };
            decl.fields[1].forms[0].kind = FieldKind::Value(ty.clone());
        }
        cause(&read(&model, "S", &[1; 300], 0))
    };
    let byte = Box::new(Type::Int(Int { bits: 8, signed: false, big: false }));
    assert_eq!(with(Type::Named("Nobody".into())), Some(Cause::UnknownType));
    assert_eq!(with(Type::List(byte.clone(), Count::Above(Vec::new()))), Some(Cause::Unread(String::new())));
    assert_eq!(with(Type::List(byte.clone(), Count::Field(vec!["l".into()]))), Some(Cause::Unread("l".into())));
    assert_eq!(with(Type::Int(Int { bits: 255, signed: true, big: true })), None);
    assert_eq!(with(Type::Array(byte, u64::MAX)), Some(Cause::Truncated { wanted: u64::MAX, present: 299 }));
    assert_eq!(cause(&read(&sound, "Nobody", &[1], 0)), Some(Cause::UnknownType));
}

/// A spec in which every construct of the language occurs.
fn everything() -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/tests/accept/kitchen_sink.wire");
    firefly_spec::compile(&path).expect("a readable file").result.expect("a sound spec")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_bytes_are_accounted_for(
        front in proptest::collection::vec(prop_oneof![4 => 0_u8..8, 1 => any::<u8>()], 0..300),
        data in proptest::collection::vec(any::<u8>(), 0..20),
        version in 0_u16..6,
        features in prop_oneof![Just(0), Just(u64::MAX), any::<u64>()],
    ) {
        thread_local!(static MODELS: [Model; 2] = [everything(), protocol()]);
        MODELS.with(|models| {
            let input = message(version, 0, &front, &data);
            for model in models {
                for item in model.modules.iter().flat_map(|module| &module.items) {
                    assert_sound(&dissect(model, &item.name, &input, features), &input);
                }
            }
        });
    }
}
