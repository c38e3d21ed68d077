//! What an endpoint says beside what was said in its place.

use bytes::Bytes;
use firefly_runtime::codec::{Target, Wire, to_bytes};
use firefly_runtime::session::{Element, Envelope, Expect};
use firefly_runtime::wire::transport::{Connect, ConnectReply, FooterFlags, Frame, MessageFrame, Tag};

use super::people::PersonId;
use super::story::{Link, Step, reading};
use super::world::World;

impl World<'_> {
    /// Compares what a side said with what the endpoint says in its place, to the byte but for `global_seq` where the
    /// sender draws it.
    pub(super) fn check(&mut self, step: &Step, link: &Link, element: &Element, bytes: &Bytes) {
        let (expect, kind) = match element {
            Element::Banner => (Expect::Banner, "banner".into()),
            Element::ServerHello(_) => (Expect::ServerHello, "server hello".into()),
            Element::ClientHello(_) => (Expect::ClientHello, "client hello".into()),
            Element::Connect(connect) => (Expect::Connect, self.kind_of(step, link, connect)),
            Element::Reply(reply) => (Expect::Reply, format!("reply {:?}", reply.tag)),
            Element::Seq(_) => (Expect::Seq, format!("number behind SEQ, {}", step.side)),
            Element::Frame(Frame::Message(frame)) => return self.check_message(step, link, frame),
            Element::Frame(frame) => return self.check_ack(step, frame),
        };
        let Some(person) = self.end(step.link, step.side).person else {
            return self.tally.skip("banners of clients that did not say who they are");
        };
        self.end(step.link, step.side).tries += usize::from(matches!(expect, Expect::Connect | Expect::Reply));
        let ours = self.live(step.link, step.side).map(|(_, transport)| self.nodes[person].said(transport, expect));
        let Some(Some(ours)) = ours else {
            let why = if ours.is_some() { "ours says nothing" } else { "ours is closed" };
            let difference = self.at(step, &format!("{}, {why}", brief(element)));
            return self.tally.compare(kind, Some(difference));
        };
        let mine = reading().decode(expect, ours.clone()).expect("what an endpoint says");
        let equal = match (element, &mine) {
            (Element::Connect(theirs), Element::Connect(connect)) => {
                let masked = Connect { global_seq: theirs.global_seq, ..connect.clone() };
                self.is_raised(person, step.link, connect) & (written(&masked) == *bytes)
            }
            (Element::Reply(theirs), Element::Reply(reply)) if matches!(reply.tag, Tag::READY | Tag::SEQ) => {
                let masked = ConnectReply { global_seq: theirs.global_seq, ..reply.clone() };
                let last = self.replies.insert(person, reply.global_seq);
                last.is_none_or(|last| reply.global_seq > last) & (written(&masked) == *bytes)
            }
            _ => ours == *bytes,
        };
        if drawn(element).is_some() && drawn(element) == drawn(&mine) {
            self.tally.note("global_seq equal as well");
        }
        let difference = (!equal).then(|| self.at(step, &format!("{}, ours: {}", brief(element), brief(&mine))));
        self.tally.compare(kind, difference);
    }

    /// Whether an attempt to connect has a higher number than the one before it.
    fn is_raised(&mut self, person: PersonId, link: usize, connect: &Connect) -> bool {
        let Some(server) = self.story.links[link].server_addr.clone() else { return false };
        let last = self.attempts.insert((person, server), (link, connect.global_seq));
        last.is_none_or(|(before, number)| match before == link {
            true => connect.global_seq >= number,
            false => connect.global_seq > number,
        })
    }

    /// What a connect record is for.
    fn kind_of(&mut self, step: &Step, link: &Link, connect: &Connect) -> String {
        match self.end(step.link, step.side).tries.checked_sub(1).and_then(|before| link.replies.get(before)) {
            Some(reply) => format!("connect after {:?}", reply.tag),
            None if connect.connect_seq == 0 => "connect anew".into(),
            None => "connect again".into(),
        }
    }

    /// Compares a reply that was cut off in its authorizer.
    pub(super) fn check_beginning(&mut self, step: &Step, link: &Link, expect: Expect, bytes: &Bytes) {
        let cut = link.replies.last().filter(|_| expect == Expect::Reply && bytes.len() >= ConnectReply::MIN_SIZE);
        let (Some(theirs), Some((person, transport))) = (cut, self.live(step.link, step.side)) else {
            return self.tally.skip("elements of which only a part was sent");
        };
        self.end(step.link, step.side).tries += 1;
        let ours = self.nodes[person].said(transport, expect).map(|ours| reading().decode(expect, ours));
        let kind = format!("reply {:?}, cut", theirs.tag);
        let head = |reply: &ConnectReply| {
            let global_seq = if matches!(reply.tag, Tag::READY | Tag::SEQ) { 0 } else { reply.global_seq };
            ConnectReply { global_seq, authorizer: Bytes::new(), ..reply.clone() }
        };
        let difference = match ours {
            Some(Ok(Element::Reply(ours))) if head(&ours) == head(theirs) => None,
            Some(Ok(ours)) => Some(brief(&ours)),
            _ => Some("nothing".into()),
        };
        let theirs = brief(&Element::Reply(theirs.clone()));
        self.tally.compare(kind, difference.map(|ours| self.at(step, &format!("{theirs}, ours: {ours}"))));
    }

    /// Compares a message, after having the application send it if it is new. What is sent again comes by itself.
    fn check_message(&mut self, step: &Step, link: &Link, frame: &MessageFrame) {
        let Some(peer) = link.addr(step.side.peer()) else { return };
        let connection = link.is_lossy().then_some(step.link);
        let live = self.live(step.link, step.side);
        let Some((person, transport)) = live else {
            return self.tally.compare("message", Some(self.at(step, "ours is closed")));
        };
        let last = self.sent.entry((person, peer.clone(), connection)).or_default();
        let seq = frame.header.seq;
        let fresh = seq > *last;
        *last = seq.max(*last);
        let node = &mut self.nodes[person];
        if fresh {
            node.send(&peer, frame);
        }
        let theirs = unsigned(Envelope::from(frame.clone()));
        let number = theirs.number;
        let difference = match node.said_message(transport).map(unsigned) {
            Some(ours) if ours == theirs => None,
            Some(ours) => Some(format!("{seq} of type {number}, ours: {} of type {}", ours.seq, ours.number)),
            None => Some(format!("{seq} of type {number}, ours says nothing")),
        };
        let kind = if fresh { "message" } else { "message sent again" };
        self.tally.compare(kind, difference.map(|difference| self.at(step, &difference)));
    }

    /// Nobody acknowledges what it says later not to have read: that is about the story, not about the endpoint.
    fn check_ack(&mut self, step: &Step, frame: &Frame) {
        let Frame::Ack(ack) = frame else { return };
        let unread = self.evidence.is_unread(step.link, step.side, ack.seq);
        let difference = unread.then(|| self.at(step, &format!("{} is acknowledged, and not read", ack.seq)));
        self.tally.compare("acknowledgement of what was read", difference);
    }

    /// A difference with its place.
    pub(super) fn at(&self, step: &Step, what: &str) -> String {
        let link = &self.story.links[step.link];
        let Link { client, server, .. } = link;
        format!("packet {}, {client} -> {server} ({}): {what}", step.packet, step.side)
    }
}

/// A message without its signature, for which the key is not there.
fn unsigned(message: Envelope) -> Envelope {
    Envelope { sig: 0, flags: FooterFlags(message.flags.0 & !FooterFlags::SIGNED.0), ..message }
}

/// The number of an element that is drawn by who says it.
fn drawn(element: &Element) -> Option<u32> {
    match element {
        Element::Connect(connect) => Some(connect.global_seq),
        Element::Reply(reply) if matches!(reply.tag, Tag::READY | Tag::SEQ) => Some(reply.global_seq),
        _ => None,
    }
}

fn written<T: Wire>(value: &T) -> Bytes {
    to_bytes(value, Target::fresh(0)).expect("an element of a handshake")
}

/// The numbers of an element that matter.
fn brief(element: &Element) -> String {
    match element {
        Element::Connect(connect) => format!(
            "protocol {}, global_seq {}, connect_seq {}, {:?} with {} bytes, flags {}",
            connect.protocol_version,
            connect.global_seq,
            connect.connect_seq,
            connect.authorizer_protocol,
            connect.authorizer.len(),
            connect.flags.0
        ),
        Element::Reply(reply) => format!(
            "{:?}, protocol {}, global_seq {}, connect_seq {}, {} bytes, flags {}",
            reply.tag,
            reply.protocol_version,
            reply.global_seq,
            reply.connect_seq,
            reply.authorizer.len(),
            reply.flags.0
        ),
        other => format!("{other:?}"),
    }
}
