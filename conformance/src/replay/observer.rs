//! Follows one connection in both directions.

use firefly_runtime::codec::{Context, Wire};
use firefly_runtime::wire::transport::{Banner, ClientHello, Connect, ConnectReply, SeqExchange, ServerHello};

use super::evidence::Evidence;
use super::finding::{Finding, Severity, Text, rule};
use super::handshake::Handshake;
use super::log::Log;
use super::side::{Phase, Side, Stop};
use super::{open, resync};
use crate::capture::{Connection, Direction, EventKind};
use crate::report::Counts;

/// What a connection showed.
pub(super) struct Observed<'a> {
    pub(super) connection: &'a Connection,
    pub(super) findings: Vec<Finding>,
    /// What has to wait for the other connections; nothing unless it was asked for.
    pub(super) evidence: Evidence,
}

/// Follows a connection and reports what it showed.
pub(super) fn observe<'a>(connection: &'a Connection, counts: &mut Counts, keep_evidence: bool) -> Observed<'a> {
    let evidence = keep_evidence.then(Evidence::default);
    let log = Log { connection, counts, findings: Vec::new(), evidence };
    let sides = Direction::BOTH.map(|direction| Side::new(connection, direction));
    let mut observer = Observer { sides, handshake: Handshake::default(), log };
    if observer.is_foreign() {
        let text = "not a connection of this protocol: ignored";
        observer.log.add_about_connection(Severity::Info, rule::FOREIGN, text);
    } else {
        observer.count();
        observer.run();
        observer.finish();
    }
    let Log { findings, evidence, .. } = observer.log;
    Observed { connection, findings, evidence: evidence.unwrap_or_default() }
}

struct Observer<'a> {
    /// The client's side and the server's.
    sides: [Side; 2],
    handshake: Handshake,
    log: Log<'a>,
}

impl Observer<'_> {
    /// Whether there is something on the connection, and nothing of it is of this protocol.
    fn is_foreign(&self) -> bool {
        let ours = |side: &Side| match side.phase {
            Phase::Lost(_) => {
                resync::find(side.tape.rest(), 0, None).is_some_and(|found| found.message || found.skip == 0)
            }
            _ => Banner::measure(side.tape.rest(), &Context::default()).is_ok(),
        };
        let mut spoke = self.sides.iter().filter(|side| !side.tape.is_empty()).peekable();
        let midstream = self.log.connection.midstream;
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
        loop {
            let went = Direction::BOTH.map(|direction| self.advance(direction));
            if went == [false, false] && !self.unblock() {
                break;
            }
        }
    }

    /// Reads one side as far as possible. Whether that is any distance.
    fn advance(&mut self, direction: Direction) -> bool {
        let mut went = false;
        loop {
            match self.step(direction) {
                Ok(()) | Err(Stop::Lost) => {}
                Err(Stop::Starved(whole)) if self.side(direction).tape.gap_follows() => {
                    self.side(direction).skip_gap(whole);
                }
                Err(Stop::Starved(_) | Stop::Blocked) => return went,
            }
            went = true;
        }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        let [client, server] = &mut self.sides;
        match direction {
            Direction::Client => client,
            Direction::Server => server,
        }
    }

    /// Reads the next element of a side.
    fn step(&mut self, direction: Direction) -> Result<(), Stop> {
        let [client, server] = &mut self.sides;
        let (side, peer) = match direction {
            Direction::Client => (client, server),
            Direction::Server => (server, client),
        };
        let (handshake, log) = (&mut self.handshake, &mut self.log);
        match (&side.phase, direction) {
            (Phase::Banner, _) => banner(side, log),
            (Phase::Hello, Direction::Client) => {
                let (ClientHello { .. }, _) = side.element(ClientHello::measure, "ER-05", log)?;
                side.phase = Phase::Round;
                Ok(())
            }
            (Phase::Hello, Direction::Server) => {
                let (ServerHello { .. }, _) = side.element(ServerHello::measure, "ER-21", log)?;
                side.phase = Phase::Round;
                Ok(())
            }
            (Phase::Round, Direction::Client) => {
                if handshake.awaits_reply() {
                    return Err(Stop::Blocked);
                }
                if let Some(next) = handshake.next() {
                    side.phase = next;
                    return Ok(());
                }
                let (connect, spot) = side.element::<Connect>(Connect::measure, "ER-07", log)?;
                log.counts.handshake.connects += 1;
                handshake.connect(connect, spot, log);
                Ok(())
            }
            (Phase::Round, Direction::Server) => {
                let client_is_lost = matches!(peer.phase, Phase::Open(_) | Phase::Lost(_));
                let due = handshake.awaits_reply() || (client_is_lost && handshake.is_unanswered());
                if !due {
                    return Err(Stop::Blocked);
                }
                let (reply, spot) = side.element::<ConnectReply>(ConnectReply::measure, "ER-08", log)?;
                log.counts.handshake.reply(reply.tag);
                handshake.reply(reply, spot, log);
                if let Some(next) = handshake.next() {
                    side.phase = next;
                }
                Ok(())
            }
            (Phase::Exchange, _) => {
                let (exchange, _) = side.element::<SeqExchange>(SeqExchange::measure, "ER-04", log)?;
                side.phase = Phase::Open(handshake.features());
                side.sequence.received_before(exchange.seq);
                peer.sequence.resumes_behind(exchange.seq);
                Ok(())
            }
            (Phase::Open(features), _) => {
                let features = *features;
                open::frame(side, features, log)
            }
            (Phase::Lost(_), _) => side.search(log),
        }
    }

    /// When each side waits for the other, goes on with one that has bytes left, without knowing how they are written.
    fn unblock(&mut self) -> bool {
        let waits = |side: &&mut Side| {
            let blocked = match side.phase {
                Phase::Round if side.direction == Direction::Client => self.handshake.awaits_reply(),
                Phase::Round => !self.handshake.awaits_reply(),
                _ => false,
            };
            blocked && !side.tape.rest().is_empty()
        };
        let Some(side) = self.sides.iter_mut().find(waits) else { return false };
        let text = "bytes that no handshake explains".into();
        side.lose(Severity::Warning, "HS-26", text, 0, None);
        true
    }

    /// Judges what only the whole connection shows.
    fn finish(&mut self) {
        for side in &self.sides {
            let rest = side.tape.rest().len() as u64;
            if rest == 0 {
                continue;
            }
            let detail = format!("{rest} byte{} of it were sent", if rest == 1 { "" } else { "s" });
            let (rule, what) = match side.phase {
                Phase::Open(_) => ("ER-11", "a frame"),
                _ => ("ER-04", "the handshake"),
            };
            // What is there belongs to an element, if only to its beginning: it is told, but accounted for.
            if side.tape.closed {
                let text = Text::new(format!("closed in the middle of {what}"), detail);
                self.log.add(Severity::Warning, rule, side.here(), text);
            } else {
                let text = Text::new(format!("cut in the middle of {what}"), detail);
                self.log.add(Severity::Info, rule, side.here(), text);
            }
        }
        let [client, server] = &self.sides;
        for (side, peer) in [(client, server), (server, client)] {
            side.sequence.resumed(side.direction, &mut self.log);
            if peer.whole && !self.handshake.resumes_blindly() {
                side.sequence.compare(&peer.sequence, side.direction, &mut self.log);
            }
        }
    }
}

fn banner(side: &mut Side, log: &mut Log<'_>) -> Result<(), Stop> {
    let rule = if side.direction == Direction::Client { "ER-01" } else { "ER-03" };
    // What follows a wrong banner may well be right.
    side.phase = Phase::Hello;
    if let Err(error) = Banner::measure(side.tape.rest(), &Context::default()) {
        log.add(Severity::Error, rule, side.here(), Text::new("wrong banner", error.to_string()));
        log.counts.bytes_unaccounted += side.tape.take(Banner::MIN_SIZE).len() as u64;
        return Ok(());
    }
    let read = side.element::<Banner>(Banner::measure, rule, log);
    if let Err(Stop::Starved(_)) = read {
        side.phase = Phase::Banner;
    }
    read.map(|_| ())
}
