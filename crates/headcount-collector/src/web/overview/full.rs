//! One report in full: every row of it, page by page, with the same table as CSV and JSON.

use crate::chart::number;
use crate::query::DayRange;
use crate::reports::comparison::Compare;
use crate::reports::{self, Cell, ReportError, Source, Table, calendar};

use super::data::{Span, report_params};
use super::state::State;
use super::words;

/// Rows of one page.
const PAGE_ROWS: usize = 100;

/// What templates/full.html shows of one report.
pub(crate) struct Full {
    pub(crate) title: String,
    pub(crate) about: String,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Vec<Shown>>,
    /// `101 to 200 of 240`.
    pub(crate) place: String,
    pub(crate) earlier: Option<String>,
    pub(crate) later: Option<String>,
    pub(crate) csv: String,
    pub(crate) json: String,
}

pub(crate) struct Head {
    pub(crate) label: String,
    pub(crate) number: bool,
}

pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) number: bool,
}

/// The reports a page shows in full, with their titles.
const TITLES: [(&str, &str, &str); 21] = [
    ("totals", "Totals", "The headline numbers"),
    (
        "installs",
        "Installs",
        "Active, new and gone installs by day",
    ),
    (
        "versions",
        "Versions",
        "Active installs by day and version, each install once, by its last report",
    ),
    (
        "apps",
        "Installed apps",
        "Share of active installs that report the app",
    ),
    (
        "app-versions",
        "App versions",
        "Versions of the installed apps by version of the host",
    ),
    ("sizes", "Size of installs", "Installs by number of users"),
    ("tasks", "Tasks", "Background tasks by number of runs"),
    (
        "task",
        "Runs by day",
        "Runs of the task and how many failed",
    ),
    (
        "task-exceptions",
        "Exceptions",
        "What failed runs ended with, and the lowest version it was seen on",
    ),
    ("task-versions", "By version", "Runs by version of the host"),
    (
        "app-stats",
        "App statistics",
        "Numbers that add-ons report about themselves",
    ),
    ("pages", "Pages", "Views by path and title"),
    ("locales", "Locales", "Page views by language"),
    ("browsers", "Browsers", "Page views by browser"),
    ("deployment", "Deployment", "How active installs are run"),
    (
        "task-values",
        "Values",
        "Runs of the task by the number they told",
    ),
    (
        "retention",
        "Retention",
        "Of the installs first seen in a month, how many are active so many months later",
    ),
    (
        "survival",
        "Survival",
        "Share of installs that still report so many days after their first report, with a 95% band",
    ),
    (
        "upgrade",
        "Time to upgrade",
        "Share of active installs on a release or newer, by days since that release",
    ),
    (
        "upgrade-lag",
        "Upgrade lag",
        "Days until half and nine tenths of the active installs ran a release or newer",
    ),
    (
        "upgrade-behind",
        "Installs that stay behind",
        "Apps of the installs on versions older than the release",
    ),
];

/// One report in full; for a task all about it.
pub(crate) fn show(
    source: &Source<'_>,
    state: &State,
    span: Span,
) -> Result<Vec<Full>, ReportError> {
    let range = state.range.days(span.last);
    let earlier = state.compare.range(range);
    let known = earlier.is_none_or(|earlier| earlier.from >= span.first);
    let compare = if known { state.compare } else { Compare::Off };
    let mut asked = report_params(state, range);
    asked.compare = Some(compare);
    let table = |name: &&str| reports::run(source, name, &asked);
    let names = names(state)?;
    names
        .iter()
        .map(|name| Ok(one(state, compare, table(name)?)))
        .collect()
}

/// The reports that the page shows together.
///
/// # Errors
/// `Unknown` for what no page shows in full.
pub(crate) fn names(state: &State) -> Result<Vec<&'static str>, ReportError> {
    let asked = state.show.as_deref().unwrap_or_default();
    if asked == "task" {
        return Ok(vec![
            "task-versions",
            "task-exceptions",
            "task-values",
            "task",
        ]);
    }
    let found = TITLES.iter().find(|(known, ..)| *known == asked);
    let (name, ..) = found.ok_or_else(|| ReportError::Unknown {
        name: asked.to_owned(),
    })?;
    Ok(vec![name])
}

/// The title of the page that shows it.
pub(crate) fn title(state: &State) -> String {
    match (state.show.as_deref(), &state.task) {
        (Some("task"), Some(task)) => task.clone(),
        (asked, _) => title_of(asked.unwrap_or_default()).to_owned(),
    }
}

/// The title of a report.
pub(crate) fn title_of(name: &str) -> &'static str {
    words_of(name).0
}

/// Title of a report, and what it tells.
fn words_of(name: &str) -> (&'static str, &'static str) {
    let found = TITLES.iter().find(|(known, ..)| *known == name);
    found.map_or(("Report", ""), |(_, title, about)| (title, about))
}

/// A table as the page shows it.
pub(crate) fn one(state: &State, compare: Compare, mut table: Table) -> Full {
    let name = table.report;
    let (title, about) = words_of(name);
    // The newest days first: the API keeps the order of time.
    if table.columns.first().is_some_and(|name| name == "day") {
        table.rows.sort_by(|a, b| b[0].plain().cmp(&a[0].plain()));
    }
    let pages = table.rows.len().div_ceil(PAGE_ROWS).max(1);
    let page = state.page.min(pages);
    let from = (page - 1) * PAGE_ROWS;
    let shown = &table.rows[from..table.rows.len().min(from + PAGE_ROWS)];
    let go = |page: usize| state.with(|state| state.page = page);
    let api = format!(
        "/api/v1/projects/{}/reports/{name}{}&compare={}",
        table.project,
        state.api(DayRange {
            from: table.from,
            to: table.to
        }),
        compare.word()
    );
    Full {
        title: title.to_owned(),
        about: format!("{about}. {}.", base(&table)),
        heads: heads(&table),
        rows: shown.iter().map(|row| cells(&table, row)).collect(),
        place: match table.rows.len() {
            0 => "Nothing in these days".to_owned(),
            all => format!(
                "{} to {} of {}",
                number::count(from as u64 + 1),
                number::count((from + shown.len()) as u64),
                number::count(all as u64)
            ),
        },
        earlier: (page > 1).then(|| go(page - 1)),
        later: (page < pages).then(|| go(page + 1)),
        csv: format!("{api}&format=csv"),
        json: api,
    }
}

/// Of how many installs it tells, now and in the days compared with.
fn base(table: &Table) -> String {
    let now = format!("Base: {}", number::counted(table.base_installs, "install"));
    let Some(earlier) = &table.earlier else {
        return now;
    };
    let days = format!(
        "{} to {}",
        calendar::long(earlier.range.from),
        calendar::long(earlier.range.to)
    );
    match (earlier.base_installs, &earlier.left_out) {
        (Some(base), _) => format!(
            "{now}; previous is {days}, base {}",
            number::counted(base, "install")
        ),
        (None, Some(reason)) => format!("{now}; {days} left out: {reason}"),
        (None, None) => now,
    }
}

fn heads(table: &Table) -> Vec<Head> {
    let label = |column: &String| {
        let words = column.replace('_', " ");
        let mut letters = words.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect()
    };
    table
        .columns
        .iter()
        .map(|column| Head {
            label: label(column),
            number: is_number(column),
        })
        .collect()
}

/// Whether a column holds numbers, which stand to the right.
fn is_number(column: &str) -> bool {
    const TEXTS: [&str; 19] = [
        "day",
        "version",
        "app",
        "app_version",
        "namespace",
        "task",
        "label",
        "path",
        "title",
        "locale",
        "browser",
        "exception",
        "first_version",
        "top_exception",
        "metric",
        "deployment",
        "cohort",
        "released",
        "release",
    ];
    !TEXTS.contains(&column) && column != "detail"
}

/// A column of the earlier time holds what the column it stands for holds.
fn plain_name(column: &str) -> &str {
    column.strip_prefix("previous_").unwrap_or(column)
}

fn cells(table: &Table, row: &[Cell]) -> Vec<Shown> {
    let share = |k: usize| {
        let column = plain_name(&table.columns[k]);
        let metric = row.first().map(Cell::plain).unwrap_or_default();
        let survival = table.report == "survival" && ["kept", "low", "high"].contains(&column);
        let rate = table.report == "task-versions" && ["low", "high"].contains(&column);
        column.ends_with("share")
            || column.ends_with("rate")
            || metric.ends_with("_share")
            || survival
            || rate
    };
    row.iter()
        .enumerate()
        .map(|(k, cell)| Shown {
            text: text(plain_name(&table.columns[k]), cell, share(k)),
            number: is_number(&table.columns[k]),
        })
        .collect()
}

fn text(column: &str, cell: &Cell, share: bool) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Count(count) => number::count(*count),
        Cell::Number(value) if share => number::percent(*value),
        Cell::Number(value) if column.contains("median") || column == "p90" => {
            number::about(*value)
        }
        Cell::Number(value) => number::real(*value),
        Cell::Text(text) if text.is_empty() && column != "title" && column != "label" => {
            words::NOT_TOLD.to_owned()
        }
        Cell::Text(text) if column == "locale" => words::language(text),
        Cell::Text(text) if column == "metric" => text.replace('_', " "),
        Cell::Text(_) | Cell::Day(_) | Cell::Moment(_) => cell.plain(),
    }
}
