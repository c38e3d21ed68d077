//! Elements: each is counted, written again and compared, and what it holds is judged.

use firefly_runtime::codec::{Bytes, EncodeError, Target, Wire, to_bytes};
use firefly_runtime::session::{Element, Envelope, Sighting};
use firefly_runtime::wire::transport::{Banner, ClientHello, Connect, ConnectReply, Frame, SeqExchange, ServerHello};

use super::finding::{Severity, Text, rule};
use super::follow::direction;
use super::log::Log;
use super::{authorizer, message};

/// Judges an element.
pub(super) fn judge(sighting: Sighting, log: &mut Log<'_>) {
    let Sighting { side, offset, element, bytes, features } = sighting;
    let spot = (direction(side), offset);
    let (name, again) = again(&element, features);
    let exact = again.is_ok_and(|again| again == bytes);
    if !exact {
        let text = match element {
            Element::Frame(_) => "a frame is not what is written again".into(),
            _ => Text::new("the handshake is not what is written again", name),
        };
        log.add(Severity::Error, rule::EXACT, spot, text);
    }
    match element {
        Element::Connect(connect) => {
            log.counts.handshake.connects += 1;
            authorizer::check_connect(&connect, spot, log);
            log.evidence.connect(&connect, spot);
        }
        Element::Reply(reply) => {
            log.counts.handshake.reply(reply.tag);
            log.evidence.reply(&reply, spot);
            authorizer::check_reply(&reply, spot, log);
        }
        Element::Frame(frame) => {
            let tags = &mut log.counts.tags;
            match &frame {
                Frame::Message(_) | Frame::OldMessage(_) => tags.msg += 1,
                Frame::Ack(_) => tags.ack += 1,
                Frame::Keepalive(_) => tags.keepalive += 1,
                Frame::Keepalive2(_) => tags.keepalive2 += 1,
                Frame::Keepalive2Ack(_) => tags.keepalive2_ack += 1,
                Frame::Close(_) => tags.close += 1,
            }
            if let Ok(envelope) = Envelope::of(frame) {
                message::judge(&envelope, &bytes, exact, features, spot, log);
            }
        }
        Element::Banner | Element::ServerHello(_) | Element::ClientHello(_) | Element::Seq(_) => {}
    }
}

/// The name of an element, and how it is written.
fn again(element: &Element, features: u64) -> (&'static str, Result<Bytes, EncodeError>) {
    fn write<T: Wire>(value: &T, features: u64) -> (&'static str, Result<Bytes, EncodeError>) {
        (T::NAME, to_bytes(value, Target::exact(features)))
    }
    match element {
        Element::Banner => write(&Banner {}, 0),
        Element::ServerHello(hello) => write::<ServerHello>(hello, 0),
        Element::ClientHello(hello) => write::<ClientHello>(hello, 0),
        Element::Connect(connect) => write::<Connect>(connect, 0),
        Element::Reply(reply) => write::<ConnectReply>(reply, 0),
        Element::Seq(seq) => write(&SeqExchange { seq: *seq }, 0),
        Element::Frame(frame) => write::<Frame>(frame, features),
    }
}
