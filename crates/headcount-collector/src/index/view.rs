//! What a question sees: the stretches of its range as they were when it began.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::calendar::Span;
use super::facts::{Facts, Family};
use super::hot::Hot;
use super::part::{Kind, Part, Sets};
use super::shelf::{Blobs, Shelf};
use crate::error::Error;
use crate::query::DayRange;
use crate::store::Day;

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
}

/// One bucket of it.
pub(super) struct View<'a> {
    shelf: &'a Shelf,
    newest_first: Vec<Stretch>,
}

impl Snapshot<'_> {
    /// A bucket in as few pieces as there are.
    pub(super) fn view(&self, range: DayRange) -> View<'_> {
        let mut newest_first = Vec::new();
        let mut to = range.to;
        while to >= range.from {
            let rollup = [Span::Month, Span::Week].into_iter().find_map(|span| {
                let days = span.around(to);
                let fits = days.to == to && days.from >= range.from;
                let blobs = self.rollups.get(&(span, days.from)).filter(|_| fits)?;
                Some((days.from, Stretch::Cold(Arc::clone(blobs))))
            });
            let day = || {
                let (&day, stretch) = self.days.range(range.from..=to).next_back()?;
                Some((day, stretch.clone()))
            };
            // A rollup only stands where each of its days does, so no day is jumped over.
            let Some((from, stretch)) = rollup.or_else(day) else {
                break;
            };
            newest_first.push(stretch);
            to = Day(from.0 - 1);
        }
        View {
            shelf: self.shelf,
            newest_first,
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
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Stretch> {
        self.newest_first.iter()
    }

    /// Every install with an event in the bucket.
    pub(super) fn active(&self) -> Result<RoaringBitmap, Error> {
        let mut found = RoaringBitmap::new();
        for stretch in &self.newest_first {
            found |= &self.sets(stretch, Kind::Active)?.told;
        }
        Ok(found)
    }

    pub(super) fn sets(&self, stretch: &Stretch, kind: Kind) -> Result<Arc<Sets>, Error> {
        match self.part(stretch, kind)? {
            Part::Sets(sets) => Ok(sets),
            Part::Facts(_) => Err(Error::Damaged(format!("{kind:?} of the index"))),
        }
    }

    /// Sets of which only these values are needed.
    pub(super) fn pick(
        &self,
        stretch: &Stretch,
        kind: Kind,
        values: &[u64],
    ) -> Result<Arc<Sets>, Error> {
        match stretch {
            Stretch::Hot(_) => self.sets(stretch, kind),
            Stretch::Cold(blobs) => self.shelf.pick(blobs, kind, values),
        }
    }

    pub(super) fn facts(&self, stretch: &Stretch, family: Family) -> Result<Arc<Facts>, Error> {
        let kind = match family {
            Family::Tasks => Kind::Tasks,
            Family::Pages => Kind::Pages,
            Family::Stats => Kind::Stats,
        };
        match self.part(stretch, kind)? {
            Part::Facts(facts) => Ok(facts),
            Part::Sets(_) => Err(Error::Damaged(format!("{kind:?} of the index"))),
        }
    }

    fn part(&self, stretch: &Stretch, kind: Kind) -> Result<Part, Error> {
        match stretch {
            Stretch::Hot(hot) => Ok(hot.part(kind)),
            Stretch::Cold(blobs) => self.shelf.part(blobs, kind),
        }
    }
}
