//! What happens to a pipe that ended.

use std::sync::{Arc, PoisonError};

use tokio::sync::mpsc;

use super::inner::Inner;
use super::pipe::Pipe;
use super::write_queue::WriteQueue;
use crate::session::Disconnect;

/// A pipe whose task is done.
pub(super) struct Ended {
    pub(super) pipe: Arc<Pipe>,
    /// What it did not write.
    pub(super) out: WriteQueue,
}

impl Inner {
    /// Reaps pipes as they end, in Firefly's order (`reaper` in `src/msg/SimpleMessenger.cc`): drops what was to be
    /// written, sees that no session leads to the pipe any more, takes it off the books, joins its task, closes its
    /// socket.
    pub(super) async fn reap(self: Arc<Inner>, mut ended: mpsc::UnboundedReceiver<Ended>) {
        while let Some(Ended { pipe, mut out }) = ended.recv().await {
            out.clear();
            self.detach(&pipe);
            let join = pipe.join.lock().unwrap_or_else(PoisonError::into_inner).take();
            let socket = match join {
                Some(task) => task.await.ok().flatten(),
                None => None,
            };
            drop(socket);
            tracing::trace!(messenger = %self.label, peer = %pipe.peer, "reaped");
            self.reaped.notify_waiters();
        }
    }

    /// Makes sure that the endpoint knows nothing of a pipe, and forgets it.
    fn detach(self: &Arc<Inner>, pipe: &Pipe) {
        self.with(|state, now| {
            state.pipes.remove(&pipe.transport);
            // No more than a precaution: it was told, or wanted it so.
            let told = state.endpoint.closed(now, pipe.transport, Disconnect::Eof);
            self.check(told);
        });
    }
}
