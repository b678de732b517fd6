//! The first active day of every install of a project.

use std::sync::Arc;

use super::view::FirstDays;
use crate::store::Day;

/// By install number, and the installs of each day. A late event can only move a day back.
#[derive(Debug, Default)]
pub(super) struct FirstSeen {
    of: Vec<Option<Day>>,
    on: FirstDays,
    /// How often a day that was known changed: installs that are new change no answer about days
    /// before them.
    moves: u64,
}

impl FirstSeen {
    pub(super) fn note(&mut self, install: u32, day: Day) {
        if day == Day::NEVER {
            return;
        }
        let index = install as usize;
        if self.of.len() <= index {
            self.of.resize(index + 1, None);
        }
        let known = self.of[index];
        if known.is_some_and(|known| known <= day) {
            return;
        }
        if let Some(installs) = known.and_then(|known| self.on.get_mut(&known)) {
            self.moves += 1;
            Arc::make_mut(installs).remove(install);
        }
        Arc::make_mut(self.on.entry(day).or_default()).insert(install);
        self.of[index] = Some(day);
    }

    /// As if it had never been seen.
    pub(super) fn forget(&mut self, install: u32) {
        let known = self.of.get_mut(install as usize).and_then(Option::take);
        if let Some(installs) = known.and_then(|day| self.on.get_mut(&day)) {
            self.moves += 1;
            Arc::make_mut(installs).remove(install);
        }
    }

    /// As long as this is the same, installs that were known keep their day.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// Cheap: the installs of each day are shared.
    pub(super) fn days(&self) -> FirstDays {
        self.on.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_day_only_moves_back() {
        let mut first = FirstSeen::default();
        first.note(1, Day::NEVER);
        for (install, day) in [(2, 10), (0, 11), (2, 12), (2, 9), (0, 11)] {
            first.note(install, Day(day));
        }
        let days: Vec<(Day, Vec<u32>)> = first
            .days()
            .iter()
            .map(|(&day, installs)| (day, installs.iter().collect()))
            .collect();
        let expected = [(Day(9), vec![2]), (Day(10), vec![]), (Day(11), vec![0])];
        assert_eq!(days, expected);
        assert_eq!(first.moves(), 1, "a new one and a later day move none");
        first.forget(2);
        first.forget(77);
        assert!(first.days()[&Day(9)].is_empty());
        assert_eq!(first.moves(), 2);
    }
}
