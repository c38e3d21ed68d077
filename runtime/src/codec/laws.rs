//! The laws that every generated codec keeps, as a test.

use arbitrary::Unstructured;
use bytes::Bytes;

use super::{AnyValue, ChecksumPolicy, Codec, Context, Limits, Target, TypeInfo, hex};

/// How many values are built.
const VALUES: usize = 200;
/// How many prefixes of the bytes of a value are tried.
const CUTS: usize = 16;
/// How often the bytes of a value are changed at random.
const MUTATIONS: usize = 12;
/// What reading changed bytes may take.
const SMALL: Limits = Limits { memory: 1 << 20 };

/// Panics if the codec of the type breaks a law. Does nothing for types without a codec.
///
/// The inputs are pseudo-random but always the same.
pub fn hold(info: &TypeInfo) {
    let Some(codec) = info.codec else { return };
    let mut laws = Laws { info, codec, random: Random::new(info.name), rejected: 0, built: 0 };
    for _ in 0..VALUES {
        laws.one_value();
    }
    assert!(
        laws.rejected * 10 <= laws.built * 9,
        "{}: {} of {} arbitrary values cannot be written",
        info.name,
        laws.rejected,
        laws.built
    );
}

struct Laws<'a> {
    info: &'a TypeInfo,
    codec: Codec,
    random: Random,
    rejected: usize,
    built: usize,
}

impl Laws<'_> {
    fn one_value(&mut self) {
        let length = self.random.below(1024);
        let seed = self.random.bytes(length);
        let Ok(value) = self.codec.arbitrary(&mut Unstructured::new(&seed)) else { return };
        self.built += 1;
        let target = Target::fresh(u64::MAX);
        let Ok(bytes) = value.encode(target) else {
            self.rejected += 1;
            return;
        };
        self.check_size(&*value, target, &bytes);
        self.round_trip(&*value, &bytes);
        self.old_peer(&*value);
        self.prefixes(&bytes);
        self.mutations(&bytes);
        self.huge_lengths(&bytes);
        self.longer_envelope(&bytes);
    }

    fn check_size(&self, value: &dyn AnyValue, target: Target, bytes: &Bytes) {
        if let Some(size) = value.size(target)
            && size != bytes.len()
        {
            self.broken(&format!("the size is {size}, but {} bytes were written", bytes.len()), bytes);
        }
    }

    /// What was written reads as the same value, which is written the same way.
    fn round_trip(&self, value: &dyn AnyValue, bytes: &Bytes) {
        let again = match self.codec.decode(bytes.clone(), &Context::new(u64::MAX)) {
            Ok(again) => again,
            Err(e) => self.broken(&format!("what was written cannot be read: {e}\n{value:?}"), bytes),
        };
        // A value with a NaN does not even equal itself.
        if value.equals(value) && !value.equals(&*again) {
            self.broken(&format!("written:\n{value:?}\nread:\n{again:?}"), bytes);
        }
        self.same_bytes("what was written", &*again, u64::MAX, bytes);
    }

    /// What is written for a peer that can do nothing, if it can be, is read and written back in the same form.
    fn old_peer(&self, value: &dyn AnyValue) {
        let target = Target::fresh(0);
        let Ok(bytes) = value.encode(target) else { return };
        self.check_size(value, target, &bytes);
        match self.codec.decode(bytes.clone(), &Context::new(0)) {
            Ok(again) => self.same_bytes("what was written for an old peer", &*again, 0, &bytes),
            Err(e) => self.broken(&format!("what was written for an old peer cannot be read: {e}\n{value:?}"), &bytes),
        }
    }

    /// A value that was read is written back as the same bytes.
    fn same_bytes(&self, what: &str, value: &dyn AnyValue, features: u64, bytes: &Bytes) {
        let target = Target::exact(features);
        match value.encode(target) {
            Ok(again) if again == *bytes => self.check_size(value, target, bytes),
            Ok(again) => self.broken(
                &format!(
                    "{what} can be read, but with features {features:#x} is written back as {}\n{value:?}",
                    hex::encode(&again)
                ),
                bytes,
            ),
            Err(e) => self.broken(&format!("{what} can be read, but not written back: {e}\n{value:?}"), bytes),
        }
    }

    /// A part of the bytes is an error, or is itself the bytes of a value.
    fn prefixes(&mut self, bytes: &Bytes) {
        for cut in 0..bytes.len().min(CUTS) {
            let cut = if bytes.len() <= CUTS { cut } else { self.random.below(bytes.len()) };
            let prefix = bytes.slice(..cut);
            if let Ok(value) = self.codec.decode(prefix.clone(), &Context::new(u64::MAX)) {
                self.same_bytes("a part", &*value, u64::MAX, &prefix);
            }
        }
    }

    /// Changed bytes are an error, or the bytes of another value.
    fn mutations(&mut self, bytes: &Bytes) {
        if bytes.is_empty() {
            return;
        }
        for i in 0..MUTATIONS {
            let mut changed = bytes.to_vec();
            for _ in 0..=self.random.below(3) {
                let at = self.random.below(changed.len());
                changed[at] = self.random.next() as u8;
            }
            let changed = Bytes::from(changed);
            let features = if i % 2 == 0 { u64::MAX } else { 0 };
            let checksums = if i % 3 == 0 { ChecksumPolicy::Verify } else { ChecksumPolicy::Report };
            let ctx = Context { checksums, limits: SMALL, ..Context::new(features) };
            if let Ok(value) = self.codec.decode(changed.clone(), &ctx) {
                self.same_bytes("a change", &*value, features, &changed);
            }
        }
    }

    /// Whatever a length says, nothing panics and little memory is taken.
    fn huge_lengths(&mut self, bytes: &Bytes) {
        let ctx = Context { limits: SMALL, checksums: ChecksumPolicy::Report, ..Context::new(u64::MAX) };
        for _ in 0..bytes.len().saturating_sub(3).min(CUTS) {
            let at = self.random.below(bytes.len() - 3);
            let mut changed = bytes.to_vec();
            changed[at..at + 4].fill(0xff);
            let _ = self.codec.decode(Bytes::from(changed), &ctx);
        }
    }

    /// Fields from the future at the end of an envelope are kept.
    fn longer_envelope(&mut self, bytes: &Bytes) {
        let Some(newest) = self.info.versions.last().filter(|v| v.form == "envelope") else { return };
        let Some((head, _)) = bytes.split_first_chunk::<6>() else { return };
        let [version, _, a, b, c, d] = *head;
        if u32::from(version) < newest.from {
            return;
        }
        let n = 1 + self.random.below(8);
        let length = u32::from_le_bytes([a, b, c, d]) + n as u32;
        let mut longer = bytes.to_vec();
        longer[2..6].copy_from_slice(&length.to_le_bytes());
        longer.extend(self.random.bytes(n));
        let longer = Bytes::from(longer);
        match self.codec.decode(longer.clone(), &Context::new(u64::MAX)) {
            Ok(value) => self.same_bytes("a longer envelope", &*value, u64::MAX, &longer),
            // Fields that are there if there is more take what was appended for themselves.
            Err(_) if self.info.fields.iter().any(|f| f.presence.contains("more")) => {}
            Err(e) => self.broken(&format!("a longer envelope cannot be read: {e}"), &longer),
        }
    }

    #[track_caller]
    fn broken(&self, what: &str, bytes: &Bytes) -> ! {
        panic!("{}: {what}\nbytes: {}", self.info.name, hex::encode(bytes))
    }
}

/// Pseudo-random numbers: xorshift, seeded by a name.
struct Random(u64);

impl Random {
    fn new(name: &str) -> Self {
        let seed = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Random(seed.max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }
}

#[cfg(all(test, feature = "serde", feature = "arbitrary"))]
mod tests {
    use super::hold;
    use crate::codec::testing::{Sample, describe};
    use crate::codec::*;

    #[test]
    fn hold_for_a_right_codec() {
        hold(&describe(Codec::of::<Sample>(), "envelope"));
        hold(&describe(Codec::message::<Sample>(), "message"));
        hold(&TypeInfo { codec: None, ..describe(Codec::of::<Sample>(), "") });
    }

    /// A sample with something wrong.
    macro_rules! broken {
        ($test:ident, $message:literal, $decode:expr, $encode:expr, $size:expr) => {
            #[test]
            #[should_panic(expected = $message)]
            fn $test() {
                #[derive(Clone, Debug, PartialEq, serde::Serialize)]
                struct Broken(Sample);
                impl Wire for Broken {
                    const NAME: &'static str = "Broken";
                    const MIN_SIZE: usize = 0;
                    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
                        let sample = <Sample as Wire>::decode(r)?;
                        let change: fn(Sample, &mut Reader) -> Result<Sample, DecodeError> = $decode;
                        change(sample, r).map(Broken)
                    }
                    fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
                        let encode: fn(&Sample, &mut Writer) -> Result<(), EncodeError> = $encode;
                        encode(&self.0, w)
                    }
                    fn size(&self, t: Target) -> usize {
                        let size: fn(&Sample, Target) -> usize = $size;
                        size(&self.0, t)
                    }
                }
                impl<'a> arbitrary::Arbitrary<'a> for Broken {
                    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
                        u.arbitrary().map(Broken)
                    }
                }
                hold(&describe(Codec::of::<Broken>(), "envelope"));
            }
        };
    }

    broken!(wrong_size, "Sample: the size is", |s, _| Ok(s), Wire::encode, |s, t| Wire::size(s, t) + 1);
    broken!(lost_value, "Sample: written:", |s, _| Ok(Sample { number: 0, ..s }), Wire::encode, Wire::size);
    broken!(
        unreadable,
        "what was written cannot be read: at byte",
        |_, r| Err(r.fail(DecodeErrorKind::NotBoolean { found: 2 })),
        Wire::encode,
        Wire::size
    );
    broken!(
        lost_origin,
        "can be read, but with features",
        |s, _| Ok(Sample { origin: Origin::default(), ..s }),
        Wire::encode,
        Wire::size
    );
    broken!(
        unwritable,
        "arbitrary values cannot be written",
        |s, _| Ok(s),
        |_, _| Err(EncodeError::new(EncodeErrorKind::Lost)),
        Wire::size
    );
    broken!(
        rejects_the_future,
        "a longer envelope cannot be read",
        |s, r| if s.origin.tail().is_empty() { Ok(s) } else { Err(r.fail(DecodeErrorKind::Trailing { bytes: 1 })) },
        Wire::encode,
        Wire::size
    );
}
