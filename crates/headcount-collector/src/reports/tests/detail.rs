//! One task in detail: intervals by version and the spread of values, beside the raw events.

use std::collections::BTreeMap;

use headcount_protocol::event::is_failure;

use super::ask;
use super::fleet::{Told, fleets};
use crate::index::TaskDays;
use crate::query::{DayRange, Measure};
use crate::reports::Over;
use crate::reports::interval::{quantile, wilson};
use crate::store::Day;

#[test]
fn failure_rates_by_version_have_intervals() {
    for fleet in fleets() {
        let (from, to) = super::range();
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for event in fleet.within(from, to) {
            if let Told::Task { result, task, .. } = &event.told
                && task == "update"
            {
                let count = counts.entry(&event.version).or_default();
                count.0 += 1;
                count.1 += u64::from(is_failure(result));
            }
        }
        let table = ask(&fleet, "task-versions", "&task=update");
        assert_eq!(table.rows.len(), counts.len());
        for row in &table.rows {
            let (runs, failures) = counts[row[0].plain().as_str()];
            let number = |at: usize| row[at].plain().parse::<f64>().unwrap();
            let (low, high) = wilson(failures, runs);
            for (at, expected) in [
                (1, runs as f64),
                (2, failures as f64),
                (4, failures as f64 / runs as f64),
                (5, low),
                (6, high),
            ] {
                assert!((number(at) - expected).abs() < 1e-6, "{row:?}");
            }
        }
    }
}

#[test]
fn values_of_a_task_by_step() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        let (from, to) = super::range();
        let values: Vec<f64> = fleet
            .within(from, to)
            .filter_map(|event| match &event.told {
                Told::Task { task, value, .. } if task == "clean" => Some(*value),
                _ => None,
            })
            .collect();
        let table = ask(&fleet, "task-values", "&task=clean&namespace=memberaudit");
        let mut all = 0;
        for row in &table.rows {
            let number = |at: usize| row[at].plain().parse::<f64>().unwrap();
            // Values are known within 2 %: at the edges of a step one may stand beside it.
            let inside = |slack: f64| {
                let (from, to) = (number(0) / slack, number(1) * slack);
                values.iter().filter(|&&v| v >= from && v <= to).count() as f64
            };
            assert!(
                number(2) >= inside(0.98) && number(2) <= inside(1.02),
                "{row:?}"
            );
            all += row[2].plain().parse::<usize>().unwrap();
        }
        assert_eq!(all, values.len(), "seed {seed}");
    }
}

#[test]
fn spreads_of_sizes_are_exact() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        let (from, to) = super::range();
        let mut told: Vec<u64> = super::users(&fleet, from, to).into_values().collect();
        told.sort_unstable();
        let range = DayRange {
            from: Day(from),
            to: Day(to),
        };
        let spread = fleet
            .source(|source| source.spread_of(Measure::Users, &Over::whole(range, &[])))
            .unwrap();
        let listed: Vec<u64> = spread
            .iter()
            .flat_map(|&(users, installs)| vec![users as u64; installs as usize])
            .collect();
        assert_eq!(listed, told, "seed {seed}");
        let rank = (told.len() as f64 * 0.99).ceil() as usize;
        assert_eq!(quantile(&spread, 0.99), Some(told[rank - 1] as f64));
    }
}

#[test]
fn tallies_are_those_of_the_raw_events() {
    for (seed, fleet) in fleets().into_iter().enumerate() {
        let (from, to) = super::range();
        let mut expected: Vec<(i32, bool, u64, u64)> = Vec::new();
        let mut counts: BTreeMap<(i32, usize, bool), (u64, u64)> = BTreeMap::new();
        for event in fleet
            .within(from, to)
            .filter(|event| !event.version.is_empty())
        {
            if let Told::Task { task, result, .. } = &event.told
                && task == "update"
            {
                let newer = event.version.as_str() >= "5.4.1";
                let count = counts.entry((event.day, event.install, newer)).or_default();
                count.0 += 1;
                count.1 += u64::from(is_failure(result));
            }
        }
        // Installs are numbered by the store, so a day is compared by what its installs sum up to.
        for ((day, _, newer), (runs, failures)) in counts {
            expected.push((day, newer, runs, failures));
        }
        let mut found = Vec::new();
        let (index, project) = fleet.index();
        let asked = TaskDays {
            namespace: "memberaudit",
            task: "update",
            range: DayRange {
                from: Day(from),
                to: Day(to),
            },
        };
        let is_newer = |version: &str| version >= "5.4.1";
        index
            .tallies(project, asked, &is_newer, &mut |day, tallies| {
                found.extend(tallies.iter().map(|tally| {
                    let (runs, failures) = (tally.runs as u64, tally.failures as u64);
                    (day.0, tally.newer, runs, failures)
                }));
            })
            .unwrap();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "seed {seed}");
        assert!(found.iter().any(|tally| tally.1) && found.iter().any(|tally| !tally.1));
    }
}
