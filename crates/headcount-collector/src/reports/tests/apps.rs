//! Apps, their versions and numbers, and sizes, beside counts from the raw events.

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::{Told, app_version, fleets};
use super::{active, apps, ask, close, median, range, rows, users, versions};
use crate::reports::Cell;

#[test]
fn apps_and_their_share_before() {
    for fleet in fleets() {
        let (from, to) = range();
        let counts = |from, to| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for app in apps(&fleet, from, to).values().flatten() {
                *counts.entry((*app).to_owned()).or_default() += 1;
            }
            (counts, active(&fleet, from, to).len())
        };
        let (now, base) = counts(from, to);
        let (before, base_before) = counts(from - 30, from - 1);
        let table = ask(&fleet, "apps", "");
        assert_eq!(table.rows.len(), now.len());
        for row in &table.rows {
            let app = row[0].plain();
            assert_eq!(row[1], Cell::Count(now[&app] as u64), "{app}");
            assert_eq!(
                row[2],
                Cell::Number(now[&app] as f64 / base as f64),
                "{app}"
            );
            let was = before.get(&app).copied().unwrap_or(0) as f64 / base_before as f64;
            assert_eq!(row[3], Cell::Number(was), "{app}");
        }
        let installs: Vec<&Cell> = table.rows.iter().map(|row| &row[1]).collect();
        assert!(
            installs
                .is_sorted_by(|a, b| a.plain().len() > b.plain().len() || a.plain() >= b.plain())
        );
    }
}

#[test]
fn app_versions_by_the_last_report() {
    for fleet in fleets() {
        let (from, to) = range();
        let host = versions(&fleet, from, to);
        let mut told: BTreeMap<usize, (i32, BTreeSet<&str>)> = BTreeMap::new();
        for event in fleet.within(from, to) {
            if let Told::Stats { apps, .. } = &event.told
                && !apps.is_empty()
            {
                let entry = told.entry(event.install).or_default();
                if entry.0 != event.day {
                    *entry = (event.day, BTreeSet::new());
                }
                entry.1.extend(apps.iter().map(String::as_str));
            }
        }
        let mut counts: BTreeMap<[&str; 3], u64> = BTreeMap::new();
        for (install, (day, apps)) in told {
            let own = app_version(install, day).unwrap_or_default();
            // Who told no version of the host is no row of a table by it.
            let Some(host) = host.get(&install) else {
                continue;
            };
            for app in apps {
                *counts.entry([app, own, host]).or_default() += 1;
            }
        }
        let mut expected: Vec<String> = counts
            .iter()
            .map(|(key, installs)| format!("{}|{installs}", key.join("|")))
            .collect();
        let table = ask(&fleet, "app-versions", "");
        let mut found = rows(&table);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(table.base_installs, active(&fleet, from, to).len() as u64);
    }
}

#[test]
fn sizes_hold_every_install_that_told() {
    for (fleet, of) in fleets()
        .into_iter()
        .flat_map(|fleet| [(fleet.clone(), 1), (fleet, 3)])
    {
        let (from, to) = range();
        let mut told = users(&fleet, from, to);
        // Each install has three tokens for each user.
        told.values_mut().for_each(|users| *users *= of);
        let table = ask(&fleet, "sizes", if of == 1 { "" } else { "&of=tokens" });
        for row in &table.rows {
            let [Cell::Count(low), Cell::Count(high), Cell::Count(installs)] = row[..] else {
                panic!("{row:?}");
            };
            let expected = told
                .values()
                .filter(|&&users| users >= low && users <= high)
                .count();
            assert_eq!(installs, expected as u64, "{low}-{high}");
        }
        let all: u64 = table
            .rows
            .iter()
            .map(|row| row[2].plain().parse::<u64>().unwrap())
            .sum();
        assert_eq!(all, told.len() as u64);
    }
}

#[test]
fn app_stats_count_the_last_of_each_day() {
    for fleet in fleets() {
        let (from, to) = range();
        let mut last: BTreeMap<(usize, i32), f64> = BTreeMap::new();
        for event in fleet.within(from, to) {
            if let Told::Stat { value } = event.told {
                last.insert((event.install, event.day), value);
            }
        }
        let installs: BTreeSet<usize> = last.keys().map(|(install, _)| *install).collect();
        let table = ask(&fleet, "app-stats", "");
        assert_eq!(table.rows.len(), 1);
        let row = &table.rows[0];
        assert_eq!(
            rows(&table)[0].split('|').take(3).collect::<Vec<_>>(),
            ["metenox", "daily", "moons"]
        );
        assert_eq!(row[3], Cell::Count(installs.len() as u64));
        let mut values: Vec<f64> = last.values().copied().collect();
        close(&row[4], median(&values));
        values.sort_by(f64::total_cmp);
        let rank = (values.len() as f64 * 0.9).ceil() as usize;
        close(&row[5], values[rank - 1]);
        close(&row[6], last.values().sum());
    }
}
