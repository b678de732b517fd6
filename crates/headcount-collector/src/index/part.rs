//! What a stretch of days is made of: for each kind of part sets of installs by value, or facts.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::facts::Facts;
use super::numbers::size_bucket;
use super::packed::Packed;
use crate::store::Sym;

/// The parts of a stretch. The number is what the file knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Kind {
    /// Installs with any event; no values.
    Active = 0,
    Version = 1,
    Deployment = 2,
    App = 3,
    /// Values hold app and version: `pair`.
    AppVersion = 4,
    /// Values are 1-2-5 buckets; `exact` holds the numbers.
    Users = 5,
    Tokens = 6,
    Tasks = 7,
    Pages = 8,
    Stats = 9,
}

impl Kind {
    pub(super) const ALL: [Self; 10] = [
        Self::Active,
        Self::Version,
        Self::Deployment,
        Self::App,
        Self::AppVersion,
        Self::Users,
        Self::Tokens,
        Self::Tasks,
        Self::Pages,
        Self::Stats,
    ];

    /// Whether the part is `Facts`, not `Sets`.
    pub(super) fn has_facts(self) -> bool {
        matches!(self, Self::Tasks | Self::Pages | Self::Stats)
    }
}

/// One part of a stretch, immutable.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Sets(Arc<Sets>),
    Facts(Arc<Facts>),
}

impl Part {
    /// Rough bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Sets(sets) => sets.bytes(),
            Self::Facts(facts) => facts.bytes(),
        }
    }
}

/// Installs by the value they told last in the stretch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sets {
    /// Installs that told any value.
    pub(super) told: RoaringBitmap,
    /// Ascending by value.
    pub(super) values: Vec<(u64, RoaringBitmap)>,
    /// Only of sizes: beside each bucket the numbers of its installs, in their order.
    pub(super) exact: Vec<Packed>,
}

impl Sets {
    /// Sets of values without an order among them. `told` may hold more than the pairs do.
    pub(super) fn of_values(told: RoaringBitmap, mut pairs: Vec<(u64, u32)>) -> Self {
        pairs.sort_unstable();
        let values = pairs
            .chunk_by(|a, b| a.0 == b.0)
            .map(|of_value| (of_value[0].0, sorted(of_value.iter().map(|pair| pair.1))))
            .collect();
        Self {
            told,
            values,
            exact: Vec::new(),
        }
    }

    /// Sets of 1-2-5 buckets from each install's size.
    pub(super) fn of_sizes(sizes: &[(u32, u64)]) -> Self {
        let mut sizes: Vec<(u64, u32, u64)> = sizes
            .iter()
            .map(|&(install, size)| (size_bucket(size), install, size))
            .collect();
        sizes.sort_unstable();
        let mut sets = Self::default();
        for of_bucket in sizes.chunk_by(|a, b| a.0 == b.0) {
            let installs = sorted(of_bucket.iter().map(|size| size.1));
            sets.told |= &installs;
            sets.values.push((of_bucket[0].0, installs));
            let exact = of_bucket.iter().map(|size| size.2);
            sets.exact.push(Packed::of_whole(exact.collect()));
        }
        sets
    }

    fn bytes(&self) -> usize {
        /// What a bitmap takes beside what it takes in a file.
        const BITMAP_BYTES: usize = 72;
        let bitmaps = self.values.iter().map(|entry| &entry.1).chain([&self.told]);
        let exact = self.exact.iter().map(Packed::bytes);
        bitmaps
            .map(|bitmap| bitmap.serialized_size() + BITMAP_BYTES)
            .chain(exact)
            .sum()
    }

    /// The installs of one value.
    pub(super) fn value(&self, value: u64) -> Option<&RoaringBitmap> {
        let found = self.values.binary_search_by_key(&value, |entry| entry.0);
        found.ok().map(|index| &self.values[index].1)
    }

    /// Calls `visit` with install and size of those of `wanted` in the bucket at `index`.
    pub(super) fn sizes_of(
        &self,
        index: usize,
        wanted: &RoaringBitmap,
        mut visit: impl FnMut(u32, u64),
    ) {
        /// A rank costs about as much as stepping over this many installs.
        const STEPS_PER_RANK: u64 = 64;
        let (_, installs) = &self.values[index];
        let found = installs & wanted;
        if found.len() * STEPS_PER_RANK < installs.len() {
            for install in &found {
                let rank = installs.rank(install) as usize - 1;
                visit(install, self.exact[index].whole(rank));
            }
            return;
        }
        let mut found = found.iter().peekable();
        for (rank, install) in installs.iter().enumerate() {
            if found.next_if_eq(&install).is_some() {
                visit(install, self.exact[index].whole(rank));
            }
        }
    }
}

/// A bitmap from ascending numbers.
pub(super) fn sorted(installs: impl Iterator<Item = u32>) -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::new();
    // What is not ascending is a repeated number: it is in already.
    bitmap.extend(installs);
    bitmap.optimize();
    bitmap
}

/// App and version as one value.
pub(super) fn pair(app: Sym, version: Sym) -> u64 {
    u64::from(app.0) << 32 | u64::from(version.0)
}

/// App and version of such a value.
pub(super) fn unpair(value: u64) -> (Sym, Sym) {
    (Sym((value >> 32) as u32), Sym(value as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_by_rank_and_by_stepping() {
        let sizes: Vec<(u32, u64)> = (0..1_000)
            .map(|n| (n * 3, 100 + u64::from(n) % 100))
            .collect();
        let sets = Sets::of_sizes(&sizes);
        assert_eq!(sets.values.len(), 1);
        for step in [1, 7, 500] {
            let wanted: RoaringBitmap = (0..3_000).step_by(step).collect();
            let mut found = Vec::new();
            sets.sizes_of(0, &wanted, |install, size| found.push((install, size)));
            let expected: Vec<_> = sizes
                .iter()
                .copied()
                .filter(|size| wanted.contains(size.0))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn pairs_come_apart_again() {
        assert_eq!(unpair(pair(Sym(7), Sym(9))), (Sym(7), Sym(9)));
    }
}
