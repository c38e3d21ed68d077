//! Where lines start: the tree is walked for the tokens that do not go on from the one before.

use std::collections::HashMap;

use crate::syntax::{
    Arm, ArmKind, Body, Entry, Field, FieldForm, FieldKind, File, Header, Item, ItemKind, Test, TestKind, Type,
    TypeKind, Union, Value,
};
use crate::token::{Token, TokenKind};

/// What the formatter has to know about a token, by the position where the token starts.
pub(super) type Marks = HashMap<u32, Mark>;

/// What a token is for the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// `protocol` or `order`.
    Head,
    /// `use`.
    Use,
    /// The keyword of an item.
    Item,
    /// The name of a field.
    Field,
    /// The name of an enum's or flag set's member.
    Member,
    /// The first version of a row.
    Row,
    /// The first value of an arm.
    Arm,
    /// Another entry of a body.
    Entry,
    /// A type whose `<` is a bracket. It does not start a line.
    Brackets,
    /// A value whose `-` is a sign. It does not start a line.
    Negative,
}

impl Mark {
    /// Whether a line starts here.
    pub(super) fn starts_line(self) -> bool {
        !matches!(self, Mark::Brackets | Mark::Negative)
    }
}

/// The marks of a file.
pub(super) fn marks(file: &File, tokens: &[Token]) -> Marks {
    let mut walk = Walk { marks: Marks::new() };
    let plain: Vec<&Token> = tokens.iter().filter(|t| !matches!(t.kind, TokenKind::Comment(_))).collect();
    if let Some(at) = plain.iter().position(|token| token.span.start == file.protocol.span.start) {
        let keywords = [at.checked_sub(1), Some(at + 1)];
        for token in keywords.into_iter().flatten().filter_map(|at| plain.get(at)) {
            walk.mark(token.span.start, Mark::Head);
        }
    }
    for used in &file.uses {
        walk.mark(used.span.start, Mark::Use);
    }
    file.items.iter().for_each(|item| walk.item(item));
    walk.marks
}

struct Walk {
    marks: Marks,
}

impl Walk {
    fn mark(&mut self, at: u32, mark: Mark) {
        // A value that starts an arm keeps the first mark; its sign is known by what stands before it.
        self.marks.entry(at).or_insert(mark);
    }

    fn item(&mut self, item: &Item) {
        self.mark(item.span.start, Mark::Item);
        match &item.kind {
            ItemKind::Const(_, value) => self.value(value),
            ItemKind::Enum { members, .. } | ItemKind::Flags { members, .. } | ItemKind::Features { members, .. } => {
                members.iter().for_each(|member| self.mark(member.name.span.start, Mark::Member));
            }
            ItemKind::Struct(body) | ItemKind::Frame(body) => self.body(body),
            ItemKind::Union(choice) | ItemKind::FrameUnion(choice) => self.choice(choice),
            ItemKind::Message(message) => {
                self.header(&message.header);
                message.body.iter().for_each(|body| self.body(body));
            }
            ItemKind::Checksum { .. } | ItemKind::Messages { .. } | ItemKind::Extern { .. } => {}
        }
    }

    fn header(&mut self, header: &Header) {
        if let Some(older) = &header.older {
            self.mark(older.span.start, Mark::Row);
            older.when.iter().for_each(|test| self.test(test));
        }
        for row in &header.rows {
            if header.table {
                self.mark(row.span.start, Mark::Row);
            }
            row.compat_when.iter().for_each(|(_, test)| self.test(test));
            row.when.iter().for_each(|test| self.test(test));
        }
    }

    fn body(&mut self, body: &Body) {
        body.header.iter().for_each(|header| self.header(header));
        self.entries(&body.entries);
    }

    fn entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            match entry {
                Entry::Field(field) => self.field(field),
                Entry::Include { replace, span, .. } => {
                    self.mark(span.start, Mark::Entry);
                    replace.iter().for_each(|field| self.field(field));
                }
                Entry::Order { span, .. } => self.mark(span.start, Mark::Entry),
                Entry::Section { span, entries, .. } => {
                    self.mark(span.start, Mark::Entry);
                    self.entries(entries);
                }
            }
        }
    }

    fn field(&mut self, field: &Field) {
        self.mark(field.name.span.start, Mark::Field);
        field.forms.iter().for_each(|form| self.form(form));
    }

    fn form(&mut self, form: &FieldForm) {
        if let FieldKind::Value(ty) = &form.kind {
            self.ty(ty);
        }
        form.fixed.iter().chain(&form.default).for_each(|value| self.value(value));
        form.when.iter().chain(&form.unless).for_each(|test| self.test(test));
    }

    fn ty(&mut self, ty: &Type) {
        match &ty.kind {
            TypeKind::Array(of, length) => {
                self.ty(of);
                self.value(length);
            }
            TypeKind::Bytes(_) | TypeKind::String(_) => self.mark(ty.span.start, Mark::Brackets),
            TypeKind::Map(key, value, _) | TypeKind::Pairs(key, value, _) => {
                self.mark(ty.span.start, Mark::Brackets);
                self.ty(key);
                self.ty(value);
            }
            TypeKind::List(of, _)
            | TypeKind::Set(of, _)
            | TypeKind::Option(of, _)
            | TypeKind::Framed { inner: of, .. }
            | TypeKind::Sealed(of, _) => {
                self.mark(ty.span.start, Mark::Brackets);
                self.ty(of);
            }
            TypeKind::Into(wire, rust) => {
                self.ty(wire);
                self.ty(rust);
            }
            TypeKind::Struct(body) => self.body(body),
            TypeKind::Union(choice) => self.choice(choice),
            TypeKind::Int(_)
            | TypeKind::Float(_)
            | TypeKind::Bool
            | TypeKind::Named(_)
            | TypeKind::NamedAs(..)
            | TypeKind::Pad(_) => {}
        }
    }

    fn choice(&mut self, choice: &Union) {
        choice.arms.iter().for_each(|arm| self.arm(arm));
    }

    fn arm(&mut self, arm: &Arm) {
        self.mark(arm.span.start, Mark::Arm);
        arm.values.iter().for_each(|value| self.value(value));
        arm.when.iter().for_each(|test| self.test(test));
        match &arm.kind {
            ArmKind::Fields(body) => self.body(body),
            ArmKind::Type(ty) => self.ty(ty),
            ArmKind::Raw => {}
        }
    }

    fn test(&mut self, test: &Test) {
        match &test.kind {
            TestKind::Compare(_, _, value) | TestKind::Masked(_, _, _, value) => self.value(value),
            TestKind::Not(inner) => self.test(inner),
            TestKind::And(left, right) | TestKind::Or(left, right) => {
                self.test(left);
                self.test(right);
            }
            TestKind::Has(_) | TestKind::Lacks(_) | TestKind::More | TestKind::Flag(..) => {}
        }
    }

    fn value(&mut self, value: &Value) {
        self.mark(value.span.start, Mark::Negative);
    }
}
