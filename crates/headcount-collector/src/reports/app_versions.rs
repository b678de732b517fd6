//! `app-versions`: versions of the installed apps by version of the host. Installs that told an app but
//! no version of it stand under an empty one.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Params, ReportError, Source};
use crate::query::{Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["app", "app_version", "version", "installs"];

/// App, its version, version of the host, installs.
type Row = (String, String, String, u64);

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let by = [Dimension::Version, Dimension::AppVersion];
    let answer = source.ask(Measure::Active, &by, &params.whole())?;
    let mut found: Vec<Row> = Vec::new();
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
    found.extend(untold(source, params, &found)?);
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

/// What each app and host has beyond the installs that told a version of the app.
fn untold(source: &Source<'_>, params: &Params, told: &[Row]) -> Result<Vec<Row>, ReportError> {
    let by = [Dimension::Version, Dimension::App];
    let answer = source.ask(Measure::Active, &by, &params.whole())?;
    let mut sums: FxHashMap<(&str, &str), u64> = FxHashMap::default();
    for (app, _, host, installs) in told {
        *sums.entry((app, host)).or_default() += installs;
    }
    let mut out = Vec::new();
    for row in &answer.rows {
        let (host, app) = (row.key[0].as_str(), row.key[1].as_str());
        let told = sums.get(&(app, host)).copied().unwrap_or(0);
        if row.installs > told && !app.is_empty() {
            let rest = row.installs - told;
            out.push((app.to_owned(), String::new(), host.to_owned(), rest));
        }
    }
    Ok(out)
}
