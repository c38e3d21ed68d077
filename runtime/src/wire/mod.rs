//! The wire types of Ceph Firefly 0.80.7, generated from `spec/protocol/*.wire`, one module per file.
//!
//! [`transport`] is what lies on the TCP stream, [`payload`] all messages; the other modules hold the messages and what
//! they carry, grouped by who says it to whom.

use crate::codec::TypeInfo;

mod addr;
pub mod contradiction;
pub mod encapsulated;
mod hash;
mod older;

macro_rules! modules {
    ($($name:ident $path:literal)*) => {
        $(
            #[path = $path]
            pub mod $name;
        )*

        /// What is known about every type, by module.
        pub fn types() -> impl Iterator<Item = &'static TypeInfo> {
            [$($name::TYPES),*].into_iter().flatten()
        }
    };
}

modules! {
    address "../../../spec/protocol/address.wire"
    auth "../../../spec/protocol/auth.wire"
    cephx "../../../spec/protocol/cephx.wire"
    cephx_store "../../../spec/protocol/cephx_store.wire"
    client "../../../spec/protocol/client.wire"
    client_types "../../../spec/protocol/client_types.wire"
    cls "../../../spec/protocol/cls.wire"
    crush "../../../spec/protocol/crush.wire"
    ec "../../../spec/protocol/ec.wire"
    features "../../../spec/protocol/features.wire"
    hitset "../../../spec/protocol/hitset.wire"
    mds "../../../spec/protocol/mds.wire"
    mds_cache "../../../spec/protocol/mds_cache.wire"
    mds_lock "../../../spec/protocol/mds_lock.wire"
    mds_migrate "../../../spec/protocol/mds_migrate.wire"
    mds_mon "../../../spec/protocol/mds_mon.wire"
    mds_rejoin "../../../spec/protocol/mds_rejoin.wire"
    mds_table "../../../spec/protocol/mds_table.wire"
    mds_types "../../../spec/protocol/mds_types.wire"
    mdsmap "../../../spec/protocol/mdsmap.wire"
    message_types "../../../spec/protocol/message_types.wire"
    mon "../../../spec/protocol/mon.wire"
    mon_cluster "../../../spec/protocol/mon_cluster.wire"
    mon_store "../../../spec/protocol/mon_store.wire"
    monmap "../../../spec/protocol/monmap.wire"
    object "../../../spec/protocol/object.wire"
    osd "../../../spec/protocol/osd.wire"
    osd_data "../../../spec/protocol/osd_data.wire"
    osd_mon "../../../spec/protocol/osd_mon.wire"
    osd_op "../../../spec/protocol/osd_op.wire"
    osdmap "../../../spec/protocol/osdmap.wire"
    payload "../../../spec/protocol/payload.wire"
    pg "../../../spec/protocol/pg.wire"
    pg_stat "../../../spec/protocol/pg_stat.wire"
    pg_types "../../../spec/protocol/pg_types.wire"
    pool "../../../spec/protocol/pool.wire"
    prelude "../../../spec/protocol/prelude.wire"
    recovery "../../../spec/protocol/recovery.wire"
    scrub "../../../spec/protocol/scrub.wire"
    subop "../../../spec/protocol/subop.wire"
    transaction "../../../spec/protocol/transaction.wire"
    transport "../../../spec/protocol/transport.wire"
}
