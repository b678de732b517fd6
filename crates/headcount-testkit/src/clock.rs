//! A clock that moves only when it is told to. Never reads the machine's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Unix milliseconds set by hand; clones share one moment.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    #[must_use]
    pub fn new(now_ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(now_ms)))
    }

    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Moves forward and returns the new moment.
    pub fn advance(&self, by: Duration) -> i64 {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(by_ms, Ordering::SeqCst) + by_ms
    }

    /// Jumps, also backwards, as machine clocks do.
    pub fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_moment() {
        let clock = ManualClock::new(1_000);
        let other = clock.clone();
        assert_eq!(clock.advance(Duration::from_secs(2)), 3_000);
        assert_eq!(other.now_ms(), 3_000);
        other.set(5);
        assert_eq!(clock.now_ms(), 5);
    }
}
