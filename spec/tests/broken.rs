//! Each broken spec is refused for the reason that its first line tells, and for no other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use firefly_spec::compile;
use firefly_spec::diagnostic::Code;

/// The files with the code and the part of the message that their first line tells.
fn broken() -> Vec<(PathBuf, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let (code, message) = text.lines().next()?.strip_prefix("// error: ")?.split_once(' ')?;
            Some((path, code.to_owned(), message.to_owned()))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn broken_specs_are_refused_for_one_reason() {
    let mut surprises = Vec::new();
    for (path, code, message) in broken() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match compile(&path).unwrap().result {
            Ok(_) => surprises.push(format!("{name} is accepted")),
            Err(found) => {
                let as_told = |d: &&_| -> bool {
                    let d: &firefly_spec::diagnostic::Diagnostic = d;
                    d.code.to_string() == code && d.message.contains(&message)
                };
                if found.len() != 1 || found.iter().filter(as_told).count() != 1 {
                    let found: Vec<String> = found.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
                    surprises.push(format!("{name} gives {found:#?}"));
                }
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

#[test]
fn every_code_has_a_broken_spec() {
    let shown: BTreeSet<String> = broken().into_iter().map(|(_, code, _)| code).collect();
    let codes: BTreeSet<String> = Code::ALL.iter().map(Code::to_string).collect();
    assert_eq!(codes, shown);
}
