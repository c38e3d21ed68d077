//! Samples of messages, and whether they are what is written again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use arbitrary::Unstructured;
use firefly_conformance::capture;
use firefly_conformance::corpus::{self, Outcome};
use firefly_conformance::replay::{Options, replay_capture};
use firefly_runtime::codec::{Codec, Context, Kind, Target, TypeInfo};
use firefly_runtime::wire::features::FEATURES_ALL;

use crate::doctored::shared;

/// How many values of each message are made up.
const MADE_UP: u64 = 16;

/// All samples that are at hand.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Whether those beside the checkout are among them.
    pub(crate) shared: bool,
    pub(crate) by_number: BTreeMap<u16, Sample>,
    /// Messages of which some sample cannot be read or is not what is written again.
    pub(crate) inexact: BTreeSet<String>,
}

/// The samples of one message.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Real traffic: how many are in which capture.
    pub(crate) captures: BTreeMap<String, u64>,
    /// How many are in the corpus, where real daemons left them.
    pub(crate) corpus: u64,
    /// How many were made up.
    pub(crate) generated: u64,
}

impl Sample {
    pub(crate) fn count(&self) -> u64 {
        self.captures.values().sum::<u64>() + self.corpus + self.generated
    }
}

/// All samples; they are gathered once.
pub(crate) fn all() -> &'static Samples {
    static ALL: LazyLock<Samples> = LazyLock::new(|| {
        let mut samples = Samples::default();
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        let beside = shared("captures/firefly");
        samples.shared = beside.is_some();
        for (name, path) in [Some(bundled), beside].into_iter().flatten().flat_map(|folder| captures(&folder)).rev() {
            samples.add_capture(&name, &path);
        }
        for name in ["firefly-rc1-objects", "firefly-0.80.7-test-instances"] {
            if let Some(path) = samples.shared.then(|| shared(&format!("corpus/{name}.jsonl.gz"))).flatten() {
                samples.add_corpus(&path);
            }
        }
        for info in corpus::types() {
            samples.add_generated(info);
        }
        samples
    });
    &ALL
}

/// The captures in a folder, by name.
fn captures(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    let named = entries.filter_map(|path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".pcap.gz")?.to_owned();
        Some((name, path))
    });
    named.collect()
}

impl Samples {
    fn add_capture(&mut self, name: &str, path: &Path) {
        let report = replay_capture(&capture::read(path).expect("a capture"), &Options::named(name));
        for (number, by_type) in &report.counts.messages.by_type {
            if by_type.outcome.exact != by_type.count {
                self.inexact.insert(format!("{} in {name}", by_type.name));
            }
            self.by_number.entry(*number).or_default().captures.insert(name.to_owned(), by_type.count);
        }
    }

    fn add_corpus(&mut self, path: &Path) {
        for object in corpus::read(path).expect("a corpus") {
            let Some(Kind::Message { number, .. }) = corpus::find_cxx(&object.ty).map(|info| info.kind) else {
                continue;
            };
            match corpus::check(&object.ty, &object.bytes) {
                Outcome::Decoded { exact: true } => self.by_number.entry(number).or_default().corpus += 1,
                _ => _ = self.inexact.insert(format!("{} in the corpus", object.ty)),
            }
        }
    }

    fn add_generated(&mut self, info: &TypeInfo) {
        let (Kind::Message { number, older: false, .. }, Some(codec)) = (info.kind, info.codec) else { return };
        let sample = self.by_number.entry(number).or_default();
        // Not everything that can be made up can be written.
        for outcome in (0..).filter_map(|seed| made_up(codec, seed)).take(MADE_UP as usize) {
            sample.generated += 1;
            if !outcome {
                self.inexact.insert(format!("{} made up", info.name));
            }
        }
    }
}

/// Whether a made-up message, written and read, is what is written again; nothing if it cannot be written.
fn made_up(codec: Codec, seed: u64) -> Option<bool> {
    let noise = noise(seed);
    let value = codec.arbitrary(&mut Unstructured::new(&noise)).ok()?;
    let bytes = value.encode(Target::fresh(FEATURES_ALL)).ok()?;
    let again = codec.decode(bytes.clone(), &Context::new(FEATURES_ALL)).ok();
    Some(again.is_some_and(|again| again.encode(Target::exact(FEATURES_ALL)).is_ok_and(|again| again == bytes)))
}

/// Bytes that look random but always are the same.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..2048).map(|_| next()).collect()
}
