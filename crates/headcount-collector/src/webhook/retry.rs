//! What to do after a try: a pure table from the answer to the next step. Reads no clock, draws no number.

use std::time::Duration;

use headcount_protocol::retry::Backoff;

/// A post is given up after this many tries, 6 to 12 hours after the first.
pub(crate) const MOST_TRIES: u32 = 12;
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(30),
    longest: Duration::from_secs(4 * 3600),
};
/// A receiver may ask for another pause, but not to be asked in a loop, or for ever.
const LEAST_ASKED_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// An HTTP answer.
    Status {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// No answer: refused, reset, timed out, cut.
    Nothing,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Taken,
    Later(Duration),
    GiveUp,
}

/// Decides. `tries` counts this one, too; `jitter` is in 0..1.
pub(crate) fn decide(reply: Reply, tries: u32, jitter: f64) -> Step {
    let asked = match reply {
        Reply::Status {
            status: 200..=299, ..
        } => return Step::Taken,
        // The same again would be refused again; 410 asks never to be called again.
        Reply::Status {
            status: 400 | 410, ..
        } => return Step::GiveUp,
        Reply::Status { retry_after, .. } => retry_after,
        Reply::Nothing => None,
    };
    if tries >= MOST_TRIES {
        return Step::GiveUp;
    }
    Step::Later(asked.map_or_else(
        || BACKOFF.pause(tries.saturating_sub(1), jitter),
        |asked| asked.clamp(LEAST_ASKED_PAUSE, LONGEST_ASKED_PAUSE),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Reply {
        Reply::Status {
            status,
            retry_after: None,
        }
    }

    #[test]
    fn each_answer_has_its_step() {
        let later = Step::Later(BACKOFF.first);
        for (reply, step) in [
            (status(200), Step::Taken),
            (status(204), Step::Taken),
            (status(400), Step::GiveUp),
            (status(410), Step::GiveUp),
            (status(301), later),
            (status(401), later),
            (status(404), later),
            (status(429), later),
            (status(500), later),
            (Reply::Nothing, later),
        ] {
            assert_eq!(decide(reply, 1, 1.0), step, "{reply:?}");
        }
    }

    #[test]
    fn pauses_double_with_jitter_and_end() {
        let mut least = Duration::ZERO;
        let mut most = Duration::ZERO;
        for tries in 1..MOST_TRIES {
            for (sum, jitter) in [(&mut least, 0.0), (&mut most, 1.0)] {
                let Step::Later(pause) = decide(Reply::Nothing, tries, jitter) else {
                    panic!("given up after {tries}");
                };
                *sum += pause;
            }
        }
        assert_eq!(decide(Reply::Nothing, MOST_TRIES, 0.5), Step::GiveUp);
        assert_eq!((least.as_secs() / 3600, most.as_secs() / 3600), (6, 12));
    }

    #[test]
    fn the_receiver_says_when_within_reason() {
        let asked = |seconds| Reply::Status {
            status: 503,
            retry_after: Some(Duration::from_secs(seconds)),
        };
        for (seconds, pause) in [(0, 1), (7, 7), (3_600, 3_600), (u64::MAX, 86_400)] {
            let step = Step::Later(Duration::from_secs(pause));
            assert_eq!(decide(asked(seconds), 3, 0.5), step);
        }
        assert_eq!(decide(asked(1), MOST_TRIES, 0.5), Step::GiveUp);
    }
}
