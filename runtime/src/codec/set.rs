//! Sets.

/// A set as it is on the wire: its elements in the order they came.
///
/// Ceph writes sets in order, but readers do not insist on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Set<T>(Vec<T>);

impl<T> Set<T> {
    /// The elements in order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Ord> Set<T> {
    /// Whether the value is an element.
    pub fn contains(&self, value: &T) -> bool {
        self.0.binary_search(value).is_ok() || self.0.contains(value)
    }

    /// Adds an element where the order wants it. Returns whether it was missing.
    pub fn insert(&mut self, value: T) -> bool {
        if self.contains(&value) {
            return false;
        }
        let i = self.0.partition_point(|v| *v < value);
        self.0.insert(i, value);
        true
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Set(Vec::new())
    }
}

/// Keeps the order.
impl<T> From<Vec<T>> for Set<T> {
    fn from(elements: Vec<T>) -> Self {
        Set(elements)
    }
}

/// Sorts, and drops duplicates.
impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Set(std::collections::BTreeSet::from_iter(elements).into_iter().collect())
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Set<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(feature = "arbitrary")]
impl<'a, T: arbitrary::Arbitrary<'a> + Ord> arbitrary::Arbitrary<'a> for Set<T> {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(super::sample::items::<T>(u)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_the_wire() {
        let set = Set::from(vec![3, 1, 2]);
        assert_eq!(set.as_slice(), [3, 1, 2]);
        assert_eq!((set.len(), set.is_empty()), (3, false));
        assert!(set.contains(&3) && set.contains(&1) && !set.contains(&4));
        assert_eq!(set.iter().sum::<i32>(), 6);
        assert_eq!((&set).into_iter().count(), 3);
        assert_eq!(set.into_iter().collect::<Set<_>>().as_slice(), [1, 2, 3]);
    }

    #[test]
    fn inserts_in_order() {
        let mut set = Set::default();
        assert!(set.insert(2) && set.insert(1) && !set.insert(2));
        assert_eq!(set.as_slice(), [1, 2]);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serialises_as_a_list() {
        let set = Set::from(vec![2, 1]);
        assert_eq!(serde_json::to_string(&set).unwrap(), "[2,1]");
        assert_eq!(serde_json::from_str::<Set<i32>>("[2,1]").unwrap(), set);
    }
}
