//! `sizes`: how large installs are, in logarithmic buckets (1, 2-4, 5-9, 10-19, ...).

use super::{Body, Cell, Params, ReportError, SizeOf, Source};
use crate::query::{Answer, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 3] = ["from", "to", "installs"];

/// One bucket of sizes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SizeBucket {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) installs: u64,
}

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let by = match params.of {
        SizeOf::Users => Dimension::Users,
        SizeOf::Tokens => Dimension::Tokens,
    };
    let answer = source.ask(Measure::Active, &[by], &params.whole())?;
    let rows = buckets(&answer)
        .into_iter()
        .map(|b| {
            vec![
                Cell::Count(b.from),
                Cell::Count(b.to),
                Cell::Count(b.installs),
            ]
        })
        .collect();
    Ok(Body {
        base: answer.base,
        rows,
    })
}

/// The buckets of an answer from the smallest told size to the largest, empty ones between included.
pub(crate) fn buckets(answer: &Answer) -> Vec<SizeBucket> {
    let mut told: Vec<SizeBucket> = answer
        .rows
        .iter()
        .filter_map(|row| {
            let (from, to) = bounds(&row.key[0])?;
            Some(SizeBucket {
                from,
                to,
                installs: row.installs,
            })
        })
        .collect();
    told.sort_unstable();
    let mut out: Vec<SizeBucket> = Vec::new();
    for bucket in told {
        while let Some(next) = out
            .last()
            .map(|last| last.to + 1)
            .filter(|&next| next < bucket.from)
        {
            out.push(SizeBucket {
                from: next,
                to: end_of(next),
                installs: 0,
            });
        }
        out.push(bucket);
    }
    out
}

/// `10-19` as numbers; `7` is one number; an empty key is an install that did not tell.
fn bounds(key: &str) -> Option<(u64, u64)> {
    match key.split_once('-') {
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
        None => key.parse().ok().map(|one| (one, one)),
    }
}

/// Last number of the 1-2-5 bucket that starts at `from`.
fn end_of(from: u64) -> u64 {
    if from == 0 {
        return 0;
    }
    let power = 10_u64.pow(from.ilog10());
    let next = match from / power {
        1 => 2 * power,
        2..5 => 5 * power,
        _ => power.saturating_mul(10),
    };
    next - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::AnswerRow;
    use crate::store::Day;

    #[test]
    fn gaps_between_buckets_are_filled() {
        let row = |key: &str, installs| AnswerRow {
            bucket: Day(0),
            key: vec![key.to_owned()],
            installs,
            amount: 0.0,
            failures: 0,
            median: None,
            p90: None,
        };
        let answer = Answer {
            base: 9,
            rows: vec![row("", 1), row("10-19", 3), row("0", 2), row("100-199", 1)],
        };
        let got: Vec<_> = buckets(&answer)
            .iter()
            .map(|b| (b.from, b.to, b.installs))
            .collect();
        let expected = [
            (0, 0, 2),
            (1, 1, 0),
            (2, 4, 0),
            (5, 9, 0),
            (10, 19, 3),
            (20, 49, 0),
            (50, 99, 0),
            (100, 199, 1),
        ];
        assert_eq!(got, expected);
    }
}
