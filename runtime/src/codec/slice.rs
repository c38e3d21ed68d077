//! Bytes that are left where they are.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// A part of some [`Bytes`], left where it is until it is [shared](Self::share): no reference is counted.
#[derive(Clone, Copy)]
pub struct Slice<'a> {
    whole: &'a Bytes,
    /// At most `end`.
    start: usize,
    /// At most the length of `whole`.
    end: usize,
}

impl<'a> Slice<'a> {
    /// The part between two positions, which are in order and within the whole.
    #[inline]
    pub(super) fn between(whole: &'a Bytes, start: usize, end: usize) -> Slice<'a> {
        Slice { whole, start, end }
    }

    /// How many bytes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes as a value of their own, which shares them with the whole.
    #[inline]
    pub fn share(&self) -> Bytes {
        if self.is_empty() { Bytes::new() } else { self.whole.slice(self.start..self.end) }
    }

    /// The whole, and where in it the part starts and ends.
    #[inline]
    pub(super) fn place(self) -> (&'a Bytes, usize, usize) {
        (self.whole, self.start, self.end)
    }
}

impl<'a> From<&'a Bytes> for Slice<'a> {
    #[inline]
    fn from(whole: &'a Bytes) -> Self {
        Slice { whole, start: 0, end: whole.len() }
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
        self.whole.get(self.start..self.end).unwrap_or_default()
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
        let slice = Slice::between(&whole, 1, 3);
        assert_eq!(*slice, [2, 3]);
        assert_eq!(slice.share(), [2, 3][..]);
        assert_eq!(slice.share().as_ptr(), whole[1..].as_ptr());
        assert_eq!(format!("{slice:?}"), r#"b"\x02\x03""#);
        assert_eq!(*Slice::from(&whole), whole[..]);
    }
}
