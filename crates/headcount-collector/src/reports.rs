//! Reports: `Query` values in, a table out. One file each; knows neither SQL nor HTML.

pub(crate) mod app_stats;
pub(crate) mod app_versions;
pub(crate) mod apps;
pub(crate) mod behind;
pub(crate) mod browsers;
pub(crate) mod calendar;
pub(crate) mod deployment;
pub(crate) mod evidence;
pub(crate) mod installs;
pub(crate) mod interval;
pub(crate) mod live;
pub(crate) mod locales;
pub(crate) mod pages;
pub(crate) mod params;
pub(crate) mod regressions;
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

use crate::query::{
    Answer, Bucket, Clause, DayRange, Dimension, Lives, LivesQuery, Measure, Query, Spread,
};
use crate::store::Hit;

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
    /// Whether answers are narrowed to the apps of an author: only reports that stay true then are run.
    pub narrowed: bool,
    /// The latest hits, at most so many, newest first.
    pub hits: &'a (dyn Fn(usize) -> Result<Vec<Hit>, ReportError> + Sync),
}

impl Source<'_> {
    /// Asks over a range with a filter.
    pub(crate) fn ask(
        &self,
        measure: Measure,
        by: &[Dimension],
        over: &Over<'_>,
    ) -> Result<Answer, ReportError> {
        (self.answer)(&Query {
            measure,
            by: by.to_vec(),
            filter: over.filter.to_vec(),
            range: over.range,
            bucket: over.bucket,
        })
    }

    /// How the numbers of a measure are spread over a whole range.
    pub(crate) fn spread_of(
        &self,
        measure: Measure,
        over: &Over<'_>,
    ) -> Result<Spread, ReportError> {
        (self.spread)(&Query {
            measure,
            by: Vec::new(),
            filter: over.filter.to_vec(),
            range: over.range,
            bucket: Bucket::Whole,
        })
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

    /// The range before as one bucket.
    pub(crate) fn whole_before(&self) -> Over<'_> {
        Over::whole(self.previous(), &self.filter)
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
}

macro_rules! report {
    ($name:literal, $module:ident) => {
        Report {
            name: $name,
            columns: &$module::COLUMNS,
            run: $module::run,
            long: false,
        }
    };
    ($name:literal, $columns:expr, $run:expr, long: $long:literal) => {
        Report {
            name: $name,
            columns: &$columns,
            run: $run,
            long: $long,
        }
    };
}

const REPORTS: &[Report] = &[
    report!("totals", totals),
    report!("installs", installs),
    report!("versions", versions),
    report!("apps", apps),
    report!("app-versions", app_versions),
    report!("sizes", sizes),
    report!("tasks", tasks),
    report!("task", task::COLUMNS, task::run, long: false),
    report!("task-exceptions", task::EXCEPTION_COLUMNS, task::exceptions, long: false),
    report!("task-versions", task::VERSION_COLUMNS, task::versions, long: false),
    report!("task-values", task::VALUE_COLUMNS, task::values, long: false),
    report!("app-stats", app_stats),
    report!("pages", pages),
    report!("locales", locales),
    report!("browsers", browsers),
    report!("deployment", deployment),
    report!("retention", retention::COLUMNS, retention::run, long: true),
    report!("survival", survival::COLUMNS, survival::run, long: true),
    report!("upgrade", upgrade::COLUMNS, upgrade::run, long: true),
    report!("upgrade-lag", upgrade::LAG_COLUMNS, upgrade::lag, long: true),
    report!("upgrade-behind", behind::COLUMNS, behind::run, long: true),
    report!("live", live),
];

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
        columns: report.columns,
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
