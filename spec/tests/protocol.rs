//! The protocol's own specs are sound and in canonical layout.

use std::path::{Path, PathBuf};

use firefly_spec::compile;
use firefly_spec::format::format;

fn specs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "wire")).collect()
}

#[test]
fn every_spec_compiles() {
    for path in specs() {
        let compiled = compile(&path).unwrap();
        assert!(compiled.result.is_ok(), "{}: {:#?}", path.display(), compiled.result.err());
    }
}

#[test]
fn every_spec_is_formatted() {
    for path in specs() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(format(&text).unwrap() == text, "run `firefly spec fmt` on {}", path.display());
    }
}
