//! What is noted while a connection is followed.

use firefly_runtime::session::Sighting;

use super::evidence::Evidence;
use super::finding::{Finding, Place, Severity, Text};
use super::follow::direction;
use crate::capture::{Connection, Direction};
use crate::report::Counts;

/// A direction and an offset in its stream.
pub(super) type Spot = (Direction, u64);

/// Counts and findings of one connection.
pub(super) struct Log<'a> {
    pub(super) connection: &'a Connection,
    pub(super) counts: &'a mut Counts,
    pub(super) findings: Vec<Finding>,
    /// What is kept for later.
    pub(super) evidence: Evidence,
}

impl Log<'_> {
    /// The packet with the first byte of an element.
    pub(super) fn packet_of(&self, sighting: &Sighting) -> Option<u64> {
        let mark = self.connection.locate(direction(sighting.side), sighting.offset)?;
        Some(mark.packet)
    }

    /// Adds a finding about a place in a stream.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        rule: &'static str,
        (direction, offset): Spot,
        text: impl Into<Text>,
    ) {
        let place = Place::in_stream(self.connection, direction, offset);
        self.findings.push(Finding { severity, rule, place, text: text.into() });
    }

    /// Adds a finding about the connection.
    pub(super) fn add_about_connection(&mut self, severity: Severity, rule: &'static str, text: impl Into<Text>) {
        let place = Place::at(self.connection, self.connection.first);
        self.findings.push(Finding { severity, rule, place, text: text.into() });
    }
}
