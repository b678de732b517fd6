//! The wall clock, read here and nowhere else; everything that decides takes `now` as a value.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds now; 0 on a clock set before 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}

/// Unix milliseconds for an event: a few milliseconds behind at the most, for a fifth of the cost.
#[cfg(target_os = "linux")]
#[inline]
#[expect(unsafe_code, reason = "the standard library has no coarse clock")]
pub(crate) fn event_ms() -> i64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid place to write to.
    let told = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &raw mut now) };
    if told != 0 || now.tv_sec < 0 {
        return now_ms();
    }
    // 64 bits on every system, whatever the width of its own type.
    #[expect(clippy::useless_conversion, reason = "narrower on some systems")]
    let (seconds, nanoseconds) = (i64::from(now.tv_sec), i64::from(now.tv_nsec));
    seconds * 1000 + nanoseconds / 1_000_000
}

/// Unix milliseconds for an event.
#[cfg(not(target_os = "linux"))]
#[inline]
pub(crate) fn event_ms() -> i64 {
    now_ms()
}

/// Days since 1970-01-01 (UTC) of a moment in Unix milliseconds.
pub(crate) const fn day_of(ms: i64) -> i64 {
    ms.div_euclid(86_400_000)
}

/// Minute of the UTC day, 0 to 1439.
pub(crate) const fn minute_of(ms: i64) -> i64 {
    ms.rem_euclid(86_400_000) / 60_000
}

/// A moment as `2026-11-23T12:00:00.000Z`, for pages, logs and the ledger.
pub(crate) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moment_of_an_event_is_that_of_the_clock() {
        let before = now_ms();
        let event = event_ms();
        assert!((before - 100..=now_ms()).contains(&event), "{event}");
    }
}
