//! Ten thousand who begin a handshake at once and never end it. They and the server have a process each, so that both
//! can have as many descriptors, and that nobody else's are counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use firefly_runtime::codec::{Target, to_bytes};
use firefly_runtime::messenger::{Messenger, Policy};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::transport::{BANNER, Connect};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use super::node::{LIMIT, Node, Seen, data, name, until};
use super::process::{alone, descriptors, memory, passes, told};
use super::raw::{connect, hello, opening, read_greeting, record};

/// How many there are, where processes may have so many descriptors.
const CROWD: usize = 10_000;

/// How many more may be in their handshake.
const FEW: usize = 8;

/// Descriptors for everything else.
const SPARE: usize = 64;

/// How long a handshake may take. All have to be there before the first one's is over.
const HANDSHAKE: Duration = Duration::from_secs(4);

/// How long an honest client waits for its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most memory that one of them may cost, in bytes.
const COST: u64 = 4 << 10;

// covers: ER-29
#[test]
fn ten_thousand_half_open_connections_hold_nobody_up() {
    let limit = format!("ulimit -n {} 2>/dev/null || ulimit -n $(ulimit -Hn)", CROWD + SPARE);
    let said = passes(alone("half_open::the_server", &limit));
    said.lines().filter(|line| line.starts_with("only ")).for_each(|line| println!("{line}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test before it, in a process of its own"]
async fn the_server() {
    let count = CROWD.min(told("DESCRIPTORS") - SPARE);
    if count < CROWD {
        println!("\nonly {count} half-open connections: a process may not have more descriptors here");
    }
    let builder = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server());
    let builder = builder.configure(|config| {
        config.timers.handshake = Some(HANDSHAKE);
        config.limits.handshakes = count + FEW;
    });
    let server = Node::made(builder, Some(SocketAddr::from(([127, 0, 0, 1], 0)).into()));
    server.recorder.echoes.store(true, std::sync::atomic::Ordering::Relaxed);
    is_answered(&server).await;
    until("the end of the client", || server.messenger.stats().pipes == 0).await;
    let (before, lean) = (descriptors(), memory());

    let mut crowd = alone("half_open::the_crowd", "true");
    crowd.env("PORT", server.port().to_string()).env("COUNT", count.to_string());
    let mut crowd = Command::from(crowd).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut said = BufReader::new(crowd.stdout.take().unwrap()).lines();
    let mut hears = async |what: &str| {
        while let Some(line) = timeout(LIMIT, said.next_line()).await.unwrap().unwrap() {
            if line.contains(what) {
                return;
            }
        }
        panic!("nobody said {what}");
    };
    hears("half of them").await;
    is_answered(&server).await;
    hears("all are there").await;
    assert_eq!(server.messenger.stats().pipes, count, "the first ended before the last began");
    for _ in 0..20 {
        is_answered(&server).await;
    }
    if let (Some(before), Some(now)) = (before, descriptors()) {
        assert!(now >= before + count, "{now} descriptors");
    }
    if let (Some(before), Some(now)) = (lean, memory()) {
        let each = now.saturating_sub(before) * 1024 / count as u64;
        assert!(each < COST, "{each} bytes each");
    }

    until("the end of the crowd", || server.messenger.stats().pipes == 0).await;
    hears("all are gone").await;
    assert!(crowd.wait().await.unwrap().success());
    let nothing_left = || {
        let stats = server.messenger.stats();
        let endpoint = stats.endpoint;
        // The handle of the session with oneself stays, and what reads the crowd's output is gone.
        (stats.sessions, stats.pipes, stats.connections, endpoint.undispatched, endpoint.dispatch_bytes)
            == (0, 0, 1, 0, 0)
    };
    until("nothing left", nothing_left).await;
    assert_eq!(server.messenger.stats().endpoint.handshakes_failed, count as u64);
    drop(said);
    until("as few descriptors as before", || descriptors() <= before).await;
    // There is room for others again, and for no more than before.
    let few: Vec<TcpStream> = (0..FEW).map(|_| connect(server.port())).collect();
    is_answered(&server).await;
    drop(few);
}

/// An honest client comes, is served in time, and goes.
async fn is_answered(server: &Node) {
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.connect(server);
    let begin = Instant::now();
    connection.send(data(1, 3000)).await.unwrap();
    let answered = client.recorder.until_seen(Seen::Message(1));
    assert!(timeout(PATIENCE, answered).await.is_ok(), "no answer");
    assert!(begin.elapsed() < PATIENCE);
    client.messenger.shutdown(LIMIT).await;
    server.recorder.forget();
}

/// How far they get: not even to a word, half a banner, half an address, half a record, a record without the authorizer
/// that it announces.
fn beginnings() -> [Vec<u8>; 5] {
    let hello = hello(&EntityAddr::default());
    let proof = vec![0; 100];
    let without = Connect { authorizer_protocol: AuthProtocol::CEPHX, authorizer: proof.into(), ..record() };
    let mut without = [&hello[..], &to_bytes(&without, Target::default()).unwrap()].concat();
    without.truncate(without.len() - 100);
    let half_record = opening(1);
    let half_record = half_record[..half_record.len() - 10].to_vec();
    [Vec::new(), BANNER[..4].to_vec(), hello[..70].to_vec(), half_record, without]
}

#[test]
#[ignore = "run by the test before it, in a process of its own"]
fn the_crowd() {
    let (port, count) = (told("PORT") as u16, told("COUNT"));
    let beginnings = beginnings();
    let mut crowd: Vec<TcpStream> = Vec::new();
    for i in 0..count {
        let mut one = connect(port);
        one.write_all(&beginnings[i % beginnings.len()]).unwrap();
        crowd.push(one);
        // No more in the backlog than it can hold.
        if let Some(earlier) = i.checked_sub(500) {
            read_greeting(&mut crowd[earlier]);
        }
        if i == count / 2 {
            println!("\nhalf of them are there");
        }
    }
    crowd.iter_mut().skip(count.saturating_sub(500)).for_each(read_greeting);
    println!("\nall are there");
    for mut one in crowd {
        let mut more = Vec::new();
        // However it ends, but in time.
        if let Err(error) = one.read_to_end(&mut more) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "still open");
        }
        assert!(more.is_empty(), "{more:?}");
    }
    println!("\nall are gone");
}
