//! Every report of a small seeded fleet, stored and indexed for real, beside numbers counted by hand
//! from its events.

mod apps;
mod detail;
mod every;
mod fleet;
mod live;
mod lives;
mod upgrades;

use std::collections::{BTreeMap, BTreeSet};

use headcount_protocol::event::is_failure;

use super::{Cell, Params, ReportError, Table, calendar};
use crate::store::Day;
use fleet::{Event, Fleet, LAST, Told, fleets};

/// The range of the tests: 30 days, with as many before.
fn range() -> (i32, i32) {
    (LAST.0 - 29, LAST.0)
}

fn ask(fleet: &Fleet, name: &str, more: &str) -> Table {
    let (from, to) = range();
    let query = format!(
        "from={}&to={}{more}",
        calendar::iso(Day(from)),
        calendar::iso(Day(to))
    );
    fleet.report(name, &query).unwrap()
}

/// Rows as text, so that they can be compared whole.
fn rows(table: &Table) -> Vec<String> {
    table
        .rows
        .iter()
        .map(|row| row.iter().map(Cell::plain).collect::<Vec<_>>().join("|"))
        .collect()
}

fn active(fleet: &Fleet, from: i32, to: i32) -> BTreeSet<usize> {
    fleet.within(from, to).map(|event| event.install).collect()
}

fn first_days(fleet: &Fleet) -> BTreeMap<usize, i32> {
    let mut first = BTreeMap::new();
    for event in &fleet.events {
        let day = first.entry(event.install).or_insert(event.day);
        *day = event.day.min(*day);
    }
    first
}

/// Installs gone on a day: active 8 days before, not since.
fn gone(fleet: &Fleet, day: i32) -> BTreeSet<usize> {
    let before = active(fleet, day - 8, day - 8);
    let since = active(fleet, day - 7, day - 1);
    before.difference(&since).copied().collect()
}

/// The last version each install told in some days.
fn versions(fleet: &Fleet, from: i32, to: i32) -> BTreeMap<usize, &str> {
    let told = fleet
        .within(from, to)
        .filter(|event| !event.version.is_empty());
    told.map(|event| (event.install, event.version.as_str()))
        .collect()
}

fn apps(fleet: &Fleet, from: i32, to: i32) -> BTreeMap<usize, BTreeSet<&str>> {
    let mut last: BTreeMap<usize, (i32, BTreeSet<&str>)> = BTreeMap::new();
    for event in fleet.within(from, to) {
        // Who names no app did not tell of apps: older wires send stats in several hits.
        if let Told::Stats { apps, .. } = &event.told
            && !apps.is_empty()
        {
            let entry = last.entry(event.install).or_default();
            if entry.0 != event.day {
                *entry = (event.day, BTreeSet::new());
            }
            entry.1.extend(apps.iter().map(String::as_str));
        }
    }
    last.into_iter()
        .map(|(install, (_, apps))| (install, apps))
        .collect()
}

fn users(fleet: &Fleet, from: i32, to: i32) -> BTreeMap<usize, u64> {
    let told = fleet.within(from, to).filter_map(|event| match event.told {
        Told::Stats { users, .. } => Some((event.install, users)),
        _ => None,
    });
    told.collect()
}

#[test]
fn installs() {
    for fleet in fleets() {
        let first = first_days(&fleet);
        let (from, to) = range();
        let expected: Vec<String> = (from..=to)
            .map(|day| {
                let new = first.values().filter(|&&first| first == day).count();
                let day_text = calendar::iso(Day(day));
                format!(
                    "{day_text}|{}|{new}|{}",
                    active(&fleet, day, day).len(),
                    gone(&fleet, day).len()
                )
            })
            .collect();
        let table = ask(&fleet, "installs", "");
        assert_eq!(rows(&table), expected);
        assert_eq!(table.base_installs, active(&fleet, from, to).len() as u64);
        let gone: usize = (from..=to).map(|day| gone(&fleet, day).len()).sum();
        assert!(
            gone > 5 && table.base_installs > 30,
            "the fleet is too dull: {gone}"
        );
    }
}

#[test]
fn versions_by_week() {
    for fleet in fleets() {
        let (from, to) = range();
        let starts: Vec<i32> = (from..=to)
            .filter(|day| *day == from || (day - 4).rem_euclid(7) == 0)
            .collect();
        let mut expected = Vec::new();
        for (k, &start) in starts.iter().enumerate() {
            let end = starts.get(k + 1).map_or(to, |next| next - 1);
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            let told = versions(&fleet, start, end);
            for install in active(&fleet, start, end) {
                *counts
                    .entry(told.get(&install).copied().unwrap_or_default())
                    .or_default() += 1;
            }
            for (version, installs) in counts.iter().rev() {
                expected.push(format!(
                    "{}|{version}|{installs}",
                    calendar::iso(Day(start))
                ));
            }
        }
        assert_eq!(rows(&ask(&fleet, "versions", "&bucket=week")), expected);
    }
}

#[derive(Default)]
struct TaskSum {
    runs: u64,
    failures: u64,
    installs: BTreeSet<usize>,
    exceptions: BTreeMap<String, u64>,
    values: Vec<f64>,
}

fn task_sums<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeMap<(String, String), TaskSum> {
    let mut sums: BTreeMap<(String, String), TaskSum> = BTreeMap::new();
    for event in events {
        let Told::Task {
            namespace,
            task,
            result,
            value,
        } = &event.told
        else {
            continue;
        };
        let sum = sums.entry((namespace.clone(), task.clone())).or_default();
        sum.runs += 1;
        sum.installs.insert(event.install);
        sum.values.push(*value);
        if is_failure(result) {
            sum.failures += 1;
            *sum.exceptions.entry(result.clone()).or_default() += 1;
        }
    }
    sums
}

#[test]
fn tasks_also_under_filters() {
    for fleet in fleets() {
        let (from, to) = range();
        let with_app: BTreeSet<usize> = apps(&fleet, from, to)
            .into_iter()
            .filter(|(_, apps)| apps.contains("memberaudit"))
            .map(|(install, _)| install)
            .collect();
        let all = task_sums(fleet.within(from, to));
        let some = task_sums(
            fleet
                .within(from, to)
                .filter(|event| with_app.contains(&event.install) && event.version != "5.4.0"),
        );
        for (filter, expected) in [
            ("", all),
            ("&filter=app:memberaudit&filter=!version:5.4.0", some),
        ] {
            let table = ask(&fleet, "tasks", filter);
            assert_eq!(table.rows.len(), expected.len(), "{filter}");
            for row in &table.rows {
                let sum = &expected[&(row[0].plain(), row[1].plain())];
                assert_eq!(row[2], Cell::Count(sum.runs));
                assert_eq!(row[3], Cell::Count(sum.failures));
                assert_eq!(row[4], Cell::Count(sum.installs.len() as u64));
                let most = sum.exceptions.values().max().copied().unwrap_or(0);
                let top = row[5].plain();
                assert_eq!(
                    sum.exceptions.get(&top).copied().unwrap_or(0),
                    most,
                    "{top}"
                );
                close(&row[6], median(&sum.values));
            }
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(low, high)
}

fn close(cell: &Cell, expected: f64) {
    let Cell::Number(found) = cell else {
        panic!("{cell:?} is no number");
    };
    assert!(
        (found - expected).abs() <= expected.abs() * 0.021,
        "{found} is not {expected}"
    );
}

#[test]
fn one_task_over_time_by_exception_and_version() {
    for fleet in fleets() {
        let (from, to) = range();
        let own = |from, to| {
            let events: Vec<&Event> = fleet
                .within(from, to)
                .filter(|e| matches!(&e.told, Told::Task { task, .. } if task == "update"))
                .collect();
            events
        };
        let failed = |event: &&&Event| matches!(&event.told, Told::Task { result, .. } if is_failure(result));
        let by_day: Vec<String> = (from..=to)
            .map(|day| {
                let events = own(day, day);
                let failures = events.iter().filter(failed).count();
                let by: BTreeSet<usize> = events.iter().map(|event| event.install).collect();
                let day = calendar::iso(Day(day));
                format!("{day}|{}|{failures}|{}", events.len(), by.len())
            })
            .collect();
        assert_eq!(
            rows(&ask(&fleet, "task", "&task=update&namespace=memberaudit")),
            by_day
        );
        let events = own(from, to);
        let exceptions = ask(&fleet, "task-exceptions", "&task=update");
        for row in &exceptions.rows {
            let with: Vec<&&Event> = events
                .iter()
                .filter(
                    |e| matches!(&e.told, Told::Task { result, .. } if *result == row[0].plain()),
                )
                .collect();
            assert_eq!(row[1], Cell::Count(with.len() as u64));
            let by: BTreeSet<usize> = with.iter().map(|event| event.install).collect();
            assert_eq!(row[2], Cell::Count(by.len() as u64));
            // With all that came before the range, too: first is first.
            let lowest = own(to - 364, to)
                .into_iter()
                .filter(
                    |e| matches!(&e.told, Told::Task { result, .. } if *result == row[0].plain()),
                )
                .map(|event| event.version.as_str())
                .filter(|v| !v.is_empty())
                .min();
            assert_eq!(row[3].plain(), lowest.unwrap_or_default());
        }
        assert!(exceptions.rows.len() >= 2);
        let by_version = ask(&fleet, "task-versions", "&task=update");
        for row in &by_version.rows {
            let on: Vec<&&Event> = events
                .iter()
                .filter(|e| e.version == row[0].plain())
                .collect();
            assert_eq!(row[1], Cell::Count(on.len() as u64), "{row:?}");
            let by: BTreeSet<usize> = on.iter().map(|event| event.install).collect();
            assert_eq!(row[3], Cell::Count(by.len() as u64), "{row:?}");
        }
        let missing = fleet.report("task", "").unwrap_err();
        assert!(matches!(missing, ReportError::Parameter { name, .. } if name == "task"));
    }
}

type KeyOf = fn(&Told) -> Option<String>;

#[test]
fn pages_locales_and_browsers() {
    for fleet in fleets() {
        let (from, to) = range();
        let key_of: [(&str, KeyOf); 3] = [
            ("pages", |told| match told {
                Told::Page { path, .. } => Some(format!("{path}|Title of {path}")),
                _ => None,
            }),
            ("locales", |told| match told {
                Told::Page { locale, .. } => Some(locale.clone()),
                _ => None,
            }),
            ("browsers", |told| match told {
                Told::Page { browser, .. } => Some(browser.clone()),
                _ => None,
            }),
        ];
        for (report, key) in key_of {
            let mut sums: BTreeMap<String, (u64, BTreeSet<usize>)> = BTreeMap::new();
            for event in fleet.within(from, to) {
                if let Some(key) = key(&event.told) {
                    let sum = sums.entry(key).or_default();
                    sum.0 += 1;
                    sum.1.insert(event.install);
                }
            }
            let mut expected: Vec<String> = sums
                .iter()
                .map(|(key, (views, by))| format!("{key}|{views}|{}", by.len()))
                .collect();
            let mut found = rows(&ask(&fleet, report, ""));
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{report}");
        }
    }
}

#[test]
fn totals_and_what_they_were() {
    for fleet in fleets() {
        let first = first_days(&fleet);
        let figures = |from: i32, to: i32| {
            let week = active(&fleet, to - 6, to);
            let told = users(&fleet, to - 6, to);
            let gone: BTreeSet<usize> = (from..=to).flat_map(|day| gone(&fleet, day)).collect();
            let tasks = task_sums(fleet.within(from, to));
            let pages = fleet
                .within(from, to)
                .filter(|e| matches!(e.told, Told::Page { .. }))
                .count();
            BTreeMap::from([
                ("active_installs", week.len() as f64),
                ("active", active(&fleet, from, to).len() as f64),
                (
                    "new_installs",
                    first
                        .values()
                        .filter(|&&day| day >= from && day <= to)
                        .count() as f64,
                ),
                ("gone_installs", gone.len() as f64),
                ("users", told.values().sum::<u64>() as f64),
                (
                    "tokens",
                    told.values().map(|users| users * 3).sum::<u64>() as f64,
                ),
                (
                    "median_users",
                    median(&told.values().map(|&n| n as f64).collect::<Vec<_>>()),
                ),
                (
                    "task_runs",
                    tasks.values().map(|sum| sum.runs).sum::<u64>() as f64,
                ),
                (
                    "task_failures",
                    tasks.values().map(|sum| sum.failures).sum::<u64>() as f64,
                ),
                ("page_views", pages as f64),
            ])
        };
        let (from, to) = range();
        let now = figures(from, to);
        let before = figures(from - 30, from - 1);
        let table = ask(&fleet, "totals", "");
        for row in &table.rows {
            let metric = row[0].plain();
            if metric == "latest_version_share" {
                let told = versions(&fleet, to - 6, to);
                let on = told.values().filter(|version| **version == "5.5.0").count() as f64;
                assert_eq!(row[3].plain(), "5.5.0");
                close(&row[1], on / active(&fleet, to - 6, to).len() as f64);
                continue;
            }
            for (cell, expected) in [
                (&row[1], now[metric.as_str()]),
                (&row[2], before[metric.as_str()]),
            ] {
                let found: f64 = cell.plain().parse().unwrap();
                assert!(
                    (found - expected).abs() <= expected * 0.021,
                    "{metric}: {found} is not {expected}"
                );
            }
        }
        assert_eq!(table.rows.len(), now.len() + 1);
    }
}

#[test]
fn limits_cut_and_unknown_names_are_said() {
    for fleet in fleets() {
        let cut = ask(&fleet, "installs", "&limit=2");
        assert_eq!((cut.rows.len(), cut.rows_total), (2, 30));
        match fleet.report("money", "") {
            Err(error @ ReportError::Unknown { .. }) => {
                assert!(error.to_string().contains("totals, installs"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        let params = Params::parse("filter=app:nobody", LAST).unwrap();
        assert_eq!(params.filter.len(), 1);
        let none = ask(&fleet, "apps", "&filter=app:nobody");
        assert_eq!((none.base_installs, none.rows.len()), (0, 0));
    }
}
