//! The generated codecs.

use bytes::Bytes;
use firefly_runtime::codec::{Context, Crc32c, DecodeError, EncodeError, Reader, Target, Writer};

#[path = "table.wire"]
#[allow(clippy::all, missing_docs)]
pub mod table;

/// The checksum of these bytes.
#[inline]
pub fn crc(data: &[u8]) -> u32 {
    Crc32c::new(0, 0).of(data)
}

/// The message header.
pub mod header {
    use firefly_runtime::wire::transport::MsgHeader;

    use super::*;

    /// From an array.
    #[inline]
    pub fn from_array(bytes: &Bytes) -> Result<MsgHeader, std::array::TryFromSliceError> {
        Ok(MsgHeader::from_array(bytes[..].try_into()?))
    }

    /// From a reader made for it.
    #[inline]
    pub fn read(bytes: &Bytes) -> Result<MsgHeader, DecodeError> {
        MsgHeader::decode(&mut Reader::new(bytes, &Context::default()))
    }

    /// As an array.
    #[inline]
    pub fn to_array(header: &MsgHeader, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(&header.to_array());
        Ok(())
    }

    /// With a writer made for it.
    #[inline]
    pub fn write(header: &MsgHeader) -> Result<Bytes, EncodeError> {
        let mut w = Writer::with_capacity(Target::default(), crate::header::SIZE);
        header.encode(&mut w)?;
        Ok(w.finish())
    }
}

/// The address of a process.
pub mod entity_addr {
    use firefly_runtime::wire::address::EntityAddr;

    use super::*;

    /// Reads an address.
    #[inline]
    pub fn read(bytes: &Bytes) -> Result<EntityAddr, DecodeError> {
        EntityAddr::decode(&mut Reader::new(bytes, &Context::default()))
    }

    /// Writes an address.
    #[inline]
    pub fn write(addr: &EntityAddr) -> Result<Bytes, EncodeError> {
        let mut w = Writer::with_capacity(Target::default(), crate::entity_addr::SIZE);
        addr.encode(&mut w)?;
        Ok(w.finish())
    }
}

/// A whole message frame.
pub mod mosdop {
    use firefly_runtime::codec::{Parts, Sections};
    use firefly_runtime::wire::features::Features;
    use firefly_runtime::wire::osd::MOSDOp;
    use firefly_runtime::wire::transport::{MessageFooter, MessageFrame, MessageFrameView, MessageHeader};

    use super::*;

    /// What decides about the form of these bytes.
    const FEATURES: u64 = Features::NOSRCADDR.0 | Features::MSG_AUTH.0 | Features::OBJECTLOCATOR.0 | Features::PGID64.0;

    /// What reading depends on, as a connection knows it once it is open.
    static CONTEXT: Context = Context::new(FEATURES);

    /// Reads the frame and leaves the message alone.
    #[inline]
    pub fn read_frame(bytes: &Bytes) -> Result<MessageFrame, DecodeError> {
        MessageFrame::decode(&mut Reader::new(bytes, &CONTEXT))
    }

    /// A frame with its message decoded.
    #[derive(Clone, Debug)]
    #[allow(missing_docs)]
    pub struct Received {
        pub header: MessageHeader,
        pub op: MOSDOp,
        pub footer: MessageFooter,
    }

    /// Reads frame and message.
    #[inline]
    pub fn read(bytes: &Bytes) -> Result<Received, DecodeError> {
        let MessageFrameView { header, front, middle, data, footer } =
            MessageFrameView::decode(&mut Reader::new(bytes, &CONTEXT))?;
        let sections = Sections { version: header.version, compat: header.compat_version, front, middle, data };
        let op = MOSDOp::decode(sections, &CONTEXT)?;
        Ok(Received { header, op, footer })
    }

    /// Writes frame and message; long data stay where they are.
    #[inline]
    pub fn write(value: &Received) -> Result<Vec<Bytes>, EncodeError> {
        Ok(write_into(value, Writer::with_capacity(Target::fresh(FEATURES), 512))?.pieces())
    }

    /// Writes frame and message in one piece.
    #[inline]
    pub fn write_whole(value: &Received) -> Result<Bytes, EncodeError> {
        Ok(write_into(value, Writer::contiguous(Target::fresh(FEATURES), 4608))?.finish())
    }

    #[inline]
    fn write_into(value: &Received, mut w: Writer) -> Result<Writer, EncodeError> {
        let Parts { version, compat, front, middle, data } = value.op.encode(Target::fresh(FEATURES))?;
        let mut header = value.header.clone();
        header.version = version;
        header.compat_version = compat;
        let footer = value.footer.clone();
        MessageFrame { header, front, middle, data, footer }.encode(&mut w)?;
        Ok(w)
    }
}

/// A map of a thousand entries.
pub mod map {
    use super::table::Table;
    use super::*;

    /// Reads a map.
    #[inline]
    pub fn read(bytes: &Bytes) -> Result<Table, DecodeError> {
        let mut r = Reader::new(bytes, &Context::default());
        let table = Table::decode(&mut r)?;
        r.finish()?;
        Ok(table)
    }

    /// The number in the first entry.
    #[inline]
    pub fn link(table: &Table) -> u64 {
        table.map.as_slice()[0].1.a
    }

    /// Writes a map.
    #[inline]
    pub fn write(table: &Table) -> Result<Bytes, EncodeError> {
        let mut w = Writer::with_capacity(Target::default(), table.size(Target::default()));
        table.encode(&mut w)?;
        Ok(w.finish())
    }
}
