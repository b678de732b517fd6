//! How long installs live: their first and last active days, and who of a cohort is active later.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::Index;
use super::calendar::{buckets, days};
use super::filter::Filter;
use super::view::Snapshot;
use crate::error::Error;
use crate::query::{Bucket, Cohort, DayRange, Life, Lives, LivesQuery, Query};
use crate::store::{Day, ProjectNumber};

impl Index {
    /// Lives of the installs first seen in a range that match a filter in it.
    ///
    /// # Errors
    /// The range makes no sense (`Unanswerable`), or a file cannot be read.
    pub fn lives(&self, project: ProjectNumber, query: &LivesQuery) -> Result<Lives, Error> {
        super::answer::check(&as_query(query))?;
        self.inner.retrying(|inner| {
            let snapshot = inner.snapshot(project, query.range, true)?;
            let filter = Filter::new(&query.filter, &inner.store);
            let whole = snapshot.view(query.range);
            let born = snapshot.first_in(query.range);
            let installs = filter.installs(&snapshot, &whole, &born)?;
            let installs_total = installs.len();
            let (lives, cohorts) = match query.cut {
                None => (lives(&snapshot, query.range, installs)?, Vec::new()),
                Some(cut) => (Vec::new(), cohorts(&snapshot, query.range, cut, &installs)?),
            };
            Ok(Lives {
                installs: installs_total,
                lives,
                cohorts,
            })
        })
    }
}

/// The bounds of a question about lives are those of any other.
fn as_query(query: &LivesQuery) -> Query {
    Query {
        measure: crate::query::Measure::Active,
        by: Vec::new(),
        filter: query.filter.clone(),
        range: query.range,
        bucket: Bucket::Whole,
        only: Vec::new(),
        medians: false,
    }
}

/// From the last day back: who is met first on a day was active on it for the last time.
fn lives(
    snapshot: &Snapshot<'_>,
    range: DayRange,
    mut rest: RoaringBitmap,
) -> Result<Vec<Life>, Error> {
    let mut first_of = vec![range.from; rest.max().map_or(0, |max| max as usize + 1)];
    for (&day, installs) in snapshot.first.range(range.from..=range.to) {
        for install in installs.as_ref() & &rest {
            first_of[install as usize] = day;
        }
    }
    let mut found: BTreeMap<(Day, Day), u64> = BTreeMap::new();
    for last in days(range).rev() {
        if rest.is_empty() {
            break;
        }
        let day = DayRange {
            from: last,
            to: last,
        };
        let settled = snapshot.view(day).active()?.as_ref() & &rest;
        for install in &settled {
            *found.entry((first_of[install as usize], last)).or_default() += 1;
        }
        rest -= settled;
    }
    let life = |((first, last), installs)| Life {
        first,
        last,
        installs,
    };
    Ok(found.into_iter().map(life).collect())
}

fn cohorts(
    snapshot: &Snapshot<'_>,
    range: DayRange,
    cut: Bucket,
    installs: &RoaringBitmap,
) -> Result<Vec<Cohort>, Error> {
    let cuts = buckets(range, cut);
    let mut members: Vec<RoaringBitmap> = Vec::with_capacity(cuts.len());
    let mut found: Vec<Cohort> = Vec::with_capacity(cuts.len());
    for (name, range) in cuts {
        let active = snapshot.view(range).active()?;
        let born = snapshot.first_in(range) & installs;
        found.push(Cohort {
            first: name,
            installs: born.len(),
            active: Vec::new(),
        });
        members.push(born);
        for (cohort, born) in found.iter_mut().zip(&members) {
            cohort.active.push(born.intersection_len(&active));
        }
    }
    Ok(found)
}
