//! `task`, `task-exceptions`, `task-versions`: one task (or namespace) over time, by exception and by
//! version of the host.

use rustc_hash::FxHashMap;

use headcount_protocol::event::is_failure;

use super::{
    Body, Cell, Over, Params, ReportError, Source, calendar, count, params, release, share,
};
use crate::query::{Bucket, Clause, ClauseValue, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 3] = ["day", "runs", "failures"];
pub(crate) const EXCEPTION_COLUMNS: [&str; 4] = ["exception", "runs", "installs", "first_version"];
pub(crate) const VERSION_COLUMNS: [&str; 5] =
    ["version", "runs", "failures", "installs", "failure_rate"];

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
        .map(|row| (row.bucket, (count(row.amount), row.failures)))
        .collect();
    let today = calendar::day_of_ms(source.now_ms);
    let rows = calendar::starts(asked.range.from, asked.range.to, asked.bucket)
        .into_iter()
        .filter(|&day| day <= today)
        .map(|day| {
            let (runs, failures) = found.get(&day).copied().unwrap_or((0, 0));
            vec![Cell::Day(day), Cell::Count(runs), Cell::Count(failures)]
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
    let by = [Dimension::Result, Dimension::Version];
    let mut first: FxHashMap<String, String> = FxHashMap::default();
    for row in source.ask(Measure::Tasks, &by, &over)?.rows {
        let [result, version] = [row.key[0].clone(), row.key[1].clone()];
        if version.is_empty() {
            continue;
        }
        let lowest = first.entry(result).or_insert_with(|| version.clone());
        if release::order(&version, lowest).is_lt() {
            *lowest = version;
        }
    }
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
    let rows = found
        .into_iter()
        .map(|row| {
            let version = first
                .get(&row.key[0])
                .map_or(Cell::Null, |v| v.as_str().into());
            let runs = Cell::Count(count(row.amount));
            vec![
                row.key[0].as_str().into(),
                runs,
                Cell::Count(row.installs),
                version,
            ]
        })
        .collect();
    Ok(Body {
        base: base(source, asked, &filter)?,
        rows,
    })
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
            vec![
                row.key[0].as_str().into(),
                Cell::Count(runs),
                Cell::Count(row.failures),
                Cell::Count(row.installs),
                Cell::Number(share(row.failures, runs)),
            ]
        })
        .collect();
    Ok(Body {
        base: base(source, asked, &filter)?,
        rows,
    })
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
