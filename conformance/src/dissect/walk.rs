//! The walk: open nodes, where reading stands, and values that have no inner structure.

use std::collections::{BTreeMap, HashMap};

use firefly_spec::model::{Extent, Int, Item, ItemKind, Member, Model, Section, Type};

use super::cursor::{Cursor, Cursors, fits, number, pattern};
use super::scope::Scope;
use super::tree::{Dissection, Node, Note, Role, Value};
use super::types::describe;
use super::{Cause, Input, MAX_DEPTH, MAX_NODES, Problem};

/// Reading ends here.
pub(super) type Stop = Box<Problem>;

/// Whether reading goes on.
pub(super) type Step = Result<(), Stop>;

/// The state of a walk: 'm is the model's life, 'a that of the bytes.
pub(super) struct Walker<'m, 'a> {
    pub(super) items: HashMap<&'m str, &'m Item>,
    pub(super) features: u64,
    pub(super) cursors: Cursors<'a>,
    /// The part of the message that is being read.
    pub(super) here: Section,
    /// The nodes that are being read, outermost first.
    pub(super) open: Vec<Node<'a>>,
    /// The braces whose fields a path can name, outermost first.
    pub(super) scopes: Vec<Scope<'m>>,
    /// What became known of a node after it was closed, by its place.
    pub(super) notes: BTreeMap<(Section, usize), Note>,
    /// The least sizes of declared types, as far as they were asked for.
    pub(super) sizes: HashMap<&'m str, u64>,
    nodes: usize,
    depth: usize,
    lengths: [usize; 3],
}

impl<'m, 'a> Walker<'m, 'a> {
    pub(super) fn new(model: &'m Model, input: &Input<'a>, features: u64) -> Self {
        let parts = input.parts();
        let items = model.modules.iter().flat_map(|module| &module.items);
        Walker {
            items: items.map(|item| (item.name.as_str(), item)).collect(),
            features,
            cursors: Cursors::new(&parts),
            here: Section::Front,
            open: Vec::new(),
            scopes: Vec::new(),
            notes: BTreeMap::new(),
            sizes: HashMap::new(),
            nodes: 0,
            depth: 0,
            lengths: parts.lengths(),
        }
    }

    /// The tree, once everything is read.
    pub(super) fn into_dissection(mut self, problem: Option<Problem>) -> Dissection<'a> {
        while self.open.len() > 1 {
            self.close();
        }
        let here = self.cursor().at;
        let mut root = self.open.pop().unwrap_or_else(|| node(String::new(), String::new(), Role::Root, self.here, 0));
        root.raw = self.cursor().slice(0, here);
        annotate(&mut root, &mut self.notes);
        Dissection { lengths: self.lengths, root, problem }
    }

    // Nodes.

    /// Begins a node.
    pub(super) fn open(&mut self, name: String, ty: String, role: Role) -> Step {
        if self.nodes >= MAX_NODES {
            return Err(self.stop(Cause::TooMuch));
        }
        self.nodes += 1;
        self.open.push(node(name, ty, role, self.here, self.cursor().at));
        Ok(())
    }

    /// Ends the innermost node.
    fn close(&mut self) {
        let Some(mut node) = self.open.pop() else { return };
        let cursor = self.cursors.get(node.section);
        node.raw = cursor.slice(node.offset, cursor.at);
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.open.push(node),
        }
    }

    /// A node of its own for what is read meanwhile.
    pub(super) fn node(
        &mut self,
        name: impl Into<String>,
        ty: impl Into<String>,
        role: Role,
        read: impl FnOnce(&mut Self) -> Step,
    ) -> Step {
        self.open(name.into(), ty.into(), role)?;
        let step = read(self);
        self.close();
        step
    }

    /// Says what the innermost node means.
    pub(super) fn means(&mut self, value: Value<'a>) {
        if let Some(node) = self.open.last_mut() {
            node.value = value;
        }
    }

    /// Says something else about the innermost node.
    pub(super) fn remark(&mut self, note: Note) {
        if let Some(node) = self.open.last_mut() {
            node.note = Some(note);
        }
    }

    /// A node for the bytes that are left, if any.
    pub(super) fn remainder(&mut self, name: &str) {
        let left = self.cursor().left();
        if left > 0 {
            let mut rest = node(name.to_owned(), "bytes".to_owned(), Role::Rest, self.here, self.cursor().at);
            let cursor = self.cursors.get_mut(self.here);
            rest.raw = cursor.slice(cursor.at, cursor.end);
            cursor.at = cursor.end;
            rest.value = Value::Bytes(rest.raw);
            if let Some(parent) = self.open.last_mut() {
                parent.children.push(rest);
            }
        }
    }

    /// The error that something is wrong here.
    pub(super) fn stop(&self, cause: Cause) -> Stop {
        self.stop_at(self.cursor().at, cause)
    }

    /// The error that something is wrong at an offset of the part being read.
    #[cold]
    pub(super) fn stop_at(&self, offset: usize, cause: Cause) -> Stop {
        Box::new(Problem { section: self.here, offset, path: self.path(), cause })
    }

    /// The innermost node, seen from the type that was asked for.
    pub(super) fn path(&self) -> String {
        self.open.iter().skip(1).fold(String::new(), |path, node| match path.as_str() {
            "" => node.name.clone(),
            _ if node.name.starts_with('[') => path + &node.name,
            _ => path + "." + &node.name,
        })
    }

    // Bytes.

    /// Where reading stands.
    pub(super) fn cursor(&self) -> &Cursor<'a> {
        self.cursors.get(self.here)
    }

    /// How many bytes are left here.
    pub(super) fn left(&self) -> u64 {
        self.cursor().left() as u64
    }

    /// The next bytes, which stay unread.
    pub(super) fn peek(&self, count: u64) -> Result<&'a [u8], Stop> {
        let short = || self.stop(Cause::Truncated { wanted: count, present: self.left() });
        self.cursor().peek(count).ok_or_else(short)
    }

    /// The next bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], Stop> {
        let bytes = self.peek(count)?;
        let cursor = self.cursors.get_mut(self.here);
        cursor.at = cursor.at.saturating_add(bytes.len());
        Ok(bytes)
    }

    /// The next integer.
    pub(super) fn int(&mut self, int: Int) -> Result<i128, Stop> {
        self.take(int.bytes()).map(|bytes| number(int, bytes))
    }

    /// An integer in front of something, as a node of its own.
    pub(super) fn front(&mut self, name: &str, int: Int, role: Role) -> Result<i128, Stop> {
        let mut number = 0;
        self.node(name, describe(&Type::Int(int)), role, |walker| {
            number = walker.int(int)?;
            walker.means(Value::Number { number, name: None });
            Ok(())
        })?;
        Ok(number)
    }

    /// Reads inside the next so many bytes.
    pub(super) fn within(&mut self, length: u64, read: impl FnOnce(&mut Self) -> Step) -> Step {
        let inside = self.peek(length)?.len();
        let (section, outer) = (self.here, self.cursor().end);
        let cursor = self.cursors.get_mut(section);
        cursor.end = cursor.at.saturating_add(inside);
        let step = read(self);
        self.cursors.get_mut(section).end = outer;
        step
    }

    /// Reads in another part of the message.
    pub(super) fn within_section<T>(&mut self, section: Section, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.here, section);
        let result = read(self);
        self.here = outer;
        result
    }

    // Values.

    /// Reads a value into the innermost node. The limit is that of its length or count.
    pub(super) fn fill(&mut self, ty: &'m Type, max: Option<u64>) -> Step {
        if self.depth >= MAX_DEPTH {
            return Err(self.stop(Cause::TooDeep));
        }
        self.depth += 1;
        let step = self.fill_any(ty, max);
        self.depth -= 1;
        step
    }

    fn fill_any(&mut self, ty: &'m Type, max: Option<u64>) -> Step {
        match ty {
            Type::Int(int) => {
                let number = self.int(*int)?;
                self.means(Value::Number { number, name: None });
                Ok(())
            }
            Type::Float { bits, big } => self.float(*bits, *big),
            Type::Bool => self.boolean(),
            Type::Named(name) => self.named(name),
            Type::NamedAs(name, wire) => self.named_as(name, *wire),
            Type::Into(wire, _) => self.fill_any(wire, max),
            Type::Pad(length) => self.raw(*length),
            Type::Array(of, length) if is_byte(of) => self.raw(*length),
            Type::Array(of, length) => self.elements(&[of], *length),
            Type::Bytes(extent) | Type::Sealed(_, extent) => {
                let length = self.extent(extent, max)?;
                self.raw(length)
            }
            Type::String(extent) => {
                let length = self.extent(extent, max)?;
                let bytes = self.take(length)?;
                self.means(std::str::from_utf8(bytes).map_or(Value::Bytes(bytes), Value::Text));
                Ok(())
            }
            Type::List(of, count) | Type::Set(of, count) => self.collection(&[of], count, max),
            Type::Map(key, value, count) | Type::Pairs(key, value, count) => self.collection(&[key, value], count, max),
            Type::Option(of, flag) => self.option(of, *flag),
            Type::Framed { inner, extent, or } => self.framed(inner, extent, *or, max),
            Type::Struct(decl) => self.structure(decl),
            Type::Union(decl) => self.union(decl),
        }
    }

    /// Reads a declared type into the innermost node. Its paths do not see the fields around it.
    pub(super) fn named(&mut self, name: &str) -> Step {
        let Some(item) = self.items.get(name).copied() else { return Err(self.stop(Cause::UnknownType)) };
        let outer = std::mem::take(&mut self.scopes);
        let step = match &item.kind {
            ItemKind::Enum { repr, .. } | ItemKind::Flags { repr, .. } | ItemKind::Features { repr, .. } => {
                self.named_as(name, *repr)
            }
            ItemKind::Struct(decl) => self.structure(decl),
            ItemKind::Union(decl) => self.union(decl),
            ItemKind::Extern { fixed: Some(length), .. } => self.raw(*length),
            ItemKind::Extern { .. } => Err(self.stop(Cause::Extern(item.name.clone()))),
            _ => Err(self.stop(Cause::NotWire(item.name.clone()))),
        };
        self.scopes = outer;
        step
    }

    /// Reads an enum or flag set that is written as this integer into the innermost node.
    fn named_as(&mut self, name: &str, wire: Int) -> Step {
        match self.items.get(name).map(|item| &item.kind) {
            Some(ItemKind::Enum { repr, closed, members }) => {
                let number = self.fitting(name, wire, *repr)?;
                self.member(name, number, *repr, *closed, members)?;
            }
            Some(ItemKind::Flags { repr, members } | ItemKind::Features { repr, members }) => {
                let number = self.fitting(name, wire, *repr)?;
                self.flags(number, *repr, members);
            }
            Some(_) => return Err(self.stop(Cause::NotWire(name.to_owned()))),
            None => return Err(self.stop(Cause::UnknownType)),
        }
        self.take(wire.bytes()).map(drop)
    }

    /// The next integer, which stays unread, if the one that an enum or flag set is declared with can be that number.
    pub(super) fn fitting(&self, name: &str, wire: Int, own: Int) -> Result<i128, Stop> {
        let number = number(wire, self.peek(wire.bytes())?);
        if fits(own, number) { Ok(number) } else { Err(self.stop(Cause::Unfit(name.to_owned(), number))) }
    }

    fn raw(&mut self, length: u64) -> Step {
        let bytes = self.take(length)?;
        self.means(Value::Bytes(bytes));
        Ok(())
    }

    fn float(&mut self, bits: u8, big: bool) -> Step {
        let pattern = self.int(Int { bits, signed: false, big })?;
        let number = match u32::try_from(pattern) {
            Ok(pattern) if bits == 32 => f32::from_bits(pattern).into(),
            _ => f64::from_bits(u64::try_from(pattern).unwrap_or_default()),
        };
        self.means(Value::Float(number));
        Ok(())
    }

    fn boolean(&mut self) -> Step {
        let number = number(Int { bits: 8, signed: false, big: false }, self.peek(1)?);
        let name = match number {
            0 => "false",
            1 => "true",
            _ => return Err(self.stop(Cause::NotBool(number))),
        };
        self.take(1)?;
        self.means(Value::Number { number, name: Some(name.to_owned()) });
        Ok(())
    }

    fn member(&mut self, of: &str, number: i128, repr: Int, closed: bool, members: &[Member]) -> Step {
        let pattern = pattern(number, repr.bits);
        let member = members.iter().find(|member| member.value == pattern);
        if closed && member.is_none() {
            return Err(self.stop(Cause::NotMember(of.to_owned(), number)));
        }
        self.means(Value::Number { number, name: member.map(|member| member.name.clone()) });
        Ok(())
    }

    fn flags(&mut self, number: i128, repr: Int, members: &[Member]) {
        let bits = pattern(number, repr.bits);
        let set = members.iter().filter(|member| member.value != 0 && bits & member.value == member.value);
        let known = set.clone().fold(0, |known, member| known | member.value);
        let mut names: Vec<String> = set.map(|member| member.name.clone()).collect();
        if bits & !known != 0 {
            names.push(format!("{:#x}", bits & !known));
        }
        self.means(Value::Flags { bits, names });
    }

    /// The length of something, read or looked up. That many bytes need not be there.
    pub(super) fn extent(&mut self, extent: &Extent, max: Option<u64>) -> Result<u64, Stop> {
        let length = match extent {
            Extent::Prefix(int) => self.int(*int)?,
            Extent::Above(path) => self.derived_length(path)?,
            Extent::Field(path) => self.known(path)?,
            Extent::Rest => self.left().into(),
        };
        self.measure(length, max)
    }

    /// A length or count as such: not negative and not above its limit.
    pub(super) fn measure(&self, number: i128, max: Option<u64>) -> Result<u64, Stop> {
        let found = u64::try_from(number).map_err(|_| self.stop(Cause::Negative(number)))?;
        match max {
            Some(max) if found > max => Err(self.stop(Cause::AboveMax { found, max })),
            _ => Ok(found),
        }
    }
}

fn is_byte(ty: &Type) -> bool {
    matches!(ty, Type::Int(Int { bits: 8, signed: false, .. }))
}

fn node<'a>(name: String, ty: String, role: Role, section: Section, offset: usize) -> Node<'a> {
    Node { name, ty, role, section, offset, raw: &[], value: Value::Nothing, note: None, children: Vec::new() }
}

/// Puts the notes where they belong: on the innermost field at their place.
fn annotate(node: &mut Node, notes: &mut BTreeMap<(Section, usize), Note>) {
    node.children.iter_mut().for_each(|child| annotate(child, notes));
    if node.children.is_empty()
        && !node.raw.is_empty()
        && let Some(note) = notes.remove(&(node.section, node.offset))
    {
        node.note = Some(note);
    }
}
