//! The messenger on real sockets.

mod backlog;
mod cancel;
#[allow(dead_code, reason = "that of the examples, not all of which is needed here")]
#[path = "../../examples/mon/client.rs"]
mod client;
mod cluster;
mod dispatch;
mod endless;
mod every_turn;
mod fast;
mod faults;
mod half_open;
mod hostile;
mod life;
mod live;
mod load;
mod node;
mod pairs;
#[allow(dead_code, reason = "as above")]
#[path = "../../examples/mon/placement.rs"]
mod placement;
mod polled;
mod process;
mod proxy;
#[path = "../../examples/mon/rados.rs"]
mod rados;
mod raw;
mod scripted;
mod synthetic;
