//! Days on which reports were broken: noted by a manager, or so silent that they can only be broken.

use crate::meta::breaks::Break;
use crate::query::{Bucket, DayRange, Measure};
use crate::reports::{Over, ReportError, Source, calendar, silence};
use crate::store::Day;

/// Days that are looked at one by one.
const MOST_DAYS: usize = 100;
/// Part of the days compared with that may be broken.
const MOST_BROKEN: f64 = 0.2;
/// The last days of a range decide its headline numbers.
const DECISIVE_DAYS: i32 = 7;

/// Which points of a line are gaps, and why in words; no points where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gaps {
    pub(crate) points: Vec<bool>,
    pub(crate) reasons: Vec<String>,
}

/// Breaks of installs and of all feeds: those of tasks and pages do not touch numbers of installs.
fn of_installs(breaks: &[Break]) -> impl Iterator<Item = &Break> {
    let own = |known: &&Break| known.feed.is_empty() || known.feed == "stats";
    breaks.iter().filter(own)
}

/// Looks for them among the days of a line.
pub(crate) fn find(
    source: &Source<'_>,
    breaks: &[Break],
    days: &[Day],
) -> Result<Gaps, ReportError> {
    let noted = |day: Day| of_installs(breaks).find(|known| known.from <= day && day <= known.to);
    let silent = silent_days(source, days)?;
    let points: Vec<bool> = days
        .iter()
        .zip(&silent)
        .map(|(&day, &silent)| silent || noted(day).is_some())
        .collect();
    if !points.contains(&true) {
        return Ok(Gaps::default());
    }
    let mut reasons: Vec<String> = days
        .iter()
        .filter_map(|&day| noted(day))
        .map(|known| known.reason.clone())
        .collect();
    reasons.dedup();
    if days
        .iter()
        .zip(silent)
        .any(|(&day, silent)| silent && noted(day).is_none())
    {
        reasons.push("nearly no install reported".to_owned());
    }
    Ok(Gaps { points, reasons })
}

fn silent_days(source: &Source<'_>, days: &[Day]) -> Result<Vec<bool>, ReportError> {
    let none = vec![false; days.len()];
    let (Some(&from), Some(&to)) = (days.first(), days.last()) else {
        return Ok(none);
    };
    let gapless = usize::try_from(to.0 - from.0 + 1) == Ok(days.len());
    if !gapless || days.len() > MOST_DAYS || source.narrowed {
        return Ok(none);
    }
    let over = Over {
        range: DayRange { from, to },
        bucket: Bucket::Day,
        filter: &[],
    };
    let rows = source.ask(Measure::Active, &[], &over)?.rows;
    let installs: Vec<u64> = rows.iter().map(|row| row.installs).collect();
    let mut silent = silence::silent_days(&installs);
    // Today is not over.
    if to >= calendar::day_of_ms(source.now_ms)
        && let Some(last) = silent.last_mut()
    {
        *last = false;
    }
    Ok(if silent.len() == days.len() {
        silent
    } else {
        none
    })
}

/// Why a range is no measure for another one: too much of it is broken, or of its last days.
pub(crate) fn spoils(breaks: &[Break], range: DayRange) -> Option<String> {
    let days = f64::from(range.to.0 - range.from.0 + 1);
    let decisive = Day(range.to.0 - DECISIVE_DAYS + 1);
    let spoilt = |known: &&Break| {
        let (from, to) = (known.from.max(range.from), known.to.min(range.to));
        let broken = f64::from((to.0 - from.0 + 1).max(0));
        broken > 0.0 && (to >= decisive || broken > days * MOST_BROKEN)
    };
    let found = of_installs(breaks).find(spoilt);
    found.map(|known| known.reason.clone())
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
            spoils(&[known], range).is_some()
        };
        assert!(of(187, 187, ""), "a day of the last week");
        assert!(of(90, 130, "stats"), "a third of the days");
        assert!(!of(110, 112, ""), "three days long ago");
        assert!(!of(187, 187, "tasks"), "another feed");
        assert!(!of(50, 60, "") && !of(190, 400, ""), "other days");
    }
}
