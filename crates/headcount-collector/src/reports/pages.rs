//! `pages`: views of each path and title, and how many installs saw them.

use super::{Body, Cell, Params, ReportError, Source, count};
use crate::query::{Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["path", "title", "views", "installs"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    views(source, params, &[Dimension::Path, Dimension::Title])
}

/// Page views by some dimensions, most viewed first.
pub(crate) fn views(
    source: &Source<'_>,
    params: &Params,
    by: &[Dimension],
) -> Result<Body, ReportError> {
    let mut found = source.ask(Measure::Pages, by, &params.whole())?.rows;
    let base = source.ask(Measure::Active, &[], &params.whole())?.base;
    found.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.key.cmp(&b.key))
    });
    let rows = found
        .into_iter()
        .map(|row| {
            let mut cells: Vec<Cell> = row.key.into_iter().map(Cell::Text).collect();
            cells.extend([Cell::Count(count(row.amount)), Cell::Count(row.installs)]);
            cells
        })
        .collect();
    Ok(Body { base, rows })
}
