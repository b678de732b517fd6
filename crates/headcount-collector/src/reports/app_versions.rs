//! `app-versions`: versions of the installed apps by version of the host.

use super::{Body, Cell, Over, Params, ReportError, Source};
use crate::query::{Clause, ClauseValue, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["app", "app_version", "version", "installs"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let hosts = source.ask(Measure::Active, &[Dimension::Version], &params.whole())?;
    let mut found = Vec::new();
    for host in &hosts.rows {
        // Excluding every other version would be long; a second clause on one dimension would mean
        // "or", so versions that the filter names are narrowed to this one.
        let mut filter: Vec<Clause> = params
            .filter
            .iter()
            .filter(|clause| clause.dimension != Dimension::Version)
            .cloned()
            .collect();
        filter.push(Clause {
            dimension: Dimension::Version,
            negated: false,
            value: ClauseValue::Text(host.key[0].clone()),
        });
        let over = Over::whole(params.range, &filter);
        let answer = source.ask(Measure::Active, &[Dimension::AppVersion], &over)?;
        for row in answer.rows {
            let (app, version) = row.key[0].rsplit_once('=').unwrap_or((&row.key[0], ""));
            if !app.is_empty() {
                found.push((
                    app.to_owned(),
                    version.to_owned(),
                    host.key[0].clone(),
                    row.installs,
                ));
            }
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
        base: hosts.base,
        rows,
    })
}
