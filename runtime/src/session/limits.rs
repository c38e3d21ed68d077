//! What a peer may take.

use crate::codec;

/// Bounds on what one peer can make an endpoint hold or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest front, in bytes. 16 MiB: the largest maps are far below.
    pub front: u32,
    /// The longest middle, in bytes. 16 MiB; only extended attributes travel there.
    pub middle: u32,
    /// The longest data, in bytes. 128 MiB: an OSD takes writes of up to 90 MiB (`osd_max_write_size`).
    pub data: u32,
    /// The longest authorizer, in bytes. 4 KiB (ER-07).
    pub authorizer: u32,
    /// How often a handshake may be tried on one transport. 16: an honest peer needs two or three.
    pub handshake_tries: u32,
    /// How many accepted transports may be in their handshake at a time. 20,000; more are closed at once.
    pub handshakes: usize,
    /// How many messages of one session may wait to be sent or acknowledged. 65,536.
    pub queued_messages: usize,
    /// How many bytes these may have, as far as that is known before they are encoded. 512 MiB.
    pub queued_bytes: usize,
    /// How often a session may be broken in a row, with nothing new delivered between, by the very message that comes
    /// again, before it is given up (ER-33). 64.
    pub futile_replays: u32,
    /// What decoding one message may take.
    pub decode: codec::Limits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            front: 16 << 20,
            middle: 16 << 20,
            data: 128 << 20,
            authorizer: 4 << 10,
            handshake_tries: 16,
            handshakes: 20_000,
            queued_messages: 1 << 16,
            queued_bytes: 512 << 20,
            futile_replays: 64,
            decode: codec::Limits::default(),
        }
    }
}
