//! The messenger on tokio: sockets and tasks around the [protocol engine](crate::session).
//!
//! # The life of a messenger
//!
//! 1. **Made** with [`Messenger::builder`]: who it is, how it treats its peers ([`Policy`]), its label and nonce. A
//!    process may have several; an OSD has one for clients, one for other OSDs, and some for heartbeats.
//! 2. **Bound** with [`Messenger::bind`], if others are to reach it: to a port, or to the first free one of a range.
//!    From here on connections wait in the backlog.
//! 3. **Given dispatchers** with [`Messenger::add_dispatcher`]: each message is offered to them in order until one
//!    takes it.
//! 4. **Started** with [`Messenger::start`]: the accepter accepts, the reaper reaps, events are dispatched.
//! 5. [`Messenger::connect_to`] yields a [`Connection`], the handle of a session. [`Connection::send`] waits for room;
//!    what was lost with a session is told to [`Dispatcher::handle_reset`].
//! 6. Perhaps **bound anew** with [`Messenger::rebind`]: another port, another identity.
//! 7. **Shut down** with [`Messenger::shutdown`], which tells what was left.
//!
//! # What runs
//!
//! The [`Endpoint`](crate::session::Endpoint) lies behind one lock; nothing waits for anything while it is held. Each
//! TCP connection has one task, which owns the socket and whatever is half read or half written. Beside them run the
//! accepter, the reaper, which disposes of connections that ended, a timer, and the dispatch queue. An idle connection
//! holds no buffers.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use firefly_runtime::messenger::{Dispatcher, Message, MessageIn, Messenger, Policy};
//! use firefly_runtime::wire::address::{EntityName, EntityType};
//! use firefly_runtime::wire::mon::MPing;
//!
//! /// Answers each ping with a ping.
//! struct Echo;
//!
//! impl Dispatcher for Echo {
//!     fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
//!         let _ = message.connection().try_send(Message::new(MPing::default()).tid(message.tid));
//!         Ok(())
//!     }
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let name = EntityName { r#type: EntityType::OSD, num: 0 };
//! let messenger = Messenger::builder(name).label("public").default_policy(Policy::stateless_server()).build();
//! messenger.bind("127.0.0.1:6800".parse::<std::net::SocketAddr>()?)?;
//! messenger.add_dispatcher(Echo)?;
//! messenger.start()?;
//! // …
//! let report = messenger.shutdown(Duration::from_secs(5)).await;
//! assert_eq!(report.pipes, 0);
//! # Ok(())
//! # }
//! ```

mod accepter;
mod bind;
mod builder;
mod by_id;
mod connection;
mod dispatch;
mod dispatcher;
mod error;
mod inner;
mod message_in;
#[expect(clippy::module_inception, reason = "the handle is the module's main thing")]
mod messenger;
mod pipe;
mod read_buffer;
mod reaper;
mod report;
mod signal;
mod socket;
mod timer;
mod write_queue;

pub use bind::{Bind, BindError};
pub use builder::Builder;
pub use connection::Connection;
pub use dispatcher::Dispatcher;
pub use error::{ConnectError, StartError};
pub use message_in::MessageIn;
pub use messenger::Messenger;
pub use report::{MessengerStats, Report};
pub use socket::SocketOptions;

pub use crate::session::{
    Conduct, Config, Disconnect, Dropped, Fault, Limits, Message, Next, Policies, Policy, Received, SendError,
    ThrottleLimits, Timers,
};
