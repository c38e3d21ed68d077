//! What goes wrong with a connection, by who is to blame.

use std::time::Duration;

use super::Message;
use crate::auth::AuthError;
use crate::codec::{DecodeError, EncodeError};
use crate::wire::address::EntityAddr;
use crate::wire::transport::Tag;

/// Why a connection broke or never came about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The peer broke the protocol.
    #[error("the peer misbehaved: {0}")]
    PeerMisbehaved(#[from] PeerMisbehaved),
    /// The peer is sound, but the two cannot talk.
    #[error("incompatible: {0}")]
    Incompatible(#[from] Incompatible),
    /// Somebody is not who he says he is, or cannot prove it.
    #[error("authentication failed: {0}")]
    Auth(#[from] AuthError),
    /// Another process answers at the address: "wrong node".
    #[error("connected to {claimed} instead of {expected}")]
    WrongNode {
        /// Who was to be reached.
        expected: Box<EntityAddr>,
        /// Who answered.
        claimed: Box<EntityAddr>,
    },
    /// The transport failed or ended.
    #[error("{0}")]
    Io(#[from] Disconnect),
    /// Something took too long.
    #[error("{0}")]
    Timeout(Timeout),
    /// The peer said it is done (CLOSE).
    #[error("closed by the peer")]
    ClosedByPeer,
    /// Another connection of the same peer took the place of this one.
    #[error("replaced by another connection")]
    Replaced,
    /// The application wanted it so.
    #[error("marked down")]
    MarkedDown,
    /// The same message broke the connection again and again (ER-33).
    #[error("given up after the same message broke the connection {times} times")]
    Futile {
        /// How often.
        times: u32,
    },
}

/// How a peer broke the protocol.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// Another greeting: not this protocol, or another version of it (ER-01, ER-02, ER-03).
    #[error("a banner of {0}")]
    BadBanner(BannerKind),
    /// Bytes of the handshake that cannot be read.
    #[error("in the handshake, {0}")]
    Handshake(DecodeError),
    /// A reply with a tag that is none (HS-38).
    #[error("handshake reply with tag {}", .0.0)]
    BadReplyTag(Tag),
    /// A tag that cannot stand on an open connection (ER-10).
    #[error("tag {} on an open connection", .0.0)]
    BadTag(Tag),
    /// Something longer than it may be (ER-06, ER-07, ER-08, ER-13, ER-14, ER-15, ER-16).
    #[error("a {what} of {len} bytes, at most {max} are allowed")]
    Oversize {
        /// What is too long.
        what: &'static str,
        /// How long it says it is, in bytes.
        len: u64,
        /// How long it may be.
        max: u64,
    },
    /// A checksum that does not match (CR-03 to CR-06).
    #[error("checksum of the {section} does not match")]
    BadCrc {
        /// The part of the message.
        section: &'static str,
    },
    /// A signature that does not match (AU-27).
    #[error("signature of message {seq} does not match")]
    BadSignature {
        /// The number of the message.
        seq: u64,
    },
    /// A message that cannot be read (MT-02, MT-05).
    #[error("message {seq} of type {number}: {error}")]
    BadMessage {
        /// Its number.
        seq: u64,
        /// Its type.
        number: u16,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// A type of message that is none (MT-01).
    #[error("message {seq} of unknown type {number}")]
    UnknownMessage {
        /// Its number.
        seq: u64,
        /// Its type.
        number: u16,
    },
    /// RETRY_SESSION with a number that is not above the one offered (ER-18).
    #[error("told to try connect_seq {theirs} after {ours}")]
    ConnectSeqNotGreater {
        /// What was offered.
        ours: u32,
        /// What was said.
        theirs: u32,
    },
    /// READY or SEQ with another number than the one offered plus one (ER-19).
    #[error("connected with connect_seq {theirs}, expected {expected}")]
    ConnectSeqMismatch {
        /// What it should be.
        expected: u32,
        /// What it is.
        theirs: u32,
    },
    /// SEQ with a number that was never sent (ER-20).
    #[error("claims to have message {theirs}, {sent} is the last one sent")]
    SeqBeyondSent {
        /// The number.
        theirs: u64,
        /// The last one sent.
        sent: u64,
    },
    /// More tries than any honest peer needs.
    #[error("the handshake went round {tries} times")]
    HandshakeLoop {
        /// How often.
        tries: u32,
    },
    /// A reported own address that is none (ER-21).
    #[error("reports an own address that is none")]
    NoAddress,
    /// A type of peer that is several at once (ER-25).
    #[error("a peer of type {0:#x}, which is none")]
    BadPeerType(u32),
}

/// What an unknown greeting looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BannerKind {
    /// The second version of Ceph's protocol.
    Msgr2,
    /// This protocol with another version number.
    OtherVersion,
    /// HTTP.
    Http,
    /// TLS.
    Tls,
    /// Something else.
    Unknown,
}

impl std::fmt::Display for BannerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BannerKind::Msgr2 => "Ceph's messenger protocol 2",
            BannerKind::OtherVersion => "another version of the protocol",
            BannerKind::Http => "HTTP",
            BannerKind::Tls => "TLS",
            BannerKind::Unknown => "an unknown protocol",
        })
    }
}

/// What two sound peers do not have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Incompatible {
    /// Another version of the protocol (BADPROTOVER).
    #[error("protocol {ours} here, {theirs} there")]
    Protocol {
        /// Ours.
        ours: u32,
        /// The peer's.
        theirs: u32,
    },
    /// The peer demands features that were not offered (FEATURES).
    #[error("the peer demands features {0:#x}")]
    FeaturesDemanded(u64),
    /// The peer lacks features that are demanded.
    #[error("the peer lacks features {0:#x}")]
    FeaturesMissing(u64),
}

/// How a transport ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnect {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// It could not be opened for another reason.
    #[error("cannot connect: {0}")]
    Unreachable(std::io::ErrorKind),
    /// The peer closed it.
    #[error("closed by the other side")]
    Eof,
    /// It broke.
    #[error("connection broken: {0}")]
    Broken(std::io::ErrorKind),
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Timeout {
    /// Opening the connection.
    #[error("not connected after {0:?}")]
    Connect(Duration),
    /// The handshake.
    #[error("handshake not done after {0:?}")]
    Handshake(Duration),
    /// The next byte.
    #[error("silent for {0:?}")]
    Idle(Duration),
    /// The connection that the peer was to open after WAIT.
    #[error("the peer did not connect within {0:?}")]
    Wait(Duration),
}

/// A call that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// Commands were not taken before the next input: see [`Endpoint`](super::Endpoint).
    #[error("commands are waiting to be taken")]
    Undrained,
    /// There is no address to connect to (PO-14; EINVAL).
    #[error("an empty address")]
    EmptyAddress,
    /// There is no connection for it (EPIPE).
    #[error("no connection")]
    NotConnected,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// As much as allowed is waiting already. The message comes back.
    #[error("too much is waiting to be sent")]
    Full(Box<Message>),
    /// The session is over, or its peer must connect by itself: the message is gone without a trace, as in Firefly
    /// (PO-11, PO-12, PO-13).
    #[error("nobody to send it to")]
    Dropped,
    /// There is no address to send it to (PO-14; EINVAL).
    #[error("an empty address")]
    EmptyAddress,
    /// The message cannot be written.
    #[error("cannot be written: {0}")]
    Encode(EncodeError),
}
