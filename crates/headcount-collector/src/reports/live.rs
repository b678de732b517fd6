//! `live`: the last hits, newest first, with what became of them.

use super::{Body, Cell, Params, ReportError, Source, params};
use crate::store::{Verdict, Wire};

pub(crate) const COLUMNS: [&str; 6] = [
    "received_at",
    "install",
    "protocol",
    "event",
    "verdict",
    "reason",
];
/// Hits told when no limit is given.
const DEFAULT_HITS: usize = 100;
/// Most hits told; accepted ones are remembered for a few hundred.
const MAX_HITS: usize = 1_000;

pub(crate) fn run(source: &Source<'_>, asked: &Params) -> Result<Body, ReportError> {
    // Refused hits have no attributes to filter by, and the last hits no earlier time.
    if !asked.filter.is_empty() {
        return Err(params::bad("filter", "means nothing for the last hits"));
    }
    if asked.compare.is_some() {
        return Err(params::bad("compare", "means nothing for the last hits"));
    }
    let limit = asked.limit.unwrap_or(DEFAULT_HITS).min(MAX_HITS);
    let hits = (source.hits)(limit)?;
    let mut installs: Vec<&str> = hits.iter().map(|hit| hit.install.as_str()).collect();
    installs.sort_unstable();
    installs.dedup();
    let base = installs
        .iter()
        .filter(|install| !install.is_empty())
        .count() as u64;
    let rows = hits
        .iter()
        .map(|hit| {
            vec![
                Cell::Moment(hit.received_ms),
                hit.install.as_str().into(),
                wire_word(hit.wire).into(),
                hit.event.as_str().into(),
                verdict_word(hit.verdict).into(),
                hit.reason.as_str().into(),
            ]
        })
        .collect();
    Ok(Body { base, rows })
}

/// The wire's name in answers.
pub(crate) fn wire_word(wire: Wire) -> &'static str {
    match wire {
        Wire::Universal => "universal",
        Wire::Ga4 => "ga4",
        Wire::Native => "native",
    }
}

/// The verdict's name in answers.
pub(crate) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Noted => "noted",
        Verdict::Refused => "rejected",
    }
}
