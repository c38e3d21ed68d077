//! Maps.

/// A map as it is on the wire: its entries in the order they came.
///
/// Ceph writes maps in the order of their keys, but readers do not insist on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Map<K, V>(Vec<(K, V)>);

impl<K, V> Map<K, V> {
    /// The entries in order.
    pub fn as_slice(&self) -> &[(K, V)] {
        &self.0
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (K, V)> {
        self.0.iter()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Ord, V> Map<K, V> {
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.position(key).map(|i| &self.0[i].1)
    }

    /// Sets the value of a key and returns the one it had. New keys go where the order of keys wants them.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Some(i) => Some(std::mem::replace(&mut self.0[i].1, value)),
            None => {
                let i = self.0.partition_point(|(k, _)| *k < key);
                self.0.insert(i, (key, value));
                None
            }
        }
    }

    /// Where the key is: found quickly if the keys are in order, else one by one.
    fn position(&self, key: &K) -> Option<usize> {
        match self.0.binary_search_by(|(k, _)| k.cmp(key)) {
            Ok(i) => Some(i),
            Err(_) => self.0.iter().position(|(k, _)| k == key),
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(Vec::new())
    }
}

/// Keeps the order.
impl<K, V> From<Vec<(K, V)>> for Map<K, V> {
    fn from(entries: Vec<(K, V)>) -> Self {
        Map(entries)
    }
}

/// Sorts by key. Of several entries with one key the last counts.
impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Map(std::collections::BTreeMap::from_iter(entries).into_iter().collect())
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = &'a (K, V);
    type IntoIter = std::slice::Iter<'a, (K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Entry<K, V> {
    key: K,
    value: V,
}

#[cfg(feature = "serde")]
impl<K: serde::Serialize, V: serde::Serialize> serde::Serialize for Map<K, V> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter().map(|(key, value)| Entry { key, value }))
    }
}

#[cfg(feature = "serde")]
impl<'de, K: serde::Deserialize<'de>, V: serde::Deserialize<'de>> serde::Deserialize<'de> for Map<K, V> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let entries = Vec::<Entry<K, V>>::deserialize(d)?;
        Ok(Map(entries.into_iter().map(|entry| (entry.key, entry.value)).collect()))
    }
}

#[cfg(feature = "arbitrary")]
impl<'a, K: arbitrary::Arbitrary<'a> + Ord, V: arbitrary::Arbitrary<'a>> arbitrary::Arbitrary<'a> for Map<K, V> {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(super::sample::items::<(K, V)>(u)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_the_wire() {
        let map = Map::from(vec![(3, 'c'), (1, 'a'), (2, 'b')]);
        assert_eq!(map.as_slice(), [(3, 'c'), (1, 'a'), (2, 'b')]);
        assert_eq!((map.len(), map.is_empty()), (3, false));
        for (key, value) in &map {
            assert_eq!(map.get(key), Some(value));
        }
        assert_eq!(map.get(&4), None);
        assert_ne!(map, map.clone().into_iter().collect());
    }

    // covers: EN-09
    #[test]
    fn collects_in_the_order_of_keys() {
        let map: Map<_, _> = [(3, 'c'), (1, 'a'), (3, 'd')].into_iter().collect();
        assert_eq!(map.as_slice(), [(1, 'a'), (3, 'd')]);
    }

    #[test]
    fn inserts_in_order() {
        let mut map = Map::default();
        assert!(map.is_empty());
        for (key, value) in [(5, 'e'), (1, 'a'), (3, 'c')] {
            assert_eq!(map.insert(key, value), None);
        }
        assert_eq!(map.insert(3, 'x'), Some('c'));
        assert_eq!(map.as_slice(), [(1, 'a'), (3, 'x'), (5, 'e')]);
        let mut unordered = Map::from(vec![(9, 'i'), (1, 'a'), (2, 'b')]);
        assert_eq!(unordered.insert(9, 'x'), Some('i'));
        assert_eq!(unordered.len(), 3);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_as_a_list() {
        let map = Map::from(vec![(2, true), (1, false)]);
        let json = r#"[{"key":2,"value":true},{"key":1,"value":false}]"#;
        assert_eq!(serde_json::to_string(&map).unwrap(), json);
        assert_eq!(serde_json::from_str::<Map<i32, bool>>(json).unwrap(), map);
    }

    #[cfg(feature = "arbitrary")]
    #[test]
    fn arbitrary_maps_are_in_order() {
        let seed: Vec<u8> = (0..200).rev().collect();
        let mut u = arbitrary::Unstructured::new(&seed);
        for _ in 0..20 {
            let map: Map<u8, u8> = u.arbitrary().unwrap();
            assert!(map.as_slice().is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
