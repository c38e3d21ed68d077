//! Decoded objects against the JSON that Ceph's own tools print for them, value by value. The objects lie beside the
//! checkout; without them the tests say so and pass.

mod doctored;
mod support;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use doctored::shared;
use firefly_conformance::corpus::{Value, decode, find_cxx};
use firefly_runtime::wire::features::FEATURES_ALL;
use serde_json::json;

use truth::compare::{Outcome, compare};
use truth::dump::{Dumped, Node, read};
use truth::rules::Rules;

/// How large dumps are of which every value is changed.
const SMALL: usize = 40;

fn objects() -> Option<Vec<Dumped>> {
    let mut objects = Vec::new();
    for name in ["firefly-rc1-objects", "firefly-0.80.7-test-instances"] {
        objects.extend(read(&shared(&format!("corpus/{name}.jsonl.gz"))?));
    }
    Some(objects)
}

/// The object as we read it; nothing if the specification does not describe its type.
fn ours(object: &Dumped) -> Option<serde_json::Value> {
    let info = find_cxx(&object.ty).filter(|info| info.codec.is_some())?;
    let value = decode(info, object.bytes.clone(), FEATURES_ALL).expect("what Ceph wrote").expect("a codec");
    let json = value.json().expect("JSON");
    Some(match value {
        Value::Message(..) => json!({ "header": json["header"], "message": json["message"] }),
        _ => json,
    })
}

#[test]
fn every_value_in_a_dump_is_in_the_decoded_object() {
    let Some(objects) = objects() else { return };
    let rules = Rules::new();
    let mut outcomes: BTreeMap<&str, Outcome> = BTreeMap::new();
    let mut excepted = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for object in &objects {
        if let Some(reason) = rules.exception(&object.ty) {
            excepted.insert(object.ty.as_str(), reason);
        } else if let Some(ours) = ours(object) {
            compare(&rules, &object.ty, &object.dump, &ours, outcomes.entry(&object.ty).or_default());
        } else {
            unknown.insert(object.ty.as_str());
        }
    }
    let wrong: Vec<&String> = outcomes.values().flat_map(|outcome| &outcome.mismatches).collect();
    assert!(wrong.is_empty(), "{} mismatches:\n{wrong:#?}", wrong.len());
    insta::assert_snapshot!(told(&outcomes, &excepted, &unknown));
}

/// How much was compared, and all that was not.
fn told(outcomes: &BTreeMap<&str, Outcome>, excepted: &BTreeMap<&str, &str>, unknown: &BTreeSet<&str>) -> String {
    let mut text = format!("{} types without a specification\n\n", unknown.len());
    unknown.iter().for_each(|ty| _ = writeln!(text, "  {ty}"));
    let _ = writeln!(text, "\n{} types excepted\n", excepted.len());
    excepted.iter().for_each(|(ty, reason)| _ = writeln!(text, "  {ty}: {reason}"));
    let sum = |values: fn(&Outcome) -> usize| outcomes.values().map(values).sum::<usize>();
    let _ = writeln!(text, "\n{} values excepted\n", sum(Outcome::excepted));
    for (ty, outcome) in outcomes {
        for ((path, reason), count) in outcome.exceptions.iter().filter(|(_, count)| **count > 0) {
            let _ = writeln!(text, "  {ty} {path}, {count}: {reason}");
        }
    }
    let _ = writeln!(text, "\n{} values of {} types compared\n", sum(|outcome| outcome.matched), outcomes.len());
    for (ty, outcome) in outcomes {
        let _ = writeln!(text, "  {ty} {} of {}", outcome.matched, outcome.matched + outcome.excepted());
    }
    text
}

/// A comparison that finds nothing wrong in whatever dump would prove nothing.
#[test]
fn a_value_that_is_changed_is_noticed() {
    let Some(objects) = objects() else { return };
    let rules = Rules::new();
    let is_small = |object: &&Dumped| object.dump.leaves() <= SMALL && rules.exception(&object.ty).is_none();
    for object in objects.iter().filter(is_small) {
        let Some(ours) = ours(object) else { continue };
        let compare = |dump: &Node| {
            let mut outcome = Outcome::default();
            compare(&rules, &object.ty, dump, &ours, &mut outcome);
            outcome
        };
        let compared = object.dump.leaves() - compare(&object.dump).excepted();
        let noticed = (0..object.dump.leaves()).filter(|&n| {
            let mut dump = object.dump.clone();
            dump.change(n);
            !compare(&dump).mismatches.is_empty()
        });
        assert_eq!(noticed.count(), compared, "{}: {:?}", object.ty, object.dump);
    }
}
