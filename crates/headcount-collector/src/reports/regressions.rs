//! Tasks that fail more since a release: a quick look at sums, then the evidence install by install.

use rustc_hash::FxHashMap;

use super::evidence::{Evidence, Verdict, threshold};
use super::upgrade::{self, Spreading};
use super::{Over, Params, ReportError, Source, count, release, share};
use crate::index::{Index, TaskDays};
use crate::query::{AnswerRow, DayRange, Dimension, Measure};
use crate::store::{Day, ProjectNumber};

/// False alarms a year that a project may have on average, at most.
pub(crate) const ALARMS_A_YEAR: f64 = 0.05;
/// Days from a release on which a task is tested; later it is what everybody is used to.
const TESTED_DAYS: i32 = 120;
/// Days before the release that tell how those who upgrade differ anyway.
const HISTORY_DAYS: i32 = 28;
/// Rises that are smaller are nobody's first worry, however certain they are.
const LEAST_RATIO: f64 = 1.5;
/// What sums must show before installs are looked at one by one: this saves work and can only
/// prevent alarms.
const LEAST_SUM_RATIO: f64 = 1.25;
const LEAST_FAILURES: u64 = 15;
/// Tasks looked at in detail for each release, the most suspicious first.
const MOST_TASKS: usize = 12;

/// A task that fails more since a release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Regression {
    pub(crate) namespace: String,
    pub(crate) task: String,
    /// The first version that fails more.
    pub(crate) since: String,
    /// The day that version was first seen on more than a few installs.
    pub(crate) since_day: Day,
    pub(crate) verdict: Verdict,
}

/// Finds them with all data up to a day but that of broken days, the strongest evidence first; one for
/// each task.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn find(
    (index, project): (&Index, ProjectNumber),
    source: &Source<'_>,
    (last, broken): (Day, &dyn Fn(Day) -> bool),
) -> Result<Vec<Regression>, ReportError> {
    let year = Params::parse("", last)?.over_a_year();
    let (_, releases) = upgrade::spreading(source, &year)?;
    let mut found: FxHashMap<(String, String), Regression> = FxHashMap::default();
    let recent = |release: &&Spreading| last.0 - release.day.0 < TESTED_DAYS;
    for release in releases.iter().filter(recent) {
        let range = DayRange {
            from: release.day,
            to: last,
        };
        let by = [Dimension::Namespace, Dimension::Task, Dimension::Version];
        let rows = source
            .ask(Measure::Tasks, &by, &Over::whole(range, &[]))?
            .rows;
        let (tasks, suspects) = suspects(&rows, &release.version);
        let tests = (tasks * releases.len().max(1)) as f64;
        for (namespace, task) in suspects.into_iter().take(MOST_TASKS) {
            let verdict = examine(
                (index, project),
                (&namespace, &task),
                (release, last),
                broken,
            )?;
            let enough = verdict.log_e >= threshold(tests, ALARMS_A_YEAR);
            if !enough || verdict.ratio < LEAST_RATIO {
                continue;
            }
            let regression = Regression {
                namespace: namespace.clone(),
                task: task.clone(),
                since: release.version.clone(),
                since_day: release.day,
                verdict,
            };
            let known = found.entry((namespace, task));
            let kept = known.or_insert_with(|| regression.clone());
            if kept.verdict.log_e < verdict.log_e {
                *kept = regression;
            }
        }
    }
    let mut found: Vec<Regression> = found.into_values().collect();
    found.sort_by(|a, b| {
        b.verdict
            .log_e
            .total_cmp(&a.verdict.log_e)
            .then_with(|| a.task.cmp(&b.task))
    });
    Ok(found)
}

/// Tasks run on both sides of a version: how many, and those whose sums look like a rise, the largest
/// excess of failures first.
fn suspects(rows: &[AnswerRow], since: &str) -> (usize, Vec<(String, String)>) {
    let mut sides: FxHashMap<(&str, &str), [(u64, u64); 2]> = FxHashMap::default();
    for row in rows.iter().filter(|row| !row.key[2].is_empty()) {
        let newer = !release::order(&row.key[2], since).is_lt();
        let sides = sides.entry((&row.key[0], &row.key[1])).or_default();
        let side = &mut sides[usize::from(newer)];
        side.0 += count(row.amount);
        side.1 += row.failures;
    }
    let mut found: Vec<(f64, (String, String))> = sides
        .iter()
        .filter_map(|(&(namespace, task), &[older, newer])| {
            let expected = share(older.1, older.0) * newer.0 as f64;
            let excess = newer.1 as f64 - expected;
            let rises = older.0 > 0 && newer.1 as f64 >= expected * LEAST_SUM_RATIO;
            (rises && newer.1 >= LEAST_FAILURES)
                .then(|| (excess, (namespace.to_owned(), task.to_owned())))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let both = sides
        .values()
        .filter(|sides| sides.iter().all(|side| side.0 > 0));
    (
        both.count(),
        found.into_iter().map(|(_, task)| task).collect(),
    )
}

fn examine(
    (index, project): (&Index, ProjectNumber),
    (namespace, task): (&str, &str),
    (release, last): (&Spreading, Day),
    broken: &dyn Fn(Day) -> bool,
) -> Result<Verdict, ReportError> {
    let mut evidence = Evidence::default();
    let asked = TaskDays {
        namespace,
        task,
        range: DayRange {
            from: Day(release.day.0 - HISTORY_DAYS),
            to: last,
        },
    };
    let is_newer = |version: &str| !release::order(version, &release.version).is_lt();
    index
        .tallies(project, asked, &is_newer, &mut |day, tallies| {
            if broken(day) {
                return;
            }
            if day < release.day {
                evidence.before(tallies);
            } else {
                evidence.after(tallies);
            }
        })
        .map_err(|error| ReportError::Data(error.to_string()))?;
    Ok(evidence.verdict())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(task: &str, version: &str, runs: f64, failures: u64) -> AnswerRow {
        AnswerRow {
            bucket: Day(0),
            key: vec!["app".to_owned(), task.to_owned(), version.to_owned()],
            installs: 1,
            amount: runs,
            failures,
            median: None,
            p90: None,
        }
    }

    #[test]
    fn only_what_looks_like_a_rise_is_examined() {
        let rows = [
            row("rises", "5.3.0", 1_000.0, 10),
            row("rises", "5.4.0", 1_000.0, 30),
            row("rises more", "5.3.0", 9_000.0, 90),
            row("rises more", "5.4.1", 9_000.0, 300),
            row("steady", "5.3.0", 1_000.0, 30),
            row("steady", "5.4.0", 1_000.0, 31),
            row("few", "5.3.0", 1_000.0, 0),
            row("few", "5.4.0", 1_000.0, 9),
            row("only new", "5.4.0", 1_000.0, 900),
            row("rises", "", 9.0, 9),
        ];
        let (tasks, found) = suspects(&rows, "5.4.0");
        let names: Vec<&str> = found.iter().map(|(_, task)| task.as_str()).collect();
        assert_eq!((tasks, names), (4, vec!["rises more", "rises"]));
    }
}
