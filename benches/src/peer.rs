//! Timing one codec.

use std::fmt::Debug;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};

/// A group of benchmarks in which every codec gets the same time.
pub fn group<'c>(c: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.sample_size(50).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
    group
}

/// Times reading. `link` is the number in a value that leads to the next sample.
pub fn decode<'s, V, E: Debug>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    samples: &'s [Bytes],
    decode: impl Fn(&'s Bytes) -> Result<V, E>,
    link: impl Fn(&V) -> u64,
) {
    let mask = samples.len() - 1;
    let mut i = 0;
    group.bench_function(name, |b| {
        b.iter(|| {
            let value = decode(&samples[i]).expect("samples are well-formed");
            i = link(&value) as usize & mask;
            value
        });
    });
}

/// Times writing into a buffer that is used again and again, after having checked that all samples come out as they
/// went in.
pub fn encode<'s, V, E: Debug, F: Debug>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    samples: &'s [Bytes],
    decode: impl Fn(&'s Bytes) -> Result<V, E>,
    encode: impl Fn(&V, &mut Vec<u8>) -> Result<(), F>,
) {
    let values = values(samples, decode);
    let mut out = Vec::with_capacity(2 * samples.iter().map(Bytes::len).max().unwrap_or(0));
    for (value, sample) in values.iter().zip(samples) {
        out.clear();
        encode(value, &mut out).expect("what was read can be written");
        assert_eq!(out, *sample, "{name} writes other bytes than it read");
    }
    let mut i = 0;
    group.bench_function(name, |b| {
        b.iter(|| {
            i = (i + 1) & (samples.len() - 1);
            out.clear();
            encode(black_box(&values[i]), &mut out).expect("what was read can be written");
            black_box(out.as_ptr());
        });
    });
}

/// Times writing into new memory, which is freed inside the measured time, after the same check. `whole` makes one
/// piece of what was written; it is not timed.
pub fn encode_new<'s, V, O, E: Debug, F: Debug>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    samples: &'s [Bytes],
    decode: impl Fn(&'s Bytes) -> Result<V, E>,
    encode: impl Fn(&V) -> Result<O, F>,
    whole: impl Fn(O) -> Vec<u8>,
) {
    let values = values(samples, decode);
    for (value, sample) in values.iter().zip(samples) {
        let out = whole(encode(value).expect("what was read can be written"));
        assert_eq!(out, *sample, "{name} writes other bytes than it read");
    }
    let mut i = 0;
    group.bench_function(name, |b| {
        b.iter(|| {
            i = (i + 1) & (samples.len() - 1);
            encode(black_box(&values[i])).expect("what was read can be written")
        });
    });
}

/// Times the copying of samples whose size is known to the compiler.
pub fn memcpy_fixed<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>, samples: &[Bytes]) {
    let mut out = [0; N];
    let mut i = 0;
    group.bench_function("floor memcpy", |b| {
        b.iter(|| {
            i = (i + 1) & (samples.len() - 1);
            out = *black_box(&samples[i]).first_chunk::<N>().expect("samples have this size");
            black_box(&mut out);
        });
    });
}

/// Times the copying of each sample, which bounds what any codec that copies can do.
pub fn memcpy(group: &mut BenchmarkGroup<'_, WallTime>, samples: &[Bytes]) {
    let mut out = vec![0; samples.iter().map(Bytes::len).max().unwrap_or(0)];
    let mut i = 0;
    group.bench_function("floor memcpy", |b| {
        b.iter(|| {
            i = (i + 1) & (samples.len() - 1);
            let sample = black_box(&samples[i]);
            out[..sample.len()].copy_from_slice(sample);
            black_box(out.as_ptr());
        });
    });
}

/// A slice of the bytes that shares them, as a hand-written codec makes it: of where the slice lies in them.
#[inline]
pub fn share(bytes: &Bytes, slice: &[u8]) -> Bytes {
    if slice.is_empty() {
        return Bytes::new();
    }
    let start = slice.as_ptr().addr() - bytes.as_ptr().addr();
    bytes.slice(start..start + slice.len())
}

fn values<'s, V, E: Debug>(samples: &'s [Bytes], decode: impl Fn(&'s Bytes) -> Result<V, E>) -> Vec<V> {
    assert!(samples.len().is_power_of_two());
    samples.iter().map(|sample| decode(sample).expect("samples are well-formed")).collect()
}
