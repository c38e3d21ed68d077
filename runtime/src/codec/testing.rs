//! Types as the generator makes them, for tests.

use super::*;

/// A struct in an envelope: a checksum of the tag, a list of strings, and since version 2 a number.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Sample {
    pub(crate) tag: u16,
    pub(crate) crc: Checksum,
    pub(crate) names: Vec<Str>,
    pub(crate) map: Map<u8, u32>,
    pub(crate) number: u32,
    #[serde(skip)]
    pub(crate) origin: Origin,
}

const CRC: Crc32c = Crc32c::new(0, 0);

impl Wire for Sample {
    const NAME: &'static str = "Sample";
    const MIN_SIZE: usize = 6 + 2 + 4 + 4 + 1;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let (struct_v, struct_compat, window) = r.envelope(2)?;
        let run = r.array::<10>().map_err(|e| e.field("tag"))?;
        let tag = u16::from_le_bytes(part::<0, 2, _>(&run));
        let found = u32::from_le_bytes(part::<2, 4, _>(&run));
        let crc = r.checksum(CRC.of(&run[0..2]), found).map_err(|e| e.field("crc"))?;
        let n = u64::from(u32::from_le_bytes(part::<6, 4, _>(&run)));
        let n = r.count(n, u64::MAX, 4, size_of::<Str>()).map_err(|e| e.field("names"))?;
        let mut names = Vec::with_capacity(n);
        for i in 0..n {
            names.push(read_text(r).map_err(|e| e.index(i).field("names"))?);
        }
        let n = u64::from(r.byte().map_err(|e| e.field("map"))?);
        let n = r.count(n, u64::MAX, 5, size_of::<(u8, u32)>()).map_err(|e| e.field("map"))?;
        let mut map = Vec::with_capacity(n);
        for i in 0..n {
            let run = r.array::<5>().map_err(|e| e.index(i).field("map"))?;
            map.push((run[0], u32::from_le_bytes(part::<1, 4, _>(&run))));
        }
        let number = if struct_v >= 2 { u32::from_le_bytes(r.array().map_err(|e| e.field("number"))?) } else { 0 };
        let origin =
            r.close_origin(window, (struct_v != 2).then_some(struct_v), (struct_compat != 1).then_some(struct_compat));
        Ok(Sample { tag, crc, names, map: Map::from(map), number, origin })
    }

    fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        let t = w.target();
        let struct_v = self.origin.version().filter(|_| t.exact).unwrap_or(2);
        let struct_compat = self.origin.compat().filter(|_| t.exact).unwrap_or(1);
        let envelope = w.open_envelope(struct_v as u8, struct_compat as u8);
        let start = w.mark();
        w.put(&self.tag.to_le_bytes());
        w.put(&self.crc.stored().unwrap_or_else(|| w.checksum(start, CRC)).to_le_bytes());
        w.put(&narrow::<u32>(self.names.len(), u64::MAX)?.to_le_bytes());
        for name in &self.names {
            w.put(&narrow::<u32>(name.len(), u64::MAX)?.to_le_bytes());
            w.put(name);
        }
        w.put(&narrow::<u8>(self.map.len(), u64::MAX)?.to_le_bytes());
        for (key, value) in &self.map {
            w.put(&[*key]);
            w.put(&value.to_le_bytes());
        }
        if struct_v >= 2 {
            w.put(&self.number.to_le_bytes());
        }
        if t.exact {
            w.bytes(self.origin.tail());
        }
        w.close_envelope(envelope)
    }

    fn size(&self, t: Target) -> usize {
        let number = if self.origin.version().is_none_or(|v| !t.exact || v >= 2) { 4 } else { 0 };
        let tail = if t.exact { self.origin.tail().len() } else { 0 };
        Self::MIN_SIZE + number + self.names.iter().map(|n| 4 + n.len()).sum::<usize>() + 5 * self.map.len() + tail
    }
}

fn read_text(r: &mut Reader) -> Result<Str, DecodeError> {
    let n = u32::from_le_bytes(r.array()?);
    let n = r.length(u64::from(n), u64::MAX)?;
    r.text(n)
}

impl<'a> arbitrary::Arbitrary<'a> for Sample {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Sample {
            tag: u.arbitrary()?,
            names: sample::items(u)?,
            map: u.arbitrary()?,
            number: u.arbitrary()?,
            ..Sample::default()
        })
    }
}

impl Message for Sample {
    const NAME: &'static str = "Sample";
    const NUMBER: u16 = 7;

    fn decode(sections: Sections, ctx: &Context) -> Result<Self, DecodeError> {
        let mut r = Reader::new(sections.front, ctx);
        let value = <Sample as Wire>::decode(&mut r)?;
        let (mut middle, mut data) = (Reader::new(sections.middle, ctx), Reader::new(sections.data, ctx));
        let origin = value.origin.clone().with_parts(&mut middle, &mut data);
        match (sections.version, sections.compat) {
            (2, 1) => r.finish().map(|()| Sample { origin, ..value }),
            (version, _) => Err(r.fail(DecodeErrorKind::UnsupportedVersion { version: version.into(), newest: 2 })),
        }
    }

    fn encode(&self, t: Target) -> Result<Parts, EncodeError> {
        let origin = if t.exact { self.origin.clone() } else { Origin::default() };
        Ok(Parts {
            version: 2,
            compat: 1,
            front: to_bytes(self, t)?,
            middle: origin.middle().clone(),
            data: origin.data().clone(),
        })
    }
}

/// The description of [`Sample`] with another codec.
pub(crate) const fn describe(codec: Codec, form: &'static str) -> TypeInfo {
    TypeInfo {
        name: "Sample",
        cxx: None,
        source: None,
        module: "testing",
        docs: "",
        kind: Kind::Struct,
        versions: match form.as_bytes() {
            b"envelope" => &[VersionInfo { from: 1, to: 2, form: "envelope", compat: Some(1) }],
            _ => &[],
        },
        fields: &[],
        members: &[],
        codec: Some(codec),
    }
}
