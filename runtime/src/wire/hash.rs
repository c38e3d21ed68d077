//! How the names of objects are hashed.

/// The hash of a name in pools whose `object_hash` is RJENKINS: Robert Jenkins' hash of 1996, begun with 0.
pub(super) fn rjenkins(name: &[u8]) -> u32 {
    let (blocks, rest) = name.as_chunks::<12>();
    let mut state = [0x9e37_79b9_u32, 0x9e37_79b9, 0];
    for block in blocks {
        state = mixed(added(state, block));
    }
    // The length takes the lowest byte of the last word, so that the last three bytes are one place further up.
    let mut last = [0; 12];
    for (i, byte) in rest.iter().enumerate() {
        last[if i < 8 { i } else { i + 1 }] = *byte;
    }
    let [a, b, c] = added(state, &last);
    let [.., hash] = mixed([a, b, c.wrapping_add(name.len() as u32)]);
    hash
}

/// Adds twelve bytes as three words.
fn added(state: [u32; 3], bytes: &[u8; 12]) -> [u32; 3] {
    let (words, _) = bytes.as_chunks::<4>();
    std::array::from_fn(|i| state[i].wrapping_add(u32::from_le_bytes(words[i])))
}

/// Mixes three words, so that each bit changes each other.
fn mixed(mut words: [u32; 3]) -> [u32; 3] {
    const SHIFTS: [i32; 9] = [-13, 8, -13, -12, 16, -5, -3, 10, -15];
    for (i, shift) in SHIFTS.into_iter().enumerate() {
        let (one, next, last) = (i % 3, (i + 1) % 3, (i + 2) % 3);
        let moved = if shift < 0 { words[last] >> -shift } else { words[last] << shift };
        words[one] = words[one].wrapping_sub(words[next]).wrapping_sub(words[last]) ^ moved;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::rjenkins;

    #[test]
    fn names_have_the_hashes_that_clusters_place_them_by() {
        for (name, hash) in [("", 0xbd49_d10d), ("foo", 0x7fc1_f406_u32), ("rbd_directory", 0x30a9_8c1c)] {
            assert_eq!(rjenkins(name.as_bytes()), hash, "{name}");
        }
    }
}
