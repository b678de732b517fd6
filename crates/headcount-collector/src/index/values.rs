//! How many values lie in each bucket, in pages of neighbouring buckets: cheap to count into and to add up.

/// Buckets of a page.
const PAGE: usize = 64;

type Page = [u64; PAGE];

/// Values of one group.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Ascending by number; only those in which anything lies.
    pages: Vec<(i32, Box<Page>)>,
}

impl Values {
    pub(super) fn add(&mut self, code: i32, count: u64) {
        let place = code.rem_euclid(PAGE as i32) as usize;
        self.page(code.div_euclid(PAGE as i32))[place] += count;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (number, counts) in &other.pages {
            self.add_page(*number, counts);
        }
    }

    /// Buckets with values in them, ascending.
    pub(super) fn counts(&self) -> impl Iterator<Item = (i32, u64)> + Clone {
        self.pages.iter().flat_map(|(number, counts)| {
            let of_place = move |place: usize| (number * PAGE as i32 + place as i32, counts[place]);
            (0..PAGE).map(of_place).filter(|(_, count)| *count > 0)
        })
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.pages.len() * (size_of::<Page>() + size_of::<(i32, Box<Page>)>())
    }

    fn add_page(&mut self, number: i32, counts: &Page) {
        for (sum, count) in self.page(number).iter_mut().zip(counts) {
            *sum += count;
        }
    }

    fn page(&mut self, number: i32) -> &mut Page {
        let found = self.pages.binary_search_by_key(&number, |page| page.0);
        let at = found.unwrap_or_else(|at| {
            self.pages.insert(at, (number, Box::new([0; PAGE])));
            at
        });
        &mut self.pages[at].1
    }
}

/// A column of whole numbers.
pub(super) trait Whole {
    fn at(&self, index: usize) -> u64;
}

impl<T: Copy + Into<u64>> Whole for [T] {
    fn at(&self, index: usize) -> u64 {
        self[index].into()
    }
}

/// Values of one group while they are counted, of facts with one least code.
#[derive(Debug, Default)]
pub(super) struct Tray {
    pages: Vec<Page>,
    /// Pages in which anything lies.
    used: Vec<bool>,
    /// Number of the first page, and the place in it from which codes are counted.
    first_page: i32,
    shift: usize,
}

impl Tray {
    /// Makes room for codes below `end`, as distances from the least one. The tray is empty.
    pub(super) fn begin(&mut self, least_code: i32, end: usize) {
        self.first_page = least_code.div_euclid(PAGE as i32);
        self.shift = least_code.rem_euclid(PAGE as i32) as usize;
        let pages = (self.shift + end).div_ceil(PAGE);
        if self.pages.len() < pages {
            self.pages.resize(pages, [0; PAGE]);
            self.used.resize(pages, false);
        }
    }

    pub(super) fn add(
        &mut self,
        (codes, counts): (&(impl Whole + ?Sized), &(impl Whole + ?Sized)),
        places: std::ops::Range<usize>,
    ) {
        for at in places {
            let slot = self.shift + codes.at(at) as usize;
            self.pages[slot / PAGE][slot % PAGE] += counts.at(at);
            self.used[slot / PAGE] = true;
        }
    }

    pub(super) fn empty_into(&mut self, values: &mut Values) {
        for (number, (used, page)) in
            (self.first_page..).zip(self.used.iter_mut().zip(&mut self.pages))
        {
            if std::mem::take(used) {
                values.add_page(number, page);
                page.fill(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(values: &Values) -> Vec<(i32, u64)> {
        values.counts().collect()
    }

    #[test]
    fn values_add_up_over_pages_and_signs() {
        let mut one = Values::default();
        let codes = [-65, -64, -1, 0, 63, 64, 40_000];
        for code in codes {
            one.add(code, 2);
        }
        let mut other = Values::default();
        other.add(63, 5);
        other.add(-1_000, 1);
        one.merge(&other);
        let expected = [
            (-1_000, 1),
            (-65, 2),
            (-64, 2),
            (-1, 2),
            (0, 2),
            (63, 7),
            (64, 2),
            (40_000, 2),
        ];
        assert_eq!(listed(&one), expected);
        assert_eq!(listed(&Values::default()), []);
    }

    #[test]
    fn a_tray_counts_from_any_least_code_and_is_empty_afterwards() {
        let mut tray = Tray::default();
        for least in [-130, -64, -3, 0, 61, 39_929] {
            let codes: [u16; 4] = [0, 3, 300, 3];
            let counts: [u8; 4] = [1, 2, 3, 4];
            tray.begin(least, 301);
            tray.add((&codes[..], &counts[..]), 0..3);
            tray.add((&codes[..], &counts[..]), 3..4);
            let mut values = Values::default();
            tray.empty_into(&mut values);
            let expected = [(least, 1), (least + 3, 6), (least + 300, 3)];
            assert_eq!(listed(&values), expected);
            tray.empty_into(&mut values);
            assert_eq!(listed(&values), expected);
        }
    }
}
