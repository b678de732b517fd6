//! The window that slides from day to day tells of each week what a question about it alone tells.

use super::{Bench, DAY, PROJECT, ask, clause, config, fleet};
use crate::query::{AnswerRow, Bucket, Clause, ClauseValue, DayRange, Dimension, Measure, Query};
use crate::store::Day;

fn rows(bench: &Bench, query: &Query) -> Vec<AnswerRow> {
    bench.index.answer(PROJECT, query).unwrap().rows
}

fn filters() -> Vec<Vec<Clause>> {
    let text = |dimension, negated, text: &str| vec![clause(dimension, negated, text)];
    let users = |low, high| Clause {
        dimension: Dimension::Users,
        negated: false,
        value: ClauseValue::Range(low, high),
    };
    vec![
        vec![],
        text(Dimension::Version, false, "1.0"),
        text(Dimension::Version, true, "2.0"),
        text(Dimension::App, false, "y"),
        text(Dimension::App, false, "unheard of"),
        text(Dimension::Locale, false, "en"),
        text(Dimension::Locale, true, "de"),
        text(Dimension::FirstSeen, true, "2026-09"),
        vec![users(13, 39)],
        vec![
            users(0, 90),
            clause(Dimension::Locale, false, "en"),
            clause(Dimension::Browser, false, "Firefox"),
        ],
    ]
}

fn check(bench: &Bench) {
    const BEFORE: i32 = 9;
    for (filter, by) in filters().iter().flat_map(|filter| {
        let by: [&[Dimension]; 5] = [
            &[],
            &[Dimension::Version],
            &[Dimension::Deployment],
            &[Dimension::Users],
            &[Dimension::App],
        ];
        by.map(|by| (filter, by))
    }) {
        for only in [vec![], vec!["1.0".to_owned(), "x".to_owned()]] {
            let mut query = ask(Measure::Active, by);
            query.filter.clone_from(filter);
            query.only = only;
            query.range = DayRange {
                from: Day(DAY - BEFORE),
                to: Day(DAY + 20),
            };
            query.bucket = Bucket::Trailing7;
            let sliding = rows(bench, &query);
            let mut alone = Vec::new();
            for day in DAY - BEFORE..=DAY + 20 {
                query.bucket = Bucket::Whole;
                query.range = DayRange {
                    from: Day(day - 6),
                    to: Day(day),
                };
                let of_day = rows(bench, &query).into_iter();
                alone.extend(of_day.map(|row| AnswerRow {
                    bucket: Day(day),
                    ..row
                }));
            }
            assert_eq!(sliding, alone, "{query:?}");
        }
    }
}

#[test]
fn each_week_is_as_if_it_was_asked_alone() {
    for cache_bytes in [0, 1 << 24] {
        let mut bench = Bench::new(crate::index::IndexConfig {
            cache_bytes,
            ..config()
        });
        fleet(&mut bench);
        check(&bench);
        bench.index.compact().unwrap();
        check(&bench);
        bench.reopen();
        check(&bench);
    }
}
