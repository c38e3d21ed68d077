//! A monitor as far as one can see from the connection: answers those who ask for its map, authenticate, subscribe or
//! ping, and knows nothing of any cluster.
//!
//! `cargo run --release --example fake_mon -- 127.0.0.1:6789`, then
//! `ceph --mon-host v1:127.0.0.1:6789 --auth-client-required none ping mon.a`

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use firefly_runtime::auth::{
    Auth, AuthError, CephxMonitor, CephxService, Key, Keyring, Moment, MonSession, Rules, Shows,
};
use firefly_runtime::codec::{Content, Framed, Parts, Str, Target};
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

/// "Permission denied", as it is said on the wire.
const EACCES: i32 = -13;

/// How often a client may try in one handshake: Firefly sets no limit.
const HANDSHAKE_TRIES: u32 = 1000;

/// What clients, what daemons, and what all of them may have in flight, in bytes (`mon_client_bytes`,
/// `mon_daemon_bytes`, `ms_dispatch_throttle_bytes`). More than Firefly's 100 and 400 MiB, which one client takes up
/// that announces much and sends nothing (ER-15).
const CLIENT_BYTES: u64 = 4 << 30;
const DAEMON_BYTES: u64 = 4 << 30;
const DISPATCH_BYTES: u64 = 8 << 30;

/// The longest front and middle, in bytes: Firefly sets no limit.
const SECTION: u32 = 64 << 20;

/// A monitor as far as one can see from the connection.
#[derive(Parser)]
struct Args {
    /// Where to listen.
    #[arg(default_value = "127.0.0.1:6789")]
    listen: SocketAddr,
    /// Its name.
    #[arg(long, default_value = "a")]
    id: String,
    /// Demand CEPHX, with the keys of this file, that of `mon.` among them; otherwise the protocol NONE is used.
    #[arg(long)]
    keyring: Option<PathBuf>,
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
            Payload::MMonGetMap(_) => {
                self.know(connection);
                vec![self.monmap().into()]
            }
            Payload::MAuth(request) => self.authenticate(connection, request),
            _ if !self.knows(connection) => vec![],
            Payload::MMonSubscribe(request) => self.subscribe(request, self.trusts(connection)),
            Payload::MMonGetVersion(request) => get_version(request).into_iter().collect(),
            Payload::MMonCommand(command) if !self.trusts(connection) => vec![answer(command, EACCES, "access denied")],
            Payload::MMonCommand(command) => vec![answer(command, EOPNOTSUPP, "this is no real monitor")],
            _ => vec![],
        };
        for payload in answers {
            if let Err(error) = connection.try_send(Message::new(payload).tid(message.tid))
                && self.verbose
            {
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

    /// Whether there is a session: one begins with the first message that may come without, but for a ping, and is there
    /// for monitors at once (MA-18).
    fn knows(&self, connection: &Connection) -> bool {
        connection.peer_type() == EntityType::MON || self.clients().sessions.contains_key(&connection.session())
    }

    fn know(&self, connection: &Connection) {
        let features = connection.features();
        self.clients().sessions.entry(connection.session()).or_insert_with(|| MonSession::new(features));
    }

    /// Whether a client may do anything but ask for the monitor map.
    fn trusts(&self, connection: &Connection) -> bool {
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
        let pong = MPing { status: Content::new(Str::from(status)), ..MPing::default() };
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
    fn subscribe(&self, request: &MMonSubscribe, trusted: bool) -> Vec<Payload> {
        // Of several for the same map the last one counts.
        let wanted: BTreeMap<_, _> = request.what.iter().map(|(what, item)| (&**what, item)).collect();
        let mut answers = Vec::new();
        let mut lasts = false;
        for (what, item) in wanted {
            lasts |= !item.flags.contains(SubscribeFlags::ONETIME);
            match what {
                b"monmap" if item.start <= EPOCH.into() => answers.push(self.monmap().into()),
                b"osdmap" if trusted && item.start <= EPOCH.into() => answers.push(self.osdmap().into()),
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

fn answer(command: &MMonCommand, r: i32, rs: &'static str) -> Payload {
    MMonCommandAck { r, rs: rs.into(), cmd: command.cmd.clone(), ..MMonCommandAck::default() }.into()
}

fn wall() -> UTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UTime { tv_sec: now.as_secs() as u32, tv_nsec: now.subsec_nanos() }
}

/// How clients authenticate, and what the monitor shows and demands in handshakes.
fn authentication(keyring: Option<&Path>) -> Result<(CephxMonitor, Auth), Box<dyn Error>> {
    let protocol = if keyring.is_some() { AuthProtocol::CEPHX } else { AuthProtocol::NONE };
    let name = AuthEntityName { r#type: EntityType::MON.0.into(), id: "".into() };
    let (keyring, shows) = if let Some(file) = keyring {
        let keyring = Keyring::parse(&std::fs::read_to_string(file)?)?;
        let key = keyring.get(&name).ok_or(AuthError::NoKey)?.clone();
        (keyring, Shows::MonitorKey(key))
    } else {
        // There must be a key, though nobody uses it.
        let mut keyring = Keyring::default();
        keyring.insert(name, Key::new(CryptoType::AES, UTime::default(), &[0; 16]).map_err(|_| AuthError::NoKey)?);
        (keyring, Shows::Nothing)
    };
    let service = CephxService::new(EntityType::MON, &keyring);
    let mut monitor = CephxMonitor::new(keyring)?.allowing(&[protocol], &[protocol]);
    monitor.set_monmap_epoch(EPOCH);
    Ok((monitor, Auth::new(shows, Rules::monitor(&[protocol])).with_service(service)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let (monitor, auth) = authentication(args.keyring.as_deref())?;
    let peer = Features::UID.0 | Features::PGID64.0 | Features::MON_SINGLE_PAXOS.0;
    let osd = Features::PGID64.0 | Features::OSDENC.0;
    let messenger = Messenger::builder(EntityName { r#type: EntityType::MON, num: 0 })
        .label("mon")
        .nonce(0)
        .auth(auth)
        .default_policy(Policy::stateless_server())
        .policy(EntityType::MON, Policy::lossless_peer_reuse().requiring(peer))
        .policy(EntityType::OSD, Policy::stateless_server().requiring(osd).throttled(1))
        .policy(EntityType::MDS, Policy::stateless_server().throttled(1))
        .policy(EntityType::CLIENT, Policy::stateless_server().throttled(0))
        .configure(|config| {
            let bytes = |bytes| ThrottleLimits { messages: 0, bytes };
            config.throttles = vec![bytes(CLIENT_BYTES), bytes(DAEMON_BYTES)];
            config.dispatch_throttle_bytes = DISPATCH_BYTES;
            config.conduct.wide_seq = false;
            config.limits.handshake_tries = HANDSHAKE_TRIES;
            (config.limits.front, config.limits.middle) = (SECTION, SECTION);
        })
        .build();
    let addr = messenger.bind(args.listen)?;
    let mut random = Random::new(u64::from(wall().tv_nsec));
    let fsid = Uuid { uuid: std::array::from_fn(|_| random.next_u64() as u8) };
    let clients = Clients { monitor, random, sessions: HashMap::new() };
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
