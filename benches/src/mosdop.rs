//! A whole message frame as a client sends it to write 4 KiB: tag, header, MOSDOp of version 4, data, footer.
//!
//! Every reader verifies the four checksums, that the lengths agree, and that the operations' data add up to the data.

use bytes::Bytes;

use crate::crc;
use crate::samples::Numbers;
use hand::{Args, Frame, Header, Locator, Op, Request};

/// How many bytes are written.
pub const DATA: usize = 4096;

/// 16 different frames. The sequence number leads to the next frame.
pub fn samples() -> Vec<Bytes> {
    let n = 16;
    let mut numbers = Numbers::new(3);
    let frame = |i| {
        let name = format!("rbd_data.{:012x}.{:016x}", numbers.next_u64() >> 16, numbers.next_u64() % 4096);
        let snap_seq = 2 + numbers.next_u64() % 100;
        let offset = numbers.next_u64() % 1024 * 4096;
        let frame = Frame {
            header: Header {
                seq: numbers.link(i, n),
                tid: numbers.next_u64() >> 32,
                priority: 127,
                data_off: offset as u16,
                src_type: 8,
                src_num: 4100 + (numbers.next_u64() % 100) as i64,
            },
            request: Request {
                client_inc: 0,
                osdmap_epoch: 100 + (numbers.next_u64() % 100) as u32,
                flags: 0x24,
                mtime: (
                    1_400_000_000 + (numbers.next_u64() % 1_000_000) as u32,
                    (numbers.next_u64() % 1_000_000_000) as u32,
                ),
                reassert_version: (0, 0),
                oloc: Locator { pool: 2, preferred: -1, key: Vec::new(), nspace: Vec::new(), hash: -1 },
                pgid: (2, numbers.next_u64() as u32, -1),
                oid: name.into_bytes(),
                ops: vec![Op {
                    code: hand::WRITE,
                    flags: 0,
                    args: Args::Extent { offset, length: DATA as u64, truncate_size: 0, truncate_seq: 0 },
                    indata: numbers.bytes(DATA),
                }],
                snapid: u64::MAX - 1,
                snap_seq,
                snaps: vec![snap_seq, snap_seq - 1],
                retry_attempt: 0,
            },
            sig: numbers.next_u64(),
            footer_flags: 5,
        };
        let mut bytes = Vec::new();
        hand::encode(&frame, &mut bytes);
        Bytes::from(bytes)
    };
    (0..n).map(frame).collect()
}

/// The checksums of a sample, added up: what no reader can avoid.
#[inline]
pub fn checksums(sample: &[u8]) -> u32 {
    let parts = sample.len() - DATA - 21;
    crc::fast(&sample[1..50])
        .wrapping_add(crc::fast(&sample[54..parts]))
        .wrapping_add(crc::fast(&sample[parts..parts + DATA]))
}

/// Written by hand, for any kind of blob.
pub mod hand {
    use crate::crc;

    /// The type number of an MOSDOp.
    const MOSDOP: u16 = 42;

    /// The code of a write.
    pub const WRITE: u16 = 0x2201;

    /// A frame, without what follows from the rest: tag, lengths and checksums.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Frame<R> {
        pub header: Header,
        pub request: R,
        pub sig: u64,
        pub footer_flags: u8,
    }

    /// A message header, without what follows from the rest.
    #[derive(Clone, Copy, Debug)]
    #[allow(missing_docs)]
    pub struct Header {
        pub seq: u64,
        pub tid: u64,
        pub priority: u16,
        pub data_off: u16,
        pub src_type: u8,
        pub src_num: i64,
    }

    /// The message.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Request<B> {
        pub client_inc: u32,
        pub osdmap_epoch: u32,
        pub flags: u32,
        pub mtime: (u32, u32),
        pub reassert_version: (u64, u32),
        pub oloc: Locator<B>,
        pub pgid: (u64, u32, i32),
        pub oid: B,
        pub ops: Vec<Op<B>>,
        pub snapid: u64,
        pub snap_seq: u64,
        pub snaps: Vec<u64>,
        pub retry_attempt: i32,
    }

    /// Where the object lives.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Locator<B> {
        pub pool: i64,
        pub preferred: i32,
        pub key: B,
        pub nspace: B,
        pub hash: i64,
    }

    /// What is to be done.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Op<B> {
        pub code: u16,
        pub flags: u32,
        pub args: Args,
        pub indata: B,
    }

    /// The arguments of an operation.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub enum Args {
        Extent { offset: u64, length: u64, truncate_size: u64, truncate_seq: u32 },
        Other([u8; 28]),
    }

    /// The message with its lists left where they are, so that reading it takes no memory.
    #[derive(Clone, Copy, Debug)]
    #[allow(missing_docs)]
    pub struct InPlace<'b> {
        pub client_inc: u32,
        pub osdmap_epoch: u32,
        pub flags: u32,
        pub mtime: (u32, u32),
        pub reassert_version: (u64, u32),
        pub pool: i64,
        pub preferred: i32,
        pub key: &'b [u8],
        pub nspace: &'b [u8],
        pub hash: i64,
        pub pgid: (u64, u32, i32),
        pub oid: &'b [u8],
        /// Operations of 38 bytes each.
        pub ops: &'b [[u8; 38]],
        pub snapid: u64,
        pub snap_seq: u64,
        /// Little-endian numbers.
        pub snaps: &'b [[u8; 8]],
        pub retry_attempt: i32,
        pub data: &'b [u8],
    }

    /// What may be wrong with a frame.
    #[derive(Clone, Copy, Debug)]
    pub enum Malformed {
        /// It ends too early or too late.
        Length,
        /// It is no message, or not this one.
        Kind,
        /// Its version is not the one known here.
        Version,
        /// A checksum does not match.
        Checksum,
    }

    /// The bytes ahead.
    struct Input<'b>(&'b [u8]);

    impl<'b> Input<'b> {
        #[inline]
        fn array<const N: usize>(&mut self) -> Result<&'b [u8; N], Malformed> {
            let (array, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed::Length)?;
            self.0 = rest;
            Ok(array)
        }

        #[inline]
        fn take(&mut self, n: usize) -> Result<&'b [u8], Malformed> {
            let (slice, rest) = self.0.split_at_checked(n).ok_or(Malformed::Length)?;
            self.0 = rest;
            Ok(slice)
        }

        #[inline]
        fn arrays<const N: usize>(&mut self, n: usize) -> Result<&'b [[u8; N]], Malformed> {
            Ok(self.take(n.checked_mul(N).ok_or(Malformed::Length)?)?.as_chunks().0)
        }

        #[inline]
        fn blob(&mut self) -> Result<&'b [u8], Malformed> {
            let n = u32::from_le_bytes(*self.array()?);
            self.take(n as usize)
        }

        #[inline]
        fn end(&self) -> Result<(), Malformed> {
            if self.0.is_empty() { Ok(()) } else { Err(Malformed::Length) }
        }
    }

    #[inline]
    fn u16_at(b: &[u8], i: usize) -> u16 {
        u16::from_le_bytes([b[i], b[i + 1]])
    }

    #[inline]
    fn u32_at(b: &[u8], i: usize) -> u32 {
        u32::from_le_bytes([b[i], b[i + 1], b[i + 2], b[i + 3]])
    }

    #[inline]
    fn u64_at(b: &[u8], i: usize) -> u64 {
        u64::from(u32_at(b, i)) | u64::from(u32_at(b, i + 4)) << 32
    }

    #[inline]
    fn verify(data: &[u8], found: u32) -> Result<(), Malformed> {
        if crc::fast(data) == found { Ok(()) } else { Err(Malformed::Checksum) }
    }

    /// Reads a frame in place: nothing is copied, no memory is taken.
    #[inline]
    pub fn decode_in_place(bytes: &[u8]) -> Result<Frame<InPlace<'_>>, Malformed> {
        let mut input = Input(bytes);
        let h = input.array::<54>()?;
        if h[0] != 7 || u16_at(h, 17) != MOSDOP {
            return Err(Malformed::Kind);
        }
        if u16_at(h, 21) != 4 {
            return Err(Malformed::Version);
        }
        verify(&h[1..50], u32_at(h, 50))?;
        let front = input.take(u32_at(h, 23) as usize)?;
        let middle = input.take(u32_at(h, 27) as usize)?;
        let data = input.take(u32_at(h, 31) as usize)?;
        let f = input.array::<21>()?;
        input.end()?;
        verify(front, u32_at(f, 0))?;
        verify(middle, u32_at(f, 4))?;
        if f[20] & 2 == 0 {
            verify(data, u32_at(f, 8))?;
        }
        Ok(Frame {
            header: Header {
                seq: u64_at(h, 1),
                tid: u64_at(h, 9),
                priority: u16_at(h, 19),
                data_off: u16_at(h, 35),
                src_type: h[37],
                src_num: u64_at(h, 38) as i64,
            },
            request: decode_request(front, data)?,
            sig: u64_at(f, 12),
            footer_flags: f[20],
        })
    }

    #[inline]
    fn decode_request<'b>(front: &'b [u8], data: &'b [u8]) -> Result<InPlace<'b>, Malformed> {
        let mut input = Input(front);
        let b = input.array::<38>()?;
        if b[33] > 6 {
            return Err(Malformed::Version);
        }
        let mut oloc = Input(input.take(u32_at(b, 34) as usize)?);
        let l = oloc.array::<12>()?;
        let (key, nspace) = (oloc.blob()?, oloc.blob()?);
        let hash = i64::from_le_bytes(*oloc.array()?);
        oloc.end()?;
        let p = input.array::<17>()?;
        let oid = input.blob()?;
        let num_ops = u16::from_le_bytes(*input.array()?);
        let ops = input.arrays::<38>(usize::from(num_ops))?;
        let s = input.array::<20>()?;
        let snaps = input.arrays::<8>(u32_at(s, 16) as usize)?;
        let retry_attempt = i32::from_le_bytes(*input.array()?);
        input.end()?;
        if ops.iter().map(|op| u64::from(u32_at(op, 34))).sum::<u64>() != data.len() as u64 {
            return Err(Malformed::Length);
        }
        Ok(InPlace {
            client_inc: u32_at(b, 0),
            osdmap_epoch: u32_at(b, 4),
            flags: u32_at(b, 8),
            mtime: (u32_at(b, 12), u32_at(b, 16)),
            reassert_version: (u64_at(b, 20), u32_at(b, 28)),
            pool: u64_at(l, 0) as i64,
            preferred: u32_at(l, 8) as i32,
            key,
            nspace,
            hash,
            pgid: (u64_at(p, 1), u32_at(p, 9), u32_at(p, 13) as i32),
            oid,
            ops,
            snapid: u64_at(s, 0),
            snap_seq: u64_at(s, 8),
            snaps,
            retry_attempt,
            data,
        })
    }

    /// Reads a frame; `blob` makes blobs of the slices found.
    #[inline]
    pub fn decode<'b, B>(bytes: &'b [u8], blob: impl Fn(&'b [u8]) -> B) -> Result<Frame<Request<B>>, Malformed> {
        let Frame { header, request, sig, footer_flags } = decode_in_place(bytes)?;
        let mut data = Input(request.data);
        let mut ops = Vec::with_capacity(request.ops.len());
        for op in request.ops {
            let code = u16_at(op, 0);
            let args = match code {
                WRITE => Args::Extent {
                    offset: u64_at(op, 6),
                    length: u64_at(op, 14),
                    truncate_size: u64_at(op, 22),
                    truncate_seq: u32_at(op, 30),
                },
                _ => {
                    let mut args = [0; 28];
                    args.copy_from_slice(&op[6..34]);
                    Args::Other(args)
                }
            };
            let indata = blob(data.take(u32_at(op, 34) as usize)?);
            ops.push(Op { code, flags: u32_at(op, 2), args, indata });
        }
        let request = Request {
            client_inc: request.client_inc,
            osdmap_epoch: request.osdmap_epoch,
            flags: request.flags,
            mtime: request.mtime,
            reassert_version: request.reassert_version,
            oloc: Locator {
                pool: request.pool,
                preferred: request.preferred,
                key: blob(request.key),
                nspace: blob(request.nspace),
                hash: request.hash,
            },
            pgid: request.pgid,
            oid: blob(request.oid),
            ops,
            snapid: request.snapid,
            snap_seq: request.snap_seq,
            snaps: request.snaps.iter().map(|snap| u64::from_le_bytes(*snap)).collect(),
            retry_attempt: request.retry_attempt,
        };
        Ok(Frame { header, request, sig, footer_flags })
    }

    /// Writes a frame in one piece.
    #[inline]
    pub fn encode<B: AsRef<[u8]>>(frame: &Frame<Request<B>>, out: &mut Vec<u8>) {
        let start = out.len();
        let data_len = encode_head(frame, out);
        out.reserve(data_len + 21);
        for op in &frame.request.ops {
            out.extend_from_slice(op.indata.as_ref());
        }
        let front_crc = crc::fast(&out[start + 54..out.len() - data_len]);
        let data_crc = crc::fast(&out[out.len() - data_len..]);
        encode_foot(frame, front_crc, data_crc, out);
    }

    /// Writes what stands around the data of a single operation, which are sent from where they are.
    #[inline]
    pub fn encode_around<B: AsRef<[u8]>>(frame: &Frame<Request<B>>) -> (Vec<u8>, Vec<u8>) {
        let mut head = Vec::with_capacity(320);
        let mut foot = Vec::with_capacity(21);
        encode_head(frame, &mut head);
        let front_crc = crc::fast(&head[54..]);
        let data_crc = frame.request.ops.first().map_or(0, |op| crc::fast(op.indata.as_ref()));
        encode_foot(frame, front_crc, data_crc, &mut foot);
        (head, foot)
    }

    /// Writes tag, header and front, and returns the length of the data.
    #[inline]
    fn encode_head<B: AsRef<[u8]>>(frame: &Frame<Request<B>>, out: &mut Vec<u8>) -> usize {
        let Frame { header, request, .. } = frame;
        let oloc_len = 28 + request.oloc.key.as_ref().len() + request.oloc.nspace.as_ref().len();
        let front_len = 38
            + oloc_len
            + 17
            + (4 + request.oid.as_ref().len())
            + (2 + 38 * request.ops.len())
            + (20 + 8 * request.snaps.len())
            + 4;
        let data_len: usize = request.ops.iter().map(|op| op.indata.as_ref().len()).sum();
        out.reserve(54 + front_len);

        let mut h = [0; 54];
        h[0] = 7;
        h[1..9].copy_from_slice(&header.seq.to_le_bytes());
        h[9..17].copy_from_slice(&header.tid.to_le_bytes());
        h[17..19].copy_from_slice(&MOSDOP.to_le_bytes());
        h[19..21].copy_from_slice(&header.priority.to_le_bytes());
        h[21..23].copy_from_slice(&4_u16.to_le_bytes());
        h[23..27].copy_from_slice(&(front_len as u32).to_le_bytes());
        h[31..35].copy_from_slice(&(data_len as u32).to_le_bytes());
        h[35..37].copy_from_slice(&header.data_off.to_le_bytes());
        h[37] = header.src_type;
        h[38..46].copy_from_slice(&header.src_num.to_le_bytes());
        h[46..48].copy_from_slice(&3_u16.to_le_bytes());
        let crc = crc::fast(&h[1..50]);
        h[50..54].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(&h);

        let mut b = [0; 50];
        b[0..4].copy_from_slice(&request.client_inc.to_le_bytes());
        b[4..8].copy_from_slice(&request.osdmap_epoch.to_le_bytes());
        b[8..12].copy_from_slice(&request.flags.to_le_bytes());
        b[12..16].copy_from_slice(&request.mtime.0.to_le_bytes());
        b[16..20].copy_from_slice(&request.mtime.1.to_le_bytes());
        b[20..28].copy_from_slice(&request.reassert_version.0.to_le_bytes());
        b[28..32].copy_from_slice(&request.reassert_version.1.to_le_bytes());
        b[32..34].copy_from_slice(&[6, if request.oloc.hash == -1 { 3 } else { 6 }]);
        b[34..38].copy_from_slice(&(oloc_len as u32).to_le_bytes());
        b[38..46].copy_from_slice(&request.oloc.pool.to_le_bytes());
        b[46..50].copy_from_slice(&request.oloc.preferred.to_le_bytes());
        out.extend_from_slice(&b);
        put_blob(request.oloc.key.as_ref(), out);
        put_blob(request.oloc.nspace.as_ref(), out);
        let mut p = [0; 25];
        p[0..8].copy_from_slice(&request.oloc.hash.to_le_bytes());
        p[8] = 1;
        p[9..17].copy_from_slice(&request.pgid.0.to_le_bytes());
        p[17..21].copy_from_slice(&request.pgid.1.to_le_bytes());
        p[21..25].copy_from_slice(&request.pgid.2.to_le_bytes());
        out.extend_from_slice(&p);
        put_blob(request.oid.as_ref(), out);
        out.extend_from_slice(&(request.ops.len() as u16).to_le_bytes());
        for op in &request.ops {
            let mut o = [0; 38];
            o[0..2].copy_from_slice(&op.code.to_le_bytes());
            o[2..6].copy_from_slice(&op.flags.to_le_bytes());
            match &op.args {
                Args::Extent { offset, length, truncate_size, truncate_seq } => {
                    o[6..14].copy_from_slice(&offset.to_le_bytes());
                    o[14..22].copy_from_slice(&length.to_le_bytes());
                    o[22..30].copy_from_slice(&truncate_size.to_le_bytes());
                    o[30..34].copy_from_slice(&truncate_seq.to_le_bytes());
                }
                Args::Other(args) => o[6..34].copy_from_slice(args),
            }
            o[34..38].copy_from_slice(&(op.indata.as_ref().len() as u32).to_le_bytes());
            out.extend_from_slice(&o);
        }
        let mut s = [0; 20];
        s[0..8].copy_from_slice(&request.snapid.to_le_bytes());
        s[8..16].copy_from_slice(&request.snap_seq.to_le_bytes());
        s[16..20].copy_from_slice(&(request.snaps.len() as u32).to_le_bytes());
        out.extend_from_slice(&s);
        for snap in &request.snaps {
            out.extend_from_slice(&snap.to_le_bytes());
        }
        out.extend_from_slice(&request.retry_attempt.to_le_bytes());
        data_len
    }

    #[inline]
    fn encode_foot<R>(frame: &Frame<R>, front_crc: u32, data_crc: u32, out: &mut Vec<u8>) {
        let mut f = [0; 21];
        f[0..4].copy_from_slice(&front_crc.to_le_bytes());
        f[8..12].copy_from_slice(&data_crc.to_le_bytes());
        f[12..20].copy_from_slice(&frame.sig.to_le_bytes());
        f[20] = frame.footer_flags;
        out.extend_from_slice(&f);
    }

    #[inline]
    fn put_blob(blob: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&(blob.len() as u32).to_le_bytes());
        out.extend_from_slice(blob);
    }
}
