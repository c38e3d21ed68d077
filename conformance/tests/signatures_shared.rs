//! Signatures and tickets in real captures, which lie beside the checkout. Without them the tests say so and pass.

mod doctored;
mod support;

use bytes::Bytes;
use doctored::{findings, shared};
use firefly_conformance::capture::{Capture, EventKind, read};
use firefly_conformance::replay::{Keyring, Options, Severity, replay_capture};
use firefly_conformance::report::{CaptureReport, Signatures};
use firefly_runtime::codec::{Context, from_bytes};
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::{FooterFlags, Frame};

/// A capture and the keyring that lies beside it.
fn capture(name: &str) -> Option<(Capture, Options)> {
    let capture = shared(&format!("captures/{name}.pcap.gz"))?;
    let mut options = Options::named(name);
    options.keyring = Some(keyring(name)?);
    Some((read(&capture).expect("a capture"), options))
}

fn keyring(name: &str) -> Option<Keyring> {
    let keyring = std::fs::read_to_string(shared(&format!("captures/{name}.keyring"))?).expect("can be read");
    Some(Keyring::parse(&keyring).expect("a keyring"))
}

fn replay(name: &str) -> Option<CaptureReport> {
    let (capture, options) = capture(name)?;
    Some(replay_capture(&capture, &options))
}

/// What was opened: tickets, rotating keys, authorizers.
#[track_caller]
fn assert_opened(report: &CaptureReport, opened: &str) {
    let told = findings(report).into_iter().find(|(_, rule, text)| *rule == "KEYRING" && text.starts_with("opened"));
    assert_eq!(told.map(|(severity, _, text)| (severity, text)), Some((Severity::Info, opened.to_owned())));
}

/// Findings that are not about the handshakes that faults interrupt, nor about what cannot be verified.
fn others(report: &CaptureReport) -> Vec<(Severity, &str, String)> {
    findings(report).into_iter().filter(|(_, rule, _)| !["ER-04", "KEYRING"].contains(rule)).collect()
}

// covers: AU-24, AU-25
#[test]
fn all_signatures_of_a_cluster_that_boots() {
    let Some(report) = replay("firefly/boot-cephx") else { return };
    let wanted = Signatures { present: 4_945, verified: 4_945, bad: 0, unverified: 0 };
    assert_eq!(report.counts.signatures, wanted);
    assert_opened(
        &report,
        "opened with the keyring: 53 of 53 tickets on their way to their owners, 5 of 5 sets of rotating keys, \
         12 of 12 authorizers",
    );
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
}

#[test]
fn all_signatures_among_metadata_servers() {
    let Some(report) = replay("firefly/mds-export-cephx") else { return };
    let wanted = Signatures { present: 11_750, verified: 11_750, bad: 0, unverified: 0 };
    assert_eq!(report.counts.signatures, wanted);
    assert_opened(
        &report,
        "opened with the keyring: 51 of 51 tickets on their way to their owners, 4 of 4 sets of rotating keys, \
         7 of 7 authorizers",
    );
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
}

/// The connections of the daemons were open before the capture began: their keys cannot be known.
#[test]
fn signatures_of_clients_of_a_running_cluster() {
    let Some(report) = replay("firefly/client-cephx") else { return };
    let wanted = Signatures { present: 551, verified: 46, bad: 0, unverified: 505 };
    assert_eq!(report.counts.signatures, wanted);
    assert_opened(
        &report,
        "opened with the keyring: 72 of 72 tickets on their way to their owners, 0 of 0 sets of rotating keys, \
         17 of 17 authorizers",
    );
    assert_eq!(others(&report), []);
    let unverified = findings(&report).into_iter().filter(|(_, _, text)| text.starts_with("signatures that cannot"));
    assert!(unverified.clone().count() > 0);
    assert!(unverified.clone().all(|(_, _, text)| text.ends_with("the handshake is not in the capture")));
}

/// The OSDs reconnect with tickets that they got before the capture began; the client gets its own in it.
#[test]
fn signatures_of_connections_that_break_all_the_time() {
    let Some(report) = replay("firefly/faults-cephx") else { return };
    let wanted = Signatures { present: 6_028, verified: 3_082, bad: 0, unverified: 2_946 };
    assert_eq!(report.counts.signatures, wanted);
    assert_opened(
        &report,
        "opened with the keyring: 8 of 8 tickets on their way to their owners, 0 of 0 sets of rotating keys, \
         287 of 709 authorizers",
    );
    assert_eq!(others(&report), []);
}

/// With a challenge in the handshake and signatures of everything.
#[test]
fn signatures_of_later_peers() {
    let Some(report) = replay("later/nautilus-cephx") else { return };
    assert_eq!(report.counts.signatures, Signatures { present: 4, verified: 4, bad: 0, unverified: 0 });
    assert_opened(
        &report,
        "opened with the keyring: 67 of 67 tickets on their way to their owners, 3 of 3 sets of rotating keys, \
         4 of 4 authorizers",
    );
    let about_keys = |rule: &str| ["AU-", "MA-", "MD-", "EXACT"].iter().any(|of| rule.starts_with(of));
    assert!(findings(&report).iter().all(|(_, rule, _)| !about_keys(rule)));
}

#[test]
fn without_a_keyring_nothing_is_verified() {
    let Some((capture, _)) = capture("firefly/boot-cephx") else { return };
    let report = replay_capture(&capture, &Options::named("boot"));
    let wanted = Signatures { present: 4_945, verified: 0, bad: 0, unverified: 4_945 };
    assert_eq!((report.counts.signatures, findings(&report)), (wanted, vec![]));
}

/// Nobody is to blame but who chose the keyring.
#[test]
fn the_keyring_of_another_cluster() {
    let Some((capture, mut options)) = capture("firefly/boot-cephx") else { return };
    options.keyring = keyring("firefly/faults-cephx");
    let report = replay_capture(&capture, &options);
    let wanted = Signatures { present: 4_945, verified: 0, bad: 0, unverified: 4_945 };
    assert_eq!(report.counts.signatures, wanted);
    let told = findings(&report);
    assert!(told.iter().all(|(severity, rule, _)| *severity != Severity::Error && *rule == "KEYRING"), "{told:#?}");
    assert!(told.iter().any(|(severity, ..)| *severity == Severity::Warning), "{told:#?}");
}

#[test]
fn a_flipped_bit_in_a_signature() {
    let Some((mut capture, options)) = capture("firefly/boot-cephx") else { return };
    let is_signed = |data: &Bytes| match from_bytes::<Frame>(data.clone(), &Context::new(FEATURES_ALL)) {
        Ok(Frame::Message(message)) => message.footer.flags.contains(FooterFlags::SIGNED),
        _ => false,
    };
    let event = capture.connections.iter_mut().flat_map(|connection| &mut connection.events);
    let mut segments = event.filter_map(|event| match &mut event.kind {
        EventKind::Data(data) if is_signed(data) => Some(data),
        _ => None,
    });
    let data = segments.next().expect("a segment that holds just a signed message");
    let mut bytes = data.to_vec();
    // In front of the flags.
    let last = bytes.len() - 2;
    bytes[last] ^= 0x10;
    *data = bytes.into();
    let report = replay_capture(&capture, &options);
    let wanted = Signatures { present: 4_945, verified: 4_944, bad: 1, unverified: 0 };
    assert_eq!(report.counts.signatures, wanted);
    let told: Vec<_> = findings(&report).into_iter().filter(|(severity, ..)| *severity != Severity::Info).collect();
    assert!(matches!(&told[..], [(Severity::Error, "AU-25", text)] if text.contains("does not match")), "{told:#?}");
}
