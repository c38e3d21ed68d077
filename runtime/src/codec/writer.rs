//! Writing.

use bytes::{Bytes, BytesMut};

use super::{Crc32c, EncodeError, EncodeErrorKind, Slice, Target};

/// From this length on, bytes are kept by reference instead of being copied.
pub const SPLICE: usize = 4096;

/// The bytes of a value under construction.
///
/// Long [`Bytes`] are not copied: they are spliced in between the bytes staged before and after them.
#[derive(Clone, Debug)]
pub struct Writer {
    target: Target,
    /// Everything but the spliced bytes, and room for more: copying into what is there takes no call.
    staged: BytesMut,
    /// How many of them are written.
    end: usize,
    splices: Vec<Splice>,
    /// The sum of the lengths of the spliced bytes.
    spliced: usize,
    /// From which length on bytes are spliced in.
    splice_from: usize,
    /// Where something last ended early.
    ended: Option<usize>,
}

#[derive(Clone, Debug)]
struct Splice {
    /// The number of staged bytes in front of it.
    at: usize,
    bytes: Bytes,
}

/// A position in what has been written.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    staged: usize,
    splices: usize,
    len: usize,
}

impl Writer {
    /// An empty writer.
    pub fn new(target: Target) -> Writer {
        Writer::with_capacity(target, 0)
    }

    /// An empty writer with room for `n` bytes, not counting long bytes that are spliced in.
    pub fn with_capacity(target: Target, n: usize) -> Writer {
        let staged = BytesMut::zeroed(n);
        Writer { target, staged, end: 0, splices: Vec::new(), spliced: 0, splice_from: SPLICE, ended: None }
    }

    /// An empty writer with room for `n` bytes that copies long bytes too, for results in one piece.
    pub fn contiguous(target: Target, n: usize) -> Writer {
        Writer { splice_from: usize::MAX, ..Writer::with_capacity(target, n) }
    }

    /// Makes room for `n` bytes, if hardly any is left: in the memory that was given out before, if that is free again.
    pub fn make_room(&mut self, n: usize) {
        if self.staged.len() - self.end < n / 16 {
            self.staged.truncate(self.end);
            if !self.staged.try_reclaim(n) {
                let mut staged = BytesMut::with_capacity(self.end + n);
                staged.extend_from_slice(&self.staged);
                self.staged = staged;
            }
            self.staged.resize(self.end + n, 0);
        }
    }

    /// Makes room for `n` more bytes at least.
    #[cold]
    fn grow(&mut self, n: usize) {
        /// The least to begin with.
        const LEAST: usize = 64;
        self.staged.resize((self.end + n).max(2 * self.end).max(LEAST), 0);
    }

    /// What writing depends on.
    #[inline]
    pub fn target(&self) -> Target {
        self.target
    }

    /// Goes on for another target. The one before.
    #[inline]
    pub fn retarget(&mut self, target: Target) -> Target {
        std::mem::replace(&mut self.target, target)
    }

    /// Whether the reader has all features of the mask.
    #[inline]
    pub fn has(&self, mask: u64) -> bool {
        self.target.has(mask)
    }

    /// The number of bytes written.
    #[inline]
    pub fn len(&self) -> usize {
        self.end + self.spliced
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a copy of the bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        if end > self.staged.len() {
            self.grow(bytes.len());
        }
        if let Some(room) = self.staged.get_mut(self.end..end) {
            room.copy_from_slice(bytes);
            self.end = end;
        }
    }

    /// Goes on by `N` bytes, which are to be filled in: some may be what they were before.
    #[inline(always)]
    pub fn run<const N: usize>(&mut self) -> &mut [u8; N] {
        let start = self.end;
        self.end += N;
        if self.end > self.staged.len() {
            self.grow(0);
        }
        match self.staged.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            Some(run) => run,
            None => unreachable!("there is room now"),
        }
    }

    /// Writes the bytes, by reference if they are long.
    #[inline(always)]
    pub fn bytes<'a>(&mut self, bytes: impl Into<Slice<'a>>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            self.some_bytes(bytes);
        }
    }

    fn some_bytes(&mut self, bytes: Slice<'_>) {
        if bytes.len() < self.splice_from {
            self.put(&bytes);
        } else {
            self.splice(bytes.share());
        }
    }

    #[cold]
    fn splice(&mut self, bytes: Bytes) {
        self.spliced += bytes.len();
        self.splices.push(Splice { at: self.end, bytes });
    }

    /// Writes `n` bytes of zero.
    #[inline]
    pub fn zeros(&mut self, n: usize) {
        let end = self.end + n;
        if end > self.staged.len() {
            self.grow(n);
        }
        if let Some(room) = self.staged.get_mut(self.end..end) {
            room.fill(0);
            self.end = end;
        }
    }

    /// Notes that a value ends here because fields are not there which are read only if bytes are left.
    #[inline]
    pub fn ends_here(&mut self) {
        self.ended = Some(self.len());
    }

    /// Whether the last value ended here for want of such fields, so that nothing can follow it.
    #[inline]
    pub fn ended_here(&self) -> bool {
        self.ended == Some(self.len())
    }

    /// The current position.
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { staged: self.end, splices: self.splices.len(), len: self.len() }
    }

    /// The number of bytes written since the mark.
    #[inline]
    pub fn written(&self, mark: Mark) -> usize {
        self.len().saturating_sub(mark.len)
    }

    /// Writes `n` bytes of zero to be patched later. The mark points at them.
    #[inline]
    pub fn hole(&mut self, n: usize) -> Mark {
        let mark = self.mark();
        self.zeros(n);
        mark
    }

    /// Overwrites the bytes of a hole, as far as it goes.
    #[inline]
    pub fn patch(&mut self, hole: Mark, bytes: &[u8]) {
        self.patch_at(hole.staged, bytes);
    }

    #[inline]
    fn patch_at(&mut self, start: usize, bytes: &[u8]) {
        if let Some(hole) = self.written_mut().get_mut(start..start + bytes.len()) {
            hole.copy_from_slice(bytes);
        }
    }

    /// Writes the head of an envelope, whose length is filled in when it is closed.
    #[inline]
    pub fn open_envelope(&mut self, version: u8, compat: u8) -> Mark {
        let mark = self.mark();
        self.put(&[version, compat, 0, 0, 0, 0]);
        mark
    }

    /// Ends an envelope: fills in its length.
    #[inline]
    pub fn close_envelope(&mut self, envelope: Mark) -> Result<(), EncodeError> {
        let length: u32 = narrow(self.written(envelope).saturating_sub(6), u64::MAX)?;
        self.patch_at(envelope.staged + 2, &length.to_le_bytes());
        Ok(())
    }

    /// Takes back what was written since the mark.
    pub fn rewind(&mut self, mark: Mark) {
        self.end = mark.staged;
        self.splices.truncate(mark.splices);
        self.spliced = mark.len - mark.staged;
        self.ended = None;
    }

    /// What was written since the mark, without bytes that are spliced in.
    pub fn staged_since(&self, mark: Mark) -> &[u8] {
        self.staged().get(mark.staged..).unwrap_or_default()
    }

    /// The last `N` bytes written, if as many were staged. They may be changed, not moved.
    pub fn tail<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.written_mut().last_chunk_mut()
    }

    /// What was written, without bytes that are spliced in.
    #[inline]
    fn staged(&self) -> &[u8] {
        self.staged.get(..self.end).unwrap_or_default()
    }

    #[inline]
    fn written_mut(&mut self) -> &mut [u8] {
        self.staged.get_mut(..self.end).unwrap_or_default()
    }

    /// The checksum of what was written since the mark.
    pub fn checksum(&self, mark: Mark, crc: Crc32c) -> u32 {
        let splices = self.splices.get(mark.splices..).unwrap_or_default();
        if splices.is_empty() {
            return crc.of(self.staged_since(mark));
        }
        let mut digest = crc.digest();
        let mut from = mark.staged;
        for splice in splices {
            digest.update(self.staged().get(from..splice.at).unwrap_or_default());
            digest.update(&splice.bytes);
            from = splice.at;
        }
        digest.update(self.staged().get(from..).unwrap_or_default());
        digest.finish()
    }

    /// What was written, in one piece.
    pub fn finish(mut self) -> Bytes {
        match self.splices.as_slice() {
            [] => {
                self.staged.truncate(self.end);
                return self.staged.freeze();
            }
            [only] if self.end == 0 => return only.bytes.clone(),
            _ => {}
        }
        let mut whole = Vec::with_capacity(self.len());
        for piece in self.pieces() {
            whole.extend_from_slice(&piece);
        }
        Bytes::from(whole)
    }

    /// What was written, in order, with the long bytes still by reference.
    pub fn pieces(mut self) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        self.take_pieces(&mut pieces);
        pieces
    }

    /// The same, added to other pieces. The writer goes on empty, and has its memory again when the pieces are dropped.
    pub fn take_pieces(&mut self, pieces: &mut Vec<Bytes>) {
        let mut from = 0;
        for splice in self.splices.drain(..) {
            let before = self.staged.split_to(splice.at - from);
            from = splice.at;
            if !before.is_empty() {
                pieces.push(before.freeze());
            }
            pieces.push(splice.bytes);
        }
        if self.end > from {
            pieces.push(self.staged.split_to(self.end - from).freeze());
        }
        self.end = 0;
        self.spliced = 0;
        self.ended = None;
    }
}

/// A length as the integer that says it on the wire. An error if it is over `max` or does not fit.
#[inline]
pub fn narrow<T: TryFrom<u64>>(n: usize, max: u64) -> Result<T, EncodeError> {
    let length = n as u64;
    match T::try_from(length) {
        Ok(narrow) if length <= max => Ok(narrow),
        _ => Err(too_long::<T>(length, max)),
    }
}

#[cold]
fn too_long<T: TryFrom<u64>>(length: u64, max: u64) -> EncodeError {
    let unsigned = u64::MAX >> 64_usize.saturating_sub(8 * size_of::<T>()).min(63);
    let fits = if T::try_from(unsigned).is_ok() { unsigned } else { unsigned >> 1 };
    EncodeError::new(EncodeErrorKind::TooLong { length, max: max.min(fits) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_can_be_taken_back() {
        let mut w = Writer::new(Target::default());
        w.put(&[1]);
        w.bytes(&long());
        let mark = w.mark();
        w.put(&[2, 3]);
        w.bytes(&long());
        w.rewind(mark);
        assert_eq!(w.len(), 1 + SPLICE);
        w.put(&[4]);
        assert_eq!(w.finish(), [&[1], &long()[..], &[4]].concat());
    }

    #[test]
    fn both_ends_can_be_looked_at() {
        let mut w = Writer::new(Target::default());
        w.put(&[1, 2]);
        let mark = w.mark();
        w.put(&[3, 4, 5]);
        w.bytes(&long());
        w.put(&[6, 7]);
        assert_eq!(w.staged_since(mark), [3, 4, 5, 6, 7]);
        *w.tail::<2>().unwrap() = [8, 9];
        assert!(w.tail::<8>().is_none());
        assert!(w.finish().ends_with(&[8, 9]));
    }

    fn long() -> Bytes {
        (0..SPLICE).map(|i| i as u8).collect()
    }

    #[test]
    fn writes_in_order() {
        let mut w = Writer::new(Target::fresh(0b11));
        assert!(w.is_empty() && w.has(0b10) && !w.has(0b100));
        w.put(&[1, 2]);
        w.zeros(2);
        w.bytes(&Bytes::from_static(&[3]));
        assert_eq!(w.len(), 5);
        assert_eq!(w.target(), Target::fresh(0b11));
        assert_eq!(w.finish(), [1, 2, 0, 0, 3][..]);
    }

    #[test]
    fn splices_long_bytes() {
        let long = long();
        let mut w = Writer::with_capacity(Target::default(), 8);
        w.bytes(&long);
        w.put(&[1]);
        let mark = w.mark();
        w.put(&[2]);
        w.bytes(&long);
        w.bytes(&long);
        assert_eq!(w.len(), 3 * SPLICE + 2);
        assert_eq!(w.written(mark), 2 * SPLICE + 1);
        w.put(&[3]);
        let whole = w.clone().finish();
        let pieces = w.pieces();
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [SPLICE, 2, SPLICE, SPLICE, 1]);
        assert_eq!(pieces[2].as_ptr(), long.as_ptr());
        assert_eq!(pieces.concat(), whole);
        assert_eq!(whole[SPLICE..SPLICE + 2], [1, 2]);
        assert_eq!(whole[whole.len() - 1], 3);
    }

    #[test]
    fn contiguous_never_splices() {
        let mut w = Writer::contiguous(Target::default(), SPLICE);
        w.bytes(&long());
        let pieces = w.pieces();
        assert_eq!(pieces, [long()]);
        assert_ne!(pieces[0].as_ptr(), long().as_ptr());
    }

    #[test]
    fn nothing_has_no_pieces() {
        assert!(Writer::new(Target::default()).pieces().is_empty());
        assert_eq!(Writer::new(Target::default()).finish(), Bytes::new());
    }

    #[test]
    fn patches_holes_behind_splices() {
        let mut w = Writer::new(Target::default());
        w.bytes(&long());
        let hole = w.hole(2);
        let start = w.mark();
        w.bytes(&long());
        w.put(&[7]);
        w.patch(hole, &(w.written(start) as u16).to_le_bytes());
        let whole = w.finish();
        assert_eq!(whole[SPLICE..SPLICE + 2], (SPLICE as u16 + 1).to_le_bytes());
    }

    #[test]
    fn envelopes_get_their_length() {
        let mut w = Writer::new(Target::default());
        w.put(&[0xee]);
        let outer = w.open_envelope(4, 2);
        let inner = w.open_envelope(1, 1);
        w.put(&[5; 3]);
        w.close_envelope(inner).unwrap();
        w.bytes(&long());
        w.close_envelope(outer).unwrap();
        w.put(&[0xff]);
        let whole = w.finish();
        assert_eq!(whole[..16], [0xee, 4, 2, 9, 16, 0, 0, 1, 1, 3, 0, 0, 0, 5, 5, 5]);
        assert_eq!(whole.len(), 16 + SPLICE + 1);
    }

    #[test]
    fn checksums_go_over_splices() {
        let crc = Crc32c::new(0, 0);
        let mut w = Writer::new(Target::default());
        w.bytes(&long());
        w.put(b"skipped");
        let mark = w.mark();
        assert_eq!(w.checksum(mark, crc), 0);
        w.put(b"123456789");
        assert_eq!(w.checksum(mark, crc), 0x58e3_fa20);
        w.bytes(&long());
        w.put(b"end");
        let sum = w.checksum(mark, crc);
        let whole = w.finish();
        assert_eq!(sum, crc.of(&whole[SPLICE + 7..]));
    }

    #[test]
    fn lengths_have_to_fit() {
        let error = |length, max| EncodeError::new(EncodeErrorKind::TooLong { length, max });
        assert_eq!(narrow::<u8>(255, u64::MAX), Ok(255));
        assert_eq!(narrow::<u8>(256, u64::MAX), Err(error(256, 255)));
        assert_eq!(narrow::<u32>(11, 10), Err(error(11, 10)));
        assert_eq!(narrow::<i16>(0x8000, u64::MAX), Err(error(0x8000, 0x7fff)));
        assert_eq!(narrow::<u64>(7, u64::MAX), Ok(7));
        assert_eq!(narrow::<u64>(7, 6), Err(error(7, 6)));
    }
}
