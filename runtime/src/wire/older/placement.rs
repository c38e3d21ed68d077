//! Placement groups and versions as the first protocol has them.

use std::num::TryFromIntError;

use crate::wire::prelude::{EVersion, OldEVersion, OldPg, OldRawPg, PgT};

impl From<OldPg> for PgT {
    fn from(old: OldPg) -> Self {
        PgT { m_pool: old.pool.into(), m_seed: old.ps.into(), m_preferred: old.preferred.into(), ..PgT::default() }
    }
}

impl TryFrom<&PgT> for OldPg {
    type Error = TryFromIntError;

    fn try_from(pg: &PgT) -> Result<Self, TryFromIntError> {
        Ok(OldPg { preferred: pg.m_preferred.try_into()?, ps: pg.m_seed.try_into()?, pool: pg.m_pool.try_into()? })
    }
}

impl From<OldRawPg> for PgT {
    fn from(OldRawPg { preferred, ps, pool }: OldRawPg) -> Self {
        OldPg { preferred, ps, pool }.into()
    }
}

impl TryFrom<&PgT> for OldRawPg {
    type Error = TryFromIntError;

    /// Of the hash, the higher half is left out.
    fn try_from(pg: &PgT) -> Result<Self, TryFromIntError> {
        let cut = PgT { m_seed: pg.m_seed & 0xffff, ..pg.clone() };
        let OldPg { preferred, ps, pool } = OldPg::try_from(&cut)?;
        Ok(OldRawPg { preferred, ps, pool })
    }
}

impl From<OldEVersion> for EVersion {
    fn from(OldEVersion { epoch, version }: OldEVersion) -> Self {
        EVersion { version, epoch }
    }
}

impl From<&EVersion> for OldEVersion {
    fn from(EVersion { version, epoch }: &EVersion) -> Self {
        OldEVersion { epoch: *epoch, version: *version }
    }
}
