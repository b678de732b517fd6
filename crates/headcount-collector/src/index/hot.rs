//! An open day that any thread may read while the writer adds to it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::day::OpenDay;
use super::part::{Kind, Part};
use crate::store::Row;

/// An open day. Parts are made under its lock: that is computing, never I/O.
#[derive(Debug)]
pub(super) struct Hot {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    day: OpenDay,
    touched: Instant,
    /// The `seq` that the dirty note of the day may have, where the rows do not tell it.
    noted: i64,
}

impl Hot {
    pub(super) fn new(day: OpenDay, noted: i64) -> Self {
        Self {
            state: Mutex::new(State {
                day,
                touched: Instant::now(),
                noted,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in those rows that are not in yet. They came in one commit, so either all rows up to a
    /// `seq` are in or none.
    pub(super) fn apply<'a>(&self, rows: impl Iterator<Item = &'a Row>) {
        let mut state = self.state();
        let seen = state.day.seq();
        for row in rows.filter(|row| row.seq > seen) {
            state.day.apply(row);
        }
        state.touched = Instant::now();
    }

    pub(super) fn part(&self, kind: Kind) -> Part {
        self.state().day.part(kind)
    }

    /// Every part, and the `seq` they hold.
    pub(super) fn parts(&self) -> (i64, Vec<(Kind, Part)>) {
        let mut state = self.state();
        let parts = Kind::ALL.map(|kind| (kind, state.day.part(kind)));
        (state.day.seq().max(state.noted), parts.into())
    }

    pub(super) fn seq(&self) -> i64 {
        let state = self.state();
        state.day.seq().max(state.noted)
    }

    pub(super) fn bytes(&self) -> usize {
        self.state().day.bytes()
    }

    pub(super) fn touched(&self) -> Instant {
        self.state().touched
    }
}
