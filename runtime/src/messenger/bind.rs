//! Listening.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

use socket2::{Domain, Protocol, Socket, Type};

use crate::wire::transport::{BIND_PORT_MAX, BIND_PORT_MIN};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The address. With port 0 the first free one of `ports` is taken.
    pub addr: SocketAddr,
    /// 6800 to 7300 (`ms_bind_port_min`, `ms_bind_port_max`).
    pub ports: RangeInclusive<u16>,
    /// Ports that are not taken even if they are free.
    pub avoid: BTreeSet<u16>,
    /// Where others reach it, if that is not where it listens: behind something that translates addresses.
    pub announce: Option<SocketAddr>,
    /// How many connections may wait to be accepted. 4096; the system may allow fewer.
    pub backlog: u32,
}

impl From<SocketAddr> for Bind {
    fn from(addr: SocketAddr) -> Bind {
        Bind { addr, ports: BIND_PORT_MIN..=BIND_PORT_MAX, avoid: BTreeSet::new(), announce: None, backlog: 4096 }
    }
}

/// Why a messenger does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// It does already.
    #[error("already bound to {0}")]
    AlreadyBound(SocketAddr),
    /// It was started without; what it is called does not change any more.
    #[error("already started")]
    AlreadyStarted,
    /// It was not bound: there is nothing to change.
    #[error("not bound")]
    NotBound,
    /// It was shut down.
    #[error("shut down")]
    Stopped,
    /// The system refuses the address.
    #[error("cannot listen on {addr}: {error}")]
    Address {
        /// The address.
        addr: SocketAddr,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// All ports are taken or to be avoided.
    #[error("no free port from {} to {}", ports.start(), ports.end())]
    NoPort {
        /// Those that were tried.
        ports: RangeInclusive<u16>,
    },
}

impl Bind {
    /// Listens. Connections wait from now on.
    pub(super) fn listen(&self) -> Result<(Socket, SocketAddr), BindError> {
        if self.addr.port() != 0 {
            return self.listen_on(self.addr, true).map_err(|error| BindError::Address { addr: self.addr, error });
        }
        for port in self.ports.clone().filter(|port| !self.avoid.contains(port)) {
            let addr = SocketAddr::new(self.addr.ip(), port);
            match self.listen_on(addr, false) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                outcome => return outcome.map_err(|error| BindError::Address { addr, error }),
            }
        }
        Err(BindError::NoPort { ports: self.ports.clone() })
    }

    /// A port that was asked for may still have old connections; one that is chosen may not.
    fn listen_on(&self, addr: SocketAddr, reuse: bool) -> io::Result<(Socket, SocketAddr)> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(reuse)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(i32::try_from(self.backlog).unwrap_or(i32::MAX))?;
        let addr = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok((socket, addr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: HS-42
    #[test]
    fn the_lowest_free_port_that_is_not_avoided_is_chosen() {
        let (_first, taken) = Bind::from("127.0.0.1:0".parse::<SocketAddr>().unwrap()).listen().unwrap();
        let port = taken.port();
        assert!((6800..=7300).contains(&port));
        let ports = port..=port + 20;
        let avoid = BTreeSet::from([port + 1]);
        let bind = Bind { ports, avoid, ..Bind::from(SocketAddr::new(taken.ip(), 0)) };
        let (_second, chosen) = bind.listen().unwrap();
        assert!(chosen.port() > port + 1);
        for skipped in port + 2..chosen.port() {
            assert!(bind.listen_on(SocketAddr::new(taken.ip(), skipped), false).is_err());
        }
    }

    #[test]
    fn a_range_without_free_ports_is_an_error() {
        let bind = Bind { ports: 6900..=6901, avoid: BTreeSet::from([6900, 6901]), ..loopback() };
        assert!(matches!(bind.listen(), Err(BindError::NoPort { ports }) if ports == (6900..=6901)));
    }

    #[test]
    fn a_foreign_address_is_an_error() {
        let bind = Bind::from("192.0.2.1:6800".parse::<SocketAddr>().unwrap());
        assert!(matches!(bind.listen(), Err(BindError::Address { .. })));
    }

    fn loopback() -> Bind {
        Bind::from("127.0.0.1:0".parse::<SocketAddr>().unwrap())
    }
}
