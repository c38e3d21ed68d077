//! CRC-32C of a header, of a page and of an object.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use firefly_benches::samples::Numbers;
use firefly_benches::{crc, peer};

pub fn crcs(c: &mut Criterion) {
    for (name, size) in [("crc_53B", 53), ("crc_4KiB", 4096), ("crc_4MiB", 4 << 20)] {
        let data = Numbers::new(5).bytes(size);
        assert_eq!(crc::fast(&data), crc::sse(&data));
        let mut group = peer::group(c, name);
        group.throughput(Throughput::Bytes(size as u64));
        #[cfg(feature = "ours")]
        {
            use firefly_benches::ours;
            assert_eq!(crc::fast(&data), ours::crc(&data));
            group.bench_function("ours", |b| b.iter(|| ours::crc(black_box(&data))));
        }
        group.bench_function("crc-fast", |b| b.iter(|| crc::fast(black_box(&data))));
        group.bench_function("crc32c", |b| b.iter(|| crc::sse(black_box(&data))));
        group.finish();
    }
}
