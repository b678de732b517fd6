//! Installs as plain bits, for tests in tight loops.

use roaring::RoaringBitmap;

/// A fixed set of installs.
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
        let (mut rest, mut some) = (installs.iter(), [0; 256]);
        loop {
            // Faster than one at a time.
            let some = rest.next_many(&mut some);
            if some.is_empty() {
                return mask;
            }
            for &install in some.iter() {
                mask.words[install as usize / 64] |= 1 << (install % 64);
            }
        }
    }

    pub(super) fn holds(&self, install: u32) -> bool {
        let word = self.words.get(install as usize / 64);
        word.copied().unwrap_or(0) >> (install % 64) & 1 == 1
    }
}

/// Entries of a list that take about as much memory as the bits of some 100,000 installs.
const MANY: usize = 4_096;

/// Distinct installs being counted: a list while they are few, then bits.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// In order of arrival, with repeats.
    Few(Vec<u32>),
    Many(Vec<u64>),
}

impl Default for Seen {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Seen {
    pub(super) fn add(&mut self, install: u32) {
        match self {
            Self::Many(words) => set(words, install),
            Self::Few(list) if list.last() == Some(&install) => {}
            Self::Few(list) => {
                list.push(install);
                if list.len() > MANY {
                    let mut words = Vec::new();
                    for &install in list.iter() {
                        set(&mut words, install);
                    }
                    *self = Self::Many(words);
                }
            }
        }
    }

    /// Adds installs in ascending order.
    pub(super) fn add_all(&mut self, ascending: &[u32]) {
        match (self, ascending.last()) {
            (Self::Many(words), Some(&last)) => {
                let wanted = last as usize / 64 + 1;
                if words.len() < wanted {
                    words.resize(wanted, 0);
                }
                for &install in ascending {
                    words[install as usize / 64] |= 1 << (install % 64);
                }
            }
            (few, _) => ascending.iter().for_each(|&install| few.add(install)),
        }
    }

    /// Adds the installs of another one.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (_, Self::Few(list)) => list.into_iter().for_each(|install| self.add(install)),
            (Self::Many(words), Self::Many(others)) => {
                if words.len() < others.len() {
                    words.resize(others.len(), 0);
                }
                for (word, other) in words.iter_mut().zip(others) {
                    *word |= other;
                }
            }
            (Self::Few(list), Self::Many(words)) => {
                let few = std::mem::take(list);
                *self = Self::Many(words);
                few.into_iter().for_each(|install| self.add(install));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Few(list) if list.is_empty())
    }

    /// How many there are.
    pub(super) fn count(self) -> u64 {
        match self {
            Self::Few(mut list) => {
                list.sort_unstable();
                list.dedup();
                list.len() as u64
            }
            Self::Many(words) => words.iter().map(|word| u64::from(word.count_ones())).sum(),
        }
    }
}

fn set(words: &mut Vec<u64>, install: u32) {
    let at = install as usize / 64;
    if at >= words.len() {
        words.resize(at + 1, 0);
    }
    words[at] |= 1 << (install % 64);
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn installs_are_counted_once_however_many() {
        for installs in [0, 1, 100, MANY as u32 + 5, 3 * MANY as u32] {
            let mut seen = Seen::default();
            for install in (0..installs).rev().chain(0..installs) {
                seen.add(install * 7);
            }
            assert_eq!(seen.count(), u64::from(installs));
        }
    }

    #[test]
    fn lists_and_bits_add_up() {
        let sizes = [0, 5, MANY as u32 - 1, MANY as u32 + 5];
        for (a, b) in sizes.into_iter().flat_map(|a| sizes.map(|b| (a, b))) {
            let of = |installs: u32, step: u32| {
                let mut seen = Seen::default();
                let all: Vec<u32> = (0..installs).map(|install| install * step).collect();
                for some in all.chunks(1_000) {
                    seen.add_all(some);
                }
                (seen, all)
            };
            let ((mut seen, installs), (other, others)) = (of(a, 2), of(b, 3));
            seen.merge(other);
            let all: std::collections::BTreeSet<u32> = installs.into_iter().chain(others).collect();
            assert_eq!(seen.count(), all.len() as u64);
        }
    }
}
