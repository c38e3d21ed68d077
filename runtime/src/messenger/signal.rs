//! Telling a pipe's task what to do.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// What a pipe's task has been told and has not done yet. Telling it twice is the same as telling it once, and a task
/// that is awake is not woken.
#[derive(Debug, Default)]
pub(super) struct Signal {
    bits: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

/// Things to do, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orders(u8);

impl Orders {
    /// There is something to write.
    pub(super) const TRANSMIT: Orders = Orders(1);
    /// A throttle let go: offer again what was read.
    pub(super) const RESUME: Orders = Orders(2);
    /// Close the connection.
    pub(super) const CLOSE: Orders = Orders(4);
    /// Before closing, write what is there to be written.
    pub(super) const FLUSH: Orders = Orders(8);

    /// Whether all of `other` is ordered.
    pub(super) fn contains(self, other: Orders) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    pub(super) const fn and(self, other: Orders) -> Orders {
        Orders(self.0 | other.0)
    }
}

/// The task sleeps and wants to be woken.
const ASLEEP: u8 = 0x80;

impl Signal {
    /// Orders something, and wakes the task if it sleeps.
    pub(super) fn raise(&self, orders: Orders) {
        let before = self.bits.fetch_or(orders.0, Ordering::AcqRel);
        if before & ASLEEP != 0 && self.bits.fetch_and(!ASLEEP, Ordering::AcqRel) & ASLEEP != 0 {
            let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    /// Takes what is ordered. The task counts as awake from here on.
    pub(super) fn take(&self) -> Option<Orders> {
        match self.bits.swap(0, Ordering::AcqRel) & !ASLEEP {
            0 => None,
            orders => Some(Orders(orders)),
        }
    }

    /// Takes one order and leaves the others. Whether it was there.
    pub(super) fn take_one(&self, order: Orders) -> bool {
        self.bits.fetch_and(!order.0, Ordering::AcqRel) & order.0 != 0
    }

    /// Takes what is ordered; if that is nothing, the task is woken by the next order.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Orders> {
        if let Some(orders) = self.take() {
            return Poll::Ready(orders);
        }
        {
            let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        if self.bits.fetch_or(ASLEEP, Ordering::AcqRel) & !ASLEEP == 0 {
            return Poll::Pending;
        }
        self.take().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_sleeping_task_is_woken_once_for_many_orders() {
        let (signal, woken) = (Signal::default(), Arc::new(Woken::default()));
        let waker = Waker::from(woken.clone());
        let cx = Context::from_waker(&waker);
        assert_eq!(signal.poll(&cx), Poll::Pending);
        signal.raise(Orders::TRANSMIT);
        signal.raise(Orders::TRANSMIT);
        signal.raise(Orders::CLOSE);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(signal.poll(&cx), Poll::Ready(Orders::TRANSMIT.and(Orders::CLOSE)));
        assert_eq!(signal.poll(&cx), Poll::Pending);
    }

    #[test]
    fn a_task_that_is_awake_is_not_woken() {
        let (signal, woken) = (Signal::default(), Arc::new(Woken::default()));
        let waker = Waker::from(woken.clone());
        assert_eq!(signal.poll(&Context::from_waker(&waker)), Poll::Pending);
        assert_eq!(signal.take(), None);
        signal.raise(Orders::RESUME);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        assert_eq!(signal.take(), Some(Orders::RESUME));
    }

    #[test]
    fn an_order_between_two_polls_is_not_lost() {
        let signal = Signal::default();
        let cx = Context::from_waker(Waker::noop());
        signal.raise(Orders::TRANSMIT);
        assert_eq!(signal.poll(&cx), Poll::Ready(Orders::TRANSMIT));
    }
}
