//! Versions: which row of its history a struct was written by.

use firefly_spec::model::{Form, Int, Row, Struct};

use super::Cause;
use super::cursor::number;
use super::tree::Role;
use super::walk::{Stop, Walker};

/// What stands in front of a struct with a version.
pub(super) struct Head {
    pub(super) version: u32,
    pub(super) compat: Option<u32>,
    pub(super) form: Form,
    /// Of an envelope's contents.
    pub(super) length: Option<u64>,
}

const BYTE: Int = Int { bits: 8, signed: false, big: false };
const LENGTH: Int = Int { bits: 32, signed: false, big: false };

impl Walker<'_, '_> {
    /// Reads what stands in front of a struct, if it has a version.
    pub(super) fn head(&mut self, decl: &Struct) -> Result<Option<Head>, Stop> {
        let rows = decl.versions.as_slice();
        let Some(first) = rows.first() else { return Ok(None) };
        let form = match rows.iter().all(|row| row.form == first.form) {
            true => first.form,
            false => self.row(rows, version(number(BYTE, self.peek(1)?)))?.form,
        };
        let int = if let Form::Lead(int) = form { int } else { BYTE };
        let row = self.row(rows, version(number(int, self.peek(int.bytes())?)))?;
        let version = version(self.front("struct_v", int, Role::Header)?);
        let has_compat = form == Form::Envelope || row.compat.is_some();
        let compat = if has_compat { Some(self.compat(rows)?) } else { None };
        let length = match form {
            Form::Envelope => u64::try_from(self.front("struct_len", LENGTH, Role::Header)?).ok(),
            Form::Lead(_) | Form::Message => None,
        };
        Ok(Some(Head { version, compat, form, length }))
    }

    fn compat(&mut self, rows: &[Row]) -> Result<u32, Stop> {
        let at = self.cursor().at;
        let compat = version(self.front("struct_compat", BYTE, Role::Header)?);
        self.understood(rows, compat, at)
    }

    /// A compat number, if the newest version is a reader that understands it.
    pub(super) fn understood(&self, rows: &[Row], compat: u32, at: usize) -> Result<u32, Stop> {
        let newest = newest(rows).map_or(0, |row| row.to);
        if compat > newest { Err(self.stop_at(at, Cause::Incompatible { compat, newest })) } else { Ok(compat) }
    }

    /// The row that speaks for a version. Of versions that are newer than the spec, it is the newest.
    pub(super) fn row<'r>(&self, rows: &'r [Row], version: u32) -> Result<&'r Row, Stop> {
        let row = rows.iter().find(|row| (row.from..=row.to).contains(&version));
        row.or_else(|| newest(rows).filter(|newest| version > newest.to))
            .ok_or_else(|| self.stop(Cause::UnknownVersion(version)))
    }
}

fn newest(rows: &[Row]) -> Option<&Row> {
    rows.iter().max_by_key(|row| row.to)
}

fn version(number: i128) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
