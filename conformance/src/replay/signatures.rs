//! Signatures of messages, judged once all connections have shown their keys.

use firefly_runtime::auth::{Key, Keyring, SignatureForm, Signer};
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::payload::Payload;

use super::evidence::{Evidence, Signed};
use super::finding::{Finding, Place, Severity, Text, rule};
use super::follow::Observed;
use super::keys::{Heard, Keys, Tally};
use super::log::Log;
use super::{authorizer, exchange};
use crate::report::{CaptureReport, Signatures};

/// Finds all keys that the keyring leads to, and judges with them what was observed. What was opened is told first.
pub(super) fn judge(observed: &mut [Observed<'_>], keyring: &Keyring, report: &mut CaptureReport) {
    let mut keys = Keys::new(keyring);
    // A key found on one connection may open what was said on another one before.
    let mut more = true;
    while std::mem::take(&mut more) {
        for observed in observed.iter() {
            let (heard, _) = hear(&observed.evidence, &keys);
            more |= keys.add(heard.found);
        }
    }
    let mut total = Heard::default();
    for observed in observed {
        let (heard, session) = hear(&observed.evidence, &keys);
        let findings = std::mem::take(&mut observed.findings);
        let mut log = Log {
            connection: observed.connection,
            counts: &mut report.counts,
            findings,
            evidence: Evidence::default(),
        };
        for (severity, rule, spot, text) in heard.faults {
            log.add(severity, rule, spot, text);
        }
        verify(&observed.evidence, session.as_ref(), &mut log);
        observed.findings = log.findings;
        total.tickets += heard.tickets;
        total.rotating += heard.rotating;
        total.authorizers += heard.authorizers;
    }
    if let Some(text) = opened(&total) {
        let place = Place::default();
        report.findings.push(Finding { severity: Severity::Info, rule: rule::KEYRING, place, text });
    }
}

/// What a connection says with these keys, and its session key.
fn hear(evidence: &Evidence, keys: &Keys<'_>) -> (Heard, Option<Key>) {
    let mut heard = Heard::default();
    exchange::read(evidence, keys, &mut heard);
    let session = authorizer::open(evidence, keys, &mut heard);
    (heard, session)
}

/// What the keyring opened, of how much.
fn opened(heard: &Heard) -> Option<Text> {
    let kinds = [
        ("tickets on their way to their owners", heard.tickets),
        ("sets of rotating keys", heard.rotating),
        ("authorizers", heard.authorizers),
    ];
    let told = kinds.map(|(what, Tally { present, opened })| format!("{opened} of {present} {what}"));
    kinds.iter().any(|(_, tally)| tally.present > 0).then(|| Text::new("opened with the keyring", told.join(", ")))
}

/// Verifies the signatures of a connection.
fn verify(evidence: &Evidence, session: Option<&Key>, log: &mut Log<'_>) {
    let present = evidence.messages.iter().filter(|message| message.is_signed).count() as u64;
    let Some(key) = session else {
        if present > 0 {
            let text = Text::new("signatures that cannot be verified", format!("{present}, {}", why(evidence)));
            log.add_about_connection(Severity::Info, rule::KEYRING, text);
        }
        return;
    };
    let signer = |form| Signer::new(key, form);
    let (sealed, encrypted) = (signer(SignatureForm::Sealed), signer(SignatureForm::Encrypted));
    for message in &evidence.messages {
        let signer = match SignatureForm::for_features(message.features) {
            SignatureForm::Encrypted => &encrypted,
            _ => &sealed,
        };
        let right = signer.verify(&message.covered, message.sig);
        let Signatures { verified, bad, unverified, .. } = &mut log.counts.signatures;
        let outcome = match (message.is_signed, right) {
            (true, true) => verified,
            (true, false) => bad,
            (false, _) if present == 0 => continue,
            (false, _) => {
                let text = Text::new("a message is not signed, others of its connection are", name(message));
                log.add(Severity::Warning, "AU-25", message.spot, text);
                continue;
            }
        };
        *outcome += 1;
        *unverified -= 1;
        if !right {
            let text = Text::new("the signature of a message does not match", name(message));
            log.add(Severity::Error, "AU-25", message.spot, text);
        }
    }
}

fn name(message: &Signed) -> String {
    let name = Payload::name_of(message.number);
    let name = name.map_or_else(|| format!("message type {}", message.number), str::to_owned);
    format!("{name}, number {}", message.covered.seq)
}

/// Why the session key of a connection is not known.
fn why(evidence: &Evidence) -> &'static str {
    match evidence.rounds.last() {
        None => "the handshake is not in the capture",
        Some(round) if round.connect.authorizer_protocol != AuthProtocol::CEPHX => "the client gave no authorizer",
        Some(_) => "the capture does not show how the client got its ticket",
    }
}
