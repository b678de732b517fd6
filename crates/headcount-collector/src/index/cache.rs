//! Decoded parts of closed stretches, bounded in bytes; the longest unused go first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use super::blob::Piece;
use super::facts::Family;
use super::part::Part;
use super::rollup::Table;
use crate::query::{Answer, AnswerRow, Clause, Query};

/// What is kept under a key.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Part(Part),
    Piece(Piece),
    Table(Arc<Table>),
    Answer(Arc<Answer>),
}

impl Held {
    fn bytes(&self) -> usize {
        match self {
            Self::Part(part) => part.bytes(),
            Self::Piece(piece) => piece.bytes(),
            Self::Table(table) => table.bytes(),
            Self::Answer(answer) => answer.rows.iter().map(row_bytes).sum(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Cache {
    limit_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: FxHashMap<Key, Entry>,
    bytes: usize,
    /// Grows with every use.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    held: Held,
    bytes: usize,
    used: u64,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A whole part, by its id.
    Part(i64),
    /// One piece of it.
    Piece(i64, u64),
    /// Those of its pieces that tell of themes from one to another.
    Themes(i64, u64, u64),
    /// The installs that some stretches have for a question.
    Found(Arc<Asked<(Vec<Clause>, Option<Family>)>>),
    /// Amounts by group: the finest groups that were asked last.
    Summed(Arc<Asked<(Vec<Clause>, Family)>>),
    /// A whole answer.
    Answered(Arc<Asked<Query>>),
}

/// A question about stretches whose parts never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked<T> {
    pub(super) basis: Basis,
    pub(super) question: T,
}

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Basis {
    /// Ids of a part of each stretch.
    pub(super) stretches: Vec<i64>,
    /// `FirstSeen::moves`, where first days matter.
    pub(super) first_moves: Option<u64>,
}

fn row_bytes(row: &AnswerRow) -> usize {
    let texts = row.key.iter().map(|text| size_of::<String>() + text.len());
    size_of::<AnswerRow>() + texts.sum::<usize>()
}

/// Bytes an entry takes beside its part.
const ENTRY_BYTES: usize = 96;

impl Cache {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            state: Mutex::default(),
        }
    }

    pub(super) fn find(&self, key: &Key) -> Option<Held> {
        let mut state = self.state();
        state.clock += 1;
        let used = state.clock;
        let entry = state.entries.get_mut(key)?;
        entry.used = used;
        Some(entry.held.clone())
    }

    pub(super) fn keep(&self, key: Key, held: &Held) {
        let bytes = held.bytes() + ENTRY_BYTES;
        if bytes > self.limit_bytes / 4 {
            return;
        }
        let mut state = self.state();
        state.clock += 1;
        let entry = Entry {
            held: held.clone(),
            bytes,
            used: state.clock,
        };
        if let Some(before) = state.entries.insert(key, entry) {
            state.bytes -= before.bytes;
        }
        state.bytes += bytes;
        if state.bytes > self.limit_bytes {
            state.shrink(self.limit_bytes / 8 * 7);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the longest unused until the rest fits.
    fn shrink(&mut self, limit_bytes: usize) {
        let mut by_use: Vec<(u64, Key)> = self
            .entries
            .iter()
            .map(|(key, e)| (e.used, key.clone()))
            .collect();
        by_use.sort_unstable_by_key(|entry| entry.0);
        for (_, key) in by_use {
            if self.bytes <= limit_bytes {
                break;
            }
            if let Some(entry) = self.entries.remove(&key) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::part::Sets;
    use super::*;

    #[test]
    fn the_longest_unused_go_first() {
        let part = Part::Sets(Sets::of_values([1].into_iter().collect(), vec![]).into());
        let held = Held::Part(part);
        let size = held.bytes() + ENTRY_BYTES;
        let cache = Cache::new(size * 8);
        for id in 0..8 {
            cache.keep(Key::Part(id), &held);
        }
        assert!(cache.find(&Key::Part(0)).is_some());
        cache.keep(Key::Part(8), &held);
        assert!(cache.find(&Key::Part(1)).is_none());
        assert!(cache.find(&Key::Part(0)).is_some() && cache.find(&Key::Part(8)).is_some());
        let bytes = cache.state().bytes;
        assert!(bytes <= size * 7, "{bytes}");
    }
}
