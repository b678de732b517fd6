//! What the reader of a share link may see: every question is narrowed to the link's filter and days
//! before the index sees it, whatever the page asks. Pure.
//!
//! Clauses of one dimension are joined by or, so that adding the link's to a question's own could
//! widen it: where both name a dimension, what is asked is what both allow, and nothing where they
//! have nothing in common.

use crate::query::{Bucket, Clause, ClauseValue, DayRange, Dimension, Measure, Query};
use crate::store::Day;

/// A day's figure is that of the 7 days up to it, so the first day needs the 6 before.
const DAYS_BEFORE: i32 = 6;
/// Who is gone on a day was active so many days before it.
const GONE_AFTER: i32 = 8;
/// Days after the first one until installs can be gone: those that were active in the 6 days before it.
const FIRST_GONE: i32 = GONE_AFTER - DAYS_BEFORE;
/// Days after the first one until all of the 7 days up to a day can have some.
pub const FIRST_GONE_WEEK: i32 = FIRST_GONE + DAYS_BEFORE;

/// No text has this character, so no event matches it.
const NOTHING: &str = "\0";

/// Filter and days of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Without any it is the whole project.
    pub clauses: Vec<Clause>,
    pub days: DayRange,
}

impl Fixed {
    /// The question within filter and days; `None` where it asks about other days only.
    pub fn narrow(&self, query: &Query) -> Option<Query> {
        let mut narrowed = query.clone();
        narrowed.range = self.within(query)?;
        let positive = |clause: &&Clause| !clause.negated;
        let mut done: Vec<Dimension> = Vec::new();
        for fixed in self.clauses.iter().filter(positive) {
            let dimension = fixed.dimension;
            if done.contains(&dimension) {
                continue;
            }
            done.push(dimension);
            let of = |clause: &&Clause| !clause.negated && clause.dimension == dimension;
            let fixed: Vec<&Clause> = self.clauses.iter().filter(of).collect();
            let asked: Vec<&Clause> = query.filter.iter().filter(of).collect();
            narrowed.filter.retain(|clause| !of(&clause));
            narrowed.filter.extend(both(dimension, &fixed, &asked));
        }
        let negated = self.clauses.iter().filter(|clause| clause.negated);
        narrowed.filter.extend(negated.cloned());
        Some(narrowed)
    }

    fn within(&self, query: &Query) -> Option<DayRange> {
        let asked = query.range;
        // Buckets that trail reach back by themselves.
        let trails = query.bucket == Bucket::Trailing7;
        let first = match (query.measure, trails) {
            (Measure::Gone, true) => FIRST_GONE_WEEK,
            (Measure::Gone, false) => FIRST_GONE,
            (_, true) => 0,
            (_, false) => -DAYS_BEFORE,
        };
        let from = asked.from.max(Day(self.days.from.0 + first));
        let to = asked.to.min(self.days.to);
        (from <= to).then_some(DayRange { from, to })
    }
}

/// What two lists of clauses of one dimension both allow; a list without any allows everything.
fn both(dimension: Dimension, fixed: &[&Clause], asked: &[&Clause]) -> Vec<Clause> {
    if asked.is_empty() {
        return fixed.iter().map(|&clause| clause.clone()).collect();
    }
    let clause = |value| Clause {
        dimension,
        negated: false,
        value,
    };
    let pairs = fixed
        .iter()
        .flat_map(|fixed| asked.iter().map(|asked| (&fixed.value, &asked.value)));
    let common: Vec<Clause> = pairs
        .filter_map(|(fixed, asked)| common(fixed, asked))
        .map(clause)
        .collect();
    if common.is_empty() {
        let text = ClauseValue::Text(NOTHING.to_owned());
        return vec![match dimension {
            // No number is in a range that ends before it begins.
            Dimension::Users | Dimension::Tokens => clause(ClauseValue::Range(1, 0)),
            Dimension::Version
            | Dimension::App
            | Dimension::AppVersion
            | Dimension::Deployment
            | Dimension::FirstSeen
            | Dimension::Namespace
            | Dimension::Task
            | Dimension::Result
            | Dimension::Label
            | Dimension::Path
            | Dimension::Title
            | Dimension::Locale
            | Dimension::Browser
            | Dimension::Os => clause(text),
        }];
    }
    common
}

fn common(fixed: &ClauseValue, asked: &ClauseValue) -> Option<ClauseValue> {
    match (fixed, asked) {
        (ClauseValue::Text(fixed), ClauseValue::Text(asked)) => {
            (fixed == asked).then(|| ClauseValue::Text(fixed.clone()))
        }
        (ClauseValue::Range(a, b), ClauseValue::Range(c, d)) => {
            let (low, high) = (*a.max(c), *b.min(d));
            (low <= high).then_some(ClauseValue::Range(low, high))
        }
        (ClauseValue::Text(_), ClauseValue::Range(..))
        | (ClauseValue::Range(..), ClauseValue::Text(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::params::{clause, clause_text};

    fn days(from: i32, to: i32) -> DayRange {
        DayRange {
            from: Day(from),
            to: Day(to),
        }
    }

    fn query(filter: &[&str], range: DayRange, bucket: Bucket) -> Query {
        Query {
            measure: Measure::Active,
            by: Vec::new(),
            filter: filter.iter().map(|text| clause(text).unwrap()).collect(),
            range,
            bucket,
            only: Vec::new(),
            medians: false,
        }
    }

    #[test]
    fn no_question_reaches_beyond_the_filter() {
        let version = "version:5.5.0";
        let cases: [(&[&str], &[&str], &[&str]); 9] = [
            (&[], &[version], &[version]),
            (&[version], &[], &[version]),
            (&[version], &["version:5.4.0"], &["version:\0"]),
            (&[version], &[version, "version:5.4.0"], &[version]),
            (
                &[version],
                &["!version:5.5.0"],
                &["!version:5.5.0", version],
            ),
            (
                &[version, "version:5.4.0", "!app:x"],
                &["app:x", "version:5.4.0"],
                &["app:x", "version:5.4.0", "!app:x"],
            ),
            (&["users:10-99"], &["users:50-"], &["users:50-99"]),
            (&["users:10-99"], &["users:0-5"], &["users:1-0"]),
            (&["app:a"], &["locale:de"], &["locale:de", "app:a"]),
        ];
        for (fixed, asked, expected) in cases {
            let fixed = Fixed {
                clauses: query(fixed, days(0, 1), Bucket::Whole).filter,
                days: days(0, 1),
            };
            let narrowed = fixed.narrow(&query(asked, days(0, 1), Bucket::Whole));
            let narrowed = narrowed.unwrap().filter;
            let found: Vec<String> = narrowed.iter().map(clause_text).collect();
            assert_eq!(found, expected, "{fixed:?} {asked:?}");
        }
    }

    #[test]
    fn no_question_reaches_beyond_the_days() {
        let fixed = Fixed {
            clauses: Vec::new(),
            days: days(100, 120),
        };
        for (asked, bucket, expected) in [
            (days(100, 120), Bucket::Day, Some(days(100, 120))),
            (days(0, 400), Bucket::Month, Some(days(94, 120))),
            (days(94, 100), Bucket::Whole, Some(days(94, 100))),
            (days(79, 99), Bucket::Whole, Some(days(94, 99))),
            (days(0, 400), Bucket::Trailing7, Some(days(100, 120))),
            (days(0, 93), Bucket::Whole, None),
            (days(121, 400), Bucket::Week, None),
            (days(79, 99), Bucket::Trailing7, None),
        ] {
            let narrowed = fixed.narrow(&query(&[], asked, bucket));
            assert_eq!(narrowed.map(|query| query.range), expected, "{asked:?}");
        }
        for (asked, bucket, expected) in [
            (days(100, 120), Bucket::Day, Some(days(102, 120))),
            (days(94, 120), Bucket::Whole, Some(days(102, 120))),
            (days(100, 120), Bucket::Trailing7, Some(days(108, 120))),
            (days(94, 101), Bucket::Whole, None),
        ] {
            let gone = Query {
                measure: Measure::Gone,
                ..query(&[], asked, bucket)
            };
            let narrowed = fixed.narrow(&gone).map(|query| query.range);
            assert_eq!(narrowed, expected, "{asked:?}");
        }
    }
}
