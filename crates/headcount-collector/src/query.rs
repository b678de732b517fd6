//! The one question the index answers: measure, by, filter, range, bucket. Pure data.
//!
//! Each bucket is answered alone, from its events only. Its population are the installs with an
//! accepted event in it.
//!
//! **Attributes of an install** in a bucket are what it told last in it: version, deployment, users and
//! tokens each by the latest event that told one; apps by the last day in the bucket on which any were
//! told (their union over that day), an app's version by that day's latest report of the app that told
//! one; `FirstSeen` is the month of its first active day ever. What was never told in the bucket has no
//! value: it is in no group, matches no clause, and is kept by negated ones.
//!
//! **Events** tell namespace, task, result and label (task runs; app stats all but the result) or path,
//! title, locale, browser and os (page views), and the version they came with. A text that was not told
//! is the empty text, also as a group.
//!
//! **Clauses** of one dimension are joined by or, dimensions by and. On attributes they select installs.
//! On dimensions of events they select, for amounts of that kind of event, the events; `Version` selects
//! events there too. For all else they select installs: those with an event in the bucket, a task run or
//! app stat for the first group of dimensions, a page view for the second, that matches all clauses of
//! the group that are not negated at once; a negated clause excludes installs with any event of that
//! value. A value nobody ever told matches nothing.
//!
//! **Groups** (`by`): any attributes for every measure; for amounts also dimensions of that kind of
//! event, and `Version` is then that of the event. An install with several apps is in several groups.
//! Without `by` every bucket has exactly one row, else only groups with something in them have one.

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
    /// Task runs: `amount` runs, `failures` those that failed; `median` and `p90` of their context
    /// numbers, where a row of n runs with the sum v counts as n numbers v/n.
    Tasks,
    /// Page views: `amount` views.
    Pages,
    /// App stats: of each namespace, task and label the last one per install and day. `amount` is
    /// their sum over the days of the bucket; `median` and `p90` of their numbers.
    Stats,
    /// Users as installs last reported them in the bucket: `installs` those that did, `amount` the
    /// sum over them, `median` and `p90` per install, exact.
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
    /// Group by these, in this order.
    pub by: Vec<Dimension>,
    pub filter: Vec<Clause>,
    pub range: DayRange,
    pub bucket: Bucket,
    /// Tell only the groups whose value of the last of `by` is one of these; all where it is empty.
    pub only: Vec<String>,
    /// Tell the median and 90th percentile of the values of events (`Tasks`, `Stats`), which takes about
    /// as long again. Those of `Users` and `Tokens` are always told.
    pub medians: bool,
}

/// The answer: rows in order of bucket, then of key.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Answer {
    /// Distinct installs that are active in the range as a whole and match the filter in it.
    pub base: u64,
    pub rows: Vec<AnswerRow>,
}

/// One cell of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerRow {
    /// First day of the bucket (last day for `Trailing7`).
    pub bucket: Day,
    /// One text per `Query::by`. Users and tokens are written `10-19`, and sorted by size.
    pub key: Vec<String>,
    /// Distinct installs of the cell.
    pub installs: u64,
    /// Runs, views or the sum of stats; 0 for install measures.
    pub amount: f64,
    /// Failed runs (`Tasks`), else 0.
    pub failures: u64,
    /// Median of the values (mean of the two middle ones), `None` without any or where they
    /// were not asked for. Each value is taken
    /// within 2 % of what it is.
    pub median: Option<f64>,
    /// 90th percentile (nearest rank), likewise.
    pub p90: Option<f64>,
}

/// Numbers, ascending, each with how often it occurs.
pub type Spread = Vec<(f64, u64)>;

/// Runs of a task by one install on one day, on one side of a release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tally {
    pub install: u32,
    /// Whether on the version that is asked about, or a newer one.
    pub newer: bool,
    pub runs: f64,
    pub failures: f64,
}

/// A question about how long installs live: those whose first active day falls in the range and that
/// match the filter in it, as told last in the range. Nothing outside of the range is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LivesQuery {
    pub range: DayRange,
    pub filter: Vec<Clause>,
    /// `None`: first and last days; else cohorts cut like this, and who is active in which bucket.
    pub cut: Option<Bucket>,
}

/// The answer: one of the two lists, as asked.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Lives {
    /// Installs that are asked about.
    pub installs: u64,
    /// In order of first, then last day.
    pub lives: Vec<Life>,
    /// One for each bucket of the range, in their order.
    pub cohorts: Vec<Cohort>,
}

/// Installs with the same first and last active day, both within the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub first: Day,
    pub last: Day,
    pub installs: u64,
}

/// Installs first seen in one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// First day of the bucket.
    pub first: Day,
    pub installs: u64,
    /// How many of them are active in the bucket, in the next, and so on to the end of the range.
    pub active: Vec<u64>,
}
