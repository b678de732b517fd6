//! Random fleets, random lives of the index, random questions: every answer as the oracle's.

use std::sync::Arc;
use std::time::Duration;

use headcount_protocol::{AppStat, Deployment, InstalledApp, Stats, Task};
use proptest::prelude::*;
use proptest::sample::select;

use super::oracle::Oracle;
use super::{Bench, DAY, PROJECT, accepted, config, entry};
use crate::query::{Answer, Bucket, Clause, ClauseValue, DayRange, Dimension, Measure, Query};
use crate::store::{Accepted, Day, EntryBody};

/// Days of the fleet: more than two months, so that whole weeks and months close.
const DAYS: i32 = 70;

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<Accepted>),
    /// The process is killed after the commit, before the index heard of it.
    WriteAndKill(Vec<Accepted>),
    Kill,
    /// A question comes between commit and count, so a day may be derived with rows that come again.
    WriteAndAskFirst(Vec<Accepted>, Query),
    Flush,
    /// A round of upkeep in which no day is open for long enough.
    Tend,
    Rebuild,
    Lose,
    /// An install has itself erased, or the process is killed before the index did its part.
    Forget(u32),
    ForgetAndKill(u32),
    Ask(Query),
    /// An earlier question comes again: what was kept of its answer must still be true.
    AskAgain(proptest::sample::Index),
    /// The same in coarser groups, which may be made of what was summed for the finer ones.
    AskCoarser(proptest::sample::Index),
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

const VERSIONS: &[&str] = &["", "1.0", "1.1", "2.0"];
const APPS: &[&str] = &["audit", "fleet", "moons"];
const APP_VERSIONS: &[&str] = &["", "0.1", "0.2"];
const NAMESPACES: &[&str] = &["audit", "fleet"];
const TASKS: &[&str] = &["update", "clean"];
const RESULTS: &[&str] = &["Success", "KeyError", "Timeout", ""];
const LABELS: &[&str] = &["", "big"];
const PATHS: &[&str] = &["/", "/a", "/b"];
const LOCALES: &[&str] = &["", "de", "en"];
const BROWSERS: &[&str] = &["Firefox", "Chrome"];
const SYSTEMS: &[&str] = &["Linux", ""];
const SIZES: &[u64] = &[0, 1, 2, 3, 5, 9, 10, 12, 19, 47, 200, 4_321];
const VALUES: &[f64] = &[0.0, 1.0, 2.5, 30.0, 31.0, 999.0, -4.0, 1e-3, 123_456.7];

fn stats() -> impl Strategy<Value = EntryBody> {
    let app = (word(APPS), word(APP_VERSIONS)).prop_map(|(name, version)| InstalledApp {
        name,
        version: (!version.is_empty()).then_some(version),
    });
    (
        proptest::option::of(select(SIZES)),
        proptest::option::of(select(SIZES)),
        proptest::option::of(word(&["docker", "baremetal"])),
        proptest::collection::vec(app, 0..4),
    )
        .prop_map(|(users, tokens, deployment, apps)| {
            EntryBody::Stats(Stats {
                users,
                tokens,
                addons: None,
                deployment: deployment.map(Deployment),
                apps,
            })
        })
}

fn body() -> impl Strategy<Value = EntryBody> {
    let task = (
        (word(NAMESPACES), word(TASKS), word(RESULTS), word(LABELS)),
        proptest::option::of(select(VALUES)),
        1..5_u32,
    )
        .prop_map(|((namespace, task, result, label), value, count)| {
            EntryBody::Task(Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            })
        });
    let stat = (word(NAMESPACES), word(TASKS), word(LABELS), select(VALUES)).prop_map(
        |(namespace, task, label, value)| {
            EntryBody::Stat(AppStat {
                namespace,
                task,
                label,
                value,
            })
        },
    );
    let page = (
        word(PATHS),
        word(LABELS),
        word(LOCALES),
        word(BROWSERS),
        word(SYSTEMS),
    )
        .prop_map(|(path, title, locale, browser, os)| EntryBody::Page {
            path,
            title,
            locale,
            browser: Arc::from(browser),
            os: Arc::from(os),
        });
    prop_oneof![4 => stats(), 3 => task, 2 => stat, 2 => page]
}

/// Events of some installs on a day and its neighbours; moments often tie.
fn events() -> impl Strategy<Value = Vec<Accepted>> {
    let event = (0..3_i32, 0..4_i64, body());
    let part = (
        0..8_u32,
        word(VERSIONS),
        word(&["", "", "docker", "kubernetes"]),
        proptest::collection::vec(event, 1..4),
    );
    (0..DAYS, proptest::collection::vec(part, 1..6)).prop_map(|(day, parts)| {
        let of_part = |(install, version, deployment, events): (u32, String, String, Vec<_>)| {
            let entries = events
                .into_iter()
                .map(|(ahead, second, body)| entry(DAY + day + ahead, second, body))
                .collect();
            Accepted {
                deployment,
                ..accepted(&format!("install-{install}"), &version, entries)
            }
        };
        parts.into_iter().map(of_part).collect()
    })
}

const ATTRIBUTES: &[Dimension] = &[
    Dimension::Version,
    Dimension::App,
    Dimension::AppVersion,
    Dimension::Deployment,
    Dimension::Users,
    Dimension::Tokens,
    Dimension::FirstSeen,
];

fn dimensions(measure: Measure) -> Vec<Dimension> {
    let own: &[Dimension] = match measure {
        Measure::Tasks => &[
            Dimension::Namespace,
            Dimension::Task,
            Dimension::Result,
            Dimension::Label,
        ],
        Measure::Stats => &[Dimension::Namespace, Dimension::Task, Dimension::Label],
        Measure::Pages => &[
            Dimension::Path,
            Dimension::Title,
            Dimension::Locale,
            Dimension::Browser,
            Dimension::Os,
        ],
        Measure::Active | Measure::New | Measure::Gone | Measure::Users | Measure::Tokens => &[],
    };
    // Those of the events come up as often as the attributes.
    let own = own.iter().chain(own);
    ATTRIBUTES.iter().chain(own).copied().collect()
}

fn clause() -> impl Strategy<Value = Clause> {
    let text = |dimension: Dimension, words: &'static [&'static str]| {
        word(words).prop_map(move |text| (dimension, ClauseValue::Text(text)))
    };
    let range = |dimension: Dimension| {
        (select(SIZES), select(SIZES))
            .prop_map(move |(low, high)| (dimension, ClauseValue::Range(low, high + 1)))
    };
    let value = prop_oneof![
        text(Dimension::Version, &["1.0", "2.0", "", "unheard of"]),
        text(Dimension::App, &["audit", "fleet", "unheard of"]),
        text(
            Dimension::AppVersion,
            &["audit=0.1", "fleet=0.2", "audit=", "moons"]
        ),
        text(Dimension::Deployment, &["docker", "kubernetes"]),
        range(Dimension::Users),
        range(Dimension::Tokens),
        text(Dimension::Users, &["10-19", "2-4"]),
        text(
            Dimension::FirstSeen,
            &["2026-08", "2026-09", "2026-10", "soon"]
        ),
        text(Dimension::Namespace, NAMESPACES),
        text(Dimension::Task, TASKS),
        text(Dimension::Result, RESULTS),
        text(Dimension::Label, LABELS),
        text(Dimension::Path, PATHS),
        text(Dimension::Title, LABELS),
        text(Dimension::Locale, &["", "de", "xx"]),
        text(Dimension::Browser, BROWSERS),
        text(Dimension::Os, SYSTEMS),
    ];
    (value, proptest::bool::weighted(0.3)).prop_map(|((dimension, value), negated)| Clause {
        dimension,
        negated,
        value,
    })
}

fn query() -> impl Strategy<Value = Query> {
    let measure = select(vec![
        Measure::Active,
        Measure::New,
        Measure::Gone,
        Measure::Tasks,
        Measure::Pages,
        Measure::Stats,
        Measure::Users,
        Measure::Tokens,
    ]);
    let bucket = select(vec![
        Bucket::Day,
        Bucket::Week,
        Bucket::Month,
        Bucket::Whole,
        Bucket::Whole,
        Bucket::Trailing7,
    ]);
    let filter = proptest::collection::vec(clause(), 0..4);
    let range = (-3..DAYS + 5, 0..DAYS + 5);
    let only = prop_oneof![
        3 => Just(&[][..]),
        1 => select(vec![&["1.0"][..], &["audit", "moons"], &["docker", "2.0"]]),
        1 => select(vec![&["2-4", "audit=0.1"][..], &["2026-09", "Success", ""]]),
    ];
    let by = measure.prop_flat_map(|measure| {
        let by = proptest::sample::subsequence(dimensions(measure), 0..3);
        (Just(measure), by)
    });
    let of = |((measure, by), filter, (from, length), bucket, (only, medians)): Drawn| {
        let from = DAY + from;
        let length = match bucket {
            // What is asked day by day takes the oracle long.
            Bucket::Day | Bucket::Trailing7 => length % 15,
            Bucket::Week | Bucket::Month | Bucket::Whole => length,
        };
        let mut by = by;
        by.dedup();
        Query {
            measure,
            by,
            filter,
            range: DayRange {
                from: Day(from),
                to: Day(from + length),
            },
            bucket,
            only: only.iter().map(|&text| text.to_owned()).collect(),
            medians,
        }
    };
    let told = (only, any::<bool>());
    (by, filter, range, bucket, told).prop_map(of)
}

type Drawn = (
    (Measure, Vec<Dimension>),
    Vec<Clause>,
    (i32, i32),
    Bucket,
    (&'static [&'static str], bool),
);

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => events().prop_map(Step::Write),
        2 => events().prop_map(Step::WriteAndKill),
        1 => Just(Step::Kill),
        2 => (events(), query()).prop_map(|(events, query)| Step::WriteAndAskFirst(events, query)),
        2 => Just(Step::Flush),
        2 => Just(Step::Tend),
        1 => Just(Step::Rebuild),
        1 => Just(Step::Lose),
        1 => (0..8_u32).prop_map(Step::Forget),
        1 => (0..8_u32).prop_map(Step::ForgetAndKill),
        12 => query().prop_map(Step::Ask),
        8 => any::<proptest::sample::Index>().prop_map(Step::AskAgain),
        8 => any::<proptest::sample::Index>().prop_map(Step::AskCoarser),
    ]
}

/// Largest size of a negative value.
const NEGATIVE: f64 = 4.0;

/// Compares what has an exact answer exactly, sums but for rounding, quantiles within 2 %.
fn check(query: &Query, found: &Answer, expected: &Answer) -> Result<(), TestCaseError> {
    let near = |a: Option<f64>, b: Option<f64>, share: f64, slack: f64| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => (a - b).abs() <= share * (b.abs() + slack),
        _ => false,
    };
    prop_assert_eq!(found.base, expected.base, "base of {:?}", query);
    let names = |answer: &Answer| -> Vec<_> {
        let rows = answer.rows.iter();
        rows.map(|row| (row.bucket, row.key.clone(), row.installs, row.failures))
            .collect()
    };
    prop_assert_eq!(names(found), names(expected), "{:?}", query);
    for (a, b) in found.rows.iter().zip(&expected.rows) {
        let exact = matches!(query.measure, Measure::Users | Measure::Tokens);
        let share = if exact { 0.0 } else { 0.020_001 };
        prop_assert!(
            (a.amount - b.amount).abs() <= 1e-9 * b.amount.abs(),
            "{:?} {:?}",
            a,
            b
        );
        // The median may be the mean of two numbers of different sign.
        let mixed = b.median.is_some_and(|median| median < 2.0 * NEGATIVE);
        let slack = if mixed { NEGATIVE } else { 0.0 };
        let same = near(a.median, b.median, share, slack) && near(a.p90, b.p90, share, 0.0);
        prop_assert!(same, "{:?}: {:?} is not {:?}", query, a, b);
    }
    Ok(())
}

fn live(steps: Vec<Step>, open_bytes: usize, cache_bytes: usize) -> Result<(), TestCaseError> {
    let mut bench = Bench::new(crate::index::IndexConfig {
        open_bytes,
        cache_bytes,
        ..config()
    });
    let mut asked: Vec<Query> = Vec::new();
    for step in steps {
        match step {
            Step::Write(events) => bench.count(events),
            Step::WriteAndAskFirst(events, query) => {
                let rows = bench.write(events);
                bench.index.answer(PROJECT, &query).unwrap();
                bench.index.apply(&rows);
            }
            Step::WriteAndKill(events) => {
                bench.write(events);
                bench.reopen();
            }
            Step::Kill => bench.reopen(),
            Step::Flush => bench.index.flush().unwrap(),
            Step::Tend => bench.index.inner.tend(Duration::ZERO).unwrap(),
            Step::Rebuild => bench.index.rebuild(Some(PROJECT)).unwrap(),
            Step::Lose => {
                bench.index.flush().unwrap();
                std::fs::remove_file(bench.folder.path().join("index.sqlite")).unwrap();
                bench.reopen();
            }
            Step::Forget(install) => {
                bench.erase(install);
                bench.forget();
            }
            Step::ForgetAndKill(install) => {
                bench.erase(install);
                bench.reopen();
                bench.forget();
            }
            Step::Ask(query) => {
                ask(&bench, &query)?;
                asked.push(query);
            }
            Step::AskAgain(index) if !asked.is_empty() => ask(&bench, index.get(&asked))?,
            Step::AskCoarser(index) if !asked.is_empty() => {
                let mut coarser = index.get(&asked).clone();
                coarser.by.pop();
                ask(&bench, &coarser)?;
                coarser.medians = !coarser.medians;
                ask(&bench, &coarser)?;
            }
            Step::AskAgain(_) | Step::AskCoarser(_) => {}
        }
    }
    Ok(())
}

fn ask(bench: &Bench, query: &Query) -> Result<(), TestCaseError> {
    let found = bench.index.answer(PROJECT, query).unwrap();
    let expected = Oracle::new(bench.folder.path(), PROJECT).answer(query);
    check(query, &found, &expected)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_answer_is_that_of_the_raw_events(
        start in events(),
        steps in proptest::collection::vec(step(), 1..30),
        open_bytes in select(vec![0, 5_000, usize::MAX / 4]),
        cache_bytes in select(vec![0, 20_000, 1 << 26]),
    ) {
        let steps = [Step::Write(start)].into_iter().chain(steps).collect();
        live(steps, open_bytes, cache_bytes)?;
    }
}
