//! What events must tell to count, as tests of the sections and rows of facts.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use super::facts::{Facts, Family, Key, Place, Themes, VERSION};
use super::filter::Wanted;
use super::mask::Mask;
use super::part::pair;
use crate::query::Dimension;
use crate::store::Sym;

/// Conditions on the places of a family's events.
#[derive(Clone, Debug)]
pub(super) struct EventTest {
    section: Vec<(usize, Wanted<Sym>)>,
    traits: Vec<(usize, Wanted<Sym>)>,
}

impl EventTest {
    /// `None` if no event of the family can match: one is asked for what such events do not tell.
    pub(super) fn new(family: Family, wanted: &BTreeMap<Dimension, Wanted<Sym>>) -> Option<Self> {
        let (mut section, mut traits) = (Vec::new(), Vec::new());
        for (&dimension, wanted) in wanted {
            // Pieces of facts are looked up by what is wanted: each once.
            let mut wanted = wanted.clone();
            if let Some(any) = &mut wanted.any {
                any.sort_unstable();
                any.dedup();
            }
            match family.place(dimension) {
                Some(Place::Section(at)) => section.push((at, wanted)),
                Some(Place::Trait(at)) => traits.push((at, wanted)),
                None if wanted.any.is_some() => return None,
                None => {}
            }
        }
        Some(Self { section, traits })
    }

    pub(super) fn accepts_section(&self, key: &Key) -> bool {
        let mut tests = self.section.iter();
        tests.all(|(at, wanted)| wanted.accepts(key[*at]))
    }

    pub(super) fn accepts_traits(&self, key: &Key) -> bool {
        let mut tests = self.traits.iter();
        tests.all(|(at, wanted)| wanted.accepts(key[*at]))
    }

    /// The themes that events must have, `None` where any may do or they are too many to look up.
    pub(super) fn themes(&self) -> Option<Vec<Themes>> {
        const MANY: usize = 16;
        let any = |at| {
            let of_place = self.section.iter().find(|(place, _)| *place == at);
            of_place?.1.any.as_deref()
        };
        let (first, second): (&[Sym], Option<&[Sym]>) = (any(0)?, any(1));
        let themes: Vec<Themes> = match second {
            None => {
                let all = |&sym| (pair(sym, Sym(0)), pair(sym, Sym(u32::MAX)));
                first.iter().map(all).collect()
            }
            Some(second) => {
                let both = first
                    .iter()
                    .flat_map(|&a| second.iter().map(move |&b| pair(a, b)));
                both.map(|theme| (theme, theme)).collect()
            }
        };
        (themes.len() <= MANY).then_some(themes)
    }

    /// The versions that events must have come with, `None` where any may do.
    pub(super) fn versions(&self) -> Option<&[Sym]> {
        let of_version = self.traits.iter().find(|(at, _)| *at == VERSION);
        of_version?.1.any.as_deref()
    }

    /// Whether it matters which version an event came with.
    pub(super) fn asks_version(&self) -> bool {
        self.traits.iter().any(|(at, _)| *at == VERSION)
    }

    pub(super) fn add_installs(&self, facts: &Facts, among: &Mask, found: &mut RoaringBitmap) {
        let accepted: Vec<bool> = facts
            .traits
            .iter()
            .map(|key| self.accepts_traits(key))
            .collect();
        for (key, extent) in facts.sections() {
            if !self.accepts_section(key) {
                continue;
            }
            let matching = extent
                .rows
                .filter(|&row| accepted[facts.traits_of(row)])
                .map(|row| facts.installs[row])
                .filter(|&install| among.holds(install));
            found.extend(matching);
        }
    }
}
