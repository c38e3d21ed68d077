//! A map of a thousand entries.

use std::convert::Infallible;
use std::io::Cursor;

use ::speedy::{Readable, Writable};
use binrw::{BinRead, BinWrite};
use bytes::Bytes;
use criterion::Criterion;
use deku::{DekuContainerRead, DekuContainerWrite};
use firefly_benches::map::{borsh, hand, pdl, samples, speedy};
use firefly_benches::peer;
use pdl::Packet;

/// What cannot fail has succeeded.
const OK: Result<(), Infallible> = Ok(());

pub fn decode(c: &mut Criterion) {
    use firefly_benches::map::{binrw, deku};

    let samples = samples();
    let mut group = peer::group(c, "map_decode");
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::map;
        peer::decode(&mut group, "ours", &samples, map::read, map::link);
    }
    peer::decode(&mut group, "hand borrowed", &samples, |b| hand::decode(b, |s| s), |m| m[0].a);
    peer::decode(&mut group, "hand Bytes", &samples, |b| hand::decode(b, |s| peer::share(b, s)), |m| m[0].a);
    peer::decode(&mut group, "hand owned", &samples, |b| hand::decode(b, <[u8]>::to_vec), |m| m[0].a);
    peer::decode(&mut group, "pdl", &samples, |b| pdl::Table::decode_full(b), |m| m.entries[0].a);
    peer::decode(&mut group, "binrw", &samples, |b| binrw::Table::read(&mut Cursor::new(b)), |m| m.entries[0].a);
    peer::decode(&mut group, "deku", &samples, |b| deku::Table::from_bytes((b, 0)), |(_, m)| m.entries[0].a);
    peer::decode(&mut group, "borsh", &samples, |b| ::borsh::from_slice::<Vec<borsh::Entry>>(b), |m| m[0].a);
    peer::decode(&mut group, "speedy", &samples, |b| Vec::<speedy::Entry>::read_from_buffer(b), |m| m[0].a);
    peer::memcpy(&mut group, &samples);
    group.finish();
}

pub fn encode(c: &mut Criterion) {
    use firefly_benches::map::{binrw, deku};

    let samples = samples();
    let mut group = peer::group(c, "map_encode");
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::map;
        peer::encode_new(&mut group, "ours (new)", &samples, map::read, map::write, |b| b.to_vec());
    }
    peer::encode(
        &mut group,
        "hand borrowed",
        &samples,
        |b| hand::decode(b, |s| s),
        |m, out| {
            hand::encode(m, out);
            OK
        },
    );
    peer::encode_new(
        &mut group,
        "hand Bytes (new)",
        &samples,
        |b| hand::decode(b, |s| peer::share(b, s)),
        |m| {
            let mut out = Vec::new();
            hand::encode(m, &mut out);
            Ok::<_, Infallible>(Bytes::from(out))
        },
        |b| b.to_vec(),
    );
    peer::encode(&mut group, "pdl", &samples, |b| pdl::Table::decode_full(b), |m, out| m.encode(out));
    peer::encode(
        &mut group,
        "binrw",
        &samples,
        |b| binrw::Table::read(&mut Cursor::new(b)),
        |m, out| m.write(&mut Cursor::new(out)),
    );
    peer::encode_new(
        &mut group,
        "deku to_bytes (new)",
        &samples,
        |b| deku::Table::from_bytes((b, 0)),
        |(_, m)| m.to_bytes(),
        |b| b,
    );
    peer::encode(
        &mut group,
        "borsh",
        &samples,
        |b| ::borsh::from_slice::<Vec<borsh::Entry>>(b),
        |m, out| ::borsh::to_writer(out, m),
    );
    peer::encode(
        &mut group,
        "speedy",
        &samples,
        |b| Vec::<speedy::Entry>::read_from_buffer(b),
        |m, out| m.write_to_stream(out),
    );
    peer::memcpy(&mut group, &samples);
    group.finish();
}
