//! What a client believes of the server's address and of its own.

use firefly_runtime::codec::{Context, from_bytes};
use firefly_runtime::session::{Event, Fault, PeerMisbehaved, Policy};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::transport::*;

use crate::net::*;

fn lab() -> Lab {
    Lab::new(client(Policy::lossy_client()))
}

/// What the server says of itself and of the client.
fn hello(server_addr: EntityAddr) -> ServerHello {
    ServerHello { server_addr, ..Lab::hello() }
}

// covers: HS-09
#[test]
fn another_process_at_the_address_is_not_told_anything() {
    for claimed in [addr("10.0.0.6:6789", 9), addr("10.0.0.5:6788", 9), addr("10.0.0.5:6789", 10)] {
        let fault = refused(client(Policy::lossy_client()), |lab| {
            let peer = lab.pick_up();
            lab.put(peer, &Banner {});
            lab.put(peer, &hello(claimed.clone()));
            let _: Banner = lab.take(peer);
            peer
        });
        assert_eq!(fault, Fault::WrongNode { expected: Lab::server().into(), claimed: claimed.into() });
    }
}

// covers: HS-06, HS-08
#[test]
fn another_process_is_greeted_even_if_it_says_everything_at_once() {
    let mut lab = lab();
    lab.connect();
    let peer = lab.pick_up();
    let greeting = [bytes_of(&Banner {}), bytes_of(&hello(addr("10.0.0.6:6789", 9)))].concat();
    lab.bytes(peer, &greeting);
    assert_eq!(lab.raw(peer), b"ceph v027"[..]);
    assert!(lab.is_closed(peer));
    assert!(lab.rings());
    assert_eq!(lab.node.endpoint.transports(), 1);
}

// covers: HS-10
#[test]
fn a_server_may_not_know_its_ip() {
    for blank in ["0.0.0.0:6789", "[::]:6789"] {
        let mut lab = lab();
        lab.connect();
        let peer = lab.pick_up();
        lab.put(peer, &Banner {});
        lab.put(peer, &hello(addr(blank, 9)));
        let (_, _): (Banner, ClientHello) = (lab.take(peer), lab.take(peer));
        let _: Connect = lab.take(peer);
    }
}

// covers: HS-10
#[test]
fn a_server_knows_its_port_and_nonce() {
    let blank = EntityAddr { nonce: 9, ..EntityAddr::default() };
    for claimed in [blank, addr("0.0.0.0:6788", 9), addr("0.0.0.0:6789", 10)] {
        let fault = refused(client(Policy::lossy_client()), |lab| {
            let peer = lab.pick_up();
            lab.put(peer, &Banner {});
            lab.put(peer, &hello(claimed.clone()));
            let _: Banner = lab.take(peer);
            peer
        });
        assert!(matches!(fault, Fault::WrongNode { .. }), "{fault:?}");
    }
}

// covers: HS-11
#[test]
fn slack_in_an_address_makes_it_another_one() {
    let typed = EntityAddr { r#type: 1, ..Lab::server() };
    let mut padded = bytes_of(&Lab::server()).to_vec();
    *padded.last_mut().unwrap() = 1;
    let padded: EntityAddr = from_bytes(padded.into(), &Context::default()).unwrap();
    for claimed in [typed, padded] {
        let fault = refused(client(Policy::lossy_client()), |lab| {
            let peer = lab.pick_up();
            lab.put(peer, &Banner {});
            lab.put(peer, &hello(claimed.clone()));
            let _: Banner = lab.take(peer);
            peer
        });
        assert!(matches!(fault, Fault::WrongNode { .. }), "{fault:?}");
    }
}

/// Answers the connection that is opened and reports where it comes from; takes what the client says of itself.
fn announced(lab: &mut Lab, seen: &str) -> EntityAddr {
    let peer = lab.pick_up();
    lab.put(peer, &Banner {});
    lab.put(peer, &ServerHello { client_addr: addr(seen, 0), ..Lab::hello() });
    let _: Banner = lab.take(peer);
    let hello: ClientHello = lab.take(peer);
    lab.hang_up(peer);
    lab.after(ms(0));
    hello.client_addr
}

// covers: HS-12, HS-13
#[test]
fn an_unbound_client_learns_its_ip_once() {
    let mut lab = lab();
    lab.connect();
    assert_eq!(announced(&mut lab, "10.0.0.7:51000"), addr("10.0.0.7:0", 4242));
    assert_eq!(*lab.node.endpoint.addr(), addr("10.0.0.7:0", 4242));
    let learned = addr("10.0.0.7:0", 4242);
    assert!(lab.events().iter().any(|event| matches!(event, Event::AddrLearned(addr) if *addr == learned)));
    assert_eq!(announced(&mut lab, "10.0.0.8:51000"), learned);
    assert!(!lab.events().iter().any(|event| matches!(event, Event::AddrLearned(_))));
}

// covers: HS-14
#[test]
fn a_bound_client_learns_the_ip_and_keeps_its_port() {
    let mut config = bound(name(EntityType::OSD, 1), "0.0.0.0:6805", 12, Policy::lossy_client());
    config.learn_addr = true;
    let mut lab = Lab::new(config);
    lab.connect();
    assert_eq!(announced(&mut lab, "10.0.0.7:51000"), addr("10.0.0.7:6805", 12));
}

#[test]
fn a_client_that_knows_its_address_learns_nothing() {
    let mut lab = Lab::new(osd(Policy::lossy_client()));
    lab.connect();
    assert_eq!(announced(&mut lab, "10.0.0.7:51000"), addr("10.0.0.1:6800", 77));
}

// covers: ER-21
#[test]
fn an_own_address_that_is_none_is_not_learned() {
    let fault = refused(client(Policy::lossy_client()), |lab| {
        let peer = lab.pick_up();
        lab.put(peer, &Banner {});
        lab.put(peer, &ServerHello { client_addr: EntityAddr::default(), ..Lab::hello() });
        let _: Banner = lab.take(peer);
        assert!(lab.node.endpoint.addr().is_blank_ip());
        peer
    });
    assert_eq!(fault, Fault::PeerMisbehaved(PeerMisbehaved::NoAddress));
}

#[test]
fn an_own_address_that_is_none_does_no_harm_to_who_knows_his() {
    let mut lab = Lab::new(osd(Policy::lossy_client()));
    lab.connect();
    let peer = lab.pick_up();
    lab.put(peer, &Banner {});
    lab.put(peer, &ServerHello { client_addr: EntityAddr::default(), ..Lab::hello() });
    let (_, hello): (Banner, ClientHello) = (lab.take(peer), lab.take(peer));
    assert_eq!(hello.client_addr, addr("10.0.0.1:6800", 77));
}
