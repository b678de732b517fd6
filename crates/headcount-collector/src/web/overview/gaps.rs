//! Days on which reports were broken: noted by a manager, or so silent that they can only be broken.

use crate::meta::breaks::Break;
use crate::query::{Bucket, DayRange};
use crate::reports::{Over, ReportError, Source, broken, calendar, silence};
use crate::store::Day;

/// Days that are looked at one by one.
const MOST_DAYS: i32 = 200;

/// Which points of a chart are gaps, and why in words; no points where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gaps {
    pub(crate) points: Vec<bool>,
    pub(crate) reasons: Vec<String>,
}

impl Gaps {
    /// What the line under a chart's title says of them after its own words.
    pub(crate) fn said(&self, about: &str) -> String {
        match self.reasons.is_empty() {
            true => about.to_owned(),
            false => format!("{about}; gap: {}", self.reasons.join(", ")),
        }
    }
}

/// The days that each point of a chart stands for, where it stands for those since the point before.
pub(crate) fn ending(days: &[Day]) -> Vec<DayRange> {
    let before = |place: usize| days.get(place.checked_sub(1)?).copied();
    let span = |(place, &to): (usize, &Day)| DayRange {
        from: before(place).map_or(to, |day| Day(day.0 + 1)),
        to,
    };
    days.iter().enumerate().map(span).collect()
}

/// The same where each point stands for the days up to the next one.
pub(crate) fn beginning(days: &[Day], last: Day) -> Vec<DayRange> {
    let span = |(place, &from): (usize, &Day)| DayRange {
        from,
        to: days.get(place + 1).map_or(last, |next| Day(next.0 - 1)),
    };
    days.iter().enumerate().map(span).collect()
}

/// Gaps among the points of a chart that tells of a feed. A point is one where half of its days are
/// broken.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn find(
    source: &Source<'_>,
    feed: &str,
    spans: &[DayRange],
) -> Result<Gaps, ReportError> {
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(Gaps::default());
    };
    let range = DayRange {
        from: first.from,
        to: last.to,
    };
    let silent = silent_days(source, feed, range)?;
    Ok(among((source.breaks, feed), &silent, spans))
}

fn among((breaks, feed): (&[Break], &str), silent: &[Day], spans: &[DayRange]) -> Gaps {
    let noted =
        |day: Day| broken::of(breaks, feed).find(|known| known.from <= day && day <= known.to);
    let mut gaps = Gaps::default();
    for span in spans {
        let days = || (span.from.0..=span.to.0).map(Day);
        let is_broken = |day: &Day| noted(*day).is_some() || silent.contains(day);
        let gap = days().filter(is_broken).count() * 2 >= days().count().max(1);
        gaps.points.push(gap);
        if gap {
            let reasons = days().filter(is_broken).map(|day| match noted(day) {
                Some(known) => known.reason.clone(),
                None => "nearly no install reported".to_owned(),
            });
            gaps.reasons.extend(reasons);
        }
    }
    if !gaps.points.contains(&true) {
        return Gaps::default();
    }
    let mut told: Vec<String> = Vec::new();
    gaps.reasons.retain(|reason| {
        let fresh = !told.contains(reason);
        told.extend(fresh.then(|| reason.clone()));
        fresh
    });
    gaps
}

/// Days of a range on which a feed was silent.
fn silent_days(source: &Source<'_>, feed: &str, range: DayRange) -> Result<Vec<Day>, ReportError> {
    let days = range.to.0 - range.from.0 + 1;
    if !(2..=MOST_DAYS).contains(&days) || source.narrowed {
        return Ok(Vec::new());
    }
    let over = Over {
        range,
        bucket: Bucket::Day,
        filter: &[],
    };
    let rows = source.ask(silence::measure(feed), &[], &over)?.rows;
    let mut installs = vec![0; usize::try_from(days).unwrap_or(0)];
    for row in rows {
        let place = usize::try_from(row.bucket.0 - range.from.0).unwrap_or(usize::MAX);
        if let Some(day) = installs.get_mut(place) {
            *day = row.installs;
        }
    }
    let today = calendar::day_of_ms(source.now_ms);
    let silent = silence::silent_days(&installs);
    Ok((range.from.0..=range.to.0)
        .map(Day)
        .zip(silent)
        // Today is not over.
        .filter(|&(day, silent)| silent && day < today)
        .map(|(day, _)| day)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_gap_where_half_of_its_days_are_broken() {
        let known = |from, to, feed: &str, reason: &str| Break {
            id: 1,
            from: Day(from),
            to: Day(to),
            feed: feed.to_owned(),
            reason: reason.to_owned(),
        };
        let breaks = [
            known(10, 13, "", "moved"),
            known(24, 26, "stats", "a bad release"),
            known(0, 99, "pages", "never"),
        ];
        let weeks = beginning(&[7, 14, 21].map(Day), Day(27));
        let of = |feed, silent: &[Day]| among((&breaks, feed), silent, &weeks);
        let gaps = of("stats", &[Day(27)]);
        assert_eq!(gaps.points, [true, false, true]);
        let reasons = ["moved", "a bad release", "nearly no install reported"];
        assert_eq!(gaps.reasons, reasons);
        assert_eq!(
            gaps.said("Runs"),
            "Runs; gap: moved, a bad release, nearly no install reported"
        );
        assert_eq!(of("tasks", &[]).points, [true, false, false]);
        let days = ending(&[9, 10, 11].map(Day));
        let gaps = among((&breaks, "tasks"), &[], &days);
        assert_eq!(gaps.points, [false, true, true]);
        let weeks = ending(&[2, 9].map(Day));
        assert_eq!(among((&breaks, "tasks"), &[], &weeks), Gaps::default());
        assert_eq!(Gaps::default().said("Runs"), "Runs");
    }
}
