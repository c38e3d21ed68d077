//! The wire types of Ceph Firefly 0.80.7, generated from `spec/protocol/*.wire`, one module per file.
//!
//! [`transport`] is what lies on the TCP stream, [`payload`] all messages; the other modules hold the messages and what
//! they carry, grouped by who says it to whom.

use crate::codec::TypeInfo;

mod addr;

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
    client "../../../spec/protocol/client.wire"
    features "../../../spec/protocol/features.wire"
    mds "../../../spec/protocol/mds.wire"
    mds_mon "../../../spec/protocol/mds_mon.wire"
    message_types "../../../spec/protocol/message_types.wire"
    mon "../../../spec/protocol/mon.wire"
    mon_cluster "../../../spec/protocol/mon_cluster.wire"
    osd "../../../spec/protocol/osd.wire"
    osd_mon "../../../spec/protocol/osd_mon.wire"
    osdmap "../../../spec/protocol/osdmap.wire"
    payload "../../../spec/protocol/payload.wire"
    pg "../../../spec/protocol/pg.wire"
    prelude "../../../spec/protocol/prelude.wire"
    transport "../../../spec/protocol/transport.wire"
}
