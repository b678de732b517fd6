//! Takes one install out of all that the index holds, also of days whose raw events are gone.

use std::sync::{Arc, PoisonError};

use super::columns::{Columns, Loose};
use super::facts::Facts;
use super::packed::Packed;
use super::part::{Kind, OfValue, Part, Sets};
use super::shelf::{Blobs, Name, Shelf};
use super::{Inner, Project};
use crate::error::Error;

/// Stretches that are written in one transaction.
const STRETCHES_PER_COMMIT: usize = 16;

impl Inner {
    /// What `Index::forget` promises. Stretches are independent of each other, so a kill in between
    /// leaves nothing that doing it again would not finish.
    pub(super) fn forget(&self, project: &Project, install: u32) -> Result<(), Error> {
        let _upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        // A day that is being read right now may have been read before the events were removed.
        let _deriving = project
            .deriving
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        project.write().forget(install);
        let closed = project.read().closed_stretches(project.number);
        for stretches in closed.chunks(STRETCHES_PER_COMMIT) {
            let mut changed = Vec::new();
            for (name, blobs) in stretches {
                let active = self.shelf.part_uncached(blobs, Kind::Active)?;
                if !holds(&active, install) {
                    continue;
                }
                let mut parts = Vec::with_capacity(Kind::ALL.len());
                for kind in Kind::ALL {
                    let part = self.shelf.part_uncached(blobs, kind)?;
                    parts.push((kind, without(&part, install)));
                }
                changed.push((*name, blobs, parts));
            }
            let written: Vec<Blobs> = self.shelf.write(|transaction| {
                let put =
                    |(name, _, parts): &(Name, _, Vec<_>)| Shelf::put(transaction, *name, parts);
                changed.iter().map(put).collect()
            })?;
            let mut timeline = project.write();
            for ((name, before, _), after) in changed.into_iter().zip(written) {
                timeline.replace(name, before, after);
            }
        }
        Ok(())
    }
}

/// Whether a part that tells who was active tells this install.
pub(super) fn holds(active: &Part, install: u32) -> bool {
    match active {
        Part::Sets(sets) => sets.told.contains(install),
        Part::Facts(_) => false,
    }
}

fn without(part: &Part, install: u32) -> Part {
    match part {
        Part::Sets(sets) => Part::Sets(Arc::new(sets_without(sets, install))),
        Part::Facts(pieces) => {
            let left = pieces
                .iter()
                .map(|(name, facts)| (*name, Arc::new(facts_without(facts, install))));
            let left = left.filter(|(_, facts)| !facts.sections.is_empty());
            Part::Facts(Arc::new(left.collect()))
        }
    }
}

fn sets_without(sets: &Sets, install: u32) -> Sets {
    let mut told = sets.told.as_ref().clone();
    told.remove(install);
    let mut values = Vec::with_capacity(sets.values.len());
    for of_value in &sets.values {
        let mut installs = of_value.installs.as_ref().clone();
        let rank = installs.rank(install);
        let held = installs.remove(install);
        if installs.is_empty() {
            continue;
        }
        let exact = of_value.exact.as_ref().map(|exact| {
            let gone = held.then(|| rank as usize - 1);
            let numbers = (0..exact.len()).filter(|&index| Some(index) != gone);
            Arc::new(Packed::of_whole(numbers.map(|index| exact.whole(index))))
        });
        values.push(OfValue {
            value: of_value.value,
            installs: Arc::new(installs),
            exact,
        });
    }
    Sets {
        told: Arc::new(told),
        values,
    }
}

/// Also without the keys that nobody else told.
fn facts_without(facts: &Facts, install: u32) -> Facts {
    let mut columns = Columns::default();
    for (at, section) in facts.sections.iter().enumerate() {
        let mut loose = Loose::default();
        loose.add(facts, at);
        loose.rows.retain(|row| row.install != install);
        loose.values.retain(|values| values.install != install);
        if !loose.rows.is_empty() {
            columns.add(section.key, loose);
        }
    }
    columns.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stay_beside_their_installs() {
        let sizes = [(1, 12), (4, 15), (9, 10), (5, 3)];
        let sets = Sets::of_sizes(&sizes);
        for gone in [1, 4, 9, 5, 77] {
            let left: Vec<(u32, u64)> = sizes
                .iter()
                .copied()
                .filter(|size| size.0 != gone)
                .collect();
            assert_eq!(sets_without(&sets, gone), Sets::of_sizes(&left), "{gone}");
        }
    }
}
