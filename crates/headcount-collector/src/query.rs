//! The one question the index answers: measure, by, filter, range, bucket. Pure data.
//!
//! Semantics. Each bucket is answered alone. Its population are the installs with an accepted event
//! in the bucket. An install's attributes (version, deployment, apps, users, tokens) in a bucket are
//! those of its last report of that attribute inside the bucket; apps are the union of the reports of
//! the last day in the bucket that told any. Amounts (runs, views) are filtered by the event's own
//! version, namespace, task, result, path, locale, browser, os, and by the install's attributes in
//! the bucket for app, deployment, users and `first_seen`.

use crate::store::Day;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Installs with any accepted event in the bucket.
    Active,
    /// Installs whose first active day falls in the bucket.
    New,
    /// Installs whose last active day was 8 days before a day of the bucket, with none in between:
    /// they are gone on the first day after 7 without an event. Their attributes are those of that
    /// last active day.
    Gone,
    /// Task runs: `amount` runs, `failures`, `values` their context numbers.
    Tasks,
    /// Page views: `amount` views.
    Pages,
    /// App stats, the last one per install and day: `values` their numbers, `amount` their sum.
    Stats,
    /// Users as installs last reported them in the bucket: `installs` those that did, `amount` the
    /// sum over them, `median` and `p90` per install.
    Users,
    /// Tokens, likewise.
    Tokens,
}

/// What an answer can be grouped or filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    Version,
    App,
    /// `app` and its version, written `app=version`.
    AppVersion,
    Deployment,
    /// Users per install; grouped in 1-2-5 buckets, filtered by any range.
    Users,
    /// Tokens per install; likewise.
    Tokens,
    /// Month of the first active day, `2026-08`.
    FirstSeen,
    Namespace,
    Task,
    Result,
    Label,
    Path,
    Title,
    Locale,
    Browser,
    Os,
}

/// Inclusive range of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DayRange {
    pub from: Day,
    pub to: Day,
}

/// How the range is cut. Weeks start on Monday; the first and last bucket are cut by the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    Day,
    Week,
    Month,
    /// One bucket: the whole range.
    Whole,
    /// One bucket for each day of the range: the 7 days up to and with that day, so days before the
    /// range are read too. `AnswerRow::bucket` is that day, the last of its bucket.
    Trailing7,
}

/// One condition. Clauses of one dimension are joined by or, dimensions by and; a negated clause
/// excludes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Clause {
    pub dimension: Dimension,
    pub negated: bool,
    pub value: ClauseValue,
}

/// What a clause compares with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClauseValue {
    /// Equal to this text.
    Text(String),
    /// Between these numbers, both included (`Users`, `Tokens`).
    Range(u64, u64),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    pub measure: Measure,
    /// Group by these; at most one attribute of the install, or several of the event.
    pub by: Vec<Dimension>,
    pub filter: Vec<Clause>,
    pub range: DayRange,
    pub bucket: Bucket,
}

/// The answer: rows in order of bucket, then of key.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Answer {
    /// Distinct installs that are active in the range and match the filter (the base of the figures).
    pub base: u64,
    pub rows: Vec<AnswerRow>,
}

/// One cell of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerRow {
    /// First day of the bucket (last day for `Trailing7`).
    pub bucket: Day,
    /// One text per `Query::by`. Users and tokens are written `10-19`.
    pub key: Vec<String>,
    /// Distinct installs of the cell.
    pub installs: u64,
    /// Runs, views or the sum of stats; 0 for install measures.
    pub amount: f64,
    /// Failed runs (`Tasks`), else 0.
    pub failures: u64,
    /// Median of the values, `None` without any. Within 2 % of the exact median.
    pub median: Option<f64>,
    /// 90th percentile, likewise.
    pub p90: Option<f64>,
}
