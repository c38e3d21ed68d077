//! What ends a session or a messenger, at every turn of the scheduler: each time another wait of the tasks inside is
//! cut short.

use std::net::SocketAddr;
use std::time::Duration;

use firefly_runtime::messenger::{Connection, Fault, Messenger, Policy, ThrottleLimits};
use firefly_runtime::wire::address::EntityType;
use tokio::runtime::{Builder, Handle};

use super::node::{Node, Seen, data, name, until};
use super::polled::{sweep, turns};

/// What is sent before the end.
const SIZES: [usize; 8] = [0, 400_000, 10, 3000, 70_000, 0, 0, 20];

/// Two that begin to talk.
struct Talk {
    server: Node,
    client: Node,
    connection: Connection,
    /// Tasks that there were before.
    tasks: usize,
}

impl Talk {
    async fn begin(policies: [Policy; 2]) -> Talk {
        let tasks = Handle::current().metrics().num_alive_tasks();
        // One message at a time, so that there are many turns.
        let builder = Messenger::builder(name(EntityType::OSD, 0)).default_policy(policies[0].throttled(0));
        let builder = builder.configure(|config| config.throttles = vec![ThrottleLimits { messages: 1, bytes: 0 }]);
        let server = Node::made(builder, Some(SocketAddr::from(([127, 0, 0, 1], 0)).into()));
        let client = Node::unbound(EntityType::CLIENT, policies[1]);
        let connection = client.connect(&server);
        for (tid, size) in (0..).zip(SIZES) {
            connection.send(data(tid, size)).await.unwrap();
        }
        Talk { server, client, connection, tasks }
    }

    /// Whether all had arrived when it ended. If not, it was the beginning, and no piece of the rest.
    fn is_complete(&self) -> bool {
        let tids = self.server.recorder.tids();
        assert!(tids.iter().copied().eq(0..tids.len() as u64), "{tids:?}");
        for node in [&self.server, &self.client] {
            let torn = |seen: &Seen| match seen {
                Seen::Fault(fault, _) | Seen::Reset(fault, _) => matches!(fault, Fault::PeerMisbehaved(_)),
                _ => false,
            };
            assert!(!node.recorder.seen().iter().any(torn), "{:?}", node.recorder.seen());
        }
        tids.len() == SIZES.len()
    }

    /// Somebody comes after them and is served by the same server.
    async fn is_followed(&self, client: &Node) {
        let before = self.server.recorder.tids();
        let connection = client.connect(&self.server);
        assert_ne!(connection, self.connection);
        connection.send(data(100, 100)).await.unwrap();
        self.server.recorder.until("the last message", |seen| seen.contains(&Seen::Message(100))).await;
        let after = self.server.recorder.tids();
        // What was there already may have been dispatched meanwhile.
        assert!(after.len() > before.len() && after.last() == Some(&100), "{after:?}");
        connection.mark_down();
        self.server.recorder.forget();
    }

    /// Nothing is left of either.
    async fn end(self) {
        let Talk { server, client, connection, tasks } = self;
        for node in [&client, &server] {
            let report = node.messenger.shutdown(Duration::ZERO).await;
            assert_eq!(report.pipes, 0, "{report:?}");
            let stats = node.messenger.stats();
            assert_eq!((stats.sessions, stats.connections, stats.endpoint.dispatch_bytes), (0, 0, 0));
        }
        drop((server, client, connection));
        until("the end of all tasks", || Handle::current().metrics().num_alive_tasks() == tasks).await;
    }
}

/// What is over.
#[derive(PartialEq)]
enum Ends {
    Session,
    Messenger,
}

const LOSSY: [Policy; 2] = [Policy::stateless_server(), Policy::lossy_client()];
const LOSSLESS: [Policy; 2] = [Policy::stateful_server(), Policy::lossless_client()];

/// Does something after 0, 1, 2 … turns, until it says that this was enough. Each turn is one poll of one task.
fn at_every_turn(attempt: impl AsyncFnMut(usize) -> bool) {
    let runtime = Builder::new_current_thread().enable_all().event_interval(1).build().unwrap();
    let count = runtime.block_on(sweep(attempt));
    assert!(count > 10, "only {count} turns");
}

/// Ends a talk after 0, 1, 2 … turns, until all of it had been said before the end.
fn ended_at_every_turn(policies: [Policy; 2], end: impl AsyncFn(&mut Talk) -> Ends) {
    at_every_turn(async |count| {
        let mut talk = Talk::begin(policies).await;
        turns(count).await;
        let ends = end(&mut talk).await;
        let is_complete = talk.is_complete();
        if ends == Ends::Session {
            talk.is_followed(&talk.client).await;
        }
        talk.is_followed(&Node::unbound(EntityType::CLIENT, policies[1])).await;
        talk.end().await;
        is_complete
    });
}

#[test]
fn marked_down_by_handle() {
    for policies in [LOSSY, LOSSLESS] {
        ended_at_every_turn(policies, async |talk| {
            talk.connection.mark_down();
            Ends::Session
        });
    }
}

#[test]
fn marked_down_by_address() {
    for policies in [LOSSY, LOSSLESS] {
        ended_at_every_turn(policies, async |talk| {
            let unsent = talk.connection.info().map_or(0, |info| (info.queued + info.unacknowledged) as u64);
            talk.client.messenger.mark_down_all();
            talk.client.recorder.until("a reset", |seen| seen.iter().any(|seen| matches!(seen, Seen::Reset(..)))).await;
            let Some(Seen::Reset(fault, dropped)) = talk.client.recorder.seen().pop() else { panic!("no reset") };
            assert_eq!((fault, dropped.unsent + dropped.unacknowledged), (Fault::MarkedDown, unsent));
            assert_eq!(talk.connection.closed().await, Fault::MarkedDown);
            Ends::Session
        });
    }
}

#[test]
fn shut_down() {
    for policies in [LOSSY, LOSSLESS] {
        ended_at_every_turn(policies, async |talk| {
            let unsent = talk.connection.info().map_or(0, |info| (info.queued + info.unacknowledged) as u64);
            let report = talk.client.messenger.shutdown(Duration::ZERO).await;
            assert!(report.pipes == 0 && report.sessions == 1, "{report:?}");
            let dropped = report.dropped.unsent + report.dropped.unacknowledged;
            // Looking for work gives the others turns.
            assert!(dropped <= unsent && (dropped == 0 || !report.in_time), "{report:?}, {unsent} before");
            Ends::Messenger
        });
    }
}

#[test]
fn dropped() {
    for policies in [LOSSY, LOSSLESS] {
        ended_at_every_turn(policies, async |talk| {
            let another = Node::unbound(EntityType::CLIENT, policies[1]);
            drop(std::mem::replace(&mut talk.client, another));
            assert_eq!(talk.connection.closed().await, Fault::MarkedDown);
            Ends::Messenger
        });
    }
}

/// Whatever the server forgets, a lossless client goes on, and is told what may be lost.
#[test]
fn forgotten_by_the_server() {
    at_every_turn(async |count| {
        let talk = Talk::begin(LOSSLESS).await;
        turns(count).await;
        let had_arrived = talk.server.recorder.tids().len() == SIZES.len();
        talk.server.messenger.mark_down_all();
        talk.connection.send(data(SIZES.len() as u64, 20)).await.unwrap();
        let lost = || {
            let seen = [&talk.client, &talk.server].into_iter().flat_map(|node| node.recorder.seen());
            let lost = seen.map(|seen| match seen {
                Seen::RemoteReset(lost) | Seen::Reset(_, lost) => lost.unsent + lost.unacknowledged + lost.undispatched,
                _ => 0,
            });
            lost.sum::<u64>()
        };
        let all_known = || talk.server.recorder.tids().len() as u64 + lost() > SIZES.len() as u64;
        until("all arrived or told to be lost", all_known).await;
        let idle = || talk.connection.info().is_some_and(|info| info.queued + info.unacknowledged == 0);
        until("all acknowledged", idle).await;
        let tids = talk.server.recorder.tids();
        assert!(tids.windows(2).all(|pair| pair[0] < pair[1]), "{tids:?}");
        talk.end().await;
        had_arrived
    });
}
