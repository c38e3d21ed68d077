//! Encryption of whole values.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit};
use bytes::Bytes;
use cbc::cipher::block_padding::Pkcs7;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::codec::{Context, DecodeError, EncodeError, Reader, Sealed, Target, Wire, from_bytes, to_bytes};
use crate::random::Random;
use crate::wire::auth::{AES_IV, CryptoKey, CryptoType, SealedHead};
use crate::wire::prelude::UTime;

/// The block of the cipher, in bytes. It is also the length of the key.
pub(super) const BLOCK: usize = AES_IV.len();

/// A secret key, ready for use.
///
/// AES-128 in CBC mode with the constant initialization vector [`AES_IV`] and PKCS#7 padding; a key of type NONE leaves
/// plaintext as it is (`src/auth/Crypto.cc`; AU-24).
#[derive(Clone)]
pub struct Key {
    created: UTime,
    secret: Zeroizing<Vec<u8>>,
    cipher: Cipher,
}

#[derive(Clone)]
enum Cipher {
    None,
    Aes(Box<Aes128>),
}

/// Why bytes are no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No such cipher is known. Firefly silently encrypts nothing with such a key.
    #[error("cipher {0} is not known")]
    UnknownType(u16),
    /// The cipher needs more.
    #[error("a secret of {found} bytes, {needed} are needed")]
    TooShort {
        /// The length it has to have, in bytes.
        needed: usize,
        /// The length it has.
        found: usize,
    },
    /// The bytes are not laid out as a key. The text tells where, not what is there.
    #[error("not a key: {0}")]
    Malformed(DecodeError),
}

/// Why a sealed value cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// It was sealed with another key, or damaged.
    #[error("sealed with another key")]
    WrongKey,
    /// What was sealed is not the value expected.
    #[error("what is sealed cannot be read: {0}")]
    Malformed(DecodeError),
}

impl Key {
    /// A key from its secret. Only the first 16 bytes count for AES.
    ///
    /// # Errors
    /// When the cipher is not known or needs a longer secret.
    pub fn new(r#type: CryptoType, created: UTime, secret: &[u8]) -> Result<Key, KeyError> {
        let cipher = match r#type {
            CryptoType::NONE => Cipher::None,
            CryptoType::AES => {
                let key = secret.first_chunk::<BLOCK>();
                let key = key.ok_or(KeyError::TooShort { needed: BLOCK, found: secret.len() })?;
                Cipher::Aes(Box::new(Aes128::new(key.into())))
            }
            other => return Err(KeyError::UnknownType(other.0)),
        };
        Ok(Key { created, secret: Zeroizing::new(secret.to_vec()), cipher })
    }

    /// A key from the bytes of a [`CryptoKey`], all of them.
    ///
    /// # Errors
    /// When they are no key.
    pub fn from_wire_bytes(bytes: Zeroizing<Vec<u8>>) -> Result<Key, KeyError> {
        let key: CryptoKey = from_bytes(Bytes::from_owner(bytes), &Context::default()).map_err(KeyError::Malformed)?;
        Key::try_from(&key)
    }

    /// A new key for AES: random numbers, encrypted with this one. Only who has this key can tell it from the numbers,
    /// which need not be secret but must be others each time.
    pub fn derive(&self, random: &mut Random, created: UTime) -> Key {
        let [block] = &*self.derive_block(random);
        let cipher = Cipher::Aes(Box::new(Aes128::new(block.into())));
        Key { created, secret: Zeroizing::new(block.to_vec()), cipher }
    }

    /// A number that is made in the same way.
    pub(super) fn derive_number(&self, random: &mut Random) -> u64 {
        let [block] = &*self.derive_block(random);
        block.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
    }

    fn derive_block(&self, random: &mut Random) -> Zeroizing<[[u8; BLOCK]; 1]> {
        let mut block = Zeroizing::new([[0; BLOCK]]);
        let numbers = [random.next_u64(), random.next_u64()];
        let bytes = numbers.into_iter().flat_map(u64::to_le_bytes);
        block.as_flattened_mut().iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        self.encrypt_blocks(&mut *block);
        block
    }

    /// The cipher.
    pub fn r#type(&self) -> CryptoType {
        match self.cipher {
            Cipher::None => CryptoType::NONE,
            Cipher::Aes(_) => CryptoType::AES,
        }
    }

    /// When it was made.
    pub fn created(&self) -> &UTime {
        &self.created
    }

    /// Seals a value: encrypts it behind a [`SealedHead`].
    ///
    /// # Errors
    /// When the value cannot be written.
    pub fn seal<T: Wire>(&self, value: &T) -> Result<Sealed<T>, EncodeError> {
        self.seal_for(value, 0)
    }

    /// Seals a value in the form for a reader with these features.
    ///
    /// # Errors
    /// When the value cannot be written.
    pub fn seal_for<T: Wire>(&self, value: &T, features: u64) -> Result<Sealed<T>, EncodeError> {
        Ok(Sealed::new(self.encrypt(&plaintext(value, Target::exact(features))?).into()))
    }

    /// Opens a sealed value. What lies behind it in the plaintext does not count, nor does the version in the head.
    ///
    /// # Errors
    /// When it was sealed with another key, or is something else.
    pub fn unseal<T: Wire>(&self, sealed: &Sealed<T>) -> Result<T, UnsealError> {
        let plaintext = Bytes::from_owner(self.decrypt(&sealed.ciphertext)?);
        let mut r = Reader::new(&plaintext, &Context::default());
        SealedHead::decode(&mut r).map_err(|_| UnsealError::WrongKey)?;
        T::decode(&mut r).map_err(UnsealError::Malformed)
    }

    /// Encrypts bytes.
    pub fn encrypt(&self, plaintext: &[u8]) -> Vec<u8> {
        match &self.cipher {
            Cipher::None => plaintext.to_vec(),
            Cipher::Aes(aes) => encryptor(aes).encrypt_padded_vec::<Pkcs7>(plaintext),
        }
    }

    /// Decrypts bytes.
    ///
    /// # Errors
    /// When what comes out is not padded as it should be: it was encrypted with another key.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let plaintext = match &self.cipher {
            Cipher::None => ciphertext.to_vec(),
            Cipher::Aes(aes) => cbc::Decryptor::inner_iv_init(&**aes, AES_IV.into())
                .decrypt_padded_vec::<Pkcs7>(ciphertext)
                .map_err(|_| UnsealError::WrongKey)?,
        };
        Ok(Zeroizing::new(plaintext))
    }

    /// Encrypts whole blocks in place, without padding.
    pub(super) fn encrypt_blocks(&self, blocks: &mut [[u8; BLOCK]]) {
        let Cipher::Aes(aes) = &self.cipher else { return };
        let mut previous = *AES_IV;
        for block in blocks {
            block.iter_mut().zip(previous).for_each(|(byte, previous)| *byte ^= previous);
            aes.encrypt_block(block.into());
            previous = *block;
        }
    }
}

fn encryptor(aes: &Aes128) -> cbc::Encryptor<&Aes128> {
    cbc::Encryptor::inner_iv_init(aes, AES_IV.into())
}

/// The bytes to encrypt. Room for all of them is reserved at first, so that no copy of them is left behind.
fn plaintext<T: Wire>(value: &T, target: Target) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
    let mut plaintext = Zeroizing::new(Vec::with_capacity(SealedHead::MIN_SIZE + value.size(target)));
    plaintext.extend_from_slice(&to_bytes(&SealedHead::default(), target)?);
    let value = to_bytes(value, target)?;
    plaintext.extend_from_slice(&value);
    if let Ok(mut value) = value.try_into_mut() {
        value.as_mut().zeroize();
    }
    Ok(plaintext)
}

impl TryFrom<&CryptoKey> for Key {
    type Error = KeyError;

    fn try_from(key: &CryptoKey) -> Result<Key, KeyError> {
        Key::new(key.r#type, key.created, &key.secret)
    }
}

impl From<&Key> for CryptoKey {
    /// The key as it is sent. Its `Debug` shows the secret: keep it no longer than needed.
    fn from(key: &Key) -> CryptoKey {
        let secret = Bytes::from_owner(key.secret.clone());
        CryptoKey { r#type: key.r#type(), created: key.created, secret }
    }
}

impl PartialEq for Key {
    /// Whether both are the same secret for the same cipher, whenever they were made. Takes as long for any two
    /// secrets of the same length.
    fn eq(&self, other: &Key) -> bool {
        self.r#type() == other.r#type() && bool::from(self.secret.ct_eq(&other.secret))
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("type", &self.r#type()).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::codec::{DecodeErrorKind, hex};
    use crate::wire::auth::{
        CephXAuthorize, CephXAuthorizeReply, CephXAuthorizer, CephXAuthorizerReply, CephXTicketBlob,
    };
    use crate::wire::cephx::CephXServerChallenge;

    /// The key of the test vectors: 00 01 … 0f.
    pub(in crate::auth) fn key() -> Key {
        Key::new(CryptoType::AES, UTime::default(), &std::array::from_fn::<u8, 16, _>(|i| i as u8)).unwrap()
    }

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(&text.replace(' ', "")).unwrap()
    }

    // covers: AU-24
    #[test]
    fn bytes_are_encrypted_as_in_vector_a8() {
        let plaintext = bytes("00112233445566778899aabbccddeeff");
        let ciphertext = key().encrypt(&plaintext);
        assert_eq!(ciphertext, bytes("b38f5bc9354cf8c61315666f37d7793a 11907be9d83c3570587b979b03d2a501"));
        assert_eq!(*key().decrypt(&ciphertext).unwrap(), plaintext);
    }

    // covers: AU-24
    #[test]
    fn an_authorizer_is_sealed_as_in_vector_a11() {
        let nonce = 0x0102_0304_0506_0708;
        let authorizer = CephXAuthorizer {
            global_id: 4100,
            service_id: 4,
            ticket: CephXTicketBlob { secret_id: 2, blob: vec![0xaa; 32].into(), ..CephXTicketBlob::default() },
            authorize: key().seal(&CephXAuthorize { nonce, ..CephXAuthorize::default() }).unwrap(),
            ..CephXAuthorizer::default()
        };
        let wanted = format!(
            "0104100000000000000400000001020000000000000020000000{}20000000{}",
            "aa".repeat(32),
            "a55120bcd8ab6459d0a1941b16a04415da70cbef7e276d3732e4d02a8c04ca2e"
        );
        assert_eq!(to_bytes(&authorizer, Target::default()).unwrap(), bytes(&wanted));
        assert_eq!(key().unseal(&authorizer.authorize).unwrap().nonce, nonce);

        let reply = CephXAuthorizeReply { nonce_plus_one: nonce + 1, ..CephXAuthorizeReply::default() };
        let reply = CephXAuthorizerReply { reply: key().seal(&reply).unwrap() };
        let wanted = "20000000 397a7071c75a6ce953f4594aadf68e1e00ac3bbe4f0e0260b526f46d00726871";
        assert_eq!(to_bytes(&reply, Target::default()).unwrap(), bytes(wanted));
    }

    #[test]
    fn a_key_is_written_as_in_vector_a13() {
        let wire = bytes("0100 00a0c553 00000000 1000 000102030405060708090a0b0c0d0e0f");
        let read = Key::from_wire_bytes(Zeroizing::new(wire.clone())).unwrap();
        assert_eq!(read, key());
        assert_eq!(read.created().tv_sec, 0x53c5_a000);
        assert_eq!(to_bytes(&CryptoKey::from(&read), Target::default()).unwrap(), wire);
    }

    #[test]
    fn another_key_opens_nothing() {
        let sealed = key().seal(&CephXServerChallenge { server_challenge: 7, ..Default::default() }).unwrap();
        let other = Key::new(CryptoType::AES, UTime::default(), &[7; 16]).unwrap();
        assert_eq!(other.unseal(&sealed), Err(UnsealError::WrongKey));
        let none = Key::new(CryptoType::NONE, UTime::default(), &[]).unwrap();
        assert_eq!(none.unseal(&sealed), Err(UnsealError::WrongKey));
        for cut in 0..sealed.ciphertext.len() {
            let cut = Sealed::new(sealed.ciphertext.slice(..cut));
            assert!(key().unseal::<CephXServerChallenge>(&cut).is_err());
        }
    }

    #[test]
    fn what_lies_behind_a_value_does_not_count_but_what_is_missing_does() {
        let sealed = key().seal(&CephXServerChallenge { server_challenge: 7, ..Default::default() }).unwrap();
        let plaintext = key().decrypt(&sealed.ciphertext).unwrap();
        let longer = Sealed::new(key().encrypt(&[&plaintext[..], &[9; 5]].concat()).into());
        assert_eq!(key().unseal::<CephXServerChallenge>(&longer).unwrap().server_challenge, 7);
        let shorter = Sealed::new(key().encrypt(&plaintext[..plaintext.len() - 1]).into());
        let Err(UnsealError::Malformed(error)) = key().unseal::<CephXServerChallenge>(&shorter) else { panic!() };
        assert!(matches!(error.kind(), DecodeErrorKind::NeedMore { needed: 1 }), "{error}");
    }

    #[test]
    fn a_key_of_type_none_leaves_bytes_as_they_are() {
        let none = Key::new(CryptoType::NONE, UTime::default(), &[]).unwrap();
        assert_eq!(none.encrypt(b"plain"), b"plain");
        let sealed = none.seal(&CephXServerChallenge { server_challenge: 7, ..Default::default() }).unwrap();
        assert_eq!(sealed.ciphertext, bytes("01 55aa2688ad9c00ff 01 0700000000000000"));
        assert_eq!(none.unseal(&sealed).unwrap().server_challenge, 7);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = |r#type, secret: &[u8]| Key::new(r#type, UTime::default(), secret);
        assert_eq!(key(CryptoType(9), &[0; 16]), Err(KeyError::UnknownType(9)));
        assert_eq!(key(CryptoType::AES, &[0; 15]), Err(KeyError::TooShort { needed: 16, found: 15 }));
        let malformed = Key::from_wire_bytes(Zeroizing::new(vec![1, 0]));
        assert!(matches!(malformed, Err(KeyError::Malformed(_))));
    }

    #[test]
    fn longer_secrets_are_cut() {
        let longer: Vec<u8> = (0..20).collect();
        let longer = Key::new(CryptoType::AES, UTime::default(), &longer).unwrap();
        assert_eq!(longer.encrypt(b"x"), key().encrypt(b"x"));
    }

    #[test]
    fn a_key_does_not_show_its_secret() {
        assert_eq!(format!("{:?}", key()), "Key { type: AES, .. }");
    }

    #[test]
    fn a_key_that_is_made_is_random_numbers_encrypted() {
        let mut random = Random::new(1);
        let created = UTime { tv_sec: 5, tv_nsec: 6 };
        let made = key().derive(&mut random, created);
        let numbers = {
            let mut random = Random::new(1);
            [random.next_u64(), random.next_u64()].map(u64::to_le_bytes).concat()
        };
        assert_eq!(made.secret[..], key().encrypt(&numbers)[..BLOCK]);
        assert_eq!((made.r#type(), made.created()), (CryptoType::AES, &created));
        // It is ready for use.
        assert_eq!(*made.decrypt(&made.encrypt(b"text")).unwrap(), b"text");
        assert_ne!(made, key().derive(&mut random, created));
        assert_ne!(made, made.derive(&mut Random::new(1), created));
    }
}
