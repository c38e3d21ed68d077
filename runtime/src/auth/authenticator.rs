//! What a handshake asks of an authentication protocol.

use bytes::Bytes;

use super::Key;
use crate::random::Random;
use crate::wire::address::EntityType;
use crate::wire::auth::AuthProtocol;
use crate::wire::prelude::UTime;

/// Proves who one is in handshakes, and judges the proofs of others. Answers at once: whoever needs tickets first gets
/// them before connecting.
pub trait Authenticator {
    /// The authorizer to show to a peer of this type, or `None` to show none (protocol UNKNOWN). `refused` says that the
    /// last one was answered with BADAUTHORIZER: what it was made of should be renewed.
    fn authorizer(&mut self, peer: EntityType, refused: bool, moment: &mut Moment<'_>) -> Option<Authorizer>;

    /// The authorizer that answers a challenge of a later peer (MD-15).
    ///
    /// # Errors
    /// When the challenge cannot be read, or there are no challenges in the protocol.
    fn answer(
        &mut self,
        authorizer: &Authorizer,
        challenge: &Bytes,
        moment: &mut Moment<'_>,
    ) -> Result<Authorizer, AuthError>;

    /// Whether the peer's reply proves that it could read the authorizer.
    ///
    /// # Errors
    /// When it does not.
    fn verify_reply(&mut self, authorizer: &Authorizer, reply: &Bytes) -> Result<(), AuthError>;

    /// Judges the authorizer of a peer that connects.
    fn verify(&mut self, request: &Request<'_>, moment: &mut Moment<'_>) -> Verdict;

    /// Whether a peer of this type that shows a cephx authorizer must be able to sign (AU-22).
    fn requires_signatures(&self, peer: EntityType) -> bool {
        let _ = peer;
        false
    }

    /// Whether messages are signed, and signatures looked at (`cephx_sign_messages`).
    fn signs(&self) -> bool {
        true
    }
}

/// What else an answer depends on.
#[derive(Debug)]
pub struct Moment<'a> {
    /// The time of day.
    pub wall: UTime,
    /// Where nonces come from.
    pub random: &'a mut Random,
}

/// A proof of identity for one try of a handshake.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// The protocol, as the connect record names it.
    pub protocol: AuthProtocol,
    /// What is sent.
    pub bytes: Bytes,
    /// The random number the reply must relate to.
    pub nonce: u64,
    /// The key that signs the messages of the session.
    pub session_key: Option<Key>,
}

/// What a peer showed in its connect record.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What it says to be.
    pub peer: EntityType,
    /// The protocol of the authorizer.
    pub protocol: AuthProtocol,
    /// The authorizer.
    pub authorizer: &'a Bytes,
    /// What the two sides have in common, later peers' CEPHX_V2 for one.
    pub features: u64,
    /// The challenge that was sent in answer to its last authorizer on this connection.
    pub challenge: Option<u64>,
}

/// What to do with a peer that connects.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Let it in.
    Accept {
        /// What proves to it that the authorizer was read; empty if nothing does.
        reply: Bytes,
        /// The key that signs the messages of the session.
        session_key: Option<Key>,
    },
    /// Ask it to prove that the authorizer is fresh.
    Challenge {
        /// What is sent to it.
        reply: Bytes,
        /// The challenge inside.
        challenge: u64,
    },
    /// Answer BADAUTHORIZER.
    Reject(AuthError),
}

/// Why a proof of identity does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The peer refused ours, twice.
    #[error("the peer refused the authorizer")]
    Refused,
    /// The protocol is none that is allowed here.
    #[error("authentication protocol {0:?} is not allowed")]
    ProtocolNotAllowed(AuthProtocol),
    /// It is not laid out as it should be. The text tells where, not what is there.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The key with which the ticket is sealed is not known.
    #[error("no secret {secret_id} of service {service_id}")]
    UnknownSecret {
        /// The entity type of the service.
        service_id: u32,
        /// The number of the secret.
        secret_id: u64,
    },
    /// It was sealed with another key.
    #[error("sealed with another key")]
    WrongKey,
    /// The ticket belongs to somebody else.
    #[error("the ticket is for global id {expected}, not {found}")]
    GlobalId {
        /// The owner.
        expected: u64,
        /// Who showed it.
        found: u64,
    },
    /// The answer relates to another question: it may have been recorded.
    #[error("the answer is not to what was asked")]
    WrongNonce,
    /// A challenge was not answered, or asked for where there are none.
    #[error("the challenge was not met")]
    Challenge,
    /// The ticket is no longer good.
    #[error("the ticket expired")]
    Expired,
    /// The monitor refused, with a negated errno.
    #[error("the monitor refused with {0}")]
    Result(i32),
    /// There is no ticket or key for this.
    #[error("no key or ticket for it")]
    NoKey,
}
