//! What operations on objects are given and give back, and what replicas are told: typed where the message says what it
//! is, and unchanged in any case.

use firefly_runtime::codec::{Bytes, Content, Context, EncodeErrorKind, Parts, Target, to_bytes};
use firefly_runtime::wire::osd::{MOSDOp, MOSDOpReply, OsdOp, OsdOpInput, OsdOpOutput, OsdOpResult};
use firefly_runtime::wire::osd_data::{OmapKeys, OmapVals, StatReply};
use firefly_runtime::wire::osd_op::{CmpXattrMode, CmpXattrOp, OsdOpArgs, OsdOpCode, OsdOpHead};
use firefly_runtime::wire::prelude::UTime;
use firefly_runtime::wire::scrub::ScrubMap;
use firefly_runtime::wire::subop::{MOSDSubOp, MOSDSubOpData, SubOp};
use firefly_runtime::wire::transaction::{Transaction, TransactionOp};

const FEATURES: u64 = 0x0000_0fff_ffff_ffff;

fn head(op: OsdOpCode, args: OsdOpArgs) -> OsdOpHead {
    OsdOpHead { op, args, ..OsdOpHead::default() }
}

fn extent() -> OsdOpArgs {
    OsdOpArgs::Extent { offset: 0, length: 0, truncate_size: 0, truncate_seq: 0 }
}

fn request(op: OsdOpCode, args: OsdOpArgs, indata: impl Into<Content<OsdOpInput>>) -> MOSDOp {
    let op = OsdOp { op: head(op, args), indata: indata.into(), ..OsdOp::default() };
    MOSDOp { ops: vec![op], ..MOSDOp::default() }
}

fn raw<T>(bytes: &'static [u8]) -> Content<T> {
    Bytes::from_static(bytes).into()
}

/// That the request has these data, and is read from them.
#[track_caller]
fn lies_as(request: &MOSDOp, data: &[u8]) -> Parts {
    let parts = request.encode(Target::fresh(FEATURES)).unwrap();
    assert_eq!(parts.data, data);
    let again = MOSDOp::decode(parts.sections(), &Context::new(FEATURES)).unwrap();
    assert_eq!(again, *request);
    assert_eq!(again.encode(Target::exact(FEATURES)).unwrap(), parts);
    parts
}

#[test]
fn a_call_is_a_class_a_method_and_an_input() {
    let args = |class_len, method_len, indata_len| OsdOpArgs::Cls {
        class_len,
        method_len,
        argc: 0,
        indata_len,
        slack: Default::default(),
    };
    let call = |class_len| {
        let input =
            OsdOpInput::Call { class: "lock".into(), method: "get_info".into(), input: Bytes::from_static(b"in") };
        request(OsdOpCode::CALL, args(class_len, 8, 2), Content::new(input))
    };
    lies_as(&call(4), b"lockget_infoin");
    let e = call(5).encode(Target::fresh(FEATURES)).unwrap_err();
    assert_eq!(e.path(), "ops[0].indata.class");
    assert_eq!(e.kind(), &EncodeErrorKind::LengthMismatch { expected: 5, found: 4 });
    lies_as(&request(OsdOpCode::CALL, args(4, 8, 9), raw(b"lockget_infoin")), b"lockget_infoin");
}

#[test]
fn an_attribute_is_a_name_and_a_value() {
    let xattr = |op, value_len| {
        let args = OsdOpArgs::Xattr {
            name_len: 3,
            value_len,
            cmp_op: CmpXattrOp::EQ,
            cmp_mode: CmpXattrMode::STRING,
            slack: Default::default(),
        };
        let value = Bytes::from(vec![b'v'; value_len as usize]);
        request(op, args, Content::new(OsdOpInput::Xattr { name: "key".into(), value }))
    };
    lies_as(&xattr(OsdOpCode::SETXATTR, 2), b"keyvv");
    lies_as(&xattr(OsdOpCode::CMPXATTR, 1), b"keyv");
    lies_as(&xattr(OsdOpCode::GETXATTR, 0), b"key");
}

#[test]
fn what_is_written_into_an_object_has_no_type() {
    for op in [OsdOpCode::WRITE, OsdOpCode::WRITEFULL, OsdOpCode::APPEND, OsdOpCode::OMAPSETHEADER, OsdOpCode(0x22ff)] {
        let args = if op.name().is_some() { extent() } else { OsdOpArgs::Raw { bytes: [0; 28] } };
        lies_as(&request(op, args, raw(b"\0\0\0\0")), b"\0\0\0\0");
    }
}

#[test]
fn keys_and_values_are_typed_unless_they_are_something_else() {
    let vals = OmapVals { vals: vec![("k".into(), Bytes::from_static(b"v"))].into() };
    let typed = request(OsdOpCode::OMAPSETVALS, extent(), Content::new(OsdOpInput::OmapVals(vals)));
    lies_as(&typed, b"\x01\0\0\0\x01\0\0\0k\x01\0\0\0v");
    // A shorter count, a longer one, and nothing.
    lies_as(&request(OsdOpCode::OMAPSETVALS, extent(), raw(b"\0\0\0\0\x01\0\0\0k")), b"\0\0\0\0\x01\0\0\0k");
    lies_as(&request(OsdOpCode::OMAPSETVALS, extent(), raw(b"\x02\0\0\0")), b"\x02\0\0\0");
    lies_as(&request(OsdOpCode::OMAPSETVALS, extent(), raw(b"")), b"");
    let keys = OsdOpInput::OmapKeys(OmapKeys { keys: vec!["k".into()].into() });
    let other = request(OsdOpCode::OMAPSETVALS, extent(), Content::new(keys));
    let e = other.encode(Target::fresh(FEATURES)).unwrap_err();
    assert_eq!((e.path().as_str(), e.kind()), ("ops[0].indata", &EncodeErrorKind::ArmMismatch { tag: 0x2215 }));
}

#[test]
fn a_reply_is_typed_unless_the_operation_failed() {
    let result = |outdata| OsdOpResult { op: head(OsdOpCode::STAT, extent()), outdata };
    let stat = StatReply { size: 5, mtime: UTime { tv_sec: 6, tv_nsec: 7 } };
    let ops = vec![result(Content::new(OsdOpOutput::Stat(stat))), result(raw(b"")), result(raw(b"\x05\0"))];
    let reply = MOSDOpReply { rvals: vec![0; ops.len()], ops, ..MOSDOpReply::default() };
    let parts = reply.encode(Target::fresh(FEATURES)).unwrap();
    assert_eq!(parts.data, b"\x05\0\0\0\0\0\0\0\x06\0\0\0\x07\0\0\0\x05\0"[..]);
    assert_eq!(MOSDOpReply::decode(parts.sections(), &Context::new(FEATURES)).unwrap(), reply);
    // To a peer that gets all data end to end, and back without types.
    let old = reply.encode(Target::fresh(0)).unwrap();
    assert_eq!((old.version, &old.data), (1, &parts.data));
    let read = MOSDOpReply::decode(old.sections(), &Context::new(0)).unwrap();
    let lengths = read.ops.iter().map(|op| op.outdata.raw().map(Bytes::len));
    assert_eq!(lengths.collect::<Vec<_>>(), [Some(16), Some(0), Some(2)]);
}

#[test]
fn an_older_transaction_is_passed_on_as_it_is() {
    // Version 5 of 32 bytes: one step of which only the number is there.
    let data = Bytes::from([&[5, 5, 32, 0, 0, 0, 1][..], &[0; 31]].concat());
    let parts = sub_op(None, data.clone().into()).encode(Target::fresh(FEATURES)).unwrap();
    let read = MOSDSubOp::decode(parts.sections(), &Context::new(FEATURES)).unwrap();
    let Some(MOSDSubOpData::Transaction(transaction)) = read.data.known() else { panic!("{:?}", read.data) };
    assert_eq!((transaction.ops, transaction.origin.version()), (1, Some(5)));
    assert_eq!(read.encode(Target::fresh(FEATURES)).unwrap().data, data);
}

fn sub_op(op: Option<OsdOpCode>, data: Content<MOSDSubOpData>) -> MOSDSubOp {
    let args = |op| match op {
        OsdOpCode::SCRUB_MAP => OsdOpArgs::Nothing { slack: Default::default() },
        _ => extent(),
    };
    let ops = op.map(|op| SubOp { op: head(op, args(op)), ..SubOp::default() });
    MOSDSubOp { ops: ops.into_iter().collect(), data, ..MOSDSubOp::default() }
}

/// How the data of such a sub-op are read.
fn data_of(op: Option<OsdOpCode>, data: &Bytes) -> Content<MOSDSubOpData> {
    let parts = sub_op(op, data.clone().into()).encode(Target::fresh(FEATURES)).unwrap();
    assert_eq!(parts.data, data);
    let read = MOSDSubOp::decode(parts.sections(), &Context::new(FEATURES)).unwrap();
    assert_eq!(read.encode(Target::exact(FEATURES)).unwrap(), parts);
    read.data
}

#[test]
fn a_replica_gets_a_transaction_or_a_scrub_map() {
    let mut transaction = Transaction { ops: 1, ..Transaction::default() };
    transaction.tbl.value.push(TransactionOp::Mkcoll { cid: Default::default() });
    let map = ScrubMap::default();
    let t = Target::fresh(FEATURES);
    let (steps, seen) = (to_bytes(&transaction, t).unwrap(), to_bytes(&map, t).unwrap());
    let transaction = Content::new(MOSDSubOpData::Transaction(transaction));
    let map = Content::new(MOSDSubOpData::ScrubMap(map));
    assert_eq!(sub_op(None, transaction.clone()).encode(t).unwrap().data, steps);
    assert_eq!(data_of(None, &steps), transaction);
    assert_eq!(data_of(Some(OsdOpCode::SCRUB_MAP), &seen), map);
    for (op, data) in [
        (None, seen.clone()),
        (None, steps.slice(..steps.len() - 1)),
        (None, [&steps[..], &[0]].concat().into()),
        (None, Bytes::new()),
        (Some(OsdOpCode::SCRUB_MAP), steps.clone()),
        (Some(OsdOpCode::PUSH), steps.clone()),
    ] {
        assert_eq!(data_of(op, &data), Content::Raw(data));
    }
    let e = sub_op(Some(OsdOpCode::PULL), transaction).encode(t).unwrap_err();
    assert_eq!((e.path().as_str(), e.kind()), ("data", &EncodeErrorKind::ArmMismatch { tag: 0x4001 }));
}
