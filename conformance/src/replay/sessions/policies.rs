//! Which policies a server may have for a client.

use firefly_runtime::session::Policy;
use firefly_runtime::wire::address::EntityType;
use firefly_runtime::wire::transport::{
    Connect, ConnectFlags, ConnectReply, MDS_PROTOCOL, MDSC_PROTOCOL, MON_PROTOCOL, MONC_PROTOCOL, OSD_PROTOCOL,
    OSDC_PROTOCOL, Tag,
};

/// The policies that a server which answers so may have for a client that asks so (4.8 of the reference). The protocol
/// version tells what the server is; the LOSSY flag of an answer that opens the connection is the policy's (HS-23). What
/// fits none of Firefly's daemons may have any policy.
pub(super) fn candidates(connect: &Connect, reply: &ConnectReply) -> Vec<Policy> {
    let client = u8::try_from(connect.host_type).map_or(EntityType::default(), EntityType);
    let usual: &[Policy] = match (reply.protocol_version, client) {
        (MON_PROTOCOL, _) => &[Policy::lossless_peer_reuse()],
        (MONC_PROTOCOL, _) => &[Policy::stateless_server()],
        (MDS_PROTOCOL, _) => &[Policy::lossless_peer()],
        (MDSC_PROTOCOL, EntityType::CLIENT) => &[Policy::stateful_server()],
        (MDSC_PROTOCOL, _) => &[Policy::lossy_client()],
        // The cluster side, and the servers of heartbeats.
        (OSD_PROTOCOL, _) => &[Policy::lossless_peer(), Policy::stateless_server()],
        (OSDC_PROTOCOL, _) => &[Policy::stateless_server(), Policy::lossy_client(), Policy::lossless_client()],
        _ => &ALL,
    };
    let opens = matches!(reply.tag, Tag::READY | Tag::SEQ);
    let lossy = reply.flags.contains(ConnectFlags::LOSSY);
    let fits = |policy: &&Policy| !opens || policy.lossy == lossy;
    let fitting: Vec<Policy> = usual.iter().filter(fits).copied().collect();
    if fitting.is_empty() { ALL.iter().filter(fits).copied().collect() } else { fitting }
}

const ALL: [Policy; 6] = [
    Policy::stateful_server(),
    Policy::stateless_server(),
    Policy::lossless_peer(),
    Policy::lossless_peer_reuse(),
    Policy::lossy_client(),
    Policy::lossless_client(),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(client: EntityType, protocol_version: u32, lossy: bool) -> Vec<Policy> {
        let connect = Connect { host_type: client.0.into(), ..Connect::default() };
        let flags = if lossy { ConnectFlags::LOSSY } else { ConnectFlags::default() };
        candidates(&connect, &ConnectReply { tag: Tag::READY, protocol_version, flags, ..ConnectReply::default() })
    }

    #[test]
    fn the_table_is_narrowed_by_the_answer() {
        assert_eq!(of(EntityType::MON, MON_PROTOCOL, false), [Policy::lossless_peer_reuse()]);
        assert_eq!(of(EntityType::CLIENT, MDSC_PROTOCOL, false), [Policy::stateful_server()]);
        assert_eq!(of(EntityType::OSD, OSD_PROTOCOL, false), [Policy::lossless_peer()]);
        assert_eq!(of(EntityType::OSD, OSD_PROTOCOL, true), [Policy::stateless_server()]);
        let lossless = of(EntityType::CLIENT, MONC_PROTOCOL, false);
        assert_eq!((lossless.len(), lossless.iter().any(|policy| policy.lossy)), (4, false));
        assert_eq!(of(EntityType::CLIENT, 0, true), [Policy::stateless_server(), Policy::lossy_client()]);
    }
}
