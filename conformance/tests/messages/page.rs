//! The page that lists all messages: `docs/messages.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use firefly_spec::model::{ArmKind, FieldKind, Item, ItemKind, Message, Model, Row, Section, Struct, Type, Union};

use super::samples::{Sample, Samples};

const INTRODUCTION: &str = "\
# The messages of Ceph Firefly

Every message that Ceph Firefly 0.80.7 can decode, by the file of the specification that describes it. This page is
made by `conformance/tests/completeness.rs`, which fails when it is out of date and makes it anew with
`INSTA_UPDATE=always`.

- **version**: the version and the compat that Firefly sends, then what it sends to older peers. A receiver has to
  understand the compat; it reads what it knows of newer versions.
- **reads**: the versions that are understood.
- **parts**: those of front, middle and data in which the message has fields.
- **samples**: how many were read and written again to the same bytes. Captures are real traffic, of which `mini-none`
  and `ipv6-none` are in `conformance/captures`; *corpus* are dumps that real daemons left. Values are made up of all
  messages; *generated* tells of those where that is all there is.
";

/// Compares the page with what it should be, or makes it anew if `INSTA_UPDATE` says so.
///
/// Without the samples beside the checkout the last column of its tables cannot be told and is left out.
pub(crate) fn check(samples: &Samples) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/messages.md");
    let page = page(samples);
    if samples.shared && env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &page).expect("docs can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let comparable = |page: &str| if samples.shared { page.to_owned() } else { without_samples(page) };
    let differs = comparable(&written) != comparable(&page);
    assert!(!differs, "docs/messages.md is out of date; run this with INSTA_UPDATE=always");
}

/// A page without the last column of its tables.
fn without_samples(page: &str) -> String {
    let line = |line: &str| match line.trim_end_matches('|').rsplit_once('|') {
        Some((rest, _)) if line.starts_with('|') => format!("{rest}|\n"),
        _ => format!("{line}\n"),
    };
    page.lines().map(line).collect()
}

fn page(samples: &Samples) -> String {
    let mut model = model();
    model.modules.sort_by(|a, b| a.name.cmp(&b.name));
    let none = Sample::default();
    let mut page = format!("{INTRODUCTION}\n{}", summary(samples));
    for module in &model.modules {
        let mut messages: Vec<_> = module.items.iter().filter_map(|item| Some((item, message(item)?))).collect();
        messages.sort_by_key(|(_, message)| message.number);
        if messages.is_empty() {
            continue;
        }
        let file = format!("{}.wire", module.name);
        let _ = writeln!(page, "\n## [{file}](../spec/protocol/{file})\n\n{}\n", about(&file));
        let mut table =
            Table::new(["#", "message", "what it says", "from → to", "version", "reads", "parts", "samples"]);
        for (item, message) in messages {
            let sample = u16::try_from(message.number).ok().and_then(|n| samples.by_number.get(&n)).unwrap_or(&none);
            table.row([
                message.number.to_string(),
                item.name.clone(),
                first_sentence(&item.docs.join(" ")),
                format!("{} → {}", message.senders.join(", "), message.receivers.join(", ")),
                sent(&model, message),
                read(&model, message),
                parts(&model, message),
                told(sample),
            ]);
        }
        page.push_str(&table.markdown());
    }
    page
}

/// How many messages have which samples.
fn summary(samples: &Samples) -> String {
    let count = |has: fn(&Sample) -> bool| samples.by_number.values().filter(|sample| has(sample)).count().to_string();
    let mut table = Table::new(["messages with samples", "how many"]);
    table.row(["in captures".to_owned(), count(|sample| !sample.captures.is_empty())]);
    table.row(["only in the corpus".to_owned(), count(|sample| sample.captures.is_empty() && sample.corpus > 0)]);
    table.row(["only generated".to_owned(), count(|sample| sample.captures.is_empty() && sample.corpus == 0)]);
    table.row(["all".to_owned(), count(|_| true)]);
    table.markdown()
}

fn told(sample: &Sample) -> String {
    let mut told: Vec<String> = sample.captures.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if sample.corpus > 0 {
        told.push(format!("*corpus* {}", sample.corpus));
    }
    if told.is_empty() {
        told.push(format!("*generated* {}", sample.generated));
    }
    told.join(", ")
}

fn protocol(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/protocol").join(file)
}

fn model() -> Model {
    firefly_spec::compile(&protocol("payload.wire")).expect("the specification").result.expect("no mistakes in it")
}

fn message(item: &Item) -> Option<&Message> {
    match &item.kind {
        ItemKind::Message(message) if message.older_of.is_none() => Some(message),
        _ => None,
    }
}

/// What a file says about itself at its top.
fn about(file: &str) -> String {
    let text = fs::read_to_string(protocol(file)).expect("a file of the specification");
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    lines.join("\n")
}

/// The first sentence, fit for a table.
fn first_sentence(docs: &str) -> String {
    let sentence = docs.split_once(". ").map_or(docs.to_owned(), |(first, _)| format!("{first}."));
    sentence.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

/// The rows of all versions, oldest first. Those of another type are that type's.
fn rows<'m>(model: &'m Model, message: &'m Message) -> Vec<&'m Row> {
    let older = message.body.older.as_ref().and_then(|older| model.item(&older.ty));
    let older = match older.map(|item| &item.kind) {
        Some(ItemKind::Message(older)) => older.body.versions.as_slice(),
        _ => &[],
    };
    older.iter().chain(&message.body.versions).collect()
}

/// Versions with their compat, as Firefly sends them: the usual one first.
fn sent(model: &Model, message: &Message) -> String {
    let rows = rows(model, message).into_iter().rev().filter(|row| !row.read_only);
    let rows: Vec<String> = rows.map(|row| format!("{}/{}", row.to, row.compat.unwrap_or(row.to))).collect();
    match rows.split_first() {
        Some((usual, [])) => usual.clone(),
        Some((usual, older)) => format!("{usual} ({})", older.join(", ")),
        None => "none".to_owned(),
    }
}

/// Versions that are read.
fn read(model: &Model, message: &Message) -> String {
    let rows = rows(model, message);
    let (oldest, newest) = (rows.iter().map(|row| row.from).min(), rows.iter().map(|row| row.to).max());
    match (oldest, newest) {
        (Some(oldest), Some(newest)) if oldest < newest => format!("{oldest}–{newest}"),
        (Some(only), _) => only.to_string(),
        (None, _) => "none".to_owned(),
    }
}

/// The parts in which a message has fields, at whatever depth.
fn parts(model: &Model, message: &Message) -> String {
    let mut sections = BTreeSet::new();
    for field in &message.body.fields {
        sections.insert(field.section);
    }
    apart(model, &message.body, &mut sections);
    let name = |section: &Section| match section {
        Section::Front => "front",
        Section::Middle => "middle",
        Section::Data => "data",
    };
    let names: Vec<&str> = sections.iter().map(name).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The parts to which fields of a struct are moved.
fn apart(model: &Model, body: &Struct, sections: &mut BTreeSet<Section>) {
    for field in body.fields.iter().filter(|_| body.apart) {
        sections.extend(field.apart);
        for form in &field.forms {
            if let FieldKind::Value(ty) = &form.kind {
                apart_of_type(model, ty, sections);
            }
        }
    }
}

fn apart_of_type(model: &Model, ty: &Type, sections: &mut BTreeSet<Section>) {
    match ty {
        Type::Struct(body) => apart(model, body, sections),
        Type::Union(union) => apart_of_union(model, union, sections),
        Type::Array(inner, _) | Type::List(inner, _) | Type::Set(inner, _) | Type::Option(inner, _) => {
            apart_of_type(model, inner, sections);
        }
        Type::Map(_, inner, _) | Type::Pairs(_, inner, _) | Type::Framed { inner, .. } => {
            apart_of_type(model, inner, sections);
        }
        Type::Named(name) => match model.item(name).map(|item| &item.kind) {
            Some(ItemKind::Struct(body)) => apart(model, body, sections),
            Some(ItemKind::Union(union)) => apart_of_union(model, union, sections),
            _ => {}
        },
        _ => {}
    }
}

fn apart_of_union(model: &Model, union: &Union, sections: &mut BTreeSet<Section>) {
    for arm in union.arms.iter().filter(|_| union.apart) {
        match &arm.kind {
            ArmKind::Fields(body) => apart(model, body, sections),
            ArmKind::Type(ty) => apart_of_type(model, ty, sections),
            ArmKind::Raw => {}
        }
    }
}

/// A table whose columns line up, except for the last.
struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    fn new(head: [&str; N]) -> Self {
        Table { rows: vec![head.map(str::to_owned)] }
    }

    fn row(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    fn markdown(&self) -> String {
        let mut rows = self.rows.clone();
        for column in 0..N - 1 {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3);
            for row in &mut rows {
                row[column] = format!("{:<width$}", row[column]);
            }
        }
        let rule = std::array::from_fn::<_, N, _>(|column| "-".repeat(rows[0][column].chars().count().max(3)));
        rows.insert(1, rule);
        rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect()
    }
}
