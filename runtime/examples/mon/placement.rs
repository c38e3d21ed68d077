//! Where an object lives.

use firefly_runtime::wire::pool::{ObjectHash, PgPool};

/// Separates the namespace from the name in what is hashed.
const NAMESPACE_END: u8 = 0x1f;

/// The full hash of an object (`object_locator_to_pg` in `src/osd/OSDMap.cc`). `None` if the pool hashes in a way that
/// nobody uses.
pub(crate) fn hash(pool: &PgPool, namespace: &str, name: &str) -> Option<u32> {
    if pool.object_hash != ObjectHash::RJENKINS {
        return None;
    }
    let mut text = namespace.as_bytes().to_vec();
    if !text.is_empty() {
        text.push(NAMESPACE_END);
    }
    text.extend_from_slice(name.as_bytes());
    Some(rjenkins(&text))
}

/// The number of the placement group (`ceph_stable_mod` in `src/include/rados.h`): growing a pool moves an object at
/// most into the new half of its group.
pub(crate) fn seed(pool: &PgPool, hash: u32) -> u32 {
    let mask = pool.pg_num.next_power_of_two().wrapping_sub(1);
    if hash & mask < pool.pg_num { hash & mask } else { hash & (mask >> 1) }
}

/// Robert Jenkins' hash of 1996 (`src/common/ceph_hash.cc`).
fn rjenkins(text: &[u8]) -> u32 {
    const GOLDEN_RATIO: u32 = 0x9e37_79b9;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
    let [mut a, mut b, mut c] = [GOLDEN_RATIO, GOLDEN_RATIO, 0];
    let mut blocks = text.chunks_exact(12);
    for block in &mut blocks {
        a = a.wrapping_add(word(&block[..4]));
        b = b.wrapping_add(word(&block[4..8]));
        c = c.wrapping_add(word(&block[8..]));
        [a, b, c] = mix(a, b, c);
    }
    // The lowest byte of the last word is for the length.
    let rest = blocks.remainder();
    let part = |from: usize, to: usize| word(rest.get(from.min(rest.len())..to.min(rest.len())).unwrap_or_default());
    a = a.wrapping_add(part(0, 4));
    b = b.wrapping_add(part(4, 8));
    c = c.wrapping_add(part(8, 11) << 8).wrapping_add(text.len() as u32);
    mix(a, b, c)[2]
}

fn mix(mut a: u32, mut b: u32, mut c: u32) -> [u32; 3] {
    for [right, left, last] in [[13, 8, 13], [12, 16, 5], [3, 10, 15]] {
        a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> right);
        b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << left);
        c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> last);
    }
    [a, b, c]
}
