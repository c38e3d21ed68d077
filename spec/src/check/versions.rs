//! Version histories, and what speaks of versions (W080 to W089, W101).

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::lower::names::ItemId;
use crate::lower::scope::{Ordered, Scope, Scopes, Slot};
use crate::lower::value::range;
use crate::span::Span;
use crate::syntax::{FieldForm, Form, Header, IntType, Item, ItemKind, Older, Order, Row, Section};

pub(super) fn check(program: &Program, diagnostics: &mut Vec<Diagnostic>) {
    for (id, item) in program.names.items() {
        let scopes = program.scopes(id);
        let order = program.names.order(id.module);
        let opaque = match &item.kind {
            ItemKind::Message(message) if message.body.is_none() => Some(&message.header),
            _ => None,
        };
        let newer = program.newer(id).and_then(|newer| header_of(program.names.item(newer)));
        for header in scopes.scopes.iter().filter_map(|scope| scope.header).chain(opaque) {
            rows(header, newer.unwrap_or(header), order, diagnostics);
            if let Some(older) = &header.older {
                diagnostics.extend(older_alone(older, header, order));
                diagnostics.extend(older_type(program, id, older));
            }
        }
        for (place, slot) in scopes.slots() {
            let header = scopes.header(place.scope);
            slot.field.forms.iter().for_each(|form| spoken(form, header, diagnostics));
        }
        for (at, scope) in scopes.scopes.iter().enumerate() {
            orders(scopes, at, scope, diagnostics);
        }
    }
}

/// The version history of an item.
fn header_of(item: &Item) -> Option<&Header> {
    match &item.kind {
        ItemKind::Struct(body) => body.header.as_ref(),
        ItemKind::Message(message) => Some(&message.header),
        _ => None,
    }
}

/// What is wrong with a row of versions that are another type, seen from the other rows.
fn older_alone(older: &Older, header: &Header, order: Order) -> Option<Diagnostic> {
    if older.from > older.to {
        return Some(Diagnostic::new(Code::RowsOverlap, older.span, "the row ends before it begins"));
    }
    if let Some(row) = header.rows.iter().find(|row| row.from <= older.to) {
        let message = "rows go from old versions to new ones, and no version has two";
        return Some(Diagnostic::new(Code::RowsOverlap, row.span, message).also(older.span, "the row before"));
    }
    if older.read_only == older.when.is_some() {
        let message = "an older type is either `read only` or written under a condition";
        return Some(Diagnostic::new(Code::NoDefaultRow, older.span, message));
    }
    let row = header.rows.iter().find(|row| !starts_with_version(row, order))?;
    let message = "a reader finds the row by its first byte, which is not the version here";
    Some(Diagnostic::new(Code::RowsAmbiguous, row.span, message))
}

/// What is wrong with the type that older versions are (W089).
fn older_type(program: &Program, id: ItemId, older: &Older) -> Option<Diagnostic> {
    let other = program.names.lookup(id.module, &older.name.name)?;
    let (newer, item) = (program.names.item(id), program.names.item(other));
    let name = &older.name.name;
    let in_message = matches!(newer.kind, ItemKind::Message(_));
    let fits = match &item.kind {
        ItemKind::Struct(_) => !in_message,
        ItemKind::Message(message) => in_message && message.body.is_some() && other != id,
        _ => false,
    };
    let header = header_of(item).filter(|_| fits);
    let message = match header {
        _ if matches!(newer.kind, ItemKind::Frame(_) | ItemKind::FrameUnion(_)) => {
            "a frame has no older types, which nobody could measure".to_owned()
        }
        None if in_message => format!("`{name}` is no message with versions"),
        None => format!("`{name}` is no struct with versions"),
        Some(header) => {
            let rows = &header.rows;
            let from = header.older.as_ref().map(|older| older.from).or(rows.iter().map(|row| row.from).min());
            let to = rows.iter().map(|row| row.to).max();
            let order = program.names.order(other.module);
            if (from, to) != (Some(older.from), Some(older.to)) {
                format!("`{name}` has not just the versions {} to {}", older.from, older.to)
            } else if rows.iter().any(|row| !starts_with_version(row, order)) {
                format!("`{name}` does not start with a byte that tells the version")
            } else {
                return None;
            }
        }
    };
    Some(Diagnostic::new(Code::OlderType, older.name.span, message).also(item.name.span, "declared here"))
}

fn rows(header: &Header, newer: &Header, order: Order, diagnostics: &mut Vec<Diagnostic>) {
    let newest = newer.rows.iter().map(|row| row.to).max().unwrap_or_default();
    for (at, row) in header.rows.iter().enumerate() {
        row_alone(row, newest, diagnostics);
        if let Some(before) = at.checked_sub(1).map(|at| &header.rows[at])
            && row.from <= before.to
        {
            let message = "rows go from old versions to new ones, and no version has two";
            diagnostics.push(Diagnostic::new(Code::RowsOverlap, row.span, message).also(before.span, "the row before"));
        }
        if header.rows.len() > 1 && !starts_with_version(row, order) {
            let message = "a reader finds the row by its first byte, which is not the version here";
            diagnostics.push(Diagnostic::new(Code::RowsAmbiguous, row.span, message));
        }
    }
    let unconditional: Vec<&Row> = header.rows.iter().filter(|row| !row.read_only && row.when.is_none()).collect();
    match unconditional.as_slice() {
        [_] => {}
        [] => diagnostics.push(Diagnostic::new(
            Code::NoDefaultRow,
            header.span,
            "every row has a condition or is never written, so a writer may find none",
        )),
        [first, second, ..] => diagnostics.push(
            Diagnostic::new(Code::NoDefaultRow, second.span, "a second row without a condition is never written")
                .also(first.span, "the first one")
                .help("add `when …` or `read only`"),
        ),
    }
}

fn row_alone(row: &Row, newest: u32, diagnostics: &mut Vec<Diagnostic>) {
    if row.from > row.to {
        let message = "the row ends before it begins";
        diagnostics.push(Diagnostic::new(Code::RowsOverlap, row.span, message));
    }
    let byte = IntType { bits: 8, signed: false, order: None };
    let int = match row.form {
        Form::Envelope => byte,
        Form::Lead(int) => int,
        Form::Message => IntType { bits: 16, ..byte },
    };
    if !range(int).contains(&row.to.into()) {
        let message = format!("version {} does not fit the {} bits it is written with", row.to, int.bits);
        diagnostics.push(Diagnostic::new(Code::ValueTooLarge, row.span, message));
    }
    if row.compat.is_none() && !matches!(row.form, Form::Lead(_)) {
        let message = "this version needs the oldest version whose reader understands it";
        diagnostics.push(Diagnostic::new(Code::CompatMissing, row.span, message).help("add `compat N`"));
    }
    for compat in row.compat.iter().chain(row.compat_when.iter().map(|(compat, _)| compat)) {
        if *compat > newest {
            let message = format!("compat {compat} is above the newest version {newest}");
            diagnostics.push(Diagnostic::new(Code::CompatTooHigh, row.span, message));
        }
    }
}

/// Whether the first byte tells the version.
fn starts_with_version(row: &Row, order: Order) -> bool {
    match row.form {
        Form::Envelope | Form::Message => true,
        Form::Lead(int) => row.to < 256 && (int.bits == 8 || int.order.unwrap_or(order) == Order::Little),
    }
}

fn spoken(form: &FieldForm, header: Option<&Header>, diagnostics: &mut Vec<Diagnostic>) {
    for (version, span) in form.since.iter().chain(&form.until) {
        within(*version, *span, header, diagnostics);
    }
    if let (Some((since, span)), Some((until, _))) = (form.since, form.until)
        && since > until
    {
        let message = format!("no version is both since {since} and until {until}");
        diagnostics.push(Diagnostic::new(Code::VersionOutOfRange, span, message));
    }
}

fn within(version: u32, span: Span, header: Option<&Header>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(header) = header else {
        let message = "there is no version here to speak of";
        diagnostics.push(Diagnostic::new(Code::VersionWithout, span, message));
        return;
    };
    let oldest = header.rows.iter().map(|row| row.from).min().unwrap_or_default();
    let newest = header.rows.iter().map(|row| row.to).max().unwrap_or_default();
    if !(oldest..=newest).contains(&version) {
        let message = format!("there is no version {version}, only {oldest} to {newest}");
        diagnostics.push(Diagnostic::new(Code::VersionOutOfRange, span, message).also(header.span, "see here"));
    }
}

fn orders(scopes: &Scopes, at: usize, scope: &Scope, diagnostics: &mut Vec<Diagnostic>) {
    for (index, order) in scope.orders.iter().enumerate() {
        let (first, last) = (*order.versions.start(), *order.versions.end());
        within(first, order.span, scopes.header(at), diagnostics);
        if first < last {
            within(last, order.span, scopes.header(at), diagnostics);
        } else if last < first {
            let message = "the versions end before they begin";
            diagnostics.push(Diagnostic::new(Code::VersionOutOfRange, order.span, message));
        }
        let shares = |other: &&Ordered| {
            let versions = &other.versions;
            other.section == order.section && *versions.start() <= last && first <= *versions.end()
        };
        if let Some(other) = scope.orders[..index].iter().find(shares) {
            let message = "a version has one order";
            diagnostics.push(Diagnostic::new(Code::OrderTwice, order.span, message).also(other.span, "the first one"));
        }
        diagnostics.extend((first..=last).find_map(|version| disordered(scope, version, order)));
    }
}

/// What is wrong with the order of one version.
fn disordered(scope: &Scope, version: u32, order: &Ordered) -> Option<Diagnostic> {
    let fields: Vec<&str> =
        fields_of(scope, version, order.section).map(|slot| slot.field.name.name.as_str()).collect();
    let strange = order.fields.iter().enumerate().find(|(at, name)| {
        !fields.contains(&name.name.as_str()) || order.fields[..*at].iter().any(|before| before.name == name.name)
    });
    if let Some((_, name)) = strange {
        let message = format!("`{}` is no field of version {version}, or stands here twice", name.name);
        return Some(Diagnostic::new(Code::OrderIncomplete, name.span, message));
    }
    let left_out = fields.iter().find(|field| order.fields.iter().all(|name| name.name != **field))?;
    let message = format!("`{left_out}` is left out, which version {version} has");
    Some(Diagnostic::new(Code::OrderIncomplete, order.span, message))
}

/// The fields of a section that a version has.
fn fields_of<'s>(scope: &'s Scope, version: u32, section: Section) -> impl Iterator<Item = &'s Slot<'s>> {
    scope.slots.iter().filter(move |slot| {
        slot.section == section
            && slot.field.forms.iter().any(|form| {
                form.since.is_none_or(|(since, _)| since <= version)
                    && form.until.is_none_or(|(until, _)| version <= until)
            })
    })
}
