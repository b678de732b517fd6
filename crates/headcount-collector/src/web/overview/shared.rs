//! The overview as a share link shows it: its parts only, narrowed to its filter and days by the desk,
//! and without a way to anything else.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::data::{self, Span, report_params};
use super::flags::Flags;
use super::full::{self, Full};
use super::headline::{self, Stat};
use super::pages::{self, PagePanel};
use super::panels::{self, AppPanel, List, TaskPanel};
use super::state::{Metric, State};
use super::{adoption, data_until, words};
use crate::access::fixed::{FIRST_GONE_WEEK, Fixed};
use crate::app::Collector;
use crate::chart::number;
use crate::meta::shares::{Part, Share, ShareDays};
use crate::query::{Clause, DayRange};
use crate::reports::comparison::Compare;
use crate::reports::{self, Cell, ReportError, Table, calendar, params};
use crate::store::Day;
use crate::web::desk::Desk;
use crate::web::shell::{Shell, page};

/// Days within which every install that is there has told its version.
const FIRST_DAYS: i32 = 7;

/// Parts whose figures of a day are those of the 7 days up to it.
const TRAILING: [Part; 5] = [
    Part::Installs,
    Part::Versions,
    Part::Sizes,
    Part::Apps,
    Part::Deployment,
];

/// A link with what its reader asks.
pub(crate) struct Shared {
    desk: Desk,
    state: State,
    span: Span,
    days: DayRange,
    share: Share,
    clauses: Vec<Clause>,
    /// Address of the link, without the host.
    address: String,
}

impl Shared {
    /// Reads what the reader asks, and readies the desk that answers no more than the link shows. May
    /// block.
    ///
    /// # Errors
    /// Names the parameter with a value that cannot be.
    pub(crate) fn open(
        collector: &Arc<Collector>,
        share: Share,
        (address, query): (String, &str),
    ) -> Result<Self, ReportError> {
        let whole = Desk::new(collector, share.project, &share.slug);
        let today = calendar::day_of_ms(whole.now_ms);
        let span = Span::new(whole.first_day().unwrap_or(today), today);
        let days = days(share.shown.days, span);
        let texts = share.shown.filter.iter();
        let clauses = texts.map(|text| params::clause(text));
        let clauses = clauses.collect::<Result<Vec<_>, _>>()?;
        let mut state = State::parse_shared(query, days)?;
        let long = days.to.0 - days.from.0 >= FIRST_GONE_WEEK;
        let empty = state.metric == Metric::Gone && !long;
        if empty || !shows_metric(&share.shown.parts, state.metric) {
            state.metric = Metric::Active;
        }
        let fixed = Fixed {
            clauses: clauses.clone(),
            days,
        };
        Ok(Self {
            desk: Desk::fixed(collector, (share.project, &share.slug), fixed),
            state,
            span: Span {
                first: span.first.max(days.from),
                last: days.to,
                today,
            },
            days,
            share,
            clauses,
            address,
        })
    }

    /// The overview, or the table asked for. May block.
    ///
    /// # Errors
    /// `Unknown` for a table that the link does not show, and as for reports.
    pub(crate) fn page(&self) -> Result<Response, ReportError> {
        if self.state.show.is_some() {
            self.full()
        } else {
            self.overview()
        }
    }

    /// One report. May block.
    ///
    /// # Errors
    /// `Unknown` for one that the link does not show, and as for reports.
    pub(crate) fn table(&self, name: &str) -> Result<Table, ReportError> {
        let parts = self.parts().iter();
        let shown = parts.flat_map(|part| reports_of(*part)).any(|n| *n == name);
        if !shown {
            return Err(ReportError::Unknown {
                name: name.to_owned(),
            });
        }
        let mut params = report_params(&self.state, self.days);
        params.compare = Some(Compare::Off);
        let table = self
            .desk
            .ask(|source| reports::run(source, name, &params))?;
        let mut table = table.alone();
        if name == "totals" {
            table.rows.retain(|row| self.shows_total(row));
            table.rows_total = table.rows.len();
        }
        Ok(table)
    }

    fn full(&self) -> Result<Response, ReportError> {
        let one = |name: &&str| -> Result<Full, ReportError> {
            let mut full = full::one(&self.state, Compare::Off, self.table(name)?);
            (full.csv, full.json) = (self.file(name, "csv"), self.file(name, "json"));
            Ok(full)
        };
        let names = full::names(&self.state)?;
        let parts = names.iter().map(one).collect::<Result<_, _>>()?;
        Ok(page(&SharedFull {
            shell: self.shell(),
            top: self.top(&full::title(&self.state)),
            back: self.state.with(|state| {
                (state.show, state.namespace, state.task) = (None, None, None);
            }),
            parts,
        }))
    }

    fn overview(&self) -> Result<Response, ReportError> {
        let (state, has) = (&self.state, |part| self.parts().contains(&part));
        let ask = |source: &reports::Source<'_>| data::gather(source, state, self.span);
        let mut data = self.desk.ask(ask)?;
        if state.metric == Metric::Gone {
            data.keep_line_from(Day(self.days.from.0 + FIRST_GONE_WEEK));
        }
        // What is counted first in the first days was there before, more likely.
        let known = self.span.first.0 + FIRST_DAYS;
        data.releases.retain(|release| release.day.0 >= known);
        if !has(Part::Versions) {
            data.releases.clear();
            data.spread = None;
        }
        let mut stats = Vec::new();
        let mut chart = String::new();
        if has(Part::Installs) {
            let shown = headline::stats(state, &data).into_iter().zip(Metric::ALL);
            let shown = shown.filter(|(_, metric)| shows_metric(self.parts(), *metric));
            stats = shown.map(|(stat, _)| stat).collect();
            chart = headline::chart(state, &data);
        }
        let mut lists = Vec::new();
        for part in self.parts() {
            match part {
                Part::Sizes => lists.push(panels::tokens(&data)),
                Part::Locales => lists.push(panels::locales(state, &data)),
                Part::Browsers => lists.push(panels::browsers(state, &data)),
                Part::Deployment => lists.push(panels::deployments(state, &data)),
                Part::Installs | Part::Versions | Part::Apps | Part::Pages | Part::Tasks => {}
            }
        }
        // Their names filter the main page; here the filter is fixed.
        for line in lists.iter_mut().flat_map(|list| &mut list.lines) {
            line.href.clear();
        }
        let slug = &self.share.slug;
        // Findings are of all installs: none is told where a filter is fixed.
        let no_flags = Flags::default();
        Ok(page(&SharedOverview {
            shell: self.shell(),
            top: self.top(&self.share.project_name),
            stats,
            chart,
            versions: has(Part::Versions).then(|| adoption::versions(state, &data)),
            sizes: has(Part::Sizes).then(|| adoption::sizes(&data)),
            apps: has(Part::Apps).then(|| panels::apps(state, &data)),
            pages: has(Part::Pages).then(|| pages::panel(state, &data.pages)),
            tasks: has(Part::Tasks).then(|| panels::tasks(state, &data, (slug, &no_flags))),
            list_class: match lists.len() {
                0 | 1 => "",
                3 => "g4",
                _ => "g6",
            },
            lists,
            tables: self.tables(),
        }))
    }

    fn parts(&self) -> &[Part] {
        &self.share.shown.parts
    }

    fn shell(&self) -> Shell {
        Shell::bare(&self.share.project_name).data_until(data_until(self.days.to, self.span.today))
    }

    fn top(&self, title: &str) -> Top {
        let DayRange { from, to } = self.days;
        let count = number::counted((to.0 - from.0 + 1).unsigned_abs().into(), "day");
        let days = match self.share.shown.days {
            ShareDays::Last(_) => format!("Last {count}"),
            ShareDays::Between(..) => count,
        };
        Top {
            title: title.to_owned(),
            chips: self.clauses.iter().map(words::clause).collect(),
            days: format!("{days}, {} to {}", calendar::long(from), calendar::long(to)),
            trails: self.parts().iter().any(|part| TRAILING.contains(part)),
            ends: calendar::long(last_day(self.share.expires_ms)),
        }
    }

    /// The tables of these parts, but for those of a single task.
    fn tables(&self) -> Vec<TableLink> {
        let names = self.parts().iter().flat_map(|part| reports_of(*part));
        let names = names.filter(|name| **name == "tasks" || !name.starts_with("task"));
        let link = |name: &&str| TableLink {
            title: full::title_of(name),
            href: self.state.showing(name),
            csv: self.file(name, "csv"),
            json: self.file(name, "json"),
        };
        names.map(link).collect()
    }

    fn file(&self, name: &str, kind: &str) -> String {
        let query = self.state.with(|state| {
            state.show = None;
            (state.metric, state.sort) = (State::default().metric, State::default().sort);
        });
        let query = if query == "?" { "" } else { &query };
        format!("{}/{name}.{kind}{query}", self.address)
    }

    /// Whether a line of the totals is of a part that is shown.
    fn shows_total(&self, row: &[Cell]) -> bool {
        let metric = row.first().map(Cell::plain).unwrap_or_default();
        let part = match metric.as_str() {
            "users" | "tokens" | "median_users" => Part::Sizes,
            "latest_version_share" => Part::Versions,
            "page_views" => Part::Pages,
            tasks if tasks.starts_with("task") => Part::Tasks,
            _ => Part::Installs,
        };
        self.parts().contains(&part)
    }
}

/// The last day on which a link works, by the moment when it ends.
pub(crate) fn last_day(expires_ms: i64) -> Day {
    calendar::day_of_ms(expires_ms - 1)
}

/// The days of a link. Fixed ones end with today: what is to come is not shown.
fn days(shown: ShareDays, span: Span) -> DayRange {
    match shown {
        ShareDays::Last(days) => DayRange {
            from: Day(span.last.0 - days + 1),
            to: span.last,
        },
        ShareDays::Between(from, to) => DayRange {
            from,
            to: to.min(span.today).max(from),
        },
    }
}

/// Whether a headline number is of a part that is shown.
fn shows_metric(parts: &[Part], metric: Metric) -> bool {
    match metric {
        Metric::Active | Metric::New | Metric::Gone => true,
        Metric::Users | Metric::Median => parts.contains(&Part::Sizes),
        Metric::Latest => parts.contains(&Part::Versions),
    }
}

/// The reports of a part.
fn reports_of(part: Part) -> &'static [&'static str] {
    match part {
        Part::Installs => &["totals", "installs"],
        Part::Versions => &["versions"],
        Part::Sizes => &["sizes"],
        Part::Apps => &["apps", "app-versions"],
        Part::Pages => &["pages"],
        Part::Tasks => &[
            "tasks",
            "task",
            "task-exceptions",
            "task-versions",
            "task-values",
        ],
        Part::Locales => &["locales"],
        Part::Browsers => &["browsers"],
        Part::Deployment => &["deployment"],
    }
}

/// What stands above the page.
struct Top {
    title: String,
    /// The filter: dimension and condition.
    chips: Vec<(&'static str, String)>,
    days: String,
    /// Whether figures are of the 7 days up to a day.
    trails: bool,
    ends: String,
}

struct TableLink {
    title: &'static str,
    href: String,
    csv: String,
    json: String,
}

#[derive(Template)]
#[template(path = "shared.html")]
struct SharedOverview {
    shell: Shell,
    top: Top,
    stats: Vec<Stat>,
    /// HTML of the headline chart.
    chart: String,
    versions: Option<String>,
    sizes: Option<String>,
    apps: Option<AppPanel>,
    pages: Option<PagePanel>,
    tasks: Option<TaskPanel>,
    lists: Vec<List>,
    list_class: &'static str,
    tables: Vec<TableLink>,
}

#[derive(Template)]
#[template(path = "shared_full.html")]
struct SharedFull {
    shell: Shell,
    top: Top,
    back: String,
    parts: Vec<Full>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_roll_up_to_the_last_full_one_or_stay() {
        let span = Span::new(Day(10), Day(100));
        for (shown, expected) in [
            (ShareDays::Last(1), (99, 99)),
            (ShareDays::Last(30), (70, 99)),
            (ShareDays::Between(Day(50), Day(60)), (50, 60)),
            (ShareDays::Between(Day(50), Day(400)), (50, 100)),
            (ShareDays::Between(Day(300), Day(400)), (300, 300)),
        ] {
            let days = days(shown, span);
            assert_eq!((days.from.0, days.to.0), expected, "{shown:?}");
        }
    }
}
