//! What a reader asks for: the query string of a report or page, read into types. Pure.

use percent_encoding::percent_decode_str;

use super::comparison::Compare;
use super::{ReportError, calendar};
use crate::query::{Bucket, Clause, ClauseValue, DayRange, Dimension};
use crate::store::Day;

/// Longest range answered: three years and a week, more than raw events are ever kept.
pub(crate) const MAX_RANGE_DAYS: i32 = 1_103;
/// Most rows in one answer, a few megabytes of JSON.
pub(crate) const MAX_ROWS: usize = 100_000;
/// Days of the range when none is given, today included.
const DEFAULT_DAYS: i32 = 30;
/// Days of the range of reports on whole lives when none is given.
const YEAR_DAYS: i32 = 365;
const MAX_FILTERS: usize = 20;
const MAX_VALUE_BYTES: usize = 1_024;
/// 1900-01-01 and 2200-01-01: outside of these a year is a slip of the keyboard.
const SANE_DAYS: std::ops::Range<i32> = -25_567..84_006;

/// What `sizes` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeOf {
    /// Users per install.
    Users,
    /// Tokens per install.
    Tokens,
}

/// A checked query string. Days are UTC and both ends are included.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// First and last day; by default the 30 days up to and with today.
    pub range: DayRange,
    /// Whether the range was asked for, not taken by default.
    pub range_given: bool,
    /// How the range is cut; by default into days.
    pub bucket: Bucket,
    /// How cohorts are cut: as `bucket` says, by default into months.
    pub cohort: Bucket,
    /// Most rows wanted; all (up to the maximum) when not given.
    pub limit: Option<usize>,
    /// Which installs and events count.
    pub filter: Vec<Clause>,
    /// `of=users` (default) or `of=tokens`, for `sizes`.
    pub of: SizeOf,
    /// `namespace=`, for the reports on one task.
    pub namespace: Option<String>,
    /// `task=`, likewise.
    pub task: Option<String>,
    /// `format=csv`, for links that cannot set `Accept`.
    pub csv: bool,
    /// `compare=previous`, `year` or `off`; where it is not given, reports that always tell of an
    /// earlier time tell of the days before, all others of none.
    pub(crate) compare: Option<Compare>,
}

impl Params {
    /// Reads a raw query string. `today` bounds the default range.
    ///
    /// # Errors
    /// Names the parameter that is unknown, given twice, unreadable or out of bounds.
    pub fn parse(query: &str, today: Day) -> Result<Self, ReportError> {
        let mut raw = Raw::default();
        for (name, value) in pairs(query)? {
            raw.take(&name, value)?;
        }
        let range = raw.range(today)?;
        Ok(Self {
            range,
            range_given: raw.from.is_some() || raw.to.is_some(),
            bucket: raw.bucket.unwrap_or(Bucket::Day),
            cohort: raw.bucket.unwrap_or(Bucket::Month),
            limit: raw.limit,
            filter: raw.filter,
            of: raw.of.unwrap_or(SizeOf::Users),
            namespace: raw.namespace,
            task: raw.task,
            csv: raw.csv.unwrap_or(false),
            compare: raw.compare,
        })
    }

    /// The same over the year up to its last day, unless a range was asked for.
    pub(crate) fn over_a_year(&self) -> Self {
        let mut wide = self.clone();
        if !wide.range_given {
            wide.range.from = Day(wide.range.to.0 - YEAR_DAYS + 1);
        }
        wide
    }
}

/// The range of the same length directly before another.
pub(crate) fn previous(range: DayRange) -> DayRange {
    let days = range.to.0 - range.from.0 + 1;
    DayRange {
        from: Day(range.from.0 - days),
        to: Day(range.from.0 - 1),
    }
}

/// Splits a query string into decoded pairs.
///
/// # Errors
/// Names a parameter whose value is no UTF-8.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, ReportError> {
    let mut out = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(name).ok_or_else(|| bad(name, "is not UTF-8"))?;
        let value = decode(value).ok_or_else(|| bad(&name, "is not UTF-8"))?;
        out.push((name, value));
    }
    Ok(out)
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?.into_owned();
    (!decoded.contains('\0')).then_some(decoded)
}

/// Values as they come in; each may come once, `filter` often.
#[derive(Default)]
struct Raw {
    from: Option<Day>,
    to: Option<Day>,
    bucket: Option<Bucket>,
    limit: Option<usize>,
    filter: Vec<Clause>,
    of: Option<SizeOf>,
    namespace: Option<String>,
    task: Option<String>,
    csv: Option<bool>,
    compare: Option<Compare>,
}

impl Raw {
    fn take(&mut self, name: &str, value: String) -> Result<(), ReportError> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(bad(
                name,
                &format!("is longer than {MAX_VALUE_BYTES} bytes"),
            ));
        }
        match name {
            "from" => once(&mut self.from, name, day(name, &value)?),
            "to" => once(&mut self.to, name, day(name, &value)?),
            "bucket" => once(&mut self.bucket, name, bucket(&value)?),
            "limit" => once(&mut self.limit, name, limit(&value)?),
            "of" => once(&mut self.of, name, size_of(&value)?),
            "namespace" => once(&mut self.namespace, name, value),
            "task" => once(&mut self.task, name, value),
            "format" => once(&mut self.csv, name, format(&value)?),
            "compare" => once(&mut self.compare, name, compare(&value)?),
            "filter" if self.filter.len() == MAX_FILTERS => {
                Err(bad(name, &format!("comes more than {MAX_FILTERS} times")))
            }
            "filter" => {
                self.filter.push(clause(&value)?);
                Ok(())
            }
            _ => Err(bad(
                name,
                "is not known here; known are from, to, bucket, limit, filter, compare, of, namespace, task, format",
            )),
        }
    }

    fn range(&self, today: Day) -> Result<DayRange, ReportError> {
        // With today: who asks without dates wants to see what came just now, too.
        let to = self
            .to
            .unwrap_or_else(|| self.from.unwrap_or(today).max(today));
        let from = self.from.unwrap_or(Day(to.0 - DEFAULT_DAYS + 1));
        check_range(from, to)
    }
}

/// Two days as a range.
///
/// # Errors
/// Names `from` where it lies behind `to`, or where the range is longer than three years.
pub(crate) fn check_range(from: Day, to: Day) -> Result<DayRange, ReportError> {
    if from > to {
        return Err(bad("from", "is after `to`"));
    }
    let days = to.0 - from.0 + 1;
    if days > MAX_RANGE_DAYS {
        return Err(bad(
            "from",
            &format!("makes a range of {days} days; {MAX_RANGE_DAYS} are the most"),
        ));
    }
    Ok(DayRange { from, to })
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<(), ReportError> {
    if slot.replace(value).is_some() {
        return Err(bad(name, "comes twice"));
    }
    Ok(())
}

/// An error that names a parameter.
pub(crate) fn bad(name: &str, problem: &str) -> ReportError {
    ReportError::Parameter {
        name: name.to_owned(),
        problem: problem.to_owned(),
    }
}

/// Reads a day.
///
/// # Errors
/// Names the parameter.
pub(crate) fn day(name: &str, value: &str) -> Result<Day, ReportError> {
    calendar::parse(value)
        .filter(|day| SANE_DAYS.contains(&day.0))
        .ok_or_else(|| bad(name, "is not a day as in 2026-08-01"))
}

fn bucket(value: &str) -> Result<Bucket, ReportError> {
    match value {
        "day" => Ok(Bucket::Day),
        "week" => Ok(Bucket::Week),
        "month" => Ok(Bucket::Month),
        _ => Err(bad("bucket", "is none of day, week, month")),
    }
}

fn compare(value: &str) -> Result<Compare, ReportError> {
    let known = Compare::ALL.into_iter().find(|known| known.word() == value);
    known.ok_or_else(|| bad("compare", "is none of previous, year, off"))
}

fn limit(value: &str) -> Result<usize, ReportError> {
    match value.parse() {
        Ok(limit @ 1..=MAX_ROWS) => Ok(limit),
        _ => Err(bad(
            "limit",
            &format!("is not a number from 1 to {MAX_ROWS}"),
        )),
    }
}

fn size_of(value: &str) -> Result<SizeOf, ReportError> {
    match value {
        "users" => Ok(SizeOf::Users),
        "tokens" => Ok(SizeOf::Tokens),
        _ => Err(bad("of", "is neither users nor tokens")),
    }
}

fn format(value: &str) -> Result<bool, ReportError> {
    match value {
        "json" => Ok(false),
        "csv" => Ok(true),
        _ => Err(bad("format", "is neither json nor csv")),
    }
}

/// Names of the dimensions as they stand in `filter=`.
pub(crate) const DIMENSIONS: [(&str, Dimension); 14] = [
    ("version", Dimension::Version),
    ("app", Dimension::App),
    ("deployment", Dimension::Deployment),
    ("users", Dimension::Users),
    ("tokens", Dimension::Tokens),
    ("first_seen", Dimension::FirstSeen),
    ("namespace", Dimension::Namespace),
    ("task", Dimension::Task),
    ("result", Dimension::Result),
    ("label", Dimension::Label),
    ("path", Dimension::Path),
    ("locale", Dimension::Locale),
    ("browser", Dimension::Browser),
    ("os", Dimension::Os),
];

/// Name of a dimension as it stands in `filter=`.
pub(crate) fn dimension_name(dimension: Dimension) -> &'static str {
    let found = DIMENSIONS.iter().find(|(_, known)| *known == dimension);
    found.map_or("", |(name, _)| name)
}

/// Reads `version:5.5.0`, `!app:srp`, `users:10-99`, `users:2-`, `users:>=2`.
///
/// # Errors
/// Names `filter` and the part that is wrong.
pub(crate) fn clause(text: &str) -> Result<Clause, ReportError> {
    let (negated, rest) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (name, value) = rest
        .split_once(':')
        .ok_or_else(|| bad("filter", "is not written DIMENSION:VALUE"))?;
    let dimension = DIMENSIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, d)| *d);
    let dimension = dimension.ok_or_else(|| {
        let known: Vec<&str> = DIMENSIONS.iter().map(|(name, _)| *name).collect();
        bad(
            "filter",
            &format!("has the dimension `{name}`; known are {}", known.join(", ")),
        )
    })?;
    let value = match dimension {
        Dimension::Users | Dimension::Tokens => number_range(name, value)?,
        Dimension::FirstSeen if !calendar::is_month(value) => {
            return Err(bad(
                "filter",
                "wants first_seen as a month, as in first_seen:2026-08",
            ));
        }
        _ => ClauseValue::Text(value.to_owned()),
    };
    Ok(Clause {
        dimension,
        negated,
        value,
    })
}

/// Writes a clause as it stands in `filter=`.
pub(crate) fn clause_text(clause: &Clause) -> String {
    let not = if clause.negated { "!" } else { "" };
    let name = dimension_name(clause.dimension);
    match &clause.value {
        ClauseValue::Text(text) => format!("{not}{name}:{text}"),
        ClauseValue::Range(low, u64::MAX) => format!("{not}{name}:{low}-"),
        ClauseValue::Range(low, high) => format!("{not}{name}:{low}-{high}"),
    }
}

fn number_range(name: &str, value: &str) -> Result<ClauseValue, ReportError> {
    let wrong = || {
        bad(
            "filter",
            &format!("wants {name} as a range, as in {name}:10-99 or {name}:2-"),
        )
    };
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let (low, high) = if let Some(low) = value.strip_prefix(">=") {
        (number(low)?, u64::MAX)
    } else if let Some(high) = value.strip_prefix("<=") {
        (0, number(high)?)
    } else {
        match value.split_once('-') {
            Some((low, "")) => (number(low)?, u64::MAX),
            Some((low, high)) => (number(low)?, number(high)?),
            None => (number(value)?, number(value)?),
        }
    };
    if low > high {
        return Err(bad(
            "filter",
            &format!("has a {name} range that ends before it starts"),
        ));
    }
    Ok(ClauseValue::Range(low, high))
}

#[cfg(test)]
mod tests;
