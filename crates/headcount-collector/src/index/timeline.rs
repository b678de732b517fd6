//! The days of one project and the state each is in. Computing only: every method is short.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

use super::calendar::Span;
use super::day::OpenDay;
use super::first::FirstSeen;
use super::forget::holds;
use super::hot::Hot;
use super::part::Kind;
use super::shelf::{Blobs, Name};
use super::view::{FirstDays, Stretch};
use crate::query::DayRange;
use crate::store::{Day, ProjectNumber, Row};

/// What is known of a day that has events.
#[derive(Debug)]
enum State {
    /// In memory, takes rows.
    Hot(Arc<Hot>),
    /// On the shelf.
    Cold(Arc<Blobs>),
    /// To be derived from its raw events before it is read.
    Stale(Stale),
}

#[derive(Debug, Default)]
struct Stale {
    /// The `seq` of the dirty note, where it is known.
    noted: i64,
    /// Rows that came while the day is being derived: it may have been read before they were there.
    arrivals: Option<Vec<Row>>,
}

/// One project.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    first: FirstSeen,
    days: BTreeMap<Day, State>,
    /// Weeks and months whose days are all closed.
    rollups: BTreeMap<(Span, Day), Arc<Blobs>>,
}

/// An open day with what decides about closing it.
#[derive(Clone, Debug)]
pub(super) struct OpenDayInfo {
    pub(super) day: Day,
    pub(super) hot: Arc<Hot>,
    pub(super) bytes: usize,
    pub(super) touched: Instant,
}

impl Timeline {
    pub(super) fn note_first(&mut self, install: u32, day: Day) {
        self.first.note(install, day);
    }

    pub(super) fn put_on_shelf(&mut self, name: Name, blobs: Blobs) {
        let blobs = Arc::new(blobs);
        match name.span {
            Span::Day => {
                self.days.insert(name.first_day, State::Cold(blobs));
            }
            Span::Week | Span::Month => {
                self.rollups.insert((name.span, name.first_day), blobs);
            }
        }
    }

    /// The day has to be derived before it is read again.
    pub(super) fn make_stale(&mut self, day: Day, noted: i64) {
        let known = match self.days.get(&day) {
            Some(State::Hot(hot)) => hot.seq(),
            Some(State::Stale(stale)) => stale.noted,
            Some(State::Cold(_)) | None => 0,
        };
        let stale = Stale {
            noted: noted.max(known),
            arrivals: None,
        };
        self.days.insert(day, State::Stale(stale));
        self.open_rollups(day);
    }

    /// Takes in committed rows of this project, in order.
    pub(super) fn apply(&mut self, rows: &[&Row]) {
        let mut by_day: BTreeMap<Day, Vec<&Row>> = BTreeMap::new();
        for &row in rows {
            self.first.note(row.install, row.day);
            by_day.entry(row.day).or_default().push(row);
        }
        for (day, rows) in by_day {
            match self.days.get_mut(&day) {
                Some(State::Hot(hot)) => hot.apply(rows.into_iter()),
                Some(State::Stale(stale)) => {
                    if let Some(arrivals) = &mut stale.arrivals {
                        arrivals.extend(rows.into_iter().cloned());
                    }
                }
                Some(State::Cold(_)) => self.make_stale(day, 0),
                // No row came for this day before, or the index would know it.
                None => {
                    let hot = Hot::new(OpenDay::default(), 0);
                    hot.apply(rows.into_iter());
                    self.days.insert(day, State::Hot(Arc::new(hot)));
                    self.open_rollups(day);
                }
            }
        }
    }

    fn open_rollups(&mut self, day: Day) {
        for span in [Span::Week, Span::Month] {
            self.rollups.remove(&(span, span.around(day).from));
        }
    }

    /// The latest stale day of a range.
    pub(super) fn next_stale(&self, range: DayRange) -> Option<Day> {
        if range.from > range.to {
            return None;
        }
        let mut newest_first = self.days.range(range.from..=range.to).rev();
        newest_first.find_map(|(&day, state)| matches!(state, State::Stale(_)).then_some(day))
    }

    /// A stale day is about to be read from the store.
    pub(super) fn begin_deriving(&mut self, day: Day) {
        if let Some(State::Stale(stale)) = self.days.get_mut(&day) {
            stale.arrivals = Some(Vec::new());
        }
    }

    /// The day as it was read, or nothing if that failed.
    pub(super) fn end_deriving(&mut self, day: Day, derived: Option<OpenDay>) {
        let Some(State::Stale(stale)) = self.days.get_mut(&day) else {
            return;
        };
        let arrivals = stale.arrivals.take().unwrap_or_default();
        let Some(derived) = derived else {
            return;
        };
        let hot = Hot::new(derived, stale.noted);
        hot.apply(arrivals.iter());
        self.days.insert(day, State::Hot(Arc::new(hot)));
    }

    pub(super) fn open_days(&self) -> Vec<OpenDayInfo> {
        let of = |(&day, state): (&Day, &State)| match state {
            State::Hot(hot) => Some(OpenDayInfo {
                day,
                hot: Arc::clone(hot),
                bytes: hot.bytes(),
                touched: hot.touched(),
            }),
            State::Cold(_) | State::Stale(_) => None,
        };
        self.days.iter().filter_map(of).collect()
    }

    /// Closes a day whose parts up to `seq` are on the shelf; says whether nothing came since.
    pub(super) fn close(
        &mut self,
        open: &OpenDayInfo,
        seq: i64,
        blobs: Option<Arc<Blobs>>,
    ) -> bool {
        let current = match self.days.get(&open.day) {
            Some(State::Hot(hot)) => Arc::ptr_eq(hot, &open.hot) && hot.seq() == seq,
            Some(State::Cold(_) | State::Stale(_)) | None => false,
        };
        if current {
            match blobs {
                Some(blobs) => self.days.insert(open.day, State::Cold(blobs)),
                None => self.days.remove(&open.day),
            };
        }
        current
    }

    /// A complete week or month of closed days that is not yet kept in one piece: nothing came for a
    /// day in it, and something came for a later one.
    pub(super) fn next_rollup(&self) -> Option<(Span, DayRange, Vec<Arc<Blobs>>)> {
        let (&last, _) = self.days.last_key_value()?;
        for span in [Span::Week, Span::Month] {
            let mut from = Bound::Unbounded;
            while let Some((&day, _)) = self.days.range((from, Bound::Unbounded)).next() {
                let range = span.around(day);
                if range.to >= last {
                    break;
                }
                from = Bound::Excluded(range.to);
                if self.rollups.contains_key(&(span, range.from)) {
                    continue;
                }
                if let Some(blobs) = self.closed(range).filter(|blobs| blobs.len() > 1) {
                    return Some((span, range, blobs));
                }
            }
        }
        None
    }

    /// Keeps a week or month, unless a day in it changed since `days` were looked up.
    pub(super) fn add_rollup(
        &mut self,
        span: Span,
        range: DayRange,
        days: &[Arc<Blobs>],
        blobs: Blobs,
    ) {
        let same = |now: Vec<Arc<Blobs>>| {
            now.len() == days.len() && now.iter().zip(days).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if self.closed(range).is_some_and(same) {
            self.rollups.insert((span, range.from), Arc::new(blobs));
        }
    }

    /// The days of a range, ascending, if all that have events are closed.
    fn closed(&self, range: DayRange) -> Option<Vec<Arc<Blobs>>> {
        self.days
            .range(range.from..=range.to)
            .map(|(_, state)| match state {
                State::Cold(blobs) => Some(Arc::clone(blobs)),
                State::Hot(_) | State::Stale(_) => None,
            })
            .collect()
    }

    /// The days of a range without the stale ones, and the rollups that lie in it.
    #[expect(clippy::type_complexity, reason = "taken apart by its one caller")]
    pub(super) fn read(
        &self,
        range: DayRange,
    ) -> (BTreeMap<Day, Stretch>, BTreeMap<(Span, Day), Arc<Blobs>>) {
        if range.from > range.to {
            return Default::default();
        }
        let days = self
            .days
            .range(range.from..=range.to)
            .filter_map(|(&day, state)| match state {
                State::Hot(hot) => Some((day, Stretch::Hot(Arc::clone(hot)))),
                State::Cold(blobs) => Some((day, Stretch::Cold(Arc::clone(blobs)))),
                State::Stale(_) => None,
            })
            .collect();
        let mut rollups = BTreeMap::new();
        for span in [Span::Week, Span::Month] {
            let within = self
                .rollups
                .range((span, range.from)..=(span, range.to))
                .map(|(&name, blobs)| (name, Arc::clone(blobs)));
            rollups.extend(within);
        }
        (days, rollups)
    }

    /// Takes an install out of what is in memory: open days that know it are to be derived again.
    pub(super) fn forget(&mut self, install: u32) {
        self.first.forget(install);
        let knows = |(&day, state): (&Day, &State)| match state {
            State::Hot(hot) => holds(&hot.part(Kind::Active), install).then_some(day),
            State::Cold(_) | State::Stale(_) => None,
        };
        let days: Vec<Day> = self.days.iter().filter_map(knows).collect();
        for day in days {
            self.make_stale(day, 0);
        }
    }

    /// Whether every day before `day` is on the shelf as it shall stay.
    pub(super) fn is_closed_before(&self, day: Day) -> bool {
        let mut before = self.days.range(..day);
        before.all(|(_, state)| matches!(state, State::Cold(_)))
    }

    /// Every day, week and month that is on the shelf and read from there.
    pub(super) fn closed_stretches(&self, project: ProjectNumber) -> Vec<(Name, Arc<Blobs>)> {
        let name = |span, first_day| Name {
            project,
            span,
            first_day,
        };
        let days = self.days.iter().filter_map(|(&day, state)| match state {
            State::Cold(blobs) => Some((name(Span::Day, day), Arc::clone(blobs))),
            State::Hot(_) | State::Stale(_) => None,
        });
        let rollups = self.rollups.iter();
        let rollups = rollups.map(|(&(span, day), blobs)| (name(span, day), Arc::clone(blobs)));
        days.chain(rollups).collect()
    }

    /// Puts new parts of the same days in place of those of `before`, unless rows came for them.
    pub(super) fn replace(&mut self, name: Name, before: &Arc<Blobs>, after: Blobs) {
        let same = match name.span {
            Span::Day => match self.days.get(&name.first_day) {
                Some(State::Cold(blobs)) => Arc::ptr_eq(blobs, before),
                Some(State::Hot(_) | State::Stale(_)) | None => false,
            },
            Span::Week | Span::Month => self
                .rollups
                .get(&(name.span, name.first_day))
                .is_some_and(|blobs| Arc::ptr_eq(blobs, before)),
        };
        match name.span {
            _ if !same => {}
            Span::Day if after.is_empty() => {
                self.days.remove(&name.first_day);
            }
            Span::Week | Span::Month if after.is_empty() => {
                self.rollups.remove(&(name.span, name.first_day));
            }
            Span::Day | Span::Week | Span::Month => self.put_on_shelf(name, after),
        }
    }

    /// Grows when the first day of a known install changes.
    pub(super) fn first_moves(&self) -> u64 {
        self.first.moves()
    }

    pub(super) fn first_days(&self) -> FirstDays {
        self.first.days()
    }

    /// Days that are known, ascending.
    pub(super) fn days(&self) -> Vec<Day> {
        self.days.keys().copied().collect()
    }
}
