//! That sessions of the runtime say what Firefly said: captures are played with an endpoint in the place of each
//! messenger. It hears what the real peers said, and is to say what the real messenger said, to the byte; of numbers
//! that are drawn (`global_seq`) only the order counts, and signatures are left out, for they need keys.
//!
//! What an application asked for, and what a process had read when a connection broke, is not in a capture. The former
//! is taken from what was sent, the latter from what later packets tell; how often is counted.

mod equivalence {
    pub(crate) mod check;
    pub(crate) mod evidence;
    pub(crate) mod node;
    pub(crate) mod people;
    pub(crate) mod script;
    pub(crate) mod story;
    pub(crate) mod tally;
    pub(crate) mod world;
}

use std::path::{Path, PathBuf};

use equivalence::story::Story;
use equivalence::tally::Tally;
use equivalence::world::play;
use firefly_conformance::capture::read;

/// How much there is of some kinds.
type Counts<'a> = &'a [(&'a str, u64)];

/// Plays a capture. Panics where anything differs, or where less is compared than there is in the capture.
fn played(path: &Path, broken: bool, counts: Counts<'_>) -> Tally {
    let capture = read(path).expect("a capture");
    assert!(capture.problems.is_empty(), "{}: {:?}", path.display(), capture.problems);
    let tally = play(&Story::of(&capture), broken);
    println!("{}\n{tally}", path.display());
    let differences = tally.differences.len();
    let first: Vec<&String> = tally.differences.iter().take(5).collect();
    assert!(first.is_empty(), "{}: {differences} differences, the first of them:\n{first:#?}", path.display());
    for (kind, count) in counts {
        assert_eq!(tally.compared(kind), *count, "{}: {kind}", path.display());
    }
    tally
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn bundled(name: &str, counts: Counts<'_>) -> Tally {
    played(&package().join("captures").join(name), false, counts)
}

/// A capture that lies beside the checkout. Says so if it is not there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = package().join("../../shared/captures/firefly").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here", path.display());
    None
}

// covers: HS-03, HS-04, HS-12, HS-17, HS-18, HS-19, HS-20, HS-21, HS-23, HS-25, HS-32, SQ-01
#[test]
fn the_smallest_whole_stories() {
    let mini = bundled(
        "mini-none.pcap.gz",
        &[("connect anew", 10), ("client hello", 10), ("server hello", 10), ("reply READY", 10), ("message", 135)],
    );
    let ipv6 = bundled(
        "ipv6-none.pcap.gz",
        &[("connect anew", 7), ("client hello", 7), ("server hello", 7), ("reply READY", 7), ("message", 105)],
    );
    // All attempts to connect are there, from the start of each process on: the numbers drawn are equal too.
    assert_eq!([mini.noted("global_seq equal as well"), ipv6.noted("global_seq equal as well")], [20, 14]);
    assert!(mini.skipped.is_empty() && ipv6.skipped.is_empty());
}

// covers: EN-05, HS-33, RC-23, RC-24
#[test]
fn monitors_that_connect_to_each_other_at_once() {
    let Some(path) = shared("boot-cephx.pcap.gz") else { return };
    let counts = [
        ("connect anew", 44),
        ("reply READY", 37),
        ("reply SEQ", 4),
        ("reply WAIT", 3),
        ("number behind SEQ, client", 4),
        ("number behind SEQ, server", 4),
        ("message", 5_436),
    ];
    played(&path, false, &counts);
}

#[test]
fn all_kinds_of_daemons_and_clients() {
    for (name, connects, replies, messages) in [
        ("client-cephx.pcap.gz", 41, 41, 468),
        ("osd-recovery.pcap.gz", 47, 44, 10_259),
        ("mds-export-cephx.pcap.gz", 23, 23, 12_111),
    ] {
        let Some(path) = shared(name) else { return };
        played(&path, false, &[("connect anew", connects), ("reply READY", replies), ("message", messages)]);
    }
}

// covers: PO-01, RC-03, RC-06, RC-08, RC-09, RC-12, RC-13, RC-14, RC-17, RC-28, RC-29, RC-31, SQ-13, SQ-14, SQ-15
#[test]
fn connections_that_break_all_the_time() {
    let Some(path) = shared("faults-cephx.pcap.gz") else { return };
    let counts = [
        ("connect anew", 299),
        ("connect again", 407),
        ("connect after RETRY_SESSION", 15),
        ("reply READY", 265),
        ("reply READY, cut", 6),
        ("reply RETRY_SESSION", 18),
        ("reply RETRY_SESSION, cut", 4),
        ("reply SEQ", 270),
        ("reply SEQ, cut", 5),
        ("reply WAIT", 76),
        ("reply WAIT, cut", 10),
        ("number behind SEQ, client", 253),
        ("number behind SEQ, server", 265),
        ("message", 5_576),
        ("message sent again", 476),
    ];
    played(&path, true, &counts);
}
