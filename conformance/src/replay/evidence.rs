//! What a connection shows of how its ends prove who they are. It is kept until the keys of all connections are known:
//! a ticket is given out on one and used on another.

use bytes::Bytes;
use firefly_runtime::auth::Covered;
use firefly_runtime::codec::{Context, DecodeError, Wire, from_bytes};
use firefly_runtime::wire::auth::{MAuth, MAuthReply};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::transport::{Close, Connect, ConnectReply, FooterFlags, MsgFooter, MsgHeader, MsgHeaderOld};

use super::log::Spot;

/// What a connection shows.
#[derive(Debug, Default)]
pub(super) struct Evidence {
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
#[derive(Debug)]
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
            Payload::MAuth(request) => self.requests.push((spot, request.clone())),
            Payload::MAuthReply(reply) => self.replies.push((spot, reply.clone())),
            _ => {}
        }
    }

    /// A message as it was on the stream.
    pub(super) fn message(&mut self, frame: &Bytes, features: u64, spot: Spot) {
        if features & Features::MSG_AUTH.0 != 0
            && let Ok(signed) = signed(frame, features, spot)
        {
            self.messages.push(signed);
        }
    }
}

/// Whether a message is signed, as far as it tells.
pub(super) fn is_signed(flags: FooterFlags, sig: u64) -> bool {
    flags.contains(FooterFlags::SIGNED) || sig != 0
}

/// The fields that are signed, as they were sent.
fn signed(frame: &Bytes, features: u64, spot: Spot) -> Result<Signed, DecodeError> {
    /// A tag by itself is a frame.
    const TAG: usize = Close::MIN_SIZE;
    let footer: MsgFooter = part(frame, frame.len().saturating_sub(MsgFooter::MIN_SIZE), MsgFooter::MIN_SIZE)?;
    let (number, covered) = if features & Features::NOSRCADDR.0 == 0 {
        let header: MsgHeaderOld = part(frame, TAG, MsgHeaderOld::MIN_SIZE)?;
        (header.r#type.0, Covered::of_old(&header, &footer))
    } else {
        let header: MsgHeader = part(frame, TAG, MsgHeader::MIN_SIZE)?;
        (header.r#type.0, Covered::of(&header, &footer))
    };
    let is_signed = is_signed(footer.flags, footer.sig);
    Ok(Signed { spot, number, covered, sig: footer.sig, is_signed, features })
}

fn part<T: Wire>(frame: &Bytes, at: usize, size: usize) -> Result<T, DecodeError> {
    let end = frame.len().min(at.saturating_add(size));
    from_bytes(frame.slice(at.min(end)..end), &Context::default())
}
