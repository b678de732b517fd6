//! Sums of facts by group: amounts, failures, distinct installs and the spread of values.

use headcount_protocol::event::is_failure;
use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::facts::{Facts, Family, Key, Mask, Place, RESULT};
use super::filter::EventTest;
use crate::store::{Store, Sym};

/// What was summed for one group.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) amount: f64,
    pub(super) failures: f64,
    pub(super) installs: RoaringBitmap,
    pub(super) histogram: FxHashMap<i32, u64>,
    /// Installs of the section at hand, ascending: put into the bitmap when it ends.
    fresh: Vec<u32>,
}

/// Adds up the facts of one family.
pub(super) struct Summing<'a> {
    pub(super) store: &'a Store,
    pub(super) family: Family,
    pub(super) test: &'a EventTest,
    /// Only facts of these installs, all where `None`.
    pub(super) mask: Option<Mask>,
    /// Where the values of the group's key stand.
    pub(super) by: &'a [Place],
    groups: FxHashMap<Vec<Sym>, usize>,
    sums: Vec<Sums>,
    failing: FxHashMap<Sym, bool>,
}

/// A trait combination whose facts do not count.
const LEFT_OUT: u32 = u32::MAX;

impl<'a> Summing<'a> {
    pub(super) fn new(
        store: &'a Store,
        family: Family,
        test: &'a EventTest,
        mask: Option<Mask>,
        by: &'a [Place],
    ) -> Self {
        Self {
            store,
            family,
            test,
            mask,
            by,
            groups: FxHashMap::default(),
            sums: Vec::new(),
            failing: FxHashMap::default(),
        }
    }

    /// The groups with anything in them.
    pub(super) fn finish(self) -> Vec<(Vec<Sym>, Sums)> {
        let mut sums: Vec<Option<Sums>> = self.sums.into_iter().map(Some).collect();
        self.groups
            .into_iter()
            .filter_map(|(key, at)| Some((key, sums[at].take()?)))
            .collect()
    }

    pub(super) fn add(&mut self, facts: &Facts) {
        let (kinds, kind_of) = self.kinds(&facts.traits);
        let mut groups = vec![None; kinds.len()];
        for (key, rows, values) in facts.sections() {
            if !self.test.accepts_section(key) {
                continue;
            }
            groups.fill(None);
            let fails = self.family == Family::Tasks && self.fails(key[RESULT]);
            for row in rows {
                let install = facts.installs[row];
                let kind = kind_of[facts.row_traits.whole(row) as usize];
                if kind == LEFT_OUT || !self.counts(install) {
                    continue;
                }
                let at = self.group(&mut groups, &kinds, kind, key);
                let sums = &mut self.sums[at];
                let amount = facts.amounts.any(row);
                sums.amount += amount;
                if fails {
                    sums.failures += amount;
                }
                if sums.fresh.last() != Some(&install) {
                    sums.fresh.push(install);
                }
            }
            for value in values {
                let kind = kind_of[facts.value_traits.whole(value) as usize];
                if kind == LEFT_OUT || !self.counts(facts.value_installs[value]) {
                    continue;
                }
                let at = self.group(&mut groups, &kinds, kind, key);
                let histogram = &mut self.sums[at].histogram;
                *histogram.entry(facts.value_codes[value]).or_default() +=
                    facts.value_counts.whole(value);
            }
            for at in groups.iter().flatten() {
                let sums = &mut self.sums[*at];
                // Ascending without repeats, so every one of them is taken.
                let fresh = RoaringBitmap::from_sorted_iter(sums.fresh.drain(..));
                sums.installs |= fresh.unwrap_or_default();
            }
        }
    }

    fn counts(&self, install: u32) -> bool {
        self.mask.as_ref().is_none_or(|mask| mask.holds(install))
    }

    /// The distinct parts that traits play in group keys, and which of them each combination has.
    fn kinds(&self, traits: &[Key]) -> (Vec<Vec<Sym>>, Vec<u32>) {
        let mut kinds = Vec::new();
        let mut numbers: FxHashMap<Vec<Sym>, u32> = FxHashMap::default();
        let kind_of = traits
            .iter()
            .map(|key| {
                if !self.test.accepts_traits(key) {
                    return LEFT_OUT;
                }
                let kind: Vec<Sym> = self
                    .by
                    .iter()
                    .filter_map(|place| match place {
                        Place::Trait(at) => Some(key[*at]),
                        Place::Section(_) => None,
                    })
                    .collect();
                *numbers.entry(kind).or_insert_with_key(|kind| {
                    kinds.push(kind.clone());
                    kinds.len() as u32 - 1
                })
            })
            .collect();
        (kinds, kind_of)
    }

    /// The group of a section's rows of one kind of traits.
    fn group(
        &mut self,
        groups: &mut [Option<usize>],
        kinds: &[Vec<Sym>],
        kind: u32,
        section: &Key,
    ) -> usize {
        let kind = kind as usize;
        if let Some(at) = groups[kind] {
            return at;
        }
        let mut traits = kinds[kind].iter();
        let key = self
            .by
            .iter()
            .filter_map(|place| match place {
                Place::Section(at) => Some(section[*at]),
                Place::Trait(_) => traits.next().copied(),
            })
            .collect();
        let next = self.sums.len();
        let at = *self.groups.entry(key).or_insert(next);
        if at == next {
            self.sums.push(Sums::default());
        }
        groups[kind] = Some(at);
        at
    }

    fn fails(&mut self, result: Sym) -> bool {
        let store = self.store;
        *self
            .failing
            .entry(result)
            .or_insert_with(|| is_failure(&store.text(result)))
    }
}
