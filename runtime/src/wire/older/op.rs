//! Requests about objects and their replies.

use crate::codec::{Bytes, EncodeError, Target};
use crate::wire::hash::rjenkins;
use crate::wire::osd::{MOSDOp, MOSDOpReply, OldMOSDOp, OldMOSDOpReply, OldOsdOpResult, OsdOpResult};
use crate::wire::prelude::{ObjectLocator, PgT};

/// Where an object is of which the placement group is all that is known.
fn located(pgid: &PgT) -> ObjectLocator {
    ObjectLocator { pool: pgid.m_pool.cast_signed(), ..ObjectLocator::default() }
}

impl From<OldMOSDOp> for MOSDOp {
    /// As Firefly does, the seed is computed anew from the object's name.
    fn from(old: OldMOSDOp) -> Self {
        let pgid = PgT { m_seed: rjenkins(old.oid.as_bytes()), ..old.pgid.into() };
        MOSDOp {
            client_inc: old.client_inc,
            osdmap_epoch: old.osdmap_epoch,
            flags: old.flags,
            mtime: old.mtime,
            reassert_version: old.reassert_version,
            oloc: located(&pgid),
            pgid,
            oid: old.oid,
            ops: old.ops,
            snapid: old.snapid,
            snap_seq: old.snap_seq,
            snaps: old.snaps,
            ..MOSDOp::default()
        }
    }
}

impl TryFrom<&MOSDOp> for OldMOSDOp {
    type Error = EncodeError;

    /// Left out: how often it was tried. The object must be located by its name and pool alone, or not at all.
    fn try_from(new: &MOSDOp) -> Result<Self, EncodeError> {
        if ![located(&new.pgid), ObjectLocator::default()].contains(&new.oloc) {
            return Err(EncodeError::unsayable("oloc"));
        }
        silent!(new, MOSDOp::default(); spgid hash features reqid trace);
        Ok(OldMOSDOp {
            client_inc: new.client_inc,
            pgid: (&new.pgid).try_into().map_err(|_| EncodeError::unsayable("pgid"))?,
            ol_stripe_unit: 0,
            osdmap_epoch: new.osdmap_epoch,
            flags: new.flags,
            mtime: new.mtime,
            reassert_version: new.reassert_version,
            snapid: new.snapid,
            snap_seq: new.snap_seq,
            ops: new.ops.clone(),
            oid: new.oid.clone(),
            snaps: new.snaps.clone(),
            ..OldMOSDOp::default()
        })
    }
}

impl From<OldMOSDOpReply> for MOSDOpReply {
    /// The data is shared out, raw, by the lengths that the operations tell if these add up, as they do when Firefly has
    /// written them; otherwise the first operation has it all.
    fn from(old: OldMOSDOpReply) -> Self {
        let told: u64 = old.ops.iter().map(|op| u64::from(op.payload_len)).sum();
        let adds_up = told == old.outdata.len() as u64;
        let mut left = old.outdata;
        let ops: Vec<OsdOpResult> = old
            .ops
            .into_iter()
            .map(|OldOsdOpResult { op, payload_len }| {
                let length = if adds_up { payload_len as usize } else { left.len() };
                OsdOpResult { op, outdata: left.split_to(length.min(left.len())).into() }
            })
            .collect();
        MOSDOpReply {
            oid: old.oid,
            pgid: old.pgid,
            flags: old.flags,
            result: old.result,
            bad_replay_version: old.bad_replay_version,
            osdmap_epoch: old.osdmap_epoch,
            rvals: vec![0; ops.len()],
            ops,
            retry_attempt: old.retry_attempt,
            replay_version: old.bad_replay_version,
            user_version: old.bad_replay_version.version,
            ..MOSDOpReply::default()
        }
    }
}

/// What an operation gave, as bytes. There are no more than a length of 32 bits can tell.
fn given(result: &OsdOpResult) -> Result<Bytes, EncodeError> {
    let alone = MOSDOpReply { ops: vec![result.clone()], rvals: vec![0], ..MOSDOpReply::default() };
    Ok(alone.encode(Target::exact(u64::MAX))?.data)
}

impl TryFrom<&MOSDOpReply> for OldMOSDOpReply {
    type Error = EncodeError;

    /// Left out: which try is answered, the results of single operations, and versions but the one for clients that know
    /// only one.
    fn try_from(new: &MOSDOpReply) -> Result<Self, EncodeError> {
        silent!(new, MOSDOpReply::default(); do_redirect redirect trace);
        let mut outdata = Vec::new();
        let op = |(i, result): (usize, &OsdOpResult)| {
            let given = given(result).map_err(|e| e.index(i).field("ops"))?;
            outdata.extend_from_slice(&given);
            Ok(OldOsdOpResult { op: result.op.clone(), payload_len: given.len() as u32 })
        };
        let ops = new.ops.iter().enumerate().map(op).collect::<Result<_, EncodeError>>()?;
        Ok(OldMOSDOpReply {
            oid: new.oid.clone(),
            pgid: new.pgid.clone(),
            flags: new.flags,
            result: new.result,
            bad_replay_version: new.bad_replay_version,
            osdmap_epoch: new.osdmap_epoch,
            ops,
            outdata: outdata.into(),
            ..OldMOSDOpReply::default()
        })
    }
}
