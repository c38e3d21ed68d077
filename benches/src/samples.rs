//! What all samples are made of.

/// Numbers that look random and are the same in every run (SplitMix64).
#[derive(Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence that belongs to a seed.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// So many bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next_u64() as u8).take(n).collect()
    }

    /// A number that leads from sample `i` of `n` to its successor. The samples form one cycle; `n` is a power of two.
    pub fn link(&mut self, i: usize, n: usize) -> u64 {
        debug_assert!(n.is_power_of_two());
        ((self.next_u64() >> 16) * n as u64) + ((5 * i + 3) % n) as u64
    }
}
