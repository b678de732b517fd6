//! Makes counts fit for everybody: what is smaller than k is never shown, not even as a difference. Pure.
//!
//! A week of a project is published as tables over the same installs. In a *partition* (versions,
//! deployments, sizes) every install is in exactly one group; in an *overlapping* table (apps) it may
//! be in several. Three rules keep small groups hidden from everybody who knows the rules, the names
//! of all groups and everything that was published:
//!
//! 1. Only groups of at least k are shown, rounded to the nearest multiple of k. Two rounded numbers
//!    differ by 0 or by at least k, and a difference of k stands for anything from 1 to 2k - 1.
//! 2. Smaller groups of a partition are shown as one only where their sum could as well be without
//!    any one of them, given how many values there ever were. Else they are counted with the largest
//!    group, so that total and shown groups do not tell whether they exist.
//! 3. Where neither is possible, the partition is not published, and neither is its total.
//!
//! `tests` tries every subtraction on every small world there is.

use serde::{Deserialize, Serialize};

/// Smallest k that a project may choose, and what it starts with.
pub const LEAST_K: u64 = 10;
/// Largest k that a project may choose.
pub const MOST_K: u64 = 1_000;

/// The granularity of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    k: u64,
}

/// A group with its exact number of installs, or a published one with its rounded number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its value; empty for installs that told none.
    pub label: String,
    pub installs: u64,
}

/// A partition as it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Rounded, the largest first. The largest may hold groups that are too small to be shown.
    pub groups: Vec<Group>,
    /// Rounded sum of the groups that are too small to be shown, 0 where it is not shown.
    pub others: u64,
}

impl Grid {
    /// The grid of a k from `LEAST_K` to `MOST_K`, `None` for another one.
    pub fn new(k: u64) -> Option<Self> {
        (LEAST_K..=MOST_K).contains(&k).then_some(Self { k })
    }

    /// The number groups are at least as large as, and rounded to.
    pub fn k(self) -> u64 {
        self.k
    }

    /// The nearest multiple of k, halves up; `None` below k.
    pub fn round(self, installs: u64) -> Option<u64> {
        (installs >= self.k).then(|| (installs + self.k / 2) / self.k * self.k)
    }

    /// A partition; `values` is how many values it ever had, whoever told them and whenever. `None`
    /// where it must not be shown at all, nor its total.
    pub fn partition(self, groups: &[Group], values: usize) -> Option<Parts> {
        let (mut shown, small): (Vec<Group>, Vec<Group>) = groups
            .iter()
            .filter(|group| group.installs > 0)
            .cloned()
            .partition(|group| group.installs >= self.k);
        sort(&mut shown);
        let mut others: u64 = small.iter().map(|group| group.installs).sum();
        let unlisted = values.max(groups.len()).saturating_sub(shown.len()) as u64;
        let most_without_one = unlisted.saturating_sub(1) * (self.k - 1);
        if others < self.k || others > most_without_one {
            shown.first_mut()?.installs += others;
            others = 0;
        }
        for group in &mut shown {
            group.installs = self.round(group.installs)?;
        }
        // Rounding must not show a different order than the exact numbers had.
        shown.sort_by(|a, b| {
            b.installs
                .cmp(&a.installs)
                .then_with(|| a.label.cmp(&b.label))
        });
        let others = self.round(others).unwrap_or(0);
        Some(Parts {
            groups: shown,
            others,
        })
    }

    /// An overlapping table: the groups that may be shown, rounded, the largest first.
    pub fn overlapping(self, groups: &[Group]) -> Vec<Group> {
        let mut shown: Vec<Group> = groups
            .iter()
            .filter_map(|group| {
                Some(Group {
                    label: group.label.clone(),
                    installs: self.round(group.installs)?,
                })
            })
            .collect();
        sort(&mut shown);
        shown
    }
}

/// The largest first, equal ones by name: the order among equals tells nothing.
fn sort(groups: &mut [Group]) {
    groups.sort_by(|a, b| {
        b.installs
            .cmp(&a.installs)
            .then_with(|| a.label.cmp(&b.label))
    });
}

#[cfg(test)]
mod tests;
