//! Connects to a monitor, authenticates, and prints what it says of the cluster.
//!
//! `cargo run --release --example mon_status -- 127.0.0.1:6789 --keyring keyring --name client.admin`

#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "mon/client.rs"]
mod client;

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use client::{MonClient, MonitorArgs};
use firefly_runtime::codec::{self, Target, from_bytes, to_bytes};
use firefly_runtime::wire::address::{AddrVec, EntityAddr};

/// Prints `ceph status`, the map of the monitors and the map of the OSDs.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    monitor: MonitorArgs,
    /// Another command, as JSON.
    #[arg(long, default_value = r#"{"prefix": "status"}"#)]
    command: String,
    /// Print the maps with all their fields.
    #[arg(long)]
    verbose: bool,
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
    let mut client = MonClient::start(&args.monitor, &[])?;
    client.authenticate().await?;
    client.fetch_monmap().await?;
    let (result, says, output) = client.command(&args.command).await?;
    stdout().write_all(&output)?;
    if !says.is_empty() {
        writeln!(stdout(), "{says}")?;
    }
    client.fetch_osdmap().await?;
    print_monmap(&client, args.verbose)?;
    print_osdmap(&client, args.verbose)?;
    client.messenger.shutdown(Duration::from_secs(1)).await;
    if result != 0 {
        bail!("the command ended with {result}");
    }
    Ok(())
}

fn print_monmap(client: &MonClient, verbose: bool) -> Result<()> {
    let map = client.monmap.as_ref().context("no map of the monitors")?;
    writeln!(stdout(), "monmap epoch {}, {} monitors", map.epoch, map.mon_addr.len().max(map.mon_info.len()))?;
    for (name, addr) in &map.mon_addr {
        writeln!(stdout(), "  mon.{name} {addr}")?;
    }
    // Later peers may leave the others out.
    for (name, info) in map.mon_info.iter().filter(|(name, _)| map.mon_addr.get(name).is_none()) {
        writeln!(stdout(), "  mon.{name} {}", of_this_protocol(&info.public_addrs).unwrap_or_default())?;
    }
    if verbose {
        writeln!(stdout(), "{map:#?}")?;
    }
    Ok(())
}

/// The address of later peers at which this protocol is spoken.
fn of_this_protocol(addrs: &AddrVec) -> Option<EntityAddr> {
    let AddrVec::Legacy(addr) = addrs else { return None };
    from_bytes(to_bytes(addr, Target::default()).ok()?, &codec::Context::default()).ok()
}

fn print_osdmap(client: &MonClient, verbose: bool) -> Result<()> {
    let map = client.osdmap.as_ref().context("no map of the OSDs")?;
    let data = &map.client;
    writeln!(stdout(), "osdmap epoch {}, {} pools, {} OSDs", data.epoch, data.pools.len(), data.osd_state.len())?;
    for (id, pool) in &data.pools {
        let name = data.pool_name.get(id).map(ToString::to_string).unwrap_or_default();
        writeln!(stdout(), "  pool {id} {name:?}: {} placement groups, {} copies", pool.pg_num, pool.size)?;
    }
    if verbose {
        writeln!(stdout(), "{map:#?}")?;
    }
    Ok(())
}
