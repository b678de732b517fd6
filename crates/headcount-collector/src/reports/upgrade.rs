//! `upgrade` and `upgrade-lag`: how fast installs move to a release: the share of the active installs
//! of the 7 days up to each day that last told it or a newer one, and the days until half and nine
//! tenths had. A release is a version that more than a few installs run; its first such day is day 0.
//! What was there in the first week of the range has no known beginning and is left out.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Over, Params, ReportError, Source, calendar, release, share};
use crate::query::{AnswerRow, Bucket, DayRange, Dimension, Measure};
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 5] = [
    "version",
    "days_since_release",
    "share",
    "installs",
    "active",
];
pub(crate) const LAG_COLUMNS: [&str; 7] = [
    "version",
    "released",
    "days_to_50",
    "days_to_90",
    "share",
    "installs",
    "behind",
];

/// Days a release must be seen after the first day of the range, so that its beginning is known.
const SETTLING_DAYS: i32 = 7;

/// A release and how far it had come each day.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spreading {
    pub(crate) version: String,
    pub(crate) day: Day,
    /// For each day from `day` on: installs on it or newer, and active installs.
    pub(crate) steps: Vec<(u64, u64)>,
}

impl Spreading {
    /// Days until a share of the active installs ran it or newer.
    pub(crate) fn days_to(&self, part: f64) -> Option<u64> {
        let reached = |&(on, active): &(u64, u64)| active > 0 && share(on, active) >= part;
        let found = self.steps.iter().position(reached);
        found.map(|days| days as u64)
    }

    /// The last step: installs on it or newer, and active installs.
    pub(crate) fn now(&self) -> (u64, u64) {
        self.steps.last().copied().unwrap_or_default()
    }
}

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let (base, found) = spreading(source, params)?;
    let mut rows = Vec::new();
    for release in found {
        for (days, &(on, active)) in release.steps.iter().enumerate() {
            rows.push(vec![
                Cell::Text(release.version.clone()),
                Cell::Count(days as u64),
                Cell::Number(share(on, active)),
                Cell::Count(on),
                Cell::Count(active),
            ]);
        }
    }
    Ok(Body { base, rows })
}

pub(crate) fn lag(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let (base, found) = spreading(source, params)?;
    let days = |days: Option<u64>| days.map_or(Cell::Null, Cell::Count);
    let rows = found
        .into_iter()
        .map(|release| {
            let (on, active) = release.now();
            let [half, most] = [release.days_to(0.5), release.days_to(0.9)];
            vec![
                Cell::Text(release.version),
                Cell::Day(release.day),
                days(half),
                days(most),
                Cell::Number(share(on, active)),
                Cell::Count(on),
                Cell::Count(active - on),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}

/// Releases of the range, the newest version first, and the base.
pub(crate) fn spreading(
    source: &Source<'_>,
    params: &Params,
) -> Result<(u64, Vec<Spreading>), ReportError> {
    let today = calendar::day_of_ms(source.now_ms);
    let range = DayRange {
        from: params.range.from,
        to: params.range.to.min(today),
    };
    let over = Over {
        range,
        bucket: Bucket::Trailing7,
        filter: &params.filter,
    };
    let answer = source.ask(Measure::Active, &[Dimension::Version], &over)?;
    let active = source.ask(Measure::Active, &[], &over)?.rows;
    Ok((answer.base, spread(&answer.rows, &active)))
}

/// From rows by version and rows of all active installs, day by day.
pub(crate) fn spread(by_version: &[AnswerRow], active: &[AnswerRow]) -> Vec<Spreading> {
    let Some(first) = active.iter().find(|row| row.installs > 0) else {
        return Vec::new();
    };
    let known_from = Day(first.bucket.0 + SETTLING_DAYS);
    let totals: FxHashMap<Day, u64> = active
        .iter()
        .map(|row| (row.bucket, row.installs))
        .collect();
    let mut released: FxHashMap<&str, Day> = FxHashMap::default();
    for row in by_version {
        let all = totals.get(&row.bucket).copied().unwrap_or(0);
        if release::is_release(&row.key[0]) && row.installs > release::few(all) {
            released.entry(&row.key[0]).or_insert(row.bucket);
        }
    }
    let mut versions: Vec<(&str, Day)> = released
        .into_iter()
        .filter(|(_, day)| *day >= known_from)
        .collect();
    versions.sort_by(|a, b| release::order(b.0, a.0));
    let newer = Newer::of(by_version);
    let of = |(version, day): (&str, Day)| {
        let days = active.iter().filter(|row| row.bucket >= day);
        Spreading {
            version: version.to_owned(),
            day,
            steps: days
                .map(|row| (newer.installs(row.bucket, version), row.installs))
                .collect(),
        }
    };
    versions.into_iter().map(of).collect()
}

/// Installs on a version or a newer one, day by day.
struct Newer<'a> {
    /// Place of each version among all, oldest first: versions are slow to compare.
    places: FxHashMap<&'a str, usize>,
    /// By place: installs on it or beyond.
    sums: FxHashMap<Day, Vec<u64>>,
}

impl<'a> Newer<'a> {
    fn of(by_version: &'a [AnswerRow]) -> Self {
        let mut versions: Vec<&str> = by_version.iter().map(|row| row.key[0].as_str()).collect();
        versions.sort_unstable();
        versions.dedup();
        versions.sort_by(|a, b| release::order(a, b));
        let places: FxHashMap<&str, usize> = versions.iter().copied().zip(0..).collect();
        let mut sums: FxHashMap<Day, Vec<u64>> = FxHashMap::default();
        for row in by_version {
            let of_day = sums.entry(row.bucket);
            let of_day = of_day.or_insert_with(|| vec![0; versions.len()]);
            of_day[places[row.key[0].as_str()]] += row.installs;
        }
        for of_day in sums.values_mut() {
            let mut sum = 0;
            for installs in of_day.iter_mut().rev() {
                sum += *installs;
                *installs = sum;
            }
        }
        Self { places, sums }
    }

    fn installs(&self, day: Day, version: &str) -> u64 {
        let (of_day, place) = (self.sums.get(&day), self.places.get(version));
        of_day.zip(place).map_or(0, |(sums, &place)| sums[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: i32, version: &[&str], installs: u64) -> AnswerRow {
        AnswerRow {
            bucket: Day(day),
            key: version.iter().map(|&text| text.to_owned()).collect(),
            installs,
            amount: 0.0,
            failures: 0,
            median: None,
            p90: None,
        }
    }

    #[test]
    fn a_release_begins_when_more_than_a_few_run_it() {
        let active: Vec<_> = (0..12).map(|day| row(day, &[], 10)).collect();
        let rows = [
            row(0, &["5.3.0"], 10),
            row(8, &["5.3.0"], 8),
            row(8, &["5.4.0"], 1),
            row(9, &["5.3.0"], 5),
            row(9, &["5.4.0"], 4),
            row(9, &["6.0.0b1"], 1),
            row(10, &["5.4.0"], 9),
            row(11, &["5.4.0"], 3),
            row(11, &["5.5.0"], 6),
        ];
        let found = spread(&rows, &active);
        let names: Vec<_> = found
            .iter()
            .map(|r| (r.version.as_str(), r.day.0))
            .collect();
        assert_eq!(names, [("5.5.0", 11), ("5.4.0", 9)]);
        assert_eq!(found[1].steps, [(5, 10), (9, 10), (9, 10)]);
        assert_eq!(found[1].days_to(0.5), Some(0));
        assert_eq!(found[1].days_to(0.9), Some(1));
        assert_eq!(found[0].days_to(0.9), None);
        assert_eq!(spread(&[], &[]), []);
    }
}
