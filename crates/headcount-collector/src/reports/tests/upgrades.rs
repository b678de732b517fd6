//! Upgrade curves, who stays behind, and deployment, beside counts from raw events.

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::{DAYS, Fleet, LAST, deployment, fleets};
use super::{active, apps, calendar, range, rows, versions};
use crate::store::Day;

/// Days of the last week on which a version is told, and how many are active: from the raw events.
struct Released {
    version: String,
    day: i32,
    /// Installs on it or newer, active installs.
    steps: Vec<(usize, usize)>,
}

fn released(fleet: &Fleet, from: i32, to: i32) -> Vec<Released> {
    let mut first: BTreeMap<String, i32> = BTreeMap::new();
    let begun = (from..=to).find(|&day| !active(fleet, day - 6, day).is_empty());
    for day in from..=to {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for version in versions(fleet, day - 6, day).into_values() {
            *counts.entry(version).or_default() += 1;
        }
        for (version, installs) in counts {
            if installs > 1 + active(fleet, day - 6, day).len() / 500 {
                first.entry(version.to_owned()).or_insert(day);
            }
        }
    }
    first.retain(|_, day| *day >= begun.unwrap() + 7);
    let of = |(version, day): (String, i32)| {
        let step = |at: i32| {
            let on = versions(fleet, at - 6, at);
            let on = on
                .values()
                .filter(|told| **told >= version.as_str())
                .count();
            (on, active(fleet, at - 6, at).len())
        };
        Released {
            steps: (day..=to).map(step).collect(),
            version,
            day,
        }
    };
    first.into_iter().rev().map(of).collect()
}

#[test]
fn upgrades_and_their_lag() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        let (from, to) = (LAST.0 - DAYS, LAST.0);
        let expected = released(&fleet, from, to);
        let query = format!(
            "from={}&to={}",
            calendar::iso(Day(from)),
            calendar::iso(Day(to))
        );
        let mut curves = Vec::new();
        let mut lags = Vec::new();
        for release in &expected {
            let share = |&(on, active): &(usize, usize)| on as f64 / active as f64;
            for (days, (on, active)) in release.steps.iter().enumerate() {
                curves.push(format!("{}|{days}|{on}|{active}", release.version));
            }
            let reached = |part: f64| {
                let found = release.steps.iter().position(|step| share(step) >= part);
                found.map_or_else(String::new, |days| days.to_string())
            };
            let (on, active) = release.steps.last().unwrap();
            lags.push(format!(
                "{}|{}|{}|{}|{on}|{}",
                release.version,
                calendar::iso(Day(release.day)),
                reached(0.5),
                reached(0.9),
                active - on
            ));
        }
        let without_share = |name: &str, place: usize| -> Vec<String> {
            let table = fleet.report(name, &query).unwrap();
            let cut = |row: &String| {
                let mut cells: Vec<&str> = row.split('|').collect();
                cells.remove(place);
                cells.join("|")
            };
            rows(&table).iter().map(cut).collect()
        };
        assert_eq!(without_share("upgrade", 2), curves, "seed {seed}");
        assert_eq!(without_share("upgrade-lag", 4), lags, "seed {seed}");
        assert!(expected.len() >= 2, "the fleet is too dull: {lags:?}");
    }
}

#[test]
fn apps_of_those_that_stay_behind() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        let (from, to) = (LAST.0 - DAYS, LAST.0);
        let releases = released(&fleet, from, to);
        let old = |release: &&Released| release.day <= to - 30 && release.version.ends_with(".0");
        let of = releases.iter().find(old).or(releases.last()).unwrap();
        let told = versions(&fleet, to - 6, to);
        let side = |behind: bool| -> BTreeSet<usize> {
            let own = told
                .iter()
                .filter(|(_, version)| (**version < of.version.as_str()) == behind);
            own.map(|(&install, _)| install).collect()
        };
        let (behind, others) = (side(true), side(false));
        let apps = apps(&fleet, to - 6, to);
        let with = |app: &str, side: &BTreeSet<usize>| {
            let has = |install: &&usize| apps.get(install).is_some_and(|own| own.contains(app));
            side.iter().filter(has).count()
        };
        let query = format!(
            "from={}&to={}",
            calendar::iso(Day(from)),
            calendar::iso(Day(to))
        );
        let table = fleet.report("upgrade-behind", &query).unwrap();
        assert_eq!(table.base_installs, behind.len() as u64, "seed {seed}");
        for row in &table.rows {
            let app = row[1].plain();
            assert_eq!(row[0].plain(), of.version);
            assert_eq!(row[2].plain(), with(&app, &behind).to_string(), "{app}");
            let share: f64 = row[3].plain().parse().unwrap();
            let expected = with(&app, &behind) as f64 / behind.len() as f64;
            assert!((share - expected).abs() < 1e-6);
            let share: f64 = row[4].plain().parse().unwrap();
            let expected = with(&app, &others) as f64 / others.len() as f64;
            assert!((share - expected).abs() < 1e-6, "{app} {share} {expected}");
        }
        let all: BTreeSet<&str> = behind
            .iter()
            .filter_map(|install| apps.get(install))
            .flatten()
            .copied()
            .collect();
        assert_eq!(table.rows.len(), all.len(), "seed {seed}");
    }
}

#[test]
fn deployment_and_what_it_was() {
    for fleet in fleets() {
        let (from, to) = range();
        let counts = |from, to| {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for install in active(&fleet, from, to) {
                *counts.entry(deployment(install)).or_default() += 1;
            }
            let all: usize = counts.values().sum();
            (counts, all as f64)
        };
        let (now, all) = counts(from, to);
        let (was, all_before) = counts(from - 30, from - 1);
        let table = super::ask(&fleet, "deployment", "");
        assert_eq!(table.rows.len(), now.len());
        for row in &table.rows {
            let name = row[0].plain();
            let installs = now[name.as_str()];
            assert_eq!(row[1].plain(), installs.to_string(), "{name}");
            let earlier = was.get(name.as_str()).copied().unwrap_or(0) as f64;
            for (cell, expected) in [
                (&row[2], installs as f64 / all),
                (&row[3], earlier / all_before),
            ] {
                let found: f64 = cell.plain().parse().unwrap();
                assert!((found - expected).abs() < 1e-6, "{name}");
            }
        }
    }
}
