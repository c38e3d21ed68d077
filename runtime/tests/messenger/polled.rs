//! Futures that are given up.

use std::future::{Future, poll_fn};
use std::task::Poll;

use tokio::time::timeout;

use super::node::LIMIT;

/// Polls a future whenever it wants to be polled, but at most so many times, and drops it then. What it yielded, if it
/// was done by then.
pub(crate) async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Does something anew with 0, 1, 2 … polls or turns until it says that this was enough. How many that were.
pub(crate) async fn sweep(mut attempt: impl AsyncFnMut(usize) -> bool) -> usize {
    const MOST: usize = 2000;
    for count in 0..MOST {
        let is_enough = timeout(LIMIT, attempt(count)).await;
        if is_enough.unwrap_or_else(|_| panic!("stuck after {count}")) {
            return count;
        }
    }
    panic!("{MOST} are not enough")
}

/// Lets all other tasks and sockets have so many turns.
pub(crate) async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}
