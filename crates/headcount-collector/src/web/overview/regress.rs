//! Which tasks fail more since a release: compares versions inside one range. Pure.

use rustc_hash::FxHashMap;

use crate::query::AnswerRow;
use crate::reports::{count, release, share};

/// Runs that each side of the release needs.
const LEAST_RUNS: u64 = 500;
/// Installs that each side needs: runs of one install are not independent.
const LEAST_INSTALLS: u64 = 10;
/// Failed runs that the newer side needs.
const LEAST_FAILURES: u64 = 20;
/// How many times as often runs must fail.
const LEAST_RATIO: f64 = 2.0;
/// How many more of 100 runs must fail.
const LEAST_POINTS: f64 = 0.004;

/// A task that fails more from a version on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Regression {
    pub(crate) namespace: String,
    pub(crate) task: String,
    /// The first version that fails more.
    pub(crate) since: String,
    pub(crate) rate: f64,
    pub(crate) rate_before: f64,
    /// The versions that fail more: this one and the newer ones.
    pub(crate) versions: Vec<String>,
}

impl Regression {
    /// How many times as often it fails.
    pub(crate) fn ratio(&self) -> f64 {
        self.rate / self.rate_before.max(1e-6)
    }
}

#[derive(Clone, Copy, Default)]
struct Side {
    runs: u64,
    failures: u64,
    installs: u64,
}

impl Side {
    fn of(row: &AnswerRow) -> Self {
        Self {
            runs: count(row.amount),
            failures: row.failures,
            installs: row.installs,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            failures: self.failures + other.failures,
            installs: self.installs + other.installs,
        }
    }

    fn rate(self) -> f64 {
        share(self.failures, self.runs)
    }

    fn tells_enough(self) -> bool {
        self.runs >= LEAST_RUNS && self.installs >= LEAST_INSTALLS
    }
}

/// Finds them in rows by namespace, task and version; the worst first.
pub(crate) fn find(by_version: &[AnswerRow]) -> Vec<Regression> {
    let mut tasks: FxHashMap<(&str, &str), Vec<(&str, Side)>> = FxHashMap::default();
    for row in by_version.iter().filter(|row| !row.key[2].is_empty()) {
        let task = (row.key[0].as_str(), row.key[1].as_str());
        tasks
            .entry(task)
            .or_default()
            .push((&row.key[2], Side::of(row)));
    }
    let mut found: Vec<Regression> = tasks
        .into_iter()
        .filter_map(|((namespace, task), mut versions)| {
            versions.sort_by(|a, b| release::order(a.0, b.0));
            let (since, older, newer) = split(&versions)?;
            Some(Regression {
                namespace: namespace.to_owned(),
                task: task.to_owned(),
                since: since.to_owned(),
                rate: newer.rate(),
                rate_before: older.rate(),
                versions: versions
                    .iter()
                    .filter(|(version, _)| !release::order(version, since).is_lt())
                    .map(|(version, _)| (*version).to_owned())
                    .collect(),
            })
        })
        .collect();
    found.sort_by(|a, b| {
        b.ratio()
            .total_cmp(&a.ratio())
            .then_with(|| a.task.cmp(&b.task))
            .then_with(|| a.namespace.cmp(&b.namespace))
    });
    found
}

/// The version from which on the rates differ most, as a likelihood ratio tells.
fn split<'a>(versions: &[(&'a str, Side)]) -> Option<(&'a str, Side, Side)> {
    let all = versions
        .iter()
        .fold(Side::default(), |sum, (_, side)| sum.plus(*side));
    let mut older = Side::default();
    let mut best: Option<(f64, &str, Side, Side)> = None;
    for (version, side) in versions {
        let newer = Side {
            runs: all.runs - older.runs,
            failures: all.failures - older.failures,
            installs: all.installs - older.installs,
        };
        if worse(older, newer) && release::is_release(version) && side.installs >= LEAST_INSTALLS {
            let gain = likelihood(older) + likelihood(newer) - likelihood(all);
            if best.is_none_or(|(most, ..)| gain > most) {
                best = Some((gain, version, older, newer));
            }
        }
        older = older.plus(*side);
    }
    best.map(|(_, version, older, newer)| (version, older, newer))
}

fn worse(older: Side, newer: Side) -> bool {
    older.tells_enough()
        && newer.tells_enough()
        && newer.failures >= LEAST_FAILURES
        && newer.rate() >= older.rate() * LEAST_RATIO
        && newer.rate() - older.rate() >= LEAST_POINTS
}

/// Log likelihood of a side's failures at its own rate.
fn likelihood(side: Side) -> f64 {
    let rate = side.rate();
    if rate <= 0.0 || rate >= 1.0 {
        return 0.0;
    }
    let (failed, passed) = (side.failures as f64, (side.runs - side.failures) as f64);
    failed * rate.ln() + passed * (1.0 - rate).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Day;

    fn row(task: &str, version: &str, runs: f64, failures: u64, installs: u64) -> AnswerRow {
        AnswerRow {
            bucket: Day(0),
            key: vec!["app".to_owned(), task.to_owned(), version.to_owned()],
            installs,
            amount: runs,
            failures,
            median: None,
            p90: None,
        }
    }

    #[test]
    fn the_release_that_broke_a_task_is_named() {
        let rows = [
            row("update", "5.2.0", 10_000.0, 95, 100),
            row("update", "5.3.0", 20_000.0, 190, 300),
            row("update", "5.4.0", 40_000.0, 1_160, 700),
            row("update", "5.4.1", 30_000.0, 870, 400),
            row("update", "5.5.0", 10_000.0, 291, 200),
            row("steady", "5.3.0", 20_000.0, 400, 300),
            row("steady", "5.4.0", 20_000.0, 420, 300),
            row("few installs", "5.3.0", 20_000.0, 100, 300),
            row("few installs", "5.4.0", 20_000.0, 4_000, 3),
            row("few runs", "5.3.0", 2_000.0, 10, 300),
            row("few runs", "5.4.0", 40.0, 20, 30),
            row("better", "5.3.0", 20_000.0, 4_000, 300),
            row("better", "5.4.0", 20_000.0, 100, 300),
        ];
        let found = find(&rows);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].task.as_str(), found[0].since.as_str()),
            ("update", "5.4.0")
        );
        assert_eq!(found[0].versions, ["5.4.0", "5.4.1", "5.5.0"]);
        assert!(
            (found[0].ratio() - 3.05).abs() < 0.01,
            "{}",
            found[0].ratio()
        );
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(find(&[]), []);
        assert_eq!(find(&[row("new", "5.4.0", 9_000.0, 900, 100)]), []);
    }
}
