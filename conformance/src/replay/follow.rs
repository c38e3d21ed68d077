//! Follows one connection in both directions: the core reads what is there, and what the capture lacks is made up for.

use firefly_runtime::session::{
    Expect, Limits, Observation, Observer, Oddity, PeerMisbehaved, Pending, Seen, Severity as Badness, Side,
};

use super::call::Call;
use super::element;
use super::evidence::Evidence;
use super::finding::{Finding, Severity, Text, rule};
use super::log::Log;
use super::resync;
use super::tape::{Run, Tape};
use crate::capture::{Connection, Direction, EventKind};
use crate::report::Counts;

/// What a connection showed.
pub(super) struct Observed<'a> {
    pub(super) connection: &'a Connection,
    pub(super) findings: Vec<Finding>,
    /// What has to wait for the other connections.
    pub(super) evidence: Evidence,
    /// How it was opened.
    pub(super) call: Call,
}

/// Follows a connection and reports what it showed. What was said is kept as evidence if it is asked for.
pub(super) fn follow<'a>(connection: &'a Connection, counts: &mut Counts, keep_evidence: bool) -> Observed<'a> {
    let evidence = Evidence { keeps_messages: keep_evidence, ..Evidence::default() };
    let log = Log { connection, counts, findings: Vec::new(), evidence };
    let [client, server] = Direction::BOTH.map(|direction| Tape::new(connection, direction));
    let observer = Observer::new(limits());
    let mut follower = Follower {
        observer,
        tapes: [client, server],
        lost: [None, None],
        log,
        call: Call::default(),
        features: [None; 2],
    };
    if follower.is_foreign() {
        let text = "not a connection of this protocol: ignored";
        follower.log.add_about_connection(Severity::Info, rule::FOREIGN, text);
    } else {
        follower.count();
        follower.run();
    }
    let Follower { log: Log { findings, evidence, .. }, call, .. } = follower;
    Observed { connection, findings, evidence, call }
}

/// As much as the spec allows: whether that is wise is for receivers to judge.
fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.front, limits.middle, limits.data, limits.authorizer) = (u32::MAX, u32::MAX, u32::MAX, u32::MAX);
    limits
}

struct Follower<'a> {
    observer: Observer,
    /// What the observer was not given yet: the client's side and the server's.
    tapes: [Tape; 2],
    /// Why it is not known what comes next on a side.
    lost: [Option<Lost>; 2],
    /// The features with which frames are read on a side, once that is known.
    features: [Option<u64>; 2],
    log: Log<'a>,
    call: Call,
}

/// Why it is not known what comes next.
#[derive(Debug)]
struct Lost {
    severity: Severity,
    rule: &'static str,
    text: Text,
    /// How many bytes are certainly not the start of anything.
    skip: usize,
}

impl Follower<'_> {
    /// Whether there is something on the connection, and nothing of it is of this protocol.
    fn is_foreign(&self) -> bool {
        let midstream = self.log.connection.midstream;
        let ours = |tape: &Tape| match midstream {
            true => resync::find(tape.start(), 0, None).is_some_and(|found| found.message || found.skip == 0),
            false => resync::starts_with_banner(tape.start()),
        };
        let mut spoke = self.tapes.iter().filter(|tape| !tape.is_empty()).peekable();
        if spoke.peek().is_none() { midstream } else { !spoke.any(ours) }
    }

    fn count(&mut self) {
        let connection = self.log.connection;
        let counts = &mut self.log.counts.connections;
        counts.total += 1;
        counts.complete += u64::from(connection.is_complete());
        counts.midstream += u64::from(connection.midstream);
        counts.gaps += connection.gaps().count() as u64;
        for gap in connection.gaps() {
            if let EventKind::Gap { length } = gap.kind {
                let text = Text::new("bytes are missing in the capture", format!("{length} bytes"));
                self.log.add(Severity::Warning, rule::CAPTURE, (gap.direction, gap.offset), text);
            }
        }
    }

    /// Reads both sides, each as far as the other lets it, until nothing is left.
    fn run(&mut self) {
        for side in Side::BOTH {
            if let Some(Run { bytes, .. }) = of(&mut self.tapes, side).next() {
                self.observer.input(side, &bytes);
            }
            if of(&mut self.tapes, side).closed {
                self.observer.close(side);
            }
            if self.log.connection.midstream {
                let text = "bytes before the first frame of a connection that was open before the capture began";
                self.lose(side, Severity::Info, rule::CAPTURE, text.into(), 0);
                self.observer.lose(side);
            }
        }
        loop {
            self.see_all();
            let went =
                Side::BOTH.map(|side| self.search(side) || self.skip_gap(side, &[Pending::Bytes, Pending::Lost]));
            let goes_on = went != [false, false]
                || self.observer.stop_waiting()
                || Side::BOTH.into_iter().any(|side| self.skip_gap(side, &[Pending::Peer]));
            if !goes_on {
                break;
            }
        }
        self.observer.finish();
        self.see_all();
    }

    fn see_all(&mut self) {
        while let Some(seen) = self.observer.poll() {
            match seen {
                Seen::Element(sighting) => {
                    if sighting.is_frame() {
                        *of(&mut self.features, sighting.side) = Some(sighting.features);
                    }
                    self.call.see(&sighting, &self.log);
                    element::judge(sighting, &mut self.log);
                }
                Seen::Odd(observation) => self.tell(&observation),
                Seen::Lost(observation) => self.lost(&observation),
            }
        }
    }

    fn tell(&mut self, observation: &Observation) {
        let Observation { side, offset, oddity } = observation;
        let text = Text::new(oddity.summary(), oddity.detail());
        self.log.add(severity(observation), observation.rule(), (direction(*side), *offset), text);
    }

    /// Where the observer does not know on, it may be told on the spot.
    fn lost(&mut self, observation: &Observation) {
        let side = observation.side;
        let (_, features) = self.observer.expects(side);
        let skip = match &observation.oddity {
            Oddity::Unreadable(Expect::Banner, _) => {
                self.tell(observation);
                let wrong = self.observer.skip(side, resync::BANNER_SIZE);
                self.log.counts.bytes_unaccounted += wrong as u64;
                // What follows a wrong banner may well be right.
                let hello = if side == Side::Client { Expect::ClientHello } else { Expect::ServerHello };
                self.observer.resume(side, hello, features);
                return;
            }
            Oddity::Unreadable(Expect::Frame, PeerMisbehaved::BadCrc { .. })
                if resync::is_followed(self.observer.rest(side), features) =>
            {
                self.observer.trust_header(side);
                return;
            }
            Oddity::Unreadable(expect, _) => {
                *of(&mut self.features, side) = (*expect == Expect::Frame).then_some(features);
                1
            }
            Oddity::BehindBadReply => {
                *of(&mut self.features, side) = Some(features);
                0
            }
            _ => 0,
        };
        self.call.is_lost |= !self.call.is_open;
        let text = Text::new(observation.oddity.summary(), observation.oddity.detail());
        self.lose(side, severity(observation), observation.rule(), text, skip);
    }

    /// Notes why it is not known what comes next.
    fn lose(&mut self, side: Side, severity: Severity, rule: &'static str, text: Text, skip: usize) {
        *of(&mut self.lost, side) = Some(Lost { severity, rule, text, skip });
    }

    /// Goes on behind a gap, if a side waits for one of these.
    fn skip_gap(&mut self, side: Side, pending: &[Pending]) -> bool {
        if !pending.contains(&self.observer.pending(side)) {
            return false;
        }
        let Some(Run { gap, bytes }) = of(&mut self.tapes, side).next() else { return false };
        self.call.is_lost |= !self.call.is_open;
        self.observer.gap(side, gap);
        if self.observer.pending(side) == Pending::Lost {
            let text = "bytes between a gap in the capture and the next frame";
            self.lose(side, Severity::Warning, rule::CAPTURE, text.into(), 0);
        }
        self.observer.input(side, &bytes);
        true
    }

    /// Looks for the next frame on a side that is lost. Whether there was anything to look at.
    fn search(&mut self, side: Side) -> bool {
        let rest = self.observer.rest(side);
        if self.observer.pending(side) != Pending::Lost || rest.is_empty() {
            return false;
        }
        let Some(lost) = of(&mut self.lost, side) else { return false };
        let found = resync::find(rest, lost.skip, *of(&mut self.features, side));
        let skip = found.as_ref().map_or(rest.len(), |found| found.skip);
        if skip > 0 {
            let mut text = lost.text.clone();
            let skipped = format!("{skip} byte{} skipped", if skip == 1 { "" } else { "s" });
            let separator = if text.detail.is_empty() { "" } else { "; " };
            text.detail = format!("{}{separator}{skipped}", text.detail);
            self.log.add(lost.severity, lost.rule, (direction(side), self.observer.offset(side)), text);
            self.log.counts.bytes_unaccounted += skip as u64;
        }
        lost.skip = 0;
        self.observer.skip(side, skip);
        if let Some(found) = found {
            self.observer.resume(side, Expect::Frame, found.features);
        }
        true
    }
}

/// That of a side.
fn of<T>([client, server]: &mut [T; 2], side: Side) -> &mut T {
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

/// The direction in which a side sends.
pub(super) fn direction(side: Side) -> Direction {
    match side {
        Side::Client => Direction::Client,
        Side::Server => Direction::Server,
    }
}

fn severity(observation: &Observation) -> Severity {
    match observation.severity() {
        Badness::Error => Severity::Error,
        Badness::Warning => Severity::Warning,
        Badness::Info => Severity::Info,
    }
}
