//! Frames of an open connection.

use bytes::Bytes;
use firefly_runtime::codec::{
    ChecksumPolicy, Context, DecodeError, DecodeErrorKind, Measure, Target, from_bytes, to_bytes,
};
use firefly_runtime::wire::transport::Frame;

use super::finding::{Severity, Text, rule};
use super::log::Log;
use super::message::Envelope;
use super::side::{Side, Stop};

/// Reads the next frame, writes it again, and judges it.
pub(super) fn frame(side: &mut Side, features: u64, log: &mut Log<'_>) -> Result<(), Stop> {
    let spot = side.here();
    let rest = side.tape.rest();
    if rest.is_empty() {
        return Err(if side.tape.gap_follows() { Stop::Starved(Some(0)) } else { Stop::Blocked });
    }
    let (n, frame) = match measure(rest, features) {
        Ok(Measure::Whole(n)) if n > rest.len() => return Err(Stop::Starved(Some(n))),
        Ok(Measure::More(_)) => return Err(Stop::Starved(None)),
        Ok(Measure::Whole(n)) => (n, from_bytes::<Frame>(rest.slice(..n), &lenient(features))),
        Err(error) => (0, Err(error)),
    };
    let frame = frame.map_err(|error| {
        let (rule, what) = match error.kind() {
            DecodeErrorKind::UnknownTag { .. } => ("ER-10", "unknown tag"),
            DecodeErrorKind::Checksum { .. } => ("CR-01", "the checksum of a message header does not match"),
            DecodeErrorKind::TooLong { .. } => ("ER-15", "a message of absurd length"),
            _ => ("ER-11", "a frame that cannot be read"),
        };
        side.lose(Severity::Error, rule, Text::new(what, error.to_string()), 1, Some(features));
        Stop::Lost
    })?;
    let bytes = side.tape.take(n);
    let exact = to_bytes(&frame, Target::exact(features)).is_ok_and(|again| again == bytes);
    if !exact {
        log.add(Severity::Error, rule::EXACT, spot, "a frame is not what is written again");
    }
    match frame {
        Frame::Message(message) => self::message(&message.into(), &bytes, exact, features, side, log),
        Frame::OldMessage(message) => self::message(&message.into(), &bytes, exact, features, side, log),
        Frame::Ack(ack) => {
            log.counts.tags.ack += 1;
            side.sequence.ack(ack.seq, spot);
        }
        Frame::Keepalive(_) => log.counts.tags.keepalive += 1,
        Frame::Keepalive2(keepalive) => {
            log.counts.tags.keepalive2 += 1;
            side.sequence.keepalive(keepalive.stamp);
        }
        Frame::Keepalive2Ack(answer) => {
            log.counts.tags.keepalive2_ack += 1;
            side.sequence.keepalive_ack(answer.stamp, spot);
        }
        Frame::Close(_) => log.counts.tags.close += 1,
    }
    Ok(())
}

fn message(envelope: &Envelope, bytes: &Bytes, exact: bool, features: u64, side: &mut Side, log: &mut Log<'_>) {
    let (direction, end) = side.here();
    let spot = (direction, end.saturating_sub(bytes.len() as u64));
    if envelope.is_complete() {
        side.sequence.message(envelope.seq, spot, log);
        if let Some(evidence) = &mut log.evidence {
            evidence.message(bytes, features, spot);
        }
    }
    let mismatch = from_bytes::<Frame>(bytes.clone(), &Context::new(features)).err();
    envelope.judge(mismatch.as_ref(), exact, features, spot, log);
}

/// Checksums that do not match are kept.
fn lenient(features: u64) -> Context {
    Context { checksums: ChecksumPolicy::Report, ..Context::new(features) }
}

/// How long the frame is. The lengths in a header are believed if its checksum matches, or else if a frame follows.
fn measure(bytes: &[u8], features: u64) -> Result<Measure, DecodeError> {
    let strict = Context::new(features);
    let size = Frame::measure(bytes, &strict);
    if let Err(error) = &size
        && matches!(error.kind(), DecodeErrorKind::Checksum { .. })
        && let Ok(Measure::Whole(n)) = Frame::measure(bytes, &lenient(features))
        && let Some(behind) = bytes.get(n..)
        && (behind.is_empty() || Frame::measure(behind, &strict).is_ok())
    {
        return Ok(Measure::Whole(n));
    }
    size
}
