//! Sums of facts by group: amounts, failures, distinct installs and the spread of values.

use headcount_protocol::event::is_failure;
use rustc_hash::FxHashMap;

use super::facts::{Extent, Facts, Family, Key, Place, RESULT, VERSION};
use super::filter::EventTest;
use super::mask::{Mask, Seen};
use super::view::View;
use crate::error::Error;
use crate::store::{Store, Sym};

/// What was summed for one group.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) amount: f64,
    pub(super) failures: f64,
    pub(super) installs: Seen,
    pub(super) histogram: FxHashMap<i32, u64>,
}

/// Counts of values of one group, by code: cheaper to add to than a map.
#[derive(Debug, Default)]
struct Tray {
    counts: Vec<u64>,
    /// Codes with a count.
    touched: Vec<u32>,
    group: usize,
    least_code: i32,
}

impl Tray {
    fn add(&mut self, code: u64, count: u64) {
        let slot = &mut self.counts[code as usize];
        if *slot == 0 {
            self.touched.push(code as u32);
        }
        *slot += count;
    }

    fn empty_into(&mut self, sums: &mut [Sums]) {
        let Some(sums) = sums.get_mut(self.group) else {
            return;
        };
        for code in self.touched.drain(..) {
            let count = std::mem::take(&mut self.counts[code as usize]);
            *sums
                .histogram
                .entry(self.least_code + code as i32)
                .or_default() += count;
        }
    }
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
    tray: Tray,
    /// The key being looked up.
    key: Vec<Sym>,
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
            tray: Tray::default(),
            key: Vec::new(),
        }
    }

    /// The groups with anything in them.
    pub(super) fn finish(self) -> Vec<(Vec<Sym>, Sums)> {
        let mut sums: Vec<Option<Sums>> = self.sums.into_iter().map(Some).collect();
        self.groups
            .into_iter()
            .filter_map(|(key, at)| Some((key, sums[at].take()?)))
            .filter(|(_, sums)| !sums.installs.is_empty())
            .collect()
    }

    /// Adds the facts of a bucket.
    pub(super) fn add_all(&mut self, view: &View<'_>) -> Result<(), Error> {
        let by_version = self.by.contains(&Place::Trait(VERSION));
        for stretch in view.newest_first() {
            if by_version || self.test.asks_version() {
                let only = self.test.versions();
                for facts in view.facts_with_version(stretch, self.family, only)? {
                    self.add(&facts);
                }
            } else {
                self.add(view.facts(stretch, self.family)?.as_ref());
            }
        }
        Ok(())
    }

    fn add(&mut self, facts: &Facts) {
        let (kinds, kind_of) = self.kinds(&facts.traits);
        if kinds.is_empty() {
            return;
        }
        self.tray.least_code = facts.least_code;
        self.tray.counts.resize(facts.codes_end, 0);
        let mut groups = vec![None; kinds.len()];
        // All rows of a section are of one group where no trait tells them apart.
        let uniform = kinds.len() == 1 && !kind_of.contains(&LEFT_OUT);
        for (key, extent) in facts.sections() {
            if !self.test.accepts_section(key) {
                continue;
            }
            groups.fill(None);
            let fails = self.family == Family::Tasks && self.fails(key[RESULT]);
            if uniform {
                // Most sections have no row that counts where few installs do.
                let mut known = None;
                self.add_rows(facts, &extent, fails, |summing, _| {
                    if known.is_none() {
                        known = Some(summing.group(&mut groups, &kinds, 0, key));
                    }
                    known
                });
            } else {
                self.add_rows(facts, &extent, fails, |summing, row| {
                    let kind = kind_of[facts.traits_of(row)];
                    (kind != LEFT_OUT).then(|| summing.group(&mut groups, &kinds, kind, key))
                });
            }
        }
        self.tray.empty_into(&mut self.sums);
    }

    /// Adds those rows of a section that `group_of` puts into a group.
    fn add_rows(
        &mut self,
        facts: &Facts,
        extent: &Extent,
        fails: bool,
        mut group_of: impl FnMut(&mut Self, usize) -> Option<usize>,
    ) {
        let mut next_value = extent.values.start;
        let has_values = !extent.values.is_empty();
        for row in extent.rows.clone() {
            let first_value = next_value;
            if has_values {
                next_value += facts.length(row);
            }
            let install = facts.installs[row];
            if !self.counts(install) {
                continue;
            }
            let Some(group) = group_of(self, row) else {
                continue;
            };
            let sums = &mut self.sums[group];
            let amount = facts.amounts.any(row);
            sums.amount += amount;
            if fails {
                sums.failures += amount;
            }
            sums.installs.add(install);
            if first_value == next_value {
                continue;
            }
            if self.tray.group != group {
                self.tray.empty_into(&mut self.sums);
                self.tray.group = group;
            }
            for at in first_value..next_value {
                self.tray.add(facts.codes.whole(at), facts.counts.whole(at));
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
        let key = self.by.iter().filter_map(|place| match place {
            Place::Section(at) => Some(section[*at]),
            Place::Trait(_) => traits.next().copied(),
        });
        self.key.clear();
        self.key.extend(key);
        let at = match self.groups.get(self.key.as_slice()) {
            Some(&at) => at,
            None => {
                self.groups.insert(self.key.clone(), self.sums.len());
                self.sums.push(Sums::default());
                self.sums.len() - 1
            }
        };
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
