//! The index beside SQL over the raw events of the last month, both asked the same.

use std::path::Path;
use std::time::Instant;

use anyhow::bail;
use headcount_collector::query::{Bucket, DayRange, Dimension, Measure, Query};
use headcount_collector::store::Day;
use rusqlite::Connection;

use super::LAST;
use super::build::RAW_DAYS;
use super::fleet::{Fleet, PROJECT};

/// A question and its brute force: amount and distinct installs of each row, in order.
struct Pair {
    name: &'static str,
    measure: Measure,
    by: &'static [Dimension],
    bucket: Bucket,
    sql: &'static str,
}

const PAIRS: [Pair; 3] = [
    Pair {
        name: "active per day",
        measure: Measure::Active,
        by: &[],
        bucket: Bucket::Day,
        sql: "SELECT 0, COUNT(DISTINCT install) FROM events \
              WHERE project = ?1 AND day BETWEEN ?2 AND ?3 \
              GROUP BY day ORDER BY day",
    },
    Pair {
        name: "tasks",
        measure: Measure::Tasks,
        by: &[Dimension::Namespace, Dimension::Task],
        bucket: Bucket::Whole,
        sql: "SELECT SUM(count), COUNT(DISTINCT install) FROM events \
              WHERE project = ?1 AND day BETWEEN ?2 AND ?3 AND kind = 1 \
              GROUP BY namespace, task \
              ORDER BY (SELECT text FROM texts WHERE sym = namespace), \
              (SELECT text FROM texts WHERE sym = task)",
    },
    Pair {
        name: "pages",
        measure: Measure::Pages,
        by: &[Dimension::Path],
        bucket: Bucket::Whole,
        sql: "SELECT COUNT(*), COUNT(DISTINCT install) FROM events \
              WHERE project = ?1 AND day BETWEEN ?2 AND ?3 AND kind = 3 \
              GROUP BY path ORDER BY (SELECT text FROM texts WHERE sym = path)",
    },
];

/// Asks each pair three times and prints the median ratio. The index has nothing in memory each time:
/// it would answer from what it kept.
pub(super) fn run(folder: &Path, fleet: &Fleet) -> anyhow::Result<()> {
    let from = Day(LAST.0 - RAW_DAYS.min(fleet.days) + 1);
    let connection = Connection::open(folder.join("store.sqlite"))?;
    for pair in PAIRS {
        let query = Query {
            measure: pair.measure,
            by: pair.by.to_vec(),
            filter: Vec::new(),
            range: DayRange { from, to: LAST },
            bucket: pair.bucket,
            only: Vec::new(),
            medians: false,
        };
        let mut ratios = Vec::new();
        for _ in 0..3 {
            let index = super::open(folder)?;
            let begun = Instant::now();
            let answer = index.answer(PROJECT, &query)?;
            let ours = begun.elapsed();
            let begun = Instant::now();
            let counted: Vec<(i64, i64)> = connection
                .prepare(pair.sql)?
                .query_map((PROJECT.0, from.0, LAST.0), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect::<Result<_, _>>()?;
            let theirs = begun.elapsed();
            let found: Vec<(i64, i64)> = answer
                .rows
                .iter()
                .map(|row| (row.amount as i64, row.installs.cast_signed()))
                .collect();
            if found != counted {
                bail!("{}: the index counts {found:?}, SQL {counted:?}", pair.name);
            }
            ratios.push((theirs.as_secs_f64() / ours.as_secs_f64(), ours, theirs));
        }
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, ours, theirs) = ratios[1];
        println!(
            "{} of a month: index {ours:.1?}, SQL {theirs:.1?}, {ratio:.0} times faster",
            pair.name
        );
    }
    Ok(())
}
