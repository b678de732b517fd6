//! Sums of facts by group: amounts, failures, distinct installs and the spread of values.

use std::ops::Range;
use std::sync::LazyLock;
use std::thread;

use headcount_protocol::event::is_failure;
use rustc_hash::FxHashMap;

use super::event_test::EventTest;
use super::facts::{Extent, Facts, Family, Key, Place, RESULT, VERSION};
use super::mask::{Mask, Seen};
use super::packed::Packed;
use super::values::{Tray, Values};
use super::view::{Snapshot, Stretch, View};
use crate::error::Error;
use crate::query::DayRange;
use crate::store::{Store, Sym};

/// What is to be summed, of which facts.
pub(super) struct Summed<'a> {
    pub(super) store: &'a Store,
    pub(super) family: Family,
    pub(super) test: &'a EventTest,
    /// Only facts of these installs, all where `None`.
    pub(super) mask: Option<Mask>,
    /// Whether the spread of values is wanted, too.
    pub(super) values: bool,
    /// Where the values of the group's key stand.
    pub(super) by: &'a [Place],
}

/// What was summed for one group.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) amount: f64,
    pub(super) failures: f64,
    pub(super) installs: Seen,
    pub(super) values: Values,
}

impl Summed<'_> {
    fn by_version(&self) -> bool {
        self.by.contains(&Place::Trait(VERSION)) || self.test.asks_version()
    }

    fn tells_versions_of_few_themes(&self) -> bool {
        self.by_version() && self.test.versions().is_none() && self.test.themes().is_some()
    }
}

/// A second thread is worth its start for so many rows.
const ROWS_FOR_TWO: usize = if cfg!(test) { 1 } else { 200_000 };

static HAS_TWO: LazyLock<bool> =
    LazyLock::new(|| thread::available_parallelism().is_ok_and(|cores| cores.get() > 1));

/// Sums the facts of a range: the groups with anything in them.
pub(super) fn sum_up(
    asked: &Summed<'_>,
    snapshot: &Snapshot<'_>,
    range: DayRange,
) -> Result<Vec<(Vec<Sym>, Sums)>, Error> {
    // Weeks and months keep all themes of a version together, days all versions of a theme.
    let view = &match asked.tells_versions_of_few_themes() {
        true => snapshot.daily(range),
        false => snapshot.view(range),
    };
    let mut summing = Summing::new(asked);
    let mut stretches = view.newest_first();
    let Some(first) = stretches.next() else {
        return Ok(Vec::new());
    };
    let rows = summing.add_all(view, std::iter::once(first))?;
    if !*HAS_TWO || rows * stretches.len() < ROWS_FOR_TWO {
        summing.add_all(view, stretches)?;
        return Ok(summing.finish());
    }
    let rest: Vec<&Stretch> = stretches.collect();
    // Shared out beforehand, so that fractions add up in the same order each time.
    let every_other = |from: usize| rest.iter().copied().skip(from).step_by(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut other = Summing::new(asked);
            other.add_all(view, every_other(1)).map(|_| other)
        });
        let own = summing.add_all(view, every_other(0));
        let other = other.join();
        own?;
        summing.merge(other.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        Ok(summing.finish())
    })
}

/// Sums as far as they have come.
struct Summing<'a> {
    asked: &'a Summed<'a>,
    groups: FxHashMap<Vec<Sym>, usize>,
    sums: Vec<Sums>,
    failing: FxHashMap<Sym, bool>,
    chunk: Chunk,
    tray: Tray,
    /// Whose values lie in the tray.
    tray_group: usize,
    /// The key being looked up.
    key: Vec<Sym>,
}

/// The parts that combinations of traits play in group keys.
struct Kinds {
    /// The distinct ones.
    keys: Vec<Vec<Sym>>,
    /// Which of them each combination has.
    of: Vec<u32>,
    /// Whether rows must be told apart by their combination.
    differ: bool,
}

/// A trait combination whose facts do not count.
const LEFT_OUT: u32 = u32::MAX;

/// Rows that are looked at in one go.
const CHUNK: usize = 1_024;

/// Those of some neighbouring rows of a section that count.
struct Chunk {
    first_row: usize,
    /// How many count: so many entries of `offsets` and `installs` hold.
    len: usize,
    offsets: [u32; CHUNK],
    installs: [u32; CHUNK],
    /// Of every row: where its values start; one more for the end of the last.
    values: [u32; CHUNK + 1],
    has_values: bool,
    /// Of every row: its combination of traits.
    traits: [u32; CHUNK],
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            first_row: 0,
            len: 0,
            offsets: [0; CHUNK],
            installs: [0; CHUNK],
            values: [0; CHUNK + 1],
            has_values: false,
            traits: [0; CHUNK],
        }
    }
}

impl Chunk {
    fn offsets(&self) -> &[u32] {
        &self.offsets[..self.len]
    }

    fn installs(&self) -> &[u32] {
        &self.installs[..self.len]
    }

    /// Where the values of a row lie among those of the facts.
    fn values(&self, offset: u32) -> Range<usize> {
        let at = offset as usize;
        self.values[at] as usize..self.values[at + 1] as usize
    }

    /// Takes rows in; their values begin at `values`. Tells where they end.
    fn take(&mut self, facts: &Facts, rows: &Range<usize>, values: Option<usize>) -> usize {
        self.first_row = rows.start;
        self.has_values = values.is_some();
        let Some(first_value) = values else {
            return 0;
        };
        let mut end = first_value as u32;
        self.values[0] = end;
        let lengths = &mut self.values[1..=rows.len()];
        facts.lengths.copy_to(rows.clone(), lengths);
        for length in lengths {
            end += *length;
            *length = end;
        }
        end as usize
    }

    /// Keeps the rows that pass. There is no branch on a row: which of them count is mostly chance.
    fn keep(&mut self, installs: &[u32], passes: impl Fn(usize, u32) -> bool) {
        let mut len = 0;
        for (offset, &install) in installs.iter().enumerate().take(CHUNK) {
            self.offsets[len] = offset as u32;
            self.installs[len] = install;
            len += usize::from(passes(offset, install));
        }
        self.len = len;
    }
}

impl<'a> Summing<'a> {
    fn new(asked: &'a Summed<'a>) -> Self {
        Self {
            asked,
            groups: FxHashMap::default(),
            sums: Vec::new(),
            failing: FxHashMap::default(),
            chunk: Chunk::default(),
            tray: Tray::default(),
            tray_group: 0,
            key: Vec::new(),
        }
    }

    /// The groups with anything in them.
    fn finish(self) -> Vec<(Vec<Sym>, Sums)> {
        let mut sums: Vec<Option<Sums>> = self.sums.into_iter().map(Some).collect();
        self.groups
            .into_iter()
            .filter_map(|(key, at)| Some((key, sums[at].take()?)))
            .filter(|(_, sums)| !sums.installs.is_empty())
            .collect()
    }

    fn merge(&mut self, other: Self) {
        for (key, theirs) in other.finish() {
            let at = self.number(key);
            let sums = &mut self.sums[at];
            sums.amount += theirs.amount;
            sums.failures += theirs.failures;
            sums.installs.merge(theirs.installs);
            sums.values.merge(&theirs.values);
        }
    }

    /// Adds the facts of some stretches; tells how many rows they had.
    fn add_all<'s>(
        &mut self,
        view: &View<'_>,
        stretches: impl Iterator<Item = &'s Stretch>,
    ) -> Result<usize, Error> {
        let Summed { family, test, .. } = self.asked;
        let by_version = self.asked.by_version();
        let themes = test.themes();
        let mut rows = 0;
        for stretch in stretches {
            let pieces = if by_version {
                view.facts_with_version(stretch, *family, test.versions(), themes.as_deref())?
            } else {
                view.facts(stretch, *family, themes.as_deref())?
            };
            for facts in pieces {
                rows += facts.installs.len();
                self.add(&facts);
            }
        }
        Ok(rows)
    }

    fn add(&mut self, facts: &Facts) {
        let kinds = self.kinds(&facts.traits);
        if kinds.keys.is_empty() {
            return;
        }
        self.tray.begin(facts.least_code, facts.codes_end);
        let mut groups = vec![None; kinds.keys.len()];
        for (key, extent) in facts.sections() {
            if self.asked.test.accepts_section(key) {
                groups.fill(None);
                self.add_section(facts, (key, extent), &kinds, &mut groups);
            }
        }
        if let Some(sums) = self.sums.get_mut(self.tray_group) {
            self.tray.empty_into(&mut sums.values);
        }
    }

    fn add_section(
        &mut self,
        facts: &Facts,
        (key, extent): (&Key, Extent),
        kinds: &Kinds,
        groups: &mut [Option<usize>],
    ) {
        let fails = self.asked.family == Family::Tasks && self.fails(key[RESULT]);
        let has_values = self.asked.values && !extent.values.is_empty();
        let mut next_value = has_values.then_some(extent.values.start);
        let mut rows = extent.rows.start..extent.rows.start;
        while rows.end < extent.rows.end {
            rows = rows.end..extent.rows.end.min(rows.end + CHUNK);
            let end = self.chunk.take(facts, &rows, next_value);
            next_value = next_value.map(|_| end);
            self.pick(facts, &rows, kinds);
            // Most sections have no row that counts where few installs do.
            if self.chunk.len == 0 {
                continue;
            }
            if kinds.keys.len() == 1 {
                let group = self.group(groups, kinds, 0, key);
                self.add_chunk(facts, group, fails);
            } else {
                self.add_each(facts, (key, fails), kinds, groups);
            }
        }
    }

    /// Leaves those rows of the chunk that count.
    fn pick(&mut self, facts: &Facts, rows: &Range<usize>, kinds: &Kinds) {
        let chunk = &mut self.chunk;
        let installs = &facts.installs[rows.clone()];
        if !kinds.differ {
            return match &self.asked.mask {
                Some(mask) => chunk.keep(installs, |_, install| mask.holds(install)),
                None => chunk.keep(installs, |_, _| true),
            };
        }
        // Without a column of its own every row has the first combination.
        chunk.traits[..rows.len()].fill(0);
        if facts.row_traits.len() > 0 {
            facts.row_traits.copy_to(rows.clone(), &mut chunk.traits);
        }
        let traits = chunk.traits;
        let accepted = |offset: usize| kinds.of[traits[offset] as usize] != LEFT_OUT;
        match &self.asked.mask {
            Some(mask) => {
                chunk.keep(installs, |at, install| mask.holds(install) & accepted(at));
            }
            None => chunk.keep(installs, |at, _| accepted(at)),
        }
    }

    /// Adds the rows of the chunk to one group.
    fn add_chunk(&mut self, facts: &Facts, group: usize, fails: bool) {
        let chunk = &self.chunk;
        if chunk.has_values && self.tray_group != group {
            if let Some(sums) = self.sums.get_mut(self.tray_group) {
                self.tray.empty_into(&mut sums.values);
            }
            self.tray_group = group;
        }
        let sums = &mut self.sums[group];
        let amount = facts.amounts.sum(chunk.first_row, chunk.offsets());
        sums.amount += amount;
        if fails {
            sums.failures += amount;
        }
        sums.installs.add_all(chunk.installs());
        if !chunk.has_values {
            return;
        }
        let tray = &mut self.tray;
        let places = chunk.offsets().iter().map(|&offset| chunk.values(offset));
        match (&facts.codes, &facts.counts) {
            (Packed::U16(codes), Packed::U8(counts)) => {
                places.for_each(|at| tray.add((&codes[..], &counts[..]), at));
            }
            (Packed::U8(codes), Packed::U8(counts)) => {
                places.for_each(|at| tray.add((&codes[..], &counts[..]), at));
            }
            (codes, counts) => places.for_each(|at| tray.add((codes, counts), at)),
        }
    }

    /// Adds each row of the chunk to the group of its traits.
    fn add_each(
        &mut self,
        facts: &Facts,
        (section, fails): (&Key, bool),
        kinds: &Kinds,
        groups: &mut [Option<usize>],
    ) {
        for at in 0..self.chunk.len {
            let offset = self.chunk.offsets[at];
            let kind = kinds.of[self.chunk.traits[offset as usize] as usize];
            let group = self.group(groups, kinds, kind, section);
            let sums = &mut self.sums[group];
            let amount = facts.amounts.any(self.chunk.first_row + offset as usize);
            sums.amount += amount;
            if fails {
                sums.failures += amount;
            }
            sums.installs.add(self.chunk.installs[at]);
            if self.chunk.has_values {
                for value in self.chunk.values(offset) {
                    let code = facts.least_code + facts.codes.whole(value) as i32;
                    sums.values.add(code, facts.counts.whole(value));
                }
            }
        }
    }

    fn kinds(&self, traits: &[Key]) -> Kinds {
        let of_place = |place: &Place| match place {
            Place::Trait(at) => Some(*at),
            Place::Section(_) => None,
        };
        let places: Vec<usize> = self.asked.by.iter().filter_map(of_place).collect();
        let mut keys: Vec<Vec<Sym>> = Vec::new();
        // Days have nearly as many combinations as rows: what a key does not tell is left empty in it.
        let mut numbers: FxHashMap<Key, u32> = FxHashMap::default();
        let kind_of = |traits: &Key| {
            if !self.asked.test.accepts_traits(traits) {
                return LEFT_OUT;
            }
            if places.is_empty() && !keys.is_empty() {
                return 0;
            }
            let mut told = Key::default();
            for &at in &places {
                told[at] = traits[at];
            }
            *numbers.entry(told).or_insert_with(|| {
                keys.push(places.iter().map(|&at| traits[at]).collect());
                keys.len() as u32 - 1
            })
        };
        let of: Vec<u32> = traits.iter().map(kind_of).collect();
        let differ = keys.len() > 1 || of.contains(&LEFT_OUT);
        Kinds { keys, of, differ }
    }

    /// The group of a section's rows of one kind of traits.
    fn group(
        &mut self,
        groups: &mut [Option<usize>],
        kinds: &Kinds,
        kind: u32,
        section: &Key,
    ) -> usize {
        let kind = kind as usize;
        if let Some(at) = groups[kind] {
            return at;
        }
        let mut traits = kinds.keys[kind].iter();
        let key = self.asked.by.iter().filter_map(|place| match place {
            Place::Section(at) => Some(section[*at]),
            Place::Trait(_) => traits.next().copied(),
        });
        self.key.clear();
        self.key.extend(key);
        let at = match self.groups.get(self.key.as_slice()) {
            Some(&at) => at,
            None => self.number(self.key.clone()),
        };
        groups[kind] = Some(at);
        at
    }

    /// The number of the group with this key, new if there is none.
    fn number(&mut self, key: Vec<Sym>) -> usize {
        let next = self.sums.len();
        let at = *self.groups.entry(key).or_insert(next);
        if at == next {
            self.sums.push(Sums::default());
        }
        at
    }

    fn fails(&mut self, result: Sym) -> bool {
        let store = self.asked.store;
        *self
            .failing
            .entry(result)
            .or_insert_with(|| is_failure(&store.text(result)))
    }
}
