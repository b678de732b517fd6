//! `retention`: of the installs first seen in a bucket, how many are active so many buckets later.
//! Cohorts are months unless `bucket` says otherwise; `complete` is 0 where the range ends inside the
//! bucket that is looked at, so that fewer can have reported.

use super::{Body, Cell, Params, ReportError, Source, calendar, share};
use crate::query::{Bucket, Cohort, DayRange, LivesQuery};
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 6] = ["cohort", "age", "installs", "kept", "share", "complete"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let found = (source.lives)(&LivesQuery {
        range: params.range,
        filter: params.filter.clone(),
        cut: Some(params.cohort),
    })?;
    let last = last_complete(params.range, params.cohort);
    let mut rows = Vec::new();
    for (place, cohort) in found.cohorts.iter().enumerate() {
        for (age, &kept) in cohort.active.iter().enumerate() {
            let complete = place + age < last;
            rows.push(row(cohort, age as u64, kept, complete));
        }
    }
    Ok(Body {
        base: found.installs,
        rows,
    })
}

fn row(cohort: &Cohort, age: u64, kept: u64, complete: bool) -> Vec<Cell> {
    vec![
        Cell::Day(cohort.first),
        Cell::Count(age),
        Cell::Count(cohort.installs),
        Cell::Count(kept),
        Cell::Number(share(kept, cohort.installs)),
        Cell::Count(u64::from(complete)),
    ]
}

/// How many buckets of a range end within it: with the day after it one more begins, or the last one
/// goes on.
pub(crate) fn last_complete(range: DayRange, cut: Bucket) -> usize {
    let starts = calendar::starts(range.from, Day(range.to.0 + 1), cut);
    starts.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_complete_when_the_next_one_could_begin() {
        let of = |from: &str, to: &str, cut| {
            let day = |text| calendar::parse(text).expect("a day");
            let range = DayRange {
                from: day(from),
                to: day(to),
            };
            last_complete(range, cut)
        };
        assert_eq!(of("2026-06-01", "2026-08-31", Bucket::Month), 3);
        assert_eq!(of("2026-06-01", "2026-08-30", Bucket::Month), 2);
        assert_eq!(of("2026-08-01", "2026-08-02", Bucket::Day), 2);
        // 2026-08-02 is a Sunday.
        assert_eq!(of("2026-07-20", "2026-08-02", Bucket::Week), 2);
        assert_eq!(of("2026-07-20", "2026-08-01", Bucket::Week), 1);
    }
}
