//! Bytes that are left where they are.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// A part of some [`Bytes`], left where it is until it is [shared](Self::share): no reference is counted.
#[derive(Clone, Copy)]
pub struct Slice<'a> {
    whole: &'a Bytes,
    /// Lies in `whole`.
    part: &'a [u8],
}

impl<'a> Slice<'a> {
    /// A part of the whole.
    #[inline]
    pub(super) fn new(whole: &'a Bytes, part: &'a [u8]) -> Slice<'a> {
        Slice { whole, part }
    }

    /// The bytes as a value of their own, which shares them with the whole.
    #[inline]
    pub fn share(&self) -> Bytes {
        if self.is_empty() { Bytes::new() } else { self.whole.slice_ref(self.part) }
    }

    /// The whole, and where in it the part starts and ends.
    #[inline]
    pub(super) fn place(self) -> (&'a Bytes, usize, usize) {
        let start = (self.part.as_ptr() as usize).saturating_sub(self.whole.as_ptr() as usize).min(self.whole.len());
        (self.whole, start, (start + self.part.len()).min(self.whole.len()))
    }
}

impl<'a> From<&'a Bytes> for Slice<'a> {
    #[inline]
    fn from(whole: &'a Bytes) -> Self {
        Slice { whole, part: whole }
    }
}

impl<'a> From<&Slice<'a>> for Slice<'a> {
    #[inline]
    fn from(slice: &Slice<'a>) -> Self {
        *slice
    }
}

impl Deref for Slice<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.part
    }
}

impl fmt::Debug for Slice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.share().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_part_that_can_be_shared() {
        let whole = Bytes::from(vec![1, 2, 3, 4]);
        let slice = Slice::new(&whole, &whole[1..3]);
        assert_eq!(*slice, [2, 3]);
        assert_eq!(slice.share(), [2, 3][..]);
        assert_eq!(slice.share().as_ptr(), whole[1..].as_ptr());
        assert_eq!(format!("{slice:?}"), r#"b"\x02\x03""#);
        assert_eq!(*Slice::from(&whole), whole[..]);
        assert_eq!((slice.place().1, slice.place().2), (1, 3));
        let none = Slice::new(&whole, &whole[4..]);
        assert_eq!((none.place().1, none.place().2, none.share()), (4, 4, Bytes::new()));
    }
}
