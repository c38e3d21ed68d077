//! Where the bytes of a capture come from, and their way through gzip or zstd.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::CaptureError;

/// Where a capture comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// Bytes in memory.
    Bytes(Bytes),
}

impl From<&Path> for Source {
    /// `-` is standard input, everything else a file.
    fn from(path: &Path) -> Self {
        if path == Path::new("-") { Source::Stdin } else { Source::Path(path.to_owned()) }
    }
}

impl From<&PathBuf> for Source {
    /// As from [`Path`].
    fn from(path: &PathBuf) -> Self {
        path.as_path().into()
    }
}

impl From<&str> for Source {
    /// As from [`Path`].
    fn from(path: &str) -> Self {
        Path::new(path).into()
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Source::Bytes(bytes.into())
    }
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Source::Bytes(bytes)
    }
}

/// A compression format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// gzip, one or several members.
    Gzip,
    /// zstd, one or several frames.
    Zstd,
}

impl Compression {
    /// Recognizes the magic number a compressed file starts with.
    fn sniff(data: &[u8]) -> Option<Self> {
        match data {
            [0x1f, 0x8b, ..] => Some(Compression::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
            _ => None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        })
    }
}

/// The content of a source, unpacked, and what cut it short if something did.
pub(super) struct Content {
    pub(super) data: Bytes,
    pub(super) error: Option<CaptureError>,
}

/// Reads a source to its end or to `limit` bytes, and unpacks it.
///
/// # Errors
/// Only when the source cannot be opened or read at all.
pub(super) fn load(source: Source, limit: u64) -> Result<Content, CaptureError> {
    let content = match source {
        Source::Bytes(data) => Content { data, error: None },
        Source::Stdin => drain(io::stdin().lock(), limit, |_, error| CaptureError::io("standard input", &error)),
        Source::Path(path) => {
            let name = path.display().to_string();
            let file = File::open(&path).map_err(|error| CaptureError::io(&name, &error))?;
            drain(file, limit, |_, error| CaptureError::io(&name, &error))
        }
    };
    let Content { data, error } = content;
    match (Compression::sniff(&data), error) {
        (_, Some(error)) if data.is_empty() => Err(error),
        (None, error) => Ok(Content { data, error }),
        (Some(Compression::Gzip), error) => {
            let damage = |offset, error| CaptureError::compression(Compression::Gzip, offset, &error);
            let unpacked = drain(MultiGzDecoder::new(&data[..]), limit, damage);
            Ok(Content { error: error.or(unpacked.error), ..unpacked })
        }
        (Some(Compression::Zstd), error) => {
            let unpacked = unpack_zstd(&data, limit);
            Ok(Content { error: error.or(unpacked.error), ..unpacked })
        }
    }
}

/// Reads until the end, an error or the limit, keeping what came before.
fn drain(reader: impl Read, limit: u64, damage: impl Fn(usize, io::Error) -> CaptureError) -> Content {
    let mut data = Vec::new();
    let error = match reader.take(limit.saturating_add(1)).read_to_end(&mut data) {
        Ok(_) if data.len() as u64 > limit => Some(CaptureError::TooLarge { limit }),
        Ok(_) => None,
        Err(error) => Some(damage(data.len(), error)),
    };
    Content { data: data.into(), error }
}

/// An empty last block and a checksum: what the decoder needs to consider a frame finished.
const END_OF_FRAME: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// Unpacks all frames.
///
/// The decoder holds the last window of a frame back until the frame is finished, so a damaged frame is finished by hand: that loses only
/// the block that was damaged.
fn unpack_zstd(mut packed: &[u8], limit: u64) -> Content {
    let mut data = Vec::new();
    let mut frame = FrameDecoder::new();
    let error = loop {
        if packed.is_empty() {
            break None;
        }
        match frame.init(&mut packed) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                packed = packed.get(length as usize..).unwrap_or_default();
                continue;
            }
            Err(error) => break Some(CaptureError::compression(Compression::Zstd, data.len(), &error)),
        }
        let error = loop {
            let step = frame.decode_blocks(&mut packed, BlockDecodingStrategy::UptoBytes(1 << 20)).map(drop);
            if step.is_err() {
                let _ = frame.decode_blocks(&END_OF_FRAME[..], BlockDecodingStrategy::All);
            }
            let collected = frame.collect_to_writer(&mut data).map(drop);
            if let Err(error) = step {
                break Some(CaptureError::compression(Compression::Zstd, data.len(), &error));
            }
            if let Err(error) = collected {
                break Some(CaptureError::compression(Compression::Zstd, data.len(), &error));
            }
            if data.len() as u64 > limit {
                break Some(CaptureError::TooLarge { limit });
            }
            if frame.is_finished() {
                break None;
            }
        };
        if error.is_some() {
            break error;
        }
    };
    Content { data: data.into(), error }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    /// Text that compresses, but not to nothing.
    fn text() -> Vec<u8> {
        (0..60_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 12).to_string().into_bytes()).collect()
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(data).expect("writes to memory");
        packer.finish().expect("writes to memory")
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        compress_to_vec(data, CompressionLevel::Fastest)
    }

    fn unpack(data: Vec<u8>) -> Content {
        load(data.into(), 1 << 30).expect("memory can be read")
    }

    #[test]
    fn both_compressions_unpack_also_in_several_pieces() {
        let text = text();
        let (front, back) = text.split_at(text.len() / 3);
        for pack in [gzip, zstd] {
            let content = unpack([pack(front), pack(back)].concat());
            assert_eq!(content.error, None);
            assert!(content.data == text);
        }
    }

    #[test]
    fn a_skippable_zstd_frame_is_skipped() {
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let content = unpack([zstd(b"one "), skippable, zstd(b"two")].concat());
        assert_eq!((&content.data[..], content.error), (&b"one two"[..], None));
    }

    #[test]
    fn cut_compressed_data_yields_what_came_before_the_cut() {
        let text = text();
        for pack in [gzip, zstd] {
            let packed = pack(&text);
            let content = unpack(packed[..packed.len() / 2].to_vec());
            assert!(matches!(content.error, Some(CaptureError::Compression { .. })));
            assert!(text.starts_with(&content.data));
            assert!(content.data.len() > text.len() / 5, "only {} of {}", content.data.len(), text.len());
        }
    }

    #[test]
    fn a_file_that_unpacks_to_more_than_the_limit_stops_there() {
        for pack in [gzip, zstd] {
            let content = load(pack(&vec![0; 5 << 20]).into(), 1 << 20).expect("memory can be read");
            assert_eq!(content.error, Some(CaptureError::TooLarge { limit: 1 << 20 }));
            assert!(content.data.len() < 3 << 20, "{}", content.data.len());
        }
    }

    #[test]
    fn a_dash_is_standard_input_and_anything_else_a_file() {
        assert!(matches!("-".into(), Source::Stdin));
        assert!(matches!("./-".into(), Source::Path(path) if path == Path::new("./-")));
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_with_its_name() {
        let error = load("no/such/file.pcap".into(), 1).err().expect("there is no such file");
        assert!(error.to_string().starts_with("no/such/file.pcap: "), "{error}");
    }
}
