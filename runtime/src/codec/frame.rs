//! Cutting a stream of bytes into frames.

use bytes::{Bytes, BytesMut};

use super::{DecodeError, DecodeErrorKind};

/// What the start of a frame tells about its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The first so many bytes of the frame are needed to know more.
    More(usize),
    /// The frame takes so many bytes.
    Whole(usize),
}

/// Bytes received that have not been cut into frames yet.
#[derive(Debug)]
pub struct FrameBuffer {
    buf: BytesMut,
    /// The number of bytes that are needed to go on.
    wanted: usize,
    max_frame: usize,
}

impl FrameBuffer {
    /// An empty buffer for frames of up to so many bytes.
    pub fn new(max_frame: usize) -> Self {
        FrameBuffer { buf: BytesMut::new(), wanted: 1, max_frame }
    }

    /// Appends bytes received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Cuts off the next frame, if all of it is there. Its start is measured with `measure`.
    pub fn next(
        &mut self,
        measure: impl Fn(&[u8]) -> Result<Measure, DecodeError>,
    ) -> Result<Option<Bytes>, DecodeError> {
        let buffered = self.buffered();
        let (wanted, whole) = match measure(&self.buf)? {
            Measure::More(n) => (n.max(buffered.saturating_add(1)), false),
            Measure::Whole(n) => (n, true),
        };
        if wanted > self.max_frame {
            let kind = DecodeErrorKind::TooLong { length: wanted as u64, max: self.max_frame as u64 };
            return Err(DecodeError::new(0, kind));
        }
        if whole && wanted <= buffered {
            self.wanted = 1;
            return Ok(Some(self.buf.split_to(wanted).freeze()));
        }
        self.wanted = wanted;
        self.buf.reserve(wanted - buffered);
        Ok(None)
    }

    /// How many more bytes are needed before [`next`](Self::next) can get further.
    pub fn wanted(&self) -> usize {
        self.wanted.saturating_sub(self.buffered())
    }

    /// The number of bytes that have not been cut off yet.
    pub fn buffered(&self) -> usize {
        self.buf.len()
    }

    /// Takes all bytes that have not been cut off yet.
    pub fn take_rest(&mut self) -> Bytes {
        self.wanted = 1;
        self.buf.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A byte with the number of bytes that follow.
    fn measure(start: &[u8]) -> Result<Measure, DecodeError> {
        Ok(start.first().map_or(Measure::More(1), |n| Measure::Whole(1 + usize::from(*n))))
    }

    #[test]
    fn cuts_frames_however_they_arrive() {
        let stream = [2, 10, 11, 0, 1, 12];
        for chunk in 1..=stream.len() {
            let mut buffer = FrameBuffer::new(100);
            let mut frames = Vec::new();
            for bytes in stream.chunks(chunk) {
                buffer.push(bytes);
                while let Some(frame) = buffer.next(measure).unwrap() {
                    frames.push(frame.to_vec());
                }
                assert!(buffer.wanted() > 0);
            }
            assert_eq!(frames, [vec![2, 10, 11], vec![0], vec![1, 12]], "in chunks of {chunk}");
            assert_eq!(buffer.buffered(), 0);
        }
    }

    #[test]
    fn says_how_much_is_wanted() {
        let mut buffer = FrameBuffer::new(100);
        assert_eq!(buffer.wanted(), 1);
        buffer.push(&[5, 1]);
        assert_eq!(buffer.next(measure), Ok(None));
        assert_eq!((buffer.wanted(), buffer.buffered()), (4, 2));
        buffer.push(&[2, 3, 4, 5, 6]);
        assert_eq!(buffer.next(measure).unwrap().unwrap().len(), 6);
        assert_eq!(buffer.take_rest(), [6][..]);
        assert_eq!(buffer.buffered(), 0);
        // A measure that asks for what it has gets more nevertheless.
        buffer.push(&[1, 2]);
        assert_eq!(buffer.next(|_| Ok(Measure::More(1))), Ok(None));
        assert_eq!(buffer.wanted(), 1);
    }

    #[test]
    fn refuses_what_is_too_long() {
        let mut buffer = FrameBuffer::new(3);
        buffer.push(&[3]);
        let e = buffer.next(measure).unwrap_err();
        assert_eq!(e.kind(), &DecodeErrorKind::TooLong { length: 4, max: 3 });
        let e = buffer.next(|_| Ok(Measure::Whole(usize::MAX))).unwrap_err();
        assert!(matches!(e.kind(), DecodeErrorKind::TooLong { .. }));
    }

    #[test]
    fn passes_errors_on() {
        let mut buffer = FrameBuffer::new(3);
        let error = DecodeError::new(0, DecodeErrorKind::UnknownTag { tag: 1 });
        assert_eq!(buffer.next(|_| Err(error.clone())), Err(error));
    }
}
