//! Which item a name means, seen from a module.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{Code, Diagnostic};
use crate::source::SourceMap;
use crate::syntax::{File, Ident, Item, ItemKind, Member, Order};

/// An item: the index of its module and its index in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ItemId {
    pub(crate) module: usize,
    pub(crate) item: usize,
}

/// The modules and the names that can be seen from each.
pub(crate) struct Names<'a> {
    modules: Vec<(&'a str, &'a File)>,
    visible: Vec<BTreeMap<&'a str, ItemId>>,
}

impl<'a> Names<'a> {
    /// Collects the names of all modules (W020, W024).
    pub(crate) fn new(sources: &'a SourceMap, files: &'a [(usize, File)], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let name = |index: usize| sources.files.get(index).map_or("", |source| source.name.as_str());
        let modules: Vec<_> = files.iter().map(|(index, file)| (name(*index), file)).collect();
        let mut names = Names { visible: vec![BTreeMap::new(); modules.len()], modules };
        names.declare(diagnostics);
        names.import(diagnostics);
        names
    }

    fn declare(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let mut all: HashMap<&str, &Ident> = HashMap::new();
        for (module, (_, file)) in self.modules.iter().enumerate() {
            for (item, declared) in file.items.iter().enumerate() {
                let name = &declared.name;
                match all.get(name.name.as_str()) {
                    Some(first) => diagnostics.push(duplicate(name, first)),
                    None => {
                        all.insert(&name.name, name);
                        self.visible[module].insert(&name.name, ItemId { module, item });
                    }
                }
            }
        }
    }

    fn import(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let declared = self.visible.clone();
        for (module, (_, file)) in self.modules.iter().enumerate() {
            for used in &file.uses {
                let Some(from) = self.modules.iter().position(|(name, _)| *name == used.module.name) else { continue };
                for name in &used.names {
                    match declared[from].get(name.name.as_str()) {
                        Some(id) => {
                            if let Some(first) = self.visible[module].insert(&name.name, *id) {
                                let first = &self.modules[first.module].1.items[first.item].name;
                                diagnostics.push(duplicate(name, first));
                            }
                        }
                        None => {
                            let message = format!("`{}` declares no `{}`", used.module.name, name.name);
                            diagnostics.push(Diagnostic::new(Code::NotExported, name.span, message));
                        }
                    }
                }
            }
        }
    }

    /// The modules with their names.
    pub(crate) fn modules(&self) -> &[(&'a str, &'a File)] {
        &self.modules
    }

    /// The index of a module.
    pub(crate) fn module(&self, name: &str) -> Option<usize> {
        self.modules.iter().position(|(module, _)| *module == name)
    }

    /// The byte order of a module.
    pub(crate) fn order(&self, module: usize) -> Order {
        self.modules[module].1.order
    }

    /// All items.
    pub(crate) fn items(&self) -> impl Iterator<Item = (ItemId, &'a Item)> {
        self.modules.iter().enumerate().flat_map(|(module, (_, file))| {
            file.items.iter().enumerate().map(move |(item, declared)| (ItemId { module, item }, declared))
        })
    }

    /// The item itself.
    pub(crate) fn item(&self, id: ItemId) -> &'a Item {
        &self.modules[id.module].1.items[id.item]
    }

    /// The names that a module sees.
    pub(crate) fn seen(&self, module: usize) -> impl Iterator<Item = (&'a str, ItemId)> {
        self.visible[module].iter().map(|(name, id)| (*name, *id))
    }

    /// What a name means in a module.
    pub(crate) fn lookup(&self, module: usize, name: &str) -> Option<ItemId> {
        self.visible[module].get(name).copied()
    }

    /// What a name means in a module, or why it means nothing (W021).
    pub(crate) fn find(&self, module: usize, name: &Ident) -> Result<ItemId, Diagnostic> {
        self.lookup(module, &name.name).ok_or_else(|| {
            let diagnostic = Diagnostic::new(Code::UnknownName, name.span, format!("`{}` is not declared", name.name));
            let elsewhere = self.items().find(|(_, item)| item.name.name == name.name);
            match elsewhere {
                Some((id, _)) => diagnostic.help(format!("add `use {}::{{{}}}`", self.modules[id.module].0, name.name)),
                None => diagnostic,
            }
        })
    }

    /// The members of all enums that a module sees.
    pub(crate) fn enum_members(&self, module: usize) -> impl Iterator<Item = &'a Member> {
        self.visible[module].values().flat_map(|id| match &self.item(*id).kind {
            ItemKind::Enum { members, .. } => members.as_slice(),
            _ => &[],
        })
    }

    /// The members of all feature words that a module sees.
    pub(crate) fn feature_members(&self, module: usize) -> impl Iterator<Item = &'a Member> {
        self.visible[module].values().flat_map(|id| match &self.item(*id).kind {
            ItemKind::Features { members, .. } => members.as_slice(),
            _ => &[],
        })
    }
}

/// That a name is taken (W020).
pub(crate) fn duplicate(name: &Ident, first: &Ident) -> Diagnostic {
    Diagnostic::new(Code::DuplicateName, name.span, format!("`{}` is declared twice", name.name))
        .also(first.span, "first declared here")
}

/// What kind of thing an item is, with its article.
pub(crate) fn kind(item: &Item) -> &'static str {
    match item.kind {
        ItemKind::Const(..) => "a constant",
        ItemKind::Enum { .. } => "an enum",
        ItemKind::Flags { .. } => "a flag set",
        ItemKind::Features { .. } => "a feature word",
        ItemKind::Checksum { .. } => "a checksum",
        ItemKind::Struct(_) => "a struct",
        ItemKind::Union(_) => "a union",
        ItemKind::Frame(_) | ItemKind::FrameUnion(_) => "a frame",
        ItemKind::Message(_) => "a message",
        ItemKind::Messages { .. } => "a set of messages",
        ItemKind::Extern { .. } => "an extern type",
    }
}
