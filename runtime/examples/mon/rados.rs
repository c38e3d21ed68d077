//! A client of a cluster with one OSD.

use anyhow::{Context, Result, bail, ensure};
use firefly_runtime::codec::Bytes;
use firefly_runtime::messenger::{Connection, Message};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityName, EntityType};
use firefly_runtime::wire::osd::{MOSDOp, MOSDOpReply, NOSNAP, OsdFlags, OsdOp};
use firefly_runtime::wire::osd_op::{OsdOpArgs, OsdOpCode, OsdOpHead};
use firefly_runtime::wire::osdmap::{OsdMapClientData, OsdState};
use firefly_runtime::wire::payload::Payload;
use firefly_runtime::wire::pool::PgPool;
use firefly_runtime::wire::prelude::{ObjectLocator, PgT};

use super::client::{MonClient, News};
use super::placement;

/// A pool, and the OSD that has all of it.
pub(crate) struct Rados {
    pub(crate) client: MonClient,
    pub(crate) pool: i64,
    pub(crate) info: PgPool,
    pub(crate) osd: EntityInst,
    connection: Connection,
    epoch: u32,
    /// How often a request was sent once more.
    pub(crate) repeats: u64,
}

impl Rados {
    /// Finds the pool, or creates it, and begins to connect to the OSD.
    pub(crate) async fn open(mut client: MonClient, pool: &str) -> Result<Rados> {
        client.authenticate().await?;
        client.fetch_monmap().await?;
        let (pool, info) = find_pool(&mut client, pool).await?;
        let (osd, epoch) = only_osd(&client)?;
        let connection = client.messenger.connect_to(&osd)?;
        Ok(Rados { client, pool, info, osd, connection, epoch, repeats: 0 })
    }

    /// Replaces an object. Its version.
    pub(crate) async fn write_full(&mut self, name: &str, data: Bytes) -> Result<u64> {
        self.write(name, op(OsdOpCode::WRITEFULL, data.len(), data)).await
    }

    /// Adds to the end of an object. Its version.
    pub(crate) async fn append(&mut self, name: &str, data: Bytes) -> Result<u64> {
        self.write(name, op(OsdOpCode::APPEND, data.len(), data)).await
    }

    async fn write(&mut self, name: &str, op: OsdOp) -> Result<u64> {
        let reply = self.ask(name, OsdFlags::WRITE | OsdFlags::ONDISK, op).await?;
        ensure!(reply.result >= 0, "the write ended with {}", reply.result);
        Ok(reply.user_version)
    }

    /// An object, of which no more than this is wanted.
    pub(crate) async fn read(&mut self, name: &str, len: usize) -> Result<Bytes> {
        let reply = self.ask(name, OsdFlags::READ, op(OsdOpCode::READ, len, Bytes::new())).await?;
        ensure!(reply.result >= 0, "the read ended with {}", reply.result);
        reply.ops.first().and_then(|op| op.outdata.raw()).cloned().context("a reply without data")
    }

    /// Asks the OSD, again under the same number if the connection breaks: it knows what it has done already.
    async fn ask(&mut self, name: &str, flags: OsdFlags, op: OsdOp) -> Result<MOSDOpReply> {
        let hash = placement::hash(&self.info, "", name).context("the pool hashes in an unknown way")?;
        let mut request = MOSDOp {
            client_inc: 1,
            osdmap_epoch: self.epoch,
            flags,
            oloc: ObjectLocator { pool: self.pool, ..ObjectLocator::default() },
            pgid: PgT { m_pool: self.pool as u64, m_seed: hash, ..PgT::default() },
            oid: name.into(),
            ops: vec![op],
            snapid: NOSNAP,
            retry_attempt: 0,
            ..MOSDOp::default()
        };
        let tid = self.client.tid();
        loop {
            let mut is_lost = self.connection.send(Message::new(request.clone()).tid(tid)).await.is_err();
            while !is_lost {
                match self.client.news().await? {
                    News::Message(message) if message.tid == tid => {
                        if let Payload::MOSDOpReply(reply) = message.into_payload() {
                            return Ok(*reply);
                        }
                    }
                    News::PeerLost(lost) => is_lost = lost == self.connection,
                    _ => {}
                }
            }
            self.repeats += 1;
            request.retry_attempt += 1;
            request.flags = request.flags | OsdFlags::RETRY;
            self.connection = self.client.messenger.connect_to(&self.osd)?;
        }
    }
}

/// The pool, created if need be.
async fn find_pool(client: &mut MonClient, name: &str) -> Result<(i64, PgPool)> {
    client.fetch_osdmap().await?;
    if pool(client, name).is_none() {
        let create = format!(r#"{{"prefix": "osd pool create", "pool": "{name}", "pg_num": 8}}"#);
        let (result, says, _) = client.command(&create).await?;
        ensure!(result == 0, "the pool is not created: {says} ({result})");
        client.fetch_osdmap().await?;
    }
    pool(client, name).context("the pool is not in the map")
}

fn map(client: &MonClient) -> Option<&OsdMapClientData> {
    client.osdmap.as_ref().map(|map| &map.client)
}

fn pool(client: &MonClient, name: &str) -> Option<(i64, PgPool)> {
    let map = map(client)?;
    let (id, _) = map.pool_name.iter().find(|(_, known)| *known == name)?;
    Some((*id, map.pools.get(id)?.clone()))
}

/// The one OSD that is up: it has everything.
fn only_osd(client: &MonClient) -> Result<(EntityInst, u32)> {
    let map = map(client).context("no map of the OSDs")?;
    let up =
        map.osd_state.iter().zip(&map.client_addr).enumerate().filter(|(_, (state, _))| state.contains(OsdState::UP));
    let up: Vec<(usize, &EntityAddr)> = up.map(|(num, (_, addr))| (num, addr)).collect();
    let [(num, addr)] = up[..] else { bail!("{} OSDs are up, this works with one", up.len()) };
    let name = EntityName { r#type: EntityType::OSD, num: num as i64 };
    Ok((EntityInst { name, addr: addr.clone() }, map.epoch))
}

fn op(op: OsdOpCode, length: usize, indata: Bytes) -> OsdOp {
    let args = OsdOpArgs::Extent { offset: 0, length: length as u64, truncate_size: 0, truncate_seq: 0 };
    OsdOp { op: OsdOpHead { op, args, ..OsdOpHead::default() }, indata: indata.into(), ..OsdOp::default() }
}
