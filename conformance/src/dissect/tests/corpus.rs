//! Real objects, written by Ceph Firefly itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use firefly_spec::model::{ItemKind, Model};
use flate2::read::GzDecoder;

use super::*;
use crate::dissect::render;

/// An object of the corpus: Ceph's name of its type, and its bytes.
struct Object {
    ty: String,
    bytes: Vec<u8>,
}

fn corpus() -> Option<Vec<Object>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let Ok(entries) = folder.read_dir() else {
        eprintln!("skipped: there is no corpus at ../shared/corpus");
        return None;
    };
    let mut objects = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if !path.to_string_lossy().ends_with(".jsonl.gz") {
            continue;
        }
        for line in BufReader::new(GzDecoder::new(File::open(&path).expect("a file"))).lines() {
            let line: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
            let text = |key: &str| line.get(key).and_then(|value| value.as_str()).expect("a string").to_owned();
            objects.push(Object { ty: text("type"), bytes: bytes(&text("hex")) });
        }
    }
    Some(objects)
}

/// The message in a dump: 53 bytes of header, 13 of footer, then three parts behind their lengths.
fn parts(dump: &[u8]) -> Option<Parts<'_>> {
    let word = |at: usize| Some(u16::from_le_bytes(dump.get(at..at + 2)?.try_into().ok()?));
    let mut left = dump.get(66..)?;
    let mut part = || {
        let (length, behind) = left.split_first_chunk::<4>()?;
        let (part, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        left = behind;
        Some(part)
    };
    let (front, middle, data) = (part()?, part()?, part()?);
    left.is_empty().then_some(Parts { version: word(20)?, compat: word(45)?, front, middle, data })
}

/// The spec's name for a type of Ceph's. Some of Ceph's names mean something else in the spec, so this one is asked for.
fn spec_name<'m>(model: &'m Model, cxx: &str) -> Option<&'m str> {
    let mut items = model.modules.iter().flat_map(|module| &module.items);
    items.find(|item| item.cxx.as_deref() == Some(cxx)).map(|item| item.name.as_str())
}

/// The object as input; nothing for a dump that is not one.
fn input<'a>(model: &Model, name: &str, bytes: &'a [u8]) -> Option<Input<'a>> {
    match model.item(name)?.kind {
        ItemKind::Message(_) => parts(bytes).map(Input::Message),
        _ => Some(Input::Bytes(bytes)),
    }
}

#[test]
fn every_object_of_a_type_in_the_spec_is_read_to_its_last_byte() {
    let Some(objects) = corpus() else { return };
    let model = protocol();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for object in &objects {
        let Some(name) = spec_name(&model, &object.ty) else { continue };
        let input = input(&model, name, &object.bytes).expect("a message dump");
        let dissection = dissect(&model, name, &input, FEATURES_ALL);
        assert_sound(&dissection, &input);
        *seen.entry(&object.ty).or_default() += 1;
        if dissection.problem.is_some() || rest(&dissection).iter().any(|name| *name != "slack") {
            wrong.push(format!("{}: {}", object.ty, render(&dissection)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} objects:\n{}", wrong.len(), objects.len(), wrong.join("\n"));
    assert!(seen.len() >= 68, "{} types: {seen:?}", seen.len());
}

#[test]
fn objects_cut_short_or_changed_never_break_the_walk() {
    let Some(objects) = corpus() else { return };
    let model = protocol();
    for object in objects.iter().filter(|object| object.bytes.len() < 2000) {
        let Some(name) = spec_name(&model, &object.ty) else { continue };
        for at in (0..object.bytes.len()).step_by(1 + object.bytes.len() / 64) {
            let mut changed = object.bytes.clone();
            changed[at] ^= 0xff;
            for bytes in [&object.bytes[..at], &changed] {
                if let Some(input) = input(&model, name, bytes) {
                    assert_sound(&dissect(&model, name, &input, FEATURES_ALL), &input);
                }
            }
        }
    }
}
