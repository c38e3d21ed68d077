//! What waits to be sent.

use std::collections::{BTreeMap, VecDeque};

/// The capacity up to which the list of an empty queue is kept, so that one that is often empty does not allocate.
const KEPT_CAPACITY: usize = 128;

/// What waits to be sent on one session: the highest priority first, and in the order it came within a priority (SQ-02,
/// SQ-03; `out_q` in `src/msg/Pipe.h`).
#[derive(Clone, Debug)]
pub(crate) struct OutQueue<T> {
    /// The highest priority that waits, apart from the others: mostly it is the only one.
    highest: u16,
    /// What waits at it. Empty only if nothing waits at all.
    list: VecDeque<T>,
    /// What waits at lower priorities; none of them is empty.
    lower: BTreeMap<u16, VecDeque<T>>,
    len: usize,
}

impl<T> OutQueue<T> {
    /// An empty queue.
    pub(crate) fn new() -> OutQueue<T> {
        OutQueue { highest: 0, list: VecDeque::new(), lower: BTreeMap::new(), len: 0 }
    }

    /// Queues an item behind those of its priority.
    pub(crate) fn push(&mut self, priority: u16, item: T) {
        self.list(priority).push_back(item);
        self.len += 1;
    }

    /// Takes the item that is to be sent next, with the priority under which it was queued.
    pub(crate) fn pop(&mut self) -> Option<(u16, T)> {
        let priority = self.highest;
        let item = self.list.pop_front()?;
        self.len -= 1;
        self.settle();
        Some((priority, item))
    }

    /// Takes everything, in the order in which it would have been sent.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        let all = std::mem::replace(self, OutQueue::new());
        all.list.into_iter().chain(all.lower.into_values().rev().flatten())
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The list of a priority, to be added to.
    fn list(&mut self, priority: u16) -> &mut VecDeque<T> {
        if self.list.is_empty() {
            self.highest = priority;
        }
        if priority < self.highest {
            return self.lower.entry(priority).or_default();
        }
        if priority > self.highest {
            let list = std::mem::take(&mut self.list);
            self.lower.insert(std::mem::replace(&mut self.highest, priority), list);
        }
        &mut self.list
    }

    /// Makes the next lower priority the highest, if nothing waits at that one any more.
    fn settle(&mut self) {
        if !self.list.is_empty() {
            return;
        }
        if let Some((priority, list)) = self.lower.pop_last() {
            self.highest = priority;
            self.list = list;
        } else if self.list.capacity() > KEPT_CAPACITY {
            self.list = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn popped<T>(queue: &mut OutQueue<T>) -> Vec<(u16, T)> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    fn queue<const N: usize>(items: [(u16, &'static str); N]) -> OutQueue<&'static str> {
        let mut queue = OutQueue::new();
        items.into_iter().for_each(|(priority, item)| queue.push(priority, item));
        queue
    }

    // covers: SQ-02
    #[test]
    fn the_highest_priority_is_sent_first() {
        let mut queue = queue([(64, "low"), (196, "high"), (127, "default")]);
        assert_eq!(popped(&mut queue), [(196, "high"), (127, "default"), (64, "low")]);
    }

    // covers: SQ-03
    #[test]
    fn equal_priorities_are_sent_in_the_order_they_came() {
        let mut queue = queue([(127, "a"), (63, "x"), (127, "b")]);
        assert_eq!(queue.pop(), Some((127, "a")));
        queue.push(127, "c");
        assert_eq!(popped(&mut queue), [(127, "b"), (127, "c"), (63, "x")]);
    }

    #[test]
    fn an_emptied_queue_takes_lower_priorities() {
        let mut queue = queue([(127, "a")]);
        assert_eq!(queue.pop(), Some((127, "a")));
        queue.push(64, "b");
        assert_eq!(popped(&mut queue), [(64, "b")]);
    }

    #[test]
    fn everything_can_be_taken_at_once() {
        let mut queue = queue([(64, "low"), (127, "a"), (127, "b")]);
        assert_eq!(queue.take_all().collect::<Vec<_>>(), ["a", "b", "low"]);
        assert_eq!((queue.len(), queue.is_empty()), (0, true));
        queue.push(255, "urgent");
        assert_eq!(popped(&mut queue), [(255, "urgent")]);
    }

    proptest! {
        // covers: SQ-02, SQ-03
        #[test]
        fn the_order_is_that_of_a_stable_sort(priorities in prop::collection::vec(0..4u16, 0..200)) {
            let mut queue = OutQueue::new();
            let mut sorted: Vec<(u16, usize)> = priorities.into_iter().zip(0..).collect();
            sorted.iter().for_each(|&(priority, item)| queue.push(priority, item));
            prop_assert_eq!(queue.len(), sorted.len());
            sorted.sort_by_key(|&(priority, _)| std::cmp::Reverse(priority));
            prop_assert_eq!(popped(&mut queue), sorted);
        }
    }
}
