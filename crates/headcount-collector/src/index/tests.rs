//! The index on a real store: questions before and after closing, reopening and rebuilding.

mod events;
mod oracle;
mod random;
mod weeks;

use std::path::Path;
use std::sync::Arc;

use headcount_protocol::{Deployment, InstallId, InstalledApp, Stats, Task};

use super::*;
use crate::query::{Bucket, Clause, ClauseValue, DayRange, Dimension, Measure};
use crate::store::{Accepted, Asking, Entry, EntryBody, Inserter, Parcel, Wire};

const PROJECT: ProjectNumber = ProjectNumber(1);
/// 2026-08-25, a Tuesday.
const DAY: i32 = 20_690;
const DAY_MS: i64 = 86_400_000;

/// A store with its writer and an index that is told what was written.
pub(super) struct Bench {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
    inserter: Inserter,
    pub(super) index: Index,
    config: IndexConfig,
}

pub(super) fn config() -> IndexConfig {
    IndexConfig {
        upkeep_every: None,
        ..IndexConfig::default()
    }
}

impl Bench {
    pub(super) fn new(config: IndexConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let inserter = Inserter::new(store.clone(), 1_000).unwrap();
        let index = open(folder.path(), &store, &config);
        Self {
            folder,
            store,
            inserter,
            index,
            config,
        }
    }

    /// Writes events and counts them.
    pub(super) fn count(&mut self, accepted: Vec<Accepted>) {
        let rows = self.write(accepted);
        self.index.apply(&rows);
    }

    /// Writes events; the index does not hear of them.
    pub(super) fn write(&mut self, accepted: Vec<Accepted>) -> Vec<Row> {
        let parcel = Parcel {
            accepted,
            ..Parcel::default()
        };
        self.inserter.write(&[parcel], 0).unwrap().rows
    }

    /// Notes that an install is to be forgotten and removes its raw events.
    pub(super) fn erase(&mut self, install: u32) {
        let asking = Asking {
            project: PROJECT,
            install: &format!("install-{install}"),
            receipt: "receipt",
            by: "test",
            now_ms: 0,
        };
        let forget = self.store.ask_to_forget(&asking).unwrap();
        self.store.erase_events(&forget).unwrap();
    }

    /// The index's part of what was noted.
    pub(super) fn forget(&mut self) {
        for forget in self.store.open_forgets().unwrap() {
            if let Some(install) = forget.install {
                self.index.forget(PROJECT, install).unwrap();
            }
            self.store.finish_forget(forget.id, 0).unwrap();
        }
    }

    /// What a kill and a new start leave of the index.
    pub(super) fn reopen(&mut self) {
        self.index = open(self.folder.path(), &self.store, &self.config);
    }

    fn installs(&self, query: &Query) -> Vec<(String, u64)> {
        let answer = self.index.answer(PROJECT, query).unwrap();
        let rows = answer.rows.into_iter();
        rows.map(|row| (row.key.join(" "), row.installs)).collect()
    }
}

fn open(folder: &Path, store: &Store, config: &IndexConfig) -> Index {
    Index::open(&folder.join("index.sqlite"), store.clone(), config.clone()).unwrap()
}

pub(super) fn accepted(install: &str, version: &str, entries: Vec<Entry>) -> Accepted {
    Accepted {
        project: PROJECT,
        wire: Wire::Native,
        received_ms: 0,
        install: InstallId::parse(install).unwrap(),
        version: version.to_owned(),
        deployment: String::new(),
        runtime: String::new(),
        entries,
    }
}

pub(super) fn entry(day: i32, second: i64, body: EntryBody) -> Entry {
    Entry {
        id: None,
        at_ms: i64::from(day) * DAY_MS + second * 1000,
        body,
    }
}

fn stats(day: i32, users: u64, apps: &[&str]) -> Entry {
    let apps = apps.iter().map(|name| InstalledApp {
        name: (*name).to_owned(),
        version: Some("1.0".to_owned()),
    });
    let stats = Stats {
        users: Some(users),
        deployment: Some(Deployment("docker".to_owned())),
        apps: apps.collect(),
        ..Stats::default()
    };
    entry(day, 0, EntryBody::Stats(stats))
}

fn page(day: i32, locale: &str) -> Entry {
    let body = EntryBody::Page {
        path: "/".to_owned(),
        title: String::new(),
        locale: locale.to_owned(),
        browser: Arc::from("Firefox"),
        os: Arc::from("Linux"),
    };
    entry(day, 1, body)
}

fn run(day: i32, result: &str, value: f64, count: u32) -> Entry {
    let body = EntryBody::Task(Task {
        namespace: "audit".to_owned(),
        task: "update".to_owned(),
        result: result.to_owned(),
        label: String::new(),
        value: Some(value),
        count,
    });
    entry(day, 2, body)
}

fn ask(measure: Measure, by: &[Dimension]) -> Query {
    Query {
        measure,
        by: by.to_vec(),
        filter: Vec::new(),
        range: DayRange {
            from: Day(DAY),
            to: Day(DAY + 13),
        },
        bucket: Bucket::Whole,
        only: Vec::new(),
        medians: true,
    }
}

fn clause(dimension: Dimension, negated: bool, text: &str) -> Clause {
    Clause {
        dimension,
        negated,
        value: ClauseValue::Text(text.to_owned()),
    }
}

/// Three installs over two weeks: `a` upgrades and drops an app, `b` is silent after day 1, `c` only
/// has a page view.
fn fleet(bench: &mut Bench) {
    let days = [
        accepted(
            "a",
            "1.0",
            vec![stats(DAY, 12, &["x", "y"]), run(DAY, "Success", 30.0, 3)],
        ),
        accepted(
            "b",
            "1.0",
            vec![stats(DAY + 1, 40, &["x"]), run(DAY + 1, "KeyError", 7.0, 1)],
        ),
        accepted("a", "2.0", vec![stats(DAY + 8, 14, &["x"])]),
        accepted("c", "2.0", vec![page(DAY + 10, "de")]),
        accepted("a", "2.0", vec![page(DAY + 10, "en"), page(DAY + 10, "en")]),
    ];
    for day in days {
        bench.count(vec![day]);
    }
}

fn check(bench: &Bench) {
    let rows = |query: &Query| bench.installs(query);
    let pairs = |of: &[(&str, u64)]| -> Vec<(String, u64)> {
        of.iter().map(|(key, n)| ((*key).to_owned(), *n)).collect()
    };
    let by = |dimension| rows(&ask(Measure::Active, &[dimension]));
    assert_eq!(by(Dimension::Version), pairs(&[("1.0", 1), ("2.0", 2)]));
    assert_eq!(by(Dimension::App), pairs(&[("x", 2)]));
    assert_eq!(by(Dimension::AppVersion), pairs(&[("x=1.0", 2)]));
    assert_eq!(by(Dimension::Users), pairs(&[("10-19", 1), ("20-49", 1)]));
    assert_eq!(
        by(Dimension::FirstSeen),
        pairs(&[("2026-08", 2), ("2026-09", 1)])
    );
    let mut query = ask(Measure::Gone, &[]);
    assert_eq!(rows(&query), pairs(&[("", 2)]));
    query.bucket = Bucket::Day;
    let gone: Vec<u64> = rows(&query).into_iter().map(|row| row.1).collect();
    assert_eq!(gone, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]);
    let mut query = ask(Measure::Active, &[]);
    query.bucket = Bucket::Trailing7;
    let active: Vec<u64> = rows(&query).into_iter().map(|row| row.1).collect();
    assert_eq!(active, [1, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2]);
    let mut query = ask(Measure::Tasks, &[]);
    let answer = bench.index.answer(PROJECT, &query).unwrap();
    let row = &answer.rows[0];
    assert_eq!(
        (answer.base, row.installs, row.amount, row.failures),
        (3, 2, 4.0, 1)
    );
    assert_eq!(row.median, Some(10.0));
    query.filter = vec![
        clause(Dimension::App, true, "y"),
        clause(Dimension::Locale, false, "en"),
    ];
    assert_eq!(rows(&query), pairs(&[("", 1)]));
    let releases = bench.index.releases(PROJECT, 0, Day(DAY + 10)).unwrap();
    assert_eq!(
        releases,
        [
            ("1.0".to_owned(), Day(DAY)),
            ("2.0".to_owned(), Day(DAY + 8))
        ]
    );
    assert_eq!(bench.index.releases(PROJECT, 1, Day(DAY + 9)).unwrap(), []);
    let mut query = ask(Measure::Users, &[]);
    query.filter = vec![clause(Dimension::Users, false, "14-39")];
    let answer = bench.index.answer(PROJECT, &query).unwrap();
    assert_eq!((answer.base, answer.rows[0].amount), (1, 14.0));
    query.filter = vec![clause(Dimension::App, false, "unheard of")];
    assert_eq!(rows(&query), pairs(&[("", 0)]));
    check_themes(bench);
}

/// Facts of a few themes or versions are looked up by name: each once, however often it is wanted.
fn check_themes(bench: &Bench) {
    let namespace = |text| clause(Dimension::Namespace, false, text);
    let task = |text| clause(Dimension::Task, false, text);
    let version = |text| clause(Dimension::Version, false, text);
    let all = Some((2, 4.0, 1));
    for (filter, expected) in [
        (vec![namespace("audit"), namespace("audit")], all),
        (
            vec![namespace("audit"), task("update"), task("update")],
            all,
        ),
        (vec![namespace("audit"), task("audit")], None),
        (vec![namespace("update"), namespace("audit")], all),
        (vec![version("1.0"), version("1.0")], all),
        (
            vec![namespace("audit"), version("2.0"), version("1.0")],
            all,
        ),
        (vec![namespace("audit"), version("2.0")], None),
    ] {
        for by in [
            [].as_slice(),
            &[Dimension::Task],
            &[Dimension::Version],
            &[Dimension::Version, Dimension::App],
        ] {
            let mut query = ask(Measure::Tasks, by);
            query.filter.clone_from(&filter);
            let answer = bench.index.answer(PROJECT, &query).unwrap();
            let found = answer.rows.iter().find(|row| row.installs > 0);
            let found = found.map(|row| (row.installs, row.amount, row.failures));
            assert_eq!(found, expected, "{query:?}");
        }
        let mut query = ask(Measure::Tasks, &[]);
        query.filter.clone_from(&filter);
        let spread = bench.index.spread(PROJECT, &query).unwrap();
        let values: u64 = spread.iter().map(|(_, count)| count).sum();
        assert_eq!(values, if expected.is_some() { 4 } else { 0 }, "{query:?}");
    }
}

#[test]
fn answers_do_not_depend_on_where_days_lie() {
    let mut bench = Bench::new(config());
    fleet(&mut bench);
    check(&bench);
    bench.reopen();
    check(&bench);
    bench.index.flush().unwrap();
    check(&bench);
    bench.index.inner.tend(Duration::ZERO).unwrap();
    check(&bench);
    bench.reopen();
    check(&bench);
    assert_eq!(bench.store.dirty_days().unwrap(), []);
    bench.index.rebuild(None).unwrap();
    check(&bench);
    std::fs::remove_file(bench.folder.path().join("index.sqlite")).unwrap();
    bench.reopen();
    check(&bench);
}

#[test]
fn an_install_is_forgotten_also_on_days_without_raw_events() {
    for close in [false, true] {
        let mut bench = Bench::new(config());
        fleet(&mut bench);
        let every = vec![stats(DAY, 3, &["x"]), page(DAY + 10, "fr")];
        bench.count(vec![accepted("install-7", "3.0", every)]);
        bench.index.flush().unwrap();
        if close {
            bench.index.inner.tend(Duration::ZERO).unwrap();
            assert!(bench.store.give_up_before(PROJECT, Day(DAY + 9)).unwrap());
            bench.store.remove_given_up(PROJECT).unwrap();
        } else {
            bench.reopen();
        }
        bench.erase(7);
        bench.forget();
        check(&bench);
        let refused = bench.write(vec![accepted("install-7", "3.0", vec![page(DAY, "fr")])]);
        assert_eq!(refused, []);
        bench.reopen();
        check(&bench);
    }
}

#[test]
fn days_without_raw_events_answer_as_before() {
    let mut bench = Bench::new(config());
    let horizon = Day(DAY + 9);
    fleet(&mut bench);
    assert!(!bench.index.is_closed_before(PROJECT, horizon));
    assert!(!bench.store.give_up_before(PROJECT, horizon).unwrap());
    bench.index.flush().unwrap();
    assert!(bench.index.is_closed_before(PROJECT, horizon));
    assert!(bench.store.give_up_before(PROJECT, horizon).unwrap());
    // Killed before a row was removed, after some were, after all were.
    for removed in [0, 1, 4] {
        let connection = bench.store.connect().unwrap();
        let sql = "DELETE FROM events WHERE seq <= ?1 AND day < ?2";
        connection.execute(sql, [removed, horizon.0]).unwrap();
        bench.reopen();
        check(&bench);
        bench.index.rebuild(None).unwrap();
        check(&bench);
    }
    bench.store.remove_given_up(PROJECT).unwrap();
    assert_eq!(bench.store.days(PROJECT).unwrap(), [Day(DAY + 10)]);
    // A late event would leave its day with nothing but itself.
    let late = bench.write(vec![accepted("c", "1.0", vec![page(DAY + 3, "de")])]);
    assert_eq!(late, []);
    bench.index.rebuild(None).unwrap();
    bench.reopen();
    check(&bench);
}

#[test]
fn a_late_event_lands_in_its_own_day() {
    let mut bench = Bench::new(config());
    fleet(&mut bench);
    bench.index.flush().unwrap();
    let mut query = ask(Measure::New, &[]);
    query.range.to = Day(DAY + 5);
    assert_eq!(bench.installs(&query)[0].1, 2);
    bench.count(vec![accepted("c", "1.0", vec![page(DAY + 3, "de")])]);
    assert_eq!(bench.installs(&query)[0].1, 3);
}

#[test]
fn questions_without_sense_are_refused() {
    let bench = Bench::new(config());
    for (measure, by) in [
        (Measure::Active, Dimension::Locale),
        (Measure::Tasks, Dimension::Path),
        (Measure::Stats, Dimension::Result),
    ] {
        let refused = bench.index.answer(PROJECT, &ask(measure, &[by]));
        assert!(
            matches!(refused, Err(Error::Unanswerable(_))),
            "{measure:?}"
        );
    }
    let mut query = ask(Measure::Active, &[]);
    query.range.from = Day(i32::MIN);
    assert!(bench.index.answer(PROJECT, &query).is_err());
    let releases = bench.index.releases(PROJECT, 0, Day(i32::MAX)).unwrap();
    assert_eq!(releases, []);
    query.range.from = Day(DAY + 20);
    assert_eq!(
        bench.index.answer(PROJECT, &query).unwrap(),
        Answer::default()
    );
}
