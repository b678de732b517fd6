//! `versions`: each install once per bucket, by the version of its last report in it. Installs that
//! told no version stand under an empty one.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Params, ReportError, Source, release};
use crate::query::{AnswerRow, Dimension, Measure};
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 3] = ["day", "version", "installs"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let base = source.ask(Measure::Active, &[], &params.whole())?.base;
    let mut found = source
        .ask(Measure::Active, &[Dimension::Version], &params.cut())?
        .rows;
    let active = source.ask(Measure::Active, &[], &params.cut())?.rows;
    found.extend(untold(&found, active));
    found.sort_by(|a, b| {
        a.bucket
            .cmp(&b.bucket)
            .then_with(|| release::order(&b.key[0], &a.key[0]))
    });
    let rows = found
        .into_iter()
        .map(|row| {
            let version = row.key.into_iter().next().unwrap_or_default();
            vec![
                Cell::Day(row.bucket),
                Cell::Text(version),
                Cell::Count(row.installs),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}

/// What each bucket has beyond the installs that told.
pub(crate) fn untold(told: &[AnswerRow], active: Vec<AnswerRow>) -> Vec<AnswerRow> {
    let mut sums: FxHashMap<Day, u64> = FxHashMap::default();
    for row in told {
        *sums.entry(row.bucket).or_default() += row.installs;
    }
    let rest = active.into_iter().map(|row| AnswerRow {
        installs: row
            .installs
            .saturating_sub(sums.get(&row.bucket).copied().unwrap_or(0)),
        key: vec![String::new()],
        ..row
    });
    rest.filter(|row| row.installs > 0).collect()
}
