//! What a value was read from, beyond its fields.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::{EncodeError, Reader};

static EMPTY: Bytes = Bytes::new();

/// What was read beyond the fields of a value: other version numbers than would be written, and what came after the
/// known fields. Writing with [`Target::exact`](super::Target::exact) echoes it.
///
/// It is no part of the value: all origins are equal.
#[derive(Clone, Default)]
pub struct Origin(Option<Box<Read>>);

#[derive(Clone, Debug, Default)]
struct Read {
    version: Option<u32>,
    compat: Option<u32>,
    tail: Bytes,
    middle: Bytes,
    data: Bytes,
    older: Option<Arc<dyn Any + Send + Sync>>,
}

/// The older type as which a value is to be written, if it is: what the value was read from when that is to be echoed
/// and still says the same, otherwise what it is converted into. `due` tells whether the target calls for it.
///
/// # Errors
/// When the older type has no way to say the value.
pub fn older<'v, T, O>(
    value: &'v T,
    origin: &'v Origin,
    exact: bool,
    due: bool,
) -> Result<Option<Cow<'v, O>>, EncodeError>
where
    T: From<O> + PartialEq,
    O: TryFrom<&'v T, Error = EncodeError> + Clone + 'static,
{
    let read = origin.0.as_ref().filter(|_| exact);
    let older = read.and_then(|read| read.older.as_ref()).and_then(|older| older.downcast_ref::<O>());
    if let Some(older) = older
        && T::from(older.clone()) == *value
    {
        return Ok(Some(Cow::Borrowed(older)));
    }
    if older.is_none() && (!due || read.is_some_and(|read| read.version.is_some())) {
        return Ok(None);
    }
    O::try_from(value).map(|converted| Some(Cow::Owned(converted)))
}

impl Origin {
    /// The older type from which a value was converted when it was read.
    pub fn converted(older: impl Any + Send + Sync) -> Origin {
        Origin(Some(Box::new(Read { older: Some(Arc::new(older)), ..Read::default() })))
    }

    /// What was read: version and compat if they differ from what would be written, and what came after the fields.
    #[inline]
    pub fn read(version: Option<u32>, compat: Option<u32>, tail: Bytes) -> Origin {
        if version.is_none() && compat.is_none() && tail.is_empty() {
            return Origin(None);
        }
        Origin::keep(version, compat, tail)
    }

    #[cold]
    fn keep(version: Option<u32>, compat: Option<u32>, tail: Bytes) -> Origin {
        Origin(Some(Box::new(Read { version, compat, tail, ..Read::default() })))
    }

    /// The same with what comes after the fields in the middle and in the data of a message, which is read.
    #[inline]
    pub fn with_parts(self, middle: &mut Reader, data: &mut Reader) -> Origin {
        if middle.is_empty() && data.is_empty() {
            return self;
        }
        self.keep_parts(middle.rest(), data.rest())
    }

    #[cold]
    fn keep_parts(mut self, middle: Bytes, data: Bytes) -> Origin {
        let read = self.0.take().unwrap_or_default();
        Origin(Some(Box::new(Read { middle, data, ..*read })))
    }

    /// The version read, if another one would be written.
    #[inline]
    pub fn version(&self) -> Option<u32> {
        self.0.as_ref()?.version
    }

    /// The oldest version to be understood as it was read, if another one would be written.
    #[inline]
    pub fn compat(&self) -> Option<u32> {
        self.0.as_ref()?.compat
    }

    /// What came after the known fields.
    #[inline]
    pub fn tail(&self) -> &Bytes {
        self.0.as_ref().map_or(&EMPTY, |read| &read.tail)
    }

    /// What came after the known fields in the middle of a message.
    #[inline]
    pub fn middle(&self) -> &Bytes {
        self.0.as_ref().map_or(&EMPTY, |read| &read.middle)
    }

    /// What came after the known fields in the data of a message.
    #[inline]
    pub fn data(&self) -> &Bytes {
        self.0.as_ref().map_or(&EMPTY, |read| &read.data)
    }

    /// Whether there is nothing to echo.
    pub fn is_fresh(&self) -> bool {
        self.0.is_none()
    }
}

/// Dropping nothing is worth no call.
impl Drop for Origin {
    #[inline]
    fn drop(&mut self) {
        #[cold]
        fn drop_read(read: Box<Read>) {
            drop(read);
        }
        if let Some(read) = self.0.take() {
            drop_read(read);
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Origin(fresh)"),
            Some(read) => f.debug_tuple("Origin").field(read).finish(),
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Origin {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for Origin {
    fn arbitrary(_: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Origin::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Context;

    fn with_parts(origin: Origin, middle: &'static [u8], data: &'static [u8]) -> Origin {
        let (ctx, middle, data) = (Context::default(), Bytes::from_static(middle), Bytes::from_static(data));
        origin.with_parts(&mut Reader::new(&middle, &ctx), &mut Reader::new(&data, &ctx))
    }

    #[test]
    fn nothing_to_echo_takes_no_memory() {
        let origin = with_parts(Origin::read(None, None, Bytes::new()), b"", b"");
        assert!(origin.is_fresh());
        assert_eq!((origin.version(), origin.compat()), (None, None));
        assert!(origin.tail().is_empty() && origin.middle().is_empty() && origin.data().is_empty());
        assert_eq!(size_of::<Origin>(), size_of::<usize>());
    }

    #[test]
    fn keeps_what_was_read() {
        let origin = Origin::read(Some(3), Some(2), Bytes::from_static(b"tail"));
        let origin = with_parts(origin, b"middle", b"data");
        assert!(!origin.is_fresh());
        assert_eq!((origin.version(), origin.compat()), (Some(3), Some(2)));
        assert_eq!(
            (&origin.tail()[..], &origin.middle()[..], &origin.data()[..]),
            (&b"tail"[..], &b"middle"[..], &b"data"[..])
        );
        let origin = with_parts(Origin::default(), b"m", b"");
        assert_eq!((origin.version(), &origin.middle()[..]), (None, &b"m"[..]));
    }

    #[test]
    fn an_older_type_is_used_when_due_or_remembered() {
        #[derive(Clone, Debug, PartialEq)]
        struct New(u8);
        #[derive(Clone, Debug, PartialEq)]
        struct Old(u8, bool);
        impl From<Old> for New {
            fn from(old: Old) -> New {
                New(old.0)
            }
        }
        impl TryFrom<&New> for Old {
            type Error = EncodeError;
            fn try_from(new: &New) -> Result<Old, EncodeError> {
                if new.0 < 9 { Ok(Old(new.0, false)) } else { Err(EncodeError::unsayable("0")) }
            }
        }
        let written = |new: u8, origin: &Origin, exact, due| {
            older::<New, Old>(&New(new), origin, exact, due).map(|old| old.map(Cow::into_owned))
        };
        let (fresh, old) = (Origin::default(), Origin::converted(Old(5, true)));
        let newer = Origin::read(Some(3), None, Bytes::new());
        assert_eq!(written(5, &fresh, true, false), Ok(None));
        assert_eq!(written(5, &fresh, true, true), Ok(Some(Old(5, false))));
        assert_eq!(written(9, &fresh, false, true), Err(EncodeError::unsayable("0")));
        assert_eq!(written(5, &old, true, false), Ok(Some(Old(5, true))));
        assert_eq!(written(6, &old, true, false), Ok(Some(Old(6, false))));
        assert_eq!(written(5, &old, false, false), Ok(None));
        assert_eq!(written(5, &newer, true, true), Ok(None));
        assert_eq!(written(5, &newer, false, true), Ok(Some(Old(5, false))));
    }

    #[test]
    fn is_no_part_of_the_value() {
        let origin = Origin::read(Some(3), None, Bytes::new());
        assert_eq!(origin, Origin::default());
        assert_eq!(std::collections::HashSet::from([origin, Origin::default()]).len(), 1);
    }
}
