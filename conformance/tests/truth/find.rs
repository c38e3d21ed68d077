//! Finding a value in a decoded object, and making of it what a dump shows.

use firefly_conformance::corpus;
use firefly_runtime::codec::{TypeInfo, hex};
use serde_json::{Value, json};

use super::forms;
use super::rules::Source;

/// Members whose own members Ceph's dumps show as if they were those of the whole.
const WITHIN: [&str; 9] = ["message", "client", "osd", "extended", "impl", "filter", "inode", "query", "mask"];

/// Where one is in a decoded object.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The whole object.
    pub(crate) root: &'a Value,
    /// The part in which names are looked up.
    pub(crate) here: &'a Value,
    /// What that was found in.
    pub(crate) around: &'a Value,
    /// The position in the innermost list.
    pub(crate) index: usize,
}

impl Scope<'_> {
    /// The value of a source, if it is there.
    ///
    /// A path has names, `[i]` for the element at the same position as in the innermost list of the dump, `[0]` for
    /// the first, and `@key`, `@value` for the sides of a map's entry. `@index` is the position itself, `.` the value
    /// one is at. With `/` in front it begins at the whole object, with `^` at what the value was found in.
    pub(crate) fn find(&self, source: &Source) -> Option<Value> {
        let value = match source.path.split_once(" & ") {
            Some((first, more)) => {
                let more = more.split(" & ").map(|path| self.at(path)).collect::<Option<Vec<_>>>()?;
                list(&self.at(first)?)?.iter().cloned().chain(more).collect()
            }
            None => self.at(&source.path)?,
        };
        match &source.made {
            None => Some(value),
            // The name of a number, in a map of the whole object.
            Some((word, path)) if word == "in" => {
                let map = Scope { here: self.root, ..*self }.at(path)?;
                let entry = list(&map)?.iter().find(|entry| entry["key"] == value)?;
                Some(entry["value"].clone())
            }
            Some((word, with)) => made(&value, word, with),
        }
    }

    fn at(&self, path: &str) -> Option<Value> {
        let (start, path) = match path.split_at_checked(1) {
            Some(("/", path)) => (self.root, path),
            Some(("^", path)) => (self.around, path),
            _ => (self.here, path),
        };
        path.split('.').filter(|step| !step.is_empty()).try_fold(start.clone(), |value, step| match step {
            "@index" => Some(self.index.into()),
            "[i]" => list(&value)?.get(self.index).cloned(),
            "[0]" => list(&value)?.first().cloned(),
            "@key" | "@value" => is_entry(&value).then(|| value[&step[1..]].clone()),
            name => member(&value, name).cloned(),
        })
    }
}

/// A name without what spellings differ in.
pub(crate) fn plain(name: &str) -> String {
    let name = ["m_", "fl_", "dl_"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The member of that name, also of what lies in a frame, in the arm of a union or on a side of a map's entry.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    let through = |inner: &'a Value| member(inner, name);
    if is_entry(value) {
        return through(&members["value"]).or_else(|| through(&members["key"]));
    }
    let found = members.iter().find(|(known, _)| plain(known) == plain(name)).map(|(_, value)| value);
    let within = |name: &&String| members.len() == 1 || WITHIN.contains(&name.as_str());
    found.or_else(|| members.keys().filter(within).find_map(|name| through(&members[name.as_str()])))
}

/// Whether the value is an entry of a map.
pub(crate) fn is_entry(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.keys().eq(["key", "value"]))
}

/// The elements of a list, also in a frame.
pub(crate) fn list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        Value::Object(members) if members.len() == 1 => members.get("value").and_then(list),
        _ => None,
    }
}

/// What a word makes of a value.
fn made(value: &Value, word: &str, with: &str) -> Option<Value> {
    let number = || value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned));
    Some(match word {
        // The length of bytes, or the number of elements.
        "length" => match value {
            Value::String(digits) => (digits.len() / 2).into(),
            value => list(value)?.len().into(),
        },
        "numbers" => hex::decode(value.as_str()?).ok()?.into(),
        "hex" => format!("{:x}", number()?).into(),
        "snap" => forms::snap(number()?).into(),
        "part_of" => (value.as_f64()? / with.parse::<f64>().ok()?).into(),
        // The first power of two that does not fit so many bits.
        "power" => (1_u64 << list(value)?.len()).into(),
        "has" => (number()? & u64::from_str_radix(with, 16).ok()? != 0).into(),
        "not" => (number()? == 0).into(),
        "false" => (value == false).into(),
        "empty" => list(value)?.is_empty().then_some("{}")?.into(),
        "places" => (0..number()?).collect(),
        "is_some" => (!value.is_null()).into(),
        // The elements of a list that are not empty places.
        "present" => list(value)?.iter().filter(|item| *item != "None").cloned().collect(),
        // The entries of a map, with the lengths of their values.
        "lengths" => {
            let entry =
                |entry: &Value| Some(json!({ "key": entry["key"], "value": made(&entry["value"], "length", "")? }));
            list(value)?.iter().map(entry).collect::<Option<_>>()?
        }
        "values" => list(value)?.iter().map(|entry| entry["value"].clone()).collect(),
        // A value of each element, with commas.
        "each" => {
            let texts = list(value)?.iter().map(|item| forms::texts(member(item, with)?).into_iter().next());
            texts.collect::<Option<Vec<_>>>()?.join(",").into()
        }
        // Words for numbers: `0=none 1=some`.
        "words" => {
            let text = forms::texts(value).into_iter().next()?;
            let mut words = with.split(' ').filter_map(|word| word.split_once('='));
            words.find(|(number, _)| *number == text)?.1.into()
        }
        // The name of the arm of a union, with other words for how it begins.
        "arm" => {
            let name = snake(arm(value)?);
            let mut words = with.split(' ').filter_map(|word| word.split_once('='));
            let other = words.find_map(|(begin, other)| Some(other.to_owned() + name.strip_prefix(begin)?));
            other.unwrap_or(name).into()
        }
        // The elements up to the first of that arm.
        "through" => {
            let items = list(value)?;
            let end = items.iter().position(|item| arm(item) == Some(with)).map_or(items.len(), |at| at + 1);
            items[..end].into()
        }
        // The name of a number, or another name if it has none.
        "enum" => {
            let (ty, none) = with.split_once(' ').unzip();
            let (ty, number) = (ty.unwrap_or(with), number()?);
            let name = info(ty).members.iter().find(|member| member.value == number).map(|member| member.name);
            name.or(none)?.to_lowercase().into()
        }
        // The names of the bits that are set, or another name if there are none.
        "flags" => {
            let (ty, none) = with.split_once(' ').unwrap_or((with, ""));
            let bits = number()?;
            if bits == 0 {
                return Some(none.into());
            }
            let set = info(ty).members.iter().filter(|member| bits & member.value != 0);
            json!({ "names": set.map(|member| member.name.to_lowercase()).collect::<Vec<_>>() })
        }
        _ => panic!("`{word}` is no word"),
    })
}

/// The arm of a union.
fn arm(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.as_object()?.keys().next().map(String::as_str))
}

/// A name such as `HitSet` as `hit_set`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        snake.extend((c.is_ascii_uppercase() && !snake.is_empty()).then_some('_'));
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

fn info(name: &str) -> &'static TypeInfo {
    corpus::find(name).unwrap_or_else(|| panic!("there is no type {name}"))
}
