//! What a question sees: the stretches of its range as they were when it began.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::cache::{Asked, Basis};
use super::calendar::Span;
use super::facts::{Facts, Family, Place, Themes, VERSION};
use super::hot::Hot;
use super::part::{Kind, Part, Sets};
use super::rollup::Group;
use super::shelf::{Blobs, Pick, Shelf};
use crate::error::Error;
use crate::query::{Answer, Clause, DayRange, Dimension, Query};
use crate::store::{Day, Sym};

/// Some days in one piece: open in memory or closed on the shelf.
#[derive(Clone, Debug)]
pub(super) enum Stretch {
    Hot(Arc<Hot>),
    Cold(Arc<Blobs>),
}

/// Installs by their first active day.
pub(super) type FirstDays = BTreeMap<Day, Arc<RoaringBitmap>>;

/// A project as a question found it.
pub(super) struct Snapshot<'a> {
    pub(super) shelf: &'a Shelf,
    pub(super) days: BTreeMap<Day, Stretch>,
    /// Weeks and months without an open day in them, by their first day.
    pub(super) rollups: BTreeMap<(Span, Day), Arc<Blobs>>,
    pub(super) first: FirstDays,
    /// `FirstSeen::moves` of then.
    pub(super) first_moves: u64,
}

/// One bucket of it.
pub(super) struct View<'a> {
    shelf: &'a Shelf,
    newest_first: Vec<Stretch>,
    first_moves: u64,
}

impl Snapshot<'_> {
    /// A bucket in as few pieces as there are.
    pub(super) fn view(&self, range: DayRange) -> View<'_> {
        View {
            shelf: self.shelf,
            newest_first: self.fewest(range),
            first_moves: self.first_moves,
        }
    }

    /// The fewest stretches that make up a range, newest first. To take the largest that ends on a day
    /// would not do: weeks follow weeks past months that lie in the range as well.
    fn fewest(&self, range: DayRange) -> Vec<Stretch> {
        if range.from > range.to {
            return Vec::new();
        }
        let days: Vec<_> = self.days.range(range.from..=range.to).collect();
        // For the first so many days: how many stretches, the last of them, and what is before it.
        let mut best: Vec<(usize, Option<&Arc<Blobs>>, usize)> = vec![(0, None, 0)];
        for (at, &(&day, _)) in days.iter().enumerate() {
            let mut last = (best[at].0 + 1, None, at);
            for span in [Span::Month, Span::Week] {
                let whole = span.around(day);
                if whole.to != day || whole.from < range.from {
                    continue;
                }
                // A rollup only stands where each of its days does, so no day is jumped over.
                if let Some(blobs) = self.rollups.get(&(span, whole.from)) {
                    let before = days.partition_point(|(day, _)| **day < whole.from);
                    if best[before].0 + 1 < last.0 {
                        last = (best[before].0 + 1, Some(blobs), before);
                    }
                }
            }
            best.push(last);
        }
        let mut newest_first = Vec::with_capacity(best[days.len()].0);
        let mut left = days.len();
        while left > 0 {
            let (_, rollup, before) = best[left];
            newest_first.push(match rollup {
                Some(blobs) => Stretch::Cold(Arc::clone(blobs)),
                None => days[left - 1].1.clone(),
            });
            left = before;
        }
        newest_first
    }

    /// A bucket day by day: what is not told apart in weeks and months is told there.
    pub(super) fn daily(&self, range: DayRange) -> View<'_> {
        let within = (range.from <= range.to).then(|| self.days.range(range.from..=range.to));
        let days = within.into_iter().flatten().rev();
        View {
            shelf: self.shelf,
            newest_first: days.map(|(_, stretch)| stretch.clone()).collect(),
            first_moves: self.first_moves,
        }
    }

    /// The installs whose first active day falls in a range.
    pub(super) fn first_in(&self, range: DayRange) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        for (_, installs) in self.first.range(range.from..=range.to) {
            found |= installs.as_ref();
        }
        found
    }
}

impl View<'_> {
    pub(super) fn newest_first(&self) -> impl ExactSizeIterator<Item = &Stretch> {
        self.newest_first.iter()
    }

    /// Every install with an event in the bucket.
    pub(super) fn active(&self) -> Result<Arc<RoaringBitmap>, Error> {
        if let [stretch] = self.newest_first.as_slice() {
            return Ok(Arc::clone(&self.sets(stretch, Kind::Active)?.told));
        }
        let mut found = RoaringBitmap::new();
        for stretch in &self.newest_first {
            found |= self.sets(stretch, Kind::Active)?.told.as_ref();
        }
        Ok(Arc::new(found))
    }

    /// What an answer about this bucket depends on, `None` where it can change under the same name.
    fn basis(&self, with_first_days: bool) -> Option<Basis> {
        let id = |stretch: &Stretch| match stretch {
            Stretch::Cold(blobs) => blobs.id(),
            Stretch::Hot(_) => None,
        };
        Some(Basis {
            stretches: self.newest_first.iter().map(id).collect::<Option<_>>()?,
            first_moves: with_first_days.then_some(self.first_moves),
        })
    }

    /// What `find` gives for these clauses, kept where it cannot change.
    pub(super) fn remembered(
        &self,
        clauses: &[Clause],
        family: Option<Family>,
        find: impl FnOnce() -> Result<Arc<RoaringBitmap>, Error>,
    ) -> Result<Arc<RoaringBitmap>, Error> {
        match self.found(clauses, family) {
            Some(asked) => self.shelf.remembered(asked, find),
            None => find(),
        }
    }

    /// What is kept of that.
    pub(super) fn recalled(
        &self,
        clauses: &[Clause],
        family: Option<Family>,
    ) -> Option<Arc<RoaringBitmap>> {
        self.shelf.recalled(self.found(clauses, family)?)
    }

    /// The name under which the installs for these clauses are kept, `None` where they can change or
    /// are all those of one stretch.
    fn found(
        &self,
        clauses: &[Clause],
        family: Option<Family>,
    ) -> Option<Asked<(Vec<Clause>, Option<Family>)>> {
        let of_first_days = |clause: &Clause| clause.dimension == Dimension::FirstSeen;
        let basis = self.basis(clauses.iter().any(of_first_days))?;
        (basis.stretches.len() > 1 || !clauses.is_empty()).then(|| Asked {
            basis,
            question: (clauses.to_vec(), family),
        })
    }

    /// The amounts of a family by group: what `sum` gives, or made of finer groups. Those by version
    /// are many and asked once.
    pub(super) fn summed(
        &self,
        (clauses, family): (&[Clause], Family),
        (places, values): (&[Place], bool),
        sum: impl FnOnce() -> Result<Vec<Group>, Error>,
    ) -> Result<Vec<Group>, Error> {
        let of_first_days = |clause: &Clause| clause.dimension == Dimension::FirstSeen;
        let by_version = places.contains(&Place::Trait(VERSION));
        let basis = self.basis(clauses.iter().any(of_first_days));
        match basis.filter(|_| !by_version) {
            Some(basis) => {
                let question = (clauses.to_vec(), family);
                let asked = Asked { basis, question };
                self.shelf.summed(asked, (places, values), sum)
            }
            None => sum(),
        }
    }

    /// The answer to a question that reads this bucket and no other days, kept where it cannot change.
    pub(super) fn answered(
        &self,
        query: &Query,
        with_first_days: bool,
        answer: impl FnOnce() -> Result<Answer, Error>,
    ) -> Result<Answer, Error> {
        match self.basis(with_first_days) {
            Some(basis) => {
                let question = query.clone();
                self.shelf.answered(Asked { basis, question }, answer)
            }
            None => answer(),
        }
    }

    pub(super) fn sets(&self, stretch: &Stretch, kind: Kind) -> Result<Arc<Sets>, Error> {
        match self.part(stretch, kind)? {
            Part::Sets(sets) => Ok(sets),
            Part::Facts(_) => Err(damaged(kind)),
        }
    }

    /// Sets of which only this is needed; there may be more.
    pub(super) fn pick(
        &self,
        stretch: &Stretch,
        kind: Kind,
        pick: Pick<'_>,
    ) -> Result<Arc<Sets>, Error> {
        match stretch {
            Stretch::Hot(_) => self.sets(stretch, kind),
            Stretch::Cold(blobs) => self.shelf.pick(blobs, kind, pick),
        }
    }

    /// The facts of a stretch; those of a week or month do not tell their version. Facts of other
    /// themes than those in `only` may be left out.
    pub(super) fn facts(
        &self,
        stretch: &Stretch,
        family: Family,
        only: Option<&[Themes]>,
    ) -> Result<Vec<Arc<Facts>>, Error> {
        let kind = family.kind();
        let (Stretch::Cold(blobs), Some(only)) = (stretch, only) else {
            return pieces(kind, &self.part(stretch, kind)?);
        };
        let mut found = Vec::new();
        for &themes in only {
            found.extend(pieces(kind, &self.shelf.of_themes(blobs, kind, themes)?)?);
        }
        Ok(found)
    }

    /// The facts of a stretch with their versions; facts of other versions than those in `only` may
    /// be left out, and of other themes than these.
    pub(super) fn facts_with_version(
        &self,
        stretch: &Stretch,
        family: Family,
        only: Option<&[Sym]>,
        themes: Option<&[Themes]>,
    ) -> Result<Vec<Arc<Facts>>, Error> {
        let kind = family.kind_by_version();
        let blobs = match stretch {
            Stretch::Cold(blobs) if blobs.has(kind) => blobs,
            Stretch::Cold(_) | Stretch::Hot(_) => return self.facts(stretch, family, themes),
        };
        if let Some(only) = only {
            let of_version = only
                .iter()
                .filter_map(|&version| self.shelf.of_version(blobs, kind, version).transpose());
            return of_version.collect();
        }
        pieces(kind, &self.shelf.part(blobs, kind)?)
    }

    fn part(&self, stretch: &Stretch, kind: Kind) -> Result<Part, Error> {
        match stretch {
            Stretch::Hot(hot) => Ok(hot.part(kind)),
            Stretch::Cold(blobs) => self.shelf.part(blobs, kind),
        }
    }
}

fn pieces(kind: Kind, part: &Part) -> Result<Vec<Arc<Facts>>, Error> {
    match part {
        Part::Facts(pieces) => Ok(pieces.iter().map(|(_, facts)| Arc::clone(facts)).collect()),
        Part::Sets(_) => Err(damaged(kind)),
    }
}

fn damaged(kind: Kind) -> Error {
    Error::Damaged(format!("{kind:?} of the index"))
}

#[cfg(test)]
mod tests {
    use super::super::calendar::days;
    use super::*;

    #[test]
    fn a_year_takes_few_stretches_though_weeks_run_past_months() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(&folder.path().join("index.sqlite"), 0).unwrap();
        // 2025-11-23, a Sunday, to 2026-11-22.
        let range = DayRange {
            from: Day(20_415),
            to: Day(20_779),
        };
        let mut snapshot = Snapshot {
            shelf: &shelf,
            days: days(range)
                .map(|day| (day, Stretch::Cold(Arc::default())))
                .collect(),
            rollups: BTreeMap::new(),
            first: BTreeMap::new(),
            first_moves: 0,
        };
        assert_eq!(snapshot.fewest(range).len(), 365);
        for (span, day) in [Span::Week, Span::Month]
            .into_iter()
            .flat_map(|span| days(range).map(move |day| (span, day)))
        {
            let whole = span.around(day);
            if range.from <= whole.from && whole.to <= range.to {
                snapshot.rollups.insert((span, whole.from), Arc::default());
            }
        }
        // Three weeks and a day of November, eleven months, a week and a day.
        assert_eq!(snapshot.fewest(range).len(), 17);
        snapshot.days.remove(&range.to);
        snapshot.rollups.remove(&(Span::Week, Day(20_773)));
        assert_eq!(snapshot.fewest(range).len(), 22, "six days for a week");
        let none = DayRange {
            from: range.to,
            to: range.from,
        };
        assert_eq!(snapshot.fewest(none).len(), 0);
    }
}
