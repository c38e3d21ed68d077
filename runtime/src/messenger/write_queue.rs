//! What is to be written to a socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// The most pieces in one write.
const SLICES: usize = 64;

/// More room than this for pieces is given back when all are written.
const KEPT: usize = 16;

/// Pieces that go out in order, whatever part of them each write takes.
#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    pieces: Vec<Bytes>,
    /// How many pieces are written. That one's rest comes next.
    written: usize,
}

impl WriteQueue {
    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.written == self.pieces.len()
    }

    /// Where pieces are added; only when all is written.
    pub(super) fn pieces(&mut self) -> &mut Vec<Bytes> {
        debug_assert!(self.is_empty());
        self.pieces.clear();
        self.written = 0;
        &mut self.pieces
    }

    /// Adds pieces behind those that wait.
    pub(super) fn append(&mut self, pieces: &mut Vec<Bytes>) {
        self.pieces.append(pieces);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.pieces = Vec::new();
        self.written = 0;
    }

    /// Writes as much as the socket takes. How much that was.
    pub(super) fn poll_write(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let rest = self.pieces.get(self.written..).unwrap_or_default();
        let n = if let [only] = rest {
            ready!(Pin::new(stream).poll_write(cx, only))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = slices.iter_mut().zip(rest).map(|(slice, piece)| *slice = IoSlice::new(piece)).count();
            let slices = slices.get(..count).unwrap_or_default();
            ready!(Pin::new(stream).poll_write_vectored(cx, slices))?
        };
        if n == 0 && rest.iter().any(|piece| !piece.is_empty()) {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(n);
        Poll::Ready(Ok(n))
    }

    fn advance(&mut self, mut n: usize) {
        while let Some(piece) = self.pieces.get_mut(self.written) {
            if n < piece.len() {
                piece.advance(n);
                return;
            }
            n -= piece.len();
            *piece = Bytes::new();
            self.written += 1;
        }
        self.pieces.clear();
        self.written = 0;
        if self.pieces.capacity() > KEPT {
            self.pieces = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_write_may_end_anywhere() {
        for cut in 0..=9 {
            let mut queue = WriteQueue::default();
            queue.pieces().extend(["one", "", "two", "xyz"].map(Bytes::from));
            queue.advance(cut);
            let rest: Vec<u8> = queue.pieces.iter().skip(queue.written).flatten().copied().collect();
            assert_eq!(rest, b"onetwoxyz"[cut..]);
            assert_eq!(queue.is_empty(), cut == 9);
        }
    }

    #[tokio::test]
    async fn all_pieces_arrive_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut theirs, _) = listener.accept().await.unwrap();
        let mut queue = WriteQueue::default();
        let mut expected = Vec::new();
        for i in 0..300usize {
            let piece = vec![i as u8; i * 37];
            expected.extend_from_slice(&piece);
            queue.append(&mut vec![piece.into()]);
        }
        let len = expected.len();
        let reader = tokio::spawn(async move {
            let mut all = vec![0; len];
            theirs.read_exact(&mut all).await.map(|_| all)
        });
        while !queue.is_empty() {
            poll_fn(|cx| queue.poll_write(&mut ours, cx)).await.unwrap();
        }
        assert!(reader.await.unwrap().unwrap() == expected);
        assert!(queue.pieces.capacity() <= KEPT);
    }
}
