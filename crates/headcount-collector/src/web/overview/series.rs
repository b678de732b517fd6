//! Numbers over time for the overview: which days are asked, and what they answer. Asks a `Source`.

use crate::query::{AnswerRow, Bucket, Clause, DayRange, Dimension, Measure};
use crate::reports::totals::week_to;
use crate::reports::versions::untold;
use crate::reports::{Over, ReportError, Source, release, share};
use crate::store::Day;

use super::state::Metric;

/// Most points of a line: more cannot be told apart, and their table would be long.
const MOST_POINTS: i32 = 100;

/// The days a chart of a range has points for: each day, or every 7th or 28th, the last one always.
pub(crate) fn points(range: DayRange, first: Day) -> Vec<Day> {
    let from = range.from.max(first);
    let step = step(range);
    let mut days: Vec<Day> = (0..)
        .map(|k| range.to.0 - k * step)
        .take_while(|&day| day >= from.0)
        .map(Day)
        .collect();
    days.reverse();
    days
}

fn step(range: DayRange) -> i32 {
    let days = range.to.0 - range.from.0 + 1;
    [1, 7]
        .into_iter()
        .find(|step| days / step <= MOST_POINTS)
        .unwrap_or(28)
}

/// A question over the 7 days up to each of some days.
pub(crate) struct Weeks<'a> {
    pub(crate) measure: Measure,
    pub(crate) by: &'a [Dimension],
    pub(crate) filter: &'a [Clause],
}

impl Weeks<'_> {
    /// The rows of each day asked, in their order.
    pub(crate) fn ask(
        &self,
        source: &Source<'_>,
        days: &[Day],
    ) -> Result<Vec<Vec<AnswerRow>>, ReportError> {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else {
            return Ok(Vec::new());
        };
        let gapless = last.0 - first.0 + 1 == i32::try_from(days.len()).unwrap_or(0);
        if gapless && days.len() > 1 {
            let range = DayRange {
                from: first,
                to: last,
            };
            let over = Over {
                range,
                bucket: Bucket::Trailing7,
                filter: self.filter,
            };
            let mut out = vec![Vec::new(); days.len()];
            for row in source.ask(self.measure, self.by, &over)?.rows {
                let place = usize::try_from(row.bucket.0 - first.0).unwrap_or(usize::MAX);
                if let Some(rows) = out.get_mut(place) {
                    rows.push(row);
                }
            }
            return Ok(out);
        }
        let ask = |&day: &Day| {
            let over = Over::whole(week_to(day), self.filter);
            Ok(source.ask(self.measure, self.by, &over)?.rows)
        };
        days.iter().map(ask).collect()
    }
}

/// One value of a metric for each day.
pub(crate) fn metric(
    source: &Source<'_>,
    metric: Metric,
    days: &[Day],
    filter: &[Clause],
    latest: &str,
) -> Result<Vec<f64>, ReportError> {
    let weeks = |measure, by| {
        Weeks {
            measure,
            by,
            filter,
        }
        .ask(source, days)
    };
    let each = |rows: Vec<Vec<AnswerRow>>, value: fn(&AnswerRow) -> f64| -> Vec<f64> {
        rows.iter()
            .map(|rows| rows.first().map_or(0.0, value))
            .collect()
    };
    let installs: fn(&AnswerRow) -> f64 = |row| row.installs as f64;
    Ok(match metric {
        Metric::Active => each(weeks(Measure::Active, &[])?, installs),
        Metric::New => each(weeks(Measure::New, &[])?, installs),
        Metric::Gone => each(weeks(Measure::Gone, &[])?, installs),
        Metric::Users => each(weeks(Measure::Users, &[])?, |row| row.amount),
        Metric::Median => each(weeks(Measure::Users, &[])?, |row| row.median.unwrap_or(0.0)),
        Metric::Latest => by_attribute(source, Dimension::Version, days, filter)?
            .iter()
            .map(|rows| share_of(rows, latest))
            .collect(),
    })
}

/// Active installs by an attribute, those that did not tell it under an empty key.
pub(crate) fn by_attribute(
    source: &Source<'_>,
    attribute: Dimension,
    days: &[Day],
    filter: &[Clause],
) -> Result<Vec<Vec<AnswerRow>>, ReportError> {
    let measure = Measure::Active;
    let weeks = Weeks {
        measure,
        by: &[attribute],
        filter,
    };
    let mut told = weeks.ask(source, days)?;
    let active = Weeks { by: &[], ..weeks }.ask(source, days)?;
    for (told, active) in told.iter_mut().zip(active) {
        told.extend(untold(told, active));
    }
    Ok(told)
}

/// Share of installs on one version.
pub(crate) fn share_of(rows: &[AnswerRow], version: &str) -> f64 {
    let all = rows.iter().map(|row| row.installs).sum();
    let on = rows
        .iter()
        .filter(|row| row.key[0] == version)
        .map(|row| row.installs)
        .sum();
    share(on, all)
}

/// A release and the day it was first seen on more than a few installs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) day: Day,
}

/// Releases that came up inside a range of days, in order of their day. What is there on the first
/// day already has no known beginning and is left out.
pub(crate) fn releases(source: &Source<'_>, range: DayRange) -> Result<Vec<Release>, ReportError> {
    let over = Over {
        range,
        bucket: Bucket::Day,
        filter: &[],
    };
    let rows = source
        .ask(Measure::Active, &[Dimension::Version], &over)?
        .rows;
    let mut seen: Vec<Release> = Vec::new();
    for day in rows.chunk_by(|a, b| a.bucket == b.bucket) {
        let active: u64 = day.iter().map(|row| row.installs).sum();
        for row in day.iter().filter(|row| row.installs > release::few(active)) {
            let version = &row.key[0];
            if release::is_release(version) && seen.iter().all(|known| known.version != *version) {
                seen.push(Release {
                    version: version.clone(),
                    day: row.bucket,
                });
            }
        }
    }
    let first = seen.first().map(|release| release.day);
    seen.retain(|release| Some(release.day) != first);
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_end_with_the_range_and_are_few() {
        let range = |from, to| DayRange {
            from: Day(from),
            to: Day(to),
        };
        assert_eq!(points(range(10, 13), Day(0)), [10, 11, 12, 13].map(Day));
        assert_eq!(points(range(10, 13), Day(12)), [12, 13].map(Day));
        let year = points(range(0, 364), Day(-9));
        assert_eq!((year.len(), year[0], year[52]), (53, Day(0), Day(364)));
        assert!(points(range(0, 1_102), Day(0)).len() <= 40);
        assert_eq!(points(range(10, 13), Day(20)), []);
    }
}
