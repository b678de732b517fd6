//! Every number of the retention page, asked once. Knows no HTML.

use crate::query::{Bucket, Cohort, DayRange, Dimension, LivesQuery, Measure};
use crate::reports::behind::{self, Behind};
use crate::reports::survival::{self, Step};
use crate::reports::totals::week_to;
use crate::reports::upgrade::{self, Spreading};
use crate::reports::{Over, ReportError, Source, calendar, retention};
use crate::store::Day;
use crate::web::overview::data::{Span, report_params};
use crate::web::overview::gaps::{self, Gaps};
use crate::web::overview::panels::only;
use crate::web::overview::state::State;

/// Installs of the first days were there before: how long is not known.
const SETTLING_DAYS: i32 = 7;
/// Days that data must span before those first ones are left out.
const LONG_DAYS: i32 = 60;
/// Two years.
const MOST_DAYS: i32 = 730;
/// Months of the table of cohorts.
const COHORTS: usize = 13;
/// Days in which releases are looked for.
const UPGRADE_DAYS: i32 = 365;

/// The numbers.
pub(crate) struct Data {
    /// Days on which the installs were first seen.
    pub(crate) range: DayRange,
    /// Installs first seen in them that match the filter.
    pub(crate) installs: u64,
    pub(crate) curve: Vec<Step>,
    /// The same for each of the two most frequent deployments.
    pub(crate) by_deployment: Vec<(String, Vec<Step>)>,
    pub(crate) cohort_range: DayRange,
    pub(crate) cohorts: Vec<Cohort>,
    /// Which of the cohorts' buckets were broken.
    pub(crate) gaps: Gaps,
    /// How many of the cohorts' buckets are over.
    pub(crate) complete: usize,
    pub(crate) upgrade_range: DayRange,
    pub(crate) releases: Vec<Spreading>,
    pub(crate) behind: Option<Behind>,
}

/// Asks everything.
pub(crate) fn gather(source: &Source<'_>, state: &State, span: Span) -> Result<Data, ReportError> {
    let range = known_lives(span);
    let lives = |more: Option<&str>| {
        let mut filter = state.filter.clone();
        filter.extend(more.map(|word| only(Dimension::Deployment, word)));
        let cut = None;
        (source.lives)(&LivesQuery { range, filter, cut })
    };
    let all = lives(None)?;
    let mut by_deployment = Vec::new();
    for word in deployments(source, state, span.last)? {
        let curve = survival::curve(&lives(Some(&word))?.lives, range);
        by_deployment.push((word, curve));
    }
    let cohort_range = months(range);
    let cohorts = (source.lives)(&LivesQuery {
        range: cohort_range,
        filter: state.filter.clone(),
        cut: Some(Bucket::Month),
    })?;
    let starts: Vec<Day> = cohorts.cohorts.iter().map(|cohort| cohort.first).collect();
    let months = gaps::beginning(&starts, cohort_range.to);
    let gaps = gaps::find(source, "stats", &months)?;
    let upgrade_range = DayRange {
        from: Day((span.last.0 - UPGRADE_DAYS + 1).max(span.first.0)),
        to: span.last,
    };
    let params = report_params(state, upgrade_range);
    let (_, releases) = upgrade::spreading(source, &params)?;
    Ok(Data {
        range,
        installs: all.installs,
        curve: survival::curve(&all.lives, range),
        by_deployment,
        cohort_range,
        gaps,
        cohorts: cohorts.cohorts,
        complete: retention::last_complete(cohort_range, Bucket::Month),
        upgrade_range,
        behind: behind::behind(source, &params, &releases)?,
        releases,
    })
}

/// The days whose new installs are known to be new.
fn known_lives(span: Span) -> DayRange {
    let long = span.last.0 - span.first.0 >= LONG_DAYS;
    let from = span.first.0 + if long { SETTLING_DAYS } else { 0 };
    DayRange {
        from: Day(from.max(span.last.0 - MOST_DAYS + 1)),
        to: span.last,
    }
}

/// The last months of a range, whole where the range is long enough.
fn months(range: DayRange) -> DayRange {
    let starts = calendar::starts(range.from, range.to, Bucket::Month);
    let first = starts.len().saturating_sub(COHORTS);
    DayRange {
        from: starts.get(first).copied().unwrap_or(range.from),
        to: range.to,
    }
}

/// The two most frequent deployments, none where the reader chose one or there is only one.
fn deployments(source: &Source<'_>, state: &State, day: Day) -> Result<Vec<String>, ReportError> {
    let by = Dimension::Deployment;
    if state.filter.iter().any(|clause| clause.dimension == by) {
        return Ok(Vec::new());
    }
    let over = Over::whole(week_to(day), &state.filter);
    let mut rows = source.ask(Measure::Active, &[by], &over)?.rows;
    rows.retain(|row| !row.key[0].is_empty());
    rows.sort_by(|a, b| b.installs.cmp(&a.installs).then_with(|| a.key.cmp(&b.key)));
    rows.truncate(2);
    if rows.len() < 2 {
        rows.clear();
    }
    Ok(rows.into_iter().map(|mut row| row.key.remove(0)).collect())
}
