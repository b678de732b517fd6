//! A week or month in one piece: last reports of its days, and the sums of their amounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::columns::{Columns, Loose, Pieces};
use super::facts::{Facts, Key, VERSION};
use super::part::{Kind, OfValue, Part, Sets, Shape};
use crate::store::Sym;

/// Parts of one kind, newest first, as the part of the stretch they make up. Facts by version are made
/// from the facts of days, which have the version in them.
pub(super) fn merge(kind: Kind, newest_first: &[Part]) -> Part {
    match kind.shape() {
        Shape::Attribute => Part::Sets(merge_values(&sets(newest_first)).into()),
        Shape::Size => Part::Sets(merge_sizes(&sets(newest_first)).into()),
        Shape::Events(_) => Part::Sets(merge_events(&sets(newest_first)).into()),
        Shape::Facts => Part::Facts(merge_facts(&facts(newest_first)).into()),
        Shape::Versions => Part::Facts(merge_by_version(&facts(newest_first)).into()),
    }
}

fn sets(parts: &[Part]) -> Vec<&Sets> {
    let parts = parts.iter();
    parts
        .filter_map(|part| match part {
            Part::Sets(sets) => Some(sets.as_ref()),
            Part::Facts(_) => None,
        })
        .collect()
}

fn facts(parts: &[Part]) -> Vec<&Facts> {
    let mut found = Vec::new();
    for part in parts {
        if let Part::Facts(pieces) = part {
            found.extend(pieces.iter().map(|(_, facts)| facts.as_ref()));
        }
    }
    found
}

fn finished(told: RoaringBitmap, values: BTreeMap<u64, RoaringBitmap>) -> Sets {
    let of_value = |(value, installs)| OfValue {
        value,
        installs: Arc::new(installs),
        exact: None,
    };
    Sets {
        told: Arc::new(told),
        values: values.into_iter().map(of_value).collect(),
    }
}

fn merge_values(newest_first: &[&Sets]) -> Sets {
    let mut told = RoaringBitmap::new();
    let mut values: BTreeMap<u64, RoaringBitmap> = BTreeMap::new();
    for sets in newest_first {
        let settled = sets.told.as_ref() - &told;
        if settled.is_empty() {
            continue;
        }
        for of_value in &sets.values {
            let last = of_value.installs.as_ref() & &settled;
            if !last.is_empty() {
                *values.entry(of_value.value).or_default() |= last;
            }
        }
        told |= settled;
    }
    finished(told, values)
}

fn merge_events(days: &[&Sets]) -> Sets {
    let mut told = RoaringBitmap::new();
    let mut values: BTreeMap<u64, RoaringBitmap> = BTreeMap::new();
    for sets in days {
        told |= sets.told.as_ref();
        for of_value in &sets.values {
            *values.entry(of_value.value).or_default() |= of_value.installs.as_ref();
        }
    }
    finished(told, values)
}

fn merge_sizes(newest_first: &[&Sets]) -> Sets {
    let mut told = RoaringBitmap::new();
    let mut sizes = Vec::new();
    for sets in newest_first {
        let settled = sets.told.as_ref() - &told;
        if settled.is_empty() {
            continue;
        }
        for of_value in &sets.values {
            of_value.sizes_of(&settled, |install, size| sizes.push((install, size)));
        }
        told |= settled;
    }
    Sets::of_sizes(&sizes)
}

/// Calls `visit` once for each section that any of the facts has, in order.
fn each_section(newest_first: &[&Facts], mut visit: impl FnMut(Key, Loose)) {
    let mut places: BTreeMap<Key, Vec<(&Facts, usize)>> = BTreeMap::new();
    for facts in newest_first {
        for (at, section) in facts.sections.iter().enumerate() {
            places.entry(section.key).or_default().push((facts, at));
        }
    }
    for (key, places) in places {
        let mut loose = Loose::default();
        for (facts, at) in places {
            loose.add(facts, at);
        }
        visit(key, loose);
    }
}

/// The facts without their versions, so that most rows of an install become one.
fn merge_facts(newest_first: &[&Facts]) -> Vec<(u64, Arc<Facts>)> {
    let mut pieces = Pieces::default();
    each_section(newest_first, |key, mut loose| {
        for row in &mut loose.rows {
            row.traits[VERSION] = Sym::EMPTY;
        }
        for values in &mut loose.values {
            values.traits[VERSION] = Sym::EMPTY;
        }
        pieces.add(key, loose);
    });
    pieces.finish()
}

fn merge_by_version(newest_first: &[&Facts]) -> Vec<(u64, Arc<Facts>)> {
    let mut columns: BTreeMap<Sym, Columns> = BTreeMap::new();
    each_section(newest_first, |key, loose| {
        let mut versions: BTreeMap<Sym, Loose> = BTreeMap::new();
        for row in loose.rows {
            let version = versions.entry(row.traits[VERSION]).or_default();
            version.rows.push(row);
        }
        for values in loose.values {
            let version = versions.entry(values.traits[VERSION]).or_default();
            version.values.push(values);
        }
        for (version, loose) in versions {
            columns.entry(version).or_default().add(key, loose);
        }
    });
    let finish =
        |(version, columns): (Sym, Columns)| (u64::from(version.0), Arc::new(columns.finish()));
    columns.into_iter().map(finish).collect()
}
