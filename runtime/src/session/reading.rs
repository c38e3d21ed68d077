//! What comes next on a stream, and reading it.

use bytes::{Bytes, BytesMut};

use super::{BannerKind, Envelope, Limits, PeerMisbehaved};
use crate::codec::{ChecksumPolicy, Context, DecodeError, DecodeErrorKind, Measure, Sections, Wire, from_bytes};
use crate::wire::transport::{
    BANNER, Banner, ClientHello, Connect, ConnectReply, Frame, MsgHeaderStart, SeqExchange, ServerHello, Tag,
};

/// What comes next in a direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The greeting.
    Banner,
    /// The server's address and the client's as it sees it.
    ServerHello,
    /// The client's address.
    ClientHello,
    /// A try.
    Connect,
    /// The answer to it.
    Reply,
    /// The last number received.
    Seq,
    /// A frame.
    Frame,
    /// Nothing that would be read.
    Nothing,
}

/// An element of a stream.
#[expect(clippy::large_enum_variant, reason = "nearly all elements are frames")]
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// The greeting.
    Banner,
    /// The server's address and the client's as it sees it.
    ServerHello(ServerHello),
    /// The client's address.
    ClientHello(ClientHello),
    /// A try.
    Connect(Connect),
    /// The answer to it.
    Reply(ConnectReply),
    /// The last number received.
    Seq(u64),
    /// A frame of an open connection.
    Frame(Frame),
}

/// What reading depends on.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// What both sides of the connection have.
    pub features: u64,
    /// What a peer may take.
    pub limits: Limits,
    /// Looks at no checksum but that of the header.
    pub nocrc: bool,
}

impl Reading {
    /// How many bytes the element takes that starts here, or how many are needed to tell. The checksum of a message's
    /// header is verified as soon as the header is there (CR-03), lengths are judged before a byte of what they
    /// announce is waited for (ER-06, ER-13, ER-15).
    ///
    /// # Errors
    /// When what is there cannot be the beginning of the element.
    pub fn measure(&self, expect: Expect, b: &[u8]) -> Result<Measure, PeerMisbehaved> {
        let ctx = Context { features: self.features, limits: self.limits.decode, ..Context::default() };
        match expect {
            Expect::Banner => banner(b, &ctx),
            Expect::ServerHello => ServerHello::measure(b, &ctx).map_err(handshake),
            Expect::ClientHello => ClientHello::measure(b, &ctx).map_err(handshake),
            Expect::Connect => self.with_authorizer::<Connect>(Connect::measure(b, &ctx)),
            Expect::Reply => self.with_authorizer::<ConnectReply>(ConnectReply::measure(b, &ctx)),
            Expect::Seq => SeqExchange::measure(b, &ctx).map_err(handshake),
            Expect::Frame => match Frame::measure(b, &ctx) {
                Ok(measure) => {
                    if let (Measure::Whole(_), Some(head)) = (measure, head(b)) {
                        self.judge([head.front_len, head.middle_len, head.data_len].map(u64::from))?;
                    }
                    Ok(measure)
                }
                Err(error) => Err(frame(&error, b)),
            },
            Expect::Nothing => Ok(Measure::More(usize::MAX)),
        }
    }

    /// Reads an element, all of whose bytes are there. Checksums of sections that do not match are kept in the frame.
    ///
    /// # Errors
    /// When they are something else.
    pub fn decode(&self, expect: Expect, bytes: Bytes) -> Result<Element, PeerMisbehaved> {
        let ctx = self.context();
        match expect {
            Expect::Banner => from_bytes(bytes, &ctx).map(|Banner {}| Element::Banner),
            Expect::ServerHello => from_bytes(bytes, &ctx).map(Element::ServerHello),
            Expect::ClientHello => from_bytes(bytes, &ctx).map(Element::ClientHello),
            Expect::Connect => from_bytes(bytes, &ctx).map(Element::Connect),
            Expect::Reply => from_bytes(bytes, &ctx).map(Element::Reply),
            Expect::Seq => from_bytes(bytes, &ctx).map(|SeqExchange { seq }| Element::Seq(seq)),
            Expect::Frame | Expect::Nothing => {
                return from_bytes(bytes.clone(), &ctx).map(Element::Frame).map_err(|error| frame(&error, &bytes));
            }
        }
        .map_err(handshake)
    }

    /// Takes as many frames off the front as are there as a whole. What is not plainly a frame stays, to be
    /// [measured](Self::measure).
    pub(super) fn whole_frames(&self, input: &mut BytesMut) -> Bytes {
        // The header's checksum is verified with the others, unless those are not.
        let checksums = if self.nocrc { ChecksumPolicy::Verify } else { ChecksumPolicy::Skip };
        let ctx = Context { checksums, ..self.context() };
        let mut rest: &[u8] = input;
        while let Ok(Measure::Whole(n)) = Frame::measure(rest, &ctx)
            && let Some((_, after)) = rest.split_at_checked(n)
        {
            rest = after;
        }
        let end = input.len() - rest.len();
        // Even no bytes of a buffer would keep it.
        if end == 0 { Bytes::new() } else { input.split_to(end).freeze() }
    }

    /// Judges the header of a message that was read, as [`measure`](Self::measure) does.
    ///
    /// # Errors
    /// When its checksum does not match (CR-03), or a section is too long.
    #[inline]
    pub(super) fn check(&self, envelope: &Envelope<Sections<'_>>) -> Result<(), PeerMisbehaved> {
        if envelope.checksums.first().is_some_and(|crc| crc.stored().is_some()) {
            return Err(PeerMisbehaved::BadCrc { section: "header" });
        }
        let Sections { front, middle, data, .. } = &envelope.parts;
        self.judge([front.len() as u64, middle.len() as u64, data.len() as u64])
    }

    /// What reading frames depends on.
    pub(super) fn context(&self) -> Context {
        let checksums = if self.nocrc { ChecksumPolicy::Skip } else { ChecksumPolicy::Report };
        Context { features: self.features, limits: self.limits.decode, checksums, ..Context::default() }
    }

    /// An authorizer may not be as long as the spec allows.
    fn with_authorizer<T: Wire>(&self, measure: Result<Measure, DecodeError>) -> Result<Measure, PeerMisbehaved> {
        let max = u64::from(self.limits.authorizer);
        match measure {
            Ok(Measure::Whole(n)) if (n - T::MIN_SIZE) as u64 > max => {
                Err(PeerMisbehaved::Oversize { what: "authorizer", len: (n - T::MIN_SIZE) as u64, max })
            }
            Ok(measure) => Ok(measure),
            Err(error) => Err(match *error.kind() {
                DecodeErrorKind::TooLong { length: len, .. } => {
                    PeerMisbehaved::Oversize { what: "authorizer", len, max }
                }
                _ => handshake(error),
            }),
        }
    }

    /// Whether front, middle and data may be so long.
    fn judge(&self, lengths: [u64; 3]) -> Result<(), PeerMisbehaved> {
        let Limits { front, middle, data, .. } = self.limits;
        let max = [front, middle, data].map(u64::from);
        // One comparison for all of them, as a rule.
        if lengths.iter().zip(max).fold(true, |fit, (len, max)| fit & (*len <= max)) {
            return Ok(());
        }
        let mut sections = ["front", "middle", "data"].into_iter().zip(lengths).zip(max);
        match sections.find(|((_, len), max)| len > max) {
            Some(((what, len), max)) => Err(PeerMisbehaved::Oversize { what, len, max }),
            None => Ok(()),
        }
    }
}

/// The start of the header, if a message starts here.
pub(super) fn head(b: &[u8]) -> Option<MsgHeaderStart> {
    let (tag, header) = b.split_at_checked(Tag::MIN_SIZE)?;
    (tag == [Tag::MSG.0]).then(|| header.first_chunk().map(MsgHeaderStart::from_array)).flatten()
}

/// How many bytes the sections have of a message whose header starts so. In 64 bits, unlike Firefly (ER-16).
pub(super) fn body_len(head: &MsgHeaderStart) -> u64 {
    u64::from(head.front_len) + u64::from(head.middle_len) + u64::from(head.data_len)
}

fn banner(b: &[u8], ctx: &Context) -> Result<Measure, PeerMisbehaved> {
    Banner::measure(b, ctx).map_err(|_| PeerMisbehaved::BadBanner(banner_kind(b)))
}

/// What protocol a greeting is of.
fn banner_kind(b: &[u8]) -> BannerKind {
    // The common beginning of both of Ceph's protocols; what follows tells them apart.
    let name = BANNER.iter().take_while(|byte| **byte != b' ').count() + 2;
    match b {
        b if b.starts_with(b"ceph v2") => BannerKind::Msgr2,
        b if BANNER.get(..name).is_some_and(|name| b.starts_with(name)) => BannerKind::OtherVersion,
        [b'G' | b'P' | b'H' | b'D' | b'O', rest @ ..] if rest.contains(&b' ') => BannerKind::Http,
        [0x16, 3, ..] => BannerKind::Tls,
        _ => BannerKind::Unknown,
    }
}

fn handshake(error: DecodeError) -> PeerMisbehaved {
    PeerMisbehaved::Handshake(error)
}

/// What is wrong with a frame.
pub(super) fn frame(error: &DecodeError, b: &[u8]) -> PeerMisbehaved {
    let path = error.path();
    let section = ["front", "middle", "data"].into_iter().find(|section| path.starts_with(section));
    match *error.kind() {
        DecodeErrorKind::UnknownTag { .. } => PeerMisbehaved::BadTag(Tag(b.first().copied().unwrap_or_default())),
        DecodeErrorKind::Checksum { .. } => PeerMisbehaved::BadCrc { section: "header" },
        DecodeErrorKind::TooLong { length: len, max } => {
            PeerMisbehaved::Oversize { what: section.unwrap_or("message"), len, max }
        }
        _ => {
            let head = head(b).unwrap_or_default();
            PeerMisbehaved::BadMessage { seq: head.seq, number: head.r#type.0, error: error.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading { features: 0, limits: Limits::default(), nocrc: false }
    }

    // covers: ER-01, ER-02
    #[test]
    fn greetings_of_others_are_told_apart() {
        let kind = |b: &[u8]| match reading().measure(Expect::Banner, b) {
            Err(PeerMisbehaved::BadBanner(kind)) => kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(b"ceph v2\n\x10"), BannerKind::Msgr2);
        assert_eq!(kind(b"ceph v026"), BannerKind::OtherVersion);
        assert_eq!(kind(b"GET / HTT"), BannerKind::Http);
        assert_eq!(kind(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"), BannerKind::Tls);
        assert_eq!(kind(b"SSH-2.0-O"), BannerKind::Unknown);
        assert_eq!(reading().measure(Expect::Banner, b"ceph v027"), Ok(Measure::Whole(9)));
    }

    // covers: ER-06, ER-07, ER-08
    #[test]
    fn authorizers_are_bounded_before_they_are_waited_for() {
        for len in [4097, 65_536, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut record = vec![0; Connect::MIN_SIZE];
            record[28..32].copy_from_slice(&len.to_le_bytes());
            let wanted = PeerMisbehaved::Oversize { what: "authorizer", len: len.into(), max: 4096 };
            assert_eq!(reading().measure(Expect::Connect, &record), Err(wanted.clone()));
            let mut reply = vec![0; ConnectReply::MIN_SIZE];
            reply[21..25].copy_from_slice(&len.to_le_bytes());
            assert_eq!(reading().measure(Expect::Reply, &reply), Err(wanted));
        }
    }
}
