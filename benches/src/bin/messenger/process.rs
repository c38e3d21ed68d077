//! The other process, and what processes tell of themselves.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::ops::Sub;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use firefly_runtime::wire::address::EntityAddr;
use nix::sys::resource::{UsageWho, getrusage};
use tokio::runtime::{Builder, Handle};

use crate::{Args, LONGEST, Side, bare, idle, ours};

/// Data for all messages of a process.
pub fn zeros() -> Bytes {
    static ZEROS: [u8; LONGEST] = [0; LONGEST];
    Bytes::from_static(&ZEROS)
}

/// A runtime that runs in the background until the process ends.
pub fn runtime(workers: usize) -> Result<Handle, Box<dyn Error>> {
    let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_all().build()?;
    let handle = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}

/// What this process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// Microseconds of processor time, in the program and in the system.
    pub cpu: u64,
    /// How often it waited.
    pub switches: u64,
    /// Reads and writes of sockets.
    pub calls: u64,
}

impl Snapshot {
    /// As it is now.
    pub fn take(calls: u64) -> Snapshot {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Snapshot::default() };
        let micros = |time: nix::sys::time::TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()) as u64;
        Snapshot {
            cpu: micros(usage.user_time()) + micros(usage.system_time()),
            switches: usage.voluntary_context_switches() as u64,
            calls,
        }
    }
}

impl Sub for Snapshot {
    type Output = Snapshot;

    fn sub(self, before: Snapshot) -> Snapshot {
        Snapshot {
            cpu: self.cpu - before.cpu,
            switches: self.switches - before.switches,
            calls: self.calls - before.calls,
        }
    }
}

/// What the server tells of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerSnapshot {
    usage: Snapshot,
    messages: [u64; 2],
    calls: [u64; 2],
}

impl ServerSnapshot {
    /// Messages received.
    pub fn messages(&self, side: Side) -> u64 {
        self.messages[usize::from(side == Side::Bare)]
    }

    /// Reads and writes.
    pub fn calls(&self, side: Side) -> u64 {
        self.calls[usize::from(side == Side::Bare)]
    }
}

impl Sub for ServerSnapshot {
    type Output = Snapshot;

    fn sub(self, before: ServerSnapshot) -> Snapshot {
        self.usage - before.usage
    }
}

/// The other process.
pub struct Child {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where its messenger listens.
    pub ours: EntityAddr,
    /// Where its bare counterpart listens.
    pub bare: SocketAddr,
}

impl Child {
    /// Starts this program once more. It ends when its input does.
    pub fn start(args: &[String]) -> Result<Child, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".into());
        };
        let bare = SocketAddr::from(([0; 4], 0));
        let mut child = Child { input, output: BufReader::new(output), ours: EntityAddr::default(), bare };
        let line = child.line()?;
        let mut words = line.split_whitespace();
        let mut word = || words.next().ok_or("the server says too little");
        let (addr, nonce) = (word()?.parse()?, word()?.parse()?);
        child.ours = EntityAddr::new(addr, nonce);
        child.bare = word()?.parse()?;
        Ok(child)
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }

    /// Asks a question.
    pub fn ask(&mut self, question: &str) -> Result<Vec<u64>, Box<dyn Error>> {
        writeln!(self.input, "{question}")?;
        Ok(self.line()?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
    }

    /// What it has used and done so far.
    pub fn snapshot(&mut self) -> Result<ServerSnapshot, Box<dyn Error>> {
        match self.ask("snapshot")?[..] {
            [cpu, switches, ours, bare, ours_calls, bare_calls] => Ok(ServerSnapshot {
                usage: Snapshot { cpu, switches, calls: 0 },
                messages: [ours, bare],
                calls: [ours_calls, bare_calls],
            }),
            _ => Err("the server is gone".into()),
        }
    }
}

/// Is the other process.
pub fn serve(what: &str, args: &Args) -> Result<(), Box<dyn Error>> {
    if what == "sockets" {
        return idle::serve_sockets();
    }
    idle::raise_limit()?;
    let runtime = runtime(args.workers)?;
    let (messages, counts) = (Arc::new(AtomicU64::new(0)), Arc::new(bare::Counts::default()));
    let _entered = runtime.enter();
    let (messenger, addr) = runtime.block_on(ours::serve(messages.clone(), args.lossless))?;
    let bare = runtime.block_on(bare::serve(counts.clone()))?;
    println!("{} {} {bare}", addr.socket_addr().ok_or("no address")?, addr.nonce);
    for line in std::io::stdin().lines() {
        match &*line? {
            "snapshot" => {
                let Snapshot { cpu, switches, .. } = Snapshot::take(0);
                let (ours, bare) = (messages.load(Ordering::Relaxed), counts.messages.load(Ordering::Relaxed));
                let (ours_calls, bare_calls) = (ours::calls(&messenger), counts.calls.load(Ordering::Relaxed));
                println!("{cpu} {switches} {ours} {bare} {ours_calls} {bare_calls}");
            }
            _ => println!("{} {}", idle::resident()?, messenger.stats().sessions),
        }
    }
    Ok(())
}
