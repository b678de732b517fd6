//! Facts being laid out in columns, section by section.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::facts::{Facts, Key, Section, theme};
use super::packed::Packed;

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

/// An amount of a section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) install: u32,
    pub(super) traits: Key,
    pub(super) amount: f64,
}

/// Some values of a section. There is a row with the same install and traits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    pub(super) install: u32,
    pub(super) traits: Key,
    pub(super) code: i32,
    pub(super) count: u64,
}

/// What one section holds, in any order; equal keys add up.
#[derive(Clone, Debug, Default)]
pub(super) struct Loose {
    pub(super) rows: Vec<Row>,
    pub(super) values: Vec<Values>,
}

impl Loose {
    fn fold(&mut self) {
        let key = |row: &Row| (row.install, row.traits);
        // Stable: sums of fractions come out the same whatever was merged before.
        self.rows.sort_by_key(key);
        self.rows.dedup_by(|next, kept| {
            let same = key(next) == key(kept);
            if same {
                kept.amount += next.amount;
            }
            same
        });
        let key = |values: &Values| (values.install, values.traits, values.code);
        self.values.sort_unstable_by_key(key);
        self.values.dedup_by(|next, kept| {
            let same = key(next) == key(kept);
            if same {
                kept.count += next.count;
            }
            same
        });
    }

    /// Adds the rows and values of one section of facts.
    pub(super) fn add(&mut self, facts: &Facts, section: usize) {
        let start = match section.checked_sub(1) {
            Some(before) => (
                facts.sections[before].rows_end,
                facts.sections[before].values_end,
            ),
            None => (0, 0),
        };
        let mut value = start.1 as usize;
        for row in start.0 as usize..facts.sections[section].rows_end as usize {
            let (install, traits) = (facts.installs[row], facts.traits[facts.traits_of(row)]);
            self.rows.push(Row {
                install,
                traits,
                amount: facts.amounts.any(row),
            });
            for at in value..value + facts.length(row) {
                self.values.push(Values {
                    install,
                    traits,
                    code: facts.least_code + facts.codes.whole(at) as i32,
                    count: facts.counts.whole(at),
                });
            }
            value += facts.length(row);
        }
    }
}

/// Facts as far as they are laid out.
#[derive(Debug, Default)]
pub(super) struct Columns {
    traits: Numbering,
    sections: Vec<Section>,
    installs: Vec<u32>,
    row_traits: Vec<u32>,
    amounts: Vec<f64>,
    lengths: Vec<u32>,
    codes: Vec<i32>,
    counts: Vec<u64>,
}

impl Columns {
    /// Adds a section; its key is beyond those of all before.
    pub(super) fn add(&mut self, key: Key, mut loose: Loose) {
        loose.fold();
        let mut values = loose.values.iter().peekable();
        for row in &loose.rows {
            self.installs.push(row.install);
            self.row_traits.push(self.traits.number(row.traits));
            self.amounts.push(row.amount);
            let before = self.codes.len();
            while let Some(of_row) = values
                .next_if(|values| (values.install, values.traits) == (row.install, row.traits))
            {
                self.codes.push(of_row.code);
                self.counts.push(of_row.count);
            }
            self.lengths.push((self.codes.len() - before) as u32);
        }
        debug_assert!(values.next().is_none(), "values without a row");
        self.sections.push(Section {
            key,
            rows_end: self.installs.len() as u32,
            values_end: self.codes.len() as u32,
        });
    }

    pub(super) fn finish(self) -> Facts {
        let traits = self.traits.keys;
        let whole = |numbers: Vec<u32>| Packed::of_whole(numbers.into_iter().map(u64::from));
        let row_traits = match traits.len() {
            0 | 1 => Packed::default(),
            _ => whole(self.row_traits),
        };
        let lengths = match self.codes.is_empty() {
            true => Packed::default(),
            false => whole(self.lengths),
        };
        let least_code = self.codes.iter().copied().min().unwrap_or(0);
        let distances = self.codes.iter().map(|code| (code - least_code) as u64);
        let codes = Packed::of_whole(distances);
        Facts {
            traits,
            sections: self.sections,
            installs: self.installs,
            row_traits,
            amounts: Packed::of_any(self.amounts),
            lengths,
            least_code,
            codes_end: codes.end(),
            codes,
            counts: Packed::of_whole(self.counts.iter().copied()),
        }
    }
}

/// Lays out sections in order of their keys, the facts of each theme by themselves.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    done: Vec<(u64, Arc<Facts>)>,
    /// The theme of these columns.
    theme: u64,
    columns: Columns,
}

impl Pieces {
    /// Adds a section; its key is beyond those of all before.
    pub(super) fn add(&mut self, key: Key, loose: Loose) {
        if theme(&key) != self.theme {
            self.close();
            self.theme = theme(&key);
        }
        self.columns.add(key, loose);
    }

    fn close(&mut self) {
        let columns = std::mem::take(&mut self.columns);
        if !columns.sections.is_empty() {
            self.done.push((self.theme, Arc::new(columns.finish())));
        }
    }

    /// The facts by theme, ascending.
    pub(super) fn finish(mut self) -> Vec<(u64, Arc<Facts>)> {
        self.close();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Extent;
    use super::*;
    use crate::store::Sym;

    fn key(n: u32) -> Key {
        [Sym(n), Sym(0), Sym(0), Sym(0)]
    }

    fn loose(entries: &[(u32, u32, f64)]) -> Loose {
        let mut loose = Loose::default();
        for &(traits, install, amount) in entries {
            let traits = key(traits);
            loose.rows.push(Row {
                install,
                traits,
                amount,
            });
            loose.values.push(Values {
                install,
                traits,
                code: 10,
                count: 1,
            });
        }
        loose
    }

    #[test]
    fn equal_keys_add_up_in_any_order() {
        let build = |of_five: &[(u32, u32, f64)]| {
            let mut columns = Columns::default();
            columns.add(key(2), loose(&[(1, 3, 2.0)]));
            columns.add(key(5), loose(of_five));
            columns.finish()
        };
        let facts = build(&[(1, 3, 1.0), (1, 3, 4.0), (2, 1, 8.0)]);
        assert_eq!(facts.installs, [3, 1, 3]);
        assert_eq!(facts.amounts, Packed::U8(vec![2, 8, 5]));
        assert_eq!(facts.counts, Packed::U8(vec![1, 1, 2]));
        assert_eq!(facts.lengths, Packed::U8(vec![1, 1, 1]));
        let extent = |rows, values| Extent { rows, values };
        let sections: Vec<_> = facts.sections().collect();
        let expected = [(&key(2), extent(0..1, 0..1)), (&key(5), extent(1..3, 1..3))];
        assert_eq!(sections, expected);
        assert_eq!(build(&[(2, 1, 8.0), (1, 3, 4.0), (1, 3, 1.0)]), facts);
        let mut again = Columns::default();
        for section in 0..2 {
            let mut twice = Loose::default();
            twice.add(&facts, section);
            twice.add(&facts, section);
            again.add(facts.sections[section].key, twice);
        }
        assert_eq!(again.finish().amounts, Packed::U8(vec![4, 16, 10]));
    }

    #[test]
    fn each_theme_is_a_piece() {
        let mut pieces = Pieces::default();
        for (first, second, third) in [(0, 0, 1), (0, 3, 0), (2, 0, 1), (2, 0, 7), (2, 1, 0)] {
            let key = [Sym(first), Sym(second), Sym(third), Sym(0)];
            pieces.add(key, loose(&[(1, 3, 2.0)]));
        }
        let pieces = pieces.finish();
        let found: Vec<(u64, usize)> = pieces
            .iter()
            .map(|(theme, facts)| (*theme, facts.sections.len()))
            .collect();
        assert_eq!(found, [(0, 1), (3, 1), (2 << 32, 2), (2 << 32 | 1, 1)]);
        assert!(Pieces::default().finish().is_empty());
    }
}
