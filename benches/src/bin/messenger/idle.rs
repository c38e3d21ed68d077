//! The memory of connections over which nothing goes.
//!
//! A messenger is alone in its process; the other process has bare sockets with one protocol engine each, which is
//! dropped after the handshake. First the messenger accepts, then it connects.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use firefly_runtime::auth::{NoneAuth, Rules};
use firefly_runtime::messenger::{Dispatcher, MessageIn, Messenger, Policies, Policy};
use firefly_runtime::session::{Command, Config, Endpoint, Event, Time, TransportId};
use firefly_runtime::wire::address::{AuthEntityName, EntityAddr, EntityInst, EntityName, EntityType};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::process::{self, Child};
use crate::{Args, ours};

/// Before these are there, nothing is counted.
const FIRST: usize = 200;

/// So many connections are begun at a time; the backlog of a listener of the standard library is 128.
const AT_A_TIME: usize = 64;

/// Allows as many sockets as the system lets.
pub fn raise_limit() -> Result<u64, Box<dyn Error>> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

/// The resident memory of this process, in bytes.
pub fn resident() -> Result<u64, Box<dyn Error>> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).ok_or("no resident memory")?.parse()?;
    Ok(pages * 4096)
}

/// Prints the memory for each of so many connections.
pub fn measure(connections: usize, args: &Args) -> Result<(), Box<dyn Error>> {
    let limit = raise_limit()?;
    if limit < connections as u64 + 100 {
        return Err(format!("only {limit} sockets are allowed: ulimit -n {}", connections + 100).into());
    }
    let accepted = accepting(connections, args)?;
    let connected = connecting(connections, args)?;
    println!("| {connections} idle connections | memory of the process for each |");
    println!("|---|--:|");
    println!("| accepted | {accepted} B |");
    println!("| connected | {connected} B |");
    Ok(())
}

/// The messenger of the other process accepts.
fn accepting(connections: usize, args: &Args) -> Result<u64, Box<dyn Error>> {
    let mut server = Child::start(&args.for_server("messages"))?;
    let addr = server.ours.clone();
    let connect = |nonce: usize| -> Result<TcpStream, Box<dyn Error>> {
        let mut config = Config::new(EntityName { r#type: EntityType::CLIENT, num: nonce as i64 });
        config.addr = EntityAddr { nonce: nonce as u32, ..EntityAddr::default() };
        config.policies = Policies::new(Policy::lossy_client());
        let mut endpoint = endpoint(config);
        endpoint.connect(Time::ZERO, EntityType::OSD, &addr)?;
        let Some(Command::Dial { transport, addr }) = endpoint.poll_command() else { return Err("not dialled".into()) };
        let stream = TcpStream::connect(addr)?;
        endpoint.connected(Time::ZERO, transport)?;
        shake_hands(endpoint, transport, stream)
    };
    let mut sockets = (0..FIRST).map(&connect).collect::<Result<Vec<_>, _>>()?;
    let before = settled(&mut server, FIRST)?;
    sockets.extend((FIRST..connections).map(connect).collect::<Result<Vec<_>, _>>()?);
    let after = settled(&mut server, connections)?;
    Ok((after - before) / (connections - FIRST) as u64)
}

/// The memory of the server once it has so many sessions.
fn settled(server: &mut Child, sessions: usize) -> Result<u64, Box<dyn Error>> {
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(50));
        if let [resident, there] = server.ask("idle")?[..]
            && there == sessions as u64
        {
            return Ok(resident);
        }
    }
    Err("the server does not have the sessions that it should have".into())
}

/// The messenger of this process connects, each time to another address of the loopback.
fn connecting(connections: usize, args: &Args) -> Result<u64, Box<dyn Error>> {
    let server = Child::start(&args.for_server("sockets"))?;
    let runtime = process::runtime(args.workers)?;
    let _entered = runtime.enter();
    let name = EntityName { r#type: EntityType::CLIENT, num: -1 };
    let messenger = Messenger::builder(name).default_policy(Policy::lossy_client()).build();
    messenger.add_dispatcher(Nothing)?;
    messenger.start()?;
    let mut open = Vec::new();
    let mut connect = |upto: usize| -> Result<u64, Box<dyn Error>> {
        while open.len() < upto {
            for _ in 0..AT_A_TIME.min(upto - open.len()) {
                let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + open.len() as u32);
                let addr = EntityAddr::new(SocketAddr::from((ip, server.bare.port())), 0);
                open.push(messenger.connect_to(&EntityInst { name: ours::SERVER, addr })?);
            }
            let begin = Instant::now();
            while !open.iter().rev().take(AT_A_TIME).all(|connection| connection.is_connected()) {
                if begin.elapsed() > Duration::from_secs(5) {
                    return Err("not connected".into());
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        std::thread::sleep(Duration::from_millis(100));
        resident()
    };
    let before = connect(FIRST)?;
    let after = connect(connections)?;
    Ok((after - before) / (connections - FIRST) as u64)
}

/// Wants nothing.
struct Nothing;

impl Dispatcher for Nothing {
    fn dispatch(&self, message: MessageIn) -> Result<(), MessageIn> {
        Err(message)
    }
}

/// Accepts with bare sockets, in the other process.
pub fn serve_sockets() -> Result<(), Box<dyn Error>> {
    raise_limit()?;
    let listener = TcpListener::bind("0.0.0.0:0")?;
    let addr = listener.local_addr()?;
    println!("{addr} 0 {addr}");
    std::thread::spawn(move || {
        let mut sockets = Vec::new();
        for stream in listener.incoming() {
            match stream.map_err(Into::into).and_then(accept) {
                Ok(stream) => sockets.push(stream),
                Err(error) => eprintln!("not accepted: {error}"),
            }
        }
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn accept(stream: TcpStream) -> Result<TcpStream, Box<dyn Error>> {
    let mut config = Config::new(ours::SERVER);
    config.addr = EntityAddr::new(stream.local_addr()?, 0);
    config.policies = Policies::new(Policy::stateless_server());
    let mut endpoint = endpoint(config);
    let transport = endpoint.accept(Time::ZERO, stream.peer_addr()?)?;
    shake_hands(endpoint, transport, stream)
}

fn endpoint(config: Config) -> Endpoint {
    let name = AuthEntityName { r#type: config.name.r#type.0.into(), id: Bytes::from_static(b"0").into() };
    Endpoint::new(config, Box::new(NoneAuth::new(name, 0).with_rules(Rules::anyone())), 1)
}

/// Goes on until the connection is open.
fn shake_hands(
    mut endpoint: Endpoint,
    transport: TransportId,
    mut stream: TcpStream,
) -> Result<TcpStream, Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let (mut pieces, mut input, mut part) = (Vec::new(), BytesMut::new(), [0; 4096]);
    loop {
        while let Some(command) = endpoint.poll_command() {
            if let Command::Close { .. } = command {
                return Err("refused".into());
            }
        }
        while endpoint.poll_transmit(Time::ZERO, transport, &mut pieces) {}
        for piece in pieces.drain(..) {
            stream.write_all(&piece)?;
        }
        while let Some(event) = endpoint.poll_event() {
            if let Event::Connect(_) | Event::Accept(_) = event {
                return Ok(stream);
            }
        }
        let n = stream.read(&mut part)?;
        if n == 0 {
            return Err("closed".into());
        }
        input.extend_from_slice(part.get(..n).unwrap_or_default());
        endpoint.handle_input(Time::ZERO, transport, &mut input)?;
    }
}
