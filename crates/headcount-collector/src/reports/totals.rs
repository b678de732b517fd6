//! `totals`: the headline numbers and what they were in the range of the same length directly before.
//!
//! | metric | is |
//! |---|---|
//! | `active` | distinct installs active in the range |
//! | `active_installs` | distinct installs active in the 7 days up to the end of the range |
//! | `new_installs` | installs whose first active day falls in the range |
//! | `gone_installs` | installs that on a day of the range had been silent for exactly 7 days |
//! | `users`, `tokens` | sum over installs of what they last told in those 7 days |
//! | `median_users` | median of the users per install, likewise; within 2 % |
//! | `latest_version_share` | share of `active_installs` on the latest release (named in `detail`); before: on the latest of then |
//! | `task_runs`, `task_failures`, `page_views` | sums over the range |

use super::comparison::Compare;
use super::{Body, Cell, Over, Params, ReportError, Source, count, release, share};
use crate::query::{Clause, DayRange, Dimension, Measure};
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 4] = ["metric", "value", "previous", "detail"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let now = figures(source, params.range, &params.filter)?;
    let range = params
        .compare
        .unwrap_or(Compare::Previous)
        .range(params.range);
    let before = range
        .map(|range| figures(source, range, &params.filter))
        .transpose()?;
    let before = before.as_ref();
    let measured = |feed: &str| before.filter(|_| source.before(params, feed).is_some());
    let row = |metric: &str, value: Cell, previous: Cell| {
        vec![metric.into(), value, previous, Cell::Null]
    };
    let counts = |metric, feed, of: fn(&Figures) -> u64| {
        let was = measured(feed).map_or(Cell::Null, |was| Cell::Count(of(was)));
        row(metric, Cell::Count(of(&now)), was)
    };
    let mut latest = row(
        "latest_version_share",
        Cell::maybe(now.latest_share()),
        Cell::maybe(measured("stats").and_then(Figures::latest_share)),
    );
    latest[3] = now
        .latest
        .as_ref()
        .map_or(Cell::Null, |(version, _)| version.as_str().into());
    let rows = vec![
        counts("active_installs", "stats", |f| f.active_week),
        counts("active", "stats", |f| f.active),
        counts("new_installs", "stats", |f| f.new),
        counts("gone_installs", "stats", |f| f.gone),
        counts("users", "stats", |f| f.users),
        counts("tokens", "stats", |f| f.tokens),
        row(
            "median_users",
            Cell::maybe(now.median_users),
            Cell::maybe(measured("stats").and_then(|was| was.median_users)),
        ),
        latest,
        counts("task_runs", "tasks", |f| f.task_runs),
        counts("task_failures", "tasks", |f| f.task_failures),
        counts("page_views", "pages", |f| f.page_views),
    ];
    Ok(Body {
        base: now.active,
        rows,
    })
}

/// The headline numbers of one range.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) active: u64,
    pub(crate) active_week: u64,
    pub(crate) new: u64,
    pub(crate) gone: u64,
    pub(crate) users: u64,
    pub(crate) tokens: u64,
    pub(crate) median_users: Option<f64>,
    /// The latest release and its installs.
    pub(crate) latest: Option<(String, u64)>,
    pub(crate) task_runs: u64,
    pub(crate) task_failures: u64,
    pub(crate) page_views: u64,
}

impl Figures {
    /// Share of the active installs on the latest release, `None` without any release.
    pub(crate) fn latest_share(&self) -> Option<f64> {
        self.latest
            .as_ref()
            .map(|(_, installs)| share(*installs, self.active_week))
    }
}

/// The 7 days up to and with a day.
pub(crate) fn week_to(to: Day) -> DayRange {
    DayRange {
        from: Day(to.0 - 6),
        to,
    }
}

/// The headline numbers of one range.
pub(crate) fn figures(
    source: &Source<'_>,
    range: DayRange,
    filter: &[Clause],
) -> Result<Figures, ReportError> {
    let over = Over::whole(range, filter);
    let week = Over::whole(week_to(range.to), filter);
    let installs = |measure, over: &Over<'_>| -> Result<u64, ReportError> {
        let answer = source.ask(measure, &[], over)?;
        Ok(answer.rows.first().map_or(0, |row| row.installs))
    };
    let users = source.ask(Measure::Users, &[], &week)?.rows.pop();
    let tokens = source.ask(Measure::Tokens, &[], &week)?.rows.pop();
    let tasks = source.ask(Measure::Tasks, &[], &over)?.rows.pop();
    let pages = source.ask(Measure::Pages, &[], &over)?.rows.pop();
    Ok(Figures {
        active: installs(Measure::Active, &over)?,
        active_week: installs(Measure::Active, &week)?,
        new: installs(Measure::New, &over)?,
        gone: installs(Measure::Gone, &over)?,
        users: users.as_ref().map_or(0, |row| count(row.amount)),
        tokens: tokens.map_or(0, |row| count(row.amount)),
        median_users: users.and_then(|row| row.median),
        latest: latest_of(source, &week)?,
        task_runs: tasks.as_ref().map_or(0, |row| count(row.amount)),
        task_failures: tasks.map_or(0, |row| row.failures),
        page_views: pages.map_or(0, |row| count(row.amount)),
    })
}

fn latest_of(source: &Source<'_>, week: &Over<'_>) -> Result<Option<(String, u64)>, ReportError> {
    let answer = source.ask(Measure::Active, &[Dimension::Version], week)?;
    let versions: Vec<(String, u64)> = answer
        .rows
        .into_iter()
        .map(|mut row| (row.key.remove(0), row.installs))
        .collect();
    let latest = release::latest(&versions);
    Ok(latest.and_then(|latest| {
        versions
            .iter()
            .find(|(version, _)| version == latest)
            .cloned()
    }))
}
