//! A whole message frame with a write of 4 KiB.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use firefly_benches::mosdop::{checksums, hand, samples};
use firefly_benches::peer;

/// What cannot fail has succeeded.
const OK: Result<(), Infallible> = Ok(());

pub fn decode(c: &mut Criterion) {
    let samples = samples();
    let mut group = peer::group(c, "mosdop_decode");
    group.throughput(Throughput::Bytes(samples[0].len() as u64));
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::mosdop;
        peer::decode(&mut group, "ours", &samples, mosdop::read, |received| received.header.seq);
        peer::decode(&mut group, "ours frame only", &samples, mosdop::read_frame, |frame| frame.header.seq);
    }
    peer::decode(&mut group, "hand in place", &samples, |b| hand::decode_in_place(b), |f| f.header.seq);
    peer::decode(&mut group, "hand Bytes", &samples, |b| hand::decode(b, |s| peer::share(b, s)), |f| f.header.seq);
    peer::decode(&mut group, "hand owned", &samples, |b| hand::decode(b, <[u8]>::to_vec), |f| f.header.seq);
    floors(&mut group, &samples);
    group.finish();
}

pub fn encode(c: &mut Criterion) {
    let samples = samples();
    let mut group = peer::group(c, "mosdop_encode");
    group.throughput(Throughput::Bytes(samples[0].len() as u64));
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::mosdop;
        peer::encode_new(&mut group, "ours pieces (new)", &samples, mosdop::read, mosdop::write, |pieces| {
            pieces.concat()
        });
        peer::encode_new(&mut group, "ours one piece (new)", &samples, mosdop::read, mosdop::write_whole, |b| {
            b.to_vec()
        });
    }
    peer::encode_new(
        &mut group,
        "hand pieces (new)",
        &samples,
        |b| hand::decode(b, |s| peer::share(b, s)).map(|frame| (b, frame)),
        |(_, frame)| {
            let (head, foot) = hand::encode_around(frame);
            Ok::<_, Infallible>(vec![Bytes::from(head), frame.request.ops[0].indata.clone(), Bytes::from(foot)])
        },
        |pieces| pieces.concat(),
    );
    peer::encode_new(
        &mut group,
        "hand one piece (new)",
        &samples,
        |b| hand::decode(b, <[u8]>::to_vec),
        |frame| {
            let mut out = Vec::with_capacity(4608);
            hand::encode(frame, &mut out);
            Ok::<_, Infallible>(out)
        },
        |out| out,
    );
    peer::encode(
        &mut group,
        "hand one piece",
        &samples,
        |b| hand::decode(b, <[u8]>::to_vec),
        |frame, out| {
            hand::encode(frame, out);
            OK
        },
    );
    floors(&mut group, &samples);
    group.finish();
}

fn floors(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>, samples: &[Bytes]) {
    let mut i = 0;
    group.bench_function("floor crc-fast", |b| {
        b.iter(|| {
            i = (i + 1) & (samples.len() - 1);
            checksums(black_box(&samples[i]))
        });
    });
    peer::memcpy(group, samples);
}
