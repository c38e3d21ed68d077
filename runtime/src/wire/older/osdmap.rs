//! The map of the OSDs before it had a part for clients and one for OSDs.

use crate::codec::EncodeError;
use crate::wire::address::EntityAddr;
use crate::wire::osdmap::{
    ClassicOsdMap, ClassicOsdMapExtended, ClassicOsdMapIncremental, ClassicOsdMapIncrementalExtended, OsdMap,
    OsdMapClientData, OsdMapIncremental, OsdMapIncrementalClientData, OsdMapIncrementalOsdData, OsdMapOsdData,
};

impl From<ClassicOsdMap> for OsdMap {
    /// Versions that lack addresses have blank ones, as Firefly fills them in.
    fn from(old: ClassicOsdMap) -> Self {
        let mut pool_name = old.pool_name;
        let blank = |n: usize| vec![EntityAddr::default(); n];
        let osd = if let Some(extended) = old.extended.or(old.short_extended) {
            let version = extended.origin.version().unwrap_or(10);
            let clients = old.client_addr.len();
            let peers = extended.hb_back_addr.len();
            OsdMapOsdData {
                hb_back_addr: extended.hb_back_addr,
                osd_info: extended.osd_info,
                blacklist: extended.blacklist,
                cluster_addr: if version < 6 { blank(clients) } else { extended.cluster_addr },
                cluster_snapshot_epoch: extended.cluster_snapshot_epoch,
                cluster_snapshot: extended.cluster_snapshot,
                osd_uuid: extended.osd_uuid,
                osd_xinfo: extended.osd_xinfo,
                hb_front_addr: if version < 10 { blank(peers) } else { extended.hb_front_addr },
                ..OsdMapOsdData::default()
            }
        } else {
            if !old.old_extended.pool_name.is_empty() {
                pool_name = old.old_extended.pool_name;
            }
            OsdMapOsdData {
                cluster_addr: blank(old.client_addr.len()),
                hb_front_addr: blank(old.old_extended.hb_back_addr.len()),
                hb_back_addr: old.old_extended.hb_back_addr,
                osd_info: old.old_extended.osd_info,
                blacklist: old.old_extended.blacklist,
                ..OsdMapOsdData::default()
            }
        };
        let client = OsdMapClientData {
            fsid: old.fsid,
            epoch: old.epoch,
            created: old.created,
            modified: old.modified,
            pools: old.pools,
            pool_name,
            pool_max: if old.max_pools == 0 { old.pool_max } else { old.max_pools },
            flags: old.flags,
            max_osd: old.max_osd,
            osd_state: old.osd_state,
            osd_weight: old.osd_weight,
            client_addr: old.client_addr,
            pg_temp: old.pg_temp,
            crush: old.crush,
            ..OsdMapClientData::default()
        };
        OsdMap { client, osd, ..OsdMap::default() }
    }
}

impl TryFrom<&OsdMap> for ClassicOsdMap {
    type Error = EncodeError;

    /// Left out: parameters of erasure codes, which these peers could not use.
    fn try_from(new: &OsdMap) -> Result<Self, EncodeError> {
        silent!(new, OsdMap::default(); crc);
        let (client, osd) = (&new.client, &new.osd);
        said_of_clients(client).map_err(|e| e.field("client"))?;
        said_of_osds(osd).map_err(|e| e.field("osd"))?;
        let extended = ClassicOsdMapExtended {
            hb_back_addr: osd.hb_back_addr.clone(),
            osd_info: osd.osd_info.clone(),
            blacklist: osd.blacklist.clone(),
            cluster_addr: osd.cluster_addr.clone(),
            cluster_snapshot_epoch: osd.cluster_snapshot_epoch,
            cluster_snapshot: osd.cluster_snapshot.clone(),
            osd_uuid: osd.osd_uuid.clone(),
            osd_xinfo: osd.osd_xinfo.clone(),
            hb_front_addr: osd.hb_front_addr.clone(),
            ..ClassicOsdMapExtended::default()
        };
        Ok(ClassicOsdMap {
            fsid: client.fsid,
            epoch: client.epoch,
            created: client.created,
            modified: client.modified,
            pools: client.pools.clone(),
            pool_name: client.pool_name.clone(),
            pool_max: client.pool_max,
            flags: client.flags,
            max_osd: client.max_osd,
            osd_state: client.osd_state.clone(),
            osd_weight: client.osd_weight.clone(),
            client_addr: client.client_addr.clone(),
            pg_temp: client.pg_temp.clone(),
            crush: client.crush.clone(),
            extended: Some(extended),
            ..ClassicOsdMap::default()
        })
    }
}

fn said_of_clients(new: &OsdMapClientData) -> Result<(), EncodeError> {
    silent!(new, OsdMapClientData::default();
        client_addrs primary_temp osd_primary_affinity pg_upmap pg_upmap_items crush_version new_removed_snaps
        new_purged_snaps last_up_change last_in_change);
    Ok(())
}

fn said_of_osds(new: &OsdMapOsdData) -> Result<(), EncodeError> {
    silent!(new, OsdMapOsdData::default();
        hb_back_addrs any_blacklist cluster_addrs hb_front_addrs nearfull_ratio full_ratio backfillfull_ratio
        require_min_compat_client require_osd_release removed_snaps_queue crush_node_flags device_class_flags);
    Ok(())
}

impl From<ClassicOsdMapIncremental> for OsdMapIncremental {
    fn from(old: ClassicOsdMapIncremental) -> Self {
        let mut new_pool_names = old.new_pool_names;
        let osd = if let Some(extended) = old.extended.or(old.short_extended) {
            OsdMapIncrementalOsdData {
                new_hb_back_up: extended.new_hb_back_up,
                new_up_thru: extended.new_up_thru,
                new_last_clean_interval: extended.new_last_clean_interval,
                new_lost: extended.new_lost,
                new_blacklist: extended.new_blacklist,
                old_blacklist: extended.old_blacklist,
                new_up_cluster: extended.new_up_cluster,
                cluster_snapshot: extended.cluster_snapshot,
                new_uuid: extended.new_uuid,
                new_xinfo: extended.new_xinfo,
                new_hb_front_up: extended.new_hb_front_up,
                ..OsdMapIncrementalOsdData::default()
            }
        } else {
            let extended = old.old_extended;
            if !extended.new_pool_names.is_empty() {
                new_pool_names = extended.new_pool_names;
            }
            OsdMapIncrementalOsdData {
                new_hb_back_up: extended.new_hb_back_up,
                new_up_thru: extended.new_up_thru,
                new_last_clean_interval: extended.new_last_clean_interval,
                new_lost: extended.new_lost,
                new_blacklist: extended.new_blacklist,
                old_blacklist: extended.old_blacklist,
                ..OsdMapIncrementalOsdData::default()
            }
        };
        let client = OsdMapIncrementalClientData {
            fsid: old.fsid,
            epoch: old.epoch,
            modified: old.modified,
            new_pool_max: old.new_pool_max,
            new_flags: old.new_flags,
            fullmap: old.fullmap,
            crush: old.crush,
            new_max_osd: old.new_max_osd,
            new_pools: old.new_pools,
            new_pool_names,
            old_pools: old.old_pools,
            new_up_client: old.new_up_client,
            new_state: old.new_state,
            new_weight: old.new_weight,
            new_pg_temp: old.new_pg_temp,
            ..OsdMapIncrementalClientData::default()
        };
        OsdMapIncremental { client, osd, ..OsdMapIncremental::default() }
    }
}

impl TryFrom<&OsdMapIncremental> for ClassicOsdMapIncremental {
    type Error = EncodeError;

    /// Left out: parameters of erasure codes, which these peers could not use, and the features it was encoded with.
    fn try_from(new: &OsdMapIncremental) -> Result<Self, EncodeError> {
        silent!(new, OsdMapIncremental::default(); inc_crc full_crc);
        let (client, osd) = (&new.client, &new.osd);
        new_said_of_clients(client).map_err(|e| e.field("client"))?;
        new_said_of_osds(osd).map_err(|e| e.field("osd"))?;
        let extended = ClassicOsdMapIncrementalExtended {
            new_hb_back_up: osd.new_hb_back_up.clone(),
            new_up_thru: osd.new_up_thru.clone(),
            new_last_clean_interval: osd.new_last_clean_interval.clone(),
            new_lost: osd.new_lost.clone(),
            new_blacklist: osd.new_blacklist.clone(),
            old_blacklist: osd.old_blacklist.clone(),
            new_up_cluster: osd.new_up_cluster.clone(),
            cluster_snapshot: osd.cluster_snapshot.clone(),
            new_uuid: osd.new_uuid.clone(),
            new_xinfo: osd.new_xinfo.clone(),
            new_hb_front_up: osd.new_hb_front_up.clone(),
            ..ClassicOsdMapIncrementalExtended::default()
        };
        Ok(ClassicOsdMapIncremental {
            fsid: client.fsid,
            epoch: client.epoch,
            modified: client.modified,
            new_pool_max: client.new_pool_max,
            new_flags: client.new_flags,
            fullmap: client.fullmap.clone(),
            crush: client.crush.clone(),
            new_max_osd: client.new_max_osd,
            new_pools: client.new_pools.clone(),
            new_pool_names: client.new_pool_names.clone(),
            old_pools: client.old_pools.clone(),
            new_up_client: client.new_up_client.clone(),
            new_state: client.new_state.clone(),
            new_weight: client.new_weight.clone(),
            new_pg_temp: client.new_pg_temp.clone(),
            extended: Some(extended),
            ..ClassicOsdMapIncremental::default()
        })
    }
}

fn new_said_of_clients(new: &OsdMapIncrementalClientData) -> Result<(), EncodeError> {
    silent!(new, OsdMapIncrementalClientData::default();
        new_up_clients new_primary_temp new_primary_affinity new_pg_upmap old_pg_upmap new_pg_upmap_items
        old_pg_upmap_items new_removed_snaps new_purged_snaps new_last_up_change new_last_in_change);
    Ok(())
}

fn new_said_of_osds(new: &OsdMapIncrementalOsdData) -> Result<(), EncodeError> {
    silent!(new, OsdMapIncrementalOsdData::default();
        new_hb_back_ups new_any_blacklist old_any_blacklist new_up_clusters new_hb_front_ups new_nearfull_ratio
        new_full_ratio new_backfillfull_ratio new_require_min_compat_client new_require_osd_release
        new_crush_node_flags new_device_class_flags);
    Ok(())
}
