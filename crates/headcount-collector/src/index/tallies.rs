//! Runs and failures of one task by install and day, for tests that must know which runs belong together.

use std::collections::BTreeMap;

use headcount_protocol::event::is_failure;

use super::Index;
use super::calendar::days;
use super::facts::{Facts, Family, Key, RESULT, VERSION};
use super::part::pair;
use crate::error::Error;
use crate::query::{DayRange, Tally};
use crate::store::{Day, ProjectNumber, Store, Sym};

/// Places of a task's names inside its section.
const NAMESPACE: usize = 0;
const TASK: usize = 1;

/// One task of a project over some days.
#[derive(Clone, Copy, Debug)]
pub struct TaskDays<'a> {
    pub namespace: &'a str,
    pub task: &'a str,
    pub range: DayRange,
}

impl Index {
    /// Calls `visit` for each day of the range that has runs of the task, in order, with what each
    /// install ran; `is_newer` says of a version on which side it is. Runs that told no version are
    /// left out.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn tallies(
        &self,
        project: ProjectNumber,
        asked: TaskDays<'_>,
        is_newer: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(Day, &[Tally]),
    ) -> Result<(), Error> {
        let store = &self.inner.store;
        let (Some(namespace), Some(task)) = (store.sym(asked.namespace), store.sym(asked.task))
        else {
            return Ok(());
        };
        let themes = (pair(namespace, task), pair(namespace, task));
        for day in days(asked.range) {
            let tallies = self.inner.retrying(|inner| {
                let range = DayRange { from: day, to: day };
                let snapshot = inner.snapshot(project, range, false)?;
                let view = snapshot.view(range);
                let mut sums = Sums::default();
                for stretch in view.newest_first() {
                    // Days tell the version of each fact.
                    for facts in view.facts(stretch, Family::Tasks, Some(&[themes]))? {
                        let sides = sides(&facts, store, is_newer);
                        add(&mut sums, &facts, (namespace, task), (&sides, store));
                    }
                }
                let tally = |((install, newer), (runs, failures))| Tally {
                    install,
                    newer,
                    runs,
                    failures,
                };
                Ok(sums.into_iter().map(tally).collect::<Vec<_>>())
            })?;
            if !tallies.is_empty() {
                visit(day, &tallies);
            }
        }
        Ok(())
    }
}

/// Runs and failures by install and side.
type Sums = BTreeMap<(u32, bool), (f64, f64)>;

/// On which side each combination of traits is; `None` where no version was told.
fn sides(facts: &Facts, store: &Store, is_newer: &dyn Fn(&str) -> bool) -> Vec<Option<bool>> {
    let side = |key: &Key| {
        let version = key[VERSION];
        (version != Sym::EMPTY).then(|| is_newer(&store.text(version)))
    };
    facts.traits.iter().map(side).collect()
}

fn add(
    sums: &mut Sums,
    facts: &Facts,
    (namespace, task): (Sym, Sym),
    (sides, store): (&[Option<bool>], &Store),
) {
    for (key, extent) in facts.sections() {
        if key[NAMESPACE] != namespace || key[TASK] != task {
            continue;
        }
        let fails = is_failure(&store.text(key[RESULT]));
        for row in extent.rows {
            let Some(newer) = sides[facts.traits_of(row)] else {
                continue;
            };
            let sum = sums.entry((facts.installs[row], newer)).or_default();
            let runs = facts.amounts.any(row);
            sum.0 += runs;
            sum.1 += if fails { runs } else { 0.0 };
        }
    }
}
