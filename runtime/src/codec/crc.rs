//! CRC-32C.

use crc_fast::CrcAlgorithm::Crc32Iscsi;

/// A variant of CRC-32C (Castagnoli): the initial state, and what the final state is combined with.
///
/// Ceph's is `Crc32c::new(0, 0)`; the one of iSCSI is `Crc32c::new(!0, !0)`.
#[derive(Clone, Copy, Debug)]
pub struct Crc32c {
    init: u32,
    xorout: u32,
}

impl Crc32c {
    /// The variant with this initial state, and these bits of the final state inverted.
    pub const fn new(init: u32, xorout: u32) -> Self {
        Crc32c { init, xorout }
    }

    /// The checksum of the bytes.
    #[inline(always)]
    pub fn of(&self, data: &[u8]) -> u32 {
        if data.is_empty() { self.init ^ self.xorout } else { self.of_some(data) }
    }

    fn of_some(&self, data: &[u8]) -> u32 {
        // Starting from the usual initial state is quicker, as no parameters are set up. A CRC is linear: the final
        // state for another initial state differs by what the difference becomes over as many bytes of zero.
        match from_ones_over(data.len()) {
            Some(difference) if self.init == 0 => !crc_fast::crc32_iscsi(data) ^ difference ^ self.xorout,
            _ => {
                let mut digest = self.digest();
                digest.update(data);
                digest.finish()
            }
        }
    }

    /// A checksum of bytes that come in pieces.
    pub fn digest(&self) -> Digest {
        Digest { inner: crc_fast::Digest::new_with_init_state(Crc32Iscsi, u64::from(self.init)), xorout: self.xorout }
    }
}

/// A checksum under computation.
#[derive(Clone, Debug)]
pub struct Digest {
    inner: crc_fast::Digest,
    xorout: u32,
}

impl Digest {
    /// Goes on with these bytes.
    #[inline]
    pub fn update(&mut self, data: &[u8]) {
        self.inner.update(data);
    }

    /// The checksum of all bytes.
    #[inline]
    pub fn finish(self) -> u32 {
        // The state has 32 bits.
        self.inner.get_state() as u32 ^ self.xorout
    }
}

/// The size of a sector, of which long data usually are a multiple.
const SECTOR: usize = 512;

/// What the state of all ones becomes over so many bytes of zero, for small numbers and for not too many sectors.
#[inline]
fn from_ones_over(n: usize) -> Option<&'static u32> {
    if n < SECTOR {
        FROM_ONES.get(n)
    } else if n.is_multiple_of(SECTOR) {
        FROM_ONES_SECTORS.get(n / SECTOR)
    } else {
        None
    }
}

/// What the state of all ones becomes over 0, 1, 2, … bytes of zero.
static FROM_ONES: [u32; SECTOR] = powers(&over_zeros(1));

/// What it becomes over 0, 1, 2, … sectors of zero.
static FROM_ONES_SECTORS: [u32; 257] = powers(&over_zeros(SECTOR));

/// What each bit of a state becomes over so many bytes of zero.
const fn over_zeros(bytes: usize) -> [u32; 32] {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut image = [0; 32];
    let mut i = 0;
    while i < 32 {
        let mut state: u32 = 1 << i;
        let mut bit = 0;
        while bit < 8 * bytes {
            state = if state & 1 == 1 { (state >> 1) ^ POLYNOMIAL } else { state >> 1 };
            bit += 1;
        }
        image[i] = state;
        i += 1;
    }
    image
}

/// The state of all ones, and what it becomes when each bit is replaced by its image again and again.
const fn powers<const N: usize>(image: &[u32; 32]) -> [u32; N] {
    let mut states = [u32::MAX; N];
    let mut n = 1;
    while n < N {
        let mut state = 0;
        let mut i = 0;
        while i < 32 {
            if states[n - 1] >> i & 1 == 1 {
                state ^= image[i];
            }
            i += 1;
        }
        states[n] = state;
        n += 1;
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeded(seed: u32, data: &[u8]) -> u32 {
        Crc32c::new(seed, 0).of(data)
    }

    // covers: EN-17
    #[test]
    fn matches_ceph() {
        assert_eq!(seeded(0, b"123456789"), 0x58e3_fa20);
        assert_eq!(seeded(0, b"foo bar baz"), 4_119_623_852);
        assert_eq!(seeded(1234, b"foo bar baz"), 881_700_046);
        assert_eq!(seeded(0, b"whiz bang boom"), 2_360_230_088);
        assert_eq!(seeded(5678, b"whiz bang boom"), 3_743_019_208);
        assert_eq!(seeded(0, &[1; 5]), 2_715_569_182);
        assert_eq!(seeded(0, &[1; 35]), 440_531_800);
        assert_eq!(seeded(0, &[0; 5000]), 0);
        assert_eq!(seeded(0, &[]), 0);
        assert_eq!(seeded(1234, &[]), 1234);
    }

    #[test]
    fn matches_iscsi() {
        assert_eq!(Crc32c::new(!0, !0).of(b"123456789"), 0xe306_9283);
    }

    /// One bit at a time.
    fn slow(init: u32, data: &[u8]) -> u32 {
        data.iter().fold(init, |state, b| {
            (0..8).fold(state ^ u32::from(*b), |s, _| if s & 1 == 1 { (s >> 1) ^ 0x82f6_3b78 } else { s >> 1 })
        })
    }

    #[test]
    fn is_right_for_all_lengths() {
        let data: Vec<u8> = (0..1100_u32).map(|i| ((i * i) >> 3) as u8).collect();
        for n in (0..=data.len()).step_by(7).chain(500..520).chain(1020..1030) {
            assert_eq!(seeded(0, &data[..n]), slow(0, &data[..n]), "{n} bytes");
            assert_eq!(seeded(99, &data[..n]), slow(99, &data[..n]), "{n} bytes");
            assert_eq!(Crc32c::new(0, !0).of(&data[..n]), !slow(0, &data[..n]), "{n} bytes");
        }
    }

    #[test]
    fn is_right_for_whole_sectors() {
        let data: Vec<u8> = (0..0x20400_u32).map(|i| (i.wrapping_mul(i) >> 3) as u8).collect();
        for n in [4096, 0x1fe00, 0x20000, 0x20200] {
            assert_eq!(seeded(0, &data[..n]), slow(0, &data[..n]), "{n} bytes");
            assert_eq!(Crc32c::new(0, !0).of(&data[..n]), !slow(0, &data[..n]), "{n} bytes");
        }
    }

    #[test]
    fn pieces_add_up() {
        let data: Vec<u8> = (0..=255).collect();
        for crc in [Crc32c::new(0, 0), Crc32c::new(!0, !0), Crc32c::new(7, 9)] {
            let mut digest = crc.digest();
            digest.update(&data[..100]);
            digest.update(&[]);
            digest.update(&data[100..]);
            assert_eq!(digest.finish(), crc.of(&data));
        }
    }
}
