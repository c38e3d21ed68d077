//! Structs: fields in wire order, each in the form that counts.

use firefly_spec::model::{Field, FieldForm, FieldKind, Struct, Type, Value as Constant};

use super::Cause;
use super::scope::Scope;
use super::tree::{Note, Role, Value, hex};
use super::types::describe;
use super::walk::{Step, Stop, Walker};

impl<'m> Walker<'m, '_> {
    /// Reads a struct, its header included, into the innermost node.
    pub(super) fn structure(&mut self, decl: &'m Struct) -> Step {
        let start = self.cursor().at;
        if let Some(older) = &decl.older
            && self.peek(1)?.iter().all(|version| u32::from(*version) <= older.to)
        {
            return self.named(&older.ty);
        }
        let Some(head) = self.head(decl)? else { return self.fields(decl, start, None, false) };
        self.remark(Note::Version { version: head.version, compat: head.compat, form: head.form });
        match head.length {
            None => self.fields(decl, start, Some(head.version), false),
            Some(length) => self.within(length, |walker| {
                walker.fields(decl, start, Some(head.version), false)?;
                walker.remainder("tail");
                Ok(())
            }),
        }
    }

    /// Reads the fields of some braces; those of a message say themselves in which part they lie.
    pub(super) fn fields(&mut self, decl: &'m Struct, start: usize, version: Option<u32>, sections: bool) -> Step {
        let order = self.order(decl, version.or_else(|| self.version()));
        let is_left_out =
            |field: &&Field| order.len() < decl.fields.len() && order.iter().all(|f| f.name != field.name);
        self.scopes.push(Scope {
            decl,
            node: self.open.len().saturating_sub(1),
            version,
            start: (self.here, start),
            absent: decl.fields.iter().filter(is_left_out).map(|field| field.name.as_str()).collect(),
            pending: Vec::new(),
            checks: Vec::new(),
        });
        let step = order.into_iter().try_for_each(|field| {
            let section = if sections { field.section } else { self.here };
            self.within_section(section, |walker| walker.field(field))?;
            self.settle(Some(&field.name))
        });
        let step = step.and_then(|()| self.settle(None));
        self.verify();
        self.scopes.pop();
        step
    }

    /// The fields in the order of a version.
    fn order(&self, decl: &'m Struct, version: Option<u32>) -> Vec<&'m Field> {
        match decl.orders.iter().find(|(of, _)| version == Some(*of)) {
            Some((_, order)) => order.iter().filter_map(|index| decl.fields.get(*index)).collect(),
            None => decl.fields.iter().collect(),
        }
    }

    fn field(&mut self, field: &'m Field) -> Step {
        let Some(form) = self.form(field)? else {
            if let Some(scope) = self.scopes.last_mut() {
                scope.absent.push(&field.name);
            }
            return Ok(());
        };
        let section = field.apart.unwrap_or(self.here);
        self.within_section(section, |walker| {
            walker.node(&field.name, text(&form.kind), Role::Field, |walker| walker.form_of(form))
        })
    }

    /// The first form that is there.
    fn form(&self, field: &'m Field) -> Result<Option<&'m FieldForm>, Stop> {
        let version = self.version();
        for form in &field.forms {
            let is_since = form.since.is_none_or(|since| version.is_none_or(|version| since <= version));
            let is_until = form.until.is_none_or(|until| version.is_none_or(|version| version <= until));
            if is_since && is_until && self.holds_or_none(form.when.as_ref())? {
                return Ok(Some(form));
            }
        }
        Ok(None)
    }

    fn form_of(&mut self, form: &'m FieldForm) -> Step {
        match &form.kind {
            FieldKind::Value(ty) => self.fill(ty, form.max),
            FieldKind::Const { ty, value } => self.constant(ty, value, form.max),
            derived => self.derived(derived),
        }
    }

    fn constant(&mut self, ty: &'m Type, wanted: &Constant, max: Option<u64>) -> Step {
        let at = self.cursor().at;
        self.fill(ty, max)?;
        let Some(node) = self.open.last() else { return Ok(()) };
        let (is_right, found) = match (wanted, &node.value) {
            (Constant::Int(wanted), Value::Float(found)) => (*wanted as f64 == *found, found.to_string()),
            (Constant::Int(wanted), _) => {
                let found = node.number();
                (found == Some(*wanted), found.unwrap_or_default().to_string())
            }
            (Constant::Bytes(wanted), Value::Text(found)) => (wanted == found.as_bytes(), format!("{found:?}")),
            (Constant::Bytes(wanted), Value::Bytes(found)) => (wanted == found, hex(found)),
            (Constant::Bytes(_), _) => (false, hex(node.raw)),
        };
        if is_right {
            return Ok(());
        }
        let wanted = match wanted {
            Constant::Int(number) => number.to_string(),
            Constant::Bytes(bytes) => hex(bytes),
        };
        Err(self.stop_at(at, Cause::WrongConstant { found, wanted }))
    }
}

/// What the language calls this kind of field.
fn text(kind: &FieldKind) -> String {
    match kind {
        FieldKind::Value(ty) | FieldKind::Const { ty, .. } => describe(ty),
        FieldKind::Count { int, of } => format!("count {} of {}", describe(&Type::Int(*int)), of.join(".")),
        FieldKind::Len { int, of, .. } => format!("len {} of {}", describe(&Type::Int(*int)), of.join(".")),
        FieldKind::Checksum { checksum, .. } => checksum.clone(),
    }
}
