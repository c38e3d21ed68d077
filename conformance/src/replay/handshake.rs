//! What both sides say to open a connection, and the rules for it.

use firefly_runtime::wire::features::{FEATURES_ALL, FEATURES_IF_RESERVED, Features};
use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};

use super::authorizer;
use super::finding::{Severity, Text};
use super::log::{Log, Spot};
use super::side::{Lost, Phase};

/// The rounds so far: what the client sent last, and what the server answered last.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    connect: Option<Connect>,
    reply: Option<ConnectReply>,
    awaits_reply: bool,
}

impl Handshake {
    /// Whether it is the server's turn.
    pub(super) fn awaits_reply(&self) -> bool {
        self.awaits_reply
    }

    /// The features of the connection: those that both sides have. A side that was not heard is taken to have all of
    /// the time.
    pub(super) fn features(&self) -> u64 {
        let client = self.connect.as_ref().map_or(FEATURES_ALL, |connect| sane(connect.features));
        let server = self.reply.as_ref().map_or(FEATURES_ALL, |reply| sane(reply.features));
        client & server
    }

    /// What follows the rounds, once they are over.
    pub(super) fn next(&self) -> Option<Phase> {
        match self.reply.as_ref()?.tag {
            Tag::READY => Some(Phase::Open(self.features())),
            Tag::SEQ => Some(Phase::Exchange),
            tag if is_handshake(tag) => None,
            _ => Some(Phase::Lost(Lost {
                severity: Severity::Warning,
                rule: "HS-38",
                text: "bytes that follow such a reply".into(),
                skip: 0,
                features: Some(self.features()),
            })),
        }
    }

    /// Whether an old session goes on without the sides having told what they received in it.
    pub(super) fn resumes_blindly(&self) -> bool {
        let ready = self.reply.as_ref().is_some_and(|reply| reply.tag == Tag::READY);
        ready && self.connect.as_ref().is_some_and(|connect| connect.connect_seq > 0)
    }

    /// Whether the server has not answered anything yet.
    pub(super) fn is_unanswered(&self) -> bool {
        self.reply.is_none()
    }

    /// The client's next try.
    pub(super) fn connect(&mut self, connect: Connect, spot: Spot, log: &mut Log<'_>) {
        if let (Some(before), Some(reply)) = (&self.connect, &self.reply)
            && let Some((rule, text)) = retry_fault(before, reply, &connect)
        {
            log.add(Severity::Warning, rule, spot, text);
        }
        authorizer::check_connect(&connect, spot, log);
        if let Some(evidence) = &mut log.evidence {
            evidence.connect(&connect, spot);
        }
        self.connect = Some(connect);
        self.awaits_reply = true;
    }

    /// The server's answer to it.
    pub(super) fn reply(&mut self, reply: ConnectReply, spot: Spot, log: &mut Log<'_>) {
        if let Some((rule, text)) = reply_fault(self.connect.as_ref(), &reply) {
            log.add(Severity::Error, rule, spot, text);
        }
        if let Some(connect) = &self.connect {
            authorizer::check_reply(connect, &reply, spot, log);
        }
        if let Some(evidence) = &mut log.evidence {
            evidence.reply(&reply, spot);
        }
        self.reply = Some(reply);
        self.awaits_reply = false;
    }
}

/// A feature word as it is to be understood.
fn sane(word: Features) -> u64 {
    if word.contains(Features::RESERVED) { FEATURES_IF_RESERVED } else { word.0 }
}

/// What is wrong with a try that follows an answer.
fn retry_fault(before: &Connect, reply: &ConnectReply, retry: &Connect) -> Option<(&'static str, Text)> {
    let (sent, seq) = (retry.global_seq, retry.connect_seq);
    match reply.tag {
        Tag::RETRY_GLOBAL if sent <= reply.global_seq => Some((
            "RC-02",
            Text::new("global_seq is not raised", format!("expected more than {}, found {sent}", reply.global_seq)),
        )),
        Tag::RETRY_GLOBAL if seq != before.connect_seq => Some((
            "RC-02",
            Text::new("connect_seq is changed", format!("expected {}, found {seq}", before.connect_seq)),
        )),
        Tag::RETRY_SESSION if seq != reply.connect_seq => Some((
            "RC-08",
            Text::new("connect_seq is not the one asked for", format!("expected {}, found {seq}", reply.connect_seq)),
        )),
        Tag::RESETSESSION if seq != 0 => {
            Some(("RC-21", Text::new("the session is not started anew", format!("connect_seq is {seq}"))))
        }
        Tag::WAIT => Some(("RC-25", "the client does not wait".into())),
        _ => None,
    }
}

/// Whether a server may answer so.
fn is_handshake(tag: Tag) -> bool {
    let opening = [Tag::READY, Tag::SEQ, Tag::RESETSESSION, Tag::WAIT, Tag::RETRY_SESSION, Tag::RETRY_GLOBAL];
    let refusing = [Tag::BADPROTOVER, Tag::BADAUTHORIZER, Tag::FEATURES, Tag::CHALLENGE_AUTHORIZER];
    opening.contains(&tag) || refusing.contains(&tag)
}

/// What is wrong with an answer.
fn reply_fault(connect: Option<&Connect>, reply: &ConnectReply) -> Option<(&'static str, Text)> {
    if !is_handshake(reply.tag) {
        return Some(("HS-38", Text::new("the tag of the reply is none of a handshake", format!("{:?}", reply.tag))));
    }
    let connect = connect?;
    let expected = connect.connect_seq.wrapping_add(1);
    match reply.tag {
        Tag::SEQ if !connect.features.contains(Features::RECONNECT_SEQ) => {
            Some(("RC-10", "SEQ to a client that did not offer it".into()))
        }
        Tag::READY | Tag::SEQ if reply.connect_seq != expected => Some((
            "HS-21",
            Text::new("connect_seq of the reply is wrong", format!("expected {expected}, found {}", reply.connect_seq)),
        )),
        _ => None,
    }
}
