//! MT: versions of messages, and what is left over or missing.

use firefly_runtime::codec::{Bytes, Context, DecodeErrorKind, Map, Parts, Target};
use firefly_runtime::wire::client::MClientReconnect;
use firefly_runtime::wire::features::{FEATURES_ALL, Features};
use firefly_runtime::wire::mds_types::CapReconnect;
use firefly_runtime::wire::mon::{MMonGetVersionReply, MMonSubscribe};
use firefly_runtime::wire::osd::MOSDOp;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::types;

use super::heads::{Head, heads};
use super::{front, read};

fn written(head: &Head, features: u64) -> Parts {
    head.message.encode(Target::fresh(features)).unwrap_or_else(|error| panic!("{}: {error}", head.name()))
}

/// The messages for which this holds, by name.
fn which(holds: impl Fn(&Head) -> bool) -> Vec<&'static str> {
    heads().iter().filter(|head| holds(head)).map(Head::name).collect()
}

/// The newest version of a message that is understood; it may be one of later peers.
fn newest(head: &Head) -> u16 {
    let info = types().find(|info| info.name == head.name()).expect("a described message");
    let newest = info.versions.iter().map(|row| row.to).max().expect("a version");
    newest.try_into().expect("16 bits")
}

// covers: MT-02
#[test]
fn a_compat_that_is_too_new_is_refused() {
    for head in heads() {
        let newest = newest(&head);
        assert!(newest >= head.version, "{}", head.name());
        let parts = written(&head, FEATURES_ALL);
        let with = |compat| read(head.message.number(), Parts { version: compat, compat, ..parts.clone() });
        let error = with(newest + 1).expect_err(head.name());
        let understood = u32::from(newest);
        let expected = DecodeErrorKind::Incompatible { compat: understood + 1, understood };
        assert_eq!((error.kind(), error.path()), (&expected, String::new()), "{}", head.name());
        assert_eq!(with(head.version).as_ref(), Ok(&head.message), "{}", head.name());
    }
}

// covers: MT-03
#[test]
fn a_newer_version_is_read_as_far_as_it_is_known() {
    let message = MMonGetVersionReply { handle: 1, version: 2, oldest_version: 3, ..Default::default() };
    let known = message.encode(Target::fresh(FEATURES_ALL)).unwrap().front;
    let newer = Parts { version: 900, compat: 2, front: [&known[..], b"more"].concat().into(), ..Parts::default() };
    let read = read(20, newer.clone()).unwrap();
    assert_eq!(read, Payload::from(message));
    assert_eq!(read.encode(Target::exact(FEATURES_ALL)).unwrap(), newer);
}

// covers: MT-03
#[test]
fn subscriptions_of_a_newer_version_need_not_name_the_machine() {
    let known = MMonSubscribe::default().encode(Target::fresh(FEATURES_ALL)).unwrap().front;
    for version in [2, 3, 900] {
        let parts = Parts { version, compat: 2, front: known.clone(), ..Parts::default() };
        assert_eq!(read(15, parts), Ok(Payload::from(MMonSubscribe::default())), "{version}");
    }
}

// covers: MT-04
#[test]
fn compat_0_passes() {
    for head in heads() {
        let parts = Parts { compat: 0, ..written(&head, FEATURES_ALL) };
        assert_eq!(read(head.message.number(), parts).as_ref(), Ok(&head.message), "{}", head.name());
    }
}

// covers: MT-05
#[test]
fn a_front_that_lacks_its_last_byte_is_refused() {
    let whole = which(|head| {
        let parts = written(head, FEATURES_ALL);
        let Some(short) = parts.front.len().checked_sub(1) else { return true };
        let short = Parts { front: parts.front.slice(..short), ..parts };
        match read(head.message.number(), short) {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error.kind(), DecodeErrorKind::NeedMore { .. }), "{}: {error}", head.name());
                false
            }
        }
    });
    assert_eq!(whole, ["MClientReconnect", "MGenericMessage", "MPing", "MMonGetMap"], "those without a front");
}

// covers: MT-06
#[test]
fn bytes_behind_the_front_are_passed_over() {
    let other = which(|head| {
        let parts = written(head, FEATURES_ALL);
        let longer = Parts { front: [&parts.front[..], &[0xde, 0xad]].concat().into(), ..parts };
        let read = read(head.message.number(), longer.clone());
        if let Ok(read) = &read {
            assert_eq!(read.encode(Target::exact(FEATURES_ALL)).unwrap(), longer);
        }
        read.as_ref() != Ok(&head.message)
    });
    assert_eq!(other, ["MAuth", "MPing", "MOSDPGTrim"], "those that take them for a last field that may be missing");
}

// covers: MT-10
#[test]
fn a_reconnecting_client_has_nothing_in_front() {
    for lacking in [0, Features::MDSENC.0, Features::MDSENC.0 | Features::FLOCK.0] {
        let caps = Map::from_iter([(1, CapReconnect::default())]);
        let message = match lacking {
            0 => MClientReconnect { caps, ..Default::default() },
            _ => MClientReconnect::default(),
        };
        let parts = message.encode(Target::fresh(FEATURES_ALL & !lacking)).unwrap();
        assert_eq!((parts.front.len(), parts.middle.len()), (0, 0));
        assert!(!parts.data.is_empty());
    }
}

/// What is sent to peers that lack something: message, what is lacking, version and compat.
const LOWERED: &[(&str, &[Features], u16, u16)] = &[
    ("MMonSubscribe", &[Features::SUBSCRIBE2], 0, 0),
    ("MClientReconnect", &[Features::MDSENC], 2, 2),
    ("MClientReconnect", &[Features::MDSENC, Features::FLOCK], 1, 1),
    ("MOSDMap", &[Features::PGID64], 1, 1),
    ("MOSDMap", &[Features::PGPOOL3], 1, 1),
    ("MOSDMap", &[Features::OSDENC], 2, 2),
    ("MOSDMap", &[Features::OSDENC, Features::PGID64], 1, 1),
    ("MOSDMap", &[Features::OSDENC, Features::PGPOOL3], 1, 1),
    ("MOSDOp", &[Features::OBJECTLOCATOR], 1, 3),
    ("MOSDOpReply", &[Features::PGID64], 1, 2),
    ("MRoute", &[Features::MON_NULLROUTE], 1, 1),
    ("MMonPaxos", &[Features::MONCLOCKCHECK], 0, 3),
    ("MClientCaps", &[Features::FLOCK], 1, 1),
    ("MClientCaps", &[Features::EXPORT_PEER], 2, 1),
    ("MClientCaps", &[Features::MDS_INLINE_DATA], 3, 1),
    ("MClientCaps", &[Features::EXPORT_PEER, Features::MDS_INLINE_DATA], 2, 1),
    ("MClientCaps", &[Features::FLOCK, Features::EXPORT_PEER, Features::MDS_INLINE_DATA], 1, 1),
];

// covers: MT-11
#[test]
fn peers_that_lack_a_feature_get_older_versions() {
    for head in heads() {
        for bit in 0..44 {
            let lacking = 1 << bit;
            let row = LOWERED
                .iter()
                .find(|(name, features, ..)| *name == head.name() && matches!(features, [one] if one.0 == lacking));
            let parts = written(&head, FEATURES_ALL & !lacking);
            let expected = row.map_or((head.version, head.compat.unwrap_or(head.version)), |(.., version, compat)| {
                (*version, *compat)
            });
            assert_eq!((parts.version, parts.compat), expected, "{} without bit {bit}", head.name());
            assert!(
                Payload::decode(head.message.number(), parts.sections(), &Context::new(FEATURES_ALL & !lacking))
                    .is_ok()
            );
        }
    }
    for (name, features, version, compat) in LOWERED {
        let head = heads().into_iter().find(|head| head.name() == *name).unwrap();
        let lacking = features.iter().fold(0, |all, feature| all | feature.0);
        let parts = written(&head, FEATURES_ALL & !lacking);
        assert_eq!((parts.version, parts.compat), (*version, *compat), "{name} without {lacking:x}");
    }
}

// covers: MT-12
#[test]
fn an_old_request_to_an_osd_keeps_its_compat() {
    let features = FEATURES_ALL & !Features::OBJECTLOCATOR.0;
    let mut message = MOSDOp { client_inc: 5, oid: "name".into(), snaps: vec![7], ..Default::default() };
    message.retry_attempt = -1;
    message.oloc.pool = message.pgid.m_pool.cast_signed();
    let parts = message.encode(Target::fresh(features)).unwrap();
    assert_eq!((parts.version, parts.compat), (1, 3));
    assert_eq!(parts.front[..4], [5, 0, 0, 0]);
    // The name and the snapshots come last, without lengths.
    assert!(parts.front.ends_with(b"name\x07\0\0\0\0\0\0\0"));
    let read = Payload::decode(42, parts.sections(), &Context::new(features)).unwrap();
    let Payload::MOSDOp(mut read) = read else { panic!("a type") };
    // The seed is made of the name by whoever reads.
    assert_ne!(std::mem::replace(&mut read.pgid.m_seed, message.pgid.m_seed), message.pgid.m_seed);
    assert_eq!(*read, message);
}

// covers: MT-05
#[test]
fn an_empty_front_is_refused() {
    let whole = which(|head| read(head.message.number(), front(head.version, Bytes::new())).is_ok());
    assert_eq!(whole, ["MGenericMessage", "MPing", "MMonGetMap"], "those that may be empty");
}
