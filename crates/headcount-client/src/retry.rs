//! What to do after a try: a pure table from the answer to the next step. Reads no clock, draws no number.

use std::time::Duration;

use crate::loss::LossReason;

/// First pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause: a destination that was away for a day is asked about every half hour.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// A destination may ask for a longer pause, but not for ever.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// An HTTP answer; `receipt` is false when a 2xx has no readable receipt although the protocol has one.
    Status {
        status: u16,
        retry_after: Option<Duration>,
        receipt: bool,
    },
    /// No answer: refused, reset, timed out, cut.
    Nothing,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Taken.
    Settle,
    /// The same again after this pause.
    Later(Duration),
    /// Half as much, at once.
    Split,
    /// Never again.
    GiveUp(LossReason),
    /// Nothing at all any more until the operator changes something.
    Stop,
}

/// Decides. `attempts` are the earlier failures, `jitter` is in 0..1.
pub(crate) fn decide(reply: &Reply, attempts: u32, jitter: f64) -> Step {
    let pause = pause(attempts, jitter);
    match reply {
        Reply::Nothing => Step::Later(pause),
        Reply::Status {
            status,
            retry_after,
            receipt,
        } => match status {
            200..=299 if *receipt => Step::Settle,
            400 => Step::GiveUp(LossReason::Refused),
            401 | 403 => Step::Stop,
            413 => Step::Split,
            // 2xx without a receipt is some proxy's page; the rest is trouble that may pass.
            _ => Step::Later(retry_after.map_or(pause, |asked| {
                asked.min(LONGEST_ASKED_PAUSE).max(pause.min(FIRST_PAUSE))
            })),
        },
    }
}

/// Doubles from 5 s to 30 min, each pause between half and the whole of it.
fn pause(attempts: u32, jitter: f64) -> Duration {
    let whole = FIRST_PAUSE
        .saturating_mul(1 << attempts.min(16))
        .min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// Reads `Retry-After`: seconds, or a date.
pub(crate) fn parse_retry_after(value: &str, now_ms: i64) -> Option<Duration> {
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

    fn status(status: u16) -> Reply {
        Reply::Status {
            status,
            retry_after: None,
            receipt: true,
        }
    }

    #[test]
    fn each_answer_has_its_step() {
        let later = Step::Later(FIRST_PAUSE);
        for (reply, step) in [
            (status(200), Step::Settle),
            (status(204), Step::Settle),
            (status(400), Step::GiveUp(LossReason::Refused)),
            (status(401), Step::Stop),
            (status(403), Step::Stop),
            (status(413), Step::Split),
            (status(404), later),
            (status(408), later),
            (status(425), later),
            (status(429), later),
            (status(500), later),
            (status(503), later),
            (status(301), later),
            (
                Reply::Status {
                    status: 200,
                    retry_after: None,
                    receipt: false,
                },
                later,
            ),
            (Reply::Nothing, later),
        ] {
            assert_eq!(decide(&reply, 0, 1.0), step, "{reply:?}");
        }
    }

    #[test]
    fn pauses_grow_and_stay_within_bounds() {
        let seconds = |attempts, jitter| pause(attempts, jitter).as_secs_f64();
        assert_eq!((seconds(0, 0.0), seconds(0, 1.0)), (2.5, 5.0));
        assert_eq!((seconds(3, 0.0), seconds(3, 1.0)), (20.0, 40.0));
        assert_eq!((seconds(500, 0.0), seconds(500, 1.0)), (900.0, 1800.0));
    }

    #[test]
    fn retry_after_is_obeyed_up_to_a_day() {
        for (asked, seconds) in [(120, 120), (0, 5), (999_999_999, 86_400)] {
            let reply = Reply::Status {
                status: 429,
                retry_after: Some(Duration::from_secs(asked)),
                receipt: true,
            };
            assert_eq!(
                decide(&reply, 0, 1.0),
                Step::Later(Duration::from_secs(seconds))
            );
        }
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let now_ms = 1_795_435_200_000;
        assert_eq!(
            parse_retry_after(" 7 ", now_ms),
            Some(Duration::from_secs(7))
        );
        let date = "Mon, 23 Nov 2026 12:01:00 GMT";
        assert_eq!(
            parse_retry_after(date, now_ms),
            Some(Duration::from_secs(60))
        );
        assert_eq!(parse_retry_after("soon", now_ms), None);
    }
}
