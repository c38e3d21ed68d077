//! Questions about placement groups.

use crate::codec::EncodeError;
use crate::wire::pg_types::{OldPgQuery, PgQueryT};

impl From<OldPgQuery> for PgQueryT {
    fn from(OldPgQuery { r#type, since, history }: OldPgQuery) -> Self {
        PgQueryT { r#type, since, history, ..PgQueryT::default() }
    }
}

impl TryFrom<&PgQueryT> for OldPgQuery {
    type Error = EncodeError;

    /// Left out: the OSD map of the sender, which the message tells, too.
    fn try_from(new: &PgQueryT) -> Result<Self, EncodeError> {
        silent!(new, PgQueryT::default(); to from);
        Ok(OldPgQuery { r#type: new.r#type, since: new.since, history: new.history.clone() })
    }
}
