//! Who takes part: each messenger of each process by itself.

use std::net::SocketAddr;

use firefly_runtime::session::{Policies, Policy};
use firefly_runtime::wire::address::{EntityAddr, EntityType};
use firefly_runtime::wire::auth::AuthProtocol;
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::transport::{
    MDS_PROTOCOL, MDSC_PROTOCOL, MON_PROTOCOL, MONC_PROTOCOL, OSD_PROTOCOL, OSDC_PROTOCOL,
};

use super::story::Link;

/// The position of somebody among the people of a story.
pub(crate) type PersonId = usize;

/// All messengers of a story.
pub(crate) struct People(pub(crate) Vec<Person>);

/// A messenger.
pub(crate) struct Person {
    pub(crate) addr: EntityAddr,
    pub(crate) r#type: EntityType,
    pub(crate) role: Role,
    /// The highest attempt seen towards each peer: a new life begins below it.
    attempts: Vec<(EntityAddr, u32)>,
}

/// What a messenger is for: that decides on its policies (4.8 of the reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Mon,
    OsdPublic,
    OsdCluster,
    OsdHeartbeatClient,
    OsdHeartbeatServer,
    Mds,
    /// Whoever is lossy from the start: librados, tools.
    Client,
    /// Whoever leaves everything as it is: what fetches the monitor map.
    PlainClient,
}

impl People {
    /// Finds out who takes part, and writes it into the links.
    pub(crate) fn meet(links: &mut [Link]) -> People {
        let mut people = People(Vec::new());
        for at in 0..links.len() {
            let Some(addr) = links[at].server_hello.as_ref().map(|hello| hello.server_addr.clone()) else { continue };
            links[at].server_person = Some(people.server(&addr, links));
            links[at].server_addr = Some(addr);
        }
        for at in 0..links.len() {
            if links[at].server_addr.is_none() {
                links[at].server_addr = nearest(links, at);
            }
            let link = &links[at];
            let (Some(hello), Some(kind)) = (&link.client_hello, link.client_type()) else { continue };
            links[at].client_person = Some(people.client(&hello.client_addr, kind, link, links));
        }
        // Who said its address and not what it is, is known if only one has that address.
        for link in links.iter_mut().filter(|link| link.client_person.is_none()) {
            let Some(hello) = &link.client_hello else { continue };
            let mut same = (0..people.0.len()).filter(|id| people.0[*id].addr == hello.client_addr);
            link.client_person = same.next().filter(|_| same.next().is_none());
        }
        people
    }

    fn server(&mut self, addr: &EntityAddr, links: &[Link]) -> PersonId {
        if let Some(known) = self.0.iter().position(|person| person.addr == *addr) {
            return known;
        }
        let kind = type_of(addr, links);
        self.add(addr, kind, links)
    }

    fn client(&mut self, addr: &EntityAddr, kind: EntityType, link: &Link, links: &[Link]) -> PersonId {
        let server = link.server_addr.clone().unwrap_or_default();
        let attempt = link.connects.iter().map(|connect| connect.global_seq).max().unwrap_or_default();
        let is_same = |person: &Person| {
            let fresh = |(peer, last): &(EntityAddr, u32)| *peer != server || *last < attempt;
            person.addr == *addr && person.r#type == kind && person.attempts.iter().all(fresh)
        };
        let id = self.0.iter().rposition(is_same).unwrap_or_else(|| self.add(addr, kind, links));
        let attempts = &mut self.0[id].attempts;
        attempts.retain(|(peer, _)| *peer != server);
        attempts.push((server, attempt));
        id
    }

    fn add(&mut self, addr: &EntityAddr, kind: EntityType, links: &[Link]) -> PersonId {
        let role = role_of(addr, kind, links);
        self.0.push(Person { addr: addr.clone(), r#type: kind, role, attempts: Vec::new() });
        self.0.len() - 1
    }
}

/// Who else was reached at the server's socket, before or else after.
fn nearest(links: &[Link], at: usize) -> Option<EntityAddr> {
    let server: SocketAddr = links[at].server;
    let known = |link: &&Link| link.server == server && link.server_hello.is_some();
    let before = links[..at].iter().rev().find(known);
    let found = before.or_else(|| links[at..].iter().find(known))?;
    found.server_hello.as_ref().map(|hello| hello.server_addr.clone())
}

/// What listens at an address: what it says to be when it connects, or else what it demands of those who connect.
fn type_of(addr: &EntityAddr, links: &[Link]) -> EntityType {
    let is_it = |link: &&Link| link.client_hello.as_ref().is_some_and(|hello| hello.client_addr == *addr);
    if let Some(kind) = links.iter().filter(is_it).find_map(Link::client_type) {
        return kind;
    }
    match accepted(addr, links).next().and_then(|link| link.replies.first()).map(|reply| reply.protocol_version) {
        Some(MON_PROTOCOL | MONC_PROTOCOL) => EntityType::MON,
        Some(OSD_PROTOCOL | OSDC_PROTOCOL) => EntityType::OSD,
        Some(MDS_PROTOCOL | MDSC_PROTOCOL) => EntityType::MDS,
        _ => EntityType::CLIENT,
    }
}

/// The connections to an address that were answered.
fn accepted<'a>(addr: &'a EntityAddr, links: &'a [Link]) -> impl Iterator<Item = &'a Link> {
    let is_it = |link: &&Link| link.server_hello.as_ref().is_some_and(|hello| hello.server_addr == *addr);
    links.iter().filter(is_it).filter(|link| !link.replies.is_empty())
}

fn role_of(addr: &EntityAddr, kind: EntityType, links: &[Link]) -> Role {
    let own = |link: &&Link| link.client_hello.as_ref().is_some_and(|hello| hello.client_addr == *addr);
    let connects = || links.iter().filter(own).flat_map(|link| &link.connects);
    let asked = || accepted(addr, links).flat_map(|link| &link.connects);
    let bare = |connect: &firefly_runtime::wire::transport::Connect| {
        connect.protocol_version == OSD_PROTOCOL && connect.authorizer_protocol == AuthProtocol::UNKNOWN
    };
    let proven = |connect: &firefly_runtime::wire::transport::Connect| {
        connect.protocol_version == OSD_PROTOCOL && connect.authorizer_protocol != AuthProtocol::UNKNOWN
    };
    match kind {
        EntityType::MON => Role::Mon,
        EntityType::MDS => Role::Mds,
        EntityType::OSD if connects().any(proven) || asked().any(proven) => Role::OsdCluster,
        EntityType::OSD if connects().any(bare) => Role::OsdHeartbeatClient,
        EntityType::OSD if asked().any(bare) => Role::OsdHeartbeatServer,
        EntityType::OSD => Role::OsdPublic,
        _ if connects().any(|connect| connect.flags.0 != 0) => Role::Client,
        _ => Role::PlainClient,
    }
}

impl Role {
    /// How it treats its peers.
    pub(crate) fn policies(self) -> Policies {
        let (mon, osd, mds, client) = (EntityType::MON, EntityType::OSD, EntityType::MDS, EntityType::CLIENT);
        let uid = Features::UID.0;
        let pgs = uid | Features::PGID64.0;
        let osds = pgs | Features::OSDENC.0;
        let rados = Policy::lossy_client().requiring(Features::OSDREPLYMUX.0);
        match self {
            Role::Mon => Policies::new(Policy::stateless_server())
                .with(mon, Policy::lossless_peer_reuse().requiring(pgs | Features::MON_SINGLE_PAXOS.0))
                .with(osd, Policy::stateless_server().requiring(Features::PGID64.0 | Features::OSDENC.0)),
            Role::OsdPublic => {
                Policies::new(Policy::stateless_server()).with(mon, Policy::lossy_client().requiring(osds))
            }
            Role::OsdCluster => Policies::new(Policy::stateless_server())
                .with(mon, Policy::lossy_client())
                .with(osd, Policy::lossless_peer().requiring(osds)),
            Role::OsdHeartbeatClient => Policies::default().with(osd, Policy::lossy_client()),
            Role::OsdHeartbeatServer => Policies::default().with(osd, Policy::stateless_server()),
            Role::Mds => Policies::new(rados)
                .with(mon, Policy::lossy_client().requiring(pgs))
                .with(mds, Policy::lossless_peer().requiring(uid))
                .with(client, Policy::stateful_server()),
            Role::Client => Policies::new(rados),
            Role::PlainClient => Policies::default(),
        }
    }

    /// What it speaks with its like.
    pub(crate) fn cluster_protocol(self) -> u32 {
        match self {
            Role::Mon => MON_PROTOCOL,
            Role::OsdCluster | Role::OsdHeartbeatClient | Role::OsdHeartbeatServer => OSD_PROTOCOL,
            Role::Mds => MDS_PROTOCOL,
            Role::OsdPublic | Role::Client | Role::PlainClient => 0,
        }
    }
}
