//! What is counted.

use std::collections::BTreeMap;

use firefly_runtime::wire::transport::Tag;
use serde::Serialize;

/// Everything a replay counts, for one capture or for several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// Bytes of all packets as captured.
    pub bytes: u64,
    /// TCP connections, except those that carry something else.
    pub connections: Connections,
    /// What was said while opening them.
    pub handshake: Handshake,
    /// Frames by their first byte.
    pub tags: Tags,
    /// Messages.
    pub messages: Messages,
    /// Messages by their checksums.
    pub crc: Checksums,
    /// Messages by their signatures.
    pub signatures: Signatures,
    /// Bytes of the streams that belong to nothing known.
    pub bytes_unaccounted: u64,
}

/// TCP connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// All of them.
    pub total: u64,
    /// Those captured from their start to their end.
    pub complete: u64,
    /// Those that were open before the capture began.
    pub midstream: u64,
    /// Places where bytes are missing in the capture.
    pub gaps: u64,
}

/// What was said while opening connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Handshake {
    /// Tries of clients.
    pub connects: u64,
    /// Answers of servers, by the name of their tag.
    pub replies: BTreeMap<String, u64>,
}

impl Default for Handshake {
    /// The outcomes that open a connection, or leave it to the peer, are always told.
    fn default() -> Self {
        let always = [Tag::READY, Tag::SEQ, Tag::WAIT];
        Handshake { connects: 0, replies: always.into_iter().map(|tag| (tag_name(tag), 0)).collect() }
    }
}

impl Handshake {
    /// Counts an answer.
    pub fn reply(&mut self, tag: Tag) {
        *self.replies.entry(tag_name(tag)).or_default() += 1;
    }
}

/// The name of a tag, or its number.
pub fn tag_name(tag: Tag) -> String {
    format!("{tag:?}")
}

/// Frames by their first byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are those of the protocol")]
pub struct Tags {
    pub msg: u64,
    pub ack: u64,
    pub keepalive: u64,
    pub keepalive2: u64,
    pub keepalive2_ack: u64,
    pub close: u64,
}

/// Messages, in all and by type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// Whole messages, those that their sender gave up included.
    pub total: u64,
    /// What became of them.
    #[serde(flatten)]
    pub outcome: Outcomes,
    /// What became of messages inside of them, which count for nothing else.
    pub nested: Outcomes,
    /// The same by type number.
    pub by_type: BTreeMap<u16, ByType>,
}

/// Messages of one type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ByType {
    /// The name of the class.
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// What became of them.
    #[serde(flatten)]
    pub outcome: Outcomes,
}

/// What became of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// All parts were understood.
    pub decoded: u64,
    /// The specification does not describe the message, or not all of it.
    pub opaque: u64,
    /// A part is not what it should be.
    pub failed: u64,
    /// Written again, the same bytes came out.
    pub exact: u64,
}

impl Outcomes {
    /// How many there are, except those that their sender gave up.
    pub fn total(&self) -> u64 {
        self.decoded + self.opaque + self.failed
    }
}

/// Messages by their checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checksums {
    /// All of them match.
    pub ok: u64,
    /// One or more do not.
    pub bad: u64,
    /// The one of the data was not computed by the sender; the others match.
    pub skipped: u64,
}

/// Messages by their signatures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Signatures {
    /// Signed messages.
    pub present: u64,
    /// Those with the signature they should have.
    pub verified: u64,
    /// Those with another one.
    pub bad: u64,
    /// Those whose key is not known.
    pub unverified: u64,
}

macro_rules! sum {
    ($($name:ident { $($field:ident)* })*) => {
        $(impl std::ops::AddAssign<&$name> for $name {
            fn add_assign(&mut self, other: &$name) {
                $(self.$field += &other.$field;)*
            }
        })*
    };
}

sum! {
    Connections { total complete midstream gaps }
    Tags { msg ack keepalive keepalive2 keepalive2_ack close }
    Outcomes { decoded opaque failed exact }
    Checksums { ok bad skipped }
    Signatures { present verified bad unverified }
    Counts { packets bytes connections handshake tags messages crc signatures bytes_unaccounted }
}

impl std::ops::AddAssign<&Handshake> for Handshake {
    fn add_assign(&mut self, other: &Handshake) {
        self.connects += other.connects;
        for (tag, count) in &other.replies {
            *self.replies.entry(tag.clone()).or_default() += count;
        }
    }
}

impl std::ops::AddAssign<&Messages> for Messages {
    fn add_assign(&mut self, other: &Messages) {
        self.total += other.total;
        self.outcome += &other.outcome;
        self.nested += &other.nested;
        for (number, theirs) in &other.by_type {
            let ours = self.by_type.entry(*number).or_default();
            ours.name.clone_from(&theirs.name);
            ours.count += theirs.count;
            ours.outcome += &theirs.outcome;
        }
    }
}
