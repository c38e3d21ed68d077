//! All benchmarks, in one program: `cargo bench -- mosdop_decode` runs one group of them.

mod crc;
mod entity_addr;
mod header;
mod map;
mod mosdop;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    header::decode,
    header::encode,
    entity_addr::decode,
    entity_addr::encode,
    mosdop::decode,
    mosdop::encode,
    map::decode,
    map::encode,
    crc::crcs,
);
criterion_main!(benches);
