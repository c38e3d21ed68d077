//! Calling the endpoint when its time has come.

use std::sync::Arc;

use tokio::time::sleep_until;

use super::inner::Inner;
use crate::session::Time;

impl Inner {
    /// Rings when the endpoint wants it, and sleeps otherwise.
    pub(super) async fn ring(self: Arc<Inner>) {
        loop {
            let armed = self.lock().armed;
            let Some(deadline) = armed else {
                self.timer.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(self.epoch + (deadline - Time::ZERO)) => self.with(|state, now| {
                    state.armed = None;
                    let told = state.endpoint.handle_timeout(now);
                    self.check(told);
                }),
                () = self.timer.notified() => {}
            }
        }
    }
}
