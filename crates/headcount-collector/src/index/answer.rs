//! Answers a question from the stretches of its range.

mod rows;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::abreast;
use super::amounts::{Summed, sum_up};
use super::calendar::{MAX_RANGE_DAYS, Span, WEEK_DAYS, buckets};
use super::cross::{count_in_groups, overlap};
use super::facts::Family;
use super::filter::{Filter, attribute};
use super::gone;
use super::mask::Mask;
use super::numbers::{exact_quantiles, quantiles};
use super::part::Kind;
use super::shelf::Pick;
use super::trailing;
use super::view::{Snapshot, View};
use super::walk::{last_reports, last_reports_of};
use crate::error::Error;
use crate::query::{Answer, AnswerRow, Bucket, DayRange, Dimension, Measure, Query};
use crate::store::{Day, Store, Sym};

/// The values of a group, in order of `Query::by`: symbols, pairs, size buckets or months.
pub(super) type GroupKey = Vec<u64>;

/// A cell before its key becomes text.
#[derive(Debug, Default)]
struct Figures {
    installs: u64,
    amount: f64,
    failures: u64,
    quantiles: Option<(f64, f64)>,
}

/// Buckets from which on a second thread pays.
const MANY_BUCKETS: usize = 16;

/// Days over which two threads slide faster than one: each reads a week first.
const DAYS_OF_TWO: i32 = if cfg!(test) { 3 } else { 28 };

type Cells = Vec<(GroupKey, Figures)>;

/// The days that a question reads: more than its range where it looks back.
pub(super) fn reach(query: &Query) -> DayRange {
    let trailing = match query.bucket {
        Bucket::Trailing7 => WEEK_DAYS - 1,
        Bucket::Day | Bucket::Week | Bucket::Month | Bucket::Whole => 0,
    };
    let gone = match query.measure {
        Measure::Gone => WEEK_DAYS + 1,
        Measure::Active
        | Measure::New
        | Measure::Tasks
        | Measure::Pages
        | Measure::Stats
        | Measure::Users
        | Measure::Tokens => 0,
    };
    DayRange {
        from: Day(query.range.from.0 - trailing - gone),
        to: query.range.to,
    }
}

/// Refuses questions that make no sense or would take too long.
pub(super) fn check(query: &Query) -> Result<(), Error> {
    let DayRange { from, to } = query.range;
    if from.0.checked_sub(WEEK_DAYS * 3).is_none()
        || to.0 == i32::MAX
        || i64::from(to.0) - i64::from(from.0) > MAX_RANGE_DAYS
    {
        let days = i64::from(to.0) - i64::from(from.0);
        return Err(Error::Unanswerable(format!("a range of {days} days")));
    }
    let family = family_of(query.measure);
    let answers = |&dimension: &Dimension| {
        let of_install = dimension == Dimension::FirstSeen || attribute(dimension).is_some();
        of_install || family.is_some_and(|family| family.place(dimension).is_some())
    };
    match query.by.iter().find(|&dimension| !answers(dimension)) {
        None => Ok(()),
        Some(dimension) => Err(Error::Unanswerable(format!(
            "{:?} by {dimension:?}",
            query.measure
        ))),
    }
}

/// The family whose facts a measure adds up.
fn family_of(measure: Measure) -> Option<Family> {
    match measure {
        Measure::Tasks => Some(Family::Tasks),
        Measure::Pages => Some(Family::Pages),
        Measure::Stats => Some(Family::Stats),
        Measure::Active | Measure::New | Measure::Gone | Measure::Users | Measure::Tokens => None,
    }
}

/// Whether the question needs to know the first day of installs.
pub(super) fn needs_first_days(query: &Query) -> bool {
    query.measure == Measure::New
        || query.by.contains(&Dimension::FirstSeen)
        || query
            .filter
            .iter()
            .any(|clause| clause.dimension == Dimension::FirstSeen)
}

/// One question being answered.
pub(super) struct Asking<'a> {
    snapshot: &'a Snapshot<'a>,
    store: &'a Store,
    query: &'a Query,
    filter: Filter,
}

impl<'a> Asking<'a> {
    pub(super) fn new(snapshot: &'a Snapshot<'a>, store: &'a Store, query: &'a Query) -> Self {
        let filter = Filter::new(&query.filter, store);
        Self {
            snapshot,
            store,
            query,
            filter,
        }
    }

    pub(super) fn answer(&self) -> Result<Answer, Error> {
        if self.query.range.from > self.query.range.to {
            return Ok(Answer::default());
        }
        let whole = self.snapshot.view(self.query.range);
        let matching = self.filter.active(self.snapshot, &whole)?;
        let base = matching.len();
        if self.query.bucket == Bucket::Whole && self.query.measure == Measure::Active {
            let cells = self.counts(&whole, &matching)?;
            let rows = self.rows(self.query.range.from, cells);
            return Ok(Answer { base, rows });
        }
        if let Some(kind) = self.slides() {
            let rows = self.sliding(kind)?;
            return Ok(Answer { base, rows });
        }
        let cut = buckets(self.query.range, self.query.bucket);
        let rows = abreast::each(&cut, MANY_BUCKETS, |&(name, range)| {
            Ok(self.rows(name, self.bucket(range)?))
        })?;
        let rows = rows.into_iter().flatten().collect();
        Ok(Answer { base, rows })
    }

    /// Whether installs are counted for each day's last 7 days, and by which attribute: one of which
    /// they tell one value at a time.
    fn slides(&self) -> Option<Option<Kind>> {
        if self.query.bucket != Bucket::Trailing7 || self.query.measure != Measure::Active {
            return None;
        }
        match self.query.by.as_slice() {
            [] => Some(None),
            [
                by @ (Dimension::Version
                | Dimension::Deployment
                | Dimension::Users
                | Dimension::Tokens),
            ] => attribute(*by).map(Some),
            _ => None,
        }
    }

    fn sliding(&self, kind: Option<Kind>) -> Result<Vec<AnswerRow>, Error> {
        let DayRange { from, to } = self.query.range;
        let middle = Day(from.0 + (to.0 - from.0) / 2);
        let later = DayRange {
            from: Day(middle.0 + 1),
            to,
        };
        let halves = match to.0 - from.0 < DAYS_OF_TWO {
            true => vec![self.query.range],
            false => vec![DayRange { from, to: middle }, later],
        };
        let counted = abreast::each(&halves, halves.len(), |&half| {
            trailing::count(self.snapshot, &self.filter, kind, half)
        })?;
        let rows = counted.into_iter().flatten().flat_map(|counted| {
            let cells = match kind {
                None => vec![(Vec::new(), figures(counted.installs))],
                Some(_) => {
                    let by_value = counted.by_value.into_iter();
                    let cell = |(value, installs)| (vec![value], figures(installs));
                    by_value.map(cell).collect()
                }
            };
            self.rows(counted.day, cells)
        });
        Ok(rows.collect())
    }

    fn bucket(&self, range: DayRange) -> Result<Cells, Error> {
        let view = self.snapshot.view(range);
        match self.query.measure {
            Measure::Active => {
                let active = self.filter.active(self.snapshot, &view)?;
                self.counts(&view, &active)
            }
            Measure::New => {
                let new = self.snapshot.first_in(range) & view.active()?.as_ref();
                let new = self.matching(&view, &new)?;
                self.counts(&view, &new)
            }
            Measure::Gone => self.gone(range),
            Measure::Users => self.sizes(&view, Kind::Users),
            Measure::Tokens => self.sizes(&view, Kind::Tokens),
            Measure::Tasks => self.amounts(range, Family::Tasks),
            Measure::Pages => self.amounts(range, Family::Pages),
            Measure::Stats => self.amounts(range, Family::Stats),
        }
    }

    fn matching(&self, view: &View<'_>, installs: &RoaringBitmap) -> Result<RoaringBitmap, Error> {
        self.filter.few(self.snapshot, view, installs)
    }

    fn counts(&self, view: &View<'_>, installs: &RoaringBitmap) -> Result<Cells, Error> {
        let Some((last, outer)) = self.query.by.split_last() else {
            return Ok(vec![(Vec::new(), figures(installs.len()))]);
        };
        let groups = self.groups(view, installs, outer)?;
        if let Some(kind) = attribute(*last).filter(|_| groups.len() > 1 && !overlap(outer)) {
            let counted = count_in_groups(view, kind, &groups)?;
            let cell = |(key, count)| (key, figures(count));
            return Ok(counted.into_iter().map(cell).collect());
        }
        let mut cells = Vec::new();
        let named = self.named(*last);
        for (key, of_cell) in groups {
            for (value, count) in self.count_by(view, &of_cell, (*last, named.as_deref()))? {
                let key = key.iter().copied().chain([value]).collect();
                cells.push((key, figures(count)));
            }
        }
        Ok(cells)
    }

    /// Installs that were last active 8 days before a day of the range, by their attributes then.
    fn gone(&self, range: DayRange) -> Result<Cells, Error> {
        let gone = gone::gone(self.snapshot, range)?;
        let found = abreast::each(&gone, MANY_BUCKETS, |(last, gone)| {
            let last = self.snapshot.view(DayRange {
                from: *last,
                to: *last,
            });
            let gone = self.matching(&last, gone)?;
            self.groups(&last, &gone, &self.query.by)
        })?;
        let mut groups: FxHashMap<GroupKey, RoaringBitmap> = FxHashMap::default();
        for (key, installs) in found.into_iter().flatten() {
            *groups.entry(key).or_default() |= installs;
        }
        let mut cells: Cells = groups
            .into_iter()
            .map(|(key, installs)| (key, figures(installs.len())))
            .collect();
        if cells.is_empty() && self.query.by.is_empty() {
            cells.push((Vec::new(), Figures::default()));
        }
        Ok(cells)
    }

    fn sizes(&self, view: &View<'_>, kind: Kind) -> Result<Cells, Error> {
        let active = self.filter.active(self.snapshot, view)?;
        let mut cells = Vec::new();
        for (key, installs) in self.groups(view, &active, &self.query.by)? {
            let mut sizes = Vec::new();
            last_reports(view, kind, &installs, &mut |sets, settled| {
                for of_bucket in &sets.values {
                    of_bucket.sizes_of(settled, |_, size| sizes.push(size));
                }
            })?;
            if sizes.is_empty() && !key.is_empty() {
                continue;
            }
            let figures = Figures {
                installs: sizes.len() as u64,
                amount: sizes.iter().map(|&size| size as f64).sum(),
                failures: 0,
                quantiles: exact_quantiles(&mut sizes),
            };
            cells.push((key, figures));
        }
        Ok(cells)
    }

    fn amounts(&self, range: DayRange, family: Family) -> Result<Cells, Error> {
        let view = &self.snapshot.view(range);
        let nothing = || match self.query.by.is_empty() {
            true => vec![(Vec::new(), Figures::default())],
            false => Vec::new(),
        };
        let Some(test) = self.filter.event_test(family) else {
            return Ok(nothing());
        };
        let by = &self.query.by;
        let places: Vec<_> = by.iter().filter_map(|&d| family.place(d)).collect();
        let outer: Vec<_> = by
            .iter()
            .copied()
            .filter(|&dimension| family.place(dimension).is_none())
            .collect();
        let mut installs = self.filter.installs_for(self.snapshot, view, family)?;
        if !outer.is_empty() && installs.is_none() {
            installs = Some(view.active()?);
        }
        let groups = match installs {
            None => vec![(Vec::new(), None)],
            Some(installs) => self
                .groups(view, &installs, &outer)?
                .into_iter()
                .map(|(key, installs)| (key, Some(Mask::of(&installs))))
                .collect(),
        };
        let mut cells = Vec::new();
        for (outer, mask) in groups {
            let asked = Summed {
                store: self.store,
                family,
                test: &test,
                mask,
                values: self.query.medians,
                by: &places,
            };
            let sum = || sum_up(&asked, self.snapshot, range);
            let sums = match outer.is_empty() {
                true => {
                    let wanted = (places.as_slice(), self.query.medians);
                    view.summed((&self.query.filter, family), wanted, sum)?
                }
                false => sum()?,
            };
            for (inner, sums) in sums {
                let figures = Figures {
                    installs: sums.installs.count(),
                    amount: sums.amount,
                    failures: sums.failures as u64,
                    // Finer groups that were summed before may have some.
                    quantiles: match self.query.medians {
                        true => quantiles(sums.values.counts()),
                        false => None,
                    },
                };
                cells.push((self.interleave(family, &outer, &inner), figures));
            }
        }
        Ok(if cells.is_empty() { nothing() } else { cells })
    }

    /// Puts the values of install attributes and of events into the order of `Query::by`.
    fn interleave(&self, family: Family, outer: &[u64], inner: &[Sym]) -> GroupKey {
        let (mut outer, mut inner) = (outer.iter(), inner.iter());
        let next = |&dimension: &Dimension| match family.place(dimension) {
            Some(_) => inner.next().map(|sym| u64::from(sym.0)),
            None => outer.next().copied(),
        };
        self.query.by.iter().filter_map(next).collect()
    }

    /// Splits installs by some of their attributes; an install without one is in no group.
    fn groups(
        &self,
        view: &View<'_>,
        installs: &RoaringBitmap,
        by: &[Dimension],
    ) -> Result<Vec<(GroupKey, RoaringBitmap)>, Error> {
        let mut groups = vec![(Vec::new(), installs.clone())];
        for &dimension in by {
            let mut finer = Vec::new();
            for (key, installs) in groups {
                for (value, installs) in self.split(view, &installs, dimension)? {
                    finer.push((key.iter().copied().chain([value]).collect(), installs));
                }
            }
            groups = finer;
        }
        Ok(groups)
    }

    fn split(
        &self,
        view: &View<'_>,
        installs: &RoaringBitmap,
        dimension: Dimension,
    ) -> Result<FxHashMap<u64, RoaringBitmap>, Error> {
        let mut found: FxHashMap<u64, RoaringBitmap> = FxHashMap::default();
        let mut add = |value: u64, part: RoaringBitmap| {
            if !part.is_empty() {
                *found.entry(value).or_default() |= part;
            }
        };
        match attribute(dimension) {
            Some(kind) => last_reports(view, kind, installs, &mut |sets, settled| {
                for of_value in &sets.values {
                    add(of_value.value, of_value.installs.as_ref() & settled);
                }
            })?,
            None => {
                for (&day, of_day) in &self.snapshot.first {
                    add(month_number(day), of_day.as_ref() & installs);
                }
            }
        }
        Ok(found)
    }

    fn count_by(
        &self,
        view: &View<'_>,
        installs: &RoaringBitmap,
        (dimension, named): (Dimension, Option<&[u64]>),
    ) -> Result<FxHashMap<u64, u64>, Error> {
        let mut found: FxHashMap<u64, u64> = FxHashMap::default();
        let mut add = |value: u64, count: u64| {
            if count > 0 {
                *found.entry(value).or_default() += count;
            }
        };
        match (attribute(dimension), named) {
            (Some(kind), Some(values)) => {
                let pick = Pick {
                    values,
                    ..Pick::default()
                };
                last_reports_of(view, (kind, pick), installs, &mut |sets, settled| {
                    for &value in values {
                        let of_value = sets.value(value);
                        add(value, of_value.map_or(0, |of| of.intersection_len(settled)));
                    }
                })?;
            }
            (Some(kind), None) => last_reports(view, kind, installs, &mut |sets, settled| {
                // All that told here count, as they do on a day without a filter.
                let all = sets.told.is_subset(settled);
                for of_value in &sets.values {
                    let count = match all {
                        true => of_value.installs.len(),
                        false => of_value.installs.intersection_len(settled),
                    };
                    add(of_value.value, count);
                }
            })?,
            (None, _) => {
                for (&day, of_day) in &self.snapshot.first {
                    add(month_number(day), of_day.intersection_len(installs));
                }
            }
        }
        Ok(found)
    }
}

/// Versions by the first day on which more than `least` installs told them last.
pub(super) fn releases(
    snapshot: &Snapshot<'_>,
    store: &Store,
    least: u64,
) -> Result<Vec<(String, Day)>, Error> {
    let mut found: Vec<(u64, Day)> = Vec::new();
    for &day in snapshot.days.keys() {
        let view = snapshot.view(DayRange { from: day, to: day });
        for stretch in view.newest_first() {
            for of_version in &view.sets(stretch, Kind::Version)?.values {
                let version = of_version.value;
                let known = found.iter().any(|&(known, _)| known == version);
                if !known && of_version.installs.len() > least {
                    found.push((version, day));
                }
            }
        }
    }
    let text = |version: u64| store.text(Sym(version as u32)).to_string();
    Ok(found.into_iter().map(|(v, day)| (text(v), day)).collect())
}

fn figures(installs: u64) -> Figures {
    Figures {
        installs,
        ..Figures::default()
    }
}

/// A month as a group's value: its first day.
fn month_number(day: Day) -> u64 {
    u64::from(Span::Month.around(day).from.0.cast_unsigned())
}
