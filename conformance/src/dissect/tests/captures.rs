//! Real traffic: every frame of whole streams, and the messages in them.

use std::collections::BTreeMap;
use std::path::Path;

use firefly_spec::model::ItemKind;

use super::*;
use crate::capture::{self, Connection, Direction, EventKind};
use crate::dissect::{Note, render};

/// The bytes of one direction, if none are missing.
fn stream(connection: &Connection, direction: Direction) -> Option<Vec<u8>> {
    let mut stream = Vec::new();
    for event in connection.events.iter().filter(|event| event.direction == direction) {
        match &event.kind {
            EventKind::Data(bytes) if event.offset == stream.len() as u64 => stream.extend_from_slice(bytes),
            EventKind::Data(_) | EventKind::Gap { .. } => return None,
            EventKind::Fin | EventKind::Rst => {}
        }
    }
    Some(stream)
}

/// What has been read of a stream.
struct Reading<'m, 's> {
    model: &'m Model,
    left: &'s [u8],
    /// How many messages there were, by name.
    messages: BTreeMap<String, usize>,
}

impl<'s> Reading<'_, 's> {
    /// Reads a frame; nothing at the end of the stream, even amid a frame.
    fn next(&mut self, name: &str) -> Option<Dissection<'s>> {
        let frame = dissect(self.model, name, &Input::Bytes(self.left), FEATURES_ALL);
        match cause(&frame) {
            None => {}
            Some(Cause::Truncated { .. }) => return None,
            Some(_) => panic!("{}", render(&frame)),
        }
        let end = frame.root.children.iter().find(|child| child.name == "trailing");
        self.left = &self.left[end.map_or(self.left.len(), |end| end.offset)..];
        let wrong = frame.root.walk().find(|node| matches!(node.note, Some(Note::Differs(_) | Note::Unchecked)));
        assert_eq!(wrong, None, "{}", render(&frame));
        Some(frame)
    }

    fn frames(&mut self) {
        while let Some(frame) = self.next("Frame") {
            if frame.root.value == Value::Arm("message".into()) {
                self.message(&frame);
            }
        }
    }

    fn message(&mut self, frame: &Dissection<'s>) {
        let number = |path: &str| at(frame, path).number().expect("a number");
        let part = |path: &str| at(frame, path).raw;
        let mut items = self.model.modules.iter().flat_map(|module| &module.items);
        let is_it = |kind: &ItemKind| matches!(kind, ItemKind::Message(m) if m.older_of.is_none() && i128::from(m.number) == number("header.type"));
        let item = items.find(|item| is_it(&item.kind)).expect("a message of the spec");
        let input = Input::Message(Parts {
            version: number("header.version") as u16,
            compat: number("header.compat_version") as u16,
            front: part("front"),
            middle: part("middle"),
            data: part("data"),
        });
        let message = dissect(self.model, &item.name, &input, FEATURES_ALL);
        assert_sound(&message, &input);
        assert_eq!(message.problem, None, "{}", render(&message));
        assert!(rest(&message).iter().all(|name| *name == "slack"), "{}", render(&message));
        *self.messages.entry(item.name.clone()).or_default() += 1;
    }
}

/// Reads what both sides say before frames; nothing if the connection ended before.
fn handshake(client: &mut Reading, server: &mut Reading) -> Option<()> {
    client.next("Banner").and(server.next("Banner"))?;
    client.next("ClientHello").and(server.next("ServerHello"))?;
    loop {
        client.next("Connect")?;
        match at(&server.next("ConnectReply")?, "tag").number() {
            Some(1) => return Some(()),
            Some(13) => return client.next("SeqExchange").and(server.next("SeqExchange")).map(drop),
            _ => {}
        }
    }
}

#[test]
fn every_frame_and_message_of_the_bundled_captures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let model = protocol();
    let (mut messages, mut streams) = (BTreeMap::new(), 0);
    for name in ["mini-none.pcap.gz", "ipv6-none.pcap.gz"] {
        let capture = capture::read(folder.join(name).as_path()).expect("a capture");
        for connection in capture.connections.iter().filter(|connection| !connection.midstream) {
            let both = Direction::BOTH.map(|direction| stream(connection, direction));
            let [Some(client), Some(server)] = &both else { continue };
            let mut client = Reading { model: &model, left: client, messages: BTreeMap::new() };
            let mut server = Reading { model: &model, left: server, messages: BTreeMap::new() };
            if handshake(&mut client, &mut server).is_none() {
                continue;
            }
            for side in [&mut client, &mut server] {
                side.frames();
                streams += 1;
                for (name, count) in &side.messages {
                    *messages.entry(name.clone()).or_insert(0) += count;
                }
            }
        }
    }
    assert!(streams > 20 && messages.values().sum::<usize>() > 200, "{streams} streams, {messages:?}");
}
