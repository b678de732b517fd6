//! Active installs of the 7 days up to each of many days, by what they told last of one attribute: from
//! day to day only what changed is counted.

use std::sync::Arc;

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::calendar::{WEEK_DAYS, days};
use super::filter::Filter;
use super::filter::sliding::{Recent, Sliding};
use super::part::Kind;
use super::view::{Snapshot, View};
use crate::error::Error;
use crate::query::DayRange;
use crate::store::Day;

/// How many installs a day has, and how many by each value of the attribute that any told.
pub(super) struct Counted {
    pub(super) day: Day,
    pub(super) installs: u64,
    pub(super) by_value: Vec<(u64, u64)>,
}

/// Counts the installs that match in the 7 days up to each day of a range. Of `kind` an install tells
/// one value at a time.
pub(super) fn count(
    snapshot: &Snapshot<'_>,
    filter: &Filter,
    kind: Option<Kind>,
    range: DayRange,
) -> Result<Vec<Counted>, Error> {
    let mut sliding = Sliding::new(snapshot, filter);
    let mut counting = kind.map(Counting::of);
    if let Some(counting) = &mut counting {
        let before = DayRange {
            from: Day(range.from.0 - WEEK_DAYS + 1),
            to: Day(range.from.0 - 1),
        };
        for day in days(before) {
            counting.step(&day_alone(snapshot, day), &RoaringBitmap::new())?;
        }
    }
    let mut found = Vec::new();
    for day in days(range) {
        let window = DayRange {
            from: Day(day.0 - WEEK_DAYS + 1),
            to: day,
        };
        let window = snapshot.view(window);
        let installs = filter.remembered(&window, || sliding.installs(day).map(Arc::new))?;
        let mut by_value = Vec::new();
        if let Some(counting) = &mut counting {
            counting.step(&day_alone(snapshot, day), &installs)?;
            by_value = counting.counts();
        }
        found.push(Counted {
            day,
            installs: installs.len(),
            by_value,
        });
    }
    Ok(found)
}

fn day_alone<'a>(snapshot: &'a Snapshot<'_>, day: Day) -> View<'a> {
    snapshot.daily(DayRange { from: day, to: day })
}

/// Installs by the last value they told in the 7 days up to the day that was taken in last.
struct Counting {
    kind: Kind,
    told: Recent,
    numbers: FxHashMap<u64, u32>,
    /// By the number of each value: how many of `counted` told it last.
    counts: Vec<u64>,
    /// The number of the value that each install told last.
    last: Vec<u32>,
    counted: RoaringBitmap,
    /// The same by install: asked of each that told something new.
    is_counted: Vec<bool>,
}

impl Counting {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            told: Recent::default(),
            numbers: FxHashMap::default(),
            counts: Vec::new(),
            last: Vec::new(),
            counted: RoaringBitmap::new(),
            is_counted: Vec::new(),
        }
    }

    /// Takes in the next day, and counts those of some installs that told anything in the window.
    fn step(&mut self, day: &View<'_>, installs: &RoaringBitmap) -> Result<(), Error> {
        let mut sets = Arc::default();
        for stretch in day.newest_first() {
            sets = day.sets(stretch, self.kind)?;
        }
        self.told.add(Arc::clone(&sets.told));
        let counted = match installs.is_empty() {
            true => RoaringBitmap::new(),
            false => self.told.all() & installs,
        };
        for install in &self.counted - &counted {
            self.is_counted[install as usize] = false;
            self.counts[self.last[install as usize] as usize] -= 1;
        }
        for of_value in &sets.values {
            let number = self.number(of_value.value);
            self.tell(&of_value.installs, number);
        }
        for install in &counted - &self.counted {
            self.is_counted[install as usize] = true;
            self.counts[self.last[install as usize] as usize] += 1;
        }
        self.counted = counted;
        Ok(())
    }

    fn number(&mut self, value: u64) -> u32 {
        let next = self.counts.len() as u32;
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.counts.push(0);
        }
        number
    }

    /// Notes that some installs told a value.
    fn tell(&mut self, installs: &RoaringBitmap, number: u32) {
        let beyond = installs.max().map_or(0, |max| max as usize + 1);
        if self.last.len() < beyond {
            self.last.resize(beyond, number);
            self.is_counted.resize(beyond, false);
        }
        let (mut rest, mut some) = (installs.iter(), [0; 256]);
        loop {
            // Faster than one at a time.
            let some = rest.next_many(&mut some);
            if some.is_empty() {
                return;
            }
            for &install in some.iter() {
                let last = &mut self.last[install as usize];
                if *last != number {
                    if self.is_counted[install as usize] {
                        self.counts[*last as usize] -= 1;
                        self.counts[number as usize] += 1;
                    }
                    *last = number;
                }
            }
        }
    }

    /// Values that any of the installs told last, and how many did.
    fn counts(&self) -> Vec<(u64, u64)> {
        let of_value = |(&value, &number): (&u64, &u32)| (value, self.counts[number as usize]);
        let counts = self.numbers.iter().map(of_value);
        counts.filter(|(_, count)| *count > 0).collect()
    }
}
