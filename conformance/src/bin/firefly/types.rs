//! `firefly types`: what the specification knows.

use std::fmt::Write;

use anstyle::Style;
use anyhow::{Result, anyhow};
use clap::Parser;
use firefly_conformance::corpus::{find, similar, types};
use firefly_runtime::codec::{FieldInfo, Kind, TypeInfo, VersionInfo};

use crate::{Status, output};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// List the types of the protocol, or show one of them
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The type to show, by its name here or in Ceph's source
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  firefly types
  firefly types entity_addr_t
  firefly types MOSDOp";

pub(crate) fn run(args: Args) -> Result<Status> {
    let text = match args.name {
        Some(name) => describe(by_name(&name)?),
        None => list(),
    };
    output::print(&text)?;
    Ok(Status::Good)
}

/// The type of that name, or what may have been meant.
pub(crate) fn by_name(name: &str) -> Result<&'static TypeInfo> {
    find(name).ok_or_else(|| {
        let similar = similar(name);
        let hint = if similar.is_empty() {
            "see `firefly types`".to_owned()
        } else {
            format!("did you mean {}?", similar.join(", "))
        };
        anyhow!("there is no type `{name}`; {hint}")
    })
}

fn list() -> String {
    let rows: Vec<[String; 5]> = types().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [name, cxx, kind, module] = [0, 1, 2, 3].map(width);
    let mut out = String::new();
    for [a, b, c, d, versions] in &rows {
        let line = format!("{a:name$}  {b:cxx$}  {c:kind$}  {d:module$}  {versions}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn row(info: &TypeInfo) -> [String; 5] {
    [info.name.to_owned(), info.cxx.unwrap_or("").to_owned(), kind(info.kind), info.module.to_owned(), versions(info)]
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Struct => "struct".to_owned(),
        Kind::Union => "union".to_owned(),
        Kind::Frame => "frame".to_owned(),
        Kind::Enum => "enum".to_owned(),
        Kind::Flags => "flags".to_owned(),
        Kind::Message { number, older: true, .. } => format!("message {number}, as it was"),
        Kind::Message { number, opaque: false, .. } => format!("message {number}"),
        Kind::Message { number, .. } => format!("message {number}, not described"),
    }
}

fn versions(info: &TypeInfo) -> String {
    match (info.versions.first(), info.versions.last()) {
        (Some(first), Some(last)) if first.from < last.to => format!("v{}..{}", first.from, last.to),
        (Some(only), _) => format!("v{}", only.from),
        _ => String::new(),
    }
}

fn describe(info: &TypeInfo) -> String {
    let mut out = String::new();
    let cxx = info.cxx.filter(|cxx| *cxx != info.name).map(|cxx| format!(" ({cxx})")).unwrap_or_default();
    let _ = writeln!(out, "{BOLD}{}{BOLD:#}{cxx}, {} of {}.wire", info.name, kind(info.kind), info.module);
    if let Some(source) = info.source {
        let _ = writeln!(out, "{DIM}{source}{DIM:#}");
    }
    if let Kind::Message { senders, receivers, .. } = info.kind {
        let _ = writeln!(out, "From {} to {}.", senders.join(", "), receivers.join(", "));
    }
    if !info.docs.is_empty() {
        let _ = writeln!(out, "\n{}", info.docs);
    }
    if !info.versions.is_empty() {
        let _ = writeln!(out, "\n{BOLD}Versions{BOLD:#}");
    }
    for VersionInfo { from, to, form, compat } in info.versions {
        let range = if from == to { from.to_string() } else { format!("{from}..{to}") };
        let compat = compat.map(|compat| format!(", compat {compat}")).unwrap_or_default();
        let _ = writeln!(out, "  {range:6}  {form}{compat}");
    }
    fields(&mut out, info.fields);
    if !info.members.is_empty() {
        let _ = writeln!(out, "\n{BOLD}Members{BOLD:#}");
    }
    let width = info.members.iter().map(|member| member.name.len()).max().unwrap_or(0);
    for member in info.members {
        let line = format!("  {:width$}  {:#x}  {DIM}{}{DIM:#}", member.name, member.value, one_line(member.docs));
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn fields(out: &mut String, fields: &[FieldInfo]) {
    if !fields.is_empty() {
        let _ = writeln!(out, "\n{BOLD}Fields{BOLD:#}");
    }
    let width = |of: fn(&FieldInfo) -> &str| fields.iter().map(|field| of(field).chars().count()).max().unwrap_or(0);
    let (name, ty) = (width(|field| field.name), width(|field| field.ty).min(40));
    let mut section = "front";
    for field in fields {
        if field.section != section {
            section = field.section;
            let _ = writeln!(out, "  {DIM}in {section}:{DIM:#}");
        }
        let line = format!("  {:name$}  {:ty$}  {}", field.name, field.ty, field.presence);
        let _ = writeln!(out, "{}", line.trim_end());
        for docs in field.docs.lines().filter(|line| !line.is_empty()) {
            let _ = writeln!(out, "  {:name$}    {DIM}{}{DIM:#}", "", docs.trim());
        }
    }
}

fn one_line(docs: &str) -> String {
    docs.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
