//! Starts and stops the binary, speaks HTTP to it and reads its reports.

pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod reports;
pub(crate) mod visitor;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Waits until `done` gives something; panics with `what` after `patience`.
pub(crate) fn eventually<T>(
    what: &str,
    patience: Duration,
    mut done: impl FnMut() -> Option<T>,
) -> T {
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = done() {
            return found;
        }
        assert!(
            Instant::now() < until,
            "{what} did not happen in {patience:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// `2026-11-23T12:00:00.5Z`
pub(crate) fn timestamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

/// `2026-11-23`, so many days before today.
pub(crate) fn day_before(days: i64) -> String {
    timestamp(now_ms() - days * 86_400_000)[..10].to_owned()
}
