//! A week or month in one piece: last reports of its days, and the sums of their amounts.

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::facts::FactsBuilder;
use super::part::{Kind, Part, Sets};

/// Parts of one kind, newest first, as the part of the stretch they make up.
pub(super) fn merge(kind: Kind, newest_first: &[Part]) -> Part {
    if kind.has_facts() {
        let mut builder = FactsBuilder::default();
        for part in newest_first {
            if let Part::Facts(facts) = part {
                builder.add_facts(facts);
            }
        }
        return Part::Facts(builder.finish().into());
    }
    let sets: Vec<&Sets> = newest_first
        .iter()
        .filter_map(|part| match part {
            Part::Sets(sets) => Some(sets.as_ref()),
            Part::Facts(_) => None,
        })
        .collect();
    let merged = match kind {
        Kind::Users | Kind::Tokens => merge_sizes(&sets),
        _ => merge_values(&sets),
    };
    Part::Sets(merged.into())
}

fn merge_values(newest_first: &[&Sets]) -> Sets {
    let mut told = RoaringBitmap::new();
    let mut values: FxHashMap<u64, RoaringBitmap> = FxHashMap::default();
    for sets in newest_first {
        let settled = &sets.told - &told;
        if settled.is_empty() {
            continue;
        }
        for (value, installs) in &sets.values {
            let last = installs & &settled;
            if !last.is_empty() {
                *values.entry(*value).or_default() |= last;
            }
        }
        told |= settled;
    }
    let mut values: Vec<(u64, RoaringBitmap)> = values.into_iter().collect();
    values.sort_unstable_by_key(|entry| entry.0);
    for (_, installs) in &mut values {
        installs.optimize();
    }
    told.optimize();
    Sets {
        told,
        values,
        exact: Vec::new(),
    }
}

fn merge_sizes(newest_first: &[&Sets]) -> Sets {
    let mut told = RoaringBitmap::new();
    let mut sizes = Vec::new();
    for sets in newest_first {
        let settled = &sets.told - &told;
        if settled.is_empty() {
            continue;
        }
        for index in 0..sets.values.len() {
            sets.sizes_of(index, &settled, |install, size| sizes.push((install, size)));
        }
        told |= settled;
    }
    Sets::of_sizes(&sizes)
}
