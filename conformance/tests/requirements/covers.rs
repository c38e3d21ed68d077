//! What tests say they cover.

use std::fs;
use std::path::{Path, PathBuf};

/// A test that says what it covers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Covers {
    /// The numbers of requirements.
    pub(crate) ids: Vec<String>,
    /// The file, seen from the root of the workspace, and the function in it: `runtime/src/auth/crypto.rs::seals`.
    pub(crate) test: String,
}

/// What the tests of a package say, in the order of their files.
pub(crate) fn scan(root: &Path, package: &str) -> Vec<Covers> {
    let mut sources = Vec::new();
    collect(&root.join(package), &mut sources);
    sources.sort();
    let of_file = |path: &PathBuf| {
        let name = path.strip_prefix(root).expect("a file below the root").display().to_string();
        read(&name, &fs::read_to_string(path).expect("a source"))
    };
    sources.iter().flat_map(of_file).collect()
}

/// All sources below a folder.
fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, sources);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
}

/// What the tests of a file say. Panics where what is said does not belong to a test that runs.
fn read(file: &str, text: &str) -> Vec<Covers> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let said = lines.iter().enumerate().filter_map(|(at, line)| Some((at, ids(line)?)));
    said.map(|(at, ids)| {
        let place = format!("{file}:{}", at + 1);
        assert!(!ids.is_empty() && ids.iter().all(|id| is_id(id)), "{place}: what is covered is not `AB-01, CD-02`");
        let below = lines[at + 1..].iter().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let below: Vec<&str> = below.copied().collect();
        // A test may say it in several lines, and between its attributes.
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        let attributes: Vec<&str> =
            above.copied().chain(below.iter().copied()).filter(|l| l.starts_with("#[")).collect();
        let function = lines.get(at + 1 + below.len()).and_then(|line| function(line));
        let function = function.unwrap_or_else(|| panic!("{place}: no function below"));
        let is_test = attributes.iter().any(|a| a.contains("test]") || a.contains("::test("));
        assert!(is_test, "{place}: {function} is no test");
        assert!(!attributes.iter().any(|a| a.starts_with("#[ignore")), "{place}: {function} does not run");
        Covers { ids: ids.into_iter().map(str::to_owned).collect(), test: format!("{file}::{function}") }
    })
    .collect()
}

/// The numbers in a line that says what is covered. A line that almost does is one, so that no slip goes unnoticed.
fn ids(line: &str) -> Option<Vec<&str>> {
    let text = line.strip_prefix("//")?.trim_start_matches(['/', '!']).trim_start();
    let (word, ids) = text.split_once(':')?;
    let exact = line.starts_with("// covers: ");
    match word.to_lowercase().trim_end() {
        "covers" if exact => Some(ids.split(',').map(str::trim).collect()),
        "covers" | "cover" | "covered" | "covering" => Some(vec![]),
        _ => None,
    }
}

/// Whether it looks like `AB-01`.
fn is_id(text: &str) -> bool {
    let [a, b, b'-', c, d] = text.as_bytes() else { return false };
    a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit()
}

/// The name of the function that begins in a line.
fn function(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == "fn")?;
    words.next()?.split(['(', '<']).next()
}

#[test]
fn tests_say_what_they_cover() {
    let text = [
        "// covers: AB-01, CD-02",
        "#[test]",
        "fn first() {}",
        "    #[tokio::test(start_paused = true)]",
        "    // covers: AB-03",
        "    // covers: AB-04",
        "    #[allow(dead_code)]",
        "    async fn second() {}",
    ]
    .join("\n");
    let covers =
        |ids: &[&str], test: &str| Covers { ids: ids.iter().map(|id| id.to_string()).collect(), test: test.into() };
    let expected = [
        covers(&["AB-01", "CD-02"], "a.rs::first"),
        covers(&["AB-03"], "a.rs::second"),
        covers(&["AB-04"], "a.rs::second"),
    ];
    assert_eq!(read("a.rs", &text), expected);
}

#[test]
fn what_is_said_of_no_test_is_noticed() {
    for text in [
        "// covers: AB-01\nfn helper() {}",
        "// covers: AB-01\n#[test]",
        "// covers: AB-01\n\n#[test]\nfn far_away() {}",
        "// covers: AB-1\n#[test]\nfn bad_number() {}",
        "// covers: AB-01 CD-02\n#[test]\nfn no_comma() {}",
        "// covers:\n#[test]\nfn nothing() {}",
        "// Covers: AB-01\n#[test]\nfn capital() {}",
        "/// covers: AB-01\n#[test]\nfn documentation() {}",
        "//covers: AB-01\n#[test]\nfn no_space() {}",
        "// covers: AB-01\n#[test]\n#[ignore = \"slow\"]\nfn does_not_run() {}",
    ] {
        assert!(std::panic::catch_unwind(|| read("a.rs", text)).is_err(), "{text}");
    }
}
