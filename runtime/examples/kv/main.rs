//! A protocol of one's own: `kv.wire` says what lies on the wire, and this program uses what is generated from it.
//!
//! `cargo run --example kv`

#[path = "kv.wire"]
mod kv;

use firefly_runtime::codec::{Bytes, Context, FrameBuffer, Framed, Target, from_bytes, hex, to_bytes};
use kv::{Abilities, Command, Entry, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let entry = Entry {
        value: Bytes::from_static(b"42"),
        labels: [("unit".into(), "m".into())].into_iter().collect(),
        expires: 60,
        ..Entry::default()
    };
    let request =
        Request { id: 7, body: Framed::from(Command::Put { key: "depth".into(), entry }), ..Request::default() };

    // Lengths, the magic number and the checksum are computed: they are not in the struct.
    let bytes = to_bytes(&request, Target::fresh(u64::from(Abilities::EXPIRY.0)))?;
    println!("{} bytes: {}", bytes.len(), hex::encode(&bytes));

    // As it arrives, in pieces.
    let ctx = Context::new(u64::from(Abilities::EXPIRY.0));
    let mut arrived = FrameBuffer::new(4 << 20);
    for piece in bytes.chunks(5) {
        arrived.push(piece);
        match arrived.next(|b| Request::measure(b, &ctx))? {
            Some(frame) => println!("whole after all: {:?}", from_bytes::<Request>(frame, &ctx)?),
            None => println!("{} bytes are here, {} are wanted", arrived.buffered(), arrived.wanted()),
        }
    }
    assert_eq!(from_bytes::<Request>(bytes.clone(), &ctx)?, request);

    // A peer that cannot expire values would lose the time: that is an error, not silence.
    println!("to an old peer: {}", to_bytes(&request, Target::fresh(0)).unwrap_err());

    // A flipped bit is found, and the error says where.
    let mut damaged = bytes.to_vec();
    damaged[20] ^= 1;
    println!("damaged: {}", from_bytes::<Request>(damaged.into(), &ctx).unwrap_err());
    Ok(())
}
