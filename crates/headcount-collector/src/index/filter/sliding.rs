//! The installs that match a filter in the 7 days up to each of many days: what was found for one day is
//! carried forward to the next, so that each day is looked at once and not in each of its windows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::{
    Filter, PAGES, Target, WORK, Wanted, attribute, families, first_seen, having_events, telling,
    telling_by_events,
};
use crate::error::Error;
use crate::index::calendar::{WEEK_DAYS, days};
use crate::index::facts::Family;
use crate::index::part::Kind;
use crate::index::shelf::Pick;
use crate::index::view::{Snapshot, View};
use crate::query::{DayRange, Dimension};
use crate::store::{Day, Sym};

/// A filter with what it found in the last days.
pub(in crate::index) struct Sliding<'a> {
    snapshot: &'a Snapshot<'a>,
    filter: &'a Filter,
    /// The last day that was taken in.
    day: Option<Day>,
    window: Window<'a>,
}

/// The 7 days up to `Sliding::day`.
#[derive(Default)]
struct Window<'a> {
    /// Only where no clause keeps but those that are active anyhow.
    active: Option<Recent>,
    keeping: Vec<Last<'a>>,
    leaving: Vec<Last<'a>>,
    keeping_events: Vec<ByEvents>,
    leaving_events: Vec<(Dimension, &'a [Sym], Recent)>,
    /// By first days: the same in each window.
    first_seen: Option<RoaringBitmap>,
    not_first_seen: Option<RoaringBitmap>,
}

impl<'a> Sliding<'a> {
    pub(in crate::index) fn new(snapshot: &'a Snapshot<'a>, filter: &'a Filter) -> Self {
        Self {
            snapshot,
            filter,
            day: None,
            window: Window::of(snapshot, filter),
        }
    }

    /// Those that match in the 7 days up to a day. Days are asked in ascending order.
    pub(in crate::index) fn installs(&mut self, to: Day) -> Result<RoaringBitmap, Error> {
        let from = match self.day {
            Some(day) if day.0 < to.0 && to.0 - day.0 < WEEK_DAYS => day.0 + 1,
            Some(day) if day == to => to.0 + 1,
            Some(_) | None => {
                self.window = Window::of(self.snapshot, self.filter);
                to.0 - WEEK_DAYS + 1
            }
        };
        let from = Day(from);
        for day in days(DayRange { from, to }) {
            // Until the next day is in, the window is that of no day.
            self.day = None;
            let only = DayRange { from: day, to: day };
            self.window.step(&self.snapshot.daily(only))?;
        }
        self.day = Some(to);
        Ok(self.window.matching())
    }
}

impl<'a> Window<'a> {
    fn of(snapshot: &Snapshot<'_>, filter: &'a Filter) -> Self {
        let mut window = Self::default();
        for (&dimension, wanted) in &filter.attributes {
            let any = wanted.any.as_deref();
            match attribute(dimension) {
                Some(kind) => {
                    window.keeping.extend(any.map(|any| Last::new(kind, any)));
                    if !wanted.none.is_empty() {
                        window.leaving.push(Last::new(kind, &wanted.none));
                    }
                }
                None => {
                    window.first_seen = any.map(|any| first_seen(snapshot, any));
                    window.not_first_seen = Some(first_seen(snapshot, &wanted.none));
                }
            }
        }
        for group in [WORK, PAGES] {
            let own = || filter.events.iter().filter(|(d, _)| families(**d) == group);
            window.keeping_events.extend(ByEvents::of(group, own()));
            let unwanted = own().filter(|(_, wanted)| !wanted.none.is_empty());
            let unwanted = unwanted.map(|(&d, wanted)| (d, &wanted.none[..], Recent::default()));
            window.leaving_events.extend(unwanted);
        }
        if window.keeping.is_empty() && window.keeping_events.is_empty() {
            window.active = Some(Recent::default());
        }
        window
    }

    /// Takes in one more day.
    fn step(&mut self, day: &View<'_>) -> Result<(), Error> {
        if let Some(active) = &mut self.active {
            active.add(day.active()?);
        }
        for last in self.keeping.iter_mut().chain(&mut self.leaving) {
            last.step(day)?;
        }
        for events in &mut self.keeping_events {
            let found = events.on(day)?;
            events.recent.add(Arc::new(found));
        }
        for (dimension, values, recent) in &mut self.leaving_events {
            recent.add(Arc::new(telling_by_events(day, *dimension, values)?));
        }
        Ok(())
    }

    fn matching(&self) -> RoaringBitmap {
        // Whoever told anything is active.
        let mut keeping = self.keeping.iter();
        let active = self.active.as_ref().map(Recent::all);
        let first = active.or_else(|| keeping.next().map(|last| last.matching.clone()));
        let mut events = self.keeping_events.iter().map(|events| events.recent.all());
        let mut left = first.or_else(|| events.next()).unwrap_or_default();
        for last in keeping {
            left &= &last.matching;
        }
        for found in events {
            left &= found;
        }
        if let Some(wanted) = &self.first_seen {
            left &= wanted;
        }
        if let Some(unwanted) = &self.not_first_seen {
            left -= unwanted;
        }
        for last in &self.leaving {
            left -= &last.matching;
        }
        for (_, _, recent) in &self.leaving_events {
            left -= recent.all();
        }
        left
    }
}

/// Sets of installs of the last 7 days.
#[derive(Default)]
pub(in crate::index) struct Recent {
    days: VecDeque<Arc<RoaringBitmap>>,
}

impl Recent {
    /// Takes in the next day; gives the one that is no more of the last 7.
    pub(in crate::index) fn add(
        &mut self,
        of_day: Arc<RoaringBitmap>,
    ) -> Option<Arc<RoaringBitmap>> {
        self.days.push_back(of_day);
        match self.days.len() > WEEK_DAYS as usize {
            true => self.days.pop_front(),
            false => None,
        }
    }

    /// Installs of any of the days.
    pub(in crate::index) fn all(&self) -> RoaringBitmap {
        let mut days = self.days.iter();
        let mut all = days
            .next()
            .map_or_else(RoaringBitmap::new, |first| first.as_ref().clone());
        for of_day in days {
            all |= of_day.as_ref();
        }
        all
    }
}

/// Those whose last report of a kind tells one of some targets.
struct Last<'a> {
    kind: Kind,
    targets: &'a [Target],
    told: Recent,
    matching: RoaringBitmap,
}

impl<'a> Last<'a> {
    fn new(kind: Kind, targets: &'a [Target]) -> Self {
        Self {
            kind,
            targets,
            told: Recent::default(),
            matching: RoaringBitmap::new(),
        }
    }

    fn step(&mut self, day: &View<'_>) -> Result<(), Error> {
        let mut told = Arc::default();
        for stretch in day.newest_first() {
            let pick = Pick {
                told: true,
                ..Pick::default()
            };
            told = Arc::clone(&day.pick(stretch, self.kind, pick)?.told);
        }
        self.matching -= told.as_ref();
        self.matching |= telling(day, self.kind, self.targets, &told)?;
        let Some(past) = self.told.add(told) else {
            return Ok(());
        };
        let mut expired = past.as_ref() & &self.matching;
        for told in self.told.days.iter().rev() {
            if expired.is_empty() {
                return Ok(());
            }
            expired -= told.as_ref();
        }
        self.matching -= expired;
        Ok(())
    }
}

/// Those with an event that tells one of the wanted values of each dimension at once.
struct ByEvents {
    families: &'static [Family],
    wanted: BTreeMap<Dimension, Wanted<Sym>>,
    recent: Recent,
}

impl ByEvents {
    /// `None` where nothing is wanted.
    fn of<'a>(
        families: &'static [Family],
        own: impl Iterator<Item = (&'a Dimension, &'a Wanted<Sym>)>,
    ) -> Option<Self> {
        let any = own.filter_map(|(&dimension, wanted)| {
            let wanted = Wanted {
                any: Some(wanted.any.clone()?),
                none: Vec::new(),
            };
            Some((dimension, wanted))
        });
        let wanted: BTreeMap<_, _> = any.collect();
        (!wanted.is_empty()).then(|| Self {
            families,
            wanted,
            recent: Recent::default(),
        })
    }

    fn on(&self, day: &View<'_>) -> Result<RoaringBitmap, Error> {
        let mut found: Option<RoaringBitmap> = None;
        for (&dimension, wanted) in &self.wanted {
            let any = wanted.any.as_deref().unwrap_or_default();
            let telling = telling_by_events(day, dimension, any)?;
            found = Some(match found {
                Some(found) => found & telling,
                None => telling,
            });
        }
        let found = found.unwrap_or_default();
        match self.wanted.len() {
            1 => Ok(found),
            _ => having_events(day, self.families, &self.wanted, &found),
        }
    }
}
