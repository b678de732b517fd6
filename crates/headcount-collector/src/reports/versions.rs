//! `versions`: each install once per bucket, by the version of its last report in it.

use super::{Body, Cell, Params, ReportError, Source, release};
use crate::query::{Dimension, Measure};

pub(crate) const COLUMNS: [&str; 3] = ["day", "version", "installs"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let base = source.ask(Measure::Active, &[], &params.whole())?.base;
    let answer = source.ask(Measure::Active, &[Dimension::Version], &params.cut())?;
    let mut found = answer.rows;
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
