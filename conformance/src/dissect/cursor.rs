//! Where reading stands in each part of a message.

use firefly_spec::model::{Int, Section};

use super::Parts;

/// One part: its bytes, the next one to read, and where the innermost frame ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) end: usize,
}

impl<'a> Cursor<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes, at: 0, end: bytes.len() }
    }

    /// How many bytes are left in the innermost frame.
    pub(super) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// The bytes from one offset to another; none if there are no such.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// The next bytes, if there are so many.
    pub(super) fn peek(&self, count: u64) -> Option<&'a [u8]> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        if end > self.end { None } else { self.bytes.get(self.at..end) }
    }
}

/// All parts.
#[derive(Debug)]
pub(super) struct Cursors<'a> {
    front: Cursor<'a>,
    middle: Cursor<'a>,
    data: Cursor<'a>,
}

impl<'a> Cursors<'a> {
    pub(super) fn new(parts: &Parts<'a>) -> Self {
        Cursors { front: Cursor::new(parts.front), middle: Cursor::new(parts.middle), data: Cursor::new(parts.data) }
    }

    pub(super) fn get(&self, section: Section) -> &Cursor<'a> {
        match section {
            Section::Front => &self.front,
            Section::Middle => &self.middle,
            Section::Data => &self.data,
        }
    }

    pub(super) fn get_mut(&mut self, section: Section) -> &mut Cursor<'a> {
        match section {
            Section::Front => &mut self.front,
            Section::Middle => &mut self.middle,
            Section::Data => &mut self.data,
        }
    }
}

/// The number that the bytes of an integer stand for.
pub(super) fn number(int: Int, bytes: &[u8]) -> i128 {
    let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    of_pattern(int, if int.big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
}

/// The number that a pattern stands for as this integer.
fn of_pattern(int: Int, pattern: u64) -> i128 {
    if int.signed { signed(pattern, int.bits) } else { pattern.into() }
}

/// Whether an integer can be the number.
pub(super) fn fits(int: Int, number: i128) -> bool {
    of_pattern(int, pattern(number, int.bits)) == number
}

/// The number that a pattern of so many bits stands for in two's complement.
fn signed(pattern: u64, bits: u8) -> i128 {
    let unused = 64_u32.saturating_sub(bits.into()).min(63);
    i128::from((pattern << unused).cast_signed() >> unused)
}

/// The pattern of so many bits that a number has on the wire.
pub(super) fn pattern(number: i128, bits: u8) -> u64 {
    let mask = u64::MAX.checked_shr(64_u32.saturating_sub(bits.into())).unwrap_or(0);
    (number & i128::from(u64::MAX)) as u64 & mask
}
