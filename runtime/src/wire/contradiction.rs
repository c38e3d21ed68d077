//! Messages that contradict themselves. Firefly aborts where it reads them; a receiver has to refuse them (ER-22).

use crate::codec::{Bytes, DecodeError, DecodeErrorKind, Sections};
use crate::wire::payload::Payload;

/// Refuses a message that was read from these parts and contradicts itself: bytes are left where none may be, or lists
/// differ in length that go together. Others are left alone.
///
/// # Errors
/// [`DecodeErrorKind::Trailing`] for bytes that are left, [`DecodeErrorKind::Unexpected`] for the length of a list.
#[inline]
pub fn check(payload: &Payload, parts: &Sections<'_>) -> Result<(), DecodeError> {
    match payload {
        Payload::MClientReply(message) => whole(&parts.front, message.origin.tail()),
        Payload::MRemoveSnaps(message) => whole(&parts.front, message.origin.tail()),
        Payload::MClientSnap(message) => whole(&parts.front, message.origin.tail()),
        Payload::MClientCaps(message) => {
            whole(&parts.middle, message.origin.middle()).map_err(|error| error.field("xattrs"))
        }
        Payload::MOSDPGQuery(message) if parts.version >= 3 => {
            as_many(message.shards.len(), message.pg_list.len()).map_err(|error| error.field("shards"))
        }
        Payload::MOSDPGRemove(message) if parts.version >= 2 => {
            as_many(message.shards.len(), message.pg_list.len()).map_err(|error| error.field("shards"))
        }
        _ => Ok(()),
    }
}

/// Nothing of a part may be left.
fn whole(part: &[u8], left: &Bytes) -> Result<(), DecodeError> {
    match left.len() {
        0 => Ok(()),
        bytes => Err(DecodeError::new(part.len().saturating_sub(bytes), DecodeErrorKind::Trailing { bytes })),
    }
}

fn as_many(found: usize, expected: usize) -> Result<(), DecodeError> {
    if found == expected {
        return Ok(());
    }
    let kind = DecodeErrorKind::Unexpected { expected: expected as u64, found: found as u64 };
    Err(DecodeError::new(0, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Context, Framed, Map, Parts, Target};
    use crate::wire::client::{MClientCaps, MClientReply, MClientSnap};
    use crate::wire::features::FEATURES_ALL;
    use crate::wire::mds_mon::MRemoveSnaps;
    use crate::wire::pg::{MOSDPGQuery, MOSDPGRemove, PgQueryEntry};
    use crate::wire::prelude::PgT;

    fn written(payload: &Payload) -> Parts {
        payload.encode(Target::fresh(FEATURES_ALL)).unwrap()
    }

    fn judge(number: u16, parts: &Parts) -> Result<(), DecodeError> {
        check(&Payload::decode(number, parts.sections(), &Context::new(FEATURES_ALL)).unwrap(), &parts.sections())
    }

    // covers: ER-22
    #[test]
    fn nothing_may_follow_some_fronts() {
        let messages = [
            Payload::from(MClientReply::default()),
            Payload::from(MRemoveSnaps::default()),
            Payload::from(MClientSnap::default()),
        ];
        for message in messages {
            let parts = written(&message);
            assert_eq!(judge(message.number(), &parts), Ok(()));
            let longer = Parts { front: [&parts.front[..], &[0, 0]].concat().into(), ..parts.clone() };
            let error = judge(message.number(), &longer).unwrap_err();
            assert_eq!((error.offset(), error.kind()), (parts.front.len(), &DecodeErrorKind::Trailing { bytes: 2 }));
        }
    }

    // covers: ER-22
    #[test]
    fn nothing_may_follow_the_attributes_of_a_file() {
        let xattrs = Some(Framed::new(Map::from_iter([("user.a".into(), "value".into())])));
        for message in [MClientCaps { xattrs, ..MClientCaps::default() }, MClientCaps::default()] {
            let parts = written(&Payload::from(message));
            assert_eq!(judge(784, &parts), Ok(()));
            let longer = Parts { middle: [&parts.middle[..], &[0]].concat().into(), ..parts };
            let error = judge(784, &longer).unwrap_err();
            assert_eq!((error.kind(), error.path().as_str()), (&DecodeErrorKind::Trailing { bytes: 1 }, "xattrs"));
        }
    }

    // covers: ER-22
    #[test]
    fn every_placement_group_has_its_shard() {
        let refused = |payload: &Payload| judge(payload.number(), &written(payload)).unwrap_err();
        for (groups, shards, fits) in [(2, 2, true), (2, 1, false), (2, 3, false), (0, 1, false), (0, 0, true)] {
            let pg_list = vec![PgQueryEntry::default(); groups];
            let query = Payload::from(MOSDPGQuery { pg_list, shards: vec![0; shards], ..Default::default() });
            let pg_list = vec![PgT::default(); groups];
            let remove = Payload::from(MOSDPGRemove { pg_list, shards: vec![0; shards], ..Default::default() });
            for payload in [query, remove] {
                if fits {
                    assert_eq!(judge(payload.number(), &written(&payload)), Ok(()));
                } else {
                    let (expected, found) = (groups as u64, shards as u64);
                    assert_eq!(refused(&payload).kind(), &DecodeErrorKind::Unexpected { expected, found });
                    assert_eq!(refused(&payload).path(), "shards");
                }
            }
        }
        // Older versions have no shards.
        let remove = Payload::from(MOSDPGRemove { pg_list: vec![PgT::default()], ..Default::default() });
        let parts = written(&remove);
        let old = Parts { version: 1, front: parts.front.slice(..parts.front.len() - 4), ..parts };
        assert_eq!(judge(84, &old), Ok(()));
    }
}
