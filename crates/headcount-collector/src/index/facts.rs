//! Amounts of one family of events (tasks, pages, app stats) by key and install, in columns.

use roaring::RoaringBitmap;
use rustc_hash::FxHashMap;

use super::packed::Packed;
use crate::query::Dimension;
use crate::store::Sym;

/// Up to four texts of an event; unused places are empty.
pub(super) type Key = [Sym; 4];

/// A family of events that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Tasks,
    Pages,
    Stats,
}

/// Where a family keeps a dimension: facts are sorted by section, a trait stands in each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Section(usize),
    Trait(usize),
}

impl Family {
    /// Where an event of the family tells this, `None` if its events have no such thing.
    pub(super) fn place(self, dimension: Dimension) -> Option<Place> {
        let (section, traits): (&[Dimension], &[Dimension]) = match self {
            Self::Tasks => (
                &[
                    Dimension::Namespace,
                    Dimension::Task,
                    Dimension::Result,
                    Dimension::Label,
                ],
                &[Dimension::Version],
            ),
            Self::Pages => (
                &[Dimension::Path, Dimension::Title],
                &[
                    Dimension::Version,
                    Dimension::Locale,
                    Dimension::Browser,
                    Dimension::Os,
                ],
            ),
            Self::Stats => (
                &[Dimension::Namespace, Dimension::Task, Dimension::Label],
                &[Dimension::Version],
            ),
        };
        let at = |of: &[Dimension]| of.iter().position(|&d| d == dimension);
        at(section)
            .map(Place::Section)
            .or_else(|| at(traits).map(Place::Trait))
    }
}

/// Place of a task's result inside its section.
pub(super) const RESULT: usize = 2;

/// The facts of a stretch of days.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// Every combination of traits that occurs; rows name it by position.
    pub(super) traits: Vec<Key>,
    /// Ascending by key.
    pub(super) sections: Vec<Section>,
    /// Of the rows, by section, then by install.
    pub(super) installs: Vec<u32>,
    pub(super) row_traits: Packed,
    pub(super) amounts: Packed,
    /// Of the values, likewise: buckets of numbers and how many lie in each.
    pub(super) value_installs: Vec<u32>,
    pub(super) value_traits: Packed,
    pub(super) value_codes: Vec<i32>,
    pub(super) value_counts: Packed,
}

/// The rows of one key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Section {
    pub(super) key: Key,
    /// Where its rows and its values end; they start where those of the section before end.
    pub(super) rows_end: u32,
    pub(super) values_end: u32,
}

impl Default for Packed {
    fn default() -> Self {
        Self::U8(Vec::new())
    }
}

impl Facts {
    /// Sections with the ranges of their rows and values.
    pub(super) fn sections(
        &self,
    ) -> impl Iterator<Item = (&Key, std::ops::Range<usize>, std::ops::Range<usize>)> {
        let mut before = (0, 0);
        self.sections.iter().map(move |section| {
            let ends = (section.rows_end as usize, section.values_end as usize);
            let starts = std::mem::replace(&mut before, ends);
            (&section.key, starts.0..ends.0, starts.1..ends.1)
        })
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let keys = self.traits.len() * size_of::<Key>();
        let sections = self.sections.len() * size_of::<Section>();
        let words = self.installs.len() + self.value_installs.len() + self.value_codes.len();
        let packed = [
            &self.row_traits,
            &self.amounts,
            &self.value_traits,
            &self.value_counts,
        ];
        keys + sections + words * 4 + packed.iter().map(|column| column.bytes()).sum::<usize>()
    }
}

/// Numbers keys in order of first sight.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbering {
    numbers: FxHashMap<Key, u32>,
    keys: Vec<Key>,
}

impl Numbering {
    pub(super) fn number(&mut self, key: Key) -> u32 {
        let next = self.keys.len() as u32;
        *self.numbers.entry(key).or_insert_with(|| {
            self.keys.push(key);
            next
        })
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// One amount before it is sorted into its place.
#[derive(Clone, Copy, Debug)]
struct Row {
    section: u32,
    install: u32,
    traits: u32,
    amount: f64,
}

/// Some values before they are sorted into their place.
#[derive(Clone, Copy, Debug)]
struct Values {
    section: u32,
    install: u32,
    traits: u32,
    code: i32,
    count: u64,
}

/// Collects amounts in any order and makes facts of them; equal keys add up.
#[derive(Debug, Default)]
pub(super) struct FactsBuilder {
    sections: Numbering,
    traits: Numbering,
    rows: Vec<Row>,
    values: Vec<Values>,
}

impl FactsBuilder {
    pub(super) fn section(&mut self, key: Key) -> u32 {
        self.sections.number(key)
    }

    pub(super) fn traits(&mut self, key: Key) -> u32 {
        self.traits.number(key)
    }

    pub(super) fn add_amount(&mut self, section: u32, traits: u32, install: u32, amount: f64) {
        self.rows.push(Row {
            section,
            install,
            traits,
            amount,
        });
    }

    pub(super) fn add_values(
        &mut self,
        section: u32,
        traits: u32,
        install: u32,
        values: (i32, u64),
    ) {
        self.values.push(Values {
            section,
            install,
            traits,
            code: values.0,
            count: values.1,
        });
    }

    /// Adds all of other facts.
    pub(super) fn add_facts(&mut self, facts: &Facts) {
        let traits: Vec<u32> = facts.traits.iter().map(|&key| self.traits(key)).collect();
        for (&key, rows, values) in facts.sections() {
            let section = self.section(key);
            for row in rows {
                let of_row = traits[facts.row_traits.whole(row) as usize];
                let amount = facts.amounts.any(row);
                self.add_amount(section, of_row, facts.installs[row], amount);
            }
            for at in values {
                let of_value = traits[facts.value_traits.whole(at) as usize];
                let values = (facts.value_codes[at], facts.value_counts.whole(at));
                self.add_values(section, of_value, facts.value_installs[at], values);
            }
        }
    }

    pub(super) fn finish(mut self) -> Facts {
        let mut order: Vec<u32> = (0..self.sections.keys.len() as u32).collect();
        order.sort_unstable_by_key(|&number| self.sections.keys[number as usize]);
        let mut rank = vec![0; order.len()];
        for (position, &number) in order.iter().enumerate() {
            rank[number as usize] = position as u32;
        }
        for row in &mut self.rows {
            row.section = rank[row.section as usize];
        }
        for values in &mut self.values {
            values.section = rank[values.section as usize];
        }
        let rows = fold_rows(self.rows);
        let values = fold_values(self.values);
        let mut sections = Vec::with_capacity(order.len());
        let (mut rows_end, mut values_end) = (0, 0);
        for (position, &number) in order.iter().enumerate() {
            let position = position as u32;
            rows_end += rows[rows_end..].partition_point(|row| row.section <= position);
            values_end += values[values_end..].partition_point(|v| v.section <= position);
            sections.push(Section {
                key: self.sections.keys[number as usize],
                rows_end: rows_end as u32,
                values_end: values_end as u32,
            });
        }
        let whole = |numbers: Vec<u64>| Packed::of_whole(numbers);
        Facts {
            traits: self.traits.keys,
            sections,
            installs: rows.iter().map(|row| row.install).collect(),
            row_traits: whole(rows.iter().map(|row| u64::from(row.traits)).collect()),
            amounts: Packed::of_any(rows.iter().map(|row| row.amount).collect()),
            value_installs: values.iter().map(|v| v.install).collect(),
            value_traits: whole(values.iter().map(|v| u64::from(v.traits)).collect()),
            value_codes: values.iter().map(|v| v.code).collect(),
            value_counts: whole(values.iter().map(|v| v.count).collect()),
        }
    }
}

fn fold_rows(mut rows: Vec<Row>) -> Vec<Row> {
    let key = |row: &Row| (row.section, row.install, row.traits);
    // Stable: sums of fractions come out the same whatever was merged before.
    rows.sort_by_key(key);
    rows.dedup_by(|next, kept| {
        let same = key(next) == key(kept);
        if same {
            kept.amount += next.amount;
        }
        same
    });
    rows
}

fn fold_values(mut values: Vec<Values>) -> Vec<Values> {
    let key = |v: &Values| (v.section, v.install, v.traits, v.code);
    values.sort_unstable_by_key(key);
    values.dedup_by(|next, kept| {
        let same = key(next) == key(kept);
        if same {
            kept.count += next.count;
        }
        same
    });
    values
}

/// Installs as bits, for tests in tight loops.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    words: Vec<u64>,
}

impl Mask {
    pub(super) fn of(installs: &RoaringBitmap) -> Self {
        let words = installs.max().map_or(0, |max| max as usize / 64 + 1);
        let mut mask = Self {
            words: vec![0; words],
        };
        for install in installs {
            mask.words[install as usize / 64] |= 1 << (install % 64);
        }
        mask
    }

    pub(super) fn holds(&self, install: u32) -> bool {
        self.words
            .get(install as usize / 64)
            .is_some_and(|word| word >> (install % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_add_up_in_any_order() {
        let key = |n: u32| [Sym(n), Sym(0), Sym(0), Sym(0)];
        let entries = [
            (5, 1, 3, 1.0),
            (2, 1, 3, 2.0),
            (5, 1, 3, 4.0),
            (5, 2, 1, 8.0),
        ];
        let build = |order: &[usize]| {
            let mut builder = FactsBuilder::default();
            for &at in order {
                let (section, traits, install, amount) = entries[at];
                let section = builder.section(key(section));
                let traits = builder.traits(key(traits));
                builder.add_amount(section, traits, install, amount);
                builder.add_values(section, traits, install, (10, 1));
            }
            builder.finish()
        };
        let facts = build(&[0, 1, 2, 3]);
        assert_eq!(facts.installs, [3, 1, 3]);
        assert_eq!(facts.amounts, Packed::U8(vec![2, 8, 5]));
        assert_eq!(facts.value_counts, Packed::U8(vec![1, 1, 2]));
        let sections: Vec<_> = facts.sections().collect();
        assert_eq!(sections, [(&key(2), 0..1, 0..1), (&key(5), 1..3, 1..3)]);
        assert_eq!(build(&[0, 2, 1, 3]).installs, facts.installs);
        let mut again = FactsBuilder::default();
        again.add_facts(&facts);
        again.add_facts(&facts);
        assert_eq!(again.finish().amounts, Packed::U8(vec![4, 16, 10]));
    }

    #[test]
    fn masks_hold_what_the_bitmap_holds() {
        let mask = Mask::of(&[0, 63, 64, 200].into_iter().collect());
        for (install, held) in [
            (0, true),
            (1, false),
            (63, true),
            (200, true),
            (9_999, false),
        ] {
            assert_eq!(mask.holds(install), held);
        }
    }
}
