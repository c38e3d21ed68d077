//! Messages inside messages: what monitors forward to their leader, and the answers that come back.

use firefly_runtime::codec::{Context, Parts};
use firefly_runtime::session::PeerMisbehaved;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{CEPH_CRC, EncapsulatedMessage, FooterFlags};

use super::finding::{Severity, Text, rule};
use super::log::{Log, Spot};
use super::message::{difference, explain_error, is_opaque};
use crate::report::Outcomes;

/// How deep messages may be nested. Monitors do not relay what was relayed.
const DEPTH: u32 = 4;

/// Counts and judges the message inside of another one, if there is one. What became of it and of those inside of it.
pub(super) fn judge(payload: &Payload, features: u64, spot: Spot, log: &mut Log<'_>) -> Outcomes {
    let inside = judge_at(payload, features, spot, DEPTH, log);
    log.counts.messages.nested += &inside;
    inside
}

fn judge_at(payload: &Payload, features: u64, spot: Spot, depth: u32, log: &mut Log<'_>) -> Outcomes {
    let Some((outside, message)) = inside_of(payload) else { return Outcomes::default() };
    let number = message.header.r#type.0;
    let inside = Payload::name_of(number).map_or_else(|| format!("message type {number}"), str::to_owned);
    let what = format!("{inside} inside of {outside}");
    let mut outcome = Outcomes::default();
    let Some(depth) = depth.checked_sub(1) else {
        log.add(Severity::Error, "MT-09", spot, Text::new("messages are nested too deep", what));
        outcome.failed = 1;
        return outcome;
    };
    if let Some(section) = damaged(message) {
        let text = Text::new(format!("the checksum of the {section} of a nested message does not match"), what);
        log.add(Severity::Error, "MT-09", spot, text);
        outcome.failed = 1;
        return outcome;
    }
    let parts = parts(message);
    match Payload::decode(number, parts.sections(), &Context::new(features)) {
        Ok(payload) => {
            *(if is_opaque(&payload) { &mut outcome.opaque } else { &mut outcome.decoded }) = 1;
            match difference(&parts, &payload, features) {
                None => outcome.exact = 1,
                Some(difference) => {
                    let text = Text::new(format!("{what} is not what is written again"), difference);
                    log.add(Severity::Error, rule::EXACT, spot, text);
                }
            }
            outcome += &judge_at(&payload, features, spot, depth, log);
        }
        Err(error) => {
            let text = Text::new(format!("{what} cannot be read"), explain_error(&error, &parts));
            let rule = PeerMisbehaved::BadMessage { seq: message.header.seq, number, error }.rule();
            log.add(Severity::Error, rule, spot, text);
            outcome.failed = 1;
        }
    }
    outcome
}

/// The message inside of another one, and the name of that.
fn inside_of(payload: &Payload) -> Option<(&'static str, &EncapsulatedMessage)> {
    match payload {
        Payload::MForward(forward) => Some(("MForward", &forward.msg)),
        Payload::MRoute(route) if route.has_msg => Some(("MRoute", &route.msg)),
        _ => None,
    }
}

/// The section whose checksum does not match.
fn damaged(message: &EncapsulatedMessage) -> Option<&'static str> {
    let EncapsulatedMessage { footer, front, middle, data, .. } = message;
    let data_counts = !footer.flags.contains(FooterFlags::NOCRC);
    let sections = [
        ("front", CEPH_CRC.of(front) == footer.front_crc),
        ("middle", CEPH_CRC.of(middle) == footer.middle_crc),
        ("data", !data_counts || CEPH_CRC.of(data) == footer.data_crc),
    ];
    sections.into_iter().find(|(_, sound)| !sound).map(|(section, _)| section)
}

fn parts(message: &EncapsulatedMessage) -> Parts {
    let EncapsulatedMessage { header, front, middle, data, .. } = message.clone();
    Parts { version: header.version, compat: header.compat_version, front, middle, data }
}
