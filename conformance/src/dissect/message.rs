//! Messages: a version from the header, and three parts.

use firefly_spec::model::{Form, ItemKind, Message, Section};

use super::Parts;
use super::tree::{Note, Role};
use super::walk::{Step, Walker};

const PARTS: [(Section, &str); 3] = [(Section::Front, "front"), (Section::Middle, "middle"), (Section::Data, "data")];

impl<'m> Walker<'m, '_> {
    /// Reads a message into the innermost node.
    pub(super) fn message(&mut self, message: &'m Message, parts: &Parts) -> Step {
        let (version, compat) = (u32::from(parts.version), u32::from(parts.compat));
        if let Some(older) = message.body.older.as_ref().filter(|older| version <= older.to)
            && let Some(ItemKind::Message(older)) = self.items.get(older.ty.as_str()).map(|item| &item.kind)
        {
            return self.message(older, parts);
        }
        self.remark(Note::Version { version, compat: Some(compat), form: Form::Message });
        self.row(&message.body.versions, version)?;
        let newer = message.older_of.as_ref().and_then(|of| self.items.get(of.as_str()));
        let newest = match newer.map(|item| &item.kind) {
            Some(ItemKind::Message(newer)) => newer,
            _ => message,
        };
        self.understood(&newest.body.versions, compat, 0)?;
        if message.opaque {
            return PARTS.into_iter().try_for_each(|(section, name)| self.opaque(section, name));
        }
        self.fields(&message.body, 0, Some(version), true)?;
        for (section, _) in PARTS {
            self.within_section(section, |walker| walker.remainder("tail"));
        }
        Ok(())
    }

    fn opaque(&mut self, section: Section, name: &str) -> Step {
        self.within_section(section, |walker| match walker.left() {
            0 => Ok(()),
            _ => walker.node(name, "opaque", Role::Opaque, Self::rest),
        })
    }
}
