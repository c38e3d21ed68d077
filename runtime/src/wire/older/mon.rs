//! The map of the monitors, and subscriptions at them.

use crate::codec::{Bytes, EncodeError, Str, Target, to_bytes};
use crate::wire::address::{EntityAddr, EntityInst, EntityName, EntityType};
use crate::wire::mon::{MMonSubscribe, OldMMonSubscribe, OldSubscribeItem, SubscribeFlags, SubscribeItem};
use crate::wire::monmap::{MonMap, OldMonMap};

impl From<OldMonMap> for MonMap {
    /// Monitors are called 0, 1 and so on, as Firefly calls them.
    fn from(old: OldMonMap) -> Self {
        let name = |i: usize| Str::from(Bytes::from(vec![b'0'.wrapping_add(i as u8)]));
        let monitors: Vec<_> =
            old.mon_inst.into_iter().enumerate().map(|(i, monitor)| (name(i), monitor.addr)).collect();
        MonMap {
            fsid: old.fsid,
            epoch: old.epoch,
            mon_addr: monitors.into(),
            last_changed: old.last_changed,
            created: old.created,
            ..MonMap::default()
        }
    }
}

impl TryFrom<&MonMap> for OldMonMap {
    type Error = EncodeError;

    /// Left out: the names of the monitors.
    fn try_from(new: &MonMap) -> Result<Self, EncodeError> {
        silent!(new, MonMap::default(); persistent_features optional_features mon_info ranks min_mon_release removed_ranks strategy disallowed_leaders stretch_mode_enabled tiebreaker_mon stretch_marked_down_mons);
        let mut addrs: Vec<&EntityAddr> = new.mon_addr.iter().map(|(_, addr)| addr).collect();
        addrs.sort_by_cached_key(|addr| rank(addr));
        let monitor = |(num, addr): (i64, &EntityAddr)| EntityInst {
            name: EntityName { r#type: EntityType::MON, num },
            addr: addr.clone(),
        };
        Ok(OldMonMap {
            fsid: new.fsid,
            epoch: new.epoch,
            mon_inst: (0..).zip(addrs).map(monitor).collect(),
            last_changed: new.last_changed,
            created: new.created,
            ..OldMonMap::default()
        })
    }
}

/// What monitors are numbered by: the bytes of the address in memory, where the family has the order of the machine. All
/// machines are taken to be little-endian.
fn rank(addr: &EntityAddr) -> Vec<u8> {
    let mut bytes = to_bytes(addr, Target::default()).map_or_else(|_| Vec::new(), |bytes| bytes.to_vec());
    if let Some(family) = bytes.get_mut(8..10) {
        family.reverse();
    }
    bytes
}

impl From<OldSubscribeItem> for SubscribeItem {
    fn from(old: OldSubscribeItem) -> Self {
        SubscribeItem {
            start: if old.have == 0 { 0 } else { old.have.wrapping_add(1) },
            flags: if old.onetime == 0 { SubscribeFlags::default() } else { SubscribeFlags::ONETIME },
        }
    }
}

impl TryFrom<&SubscribeItem> for OldSubscribeItem {
    type Error = EncodeError;

    /// A subscription from version 1 on becomes one from the newest version on: nothing is known then, and older peers
    /// have no other word for it.
    fn try_from(new: &SubscribeItem) -> Result<Self, EncodeError> {
        let onetime = match new.flags {
            SubscribeFlags::ONETIME => 1,
            SubscribeFlags(0) => 0,
            _ => return Err(EncodeError::unsayable("flags")),
        };
        Ok(OldSubscribeItem { unused: 0, have: new.start.saturating_sub(1), onetime })
    }
}

impl From<OldMMonSubscribe> for MMonSubscribe {
    fn from(old: OldMMonSubscribe) -> Self {
        let what: Vec<_> = old.what.into_iter().map(|(name, item)| (name, item.into())).collect();
        MMonSubscribe { what: what.into(), ..MMonSubscribe::default() }
    }
}

impl TryFrom<&MMonSubscribe> for OldMMonSubscribe {
    type Error = EncodeError;

    /// Left out: the machine of the asker.
    fn try_from(new: &MMonSubscribe) -> Result<Self, EncodeError> {
        let item = |(i, (name, item)): (usize, &(Str, SubscribeItem))| {
            let item = item.try_into().map_err(|e: EncodeError| e.index(i).field("what"))?;
            Ok((name.clone(), item))
        };
        let what = new.what.iter().enumerate().map(item).collect::<Result<Vec<_>, EncodeError>>()?;
        Ok(OldMMonSubscribe { what: what.into(), ..OldMMonSubscribe::default() })
    }
}
