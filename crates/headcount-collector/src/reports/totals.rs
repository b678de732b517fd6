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

use std::{panic, thread};

use super::comparison::Compare;
use super::{Body, Cell, Over, Params, ReportError, Source, count, release, share};
use crate::query::{Clause, DayRange, Dimension, Measure};
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 4] = ["metric", "value", "previous", "detail"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let range = params
        .compare
        .unwrap_or(Compare::Previous)
        .range(params.range);
    let now = all(source, params.range, &params.filter)?;
    let before = range
        .map(|range| all(source, range, &params.filter))
        .transpose()?;
    let before = before.as_ref();
    let measured = |feed: &str| before.filter(|_| source.before(params, feed).is_some());
    let row = |metric: &str, value: Cell, previous: Cell| {
        vec![metric.into(), value, previous, Cell::Null]
    };
    let counts = |metric, feed, of: fn(&All) -> u64| {
        let was = measured(feed).map_or(Cell::Null, |was| Cell::Count(of(was)));
        row(metric, Cell::Count(of(&now)), was)
    };
    let mut latest = row(
        "latest_version_share",
        Cell::maybe(now.figures.latest_share()),
        Cell::maybe(measured("stats").and_then(|was| was.figures.latest_share())),
    );
    latest[3] = now
        .figures
        .latest
        .as_ref()
        .map_or(Cell::Null, |(version, _)| version.as_str().into());
    let rows = vec![
        counts("active_installs", "stats", |all| all.figures.active_week),
        counts("active", "stats", |all| all.figures.active),
        counts("new_installs", "stats", |all| all.figures.new),
        counts("gone_installs", "stats", |all| all.figures.gone),
        counts("users", "stats", |all| all.figures.users),
        counts("tokens", "stats", |all| all.figures.tokens),
        row(
            "median_users",
            Cell::maybe(now.figures.median_users),
            Cell::maybe(measured("stats").and_then(|was| was.figures.median_users)),
        ),
        latest,
        counts("task_runs", "tasks", |all| all.amounts.task_runs),
        counts("task_failures", "tasks", |all| all.amounts.task_failures),
        counts("page_views", "pages", |all| all.amounts.page_views),
    ];
    Ok(Body {
        base: now.figures.active,
        rows,
    })
}

/// Events take about as long as all the rest, and neither needs the other.
fn all(source: &Source<'_>, range: DayRange, filter: &[Clause]) -> Result<All, ReportError> {
    thread::scope(|scope| {
        let amounts = scope.spawn(|| amounts(source, range, filter));
        let figures = figures(source, range, filter);
        let amounts = amounts
            .join()
            .unwrap_or_else(|panic| panic::resume_unwind(panic));
        Ok(All {
            figures: figures?,
            amounts: amounts?,
        })
    })
}

struct All {
    figures: Figures,
    amounts: Amounts,
}

/// Sums over the events of one range.
struct Amounts {
    task_runs: u64,
    task_failures: u64,
    page_views: u64,
}

fn amounts(
    source: &Source<'_>,
    range: DayRange,
    filter: &[Clause],
) -> Result<Amounts, ReportError> {
    let over = Over::whole(range, filter);
    let tasks = source.ask(Measure::Tasks, &[], &over)?.rows.pop();
    let pages = source.ask(Measure::Pages, &[], &over)?.rows.pop();
    Ok(Amounts {
        task_runs: tasks.as_ref().map_or(0, |row| count(row.amount)),
        task_failures: tasks.map_or(0, |row| row.failures),
        page_views: pages.map_or(0, |row| count(row.amount)),
    })
}

/// The headline numbers of one range: of installs, not of events.
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
    Ok(Figures {
        active: installs(Measure::Active, &over)?,
        active_week: installs(Measure::Active, &week)?,
        new: installs(Measure::New, &over)?,
        gone: installs(Measure::Gone, &over)?,
        users: users.as_ref().map_or(0, |row| count(row.amount)),
        tokens: tokens.map_or(0, |row| count(row.amount)),
        median_users: users.and_then(|row| row.median),
        latest: latest_of(source, &week)?,
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
