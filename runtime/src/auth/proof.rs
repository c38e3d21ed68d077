//! Showing to a monitor that one has a key.

use super::crypto::Key;
use crate::codec::EncodeError;
use crate::wire::cephx::CephXChallengeBlob;

/// What a client answers to a monitor's challenge: both challenges sealed with the client's own key, written with the
/// length in front, and the words of that combined by XOR. Bytes that fill no word at the end do not take part
/// (`cephx_calc_client_server_challenge` in `src/auth/cephx/CephxProtocol.cc`; MA-08).
///
/// # Errors
/// Never, as long as the challenges can be written.
pub fn challenge_proof(key: &Key, server_challenge: u64, client_challenge: u64) -> Result<u64, EncodeError> {
    let sealed = key.seal(&CephXChallengeBlob { server_challenge, client_challenge })?.ciphertext;
    let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_le_bytes();
    let bytes = [&length[..], &sealed].concat();
    let (words, _) = bytes.as_chunks();
    Ok(words.iter().fold(0, |proof, word| proof ^ u64::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use super::super::crypto::tests::key;
    use super::*;

    // covers: MA-08
    #[test]
    fn a_challenge_is_answered_as_in_vector_a9() {
        assert_eq!(challenge_proof(&key(), 0x1122_3344_5566_7788, 0x99aa_bbcc_ddee_ff00), Ok(0x4fad_d850_10bc_ad18));
    }
}
