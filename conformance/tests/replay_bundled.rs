//! The captures that come with the package, to the last count.

mod doctored;
mod support;

use doctored::bundled;
use firefly_conformance::replay::{Options, replay_capture};
use firefly_conformance::report::{CaptureReport, Checksums, Connections, Report, Tags, Verdict, json, text};

fn replay(name: &str) -> CaptureReport {
    replay_capture(&bundled(name), &Options::named(name))
}

/// How many messages there are of each type.
fn types(report: &CaptureReport) -> Vec<(u16, &str, u64)> {
    let by_type = &report.counts.messages.by_type;
    by_type.iter().map(|(number, by_type)| (*number, by_type.name.as_str(), by_type.count)).collect()
}

/// Nothing is wrong, and everything read is what is written again.
fn assert_clean(report: &CaptureReport) {
    assert_eq!(report.findings, []);
    assert_eq!(report.counts.bytes_unaccounted, 0);
    let messages = &report.counts.messages;
    assert_eq!((messages.outcome.exact, messages.outcome.failed), (messages.total, 0));
    assert_eq!(report.counts.crc, Checksums { ok: messages.total, bad: 0, skipped: 0 });
    let strict = Report { captures: vec![report.clone()], strict: true };
    assert_eq!(strict.verdict(), Verdict::Pass);
}

// covers: CR-01
#[test]
fn the_smallest_whole_story() {
    let report = replay("mini-none.pcap.gz");
    assert_clean(&report);
    let counts = &report.counts;
    assert_eq!((counts.packets, counts.bytes), (381, 257_815));
    assert_eq!(counts.connections, Connections { total: 10, complete: 9, midstream: 0, gaps: 0 });
    assert_eq!(counts.handshake.connects, 10);
    assert_eq!(
        counts.handshake.replies,
        [("READY", 10), ("SEQ", 0), ("WAIT", 0)].map(|(tag, n)| (tag.into(), n)).into()
    );
    assert_eq!(counts.tags, Tags { msg: 135, ack: 109, keepalive2: 9, keepalive2_ack: 9, ..Tags::default() });
    assert_eq!(
        types(&report),
        [
            (4, "MMonMap", 16),
            (15, "MMonSubscribe", 25),
            (16, "MMonSubscribeAck", 24),
            (17, "MAuth", 8),
            (18, "MAuthReply", 8),
            (19, "MMonGetVersion", 2),
            (20, "MMonGetVersionReply", 2),
            (41, "MOSDMap", 22),
            (42, "MOSDOp", 2),
            (43, "MOSDOpReply", 2),
            (50, "MMonCommand", 10),
            (51, "MMonCommandAck", 10),
            (71, "MOSDBoot", 2),
            (73, "MOSDAlive", 1),
            (89, "MOSDPGCreate", 1),
        ]
    );
}

#[test]
fn the_same_over_ipv6() {
    let report = replay("ipv6-none.pcap.gz");
    assert_clean(&report);
    let counts = &report.counts;
    assert_eq!((counts.packets, counts.bytes), (291, 209_738));
    assert_eq!(counts.connections, Connections { total: 7, complete: 6, midstream: 0, gaps: 0 });
    assert_eq!((counts.handshake.connects, counts.handshake.replies["READY"]), (7, 7));
    assert_eq!(counts.tags, Tags { msg: 105, ack: 73, keepalive2: 7, keepalive2_ack: 7, ..Tags::default() });
    assert_eq!(types(&report).len(), 15);
    assert_eq!(counts.messages.total, 105);
}

#[test]
fn the_report_as_text() {
    let captures = ["mini-none.pcap.gz", "ipv6-none.pcap.gz"].map(replay);
    let report = Report { captures: captures.into(), strict: false };
    let plain = anstream::adapter::strip_str(&text(&report)).to_string();
    // How many messages are described grows with the specification; the rest does not.
    let stable: String = plain.lines().map(|line| format!("{}\n", blank_outcomes(line))).collect();
    insta::assert_snapshot!(stable);
}

/// A line of the table without the columns `decoded` and `opaque`.
fn blank_outcomes(line: &str) -> String {
    let columns: Vec<&str> = line.split_whitespace().collect();
    match columns[..] {
        [number, name, count, _, _, failed, exact] if number.parse::<u16>().is_ok() => {
            format!("  {number:>4}  {name:19}  {count:>5}  -  -  {failed}  {exact}")
        }
        ["all", count, _, _, failed, exact] => format!("        all {count} - - {failed} {exact}"),
        _ => line.to_owned(),
    }
}

#[test]
fn the_report_as_json() {
    let report = Report { captures: vec![replay("mini-none.pcap.gz")], strict: false };
    let value: serde_json::Value = serde_json::from_str(&json(&report)).expect("JSON");
    assert_eq!(value["schema"], "firefly-replay/1");
    assert_eq!(value["summary"]["verdict"], "pass");
    for part in [&value["captures"][0], &value["summary"]] {
        assert_eq!(part["messages"]["by_type"]["42"]["name"], "MOSDOp");
        assert_eq!(part["messages"]["total"], 135);
        assert_eq!(part["tags"]["KEEPALIVE2_ACK"], 9);
        assert_eq!(part["handshake"]["replies"]["WAIT"], 0);
        assert_eq!(part["bytes_unaccounted"], 0);
        assert!(part["findings"].as_array().is_some_and(Vec::is_empty));
    }
}
