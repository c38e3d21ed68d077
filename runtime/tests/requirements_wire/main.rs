//! The requirements of the protocol that its types alone can meet, without a connection.

mod encodings;
mod framing;
mod heads;
mod hostile;
mod messages;

use firefly_runtime::codec::{Bytes, Context, DecodeError, Parts, hex};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::payload::Payload;

/// Bytes from hexadecimal digits, with spaces where they help.
fn bytes(digits: &str) -> Bytes {
    hex::decode(&digits.replace(char::is_whitespace, "")).expect("hexadecimal digits").into()
}

/// What a peer with all features means by a message.
fn read(number: u16, parts: Parts) -> Result<Payload, DecodeError> {
    Payload::decode(number, parts.sections(), &Context::new(FEATURES_ALL))
}

/// A message that has only a front.
fn front(version: u16, front: Bytes) -> Parts {
    Parts { version, compat: version, front, ..Parts::default() }
}
