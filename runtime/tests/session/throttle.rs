//! What may have been received and not be done with.

use firefly_runtime::codec::{Bytes, Checksum};
use firefly_runtime::session::{Command, Config, Disconnect, Event, Permit, Policy, SessionId, ThrottleLimits};
use firefly_runtime::wire::transport::*;

use crate::net::*;

/// A server whose dispatch throttle is so large.
fn lab(dispatch: u64) -> (Lab, Peer, SessionId) {
    let mut config = osd(Policy::stateful_server());
    config.dispatch_throttle_bytes = dispatch;
    of(config)
}

fn of(config: Config) -> (Lab, Peer, SessionId) {
    let mut lab = Lab::new(config);
    let (peer, session) = lab.opened();
    lab.node.generous = false;
    (lab, peer, session)
}

/// A server that bounds what all its clients have in flight.
fn bounded(messages: u64, bytes: u64) -> (Lab, Peer, SessionId) {
    let mut config = osd(Policy::stateful_server().throttled(0));
    config.throttles = vec![ThrottleLimits { messages, bytes }];
    of(config)
}

/// A message with so many bytes of data.
fn data(seq: u64, n: usize) -> MessageFrame {
    loaded(seq, "", &vec![7; n])
}

/// Takes the permits of the messages that were delivered.
fn permits(lab: &mut Lab) -> Vec<Permit> {
    lab.received().into_iter().map(|message| message.permit).collect()
}

fn dispatched(lab: &mut Lab, permit: &mut Permit) {
    lab.node.endpoint.dispatched(permit);
    lab.settle();
}

fn release(lab: &mut Lab, permit: Permit) {
    lab.node.endpoint.release(permit);
    lab.settle();
}

// covers: TH-01, TH-03, TH-08
#[test]
fn what_is_not_dispatched_stops_the_reading() {
    let (mut lab, peer, _) = lab(100);
    lab.put_all(peer, &[Frame::Message(data(1, 60)), Frame::Message(data(2, 41)), keepalive2(3)]);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 60);
    lab.after(secs(1));
    assert!(!lab.frames(peer).contains(&keepalive2_ack(3)));
    let mut first = permits(&mut lab).remove(0);
    assert_eq!(first.dispatch_bytes(), 60);
    dispatched(&mut lab, &mut first);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 41);
    assert_eq!(lab.seqs(), [2]);
    lab.after(secs(1));
    assert!(lab.frames(peer).contains(&keepalive2_ack(3)));
    // Giving back what is left, or dispatching twice, gives nothing back.
    dispatched(&mut lab, &mut first);
    release(&mut lab, first);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 41);
}

// covers: TH-01
#[test]
fn the_body_is_not_read_before_there_is_room() {
    let (mut lab, peer, _) = lab(100);
    lab.put(peer, &data(1, 100));
    let bytes = bytes_of(&data(2, 1));
    let (header, body) = bytes.split_at(54);
    lab.bytes(peer, header);
    lab.bytes(peer, body);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 100);
    let mut first = permits(&mut lab).remove(0);
    dispatched(&mut lab, &mut first);
    assert_eq!(lab.seqs(), [2]);
}

// covers: TH-02
#[test]
fn a_message_larger_than_all_is_let_in_alone() {
    let (mut lab, peer, _) = lab(100);
    lab.put_all(peer, &[data(1, 5000), data(2, 1)]);
    let mut permit = permits(&mut lab).remove(0);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 5000);
    dispatched(&mut lab, &mut permit);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 1);
    // As long as no more than the limit is in use, one that is larger gets in.
    let mut small = permits(&mut lab).remove(0);
    lab.put(peer, &data(3, 5000));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 5001);
    dispatched(&mut lab, &mut small);
    release(&mut lab, small);
}

// covers: TH-04
#[test]
fn a_damaged_header_takes_no_share() {
    let (mut lab, peer, _) = lab(100);
    let mut damaged = data(1, 60);
    damaged.header.crc = Checksum::read(1);
    lab.bytes(peer, &bytes_of(&damaged)[..54]);
    assert!(lab.is_closed(peer));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
}

// covers: TH-05
#[test]
fn what_is_not_delivered_gives_its_share_back() {
    let mut config = osd(Policy::stateful_server().throttled(0));
    config.dispatch_throttle_bytes = 100;
    config.throttles = vec![ThrottleLimits { messages: 3, bytes: 100 }];
    let (mut lab, peer, _) = of(config);
    let mut aborted = data(1, 60);
    aborted.footer.flags = FooterFlags::default();
    for _ in 0..10 {
        lab.put(peer, &aborted);
        lab.put(peer, &data(0, 60));
        assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
    }
    let mut peer = peer;
    for n in 2..12 {
        let mut damaged = data(1, 60);
        damaged.footer.data_crc = Checksum::read(1);
        lab.put(peer, &damaged);
        assert!(lab.is_closed(peer));
        let connect = Connect { global_seq: n, connect_seq: 4 * n, ..record() };
        peer = lab.reopen(&connect, 0).0;
        // And a connection that ends in the middle of a message.
        lab.bytes(peer, &bytes_of(&data(1, 60))[..100]);
        assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 60);
        lab.hang_up(peer);
        let connect = Connect { global_seq: n, connect_seq: 4 * n + 2, ..record() };
        peer = lab.reopen(&connect, 0).0;
        assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
    }
    lab.events();
    lab.put(peer, &data(1, 90));
    assert_eq!(lab.seqs(), [1]);
}

// covers: TH-06, TH-07
#[test]
fn so_many_messages_may_be_held_with_or_without_body() {
    let (mut lab, peer, _) = bounded(100, 0);
    let frames: Vec<_> = (1..=102).map(frame).collect();
    lab.put_all(peer, &frames);
    let mut held = permits(&mut lab);
    assert_eq!(held.len(), 100);
    let mut one = held.pop().unwrap();
    dispatched(&mut lab, &mut one);
    assert!(lab.seqs().is_empty(), "the application still has the message");
    release(&mut lab, one);
    assert_eq!(lab.seqs(), [101]);
    release(&mut lab, held.pop().unwrap());
    assert_eq!(lab.seqs(), [102]);
}

// covers: TH-07
#[test]
fn messages_without_body_do_not_need_bytes() {
    let mut config = osd(Policy::stateful_server().throttled(0));
    config.dispatch_throttle_bytes = 10;
    config.throttles = vec![ThrottleLimits { messages: 0, bytes: 10 }];
    let (mut lab, peer, _) = of(config);
    lab.put_all(peer, &[data(1, 10), frame(2), frame(3), data(4, 1)]);
    assert_eq!(lab.seqs(), [1, 2, 3]);
}

// covers: TH-06
#[test]
fn what_a_class_of_peers_holds_stops_all_of_them_in_their_order() {
    let (mut lab, first, _) = bounded(0, 100);
    let second = lab.open_as(&addr("10.0.0.8:0", 1), &record());
    let third = lab.open_as(&addr("10.0.0.8:0", 2), &record());
    lab.events();
    lab.put(first, &data(1, 80));
    lab.put(second, &data(1, 90));
    lab.put(third, &data(1, 10));
    let held = lab.received();
    assert_eq!(held.len(), 1, "who came first is served first");
    for message in held {
        release(&mut lab, message.permit);
    }
    let then = lab.received();
    let waiting: Vec<_> = then.iter().map(|message| message.session).collect();
    assert_eq!(waiting, [lab.session_of(&addr("10.0.0.8:0", 1)), lab.session_of(&addr("10.0.0.8:0", 2))]);
    for message in then {
        release(&mut lab, message.permit);
    }
}

// covers: ER-15
#[test]
fn an_announcement_that_is_not_kept_blocks_others_no_longer_than_its_connection_lives() {
    let (mut lab, first, _) = bounded(0, 100);
    let second = lab.open_as(&addr("10.0.0.8:0", 1), &record());
    lab.events();
    lab.bytes(first, &bytes_of(&data(1, 5000))[..54]);
    lab.put(second, &data(1, 10));
    assert!(lab.seqs().is_empty());
    lab.hang_up(first);
    assert_eq!(lab.seqs(), [1]);
}

// covers: ER-15
#[test]
fn an_announcement_that_is_not_kept_ends_when_nothing_comes() {
    let (mut lab, first, _) = bounded(0, 100);
    lab.bytes(first, &bytes_of(&data(1, 5000))[..54]);
    lab.after(secs(29));
    let second = lab.open_as(&addr("10.0.0.8:0", 1), &record());
    lab.events();
    lab.put(second, &data(1, 10));
    assert!(lab.seqs().is_empty());
    lab.after(secs(1));
    assert!(lab.is_closed(first));
    assert_eq!(lab.seqs(), [1]);
}

// covers: ER-15
#[test]
fn what_comes_slowly_is_waited_for_and_silence_between_messages_too() {
    let (mut lab, peer, _) = bounded(0, 100);
    for piece in bytes_of(&data(1, 80)).chunks(54) {
        lab.bytes(peer, piece);
        lab.after(secs(29));
    }
    assert_eq!(lab.seqs(), [1]);
    let _: Ack = lab.take(peer);
    lab.after(secs(870));
    assert!(!lab.is_closed(peer));
    lab.after(secs(1));
    assert!(lab.is_closed(peer));
}

// covers: TH-03
#[test]
fn who_is_held_up_is_not_silent() {
    let (mut lab, peer, session) = lab(100);
    lab.put_all(peer, &[data(1, 100), data(2, 1)]);
    lab.after(secs(3600));
    assert!(lab.node.endpoint.session(session).is_some_and(|info| info.transport.is_some()));
    let mut permits = permits(&mut lab);
    assert_eq!(permits.len(), 1);
    dispatched(&mut lab, &mut permits[0]);
    assert_eq!(lab.seqs(), [2]);
}

#[test]
fn a_session_that_ends_while_held_up_holds_nothing() {
    let (mut lab, peer, session) = lab(100);
    lab.put_all(peer, &[data(1, 100), data(2, 100)]);
    let mut first = permits(&mut lab).remove(0);
    lab.node.endpoint.mark_down(session);
    lab.settle();
    assert!(lab.is_closed(peer) || !lab.raw(peer).is_empty());
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 100);
    dispatched(&mut lab, &mut first);
    release(&mut lab, first);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
    let again = lab.open(&Connect { global_seq: 9, ..record() });
    lab.put(again, &data(1, 100));
    assert_eq!(lab.seqs(), [1]);
}

#[test]
fn a_share_that_was_granted_and_not_used_comes_back() {
    let (mut lab, first, _) = lab(100);
    let second = lab.open_as(&addr("10.0.0.8:0", 1), &record());
    lab.events();
    lab.put(first, &data(1, 100));
    lab.put(second, &data(1, 100));
    let mut permit = permits(&mut lab).remove(0);
    lab.node.endpoint.dispatched(&mut permit);
    assert!(matches!(lab.node.endpoint.poll_command(), Some(Command::Resume(_))));
    // Before it reads on, its connection breaks.
    lab.end(second, Disconnect::Broken(std::io::ErrorKind::ConnectionReset));
    lab.put(first, &data(2, 100));
    assert_eq!(lab.seqs(), [2]);
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 100);
}

#[test]
fn no_bound_is_no_bound() {
    let (mut lab, peer, _) = lab(0);
    lab.put_all(peer, &[data(1, 1 << 20), data(2, 1 << 20)]);
    assert_eq!(lab.seqs(), [1, 2]);
}

#[test]
fn dropping_what_was_received_before_dispatch_gives_its_share_back() {
    let mut config = osd(Policy::stateless_server().throttled(0));
    config.throttles = vec![ThrottleLimits { messages: 1, bytes: 0 }];
    let mut lab = Lab::new(config);
    let (peer, _) = lab.opened();
    lab.node.attentive = false;
    lab.put(peer, &MessageFrame { middle: Bytes::from_static(b"m"), ..data(1, 9) });
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 10);
    lab.hang_up(peer);
    lab.node.attentive = true;
    lab.settle();
    assert!(!lab.events().iter().any(|event| matches!(event, Event::Message(_))));
    assert_eq!(lab.node.endpoint.stats().dispatch_bytes, 0);
    let again = lab.open(&Connect { global_seq: 2, ..record() });
    lab.put(again, &frame(1));
    assert_eq!(lab.seqs(), [1]);
}
