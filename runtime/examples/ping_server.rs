//! Answers each MPing with an MPing.
//!
//! `cargo run --release --example ping_server -- 127.0.0.1:6900`

use std::net::SocketAddr;

use clap::Parser;
use firefly_runtime::messenger::{Connection, Dispatcher, Message, MessageIn, Messenger, Policy, Received};
use firefly_runtime::wire::address::{EntityName, EntityType};
use firefly_runtime::wire::mon::MPing;
use firefly_runtime::wire::payload::Payload;

/// Answers each MPing with an MPing.
#[derive(Parser)]
struct Args {
    /// Where to listen; with port 0 the first free one from 6800 to 7300.
    #[arg(default_value = "127.0.0.1:6900")]
    listen: SocketAddr,
}

struct Answer;

impl Dispatcher for Answer {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        let Payload::MPing(_) = message.payload else { return Err(message) };
        let answer = Message::new(MPing::default()).tid(message.tid);
        if let Err(error) = message.connection().try_send(answer) {
            eprintln!("not answered: {error}");
        }
        Ok(())
    }

    fn can_fast_dispatch(&self, _: &Received) -> bool {
        true
    }

    fn handle_accept(&self, connection: &Connection) {
        println!("{} is there", connection.peer_addr());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let name = EntityName { r#type: EntityType::OSD, num: 0 };
    let messenger = Messenger::builder(name).label("ping").default_policy(Policy::stateless_server()).build();
    let addr = messenger.bind(args.listen)?;
    messenger.add_dispatcher(Answer)?;
    messenger.start()?;
    println!("{} listens on {addr}, nonce {}", messenger.name(), messenger.addr().nonce);
    std::future::pending().await
}
