//! `apps`: which apps are installed, on what share of the active installs, and on what share before.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Over, Params, ReportError, Source, share};
use crate::query::{Answer, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["app", "installs", "share", "previous_share"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let now = source.ask(Measure::Active, &[Dimension::App], &params.whole())?;
    let before = source
        .before(params, "stats")
        .map(|before| {
            let over = Over::whole(before, &params.filter);
            source.ask(Measure::Active, &[Dimension::App], &over)
        })
        .transpose()?;
    let base = now.base;
    let was: FxHashMap<&str, u64> = before
        .iter()
        .flat_map(|before| &before.rows)
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
                share_before(previous, before.as_ref()),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}

/// A share of the earlier installs, nothing where there were none or their days are left out.
pub(crate) fn share_before(part: u64, before: Option<&Answer>) -> Cell {
    let base = before.map(|before| before.base).filter(|base| *base > 0);
    Cell::maybe(base.map(|base| share(part, base)))
}
