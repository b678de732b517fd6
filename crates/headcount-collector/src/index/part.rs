//! What a stretch of days is made of: for each kind of part sets of installs by value, or facts.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::facts::Facts;
use super::numbers::size_bucket;
use super::packed::Packed;
use crate::query::Dimension;
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
    /// Facts. A day keeps the version of each as a trait; a week or month leaves it out here.
    Tasks = 7,
    Pages = 8,
    Stats = 9,
    /// Of weeks and months: the same facts apart for each version they came with.
    TasksByVersion = 10,
    PagesByVersion = 11,
    StatsByVersion = 12,
    /// Installs by what any of their events told, each in the sets of all its values: those of task
    /// runs and app stats up to `Label`, those of page views after it.
    Namespace = 13,
    Task = 14,
    Result = 15,
    Label = 16,
    Path = 17,
    Title = 18,
    Locale = 19,
    Browser = 20,
    Os = 21,
}

/// What the parts of a kind are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Installs by the value they told last.
    Attribute,
    /// The same of numbers, which stand beside them.
    Size,
    /// Installs by every value their events told.
    Events(Dimension),
    /// Facts by theme.
    Facts,
    /// Facts by version.
    Versions,
}

impl Kind {
    pub(super) const ALL: [Self; 22] = [
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
        Self::TasksByVersion,
        Self::PagesByVersion,
        Self::StatsByVersion,
        Self::Namespace,
        Self::Task,
        Self::Result,
        Self::Label,
        Self::Path,
        Self::Title,
        Self::Locale,
        Self::Browser,
        Self::Os,
    ];

    pub(super) fn shape(self) -> Shape {
        match self {
            Self::Active | Self::Version | Self::Deployment | Self::App | Self::AppVersion => {
                Shape::Attribute
            }
            Self::Users | Self::Tokens => Shape::Size,
            Self::Tasks | Self::Pages | Self::Stats => Shape::Facts,
            Self::TasksByVersion | Self::PagesByVersion | Self::StatsByVersion => Shape::Versions,
            Self::Namespace => Shape::Events(Dimension::Namespace),
            Self::Task => Shape::Events(Dimension::Task),
            Self::Result => Shape::Events(Dimension::Result),
            Self::Label => Shape::Events(Dimension::Label),
            Self::Path => Shape::Events(Dimension::Path),
            Self::Title => Shape::Events(Dimension::Title),
            Self::Locale => Shape::Events(Dimension::Locale),
            Self::Browser => Shape::Events(Dimension::Browser),
            Self::Os => Shape::Events(Dimension::Os),
        }
    }

    /// The parts of days from which those of a week or month are made.
    pub(super) fn of_days(self) -> Self {
        match self {
            Self::TasksByVersion => Self::Tasks,
            Self::PagesByVersion => Self::Pages,
            Self::StatsByVersion => Self::Stats,
            _ => self,
        }
    }

    /// The kind that keeps installs by what their events told of a dimension, `None` for attributes.
    pub(super) fn of_events(dimension: Dimension) -> Option<Self> {
        let kinds = Self::ALL.into_iter();
        let mut of_events = kinds.filter(|kind| kind.shape() == Shape::Events(dimension));
        of_events.next()
    }
}

/// One part of a stretch, immutable.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Sets(Arc<Sets>),
    /// By theme or version, ascending.
    Facts(Arc<Vec<(u64, Arc<Facts>)>>),
}

impl Part {
    /// A part with nothing in it.
    pub(super) fn empty(kind: Kind) -> Self {
        match kind.shape() {
            Shape::Attribute | Shape::Size | Shape::Events(_) => Self::Sets(Arc::default()),
            Shape::Facts | Shape::Versions => Self::Facts(Arc::default()),
        }
    }

    /// Rough bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Sets(sets) => sets.bytes(),
            Self::Facts(pieces) => pieces.iter().map(|(_, facts)| facts.bytes()).sum(),
        }
    }
}

/// Installs by value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sets {
    /// Installs that told any value.
    pub(super) told: Arc<RoaringBitmap>,
    /// Ascending by value.
    pub(super) values: Vec<OfValue>,
}

/// The installs of one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct OfValue {
    pub(super) value: u64,
    pub(super) installs: Arc<RoaringBitmap>,
    /// Only of sizes: their numbers, in order of the installs.
    pub(super) exact: Option<Arc<Packed>>,
}

/// What a bitmap takes beside what it takes in a file.
const BITMAP_BYTES: usize = 72;

/// Rough bytes of memory of a bitmap.
pub(super) fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    bitmap.serialized_size() + BITMAP_BYTES
}

impl Sets {
    /// Sets of values without an order among them. `told` may hold more than the pairs do.
    pub(super) fn of_values(told: RoaringBitmap, mut pairs: Vec<(u64, u32)>) -> Self {
        pairs.sort_unstable();
        let values = pairs
            .chunk_by(|a, b| a.0 == b.0)
            .map(|of_value| OfValue::new(of_value[0].0, of_value.iter().map(|pair| pair.1)))
            .collect();
        let told = Arc::new(told);
        Self { told, values }
    }

    /// Sets of all that events told.
    pub(super) fn of_events(pairs: Vec<(u64, u32)>) -> Self {
        let mut sets = Self::of_values(RoaringBitmap::new(), pairs);
        let mut told = RoaringBitmap::new();
        for of_value in &sets.values {
            told |= of_value.installs.as_ref();
        }
        sets.told = Arc::new(told);
        sets
    }

    /// Sets of 1-2-5 buckets from each install's size.
    pub(super) fn of_sizes(sizes: &[(u32, u64)]) -> Self {
        let mut sizes: Vec<(u64, u32, u64)> = sizes
            .iter()
            .map(|&(install, size)| (size_bucket(size), install, size))
            .collect();
        sizes.sort_unstable();
        let mut told = RoaringBitmap::new();
        let mut values = Vec::new();
        for of_bucket in sizes.chunk_by(|a, b| a.0 == b.0) {
            let of_value = OfValue::new(of_bucket[0].0, of_bucket.iter().map(|size| size.1));
            told |= of_value.installs.as_ref();
            let exact = of_bucket.iter().map(|size| size.2);
            values.push(OfValue {
                exact: Some(Arc::new(Packed::of_whole(exact))),
                ..of_value
            });
        }
        let told = Arc::new(told);
        Self { told, values }
    }

    fn bytes(&self) -> usize {
        let of_values = self.values.iter().map(OfValue::bytes);
        bitmap_bytes(&self.told) + of_values.sum::<usize>()
    }

    /// The installs of one value.
    pub(super) fn value(&self, value: u64) -> Option<&RoaringBitmap> {
        let found = self
            .values
            .binary_search_by_key(&value, |entry| entry.value);
        found.ok().map(|index| self.values[index].installs.as_ref())
    }
}

impl OfValue {
    /// From installs in ascending order.
    fn new(value: u64, installs: impl Iterator<Item = u32>) -> Self {
        Self {
            value,
            installs: Arc::new(sorted(installs)),
            exact: None,
        }
    }

    fn bytes(&self) -> usize {
        let exact = self.exact.as_ref().map_or(0, |exact| exact.bytes());
        bitmap_bytes(&self.installs) + exact
    }

    /// Those of `wanted` in this bucket of sizes whose size lies between two numbers.
    pub(super) fn between(&self, wanted: &RoaringBitmap, (low, high): (u64, u64)) -> RoaringBitmap {
        let Some(exact) = &self.exact else {
            return RoaringBitmap::new();
        };
        // Whose size fits is looked at before who is wanted: sizes lie side by side.
        let mut fitting = match exact.as_ref() {
            Packed::U8(sizes) => self.fitting(sizes, (low, high)),
            Packed::U16(sizes) => self.fitting(sizes, (low, high)),
            Packed::U32(sizes) => self.fitting(sizes, (low, high)),
            Packed::U64(sizes) => self.fitting(sizes, (low, high)),
            // Sizes are whole numbers.
            Packed::F64(_) => RoaringBitmap::new(),
        };
        fitting &= wanted;
        fitting
    }

    fn fitting<T: Copy + Into<u64>>(&self, sizes: &[T], (low, high): (u64, u64)) -> RoaringBitmap {
        let fits = |size: T| (low..=high).contains(&size.into());
        let mut bits = Bits::of_those_up_to(&self.installs);
        let (mut rest, mut some, mut seen) = (self.installs.iter(), [0; 256], 0);
        loop {
            // Many at a time, and without a branch on a size: which of them fits is chance.
            let some = rest.next_many(&mut some);
            if some.is_empty() {
                return bits.finish();
            }
            for (&install, &size) in some.iter().zip(&sizes[seen..]) {
                bits.add_if(fits(size), install);
            }
            seen += some.len();
        }
    }

    /// Calls `visit` with install and size of those of `wanted` in this bucket of sizes.
    pub(super) fn sizes_of(&self, wanted: &RoaringBitmap, mut visit: impl FnMut(u32, u64)) {
        /// A rank costs about as much as stepping over this many installs.
        const STEPS_PER_RANK: u64 = 64;
        let Some(exact) = &self.exact else {
            return;
        };
        let installs = self.installs.as_ref();
        let found = installs & wanted;
        if found.len() * STEPS_PER_RANK < installs.len() {
            for install in &found {
                let rank = installs.rank(install) as usize - 1;
                visit(install, exact.whole(rank));
            }
            return;
        }
        let mut found = found.iter().peekable();
        for (rank, install) in installs.iter().enumerate() {
            if found.next_if_eq(&install).is_some() {
                visit(install, exact.whole(rank));
            }
        }
    }
}

/// A bitmap in the making: to put installs into plain bits is much faster than one by one into it.
struct Bits {
    first: u32,
    bytes: Vec<u8>,
}

impl Bits {
    /// With room for all numbers from the least to the greatest of some.
    fn of_those_up_to(installs: &RoaringBitmap) -> Self {
        let first = installs.min().unwrap_or(0) / u8::BITS * u8::BITS;
        let end = installs.max().unwrap_or(0);
        Self {
            first,
            bytes: vec![0; ((end - first) / u8::BITS) as usize + 1],
        }
    }

    fn add_if(&mut self, wanted: bool, install: u32) {
        let at = install - self.first;
        self.bytes[(at / u8::BITS) as usize] |= u8::from(wanted) << (at % u8::BITS);
    }

    fn finish(self) -> RoaringBitmap {
        RoaringBitmap::from_lsb0_bytes(self.first, &self.bytes)
    }
}

/// A bitmap from ascending numbers.
pub(super) fn sorted(installs: impl Iterator<Item = u32>) -> RoaringBitmap {
    let mut bitmap = RoaringBitmap::new();
    // What is not ascending is a repeated number: it is in already.
    bitmap.extend(installs);
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
            sets.values[0].sizes_of(&wanted, |install, size| found.push((install, size)));
            let expected: Vec<_> = sizes
                .iter()
                .copied()
                .filter(|size| wanted.contains(size.0))
                .collect();
            assert_eq!(found, expected);
            let between = sets.values[0].between(&wanted, (120, 130));
            let expected = expected.iter().filter(|size| (120..=130).contains(&size.1));
            assert!(between.iter().eq(expected.map(|size| size.0)));
        }
    }

    #[test]
    fn pairs_come_apart_again() {
        assert_eq!(unpair(pair(Sym(7), Sym(9))), (Sym(7), Sym(9)));
    }
}
