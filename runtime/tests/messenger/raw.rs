//! A client made by hand, which says what it likes.

use std::io::{Read, Write};
use std::net::TcpStream;

use firefly_runtime::codec::{Context, Target, Wire, from_bytes, to_bytes};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::transport::{
    BANNER, ClientHello, Connect, ConnectFlags, ConnectReply, OSDC_PROTOCOL, ServerHello, Tag,
};

use super::node::{LIMIT, Node};

/// The length of the banner and both addresses, which a server says unasked.
pub(crate) const GREETING: usize = BANNER.len() + ServerHello::MIN_SIZE;

/// A connection to who listens at a port of the loopback.
pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

pub(crate) fn raw(server: &Node) -> TcpStream {
    connect(server.port())
}

/// All that comes until the end.
pub(crate) fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    // However it ends.
    let _ = stream.read_to_end(&mut all);
    all
}

/// What a client says before its record: the banner and its address.
pub(crate) fn hello(client_addr: &EntityAddr) -> Vec<u8> {
    let hello = ClientHello { client_addr: client_addr.clone() };
    [&BANNER[..], &to_bytes(&hello, Target::default()).unwrap()].concat()
}

/// The record of a client that never connected before.
pub(crate) fn record() -> Connect {
    Connect {
        features: Features(FEATURES_ALL),
        host_type: EntityType::CLIENT.0.into(),
        global_seq: 1,
        protocol_version: OSDC_PROTOCOL,
        flags: ConnectFlags::LOSSY,
        ..Connect::default()
    }
}

/// All that a client says in order to open a connection.
pub(crate) fn opening(nonce: u32) -> Vec<u8> {
    let mut all = hello(&EntityAddr { nonce, ..EntityAddr::default() });
    all.extend_from_slice(&to_bytes(&record(), Target::default()).unwrap());
    all
}

/// Reads what a server says unasked.
pub(crate) fn read_greeting(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; GREETING]).unwrap();
}

/// Reads the answer to a record.
pub(crate) fn read_reply(stream: &mut TcpStream) -> ConnectReply {
    let mut reply = vec![0; to_bytes(&ConnectReply::default(), Target::default()).unwrap().len()];
    stream.read_exact(&mut reply).unwrap();
    from_bytes(reply.into(), &Context::default()).unwrap()
}

/// A client with an open connection.
pub(crate) fn opened(server: &Node, nonce: u32) -> TcpStream {
    let mut stream = raw(server);
    stream.write_all(&opening(nonce)).unwrap();
    read_greeting(&mut stream);
    assert_eq!(read_reply(&mut stream).tag, Tag::READY);
    stream
}
