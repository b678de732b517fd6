//! Reports: `Query` values in, a table out. One file each; knows neither SQL nor HTML.

pub(crate) mod app_stats;
pub(crate) mod app_versions;
pub(crate) mod apps;
pub(crate) mod behind;
pub(crate) mod broken;
pub(crate) mod browsers;
pub(crate) mod calendar;
pub(crate) mod comparison;
pub(crate) mod deployment;
pub(crate) mod evidence;
pub(crate) mod installs;
pub(crate) mod interval;
pub(crate) mod live;
pub(crate) mod locales;
pub(crate) mod pages;
pub(crate) mod params;
pub(crate) mod regressions;
pub(crate) mod rejections;
pub(crate) mod release;
pub(crate) mod retention;
pub(crate) mod silence;
pub(crate) mod sizes;
pub(crate) mod survival;
pub(crate) mod table;
pub(crate) mod task;
pub(crate) mod tasks;
pub(crate) mod totals;
pub(crate) mod unusual;
pub(crate) mod upgrade;
pub(crate) mod versions;

use crate::meta::breaks::Break;
use crate::query::{
    Answer, Bucket, Clause, DayRange, Dimension, Lives, LivesQuery, Measure, Query, Spread,
};
use crate::store::Hit;

use comparison::{Compare, Compared};

pub use comparison::Earlier;
pub use params::{Params, SizeOf};
pub use table::{Cell, Table};

/// Why a report was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No report of this name.
    #[error("there is no report `{name}`; there are {}", names().join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// A parameter that is missing, unknown or wrong.
    #[error("parameter `{name}` {problem}")]
    Parameter {
        /// Which one.
        name: String,
        /// What is wrong with it, as the rest of the sentence.
        problem: String,
    },
    /// The answer would tell of apps of others; says which part of the question.
    #[error("{0}")]
    NotForAuthors(String),
    /// The index or store could not answer.
    #[error("the data could not be read: {0}")]
    Data(String),
}

/// Where reports get their answers from: one project at one moment.
pub struct Source<'a> {
    /// Slug of the project.
    pub project: &'a str,
    /// Now, Unix milliseconds: the `as_of` of the tables.
    pub now_ms: i64,
    /// Answers one question about the project.
    pub answer: &'a (dyn Fn(&Query) -> Result<Answer, ReportError> + Sync),
    /// Tells how long installs live.
    pub lives: &'a (dyn Fn(&LivesQuery) -> Result<Lives, ReportError> + Sync),
    /// Tells how the numbers of a measure are spread: ascending, each with how often it occurs.
    pub spread: &'a (dyn Fn(&Query) -> Result<Spread, ReportError> + Sync),
    /// Days on which reports of the project are known to be wrong.
    pub breaks: &'a [Break],
    /// Whether answers are narrowed to the apps of an author: only reports that stay true then are run.
    pub narrowed: bool,
    /// The latest hits, at most so many, newest first.
    pub hits: &'a (dyn Fn(usize) -> Result<Vec<Hit>, ReportError> + Sync),
}

impl Source<'_> {
    /// Asks over a range with a filter, without medians of events.
    pub(crate) fn ask(
        &self,
        measure: Measure,
        by: &[Dimension],
        over: &Over<'_>,
    ) -> Result<Answer, ReportError> {
        self.ask_only(measure, by, &[], over)
    }

    /// The same with the medians of events.
    pub(crate) fn ask_medians(
        &self,
        measure: Measure,
        by: &[Dimension],
        over: &Over<'_>,
    ) -> Result<Answer, ReportError> {
        (self.answer)(&Query {
            medians: true,
            ..question(measure, by, over)
        })
    }

    /// The same, but tells only groups with one of these as the last value of their key; all of none.
    pub(crate) fn ask_only(
        &self,
        measure: Measure,
        by: &[Dimension],
        only: &[String],
        over: &Over<'_>,
    ) -> Result<Answer, ReportError> {
        (self.answer)(&Query {
            only: only.to_vec(),
            ..question(measure, by, over)
        })
    }

    /// How the numbers of a measure are spread over a whole range.
    pub(crate) fn spread_of(
        &self,
        measure: Measure,
        over: &Over<'_>,
    ) -> Result<Spread, ReportError> {
        (self.spread)(&Query {
            bucket: Bucket::Whole,
            ..question(measure, &[], over)
        })
    }
}

fn question(measure: Measure, by: &[Dimension], over: &Over<'_>) -> Query {
    Query {
        measure,
        by: by.to_vec(),
        filter: over.filter.to_vec(),
        range: over.range,
        bucket: over.bucket,
        only: Vec::new(),
        medians: false,
    }
}

/// Over which days and installs a question goes.
#[derive(Clone, Copy)]
pub(crate) struct Over<'a> {
    pub(crate) range: DayRange,
    pub(crate) bucket: Bucket,
    pub(crate) filter: &'a [Clause],
}

impl<'a> Over<'a> {
    /// A range as one bucket.
    pub(crate) fn whole(range: DayRange, filter: &'a [Clause]) -> Self {
        Self {
            range,
            bucket: Bucket::Whole,
            filter,
        }
    }
}

impl Params {
    /// The range as one bucket.
    pub(crate) fn whole(&self) -> Over<'_> {
        Over::whole(self.range, &self.filter)
    }

    /// The range cut as asked.
    pub(crate) fn cut(&self) -> Over<'_> {
        Over {
            range: self.range,
            bucket: self.bucket,
            filter: &self.filter,
        }
    }
}

/// What a report computes: the base and the rows.
pub(crate) struct Body {
    pub(crate) base: u64,
    pub(crate) rows: Vec<Vec<Cell>>,
}

type Run = fn(&Source<'_>, &Params) -> Result<Body, ReportError>;

struct Report {
    name: &'static str,
    columns: &'static [&'static str],
    run: Run,
    /// Whether it looks at whole lives: without dates it then goes over a year.
    long: bool,
    /// The feed its numbers come from.
    feed: &'static str,
    compared: Compared,
}

macro_rules! report {
    ($name:literal, $module:ident, $feed:literal, $compared:expr) => {
        report!($name, $module::COLUMNS, $module::run, $feed, $compared)
    };
    ($name:literal, $columns:expr, $run:expr, $feed:literal, $compared:expr) => {
        Report {
            name: $name,
            columns: &$columns,
            run: $run,
            long: false,
            feed: $feed,
            compared: $compared,
        }
    };
}

/// A report on whole lives of installs.
const fn long(mut report: Report) -> Report {
    report.long = true;
    report
}

const REPORTS: &[Report] = &{
    use Compared::{Itself, Joined, Never};
    [
        report!("totals", totals, "stats", Itself),
        report!("installs", installs, "stats", Joined(1)),
        report!("versions", versions, "stats", Joined(2)),
        report!("apps", apps, "stats", Itself),
        report!("app-versions", app_versions, "stats", Joined(3)),
        report!("sizes", sizes, "stats", Joined(2)),
        report!("tasks", tasks, "tasks", Joined(2)),
        report!("task", task, "tasks", Joined(1)),
        report!(
            "task-exceptions",
            task::EXCEPTION_COLUMNS,
            task::exceptions,
            "tasks",
            Joined(1)
        ),
        report!(
            "task-versions",
            task::VERSION_COLUMNS,
            task::versions,
            "tasks",
            Joined(1)
        ),
        report!(
            "task-values",
            task::VALUE_COLUMNS,
            task::values,
            "tasks",
            Joined(2)
        ),
        report!("app-stats", app_stats, "tasks", Joined(3)),
        report!("pages", pages, "pages", Joined(2)),
        report!("locales", locales, "pages", Joined(1)),
        report!("browsers", browsers, "pages", Joined(1)),
        report!("deployment", deployment, "stats", Itself),
        long(report!("retention", retention, "stats", Joined(2))),
        long(report!("survival", survival, "stats", Joined(1))),
        long(report!("upgrade", upgrade, "stats", Joined(2))),
        long(report!(
            "upgrade-lag",
            upgrade::LAG_COLUMNS,
            upgrade::lag,
            "stats",
            Joined(1)
        )),
        long(report!("upgrade-behind", behind, "stats", Joined(2))),
        report!("live", live, "stats", Never),
    ]
};

/// The reports that are true of some apps only, where every question is narrowed to them.
const FOR_AUTHORS: [&str; 16] = [
    "totals",
    "installs",
    "versions",
    "apps",
    "app-versions",
    "sizes",
    "tasks",
    "task",
    "task-exceptions",
    "task-versions",
    "task-values",
    "app-stats",
    "pages",
    "locales",
    "browsers",
    "deployment",
];

/// Names of all reports.
pub fn names() -> Vec<&'static str> {
    REPORTS.iter().map(|report| report.name).collect()
}

/// Answers one report.
///
/// # Errors
/// An unknown report, a bad parameter, more rows than one answer may have, or data that cannot be read.
pub fn run(source: &Source<'_>, name: &str, params: &Params) -> Result<Table, ReportError> {
    let report = find(name)?;
    if source.narrowed && !FOR_AUTHORS.contains(&name) {
        let text = format!("the report `{name}` tells of the whole project");
        return Err(ReportError::NotForAuthors(text));
    }
    let wide = params.over_a_year();
    let params = if report.long { &wide } else { params };
    let body = (report.run)(source, params)?;
    let mut rows = body.rows;
    let mut columns: Vec<String> = report.columns.iter().map(|&name| name.to_owned()).collect();
    let mut earlier = None;
    if let Some(compare) = params.compare {
        earlier = comparison::join((report, compare), source, params, &mut rows)?;
    }
    if earlier.is_some() {
        let told = comparison::columns(report);
        columns.extend(
            told.iter()
                .map(|&at| format!("previous_{}", report.columns[at])),
        );
    }
    let rows_total = rows.len();
    if let Some(limit) = params.limit {
        rows.truncate(limit);
    } else if rows_total > params::MAX_ROWS {
        let problem = format!(
            "is needed: the answer has {rows_total} rows, {} are the most; a shorter range or a longer bucket helps too",
            params::MAX_ROWS
        );
        return Err(params::bad("limit", &problem));
    }
    Ok(Table {
        report: report.name,
        project: source.project.to_owned(),
        from: params.range.from,
        to: params.range.to,
        as_of_ms: source.now_ms,
        base_installs: body.base,
        earlier,
        columns,
        rows,
        rows_total,
    })
}

/// Whether there is a report of this name.
///
/// # Errors
/// `ReportError::Unknown` where there is none.
pub(crate) fn check_name(name: &str) -> Result<(), ReportError> {
    find(name).map(|_| ())
}

fn find(name: &str) -> Result<&'static Report, ReportError> {
    let found = REPORTS.iter().find(|report| report.name == name);
    found.ok_or_else(|| ReportError::Unknown {
        name: name.to_owned(),
    })
}

impl Source<'_> {
    /// The earlier days that a report's own column tells of; `None` where they are not wanted or are
    /// no measure.
    pub(crate) fn before(&self, params: &Params, feed: &str) -> Option<DayRange> {
        let compare = params.compare.unwrap_or(Compare::Previous);
        let range = compare.range(params.range)?;
        self.spoilt(feed, range).is_none().then_some(range)
    }
}

/// A part of a whole, 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// A sum of counts as a count: runs and views are whole numbers far below 2^53.
pub(crate) fn count(amount: f64) -> u64 {
    amount.max(0.0).round() as u64
}

#[cfg(test)]
mod tests;
