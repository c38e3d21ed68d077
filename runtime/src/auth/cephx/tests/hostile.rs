//! Input that is cut off or damaged: an error each time, and nothing else.

use super::*;

/// The bytes with one bit changed, for every bit; and all that begins with them.
fn damaged(good: &Bytes) -> impl Iterator<Item = Bytes> {
    let flipped = (0..good.len() * 8).map(|bit| {
        let mut bytes = good.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes.into()
    });
    flipped.chain((0..good.len()).map(|length| good.slice(..length)))
}

// covers: ER-23
#[test]
fn a_client_survives_every_damaged_answer() {
    let mut random = Random::new(1);
    let mut monitor = monitor();
    let mut session = MonSession::new(0);
    let mut client = CephxClient::new(name(EntityType::OSD, "0"), key_of(2), &[EntityType::OSD]);
    let mut request = client.start(0, 0).unwrap();
    let mut turns = 0;
    loop {
        let good = monitor.handle(&mut session, &request, &mut at(NOW, &mut random)).reply;
        for result_bl in damaged(&good.result_bl) {
            let bad = MAuthReply { result_bl, ..good.clone() };
            let cut = bad.result_bl.len() < good.result_bl.len();
            let end = client.clone().handle(&bad, &mut at(NOW, &mut random));
            assert!(!cut || end.is_err() || bad.result_bl.len() == 6, "cut to {} bytes", bad.result_bl.len());
        }
        turns += 1;
        match client.handle(&good, &mut at(NOW, &mut random)).unwrap() {
            Step::Send(next) => request = next,
            Step::Done => break,
        }
    }
    assert_eq!(turns, 4);
}

#[test]
fn a_monitor_survives_every_damaged_request() {
    let mut random = Random::new(1);
    let mut monitor = monitor();
    let mut session = MonSession::new(0);
    let mut client = CephxClient::new(name(EntityType::OSD, "0"), key_of(2), &[EntityType::OSD]);
    let mut request = client.start(0, 0).unwrap();
    let mut turns = 0;
    loop {
        for auth_payload in damaged(&request.auth_payload) {
            let cut = auth_payload.len() < request.auth_payload.len();
            let bad = MAuth { auth_payload, ..request.clone() };
            let answer = monitor.handle(&mut session.clone(), &bad, &mut at(NOW, &mut random));
            assert!(!cut || answer.reply.result == -22, "cut to {} bytes", bad.auth_payload.len());
        }
        turns += 1;
        let good = monitor.handle(&mut session, &request, &mut at(NOW, &mut random)).reply;
        match client.handle(&good, &mut at(NOW, &mut random)).unwrap() {
            Step::Send(next) => request = next,
            Step::Done => break,
        }
    }
    assert_eq!(turns, 4);
}

#[test]
fn no_bit_of_a_proof_can_be_changed() {
    let mut random = Random::new(1);
    let mut monitor = monitor();
    let mut session = MonSession::new(0);
    let mut client = admin();
    let first = client.start(0, 0).unwrap();
    let reply = monitor.handle(&mut session, &first, &mut at(NOW, &mut random)).reply;
    let Step::Send(second) = client.handle(&reply, &mut at(NOW, &mut random)).unwrap() else { panic!() };
    // The request's type and version, then the challenge and the proof.
    for bit in 3 * 8..19 * 8 {
        let mut auth_payload = second.auth_payload.to_vec();
        auth_payload[bit / 8] ^= 1 << (bit % 8);
        let bad = MAuth { auth_payload: auth_payload.into(), ..second.clone() };
        assert_eq!(monitor.handle(&mut session, &bad, &mut at(NOW, &mut random)).reply.result, -1, "bit {bit}");
    }
    assert_eq!(monitor.handle(&mut session, &second, &mut at(NOW, &mut random)).reply.result, 0);
}

// covers: AU-09, AU-12
#[test]
fn a_service_survives_every_damaged_authorizer() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let good = client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).unwrap().bytes;
    let whole: CephXAuthorizer = from_bytes(good.clone(), &Context::default()).unwrap();
    for bad in damaged(&good) {
        match service.verify(&shown(&bad), &mut at(NOW, &mut random)) {
            // CEPHX does not notice every change of what is sealed, nor does it look at versions.
            Verdict::Accept { .. } => {
                let mut bad: CephXAuthorizer = from_bytes(bad, &Context::default()).unwrap();
                bad.ticket.blob = whole.ticket.blob.clone();
                bad.authorize = whole.authorize.clone();
                assert_eq!(bad, whole);
            }
            Verdict::Reject(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_survives_every_damaged_reply_and_challenge() {
    let (mut client, service) = client_and_service();
    let mut random = Random::new(1);
    let mut auth = crate::auth::Auth::new(crate::auth::Shows::Nothing, crate::auth::Rules::nobody());
    let good = client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).unwrap();
    let (reply, _) = accepted(service.verify(&shown(&good.bytes), &mut at(NOW, &mut random)));
    for bad in damaged(&reply) {
        use crate::auth::Authenticator;
        assert!(auth.verify_reply(&good, &bad).is_err() || bad.len() == reply.len());
        let _ = auth.answer(&good, &bad, &mut at(NOW, &mut random));
    }
}
