//! What was measured, as a Markdown table.

use crate::Point;

/// What a run of one side came to. All but the first are for one message, and for both processes together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Messages a second; with answers, round trips.
    pub rate: f64,
    /// Microseconds of processor time.
    pub cpu: f64,
    /// Reads and writes.
    pub calls: f64,
    /// How often somebody waited.
    pub switches: f64,
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints a row for each point: medians of all rounds, the median of the ratios of each round, and in brackets the ratio
/// of the best of ours and the best of the other.
pub fn print(points: &[Point], samples: &[Vec<(Sample, Sample)>]) {
    println!(
        "| | data | depth | ours, msg/s | bare, msg/s | ours / bare | ours, CPU | bare, CPU | ours / bare | calls | switches |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let (mut slow, mut dear) = (Vec::new(), Vec::new());
    for (point, samples) in points.iter().zip(samples) {
        let ours = |get: fn(&Sample) -> f64| median(samples.iter().map(|(ours, _)| get(ours)));
        let bare = |get: fn(&Sample) -> f64| median(samples.iter().map(|(_, bare)| get(bare)));
        let ratio = |get: fn(&Sample) -> f64| median(samples.iter().map(|(ours, bare)| get(ours) / get(bare)));
        let most = |side: fn(&(Sample, Sample)) -> f64| samples.iter().map(side).fold(0.0, f64::max);
        let least = |side: fn(&(Sample, Sample)) -> f64| samples.iter().map(side).fold(f64::MAX, f64::min);
        let rate = ratio(|s| s.rate);
        let cpu = ratio(|s| s.cpu);
        let best_rate = most(|(ours, _)| ours.rate) / most(|(_, bare)| bare.rate);
        let best_cpu = least(|(ours, _)| ours.cpu) / least(|(_, bare)| bare.cpu);
        println!(
            "| {} | {} | {} | {} | {} | {rate:.2} ({best_rate:.2}) | {} | {} | {cpu:.2} ({best_cpu:.2}) | {} / {} | {} / {} |",
            if point.answered { "ping-pong" } else { "one-way" },
            size(point.payload),
            point.depth,
            thousands(ours(|s| s.rate)),
            thousands(bare(|s| s.rate)),
            micros(ours(|s| s.cpu)),
            micros(bare(|s| s.cpu)),
            few(ours(|s| s.calls)),
            few(bare(|s| s.calls)),
            few(ours(|s| s.switches)),
            few(bare(|s| s.switches)),
        );
        if rate < 0.7 {
            slow.push(point.to_string());
        }
        if cpu > 1.5 {
            dear.push(point.to_string());
        }
    }
    println!();
    for (what, which) in [("less than 0.7 times the messages", slow), ("more than 1.5 times the processor time", dear)]
    {
        let which = if which.is_empty() { "nowhere".into() } else { which.join(", ") };
        println!("{what}: {which}");
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn thousands(rate: f64) -> String {
    if rate < 10_000.0 { format!("{rate:.0}") } else { format!("{:.0} k", rate / 1e3) }
}

fn micros(micros: f64) -> String {
    match micros {
        ..10.0 => format!("{micros:.2} µs"),
        10.0..1000.0 => format!("{micros:.1} µs"),
        _ => format!("{micros:.0} µs"),
    }
}

fn few(count: f64) -> String {
    if count < 10.0 { format!("{count:.2}") } else { format!("{count:.0}") }
}
