//! What operations and sub-ops of real clusters carry: whatever has a type is read as such, and the rest has none.

mod doctored;
mod support;

use std::collections::BTreeMap;

use doctored::{bundled, shared};
use firefly_conformance::capture::{Capture, Direction, EventKind, read};
use firefly_runtime::codec::{Bytes, Content, Context, Measure, Parts, from_bytes};
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::osd_op::OsdOpCode;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{Frame, MessageFrame, Tag};

/// By the field and the operation: how many contents are values, how many raw bytes, and how many nothing.
type Counts = BTreeMap<(&'static str, &'static str), [u64; 3]>;

/// The messages of a stream, whatever stands between them.
fn messages(stream: &Bytes) -> Vec<Payload> {
    // Signatures count as what stands between.
    let ctx = Context::new(FEATURES_ALL & !Features::MSG_AUTH.0);
    let (mut at, mut messages) = (0, Vec::new());
    while at < stream.len() {
        let size = if stream[at] == Tag::MSG.0 { Frame::measure(&stream[at..], &ctx).ok() } else { None };
        let whole = match size {
            Some(Measure::Whole(n)) if at + n <= stream.len() => from_bytes(stream.slice(at..at + n), &ctx).ok(),
            _ => None,
        };
        at += 1;
        let Some(Frame::Message(MessageFrame { header, front, middle, data, .. })) = whole else { continue };
        at += front.len() + middle.len() + data.len();
        let parts = Parts { version: header.version, compat: header.compat_version, front, middle, data };
        let payload = Payload::decode(header.r#type.0, parts.sections(), &Context::new(FEATURES_ALL));
        messages.push(payload.expect("a message"));
    }
    messages
}

fn count<T>(counts: &mut Counts, field: &'static str, op: Option<OsdOpCode>, content: &Content<T>) {
    let op = op.map_or("none", |op| op.name().expect("an operation"));
    let [known, raw, empty] = counts.entry((field, op)).or_default();
    match content {
        Content::Known(_) => *known += 1,
        Content::Raw(bytes) if bytes.is_empty() => *empty += 1,
        Content::Raw(_) => *raw += 1,
    }
}

fn count_message(counts: &mut Counts, message: &Payload) {
    match message {
        Payload::MOSDOp(message) => {
            message.ops.iter().for_each(|op| count(counts, "indata", Some(op.op.op), &op.indata));
        }
        Payload::MOSDOpReply(message) => {
            message.ops.iter().for_each(|op| count(counts, "outdata", Some(op.op.op), &op.outdata));
        }
        Payload::MOSDSubOp(message) => {
            count(counts, "data", message.ops.first().map(|op| op.op.op), &message.data);
        }
        _ => {}
    }
}

fn contents<'c>(captures: impl IntoIterator<Item = &'c Capture>) -> Counts {
    let mut counts = Counts::default();
    for connection in captures.into_iter().flat_map(|capture| &capture.connections) {
        for direction in Direction::BOTH {
            let events = connection.events.iter().filter(|event| event.direction == direction);
            let data = events.filter_map(|event| match &event.kind {
                EventKind::Data(bytes) => Some(&bytes[..]),
                _ => None,
            });
            let stream = data.collect::<Vec<_>>().concat().into();
            messages(&stream).iter().for_each(|message| count_message(&mut counts, message));
        }
    }
    counts
}

#[test]
fn of_the_bundled_captures() {
    let captures = ["mini-none.pcap.gz", "ipv6-none.pcap.gz"].map(bundled);
    let expected = [
        (("indata", "READ"), [0, 0, 1]),
        (("indata", "WRITEFULL"), [0, 2, 0]),
        (("outdata", "READ"), [0, 1, 0]),
        (("outdata", "WRITEFULL"), [0, 0, 2]),
    ];
    assert_eq!(contents(&captures), expected.into());
}

/// Raw is only what goes into objects and comes out of them, headers and attributes.
#[test]
fn of_all_captures() {
    let names = ["boot-cephx", "client-cephx", "faults-cephx", "mds-export-cephx", "osd-recovery"];
    let paths = names.map(|name| shared(&format!("captures/firefly/{name}.pcap.gz")));
    let captures: Vec<Capture> = paths.iter().flatten().map(|path| read(path).expect("a capture")).collect();
    if captures.is_empty() {
        return;
    }
    let expected = [
        (("data", "none"), [2227, 0, 0]),
        (("indata", "DELETE"), [0, 0, 8]),
        (("indata", "GETXATTR"), [1, 0, 0]),
        (("indata", "GETXATTRS"), [0, 0, 1]),
        (("indata", "LIST_SNAPS"), [0, 0, 1]),
        (("indata", "OMAPGETVALS"), [1, 0, 0]),
        (("indata", "OMAPSETHEADER"), [0, 12, 0]),
        (("indata", "OMAPSETVALS"), [2, 0, 0]),
        (("indata", "PGLS"), [8, 0, 0]),
        (("indata", "READ"), [0, 0, 1]),
        (("indata", "ROLLBACK"), [0, 0, 1]),
        (("indata", "SETXATTR"), [1, 0, 0]),
        (("indata", "STAT"), [0, 0, 1]),
        (("indata", "TMAP2OMAP"), [0, 0, 12]),
        (("indata", "WRITE"), [0, 2005, 0]),
        (("indata", "WRITEFULL"), [0, 15, 0]),
        (("outdata", "DELETE"), [0, 0, 8]),
        (("outdata", "GETXATTR"), [0, 1, 0]),
        (("outdata", "GETXATTRS"), [1, 0, 0]),
        (("outdata", "LIST_SNAPS"), [1, 0, 0]),
        (("outdata", "OMAPGETVALS"), [1, 0, 0]),
        (("outdata", "OMAPSETHEADER"), [0, 0, 12]),
        (("outdata", "OMAPSETVALS"), [0, 0, 2]),
        (("outdata", "PGLS"), [8, 0, 0]),
        (("outdata", "READ"), [0, 1, 0]),
        (("outdata", "ROLLBACK"), [0, 0, 1]),
        (("outdata", "SETXATTR"), [0, 0, 1]),
        (("outdata", "STAT"), [1, 0, 0]),
        (("outdata", "TMAP2OMAP"), [0, 0, 12]),
        (("outdata", "WRITE"), [0, 0, 2839]),
        (("outdata", "WRITEFULL"), [0, 0, 15]),
    ];
    assert_eq!(contents(&captures), expected.into());
}
