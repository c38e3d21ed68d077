//! The texts that Ceph prints for values, told apart by the shape of the value.

use std::net::{Ipv4Addr, Ipv6Addr};

use firefly_runtime::codec::hex;
use serde_json::{Map, Value};

/// Snapshots with a name.
const SNAPS: [(u64, &str); 2] = [(u64::MAX - 1, "head"), (u64::MAX, "snapdir")];
const NO_SHARD: u64 = 255;
const ENTITIES: [(u64, &str); 5] = [(1, "mon"), (2, "mds"), (4, "osd"), (8, "client"), (32, "auth")];

/// Whether Ceph prints the value like this somewhere.
pub(crate) fn is(value: &Value, text: &str) -> bool {
    is_names(value, text)
        || texts(value).iter().any(|known| known == text.trim_end())
        || as_float(value).zip(text.parse().ok()).is_some_and(near)
}

/// Names of flags may stand in any order.
fn is_names(value: &Value, text: &str) -> bool {
    let Some(names) = value.get("names").and_then(Value::as_array) else { return false };
    let said = text.split(['+', ',']).filter(|name| !name.is_empty());
    said.clone().count() == names.len() && said.clone().all(|name| names.iter().any(|known| known == name))
}

/// Floats are printed with six digits.
fn near((value, text): (f64, f64)) -> bool {
    (value - text).abs() <= 1e-6 * value.abs().max(1.0)
}

fn as_float(value: &Value) -> Option<f64> {
    value.as_number().filter(|number| number.is_f64())?.as_f64()
}

/// All texts that Ceph prints for a value in one place or another.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => vec![String::new()],
        Value::Bool(set) => {
            let texts = if *set { ["1", "true", "yes"] } else { ["0", "false", "no"] };
            texts.map(str::to_owned).into()
        }
        Value::Number(number) => {
            let mut texts = vec![number.to_string()];
            texts.extend(number.as_u64().map(|n| n.cast_signed().to_string()));
            texts.extend(number.as_i64().map(|n| n.cast_unsigned().to_string()));
            texts.extend(number.as_u64().and_then(|n| u32::try_from(n).ok()).map(|n| n.cast_signed().to_string()));
            texts
        }
        // Bytes may be printed as text, up to a zero.
        Value::String(text) => {
            let bytes = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let bytes = bytes.map(|bytes| bytes.split('\0').next().unwrap_or_default().to_owned());
            std::iter::once(text.clone()).chain(bytes).collect()
        }
        // Snapshots are in hexadecimal, offsets are not.
        Value::Array(items) => [false, true].into_iter().filter_map(|hex| list(items, hex)).collect(),
        Value::Object(members) => object(members).into_iter().collect(),
    }
}

/// A set of ranges, or a list of numbers.
fn list(items: &[Value], hex: bool) -> Option<String> {
    let item = |item: &Value| match item {
        Value::Object(range) => match range.values().map(Value::as_u64).collect::<Option<Vec<_>>>()?[..] {
            [start, length] if hex => Some(format!("{start:x}~{length:x}")),
            [start, length] => Some(format!("{start}~{length}")),
            _ => None,
        },
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(format!("[{}]", items.iter().map(item).collect::<Option<Vec<_>>>()?.join(",")))
}

fn object(members: &Map<String, Value>) -> Option<String> {
    let names: Vec<&str> = members.keys().map(String::as_str).collect();
    let get = |name: &str| members.get(name).unwrap_or(&Value::Null);
    let number = |name: &str| get(name).as_u64();
    let text = |name: &str| texts(get(name)).into_iter().next();
    match names[..] {
        ["tv_sec", "tv_nsec"] => Some(time(number("tv_sec")?, number("tv_nsec")?)),
        ["version", "epoch"] => Some(format!("{}'{}", number("epoch")?, number("version")?)),
        ["m_pool", "m_seed", ..] => {
            let preferred = get("m_preferred").as_u64().map(|osd| format!("p{osd}")).unwrap_or_default();
            Some(format!("{}.{:x}{preferred}", number("m_pool")?, number("m_seed")?))
        }
        ["pgid", "shard"] => {
            let shard = number("shard").filter(|shard| *shard != NO_SHARD);
            Some(text("pgid")? + &shard.map(|shard| format!("s{shard}")).unwrap_or_default())
        }
        ["osd", "shard"] => {
            let shard = number("shard").filter(|shard| *shard != NO_SHARD);
            Some(text("osd")? + &shard.map(|shard| format!("({shard})")).unwrap_or_default())
        }
        ["uuid"] => uuid(get("uuid").as_str()?),
        ["type", "num"] => {
            let ty = number("type")?;
            let name = ENTITIES.iter().find(|(number, _)| *number == ty).map_or("unknown", |(_, name)| name);
            Some(format!("{name}.{}", get("num").as_i64().filter(|n| *n >= 0).map_or("?".into(), |n| n.to_string())))
        }
        ["str", "type", "pgid", "snap"] => text("str"),
        // A whole directory.
        ["ino", "frag"] if number("frag")? >> 24 == 0 => Some(format!("{:x}", number("ino")?)),
        ["name", "tid", "inc"] => Some(format!("{}.{}:{}", text("name")?, text("inc")?, text("tid")?)),
        ["name", "tid"] => Some(format!("{}:{}", text("name")?, text("tid")?)),
        ["name", "addr"] => Some(format!("{} {}", text("name")?, text("addr")?)),
        ["type", "nonce", "addr"] => Some(format!("{}/{}", text("addr")?, text("nonce")?)),
        ["Ipv4"] | ["Ipv6"] | ["Other"] => socket(members),
        ["key", "oid", "snap", "hash", "max", "nspace", "pool", ..] => object_name(members),
        ["oid", "snap"] => Some(format!("{}/{}", text("oid")?, snap(number("snap")?))),
        _ => None,
    }
}

/// Up to ten years are an interval; the rest are dates.
fn time(seconds: u64, nanoseconds: u64) -> String {
    let fraction = nanoseconds / 1000;
    if seconds < 60 * 60 * 24 * 365 * 10 {
        return format!("{seconds}.{fraction:06}");
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{fraction:06}")
}

/// The day so many days after 1970-01-01, in years that begin with March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (calendar_month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + later, calendar_month, day - (153 * month + 2) / 5 + 1)
}

fn uuid(digits: &str) -> Option<String> {
    let part = |range: std::ops::Range<usize>| digits.get(range);
    Some([part(0..8)?, part(8..12)?, part(12..16)?, part(16..20)?, part(20..32)?].join("-"))
}

fn socket(members: &Map<String, Value>) -> Option<String> {
    let (kind, inner) = members.iter().next()?;
    let port = || inner["port"].as_u64();
    let octets = || hex::decode(inner["addr"].as_str()?).ok();
    match kind.as_str() {
        "Ipv4" => Some(format!("{}:{}", Ipv4Addr::from(<[u8; 4]>::try_from(octets()?).ok()?), port()?)),
        "Ipv6" => Some(format!("[{}]:{}", Ipv6Addr::from(<[u8; 16]>::try_from(octets()?).ok()?), port()?)),
        // Without an address family.
        _ => Some(":".to_owned()),
    }
}

/// Snapshots are numbers in hexadecimal, but for two.
pub(crate) fn snap(number: u64) -> String {
    SNAPS.iter().find(|(known, _)| *known == number).map_or(format!("{number:x}"), |(_, name)| (*name).to_owned())
}

fn object_name(members: &Map<String, Value>) -> Option<String> {
    if members["max"] == true {
        return Some("MAX".to_owned());
    }
    let text = |name: &str| members[name].as_str();
    let key = text("key").filter(|key| !key.is_empty()).map(|key| format!(".{key}")).unwrap_or_default();
    let (hash, snap) = (members["hash"].as_u64()?, snap(members["snap"].as_u64()?));
    Some(format!("{hash:x}{key}/{}/{snap}/{}/{}", text("oid")?, text("nspace")?, members["pool"]))
}
