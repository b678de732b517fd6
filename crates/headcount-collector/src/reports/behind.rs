//! `upgrade-behind`: the apps that installs which stay behind have in common. Behind is who, in the
//! last 7 days of the range, told a version older than the newest release that opens a line and is 30
//! days old, or than the oldest known one where none is.

use super::totals::week_to;
use super::upgrade::{self, Spreading};
use super::{Body, Cell, Over, Params, ReportError, Source, release, share};
use crate::query::{AnswerRow, Clause, ClauseValue, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 6] = [
    "release",
    "app",
    "installs",
    "share",
    "others_share",
    "ratio",
];

/// Who did not move in so many days stays behind.
const PATIENCE_DAYS: usize = 30;

/// Installs behind a release, and their apps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Behind {
    pub(crate) release: String,
    /// Installs that stay behind, and the others that told a version.
    pub(crate) installs: u64,
    pub(crate) others: u64,
    /// App, installs behind with it, other installs with it.
    pub(crate) apps: Vec<(String, u64, u64)>,
}

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let (_, releases) = upgrade::spreading(source, params)?;
    let Some(behind) = behind(source, params, &releases)? else {
        return Ok(Body {
            base: 0,
            rows: Vec::new(),
        });
    };
    let rows = behind
        .apps
        .into_iter()
        .map(|(app, installs, others)| {
            let [own, theirs] = [
                share(installs, behind.installs),
                share(others, behind.others),
            ];
            vec![
                behind.release.as_str().into(),
                Cell::Text(app),
                Cell::Count(installs),
                Cell::Number(own),
                Cell::Number(theirs),
                Cell::maybe((theirs > 0.0).then_some(own / theirs)),
            ]
        })
        .collect();
    Ok(Body {
        base: behind.installs,
        rows,
    })
}

/// Who stays behind the release that all had time for; `None` without any release.
pub(crate) fn behind(
    source: &Source<'_>,
    params: &Params,
    releases: &[Spreading],
) -> Result<Option<Behind>, ReportError> {
    let Some(release) = waited_for(releases) else {
        return Ok(None);
    };
    let week = week_to(params.range.to);
    let by_version = Over::whole(week, &params.filter);
    let told = source
        .ask(Measure::Active, &[Dimension::Version], &by_version)?
        .rows;
    let (older, newer): (Vec<AnswerRow>, Vec<AnswerRow>) = told
        .into_iter()
        .filter(|row| !row.key[0].is_empty())
        .partition(|row| release::order(&row.key[0], release).is_lt());
    let side = |rows: &[AnswerRow]| -> Result<(u64, Vec<AnswerRow>), ReportError> {
        if rows.is_empty() {
            return Ok((0, Vec::new()));
        }
        let filter = on_versions(&params.filter, rows);
        let over = Over::whole(week, &filter);
        let apps = source.ask(Measure::Active, &[Dimension::App], &over)?;
        Ok((apps.base, apps.rows))
    };
    let (installs, with) = side(&older)?;
    let (others, without) = side(&newer)?;
    let mut apps: Vec<(String, u64, u64)> = with
        .into_iter()
        .map(|row| {
            let app = row.key.into_iter().next().unwrap_or_default();
            let theirs = without.iter().find(|other| other.key[0] == app);
            let theirs = theirs.map_or(0, |other| other.installs);
            (app, row.installs, theirs)
        })
        .collect();
    apps.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(Some(Behind {
        release: release.to_owned(),
        installs,
        others,
        apps,
    }))
}

/// The newest release with patience behind it that opens a line; else the oldest there is.
fn waited_for(releases: &[Spreading]) -> Option<&str> {
    let old = |release: &&Spreading| {
        release.steps.len() > PATIENCE_DAYS && release::is_minor(&release.version)
    };
    let found = releases.iter().find(old).or(releases.last());
    found.map(|release| release.version.as_str())
}

/// A filter whose clauses on versions are replaced: those of one dimension are joined by or.
fn on_versions(filter: &[Clause], rows: &[AnswerRow]) -> Vec<Clause> {
    let others = filter
        .iter()
        .filter(|clause| clause.dimension != Dimension::Version)
        .cloned();
    let versions = rows.iter().map(|row| Clause {
        dimension: Dimension::Version,
        negated: false,
        value: ClauseValue::Text(row.key[0].clone()),
    });
    others.chain(versions).collect()
}
