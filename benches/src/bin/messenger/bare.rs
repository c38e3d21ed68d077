//! The same bytes over bare tokio: frames written and read by hand, without sessions, acknowledgements, priorities or
//! throttles.
//!
//! One task serves a connection. It reads as much as there is, hands over whole frames one by one, writes what that
//! yields in one piece, and leaves long data where they are. Nothing travels between tasks.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use firefly_benches::crc;
use firefly_benches::header::hand::{Header, decode_array, encode_array};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::process::{Child, zeros};
use crate::{ASK, Point, Progress, TELL};

/// Tag and header, footer.
const HEAD: usize = 54;
const FOOT: usize = 21;
const MSG: u8 = 7;
const COMPLETE: u8 = 1;

/// Longer data are not copied.
const COPIED: usize = 1 << 10;
const SLICES: usize = 64;
const BATCH: usize = 64 << 10;

/// What a message says.
struct Message {
    tid: u64,
    kind: u16,
    data: Bytes,
}

/// A connection, with what is half read and half written.
struct Wire {
    stream: TcpStream,
    calls: Arc<AtomicU64>,
    input: BytesMut,
    /// Bytes that the frame lacks of which a part is there.
    wanted: usize,
    staged: Vec<u8>,
    /// What is to be written, in order: parts of `staged` and data by themselves.
    pieces: Vec<Piece>,
    /// Pieces written, and bytes of the next one.
    written: (usize, usize),
    seq: u64,
}

enum Piece {
    Staged(Range<usize>),
    Data(Bytes),
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn u32_at(b: &[u8], at: usize) -> u32 {
    b.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| u32::from_le_bytes(*b))
}

impl Wire {
    fn new(stream: TcpStream, calls: Arc<AtomicU64>) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        let (input, staged, pieces) = (BytesMut::new(), Vec::new(), Vec::new());
        Ok(Wire { stream, calls, input, wanted: 0, staged, pieces, written: (0, 0), seq: 0 })
    }

    /// Frames a message behind those that wait.
    fn push(&mut self, message: &Message) {
        let Message { tid, kind, data } = message;
        self.seq += 1;
        let header = Header {
            seq: self.seq,
            tid: *tid,
            kind: *kind,
            priority: 127,
            version: 1,
            front_len: 0,
            middle_len: 0,
            data_len: data.len() as u32,
            data_off: 0,
            src_type: 8,
            src_num: -1,
            compat_version: 1,
            reserved: 0,
            crc: 0,
        };
        let start = self.staged.len();
        self.staged.push(MSG);
        encode_array(&header, &mut self.staged);
        let crc = crc::fast(&self.staged[start + 1..start + HEAD - 4]);
        self.staged[start + HEAD - 4..].copy_from_slice(&crc.to_le_bytes());
        let mut footer = [0; FOOT];
        footer[8..12].copy_from_slice(&crc::fast(data).to_le_bytes());
        footer[20] = COMPLETE;
        if data.len() <= COPIED {
            self.staged.extend_from_slice(data);
            self.staged.extend_from_slice(&footer);
            self.stage(start);
        } else {
            self.stage(start);
            self.pieces.push(Piece::Data(data.clone()));
            let start = self.staged.len();
            self.staged.extend_from_slice(&footer);
            self.stage(start);
        }
    }

    /// Adds what was staged from `start` on to the last piece, if that is staged too.
    fn stage(&mut self, start: usize) {
        let end = self.staged.len();
        match self.pieces.last_mut() {
            Some(Piece::Staged(range)) => range.end = end,
            _ => self.pieces.push(Piece::Staged(start..end)),
        }
    }

    /// Whether so much waits to be written that nothing should be added.
    fn is_full(&self) -> bool {
        self.staged.len() >= BATCH || self.pieces.len() >= SLICES
    }

    /// Writes until nothing is left.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written.0 < self.pieces.len() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let (first, mut skip) = self.written;
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.pieces[first..]) {
                let bytes = match piece {
                    Piece::Staged(range) => &self.staged[range.clone()],
                    Piece::Data(data) => data,
                };
                *slice = IoSlice::new(&bytes[std::mem::take(&mut skip)..]);
                count += 1;
            }
            let n = match &slices[..count] {
                [only] => ready!(Pin::new(&mut self.stream).poll_write(cx, only))?,
                all => ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, all))?,
            };
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.advance(n);
        }
        self.pieces.clear();
        self.staged.clear();
        self.written = (0, 0);
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut n: usize) {
        while let Some(piece) = self.pieces.get_mut(self.written.0) {
            let left = match piece {
                Piece::Staged(range) => range.len(),
                Piece::Data(data) => data.len(),
            } - self.written.1;
            if n < left {
                self.written.1 += n;
                return;
            }
            n -= left;
            if let Piece::Data(data) = piece {
                *data = Bytes::new();
            }
            self.written = (self.written.0 + 1, 0);
        }
    }

    /// Reads once. Whether anything came.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.input.capacity() == self.input.len() {
            if self.wanted > BATCH / 2 {
                // Of just the size: `reserve` would double.
                let mut input = BytesMut::with_capacity(self.input.len() + self.wanted);
                input.extend_from_slice(&self.input);
                self.input = input;
            } else {
                self.input.reserve(BATCH);
            }
        }
        let n = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx))?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(n > 0))
    }

    /// The next message, if all of it is there.
    fn next(&mut self) -> io::Result<Option<Message>> {
        let Some(head) = self.input.first_chunk::<HEAD>() else {
            self.wanted = HEAD - self.input.len();
            return Ok(None);
        };
        let header = decode_array(&head[1..]).map_err(|_| malformed())?;
        if head[0] != MSG || crc::fast(&head[1..HEAD - 4]) != header.crc {
            return Err(malformed());
        }
        let (front, middle) = (header.front_len as usize, header.middle_len as usize);
        let start = HEAD + front + middle;
        let end = start + header.data_len as usize;
        if self.input.len() < end + FOOT {
            self.wanted = end + FOOT - self.input.len();
            return Ok(None);
        }
        let frame = self.input.split_to(end + FOOT).freeze();
        let footer = &frame[end..];
        let sections = [HEAD..HEAD + front, HEAD + front..start, start..end];
        for (i, section) in sections.into_iter().enumerate() {
            if crc::fast(&frame[section]) != u32_at(footer, i * 4) {
                return Err(malformed());
            }
        }
        if footer[20] & COMPLETE == 0 {
            return Err(malformed());
        }
        Ok(Some(Message { tid: header.tid, kind: header.kind, data: frame.slice(start..end) }))
    }

    /// Serves the connection until the other end closes it. What comes may lead to answers.
    async fn serve(&mut self, mut answer: impl FnMut(Message) -> Option<Message>) -> io::Result<()> {
        loop {
            let open = poll_fn(|cx| {
                // Reads on while the other end does not.
                let _ = self.poll_flush(cx)?;
                self.poll_read(cx)
            })
            .await?;
            if !open {
                return Ok(());
            }
            while let Some(message) = self.next()? {
                if let Some(answer) = answer(message) {
                    self.push(&answer);
                }
            }
        }
    }
}

/// Counts of a server.
#[derive(Debug, Default)]
pub struct Counts {
    pub messages: AtomicU64,
    pub calls: Arc<AtomicU64>,
}

/// Listens, and answers what is to be answered.
pub async fn serve(counts: Arc<Counts>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (counts, data) = (counts.clone(), zeros());
            tokio::spawn(async move {
                let mut wire = Wire::new(stream, counts.calls.clone())?;
                let answer = |message: Message| {
                    counts.messages.fetch_add(1, Ordering::Relaxed);
                    let Message { tid, kind, data: asked } = message;
                    (kind == ASK).then(|| Message { tid, kind, data: data.slice(..asked.len()) })
                };
                wire.serve(answer).await
            });
        }
    });
    Ok(addr)
}

/// A client under way.
pub struct Client {
    task: JoinHandle<io::Result<()>>,
    calls: Arc<AtomicU64>,
}

/// Begins to send.
pub async fn start(point: Point, server: &Child, progress: &Arc<Progress>) -> io::Result<Client> {
    let calls = Arc::new(AtomicU64::new(0));
    let mut wire = Wire::new(TcpStream::connect(server.bare).await?, calls.clone())?;
    let (progress, data) = (progress.clone(), zeros().slice(..point.payload));
    let task = tokio::spawn(async move {
        let message = |tid, kind| Message { tid, kind, data: data.clone() };
        if point.answered {
            (0..point.depth as u64).for_each(|tid| wire.push(&message(tid, ASK)));
            return wire.serve(|answer| progress.answered().then(|| message(answer.tid, ASK))).await;
        }
        let mut tid = 0;
        while !progress.is_stopped() {
            for _ in 0..point.depth {
                wire.push(&message(tid, TELL));
                tid += 1;
                if wire.is_full() {
                    break;
                }
            }
            poll_fn(|cx| wire.poll_flush(cx)).await?;
        }
        Ok(())
    });
    Ok(Client { task, calls })
}

impl Client {
    /// Reads and writes so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
