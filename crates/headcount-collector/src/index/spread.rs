//! How numbers are spread: how often each occurs under a filter, for quantiles and histograms.

use std::collections::BTreeMap;

use super::Index;
use super::amounts::{Summed, sum_up};
use super::answer;
use super::facts::Family;
use super::filter::Filter;
use super::mask::Mask;
use super::numbers::value_of;
use super::part::Kind;
use super::view::Snapshot;
use super::walk::last_reports;
use crate::error::Error;
use crate::query::{Measure, Query, Spread};
use crate::store::{ProjectNumber, Store};

impl Index {
    /// The numbers a measure has over the whole range, ascending, each with how often it occurs: users
    /// and tokens per install as they are, values of tasks and stats within 2 %. Other measures have
    /// none.
    ///
    /// # Errors
    /// The range makes no sense (`Unanswerable`), or a file cannot be read.
    pub fn spread(&self, project: ProjectNumber, query: &Query) -> Result<Spread, Error> {
        answer::check(query)?;
        self.inner.retrying(|inner| {
            let with_first_days = answer::needs_first_days(query);
            let snapshot = inner.snapshot(project, query.range, with_first_days)?;
            match query.measure {
                Measure::Users => sizes(&snapshot, &inner.store, query, Kind::Users),
                Measure::Tokens => sizes(&snapshot, &inner.store, query, Kind::Tokens),
                Measure::Tasks => values(&snapshot, &inner.store, query, Family::Tasks),
                Measure::Stats => values(&snapshot, &inner.store, query, Family::Stats),
                Measure::Active | Measure::New | Measure::Gone | Measure::Pages => Ok(Vec::new()),
            }
        })
    }
}

fn sizes(
    snapshot: &Snapshot<'_>,
    store: &Store,
    query: &Query,
    kind: Kind,
) -> Result<Spread, Error> {
    let view = snapshot.view(query.range);
    let filter = Filter::new(&query.filter, store);
    let installs = filter.active(snapshot, &view)?;
    let mut found: BTreeMap<u64, u64> = BTreeMap::new();
    last_reports(&view, kind, &installs, &mut |sets, settled| {
        for of_bucket in &sets.values {
            of_bucket.sizes_of(settled, |_, size| {
                *found.entry(size).or_default() += 1;
            });
        }
    })?;
    let number = |(size, installs): (u64, u64)| (size as f64, installs);
    Ok(found.into_iter().map(number).collect())
}

fn values(
    snapshot: &Snapshot<'_>,
    store: &Store,
    query: &Query,
    family: Family,
) -> Result<Spread, Error> {
    let filter = Filter::new(&query.filter, store);
    let Some(test) = filter.event_test(family) else {
        return Ok(Vec::new());
    };
    let view = snapshot.view(query.range);
    let installs = filter.installs_for(snapshot, &view, family)?;
    let mask = installs.as_deref().map(Mask::of);
    let asked = Summed {
        store,
        family,
        test: &test,
        mask,
        values: true,
        by: &[],
    };
    let sums = sum_up(&asked, snapshot, query.range)?;
    let values = sums.iter().flat_map(|(_, sums)| sums.values.counts());
    Ok(values
        .map(|(code, count)| (value_of(code), count))
        .collect())
}
