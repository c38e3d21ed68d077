//! A conversation that was signed afterwards: what is wrong with a signature or an authorizer is found.

mod doctored;
mod support;

use bytes::Bytes;
use doctored::{Ending, HANDSHAKE, Story, assembled, edit, findings, frame, segments};
use firefly_conformance::replay::{Keyring, Options, Severity, replay_capture};
use firefly_conformance::report::{CaptureReport, Signatures};
use firefly_runtime::auth::{Covered, Key, SignatureForm, Signer};
use firefly_runtime::codec::{Context, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::address::{AuthEntityName, EntityType};
use firefly_runtime::wire::auth::{
    AuthProtocol, CephXAuthorize, CephXAuthorizeReply, CephXAuthorizer, CephXAuthorizerReply, CephXTicketBlob,
    CryptoKey, CryptoType, SECRET_ID_OWN_KEY,
};
use firefly_runtime::wire::cephx::CephXServiceTicketInfo;
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::transport::{Close, Connect, ConnectReply, FooterFlags, Frame, MsgFooter, MsgHeader};

const NONCE: u64 = 41;

fn key(seed: u8) -> Key {
    Key::new(CryptoType::AES, UTime::default(), &[seed; 16]).expect("a key")
}

/// The monitors' key, which opens the ticket.
fn own() -> Key {
    key(1)
}

fn session() -> Key {
    key(2)
}

fn bytes<T: Wire>(value: &T) -> Bytes {
    to_bytes(value, Target::fresh(FEATURES_ALL)).expect("can be written")
}

fn change<T: Wire>(bytes: &mut Bytes, change: impl FnOnce(&mut T)) {
    let mut value: T = from_bytes(bytes.clone(), &Context::new(FEATURES_ALL)).expect("can be read");
    change(&mut value);
    *bytes = self::bytes(&value);
}

/// The first connection of the bundled capture with cephx, as monitors use it among themselves.
fn story(form: SignatureForm) -> Story {
    let mut story = Story::new();
    let features = if form == SignatureForm::Encrypted { Features::CEPHX_V2.0 } else { 0 };
    let info = CephXServiceTicketInfo { session_key: CryptoKey::from(&session()), ..Default::default() };
    let blob = own().seal(&info).expect("can be sealed").ciphertext;
    let authorize = CephXAuthorize { nonce: NONCE, ..Default::default() };
    let authorizer = CephXAuthorizer {
        service_id: EntityType::MON.0.into(),
        ticket: CephXTicketBlob { secret_id: SECRET_ID_OWN_KEY, blob, ..Default::default() },
        authorize: session().seal(&authorize).expect("can be sealed"),
        ..Default::default()
    };
    change(&mut story.client[HANDSHAKE - 1], |connect: &mut Connect| {
        connect.features.0 |= features;
        connect.authorizer_protocol = AuthProtocol::CEPHX;
        connect.authorizer = bytes(&authorizer);
    });
    change(&mut story.server[HANDSHAKE - 1], |reply: &mut ConnectReply| {
        reply.features.0 |= features;
        let proof = CephXAuthorizeReply { nonce_plus_one: NONCE + 1, ..Default::default() };
        reply.authorizer = bytes(&CephXAuthorizerReply { reply: session().seal(&proof).expect("can be sealed") });
    });
    let signer = Signer::new(&session(), form);
    for message in story.client.iter_mut().chain(&mut story.server) {
        sign(message, &signer);
    }
    story
}

/// Signs a message. Nothing else has a signature.
fn sign(bytes: &mut Bytes, signer: &Signer) {
    if !matches!(from_bytes(bytes.clone(), &Context::new(FEATURES_ALL)), Ok(Frame::Message(_))) {
        return;
    }
    let part = |at: usize, size: usize| bytes.slice(at..at + size);
    let header: MsgHeader = from_bytes(part(Close::MIN_SIZE, MsgHeader::MIN_SIZE), &Context::default()).expect("one");
    let footer = part(bytes.len() - MsgFooter::MIN_SIZE, MsgFooter::MIN_SIZE);
    let footer: MsgFooter = from_bytes(footer, &Context::default()).expect("a footer");
    let sig = signer.sign(&Covered::of(&header, &footer));
    edit(bytes, |message| {
        message.footer.sig = sig;
        message.footer.flags = FooterFlags(message.footer.flags.0 | FooterFlags::SIGNED.0);
    });
}

fn replay(story: &Story) -> CaptureReport {
    let mut options = Options::named("doctored");
    let mut keyring = Keyring::default();
    keyring.insert(AuthEntityName { r#type: EntityType::MON.0.into(), id: "".into() }, own());
    options.keyring = Some(keyring);
    let segments = segments(&story.client.concat(), &story.server.concat(), Ending::Fin);
    replay_capture(&assembled(segments), &options)
}

/// Asserts that there is exactly one finding that is not just for information.
#[track_caller]
fn assert_one(report: &CaptureReport, severity: Severity, rule: &str, says: &str) {
    let told: Vec<_> = findings(report).into_iter().filter(|(severity, ..)| *severity != Severity::Info).collect();
    assert!(matches!(&told[..], [(s, r, text)] if (*s, *r) == (severity, rule) && text.contains(says)), "{told:#?}");
}

fn clean() -> Signatures {
    let signatures = replay(&story(SignatureForm::Sealed)).counts.signatures;
    assert!(signatures.present > 5);
    signatures
}

#[test]
fn all_messages_are_verified_in_either_form() {
    for form in [SignatureForm::Sealed, SignatureForm::Encrypted] {
        let report = replay(&story(form));
        let Signatures { present, verified, bad, unverified } = report.counts.signatures;
        assert_eq!((present, verified, bad, unverified), (report.counts.messages.total, present, 0, 0));
        let opened = findings(&report).into_iter().any(|(.., text)| text.ends_with("1 of 1 authorizers"));
        assert!(opened && findings(&report).iter().all(|(severity, ..)| *severity == Severity::Info));
    }
}

#[test]
fn a_flipped_bit_in_a_signature() {
    let mut story = story(SignatureForm::Sealed);
    let at = Story::message(&story.client, 1);
    let place: usize = story.client[..at].iter().map(Bytes::len).sum();
    edit(&mut story.client[at], |message| message.footer.sig ^= 0x10);
    let report = replay(&story);
    assert_one(&report, Severity::Error, "AU-25", "the signature of a message does not match");
    let finding = report.findings.iter().find(|finding| finding.severity == Severity::Error).expect("it");
    assert_eq!(finding.place.stream_offset, Some(place as u64));
    let clean = clean();
    assert_eq!(report.counts.signatures, Signatures { verified: clean.verified - 1, bad: 1, ..clean });
}

/// The first form covers only a part of the header's checksum, the second one everything.
#[test]
fn a_changed_message_is_noticed_in_the_second_form() {
    for (form, bad) in [(SignatureForm::Sealed, 0), (SignatureForm::Encrypted, 1)] {
        let mut story = story(form);
        let at = (HANDSHAKE..story.client.len()).find(|&at| match frame(&story.client[at]) {
            Frame::Message(message) => !message.front.is_empty(),
            _ => false,
        });
        // The front is changed together with its checksum, which the header's does not cover.
        edit(&mut story.client[at.expect("a message")], |message| {
            let mut front = message.front.to_vec();
            front[0] ^= 1;
            message.front = front.into();
        });
        assert_eq!(replay(&story).counts.signatures.bad, bad, "{form:?}");
    }
}

#[test]
fn a_message_without_signature_among_others_that_have_one() {
    let mut story = story(SignatureForm::Sealed);
    let at = Story::message(&story.server, 1);
    edit(&mut story.server[at], |message| {
        message.footer.sig = 0;
        message.footer.flags = FooterFlags::COMPLETE;
    });
    let report = replay(&story);
    assert_one(&report, Severity::Warning, "AU-25", "is not signed");
    let present = clean().present - 1;
    assert_eq!(report.counts.signatures, Signatures { present, verified: present, bad: 0, unverified: 0 });
}

/// The flag is advisory (AU-28).
#[test]
fn a_signature_without_its_flag() {
    let mut story = story(SignatureForm::Sealed);
    let at = Story::message(&story.server, 1);
    edit(&mut story.server[at], |message| message.footer.flags = FooterFlags::COMPLETE);
    let report = replay(&story);
    assert_eq!(report.counts.signatures, clean());
    assert!(findings(&report).iter().all(|(severity, ..)| *severity == Severity::Info));
}

#[test]
fn a_server_without_the_session_key() {
    let mut story = story(SignatureForm::Sealed);
    change(&mut story.server[HANDSHAKE - 1], |reply: &mut ConnectReply| {
        let proof = CephXAuthorizeReply { nonce_plus_one: NONCE + 1, ..Default::default() };
        reply.authorizer = bytes(&CephXAuthorizerReply { reply: key(9).seal(&proof).expect("can be sealed") });
    });
    let report = replay(&story);
    assert_one(&report, Severity::Error, "AU-05", "not sealed with the session key");
    assert_eq!(report.counts.signatures, clean());
}

#[test]
fn a_client_without_the_session_key() {
    let mut story = story(SignatureForm::Sealed);
    change(&mut story.client[HANDSHAKE - 1], |connect: &mut Connect| {
        change(&mut connect.authorizer, |authorizer: &mut CephXAuthorizer| {
            authorizer.authorize = key(9).seal(&CephXAuthorize::default()).expect("can be sealed");
        });
    });
    let report = replay(&story);
    assert_one(&report, Severity::Error, "AU-04", "accepted all the same");
    let present = clean().present;
    assert_eq!(report.counts.signatures, Signatures { present, verified: 0, bad: 0, unverified: present });
}

#[test]
fn without_authorizer_signatures_mean_nothing() {
    let mut story = story(SignatureForm::Sealed);
    change(&mut story.client[HANDSHAKE - 1], |connect: &mut Connect| {
        connect.authorizer_protocol = AuthProtocol::UNKNOWN;
        connect.authorizer = Bytes::new();
    });
    change(&mut story.server[HANDSHAKE - 1], |reply: &mut ConnectReply| reply.authorizer = Bytes::new());
    let report = replay(&story);
    assert_eq!(report.counts.signatures.unverified, clean().present);
    let told = findings(&report);
    assert!(told.iter().any(|(.., text)| text.ends_with("the client gave no authorizer")), "{told:#?}");
    assert!(told.iter().all(|(severity, ..)| *severity == Severity::Info));
}
