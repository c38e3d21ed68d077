//! A monitor as far as one can see from the connection: answers those who ask for its map, authenticate with the
//! protocol NONE, subscribe or ping, and knows nothing of any cluster.
//!
//! `cargo run --release --example fake_mon -- 127.0.0.1:6789`, then
//! `ceph --mon-host v1:127.0.0.1:6789 --auth-client-required none ping mon.a`

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use firefly_runtime::auth::{Auth, AuthError, CephxMonitor, Key, Keyring, Moment, MonSession, Rules, Shows};
use firefly_runtime::codec::{Framed, Parts, Str, Target};
use firefly_runtime::messenger::{
    Connection, Dispatcher, Dropped, Fault, Message, MessageIn, Messenger, Policy, ThrottleLimits,
};
use firefly_runtime::random::Random;
use firefly_runtime::session::SessionId;
use firefly_runtime::wire::address::{AuthEntityName, EntityAddr, EntityName, EntityType};
use firefly_runtime::wire::auth::{AuthProtocol, CryptoType, MAuth};
use firefly_runtime::wire::features::Features;
use firefly_runtime::wire::mon::{
    MMonCommand, MMonCommandAck, MMonGetVersion, MMonGetVersionReply, MMonMap, MMonSubscribe, MMonSubscribeAck, MPing,
    SubscribeFlags,
};
use firefly_runtime::wire::monmap::MonMap;
use firefly_runtime::wire::osdmap::{MOSDMap, OsdMap, OsdMapClientData, OsdMapOsdData};
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::prelude::{UTime, Uuid};

/// The only epoch of all maps.
const EPOCH: u32 = 1;

/// After how many seconds subscriptions must be renewed (`mon_subscribe_interval`).
const SUBSCRIBE_INTERVAL: u32 = 300;

/// "Operation not supported", as it is said on the wire.
const EOPNOTSUPP: i32 = -95;

/// What clients, and what daemons may have in flight, in bytes (`mon_client_bytes`, `mon_daemon_bytes`).
const CLIENT_BYTES: u64 = 100 << 20;
const DAEMON_BYTES: u64 = 400 << 20;

/// A monitor as far as one can see from the connection.
#[derive(Parser)]
struct Args {
    /// Where to listen.
    #[arg(default_value = "127.0.0.1:6789")]
    listen: SocketAddr,
    /// Its name.
    #[arg(long, default_value = "a")]
    id: String,
    /// Print what is received.
    #[arg(long)]
    verbose: bool,
}

struct FakeMon {
    id: String,
    addr: EntityAddr,
    fsid: Uuid,
    verbose: bool,
    clients: Mutex<Clients>,
}

/// Those who are connected.
struct Clients {
    monitor: CephxMonitor,
    random: Random,
    sessions: HashMap<SessionId, MonSession>,
}

impl Dispatcher for FakeMon {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        if self.verbose {
            println!("{message:?}");
        }
        let connection = message.connection();
        let answers = match &message.payload {
            Payload::MPing(_) => vec![self.pong()],
            Payload::MMonGetMap(_) => vec![self.monmap().into()],
            Payload::MAuth(request) => self.authenticate(connection, request),
            _ if !self.knows(connection) => vec![],
            Payload::MMonSubscribe(request) => self.subscribe(request),
            Payload::MMonGetVersion(request) => get_version(request).into_iter().collect(),
            Payload::MMonCommand(command) => vec![refuse(command)],
            _ => vec![],
        };
        for payload in answers {
            if let Err(error) = connection.try_send(Message::new(payload).tid(message.tid)) {
                eprintln!("{}: {error}", connection.peer_addr());
            }
        }
        Ok(())
    }

    fn handle_accept(&self, connection: &Connection) {
        if self.verbose {
            println!("{} is there", connection.peer_addr());
        }
    }

    fn handle_reset(&self, connection: &Connection, fault: &Fault, _: &Dropped) -> bool {
        if self.verbose {
            println!("{}: {fault}", connection.peer_addr());
        }
        self.clients().sessions.remove(&connection.session());
        true
    }
}

impl FakeMon {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a client has authenticated. Monitors have in the handshake.
    fn knows(&self, connection: &Connection) -> bool {
        let sessions = &self.clients().sessions;
        connection.peer_type() == EntityType::MON
            || sessions.get(&connection.session()).is_some_and(|session| session.caps().is_some())
    }

    fn monmap(&self) -> MMonMap {
        let map = MonMap {
            fsid: self.fsid,
            epoch: EPOCH,
            mon_addr: [(self.id.as_str().into(), self.addr.clone())].into_iter().collect(),
            ..MonMap::default()
        };
        MMonMap { monmapbl: Some(Framed::from(map)), ..MMonMap::default() }
    }

    /// A map without OSDs.
    fn osdmap(&self) -> MOSDMap {
        let client = OsdMapClientData { fsid: self.fsid, epoch: EPOCH, ..OsdMapClientData::default() };
        let map = OsdMap { client, osd: OsdMapOsdData::default(), ..OsdMap::default() };
        MOSDMap {
            fsid: self.fsid,
            maps: [(EPOCH, Framed::from(map))].into_iter().collect(),
            oldest_map: EPOCH,
            newest_map: EPOCH,
            ..MOSDMap::default()
        }
    }

    /// The answer to a ping, with compat 0 as Firefly's monitors give it (FR-08).
    fn pong(&self) -> Payload {
        let status = format!(
            concat!(
                r#"{{"pong": {{"health": {{"health_services": []}}, "summary": [], "overall_status": "HEALTH_OK", "#,
                r#""detail": [], "mon_status": {{"name": "{id}", "rank": 0, "state": "leader", "#,
                r#""election_epoch": {epoch}, "quorum": [0], "outside_quorum": [], "extra_probe_peers": [], "#,
                r#""sync_provider": [], "monmap": {{"epoch": {epoch}, "mons": "#,
                r#"[{{"rank": 0, "name": "{id}", "addr": "{addr}"}}]}}}}}}}}"#
            ),
            id = self.id,
            epoch = EPOCH,
            addr = self.addr,
        );
        let pong = MPing { status: Some(Str::from(status)), ..MPing::default() };
        match pong.encode(Target::default()) {
            Ok(parts) => Payload::opaque(MPing::NUMBER, Parts { compat: 0, ..parts }),
            Err(_) => pong.into(),
        }
    }

    /// MA-02 to MA-07, MA-17.
    fn authenticate(&self, connection: &Connection, request: &MAuth) -> Vec<Payload> {
        let Clients { monitor, random, sessions } = &mut *self.clients();
        let features = connection.features();
        let session = sessions.entry(connection.session()).or_insert_with(|| MonSession::new(features));
        let answer = monitor.handle(session, request, &mut Moment { wall: wall(), random });
        let map = answer.monmap_first.then(|| self.monmap().into());
        map.into_iter().chain([answer.reply.into()]).collect()
    }

    /// What is new to the client of what it wants, and that it will be told again.
    fn subscribe(&self, request: &MMonSubscribe) -> Vec<Payload> {
        let wanted =
            request.what.iter().map(|(what, item)| (what, item.start, item.flags.contains(SubscribeFlags::ONETIME)));
        let mut answers = Vec::new();
        let mut lasts = false;
        for (what, start, onetime) in wanted {
            lasts |= !onetime;
            match &**what {
                b"monmap" if start <= EPOCH.into() => answers.push(self.monmap().into()),
                b"osdmap" if start <= EPOCH.into() => answers.push(self.osdmap().into()),
                _ => {}
            }
        }
        if lasts {
            let fsid = self.fsid;
            answers.push(MMonSubscribeAck { interval: SUBSCRIBE_INTERVAL, fsid, ..MMonSubscribeAck::default() }.into());
        }
        answers
    }
}

fn get_version(request: &MMonGetVersion) -> Option<Payload> {
    let (handle, version) = (request.handle, u64::from(EPOCH));
    let is_known = [b"monmap", b"osdmap", b"mdsmap"].iter().any(|map| *request.what == **map);
    let reply = MMonGetVersionReply { handle, version, oldest_version: version, ..MMonGetVersionReply::default() };
    is_known.then(|| reply.into())
}

fn refuse(command: &MMonCommand) -> Payload {
    let rs = "this is no real monitor".into();
    MMonCommandAck { r: EOPNOTSUPP, rs, cmd: command.cmd.clone(), ..MMonCommandAck::default() }.into()
}

fn wall() -> UTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UTime { tv_sec: now.as_secs() as u32, tv_nsec: now.subsec_nanos() }
}

/// The monitor's side of authenticating, which has no keys but must have one.
fn without_keys() -> Result<CephxMonitor, AuthError> {
    let mut keyring = Keyring::default();
    let key = Key::new(CryptoType::AES, UTime::default(), &[0; 16]).map_err(|_| AuthError::NoKey)?;
    keyring.insert(AuthEntityName { r#type: EntityType::MON.0.into(), id: "".into() }, key);
    let mut monitor = CephxMonitor::new(keyring)?.allowing(&[AuthProtocol::NONE], &[AuthProtocol::NONE]);
    monitor.set_monmap_epoch(EPOCH);
    Ok(monitor)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let peer = Features::UID.0 | Features::PGID64.0 | Features::MON_SINGLE_PAXOS.0;
    let osd = Features::PGID64.0 | Features::OSDENC.0;
    let messenger = Messenger::builder(EntityName { r#type: EntityType::MON, num: 0 })
        .label("mon")
        .nonce(0)
        .auth(Auth::new(Shows::Nothing, Rules::monitor(&[AuthProtocol::NONE])))
        .default_policy(Policy::stateless_server())
        .policy(EntityType::MON, Policy::lossless_peer_reuse().requiring(peer))
        .policy(EntityType::OSD, Policy::stateless_server().requiring(osd).throttled(1))
        .policy(EntityType::MDS, Policy::stateless_server().throttled(1))
        .policy(EntityType::CLIENT, Policy::stateless_server().throttled(0))
        .configure(|config| {
            let bytes = |bytes| ThrottleLimits { messages: 0, bytes };
            config.throttles = vec![bytes(CLIENT_BYTES), bytes(DAEMON_BYTES)];
        })
        .build();
    let addr = messenger.bind(args.listen)?;
    let mut random = Random::new(u64::from(wall().tv_nsec));
    let fsid = Uuid { uuid: std::array::from_fn(|_| random.next_u64() as u8) };
    let clients = Clients { monitor: without_keys()?, random, sessions: HashMap::new() };
    messenger.add_dispatcher(FakeMon {
        id: args.id.clone(),
        addr: messenger.addr(),
        fsid,
        verbose: args.verbose,
        clients: Mutex::new(clients),
    })?;
    messenger.start()?;
    println!("mon.{} listens on {addr}", args.id);
    std::future::pending().await
}
