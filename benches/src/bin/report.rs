//! Prints the last measured medians as Markdown tables, with ratios.
//!
//! Takes criterion's folder, by default `target/criterion` or what `CARGO_TARGET_DIR` says.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The groups in the order of the report, and what to call them.
const GROUPS: [(&str, &str); 13] = [
    ("header_decode", "Message header, 53 bytes: decode"),
    ("header_encode", "Message header, 53 bytes: encode"),
    ("entity_addr_decode", "Entity address, 136 bytes: decode"),
    ("entity_addr_encode", "Entity address, 136 bytes: encode"),
    ("mosdop_decode", "Message frame with a write of 4 KiB: decode, checksums verified"),
    ("mosdop_encode", "Message frame with a write of 4 KiB: encode, checksums computed"),
    ("map_decode", "Map of 1,000 entries, 40 kB: decode"),
    ("map_encode", "Map of 1,000 entries, 40 kB: encode"),
    ("crc_53B", "CRC-32C of 53 bytes"),
    ("crc_4KiB", "CRC-32C of 4 KiB"),
    ("crc_4MiB", "CRC-32C of 4 MiB"),
    ("session_1", "A small message from application to application, without a network, one at a time"),
    ("session_64", "Small messages from application to application, without a network, 64 at a time: for all of them"),
];

/// A measured codec.
struct Measured {
    name: String,
    median: f64,
    /// The 95 % confidence interval of the median.
    low: f64,
    high: f64,
    bytes: Option<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into())).join("criterion"),
    };
    let mut groups = BTreeMap::new();
    for group in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let group = group?;
        let mut measured = Vec::new();
        for peer in std::fs::read_dir(group.path()).into_iter().flatten() {
            measured.extend(read(&peer?.path())?);
        }
        measured.sort_by(|a, b| a.median.total_cmp(&b.median));
        groups.insert(group.file_name().to_string_lossy().into_owned(), measured);
    }
    for (group, title) in GROUPS {
        if let Some(measured) = groups.get(group).filter(|measured| !measured.is_empty()) {
            table(title, measured);
        }
    }
    Ok(())
}

/// The last measurement in the folder of one benchmark, if it is one.
fn read(folder: &Path) -> Result<Option<Measured>, Box<dyn Error>> {
    let new = folder.join("new");
    if !new.join("estimates.json").exists() {
        return Ok(None);
    }
    let benchmark: Value = serde_json::from_slice(&std::fs::read(new.join("benchmark.json"))?)?;
    let estimates: Value = serde_json::from_slice(&std::fs::read(new.join("estimates.json"))?)?;
    let median = &estimates["median"];
    let number = |value: &Value| value.as_f64().ok_or_else(|| format!("{}: no median", folder.display()));
    Ok(Some(Measured {
        name: benchmark["function_id"].as_str().unwrap_or_default().to_owned(),
        median: number(&median["point_estimate"])?,
        low: number(&median["confidence_interval"]["lower_bound"])?,
        high: number(&median["confidence_interval"]["upper_bound"])?,
        bytes: benchmark["throughput"]["Bytes"].as_f64(),
    }))
}

/// One column of ratios for each of our own codecs: how many times as long as the others it takes.
fn table(title: &str, measured: &[Measured]) {
    let ours: Vec<&Measured> = measured.iter().filter(|m| m.name.starts_with("ours")).collect();
    let rates = measured.iter().any(|m| m.bytes.is_some());
    println!("### {title}\n");
    print!("| codec | median | 95 % interval |");
    if rates {
        print!(" rate |");
    }
    for own in &ours {
        print!(" {} / it |", own.name);
    }
    println!();
    println!("|---|--:|--:|{}", "--:|".repeat(ours.len() + usize::from(rates)));
    for m in measured {
        let name = if m.name.starts_with("ours") { format!("**{}**", m.name) } else { m.name.clone() };
        print!("| {name} | {} | {}–{} |", time(m.median), time(m.low), time(m.high));
        if rates {
            let rate = m.bytes.map(|bytes| format!("{:.1} GiB/s", bytes / m.median / 1.073_741_824));
            print!(" {} |", rate.unwrap_or_default());
        }
        for own in &ours {
            print!(" {:.2} |", own.median / m.median);
        }
        println!();
    }
    println!();
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 100.0 => format!("{ns:.1} ns"),
        ns if ns < 1_000.0 => format!("{ns:.0} ns"),
        ns if ns < 100_000.0 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.0} µs", ns / 1e3),
    }
}
