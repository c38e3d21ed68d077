//! How sockets are set up.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

/// Options of all TCP connections of a messenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Whether small pieces are sent at once (`ms_tcp_nodelay`). On.
    pub nodelay: bool,
    /// The size of the receive buffer, in bytes (`ms_tcp_rcvbuf`). `None` leaves it to the system.
    pub rcvbuf: Option<usize>,
}

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions { nodelay: true, rcvbuf: None }
    }
}

impl SocketOptions {
    /// Opens a connection.
    pub(super) async fn connect(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        let stream = socket.connect(addr).await?;
        self.apply(&stream);
        Ok(stream)
    }

    /// Sets up a connection. What the system refuses is left as it is.
    pub(super) fn apply(&self, stream: &TcpStream) {
        let set = stream.set_nodelay(self.nodelay).and_then(|()| match self.rcvbuf {
            Some(size) => SockRef::from(stream).set_recv_buffer_size(size),
            None => Ok(()),
        });
        if let Err(error) = set {
            tracing::debug!("socket option: {error}");
        }
    }
}
