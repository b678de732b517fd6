//! `app-stats`: the numbers that add-ons report about themselves, over all installs that do.

use super::{Body, Cell, Params, ReportError, Source};
use crate::query::{Dimension, Measure};

pub(crate) const COLUMNS: [&str; 7] = [
    "namespace",
    "task",
    "label",
    "installs",
    "median",
    "p90",
    "total",
];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let by = [Dimension::Namespace, Dimension::Task, Dimension::Label];
    let answer = source.ask_medians(Measure::Stats, &by, &params.whole())?;
    let base = source.ask(Measure::Active, &[], &params.whole())?.base;
    let mut found = answer.rows;
    found.sort_by(|a, b| a.key.cmp(&b.key));
    let rows = found
        .into_iter()
        .map(|row| {
            let mut cells: Vec<Cell> = row.key.into_iter().map(Cell::Text).collect();
            cells.extend([
                Cell::Count(row.installs),
                Cell::maybe(row.median),
                Cell::maybe(row.p90),
                Cell::Number(row.amount),
            ]);
            cells
        })
        .collect();
    Ok(Body { base, rows })
}
