//! Larger captures, which lie beside the checkout. Without them the tests say so and pass.

mod doctored;
mod support;

use doctored::shared;
use firefly_conformance::capture::read;
use firefly_conformance::replay::{Options, Severity, replay_capture};
use firefly_conformance::report::CaptureReport;

fn replay(name: &str) -> Option<CaptureReport> {
    let path = shared(&format!("captures/{name}.pcap.gz"))?;
    Some(replay_capture(&read(&path).expect("a capture"), &Options::named(name)))
}

/// Every checksum is right, every message is what is written again, and every byte belongs to something.
fn assert_whole(report: &CaptureReport) {
    let messages = &report.counts.messages;
    assert_eq!(report.counts.crc.ok, messages.total, "{}", report.file);
    assert_eq!((messages.outcome.exact, messages.outcome.failed), (messages.total, 0), "{}", report.file);
    assert_eq!(report.counts.bytes_unaccounted, 0, "{}", report.file);
    assert!(report.findings.iter().all(|finding| finding.severity == Severity::Info), "{:#?}", report.findings);
}

#[test]
fn a_cluster_boots() {
    let Some(report) = replay("firefly/boot-cephx") else { return };
    assert_whole(&report);
    let counts = &report.counts;
    assert_eq!(counts.messages.total, 5_436);
    assert_eq!(counts.handshake.connects, 44);
    assert_eq!(["READY", "SEQ", "WAIT"].map(|tag| counts.handshake.replies[tag]), [37, 4, 3]);
    assert!(counts.signatures.present > 0);
    assert_eq!(counts.signatures.present, counts.signatures.unverified);
}

#[test]
fn whole_connections() {
    for (name, messages) in
        [("mini-none", 135), ("ipv6-none", 105), ("mds-export-cephx", 12_111), ("osd-recovery", 10_259)]
    {
        let Some(report) = replay(&format!("firefly/{name}")) else { return };
        assert_whole(&report);
        assert_eq!(report.counts.messages.total, messages, "{name}");
        assert_eq!(report.counts.connections.midstream, 0, "{name}");
    }
}

#[test]
fn connections_that_were_open_before() {
    let Some(report) = replay("firefly/client-cephx") else { return };
    assert_whole(&report);
    assert_eq!((report.counts.connections.midstream, report.counts.messages.total), (22, 1_048));
}

#[test]
fn connections_that_break_all_the_time() {
    let Some(report) = replay("firefly/faults-cephx") else { return };
    let counts = &report.counts;
    assert_eq!((counts.messages.total, counts.messages.outcome.exact), (6_148, 6_148));
    assert_eq!(counts.crc.ok, counts.messages.total);
    assert_eq!(counts.handshake.replies["RETRY_SESSION"], 18);
    // Replies of which only the first part was sent before the connection was closed.
    assert!(report.findings.iter().all(|finding| finding.rule == "ER-04"), "{:#?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.severity != Severity::Error), "{:#?}", report.findings);
    assert_eq!(counts.bytes_unaccounted, 0);
}

#[test]
fn later_peers_frame_their_messages_the_same_way() {
    for (name, messages, rounds) in [("nautilus-cephx", 256, 23), ("pacific-none", 126, 15)] {
        let Some(report) = replay(&format!("later/{name}")) else { return };
        let counts = &report.counts;
        assert_eq!((counts.messages.total, counts.crc.ok), (messages, messages), "{name}");
        assert_eq!((counts.handshake.connects, counts.bytes_unaccounted), (rounds, 0), "{name}");
    }
}
