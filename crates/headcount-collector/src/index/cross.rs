//! Counts groups of installs by one more attribute, all groups in one walk.

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::answer::GroupKey;
use super::part::Kind;
use super::view::View;
use super::walk::last_reports;
use crate::error::Error;
use crate::query::Dimension;

/// Whether an install can be in several groups of one of these.
pub(super) fn overlap(by: &[Dimension]) -> bool {
    by.iter()
        .any(|dimension| matches!(dimension, Dimension::App | Dimension::AppVersion))
}

/// Counts every group by one more attribute in a single walk; no install is in two of the groups.
pub(super) fn count_in_groups(
    view: &View<'_>,
    kind: Kind,
    groups: &[(GroupKey, RoaringBitmap)],
) -> Result<Vec<(GroupKey, u64)>, Error> {
    const NO_GROUP: u32 = u32::MAX;
    let mut all = RoaringBitmap::new();
    for (_, installs) in groups {
        all |= installs;
    }
    let mut group_of = vec![NO_GROUP; all.max().map_or(0, |max| max as usize + 1)];
    for (group, (_, installs)) in groups.iter().enumerate() {
        for install in installs {
            group_of[install as usize] = group as u32;
        }
    }
    let mut counts: FxHashMap<u64, Vec<u64>> = FxHashMap::default();
    last_reports(view, kind, &all, &mut |sets, settled| {
        for of_value in &sets.values {
            let found = of_value.installs.as_ref() & settled;
            if found.is_empty() {
                continue;
            }
            let of_groups = counts.entry(of_value.value);
            let of_groups = of_groups.or_insert_with(|| vec![0; groups.len()]);
            for install in found {
                of_groups[group_of[install as usize] as usize] += 1;
            }
        }
    })?;
    let mut cells = Vec::new();
    for (value, of_groups) in counts {
        for ((key, _), count) in groups.iter().zip(of_groups) {
            if count > 0 {
                let key = key.iter().copied().chain([value]).collect();
                cells.push((key, count));
            }
        }
    }
    Ok(cells)
}
