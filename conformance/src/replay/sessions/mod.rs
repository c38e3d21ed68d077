//! What servers answer, judged by the sessions they have.
//!
//! The answer to a connect record depends on the session that the server has with the client: none, an open one, one that
//! sleeps, one for which it is itself connecting. No connection shows that by itself, but all of them together do. For
//! each server and each of its clients, what the session may be is followed through the capture ([`timeline`], [`judge`]), as a
//! set of possibilities ([`belief`]) that grows where a bystander cannot know and shrinks with each answer. An answer is judged
//! by the core's own [`decide`](firefly_runtime::session::decide): if none of the possibilities leads to it under any
//! policy that such a server may have ([`policies`]), it is told.
//!
//! Nothing is known of sessions older than the capture. Servers later than Firefly decide otherwise (MD-03, MD-09, MD-11,
//! MD-12) and are left alone, as are pairs with a connection whose handshake cannot be read.

mod belief;
mod contact;
mod judge;
mod policies;
#[cfg(test)]
mod tests;
mod timeline;

use firefly_runtime::wire::address::EntityAddr;

use self::contact::{Contacts, Pair};
use self::timeline::Timeline;
use super::finding::{Finding, Place, Severity, Text};
use super::follow::Observed;
use crate::capture::Connection;

/// Judges the answers of all handshakes.
pub(super) fn judge(observed: &mut [Observed<'_>]) {
    for odd in odd(observed) {
        if let Some(observed) = observed.iter_mut().find(|observed| observed.connection.id == odd.connection) {
            let finding = odd.finding(observed.connection);
            observed.findings.push(finding);
        }
    }
}

/// The answers that no session explains.
fn odd(observed: &[Observed<'_>]) -> Vec<Odd> {
    let contacts = Contacts::of(observed);
    contacts.pairs().flat_map(|pair| odd_between(pair, &contacts)).collect()
}

fn odd_between(pair: &Pair, contacts: &Contacts<'_>) -> Vec<Odd> {
    Timeline::of(pair, contacts).map(|timeline| judge::judge(pair, &timeline)).unwrap_or_default()
}

/// An answer that no session explains.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Odd {
    /// [`Connection::id`].
    connection: usize,
    /// Where the answer is in the server's stream.
    offset: u64,
    rule: &'static str,
    /// What the answers would have been, and what it was.
    detail: String,
}

impl Odd {
    fn finding(self, connection: &Connection) -> Finding {
        let place = Place::in_stream(connection, crate::capture::Direction::Server, self.offset);
        let text = Text::new("an answer that the session with the client does not explain", self.detail);
        Finding { severity: Severity::Warning, rule: self.rule, place, text }
    }
}

/// The socket of an address; its port is 0 if nobody listens there.
fn socket(addr: &EntityAddr) -> Option<std::net::SocketAddr> {
    addr.socket_addr().filter(|socket| socket.port() != 0)
}
