//! ER: messages that should not be, and what must not come of them.

use firefly_runtime::codec::{DecodeErrorKind, Framed, Map, Parts, Target};
use firefly_runtime::wire::client::MClientCaps;
use firefly_runtime::wire::features::FEATURES_ALL;
use firefly_runtime::wire::mds::MMDSSlaveRequest;
use firefly_runtime::wire::mds_rejoin::{MMDSCacheRejoin, RejoinOp};
use firefly_runtime::wire::mon_cluster::{
    MMonElection, MMonPaxos, MMonProbe, MMonScrub, MMonSync, MonElectionOp, MonPaxosOp, MonProbeOp, MonScrubOp,
    MonSyncOp,
};
use firefly_runtime::wire::payload::Payload;

use super::heads::heads;
use super::read;

#[test]
fn attributes_cut_short() {
    let xattrs = Some(Framed::new(Map::from_iter([("user.a".into(), "value".into())])));
    let message = Payload::from(MClientCaps { xattrs, ..MClientCaps::default() });
    let parts = message.encode(Target::fresh(FEATURES_ALL)).unwrap();
    assert_eq!(read(784, parts.clone()), Ok(message));
    let length = parts.middle.len();
    for kept in 0..length {
        let short = Parts { middle: parts.middle.slice(..kept), ..parts.clone() };
        let error = read(784, short).unwrap_err();
        assert_eq!(
            (error.kind(), error.path().as_str()),
            (&DecodeErrorKind::NeedMore { needed: length - kept }, "xattrs")
        );
    }
}

// covers: ER-27
#[test]
fn huge_counts_reserve_nothing() {
    let mut refused = 0;
    for head in heads() {
        let number = head.message.number();
        let parts = head.message.encode(Target::fresh(FEATURES_ALL)).unwrap();
        for at in 0..parts.front.len().saturating_sub(3) {
            let mut front = parts.front.to_vec();
            front[at..at + 4].copy_from_slice(&0xffff_fff0_u32.to_le_bytes());
            let Err(error) = read(number, Parts { front: front.into(), ..parts.clone() }) else { continue };
            if let DecodeErrorKind::CountExceedsInput { count, at_most } = error.kind() {
                assert!(*at_most <= parts.front.len() as u64, "{}: {error}", head.name());
                refused += u64::from(*count == 0xffff_fff0);
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

// covers: ER-32
#[test]
fn unknown_operations_are_kept_and_shown() {
    let messages = [
        Payload::from(MMonScrub { op: MonScrubOp(99), ..Default::default() }),
        Payload::from(MMonElection { op: MonElectionOp(-99), ..Default::default() }),
        Payload::from(MMonPaxos { op: MonPaxosOp(99), ..Default::default() }),
        Payload::from(MMonProbe { op: MonProbeOp(99), ..Default::default() }),
        Payload::from(MMonSync { op: MonSyncOp(7), ..Default::default() }),
        Payload::from(MMDSSlaveRequest { op: 99, ..Default::default() }),
        Payload::from(MMDSCacheRejoin { op: RejoinOp(4), ..Default::default() }),
    ];
    assert_eq!(messages.each_ref().map(Payload::number), [64, 65, 66, 67, 69, 101, 514]);
    for message in messages {
        let parts = message.encode(Target::fresh(FEATURES_ALL)).unwrap();
        let read = read(message.number(), parts.clone()).unwrap();
        assert_eq!(read, message);
        assert_eq!(read.encode(Target::exact(FEATURES_ALL)).unwrap(), parts);
        assert!(format!("{read:?}").contains("op: "));
    }
}
