//! What an observer finds odd, and which requirement that is about.

use super::super::{BannerKind, Expect, PeerMisbehaved};
use super::Side;
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::wire::payload::Payload;
use crate::wire::prelude::UTime;
use crate::wire::transport::Tag;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It is not what the protocol demands, or what it means is not known.
    Error,
    /// It is odd, but a receiver copes.
    Warning,
    /// It is worth knowing.
    Info,
}

/// Something odd at a place in a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Who sent what it is about.
    pub side: Side,
    /// Where that is in the stream of that side, in bytes.
    pub offset: u64,
    /// What it is.
    pub oddity: Oddity,
}

/// Something odd.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Oddity {
    /// What is there is not what was expected.
    Unreadable(Expect, PeerMisbehaved),
    /// An answer of the server breaks the protocol.
    BadReply(PeerMisbehaved),
    /// Bytes that follow an answer of which it is not known what follows it (HS-38).
    BehindBadReply,
    /// Bytes that no handshake leads up to (HS-26).
    Unexplained,
    /// SEQ to a client without RECONNECT_SEQ (RC-10).
    SeqNotOffered,
    /// After RETRY_GLOBAL, a `global_seq` that is not above the one given (RC-02).
    GlobalSeqNotRaised {
        /// The one given.
        given: u32,
        /// The client's.
        found: u32,
    },
    /// After RETRY_GLOBAL, another `connect_seq` (RC-02).
    ConnectSeqChanged {
        /// The one before.
        expected: u32,
        /// The one after.
        found: u32,
    },
    /// After RETRY_SESSION, another `connect_seq` than the one given (RC-08).
    ConnectSeqNotTaken {
        /// The one given.
        expected: u32,
        /// The client's.
        found: u32,
    },
    /// After RESETSESSION, a `connect_seq` other than 0 (RC-21).
    NotStartedAnew {
        /// The client's.
        found: u32,
    },
    /// After WAIT, another try (RC-25).
    NotWaiting,
    /// A message whose number is not above that of the one before (SQ-01, SQ-08).
    NumberedAgain {
        /// The number after that of the one before.
        expected: u64,
        /// The one it has.
        found: u64,
    },
    /// A message whose number is further on (SQ-01, SQ-10).
    NumbersLeftOut {
        /// The number after that of the one before.
        expected: u64,
        /// The one it has.
        found: u64,
    },
    /// A session that begins with number 0 (SQ-09).
    NumberZero,
    /// A message that the peer had said to have already (RC-13, RC-14).
    SentAgain {
        /// The last one that the peer had.
        had: u64,
        /// The number of the message.
        found: u64,
    },
    /// An acknowledgement of what was never sent (SQ-11).
    AckBeyondSent {
        /// What is acknowledged.
        found: u64,
        /// The last one that was sent.
        sent: u64,
    },
    /// The echo of a keepalive that was never sent (KA-02).
    EchoOfNothing(UTime),
    /// A message that its sender gave up in the middle (SQ-16).
    GivenUp {
        /// Its type.
        number: u16,
        /// Its number.
        seq: u64,
    },
    /// The beginning of an element at the end of a stream (ER-04, ER-11).
    Incomplete {
        /// What it is the beginning of.
        expect: Expect,
        /// How many bytes there are.
        bytes: usize,
        /// Whether the sender closed the stream behind them; otherwise more may have been under way.
        closed: bool,
    },
}

impl Observation {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self.oddity {
            Oddity::Unreadable(..) | Oddity::BadReply(_) | Oddity::SeqNotOffered => Severity::Error,
            Oddity::GivenUp { .. } | Oddity::Incomplete { closed: false, .. } => Severity::Info,
            _ => Severity::Warning,
        }
    }

    /// The requirement of the reference that it is about.
    pub fn rule(&self) -> &'static str {
        let by_side = |client, server| if self.side == Side::Client { client } else { server };
        match &self.oddity {
            Oddity::Unreadable(Expect::Banner, _) => by_side("ER-01", "ER-03"),
            Oddity::Unreadable(Expect::ClientHello, _) => "ER-05",
            Oddity::Unreadable(Expect::ServerHello, _) => "ER-21",
            Oddity::Unreadable(Expect::Connect, _) => "ER-07",
            Oddity::Unreadable(Expect::Reply, _) => "ER-08",
            Oddity::Unreadable(Expect::Seq, _) => "ER-04",
            Oddity::Unreadable(_, fault) | Oddity::BadReply(fault) => fault.rule(),
            Oddity::BehindBadReply => "HS-38",
            Oddity::Unexplained => "HS-26",
            Oddity::SeqNotOffered => "RC-10",
            Oddity::GlobalSeqNotRaised { .. } | Oddity::ConnectSeqChanged { .. } => "RC-02",
            Oddity::ConnectSeqNotTaken { .. } => "RC-08",
            Oddity::NotStartedAnew { .. } => "RC-21",
            Oddity::NotWaiting => "RC-25",
            Oddity::NumberedAgain { .. } | Oddity::NumbersLeftOut { .. } => "SQ-01",
            Oddity::NumberZero => "SQ-09",
            Oddity::SentAgain { .. } => by_side("RC-13", "RC-14"),
            Oddity::AckBeyondSent { .. } => "SQ-11",
            Oddity::EchoOfNothing(_) => "KA-02",
            Oddity::GivenUp { .. } => "SQ-16",
            Oddity::Incomplete { expect: Expect::Frame, .. } => "ER-11",
            Oddity::Incomplete { .. } => "ER-04",
        }
    }
}

impl Oddity {
    /// What it is, without anything that differs from case to case.
    pub fn summary(&self) -> String {
        match self {
            Oddity::Unreadable(expect, fault) => unreadable(*expect, fault),
            Oddity::BadReply(PeerMisbehaved::BadReplyTag(_)) => "the tag of the reply is none of a handshake".into(),
            Oddity::BadReply(_) => "connect_seq of the reply is wrong".into(),
            Oddity::BehindBadReply => "bytes that follow such a reply".into(),
            Oddity::Unexplained => "bytes that no handshake explains".into(),
            Oddity::SeqNotOffered => "SEQ to a client that did not offer it".into(),
            Oddity::GlobalSeqNotRaised { .. } => "global_seq is not raised".into(),
            Oddity::ConnectSeqChanged { .. } => "connect_seq is changed".into(),
            Oddity::ConnectSeqNotTaken { .. } => "connect_seq is not the one asked for".into(),
            Oddity::NotStartedAnew { .. } => "the session is not started anew".into(),
            Oddity::NotWaiting => "the client does not wait".into(),
            Oddity::NumberedAgain { .. } => "a message is numbered again, its receiver drops it".into(),
            Oddity::NumbersLeftOut { .. } => "message numbers are left out".into(),
            Oddity::NumberZero => "the first message has number 0, its receiver drops it".into(),
            Oddity::SentAgain { .. } => "a message is sent again that its receiver already had".into(),
            Oddity::AckBeyondSent { .. } => "a message is acknowledged that was never sent".into(),
            Oddity::EchoOfNothing(_) => "a keepalive is answered that was never sent".into(),
            Oddity::GivenUp { .. } => "a message its sender gave up".into(),
            Oddity::Incomplete { expect, closed, .. } => {
                let how = if *closed { "closed" } else { "cut" };
                let what = if *expect == Expect::Frame { "a frame" } else { "the handshake" };
                format!("{how} in the middle of {what}")
            }
        }
    }

    /// What was expected and what was found; empty if there is nothing more to say.
    pub fn detail(&self) -> String {
        match self {
            Oddity::Unreadable(_, PeerMisbehaved::BadBanner(kind)) => match kind {
                BannerKind::Unknown => String::new(),
                kind => kind.to_string(),
            },
            Oddity::Unreadable(_, PeerMisbehaved::Handshake(error) | PeerMisbehaved::BadMessage { error, .. }) => {
                error.to_string()
            }
            Oddity::BadReply(PeerMisbehaved::BadReplyTag(tag)) => tag_name(*tag),
            Oddity::BadReply(PeerMisbehaved::ConnectSeqMismatch { expected, theirs }) => {
                format!("expected {expected}, found {theirs}")
            }
            Oddity::BadReply(PeerMisbehaved::ConnectSeqNotGreater { ours, theirs }) => {
                format!("expected more than {ours}, found {theirs}")
            }
            Oddity::Unreadable(_, fault) | Oddity::BadReply(fault) => fault.to_string(),
            Oddity::GlobalSeqNotRaised { given, found } => format!("expected more than {given}, found {found}"),
            Oddity::ConnectSeqChanged { expected, found } | Oddity::ConnectSeqNotTaken { expected, found } => {
                format!("expected {expected}, found {found}")
            }
            Oddity::NotStartedAnew { found } => format!("connect_seq is {found}"),
            Oddity::NumberedAgain { expected, found } | Oddity::NumbersLeftOut { expected, found } => {
                format!("expected {expected}, found {found}")
            }
            Oddity::SentAgain { had, found } => format!("expected more than {had}, found {found}"),
            Oddity::AckBeyondSent { found, sent } => format!("{found}, sent up to {sent}"),
            Oddity::EchoOfNothing(stamp) => format!("{stamp:?}"),
            Oddity::GivenUp { number, seq } => match Payload::name_of(*number) {
                Some(name) => format!("{name}, number {seq}"),
                None => format!("message type {number}, number {seq}"),
            },
            Oddity::Incomplete { bytes, .. } => {
                format!("{bytes} byte{} of it were sent", if *bytes == 1 { "" } else { "s" })
            }
            _ => String::new(),
        }
    }
}

impl PeerMisbehaved {
    /// The requirement of the reference that the peer broke, or that says what to do about it.
    pub fn rule(&self) -> &'static str {
        match self {
            PeerMisbehaved::BadBanner(_) => "ER-01",
            PeerMisbehaved::Handshake(_) => "ER-04",
            PeerMisbehaved::BadReplyTag(_) => "HS-38",
            PeerMisbehaved::BadTag(_) => "ER-10",
            PeerMisbehaved::Oversize { what: "authorizer", .. } => "ER-07",
            PeerMisbehaved::Oversize { .. } => "ER-15",
            PeerMisbehaved::BadCrc { section: "front" } => "CR-04",
            PeerMisbehaved::BadCrc { section: "middle" } => "CR-05",
            PeerMisbehaved::BadCrc { section: "data" } => "CR-06",
            PeerMisbehaved::BadCrc { .. } => "CR-01",
            PeerMisbehaved::BadSignature { .. } => "AU-25",
            PeerMisbehaved::BadMessage { error, .. } => broken_by(error),
            PeerMisbehaved::UnknownMessage { .. } => "MT-01",
            PeerMisbehaved::ConnectSeqNotGreater { .. } => "RC-06",
            PeerMisbehaved::ConnectSeqMismatch { .. } => "HS-21",
            PeerMisbehaved::SeqBeyondSent { .. } => "ER-20",
            PeerMisbehaved::HandshakeLoop { .. } => "HS-39",
            PeerMisbehaved::NoAddress => "ER-21",
            PeerMisbehaved::BadPeerType(_) => "ER-25",
        }
    }
}

/// The requirement that a message breaks which cannot be read.
fn broken_by(error: &DecodeError) -> &'static str {
    match error.kind() {
        DecodeErrorKind::Incompatible { .. } if error.path().is_empty() => "MT-02",
        DecodeErrorKind::Incompatible { .. } => "EN-11",
        DecodeErrorKind::CountExceedsInput { .. } => "EN-19",
        DecodeErrorKind::TooMany { .. } | DecodeErrorKind::Memory { .. } => "ER-27",
        DecodeErrorKind::Checksum { .. } => "MT-09",
        _ => "MT-05",
    }
}

fn unreadable(expect: Expect, fault: &PeerMisbehaved) -> String {
    match (expect, fault) {
        (Expect::Banner, _) => "wrong banner".into(),
        (Expect::Frame | Expect::Nothing, PeerMisbehaved::BadTag(_)) => "unknown tag".into(),
        (Expect::Frame | Expect::Nothing, PeerMisbehaved::BadCrc { section }) => {
            format!("the checksum of a message {section} does not match")
        }
        (Expect::Frame | Expect::Nothing, PeerMisbehaved::Oversize { .. }) => "a message of absurd length".into(),
        (Expect::Frame | Expect::Nothing, _) => "a frame that cannot be read".into(),
        (element, _) => format!("the handshake cannot be read ({element:?})"),
    }
}

/// The name of a tag, or its number.
fn tag_name(tag: Tag) -> String {
    format!("{tag:?}")
}
