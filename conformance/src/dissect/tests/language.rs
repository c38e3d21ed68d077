//! What each word of the language means for bytes.

use super::*;
use crate::dissect::Note;

#[test]
fn scalars() {
    let model = model(
        "enum Kind : u8 { A = 1 }
         enum Strict : i8 closed { PLUS = 1 }
         flags Bits : u16be { LOW = bit 0 HIGH = bit 15 }
         struct S { a : u16 b : u16be c : i32 d : f32 e : bool k : Kind s : Strict f : Bits hole : pad 2 raw : [u8; 2] grid : [[u16; 2]; 2] }",
    );
    let input = bytes("0102 0102 feffffff 0000803f 01 01 01 8003 0000 aabb 0100 0200 0300 0400");
    let it = read(&model, "S", &input, 0);
    assert_eq!(it.problem, None);
    assert_eq!(at(&it, "a").value, number(0x201));
    assert_eq!(at(&it, "b").value, number(0x102));
    assert_eq!(at(&it, "c").value, number(-2));
    assert_eq!(at(&it, "d").value, Value::Float(1.0));
    assert_eq!(at(&it, "e").value, named(1, "true"));
    assert_eq!(at(&it, "k").value, named(1, "A"));
    assert_eq!(at(&it, "s").value, named(1, "PLUS"));
    assert_eq!(
        at(&it, "f").value,
        Value::Flags { bits: 0x8003, names: vec!["LOW".into(), "HIGH".into(), "0x2".into()] }
    );
    assert_eq!(at(&it, "raw").value, Value::Bytes(&[0xaa, 0xbb]));
    assert_eq!(at(&it, "grid.[1].[0]").value, number(3));
    assert_eq!((at(&it, "b").offset, at(&it, "b").raw), (2, [1, 2].as_slice()));
}

#[test]
fn what_a_closed_enum_and_a_boolean_refuse() {
    let model =
        model("enum E : u8 closed { A = 1 } struct S { e : E } struct B { b : bool } struct O { o : option<u8> }");
    assert_eq!(cause(&read(&model, "S", &[2], 0)), Some(Cause::NotMember("E".into(), 2)));
    assert_eq!(cause(&read(&model, "B", &[2], 0)), Some(Cause::NotBool(2)));
    assert_eq!(cause(&read(&model, "O", &[2, 0], 0)), Some(Cause::NotBool(2)));
}

#[test]
fn constants_must_be_right() {
    let model = model("const M : bytes = \"hi\" struct S { a : u16 = 7 b : [u8; 2] = M c : string<len u8> = \"x\" }");
    assert_eq!(read(&model, "S", b"\x07\0hi\x01x", 0).problem, None);
    let wrong = read(&model, "S", b"\x07\0ho\x01x", 0);
    let problem = wrong.problem.as_ref().expect("a problem");
    assert_eq!((problem.offset, problem.path.as_str()), (2, "b"));
    assert_eq!(problem.cause, Cause::WrongConstant { found: "686f".into(), wanted: "6869".into() });
    assert_eq!(at(&wrong, "a").value, number(7));
    assert_eq!(rest(&wrong), ["unread"]);
}

#[test]
fn envelopes_keep_what_newer_writers_append() {
    let model = model("struct S envelope v2 compat 1 { a : u8 b : u8 since 2 }");
    let old = bytes("01 01 01000000 05");
    let it = read(&model, "S", &old, 0);
    assert_eq!((it.problem.is_none(), find(&it, "b")), (true, None));
    let newer = bytes("05 02 04000000 05 06 aabb");
    let it = read(&model, "S", &newer, 0);
    assert_eq!((it.problem.is_none(), rest(&it)), (true, vec!["tail"]));
    assert_eq!(at(&it, "struct_v").value, number(5));
    assert_eq!(at(&it, "struct_len").value, number(4));
    assert_eq!(at(&it, "tail").raw, [0xaa, 0xbb]);
    let newest = bytes("05 03 02000000 05 06");
    let it = read(&model, "S", &newest, 0);
    assert_eq!(cause(&it), Some(Cause::Incompatible { compat: 3, newest: 2 }));
    assert_eq!(it.problem.map(|problem| problem.offset), Some(1));
    let short = bytes("02 01 01000000 05 06");
    assert_eq!(cause(&read(&model, "S", &short, 0)), Some(Cause::Truncated { wanted: 1, present: 0 }));
}

#[test]
fn the_first_byte_finds_the_row() {
    let model = model(
        "features F : u64 { X = bit 0 }
         struct T versions { 1..2 : lead u16 read only 3 : lead u8 compat 1 when lacks X 4..6 : envelope compat 4 } { a : u8 b : u8 since 4 }",
    );
    let version = |hex: &str| {
        let input = bytes(hex);
        let it = read(&model, "T", &input, 0);
        assert_eq!(it.problem, None, "{hex}");
        match it.root.note {
            Some(Note::Version { version, compat, .. }) => (version, compat, it.root.children.len()),
            _ => panic!("no version"),
        }
    };
    assert_eq!(version("0200 07"), (2, None, 2));
    assert_eq!(version("03 01 07"), (3, Some(1), 3));
    assert_eq!(version("05 04 02000000 07 08"), (5, Some(4), 5));
    assert_eq!(version("09 04 02000000 07 08"), (9, Some(4), 5));
    assert_eq!(cause(&read(&model, "T", &[0, 0, 0], 0)), Some(Cause::UnknownVersion(0)));
}

#[test]
fn several_forms_and_orders_of_a_message() {
    let model = model(
        "enum N : u16 { M = 1 }
         message M type M versions { 0..1 : compat 1 read only 2..3 : compat 2 } a -> b {
             x_len : len u32 of x until 1
             x : string since 2 | string<len above> until 1
             y : u8
             data { z : bytes<rest> }
             order v1 : x_len y x;
         }",
    );
    let old = bytes("02000000 09 6162");
    let input = message(1, 1, &old, &[7]);
    let it = dissect(&model, "M", &input, 0);
    assert_sound(&it, &input);
    assert_eq!((it.problem.is_none(), &at(&it, "x").value), (true, &Value::Text("ab")));
    assert_eq!((at(&it, "z").section, at(&it, "z").raw), (Section::Data, [7].as_slice()));
    assert_eq!(at(&it, "x_len").note, Some(Note::Matches));
    let oldest = bytes("02000000 6162 09");
    let it = dissect(&model, "M", &message(0, 1, &oldest, &[]), 0);
    assert_eq!((it.problem.is_none(), &at(&it, "y").value), (true, &number(9)));
    let new = bytes("02000000 6162 09 ff");
    let input = message(4, 2, &new, &[]);
    let it = dissect(&model, "M", &input, 0);
    assert_sound(&it, &input);
    assert_eq!((at(&it, "y").value.clone(), rest(&it)), (number(9), vec!["tail"]));
    let it = dissect(&model, "M", &message(9, 4, &new, &[]), 0);
    assert_eq!(cause(&it), Some(Cause::Incompatible { compat: 4, newest: 3 }));
    assert_eq!(cause(&dissect(&model, "M", &Input::Bytes(&new), 0)), Some(Cause::HeaderMissing));
}

#[test]
fn counts_and_lengths_before_what_they_measure() {
    let model = model(
        "struct S {
             n : count u8 of list
             l : len u8 of text + 2
             k : len u8 of tail - 1
             list : list<u16, count above>
             same : list<u8, count of list>
             text : string<len above>
             tail : framed<struct Tail { a : u8 b : bytes<len u8> }, len above>
         }",
    );
    let input = bytes("02 03 02 0100 0200 0a 0b 61 07 01 ff");
    let it = read(&model, "S", &input, 0);
    assert_eq!(it.problem, None);
    assert_eq!(at(&it, "list").value, Value::Elements(2));
    assert_eq!(at(&it, "same.[1]").value, number(11));
    assert_eq!(at(&it, "text").value, Value::Text("a"));
    assert_eq!(at(&it, "tail.b").value, Value::Bytes(&[0xff]));
    assert!(["n", "l", "k"].iter().all(|name| at(&it, name).note == Some(Note::Matches)));
    let negative = bytes("00 01 04 07 01 ff");
    assert_eq!(cause(&read(&model, "S", &negative, 0)), Some(Cause::Negative(-1)));
}

#[test]
fn a_length_that_nothing_uses_must_still_be_true() {
    let model = model(
        "struct S envelope v2 compat 1 { n : len u8 of t t : string<len u8> since 2 | string<len above> until 1 }",
    );
    let right = bytes("02 01 04000000 02 02 6162");
    assert_eq!(read(&model, "S", &right, 0).problem, None);
    let wrong = bytes("02 01 04000000 03 02 6162");
    let it = read(&model, "S", &wrong, 0);
    assert_eq!(cause(&it), Some(Cause::WrongMeasure { found: 3, actual: 2 }));
    assert_eq!(it.problem.as_ref().map(|problem| (problem.offset, problem.path.as_str())), Some((6, "n")));
    assert_eq!(at(&it, "n").note, Some(Note::Differs(2)));
}

#[test]
fn lengths_and_counts_in_ordinary_fields() {
    let model = model(
        "struct S { head : struct Head { size : u8 } b : bytes<len head.size> n : u8 max : list<u16, count n> max 2 }",
    );
    let input = bytes("01 aa 02 0100 0200");
    let it = read(&model, "S", &input, 0);
    assert_eq!((it.problem.is_none(), at(&it, "max.[1]").value.clone()), (true, number(2)));
    let many = bytes("00 03 0100 0200 0300");
    assert_eq!(cause(&read(&model, "S", &many, 0)), Some(Cause::AboveMax { found: 3, max: 2 }));
}

#[test]
fn frames_and_options() {
    let model = model(
        "struct P { a : u8 }
         struct S { p : framed<P, len u8> e : framed<P, len u8, or empty> o : option<P> n : option<u16> m : map<u8, P, count u8> z : sealed<P, len u8> }",
    );
    let input = bytes("03 07 ee ff  00  01 08  01 0900  01 05 06  02 dead");
    let it = read(&model, "S", &input, 0);
    assert_eq!(it.problem, None);
    assert_eq!((at(&it, "p.a").value.clone(), at(&it, "p.left over").raw), (number(7), [0xee, 0xff].as_slice()));
    assert_eq!(at(&it, "e").value, Value::Present(false));
    assert_eq!(at(&it, "o.a").value, number(8));
    assert_eq!(at(&it, "n.value").value, number(9));
    assert_eq!(at(&it, "m.[0].value.a").value, number(6));
    assert_eq!(at(&it, "z").value, Value::Bytes(&[0xde, 0xad]));
    let escaping = bytes("00 07");
    assert_eq!(cause(&read(&model, "S", &escaping, 0)), Some(Cause::Truncated { wanted: 1, present: 0 }));
}

#[test]
fn what_is_not_exactly_a_value_stays_raw() {
    let model = model(
        "struct P envelope v1 compat 1 { a : u8 }
         struct S { k : u8 p : framed<P, len u8, or raw> u : framed<union by k { 1 => one { b : bool } }, rest, or raw> }",
    );
    let show = |hex: &str| {
        let input = bytes(hex);
        let it = read(&model, "S", &input, 0);
        assert_eq!((it.problem.is_none(), rest(&it)), (true, vec![]), "{hex}");
        (find(&it, "p.a").is_some(), find(&it, "u.value.b").is_some(), at(&it, "p").note.is_some())
    };
    assert_eq!(show("01  07 01 01 01000000 05  01"), (true, true, true));
    assert_eq!(show("02  06 01 01 01000000     01"), (false, false, false));
    assert_eq!(show("01  08 01 01 01000000 05 06  02"), (false, false, false));
    assert_eq!(show("01  00  01 00"), (false, false, false));
    assert_eq!(show("01  00"), (false, false, false));
    let input = bytes("01  02 abcd  02");
    let it = read(&model, "S", &input, 0);
    assert_eq!(at(&it, "p.raw").value, Value::Bytes(&[0xab, 0xcd]));
    assert_eq!(at(&it, "u.raw").value, Value::Bytes(&[2]));
    assert_eq!(at(&it, "p").ty, "framed<P, len u8, or raw>");
    let short = bytes("01  03 abcd");
    assert_eq!(cause(&read(&model, "S", &short, 0)), Some(Cause::Truncated { wanted: 3, present: 2 }));
}

#[test]
fn paths_into_the_first_element_read_0_without_one() {
    let model = model(
        "struct E { x : u8 y : struct Y { z : u8 } }
         struct S { l : list<E, count u8> t : bytes<len l.first.x> u : union by l.first.y.z { 0 => no {} 7 => yes { a : u8 } } }",
    );
    let show = |hex: &str| {
        let input = bytes(hex);
        let it = read(&model, "S", &input, 0);
        assert_eq!((it.problem.is_none(), rest(&it)), (true, vec![]), "{hex}");
        (at(&it, "t").raw.len(), find(&it, "u.a").is_some())
    };
    assert_eq!(show("00"), (0, false));
    assert_eq!(show("02 01 07 09 09  aa  05"), (1, true));
}

#[test]
fn unions_by_field_peek_and_tag() {
    let model = model(
        "features F : u64 { X = bit 3 }
         struct S {
             k : u8
             f : union ByField by k fixed 4 { 1 => one { a : u8 } else => other raw }
             p : union ByPeek by peek u16be { 2 => two when has X { t : u16be b : u8 } 2 => two_old { t : u16be } }
             t : union ByTag by i8 { -1 => minus {} 1 | 3 => number : u16 }
         }",
    );
    let input = bytes("01 05 00 00 00  0002 07  03 0100");
    let it = read(&model, "S", &input, 1 << 3);
    assert_eq!(it.problem, None);
    assert_eq!((at(&it, "f.a").value.clone(), at(&it, "f.slack").raw.len()), (number(5), 3));
    assert_eq!(at(&it, "p").value, Value::Arm("two".into()));
    assert_eq!(at(&it, "t.number").value, number(1));
    let old = bytes("02 05 00 00 00  0002  ff");
    let it = read(&model, "S", &old, 0);
    assert_eq!(it.problem, None);
    assert_eq!(at(&it, "f.other").raw, [5, 0, 0, 0]);
    assert_eq!(
        (&at(&it, "p").value, &at(&it, "t").value),
        (&Value::Arm("two_old".into()), &Value::Arm("minus".into()))
    );
    let unknown = bytes("02 05 00 00 00  0002  07");
    let it = read(&model, "S", &unknown, 0);
    assert_eq!(cause(&it), Some(Cause::NoArm("ByTag".into(), 7)));
    assert_eq!(it.problem.map(|problem| problem.offset), Some(7));
}

#[test]
fn bytes_that_lie_in_the_data_part() {
    let model = model(
        "enum N : u16 { M = 1 }
         message M type M v1 compat 1 a -> b {
             ops : list<struct Op { n : u8 l : len u8 of d d : bytes<len above> in data }, count u8>
             behind : u8
         }",
    );
    let front = bytes("02 aa 01 bb 02 cc");
    let input = message(1, 1, &front, &[1, 2, 3, 4]);
    let it = dissect(&model, "M", &input, 0);
    assert_sound(&it, &input);
    let d = at(&it, "ops.[1].d");
    assert_eq!((d.section, d.offset, d.raw), (Section::Data, 1, [2, 3].as_slice()));
    assert_eq!((at(&it, "behind").raw, rest(&it)), ([0xcc].as_slice(), vec!["tail"]));
    let it = dissect(&model, "M", &message(1, 1, &front, &[1, 2]), 0);
    let problem = it.problem.expect("a problem");
    assert_eq!((problem.section, problem.offset, problem.path.as_str()), (Section::Data, 1, "ops[1].d"));
}

#[test]
fn checksums_are_checked_and_a_wrong_one_stays() {
    let model = model(
        "checksum crc : crc32c { init 0xffff_ffff xorout 0xffff_ffff }
         struct S {
             text : [u8; 9]
             all : crc of above
             some : crc of text .. text unless exempt == 1
             exempt : u8
         }",
    );
    // The check value of CRC-32C: that of the digits 1 to 9 is e3069283.
    let with = |some: &str, exempt: &str| bytes(&format!("313233343536373839 839206e3 {some} {exempt}"));
    let note = |input: &[u8]| {
        let it = read(&model, "S", input, 0);
        assert_eq!((it.problem.is_none(), at(&it, "all").note.clone()), (true, Some(Note::Matches)));
        at(&it, "some").note.clone()
    };
    assert_eq!(note(&with("839206e3", "00")), Some(Note::Matches));
    assert_eq!(note(&with("00000000", "00")), Some(Note::Differs(0xe306_9283)));
    assert_eq!(note(&with("00000000", "01")), Some(Note::Exempt));
}

#[test]
fn conditions_see_features_fields_and_what_is_left() {
    let model = model(
        "features F : u64 { X = bit 0 Y = bit 1 }
         flags B : u8 { ON = bit 0 }
         struct S {
             a : bytes<len u8> when has X | bytes<len u16> when lacks X
             k : u8
             b : B default ON when has Y
             c : struct C { d : u8 when b has ON and not (k < 5 or k > 9) }
             e : u8 when more
         }",
    );
    let present = |hex: &str, features| {
        let input = bytes(hex);
        let it = read(&model, "S", &input, features);
        assert_eq!(it.problem, None);
        (at(&it, "a").raw.len(), find(&it, "b").is_some(), find(&it, "c.d").is_some(), find(&it, "e").is_some())
    };
    assert_eq!(present("0000 07 01", 0), (2, false, true, false));
    assert_eq!(present("00 07 00 01", 3), (1, true, false, true));
    assert_eq!(present("0000 04", 0), (2, false, false, false));
}

#[test]
fn included_fields_and_opaque_messages() {
    let model = model(
        "enum N : u16 { M = 1 }
         struct Base { a : u8 b : string }
         struct S { include Base { b : string<len u8> } c : u8 }
         message M type M v3 compat 1 a -> b opaque",
    );
    let input = bytes("07 01 61 08");
    let it = read(&model, "S", &input, 0);
    assert_eq!((&at(&it, "b").value, &at(&it, "c").value), (&Value::Text("a"), &number(8)));
    let input = message(3, 1, &[1, 2], &[3]);
    let it = dissect(&model, "M", &input, 0);
    assert_sound(&it, &input);
    assert_eq!((at(&it, "front").role, at(&it, "data").raw), (Role::Opaque, [3].as_slice()));
}

#[test]
fn paths_into_arms_read_0_unless_the_arm_is_there() {
    let model = model(
        "struct Pair { x : u8 y : u8 z : u8 }
         union Tagged by u8 { 1 => one { m : u8 n : u8 default 9 when m > 5 } else => pair : Pair }
         struct Head { kind : u8 args : union by kind fixed 4 { 1 => name { length : u8 } 2 => pair : Pair else => other raw } }
         struct S {
             head : Head
             text : bytes<len head.args.name.length>
             list : list<u8, count head.args.pair.y>
             here : u8 when head.args.pair.x == 2
             tagged : Tagged
             chosen : union by tagged.one.n { 0 => no {} 9 => yes { a : u8 } }
         }",
    );
    let present = |hex: &str| {
        let input = bytes(hex);
        let it = read(&model, "S", &input, 0);
        assert_eq!((it.problem.is_none(), rest(&it).contains(&"trailing")), (true, false), "{hex}");
        let elements = at(&it, "list").children.iter().filter(|child| child.role == Role::Element).count();
        (at(&it, "text").raw.len(), elements, find(&it, "here").is_some(), find(&it, "chosen.a").is_some())
    };
    assert_eq!(present("01 02000000 aabb  01 05 06"), (2, 0, false, true));
    assert_eq!(present("02 02030800 aabbcc dd  00 02 01 07"), (0, 3, true, false));
    assert_eq!(present("02 01000000  01 06 00"), (0, 0, false, false));
    assert_eq!(present("07 02030405  01 06 09 ee"), (0, 0, false, true));
}

#[test]
fn masks_leave_some_bits() {
    let model = model(
        "flags F : u16 { HIGH = 0x600 }
         struct S { f : F i : i16 a : u8 when f & 0xf00 == HIGH b : u8 when i & 0x7ff0 >= 0x7ff0 c : u8 when not f & 1 != 0 }",
    );
    let present = |hex: &str| {
        let input = bytes(hex);
        let it = read(&model, "S", &input, 0);
        assert_eq!(it.problem, None);
        ["a", "b", "c"].map(|name| find(&it, name).is_some())
    };
    assert_eq!(present("fef6 ffff 01 02 03"), [true, true, true]);
    assert_eq!(present("0107 efff"), [false, false, false]);
    assert_eq!(present("0106 0000 01"), [true, false, false]);
}

#[test]
fn one_order_of_several_versions() {
    let model = model("struct S lead u8 v2 { a : u8 b : u8 order v0..1 : b a; }");
    let first = |version: u8| at(&read(&model, "S", &[version, 7, 8], 0), "a").number();
    assert_eq!([0, 1, 2].map(first), [Some(8), Some(8), Some(7)]);
}

#[test]
fn enums_and_flags_as_other_integers() {
    let model = model(
        "enum Wide : u32 { A = 1 FAR = 0x1_0000 }
         enum Low : i8 closed { PLUS = 5 }
         flags Bits : u16 { LOW = bit 0 HIGH = bit 15 }
         struct S { a : Wide as u8 b : Low as i32be c : Bits as u64 d : Wide as u16be = A l : list<Wide as u16, count u8> u : union U by Low as u16 { PLUS => plus {} } }
         struct L { low : Low as i32 }
         struct B { bits : Bits as i32 }
         enum Open : i8 { ONE = 1 }
         union P by peek Open as u32be { ONE => one { tag : Open as u32be = ONE } else => other { tag : Open as u32be } }
         union T by Open as i16 { -1 => minus {} else => other {} }",
    );
    let input = bytes("01 00000005 0380000000000000 0001 01 0100 0500");
    let it = read(&model, "S", &input, 0);
    assert_eq!((it.problem.clone(), it.root.end()), (None, input.len()));
    assert_eq!(at(&it, "a").value, named(1, "A"));
    assert_eq!((&at(&it, "b").value, at(&it, "b").ty.as_str()), (&named(5, "PLUS"), "Low as i32be"));
    let names = vec!["LOW".into(), "HIGH".into(), "0x2".into()];
    assert_eq!(at(&it, "c").value, Value::Flags { bits: 0x8003, names });
    assert_eq!((&at(&it, "l.[0]").value, &at(&it, "u").value), (&named(1, "A"), &Value::Arm("plus".into())));
    let wrong = |name: &str, hex: &str| {
        let input = bytes(hex);
        let it = read(&model, name, &input, 0);
        assert_eq!(it.problem.as_ref().map(|problem| problem.offset), Some(0));
        cause(&it)
    };
    assert_eq!(wrong("L", "80000000"), Some(Cause::Unfit("Low".into(), 128)));
    assert_eq!(wrong("L", "80ffffff"), Some(Cause::NotMember("Low".into(), -128)));
    assert_eq!(wrong("L", "050000"), Some(Cause::Truncated { wanted: 4, present: 3 }));
    assert_eq!(wrong("B", "ffffffff"), Some(Cause::Unfit("Bits".into(), -1)));
    assert_eq!(wrong("B", "00000100"), Some(Cause::Unfit("Bits".into(), 0x1_0000)));
    assert_eq!(wrong("P", "00000080"), Some(Cause::Unfit("Open".into(), 0x80)));
    for (name, hex, arm) in
        [("P", "00000001", "one"), ("P", "00000007", "other"), ("T", "ffff", "minus"), ("T", "0100", "other")]
    {
        assert_eq!(read(&model, name, &bytes(hex), 0).root.value, Value::Arm(arm.into()), "{name} {hex}");
    }
}

#[test]
fn an_envelope_is_little_endian_in_every_file() {
    let text = "protocol test order big struct S envelope v1 compat 1 { a : u16 }";
    let loaded = load("test", Main::Text(Path::new("test.wire"), text), |_| Err(io::ErrorKind::NotFound.into()));
    let model = firefly_spec::analyse(&loaded).expect("the spec is sound");
    let input = bytes("01 01 02000000 0102");
    let it = read(&model, "S", &input, 0);
    assert_eq!((it.problem.is_none(), &at(&it, "a").value), (true, &number(0x102)));
    assert_eq!(at(&it, "struct_len").ty, "u32");
}

#[test]
fn what_is_converted_is_shown_as_it_lies_on_the_wire() {
    let model = model(
        "struct Old { a : u8 } struct New { a : u16 }
         struct S lead u8 v2 { a : New since 2 | Old into New until 1 b : list<u8 into u32, count u8> }",
    );
    let it = read(&model, "S", &[1, 7, 2, 8, 9], 0);
    assert_eq!(it.problem, None);
    assert_eq!((at(&it, "a").ty.as_str(), &at(&it, "a.a").value), ("Old", &number(7)));
    assert_eq!(at(&it, "b.[1]").value, number(9));
}

#[test]
fn older_versions_are_shown_as_the_type_that_they_are() {
    let model = model(
        "struct Old lead u8 v1 { a : u8 }
         struct New versions { 0..1 : as Old read only 2..3 : lead u8 } { b : u16 }
         message OldHail type 7 versions { 0..1 : compat 2 } a -> b { c : u8 data { d : bytes<rest> } }
         message Hail type 7 versions { 0..1 : as OldHail read only 2 : compat 2 } a -> b { all : list<New, rest> }",
    );
    let it = read(&model, "New", &[1, 7], 0);
    assert_eq!((it.problem.is_none(), &at(&it, "a").value), (true, &number(7)));
    let it = read(&model, "New", &[3, 7, 0], 0);
    assert_eq!((it.problem.is_none(), &at(&it, "b").value), (true, &number(7)));
    let input = message(1, 2, &[9], b"old");
    let it = dissect(&model, "Hail", &input, 0);
    assert_sound(&it, &input);
    assert_eq!((it.problem.is_none(), &at(&it, "d").value), (true, &Value::Bytes(b"old")));
    let input = message(2, 2, &[1, 7, 2, 7, 0], b"");
    let it = dissect(&model, "Hail", &input, 0);
    assert_sound(&it, &input);
    assert_eq!((it.problem.is_none(), &at(&it, "all.[0].a").value), (true, &number(7)));
    assert_eq!(
        cause(&dissect(&model, "Hail", &message(1, 3, &[9], b""), 0)),
        Some(Cause::Incompatible { compat: 3, newest: 2 })
    );
}
