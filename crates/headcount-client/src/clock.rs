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
