//! One TCP connection and the task that serves it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::inner::{Inner, State, Todo};
use super::read_buffer::ReadBuffer;
use super::reaper::Ended;
use super::signal::{Orders, Signal};
use super::write_queue::WriteQueue;
use crate::session::{Disconnect, Time, TransportId, Want};

/// How long the last bytes of a connection may take to be written, and then to be seen by the peer.
const FLUSH: Duration = Duration::from_secs(1);

/// So many bytes are taken from the endpoint at a time.
const STAGED: usize = 1 << 20;

/// What is known of a pipe outside its task.
pub(super) struct Pipe {
    pub(super) transport: TransportId,
    pub(super) peer: SocketAddr,
    pub(super) signal: Signal,
    /// What is to be written last.
    pub(super) tail: Mutex<Vec<Bytes>>,
    /// Whether something was taken from the endpoint and is not written yet.
    pub(super) writing: AtomicBool,
    /// The task, which yields its socket in the end.
    pub(super) join: Mutex<Option<JoinHandle<Option<TcpStream>>>>,
}

/// How a pipe comes to its connection.
pub(super) enum Transport {
    Open(TcpStream),
    Dial(SocketAddr),
}

impl Pipe {
    pub(super) fn new(transport: TransportId, peer: SocketAddr) -> Pipe {
        Pipe {
            transport,
            peer,
            signal: Signal::default(),
            tail: Mutex::default(),
            writing: AtomicBool::new(false),
            join: Mutex::default(),
        }
    }

    /// Serves a connection to its end and hands it to the reaper.
    pub(super) async fn run(inner: Arc<Inner>, pipe: Arc<Pipe>, transport: Transport) -> Option<TcpStream> {
        let mut end = End { inner: inner.clone(), pipe: pipe.clone(), out: WriteQueue::default() };
        let stream = match transport {
            Transport::Open(stream) => Some(stream),
            // In memory of its own, which is free again afterwards.
            Transport::Dial(addr) => Box::pin(dial(&inner, &pipe, addr)).await,
        };
        let mut task = Task::new(&inner, &pipe, stream?);
        task.serve().await;
        end.out = task.output;
        Some(task.stream)
    }
}

/// Hands a pipe to the reaper, however its task ends.
struct End {
    inner: Arc<Inner>,
    pipe: Arc<Pipe>,
    /// What was not written.
    out: WriteQueue,
}

impl Drop for End {
    fn drop(&mut self) {
        let ended = Ended { pipe: self.pipe.clone(), out: std::mem::take(&mut self.out) };
        // After a shutdown nobody listens, and the pipe goes with its last owner.
        let _ = self.inner.reaper.send(ended);
    }
}

/// Opens a connection, unless the endpoint changes its mind.
async fn dial(inner: &Arc<Inner>, pipe: &Pipe, addr: SocketAddr) -> Option<TcpStream> {
    let mut connect = pin!(inner.socket.connect(addr));
    let outcome = poll_fn(|cx| {
        while let Poll::Ready(orders) = pipe.signal.poll(cx) {
            if orders.contains(Orders::CLOSE) {
                return Poll::Ready(None);
            }
        }
        connect.as_mut().poll(cx).map(Some)
    })
    .await?;
    let told = inner.with(|state, now| match &outcome {
        Ok(_) => state.endpoint.connected(now, pipe.transport).map(|_| ()),
        Err(error) => {
            let how = match error.kind() {
                io::ErrorKind::ConnectionRefused => Disconnect::Refused,
                kind => Disconnect::Unreachable(kind),
            };
            state.endpoint.closed(now, pipe.transport, how)
        }
    });
    inner.check(told);
    outcome.ok()
}

/// What the task of a pipe owns: whatever it waits for, no byte is lost.
struct Task<'a> {
    inner: &'a Arc<Inner>,
    pipe: &'a Arc<Pipe>,
    stream: TcpStream,
    input: ReadBuffer,
    output: WriteQueue,
    /// The endpoint may have something to write.
    more: bool,
    /// There is input that can be handled without reading more.
    rest: bool,
    /// Off while a throttle holds the input.
    reading: bool,
    /// Writing failed. What was received before is still read.
    broken: Option<io::ErrorKind>,
}

/// What happened to a pipe.
enum Step {
    Ordered(Orders),
    Wrote(io::Result<usize>),
    Read(io::Result<usize>),
    Rest,
}

/// Whether a pipe goes on.
#[derive(PartialEq, Eq)]
enum Next {
    Step,
    End,
}

impl<'a> Task<'a> {
    fn new(inner: &'a Arc<Inner>, pipe: &'a Arc<Pipe>, stream: TcpStream) -> Task<'a> {
        let (input, output) = (ReadBuffer::default(), WriteQueue::default());
        Task { inner, pipe, stream, input, output, more: false, rest: false, reading: true, broken: None }
    }

    async fn serve(&mut self) {
        loop {
            let next = match poll_fn(|cx| self.poll_step(cx)).await {
                Step::Ordered(orders) if orders.contains(Orders::CLOSE) => {
                    if orders.contains(Orders::FLUSH) {
                        Box::pin(self.flush()).await;
                    }
                    // The peer sees the end at once, the reaper closes.
                    let _ = SockRef::from(&self.stream).shutdown(Shutdown::Both);
                    Next::End
                }
                Step::Ordered(orders) => self.obey(orders),
                Step::Wrote(Ok(_)) => self.refill(),
                Step::Wrote(Err(error)) => {
                    self.broken = Some(error.kind());
                    self.output.clear();
                    Next::Step
                }
                Step::Read(Ok(0)) => self.lost(self.broken.map_or(Disconnect::Eof, Disconnect::Broken)),
                Step::Read(Ok(_)) | Step::Rest => self.offer(),
                Step::Read(Err(error)) => self.lost(Disconnect::Broken(self.broken.unwrap_or(error.kind()))),
            };
            if next == Next::End {
                return;
            }
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(orders) = self.pipe.signal.take() {
            return Poll::Ready(Step::Ordered(orders));
        }
        if !self.output.is_empty()
            && let Poll::Ready(wrote) = self.output.poll_write(&mut self.stream, cx)
        {
            self.inner.writes.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Step::Wrote(wrote));
        }
        if self.rest {
            return Poll::Ready(Step::Rest);
        }
        if self.reading
            && let Poll::Ready(read) = self.input.poll_read(&self.inner.pool, &mut self.stream, cx)
        {
            self.inner.reads.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Step::Read(read));
        }
        self.pipe.signal.poll(cx).map(Step::Ordered)
    }

    fn obey(&mut self, orders: Orders) -> Next {
        self.more |= orders.contains(Orders::TRANSMIT);
        if orders.contains(Orders::RESUME) {
            self.reading = true;
            return self.offer();
        }
        self.refill()
    }

    /// Offers what was read to the endpoint, and takes what that has to say.
    fn offer(&mut self) -> Next {
        let now = self.inner.now();
        let mut todo = Todo::default();
        let (mut state, want) = self.inner.receive(now, self.pipe.transport, self.input.bytes(), &mut todo);
        self.rest = want == Ok(Want::Bytes(0));
        match want {
            Ok(Want::Bytes(n)) => self.input.want(n),
            // With the latter, the order to close is among the commands.
            Ok(Want::Pause | Want::Nothing) => self.reading = false,
            Err(misuse) => self.inner.check(Err(misuse)),
        }
        self.reading = self.reading && state.may_read(self.pipe);
        state.collect(Some(self.pipe.transport), &mut todo);
        // Handlers may have answered.
        self.more |= todo.transmit | self.pipe.signal.take_one(Orders::TRANSMIT);
        let mut burst = state.begin_burst(now);
        let next = state.take_burst(&self.inner.dispatch, todo.due.take(), &mut burst);
        if burst.is_empty() {
            state.end_burst(burst);
            todo.due = next;
            self.fill(&mut state, now, &mut todo);
            drop(state);
            self.inner.act(todo);
            return Next::Step;
        }
        // What fast handlers answer goes out with what is there already.
        drop(state);
        self.inner.act(todo);
        self.inner.dispatch_fast(burst, next);
        self.refill()
    }

    /// Takes what the endpoint has to say, once everything before it is written.
    fn refill(&mut self) -> Next {
        if self.output.is_empty() {
            self.pipe.writing.store(false, Ordering::Release);
            self.more |= self.pipe.signal.take_one(Orders::TRANSMIT);
            if self.more {
                let now = self.inner.now();
                let mut todo = Todo::default();
                let mut state = self.inner.lock();
                self.fill(&mut state, now, &mut todo);
                drop(state);
                self.inner.act(todo);
            }
        }
        Next::Step
    }

    fn fill(&mut self, state: &mut State, now: Time, todo: &mut Todo) {
        if !self.more || !self.output.is_empty() || self.broken.is_some() {
            return;
        }
        let pieces = self.output.pieces();
        let mut staged = 0;
        while self.more && staged < STAGED {
            let before = pieces.len();
            self.more = state.endpoint.poll_transmit(now, self.pipe.transport, pieces);
            staged += pieces.iter().skip(before).map(Bytes::len).sum::<usize>();
        }
        self.pipe.writing.store(!pieces.is_empty(), Ordering::Release);
        state.collect(Some(self.pipe.transport), todo);
        self.more |= todo.transmit;
    }

    /// Tells the endpoint that the connection is gone.
    fn lost(&mut self, how: Disconnect) -> Next {
        let told = self.inner.with(|state, now| state.endpoint.closed(now, self.pipe.transport, how));
        self.inner.check(told);
        Next::End
    }

    /// Writes what is left, and waits until the peer has seen it: whatever of the peer's is unread when a socket is
    /// closed makes the system take back what was not delivered.
    async fn flush(&mut self) {
        let mut tail = std::mem::take(&mut *self.pipe.tail.lock().unwrap_or_else(PoisonError::into_inner));
        self.output.append(&mut tail);
        let written = async {
            while !self.output.is_empty() {
                poll_fn(|cx| self.output.poll_write(&mut self.stream, cx)).await?;
            }
            io::Result::Ok(())
        };
        if !matches!(timeout(FLUSH, written).await, Ok(Ok(()))) {
            return;
        }
        let _ = SockRef::from(&self.stream).shutdown(Shutdown::Write);
        let seen = async {
            let mut rest = [0; 1024];
            while matches!(self.stream.read(&mut rest).await, Ok(1..)) {}
        };
        let _ = timeout(FLUSH, seen).await;
    }
}
