//! Takes one install out of all that the index holds, also of days whose raw events are gone.

use std::sync::{Arc, PoisonError};

use super::facts::{Facts, FactsBuilder};
use super::packed::Packed;
use super::part::{Kind, Part, Sets};
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
        Part::Facts(facts) => facts.installs.contains(&install),
    }
}

fn without(part: &Part, install: u32) -> Part {
    match part {
        Part::Sets(sets) => Part::Sets(Arc::new(sets_without(sets, install))),
        Part::Facts(facts) => Part::Facts(Arc::new(facts_without(facts, install))),
    }
}

fn sets_without(sets: &Sets, install: u32) -> Sets {
    let mut left = Sets {
        told: sets.told.clone(),
        ..Sets::default()
    };
    left.told.remove(install);
    for (at, (value, installs)) in sets.values.iter().enumerate() {
        let mut installs = installs.clone();
        let rank = installs.rank(install);
        let held = installs.remove(install);
        if installs.is_empty() {
            continue;
        }
        if let Some(exact) = sets.exact.get(at) {
            let gone = held.then(|| rank as usize - 1);
            let numbers = (0..exact.len()).filter(|&index| Some(index) != gone);
            let numbers = numbers.map(|index| exact.whole(index)).collect();
            left.exact.push(Packed::of_whole(numbers));
        }
        left.values.push((*value, installs));
    }
    left
}

/// Also without the keys that nobody else told.
fn facts_without(facts: &Facts, install: u32) -> Facts {
    let mut builder = FactsBuilder::default();
    for (&key, rows, values) in facts.sections() {
        for row in rows.filter(|&row| facts.installs[row] != install) {
            let section = builder.section(key);
            let traits = builder.traits(facts.traits[facts.row_traits.whole(row) as usize]);
            let amount = facts.amounts.any(row);
            builder.add_amount(section, traits, facts.installs[row], amount);
        }
        for at in values.filter(|&at| facts.value_installs[at] != install) {
            let section = builder.section(key);
            let traits = builder.traits(facts.traits[facts.value_traits.whole(at) as usize]);
            let values = (facts.value_codes[at], facts.value_counts.whole(at));
            builder.add_values(section, traits, facts.value_installs[at], values);
        }
    }
    builder.finish()
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
