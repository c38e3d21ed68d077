//! The tree as text and as JSON.

use super::*;
use crate::dissect::render;

const SPEC: &str = "
    enum Kind : u8 { SHIP = 2 }
    checksum crc : crc32c { init 0 xorout 0 }
    struct Uuid { uuid : [u8; 16] }
    struct S envelope v2 compat 1 {
        fsid : Uuid
        kind : Kind
        names : map<string, u16>
        sum : crc of fsid
    }";

const BYTES: &str =
    "03 01 29000000 00112233445566778899aabbccddeeff 02 01000000 03000000616263 0700 01020304 ffee00ddccbbaa";

#[test]
fn a_line_for_each_field() {
    let (model, input) = (model(SPEC), bytes(BYTES));
    let text = render(&read(&model, "S", &input, 0));
    assert_eq!(
        text,
        "\
S  envelope v3 compat 1, 47 bytes
0000  03                         struct_v       u8                3
0001  01                         struct_compat  u8                1
0002  29 00 00 00                struct_len     u32               41
0006  00 11 22 33 44 55 66 77 …  fsid           Uuid              00112233-4455-6677-8899-aabbccddeeff
0016  02                         kind           Kind              SHIP (2)
0017  01 00 00 00                names          map<string, u16>  1 entry
001b                               [0]          string → u16
001b  03 00 00 00 61 62 63           key        string            \"abc\"
0022  07 00                          value      u16               7
0024  01 02 03 04                sum            crc               0x04030201  WRONG, should be 0x0aaf7368
0028  ff ee 00 dd cc bb aa       (tail)         bytes             ffee00ddccbbaa
"
    );
}

#[test]
fn the_place_of_an_error_comes_last() {
    let (model, input) = (model(SPEC), bytes(BYTES));
    let text = render(&read(&model, "S", &input[..30], 0));
    assert!(text.ends_with("!! 0x0006: needs 41 bytes, 24 are left\n"), "{text}");
}

#[test]
fn parts_of_a_message_are_told_apart() {
    let model = model(
        "enum N : u16 { M = 1 } message M type M v1 compat 1 a -> b { l : len u16 of d d : bytes<len above> in data }",
    );
    let text = render(&dissect(&model, "M", &message(1, 1, &[2, 0], b"hi"), 0));
    assert_eq!(
        text,
        "\
M  v1 compat 1, front 2 bytes, data 2 bytes
0000       02 00  l  len u16 of d      2  ok
data+0000  68 69  d  bytes<len above>  \"hi\"
"
    );
}

#[test]
fn the_tree_is_json() {
    let model = model("struct S { a : u8 t : string<len u8> }");
    let it = read(&model, "S", &[7, 1, b'x'], 0);
    let json = serde_json::to_value(&it).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({
            "lengths": [3, 0, 0],
            "problem": null,
            "root": {
                "name": "S", "type": "S", "role": "root", "section": "front", "offset": 0, "length": 3,
                "children": [
                    { "name": "a", "type": "u8", "role": "field", "section": "front", "offset": 0, "length": 1,
                      "raw": "07", "value": { "number": { "number": 7, "name": null } } },
                    { "name": "t", "type": "string<len u8>", "role": "field", "section": "front", "offset": 1,
                      "length": 2, "raw": "0178", "value": { "text": "x" } }
                ]
            }
        })
    );
}
