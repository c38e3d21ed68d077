//! Syntax to model: names are looked up, includes expanded, shorthands spelled out, byte orders filled in.

pub(crate) mod body;
pub(crate) mod choice;
pub(crate) mod derived;
pub(crate) mod names;
pub(crate) mod path;
pub(crate) mod scope;
pub(crate) mod test;
pub(crate) mod ty;
pub(crate) mod value;

use std::collections::{BTreeSet, HashMap};

use self::derived::Derived;
use self::names::{ItemId, Names, kind};
use self::path::Found;
use self::scope::{Place, Scopes};
use self::ty::Site;
use self::value::pattern;
use crate::diagnostic::{Code, Diagnostic};
use crate::load::Loaded;
use crate::model::{self, Model};
use crate::span::Span;
use crate::syntax::{ExternSize, Ident, IntType, Item, ItemKind, Member, Message, Path};

/// The schema of the model's JSON form.
const SCHEMA: &str = "firefly-spec/1";

/// All modules with their names and braces: what lowering and the checks look things up in.
pub(crate) struct Program<'a> {
    pub(crate) names: Names<'a>,
    scopes: Vec<Vec<Scopes<'a>>>,
}

impl<'a> Program<'a> {
    /// The tables of the loaded files.
    pub(crate) fn new(loaded: &'a Loaded, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let names = Names::new(&loaded.sources, &loaded.files, diagnostics);
        let mut scopes: Vec<Vec<Scopes>> = names.modules().iter().map(|_| Vec::new()).collect();
        for (id, _) in names.items() {
            scopes[id.module].push(Scopes::new(&names, id, diagnostics));
        }
        let program = Program { names, scopes };
        program.refuse_duplicate_types(diagnostics);
        program
    }

    /// That no two types of a module have the same name, inline ones included (W020).
    fn refuse_duplicate_types(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut types: Vec<HashMap<&str, Span>> = self.names.modules().iter().map(|_| HashMap::new()).collect();
        for (module, types) in types.iter_mut().enumerate() {
            types.extend(self.names.seen(module).map(|(name, id)| (name, self.names.item(id).name.span)));
        }
        for (id, _) in self.names.items() {
            for (name, span) in self.scopes(id).inline_types() {
                if let Some(first) = types[id.module].insert(name, span) {
                    let message = format!("`{name}` is declared twice, here as the name of an inline type");
                    diagnostics.push(
                        Diagnostic::new(Code::DuplicateName, span, message)
                            .also(first, "first declared here")
                            .help("give it a name: `struct Name { … }`"),
                    );
                }
            }
        }
    }

    /// The message of which this one is an older layout.
    pub(crate) fn newer(&self, id: ItemId) -> Option<ItemId> {
        let names_it = |newer: ItemId, item: &Item| match &item.kind {
            ItemKind::Message(message) => message
                .header
                .older
                .as_ref()
                .is_some_and(|older| self.names.lookup(newer.module, &older.name.name) == Some(id)),
            _ => false,
        };
        self.names.items().find(|(newer, item)| names_it(*newer, item)).map(|(newer, _)| newer)
    }

    /// The braces of an item.
    pub(crate) fn scopes(&self, id: ItemId) -> &Scopes<'a> {
        &self.scopes[id.module][id.item]
    }
}

/// The model of a program. What cannot be lowered is left out and reported.
pub(crate) fn lower(program: &Program, diagnostics: &mut Vec<Diagnostic>) -> Model {
    let modules = program.names.modules().iter().enumerate().map(|(module, (name, file))| {
        let mut uses = BTreeSet::new();
        let items = file.items.iter().enumerate().filter_map(|(item, declared)| {
            let id = ItemId { module, item };
            let derived = program.derived(id);
            let mut lowerer = Lowerer { program, item: id, derived, uses: &mut uses, diagnostics };
            lowerer.lowered(declared)
        });
        let items = items.collect();
        let uses = uses.into_iter().map(|id| {
            let from = program.names.modules()[id.module].0;
            (program.names.item(id).name.name.clone(), from.to_owned())
        });
        model::Module { name: (*name).to_owned(), protocol: file.protocol.name.clone(), items, uses: uses.collect() }
    });
    Model { schema: SCHEMA.to_owned(), modules: modules.collect() }
}

/// Lowers one item.
struct Lowerer<'p, 'a> {
    program: &'p Program<'a>,
    item: ItemId,
    derived: Vec<Derived<'a>>,
    uses: &'p mut BTreeSet<ItemId>,
    diagnostics: &'p mut Vec<Diagnostic>,
}

impl<'a> Lowerer<'_, 'a> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn accept<T>(&mut self, result: Result<T, Diagnostic>) -> Option<T> {
        result.map_err(|diagnostic| self.report(diagnostic)).ok()
    }

    /// Notes that an item of another module is used in this one.
    fn uses(&mut self, id: ItemId) {
        if id.module != self.item.module {
            self.uses.insert(id);
        }
    }

    /// The field that a path leads to. In an arm or an element, it must be one that
    /// the Rust type has (W022).
    fn anywhere(&mut self, from: Place, path: &Path) -> Option<Found<'a>> {
        let found = self.program.find(self.item, from, path);
        let found = self.accept(found)?;
        if !found.at_times || found.slot.is_kept() {
            return Some(found);
        }
        let message = format!("`{}` is not in the Rust type of its arm or element", path::steps(path).join("."));
        let here = found.slot.field.name.span;
        self.report(Diagnostic::new(Code::WrongKind, path::span(path), message).also(here, "it stands here"));
        None
    }

    /// The field that a path leads to, which is in no arm or element: what these hold is not always there (W027).
    fn outside_arms(&mut self, from: Place, path: &Path) -> Option<Found<'a>> {
        let found = self.anywhere(from, path)?;
        if !found.at_times {
            return Some(found);
        }
        let message = format!(
            "`{}` stands in an arm or element, of which only integers can be read",
            path::steps(path).join(".")
        );
        self.report(Diagnostic::new(Code::UnknownPath, path::span(path), message));
        None
    }

    /// The field that a path leads to, which must have been read (W028).
    fn earlier(&mut self, from: Place, path: &Path) -> Option<Found<'a>> {
        let found = self.anywhere(from, path)?;
        if found.is_read_before() {
            return Some(found);
        }
        let message = format!("`{}` has not been read yet", path::steps(path).join("."));
        let here = found.slot.field.name.span;
        self.report(Diagnostic::new(Code::PathTooEarly, path::span(path), message).also(here, "it stands here"));
        None
    }

    fn lowered(&mut self, item: &'a Item) -> Option<model::Item> {
        Some(model::Item {
            name: item.name.name.clone(),
            span: item.name.span,
            docs: item.docs.clone(),
            cxx: item.cxx.clone(),
            source: item.source.clone(),
            kind: self.kind_of(item)?,
        })
    }

    fn kind_of(&mut self, item: &'a Item) -> Option<model::ItemKind> {
        let module = self.item.module;
        Some(match &item.kind {
            ItemKind::Const(ty, value) => {
                let value = self.program.declared(module, *ty, value);
                match (self.accept(value)?, ty) {
                    (model::Value::Int(value), crate::syntax::ConstType::Int(int)) => {
                        model::ItemKind::ConstInt { int: self.int(module, *int), value }
                    }
                    (model::Value::Bytes(value), _) => model::ItemKind::ConstBytes { value },
                    (model::Value::Int(_), _) => return None,
                }
            }
            ItemKind::Enum { repr, closed, members } => {
                let (repr, members) = self.members(*repr, members);
                model::ItemKind::Enum { repr, closed: *closed, members }
            }
            ItemKind::Flags { repr, members } => {
                let (repr, members) = self.members(*repr, members);
                model::ItemKind::Flags { repr, members }
            }
            ItemKind::Features { repr, members } => {
                let (repr, members) = self.members(*repr, members);
                model::ItemKind::Features { repr, members }
            }
            ItemKind::Checksum { algorithm, init, xorout } => {
                model::ItemKind::Checksum { algorithm: algorithm.name.clone(), init: *init, xorout: *xorout }
            }
            ItemKind::Struct(_) => model::ItemKind::Struct(self.structure(0)?),
            ItemKind::Frame(_) => model::ItemKind::Struct(model::Struct { frame: true, ..self.structure(0)? }),
            ItemKind::Union(choice) => model::ItemKind::Union(self.union(self.top(), choice)?),
            ItemKind::FrameUnion(choice) => {
                model::ItemKind::Union(model::Union { frame: true, ..self.union(self.top(), choice)? })
            }
            ItemKind::Message(message) => model::ItemKind::Message(self.message(item, message)?),
            ItemKind::Messages { numbers, from } => self.messages(numbers, from)?,
            ItemKind::Extern { path, size } => {
                let path = path.iter().map(|step| step.name.clone()).collect();
                match *size {
                    ExternSize::Fixed(size) => model::ItemKind::Extern { path, min: size, fixed: Some(size) },
                    ExternSize::Min(min) => model::ItemKind::Extern { path, min, fixed: None },
                }
            }
        })
    }

    fn top(&self) -> Site {
        Site { place: None, module: self.item.module, outermost: true }
    }

    fn members(&self, repr: IntType, members: &[Member]) -> (model::Int, Vec<model::Member>) {
        let member = |member: &Member| model::Member {
            docs: member.docs.clone(),
            name: member.name.name.clone(),
            span: member.name.span,
            value: pattern(member.value, repr.bits),
        };
        (self.int(self.item.module, repr), members.iter().map(member).collect())
    }

    fn message(&mut self, item: &'a Item, message: &'a Message) -> Option<model::Message> {
        let number = self.program.message_number(self.item.module, &message.number);
        let number = self.accept(number);
        let body = match message.body {
            Some(_) => self.structure(0)?,
            None => model::Struct {
                name: item.name.name.clone(),
                size: body::UNKNOWN,
                frame: false,
                apart: false,
                versions: self.rows(0, &message.header),
                older: None,
                fields: Vec::new(),
                orders: Vec::new(),
            },
        };
        let names = |idents: &[Ident]| idents.iter().map(|ident| ident.name.clone()).collect();
        Some(model::Message {
            number: number?,
            senders: names(&message.senders),
            receivers: names(&message.receivers),
            opaque: message.body.is_none(),
            older_of: self.program.newer(self.item).map(|newer| self.program.names.item(newer).name.name.clone()),
            body,
        })
    }

    fn messages(&mut self, numbers: &Ident, from: &[Ident]) -> Option<model::ItemKind> {
        let id = self.program.names.find(self.item.module, numbers);
        let id = self.accept(id)?;
        let item = self.program.names.item(id);
        if !matches!(item.kind, ItemKind::Enum { .. }) {
            let message = format!("`{}` is {}, not an enum", numbers.name, kind(item));
            self.report(Diagnostic::new(Code::WrongKind, numbers.span, message));
            return None;
        }
        self.uses(id);
        let mut members = Vec::new();
        for module in from.iter().filter_map(|from| self.program.names.module(&from.name)) {
            let (name, file) = self.program.names.modules()[module];
            for (at, item) in file.items.iter().enumerate() {
                let id = ItemId { module, item: at };
                if let ItemKind::Message(message) = &item.kind
                    && self.program.newer(id).is_none()
                    && let Ok(number) = self.program.message_number(module, &message.number)
                {
                    members.push((name.to_owned(), item.name.name.clone(), number));
                }
            }
        }
        Some(model::ItemKind::Messages { numbers: numbers.name.clone(), members })
    }
}
