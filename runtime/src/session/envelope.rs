//! A message frame, whichever form it has.

use bytes::Bytes;

use super::PeerMisbehaved;
use super::transport::Transport;
use crate::auth::{Authenticator, Covered};
use crate::codec::{Checksum, Context, DecodeError, Parts, Reader, Sections, Wire};
use crate::wire::address::EntityName;
use crate::wire::contradiction;
use crate::wire::features::Features;
use crate::wire::payload::Payload;
use crate::wire::transport::{
    FooterFlags, Frame, MessageFooter, MessageFrame, MessageFrameView, MsgFooter, MsgHeader, MsgHeaderOld,
    OldMessageFooter, OldMessageFrame, OldMessageFrameView, Tag,
};

/// What a message frame says, in both forms of the header. Its sections are values of their own, or are still where
/// they came ([`Sections`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<S = Parts> {
    /// Its number in the session.
    pub seq: u64,
    /// Relates an answer to its question.
    pub tid: u64,
    /// Its type.
    pub number: u16,
    /// How urgent it is.
    pub priority: u16,
    /// Who sent it.
    pub src: EntityName,
    /// Its sections and their version.
    pub parts: S,
    /// What the sender says of it.
    pub flags: FooterFlags,
    /// Its signature.
    pub sig: u64,
    /// Checksums, of header, front, middle and data; kept only where they do not match.
    pub checksums: [Checksum; 4],
}

impl Envelope {
    /// The message of a frame, or the frame if it is none.
    #[expect(clippy::result_large_err, reason = "what is no message comes back as it is")]
    pub fn of(frame: Frame) -> Result<Envelope, Frame> {
        match frame {
            Frame::Message(frame) => Ok(frame.into()),
            Frame::OldMessage(frame) => Ok(frame.into()),
            other => Err(other),
        }
    }

    /// What the message says (7.1 of the reference).
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn payload(&self, ctx: &Context) -> Result<Payload, PeerMisbehaved> {
        Envelope::<Sections<'_>>::of_parts(self).payload(ctx)
    }
}

impl<'a> Envelope<Sections<'a>> {
    /// The message of the frame that starts here.
    ///
    /// # Errors
    /// When it is something else.
    #[inline]
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(if r.has(Features::NOSRCADDR.0) {
            MessageFrameView::decode(r)?.into()
        } else {
            OldMessageFrameView::decode(r)?.into()
        })
    }

    /// How many bytes the sections have.
    pub(super) fn body_len(&self) -> u64 {
        let Sections { front, middle, data, .. } = &self.parts;
        (front.len() + middle.len() + data.len()) as u64
    }

    fn owned(self) -> Envelope {
        let Envelope { seq, tid, number, priority, src, parts, flags, sig, checksums } = self;
        Envelope { seq, tid, number, priority, src, parts: parts.to_parts(), flags, sig, checksums }
    }

    fn of_parts(envelope: &'a Envelope) -> Self {
        let Envelope { seq, tid, number, priority, src, ref parts, flags, sig, checksums } = *envelope;
        Envelope { seq, tid, number, priority, src, parts: parts.sections(), flags, sig, checksums }
    }

    /// What the message says (7.1 of the reference).
    ///
    /// # Errors
    /// When that cannot be read.
    #[inline(always)]
    pub(super) fn payload(&self, ctx: &Context) -> Result<Payload, PeerMisbehaved> {
        let bad = |error| PeerMisbehaved::BadMessage { seq: self.seq, number: self.number, error };
        let payload = Payload::decode(self.number, self.parts, ctx).map_err(bad)?;
        contradiction::check(&payload, &self.parts).map_err(bad)?;
        Ok(payload)
    }
}

impl<S> Envelope<S> {
    /// Whether the sender sent all of it.
    pub fn is_complete(&self) -> bool {
        self.flags.contains(FooterFlags::COMPLETE)
    }

    /// The section whose checksum does not match, if there is one that should (CR-04 to CR-09).
    #[inline]
    pub fn bad_section(&self, nocrc: bool) -> Option<&'static str> {
        let [_, front, middle, data] = self.checksums.map(|checksum| checksum.stored().is_some() && !nocrc);
        if front {
            Some("front")
        } else if middle {
            Some("middle")
        } else {
            (data && !self.flags.contains(FooterFlags::NOCRC)).then_some("data")
        }
    }
}

impl From<MessageFrame> for Envelope {
    fn from(frame: MessageFrame) -> Envelope {
        Envelope::from(frame.view()).owned()
    }
}

impl From<OldMessageFrame> for Envelope {
    fn from(frame: OldMessageFrame) -> Envelope {
        Envelope::from(frame.view()).owned()
    }
}

impl<'a> From<MessageFrameView<'a>> for Envelope<Sections<'a>> {
    #[inline]
    fn from(frame: MessageFrameView<'a>) -> Self {
        let MessageFrameView { header, front, middle, data, footer } = frame;
        let MessageFooter { front_crc, middle_crc, data_crc, sig, flags } = footer;
        Envelope {
            seq: header.seq,
            tid: header.tid,
            number: header.r#type.0,
            priority: header.priority,
            src: header.src,
            parts: Sections { version: header.version, compat: header.compat_version, front, middle, data },
            flags,
            sig,
            checksums: [header.crc, front_crc, middle_crc, data_crc],
        }
    }
}

impl<'a> From<OldMessageFrameView<'a>> for Envelope<Sections<'a>> {
    /// Where the new header has the oldest version to be understood, the old one has the lower half of the type of the
    /// sender's address (FR-12).
    fn from(frame: OldMessageFrameView<'a>) -> Self {
        let OldMessageFrameView { header, front, middle, data, footer } = frame;
        let OldMessageFooter { front_crc, middle_crc, data_crc, sig, flags } = footer;
        Envelope {
            seq: header.seq,
            tid: header.tid,
            number: header.r#type.0,
            priority: header.priority,
            src: header.src.name,
            parts: Sections { version: header.version, compat: header.src.addr.r#type as u16, front, middle, data },
            flags,
            sig,
            checksums: [header.crc, front_crc, middle_crc, data_crc],
        }
    }
}

/// What a signature covers of a message frame: `start` are its bytes up to the end of the header at least.
pub fn covered(start: &[u8], footer: &MsgFooter, features: u64) -> Option<Covered> {
    let header = start.get(Tag::MIN_SIZE..)?;
    if features & Features::NOSRCADDR.0 != 0 {
        return Some(Covered::of(&MsgHeader::from_array(header.first_chunk()?), footer));
    }
    let header = Bytes::copy_from_slice(header.get(..MsgHeaderOld::MIN_SIZE)?);
    let header: MsgHeaderOld = crate::codec::from_bytes(header, &Context::default()).ok()?;
    Some(Covered::of_old(&header, footer))
}

impl Transport {
    /// Whether a message has the signature it should have: only where both sides can sign and one key is known to both
    /// (AU-27 to AU-31).
    #[inline]
    pub(super) fn verify<S>(
        &self,
        envelope: &Envelope<S>,
        bytes: &[u8],
        auth: &dyn Authenticator,
    ) -> Result<(), PeerMisbehaved> {
        let Some(signer) = &self.signer else { return Ok(()) };
        if !auth.signs() || self.features & Features::MSG_AUTH.0 == 0 {
            return Ok(());
        }
        let footer = bytes.last_chunk().map(MsgFooter::from_array);
        match footer.and_then(|footer| covered(bytes, &footer, self.features)) {
            Some(covered) if signer.verify(&covered, envelope.sig) => Ok(()),
            _ => Err(PeerMisbehaved::BadSignature { seq: envelope.seq }),
        }
    }
}
