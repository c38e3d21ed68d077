//! What a messenger tells of itself.

use crate::session::{Dropped, Stats};

/// What was left when a messenger was shut down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Sessions that were ended.
    pub sessions: usize,
    /// What they had not delivered.
    pub dropped: Dropped,
    /// Whether all was sent, acknowledged and dispatched before the deadline.
    pub in_time: bool,
    /// Connections that were not closed in time.
    pub pipes: usize,
}

impl Report {
    pub(super) fn add(&mut self, dropped: &Dropped) {
        let all = &mut self.dropped;
        all.unsent += dropped.unsent;
        all.unacknowledged += dropped.unacknowledged;
        all.undispatched += dropped.undispatched;
        all.first_tid = [all.first_tid, dropped.first_tid].into_iter().flatten().min();
        all.last_tid = all.last_tid.max(dropped.last_tid);
    }
}

/// What a messenger did and holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessengerStats {
    /// What its endpoint counted.
    pub endpoint: Stats,
    /// Sessions, whether they are connected or not.
    pub sessions: usize,
    /// TCP connections of which anything is left.
    pub pipes: usize,
    /// Handles of sessions.
    pub connections: usize,
    /// Refusals of the operating system to accept a connection.
    pub accept_failures: u64,
    /// How often sockets were read.
    pub reads: u64,
    /// How often sockets were written.
    pub writes: u64,
    /// Messages that no dispatcher took.
    pub unclaimed: u64,
    /// Calls of dispatchers that panicked.
    pub panics: u64,
}
