//! TCP connections between the endpoints of a [`World`](super::World).

use std::collections::VecDeque;

use bytes::Bytes;
use firefly_runtime::codec::Wire;
use firefly_runtime::session::TransportId;
use firefly_runtime::wire::transport::{Banner, ClientHello, ServerHello};

/// The number of bytes a [`Connect`](firefly_runtime::wire::transport::Connect) without authorizer takes.
pub(crate) const CONNECT: u64 = <firefly_runtime::wire::transport::Connect as Wire>::MIN_SIZE as u64;
/// The number of bytes a reply without authorizer takes.
pub(crate) const REPLY: u64 = <firefly_runtime::wire::transport::ConnectReply as Wire>::MIN_SIZE as u64;
/// The number of bytes that say what was received last.
pub(crate) const SEQ: u64 = <firefly_runtime::wire::transport::SeqExchange as Wire>::MIN_SIZE as u64;
/// Where a banner ends, in both directions.
pub(crate) const BANNER_END: u64 = <Banner as Wire>::MIN_SIZE as u64;
/// Where the server's addresses end.
pub(crate) const SERVER_HELLO_END: u64 = BANNER_END + <ServerHello as Wire>::MIN_SIZE as u64;
/// Where the client's address ends.
pub(crate) const CLIENT_HELLO_END: u64 = BANNER_END + <ClientHello as Wire>::MIN_SIZE as u64;
/// Where the first record ends, if there is no authorizer.
pub(crate) const CONNECT_END: u64 = CLIENT_HELLO_END + CONNECT;
/// Where the first reply ends, if there is no authorizer.
pub(crate) const REPLY_END: u64 = SERVER_HELLO_END + REPLY;

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dir {
    /// From who dialled to who accepted.
    ToServer,
    /// The other way.
    ToClient,
}

impl Dir {
    pub(crate) const BOTH: [Dir; 2] = [Dir::ToServer, Dir::ToClient];

    pub(crate) fn back(self) -> Dir {
        match self {
            Dir::ToServer => Dir::ToClient,
            Dir::ToClient => Dir::ToServer,
        }
    }
}

/// What becomes of a link when so many bytes have gone in a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum How {
    /// Both ends see the end, after what is on its way.
    Close,
    /// Both ends see that it broke; what is on its way is lost.
    Reset,
    /// The receiver of this direction sees its end; the sender learns of it much later.
    HalfClose,
    /// Nothing more arrives in this direction.
    Stall,
    /// Nothing more arrives in either direction.
    Silence,
    /// Nothing more arrives in this direction until it is released.
    Hold,
}

/// What lies on the way.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    End,
    Broken,
}

/// One direction of a link.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) pieces: VecDeque<Piece>,
    /// Bytes delivered.
    pub(crate) delivered: u64,
    /// Bytes written.
    pub(crate) written: u64,
    /// What happens after so many bytes.
    pub(crate) fault: Option<(u64, How)>,
    /// Nothing is delivered for now.
    pub(crate) held: bool,
    /// Nothing is delivered any more.
    pub(crate) dead: bool,
}

/// One end of a link: who, and by which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) host: usize,
    pub(crate) transport: TransportId,
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: Option<End>,
    pub(crate) server: Option<End>,
    /// Who dialled whom.
    pub(crate) between: (usize, usize),
    pub(crate) to_server: Lane,
    pub(crate) to_client: Lane,
}

impl Link {
    pub(crate) fn lane(&mut self, dir: Dir) -> &mut Lane {
        match dir {
            Dir::ToServer => &mut self.to_server,
            Dir::ToClient => &mut self.to_client,
        }
    }

    /// The place of who receives in a direction.
    pub(crate) fn receiver(&mut self, dir: Dir) -> &mut Option<End> {
        match dir {
            Dir::ToServer => &mut self.server,
            Dir::ToClient => &mut self.client,
        }
    }

    /// Who receives in a direction.
    pub(crate) fn end(&self, dir: Dir) -> Option<End> {
        match dir {
            Dir::ToServer => self.server,
            Dir::ToClient => self.client,
        }
    }

    /// Whether somebody still holds an end.
    pub(crate) fn is_open(&self) -> bool {
        self.client.is_some() || self.server.is_some()
    }
}
