//! `apps`: which apps are installed, on what share of the active installs, and on what share before.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Params, ReportError, Source, share};
use crate::query::{Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["app", "installs", "share", "previous_share"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let now = source.ask(Measure::Active, &[Dimension::App], &params.whole())?;
    let before = source.ask(Measure::Active, &[Dimension::App], &params.whole_before())?;
    let base = now.base;
    let was: FxHashMap<&str, u64> = before
        .rows
        .iter()
        .map(|row| (row.key[0].as_str(), row.installs))
        .collect();
    let mut found: Vec<(&str, u64)> = now
        .rows
        .iter()
        .map(|row| (row.key[0].as_str(), row.installs))
        .filter(|(app, _)| !app.is_empty())
        .collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let rows = found
        .into_iter()
        .map(|(app, installs)| {
            let previous = was.get(app).copied().unwrap_or(0);
            vec![
                app.into(),
                Cell::Count(installs),
                Cell::Number(share(installs, base)),
                Cell::Number(share(previous, before.base)),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}
