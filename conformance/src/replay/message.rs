//! What is in a message.

use firefly_runtime::codec::{Checksum, Context, DecodeError, DecodeErrorKind, Parts, Target, hex};
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{FooterFlags, MessageFrame, OldMessageFrame};

use super::evidence::is_signed;
use super::finding::{Severity, Text, rule};
use super::log::{Log, Spot};
use crate::report::Outcomes;

/// A message as both forms of the frame hold it.
pub(super) struct Envelope {
    pub(super) seq: u64,
    number: u16,
    parts: Parts,
    flags: FooterFlags,
    sig: u64,
    header_crc: Checksum,
    front_crc: Checksum,
    middle_crc: Checksum,
    data_crc: Checksum,
}

impl From<MessageFrame> for Envelope {
    fn from(frame: MessageFrame) -> Self {
        let MessageFrame { header, front, middle, data, footer } = frame;
        Envelope {
            seq: header.seq,
            number: header.r#type.0,
            parts: Parts { version: header.version, compat: header.compat_version, front, middle, data },
            flags: footer.flags,
            sig: footer.sig,
            header_crc: header.crc,
            front_crc: footer.front_crc,
            middle_crc: footer.middle_crc,
            data_crc: footer.data_crc,
        }
    }
}

impl From<OldMessageFrame> for Envelope {
    /// The old header does not say which versions a receiver has to understand.
    fn from(frame: OldMessageFrame) -> Self {
        let OldMessageFrame { header, front, middle, data, footer } = frame;
        Envelope {
            seq: header.seq,
            number: header.r#type.0,
            parts: Parts { version: header.version, compat: 0, front, middle, data },
            flags: footer.flags,
            sig: footer.sig,
            header_crc: header.crc,
            front_crc: footer.front_crc,
            middle_crc: footer.middle_crc,
            data_crc: footer.data_crc,
        }
    }
}

impl Envelope {
    /// Whether the sender sent all of it.
    pub(super) fn is_complete(&self) -> bool {
        self.flags.contains(FooterFlags::COMPLETE)
    }

    /// Counts the message and judges what is in it. `mismatch` tells about the first checksum that does not match.
    pub(super) fn judge(
        &self,
        mismatch: Option<&DecodeError>,
        exact: bool,
        features: u64,
        spot: Spot,
        log: &mut Log<'_>,
    ) {
        log.counts.tags.msg += 1;
        let name = Payload::name_of(self.number);
        let what = name.map_or_else(|| format!("message type {}", self.number), str::to_owned);
        let mut outcome = Outcomes::default();
        if !self.is_complete() {
            outcome.exact = u64::from(exact);
            let text = Text::new("a message its sender gave up", format!("{what}, number {}", self.seq));
            log.add(Severity::Info, "SQ-16", spot, text);
        } else {
            self.count_signature(log);
            let sound = self.check_sums(mismatch, &what, spot, log);
            match self.decode(features) {
                Ok(payload) => {
                    if let Some(evidence) = &mut log.evidence {
                        evidence.payload(&payload, spot);
                    }
                    let opaque = is_opaque(&payload);
                    *(if opaque { &mut outcome.opaque } else { &mut outcome.decoded }) += 1;
                    let difference = self.difference(&payload, features);
                    outcome.exact = u64::from(exact && difference.is_none());
                    if let Some(difference) = difference {
                        let text = Text::new(format!("{what} is not what is written again"), difference);
                        log.add(Severity::Error, rule::EXACT, spot, text);
                    }
                    if name.is_none() {
                        let text = Text::new("an unknown message type", self.number.to_string());
                        log.add(Severity::Warning, "MT-01", spot, text);
                    }
                }
                Err(error) => {
                    outcome.failed += 1;
                    // Damaged bytes are told of already.
                    if sound {
                        let text = Text::new(format!("{what} cannot be read"), self.explain(&error));
                        log.add(Severity::Error, rule_of(&error), spot, text);
                    }
                }
            }
        }
        let messages = &mut log.counts.messages;
        messages.total += 1;
        messages.outcome += &outcome;
        let by_type = messages.by_type.entry(self.number).or_default();
        by_type.name = name.unwrap_or("unknown").to_owned();
        by_type.count += 1;
        by_type.outcome += &outcome;
    }

    fn count_signature(&self, log: &mut Log<'_>) {
        if is_signed(self.flags, self.sig) {
            log.counts.signatures.present += 1;
            log.counts.signatures.unverified += 1;
        }
    }

    /// Whether all checksums match that have to.
    fn check_sums(&self, mismatch: Option<&DecodeError>, what: &str, spot: Spot, log: &mut Log<'_>) -> bool {
        let no_crc = self.flags.contains(FooterFlags::NOCRC);
        let bad = |checksum: &Checksum| checksum.stored().is_some();
        let part = if bad(&self.header_crc) {
            Some(("CR-01", "the header"))
        } else if bad(&self.front_crc) {
            Some(("CR-04", "the front"))
        } else if bad(&self.middle_crc) {
            Some(("CR-05", "the middle"))
        } else if !no_crc && bad(&self.data_crc) {
            Some(("CR-06", "the data"))
        } else {
            None
        };
        match part {
            Some((rule, part)) => {
                log.counts.crc.bad += 1;
                let detail = mismatch.map(ToString::to_string).unwrap_or_default();
                let text = Text::new(format!("the checksum of {part} of a message does not match"), detail);
                log.add(Severity::Error, rule, spot, Text { detail: format!("{what}, {}", text.detail), ..text });
            }
            None if no_crc => log.counts.crc.skipped += 1,
            None => log.counts.crc.ok += 1,
        }
        part.is_none()
    }

    fn decode(&self, features: u64) -> Result<Payload, DecodeError> {
        Payload::decode(self.number, self.parts.sections(), &Context::new(features))
    }

    /// Where the payload, written again, differs from what was read.
    fn difference(&self, payload: &Payload, features: u64) -> Option<String> {
        match payload.encode(Target::exact(features)) {
            Ok(again) => difference(&self.parts, &again),
            Err(error) => Some(error.to_string()),
        }
    }

    /// An error, with the bytes at the place where it happened, if it is clear in which section that is.
    fn explain(&self, error: &DecodeError) -> String {
        let Parts { front, middle, data, .. } = &self.parts;
        match front.get(error.offset()..) {
            Some(ahead) if !ahead.is_empty() && middle.is_empty() && data.is_empty() => {
                let shown = ahead.get(..16).unwrap_or(ahead);
                let more = if shown.len() < ahead.len() { "…" } else { "" };
                format!("version {}, {error}; there: {}{more}", self.parts.version, hex::encode(shown))
            }
            _ => format!("version {}, {error}", self.parts.version),
        }
    }
}

/// Whether the payload, or a part of it, is not described.
fn is_opaque(payload: &Payload) -> bool {
    matches!(payload, Payload::Opaque { .. })
}

/// The requirement that a payload breaks.
fn rule_of(error: &DecodeError) -> &'static str {
    match error.kind() {
        DecodeErrorKind::Incompatible { .. } if error.path().is_empty() => "MT-02",
        DecodeErrorKind::Incompatible { .. } => "EN-11",
        DecodeErrorKind::CountExceedsInput { .. } => "EN-19",
        DecodeErrorKind::TooMany { .. } | DecodeErrorKind::Memory { .. } => "ER-27",
        DecodeErrorKind::Checksum { .. } => "MT-09",
        _ => "MT-05",
    }
}

/// The first difference between what was read and what was written.
fn difference(read: &Parts, written: &Parts) -> Option<String> {
    if (read.version, read.compat) != (written.version, written.compat) {
        let Parts { version, compat, .. } = read;
        return Some(format!(
            "version {version} compat {compat} became version {} compat {}",
            written.version, written.compat
        ));
    }
    let sections = [
        ("front", &read.front, &written.front),
        ("middle", &read.middle, &written.middle),
        ("data", &read.data, &written.data),
    ];
    let (name, read, written) = sections.into_iter().find(|(_, read, written)| read != written)?;
    let at = read.iter().zip(written.iter()).take_while(|(a, b)| a == b).count();
    let byte = |bytes: &[u8]| bytes.get(at).map_or_else(|| "the end".to_owned(), |byte| format!("{byte:02x}"));
    Some(format!("{name} at byte {at:#x}: {} became {}", byte(read), byte(written)))
}
