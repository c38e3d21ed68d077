//! Follows what the session of a server with a client may be, and judges the server's answers by it.

use firefly_runtime::session::Phase;
use firefly_runtime::wire::transport::{Connect, ConnectFlags, ConnectReply, Tag};

use super::belief::{Possible, Range, Session, Try};
use super::contact::{Answer, Pair};
use super::policies::candidates;
use super::timeline::{Event, Timeline};
use super::{Odd, socket};

/// More possibilities than these, or more tries at a time, are not told apart any more.
const MANY: usize = 64;

/// The answers of the server that no session explains.
pub(super) fn judge(pair: &Pair, timeline: &Timeline<'_>) -> Vec<Odd> {
    let can_connect = socket(&pair.client).is_some();
    let belief = Possible::anything(can_connect);
    let mut judge = Judge { pair, timeline, can_connect, belief, tries: Vec::new(), odd: Vec::new() };
    for (packet, event) in &timeline.events {
        judge.take(*packet, *event);
    }
    judge.odd
}

/// A try that was not answered yet.
#[derive(Debug)]
struct Pending<'a> {
    connection: usize,
    packet: u64,
    connect: &'a Connect,
    /// All that the session may have been since.
    belief: Vec<Possible>,
    /// Another client's try was let in meanwhile.
    overtaken: bool,
}

struct Judge<'t, 'a> {
    pair: &'t Pair,
    timeline: &'t Timeline<'a>,
    /// Whether the client can be called.
    can_connect: bool,
    belief: Vec<Possible>,
    tries: Vec<Pending<'a>>,
    odd: Vec<Odd>,
}

impl<'a> Judge<'_, 'a> {
    fn take(&mut self, packet: u64, event: Event<'a>) {
        self.forget_ended(packet);
        match event {
            Event::Try(connection, connect) => {
                self.tries.retain(|pending| pending.connection != connection);
                let belief = self.belief.clone();
                self.tries.push(Pending { connection, packet, connect, belief: belief.clone(), overtaken: false });
                self.believe(belief);
            }
            Event::Answer(connection, connect, answer) => self.answer(connection, connect, answer),
            Event::Calls(connection) => {
                let mut belief = self.loosened(&self.belief, packet, packet);
                belief.retain(|possible| possible.is_at(Phase::Connecting) && possible.carrier.is_none());
                belief.iter_mut().for_each(|possible| possible.carrier = Some(connection));
                belief.extend(self.belief.iter().filter(|possible| self.is_carried(possible, packet, packet)));
                self.believe(belief);
            }
            Event::Offers(connection, connect) => {
                let lossy = Some(connect.flags.contains(ConnectFlags::LOSSY));
                let connect_seq = Range::exactly(connect.connect_seq);
                self.change(connection, |session| {
                    vec![Session { connect_seq, lossy: session.lossy.or(lossy), ..session }]
                });
            }
            Event::Told(connection, connect, reply) => {
                self.change(connection, |session| vec![session, told(session, connect, reply)]);
            }
            Event::Speaks(connection) => {
                let speaks =
                    |possible: &&Possible| possible.carrier == Some(connection) && possible.is_at(Phase::Established);
                let belief: Vec<Possible> = self.belief.iter().filter(speaks).copied().collect();
                if !belief.is_empty() {
                    self.believe(belief);
                }
            }
            Event::SomebodyCalls => {
                let more = |possible: &Possible| {
                    possible.with(|session| Session { connect_seq: session.connect_seq.or_next(), ..session })
                };
                let belief = self.belief.iter().map(more).collect();
                self.believe(belief);
            }
        }
    }

    /// The server answers a try: what explains that, the session may have been.
    fn answer(&mut self, connection: usize, connect: &'a Connect, answer: Answer<'a>) {
        let Some(at) = self.tries.iter().position(|pending| pending.connection == connection) else { return };
        let pending = self.tries.remove(at);
        let Answer { packet, offset, reply } = answer;
        if matches!(reply.tag, Tag::BADPROTOVER | Tag::BADAUTHORIZER | Tag::FEATURES | Tag::CHALLENGE_AUTHORIZER) {
            return;
        }
        let mut before = pending.belief.clone();
        before.extend(self.others());
        let before = self.loosened(&before, pending.packet, packet);
        let attempt = Try { connect, client: &self.pair.client, server: &self.pair.server };
        let policies = candidates(connect, reply);
        let explaining: Vec<Possible> =
            before.iter().filter_map(|possible| possible.explaining(&attempt, reply, &policies)).collect();
        if explaining.is_empty() {
            let mut answers: Vec<_> =
                before.iter().flat_map(|possible| possible.answers(&attempt, reply, &policies)).collect();
            answers.sort_by_key(|(_, tag, number)| (tag.0, *number));
            answers.dedup();
            self.odd.push(odd(connection, offset, &answers, reply));
        }
        let opens = matches!(reply.tag, Tag::READY | Tag::SEQ);
        let mut belief = match opens {
            true => vec![Possible::accepted(connect, Some(reply), connection)],
            false if explaining.is_empty() => before,
            false => explaining,
        };
        if pending.overtaken {
            belief.extend(self.belief.iter());
        }
        if opens {
            self.tries.iter_mut().for_each(|pending| pending.overtaken = true);
        }
        self.believe(belief);
    }

    /// What the session may be if another try was let in, whose answer is not seen yet.
    fn others(&self) -> Vec<Possible> {
        let accepted = |pending: &Pending<'_>| Possible::accepted(pending.connect, None, pending.connection);
        self.tries.iter().map(accepted).collect()
    }

    /// Tries on connections that ended are not answered any more. They may have been let in all the same.
    fn forget_ended(&mut self, packet: u64) {
        let ends = &self.timeline.ends;
        let has_ended = |pending: &mut Pending<'a>| ends.get(&pending.connection).is_some_and(|(end, _)| *end < packet);
        let ended: Vec<Pending<'a>> = self.tries.extract_if(.., has_ended).collect();
        if !ended.is_empty() {
            let accepted = ended.iter().map(|pending| Possible::accepted(pending.connect, None, pending.connection));
            let belief = self.belief.iter().copied().chain(accepted).collect();
            self.believe(belief);
        }
    }

    /// Changes the sessions that a connection is to carry.
    fn change(&mut self, connection: usize, change: impl Fn(Session) -> Vec<Session>) {
        let changed = |possible: &Possible| match possible.session {
            Some(session) if possible.carrier == Some(connection) => {
                change(session).into_iter().map(|session| Possible { session: Some(session), ..*possible }).collect()
            }
            _ => vec![*possible],
        };
        let belief = self.belief.iter().flat_map(changed).collect();
        self.believe(belief);
    }

    fn believe(&mut self, belief: Vec<Possible>) {
        self.belief.clear();
        belief.into_iter().for_each(|possible| add(&mut self.belief, possible));
        if self.belief.len() > MANY || self.tries.len() > MANY {
            self.belief = Possible::anything(self.can_connect);
            self.tries.clear();
        }
        for pending in &mut self.tries {
            self.belief.iter().for_each(|possible| add(&mut pending.belief, *possible));
            if pending.belief.len() > MANY {
                pending.belief = Possible::anything(self.can_connect);
            }
        }
    }

    /// All that the session may have become by the time that a try was decided on.
    fn loosened(&self, belief: &[Possible], tried: u64, answered: u64) -> Vec<Possible> {
        let loosened = belief.iter().flat_map(|possible| match self.is_carried(possible, tried, answered) {
            true => vec![*possible],
            false if self.can_connect && !self.timeline.shows_calls => Possible::anything(true),
            false => possible.left_alone(self.can_connect),
        });
        let mut all = Vec::new();
        loosened.for_each(|possible| add(&mut all, possible));
        all
    }

    /// Whether a session was carried by a connection when a try was decided on. That the server ends it after the try is
    /// part of the decision.
    fn is_carried(&self, possible: &Possible, tried: u64, answered: u64) -> bool {
        let Some(carrier) = possible.carrier else { return false };
        match self.timeline.ends.get(&carrier) {
            None => true,
            Some((end, true)) => *end > tried,
            Some((end, false)) => *end > answered,
        }
    }
}

fn add(all: &mut Vec<Possible>, possible: Possible) {
    if !all.contains(&possible) {
        all.push(possible);
    }
}

/// What a session that is connecting becomes once it is answered.
fn told(session: Session, connect: &Connect, reply: &ConnectReply) -> Session {
    let exactly = Range::exactly;
    match reply.tag {
        _ if session.phase != Phase::Connecting => session,
        Tag::READY | Tag::SEQ => Session {
            phase: Phase::Established,
            connect_seq: exactly(connect.connect_seq.wrapping_add(1)),
            peer_global_seq: exactly(reply.global_seq),
            lossy: Some(reply.flags.contains(ConnectFlags::LOSSY)),
        },
        Tag::WAIT => Session { phase: Phase::Wait, ..session },
        Tag::RETRY_SESSION => Session { connect_seq: exactly(reply.connect_seq), ..session },
        Tag::RESETSESSION => Session { connect_seq: exactly(0), ..session },
        _ => session,
    }
}

/// An answer that is none of those that there might be, each with its requirement.
fn odd(connection: usize, offset: u64, answers: &[(&'static str, Tag, Option<u32>)], reply: &ConnectReply) -> Odd {
    let name = |tag: Tag, number: Option<u32>| match number {
        Some(number) => format!("{tag:?} {number}"),
        None => format!("{tag:?}"),
    };
    let number = match reply.tag {
        Tag::RETRY_GLOBAL => Some(reply.global_seq),
        Tag::RETRY_SESSION => Some(reply.connect_seq),
        _ => None,
    };
    // A number is told if no other one might go with the tag.
    let expected = answers.chunk_by(|(_, a, _), (_, b, _)| a == b).filter_map(|same| match same {
        [(_, tag, number), rest @ ..] => {
            Some(name(*tag, number.filter(|number| rest.iter().all(|(.., other)| *other == Some(*number)))))
        }
        [] => None,
    });
    let expected = expected.collect::<Vec<_>>().join(" or ");
    let detail = format!("expected {expected}, found {}", name(reply.tag, number));
    Odd { connection, offset, rule: answers.first().map_or("HS-21", |(rule, ..)| rule), detail }
}
