//! Amounts that were summed for some groups, and the coarser groups that are made of them.

use rustc_hash::FxHashMap;

use super::amounts::Sums;
use super::facts::Place;
use super::mask::Seen;
use crate::store::Sym;

/// What was summed for one group: the values of its key, in order of the places, and the sums.
pub(super) type Group = (Vec<Sym>, Sums);

/// The sums of a bucket by the values at some places.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) places: Vec<Place>,
    /// Whether the spread of values was summed, too.
    pub(super) values: bool,
    pub(super) groups: Vec<Group>,
}

impl Table {
    /// Where these places stand in the keys, `None` where the groups do not tell one of them apart.
    pub(super) fn positions(&self, places: &[Place]) -> Option<Vec<usize>> {
        let position = |place: &Place| self.places.iter().position(|known| known == place);
        places.iter().map(position).collect()
    }

    /// The sums by what stands at some positions of the keys.
    pub(super) fn by(&self, positions: &[usize]) -> Vec<Group> {
        let mut coarser: FxHashMap<Vec<Sym>, Sums> = FxHashMap::default();
        for (key, sums) in &self.groups {
            let key = positions.iter().map(|&at| key[at]).collect();
            coarser.entry(key).or_default().merge(sums);
        }
        coarser.into_iter().collect()
    }

    /// Rough bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let of_group = |(key, sums): &Group| key.len() * size_of::<Sym>() + sums.bytes();
        self.groups.iter().map(of_group).sum()
    }
}

impl Sums {
    fn merge(&mut self, other: &Self) {
        self.amount += other.amount;
        self.failures += other.failures;
        self.installs.merge(other.installs.clone());
        self.values.merge(&other.values);
    }

    fn bytes(&self) -> usize {
        let installs = match &self.installs {
            Seen::Few(list) => list.capacity() * size_of::<u32>(),
            Seen::Many(words) => words.len() * size_of::<u64>(),
        };
        size_of::<Self>() + installs + self.values.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(key: [u32; 2], amount: f64, installs: &[u32]) -> Group {
        let mut sums = Sums {
            amount,
            failures: amount / 2.0,
            ..Sums::default()
        };
        sums.installs.add_all(installs);
        sums.values.add(key[0] as i32, 1);
        (key.map(Sym).into(), sums)
    }

    #[test]
    fn coarser_groups_are_sums_of_finer_ones() {
        let table = Table {
            places: vec![Place::Section(0), Place::Trait(2)],
            values: true,
            groups: vec![
                group([1, 7], 4.0, &[1, 2]),
                group([1, 8], 8.0, &[2, 3]),
                group([2, 7], 1.0, &[9]),
            ],
        };
        assert_eq!(table.positions(&[Place::Section(1)]), None);
        let by = |places: &[Place]| {
            let mut groups: Vec<_> = table
                .by(&table.positions(places).unwrap())
                .into_iter()
                .map(|(key, sums)| {
                    let values: Vec<_> = sums.values.counts().collect();
                    let key: Vec<u32> = key.iter().map(|sym| sym.0).collect();
                    (
                        key,
                        sums.amount,
                        sums.failures,
                        sums.installs.count(),
                        values,
                    )
                })
                .collect();
            groups.sort_by(|a, b| a.0.cmp(&b.0));
            groups
        };
        let all = [(vec![], 13.0, 6.5, 4, vec![(1, 2), (2, 1)])];
        assert_eq!(by(&[]), all);
        let by_section = [
            (vec![1], 12.0, 6.0, 3, vec![(1, 2)]),
            (vec![2], 1.0, 0.5, 1, vec![(2, 1)]),
        ];
        assert_eq!(by(&[Place::Section(0)]), by_section);
        let swapped = by(&[Place::Trait(2), Place::Section(0)]);
        assert_eq!(swapped[0].0, [7, 1]);
        assert_eq!(swapped.len(), 3);
    }
}
