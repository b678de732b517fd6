//! What to do after a try: a pure table from the answer to the next step. Reads no clock, draws no number.

use std::time::Duration;

use headcount_protocol::retry::Backoff;

use crate::loss::LossReason;

/// A destination that was away for a day is asked about every half hour.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(5),
    longest: Duration::from_secs(30 * 60),
};
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
    let pause = BACKOFF.pause(attempts, jitter);
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
                asked.min(LONGEST_ASKED_PAUSE).max(pause.min(BACKOFF.first))
            })),
        },
    }
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
        let later = Step::Later(BACKOFF.first);
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
}
