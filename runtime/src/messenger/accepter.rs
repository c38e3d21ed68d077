//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::Socket;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::inner::Inner;

/// The first and the longest pause when the system has nothing left for another connection.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The task that accepts connections (`src/msg/Accepter.cc`). Nothing but [`stop`](Accepter::stop) ends it (ER-26).
pub(super) struct Accepter(JoinHandle<()>);

impl Accepter {
    pub(super) fn start(inner: Arc<Inner>, socket: Socket, runtime: &Handle) -> io::Result<Accepter> {
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(socket.into())?;
        Ok(Accepter(runtime.spawn(accept(inner, listener))))
    }

    /// Ends the task without waiting for it.
    pub(super) fn abort(&self) {
        self.0.abort();
    }

    /// Ends the task and closes its socket.
    pub(super) async fn stop(self) {
        self.0.abort();
        // An error is what it was told.
        let _ = self.0.await;
    }
}

async fn accept(inner: Arc<Inner>, listener: TcpListener) {
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                pause = FIRST_PAUSE;
                inner.accepted(stream, peer);
            }
            // The peer gave up before it was its turn.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                inner.accept_failures.fetch_add(1, Ordering::Relaxed);
                tracing::error!(messenger = %inner.label, ?pause, "cannot accept: {error}");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
