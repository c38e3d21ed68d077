//! Capabilities that move to another metadata server: to whom the client is told, and what is written where the client
//! could not understand it.

use firefly_runtime::codec::{Context, Target};
use firefly_runtime::wire::client::{CapOp, CapsBody, MClientCaps};
use firefly_runtime::wire::client_types::{CapFlags, CapPeer};
use firefly_runtime::wire::features::Features;

/// Everything that Firefly can do, but for some of it.
fn without(lacking: &[Features]) -> u64 {
    lacking.iter().fold(0x0000_0fff_ffff_ffff, |all, feature| all & !feature.0)
}

/// `ceph_mds_cap_peer`, whose 21 bytes take the place of the file's 84.
const PEER: CapPeer = CapPeer { cap_id: 0x0102, seq: 3, mseq: 4, mds: 5, flags: CapFlags(1) };
const PEER_BYTES: [u8; 21] = [2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 1];

fn export() -> MClientCaps {
    let body = CapsBody::Peer { value: PEER, slack: Default::default() };
    MClientCaps { op: CapOp::EXPORT, ino: 9, migrate_seq: 7, body, ..MClientCaps::default() }
}

/// The fields of `ceph_mds_caps` with this at the place of the peer or file.
fn head(body: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 92];
    head[0] = 3;
    head[4] = 9;
    head[48] = 7;
    head.extend(body);
    head.resize(92 + 84, 0);
    head
}

fn written(features: u64) -> (u16, u16, Vec<u8>) {
    let parts = export().encode(Target::fresh(features)).unwrap();
    let again = MClientCaps::decode(parts.sections(), &Context::new(features)).unwrap();
    assert_eq!(again.encode(Target::exact(features)).unwrap(), parts);
    assert_eq!(again == export(), features & Features::EXPORT_PEER.0 != 0);
    (parts.version, parts.compat, parts.front.to_vec())
}

#[test]
fn the_new_server_is_told_to_those_who_know_of_it() {
    let flocks = [0; 4];
    let front = [head(&PEER_BYTES), flocks.to_vec()].concat();
    assert_eq!(written(without(&[Features::MDS_INLINE_DATA])), (3, 3, front));
}

#[test]
fn others_get_zeros_in_its_place() {
    let lacking = [Features::EXPORT_PEER, Features::FLOCK];
    let flocks = [0; 4];
    assert_eq!(written(without(&lacking[..1])), (2, 2, [head(&[]), flocks.to_vec()].concat()));
    assert_eq!(written(without(&lacking)), (1, 1, head(&[])));
}
