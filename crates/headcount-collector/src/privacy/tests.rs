//! Attacks on publications: whoever knows the rules and all that is shown must not be able to say of
//! any group, or sum or difference of groups, that it exists and is smaller than k.

use std::collections::HashMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Grid, Group, Parts};

/// Everything that is shown of a partition: its rounded total and its parts.
type Shown = Option<(u64, Parts)>;

fn groups(counts: &[u64]) -> Vec<Group> {
    counts
        .iter()
        .enumerate()
        .map(|(value, &installs)| Group {
            label: format!("v{value}"),
            installs,
        })
        .collect()
}

fn show(grid: Grid, counts: &[u64]) -> Shown {
    let parts = grid.partition(&groups(counts), counts.len())?;
    let total = grid.round(counts.iter().sum())?;
    Some((total, parts))
}

/// All count vectors of so many values up to a bound.
fn worlds(values: usize, most: u64) -> Vec<Vec<u64>> {
    let mut found = vec![Vec::new()];
    for _ in 0..values {
        found = found
            .into_iter()
            .flat_map(|counts: Vec<u64>| {
                (0..=most).map(move |count| {
                    let mut counts = counts.clone();
                    counts.push(count);
                    counts
                })
            })
            .collect();
    }
    found
}

/// Sums of groups that an attacker can pin down to a number from 1 to k - 1.
fn revealed(values: usize, k: u64, most: u64, show: impl Fn(Grid, &[u64]) -> Shown) -> Vec<String> {
    let mut same: HashMap<String, Vec<Vec<u64>>> = HashMap::new();
    for counts in worlds(values, most) {
        let Some(shown) = show(Grid { k }, &counts) else {
            continue;
        };
        // Near the bound not all worlds with that picture are enumerated.
        if shown.0 + k <= most {
            same.entry(format!("{shown:?}")).or_default().push(counts);
        }
    }
    assert!(same.len() > 10, "there is something to attack");
    let mut found = Vec::new();
    for (picture, worlds) in same {
        for members in 1_u32..1 << values {
            let sizes = worlds.iter().map(|counts| -> u64 {
                let chosen = counts.iter().enumerate();
                chosen
                    .filter(|(value, _)| members >> value & 1 == 1)
                    .map(|(_, count)| count)
                    .sum()
            });
            let (least, largest) = sizes.fold((u64::MAX, 0), |(low, high), size| {
                (low.min(size), high.max(size))
            });
            if least >= 1 && largest < k {
                found.push(format!("{members:b} is {least}..={largest} in {picture}"));
            }
        }
    }
    found
}

#[test]
fn no_partition_of_any_small_world_reveals_a_small_group() {
    for (values, k, most) in [(2, 4, 40), (3, 4, 24), (3, 6, 30), (4, 3, 14), (4, 4, 16)] {
        let found = revealed(values, k, most, show);
        assert!(found.is_empty(), "{values} values, k {k}: {}", found[0]);
    }
}

#[test]
fn the_attack_finds_what_naive_rules_reveal() {
    // Hides small groups and rounds, without more.
    let naive = |grid: Grid, counts: &[u64]| -> Shown {
        let others = counts.iter().filter(|&&count| count < grid.k).sum();
        let parts = Parts {
            groups: grid.overlapping(&groups(counts)),
            others: grid.round(others).unwrap_or(0),
        };
        Some((grid.round(counts.iter().sum())?, parts))
    };
    assert!(!revealed(3, 4, 24, naive).is_empty());
    // Shows the others whenever they are large enough together.
    let hasty = |grid: Grid, counts: &[u64]| -> Shown {
        let parts = grid.partition(&groups(counts), 1_000)?;
        Some((grid.round(counts.iter().sum())?, parts))
    };
    assert!(!revealed(3, 4, 24, hasty).is_empty());
}

#[test]
fn two_rounded_numbers_never_differ_by_a_small_number() {
    let mut random = StdRng::seed_from_u64(1);
    for k in [10, 11, 25, 1_000] {
        let grid = Grid::new(k).unwrap();
        for _ in 0..2_000 {
            let inner = random.random_range(k..50 * k);
            // Also sets that differ by less than k: two filters, two days, or a set and its part.
            let outer = inner + random.random_range(0..3 * k);
            let (a, b) = (grid.round(inner).unwrap(), grid.round(outer).unwrap());
            let (low, high) = differences(grid, a, b);
            assert!(low <= 0 || high >= k.cast_signed(), "{inner} {outer} {k}");
            assert!((low..=high).contains(&(outer - inner).cast_signed()));
        }
    }
}

/// The least and the largest difference that two shown numbers leave open, by enumeration.
fn differences(grid: Grid, a: u64, b: u64) -> (i64, i64) {
    let range = |shown: u64| {
        let near = shown.saturating_sub(grid.k)..=shown + grid.k;
        let mut found = near.filter(|&n| grid.round(n) == Some(shown));
        let first = found.next().unwrap().cast_signed();
        (first, found.next_back().map_or(first, u64::cast_signed))
    };
    let (a, b) = (range(a), range(b));
    (b.0 - a.1, b.1 - a.0)
}

#[test]
fn small_groups_go_where_they_cannot_be_found() {
    let grid = Grid::new(10).unwrap();
    let parts = |counts: &[u64], values| grid.partition(&groups(counts), values).unwrap();
    // Alone it would be total minus the other.
    assert_eq!(parts(&[300, 5], 2), parts(&[305, 0], 2));
    assert_eq!(parts(&[300, 5], 2).others, 0);
    // Among many values that there were, none of the small ones need be there.
    assert_eq!(parts(&[300, 9, 9, 7], 12).others, 30);
    assert_eq!(parts(&[300, 9, 9, 7], 4).others, 0);
    assert_eq!(grid.partition(&groups(&[9, 9, 9]), 3), None);
    assert_eq!(parts(&[9, 9, 9], 12).others, 30);
    assert_eq!(grid.round(9), None);
    assert_eq!(grid.round(1_914), Some(1_910));
    assert_eq!(grid.round(1_915), Some(1_920));
    assert_eq!(Grid::new(9), None);
    let shown = grid.overlapping(&groups(&[12, 9, 300]));
    assert_eq!(
        shown,
        [("v2", 300), ("v0", 10)].map(|(label, installs)| Group {
            label: label.to_owned(),
            installs
        })
    );
}
