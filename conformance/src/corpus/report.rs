//! What was found in a corpus.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Object, Outcome, check};

/// What was found in a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Corpus {
    /// Objects by Ceph's name of their type.
    pub by_type: BTreeMap<String, Tally>,
    /// All objects.
    pub summary: Tally,
    /// What is wrong with which object.
    pub failures: Vec<Fault>,
}

/// How many objects there are, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// All of them.
    pub count: u64,
    /// Those that were read.
    pub decoded: u64,
    /// Those that, written again, gave the same bytes.
    pub exact: u64,
    /// Those that could not be read.
    pub failed: u64,
    /// Those whose type the specification does not describe.
    pub unknown: u64,
}

/// What is wrong with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Ceph's name of its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// What the corpus calls it.
    pub name: String,
    /// What is wrong.
    pub message: String,
}

impl Corpus {
    /// Checks an object and counts it.
    pub fn add(&mut self, object: &Object) {
        let mut one = Tally { count: 1, ..Tally::default() };
        let wrong = match check(&object.ty, &object.bytes) {
            Outcome::Unknown => {
                one.unknown = 1;
                None
            }
            Outcome::Decoded { exact } => {
                (one.decoded, one.exact) = (1, u64::from(exact));
                (!exact).then(|| "is not what is written again".to_owned())
            }
            Outcome::Failed(failure) => {
                one.failed = 1;
                Some(failure.to_string())
            }
        };
        self.by_type.entry(object.ty.clone()).or_default().add(one);
        self.summary.add(one);
        self.failures.extend(wrong.map(|message| Fault { ty: object.ty.clone(), name: object.name.clone(), message }));
    }

    /// Whether nothing is wrong with any object.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether there was an object of a type that the specification describes.
    pub fn checked_anything(&self) -> bool {
        self.summary.count > self.summary.unknown
    }

    /// The report as JSON, with a line feed at the end.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            schema: &'static str,
            #[serde(flatten)]
            corpus: &'a Corpus,
        }
        let document = Document { schema: "firefly-corpus/1", corpus: self };
        let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
        text.push('\n');
        text
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.count += other.count;
        self.decoded += other.decoded;
        self.exact += other.exact;
        self.failed += other.failed;
        self.unknown += other.unknown;
    }
}
