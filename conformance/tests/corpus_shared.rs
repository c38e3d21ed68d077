//! Objects encoded by Ceph itself, which lie beside the checkout. Without them the tests say so and pass.

mod doctored;
mod support;

use doctored::shared;
use firefly_conformance::corpus::{Corpus, read};

fn check(name: &str) -> Option<Corpus> {
    let mut corpus = Corpus::default();
    read(&shared(name)?).expect("a corpus").iter().for_each(|object| corpus.add(object));
    Some(corpus)
}

#[test]
fn every_object_of_a_known_type_is_what_is_written_again() {
    for (name, count) in
        [("corpus/firefly-rc1-objects.jsonl.gz", 692), ("corpus/firefly-0.80.7-test-instances.jsonl.gz", 351)]
    {
        let Some(corpus) = check(name) else { return };
        assert_eq!(corpus.summary.count, count, "{name}");
        assert!(corpus.checked_anything());
        assert_eq!(corpus.failures, [], "{name}");
        assert_eq!(corpus.summary.exact, corpus.summary.decoded, "{name}");
    }
}
