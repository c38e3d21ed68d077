//! What waits to be dispatched.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firefly_runtime::messenger::{Dispatcher, MessageIn, Messenger, Policy};
use firefly_runtime::wire::address::EntityType;

use super::node::{Node, name, ping, until};

/// Takes its time, as no handler should.
struct Slow(Arc<AtomicU64>);

impl Dispatcher for Slow {
    fn dispatch(&self, _: MessageIn) -> Result<(), MessageIn> {
        if self.0.fetch_add(1, Ordering::Relaxed) < 200 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Messages without bytes pass the throttle of dispatching; nevertheless they do not pile up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_while_many_messages_wait() {
    const MESSAGES: u64 = 50_000;
    let count = Arc::new(AtomicU64::new(0));
    let server = Messenger::builder(name(EntityType::OSD, 0)).default_policy(Policy::stateless_server()).build();
    server.bind("127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    server.add_dispatcher(Slow(count.clone())).unwrap();
    server.start().unwrap();
    let client = Node::unbound(EntityType::CLIENT, Policy::lossy_client());
    let connection = client.messenger.connect_to(&server.inst()).unwrap();
    let sender = tokio::spawn(async move {
        for tid in 0..MESSAGES {
            connection.send(ping(tid)).await.unwrap();
        }
    });
    let mut most = 0;
    while count.load(Ordering::Relaxed) < 200 {
        most = most.max(server.stats().endpoint.undispatched);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // The bound, and what one read may bring.
    assert!(most > 500 && most < 1024 + (128 << 10) / 75, "{most}");
    sender.await.unwrap();
    until("all are dispatched", || count.load(Ordering::Relaxed) == MESSAGES).await;
}
