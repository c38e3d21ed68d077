//! Derived fields: whether counts, lengths and checksums agree with what they are derived from.

use firefly_spec::model::{FieldKind, ItemKind, Region, Section, Test};

use super::cursor::pattern;
use super::tree::{Node, Note, Role, Value};
use super::walk::{Step, Stop, Walker};
use super::{Cause, Problem};

/// A count or length that waits for what it measures.
pub(super) struct Pending<'m> {
    of: &'m [String],
    measure: Measure,
    number: i128,
    at: (Section, usize),
    path: String,
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    Count,
    Len { plus: i64 },
}

/// A checksum that waits for the end of its braces, because what exempts it may stand behind it.
pub(super) struct Check<'m> {
    checksum: &'m str,
    of: &'m Region,
    unless: Option<&'m Test>,
    found: u64,
    at: (Section, usize),
}

impl<'m, 'a> Walker<'m, 'a> {
    /// Reads a derived field into the innermost node.
    pub(super) fn derived(&mut self, kind: &'m FieldKind) -> Step {
        let at = (self.here, self.cursor().at);
        match kind {
            FieldKind::Count { int, of } => {
                let number = self.int(*int)?;
                self.await_measured(Pending { of, measure: Measure::Count, number, at, path: self.path() });
            }
            FieldKind::Len { int, of, plus } => {
                let number = self.int(*int)?;
                let measure = Measure::Len { plus: *plus };
                self.await_measured(Pending { of, measure, number, at, path: self.path() });
            }
            FieldKind::Checksum { checksum, int, of, unless } => {
                let number = self.int(*int)?;
                let found = pattern(number, int.bits);
                self.means(Value::Checksum(found));
                let check = Check { checksum, of, unless: unless.as_ref(), found, at };
                if let Some(scope) = self.scopes.last_mut() {
                    scope.checks.push(check);
                }
            }
            FieldKind::Value(_) | FieldKind::Const { .. } => {}
        }
        Ok(())
    }

    fn await_measured(&mut self, pending: Pending<'m>) {
        self.means(Value::Number { number: pending.number, name: None });
        let Some(first) = pending.of.first() else { return };
        let mut outward = self.scopes.iter_mut().rev();
        if let Some(scope) = outward.find(|scope| scope.decl.fields.iter().any(|field| field.name == *first)) {
            scope.pending.push(pending);
        }
    }

    /// Compares the counts and lengths of a field that is through with what it is; without a name, those of all others.
    pub(super) fn settle(&mut self, name: Option<&str>) -> Step {
        let Some(scope) = self.scopes.last_mut() else { return Ok(()) };
        let is_due =
            |pending: &mut Pending| name.is_none_or(|name| pending.of.first().is_some_and(|first| first == name));
        let due: Vec<_> = scope.pending.extract_if(.., is_due).collect();
        due.into_iter().try_for_each(|pending| self.compare(pending))
    }

    fn compare(&mut self, pending: Pending) -> Step {
        let actual = match (pending.measure, self.look(pending.of)?.node) {
            (_, None) => 0,
            (Measure::Count, Some(node)) => elements(node).unwrap_or_default().into(),
            (Measure::Len { plus }, Some(node)) => (length(node) as i128).saturating_add(plus.into()),
        };
        if actual == pending.number {
            self.notes.insert(pending.at, Note::Matches);
            return Ok(());
        }
        self.notes.insert(pending.at, Note::Differs(actual));
        let ((section, offset), cause) = (pending.at, Cause::WrongMeasure { found: pending.number, actual });
        Err(Box::new(Problem { section, offset, path: pending.path, cause }))
    }

    /// What a `len` field at the end of a path says of the field it measures.
    pub(super) fn derived_length(&self, path: &[String]) -> Result<i128, Stop> {
        let plus = self.look(path)?.field.forms.iter().find_map(|form| match form.kind {
            FieldKind::Len { plus, .. } => Some(plus),
            _ => None,
        });
        Ok(self.known(path)?.saturating_sub(plus.unwrap_or_default().into()))
    }

    /// How many elements the collection at the end of a path has.
    pub(super) fn same(&self, path: &[String]) -> Result<i128, Stop> {
        match self.look(path)?.node {
            None => Ok(0),
            Some(node) => elements(node).map(i128::from).ok_or_else(|| self.stop(Cause::Unread(path.join(".")))),
        }
    }

    /// Compares the checksums of the innermost braces. A wrong one ends nothing: it was there.
    pub(super) fn verify(&mut self) {
        let checks = self.scopes.last_mut().map(|scope| std::mem::take(&mut scope.checks)).unwrap_or_default();
        for check in checks {
            let note = self.verified(&check).unwrap_or(Note::Unchecked);
            self.notes.insert(check.at, note);
        }
    }

    fn verified(&self, check: &Check) -> Option<Note> {
        if let Some(unless) = check.unless
            && self.holds(unless).ok()?
        {
            return Some(Note::Exempt);
        }
        let bytes = self.region(check)?;
        let computed = match &self.items.get(check.checksum)?.kind {
            ItemKind::Checksum { algorithm, init, xorout } if algorithm == "crc32c" => crc32c(bytes, *init, *xorout),
            _ => return None,
        };
        Some(if check.found == u64::from(computed) { Note::Matches } else { Note::Differs(computed.into()) })
    }

    /// The bytes that a checksum covers.
    fn region(&self, check: &Check) -> Option<&'a [u8]> {
        match check.of {
            Region::Above => {
                let (section, start) = self.scopes.last()?.start;
                (section == check.at.0).then(|| self.cursors.get(section).slice(start, check.at.1))
            }
            Region::Fields(first, last) => {
                let (first, last) = (self.look(first).ok()?.node, self.look(last).ok()?.node);
                match (first, last) {
                    (Some(first), Some(last)) if first.section == last.section => {
                        Some(self.cursors.get(first.section).slice(first.offset, last.end()))
                    }
                    (None, None) => Some(&[]),
                    _ => None,
                }
            }
        }
    }
}

/// How many elements a collection has.
fn elements(node: &Node) -> Option<u64> {
    if let Value::Elements(count) = node.value { Some(count) } else { None }
}

/// How many bytes a value has, without a length in front.
fn length(node: &Node) -> usize {
    let prefix = node.children.iter().filter(|child| child.role == Role::Prefix).map(|child| child.raw.len()).sum();
    match node.value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => node.raw.len().saturating_sub(prefix),
    }
}

/// CRC-32C, bit by bit, from and to a register as the spec says.
fn crc32c(bytes: &[u8], init: u64, xorout: u64) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let shift = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
    let register = bytes.iter().fold(init as u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| shift(crc)));
    register ^ xorout as u32
}
