//! The rounds of a handshake: whose turn it is, and what follows.

use super::super::answer::{After, after_reply, judge_reply, negotiated};
use super::Oddity;
use crate::wire::features::{FEATURES_ALL, Features};
use crate::wire::transport::{Connect, ConnectReply, Tag};

/// What the client sent last, and what the server answered last.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    connect: Option<Connect>,
    reply: Option<ConnectReply>,
    awaits_reply: bool,
}

impl Rounds {
    /// Whether it is the server's turn.
    pub(super) fn awaits_reply(&self) -> bool {
        self.awaits_reply
    }

    /// Whether the server has not answered anything yet.
    pub(super) fn is_unanswered(&self) -> bool {
        self.reply.is_none()
    }

    /// The features of the connection: those that both sides have. A side that was not heard is taken to have all of
    /// the time.
    pub(super) fn features(&self) -> u64 {
        let all = Features(FEATURES_ALL);
        negotiated(
            self.connect.as_ref().map_or(all, |connect| connect.features),
            self.reply.as_ref().map_or(all, |reply| reply.features),
        )
    }

    /// What follows the last answer; nothing is known to follow one with a tag that is none.
    pub(super) fn after(&self) -> Option<After> {
        self.reply.as_ref().map_or(Some(After::Try), |reply| after_reply(reply.tag).ok())
    }

    /// Whether an old session goes on without the sides having told what they received in it (RC-15).
    pub(super) fn resumes_blindly(&self) -> bool {
        let ready = self.reply.as_ref().is_some_and(|reply| reply.tag == Tag::READY);
        ready && self.connect.as_ref().is_some_and(|connect| connect.connect_seq > 0)
    }

    /// The client's next try. What is odd about it.
    pub(super) fn connect(&mut self, connect: Connect) -> Option<Oddity> {
        let before = self.connect.as_ref().zip(self.reply.as_ref());
        let oddity = before.and_then(|(before, reply)| disobeys(before, reply, &connect));
        self.connect = Some(connect);
        self.awaits_reply = true;
        oddity
    }

    /// The server's answer to it. What is odd about that.
    pub(super) fn reply(&mut self, reply: ConnectReply) -> Option<Oddity> {
        let connect = self.connect.as_ref();
        let oddity = match after_reply(reply.tag) {
            Err(fault) => Some(Oddity::BadReply(fault)),
            Ok(After::Exchange) if connect.is_some_and(|c| !c.features.contains(Features::RECONNECT_SEQ)) => {
                Some(Oddity::SeqNotOffered)
            }
            Ok(_) => connect.and_then(|connect| judge_reply(connect, &reply).err()).map(Oddity::BadReply),
        };
        self.reply = Some(reply);
        self.awaits_reply = false;
        oddity
    }
}

/// How a try does not do what the answer to the one before asks for (RC-02, RC-08, RC-21, RC-25).
fn disobeys(before: &Connect, reply: &ConnectReply, retry: &Connect) -> Option<Oddity> {
    let (global_seq, found) = (retry.global_seq, retry.connect_seq);
    match reply.tag {
        Tag::RETRY_GLOBAL if global_seq <= reply.global_seq => {
            Some(Oddity::GlobalSeqNotRaised { given: reply.global_seq, found: global_seq })
        }
        Tag::RETRY_GLOBAL if found != before.connect_seq => {
            Some(Oddity::ConnectSeqChanged { expected: before.connect_seq, found })
        }
        Tag::RETRY_SESSION if found != reply.connect_seq => {
            Some(Oddity::ConnectSeqNotTaken { expected: reply.connect_seq, found })
        }
        Tag::RESETSESSION if found != 0 => Some(Oddity::NotStartedAnew { found }),
        Tag::WAIT => Some(Oddity::NotWaiting),
        _ => None,
    }
}
