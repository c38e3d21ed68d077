//! Two readers of one spec must agree: the generated codecs, and the interpreter of the model.
//!
//! They were written apart. Made-up values, and the same bytes damaged, go through both.

use std::collections::HashMap;
use std::path::Path;

use arbitrary::Unstructured;
use firefly_conformance::dissect::{self, Input, dissect};
use firefly_runtime::codec::{Bytes, ChecksumPolicy, Context, Kind, Parts, Target, TypeInfo};
use firefly_spec::model::Model;

/// How many values of each type.
const VALUES: u64 = 60;

/// The model of a module of the protocol and what it uses.
fn model(module: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../spec/protocol/{module}.wire"));
    firefly_spec::compile(&path).unwrap().result.unwrap()
}

/// Deterministic bytes.
fn noise(seed: u64, n: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..n).map(|_| (next() >> 24) as u8).collect()
}

/// Whether the interpreter reads the bytes to their end, and what it shows.
fn interpreted(model: &Model, info: &TypeInfo, bytes: &Bytes, features: u64) -> (bool, String) {
    let dissection = match info.kind {
        Kind::Message { .. } => {
            let Ok(parts) = Parts::from_bytes(bytes.clone()) else { return (false, String::new()) };
            let input = Input::Message(dissect::Parts {
                version: parts.version,
                compat: parts.compat,
                front: &parts.front,
                middle: &parts.middle,
                data: &parts.data,
            });
            let dissection = dissect(model, info.name, &input, features);
            return (dissection.problem.is_none(), dissect::render(&dissection));
        }
        _ => dissect(model, info.name, &Input::Bytes(bytes), features),
    };
    let whole = !dissection.root.children.iter().any(|child| child.name == "trailing");
    (dissection.problem.is_none() && whole, dissect::render(&dissection))
}

#[test]
fn generated_codecs_and_the_interpreter_agree() {
    let mut models = HashMap::new();
    let (mut compared, mut read) = (0, 0);
    for info in firefly_runtime::wire::types() {
        let (Some(codec), false) = (info.codec, matches!(info.kind, Kind::Enum | Kind::Flags)) else { continue };
        let model = models.entry(info.module).or_insert_with(|| model(info.module));
        for seed in 0..VALUES {
            let features = if seed % 3 == 0 { 0 } else { u64::MAX };
            let raw = noise(seed + 1, 600);
            let Ok(value) = codec.arbitrary(&mut Unstructured::new(&raw)) else { continue };
            let Ok(bytes) = value.encode(Target::fresh(u64::MAX)) else { continue };
            let mut damaged = bytes.to_vec();
            if seed % 2 == 1 && !damaged.is_empty() {
                let at = noise(seed, 2);
                let n = damaged.len();
                damaged[(usize::from(at[0]) << 8 | usize::from(at[1])) % n] ^= at[1] | 1;
            }
            let damaged = Bytes::from(damaged);
            let ctx = Context { features, checksums: ChecksumPolicy::Report, ..Context::default() };
            let generated = codec.decode(damaged.clone(), &ctx);
            let (whole, shown) = interpreted(model, info, &damaged, features);
            assert_eq!(generated.is_ok(), whole, "{}: {:?}\n{shown}", info.name, generated.err());
            compared += 1;
            read += u32::from(whole);
        }
    }
    assert!(compared > 3000 && read > 1000, "{compared} compared, {read} read");
}
