//! What clients had open.

use crate::codec::EncodeError;
use crate::wire::client::{MClientReconnect, OldMClientReconnect};
use crate::wire::mds_types::{CapReconnect, CapReconnectV2, OldCapReconnect};

impl From<CapReconnectV2> for CapReconnect {
    fn from(old: CapReconnectV2) -> Self {
        let CapReconnectV2 { path, cap_id, wanted, issued, snaprealm, pathbase, flocks } = old;
        CapReconnect { path, cap_id, wanted, issued, snaprealm, pathbase, flocks, ..CapReconnect::default() }
    }
}

impl From<&CapReconnect> for CapReconnectV2 {
    fn from(new: &CapReconnect) -> Self {
        let CapReconnect { path, cap_id, wanted, issued, snaprealm, pathbase, flocks, .. } = new.clone();
        CapReconnectV2 { path, cap_id, wanted, issued, snaprealm, pathbase, flocks }
    }
}

impl From<OldCapReconnect> for CapReconnect {
    /// Size and times are ignored, as Firefly does.
    fn from(old: OldCapReconnect) -> Self {
        let OldCapReconnect { path, cap_id, wanted, issued, snaprealm, pathbase, .. } = old;
        CapReconnect { path, cap_id, wanted, issued, snaprealm, pathbase, ..CapReconnect::default() }
    }
}

impl TryFrom<&CapReconnect> for OldCapReconnect {
    type Error = EncodeError;

    fn try_from(new: &CapReconnect) -> Result<Self, EncodeError> {
        silent!(new, CapReconnect::default(); flocks);
        let CapReconnect { path, cap_id, wanted, issued, snaprealm, pathbase, .. } = new.clone();
        Ok(OldCapReconnect { path, cap_id, wanted, issued, snaprealm, pathbase, ..OldCapReconnect::default() })
    }
}

impl From<OldMClientReconnect> for MClientReconnect {
    fn from(old: OldMClientReconnect) -> Self {
        let caps: Vec<_> = old.caps.into_iter().map(|(ino, cap)| (ino, cap.into())).collect();
        MClientReconnect { caps: caps.into(), realms: old.realms, ..MClientReconnect::default() }
    }
}

impl TryFrom<&MClientReconnect> for OldMClientReconnect {
    type Error = EncodeError;

    fn try_from(new: &MClientReconnect) -> Result<Self, EncodeError> {
        let cap = |(i, (ino, cap)): (usize, &(u64, CapReconnect))| {
            let cap = cap.try_into().map_err(|e: EncodeError| e.index(i).field("caps"))?;
            Ok((*ino, cap))
        };
        let caps = new.caps.iter().enumerate().map(cap).collect::<Result<Vec<_>, EncodeError>>()?;
        Ok(OldMClientReconnect { caps: caps.into(), realms: new.realms.clone(), ..OldMClientReconnect::default() })
    }
}
