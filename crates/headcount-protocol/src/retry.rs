//! When to send again: pauses that double, and what `Retry-After` asks for. Reads no clock, draws no number.

use std::time::Duration;

/// Beyond so many doublings every pause is the longest one.
const MOST_DOUBLINGS: u32 = 16;

/// Pauses between tries: each twice as long as the one before, up to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    pub longest: Duration,
}

impl Backoff {
    /// The pause after a failure that `earlier` others came before, between half and the whole of it;
    /// `jitter` is in 0..1.
    #[must_use]
    pub fn pause(self, earlier: u32, jitter: f64) -> Duration {
        let whole = self
            .first
            .saturating_mul(1 << earlier.min(MOST_DOUBLINGS))
            .min(self.longest);
        whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
    }
}

/// Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. A date that is over asks for no
/// pause; `None` for anything else.
#[must_use]
pub fn parse_retry_after(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(value)
        .ok()?;
    let left = moment.as_millisecond().saturating_sub(now_ms);
    Some(Duration::from_millis(left.max(0).cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff {
            first: Duration::from_secs(5),
            longest: Duration::from_secs(1_800),
        };
        for (earlier, jitter, seconds) in [
            (0, 0.0, 2.5),
            (0, 1.0, 5.0),
            (3, 0.0, 20.0),
            (3, 1.0, 40.0),
            (3, 7.0, 40.0),
            (500, 0.0, 900.0),
            (500, 1.0, 1_800.0),
        ] {
            let pause = backoff.pause(earlier, jitter).as_secs_f64();
            assert_eq!(pause, seconds, "{earlier} {jitter}");
        }
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let now_ms = 1_795_435_200_000;
        for (text, seconds) in [
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("Mon, 23 Nov 2026 12:01:00 GMT", Some(60)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            let found = parse_retry_after(text, now_ms);
            assert_eq!(found, seconds.map(Duration::from_secs), "{text}");
        }
    }
}
