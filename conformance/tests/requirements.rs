//! That each requirement of the protocol is covered by a test, does not apply, or is known to be open.
//!
//! A test names what it covers in a comment above it: `covers: RC-01, RC-17`. `docs/requirements.md` shows the whole.

mod requirements {
    pub(crate) mod covers;
    pub(crate) mod list;
    pub(crate) mod page;
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use requirements::covers::{Covers, scan};
use requirements::list::{Families, Role, families};
use requirements::page::{self, Coverage};

/// The packages whose tests count.
const PACKAGES: [&str; 5] = ["spec", "codegen", "runtime", "conformance", "fuzz"];

/// What all tests of the workspace say they cover.
fn covers() -> Vec<Covers> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    PACKAGES.iter().flat_map(|package| scan(&root, package)).collect()
}

/// The tests of each requirement, in order.
fn coverage() -> Coverage {
    let mut coverage = Coverage::new();
    for covers in covers() {
        for id in covers.ids {
            coverage.entry(id).or_default().insert(covers.test.clone());
        }
    }
    coverage
}

#[test]
fn the_list_is_whole() {
    let counts: BTreeMap<&str, usize> =
        families().list.iter().map(|f| (f.code.as_str(), f.requirements.len())).collect();
    let expected = [
        ("EN", 19),
        ("HS", 43),
        ("RC", 33),
        ("FR", 17),
        ("CR", 12),
        ("SQ", 20),
        ("KA", 10),
        ("TH", 8),
        ("PO", 20),
        ("AU", 35),
        ("MA", 19),
        ("MT", 12),
        ("DQ", 5),
        ("ER", 34),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    assert_eq!(counts.values().sum::<usize>(), 287);
    for family in &families().list {
        for (n, requirement) in family.requirements.iter().enumerate() {
            assert_eq!(requirement.id, format!("{}-{:02}", family.code, n + 1));
        }
    }
}

#[test]
fn tests_cover_what_is_in_the_list() {
    let known: BTreeSet<&str> = ids(families()).collect();
    for Covers { ids, test } in covers() {
        for id in ids {
            assert!(known.contains(id.as_str()), "{test} covers {id}, which is not in the list");
        }
    }
}

#[test]
fn nothing_is_covered_that_does_not_apply() {
    let (known, coverage): (BTreeSet<&str>, _) = (ids(families()).collect(), coverage());
    for id in families().not_applicable.keys() {
        assert!(known.contains(id.as_str()), "{id} is not in the list");
        assert!(!coverage.contains_key(id), "{id} does not apply, but {:?} cover it", coverage[id]);
    }
}

#[test]
fn the_page_of_all_requirements_is_up_to_date() {
    page::check(families(), &coverage());
}

fn ids(families: &Families) -> impl Iterator<Item = &str> {
    families.list.iter().flat_map(|family| &family.requirements).map(|requirement| requirement.id.as_str())
}

#[test]
fn roles_and_reasons_are_read() {
    let text = "# a remark\n\n[AB First things]\nAB-01 both   this | that\nAB-02 client other\n\n[not applicable]\nAB-02 why not\n";
    let families = Families::parse(text);
    let [family] = &families.list[..] else { panic!("{families:?}") };
    assert_eq!((family.code.as_str(), family.title.as_str()), ("AB", "First things"));
    assert_eq!(family.requirements[0].title, "this | that");
    assert_eq!(family.requirements.iter().map(|r| r.role).collect::<Vec<_>>(), [Role::Both, Role::Client]);
    assert_eq!(families.not_applicable, BTreeMap::from([("AB-02".to_owned(), "why not".to_owned())]));
}
