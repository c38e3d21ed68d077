//! The time of day as a duration, which can be reckoned with.

use std::time::Duration;

use crate::wire::prelude::UTime;

/// The time since 1970, or the duration that the value stands for.
pub(super) fn since_1970(time: UTime) -> Duration {
    Duration::from_secs(time.tv_sec.into()).saturating_add(Duration::from_nanos(time.tv_nsec.into()))
}

/// What it is on the wire, which ends in 2106.
pub(super) fn utime(duration: Duration) -> UTime {
    match u32::try_from(duration.as_secs()) {
        Ok(tv_sec) => UTime { tv_sec, tv_nsec: duration.subsec_nanos() },
        Err(_) => UTime { tv_sec: u32::MAX, tv_nsec: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_in_2106_and_nanoseconds_may_be_too_many() {
        let time = UTime { tv_sec: u32::MAX, tv_nsec: 5 };
        assert_eq!(utime(since_1970(time)), time);
        assert_eq!(utime(since_1970(time) + Duration::from_secs(1)), UTime { tv_sec: u32::MAX, tv_nsec: 0 });
        let odd = UTime { tv_sec: 1, tv_nsec: u32::MAX };
        assert_eq!(utime(since_1970(odd)), UTime { tv_sec: 5, tv_nsec: 294_967_295 });
    }
}
