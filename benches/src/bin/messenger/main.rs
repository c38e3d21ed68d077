//! The messenger between two processes, beside the same bytes framed by hand over bare tokio.
//!
//! `cargo run --release --bin messenger -- --help`
//!
//! This process is the client; it starts itself once more as the server. Both sides of the comparison run in turns, point
//! by point and round by round, with the same runtime. What travels are messages of a type that nobody knows, with
//! nothing but data: they are passed on as they are, so that the transport is measured and not the decoding of some type.
//! Checksums of header and data are computed and verified on both sides of both.

mod bare;
mod idle;
mod ours;
mod process;
mod table;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use process::{Child, Snapshot};
use table::Sample;

/// Longer data are not sent.
const LONGEST: usize = 4 << 20;
const PAYLOADS: [usize; 5] = [0, 128, 4 << 10, 64 << 10, LONGEST];
const DEPTHS: [usize; 3] = [1, 32, 128];

/// Types of messages that Firefly does not have: one is answered with as many data, the other is not answered.
const ASK: u16 = 0x0f01;
const TELL: u16 = 0x0f02;

const HELP: &str = "\
Compares the messenger with the same bytes over bare tokio, in two processes over the loopback.

--quick          under a minute instead of some five
--rounds N       how often each point is measured
--time MS        for how long each time
--workers N      threads of each runtime; 0, the default, for one that runs where it is called
--lossless       with sessions that keep what is not acknowledged, instead of lossy ones
--only TEXT      only points whose name contains TEXT: \"ping-pong 4096 B x32\"
--side NAME      only \"ours\" or only \"bare\", to look at it with a profiler
--idle N         the memory of N idle connections instead; 10000 need `ulimit -n 10100`";

/// What was asked for.
#[derive(Clone)]
pub struct Args {
    rounds: usize,
    time: Duration,
    workers: usize,
    lossless: bool,
    only: String,
    side: Option<Side>,
    idle: Option<usize>,
    serve: Option<String>,
}

/// What travels how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Whether each message is answered by one like it.
    pub answered: bool,
    /// Bytes of data.
    pub payload: usize,
    /// How many may be unanswered at a time; where none is answered: unwritten, and so many are sent together.
    pub depth: usize,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.answered { "ping-pong" } else { "one-way" };
        write!(f, "{how} {} B x{}", self.payload, self.depth)
    }
}

/// What the tasks of a client share with who measures.
#[derive(Debug, Default)]
pub struct Progress {
    /// Answers received.
    pub done: AtomicU64,
    /// Nothing more is to be sent.
    pub stopped: AtomicBool,
}

impl Progress {
    /// Counts an answer. Whether another question is to be asked.
    pub fn answered(&self) -> bool {
        self.done.fetch_add(1, Ordering::Relaxed);
        !self.is_stopped()
    }

    /// Whether nothing more is to be sent.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The messenger.
    Ours,
    /// The same bytes over bare tokio.
    Bare,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(args) = Args::parse()? else {
        println!("{HELP}");
        return Ok(());
    };
    match (&args.serve, args.idle) {
        (Some(what), _) => process::serve(what, &args),
        (None, Some(connections)) => idle::measure(connections, &args),
        (None, None) => compare(&args),
    }
}

impl Args {
    fn parse() -> Result<Option<Args>, Box<dyn Error>> {
        let mut args = Args {
            rounds: 5,
            time: Duration::from_millis(750),
            workers: 0,
            lossless: false,
            only: String::new(),
            side: None,
            idle: None,
            serve: None,
        };
        let mut given = std::env::args().skip(1);
        while let Some(arg) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{arg} needs a value"));
            match &*arg {
                "--quick" => (args.rounds, args.time) = (3, Duration::from_millis(150)),
                "--rounds" => args.rounds = value()?.parse()?,
                "--time" => args.time = Duration::from_millis(value()?.parse()?),
                "--workers" => args.workers = value()?.parse()?,
                "--lossless" => args.lossless = true,
                "--only" => args.only = value()?,
                "--side" => args.side = Some(if value()? == "ours" { Side::Ours } else { Side::Bare }),
                "--idle" => args.idle = Some(value()?.parse()?),
                "--serve" => args.serve = Some(value()?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("{arg}: see --help").into()),
            }
        }
        Ok(Some(args))
    }

    /// As a server is to be called.
    pub fn for_server(&self, what: &str) -> Vec<String> {
        let mut args = vec!["--serve".into(), what.into(), "--workers".into(), self.workers.to_string()];
        if self.lossless {
            args.push("--lossless".into());
        }
        args
    }
}

fn compare(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut server = Child::start(&args.for_server("messages"))?;
    let runtime = process::runtime(args.workers)?;
    let mut points = Vec::new();
    for answered in [true, false] {
        for payload in PAYLOADS {
            points.extend(DEPTHS.map(|depth| Point { answered, payload, depth }));
        }
    }
    points.retain(|point| point.to_string().contains(&args.only));
    let mut samples = vec![Vec::new(); points.len()];
    for round in 0..args.rounds {
        for (point, samples) in points.iter().zip(&mut samples) {
            eprint!("\r{}/{} {:30}", round + 1, args.rounds, point.to_string());
            let (mut ours, mut bare) = (Sample::default(), Sample::default());
            for ours_now in [round % 2 == 0, round % 2 != 0] {
                let side = if ours_now { Side::Ours } else { Side::Bare };
                if args.side.is_some_and(|only| only != side) {
                    continue;
                }
                let sample = measure(&runtime, &mut server, *point, side, args)?;
                *(if ours_now { &mut ours } else { &mut bare }) = sample;
            }
            samples.push((ours, bare));
        }
    }
    eprint!("\r{:40}\r", "");
    table::print(&points, &samples);
    Ok(())
}

/// One run of one side: begun, left alone until it is in full swing, and then looked at twice.
fn measure(
    runtime: &tokio::runtime::Handle,
    server: &mut Child,
    point: Point,
    side: Side,
    args: &Args,
) -> Result<Sample, Box<dyn Error>> {
    let progress = Arc::new(Progress::default());
    let client = match side {
        Side::Ours => Client::Ours(runtime.block_on(ours::start(point, server, &progress, args))?),
        Side::Bare => Client::Bare(runtime.block_on(bare::start(point, server, &progress))?),
    };
    let begin = Instant::now();
    let first = server.snapshot()?.messages(side);
    let turn = if point.answered { point.depth as u64 } else { 1 };
    loop {
        std::thread::sleep(args.time / 8);
        let done = server.snapshot()?.messages(side) - first;
        if done > turn {
            break;
        }
        if begin.elapsed() > Duration::from_secs(10) {
            return Err(format!("{point}, {side:?}: {done} messages in 10 s").into());
        }
    }
    let look = |server: &mut Child| -> Result<_, Box<dyn Error>> {
        let server = server.snapshot()?;
        Ok((Instant::now(), Snapshot::take(client.calls()), server, progress.done.load(Ordering::Relaxed)))
    };
    let before = look(server)?;
    std::thread::sleep(args.time);
    let after = look(server)?;
    progress.stopped.store(true, Ordering::Relaxed);
    runtime.block_on(client.stop());
    let messages = match point.answered {
        true => after.3 - before.3,
        false => after.2.messages(side) - before.2.messages(side),
    };
    let (a, b) = (after.1 - before.1, after.2 - before.2);
    let calls = (after.1.calls - before.1.calls) + (after.2.calls(side) - before.2.calls(side));
    let each = |all: u64| all as f64 / messages.max(1) as f64;
    Ok(Sample {
        rate: messages as f64 / (after.0 - before.0).as_secs_f64(),
        cpu: each(a.cpu + b.cpu),
        calls: each(calls),
        switches: each(a.switches + b.switches),
    })
}

/// A client under way.
enum Client {
    Ours(ours::Client),
    Bare(bare::Client),
}

impl Client {
    fn calls(&self) -> u64 {
        match self {
            Client::Ours(client) => client.calls(),
            Client::Bare(client) => client.calls(),
        }
    }

    async fn stop(self) {
        match self {
            Client::Ours(client) => client.stop().await,
            Client::Bare(client) => client.stop().await,
        }
    }
}
