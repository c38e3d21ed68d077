//! The rounds of a handshake: what an answer may be, and what may follow it. The same for who takes part and for who
//! looks on.

use super::accept::Decision;
use super::{Existing, PeerMisbehaved};
use crate::wire::features::{FEATURES_IF_RESERVED, Features};
use crate::wire::transport::{Connect, ConnectReply, Tag};

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Frames, in both directions (READY).
    Frames,
    /// What both sides received before, the server's number first; then frames (SEQ).
    Exchange,
    /// Another try of the client, if it likes.
    Try,
}

/// What comes after an answer with this tag (HS-38, HS-39).
///
/// # Errors
/// [`PeerMisbehaved::BadReplyTag`] when it is none of a handshake.
pub fn after_reply(tag: Tag) -> Result<After, PeerMisbehaved> {
    match tag {
        Tag::READY => Ok(After::Frames),
        Tag::SEQ => Ok(After::Exchange),
        Tag::RESETSESSION | Tag::WAIT | Tag::RETRY_SESSION | Tag::RETRY_GLOBAL => Ok(After::Try),
        Tag::BADPROTOVER | Tag::BADAUTHORIZER | Tag::FEATURES | Tag::CHALLENGE_AUTHORIZER => Ok(After::Try),
        _ => Err(PeerMisbehaved::BadReplyTag(tag)),
    }
}

/// Judges the numbers of an answer to a try (HS-21, RC-06).
///
/// # Errors
/// [`PeerMisbehaved::ConnectSeqMismatch`] when an accepted connection is not the one after that of the try (ER-19),
/// [`PeerMisbehaved::ConnectSeqNotGreater`] when the client is to go on with a number that is not above its own (ER-18).
pub fn judge_reply(connect: &Connect, reply: &ConnectReply) -> Result<(), PeerMisbehaved> {
    let (ours, theirs) = (connect.connect_seq, reply.connect_seq);
    let expected = ours.wrapping_add(1);
    match reply.tag {
        Tag::READY | Tag::SEQ if theirs != expected => Err(PeerMisbehaved::ConnectSeqMismatch { expected, theirs }),
        Tag::RETRY_SESSION if theirs <= ours => Err(PeerMisbehaved::ConnectSeqNotGreater { ours, theirs }),
        _ => Ok(()),
    }
}

/// The features of a connection whose sides say that they have these (HS-26).
pub fn negotiated(client: Features, server: Features) -> u64 {
    sanitized(client) & sanitized(server)
}

/// The feature word that a received one stands for (HS-35, HS-36; `ceph_sanitize_features` in
/// `src/include/ceph_features.h`).
pub(super) fn sanitized(features: Features) -> u64 {
    if features.0 & Features::RESERVED.0 == 0 { features.0 } else { FEATURES_IF_RESERVED }
}

impl Decision {
    /// The tag with which a client is told, and the number that goes with RETRY_GLOBAL and RETRY_SESSION.
    pub fn answer(self, connect: &Connect) -> (Tag, Option<u32>) {
        let resumes = connect.features.contains(Features::RECONNECT_SEQ);
        match self {
            Decision::Open | Decision::Restart { .. } => (Tag::READY, None),
            Decision::Continue | Decision::Supersede => (if resumes { Tag::SEQ } else { Tag::READY }, None),
            Decision::RetryGlobal(number) => (Tag::RETRY_GLOBAL, Some(number)),
            Decision::RetrySession(number) => (Tag::RETRY_SESSION, Some(number)),
            Decision::ResetSession => (Tag::RESETSESSION, None),
            Decision::Wait => (Tag::WAIT, None),
        }
    }

    /// Whether a client is told so by this answer.
    pub fn is_told_by(self, connect: &Connect, reply: &ConnectReply) -> bool {
        let number = match reply.tag {
            Tag::RETRY_GLOBAL => Some(reply.global_seq),
            Tag::RETRY_SESSION => Some(reply.connect_seq),
            _ => None,
        };
        self.answer(connect) == (reply.tag, number)
    }

    /// The requirement that demands it.
    pub fn rule(self, existing: Option<&Existing>, connect: &Connect) -> &'static str {
        match self {
            Decision::Open if connect.connect_seq > 0 => "RC-19",
            Decision::Open => "HS-21",
            Decision::Continue if existing.is_some_and(|e| e.connect_seq == connect.connect_seq) => "RC-23",
            Decision::Continue if !connect.features.contains(Features::RECONNECT_SEQ) => "RC-10",
            Decision::Continue => "RC-09",
            Decision::Restart { reset: true } => "RC-04",
            Decision::Restart { reset: false } => "RC-05",
            Decision::Supersede => "RC-03",
            Decision::RetryGlobal(_) => "RC-01",
            Decision::RetrySession(_) if existing.is_some_and(|e| e.connect_seq == connect.connect_seq) => "RC-07",
            Decision::RetrySession(_) => "RC-06",
            Decision::ResetSession if existing.is_some() => "RC-20",
            Decision::ResetSession => "RC-18",
            Decision::Wait => "RC-24",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(tag: Tag, connect_seq: u32) -> ConnectReply {
        ConnectReply { tag, connect_seq, ..ConnectReply::default() }
    }

    // covers: HS-38
    #[test]
    fn only_tags_of_a_handshake_answer_a_try() {
        let known = (0..=255).filter(|tag| after_reply(Tag(*tag)).is_ok()).collect::<Vec<u8>>();
        assert_eq!(known, [1, 2, 3, 4, 5, 10, 11, 12, 13, 16]);
        assert_eq!(after_reply(Tag::CLOSE), Err(PeerMisbehaved::BadReplyTag(Tag::CLOSE)));
        assert_eq!((after_reply(Tag::READY), after_reply(Tag::SEQ)), (Ok(After::Frames), Ok(After::Exchange)));
        assert_eq!(after_reply(Tag::WAIT), Ok(After::Try));
    }

    // covers: ER-18, ER-19, HS-21
    #[test]
    fn the_number_of_an_answer_depends_on_that_of_the_try() {
        let connect = Connect { connect_seq: 3, ..Connect::default() };
        for tag in [Tag::READY, Tag::SEQ] {
            assert_eq!(judge_reply(&connect, &reply(tag, 4)), Ok(()));
            let wrong = PeerMisbehaved::ConnectSeqMismatch { expected: 4, theirs: 3 };
            assert_eq!(judge_reply(&connect, &reply(tag, 3)), Err(wrong));
        }
        assert_eq!(judge_reply(&connect, &reply(Tag::RETRY_SESSION, 4)), Ok(()));
        let wrong = PeerMisbehaved::ConnectSeqNotGreater { ours: 3, theirs: 3 };
        assert_eq!(judge_reply(&connect, &reply(Tag::RETRY_SESSION, 3)), Err(wrong));
        assert_eq!(judge_reply(&connect, &reply(Tag::RETRY_GLOBAL, 0)), Ok(()));
    }

    // covers: HS-26, HS-35, HS-36
    #[test]
    fn what_both_sides_have_counts() {
        assert_eq!(negotiated(Features(0b0110), Features(0b0011)), 0b0010);
        let reserved = Features(Features::RESERVED.0);
        assert_eq!(negotiated(reserved, Features(u64::MAX >> 1)), 0x1_ffff_ffff);
    }

    // covers: RC-03, RC-09, RC-10
    #[test]
    fn a_connection_that_takes_anothers_place_is_told_with_seq_if_the_client_knows_that() {
        let old = Connect::default();
        let new = Connect { features: Features(Features::RECONNECT_SEQ.0), ..Connect::default() };
        for decision in [Decision::Continue, Decision::Supersede] {
            assert_eq!((decision.answer(&old).0, decision.answer(&new).0), (Tag::READY, Tag::SEQ));
        }
        for decision in [Decision::Open, Decision::Restart { reset: false }] {
            assert_eq!(decision.answer(&new), (Tag::READY, None));
        }
        assert!(Decision::RetrySession(4).is_told_by(&new, &reply(Tag::RETRY_SESSION, 4)));
        assert!(!Decision::RetrySession(4).is_told_by(&new, &reply(Tag::RETRY_SESSION, 5)));
        assert!(!Decision::Open.is_told_by(&new, &reply(Tag::SEQ, 1)));
    }
}
