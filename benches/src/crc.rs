//! CRC-32C as Ceph uses it: initial state 0, nothing inverted.

use crc_fast::CrcAlgorithm::Crc32Iscsi;

/// With `crc-fast`.
#[inline]
pub fn fast(data: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new_with_init_state(Crc32Iscsi, 0);
    digest.update(data);
    digest.get_state() as u32
}

/// With `crc32c`, which inverts the state before and after.
#[inline]
pub fn sse(data: &[u8]) -> u32 {
    !crc32c::crc32c_append(!0, data)
}

#[cfg(test)]
mod tests {
    /// The header of an MPing, whose checksum is known.
    const PING: [u8; 49] = {
        let mut header = [0; 49];
        header[0] = 1;
        header[16] = 2;
        header[18] = 0x7f;
        header[20] = 1;
        header[36] = 8;
        let mut i = 37;
        while i < 45 {
            header[i] = 0xff;
            i += 1;
        }
        header[45] = 1;
        header
    };

    #[test]
    fn both_compute_the_checksum_of_a_real_header() {
        assert_eq!(super::fast(&PING), 0x2d24_92e0);
        assert_eq!(super::sse(&PING), 0x2d24_92e0);
    }
}
