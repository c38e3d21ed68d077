//! Signatures of messages.

use std::fmt;

use subtle::ConstantTimeEq;

use super::crypto::{BLOCK, Key};
use crate::codec::{Target, to_bytes};
use crate::wire::auth::SealedHead;
use crate::wire::features::Features;
use crate::wire::transport::{MsgFooter, MsgHeader, MsgHeaderOld};

/// What is signed of a message: fields of its header and footer as they are sent, right or wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the fields")]
pub struct Covered {
    pub seq: u64,
    pub header_crc: u32,
    pub front_len: u32,
    pub front_crc: u32,
    pub middle_len: u32,
    pub middle_crc: u32,
    pub data_len: u32,
    pub data_crc: u32,
}

impl Covered {
    /// What is signed of a message with this header and footer.
    pub fn of(header: &MsgHeader, footer: &MsgFooter) -> Covered {
        Covered { seq: header.seq, header_crc: header.crc, ..Covered::default() }
            .with_lengths(header.front_len, header.middle_len, header.data_len)
            .with_checksums(footer)
    }

    /// The same with the old header.
    pub fn of_old(header: &MsgHeaderOld, footer: &MsgFooter) -> Covered {
        Covered { seq: header.seq, header_crc: header.crc, ..Covered::default() }
            .with_lengths(header.front_len, header.middle_len, header.data_len)
            .with_checksums(footer)
    }

    fn with_lengths(self, front_len: u32, middle_len: u32, data_len: u32) -> Covered {
        Covered { front_len, middle_len, data_len, ..self }
    }

    fn with_checksums(self, footer: &MsgFooter) -> Covered {
        let MsgFooter { front_crc, middle_crc, data_crc, .. } = *footer;
        Covered { front_crc, middle_crc, data_crc, ..self }
    }
}

/// How a signature is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureForm {
    /// Firefly's: the first word of the sealed checksums. With the cipher and what is sealed in front of them, only the
    /// lower 24 bits of the header's checksum count (`src/auth/cephx/CephxSessionHandler.cc`; AU-25, AU-26).
    Sealed,
    /// That of later peers: checksums, lengths and the lower half of the number encrypted as they are, all words
    /// combined by XOR (MD-17).
    Encrypted,
}

impl SignatureForm {
    /// The form that both sides of a connection with these features use.
    pub fn for_features(features: u64) -> SignatureForm {
        if features & Features::CEPHX_V2.0 == 0 { SignatureForm::Sealed } else { SignatureForm::Encrypted }
    }
}

/// Signs the messages of a session, and checks signatures.
#[derive(Clone)]
pub struct Signer {
    key: Key,
    form: SignatureForm,
    /// What stands in front of the checksum of the header in [`SignatureForm::Sealed`].
    head: [u8; HEAD],
}

/// The sealed head and the length of the sealed blob.
const HEAD: usize = SEALED_HEAD + size_of::<u32>();
const SEALED_HEAD: usize = <SealedHead as crate::codec::Wire>::MIN_SIZE;

impl Signer {
    /// A signer with the session key of an authorizer, which stays the same for all connections that use the ticket
    /// (AU-35). With a key of type NONE the form [`SignatureForm::Sealed`] yields a constant (AU-33).
    pub fn new(session_key: &Key, form: SignatureForm) -> Signer {
        // Four checksums.
        let length = 4 * size_of::<u32>() as u32;
        let mut head = [0; HEAD];
        let sealed = to_bytes(&SealedHead::default(), Target::default()).unwrap_or_default();
        head.iter_mut().zip(sealed.iter().copied().chain(length.to_le_bytes())).for_each(|(to, from)| *to = from);
        Signer { key: session_key.clone(), form, head }
    }

    /// The signature of a message.
    pub fn sign(&self, covered: &Covered) -> u64 {
        match self.form {
            SignatureForm::Sealed => self.sealed(covered),
            SignatureForm::Encrypted => self.encrypted(covered),
        }
    }

    /// Whether a message has the signature it should have. Takes as long for a wrong one.
    pub fn verify(&self, covered: &Covered, sig: u64) -> bool {
        self.sign(covered).ct_eq(&sig).into()
    }

    /// Only the first block of what would be sealed is needed.
    fn sealed(&self, covered: &Covered) -> u64 {
        let mut block = [0; BLOCK];
        let plaintext = self.head.into_iter().chain(covered.header_crc.to_le_bytes());
        block.iter_mut().zip(plaintext).for_each(|(to, from)| *to = from);
        let mut blocks = [block];
        self.key.encrypt_blocks(&mut blocks);
        words(&blocks).next().unwrap_or_default()
    }

    fn encrypted(&self, covered: &Covered) -> u64 {
        let Covered { seq, header_crc, front_len, front_crc, middle_len, middle_crc, data_len, data_crc } = *covered;
        let lower = (seq & u64::from(u32::MAX)) as u32;
        let fields = [header_crc, front_crc, front_len, middle_crc, middle_len, data_crc, data_len, lower];
        let mut blocks = [[0; BLOCK]; 2];
        let plaintext = fields.into_iter().flat_map(u32::to_le_bytes);
        blocks.as_flattened_mut().iter_mut().zip(plaintext).for_each(|(to, from)| *to = from);
        self.key.encrypt_blocks(&mut blocks);
        words(&blocks).fold(0, |sig, word| sig ^ word)
    }
}

fn words(blocks: &[[u8; BLOCK]]) -> impl Iterator<Item = u64> {
    let (words, _) = blocks.as_flattened().as_chunks();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

impl fmt::Debug for Signer {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("form", &self.form).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::crypto::tests::key;
    use super::*;
    use crate::wire::auth::CryptoType;
    use crate::wire::prelude::UTime;

    fn covered(header_crc: u32) -> Covered {
        Covered { header_crc, ..Covered::default() }
    }

    // covers: AU-26
    #[test]
    fn a_message_is_signed_as_in_vector_a10() {
        let signer = Signer::new(&key(), SignatureForm::Sealed);
        let sig = 0x1dbe_aa5c_8f04_6408;
        assert_eq!(signer.sign(&covered(0x2d24_92e0)), sig);
        // The other checksums, and the upper bits of that of the header, do not count.
        let others = Covered { front_crc: 1, middle_crc: 2, data_crc: 3, ..covered(0x2d24_92e0) };
        assert_eq!(signer.sign(&others), sig);
        assert_eq!(signer.sign(&covered(0xff24_92e0)), sig);
        assert_eq!(signer.sign(&covered(0x2d24_92e1)), 0x7e05_9981_3d83_8ce7);
        assert!(signer.verify(&covered(0x2d24_92e0), sig));
        assert!(!signer.verify(&covered(0x2d24_92e0), sig ^ 1));
    }

    #[test]
    fn the_short_way_is_that_of_sealing_everything() {
        let head = to_bytes(&SealedHead::default(), Target::default()).unwrap();
        let crcs = [0x2d24_92e0u32, 1, 2, 3].map(u32::to_le_bytes).concat();
        let sealed = key().encrypt(&[&head[..], &16u32.to_le_bytes(), &crcs].concat());
        let signer = Signer::new(&key(), SignatureForm::Sealed);
        assert_eq!(
            sealed.first_chunk().map(|word| u64::from_le_bytes(*word)),
            Some(signer.sign(&covered(0x2d24_92e0)))
        );
    }

    #[test]
    fn without_a_cipher_the_signature_is_a_constant() {
        let none = Key::new(CryptoType::NONE, UTime::default(), &[]).unwrap();
        assert_eq!(Signer::new(&none, SignatureForm::Sealed).sign(&covered(5)), 0x009c_ad88_26aa_5501);
    }

    // later peers: MD-17
    #[test]
    fn later_peers_sign_everything() {
        let none = Key::new(CryptoType::NONE, UTime::default(), &[]).unwrap();
        let covered = Covered {
            seq: 0xffff_ffff_0000_0008,
            header_crc: 0x10,
            front_crc: 0x200,
            front_len: 0x3000,
            middle_crc: 0x4_0000,
            middle_len: 0x50_0000,
            data_crc: 0x600_0000,
            data_len: 0x7000_0000,
        };
        // Without a cipher the words show the places of the fields.
        let words = [0x0000_0200_0000_0010u64, 0x0004_0000_0000_3000, 0x0600_0000_0050_0000, 0x0000_0008_7000_0000];
        let wanted = words.into_iter().fold(0, |sig, word| sig ^ word);
        assert_eq!(Signer::new(&none, SignatureForm::Encrypted).sign(&covered), wanted);
        let signer = Signer::new(&key(), SignatureForm::Encrypted);
        let sig = signer.sign(&covered);
        for changed in [
            Covered { seq: covered.seq + 1, ..covered },
            Covered { front_len: 0, ..covered },
            Covered { data_crc: 0, ..covered },
        ] {
            assert!(!signer.verify(&changed, sig));
        }
        assert!(signer.verify(&covered, sig));
    }

    #[test]
    fn the_features_of_the_connection_choose_the_form() {
        assert_eq!(SignatureForm::for_features(Features::MSG_AUTH.0), SignatureForm::Sealed);
        let later = Features::MSG_AUTH.0 | Features::CEPHX_V2.0;
        assert_eq!(SignatureForm::for_features(later), SignatureForm::Encrypted);
    }

    #[test]
    fn a_signer_does_not_show_its_key() {
        assert_eq!(format!("{:?}", Signer::new(&key(), SignatureForm::Sealed)), "Signer { form: Sealed, .. }");
    }
}
