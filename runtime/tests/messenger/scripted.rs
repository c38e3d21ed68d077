//! A server that follows a script instead of the protocol.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use firefly_runtime::codec::{Context, Target, from_bytes, to_bytes};
use firefly_runtime::wire::address::{EntityAddr, EntityInst, EntityType};
use firefly_runtime::wire::transport::{BANNER, ClientHello, Connect, ConnectReply, ServerHello};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use super::node::name;
use super::raw::hello;

/// What it answers to a record; nothing to end the connection.
pub(crate) type Script = fn(&Connect) -> Option<ConnectReply>;

/// A connection that it accepted.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) begin: Instant,
    pub(crate) records: Vec<Connect>,
    pub(crate) is_over: bool,
}

/// Answers every record as the script says, on as many connections as come.
pub(crate) struct Scripted {
    addr: EntityAddr,
    visits: Arc<Mutex<Vec<Visit>>>,
    task: AbortHandle,
}

impl Scripted {
    pub(crate) async fn start(script: Script) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = EntityAddr::new(listener.local_addr().unwrap(), 7);
        let visits: Arc<Mutex<Vec<Visit>>> = Arc::default();
        let (all, own) = (visits.clone(), addr.clone());
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, peer)) = listener.accept().await {
                let visit = Visit { begin: Instant::now(), records: Vec::new(), is_over: false };
                let index = all.lock().unwrap().len();
                all.lock().unwrap().push(visit);
                let (all, own) = (all.clone(), own.clone());
                connections.spawn(async move {
                    // However it ends.
                    let _ = serve(stream, peer, own, script, |record| all.lock().unwrap()[index].records.push(record))
                        .await;
                    all.lock().unwrap()[index].is_over = true;
                });
            }
        });
        Scripted { addr, visits, task: task.abort_handle() }
    }

    /// Who it says it is.
    pub(crate) fn inst(&self) -> EntityInst {
        EntityInst { name: name(EntityType::OSD, 0), addr: self.addr.clone() }
    }

    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection until it ends.
async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    own: EntityAddr,
    script: Script,
    note: impl Fn(Connect),
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let greeting = ServerHello { server_addr: own, client_addr: EntityAddr::new(peer, 0) };
    let greeting = to_bytes(&greeting, Target::default()).unwrap();
    stream.write_all(&[&BANNER[..], &greeting].concat()).await?;
    let mut theirs = vec![0; hello(&EntityAddr::default()).len()];
    stream.read_exact(&mut theirs).await?;
    let address = Bytes::from(theirs).slice(BANNER.len()..);
    from_bytes::<ClientHello>(address, &Context::default()).unwrap();
    let mut input = BytesMut::new();
    while stream.read_buf(&mut input).await? > 0 {
        // A client says no more before it is answered.
        let Ok(connect) = from_bytes::<Connect>(input.clone().freeze(), &Context::default()) else { continue };
        input.clear();
        let reply = script(&connect);
        note(connect);
        match reply {
            Some(reply) => stream.write_all(&to_bytes(&reply, Target::default()).unwrap()).await?,
            None => return Ok(()),
        }
    }
    Ok(())
}
