//! `installs`: how many were active, came and went, bucket by bucket.

use rustc_hash::FxHashMap;

use super::{Body, Cell, Params, ReportError, Source, calendar};
use crate::query::Measure;
use crate::store::Day;

pub(crate) const COLUMNS: [&str; 4] = ["day", "active", "new", "gone"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let base = source.ask(Measure::Active, &[], &params.whole())?.base;
    let series = |measure| -> Result<FxHashMap<Day, u64>, ReportError> {
        let answer = source.ask(measure, &[], &params.cut())?;
        Ok(answer
            .rows
            .into_iter()
            .map(|row| (row.bucket, row.installs))
            .collect())
    };
    let [active, new, gone] = [
        series(Measure::Active)?,
        series(Measure::New)?,
        series(Measure::Gone)?,
    ];
    let cell = |of: &FxHashMap<Day, u64>, day| Cell::Count(of.get(&day).copied().unwrap_or(0));
    let today = calendar::day_of_ms(source.now_ms);
    let rows = calendar::starts(params.range.from, params.range.to, params.bucket)
        .into_iter()
        .filter(|&day| day <= today)
        .map(|day| {
            vec![
                Cell::Day(day),
                cell(&active, day),
                cell(&new, day),
                cell(&gone, day),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}
