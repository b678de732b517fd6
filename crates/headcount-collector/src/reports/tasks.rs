//! `tasks`: runs, failures, the exception seen most and the median value of each task.

use rustc_hash::FxHashMap;

use headcount_protocol::event::is_failure;

use super::{Body, Cell, Over, Params, ReportError, Source, count};
use crate::query::{Answer, Clause, ClauseValue, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 7] = [
    "namespace",
    "task",
    "runs",
    "failures",
    "installs",
    "top_exception",
    "median_value",
];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let by = [Dimension::Namespace, Dimension::Task];
    let answer = source.ask_medians(Measure::Tasks, &by, &params.whole())?;
    let base = source.ask(Measure::Active, &[], &params.whole())?.base;
    let by = [Dimension::Namespace, Dimension::Task, Dimension::Result];
    // Most runs succeed: left out, they need not be grouped.
    let filter: Vec<Clause> = params.filter.iter().cloned().chain([failed()]).collect();
    let over = Over::whole(params.range, &filter);
    let top = top_exceptions(&source.ask(Measure::Tasks, &by, &over)?);
    let mut found = answer.rows;
    found.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.key.cmp(&b.key))
    });
    let rows = found
        .into_iter()
        .map(|row| {
            let [namespace, task] = [row.key[0].clone(), row.key[1].clone()];
            let exception = top.get(&(namespace.clone(), task.clone()));
            vec![
                Cell::Text(namespace),
                Cell::Text(task),
                Cell::Count(count(row.amount)),
                Cell::Count(row.failures),
                Cell::Count(row.installs),
                exception.map_or(Cell::Null, |(name, _)| Cell::Text(name.clone())),
                Cell::maybe(row.median),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}

/// Leaves out the word for success; other words for it are sorted out afterwards.
fn failed() -> Clause {
    Clause {
        dimension: Dimension::Result,
        negated: true,
        value: ClauseValue::Text("Success".to_owned()),
    }
}

/// The failing result with the most runs of each task; ties go to the first name.
fn top_exceptions(by_result: &Answer) -> FxHashMap<(String, String), (String, f64)> {
    let mut top: FxHashMap<(String, String), (String, f64)> = FxHashMap::default();
    for row in by_result.rows.iter().filter(|row| is_failure(&row.key[2])) {
        let best = top
            .entry((row.key[0].clone(), row.key[1].clone()))
            .or_insert_with(|| (row.key[2].clone(), row.amount));
        if (row.amount, best.0.as_str()) > (best.1, row.key[2].as_str()) {
            *best = (row.key[2].clone(), row.amount);
        }
    }
    top
}
