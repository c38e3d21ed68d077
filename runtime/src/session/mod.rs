//! The protocol engine: all that Firefly's messenger does on the wire, without doing it.
//!
//! An [`Endpoint`] is one messenger without its sockets: no input or output, no clock, no thread, no randomness but that
//! of its seed. A driver tells it what happened and polls what to do; the messenger on tokio, the replay of captures, the
//! simulated network of the tests and the fuzz targets are such drivers, so each of them checks the others. The
//! same seed and the same inputs give the same bytes.
//!
//! # Transports and sessions
//!
//! A *transport* is one TCP stream. A *session* is the ordered stream of messages between two messengers and outlives
//! transports: it keeps what was not acknowledged, the numbers, and what is still to be sent. Each has a name of its own,
//! [`TransportId`] and [`SessionId`], and neither name is ever given out again. Races and reconnects move a session from
//! one transport to another; the application, which holds only the session's name, does not notice but for another
//! [`Event::Connect`] or [`Event::Accept`].
//!
//! # The life of a session
//!
//! ```text
//!            connect(), send_to()                           accept(), a record that is let in
//!                    │                                                    │
//!                    ▼             READY, SEQ                             ▼
//!   ┌───────►  Connecting  ─────────────────────────────────────────►   Open  ◄──────────────┐
//!   │ pause    │   ▲    │ WAIT                                          │  │               │
//!   └──────────┘   │    └──────►  Wait  ── the peer's record ───────────►│  │ broken:       │ the peer's
//!     refused,     │               │                                     │  │ not lossy     │ record
//!     broken       │◄── too long ──┘                                     │  │               │
//!                  │                                                     │  ├─ a server, or nothing queued
//!                  │◄──────────── something to send, not a server ───────┼──┼── and standby ──►  Standby
//!                  │◄──────────── otherwise, at once ────────────────────┼──┘
//!                                                                        └─ lossy, marked down: Event::Reset, gone
//! ```
//!
//! [`Policy`] decides, by the type of the peer: a *lossy* session is over when its connection breaks, a *server* never
//! connects by itself, *standby* sleeps while there is nothing to say, *resetcheck* notices that the other side forgot the
//! session. The server's word counts: whether a client's session is lossy, READY tells.
//!
//! When two sides connect to each other at once, the connection that the lower address began survives ([`decide`]).
//!
//! # What is delivered, and when
//!
//! * A message is numbered when it is written. That is at once while the connection takes what there is, up to a batch of
//!   64 KiB; what has to wait goes later, the most urgent first, and within a priority in the order of sending. It is
//!   acknowledged by the peer once it was read and verified there, not when it was dispatched.
//! * On a session that is not lossy, what was not acknowledged is sent again over the next connection, with its numbers
//!   and before everything else, and what the peer had already it drops: each message is delivered once, in order.
//! * [`Endpoint::poll_event`] hands out what came in the order of dispatch: control events first, then by
//!   priority, taking turns between sessions, and priorities below 64 by their share. A [`FastLane`] takes messages that
//!   the application would rather have as they come.
//! * A message holds its share of the throttles until the application gives it back ([`Permit`]). A transport whose next
//!   message does not get its share is not read ([`Want::Pause`]).
//!
//! # What is lost, and how that is told
//!
//! [`Event::Reset`] ends a session, [`Event::RemoteReset`] begins it anew because the peer forgot it; both say what was
//! [`Dropped`]: messages never sent, sent and not acknowledged, received and not dispatched. Firefly tells none of that.
//! [`Endpoint::mark_down`] alone is silent: whoever calls it knows. A [`Fault`] says why, by who is to blame.
//!
//! # Driving an endpoint
//!
//! After each input the commands are taken until there is none; an input that comes before that is refused
//! ([`Misuse::Undrained`]). [`Command::Transmit`] says that [`Endpoint::poll_transmit`] has bytes; the driver polls again
//! whenever it has written them. Two endpoints that are each other's network:
//!
//! ```
//! use bytes::BytesMut;
//! use firefly_runtime::auth::{Auth, Rules, Shows};
//! use firefly_runtime::session::{Command, Config, Endpoint, Event, Message, Policies, Policy, Time, TransportId};
//! use firefly_runtime::wire::address::{EntityAddr, EntityName, EntityType};
//! use firefly_runtime::wire::mon::MPing;
//! use firefly_runtime::wire::payload::Payload;
//!
//! struct Node(Endpoint, Option<TransportId>, BytesMut);
//!
//! fn node(r#type: EntityType, addr: &str, policy: Policy) -> Node {
//!     let mut config = Config::new(EntityName { r#type, num: 0 });
//!     config.addr = EntityAddr::new(addr.parse().unwrap(), 1);
//!     config.policies = Policies::new(policy);
//!     Node(Endpoint::new(config, Box::new(Auth::new(Shows::Nothing, Rules::anyone())), 42), None, BytesMut::new())
//! }
//!
//! /// Does what an endpoint wants done.
//! fn drain(node: &mut Node, peer: &mut Node) {
//!     while let Some(command) = node.0.poll_command() {
//!         match command {
//!             Command::Dial { transport, .. } => {
//!                 let from = node.0.addr().socket_addr().unwrap();
//!                 (node.1, peer.1) = (Some(transport), peer.0.accept(Time::ZERO, from).ok());
//!                 node.0.connected(Time::ZERO, transport).unwrap();
//!             }
//!             Command::Transmit(transport) => {
//!                 let mut pieces = Vec::new();
//!                 while node.0.poll_transmit(Time::ZERO, transport, &mut pieces) {}
//!                 pieces.iter().for_each(|piece| peer.2.extend_from_slice(piece));
//!             }
//!             Command::Close { .. } | Command::Resume(_) => unreachable!("nothing goes wrong here"),
//!         }
//!     }
//! }
//!
//! let mut osd = node(EntityType::OSD, "10.0.0.1:6800", Policy::stateless_server());
//! let mut client = node(EntityType::CLIENT, "10.0.0.2:0", Policy::lossy_client());
//! let addr = osd.0.addr().clone();
//! client.0.send_to(Time::ZERO, EntityType::OSD, &addr, Message::new(Payload::from(MPing::default()))).unwrap();
//! let mut heard = None;
//! while heard.is_none() {
//!     drain(&mut client, &mut osd);
//!     drain(&mut osd, &mut client);
//!     for node in [&mut osd, &mut client] {
//!         node.0.handle_input(Time::ZERO, node.1.unwrap(), &mut node.2).unwrap();
//!     }
//!     while let Some(event) = osd.0.poll_event() {
//!         if let Event::Message(message) = event {
//!             heard = Some(message.payload.clone());
//!             osd.0.release(message.permit);
//!         }
//!     }
//! }
//! assert_eq!(heard, Some(Payload::from(MPing::default())));
//! ```
//!
//! # Strictly Firefly, or what came after it
//!
//! What Firefly does to its own harm is not done: where a peer can crash it, here the connection is closed; what it holds
//! without bound is bounded by [`Limits`]; what it waits for without end has a deadline in [`Timers`].
//! Where later releases decided otherwise, [`Conduct`] has a switch: the default lives with all of them,
//! [`Conduct::firefly`] is Firefly to the letter.

mod accept;
mod answer;
mod config;
mod endpoint;
mod envelope;
mod error;
mod event;
mod fault;
mod handshake;
mod info;
mod input;
mod limits;
mod message;
mod observer;
mod open;
mod policy;
mod queue;
mod reading;
#[expect(clippy::module_inception, reason = "it is what the module is about")]
mod session;
mod slots;
mod throttle;
mod time;
mod timers;
mod transmit;
mod transport;

pub use accept::{Decision, Existing, Phase, decide};
pub use answer::{After, after_reply, judge_reply, negotiated};
pub use config::{Conduct, Config, ThrottleLimits, Timers};
pub use endpoint::{Endpoint, SessionId, TransportId};
pub use envelope::{Envelope, covered};
pub use error::{BannerKind, Disconnect, Fault, Incompatible, Misuse, PeerMisbehaved, SendError, Timeout};
pub use event::{Command, Dropped, Event, Next, Want};
pub use info::{Counters, SessionInfo, State, Stats};
pub use limits::Limits;
pub use message::{FastLane, Message, Permit, Received};
pub use observer::{Observation, Observer, Oddity, Pending, Seen, Severity, Side, Sighting};
pub use policy::{Policies, Policy};
pub use reading::{Element, Expect, Reading};
pub use time::Time;
