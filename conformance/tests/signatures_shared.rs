//! Signatures and tickets in real captures, which lie beside the checkout. Without them the tests say so and pass.

mod doctored;
mod support;

use bytes::Bytes;
use doctored::{Ending, HANDSHAKE, Story, assembled, findings, flip, frame, segments, shared};
use firefly_conformance::capture::{Capture, Connection, Direction, EventKind, read};
use firefly_conformance::replay::{Keyring, Options, Severity, replay_capture};
use firefly_conformance::report::{CaptureReport, Signatures};
use firefly_runtime::codec::{Context, Reader, Target, Wire, to_bytes};
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::transport::{
    Banner, ClientHello, Connect, ConnectReply, FooterFlags, Frame, ServerHello, Tag,
};

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

/// A connection between monitors, whose ticket is sealed with a key of the keyring, that is opened at the first try.
fn between_monitors() -> Option<(Story, Options)> {
    let (capture, options) = capture("firefly/boot-cephx")?;
    let context = Context::default();
    let is_such = |connection: &Connection| {
        let behind = |direction, hello: usize| {
            let events = connection.events.iter().filter(|event| event.direction == direction);
            let mut bytes = Vec::new();
            for event in events {
                if let EventKind::Data(data) = &event.kind {
                    bytes.extend_from_slice(data);
                }
            }
            Bytes::from(bytes.split_off(bytes.len().min(Banner::MIN_SIZE + hello)))
        };
        let (client, server) =
            (behind(Direction::Client, ClientHello::MIN_SIZE), behind(Direction::Server, ServerHello::MIN_SIZE));
        let connect = Connect::decode(&mut Reader::new(&client, &context));
        let reply = ConnectReply::decode(&mut Reader::new(&server, &context));
        connect.is_ok_and(|connect| {
            connect.host_type == u32::from(EntityType::MON.0) && connect.authorizer_protocol == AuthProtocol::CEPHX
        }) && reply.is_ok_and(|reply| reply.tag == Tag::READY)
    };
    let at = capture.connections.iter().position(is_such).expect("such a connection");
    Some((Story::of(&capture, at), options))
}

fn replay_story(story: &Story, options: &Options) -> CaptureReport {
    let segments = segments(&story.client.concat(), &story.server.concat(), Ending::Fin);
    replay_capture(&assembled(segments), options)
}

#[test]
fn a_flipped_bit_in_a_signature() {
    let Some((mut story, options)) = between_monitors() else { return };
    let clean = replay_story(&story, &options).counts.signatures;
    assert!(clean.present > 5);
    assert_eq!(clean, Signatures { present: clean.present, verified: clean.present, bad: 0, unverified: 0 });
    let at = Story::message(&story.client, 1);
    let place: usize = story.client[..at].iter().map(Bytes::len).sum();
    let mut bytes = story.client[at].to_vec();
    // The last byte of the signature lies in front of the flags.
    let last = bytes.len() - 2;
    bytes[last] ^= 0x10;
    story.client[at] = bytes.into();
    let report = replay_story(&story, &options);
    assert_eq!(report.counts.signatures, Signatures { verified: clean.present - 1, bad: 1, ..clean });
    let bad: Vec<_> = report.findings.iter().filter(|finding| finding.severity != Severity::Info).collect();
    let [finding] = bad[..] else { panic!("{bad:#?}") };
    assert_eq!((finding.severity, finding.rule), (Severity::Error, "AU-25"));
    assert_eq!(finding.place.stream_offset, Some(place as u64));
    assert!(finding.text.to_string().starts_with("the signature of a message does not match: "), "{}", finding.text);
}

#[test]
fn a_message_that_is_not_signed_among_others_that_are() {
    let Some((mut story, options)) = between_monitors() else { return };
    let clean = replay_story(&story, &options).counts.signatures;
    let at = Story::message(&story.server, 1);
    let mut message = frame(&story.server[at]);
    if let Frame::Message(message) = &mut message {
        message.footer.sig = 0;
        message.footer.flags = FooterFlags::COMPLETE;
    }
    story.server[at] = to_bytes(&message, Target::exact(FEATURES_ALL)).expect("a frame");
    let report = replay_story(&story, &options);
    let present = clean.present - 1;
    assert_eq!(report.counts.signatures, Signatures { present, verified: present, bad: 0, unverified: 0 });
    let told: Vec<_> = findings(&report).into_iter().filter(|(severity, ..)| *severity != Severity::Info).collect();
    assert!(matches!(&told[..], [(Severity::Warning, "AU-25", text)] if text.contains("is not signed")), "{told:#?}");
}

#[test]
fn a_flipped_bit_in_an_authorizer_and_in_its_answer() {
    let Some((mut story, options)) = between_monitors() else { return };
    let whole = story.clone();
    // The end of the authorizer is what is sealed with the session key.
    flip(&mut story.client[HANDSHAKE - 1], -1);
    let report = replay_story(&story, &options);
    let told: Vec<_> = findings(&report).into_iter().filter(|(severity, ..)| *severity != Severity::Info).collect();
    assert!(matches!(&told[..], [(Severity::Error, "AU-04", _)]), "{told:#?}");
    assert_eq!(report.counts.signatures.verified, 0);

    let mut story = whole;
    flip(&mut story.server[HANDSHAKE - 1], -1);
    let report = replay_story(&story, &options);
    let told: Vec<_> = findings(&report).into_iter().filter(|(severity, ..)| *severity != Severity::Info).collect();
    assert!(matches!(&told[..], [(Severity::Error, "AU-05", _)]), "{told:#?}");
    assert_eq!(report.counts.signatures.unverified, 0);
}
