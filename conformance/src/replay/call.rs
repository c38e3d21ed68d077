//! How a connection was opened: who called whom, and when.

use firefly_runtime::session::{Element, Side, Sighting};
use firefly_runtime::wire::address::EntityAddr;

use super::log::Log;

/// How a connection was opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    /// Who says to have been called.
    pub(super) server: Option<EntityAddr>,
    /// Who called.
    pub(super) client: Option<EntityAddr>,
    /// The packet with the client's first frame.
    pub(super) client_speaks: Option<u64>,
    /// A frame was seen: the handshake is over.
    pub(super) is_open: bool,
    /// Not all of the handshake could be read.
    pub(super) is_lost: bool,
}

impl Call {
    /// Takes notice of an element.
    pub(super) fn see(&mut self, sighting: &Sighting, log: &Log<'_>) {
        let connection = log.connection;
        match &sighting.element {
            Element::ServerHello(hello) => self.server = Some(known(&hello.server_addr, connection.server)),
            Element::ClientHello(hello) => self.client = Some(known(&hello.client_addr, connection.client)),
            Element::Frame(_) => {
                self.is_open = true;
                if sighting.side == Side::Client && self.client_speaks.is_none() {
                    self.client_speaks = log.packet_of(sighting);
                }
            }
            Element::Banner | Element::Connect(_) | Element::Reply(_) | Element::Seq(_) => {}
        }
    }
}

/// A side's own address. The IP, if it does not know that, is the one of its socket (HS-15).
fn known(claimed: &EntityAddr, socket: std::net::SocketAddr) -> EntityAddr {
    if claimed.is_blank_ip() { claimed.with_ip(socket.ip()) } else { claimed.clone() }
}
