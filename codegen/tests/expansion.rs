//! What specs become: one small expansion to read, and all specs as Rust that parses.

use std::path::{Path, PathBuf};

use firefly_codegen::rust::{Options, module};

fn expand(path: &Path, options: Options) -> String {
    let compiled = firefly_spec::compile(path).unwrap();
    let model = compiled.result.unwrap_or_else(|diagnostics| panic!("{}: {diagnostics:#?}", path.display()));
    let name = path.file_stem().unwrap().to_str().unwrap();
    let tokens = module(&model, name, options, &|_| proc_macro2::Span::call_site());
    let file = syn::parse2(tokens).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    prettyplease::unparse(&file)
}

#[test]
fn a_small_spec_becomes_readable_rust() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/point.wire");
    insta::assert_snapshot!(expand(&path, Options::default()));
}

#[test]
fn every_spec_becomes_rust_without_generics_unsafe_or_panics() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../spec/protocol", "../spec/tests/accept", "../runtime/examples/kv"];
    let mut specs: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(here.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        specs.extend(entries.filter(|path| path.extension().is_some_and(|e| e == "wire")));
    }
    assert!(specs.len() > 15);
    for path in specs {
        let rust = expand(&path, Options { serde: true, arbitrary: false });
        for word in ["unsafe", "unwrap()", "expect(", "panic!", "unreachable!", "compile_error!", "todo!"] {
            assert!(!rust.contains(word), "{} expands to {word}", path.display());
        }
        assert!(!rust.contains("fn decode<") && !rust.contains("fn encode<"), "{}", path.display());
    }
}
