//! Reading.

use bytes::Bytes;

use super::{
    BooleanPolicy, Checksum, ChecksumPolicy, Context, DecodeError, DecodeErrorKind, Origin, Slack, Slice, Str,
};

/// A position in the bytes of one value, and where they end.
///
/// Nothing here panics, whatever the bytes are. Failing reads leave the position where it was.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    buf: &'a Bytes,
    /// Where in `buf` the bytes to read start; positions are counted from here.
    start: usize,
    /// What is unread in the innermost window.
    ahead: &'a [u8],
    /// Where in `buf` that ends.
    end: usize,
    /// The memory that collections have been charged with.
    charged: usize,
    ctx: Context,
}

/// What [`Reader::open`] narrowed: give it back to [`Reader::close`].
#[derive(Debug)]
#[must_use = "the reader stays narrowed until the window is closed"]
pub struct Window<'a> {
    /// What follows it.
    after: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of the bytes.
    #[inline]
    pub fn new(bytes: impl Into<Slice<'a>>, ctx: &Context) -> Reader<'a> {
        let (buf, start, end) = bytes.into().place();
        let ahead = buf.get(start..end).unwrap_or_default();
        Reader { buf, start, ahead, end, charged: 0, ctx: *ctx }
    }

    /// What reading depends on.
    pub fn context(&self) -> &Context {
        &self.ctx
    }

    /// Whether both sides have all features of the mask.
    #[inline]
    pub fn has(&self, mask: u64) -> bool {
        self.ctx.features & mask == mask
    }

    /// The number of bytes read so far.
    #[inline]
    pub fn position(&self) -> usize {
        self.place() - self.start
    }

    /// Where in `buf` the bytes ahead start.
    #[inline]
    fn place(&self) -> usize {
        self.end - self.ahead.len()
    }

    /// The number of bytes left in the innermost window.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.ahead.len()
    }

    /// Whether no bytes are left in the innermost window.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Reads `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        Ok(*self.run()?)
    }

    /// Reads `N` bytes as they lie in the input.
    #[inline]
    pub fn run<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        match self.ahead.split_first_chunk() {
            Some((run, ahead)) => {
                self.ahead = ahead;
                Ok(run)
            }
            None => Err(self.need(N)),
        }
    }

    /// The next `N` bytes, which stay unread.
    #[inline]
    pub fn peek<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        self.ahead.first_chunk().copied().ok_or_else(|| self.need(N))
    }

    /// Reads one byte.
    #[inline]
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = *self.run()?;
        Ok(byte)
    }

    /// Reads a boolean: a byte that is 0 or 1, or any byte if [`Context::booleans`] says so.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        let [byte] = self.peek()?;
        let boolean = self.to_bool(byte)?;
        self.skip(1);
        Ok(boolean)
    }

    /// The boolean that a byte stands for.
    #[inline]
    pub fn to_bool(&self, byte: u8) -> Result<bool, DecodeError> {
        match byte {
            0 => Ok(false),
            1 => Ok(true),
            _ if self.ctx.booleans == BooleanPolicy::Any => Ok(true),
            _ => Err(self.fail(DecodeErrorKind::NotBoolean { found: u64::from(byte) })),
        }
    }

    /// Reads `n` bytes as they lie in the input.
    #[inline]
    pub fn slice(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        match self.ahead.split_at_checked(n) {
            Some((slice, ahead)) => {
                self.ahead = ahead;
                Ok(slice)
            }
            None => Err(self.need(n)),
        }
    }

    /// Reads `n` bytes. They are shared with the input, not copied.
    #[inline]
    pub fn bytes(&mut self, n: usize) -> Result<Bytes, DecodeError> {
        if n == 0 {
            return Ok(Bytes::new());
        }
        if n > self.remaining() {
            return Err(self.need(n));
        }
        Ok(self.share(n))
    }

    /// The next `n` bytes, which are there.
    #[inline(never)]
    fn share(&mut self, n: usize) -> Bytes {
        let start = self.place();
        self.skip(n);
        self.buf.slice(start..start + n)
    }

    /// Goes on by `n` bytes, if they are there.
    #[inline]
    fn skip(&mut self, n: usize) {
        self.ahead = self.ahead.get(n..).unwrap_or(self.ahead);
    }

    /// Reads `n` bytes, which are left where they are.
    #[inline]
    pub fn view(&mut self, n: usize) -> Result<Slice<'a>, DecodeError> {
        Ok(Slice::new(self.buf, self.slice(n)?))
    }

    /// Reads a string of `n` bytes. They are shared with the input, not copied.
    #[inline]
    pub fn text(&mut self, n: usize) -> Result<Str, DecodeError> {
        self.bytes(n).map(Str::from)
    }

    /// Reads what is left in the innermost window.
    #[inline]
    pub fn rest(&mut self) -> Bytes {
        if self.is_empty() {
            return Bytes::new();
        }
        let n = self.remaining();
        self.bytes(n).unwrap_or_default()
    }

    /// Checks a length that was read: at most `max`, and that many bytes are there.
    #[inline]
    pub fn length(&self, n: u64, max: u64) -> Result<usize, DecodeError> {
        if n > max {
            return Err(self.fail(DecodeErrorKind::TooLong { length: n, max }));
        }
        match usize::try_from(n) {
            Ok(n) if n <= self.remaining() => Ok(n),
            Ok(n) => Err(self.need(n)),
            Err(_) => Err(self.need(usize::MAX)),
        }
    }

    /// Checks a number of elements that was read: at most `max`; as many elements of `min_size` bytes or more can lie
    /// ahead; and the memory they take, `footprint` bytes each, is within the limit.
    #[inline]
    pub fn count(&mut self, n: u64, max: u64, min_size: usize, footprint: usize) -> Result<usize, DecodeError> {
        if n > max {
            return Err(self.fail(DecodeErrorKind::TooMany { count: n, max }));
        }
        if u128::from(n) * min_size as u128 > self.remaining() as u128 {
            let at_most = (self.remaining() / min_size.max(1)) as u64;
            return Err(self.fail(DecodeErrorKind::CountExceedsInput { count: n, at_most }));
        }
        // Elements that take no memory are charged as well: reading them takes time.
        let charge = u128::from(n) * footprint.max(1) as u128;
        let left = self.ctx.limits.memory.saturating_sub(self.charged);
        match usize::try_from(charge) {
            Ok(charge) if charge <= left => self.charged += charge,
            _ => return Err(self.fail(DecodeErrorKind::Memory { max: self.ctx.limits.memory })),
        }
        usize::try_from(n).map_err(|_| self.need(usize::MAX))
    }

    /// Charges what another reader, which went ahead of this one, was charged with.
    #[inline]
    pub fn charge_as(&mut self, ahead: &Reader) {
        self.charged = ahead.charged;
    }

    /// Narrows the reader to the next `len` bytes.
    #[inline]
    pub fn open(&mut self, len: usize) -> Result<Window<'a>, DecodeError> {
        let Some((inside, after)) = self.ahead.split_at_checked(len) else { return Err(self.need(len)) };
        self.ahead = inside;
        self.end -= after.len();
        Ok(Window { after })
    }

    /// Ends a window: skips what is unread in it and returns it.
    #[inline]
    pub fn close(&mut self, window: Window<'a>) -> Bytes {
        let tail = self.rest();
        self.leave(window);
        tail
    }

    /// Goes on behind a window.
    #[inline]
    fn leave(&mut self, window: Window<'a>) {
        self.ahead = window.after;
        self.end += window.after.len();
    }

    /// What to keep of a value beyond its fields: version and compat if they differ from what would be written, and what
    /// is left in the innermost window, which is read.
    #[inline]
    pub fn origin(&mut self, version: Option<u32>, compat: Option<u32>) -> Origin {
        if version.is_none() && compat.is_none() && self.is_empty() {
            return Origin::default();
        }
        Origin::read(version, compat, self.rest())
    }

    /// The same at the end of a window, which it ends.
    #[inline]
    pub fn close_origin(&mut self, window: Window<'a>, version: Option<u32>, compat: Option<u32>) -> Origin {
        let origin = self.origin(version, compat);
        self.leave(window);
        origin
    }

    /// Ends a window: skips what is unread in it and keeps it as slack.
    #[inline]
    pub fn close_slack(&mut self, window: Window<'a>) -> Slack {
        let slack = Slack::read(self.ahead);
        self.leave(window);
        slack
    }

    /// Reads the head of an envelope and narrows the reader to its contents: the version, the oldest version a reader
    /// has to understand, and the window.
    #[inline]
    pub fn envelope(&mut self, newest: u32) -> Result<(u32, u32, Window<'a>), DecodeError> {
        let [version, compat, a, b, c, d] = self.peek()?;
        let (version, compat) = (u32::from(version), u32::from(compat));
        if compat > newest {
            return Err(self.fail(DecodeErrorKind::Incompatible { compat, understood: newest }));
        }
        self.skip(6);
        let length = self.length(u64::from(u32::from_le_bytes([a, b, c, d])), u64::MAX)?;
        let window = self.open(length)?;
        Ok((version, compat, window))
    }

    /// An error if bytes are left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            bytes => Err(self.fail(DecodeErrorKind::Trailing { bytes })),
        }
    }

    /// The bytes read since the position was `start`.
    pub fn since(&self, start: usize) -> &[u8] {
        self.between(start, self.position())
    }

    /// The bytes between two positions.
    pub fn between(&self, start: usize, end: usize) -> &[u8] {
        let at = |position| self.start.saturating_add(position);
        self.buf.get(at(start)..at(end)).unwrap_or_default()
    }

    /// What to keep of a checksum that was read.
    #[inline]
    pub fn checksum(&self, computed: u32, found: u32) -> Result<Checksum, DecodeError> {
        match self.ctx.checksums {
            ChecksumPolicy::Skip => Ok(Checksum::COMPUTED),
            _ if computed == found => Ok(Checksum::COMPUTED),
            ChecksumPolicy::Report => Ok(Checksum::read(found)),
            ChecksumPolicy::Verify => Err(self.fail(DecodeErrorKind::Checksum { expected: computed, found })),
        }
    }

    /// Whether checksums are not looked at.
    #[inline]
    pub fn skips_checksums(&self) -> bool {
        self.ctx.checksums == ChecksumPolicy::Skip
    }

    /// An error at the current position.
    #[cold]
    pub fn fail(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(self.position(), kind)
    }

    /// The error that `n` bytes are not there.
    #[cold]
    fn need(&self, n: usize) -> DecodeError {
        self.fail(DecodeErrorKind::NeedMore { needed: n.saturating_sub(self.remaining()) })
    }

    /// The unread bytes of the innermost window.
    #[inline]
    pub fn ahead(&self) -> &'a [u8] {
        self.ahead
    }
}

/// The `N` bytes at offset `O` of an array.
#[inline(always)]
pub fn part<const O: usize, const N: usize, const T: usize>(b: &[u8; T]) -> [u8; N] {
    const { assert!(O + N <= T) };
    let mut part = [0; N];
    part.copy_from_slice(&b[O..O + N]);
    part
}

/// Sets the `N` bytes at offset `O` of an array.
#[inline(always)]
pub fn set<const O: usize, const N: usize, const T: usize>(b: &mut [u8; T], part: [u8; N]) {
    const { assert!(O + N <= T) };
    b[O..O + N].copy_from_slice(&part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Limits;

    fn reader(bytes: &'static [u8]) -> Reader<'static> {
        // A reader borrows its input, which is to outlive the test's statement.
        Reader::new(&*Box::leak(Box::new(Bytes::from_static(bytes))), &Context::new(0b11))
    }

    fn kind<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> DecodeErrorKind {
        result.unwrap_err().kind().clone()
    }

    #[test]
    fn reads_arrays_and_stays_when_it_cannot() {
        let mut r = reader(&[1, 2, 3, 4, 5]);
        assert_eq!(r.peek(), Ok([1, 2]));
        assert_eq!(r.array(), Ok([1, 2]));
        assert_eq!(r.byte(), Ok(3));
        let e = r.array::<4>().unwrap_err();
        assert_eq!((e.offset(), e.kind()), (3, &DecodeErrorKind::NeedMore { needed: 2 }));
        assert_eq!((r.position(), r.remaining()), (3, 2));
        assert_eq!(kind(r.finish()), DecodeErrorKind::Trailing { bytes: 2 });
        assert_eq!(r.array(), Ok([4, 5]));
        assert!(r.is_empty());
        assert_eq!(r.array(), Ok([0; 0]));
        assert_eq!(r.finish(), Ok(()));
        assert_eq!(r.since(1), [2, 3, 4, 5]);
        assert!(r.since(6).is_empty());
    }

    #[test]
    fn reads_runs_by_reference() {
        let mut r = reader(&[1, 2, 3, 4, 5]);
        let window = r.open(4).unwrap();
        let run = *r.run::<3>().unwrap();
        assert_eq!((run, r.position()), ([1, 2, 3], 3));
        let e = r.run::<2>().unwrap_err();
        assert_eq!((e.offset(), e.kind()), (3, &DecodeErrorKind::NeedMore { needed: 1 }));
        assert_eq!(r.run(), Ok(&[4]));
        r.close(window);
        assert_eq!(r.run(), Ok(&[5]));
    }

    #[test]
    fn booleans_are_0_or_1() {
        let mut r = reader(&[0, 1, 2]);
        assert_eq!(r.boolean(), Ok(false));
        assert_eq!(r.boolean(), Ok(true));
        let e = r.boolean().unwrap_err();
        assert_eq!((e.offset(), e.kind()), (2, &DecodeErrorKind::NotBoolean { found: 2 }));
        assert_eq!(r.to_bool(1), Ok(true));
    }

    // covers: EN-10
    #[test]
    fn any_byte_but_0_is_true_if_that_is_wanted() {
        let bytes = Bytes::from_static(&[0, 1, 2, 255]);
        let ctx = Context { booleans: BooleanPolicy::Any, ..Context::default() };
        let mut r = Reader::new(&bytes, &ctx);
        assert_eq!([(); 4].map(|()| r.boolean()), [Ok(false), Ok(true), Ok(true), Ok(true)]);
    }

    #[test]
    fn has_takes_all_bits_of_the_mask() {
        let r = reader(&[]);
        assert!(r.has(0b01) && r.has(0b11) && !r.has(0b101));
        assert_eq!(r.context().features, 3);
    }

    #[test]
    fn bytes_are_shared_with_the_input() {
        let input = Bytes::from(vec![1, 2, 3, 4]);
        let mut r = Reader::new(&input, &Context::default());
        assert_eq!(r.bytes(0).unwrap(), Bytes::new());
        let two = r.bytes(2).unwrap();
        assert_eq!(two.as_ptr(), input.as_ptr());
        assert_eq!(kind(r.bytes(3)), DecodeErrorKind::NeedMore { needed: 1 });
        assert_eq!(r.text(1).unwrap(), Str::from("\u{3}"));
        assert_eq!(r.rest(), [4][..]);
        assert_eq!(r.rest(), Bytes::new());
    }

    #[test]
    fn views_are_read_on_their_own() {
        let input = Bytes::from_static(&[1, 2, 3, 4, 5]);
        let mut r = Reader::new(&input, &Context::default());
        r.byte().unwrap();
        let view = r.view(3).unwrap();
        assert_eq!((&*view, r.position()), (&[2, 3, 4][..], 4));
        assert_eq!(kind(r.view(2)), DecodeErrorKind::NeedMore { needed: 1 });
        let mut r = Reader::new(view, &Context::default());
        assert_eq!((r.position(), r.byte()), (0, Ok(2)));
        assert_eq!((r.since(0), r.between(1, 3)), (&[2][..], &[3, 4][..]));
        let e = r.array::<3>().unwrap_err();
        assert_eq!((e.offset(), e.kind()), (1, &DecodeErrorKind::NeedMore { needed: 1 }));
        assert_eq!(r.bytes(2).unwrap().as_ptr(), input[2..].as_ptr());
    }

    #[test]
    fn lengths_are_bounded() {
        let r = reader(&[0; 10]);
        assert_eq!(r.length(10, 10), Ok(10));
        assert_eq!(kind(r.length(11, 10)), DecodeErrorKind::TooLong { length: 11, max: 10 });
        assert_eq!(kind(r.length(11, 20)), DecodeErrorKind::NeedMore { needed: 1 });
        assert!(matches!(kind(r.length(u64::MAX, u64::MAX)), DecodeErrorKind::NeedMore { .. }));
    }

    // covers: EN-19, ER-27
    #[test]
    fn counts_are_bounded_by_the_input() {
        let mut r = reader(&[0; 10]);
        assert_eq!(r.count(5, 5, 2, 8), Ok(5));
        assert_eq!(kind(r.count(6, 5, 2, 8)), DecodeErrorKind::TooMany { count: 6, max: 5 });
        assert_eq!(kind(r.count(6, 6, 2, 8)), DecodeErrorKind::CountExceedsInput { count: 6, at_most: 5 });
        assert!(matches!(
            kind(r.count(u64::MAX, u64::MAX, usize::MAX, usize::MAX)),
            DecodeErrorKind::CountExceedsInput { at_most: 0, .. }
        ));
    }

    // covers: ER-27
    #[test]
    fn counts_are_bounded_by_memory() {
        let ctx = Context { limits: Limits { memory: 100 }, ..Context::default() };
        let input = Bytes::from_static(&[0; 10]);
        let mut r = Reader::new(&input, &ctx);
        assert_eq!(r.count(6, u64::MAX, 1, 10), Ok(6));
        assert_eq!(kind(r.count(5, u64::MAX, 1, 10)), DecodeErrorKind::Memory { max: 100 });
        assert_eq!(r.count(4, u64::MAX, 1, 10), Ok(4));
        assert_eq!(kind(r.count(1, u64::MAX, 1, 1)), DecodeErrorKind::Memory { max: 100 });
        assert_eq!(kind(r.count(u64::MAX, u64::MAX, 0, 0)), DecodeErrorKind::Memory { max: 100 });
        assert_eq!(kind(r.count(u64::MAX, u64::MAX, 0, usize::MAX)), DecodeErrorKind::Memory { max: 100 });
    }

    // covers: EN-13, EN-14
    #[test]
    fn windows_narrow_and_keep_the_tail() {
        let mut r = reader(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(kind(r.open(7)), DecodeErrorKind::NeedMore { needed: 1 });
        let outer = r.open(5).unwrap();
        let inner = r.open(3).unwrap();
        assert_eq!(r.byte(), Ok(1));
        assert_eq!(kind(r.array::<3>()), DecodeErrorKind::NeedMore { needed: 1 });
        assert_eq!(r.close(inner), [2, 3][..]);
        assert_eq!(r.remaining(), 2);
        assert_eq!(r.array(), Ok([4, 5]));
        assert_eq!(r.close(outer), Bytes::new());
        assert_eq!(r.remaining(), 1);
    }

    #[test]
    fn windows_keep_slack() {
        let mut r = reader(&[1, 0, 0, 9, 8, 7]);
        let window = r.open(3).unwrap();
        r.byte().unwrap();
        assert!(r.close_slack(window).is_zero());
        let window = r.open(2).unwrap();
        assert_eq!(r.close_slack(window).bytes(), Some(&[9, 8][..]));
        assert_eq!(r.byte(), Ok(7));
    }

    // covers: EN-11, EN-12
    #[test]
    fn envelopes_narrow() {
        let mut r = reader(&[3, 1, 2, 0, 0, 0, 0xaa, 0xbb, 0xcc]);
        let (version, compat, window) = r.envelope(2).unwrap();
        assert_eq!((version, compat, r.remaining()), (3, 1, 2));
        assert_eq!(r.close(window), [0xaa, 0xbb][..]);
        assert_eq!(r.remaining(), 1);
        assert_eq!(
            kind(reader(&[3, 3, 0, 0, 0, 0]).envelope(2)),
            DecodeErrorKind::Incompatible { compat: 3, understood: 2 }
        );
        assert_eq!(kind(reader(&[3, 1, 4, 0, 0, 0, 1]).envelope(2)), DecodeErrorKind::NeedMore { needed: 3 });
        assert_eq!(kind(reader(&[3, 1, 4, 0]).envelope(2)), DecodeErrorKind::NeedMore { needed: 2 });
    }

    #[test]
    fn checksums_follow_the_policy() {
        let input = Bytes::new();
        let with = |checksums| Reader::new(&input, &Context { checksums, ..Context::default() });
        let r = with(ChecksumPolicy::Verify);
        assert_eq!(r.checksum(5, 5), Ok(Checksum::COMPUTED));
        assert_eq!(kind(r.checksum(5, 6)), DecodeErrorKind::Checksum { expected: 5, found: 6 });
        assert!(!r.skips_checksums());
        let r = with(ChecksumPolicy::Report);
        assert_eq!(r.checksum(5, 5), Ok(Checksum::COMPUTED));
        assert_eq!(r.checksum(5, 6), Ok(Checksum::read(6)));
        let r = with(ChecksumPolicy::Skip);
        assert_eq!(r.checksum(5, 6), Ok(Checksum::COMPUTED));
        assert!(r.skips_checksums());
    }

    #[test]
    fn parts_of_arrays() {
        let mut run = [1, 2, 3, 4, 5, 6];
        assert_eq!(part::<1, 4, _>(&run), [2, 3, 4, 5]);
        assert_eq!(part::<6, 0, _>(&run), [0; 0]);
        set::<4, _, _>(&mut run, [9, 8]);
        assert_eq!(run, [1, 2, 3, 4, 9, 8]);
    }
}
