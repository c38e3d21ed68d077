//! Small arbitrary values, for the implementations of [`Arbitrary`].

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;

/// At most 16 bytes, and now and then a few hundred.
pub fn bytes(u: &mut Unstructured) -> Result<Bytes> {
    let max = if u.ratio(1, 32)? { 300 } else { 16 };
    let n = u.int_in_range(0..=max)?.min(u.len());
    Ok(Bytes::copy_from_slice(u.bytes(n)?))
}

/// At most 4 values.
pub fn items<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> Result<Vec<T>> {
    let n = u.int_in_range(0..=4)?;
    (0..n).map(|_| T::arbitrary(u)).collect()
}
