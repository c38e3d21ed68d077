//! The messenger, as an application would use it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use firefly_runtime::codec::Parts;
use firefly_runtime::messenger::{Builder, Connection, Dispatcher, Message, MessageIn, Messenger, Policy, Received};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityName, EntityType};
use firefly_runtime::wire::payload::Payload;

use crate::process::{Child, zeros};
use crate::{ASK, Args, Point, Progress, TELL};

pub const SERVER: EntityName = EntityName { r#type: EntityType::OSD, num: 0 };
const CLIENT: EntityName = EntityName { r#type: EntityType::CLIENT, num: -1 };

fn message(number: u16, tid: u64, data: Bytes) -> Message {
    Message::new(Payload::opaque(number, Parts { version: 1, compat: 1, data, ..Parts::default() })).tid(tid)
}

/// What both ends have in common.
fn builder(name: EntityName, policy: Policy) -> Builder {
    Messenger::builder(name).default_policy(policy).configure(|config| {
        config.conduct.refuse_unknown_types = false;
        // 128 times 4 MiB, which are all one buffer.
        config.limits.queued_bytes = 4 << 30;
    })
}

/// Answers what is to be answered.
struct Serve {
    messages: Arc<AtomicU64>,
    data: Bytes,
}

impl Dispatcher for Serve {
    fn dispatch(&self, message_in: MessageIn) -> Result<(), MessageIn> {
        self.messages.fetch_add(1, Ordering::Relaxed);
        if message_in.payload.number() == ASK {
            let asked = match &message_in.payload {
                Payload::Opaque(opaque) => opaque.parts.data.len(),
                _ => 0,
            };
            let answer = message(ASK, message_in.tid, self.data.slice(..asked));
            if let Err(error) = message_in.connection().try_send(answer) {
                eprintln!("not answered: {error}");
            }
        }
        Ok(())
    }

    fn can_fast_dispatch(&self, _: &Received) -> bool {
        true
    }
}

/// Listens. Must be kept.
pub async fn serve(messages: Arc<AtomicU64>, lossless: bool) -> Result<(Messenger, EntityAddr), Box<dyn Error>> {
    let policy = if lossless { Policy::stateful_server() } else { Policy::stateless_server() };
    let messenger = builder(SERVER, policy).build();
    messenger.bind("127.0.0.1:0".parse::<SocketAddr>()?)?;
    messenger.add_dispatcher(Serve { messages, data: zeros() })?;
    messenger.start()?;
    let addr = messenger.addr();
    Ok((messenger, addr))
}

/// Asks again when an answer comes.
struct Ask {
    progress: Arc<Progress>,
    data: Bytes,
}

impl Dispatcher for Ask {
    fn dispatch(&self, answer: MessageIn) -> Result<(), MessageIn> {
        if self.progress.answered() {
            let question = message(ASK, answer.tid, self.data.clone());
            if let Err(error) = answer.connection().try_send(question) {
                eprintln!("not asked: {error}");
            }
        }
        Ok(())
    }

    fn can_fast_dispatch(&self, _: &Received) -> bool {
        true
    }
}

/// A client under way.
pub struct Client {
    messenger: Messenger,
    sender: Option<tokio::task::JoinHandle<()>>,
}

/// Begins to send.
pub async fn start(
    point: Point,
    server: &Child,
    progress: &Arc<Progress>,
    args: &Args,
) -> Result<Client, Box<dyn Error>> {
    let policy = if args.lossless { Policy::lossless_client() } else { Policy::lossy_client() };
    // Where acknowledgements are waited for, they come for some dozens of messages.
    let room = if args.lossless { point.depth + 1024 } else { point.depth };
    let builder = builder(CLIENT, policy);
    let messenger = if point.answered {
        builder.build()
    } else {
        builder.configure(|config| config.limits.queued_messages = room).build()
    };
    let data = zeros().slice(..point.payload);
    messenger.add_dispatcher(Ask { progress: progress.clone(), data: data.clone() })?;
    messenger.start()?;
    let connection = messenger.connect_to(&EntityInst { name: SERVER, addr: server.ours.clone() })?;
    if point.answered {
        for tid in 0..point.depth as u64 {
            connection.send(message(ASK, tid, data.clone())).await?;
        }
        return Ok(Client { messenger, sender: None });
    }
    let sender = tokio::spawn(tell(connection, point.depth, progress.clone(), data));
    Ok(Client { messenger, sender: Some(sender) })
}

async fn tell(connection: Connection, depth: usize, progress: Arc<Progress>, data: Bytes) {
    let mut tids = 0..;
    while !progress.is_stopped() {
        let messages = tids.by_ref().take(depth).map(|tid| message(TELL, tid, data.clone()));
        if let Err(error) = connection.send_all(messages).await {
            return eprintln!("not told: {error}");
        }
    }
}

impl Client {
    /// Reads and writes so far.
    pub fn calls(&self) -> u64 {
        calls(&self.messenger)
    }

    /// Ends it.
    pub async fn stop(self) {
        if let Some(sender) = self.sender {
            sender.abort();
            let _ = sender.await;
        }
        self.messenger.shutdown(Duration::ZERO).await;
    }
}

/// Reads and writes of a messenger so far.
pub fn calls(messenger: &Messenger) -> u64 {
    let stats = messenger.stats();
    stats.reads + stats.writes
}
