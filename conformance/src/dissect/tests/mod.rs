//! The walk against specs, the language's own protocol, real objects and hostile bytes.

mod captures;
mod corpus;
mod hostile;
mod language;
mod rendering;

use std::io;
use std::path::{Path, PathBuf};

use firefly_spec::load::{Main, load};
use firefly_spec::model::{Model, Section};

use super::{Cause, Dissection, Input, Node, Parts, Role, Value, dissect};

/// All bits that Firefly knows.
const FEATURES_ALL: u64 = 0x0000_0fff_ffff_ffff;

/// The model of a spec without other modules.
fn model(items: &str) -> Model {
    let text = format!("protocol test order little {items}");
    let loaded = load("test", Main::Text(Path::new("test.wire"), &text), |_| Err(io::ErrorKind::NotFound.into()));
    firefly_spec::analyse(&loaded).expect("the spec is sound")
}

/// Firefly's protocol: every module of the spec's folder.
fn protocol() -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/protocol");
    let mut files: Vec<PathBuf> =
        folder.read_dir().expect("the spec's folder").filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut model: Option<Model> = None;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "wire")) {
        let compiled = firefly_spec::compile(file).expect("the file is readable");
        let found = compiled.result.unwrap_or_else(|diagnostics| panic!("{}: {diagnostics:#?}", file.display()));
        let all = model.get_or_insert_with(|| Model { modules: Vec::new(), ..found.clone() });
        for module in found.modules {
            if all.modules.iter().all(|known| known.name != module.name) {
                all.modules.push(module);
            }
        }
    }
    model.expect("there are specs")
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

/// The node at a path, elements as `list.[0].field`.
fn at<'n, 'a>(dissection: &'n Dissection<'a>, path: &str) -> &'n Node<'a> {
    find(dissection, path).unwrap_or_else(|| panic!("no {path} in\n{}", super::render(dissection)))
}

fn find<'n, 'a>(dissection: &'n Dissection<'a>, path: &str) -> Option<&'n Node<'a>> {
    path.split('.').try_fold(&dissection.root, |node, step| node.children.iter().find(|child| child.name == step))
}

/// What must be true of every dissection: all bytes are accounted for, and nodes are where they say.
fn assert_sound(dissection: &Dissection, input: &Input) {
    let parts = input.parts();
    assert_eq!(dissection.gaps(), [], "{}", super::render(dissection));
    for node in dissection.root.walk() {
        let part = match node.section {
            Section::Front => parts.front,
            Section::Middle => parts.middle,
            Section::Data => parts.data,
        };
        assert_eq!(part.get(node.offset..node.end()), Some(node.raw), "{}", node.name);
    }
}

/// Names of nodes that no declaration describes.
fn rest<'n>(dissection: &'n Dissection) -> Vec<&'n str> {
    dissection.root.walk().filter(|node| node.role == Role::Rest).map(|node| node.name.as_str()).collect()
}

fn number(number: i128) -> Value<'static> {
    Value::Number { number, name: None }
}

fn named(number: i128, name: &str) -> Value<'static> {
    Value::Number { number, name: Some(name.to_owned()) }
}

/// Dissects a buffer as a type of the model, and checks what must be true of every dissection.
fn read<'a>(model: &Model, name: &str, bytes: &'a [u8], features: u64) -> Dissection<'a> {
    let input = Input::Bytes(bytes);
    let dissection = dissect(model, name, &input, features);
    assert_sound(&dissection, &input);
    dissection
}

fn cause(dissection: &Dissection) -> Option<Cause> {
    dissection.problem.as_ref().map(|problem| problem.cause.clone())
}

fn message<'a>(version: u16, compat: u16, front: &'a [u8], data: &'a [u8]) -> Input<'a> {
    Input::Message(Parts { version, compat, front, data, ..Parts::default() })
}
