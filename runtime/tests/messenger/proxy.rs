//! A TCP proxy that makes trouble.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firefly_runtime::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// What a proxy does to the bytes of one direction. Of each, a chance of one in so many pieces; 0 for never.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Trouble {
    /// Both directions end at once, what is on its way is lost.
    pub(crate) cut: u64,
    /// Only this direction ends.
    pub(crate) half_close: u64,
    /// A pause of up to 5 ms.
    pub(crate) delay: u64,
    /// The piece is passed on in bits of 1 to 7 bytes.
    pub(crate) dribble: u64,
}

/// Passes on what comes, with trouble.
pub(crate) struct Proxy {
    troubles: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Proxy {
    /// Takes in those who want to `target`. With the same seed it has the same ideas.
    pub(crate) fn start(listener: TcpListener, target: SocketAddr, trouble: Trouble, seed: u64) -> Proxy {
        let troubles = Arc::new(AtomicU64::new(0));
        let counted = troubles.clone();
        let task = tokio::spawn(async move {
            let mut random = Random::new(seed);
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (seeds, counted) = ([random.next_u64(), random.next_u64()], counted.clone());
                connections.spawn(async move {
                    if let Ok(far) = TcpStream::connect(target).await {
                        carry(near, far, trouble, seeds, &counted).await;
                    }
                });
            }
        });
        Proxy { troubles, task: task.abort_handle() }
    }

    /// How often it cut or half closed a connection.
    pub(crate) fn troubles(&self) -> u64 {
        self.troubles.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, far: TcpStream, trouble: Trouble, seeds: [u64; 2], troubles: &AtomicU64) {
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let [there, back] = seeds.map(|seed| Mutex::new(Random::new(seed)));
    let mut there = Box::pin(pass(near_in, far_out, trouble, &there, troubles));
    let mut back = Box::pin(pass(far_in, near_out, trouble, &back, troubles));
    // One that was cut ends both; one that ended leaves the other.
    let half_closed = tokio::select! {
        half_closed = &mut there => half_closed.then_some(back),
        half_closed = &mut back => half_closed.then_some(there),
    };
    if let Some(other) = half_closed {
        other.await;
    }
}

/// Passes on one direction. Whether the other one may go on.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    trouble: Trouble,
    random: &Mutex<Random>,
    troubles: &AtomicU64,
) -> bool {
    let chance = |one_in: u64| one_in > 0 && random.lock().unwrap().below(one_in) == 0;
    let mut buffer = vec![0; 16 << 10];
    loop {
        let n = match from.read(&mut buffer).await {
            Ok(0) => return to.shutdown().await.is_ok(),
            Ok(n) => n,
            Err(_) => return false,
        };
        if chance(trouble.delay) {
            let pause = random.lock().unwrap().below(5000);
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        let cut = chance(trouble.cut);
        let half_close = !cut && chance(trouble.half_close);
        // What is lost begins anywhere in the piece.
        let n = if cut || half_close { random.lock().unwrap().below(n as u64 + 1) as usize } else { n };
        let dribble = chance(trouble.dribble);
        let mut rest = &buffer[..n];
        while !rest.is_empty() {
            let len = if dribble && n - rest.len() < 2000 { 1 + random.lock().unwrap().below(7) as usize } else { n };
            let (now, later) = rest.split_at(len.min(rest.len()));
            if to.write_all(now).await.is_err() {
                return false;
            }
            rest = later;
        }
        if cut || half_close {
            troubles.fetch_add(1, Ordering::Relaxed);
            return half_close && to.shutdown().await.is_ok();
        }
    }
}
