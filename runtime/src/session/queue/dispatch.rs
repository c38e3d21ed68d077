//! What waits to be dispatched (4.13 of the reference).

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};

use crate::wire::transport::Priority;

/// The least that a message below [`Priority::LOW`] costs, in bytes (`ms_pq_min_cost`).
const MIN_COST: u64 = 64 << 10;

/// The most that it costs, and the most tokens that a priority can save (`ms_pq_max_tokens_per_priority`).
const MAX_TOKENS: u64 = 16 << 20;

/// The capacity up to which an emptied list is kept, so that a queue that is often empty does not allocate.
const KEPT_CAPACITY: usize = 1024;

/// Messages and events in the order in which they are dispatched (`src/common/PrioritizedQueue.h`,
/// `src/msg/DispatchQueue.cc`).
///
/// From [`Priority::LOW`] up the highest priority is first (DQ-01, DQ-03). What is below waits until there is nothing
/// above, and then shares by tokens: the lowest priority runs whose first item costs less than the tokens it has, and
/// pays with them; if none can, the highest runs and pays nothing. Each item that runs earns tokens for all priorities
/// that wait, in proportion to them.
///
/// Within a priority classes take turns in ascending order, and each keeps its own order (DQ-02). A class is a session;
/// one stands for control events and loopback.
#[derive(Clone, Debug)]
pub(crate) struct DispatchQueue<K, T> {
    control: K,
    /// The highest strict priority that waits, apart from the others: mostly it is the only one.
    highest: u16,
    /// What waits at it. Empty only if nothing strict waits.
    turns: Turns<K, T>,
    /// What waits at lower strict priorities; none of them is empty.
    lower: BTreeMap<u16, Turns<K, T>>,
    /// The priorities below, 64 at most, in ascending order; none of them is empty.
    shared: Vec<Bucket<K, T>>,
    len: usize,
    /// The list of the bucket that was the last to go.
    spare: Items<T>,
}

/// What waits of one class at one priority, each with its cost.
type Items<T> = VecDeque<(u64, T)>;

/// One of the priorities that share.
#[derive(Clone, Debug)]
struct Bucket<K, T> {
    priority: u16,
    turns: Turns<K, T>,
    tokens: u64,
}

impl<K: Copy + Ord, T> DispatchQueue<K, T> {
    /// An empty queue. `control` is the class of control events; Firefly's is 0, below all others.
    pub(crate) fn new(control: K) -> DispatchQueue<K, T> {
        DispatchQueue {
            control,
            highest: 0,
            turns: Turns::new(control, VecDeque::new()),
            lower: BTreeMap::new(),
            shared: Vec::new(),
            len: 0,
            spare: VecDeque::new(),
        }
    }

    /// Queues a message. Its cost, the length of its data in bytes, matters only below [`Priority::LOW`].
    pub(crate) fn push(&mut self, class: K, priority: u16, cost: u64, item: T) {
        let item = (cost.clamp(MIN_COST, MAX_TOKENS), item);
        match priority >= Priority::LOW.0 {
            true => self.push_strict(class, priority, item),
            false => self.push_shared(class, priority, item),
        }
        self.len += 1;
    }

    /// Queues a control event: connect, accept, remote reset or reset. It overtakes messages of priority 254 and less
    /// (DQ-04).
    pub(crate) fn push_control(&mut self, item: T) {
        self.push(self.control, Priority::HIGHEST.0, 0, item);
    }

    /// Takes what is to be dispatched next.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = match self.turns.pop() {
            Some((_, item)) => {
                self.settle();
                item
            }
            None => self.pop_shared()?,
        };
        self.len -= 1;
        Some(item)
    }

    /// Takes everything of a class: what of a session was not dispatched is lost with it (SQ-20). The highest priority
    /// is first. Control events are not of the session that they tell of.
    pub(crate) fn discard(&mut self, class: K) -> Vec<T> {
        let strict = std::iter::once(&mut self.turns).chain(self.lower.values_mut().rev());
        let shared = self.shared.iter_mut().rev().map(|bucket| &mut bucket.turns);
        let discarded: Vec<T> =
            strict.chain(shared).flat_map(|turns| turns.remove(class)).map(|(_, item)| item).collect();
        self.lower.retain(|_, turns| !turns.is_empty());
        self.shared.retain(|bucket| !bucket.turns.is_empty());
        self.len -= discarded.len();
        self.settle();
        discarded
    }

    /// How many messages and events wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn push_strict(&mut self, class: K, priority: u16, item: (u64, T)) {
        if self.turns.is_empty() {
            self.highest = priority;
        }
        if priority < self.highest {
            self.lower.entry(priority).or_insert_with(|| Turns::new(class, VecDeque::new())).push(class, item);
            return;
        }
        if priority > self.highest {
            let turns = std::mem::replace(&mut self.turns, Turns::new(class, VecDeque::new()));
            self.lower.insert(std::mem::replace(&mut self.highest, priority), turns);
        }
        self.turns.push(class, item);
    }

    /// Makes the next lower strict priority the highest, if nothing waits at that one any more.
    #[inline]
    fn settle(&mut self) {
        if !self.turns.is_empty() {
            return;
        }
        if let Some((priority, turns)) = self.lower.pop_last() {
            self.highest = priority;
            self.turns = turns;
        } else if self.turns.items.capacity() > KEPT_CAPACITY {
            self.turns.items = VecDeque::new();
        }
    }

    fn push_shared(&mut self, class: K, priority: u16, item: (u64, T)) {
        let place = self.shared.partition_point(|bucket| bucket.priority < priority);
        match self.shared.get_mut(place) {
            Some(bucket) if bucket.priority == priority => bucket.turns.push(class, item),
            _ => {
                let mut turns = Turns::new(class, std::mem::take(&mut self.spare));
                turns.push(class, item);
                self.shared.insert(place, Bucket { priority, turns, tokens: 0 });
            }
        }
    }

    fn pop_shared(&mut self) -> Option<T> {
        let able = self.shared.iter().position(|bucket| bucket.turns.cost().is_some_and(|cost| cost < bucket.tokens));
        let place = able.or(self.shared.len().checked_sub(1))?;
        let bucket = self.shared.get_mut(place)?;
        let (cost, item) = bucket.turns.pop()?;
        if able.is_some() {
            bucket.tokens = bucket.tokens.saturating_sub(cost);
        }
        if bucket.turns.is_empty() {
            let emptied = self.shared.remove(place).turns.items;
            if emptied.capacity() <= KEPT_CAPACITY {
                self.spare = emptied;
            }
        }
        self.earn(cost);
        Some(item)
    }

    /// Shares out what an item of that cost earns.
    fn earn(&mut self, cost: u64) {
        let total: u64 = self.shared.iter().map(|bucket| u64::from(bucket.priority)).sum();
        if total == 0 {
            return;
        }
        for bucket in &mut self.shared {
            let earned = u64::from(bucket.priority) * cost / total + 1;
            bucket.tokens = (bucket.tokens + earned).min(MAX_TOKENS);
        }
    }
}

/// The classes at one priority, which take turns. The one whose turn it is stands outside of the map: mostly it is the
/// only one.
#[derive(Clone, Debug)]
struct Turns<K, T> {
    class: K,
    items: Items<T>,
    /// The other classes; none of them is empty.
    others: BTreeMap<K, Items<T>>,
}

impl<K: Copy + Ord, T> Turns<K, T> {
    fn new(class: K, items: Items<T>) -> Turns<K, T> {
        Turns { class, items, others: BTreeMap::new() }
    }

    #[inline]
    fn push(&mut self, class: K, item: (u64, T)) {
        if self.is_empty() {
            self.class = class;
        }
        match class == self.class {
            true => self.items.push_back(item),
            false => self.others.entry(class).or_default().push_back(item),
        }
    }

    /// What the item costs that [`pop`](Self::pop) takes.
    fn cost(&self) -> Option<u64> {
        self.items.front().map(|(cost, _)| *cost)
    }

    #[inline]
    fn pop(&mut self) -> Option<(u64, T)> {
        let item = self.items.pop_front()?;
        self.advance();
        Some(item)
    }

    fn remove(&mut self, class: K) -> Items<T> {
        if class != self.class {
            return self.others.remove(&class).unwrap_or_default();
        }
        let items = std::mem::take(&mut self.items);
        self.advance();
        items
    }

    /// Ends the turn of a class: the next one has it, and after the last the first.
    #[inline]
    fn advance(&mut self) {
        if self.others.is_empty() {
            return;
        }
        let after = self.others.range((Excluded(self.class), Unbounded)).next();
        let Some(next) = after.or_else(|| self.others.first_key_value()).map(|(&class, _)| class) else { return };
        let Some(items) = self.others.remove(&next) else { return };
        let class = std::mem::replace(&mut self.class, next);
        let items = std::mem::replace(&mut self.items, items);
        if !items.is_empty() {
            self.others.insert(class, items);
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queue<T: Clone>(items: &[(u32, u16, T)]) -> DispatchQueue<u32, T> {
        let mut queue = DispatchQueue::new(0);
        items.iter().for_each(|(class, priority, item)| queue.push(*class, *priority, 0, item.clone()));
        queue
    }

    fn popped<T>(queue: &mut DispatchQueue<u32, T>) -> Vec<T> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    // covers: DQ-01
    #[test]
    fn the_highest_priority_is_dispatched_first() {
        let mut queue = queue(&[(1, 127, "default"), (2, 64, "low"), (1, 196, "high"), (1, 300, "above")]);
        assert_eq!(popped(&mut queue), ["above", "high", "default", "low"]);
        assert_eq!((queue.len(), queue.pop()), (0, None));
    }

    // covers: DQ-02
    #[test]
    fn connections_alternate_and_keep_their_order() {
        let mut queue = queue(&[(2, 127, "2a"), (2, 127, "2b"), (1, 127, "1a"), (1, 127, "1b"), (3, 127, "3a")]);
        assert_eq!(popped(&mut queue), ["2a", "3a", "1a", "2b", "1b"]);
    }

    // covers: DQ-02
    #[test]
    fn connections_below_64_alternate_too() {
        let mut queue = queue(&[(1, 63, "1a"), (1, 63, "1b"), (2, 63, "2a"), (2, 63, "2b")]);
        assert_eq!(popped(&mut queue), ["1a", "2a", "1b", "2b"]);
    }

    #[test]
    fn who_comes_later_waits_for_the_turn_of_the_next() {
        let mut queue = queue(&[(1, 127, "1a"), (1, 127, "1b"), (5, 127, "5a")]);
        assert_eq!(queue.pop(), Some("1a"));
        queue.push(3, 127, 0, "3a");
        assert_eq!(popped(&mut queue), ["5a", "1b", "3a"]);
    }

    // covers: DQ-03
    #[test]
    fn everything_from_64_up_precedes_everything_below() {
        let mut queue = queue(&[(1, 63, "a"), (2, 64, "b"), (1, 10, "c"), (3, 64, "d"), (1, 64, "e")]);
        assert_eq!(popped(&mut queue), ["b", "d", "e", "a", "c"]);
    }

    // covers: DQ-04
    #[test]
    fn control_events_overtake_messages_up_to_254() {
        let mut queue = queue(&[(1, 254, "message"), (1, 256, "above")]);
        queue.push_control("connect");
        queue.push_control("reset");
        assert_eq!(popped(&mut queue), ["above", "connect", "reset", "message"]);
    }

    #[test]
    fn control_events_take_turns_with_messages_at_255() {
        let mut queue = queue(&[(1, 255, "1a"), (1, 255, "1b")]);
        queue.push_control("connect");
        queue.push_control("reset");
        assert_eq!(popped(&mut queue), ["1a", "connect", "1b", "reset"]);
    }

    /// How many of the highest priority run before each of the lowest.
    fn runs(queue: &mut DispatchQueue<u32, u16>, low: u16) -> Vec<usize> {
        popped(queue).split(|&priority| priority == low).map(<[u16]>::len).collect()
    }

    #[test]
    fn below_64_priorities_share_in_proportion() {
        // With 10 and 63 in a ratio of 73, an item of 65,536 earns the lower 8,978 tokens.
        for cost in [0, 1, MIN_COST] {
            let mut queue = DispatchQueue::new(0);
            (0..4).for_each(|_| queue.push(1, 10, cost, 10));
            (0..30).for_each(|_| queue.push(2, 63, cost, 63));
            assert_eq!(runs(&mut queue, 10), [8, 6, 6, 7, 3], "{cost}");
        }
    }

    #[test]
    fn what_costs_all_tokens_waits_for_the_rest() {
        let wait = |cost| {
            let mut queue = DispatchQueue::new(0);
            queue.push(1, 10, cost, 10);
            (0..20).for_each(|_| queue.push(2, 63, u64::MAX, 63));
            runs(&mut queue, 10)
        };
        assert_eq!(wait(MAX_TOKENS - 1), [8, 12]);
        assert_eq!(wait(MAX_TOKENS), [20, 0]);
        assert_eq!(wait(u64::MAX), [20, 0]);
    }

    #[test]
    fn the_highest_does_not_pay_when_nobody_can() {
        let mut queue = queue(&[(1, 10, 10), (1, 20, 20), (1, 20, 20), (1, 20, 20), (1, 20, 20)]);
        assert_eq!((queue.pop(), queue.pop()), (Some(20), Some(20)));
        queue.push(1, 63, 0, 63);
        // It saved 2 × 43,691 tokens, and 14,093 + 43,691 would not do.
        assert_eq!((queue.pop(), queue.pop()), (Some(20), Some(63)));
    }

    #[test]
    fn tokens_are_lost_when_nothing_waits() {
        let mut queue = DispatchQueue::new(0);
        queue.push(1, 10, 0, 10);
        (0..10).for_each(|_| queue.push(2, 63, 0, 63));
        assert!((0..8).all(|_| queue.pop() == Some(63)));
        assert_eq!(queue.discard(1), [10]);
        queue.push(1, 10, 0, 10);
        assert_eq!(popped(&mut queue), [63, 63, 10]);
    }

    #[test]
    fn every_priority_earns_at_least_one_token() {
        let mut queue = queue(&[(1, 0, 0), (1, 0, 0)]);
        (0..70_000).for_each(|_| queue.push(2, 1, 0, 1));
        assert_eq!(runs(&mut queue, 0), [65_537, 4_463, 0]);
    }

    #[test]
    fn what_is_discarded_is_all_of_one_connection() {
        let mut queue = queue(&[(1, 10, "1a"), (2, 127, "2a"), (1, 127, "1b"), (1, 127, "1c"), (1, 196, "1d")]);
        queue.push_control("connect");
        assert_eq!(queue.discard(1), ["1d", "1b", "1c", "1a"]);
        assert_eq!((queue.discard(1), queue.len()), (vec![], 2));
        assert_eq!(popped(&mut queue), ["connect", "2a"]);
    }

    #[test]
    fn what_is_discarded_makes_way_for_lower_priorities() {
        let mut queue = queue(&[(1, 196, "1a"), (2, 127, "2a"), (1, 100, "1b"), (2, 63, "2b")]);
        assert_eq!(queue.discard(1), ["1a", "1b"]);
        assert_eq!(popped(&mut queue), ["2a", "2b"]);
    }

    #[test]
    fn an_emptied_queue_takes_lower_priorities() {
        let mut queue = queue(&[(1, 127, "a")]);
        assert_eq!(queue.pop(), Some("a"));
        queue.push(2, 64, 0, "b");
        assert_eq!(popped(&mut queue), ["b"]);
    }

    /// One priority as Firefly keeps it: a map and a place in it.
    #[derive(Default)]
    struct Model {
        classes: BTreeMap<u32, VecDeque<usize>>,
        cursor: u32,
    }

    impl Model {
        fn push(&mut self, class: u32, item: usize) {
            if self.classes.is_empty() {
                self.cursor = class;
            }
            self.classes.entry(class).or_default().push_back(item);
        }

        fn turn(&mut self) {
            let mut classes = self.classes.keys().copied();
            self.cursor = classes.clone().find(|&class| class > self.cursor).or_else(|| classes.next()).unwrap_or(0);
        }

        fn pop(&mut self) -> Option<usize> {
            let items = self.classes.get_mut(&self.cursor)?;
            let item = items.pop_front();
            if items.is_empty() {
                self.classes.remove(&self.cursor);
            }
            self.turn();
            item
        }

        fn discard(&mut self, class: u32) -> Vec<usize> {
            let items = self.classes.remove(&class).unwrap_or_default();
            if self.cursor == class {
                self.turn();
            }
            items.into()
        }
    }

    proptest! {
        // covers: DQ-02
        #[test]
        fn turns_are_those_of_firefly(
            priority in prop::sample::select(vec![0u16, 63, 64, 255]),
            steps in prop::collection::vec((0..8u8, 1..5u32), 0..100),
        ) {
            let (mut queue, mut model) = (DispatchQueue::new(0), Model::default());
            for (item, (what, class)) in steps.into_iter().enumerate() {
                match what {
                    0 => prop_assert_eq!(queue.discard(class), model.discard(class)),
                    1..4 => prop_assert_eq!(queue.pop(), model.pop()),
                    _ => {
                        queue.push(class, priority, 0, item);
                        model.push(class, item);
                    }
                }
                prop_assert_eq!(queue.len(), model.classes.values().map(VecDeque::len).sum::<usize>());
            }
            let rest: Vec<usize> = std::iter::from_fn(|| model.pop()).collect();
            prop_assert_eq!(popped(&mut queue), rest);
        }

        // covers: DQ-01, DQ-03
        #[test]
        fn nothing_is_lost_or_overtaken_by_its_like(
            items in prop::collection::vec((1..4u32, 60..68u16, any::<u32>()), 0..200),
        ) {
            let mut queue = DispatchQueue::new(0);
            for (number, &(class, priority, cost)) in items.iter().enumerate() {
                queue.push(class, priority, u64::from(cost), (priority, class, number));
            }
            let order = popped(&mut queue);
            prop_assert!(order.is_sorted_by_key(|(priority, ..)| std::cmp::Reverse((*priority).max(63))));
            let mut sorted = order.clone();
            sorted.sort_by_key(|&(priority, class, _)| (priority, class));
            let mut expected: Vec<_> = items.iter().zip(0..).map(|(item, number)| (item.1, item.0, number)).collect();
            expected.sort();
            prop_assert_eq!(sorted, expected);
        }
    }
}
