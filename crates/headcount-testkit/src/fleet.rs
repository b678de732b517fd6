//! A simulated fleet of installs, as batches day by day. Pure: the same shape gives the same fleet.

mod apps;
mod catalog;
mod day;
mod dice;
mod duties;
mod horizon;
mod install;
mod truth;

pub use truth::{DayFacts, Truth};

use std::collections::HashMap;

use headcount_protocol::{Batch, InstallId};

use apps::Apps;
use day::Today;
use dice::Dice;
use horizon::Horizon;
use install::Install;

const DAY_MS: i64 = 86_400_000;

/// What kind of fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Installs ever seen; each sends something on at least one day.
    pub installs: u32,
    /// Days, the last one being the day of `now_ms`; at least 1.
    pub days: u32,
    pub seed: u64,
    /// Unix milliseconds; no event is later.
    pub now_ms: i64,
}

/// What the fleet sends on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetDay {
    /// Days since 1970-01-01.
    pub day: i32,
    /// At most one batch per install; all events fall on `day`.
    pub batches: Vec<Batch>,
}

/// The installs and apps, drawn; what they send is made when asked for.
#[derive(Clone, Debug)]
pub struct Fleet {
    seed: u64,
    horizon: Horizon,
    apps: Apps,
    installs: Vec<Install>,
}

impl Fleet {
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let days = i32::try_from(shape.days.max(1)).unwrap_or(i32::MAX);
        let horizon = Horizon::new(shape.now_ms, days);
        let draw = |number| Install::draw(shape.seed, u64::from(number), &horizon);
        Self {
            seed: shape.seed,
            apps: Apps::draw(shape.seed),
            installs: (0..shape.installs).map(draw).collect(),
            horizon,
        }
    }

    /// Number of days.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.horizon.days).unwrap_or(0)
    }

    /// A fleet has at least one day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Oldest day first.
    pub fn days(&self) -> impl Iterator<Item = FleetDay> {
        (0..self.horizon.days).map(|index| self.day(index))
    }

    /// One event, happening now, of an install that lives on the last day; `turn` chooses which.
    /// `None` where that install sends nothing.
    #[must_use]
    pub fn hit(&self, now_ms: i64, turn: u64) -> Option<Batch> {
        let mut dice = Dice::of(self.seed, [u64::MAX, turn]);
        let last = self.horizon.days - 1;
        let install = &self.installs[dice.below(self.installs.len())];
        // What the whole last day would look like, whatever the time is.
        let horizon = self.horizon.to_midnight();
        let today = Today {
            seed: self.seed,
            day: last,
            turn: turn.wrapping_add(1),
            horizon: &horizon,
            apps: self.apps.on(last, &horizon),
        };
        let mut batch = today.batch(install)?;
        let mut event = batch.events.swap_remove(dice.below(batch.events.len()));
        event.at_ms = Some(now_ms);
        event.id = Some(day::event_id(now_ms, &mut dice));
        batch.sent_at_ms = Some(now_ms);
        batch.events = vec![event];
        Some(batch)
    }

    fn day(&self, index: i32) -> FleetDay {
        let today = Today {
            seed: self.seed,
            day: index,
            turn: 0,
            horizon: &self.horizon,
            apps: self.apps.on(index, &self.horizon),
        };
        let batches = self
            .installs
            .iter()
            .filter_map(|install| today.batch(install));
        FleetDay {
            day: self.horizon.start + index,
            batches: batches.collect(),
        }
    }
}

/// Joins the batches of several days: events of an install that runs the same version are sent in
/// one batch of at most `most_events`, as after a time without network.
#[must_use]
pub fn merge(days: impl IntoIterator<Item = FleetDay>, most_events: usize) -> Vec<Batch> {
    let mut merged: Vec<Batch> = Vec::new();
    let mut open: HashMap<InstallId, usize> = HashMap::new();
    for batch in days.into_iter().flat_map(|day| day.batches) {
        if let Some(&place) = open.get(&batch.install) {
            let last = &mut merged[place];
            let same = last.app_version == batch.app_version && last.runtime == batch.runtime;
            if same && last.events.len() + batch.events.len() <= most_events {
                last.events.extend(batch.events);
                continue;
            }
        }
        open.insert(batch.install.clone(), merged.len());
        merged.push(batch);
    }
    merged
}

#[cfg(test)]
mod tests;
