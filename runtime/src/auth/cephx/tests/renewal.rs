//! Good tickets at all times.

use super::*;

/// How many seconds a ticket for the ticket service, and one for a service, is good.
const MON_TTL: u64 = 43_200;
const SERVICE_TTL: u64 = 3600;

/// Lets a client renew what is due on a connection. What it asks for.
fn renew(client: &mut CephxClient, monitor: &mut CephxMonitor, session: &mut MonSession, now: Duration) -> Vec<MAuth> {
    let mut random = Random::new(now.as_secs());
    let moment = &mut at(now, &mut random);
    let mut said = Vec::new();
    let mut next = client.renew(moment).unwrap();
    while let Some(request) = next.take() {
        let reply = monitor.handle(session, &request, moment).reply;
        if let Step::Send(request) = client.handle(&reply, moment).unwrap() {
            next = Some(request);
        }
        said.push(request);
    }
    said
}

#[test]
fn tickets_are_renewed_when_a_quarter_of_their_time_is_left() {
    let (mut client, mut monitor, mut session) = (admin(), monitor(), MonSession::new(0));
    let mut random = Random::new(1);
    authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut random)).1.unwrap();
    let after = |seconds| NOW + Duration::from_secs(seconds);
    let due = after(SERVICE_TTL / 4 * 3);
    assert_eq!(client.next_renewal(), Some(utime(due)));
    assert!(!client.needs_renewal(utime(due - Duration::from_nanos(1))));
    assert!(renew(&mut client, &mut monitor, &mut session, due - Duration::from_nanos(1)).is_empty());
    assert!(client.needs_renewal(utime(due)));
    // Not twice at a time.
    let mut asking = client.clone();
    assert!(asking.renew(&mut at(due, &mut random)).unwrap().is_some());
    assert!(!asking.needs_renewal(utime(due)));
    let said = renew(&mut client, &mut monitor, &mut session, due);
    let [CephXRequestBody::Tickets { request, .. }] = &said.iter().map(super::said).collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(request.keys, 5);
    assert_eq!(client.next_renewal(), Some(utime(due + Duration::from_secs(SERVICE_TTL / 4 * 3))));

    // When all tickets are due, the one for the ticket service is renewed first.
    let due = after(MON_TTL / 4 * 3);
    let said = renew(&mut client, &mut monitor, &mut session, due);
    let [CephXRequestBody::Authenticate(first), CephXRequestBody::Tickets { .. }] =
        &said.iter().map(super::said).collect::<Vec<_>>()[..]
    else {
        panic!()
    };
    assert!(!first.old_ticket.blob.is_empty());
    assert_eq!(client.global_id(), 4100);
    assert!(!client.needs_renewal(utime(due)));
    assert!(client.holds(EntityType::OSD, utime(due + Duration::from_secs(SERVICE_TTL - 1))));
    assert!(!client.holds(EntityType::OSD, utime(due + Duration::from_secs(SERVICE_TTL))));
}

#[test]
fn the_ticket_for_the_ticket_service_is_renewed_by_itself() {
    let (mut monitor, mut session, mut random) = (monitor(), MonSession::new(0), Random::new(1));
    let mut client = CephxClient::new(name(EntityType::CLIENT, "admin"), key(), &[]);
    authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut random)).1.unwrap();
    let due = NOW + Duration::from_secs(MON_TTL / 4 * 3);
    assert_eq!(client.next_renewal(), Some(utime(due)));
    let said = renew(&mut client, &mut monitor, &mut session, due);
    assert!(matches!(said.iter().map(super::said).collect::<Vec<_>>()[..], [CephXRequestBody::Authenticate(_)]));
}

#[test]
fn with_another_number_other_tickets_are_needed() {
    let (mut client, mut monitor, mut random) = (admin(), monitor(), Random::new(1));
    authenticate(&mut client, &mut monitor, &mut MonSession::new(0), &mut at(NOW, &mut random)).1.unwrap();
    let mut session = MonSession::new(0);
    let mut request = client.start(0, 0).unwrap();
    for _ in 0..2 {
        let reply = monitor.handle(&mut session, &request, &mut at(NOW, &mut random)).reply;
        let reply = MAuthReply { global_id: 5000, ..reply };
        let Step::Send(next) = client.handle(&reply, &mut at(NOW, &mut random)).unwrap() else { panic!() };
        request = next;
    }
    let CephXRequestBody::Tickets { authorizer, request } = super::said(&request) else { panic!() };
    assert_eq!((client.global_id(), authorizer.global_id, request.keys), (5000, 5000, 5));
}

#[test]
fn a_ticket_that_was_refused_is_renewed() {
    let (mut client, mut monitor, mut session) = (admin(), monitor(), MonSession::new(0));
    let mut random = Random::new(1);
    authenticate(&mut client, &mut monitor, &mut session, &mut at(NOW, &mut random)).1.unwrap();
    client.authorizer(EntityType::OSD, true, &mut at(NOW, &mut random)).unwrap();
    let said = renew(&mut client, &mut monitor, &mut session, NOW);
    let [CephXRequestBody::Tickets { request, .. }] = &said.iter().map(super::said).collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(request.keys, 4);
    assert!(!client.needs_renewal(utime(NOW)));
}

#[test]
fn a_daemon_renews_its_secrets_when_the_present_one_has_expired() {
    let (mut monitor, mut session) = (monitor(), MonSession::new(0));
    let mut random = Random::new(1);
    let mut osd = CephxClient::new(name(EntityType::OSD, "0"), key_of(2), &[]);
    authenticate(&mut osd, &mut monitor, &mut session, &mut at(NOW, &mut random)).1.unwrap();
    let due = NOW + Duration::from_secs(2 * SERVICE_TTL + 30);
    assert_eq!(osd.next_renewal(), Some(utime(due)));
    assert!(!osd.needs_renewal(utime(due - Duration::from_nanos(1))));
    let said = renew(&mut osd, &mut monitor, &mut session, due);
    assert_eq!(said.iter().map(super::said).collect::<Vec<_>>(), [CephXRequestBody::Rotating]);
    assert_eq!([1, 2, 3, 4].map(|id| osd.secrets().get(id).is_some()), [false, true, true, true]);
}
