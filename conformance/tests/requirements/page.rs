//! The page that lists all requirements: `docs/requirements.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use super::list::{Families, Family};

const INTRODUCTION: &str = "\
# The requirements of the protocol

What Ceph Firefly's messenger protocol asks of an implementation, in 287 points, and the tests that would fail if this
one did not do it. Code and findings cite these numbers. This page is made by `conformance/tests/requirements.rs` from
the titles in `conformance/tests/requirements/list.txt` and from lines such as `// covers: RC-01, RC-17` above tests. It
fails when the page is out of date and makes it anew with `INSTA_UPDATE=always`.

- **role**: the side that has to do it. The *client* dials, the *server* is dialled, whatever they are otherwise.
- **tests**: those that cover it; *open* if there is none yet.
";

/// The tests of each requirement that is covered, by number.
pub(crate) type Coverage = BTreeMap<String, BTreeSet<String>>;

/// Compares the page with what it should be, or makes it anew if `INSTA_UPDATE` says so.
pub(crate) fn check(families: &Families, coverage: &Coverage) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/requirements.md");
    let page = page(families, coverage);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &page).expect("docs can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/requirements.md is out of date; run this with INSTA_UPDATE=always");
}

fn page(families: &Families, coverage: &Coverage) -> String {
    let mut page = format!("{INTRODUCTION}\n{}", summary(families, coverage));
    for family in &families.list {
        let _ = writeln!(page, "\n## {}: {}\n", family.code, family.title);
        let width = family.requirements.iter().map(|r| r.title.chars().count()).max().unwrap_or(0);
        let _ = writeln!(page, "| id    | role   | {:<width$} | tests |", "what");
        let _ = writeln!(page, "| ----- | ------ | {:-<width$} | ----- |", "");
        for requirement in &family.requirements {
            let (id, role, title) = (&requirement.id, requirement.role.name(), &requirement.title);
            let _ = writeln!(page, "| {id} | {role:<6} | {title:<width$} | {} |", told(families, coverage, id));
        }
    }
    page
}

/// Which tests cover a requirement, or why none does.
fn told(families: &Families, coverage: &Coverage, id: &str) -> String {
    match (coverage.get(id), families.not_applicable.get(id)) {
        (Some(tests), _) => tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", "),
        (None, Some(why)) => format!("not applicable: {why}"),
        (None, None) => "*open*".to_owned(),
    }
}

/// How many requirements of each family are covered, do not apply, are open.
fn summary(families: &Families, coverage: &Coverage) -> String {
    let rows = families.list.iter().map(|family| {
        let name = format!("{}: {}", family.code, family.title);
        (name, counts(families, family, coverage))
    });
    let mut rows: Vec<(String, [usize; 4])> = rows.collect();
    let sum = std::array::from_fn(|column| rows.iter().map(|(_, counts)| counts[column]).sum());
    rows.push(("all".to_owned(), sum));
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut table = format!("| {:<width$} | covered | not applicable | open | all |\n", "family");
    let _ = writeln!(table, "| {:-<width$} | ------: | -------------: | ---: | --: |", "");
    for (name, [covered, not_applicable, open, all]) in rows {
        let _ = writeln!(table, "| {name:<width$} | {covered:>7} | {not_applicable:>14} | {open:>4} | {all:>3} |");
    }
    table
}

fn counts(families: &Families, family: &Family, coverage: &Coverage) -> [usize; 4] {
    let all = family.requirements.len();
    let covered = family.requirements.iter().filter(|r| coverage.contains_key(&r.id)).count();
    let not_applicable = family.requirements.iter().filter(|r| families.not_applicable.contains_key(&r.id)).count();
    [covered, not_applicable, all.saturating_sub(covered + not_applicable), all]
}

#[test]
fn each_requirement_is_told() {
    let text = "[AB Things]\nAB-01 both   one\nAB-02 client the second\nAB-03 server three\n\n[not applicable]\nAB-02 no need\n";
    let families = Families::parse(text);
    let tests = BTreeSet::from(["a.rs::x".to_owned(), "a.rs::y".to_owned()]);
    let page = page(&families, &Coverage::from([("AB-01".to_owned(), tests)]));
    let (_, page) = page.split_once("*open* if there is none yet.\n").expect("the introduction");
    let expected = "
| family     | covered | not applicable | open | all |
| ---------- | ------: | -------------: | ---: | --: |
| AB: Things |       1 |              1 |    1 |   3 |
| all        |       1 |              1 |    1 |   3 |

## AB: Things

| id    | role   | what       | tests |
| ----- | ------ | ---------- | ----- |
| AB-01 | both   | one        | `a.rs::x`, `a.rs::y` |
| AB-02 | client | the second | not applicable: no need |
| AB-03 | server | three      | *open* |
";
    assert_eq!(page, expected);
}
