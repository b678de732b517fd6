//! Amounts of one family of events (tasks, pages, app stats) by key and install, in columns.

use std::ops::Range;

use super::packed::Packed;
use super::part::{Kind, pair};
use crate::query::Dimension;
use crate::store::Sym;

/// Up to four texts of an event; unused places are empty.
pub(super) type Key = [Sym; 4];

/// A family of events that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    pub(super) const ALL: [Self; 3] = [Self::Tasks, Self::Pages, Self::Stats];

    /// The part that keeps the facts of the family.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Tasks => Kind::Tasks,
            Self::Pages => Kind::Pages,
            Self::Stats => Kind::Stats,
        }
    }

    /// The part that keeps them by version.
    pub(super) fn kind_by_version(self) -> Kind {
        match self {
            Self::Tasks => Kind::TasksByVersion,
            Self::Pages => Kind::PagesByVersion,
            Self::Stats => Kind::StatsByVersion,
        }
    }

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

/// What events of a section are about, the first two texts of its key: a task of a namespace, a path
/// with its title. Each theme of a stretch is a piece of its own, so that a question about one reads
/// little of what there is.
pub(super) fn theme(section: &Key) -> u64 {
    pair(section[0], section[1])
}

/// Themes from one to another, both included.
pub(super) type Themes = (u64, u64);

/// Place of the version among the traits of every family.
pub(super) const VERSION: usize = 0;

/// Place of a task's result inside its section.
pub(super) const RESULT: usize = 2;

/// The facts of a stretch of days.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    /// Every combination of traits that occurs; rows name it by position.
    pub(super) traits: Vec<Key>,
    /// Ascending by key.
    pub(super) sections: Vec<Section>,
    /// Of the rows, by section, then by install, then by traits.
    pub(super) installs: Vec<u32>,
    /// Empty where there is only one combination.
    pub(super) row_traits: Packed,
    pub(super) amounts: Packed,
    /// How many values each row has; empty where none has any.
    pub(super) lengths: Packed,
    /// Of the values, row by row: buckets of numbers as their distance from `least_code`, and how
    /// many numbers lie in each.
    pub(super) least_code: i32,
    pub(super) codes: Packed,
    /// Beyond all of them.
    pub(super) codes_end: usize,
    pub(super) counts: Packed,
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

/// Where the rows and values of a section lie.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) rows: Range<usize>,
    pub(super) values: Range<usize>,
}

impl Facts {
    /// Sections with where their rows and values lie.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&Key, Extent)> {
        let mut before = (0, 0);
        self.sections.iter().map(move |section| {
            let ends = (section.rows_end as usize, section.values_end as usize);
            let starts = std::mem::replace(&mut before, ends);
            let extent = Extent {
                rows: starts.0..ends.0,
                values: starts.1..ends.1,
            };
            (&section.key, extent)
        })
    }

    /// The number of a row's combination of traits.
    pub(super) fn traits_of(&self, row: usize) -> usize {
        if self.row_traits.len() == 0 {
            0
        } else {
            self.row_traits.whole(row) as usize
        }
    }

    /// How many values a row has.
    pub(super) fn length(&self, row: usize) -> usize {
        if self.lengths.len() == 0 {
            0
        } else {
            self.lengths.whole(row) as usize
        }
    }

    /// Adds the value each row has at a place, and its install.
    pub(super) fn add_pairs(&self, place: Place, pairs: &mut Vec<(u64, u32)>) {
        for (key, extent) in self.sections() {
            for row in extent.rows {
                let sym = match place {
                    Place::Section(at) => key[at],
                    Place::Trait(at) => self.traits[self.traits_of(row)][at],
                };
                let pair = (u64::from(sym.0), self.installs[row]);
                // Rows of one install follow each other, often with the same value.
                if pairs.last() != Some(&pair) {
                    pairs.push(pair);
                }
            }
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let keys = self.traits.len() * size_of::<Key>();
        let sections = self.sections.len() * size_of::<Section>();
        let columns = [
            &self.row_traits,
            &self.amounts,
            &self.lengths,
            &self.codes,
            &self.counts,
        ];
        let packed = columns.iter().map(|column| column.bytes()).sum::<usize>();
        size_of::<Self>() + keys + sections + self.installs.len() * 4 + packed
    }
}
