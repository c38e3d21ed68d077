//! What was read from a socket and not understood yet.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The smallest and the largest read without anything special expected, in bytes.
const SMALLEST_READ: usize = 2 << 10;
const LARGEST_READ: usize = 192 << 10;

/// From so many bytes expected on, a buffer of just the size is made for them.
const EXACT: usize = 96 << 10;

/// No more than this is allocated for bytes that were only announced. What exceeds it is copied once.
const ANNOUNCED: usize = 16 << 20;

/// Memory to read into, which pipes with nothing to read leave to others.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<BytesMut>>);

/// More memory than this, in pieces of a read, is given back to the system.
const POOLED: usize = 4;

impl Pool {
    fn take(&self) -> BytesMut {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give(&self, mut memory: BytesMut) {
        memory.clear();
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pooled.len() < POOLED {
            pooled.push(memory);
        }
    }
}

/// The bytes of a pipe that wait for more. Holds no memory while there are none.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer {
    bytes: BytesMut,
    /// How many more bytes make sense.
    wanted: usize,
    /// The size of the next read; follows what comes.
    chunk: usize,
    memory: Memory,
}

/// What the bytes lie in.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Memory {
    #[default]
    None,
    /// What others may read into, too.
    Pooled,
    /// What was made for what was expected.
    Exact,
}

impl ReadBuffer {
    /// The bytes, of which the front may be taken off.
    pub(super) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Tells how many more bytes make sense.
    pub(super) fn want(&mut self, wanted: usize) {
        self.wanted = wanted;
    }

    /// Reads what is there, into memory that is only allocated when there is something. 0 is the end.
    pub(super) fn poll_read(
        &mut self,
        pool: &Pool,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let spare = self.spare();
        if spare == 0 || (spare < self.chunk / 4 && self.wanted < EXACT) {
            if stream.poll_read_ready(cx)?.is_pending() {
                self.shrink(pool);
                return Poll::Pending;
            }
            self.grow(pool);
        }
        let spare = self.spare();
        let read = pin!(stream.read_buf(&mut self.bytes)).poll(cx);
        match &read {
            Poll::Ready(Ok(n)) => self.adapt(*n, spare),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.shrink(pool),
        }
        read
    }

    fn spare(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Makes room for the next read.
    fn grow(&mut self, pool: &Pool) {
        self.chunk = self.chunk.clamp(SMALLEST_READ, LARGEST_READ);
        let len = self.bytes.len();
        if self.wanted >= EXACT {
            // `reserve` would double what is there.
            let memory = BytesMut::with_capacity(len + self.wanted.min(ANNOUNCED.max(len)));
            self.move_to(memory, Memory::Exact, pool);
            return;
        }
        let room = self.chunk.saturating_sub(len).max(self.wanted).max(SMALLEST_READ);
        if self.memory != Memory::Pooled || !self.bytes.try_reclaim(room) {
            let mut memory = pool.take();
            memory.reserve(len + room);
            self.move_to(memory, Memory::Pooled, pool);
        }
    }

    /// Goes over to other memory.
    fn move_to(&mut self, mut bytes: BytesMut, memory: Memory, pool: &Pool) {
        bytes.extend_from_slice(&self.bytes);
        let before = std::mem::replace(&mut self.bytes, bytes);
        if std::mem::replace(&mut self.memory, memory) == Memory::Pooled {
            pool.give(before);
        }
    }

    /// Lets the size of reads follow what comes.
    fn adapt(&mut self, read: usize, spare: usize) {
        self.wanted = self.wanted.saturating_sub(read);
        if read == spare && spare >= self.chunk / 2 {
            self.chunk = (self.chunk * 4).min(LARGEST_READ);
        } else if read < self.chunk / 4 {
            self.chunk = (self.chunk / 2).max(SMALLEST_READ);
        }
    }

    /// Gives memory back before a pause that may be long.
    fn shrink(&mut self, pool: &Pool) {
        let len = self.bytes.len();
        if len == 0 {
            self.move_to(BytesMut::new(), Memory::None, pool);
        } else if len < SMALLEST_READ / 4 && self.bytes.capacity() >= SMALLEST_READ && self.wanted < EXACT {
            self.move_to(BytesMut::with_capacity(len + self.wanted.min(SMALLEST_READ)), Memory::Exact, pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (a, b) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (a.unwrap(), b.unwrap().0)
    }

    #[tokio::test]
    async fn an_idle_buffer_holds_no_memory() {
        let (mut ours, mut theirs) = pair().await;
        let mut buffer = ReadBuffer::default();
        let pending = poll_fn(|cx| Poll::Ready(buffer.poll_read(&Pool::default(), &mut ours, cx).is_pending())).await;
        assert!(pending);
        assert_eq!(buffer.bytes.capacity(), 0);
        theirs.write_all(b"ping").await.unwrap();
        assert_eq!(poll_fn(|cx| buffer.poll_read(&Pool::default(), &mut ours, cx)).await.unwrap(), 4);
        assert_eq!(buffer.bytes().split_to(4), "ping");
        let pending = poll_fn(|cx| Poll::Ready(buffer.poll_read(&Pool::default(), &mut ours, cx).is_pending())).await;
        assert!(pending);
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    #[tokio::test]
    async fn memory_is_used_again() {
        let (mut ours, mut theirs) = pair().await;
        let (mut buffer, pool) = (ReadBuffer::default(), Pool::default());
        let mut places = Vec::new();
        for _ in 0..3 {
            theirs.write_all(b"ping").await.unwrap();
            assert_eq!(poll_fn(|cx| buffer.poll_read(&pool, &mut ours, cx)).await.unwrap(), 4);
            let read = buffer.bytes().split_to(4).freeze();
            places.push(read.as_ptr());
            drop(read);
            assert!(poll_fn(|cx| Poll::Ready(buffer.poll_read(&pool, &mut ours, cx).is_pending())).await);
        }
        assert_eq!(places[1..], places[..2]);
    }

    #[tokio::test]
    async fn few_bytes_that_wait_take_little_memory() {
        let (mut ours, mut theirs) = pair().await;
        let mut buffer = ReadBuffer::default();
        theirs.write_all(b"ceph").await.unwrap();
        assert_eq!(poll_fn(|cx| buffer.poll_read(&Pool::default(), &mut ours, cx)).await.unwrap(), 4);
        buffer.want(5);
        let pending = poll_fn(|cx| Poll::Ready(buffer.poll_read(&Pool::default(), &mut ours, cx).is_pending())).await;
        assert!(pending);
        assert!(buffer.bytes.capacity() < 64, "{}", buffer.bytes.capacity());
        assert_eq!(buffer.bytes()[..], *b"ceph");
    }

    #[tokio::test]
    async fn large_data_gets_a_buffer_of_its_size() {
        let (mut ours, mut theirs) = pair().await;
        let mut buffer = ReadBuffer::default();
        let data = vec![7; 1 << 20];
        let writer = tokio::spawn(async move { theirs.write_all(&data).await.map(|()| theirs) });
        buffer.want(1 << 20);
        let mut read = 0;
        while read < 1 << 20 {
            read += poll_fn(|cx| buffer.poll_read(&Pool::default(), &mut ours, cx)).await.unwrap();
        }
        assert_eq!(buffer.bytes.len(), 1 << 20);
        assert_eq!(buffer.bytes.capacity(), 1 << 20);
        writer.await.unwrap().unwrap();
    }

    #[test]
    fn what_is_only_announced_is_not_allocated_at_once() {
        let mut buffer = ReadBuffer::default();
        buffer.want(128 << 20);
        buffer.grow(&Pool::default());
        assert_eq!(buffer.bytes.capacity(), ANNOUNCED);
    }
}
