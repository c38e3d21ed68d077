//! What a connection shows of how its ends prove who they are. It is kept until the keys of all connections are known:
//! a ticket is given out on one and used on another.

use bytes::Bytes;
use firefly_runtime::auth::Covered;
use firefly_runtime::session::{Envelope, covered};
use firefly_runtime::wire::auth::{MAuth, MAuthReply};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{Connect, ConnectReply, FooterFlags, MsgFooter};

use super::log::Spot;

/// What a connection shows.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Whether messages are to be kept.
    pub(super) keeps_messages: bool,
    /// The rounds of the handshake.
    pub(super) rounds: Vec<Round>,
    /// What the client said to a monitor.
    pub(super) requests: Vec<(Spot, MAuth)>,
    /// What the monitor said.
    pub(super) replies: Vec<(Spot, MAuthReply)>,
    /// Messages with room for a signature.
    pub(super) messages: Vec<Signed>,
}

/// A client's try to open the connection, and the answer.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) spot: Spot,
    pub(super) connect: Connect,
    pub(super) answer: Option<(Spot, ConnectReply)>,
}

/// A message with room for a signature.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) spot: Spot,
    pub(super) number: u16,
    pub(super) covered: Covered,
    pub(super) sig: u64,
    pub(super) is_signed: bool,
    pub(super) features: u64,
}

impl Evidence {
    /// The client's next try.
    pub(super) fn connect(&mut self, connect: &Connect, spot: Spot) {
        self.rounds.push(Round { spot, connect: connect.clone(), answer: None });
    }

    /// The server's answer to it.
    pub(super) fn reply(&mut self, reply: &ConnectReply, spot: Spot) {
        if let Some(round) = self.rounds.last_mut() {
            round.answer = Some((spot, reply.clone()));
        }
    }

    /// What a message says.
    pub(super) fn payload(&mut self, payload: &Payload, spot: Spot) {
        match payload {
            _ if !self.keeps_messages => {}
            Payload::MAuth(request) => self.requests.push((spot, MAuth::clone(request))),
            Payload::MAuthReply(reply) => self.replies.push((spot, MAuthReply::clone(reply))),
            _ => {}
        }
    }

    /// A message as it was on the stream.
    pub(super) fn message(&mut self, envelope: &Envelope, frame: &Bytes, features: u64, spot: Spot) {
        if !self.keeps_messages || features & Features::MSG_AUTH.0 == 0 {
            return;
        }
        let Some(footer) = frame.last_chunk().map(MsgFooter::from_array) else { return };
        if let Some(covered) = covered(frame, &footer, features) {
            let Envelope { number, sig, flags, .. } = *envelope;
            let is_signed = is_signed(flags, sig);
            self.messages.push(Signed { spot, number, covered, sig, is_signed, features });
        }
    }
}

/// Whether a message is signed, as far as it tells.
pub(super) fn is_signed(flags: FooterFlags, sig: u64) -> bool {
    flags.contains(FooterFlags::SIGNED) || sig != 0
}
