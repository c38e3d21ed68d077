//! The tree as text, for people.

use std::fmt::Write as _;

use firefly_spec::model::{Form, Section};

use super::tree::{Dissection, Node, Note, Role, Value, hex};

/// How many raw bytes a line shows.
const RAW: usize = 8;

/// How many bytes or characters of a value a line shows.
const LONG: usize = 48;

/// One line for each field: where, which bytes, what it is called, its type, what it means.
///
/// ```text
/// MonMap  envelope v3 compat 3, 183 bytes
/// 0000  03                        struct_v       u8        3
/// 0006  35 4d 53 47 f9 fb 4c 8f…  fsid           Uuid      354d5347-f9fb-4c8f-…
/// 0016  01 00 00 00               epoch          u32       1
/// ```
///
/// Offsets are hexadecimal; those in other parts of a message than the front say so. A count or length in front of a value stands on the
/// value's line. The last line tells why the dissection ended early, if it did.
pub fn render(dissection: &Dissection) -> String {
    let root = &dissection.root;
    let mut rows = Vec::new();
    if root.children.is_empty() {
        rows.push(Row::new(root, 0));
    }
    root.children.iter().for_each(|child| collect(child, 0, &mut rows));
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (at, raw) = (width(|row| &row.at), width(|row| &row.raw));
    let (name, ty) = (width(|row| &row.name), width(|row| &row.ty).min(LONG));
    let mut text = title(dissection);
    for row in &rows {
        let line = format!("{:at$}  {:raw$}  {:name$}  {:ty$}  {}", row.at, row.raw, row.name, row.ty, row.value);
        text.push('\n');
        text.push_str(line.trim_end());
    }
    if let Some(problem) = &dissection.problem {
        // Writing to a string does not fail.
        let _ = write!(text, "\n!! {problem}");
    }
    text.push('\n');
    text
}

struct Row {
    at: String,
    raw: String,
    name: String,
    ty: String,
    value: String,
}

impl Row {
    fn new(node: &Node, depth: usize) -> Self {
        let section = match node.section {
            Section::Front => "",
            Section::Middle => "middle+",
            Section::Data => "data+",
        };
        let name = match node.role {
            Role::Rest => format!("({})", node.name),
            _ => node.name.clone(),
        };
        let value = [value(node), note(node)].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        Row {
            at: format!("{section}{:04x}", node.offset),
            raw: raw(own(node)),
            name: format!("{:indent$}{name}", "", indent = depth.saturating_mul(2)),
            ty: node.ty.clone(),
            value: value.join("  "),
        }
    }
}

fn collect(node: &Node, depth: usize, rows: &mut Vec<Row>) {
    let mut row = Row::new(node, depth);
    if let Some(only) = only(node) {
        let inner = Row::new(only, depth);
        (row.raw, row.value) = (inner.raw, inner.value);
        if let (Value::Bytes(bytes), "Uuid") = (&only.value, node.ty.as_str()) {
            row.value = uuid(bytes);
        }
        return rows.push(row);
    }
    rows.push(row);
    let inside = node.children.iter().filter(|child| child.role != Role::Prefix);
    inside.for_each(|child| collect(child, depth.saturating_add(1), rows));
}

/// The only field of a node, if it says everything.
fn only<'n, 'a>(node: &'n Node<'a>) -> Option<&'n Node<'a>> {
    match node.children.as_slice() {
        [only] if only.role == Role::Field && only.children.is_empty() && node.value == Value::Nothing => Some(only),
        _ => None,
    }
}

/// The bytes that no other line shows.
fn own<'a>(node: &Node<'a>) -> &'a [u8] {
    if node.children.is_empty() {
        return node.raw;
    }
    let prefix: usize =
        node.children.iter().take_while(|child| child.role == Role::Prefix).map(|child| child.raw.len()).sum();
    node.raw.get(..prefix).unwrap_or_default()
}

fn raw(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(RAW).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > RAW { " …" } else { "" };
    shown.join(" ") + more
}

fn value(node: &Node) -> String {
    match &node.value {
        Value::Nothing => String::new(),
        Value::Number { number, name: Some(name) } if node.ty != "bool" => format!("{name} ({number})"),
        Value::Number { name: Some(name), .. } => name.clone(),
        Value::Number { number, name: None } => number.to_string(),
        Value::Checksum(number) => format!("{number:#010x}"),
        Value::Flags { bits: 0, .. } => "none (0x0)".to_owned(),
        Value::Flags { bits, names } => format!("{} ({bits:#x})", names.join("|")),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => quoted(text),
        Value::Bytes(bytes) => these(bytes),
        Value::Elements(1) => "1 entry".to_owned(),
        Value::Elements(count) => format!("{count} entries"),
        Value::Arm(name) => format!("as {name}"),
        Value::Present(true) => "present".to_owned(),
        Value::Present(false) => "none".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(LONG).collect();
    let more = if shown.len() < text.len() { format!("… ({} bytes)", text.len()) } else { String::new() };
    format!("{shown:?}{more}")
}

fn these(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        _ if bytes.is_empty() => "empty".to_owned(),
        _ if bytes.len() > RAW && bytes.iter().all(|byte| *byte == 0) => format!("{} bytes of zero", bytes.len()),
        Ok(text) if !text.chars().any(char::is_control) => quoted(text),
        _ if bytes.len() <= LONG / 2 => hex(bytes),
        _ => format!("{}… ({} bytes)", hex(bytes.get(..LONG / 2).unwrap_or_default()), bytes.len()),
    }
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = hex(bytes);
    for at in [20, 16, 12, 8] {
        if text.is_char_boundary(at) {
            text.insert(at, '-');
        }
    }
    text
}

fn note(node: &Node) -> String {
    match &node.note {
        None => String::new(),
        Some(Note::Version { version, compat, form }) => {
            let word = match form {
                Form::Envelope => "envelope ",
                Form::Lead(_) | Form::Message => "",
            };
            let compat = compat.map(|compat| format!(" compat {compat}")).unwrap_or_default();
            format!("{word}v{version}{compat}")
        }
        Some(Note::Matches) => "ok".to_owned(),
        Some(Note::Differs(computed)) if matches!(node.value, Value::Checksum(_)) => {
            format!("WRONG, should be {computed:#010x}")
        }
        Some(Note::Differs(actual)) => format!("WRONG, should be {actual}"),
        Some(Note::Exempt) => "not computed".to_owned(),
        Some(Note::Unchecked) => "not checked".to_owned(),
    }
}

fn title(dissection: &Dissection) -> String {
    let [front, middle, data] = dissection.lengths;
    let parts = [(middle, "middle"), (data, "data")].into_iter().filter(|(length, _)| *length > 0);
    let parts = parts.map(|(length, name)| format!(", {name} {length} bytes")).collect::<String>();
    let front_word = if parts.is_empty() { "" } else { "front " };
    let about = [note(&dissection.root), format!("{front_word}{front} bytes")];
    let about = about.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    format!("{}  {about}{parts}", dissection.root.ty)
}
