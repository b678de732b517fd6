//! Days on which reports are known to be wrong, and what they spoil. Pure.

use super::Source;
use crate::meta::breaks::Break;
use crate::query::DayRange;
use crate::store::Day;

/// Part of the days compared with that may be broken.
const MOST_BROKEN: f64 = 0.2;
/// The last days of a range decide its headline numbers.
const DECISIVE_DAYS: i32 = 7;

/// Breaks that touch a feed: its own and those of all feeds. Installs are counted by any event, but who
/// sends no stats is asked for nothing else: numbers of installs are of the feed `stats`.
pub(crate) fn of<'a>(breaks: &'a [Break], feed: &'a str) -> impl Iterator<Item = &'a Break> {
    breaks
        .iter()
        .filter(move |known| known.feed.is_empty() || known.feed == feed)
}

/// Why a range is no measure for another one: too much of it is broken, or of its last days.
pub(crate) fn spoils(breaks: &[Break], feed: &str, range: DayRange) -> Option<String> {
    let days = f64::from(range.to.0 - range.from.0 + 1);
    let decisive = Day(range.to.0 - DECISIVE_DAYS + 1);
    let spoilt = |known: &&Break| {
        let (from, to) = (known.from.max(range.from), known.to.min(range.to));
        let broken = f64::from((to.0 - from.0 + 1).max(0));
        broken > 0.0 && (to >= decisive || broken > days * MOST_BROKEN)
    };
    let found = of(breaks, feed).find(spoilt);
    found.map(|known| known.reason.clone())
}

impl Source<'_> {
    /// Why a range is no measure for numbers of a feed; `None` where it is one.
    pub(crate) fn spoilt(&self, feed: &str, range: DayRange) -> Option<String> {
        spoils(self.breaks, feed, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_days_spoil_a_comparison() {
        let of = |from, to, feed: &str| {
            let known = Break {
                id: 1,
                from: Day(from),
                to: Day(to),
                feed: feed.to_owned(),
                reason: "moved".to_owned(),
            };
            let range = DayRange {
                from: Day(100),
                to: Day(189),
            };
            spoils(&[known], "stats", range).is_some()
        };
        assert!(of(187, 187, ""), "a day of the last week");
        assert!(of(90, 130, "stats"), "a third of the days");
        assert!(!of(110, 112, ""), "three days long ago");
        assert!(!of(187, 187, "tasks"), "another feed");
        assert!(!of(50, 60, "") && !of(190, 400, ""), "other days");
    }
}
