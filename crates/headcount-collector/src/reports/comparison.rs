//! What a report says of an earlier time: which days those are, and the columns that tell of them.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Params, Report, ReportError, Source, calendar, params};
use crate::query::{Bucket, DayRange};
use crate::store::Day;

/// What the range is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// As many days directly before.
    Previous,
    /// The same days a year before.
    Year,
    Off,
}

impl Compare {
    pub(crate) const ALL: [Self; 3] = [Self::Previous, Self::Year, Self::Off];

    /// The word in query strings.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Year => "year",
            Self::Off => "off",
        }
    }

    /// The earlier range, `None` when it is off.
    pub(crate) fn range(self, of: DayRange) -> Option<DayRange> {
        match self {
            Self::Previous => Some(params::previous(of)),
            Self::Year => {
                let to = calendar::year_before(of.to);
                Some(DayRange {
                    from: Day(to.0 - (of.to.0 - of.from.0)),
                    to,
                })
            }
            Self::Off => None,
        }
    }

    /// The earlier range for a report cut into buckets: weeks lie beside whole weeks.
    fn beside(self, of: DayRange, bucket: Bucket) -> Option<DayRange> {
        const WEEK: i32 = 7;
        let earlier = self.range(of)?;
        let back = of.to.0 - earlier.to.0;
        let back = match (bucket, self) {
            (Bucket::Week, Self::Previous) => (back + WEEK - 1) / WEEK * WEEK,
            (Bucket::Week, _) => back / WEEK * WEEK,
            _ => back,
        };
        Some(DayRange {
            from: Day(of.from.0 - back),
            to: Day(of.to.0 - back),
        })
    }
}

/// How a report tells of an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// It has a column of its own for it, and goes by the days before where nothing is asked.
    Itself,
    /// Rows are found again by so many columns at their beginning; each number gets a second column.
    Joined(usize),
    /// It knows no days.
    Never,
}

/// The earlier time of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// Its days.
    pub range: DayRange,
    /// Distinct installs that were active in them and match the filter; `None` where it was left out.
    pub base_installs: Option<u64>,
    /// Why it was left out: what is known to be wrong with its days.
    pub left_out: Option<String>,
}

/// Columns that say what a row is, not how much of it there is.
const WORDS: [&str; 5] = [
    "top_exception",
    "first_version",
    "released",
    "complete",
    "detail",
];

/// Which columns of a report are told of the earlier time, too.
pub(super) fn columns(report: &Report) -> Vec<usize> {
    let Compared::Joined(keys) = report.compared else {
        return Vec::new();
    };
    (keys..report.columns.len())
        .filter(|&place| !WORDS.contains(&report.columns[place]))
        .collect()
}

/// Adds the columns of the earlier time to rows, and rows that were there only then.
///
/// # Errors
/// As the report itself.
pub(super) fn join(
    (report, compare): (&Report, Compare),
    source: &Source<'_>,
    params: &Params,
    rows: &mut Vec<Vec<Cell>>,
) -> Result<Option<Earlier>, ReportError> {
    let Compared::Joined(keys) = report.compared else {
        return Ok(None);
    };
    let cut = if report.long {
        params.cohort
    } else {
        params.bucket
    };
    let Some(range) = compare.beside(params.range, cut) else {
        return Ok(None);
    };
    let left_out = source.spoilt(report.feed, range);
    let was = match left_out {
        Some(_) => Body {
            base: 0,
            rows: Vec::new(),
        },
        None => {
            let mut earlier = params.clone();
            earlier.range = range;
            (report.run)(source, &earlier)?
        }
    };
    let told = columns(report);
    let mut found = by_key((params.range, range, cut), keys, was.rows);
    for row in rows.iter_mut() {
        let earlier = found.remove(&key(row, keys));
        row.extend(
            told.iter()
                .map(|&place| match (&earlier, &row[place]) {
                    (Some(earlier), _) => earlier[place].clone(),
                    (None, Cell::Count(_)) if left_out.is_none() => Cell::Count(0),
                    (None, _) => Cell::Null,
                })
                .collect::<Vec<_>>(),
        );
    }
    let mut gone: Vec<Vec<Cell>> = found.into_values().collect();
    gone.sort_by_cached_key(|row| key(row, keys));
    rows.extend(gone.into_iter().map(|row| only_then(row, keys, &told)));
    if report.columns.first() == Some(&"day") {
        rows.sort_by_key(|row| row[0].day());
    }
    Ok(Some(Earlier {
        range,
        base_installs: left_out.is_none().then_some(was.base),
        left_out,
    }))
}

/// A row of the earlier time that has none beside it now.
fn only_then(row: Vec<Cell>, keys: usize, told: &[usize]) -> Vec<Cell> {
    let earlier: Vec<Cell> = told.iter().map(|&place| row[place].clone()).collect();
    let now = row.into_iter().enumerate().map(|(place, cell)| {
        if place < keys {
            return cell;
        }
        match cell {
            Cell::Count(_) => Cell::Count(0),
            _ => Cell::Null,
        }
    });
    now.chain(earlier).collect()
}

fn key(row: &[Cell], keys: usize) -> Vec<String> {
    row.iter().take(keys).map(Cell::plain).collect()
}

/// Rows by their key, buckets of days by those they stand beside: the first by the first. A bucket
/// beyond the last one of now has none.
fn by_key(
    (now, was, cut): (DayRange, DayRange, Bucket),
    keys: usize,
    rows: Vec<Vec<Cell>>,
) -> FxHashMap<Vec<String>, Vec<Cell>> {
    let starts = |range: DayRange| calendar::starts(range.from, range.to, cut);
    let (now, was) = (starts(now), starts(was));
    let beside = |day: Day| {
        let place = was.iter().position(|known| *known == day)?;
        now.get(place).copied()
    };
    let mut found = FxHashMap::default();
    for mut row in rows {
        if let Some(day) = row[0].day() {
            let Some(day) = beside(day) else {
                continue;
            };
            row[0] = Cell::Day(day);
        }
        found.insert(key(&row, keys), row);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_compared_with_whole_weeks() {
        let range = DayRange {
            from: Day(100),
            to: Day(129),
        };
        let of = |compare: Compare, bucket| {
            let range = compare.beside(range, bucket);
            range.map(|range| (range.from.0, range.to.0))
        };
        assert_eq!(of(Compare::Previous, Bucket::Day), Some((70, 99)));
        assert_eq!(of(Compare::Previous, Bucket::Week), Some((65, 94)));
        assert_eq!(of(Compare::Year, Bucket::Day), Some((-265, -236)));
        assert_eq!(of(Compare::Year, Bucket::Week), Some((-264, -235)));
        assert_eq!(of(Compare::Off, Bucket::Day), None);
    }

    #[test]
    fn a_year_before_keeps_the_length() {
        let range = DayRange {
            from: calendar::parse("2026-08-25").expect("a day"),
            to: calendar::parse("2026-11-22").expect("a day"),
        };
        let before = Compare::Year.range(range).expect("it is on");
        assert_eq!(calendar::iso(before.to), "2025-11-22");
        assert_eq!(before.to.0 - before.from.0, 89);
        let before = Compare::Previous.range(range).expect("it is on");
        assert_eq!(before.to, Day(range.from.0 - 1));
        assert_eq!(Compare::Off.range(range), None);
    }
}
