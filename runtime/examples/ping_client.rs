//! Sends MPing to a ping_server, or to anybody else who answers it, and tells how long the answers take.
//!
//! `cargo run --release --example ping_client -- 127.0.0.1:6900 --nonce NONCE --count 10000 --depth 32`

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use firefly_runtime::messenger::{Connection, Dispatcher, Dropped, Fault, Message, MessageIn, Messenger, Next, Policy};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityName, EntityType};
use firefly_runtime::wire::mon::MPing;
use tokio::sync::mpsc;

/// Sends MPing and tells how long the answers take.
#[derive(Parser)]
struct Args {
    /// Who is to answer.
    server: SocketAddr,
    /// The nonce of the server, which it prints; a monitor's is 0.
    #[arg(long, default_value_t = 0)]
    nonce: u32,
    /// What the server is.
    #[arg(long, value_enum, default_value_t = Kind::Osd)]
    kind: Kind,
    /// How many messages.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// How many may be unanswered at a time.
    #[arg(long, default_value_t = 1)]
    depth: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Mon,
    Osd,
}

/// Passes on what comes.
struct Answers(mpsc::UnboundedSender<Result<u64, Fault>>);

impl Dispatcher for Answers {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        let _ = self.0.send(Ok(message.tid));
        Ok(())
    }

    fn handle_reset(&self, _: &Connection, fault: &Fault, _: &Dropped) -> bool {
        let _ = self.0.send(Err(fault.clone()));
        true
    }

    fn handle_refused(&self, connection: &Connection) {
        eprintln!("nobody listens at {}", connection.peer_addr());
    }

    fn handle_fault(&self, _: &Connection, fault: &Fault, next: Next) {
        eprintln!("{fault} ({next:?})");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let (answers, mut answered) = mpsc::unbounded_channel();
    let name = EntityName { r#type: EntityType::CLIENT, num: -1 };
    let messenger = Messenger::builder(name).label("ping").default_policy(Policy::lossy_client()).build();
    messenger.add_dispatcher(Answers(answers))?;
    messenger.start()?;
    let r#type = match args.kind {
        Kind::Mon => EntityType::MON,
        Kind::Osd => EntityType::OSD,
    };
    let server = EntityInst { name: EntityName { r#type, num: 0 }, addr: EntityAddr::new(args.server, args.nonce) };
    let connection = messenger.connect_to(&server)?;

    let mut sent = Vec::new();
    let mut times = Vec::new();
    let begin = Instant::now();
    while (times.len() as u64) < args.count {
        while (sent.len() as u64) < args.count && sent.len() - times.len() < args.depth.max(1) as usize {
            let tid = sent.len() as u64;
            connection.send(Message::new(MPing::default()).tid(tid)).await?;
            sent.push(Instant::now());
        }
        let Some(answer) = answered.recv().await else { break };
        // Monitors do not copy the number, but answer in order.
        answer?;
        times.extend(sent.get(times.len()).map(Instant::elapsed));
    }
    let all = begin.elapsed();
    times.sort();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    println!("{} answers in {all:.2?}, {:.0} a second", times.len(), times.len() as f64 / all.as_secs_f64());
    println!("median {:.1?}, 99 of 100 within {:.1?}", at(0.5), at(0.99));
    let report = messenger.shutdown(Duration::from_secs(1)).await;
    println!("{} sessions ended, {} messages lost", report.sessions, report.dropped.unsent);
    Ok(())
}
