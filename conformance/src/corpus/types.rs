//! Finding a type by its name.

use firefly_runtime::codec::TypeInfo;
use firefly_runtime::wire;

/// All types of the protocol.
pub fn types() -> impl Iterator<Item = &'static TypeInfo> {
    wire::types()
}

/// The type of that name, be it the name in the specification or, failing that, the one in Ceph's source.
pub fn find(name: &str) -> Option<&'static TypeInfo> {
    best(|info| info.name == name).or_else(|| best(|info| info.cxx == Some(name)))
}

/// Names by which later releases call what Firefly knows by another.
const RENAMED: &[(&str, &str)] = &[("MMDSPeerRequest", "MMDSSlaveRequest")];

/// The type that has that name in Ceph's source. Where the specification does not tell the name, it is the same.
pub fn find_cxx(name: &str) -> Option<&'static TypeInfo> {
    let name = RENAMED.iter().find(|(later, _)| *later == name).map_or(name, |(_, known)| known);
    best(|info| info.cxx == Some(name)).or_else(|| best(|info| info.cxx.is_none() && info.name == name))
}

/// Of all types of a name one that can be read by itself, if there is one.
fn best(named: impl Fn(&TypeInfo) -> bool) -> Option<&'static TypeInfo> {
    let all = || types().filter(|info| named(info));
    all().find(|info| info.codec.is_some()).or_else(|| all().next())
}

/// Names that look like this one, the most similar first.
pub fn similar(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    let mut names: Vec<(usize, &'static str)> = types()
        .flat_map(|info| [Some(info.name), info.cxx])
        .flatten()
        .map(|known| (distance(&name, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= name.len() / 3)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|(_, known)| known).take(3).collect()
}

/// How many bytes have to be put in, taken out or replaced to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in (1..).zip(a.bytes()) {
        let mut row = vec![i];
        for ((pair, left), y) in above.windows(2).zip(0..).zip(b.bytes()) {
            let replaced = pair[0] + usize::from(x != y);
            row.push(replaced.min(pair[1] + 1).min(row[left] + 1));
        }
        above = row;
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_go_by_both_names() {
        let info = find("MonMap").unwrap();
        assert_eq!(find("entity_addr_t").map(|info| info.name), Some("EntityAddr"));
        assert!(info.codec.is_some());
        assert_eq!(find("EntityName").and_then(|info| info.cxx), Some("entity_name_t"));
        assert_eq!(find_cxx("EntityName").map(|info| info.name), Some("AuthEntityName"));
        assert!(find("no_such_type").is_none());
    }

    #[test]
    fn a_slip_of_the_finger_is_seen_through() {
        assert_eq!(similar("Monmap").first(), Some(&"MonMap"));
        assert_eq!(similar("entity_adr_t").first(), Some(&"entity_addr_t"));
        assert!(similar("qqqqqqqqq").is_empty());
    }

    #[test]
    fn distances() {
        let cases = [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2)];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
