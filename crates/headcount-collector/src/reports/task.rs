//! `task`, `task-exceptions`, `task-versions`, `task-values`: one task (or namespace) over time, by
//! exception, by version of the host (with Wilson's 95 % interval), and the spread of its values.

use rustc_hash::FxHashMap;

use headcount_protocol::event::is_failure;

use super::interval::wilson;
use super::{
    Body, Cell, Over, Params, ReportError, Source, calendar, count, params, release, share,
};
use crate::query::{AnswerRow, Bucket, Clause, ClauseValue, DayRange, Dimension, Measure};
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 4] = ["day", "runs", "failures", "installs"];
pub(crate) const EXCEPTION_COLUMNS: [&str; 5] =
    ["exception", "runs", "installs", "first_version", "share"];
pub(crate) const VERSION_COLUMNS: [&str; 7] = [
    "version",
    "runs",
    "failures",
    "installs",
    "failure_rate",
    "low",
    "high",
];
pub(crate) const VALUE_COLUMNS: [&str; 3] = ["from", "to", "runs"];

pub(crate) fn run(source: &Source<'_>, asked: &Params) -> Result<Body, ReportError> {
    let filter = narrowed(asked)?;
    let over = Over {
        range: asked.range,
        bucket: asked.bucket,
        filter: &filter,
    };
    let answer = source.ask(Measure::Tasks, &[], &over)?;
    let found: FxHashMap<_, _> = answer
        .rows
        .iter()
        .map(|row| (row.bucket, (count(row.amount), row.failures, row.installs)))
        .collect();
    let today = calendar::day_of_ms(source.now_ms);
    let rows = calendar::starts(asked.range.from, asked.range.to, asked.bucket)
        .into_iter()
        .filter(|&day| day <= today)
        .map(|day| {
            let (runs, failures, installs) = found.get(&day).copied().unwrap_or((0, 0, 0));
            vec![
                Cell::Day(day),
                Cell::Count(runs),
                Cell::Count(failures),
                Cell::Count(installs),
            ]
        })
        .collect();
    Ok(Body {
        base: base(source, asked, &filter)?,
        rows,
    })
}

pub(crate) fn exceptions(source: &Source<'_>, asked: &Params) -> Result<Body, ReportError> {
    let filter = narrowed(asked)?;
    let over = Over {
        range: asked.range,
        bucket: Bucket::Whole,
        filter: &filter,
    };
    let by_result = source.ask(Measure::Tasks, &[Dimension::Result], &over)?;
    let mut found: Vec<_> = by_result
        .rows
        .into_iter()
        .filter(|row| is_failure(&row.key[0]))
        .collect();
    found.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.key.cmp(&b.key))
    });
    let first = first_versions(source, asked.range, (&filter, &found))?;
    let failed: u64 = found.iter().map(|row| count(row.amount)).sum();
    let rows = found
        .into_iter()
        .map(|row| {
            let version = first
                .get(&row.key[0])
                .map_or(Cell::Null, |v| v.as_str().into());
            let runs = count(row.amount);
            vec![
                row.key[0].as_str().into(),
                Cell::Count(runs),
                Cell::Count(row.installs),
                version,
                Cell::Number(share(runs, failed)),
            ]
        })
        .collect();
    Ok(Body {
        base: base(source, asked, &filter)?,
        rows,
    })
}

/// The lowest version that each exception was seen with in the year up to the last day: with the days
/// of the range alone, all were new in the first of its versions.
fn first_versions(
    source: &Source<'_>,
    range: DayRange,
    (filter, found): (&[Clause], &[AnswerRow]),
) -> Result<FxHashMap<String, String>, ReportError> {
    const YEAR: i32 = 365;
    /// A question names so many results at most; where there are more, all are asked for.
    const MOST_NAMED: usize = 20;
    let mut filter: Vec<Clause> = filter.to_vec();
    filter.retain(|clause| clause.dimension != Dimension::Version);
    let chosen = |clause: &Clause| clause.dimension == Dimension::Result && !clause.negated;
    if found.len() <= MOST_NAMED && !filter.iter().any(chosen) {
        filter.extend(found.iter().map(|row| Clause {
            dimension: Dimension::Result,
            negated: false,
            value: ClauseValue::Text(row.key[0].clone()),
        }));
    }
    let known = DayRange {
        from: range.from.min(Day(range.to.0 - YEAR + 1)),
        to: range.to,
    };
    let by = [Dimension::Result, Dimension::Version];
    let mut first: FxHashMap<String, String> = FxHashMap::default();
    if found.is_empty() {
        return Ok(first);
    }
    for row in source
        .ask(Measure::Tasks, &by, &Over::whole(known, &filter))?
        .rows
    {
        let [result, version] = [row.key[0].clone(), row.key[1].clone()];
        if version.is_empty() {
            continue;
        }
        let lowest = first.entry(result).or_insert_with(|| version.clone());
        if release::order(&version, lowest).is_lt() {
            *lowest = version;
        }
    }
    Ok(first)
}

pub(crate) fn versions(source: &Source<'_>, asked: &Params) -> Result<Body, ReportError> {
    let filter = narrowed(asked)?;
    let over = Over {
        range: asked.range,
        bucket: Bucket::Whole,
        filter: &filter,
    };
    let mut found = source
        .ask(Measure::Tasks, &[Dimension::Version], &over)?
        .rows;
    found.sort_by(|a, b| release::order(&b.key[0], &a.key[0]));
    let rows = found
        .into_iter()
        .map(|row| {
            let runs = count(row.amount);
            let (low, high) = wilson(row.failures, runs);
            vec![
                row.key[0].as_str().into(),
                Cell::Count(runs),
                Cell::Count(row.failures),
                Cell::Count(row.installs),
                Cell::Number(share(row.failures, runs)),
                Cell::Number(low),
                Cell::Number(high),
            ]
        })
        .collect();
    Ok(Body {
        base: base(source, asked, &filter)?,
        rows,
    })
}

pub(crate) fn values(source: &Source<'_>, asked: &Params) -> Result<Body, ReportError> {
    let filter = narrowed(asked)?;
    let over = Over::whole(asked.range, &filter);
    let rows = steps(&source.spread_of(Measure::Tasks, &over)?)
        .into_iter()
        .map(|(from, to, runs)| vec![Cell::maybe(from), Cell::maybe(to), Cell::Count(runs)])
        .collect();
    Ok(Body {
        base: base(source, asked, &filter)?,
        rows,
    })
}

/// A step of values: its bounds, open where there is none, and the runs in it.
pub(crate) type Step = (Option<f64>, Option<f64>, u64);

/// Numbers in 1-2-5 steps, `to` the last whole number of each; below 1 one step each for negative
/// numbers, for 0 and for what lies between. Steps without a run are left out.
pub(crate) fn steps(spread: &[(f64, u64)]) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    for &(value, runs) in spread {
        let bounds = bounds(value);
        match found.last_mut().filter(|last| (last.0, last.1) == bounds) {
            Some(last) => last.2 += runs,
            None => found.push((bounds.0, bounds.1, runs)),
        }
    }
    found
}

fn bounds(value: f64) -> (Option<f64>, Option<f64>) {
    if value < 0.0 {
        return (None, Some(0.0));
    }
    if value < 1.0 {
        let most = if value == 0.0 { 0.0 } else { 1.0 };
        return (Some(0.0), Some(most));
    }
    let power = 10_f64.powf(value.log10().floor());
    let (from, next) = match value / power {
        part if part < 2.0 => (1.0, 2.0),
        part if part < 5.0 => (2.0, 5.0),
        _ => (5.0, 10.0),
    };
    (Some(from * power), Some(next * power - 1.0))
}

/// Installs that ran the task in the range.
fn base(source: &Source<'_>, asked: &Params, filter: &[Clause]) -> Result<u64, ReportError> {
    let answer = source.ask(Measure::Tasks, &[], &Over::whole(asked.range, filter))?;
    Ok(answer.rows.first().map_or(0, |row| row.installs))
}

/// The filter with the task asked for.
fn narrowed(asked: &Params) -> Result<Vec<Clause>, ReportError> {
    if asked.task.is_none() && asked.namespace.is_none() {
        return Err(params::bad(
            "task",
            "is missing: this report is about one task or namespace",
        ));
    }
    let text = |dimension, value: &Option<String>| {
        let value = ClauseValue::Text(value.clone()?);
        Some(Clause {
            dimension,
            negated: false,
            value,
        })
    };
    let mut filter = asked.filter.clone();
    filter.extend(text(Dimension::Task, &asked.task));
    filter.extend(text(Dimension::Namespace, &asked.namespace));
    Ok(filter)
}
