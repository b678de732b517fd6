//! Days of foul weather in a second: nothing is lost, and no request leaves before the back-off allows it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headcount_client::{Caps, Pace, Recorded, Sender, TokenKind};
use headcount_testkit::clock::ManualClock;
use headcount_testkit::fault::{Answer, Fault};

use crate::collector::Collector;
use crate::install::Installation;

/// Written down here anew, so that the test does not believe the code: 5 s doubling to 30 min, at least half.
const FIRST_MS: i64 = 5_000;
const LONGEST_MS: i64 = 30 * 60_000;
const DAY_MS: i64 = 86_400_000;

/// Earliest and latest pause after so many failures in a row, the last of which asked for `retry_after`.
fn pause(failures: u32, retry_after: Option<i64>) -> (i64, i64) {
    let whole = (FIRST_MS << failures.saturating_sub(1).min(16)).min(LONGEST_MS);
    match retry_after.map(|seconds| (seconds * 1000).min(DAY_MS)) {
        Some(asked) => (asked.max(FIRST_MS / 2), asked.max(FIRST_MS)),
        None => (whole / 2, whole),
    }
}

struct Weather {
    collector: Collector,
    install: Installation,
    sender: Sender,
    clock: ManualClock,
    failures: u32,
    expected: BTreeMap<String, u64>,
}

impl Weather {
    fn new() -> Self {
        let collector = Collector::start(vec![]);
        let install = Installation::sending_to(TokenKind::Headcount, &collector.server.url());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let clock = ManualClock::new(i64::try_from(now.as_millis()).unwrap());
        let for_sender = clock.clone();
        // Events may not grow too old while the clock runs through days.
        let caps = Caps {
            age: Duration::from_secs(100 * 365 * 86_400),
            ..Caps::default()
        };
        let http = std::sync::Arc::new(headcount_client::Http::new(
            Duration::from_millis(250),
            None,
        ));
        let sender = Sender::open(&install.state, http, Duration::ZERO, caps).unwrap();
        Self {
            sender: sender.with_clock(move || for_sender.now_ms()),
            collector,
            install,
            clock,
            failures: 0,
            expected: BTreeMap::new(),
        }
    }

    /// Records an event and sees to it that it waits.
    fn record(&mut self, label: &str) {
        let event = crate::install::event(label);
        let answers = self.install.state.record(&[event], &Caps::default());
        assert_eq!(answers.unwrap(), [Recorded::Held]);
        *self.expected.entry(label.to_owned()).or_default() += 1;
    }

    fn requests(&mut self) -> usize {
        self.sender.run_once(Pace::Due).unwrap().requests
    }

    /// The next request meets `fault`; then none may leave before the pause is over, and one must after it.
    fn endure(&mut self, fault: impl Into<Fault>, retry_after: Option<i64>, what: &str) {
        self.collector.server.push(fault);
        assert_eq!(self.requests(), 1, "{what}: one request for one answer");
        self.failures += 1;
        let (earliest, latest) = pause(self.failures, retry_after);
        self.clock.advance(ms(earliest / 2));
        assert_eq!(self.requests(), 0, "{what}: sent after half the pause");
        self.clock.advance(ms(earliest - earliest / 2 - 1));
        assert_eq!(self.requests(), 0, "{what}: sent a moment too early");
        self.clock.advance(ms(latest - earliest + 1));
    }

    fn sun(&mut self, what: &str) {
        assert!(
            self.requests() >= 1,
            "{what}: not sent when the pause was over"
        );
        self.failures = 0;
        assert_eq!(self.install.waiting(), 0, "{what}");
    }
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap())
}

/// Every status that is registered, and some that no standard knows.
fn statuses() -> impl Iterator<Item = u16> {
    let registered = [100..=103, 200..=208, 300..=308, 400..=431, 500..=511];
    let strange = [199, 226, 299, 399, 444, 451, 499, 520, 530, 599, 999];
    registered.into_iter().flatten().chain(strange)
}

#[test]
fn every_status_is_answered_by_the_pause_it_deserves() {
    let mut weather = Weather::new();
    let (mut refused, mut stopped) = (0, 0);
    for status in statuses() {
        let what = status.to_string();
        weather.record(&what);
        match status {
            400 => {
                weather.collector.server.push(Answer::status(status));
                assert_eq!(weather.requests(), 1);
                weather.expected.remove(&what);
                refused += 1;
            }
            401 | 403 => {
                weather.collector.server.push(Answer::status(status));
                assert_eq!(weather.requests(), 1);
                weather.clock.advance(ms(30 * DAY_MS));
                assert_eq!(weather.requests(), 0, "{status}: stopped is stopped");
                weather.install.state.spool().unwrap().resume(1).unwrap();
                stopped += 1;
                weather.sun(&what);
            }
            413 => {
                // One event that is too large for a request never fits.
                weather.collector.server.push(Answer::status(status));
                assert_eq!(weather.requests(), 1);
                weather.expected.remove(&what);
                refused += 1;
            }
            _ => {
                weather.endure(Answer::status(status), None, &what);
                weather.sun(&what);
            }
        }
    }
    assert_eq!((refused, stopped), (2, 2));
    assert_eq!(weather.collector.runs(), weather.expected);
    let lost = weather
        .install
        .state
        .spool()
        .unwrap()
        .status(&[])
        .unwrap()
        .lost;
    let told: BTreeMap<String, u64> = [("refused", 1), ("too_large", 1)]
        .map(|(reason, events)| (reason.to_owned(), events))
        .into();
    assert_eq!(lost, told, "what is lost is counted, and nothing else is");
}

#[test]
fn a_long_storm_is_asked_about_ever_more_rarely() {
    let mut weather = Weather::new();
    let ok = || Answer::status(200).body(r#"{"accepted":1,"duplicates":0,"rejected":[]}"#);
    let storm: Vec<(Fault, Option<i64>)> = vec![
        (Fault::Close, None),
        (Fault::Reset, None),
        (Fault::Cut(5, ok()), None),
        (Fault::Stall(Duration::from_millis(400), ok()), None),
        (Fault::Garbage(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), None),
        (Answer::status(503).into(), None),
        (Answer::status(429).retry_after(3600).into(), Some(3600)),
        (Answer::status(503).retry_after(1).into(), Some(1)),
        (
            Answer::status(429).retry_after(9_999_999).into(),
            Some(9_999_999),
        ),
        (Answer::status(200).body("<html>log in</html>").into(), None),
        (Fault::Trickle(Duration::from_millis(30), ok()), None),
        (Answer::status(502).into(), None),
        (Fault::Reset, None),
    ];
    for (number, (fault, retry_after)) in storm.into_iter().enumerate() {
        let what = format!("storm {number}");
        // More comes in all the time; it changes nothing about when the next request leaves.
        weather.record(&what);
        weather.endure(fault, retry_after, &what);
    }
    weather.sun("the sun");
    assert_eq!(weather.collector.runs(), weather.expected);
    assert_eq!(
        weather
            .install
            .state
            .spool()
            .unwrap()
            .status(&[])
            .unwrap()
            .lost,
        BTreeMap::new()
    );
}
