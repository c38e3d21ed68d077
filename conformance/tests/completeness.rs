//! That nothing of Firefly's messages is missing: each is described, and each has a sample that comes back byte for byte.
//!
//! `docs/messages.md` shows the same as a page.

mod doctored;
mod messages;
mod support;

use std::collections::{BTreeMap, BTreeSet};

use firefly_conformance::corpus::types;
use firefly_runtime::codec::{Kind, TypeInfo};
use firefly_runtime::wire::payload::Payload;

use messages::{page, samples};

/// Numbers that Firefly defines, but makes no message of.
const RESERVED: [&str; 7] = [
    "MSG_PAXOS",
    "MSG_CLASS",
    "MSG_CLASS_ACK",
    "MSG_OSD_PG_SUMMARY",
    "MSG_MDS_INODEUPDATE",
    "MSG_MDS_EXPORTDIRWARNING",
    "MSG_MDS_EXPORTDIRWARNINGACK",
];

/// The numbers of all messages that Firefly can decode.
fn numbers() -> BTreeSet<u16> {
    let info = types().find(|info| info.name == "MessageType").expect("the enum of all numbers");
    let reserved = |name| RESERVED.contains(&name);
    assert_eq!(info.members.iter().filter(|member| reserved(member.name)).count(), RESERVED.len());
    let decodable = info.members.iter().filter(|member| !reserved(member.name));
    decodable.map(|member| u16::try_from(member.value).expect("a number of 16 bits")).collect()
}

/// The messages that the specification describes, by number.
fn described() -> BTreeMap<u16, &'static TypeInfo> {
    let mut described = BTreeMap::new();
    for info in types() {
        if let Kind::Message { number, opaque: false, older: false, .. } = info.kind {
            let other = described.insert(number, info);
            assert!(other.is_none(), "two messages have the number {number}");
        }
    }
    described
}

#[test]
fn every_message_is_described() {
    let numbers = numbers();
    assert_eq!(numbers.len(), 112);
    let described = described();
    assert_eq!(described.keys().copied().collect::<BTreeSet<_>>(), numbers);
    for (number, info) in described {
        assert!(info.codec.is_some(), "{} has no codec", info.name);
        assert_eq!(Payload::name_of(number), Some(info.name));
    }
}

#[test]
fn every_message_has_a_sample_that_is_what_is_written_again() {
    let samples = samples::all();
    assert_eq!(samples.inexact, BTreeSet::new());
    for (number, info) in described() {
        let sample = samples.by_number.get(&number);
        assert!(sample.is_some_and(|sample| sample.count() > 0), "there is no sample of {}", info.name);
    }
}

#[test]
fn the_page_of_all_messages_is_up_to_date() {
    page::check(samples::all());
}
