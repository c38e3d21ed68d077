//! Tests that need a process of their own.

use std::process::Command;

/// Runs a test of this binary that others leave out. `limit` is a line of shell that sets how many descriptors it may
/// have; the test finds the number in the environment, as `DESCRIPTORS`.
pub(crate) fn alone(test: &str, limit: &str) -> Command {
    let own = std::env::current_exe().unwrap();
    let script = format!("{limit}; export DESCRIPTORS=$(ulimit -n); exec \"$0\" --exact {test} --ignored --nocapture");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(own);
    command
}

/// Runs it to its end. What it said.
pub(crate) fn passes(mut test: Command) -> String {
    let output = test.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// A number from the environment, where who started this process put it.
pub(crate) fn told(name: &str) -> usize {
    let value = std::env::var(name).unwrap_or_default();
    // No limit is a large one.
    if value == "unlimited" { usize::MAX } else { value.parse().unwrap() }
}

/// How many descriptors this process has open, where the system tells.
pub(crate) fn descriptors() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

/// How much memory this process has, in KiB, where the system tells.
pub(crate) fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
