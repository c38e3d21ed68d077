//! Bounds on what has been received and not been dealt with yet (4.7 of the reference).

use std::collections::VecDeque;

/// An amount in use, and the limit at which more has to wait (`src/common/Throttle.h`).
#[derive(Clone, Debug)]
pub(super) struct Throttle {
    limit: u64,
    used: u64,
}

impl Throttle {
    /// A throttle that gives out so much; 0 for no bound, in which case it does not count either.
    pub(super) fn new(limit: u64) -> Throttle {
        Throttle { limit, used: 0 }
    }

    /// Takes an amount, unless it has to wait: while it would exceed the limit or, if it is larger than the limit
    /// itself, while the limit is exceeded already (TH-02).
    #[inline]
    pub(super) fn try_take(&mut self, amount: u64) -> bool {
        if self.limit == 0 {
            return true;
        }
        let fits = match self.limit.checked_sub(self.used) {
            Some(free) => amount <= free || amount > self.limit,
            None => false,
        };
        match self.used.checked_add(amount) {
            Some(used) if fits => self.used = used,
            _ => return false,
        }
        true
    }

    /// Gives back an amount that was taken.
    pub(super) fn give_back(&mut self, amount: u64) {
        self.used = self.used.saturating_sub(amount);
    }

    /// What is in use.
    pub(super) fn used(&self) -> u64 {
        self.used
    }
}

/// A throttle and those who wait for it, each known by a key. Who came first is served first, whatever the amounts.
///
/// A waiter has its share from the moment [`retry`](Gate::retry) names it, and collects it by asking again: until
/// then nobody can take it away, and in which order the named ones ask does not matter.
#[derive(Clone, Debug)]
pub(super) struct Gate<K> {
    throttle: Throttle,
    /// Who waits for how much, in the order they came.
    waiting: VecDeque<(K, u64)>,
    /// So many at the front have their share, and did not collect it yet.
    granted: usize,
}

impl<K: Copy + Eq> Gate<K> {
    /// A gate with a throttle of that limit; 0 for no bound.
    pub(super) fn new(limit: u64) -> Gate<K> {
        Gate { throttle: Throttle::new(limit), waiting: VecDeque::new(), granted: 0 }
    }

    /// Takes an amount. If it is false the key waits now, or still does; it may ask again at any time, and what it
    /// asked for first counts. Behind others it waits even if its amount would fit; with nothing to take it never
    /// waits (TH-07).
    #[inline]
    pub(super) fn take(&mut self, key: K, amount: u64) -> bool {
        amount == 0 || self.waiting.is_empty() && self.throttle.try_take(amount) || self.take_turn(key, amount)
    }

    /// Takes an amount when it is the key's turn.
    fn take_turn(&mut self, key: K, amount: u64) -> bool {
        match self.place(key) {
            Some(place) if place < self.granted => {
                self.waiting.remove(place);
                self.granted -= 1;
                true
            }
            Some(_) => false,
            None if self.granted == self.waiting.len() && self.throttle.try_take(amount) => true,
            None => {
                self.waiting.push_back((key, amount));
                false
            }
        }
    }

    /// Gives back an amount that was taken. Call [`retry`](Self::retry) afterwards until it names nobody.
    pub(super) fn give_back(&mut self, amount: u64) {
        self.throttle.give_back(amount);
    }

    /// Grants the first waiter its share, if that fits by now. The waiter, whose next [`take`](Self::take) is true.
    pub(super) fn retry(&mut self) -> Option<K> {
        let (key, amount) = *self.waiting.get(self.granted)?;
        if !self.throttle.try_take(amount) {
            return None;
        }
        self.granted += 1;
        Some(key)
    }

    /// Lets a waiter go away: a share that it did not collect is given back. As it may have kept others waiting, call
    /// [`retry`](Self::retry) afterwards until it names nobody. Nothing happens if the key does not wait.
    pub(super) fn forget(&mut self, key: K) {
        let Some(place) = self.place(key) else { return };
        if let Some((_, amount)) = self.waiting.remove(place)
            && place < self.granted
        {
            self.granted -= 1;
            self.throttle.give_back(amount);
        }
    }

    /// The throttle as it is: what is in use includes shares that were granted and not collected yet.
    pub(super) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    fn place(&self, key: K) -> Option<usize> {
        self.waiting.iter().position(|(waiter, _)| *waiter == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_use(limit: u64, used: u64) -> Throttle {
        Throttle { limit, used }
    }

    fn retried(gate: &mut Gate<u8>) -> Vec<u8> {
        std::iter::from_fn(|| gate.retry()).collect()
    }

    #[test]
    fn what_fits_is_taken_and_the_rest_waits() {
        let mut throttle = Throttle::new(100);
        assert!(throttle.try_take(60));
        assert!(!throttle.try_take(41));
        assert_eq!((throttle.used(), throttle.limit), (60, 100));
        assert!(throttle.try_take(40));
        assert!(!throttle.try_take(1));
        throttle.give_back(1);
        assert!(throttle.try_take(1));
        assert_eq!(throttle.used(), 100);
    }

    // covers: TH-02
    #[test]
    fn what_is_larger_than_the_limit_passes_when_the_limit_is_not_exceeded() {
        let mut throttle = in_use(100, 100);
        assert!(throttle.try_take(101));
        assert_eq!(throttle.used(), 201);
        assert!(!throttle.try_take(101));
        assert!(!throttle.try_take(1));
        throttle.give_back(101);
        assert!(throttle.try_take(u64::from(u32::MAX)));
    }

    #[test]
    fn the_limit_itself_passes_only_when_nothing_is_in_use() {
        assert!(!in_use(100, 1).try_take(100));
        assert!(in_use(100, 0).try_take(100));
    }

    // covers: TH-07
    #[test]
    fn a_message_without_a_body_takes_nothing_and_waits_for_nobody() {
        let mut gate = Gate::new(100);
        assert!(gate.take(1, 101));
        assert!(!gate.take(2, 1));
        assert!(gate.take(3, 0));
        assert_eq!(gate.throttle().used(), 101);
        gate.give_back(101);
        assert_eq!(retried(&mut gate), [2]);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let mut gate = Gate::new(0);
        assert!((0..10).all(|key| gate.take(key, u64::MAX)));
        assert_eq!((gate.throttle().used(), gate.throttle().limit), (0, 0));
    }

    #[test]
    fn the_count_neither_wraps_nor_falls_below_zero() {
        let mut throttle = in_use(u64::MAX - 1, u64::MAX - 2);
        assert!(!throttle.try_take(u64::MAX));
        assert_eq!(throttle.used(), u64::MAX - 2);
        throttle.give_back(u64::MAX);
        assert_eq!(throttle.used(), 0);
        assert!(throttle.try_take(u64::MAX));
    }

    #[test]
    fn nobody_overtakes_a_waiter() {
        let mut gate = Gate::new(10);
        assert!(gate.take(1, 6));
        assert!(!gate.take(2, 5));
        assert!(!gate.take(3, 1), "1 would fit, but 2 was first");
        assert!(!gate.take(2, 5));
        assert!(retried(&mut gate).is_empty());
        gate.give_back(6);
        assert_eq!(retried(&mut gate), [2, 3]);
        assert_eq!(gate.throttle().used(), 6);
        assert!(gate.take(3, 1));
        assert!(gate.take(2, 5));
        assert_eq!(gate.throttle().used(), 6);
        assert!(gate.take(2, 4));
    }

    #[test]
    fn only_those_are_named_whose_share_fits() {
        let mut gate = Gate::new(10);
        assert!(gate.take(1, 4) && gate.take(1, 6));
        assert!(!gate.take(2, 3) && !gate.take(3, 4) && !gate.take(4, 1));
        gate.give_back(4);
        assert_eq!(retried(&mut gate), [2]);
        assert!(!gate.take(4, 1), "3 still waits before it");
        gate.give_back(6);
        assert_eq!(retried(&mut gate), [3, 4]);
    }

    #[test]
    fn a_granted_share_is_kept_until_it_is_collected() {
        let mut gate = Gate::new(10);
        assert!(gate.take(1, 10));
        assert!(!gate.take(2, 10));
        gate.give_back(10);
        assert_eq!(retried(&mut gate), [2]);
        assert!(!gate.take(3, 1));
        assert!(gate.take(2, 10));
        assert!(retried(&mut gate).is_empty());
    }

    #[test]
    fn who_goes_away_keeps_nobody_waiting() {
        let mut gate = Gate::new(10);
        assert!(gate.take(1, 6));
        assert!(!gate.take(2, 5) && !gate.take(3, 4));
        gate.forget(2);
        assert_eq!(retried(&mut gate), [3]);
        assert!(!gate.take(4, 1));
        gate.forget(3);
        assert_eq!(gate.throttle().used(), 6, "3 did not collect its share");
        gate.forget(5);
        assert_eq!(retried(&mut gate), [4]);
    }

    /// Firefly's rule, in numbers that do not wrap.
    fn waits(limit: u64, used: u64, amount: u64) -> bool {
        let [limit, used, amount] = [limit, used, amount].map(i128::from);
        limit != 0 && ((amount <= limit && used + amount > limit) || (amount >= limit && used > limit))
    }

    proptest! {
        #[test]
        fn the_rule_is_that_of_firefly(limit in 0..20u64, used in 0..40u64, amount in 0..40u64) {
            let mut throttle = in_use(limit, used);
            prop_assert_eq!(throttle.try_take(amount), !waits(limit, used, amount));
        }

        #[test]
        fn shares_add_up_and_are_given_in_order(
            limit in 1..20u64,
            steps in prop::collection::vec((0..3u8, any::<prop::sample::Index>(), 1..30u64), 1..60),
        ) {
            let mut gate = Gate::new(limit);
            let (mut held, mut waiting) = (Vec::new(), VecDeque::new());
            for (key, (what, which, amount)) in (0u8..).zip(steps) {
                match what {
                    0 if gate.take(key, amount) => {
                        prop_assert!(waiting.is_empty());
                        held.push(amount);
                    }
                    0 => waiting.push_back((key, amount)),
                    1 if !held.is_empty() => gate.give_back(held.swap_remove(which.index(held.len()))),
                    2 if !waiting.is_empty() => {
                        let (key, _) = waiting.remove(which.index(waiting.len())).unwrap();
                        gate.forget(key);
                    }
                    _ => {}
                }
                for key in retried(&mut gate) {
                    let (first, amount) = waiting.pop_front().unwrap();
                    prop_assert_eq!(first, key);
                    prop_assert!(gate.take(key, amount));
                    held.push(amount);
                }
                let used = held.iter().sum();
                prop_assert_eq!(gate.throttle().used(), used);
                prop_assert!(waiting.front().is_none_or(|&(_, amount)| waits(limit, used, amount)));
            }
        }
    }
}
