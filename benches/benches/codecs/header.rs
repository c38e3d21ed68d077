//! The message header.

use std::convert::Infallible;
use std::io::Cursor;

use ::speedy::{Readable, Writable};
use ::zerocopy::{FromBytes, IntoBytes};
use binrw::{BinRead, BinWrite};
use bytes::Bytes;
use criterion::Criterion;
use deku::{DekuContainerRead, DekuContainerWrite};
use firefly_benches::header::{SIZE, borsh, hand, pdl, samples, speedy, zerocopy};
use firefly_benches::peer;
use pdl::Packet;

/// What cannot fail has succeeded.
const OK: Result<(), Infallible> = Ok(());

pub fn decode(c: &mut Criterion) {
    use firefly_benches::header::{binrw, deku};

    let samples = samples();
    let mut group = peer::group(c, "header_decode");
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::header;
        peer::decode(&mut group, "ours from_array", &samples, header::from_array, |h| h.seq);
        peer::decode(&mut group, "ours Reader", &samples, header::read, |h| h.seq);
    }
    peer::decode(&mut group, "hand array", &samples, |b| hand::decode_array(b), |h| h.seq);
    peer::decode(&mut group, "hand bytes", &samples, |b| hand::decode_bytes(b), |h| h.seq);
    peer::decode(&mut group, "pdl", &samples, |b| pdl::Header::decode_full(b), |h| h.seq);
    peer::decode(&mut group, "binrw", &samples, |b| binrw::Header::read(&mut Cursor::new(b)), |h| h.seq);
    peer::decode(&mut group, "deku", &samples, |b| deku::Header::from_bytes((b, 0)), |(_, h)| h.seq);
    peer::decode(&mut group, "zerocopy value", &samples, |b| zerocopy::Header::read_from_bytes(b), |h| h.seq.get());
    peer::decode(&mut group, "zerocopy reference", &samples, |b| zerocopy::Header::ref_from_bytes(b), |h| h.seq.get());
    peer::decode(&mut group, "borsh", &samples, |b| ::borsh::from_slice::<borsh::Header>(b), |h| h.seq);
    peer::decode(&mut group, "speedy", &samples, |b| speedy::Header::read_from_buffer(b), |h| h.seq);
    peer::memcpy_fixed::<SIZE>(&mut group, &samples);
    group.finish();
}

pub fn encode(c: &mut Criterion) {
    use firefly_benches::header::{binrw, deku};

    let samples = samples();
    let mut group = peer::group(c, "header_encode");
    #[cfg(feature = "ours")]
    {
        use firefly_benches::ours::header;
        peer::encode(&mut group, "ours to_array", &samples, header::read, header::to_array);
        peer::encode_new(&mut group, "ours Writer (new)", &samples, header::read, header::write, |b| b.to_vec());
    }
    peer::encode(
        &mut group,
        "hand array",
        &samples,
        |b| hand::decode_array(b),
        |h, out| {
            hand::encode_array(h, out);
            OK
        },
    );
    peer::encode_new(
        &mut group,
        "hand array (new)",
        &samples,
        |b| hand::decode_array(b),
        |h| {
            let mut out = Vec::with_capacity(SIZE);
            hand::encode_array(h, &mut out);
            Ok::<_, Infallible>(Bytes::from(out))
        },
        |b| b.to_vec(),
    );
    peer::encode(
        &mut group,
        "hand bytes",
        &samples,
        |b| hand::decode_array(b),
        |h, out| {
            hand::encode_bytes(h, out);
            OK
        },
    );
    peer::encode(&mut group, "pdl", &samples, |b| pdl::Header::decode_full(b), |h, out| h.encode(out));
    peer::encode(
        &mut group,
        "binrw",
        &samples,
        |b| binrw::Header::read(&mut Cursor::new(b)),
        |h, out| h.write(&mut Cursor::new(out)),
    );
    peer::encode(
        &mut group,
        "deku to_slice",
        &samples,
        |b| deku::Header::from_bytes((b, 0)),
        |(_, h), out| {
            out.resize(SIZE, 0);
            h.to_slice(out).map(|_| ())
        },
    );
    peer::encode_new(
        &mut group,
        "deku to_bytes (new)",
        &samples,
        |b| deku::Header::from_bytes((b, 0)),
        |(_, h)| h.to_bytes(),
        |b| b,
    );
    peer::encode(
        &mut group,
        "zerocopy",
        &samples,
        |b| zerocopy::Header::read_from_bytes(b),
        |h, out| {
            out.extend_from_slice(h.as_bytes());
            OK
        },
    );
    peer::encode(
        &mut group,
        "borsh",
        &samples,
        |b| ::borsh::from_slice::<borsh::Header>(b),
        |h, out| ::borsh::to_writer(out, h),
    );
    peer::encode(
        &mut group,
        "speedy",
        &samples,
        |b| speedy::Header::read_from_buffer(b),
        |h, out| {
            out.resize(SIZE, 0);
            h.write_to_buffer(out)
        },
    );
    peer::memcpy_fixed::<SIZE>(&mut group, &samples);
    group.finish();
}
