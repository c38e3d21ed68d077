//! The address of a process.

use std::convert::Infallible;
use std::io::Cursor;

use ::zerocopy::{FromBytes, IntoBytes};
use binrw::{BinRead, BinWrite};
use bytes::Bytes;
use criterion::Criterion;
use deku::{DekuContainerRead, DekuContainerWrite};
use firefly_benches::entity_addr::{SIZE, hand, samples, zerocopy};
use firefly_benches::peer;

/// What cannot fail has succeeded.
const OK: Result<(), Infallible> = Ok(());

pub fn decode(c: &mut Criterion) {
    use firefly_benches::entity_addr::{binrw, deku};

    let samples = samples();
    let mut group = peer::group(c, "entity_addr_decode");
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::entity_addr;
        peer::decode(&mut group, "ours Reader", &samples, entity_addr::read, |a| u64::from(a.nonce));
    }
    peer::decode(&mut group, "hand forms", &samples, |b| hand::decode_forms(b), |a| u64::from(a.nonce));
    peer::decode(&mut group, "hand image", &samples, |b| hand::decode_image(b), |a| u64::from(a.nonce));
    peer::decode(
        &mut group,
        "binrw",
        &samples,
        |b| binrw::EntityAddr::read(&mut Cursor::new(b)),
        |a| u64::from(a.nonce),
    );
    peer::decode(&mut group, "deku", &samples, |b| deku::EntityAddr::from_bytes((b, 0)), |(_, a)| u64::from(a.nonce));
    peer::decode(
        &mut group,
        "zerocopy value",
        &samples,
        |b| zerocopy::EntityAddr::read_from_bytes(b),
        |a| u64::from(a.nonce.get()),
    );
    peer::decode(
        &mut group,
        "zerocopy reference",
        &samples,
        |b| zerocopy::EntityAddr::ref_from_bytes(b),
        |a| u64::from(a.nonce.get()),
    );
    peer::memcpy_fixed::<SIZE>(&mut group, &samples);
    group.finish();
}

pub fn encode(c: &mut Criterion) {
    use firefly_benches::entity_addr::{binrw, deku};

    let samples = samples();
    let mut group = peer::group(c, "entity_addr_encode");
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::entity_addr;
        peer::encode_new(&mut group, "ours Writer (new)", &samples, entity_addr::read, entity_addr::write, |b| {
            b.to_vec()
        });
    }
    peer::encode(
        &mut group,
        "hand forms",
        &samples,
        |b| hand::decode_forms(b),
        |a, out| {
            hand::encode_forms(a, out);
            OK
        },
    );
    peer::encode_new(
        &mut group,
        "hand forms (new)",
        &samples,
        |b| hand::decode_forms(b),
        |a| {
            let mut out = Vec::with_capacity(SIZE);
            hand::encode_forms(a, &mut out);
            Ok::<_, Infallible>(Bytes::from(out))
        },
        |b| b.to_vec(),
    );
    peer::encode(
        &mut group,
        "hand image",
        &samples,
        |b| hand::decode_image(b),
        |a, out| {
            hand::encode_image(a, out);
            OK
        },
    );
    peer::encode(
        &mut group,
        "binrw",
        &samples,
        |b| binrw::EntityAddr::read(&mut Cursor::new(b)),
        |a, out| a.write(&mut Cursor::new(out)),
    );
    peer::encode(
        &mut group,
        "deku to_slice",
        &samples,
        |b| deku::EntityAddr::from_bytes((b, 0)),
        |(_, a), out| {
            out.resize(SIZE, 0);
            a.to_slice(out).map(|_| ())
        },
    );
    peer::encode(
        &mut group,
        "zerocopy",
        &samples,
        |b| zerocopy::EntityAddr::read_from_bytes(b),
        |a, out| {
            out.extend_from_slice(a.as_bytes());
            OK
        },
    );
    peer::memcpy_fixed::<SIZE>(&mut group, &samples);
    group.finish();
}
