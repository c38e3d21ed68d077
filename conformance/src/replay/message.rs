//! What is in a message.

use firefly_runtime::codec::{Bytes, Context, DecodeError, Parts, Target, from_bytes, hex};
use firefly_runtime::session::{Envelope, PeerMisbehaved};
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{FooterFlags, Frame};

use super::evidence::is_signed;
use super::finding::{Severity, Text, rule};
use super::log::{Log, Spot};
use super::nested;
use crate::report::Outcomes;

/// Counts a message and judges what is in it. `bytes` is its frame, which is written again as it was if it is `exact`.
pub(super) fn judge(envelope: &Envelope, bytes: &Bytes, exact: bool, features: u64, spot: Spot, log: &mut Log<'_>) {
    let name = Payload::name_of(envelope.number);
    let what = name.map_or_else(|| format!("message type {}", envelope.number), str::to_owned);
    let mut outcome = Outcomes::default();
    if !envelope.is_complete() {
        outcome.exact = u64::from(exact);
    } else {
        log.evidence.message(envelope, bytes, features, spot);
        if is_signed(envelope.flags, envelope.sig) {
            log.counts.signatures.present += 1;
            log.counts.signatures.unverified += 1;
        }
        let sound = check_sums(envelope, bytes, features, &what, spot, log);
        match envelope.payload(&Context::new(features)) {
            Ok(payload) => {
                log.evidence.payload(&payload, spot);
                let inside = nested::judge(&payload, features, spot, log);
                match () {
                    () if inside.failed > 0 => outcome.failed = 1,
                    () if is_opaque(&payload) || inside.opaque > 0 => outcome.opaque = 1,
                    () => outcome.decoded = 1,
                }
                let difference = difference(&envelope.parts, &payload, features);
                outcome.exact = u64::from(exact && difference.is_none() && inside.exact == inside.total());
                if let Some(difference) = difference {
                    let text = Text::new(format!("{what} is not what is written again"), difference);
                    log.add(Severity::Error, rule::EXACT, spot, text);
                }
                if name.is_none() {
                    let text = Text::new("an unknown message type", envelope.number.to_string());
                    log.add(Severity::Warning, "MT-01", spot, text);
                }
            }
            Err(fault) => {
                outcome.failed = 1;
                // Damaged bytes are told of already.
                if sound {
                    let text = Text::new(format!("{what} cannot be read"), explain(&fault, &envelope.parts));
                    log.add(Severity::Error, fault.rule(), spot, text);
                }
            }
        }
    }
    let messages = &mut log.counts.messages;
    messages.total += 1;
    messages.outcome += &outcome;
    let by_type = messages.by_type.entry(envelope.number).or_default();
    by_type.name = name.unwrap_or("unknown").to_owned();
    by_type.count += 1;
    by_type.outcome += &outcome;
}

/// Whether all checksums match that have to.
fn check_sums(envelope: &Envelope, bytes: &Bytes, features: u64, what: &str, spot: Spot, log: &mut Log<'_>) -> bool {
    let header = envelope.checksums[0].stored().map(|_| "header");
    match header.or_else(|| envelope.bad_section(false)) {
        Some(section) => {
            log.counts.crc.bad += 1;
            let mismatch = from_bytes::<Frame>(bytes.clone(), &Context::new(features)).err();
            let detail = mismatch.map(|error| error.to_string()).unwrap_or_default();
            let summary = format!("the checksum of the {section} of a message does not match");
            let text = Text::new(summary, format!("{what}, {detail}"));
            log.add(Severity::Error, PeerMisbehaved::BadCrc { section }.rule(), spot, text);
            false
        }
        None => {
            let skipped = envelope.flags.contains(FooterFlags::NOCRC);
            *(if skipped { &mut log.counts.crc.skipped } else { &mut log.counts.crc.ok }) += 1;
            true
        }
    }
}

/// Whether the payload is not described.
pub(super) fn is_opaque(payload: &Payload) -> bool {
    matches!(payload, Payload::Opaque(_))
}

/// Where a payload, written again, differs from what was read.
pub(super) fn difference(read: &Parts, payload: &Payload, features: u64) -> Option<String> {
    let written = match payload.encode(Target::exact(features)) {
        Ok(written) => written,
        Err(error) => return Some(error.to_string()),
    };
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

fn explain(fault: &PeerMisbehaved, parts: &Parts) -> String {
    match fault {
        PeerMisbehaved::BadMessage { error, .. } => explain_error(error, parts),
        fault => fault.to_string(),
    }
}

/// An error, with the bytes at the place where it happened, if it is clear in which section that is.
pub(super) fn explain_error(error: &DecodeError, parts: &Parts) -> String {
    let Parts { version, front, middle, data, .. } = parts;
    match front.get(error.offset()..) {
        Some(ahead) if !ahead.is_empty() && middle.is_empty() && data.is_empty() => {
            let shown = ahead.get(..16).unwrap_or(ahead);
            let more = if shown.len() < ahead.len() { "…" } else { "" };
            format!("version {version}, {error}; there: {}{more}", hex::encode(shown))
        }
        _ => format!("version {version}, {error}"),
    }
}
