//! What happened between a server and a client, in order.

use std::collections::HashMap;

use firefly_runtime::wire::transport::{Connect, ConnectReply};

use super::contact::{Answer, Contact, Contacts, Pair};
use crate::capture::Direction;

/// Something that changes what the session may be. The numbers are those of connections.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event<'a> {
    /// The client's record is under way.
    Try(usize, &'a Connect),
    /// The server answers it.
    Answer(usize, &'a Connect, Answer<'a>),
    /// The server calls the client.
    Calls(usize),
    /// The server's own record.
    Offers(usize, &'a Connect),
    /// The client answers that.
    Told(usize, &'a Connect, &'a ConnectReply),
    /// The server sends frames on a connection that it opened.
    Speaks(usize),
    /// Somebody calls the client, and does not say who it is.
    SomebodyCalls,
}

/// What happened between a server and a client.
#[derive(Debug, Default)]
pub(super) struct Timeline<'a> {
    /// By packet.
    pub(super) events: Vec<(u64, Event<'a>)>,
    /// The packets with which connections end, and whether the server ends them.
    pub(super) ends: HashMap<usize, (u64, bool)>,
    /// Calls of the server to the client would be in the capture.
    pub(super) shows_calls: bool,
}

impl<'a> Timeline<'a> {
    /// That of a server and a client; nothing if it cannot be told what went on between them.
    pub(super) fn of(pair: &Pair, contacts: &Contacts<'a>) -> Option<Timeline<'a>> {
        if !contacts.are_clear(pair) {
            return None;
        }
        let mut timeline = Timeline { shows_calls: contacts.show_calls_to(&pair.client), ..Timeline::default() };
        for contact in contacts.between(pair) {
            timeline.client_calls(contact);
        }
        let back = Pair { server: pair.client.clone(), client: pair.server.clone() };
        for contact in contacts.between(&back) {
            timeline.server_calls(contact);
        }
        for contact in contacts.unnamed_to(&pair.client) {
            match &contact.call.client {
                Some(caller) if *caller == pair.server => timeline.server_calls(contact),
                Some(_) => {}
                None => timeline.events.push((contact.first, Event::SomebodyCalls)),
            }
        }
        timeline.events.sort_by_key(|(packet, _)| *packet);
        Some(timeline)
    }

    fn client_calls(&mut self, contact: &Contact<'a>) {
        let id = contact.id;
        self.ends.extend(contact.end.map(|(packet, by)| (id, (packet, by == Direction::Server))));
        for &(packet, connect, answer) in &contact.rounds {
            self.events.push((packet, Event::Try(id, connect)));
            self.events.extend(answer.map(|answer| (answer.packet, Event::Answer(id, connect, answer))));
        }
    }

    fn server_calls(&mut self, contact: &Contact<'a>) {
        let id = contact.id;
        self.ends.extend(contact.end.map(|(packet, by)| (id, (packet, by == Direction::Client))));
        self.events.push((contact.first, Event::Calls(id)));
        for &(packet, connect, answer) in &contact.rounds {
            self.events.push((packet, Event::Offers(id, connect)));
            self.events.extend(answer.map(|answer| (answer.packet, Event::Told(id, connect, answer.reply))));
        }
        self.events.extend(contact.call.client_speaks.map(|packet| (packet, Event::Speaks(id))));
    }
}
