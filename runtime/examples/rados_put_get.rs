//! Writes an object to a cluster with one OSD, reads it back, and compares.
//!
//! `cargo run --release --example rados_put_get -- 127.0.0.1:6789 --pool test --object hello --bytes 1000000`

#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "mon/client.rs"]
mod client;
#[path = "mon/placement.rs"]
mod placement;
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "mon/rados.rs"]
mod rados;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use client::{MonClient, MonitorArgs};
use firefly_runtime::codec::Bytes;
use firefly_runtime::wire::address::EntityType;
use rados::Rados;

/// Writes an object to a cluster with one OSD, and reads it back.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    monitor: MonitorArgs,
    /// The pool; it is created if there is none of that name.
    #[arg(long, default_value = "firefly")]
    pool: String,
    /// The object.
    #[arg(long, default_value = "hello")]
    object: String,
    /// How long the object is.
    #[arg(long, default_value_t = 4 << 20)]
    bytes: usize,
    /// How often it is written and read, each time under another name.
    #[arg(long, default_value_t = 1)]
    count: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let client = MonClient::start(&args.monitor, &[EntityType::OSD])?;
    let mut rados = Rados::open(client, &args.pool).await?;
    let (id, groups) = (rados.pool, rados.info.pg_num);
    println!("pool {id} {:?} with {groups} placement groups, {} at {}", args.pool, rados.osd.name, rados.osd.addr);
    for i in 0..args.count {
        let name = if args.count == 1 { args.object.clone() } else { format!("{}.{i}", args.object) };
        let hash = placement::hash(&rados.info, "", &name).context("the pool hashes in an unknown way")?;
        println!("object {name:?}: hash {hash:#010x}, placement group {id}.{:x}", placement::seed(&rados.info, hash));
        let written: Bytes = (0..args.bytes).map(|at| (at as u64 * 31 + i) as u8).collect::<Vec<u8>>().into();
        let version = rados.write_full(&name, written.clone()).await?;
        let read = rados.read(&name, written.len()).await?;
        ensure!(read == written, "read something else than was written");
        println!("wrote {} bytes as version {version}, read the same", written.len());
    }
    rados.client.messenger.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
