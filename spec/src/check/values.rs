//! Numbers that must differ or fit (W020, W021, W026, W100, W101, W102).

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::lower::Program;
use crate::lower::names::duplicate;
use crate::lower::value::{name_of, range, too_large};
use crate::model::{self, Model};
use crate::syntax::{IntType, Item, ItemKind, Member, Union};

/// The checksum algorithms there are, with the bits of their results.
const ALGORITHMS: &[(&str, u32)] = &[("crc32c", 32)];

pub(super) fn check(program: &Program, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    for (id, item) in program.names.items() {
        match &item.kind {
            ItemKind::Enum { repr, members, .. } | ItemKind::Flags { repr, members } => {
                members_of(*repr, members, true, diagnostics);
            }
            ItemKind::Features { repr, members } => members_of(*repr, members, false, diagnostics),
            ItemKind::Checksum { .. } => diagnostics.extend(checksum(item)),
            _ => {}
        }
        for choice in &program.scopes(id).choices {
            arms(choice.choice, diagnostics);
        }
    }
    for item in model.modules.iter().flat_map(|module| &module.items) {
        if let model::ItemKind::Messages { numbers, members } = &item.kind {
            messages(model, item, numbers, members, diagnostics);
        }
    }
}

/// Members with their names and numbers; features may share a bit.
fn members_of(repr: IntType, members: &[Member], distinct: bool, diagnostics: &mut Vec<Diagnostic>) {
    let mut names: HashMap<&str, &Member> = HashMap::new();
    let mut numbers: HashMap<i128, &Member> = HashMap::new();
    for member in members {
        let span = member.name.span;
        if !range(repr).contains(&member.value) {
            diagnostics.push(too_large(span, member.value, &format!("`{}`", name_of(repr))));
        }
        if let Some(first) = names.insert(&member.name.name, member) {
            diagnostics.push(duplicate(&member.name, &first.name));
        } else if let Some(first) = numbers.insert(member.value, member)
            && distinct
        {
            let message = format!("`{}` and `{}` have the same value", first.name.name, member.name.name);
            diagnostics
                .push(Diagnostic::new(Code::DuplicateValue, span, message).also(first.name.span, "the first one"));
        }
    }
}

fn checksum(item: &Item) -> Option<Diagnostic> {
    let ItemKind::Checksum { algorithm, init, xorout } = &item.kind else { return None };
    let Some((_, bits)) = ALGORITHMS.iter().find(|(name, _)| *name == algorithm.name) else {
        let message = format!("there is no checksum algorithm `{}`", algorithm.name);
        let known: Vec<&str> = ALGORITHMS.iter().map(|(name, _)| *name).collect();
        return Some(
            Diagnostic::new(Code::UnknownName, algorithm.span, message).help(format!("there is {}", known.join(", "))),
        );
    };
    let wide = [*init, *xorout].into_iter().find(|number| number.checked_shr(*bits).is_some_and(|high| high != 0))?;
    Some(too_large(item.name.span, wide.into(), &format!("{bits} bits")))
}

/// The names of arms, and that `else` comes last.
fn arms(choice: &Union, diagnostics: &mut Vec<Diagnostic>) {
    for (at, arm) in choice.arms.iter().enumerate() {
        if let Some(first) = choice.arms[..at].iter().find(|first| first.name.name == arm.name.name) {
            diagnostics.push(duplicate(&arm.name, &first.name));
        }
        if arm.values.is_empty() && at + 1 < choice.arms.len() {
            let message = "`else` takes what the arms behind it would";
            diagnostics.push(Diagnostic::new(Code::ElseTwice, arm.span, message).help("move it to the end"));
        }
    }
}

/// That the messages of some modules have different numbers, all of them known.
fn messages(
    model: &Model,
    item: &model::Item,
    numbers: &str,
    members: &[(String, String, u64)],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(model::ItemKind::Enum { members: known, .. }) = model.item(numbers).map(|item| &item.kind) else { return };
    let mut first: HashMap<u64, &str> = HashMap::new();
    for (_, name, number) in members {
        let span = model.item(name).map_or(item.span, |message| message.span);
        if let Some(other) = first.insert(*number, name) {
            let message = format!("`{other}` and `{name}` have the same number {number}");
            diagnostics.push(Diagnostic::new(Code::DuplicateValue, span, message).also(item.span, "in this set"));
        }
        if known.iter().all(|member| member.value != *number) {
            let message = format!("`{numbers}` has no member {number}, the number of `{name}`");
            diagnostics.push(Diagnostic::new(Code::UnknownMember, span, message).also(item.span, "in this set"));
        }
    }
}
