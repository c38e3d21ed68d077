//! One value for all peers: it is written in the form that their features call for, as Firefly writes it, and read back
//! as the same value. The bytes expected are put together by hand from the fields that Firefly's encoders write.

use firefly_runtime::codec::{
    Bytes, Context, EncodeErrorKind, Framed, Message, Parts, Str, Target, Wire, from_bytes, to_bytes,
};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::client::MClientReconnect;
use firefly_runtime::wire::client_types::SnapRealmReconnect;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::mds_types::{CapReconnect, Caps, ClientLocks};
use firefly_runtime::wire::mdsmap::MdsMap;
use firefly_runtime::wire::mon::{MMonMap, MMonSubscribe, SubscribeFlags, SubscribeItem};
use firefly_runtime::wire::monmap::MonMap;
use firefly_runtime::wire::osd::{MOSDOp, MOSDOpReply, OsdFlags, OsdOp, OsdOpResult};
use firefly_runtime::wire::osd_op::{OsdOpArgs, OsdOpCode, OsdOpHead};
use firefly_runtime::wire::osdmap::{MOSDMap, OsdMap, OsdMapIncremental, OsdState};
use firefly_runtime::wire::pg::{MOSDPGQuery, PgQueryEntry};
use firefly_runtime::wire::pg_types::{PgHistory, PgQuery, PgQueryT, PgQueryType};
use firefly_runtime::wire::pool::{PgPool, PoolType};
use firefly_runtime::wire::prelude::{EVersion, ObjectLocator, PgT, RequestRedirect, UTime, Uuid};

/// Everything that Firefly can do, but for some of it.
fn without(lacking: &[Features]) -> u64 {
    lacking.iter().fold(0x0000_0fff_ffff_ffff, |all, feature| all & !feature.0)
}

/// Bytes as Firefly's encoders append them.
#[derive(Default)]
struct Built(Vec<u8>);

impl Built {
    fn u8(self, n: u8) -> Self {
        self.raw(&[n])
    }
    fn u16(self, n: u16) -> Self {
        self.raw(&n.to_le_bytes())
    }
    fn u32(self, n: u32) -> Self {
        self.raw(&n.to_le_bytes())
    }
    fn u64(self, n: u64) -> Self {
        self.raw(&n.to_le_bytes())
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
    /// A length of 32 bits and so many bytes.
    fn text(self, bytes: impl AsRef<[u8]>) -> Self {
        let n = u32::try_from(bytes.as_ref().len()).unwrap();
        self.u32(n).raw(bytes.as_ref())
    }
    /// Version, compat, length and what is inside.
    fn envelope(self, version: u8, compat: u8, inside: Built) -> Self {
        self.u8(version).u8(compat).text(inside.0)
    }
}

fn built() -> Built {
    Built::default()
}

#[track_caller]
fn reads_as<T: Wire>(value: &T, features: u64, bytes: &Built) {
    assert_eq!(to_bytes(value, Target::fresh(features)).unwrap(), bytes.0);
    assert_eq!(&from_bytes::<T>(bytes.0.clone().into(), &Context::new(features)).unwrap(), value);
}

#[track_caller]
fn message_reads_as<T: Message>(value: &T, features: u64, (version, compat): (u16, u16), front: Built, data: &[u8]) {
    let parts = value.encode(Target::fresh(features)).unwrap();
    let expected =
        Parts { version, compat, front: front.0.into(), data: Bytes::copy_from_slice(data), ..Parts::default() };
    assert_eq!(parts, expected);
    let again = T::decode(parts.sections(), &Context::new(features)).unwrap();
    assert_eq!(&again, value);
    assert_eq!(again.encode(Target::exact(features)).unwrap(), expected);
}

#[track_caller]
fn refused<T: Message>(value: &T, features: u64, path: &str) {
    let error = value.encode(Target::fresh(features)).unwrap_err();
    assert_eq!((error.path().as_str(), error.kind()), (path, &EncodeErrorKind::Unsayable));
}

const TIME: UTime = UTime { tv_sec: 5, tv_nsec: 6 };

/// The object `foo` of pool 2 with its whole hash.
fn group() -> PgT {
    PgT { m_pool: 2, m_seed: 0x7fc1_f406, ..PgT::default() }
}

fn read(length: u64) -> OsdOpHead {
    let args = OsdOpArgs::Extent { offset: 1, length, truncate_size: 0, truncate_seq: 0 };
    OsdOpHead { op: OsdOpCode::READ, args, ..OsdOpHead::default() }
}

/// `ceph_osd_op`: the code, flags, 28 bytes of arguments, the length of the payload.
fn read_op(built: Built, length: u64, payload: u32) -> Built {
    built.u16(0x1201).u32(0).u64(1).u64(length).u64(0).u32(0).u32(payload)
}

fn request() -> MOSDOp {
    MOSDOp {
        client_inc: 1,
        osdmap_epoch: 30,
        flags: OsdFlags::READ,
        mtime: TIME,
        reassert_version: EVersion { version: 8, epoch: 7 },
        oloc: ObjectLocator { pool: 2, ..ObjectLocator::default() },
        pgid: group(),
        oid: "foo".into(),
        ops: vec![OsdOp { op: read(9), indata: Bytes::from_static(b"in").into(), ..OsdOp::default() }],
        snapid: 0xffff_ffff_ffff_fffe,
        snap_seq: 4,
        snaps: vec![4, 3],
        ..MOSDOp::default()
    }
}

#[test]
fn requests_for_osds_without_object_locators() {
    let front = built().u32(1);
    // The group, its seed cut, and the stripe unit.
    let front = front.u16(0xffff).u16(0xf406).u32(2).u32(0);
    let front = front.u32(30).u32(0x10).u32(5).u32(6).u64(8).u32(7);
    let front = front.u32(3).u64(0xffff_ffff_ffff_fffe).u64(4).u32(2).u16(1);
    let front = read_op(front, 9, 2).raw(b"foo").u64(4).u64(3);
    message_reads_as(&request(), without(&[Features::OBJECTLOCATOR]), (1, 3), front, b"in");
}

#[test]
fn what_such_osds_cannot_be_told_of_a_request() {
    let features = without(&[Features::OBJECTLOCATOR]);
    let oloc = |oloc| MOSDOp { oloc, ..request() };
    refused(&oloc(ObjectLocator { pool: 3, ..ObjectLocator::default() }), features, "oloc");
    refused(&oloc(ObjectLocator { nspace: "n".into(), ..request().oloc }), features, "oloc");
    let pgid = PgT { m_pool: 1 << 32, ..group() };
    let oloc = ObjectLocator { pool: 1 << 32, ..ObjectLocator::default() };
    refused(&MOSDOp { pgid, oloc, ..request() }, features, "pgid");
    let tried = MOSDOp { retry_attempt: 1, ..request() };
    assert_eq!(tried.encode(Target::fresh(features)), request().encode(Target::fresh(features)));
}

#[test]
fn requests_of_version_2_have_the_old_group() {
    let ctx = Context::new(0);
    let now = request().encode(Target::fresh(u64::MAX)).unwrap();
    let locator = to_bytes(&request().oloc, Target::fresh(0)).unwrap();
    let at = 4 + 4 + 4 + 8 + 12 + locator.len();
    let old = built().u16(0xffff).u16(0xf406).u32(2);
    let front = [&now.front[..at], &old.0, &now.front[at + 17..now.front.len() - 4]].concat();
    let parts = Parts { version: 2, front: front.into(), ..now };
    let read = MOSDOp::decode(parts.sections(), &ctx).unwrap();
    assert_eq!(read, MOSDOp { pgid: PgT { m_seed: 0xf406, ..group() }, ..request() });
    assert_eq!(read.encode(Target::exact(0)).unwrap(), parts);
}

fn reply() -> MOSDOpReply {
    let result = |length, outdata| OsdOpResult { op: read(length), outdata: Bytes::from_static(outdata).into() };
    MOSDOpReply {
        oid: "foo".into(),
        pgid: PgT { m_seed: 0xf406, ..group() },
        flags: 0x14,
        result: -2,
        bad_replay_version: EVersion { version: 8, epoch: 7 },
        osdmap_epoch: 30,
        ops: vec![result(9, b"one"), result(5, b""), result(7, b"three")],
        rvals: vec![0; 3],
        replay_version: EVersion { version: 8, epoch: 7 },
        user_version: 8,
        ..MOSDOpReply::default()
    }
}

#[test]
fn replies_for_peers_without_64_bits_of_pools() {
    let features = without(&[Features::PGID64]);
    let front = built().u32(0).u32(0x14).u16(0xffff).u16(0xf406).u32(2).u32(0).u32(30);
    let front = front.u32(7).u64(8).u32(-2_i32 as u32).u32(3).u32(3);
    let front = read_op(read_op(read_op(front, 9, 3), 5, 0), 7, 5).raw(b"foo");
    message_reads_as(&reply(), features, (1, 2), front, b"onethree");
    let parts = |reply: &MOSDOpReply| reply.encode(Target::fresh(features)).unwrap();
    let more = MOSDOpReply {
        pgid: group(),
        rvals: vec![0, -2, 0],
        retry_attempt: 3,
        replay_version: EVersion { version: 9, epoch: 7 },
        ..reply()
    };
    assert_eq!(parts(&more), parts(&reply()));
    refused(&MOSDOpReply { flags: 1 << 32, ..reply() }, features, "flags");
    let redirect = RequestRedirect { redirect_object: "bar".into(), ..RequestRedirect::default() };
    refused(&MOSDOpReply { redirect, ..reply() }, features, "redirect");
}

#[test]
fn replies_of_older_osds_keep_what_they_say_of_the_request() {
    let ctx = Context::new(u64::MAX);
    let mut old = reply().encode(Target::fresh(without(&[Features::PGID64]))).unwrap();
    old.data = Bytes::from_static(b"all");
    let read = MOSDOpReply::decode(old.sections(), &ctx).unwrap();
    let data: Vec<&[u8]> = read.ops.iter().filter_map(|op| op.outdata.raw()).map(|data| &data[..]).collect();
    assert_eq!(data, [&b"all"[..], b"", b""]);
    assert_eq!(read.encode(Target::exact(u64::MAX)).unwrap(), old);
}

#[test]
fn subscriptions_at_monitors_without_subscribe2() {
    let features = without(&[Features::SUBSCRIBE2]);
    let what = |what: &[(&str, u64, SubscribeFlags)]| MMonSubscribe {
        what: what
            .iter()
            .map(|(name, start, flags)| (Str::from(*name), SubscribeItem { start: *start, flags: *flags }))
            .collect(),
        ..MMonSubscribe::default()
    };
    let item = |built: Built, name: &str, have: u64, onetime: u8| built.text(name).u64(0).u64(have).u8(onetime);
    let front = item(item(built().u32(2), "monmap", 0, 0), "osdmap", 9, 1);
    let both = what(&[("monmap", 0, SubscribeFlags(0)), ("osdmap", 10, SubscribeFlags::ONETIME)]);
    message_reads_as(&both, features, (0, 0), front, b"");
    // Nothing is known, which is the same as wanting all.
    let parts = what(&[("mdsmap", 1, SubscribeFlags(0))]).encode(Target::fresh(features)).unwrap();
    assert_eq!(parts.front, item(built().u32(1), "mdsmap", 0, 0).0);
    refused(&what(&[("a", 0, SubscribeFlags(0)), ("b", 0, SubscribeFlags(2))]), features, "what[1].flags");
    // What lies where nothing should is kept.
    let odd = built().u32(1).text("osdmap").u64(7).u64(u64::MAX).u8(2);
    let parts = Parts { front: odd.0.into(), ..Parts::default() };
    let read = MMonSubscribe::decode(parts.sections(), &Context::new(u64::MAX)).unwrap();
    assert_eq!(read, what(&[("osdmap", 0, SubscribeFlags::ONETIME)]));
    assert_eq!(read.encode(Target::exact(u64::MAX)).unwrap(), parts);
}

#[test]
fn the_map_of_metadata_servers_for_peers_without_64_bits_of_pools() {
    let map = MdsMap {
        epoch: 3,
        session_timeout: 60,
        session_autoclose: 300,
        max_file_size: 1 << 40,
        max_mds: 1,
        data_pools: [0, 5].into_iter().collect(),
        ..MdsMap::default()
    };
    let bytes = built().u16(2).u32(3).u32(0).u32(0).u32(0).u32(60).u32(300).u64(1 << 40).u32(1);
    let bytes = bytes.u32(0).u32(2).u32(0).u32(5).u32(u32::MAX);
    reads_as(&map, without(&[Features::PGID64]), &bytes);
    let wide = MdsMap { data_pools: [1 << 32].into_iter().collect(), ..map };
    let error = to_bytes(&wide, Target::fresh(without(&[Features::PGID64]))).unwrap_err();
    assert_eq!((error.path().as_str(), error.kind()), ("data_pools[0]", &EncodeErrorKind::Unsayable));
}

fn addr(text: &str) -> EntityAddr {
    EntityAddr::new(text.parse().unwrap(), 0)
}

/// `entity_addr_t` of an IPv4 address: type, nonce, family and port in network order, the address, zeros.
fn ipv4(built: Built, port: u16, octets: [u8; 4]) -> Built {
    built.u64(0).raw(&[0, 2]).raw(&port.to_be_bytes()).raw(&octets).raw(&[0; 120])
}

#[test]
fn the_map_of_monitors_for_peers_that_count_them() {
    let fsid = Uuid { uuid: [7; 16] };
    let map = MonMap {
        fsid,
        epoch: 2,
        mon_addr: [("0", "10.0.0.1:6789"), ("1", "10.0.0.2:6789")]
            .map(|(name, a)| (Str::from(name), addr(a)))
            .into_iter()
            .collect(),
        last_changed: TIME,
        ..MonMap::default()
    };
    let monitor = |built: Built, num: u64, last| ipv4(built.u8(EntityType::MON.0).u64(num), 6789, [10, 0, 0, last]);
    let bytes = built().u16(1).raw(&[7; 16]).u32(2).u32(2);
    let bytes = monitor(monitor(bytes, 0, 1), 1, 2).u32(5).u32(6).u64(0);
    let features = without(&[Features::MONNAMES]);
    reads_as(&map, features, &bytes);
    // They are counted by address, whatever they are called.
    let named = MonMap {
        mon_addr: [("a", "10.0.0.2:6789"), ("b", "10.0.0.1:6789")]
            .map(|(name, a)| (Str::from(name), addr(a)))
            .into_iter()
            .collect(),
        ..map.clone()
    };
    assert_eq!(to_bytes(&named, Target::fresh(features)).unwrap(), bytes.0);
    let message = MMonMap { monmapbl: Some(Framed { value: map, tail: Bytes::new() }), ..MMonMap::default() };
    message_reads_as(&message, features, (1, 1), built().text(bytes.0), b"");
}

#[test]
fn questions_about_groups_for_peers_without_query_t() {
    let history = PgHistory { epoch_created: 1, ..PgHistory::default() };
    let query = PgQueryT {
        r#type: PgQueryType::LOG,
        since: EVersion { version: 8, epoch: 7 },
        history: history.clone(),
        ..PgQueryT::default()
    };
    let entry = |query| PgQueryEntry { pgid: group(), query: PgQuery { query } };
    let message =
        MOSDPGQuery { epoch: 30, pg_list: vec![entry(query.clone())], shards: vec![255], ..MOSDPGQuery::default() };
    let features = without(&[Features::QUERY_T]);
    let front = built().u64(30).u32(1).u8(1).u64(2).u32(0x7fc1_f406).u32(u32::MAX);
    let front = front.u32(1).u64(8).u32(7).raw(&to_bytes(&history, Target::fresh(features)).unwrap());
    let front = front.u32(1).u8(255);
    message_reads_as(&message, features, (3, 1), front, b"");
    let sent = MOSDPGQuery { pg_list: vec![entry(PgQueryT { epoch_sent: 30, ..query.clone() })], ..message.clone() };
    assert_eq!(sent.encode(Target::fresh(features)), message.encode(Target::fresh(features)));
    let shard = MOSDPGQuery { pg_list: vec![entry(PgQueryT { to: 1, ..query })], ..message };
    refused(&shard, features, "pg_list[0].query.query");
}

#[test]
fn what_clients_had_open_for_servers_of_three_ages() {
    let cap = CapReconnect {
        path: "a".into(),
        cap_id: 9,
        wanted: Caps(1),
        issued: Caps(2),
        snaprealm: 3,
        pathbase: 4,
        ..CapReconnect::default()
    };
    let message = MClientReconnect {
        caps: [(0x1000, cap.clone())].into_iter().collect(),
        realms: vec![SnapRealmReconnect { ino: 1, seq: 2, parent: 3 }],
        ..MClientReconnect::default()
    };
    let realm = |built: Built| built.u64(1).u64(2).u64(3).0;
    let head = || built().u32(1).u64(0x1000);
    let capinfo = |built: Built| built.text("a").u64(9).u32(1).u32(2).u64(3).u64(4).u32(0);
    let data = realm(head().envelope(1, 1, capinfo(built())));
    message_reads_as(&message, without(&[]), (3, 3), built(), &data);
    let data = realm(capinfo(head()));
    message_reads_as(&message, without(&[Features::MDSENC]), (2, 2), built(), &data);
    let oldest = without(&[Features::MDSENC, Features::FLOCK]);
    let data = realm(head().text("a").u64(9).u32(1).u32(2).u64(0).u64(0).u64(0).u64(3).u64(4));
    message_reads_as(&message, oldest, (1, 1), built(), &data);
    let flocks = Some(Framed { value: ClientLocks::default(), tail: Bytes::new() });
    let locked = MClientReconnect { caps: [(0x1000, CapReconnect { flocks, ..cap })].into_iter().collect(), ..message };
    refused(&locked, oldest, "caps[0].flocks");
}

fn pool() -> PgPool {
    PgPool { r#type: PoolType::REPLICATED, size: 3, pg_num: 8, pgp_num: 8, last_change: 4, ..PgPool::default() }
}

/// `pg_pool_t` of version 2, without snapshots.
fn old_pool(built: Built) -> Built {
    built.u8(2).u8(1).u8(3).u8(0).u8(0).u32(8).u32(8).u32(0).u32(0).u32(4).u64(0).u32(0).u32(0).u32(0).u64(0)
}

fn crush() -> Bytes {
    let map = OsdMap::default();
    to_bytes(&map.client.crush.value, Target::fresh(0)).unwrap()
}

fn map() -> OsdMap {
    let mut map = OsdMap::default();
    map.client.fsid = Uuid { uuid: [7; 16] };
    map.client.epoch = 30;
    map.client.created = TIME;
    map.client.modified = TIME;
    map.client.pools = [(2, pool())].into_iter().collect();
    map.client.pool_name = [(2, Str::from("rbd"))].into_iter().collect();
    map.client.pool_max = 2;
    map.client.max_osd = 1;
    map.client.osd_state = vec![OsdState::EXISTS];
    map.client.osd_weight = vec![0x1_0000];
    map.client.client_addr = vec![addr("10.0.0.3:6800")];
    map.client.pg_temp = vec![(PgT { m_pool: 2, m_seed: 5, ..PgT::default() }, vec![0])].into();
    map
}

/// The start of a classic map up to its pools.
fn head(version: u16) -> Built {
    built().u16(version).raw(&[7; 16]).u32(30).u32(5).u32(6).u32(5).u32(6)
}

/// The middle of a classic map.
fn osds(built: Built) -> Built {
    let built = built.u32(0).u32(1).u32(1).u8(1).u32(1).u32(0x1_0000);
    ipv4(built.u32(1), 6800, [10, 0, 0, 3])
}

#[test]
fn the_map_of_osds_for_clients_without_64_bits_of_pools() {
    let features = without(&[Features::OSDMAP_ENC, Features::PGID64]);
    let bytes = old_pool(head(5).u32(1).u32(2)).u32(1).u32(2).text("rbd").u32(2);
    let bytes = osds(bytes).u32(1).u16(0xffff).u16(5).u32(2).u32(1).u32(0).text(crush());
    let read = from_bytes::<OsdMap>(bytes.0.clone().into(), &Context::new(features)).unwrap();
    assert_eq!(to_bytes(&map(), Target::fresh(features)).unwrap(), bytes.0);
    // What clients are not told is filled in as Firefly does.
    let mut told = map();
    told.osd.cluster_addr = vec![EntityAddr::default()];
    assert_eq!(without_pools(read), without_pools(told));
    let mut wide = map();
    wide.client.pg_temp = vec![(PgT { m_pool: 2, m_seed: 1 << 16, ..PgT::default() }, vec![])].into();
    let error = to_bytes(&wide, Target::fresh(features)).unwrap_err();
    assert_eq!((error.path().as_str(), error.kind()), ("pg_temp[0]", &EncodeErrorKind::Unsayable));
}

/// Old pools lack much, which is left out without a word.
fn without_pools(mut map: OsdMap) -> OsdMap {
    map.client.pools = Default::default();
    map
}

#[test]
fn the_map_of_osds_for_peers_without_its_envelope() {
    let features = without(&[Features::OSDMAP_ENC]);
    let mut map = map();
    map.osd.cluster_snapshot = "snap".into();
    map.osd.osd_uuid = vec![Uuid { uuid: [9; 16] }];
    let bytes = head(6).u32(1).u64(2).raw(&to_bytes(&pool(), Target::fresh(features)).unwrap());
    let bytes = bytes.u32(1).u64(2).text("rbd").u32(2);
    let bytes = osds(bytes).u32(1).u8(1).u64(2).u32(5).u32(u32::MAX).u32(1).u32(0).text(crush());
    let bytes = bytes.u16(10).u32(0).u32(0).u32(0).u32(0).u32(0).text("snap").u32(1).raw(&[9; 16]).u32(0).u32(0);
    reads_as(&map, features, &bytes);
    // Codes that such a peer cannot use are left out, other primaries are not.
    let mut coded = map.clone();
    coded.client.erasure_code_profiles = [(Str::from("default"), Default::default())].into_iter().collect();
    assert_eq!(to_bytes(&coded, Target::fresh(features)).unwrap(), bytes.0);
    coded.client.primary_temp = vec![(group(), 1)].into();
    let error = to_bytes(&coded, Target::fresh(features)).unwrap_err();
    assert_eq!((error.path().as_str(), error.kind()), ("client.primary_temp", &EncodeErrorKind::Unsayable));
}

fn difference() -> OsdMapIncremental {
    let mut inc = OsdMapIncremental::default();
    inc.client.fsid = Uuid { uuid: [7; 16] };
    inc.client.epoch = 31;
    inc.client.modified = TIME;
    inc.client.new_pool_max = 3;
    inc.client.new_pool_names = [(3, Str::from("data"))].into_iter().collect();
    inc.client.old_pools = [1].into_iter().collect();
    inc.client.new_weight = [(0, 0x8000)].into_iter().collect();
    inc.client.new_pg_temp = vec![(PgT { m_pool: 2, m_seed: 5, ..PgT::default() }, vec![])].into();
    inc
}

#[test]
fn differences_between_maps_for_both_kinds_of_old_peers() {
    let head = |version: u16| built().u16(version).raw(&[7; 16]).u32(31).u32(5).u32(6);
    let whole = |built: Built| built.u32(u32::MAX).u32(0).u32(0).u32(u32::MAX);
    let weight = |built: Built| built.u32(0).u32(0).u32(1).u32(0).u32(0x8000);
    let bytes = whole(head(5).u32(3)).u32(0).u32(1).u32(3).text("data").u32(1).u32(1);
    let bytes = weight(bytes).u32(1).u16(0xffff).u16(5).u32(2).u32(0);
    reads_as(&difference(), without(&[Features::OSDMAP_ENC, Features::PGID64]), &bytes);

    let mut inc = difference();
    inc.osd.new_up_thru = [(0, 12)].into_iter().collect();
    let bytes = whole(head(6).u64(3)).u32(0).u32(1).u64(3).text("data").u32(1).u64(1);
    let bytes = weight(bytes).u32(1).u8(1).u64(2).u32(5).u32(u32::MAX).u32(0);
    let bytes = bytes.u16(10).u32(0).u32(1).u32(0).u32(12).u32(0).u32(0).u32(0).u32(0).u32(0).text("");
    let bytes = bytes.u32(0).u32(0).u32(0);
    reads_as(&inc, without(&[Features::OSDMAP_ENC]), &bytes);
}

#[test]
fn one_message_with_maps_for_peers_of_all_ages() {
    let framed = |value| Framed { value, tail: Bytes::new() };
    let mut inc = difference();
    inc.client.fullmap = Some(Framed { value: map(), tail: Bytes::new() });
    let message = MOSDMap {
        maps: [(30, framed(map()))].into_iter().collect(),
        incremental_maps: [(31, Framed { value: inc, tail: Bytes::new() })].into_iter().collect(),
        oldest_map: 1,
        newest_map: 31,
        ..MOSDMap::default()
    };
    let ages: [(&[Features], u16, u8); 4] = [
        (&[], 3, 7),
        (&[Features::OSDMAP_ENC], 3, 6),
        (&[Features::OSDMAP_ENC, Features::OSDENC], 2, 6),
        (&[Features::OSDMAP_ENC, Features::OSDENC, Features::PGPOOL3, Features::PGID64], 1, 5),
    ];
    for (lacking, version, of_maps) in ages {
        let features = without(lacking);
        let parts = message.encode(Target::fresh(features)).unwrap();
        let again = MOSDMap::decode(parts.sections(), &Context::new(features)).unwrap();
        assert_eq!((parts.version, again.maps.len()), (version, 1));
        // fsid, one difference: its epoch, its length, its version.
        assert_eq!(parts.front[16 + 4 + 4 + 4], of_maps);
        let (again, whole) = (&again.maps.as_slice()[0].1.value, map());
        assert_eq!((again.client.epoch, &again.client.pool_name), (30, &whole.client.pool_name));
        assert_eq!(again.client.pg_temp, whole.client.pg_temp);
    }
}
