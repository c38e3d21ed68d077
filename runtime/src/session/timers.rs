//! What is due when.

use std::collections::{BTreeMap, BTreeSet};

use super::Time;

/// Deadlines, at most one for each key. Setting, clearing and expiring one takes time in the logarithm of their number.
#[derive(Clone, Debug)]
pub(super) struct Deadlines<K> {
    by_key: BTreeMap<K, Time>,
    by_time: BTreeSet<(Time, K)>,
}

impl<K: Copy + Ord> Deadlines<K> {
    /// No deadline.
    pub(super) fn new() -> Deadlines<K> {
        Deadlines { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets the deadline of a key, in place of the one it had.
    pub(super) fn set(&mut self, key: K, time: Time) {
        let before = self.by_key.insert(key, time);
        if before == Some(time) {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, key));
        }
        self.by_time.insert((time, key));
    }

    /// Removes the deadline of a key, if it has one.
    pub(super) fn clear(&mut self, key: K) {
        if let Some(time) = self.by_key.remove(&key) {
            self.by_time.remove(&(time, key));
        }
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Time> {
        self.by_time.first().map(|&(time, _)| time)
    }

    /// Removes the earliest deadline if it is not later than `now`. Of several at the same time the smallest key is
    /// the first.
    pub(super) fn expire(&mut self, now: Time) -> Option<K> {
        let &(time, key) = self.by_time.first()?;
        if time > now {
            return None;
        }
        self.by_time.pop_first();
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn expired(deadlines: &mut Deadlines<u8>, now: u64) -> Vec<u8> {
        std::iter::from_fn(|| deadlines.expire(at(now))).collect()
    }

    #[test]
    fn the_earliest_expires_first_and_none_before_its_time() {
        let mut deadlines = Deadlines::new();
        for (key, time) in [(1, 30), (2, 10), (3, 20)] {
            deadlines.set(key, at(time));
        }
        assert_eq!(deadlines.next(), Some(at(10)));
        assert!(expired(&mut deadlines, 9).is_empty());
        assert_eq!(expired(&mut deadlines, 20), [2, 3]);
        assert_eq!(deadlines.next(), Some(at(30)));
        assert_eq!(expired(&mut deadlines, u64::MAX), [1]);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn at_the_same_time_the_smallest_key_is_first() {
        let mut deadlines = Deadlines::new();
        for key in [3, 1, 2] {
            deadlines.set(key, at(10));
        }
        assert_eq!(expired(&mut deadlines, 10), [1, 2, 3]);
    }

    #[test]
    fn a_key_has_one_deadline() {
        let mut deadlines = Deadlines::new();
        deadlines.set(1, at(10));
        deadlines.set(1, at(30));
        assert_eq!(deadlines.next(), Some(at(30)));
        deadlines.set(1, at(20));
        deadlines.set(1, at(20));
        assert_eq!(expired(&mut deadlines, 40), [1]);
        deadlines.set(2, at(10));
        deadlines.clear(2);
        deadlines.clear(3);
        assert_eq!((deadlines.next(), deadlines.expire(at(40))), (None, None));
    }

    proptest! {
        #[test]
        fn deadlines_expire_as_in_a_sorted_list(
            steps in prop::collection::vec((0..3u8, 0..6u8, 0..20u64), 0..60),
        ) {
            let mut deadlines = Deadlines::new();
            let mut model = BTreeMap::new();
            for (what, key, time) in steps {
                match what {
                    0 => {
                        deadlines.set(key, at(time));
                        model.insert(key, time);
                    }
                    1 => {
                        deadlines.clear(key);
                        model.remove(&key);
                    }
                    _ => {
                        let mut due: Vec<_> = model.iter().filter(|due| *due.1 <= time).map(|(k, t)| (*t, *k)).collect();
                        due.sort();
                        model.retain(|_, t| *t > time);
                        let due: Vec<u8> = due.into_iter().map(|(_, key)| key).collect();
                        prop_assert_eq!(expired(&mut deadlines, time), due);
                    }
                }
                prop_assert_eq!(deadlines.next(), model.values().min().copied().map(at));
            }
        }
    }
}
