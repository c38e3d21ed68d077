//! Many messengers that do at random what applications do, after the synthetic tests of Ceph's messengers
//! (`SyntheticTest` in `src/test/msgr/test_msgr.cc` of later releases), with and without trouble on the network.

mod ledger;
mod party;

use std::sync::Arc;
use std::time::Duration;

use firefly_runtime::messenger::{Connection, Policy};
use firefly_runtime::random::Random;
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::ledger::{Kind, Ledger, is_over};
use self::party::{Party, message};
use super::node::LIMIT;
use super::proxy::Trouble;

/// What is run.
struct Plan {
    /// Of those who listen, and of those who connect to them. Equals are both.
    policies: [Policy; 2],
    servers: usize,
    /// None among equals.
    clients: usize,
    connections: usize,
    operations: usize,
    /// Whether one side may forget a session that the other side has. Where nobody notices, that is not to be done.
    forgets: bool,
    trouble: Option<Trouble>,
    seed: u64,
}

/// A handle in use.
struct Open {
    handle: usize,
    from: usize,
    to: usize,
    connection: Connection,
}

/// A run.
struct Run {
    plan: Plan,
    random: Random,
    ledger: Arc<Ledger>,
    parties: Vec<Party>,
    open: Vec<Open>,
}

impl Run {
    async fn begin(plan: Plan) -> Run {
        let random = Random::new(plan.seed);
        let ledger = Arc::new(Ledger::default());
        let mut parties = Vec::new();
        for number in 0..plan.servers {
            parties.push(Party::listening(number, plan.policies[0], &ledger, plan.trouble).await);
        }
        let clients = plan.servers..plan.servers + plan.clients;
        parties.extend(clients.map(|number| Party::connecting(number, plan.policies[1], &ledger)));
        let mut run = Run { plan, random, ledger, parties, open: Vec::new() };
        for _ in 0..run.plan.connections {
            run.connect();
        }
        run
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end as u64) as usize
    }

    /// Connects two, if they are not.
    fn connect(&mut self) {
        let Plan { servers, clients, policies, .. } = self.plan;
        let to = self.below(servers);
        let from = if clients == 0 { self.below(servers) } else { servers + self.below(clients) };
        if from == to {
            return;
        }
        let peer = self.parties[to].inst();
        let messenger = self.parties[from].messenger();
        if let Some(open) = self.open.iter().find(|open| (open.from, open.to) == (from, to)) {
            // The one there is, unless it ended by itself.
            let same = messenger.connect_to(&peer).unwrap() == open.connection;
            assert!(same || policies[0].lossy || self.plan.clients == 0, "{:?}", open.connection);
            return;
        }
        let connect = || messenger.connect_to(&peer).unwrap();
        let (handle, connection) = self.ledger.open(self.parties[from].life(), to, policies[0].lossy, connect);
        self.open.push(Open { handle, from, to, connection });
    }

    /// Sends over one of the handles.
    fn send(&mut self) {
        if self.open.is_empty() {
            return self.connect();
        }
        let one = self.below(self.open.len());
        let urgent = self.below(20) == 0;
        let Open { handle, connection, .. } = &self.open[one];
        let sent = self.ledger.send(*handle, Kind::Ask, urgent, |tid, data| connection.try_send(message(tid, data)));
        if is_over(&sent) {
            self.open.swap_remove(one);
        }
    }

    /// Ends one of the sessions.
    fn drop_one(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let one = self.below(self.open.len());
        let by_handle = self.below(2) == 0 && self.plan.clients > 0;
        let Open { handle, from, connection, .. } = self.open.swap_remove(one);
        if by_handle {
            self.ledger.leave(handle);
            connection.mark_down();
        } else {
            self.parties[from].messenger().mark_down(connection.peer_addr());
        }
    }

    /// Has one begin a new life, or move.
    async fn turn(&mut self) {
        let one = self.below(self.parties.len());
        let moves =
            one < self.plan.servers && (self.below(3) == 0 || self.parties[one].has_moved || !self.plan.forgets);
        let before = self.parties[one].inst();
        if moves {
            self.parties[one].rebind().await;
        } else {
            self.parties[one].restart().await;
        }
        let mut open = std::mem::take(&mut self.open);
        open.retain(|Open { handle, from, to, .. }| {
            if *from == one {
                self.ledger.leave(*handle);
            }
            if moves && *to == one {
                // Nobody will be there again.
                self.parties[*from].messenger().mark_down(&before.addr);
            }
            *from != one && !(moves && *to == one)
        });
        self.open = open;
    }

    /// One operation.
    async fn step(&mut self) {
        match self.below(1000) {
            900.. => self.connect(),
            800.. if self.plan.forgets => self.drop_one(),
            60.. => self.send(),
            4.. => {
                let pause = self.random.below(2000);
                tokio::time::sleep(Duration::from_micros(pause)).await;
            }
            _ => self.turn().await,
        }
    }

    /// Waits until nothing waits to be sent, and all has arrived that was not told to be lost.
    async fn settle(&self) {
        let open = || self.open.iter().map(|open| open.handle);
        // What comes again without need is not acknowledged; with the exchange there is no such thing.
        let exchanges = self.plan.policies[0].features_supported & Features::RECONNECT_SEQ.0 != 0;
        let is_idle = |open: &Open| {
            let info = open.connection.info();
            info.is_none_or(|info| info.queued == 0 && (info.unacknowledged == 0 || !exchanges))
        };
        let settled = async {
            while !(self.open.iter().all(is_idle) && self.ledger.incomplete(open()).is_empty()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if timeout(LIMIT, settled).await.is_err() {
            let stuck = self.open.iter().filter(|open| !is_idle(open)).map(|open| open.connection.info());
            let stuck: Vec<_> = stuck.collect();
            panic!("stuck: {stuck:#?}, lost, and nobody was told: {:#?}", self.ledger.incomplete(open()));
        }
    }
}

/// Runs a plan and checks the promises. How often connections were cut or half closed.
async fn run(plan: Plan) -> u64 {
    let tasks = Handle::current().metrics().num_alive_tasks();
    let operations = plan.operations;
    let mut run = Run::begin(plan).await;
    for _ in 0..operations {
        run.step().await;
    }
    run.settle().await;
    let ends = run.parties.iter().map(|party| party.end(Duration::from_millis(50)));
    for end in ends {
        end.await;
    }
    let (whole, all) = run.ledger.judge();
    let delivered = run.ledger.delivered();
    let troubles = run.parties.iter().map(Party::troubles).sum::<u64>();
    println!("{whole} of {all} handles lost nothing, {delivered} messages, {troubles} troubles");
    assert!(all > run.plan.connections && whole * 10 > all, "{whole} of {all}");
    assert!(delivered > operations as u64 / 4, "{delivered} delivered");
    drop(run);
    super::node::until("the end of all tasks", || Handle::current().metrics().num_alive_tasks() == tasks).await;
    troubles
}

const STATEFUL: [Policy; 2] = [Policy::stateful_server(), Policy::lossless_client()];
const STATELESS: [Policy; 2] = [Policy::stateless_server(), Policy::lossy_client()];
const PEERS: [Policy; 2] = [Policy::lossless_peer(), Policy::lossless_peer()];
const REUSING_PEERS: [Policy; 2] = [Policy::lossless_peer_reuse(), Policy::lossless_peer_reuse()];
/// Who does not say what it received sends everything again that is not acknowledged.
const OLD_PEERS: [Policy; 2] = [PEERS[0].supporting(FEATURES_ALL & !Features::RECONNECT_SEQ.0); 2];
/// Where the server decides.
const OVERRULED: [Policy; 2] = [Policy::stateful_server(), Policy::lossy_client()];
const OVERRULED_TOO: [Policy; 2] = [Policy::stateless_server(), Policy::lossless_client()];

fn clients_of(policies: [Policy; 2], seed: u64) -> Plan {
    Plan { policies, servers: 8, clients: 16, connections: 100, operations: 5000, forgets: true, trouble: None, seed }
}

fn equals(policies: [Policy; 2], seed: u64) -> Plan {
    Plan { servers: 16, clients: 0, forgets: policies[0].resetcheck, ..clients_of(policies, seed) }
}

/// The same with proxies that make trouble.
fn troubled(plan: Plan) -> Plan {
    let trouble = Trouble { cut: 30, half_close: 60, delay: 25, dribble: 40 };
    Plan { trouble: Some(trouble), ..plan }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateful() {
    run(clients_of(STATEFUL, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateless() {
    run(clients_of(STATELESS, 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers() {
    run(equals(PEERS, 3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_notice() {
    run(equals(REUSING_PEERS, 4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_overruled() {
    run(Plan { operations: 2000, ..clients_of(OVERRULED, 5) }).await;
    run(Plan { operations: 2000, ..clients_of(OVERRULED_TOO, 6) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateful_in_trouble() {
    assert!(run(troubled(clients_of(STATEFUL, 7))).await > 100);
    assert!(run(troubled(clients_of(OVERRULED, 8))).await > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stateless_in_trouble() {
    assert!(run(troubled(clients_of(STATELESS, 9))).await > 100);
    assert!(run(troubled(clients_of(OVERRULED_TOO, 10))).await > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_in_trouble() {
    assert!(run(troubled(equals(PEERS, 11))).await > 100);
    assert!(run(troubled(equals(OLD_PEERS, 13))).await > 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_notice_in_trouble() {
    assert!(run(troubled(equals(REUSING_PEERS, 12))).await > 100);
}
