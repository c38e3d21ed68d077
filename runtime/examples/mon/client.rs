//! A client of a monitor: authenticates, asks, and comes back when the connection breaks, as Firefly's
//! (`src/mon/MonClient.cc`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use firefly_runtime::auth::{Auth, AuthError, CephxClient, Keyring, Moment, Rules, Shows, Step};
use firefly_runtime::codec::{Bytes, Map, Str};
use firefly_runtime::messenger::{Connection, Dispatcher, Dropped, Fault, Message, MessageIn, Messenger, Next, Policy};
use firefly_runtime::random::Random;
use firefly_runtime::session::{Disconnect, Incompatible, SendError};
use firefly_runtime::wire::address::{AuthEntityName, EntityAddr, EntityInst, EntityName, EntityType};
use firefly_runtime::wire::auth::{AuthProtocol, MAuthReply};
use firefly_runtime::wire::features::{FEATURES_ALL, FEATURES_CRUSH_LATER, Features};
use firefly_runtime::wire::mon::{MMonCommand, MMonSubscribe, SubscribeFlags, SubscribeItem};
use firefly_runtime::wire::monmap::MonMap;
use firefly_runtime::wire::osdmap::OsdMap;
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::prelude::UTime;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long to wait before looking whether the monitor is well (`mon_client_hunt_interval`, `mon_client_ping_interval`,
/// `mon_client_ping_timeout`).
const HUNT: Duration = Duration::from_secs(3);
const PING: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a handshake may take. Firefly's gives up after `mon_client_hunt_interval`, which a slow one may need.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where the monitor is and who asks.
#[derive(clap::Args)]
pub(crate) struct MonitorArgs {
    /// The monitor.
    pub(crate) monitor: SocketAddr,
    /// Holds the key; without, the protocol NONE is used.
    #[arg(long)]
    pub(crate) keyring: Option<PathBuf>,
    /// Who one is.
    #[arg(long, default_value = "client.admin")]
    pub(crate) name: String,
    /// After how many seconds to give up.
    #[arg(long, default_value_t = 300)]
    pub(crate) timeout: u64,
}

/// A client of a monitor.
pub(crate) struct MonClient {
    pub(crate) messenger: Messenger,
    auth: Arc<Mutex<Auth>>,
    heard: mpsc::UnboundedReceiver<Heard>,
    monitor: EntityInst,
    connection: Connection,
    random: Random,
    deadline: Instant,
    next_tick: Instant,
    has_key: bool,
    /// The first words to the monitor are said.
    is_introduced: bool,
    is_authenticated: bool,
    last_fault: Option<Fault>,
    /// A connection broke, and there was no answer since.
    failed_before: bool,
    /// Features that Firefly does not know are offered.
    offers_more: bool,
    next_tid: u64,
    pub(crate) monmap: Option<MonMap>,
    pub(crate) osdmap: Option<OsdMap>,
}

/// What the messenger tells.
enum Heard {
    Connected(Connection),
    Message(MessageIn),
    Reset(Connection, Fault),
    RemoteReset(Connection),
    Fault(Connection, Fault),
}

/// What matters of it.
pub(crate) enum News {
    /// A message that is not the client's own business, and whence it came.
    Message(MessageIn),
    /// The monitor believes the client.
    Authenticated,
    /// The connection to the monitor is gone: what was asked is to be asked again.
    Lost,
    /// A connection to somebody else is gone.
    PeerLost(Connection),
}

struct Ears(mpsc::UnboundedSender<Heard>);

impl Dispatcher for Ears {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        let _ = self.0.send(Heard::Message(message));
        Ok(())
    }

    fn handle_connect(&self, connection: &Connection) {
        let _ = self.0.send(Heard::Connected(connection.clone()));
    }

    fn handle_reset(&self, connection: &Connection, fault: &Fault, _: &Dropped) -> bool {
        let _ = self.0.send(Heard::Reset(connection.clone(), fault.clone()));
        true
    }

    fn handle_remote_reset(&self, connection: &Connection, _: &Dropped) {
        let _ = self.0.send(Heard::RemoteReset(connection.clone()));
    }

    fn handle_refused(&self, connection: &Connection) {
        eprintln!("nobody listens at {}", connection.peer_addr());
        let _ = self.0.send(Heard::Fault(connection.clone(), Disconnect::Refused.into()));
    }

    fn handle_fault(&self, connection: &Connection, fault: &Fault, next: Next) {
        eprintln!("{}: {fault} ({next:?})", connection.peer_addr());
        let _ = self.0.send(Heard::Fault(connection.clone(), fault.clone()));
    }
}

/// `client.admin`.
fn entity_name(text: &str) -> Result<AuthEntityName> {
    let (kind, id) = text.split_once('.').context("a name is TYPE.ID")?;
    let r#type = match kind {
        "client" => EntityType::CLIENT,
        "mon" => EntityType::MON,
        "osd" => EntityType::OSD,
        "mds" => EntityType::MDS,
        _ => bail!("no type of entity is called {kind}"),
    };
    Ok(AuthEntityName { r#type: r#type.0.into(), id: id.into() })
}

fn wall() -> UTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UTime { tv_sec: now.as_secs() as u32, tv_nsec: now.subsec_nanos() }
}

impl MonClient {
    /// Starts a messenger and begins to connect.
    pub(crate) fn start(target: &MonitorArgs, services: &[EntityType]) -> Result<MonClient> {
        let name = entity_name(&target.name)?;
        let client = match &target.keyring {
            None => CephxClient::without_key(name),
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
                let keyring = Keyring::parse(&text)?;
                let key = keyring.get(&name).with_context(|| format!("no key of {}", target.name))?;
                // Whoever has a key may still meet a monitor that wants none.
                CephxClient::new(name, key.clone(), services).offering(&[AuthProtocol::CEPHX, AuthProtocol::NONE])
            }
        };
        let auth = Arc::new(Mutex::new(Auth::new(Shows::Tickets(Box::new(client)), Rules::nobody())));
        let (ears, heard) = mpsc::unbounded_channel();
        let own = EntityName { r#type: EntityType::CLIENT, num: -1 };
        let messenger = Messenger::builder(own)
            .label("client")
            .auth(auth.clone())
            .default_policy(policy(0))
            .configure(|config| config.timers.handshake = Some(HANDSHAKE))
            .build();
        messenger.add_dispatcher(Ears(ears))?;
        messenger.start()?;
        let monitor = EntityName { r#type: EntityType::MON, num: 0 };
        let monitor = EntityInst { name: monitor, addr: EntityAddr::new(target.monitor, 0) };
        let connection = messenger.connect_to(&monitor)?;
        let now = Instant::now();
        Ok(MonClient {
            messenger,
            auth,
            heard,
            monitor,
            connection,
            random: Random::new(now_nanos()),
            deadline: now + Duration::from_secs(target.timeout),
            next_tick: now + HUNT,
            has_key: target.keyring.is_some(),
            is_introduced: false,
            is_authenticated: false,
            last_fault: None,
            failed_before: false,
            offers_more: false,
            next_tid: 0,
            monmap: None,
            osdmap: None,
        })
    }

    /// A transaction id that was not used before.
    pub(crate) fn tid(&mut self) -> u64 {
        self.next_tid += 1;
        self.next_tid
    }

    /// Waits until the monitor believes the client.
    pub(crate) async fn authenticate(&mut self) -> Result<()> {
        while !self.is_authenticated {
            self.news().await?;
        }
        Ok(())
    }

    /// Asks, again if need be, until there is an answer.
    pub(crate) async fn ask<T>(
        &mut self,
        question: Message,
        mut answer: impl FnMut(&MessageIn) -> Option<T>,
    ) -> Result<T> {
        loop {
            self.authenticate().await?;
            self.say(question.clone()).await?;
            loop {
                match self.news().await? {
                    News::Message(message) => {
                        if let Some(found) = answer(&message) {
                            self.failed_before = false;
                            return Ok(found);
                        }
                    }
                    News::Lost => break,
                    // Whoever talks to a peer notices.
                    News::Authenticated | News::PeerLost(_) => {}
                }
            }
        }
    }

    /// Has the monitor do something. Its result, what it says about that, and what it puts out.
    pub(crate) async fn command(&mut self, json: &str) -> Result<(i32, Str, Bytes)> {
        // It must know which cluster it is for.
        self.fetch_monmap().await?;
        let fsid = self.monmap.as_ref().map(|map| map.fsid).unwrap_or_default();
        let command = MMonCommand { fsid, cmd: vec![json.into()], ..MMonCommand::default() };
        let tid = self.tid();
        self.ask(Message::new(command).tid(tid), |message| match &message.payload {
            Payload::MMonCommandAck(ack) if [0, tid].contains(&message.tid) => {
                Some((ack.r, ack.rs.clone(), ack.outbl.clone()))
            }
            _ => None,
        })
        .await
    }

    /// Has the monitor send its newest map of the OSDs.
    pub(crate) async fn fetch_osdmap(&mut self) -> Result<()> {
        self.osdmap = None;
        let question = self.subscribe("osdmap");
        let newest = self.ask(question, |message| newest_osdmap(&message.payload)).await?;
        self.osdmap = Some(newest);
        Ok(())
    }

    /// Has the monitor send the map of the monitors.
    pub(crate) async fn fetch_monmap(&mut self) -> Result<()> {
        if self.monmap.is_none() {
            let question = self.subscribe("monmap");
            let map = self.ask(question, |message| monmap(&message.payload)).await?;
            self.monmap = Some(map);
        }
        Ok(())
    }

    fn subscribe(&mut self, what: &str) -> Message {
        let item = SubscribeItem { start: 0, flags: SubscribeFlags::ONETIME };
        let what: Map<Str, SubscribeItem> = [(what.into(), item)].into_iter().collect();
        Message::new(MMonSubscribe { what, ..MMonSubscribe::default() })
    }

    /// Waits for something that matters, and looks after the connection.
    pub(crate) async fn news(&mut self) -> Result<News> {
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                match &self.last_fault {
                    Some(fault) => bail!("timed out: {fault}"),
                    None => bail!("timed out"),
                }
            }
            if now >= self.next_tick && self.tick()? {
                return Ok(News::Lost);
            }
            let due = self.next_tick.min(self.deadline);
            let Ok(heard) = timeout_at(due, self.heard.recv()).await else { continue };
            match heard.context("the messenger is gone")? {
                // The same session connects again by itself, and knows what is still to be sent.
                Heard::Connected(connection) if connection == self.connection && !self.is_introduced => {
                    self.introduce().await?;
                }
                Heard::Connected(_) => {}
                Heard::Fault(connection, Fault::Incompatible(Incompatible::FeaturesDemanded(wanted)))
                    if self.can_offer(wanted) =>
                {
                    self.offers_more = true;
                    self.messenger.set_default_policy(policy(FEATURES_CRUSH_LATER | Features::CEPHX_V2.0));
                    if connection == self.connection {
                        self.reopen()?;
                        return Ok(News::Lost);
                    }
                    connection.mark_down();
                    return Ok(News::PeerLost(connection));
                }
                // It is tried again, and what is wrong was printed.
                Heard::Fault(_, fault) => self.last_fault = Some(fault),
                Heard::Reset(connection, fault) if connection == self.connection => {
                    eprintln!("{}: {fault}", connection.peer_addr());
                    let pause = if self.failed_before { HUNT } else { Duration::ZERO };
                    self.next_tick = Instant::now() + pause;
                    self.failed_before = true;
                    self.last_fault = Some(fault);
                    self.is_introduced = false;
                    self.is_authenticated = false;
                    return Ok(News::Lost);
                }
                // It connects again, to a monitor that knows nothing any more.
                Heard::RemoteReset(connection) if connection == self.connection => {
                    self.is_introduced = false;
                    self.is_authenticated = false;
                    return Ok(News::Lost);
                }
                Heard::Reset(connection, _) | Heard::RemoteReset(connection) => {
                    return Ok(News::PeerLost(connection));
                }
                Heard::Message(message) if self.is_stray(&message) => {}
                Heard::Message(message) => match &message.payload {
                    Payload::MAuthReply(reply) => {
                        let reply = reply.clone();
                        if self.authenticate_on(&reply).await? {
                            return Ok(News::Authenticated);
                        }
                    }
                    _ => {
                        self.monmap = monmap(&message.payload).or(self.monmap.take());
                        return Ok(News::Message(message));
                    }
                },
            }
        }
    }

    /// The first words to a monitor.
    async fn introduce(&mut self) -> Result<()> {
        self.next_tick = Instant::now() + HUNT;
        self.is_introduced = true;
        let features = self.connection.features();
        let epoch = self.monmap.as_ref().map_or(0, |map| map.epoch);
        let first = self.auth().client().context("no client")?.start(epoch, features)?;
        let _ = self.connection.send_keepalive();
        self.say(Message::new(first)).await
    }

    /// Goes on with what the monitor answered. Whether that is all.
    async fn authenticate_on(&mut self, reply: &MAuthReply) -> Result<bool> {
        let step = {
            let mut auth = self.auth.lock().unwrap_or_else(PoisonError::into_inner);
            auth.handle(reply, &mut Moment { wall: wall(), random: &mut self.random })
        };
        match step {
            // Perhaps a later monitor, which does not allow the first version of CEPHX.
            Err(AuthError::Result(_)) if self.has_key && !std::mem::replace(&mut self.offers_more, true) => {
                self.messenger.set_default_policy(policy(FEATURES_CRUSH_LATER | Features::CEPHX_V2.0));
                self.reopen()?;
                Ok(false)
            }
            Err(error) => bail!("authentication failed: {error}"),
            Ok(Step::Send(next)) => {
                self.say(Message::new(next)).await?;
                Ok(false)
            }
            Ok(Step::Done) => {
                let num = self.auth().client().map_or(-1, |client| client.global_id() as i64);
                self.messenger.set_name(EntityName { num, ..self.messenger.name() });
                self.is_authenticated = true;
                Ok(true)
            }
        }
    }

    async fn say(&self, message: Message) -> Result<()> {
        match self.connection.send(message).await {
            // The connection broke just now: that is the next thing to be heard.
            Err(SendError::Dropped) => Ok(()),
            sent => Ok(sent?),
        }
    }

    /// Whether a message is from a former connection to the monitor, or says once more that the client is believed.
    fn is_stray(&self, message: &MessageIn) -> bool {
        let connection = message.connection();
        connection.peer_type() == EntityType::MON && *connection != self.connection
            || self.is_authenticated && matches!(message.payload, Payload::MAuthReply(_))
    }

    /// Looks whether the monitor is well. Whether it is not.
    fn tick(&mut self) -> Result<bool> {
        self.next_tick = Instant::now() + if self.is_authenticated { PING } else { HUNT };
        if self.connection.info().is_none() {
            self.reopen()?;
        }
        if !self.connection.is_connected() {
            return Ok(false);
        }
        let _ = self.connection.send_keepalive();
        let echoed = self.connection.features() & Features::MSGR_KEEPALIVE2.0 != 0;
        let last = self.connection.last_keepalive_ack().map_or(0, |stamp| stamp.tv_sec);
        let silent = u64::from(wall().tv_sec.saturating_sub(last)) > PING_TIMEOUT.as_secs();
        if self.is_authenticated && !(echoed && silent) {
            return Ok(false);
        }
        eprintln!("{} does not answer", self.monitor.addr);
        self.reopen()?;
        Ok(true)
    }

    fn reopen(&mut self) -> Result<()> {
        self.connection.mark_down();
        self.is_introduced = false;
        self.is_authenticated = false;
        self.connection = self.messenger.connect_to(&self.monitor)?;
        Ok(())
    }

    /// Whether features that are demanded are among those that can be had: later peers demand some for maps that are
    /// read here like older ones (MD-16, MD-48).
    fn can_offer(&self, wanted: u64) -> bool {
        let more = wanted & !FEATURES_ALL;
        !self.offers_more && more != 0 && more & !(FEATURES_CRUSH_LATER | Features::CEPHX_V2.0) == 0
    }

    fn auth(&self) -> MutexGuard<'_, Auth> {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Firefly's towards monitors and OSDs, with more features for later ones.
fn policy(more: u64) -> Policy {
    Policy::lossy_client().supporting(FEATURES_ALL | more).requiring(Features::OSDREPLYMUX.0)
}

fn monmap(payload: &Payload) -> Option<MonMap> {
    let Payload::MMonMap(message) = payload else { return None };
    message.monmapbl.as_ref().map(|map| (**map).clone())
}

fn newest_osdmap(payload: &Payload) -> Option<OsdMap> {
    let Payload::MOSDMap(message) = payload else { return None };
    message.maps.iter().max_by_key(|(epoch, _)| *epoch).map(|(_, map)| (**map).clone())
}

fn now_nanos() -> u64 {
    let now = wall();
    u64::from(now.tv_sec) << 32 ^ u64::from(now.tv_nsec) ^ u64::from(std::process::id()) << 16
}
