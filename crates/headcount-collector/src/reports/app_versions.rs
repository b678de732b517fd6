//! `app-versions`: versions of the installed apps by version of the host.

use super::{Body, Cell, Params, ReportError, Source};
use crate::query::{Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["app", "app_version", "version", "installs"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let by = [Dimension::Version, Dimension::AppVersion];
    let answer = source.ask(Measure::Active, &by, &params.whole())?;
    let mut found = Vec::new();
    for row in answer.rows {
        let (app, version) = row.key[1].rsplit_once('=').unwrap_or((&row.key[1], ""));
        if !app.is_empty() {
            found.push((
                app.to_owned(),
                version.to_owned(),
                row.key[0].clone(),
                row.installs,
            ));
        }
    }
    found.sort_by(|a, b| {
        a.0.cmp(&b.0)
            .then(b.3.cmp(&a.3))
            .then(a.1.cmp(&b.1))
            .then(a.2.cmp(&b.2))
    });
    let rows = found
        .into_iter()
        .map(|(app, own, host, installs)| {
            vec![
                Cell::Text(app),
                Cell::Text(own),
                Cell::Text(host),
                Cell::Count(installs),
            ]
        })
        .collect();
    Ok(Body {
        base: answer.base,
        rows,
    })
}
