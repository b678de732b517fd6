//! A column of numbers in the narrowest fixed width that holds them all.

use std::ops::Range;

use super::values::Whole;

/// Numbers by position.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Packed {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    /// Where one is no whole number of up to 53 bits.
    F64(Vec<f64>),
}

/// Up to here every whole number has an exact `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Packed {
    pub(super) fn of_whole(numbers: impl Iterator<Item = u64> + Clone) -> Self {
        let largest = numbers.clone().max().unwrap_or(0);
        if largest <= u64::from(u8::MAX) {
            Self::U8(numbers.map(|n| n as u8).collect())
        } else if largest <= u64::from(u16::MAX) {
            Self::U16(numbers.map(|n| n as u16).collect())
        } else if largest <= u64::from(u32::MAX) {
            Self::U32(numbers.map(|n| n as u32).collect())
        } else {
            Self::U64(numbers.collect())
        }
    }

    pub(super) fn of_any(numbers: Vec<f64>) -> Self {
        let whole = |n: &f64| n.fract() == 0.0 && (0.0..EXACT).contains(n);
        if numbers.iter().all(whole) {
            Self::of_whole(numbers.iter().map(|&n| n as u64))
        } else {
            Self::F64(numbers)
        }
    }

    /// The number at a position of a column made by `of_whole`.
    pub(super) fn whole(&self, index: usize) -> u64 {
        match self {
            Self::U8(numbers) => u64::from(numbers[index]),
            Self::U16(numbers) => u64::from(numbers[index]),
            Self::U32(numbers) => u64::from(numbers[index]),
            Self::U64(numbers) => numbers[index],
            Self::F64(numbers) => numbers[index] as u64,
        }
    }

    pub(super) fn any(&self, index: usize) -> f64 {
        match self {
            Self::F64(numbers) => numbers[index],
            Self::U8(_) | Self::U16(_) | Self::U32(_) | Self::U64(_) => self.whole(index) as f64,
        }
    }

    /// Puts the whole numbers of some positions into `out`; those beyond `u32` are cut.
    pub(super) fn copy_to(&self, positions: Range<usize>, out: &mut [u32]) {
        fn copy<T: Copy>(from: &[T], out: &mut [u32], of: impl Fn(T) -> u32) {
            for (to, &number) in out.iter_mut().zip(from) {
                *to = of(number);
            }
        }
        match self {
            Self::U8(numbers) => copy(&numbers[positions], out, u32::from),
            Self::U16(numbers) => copy(&numbers[positions], out, u32::from),
            Self::U32(numbers) => copy(&numbers[positions], out, |n| n),
            Self::U64(numbers) => copy(&numbers[positions], out, |n| n as u32),
            Self::F64(numbers) => copy(&numbers[positions], out, |n| n as u32),
        }
    }

    /// The sum of numbers at some positions after `first`.
    pub(super) fn sum(&self, first: usize, offsets: &[u32]) -> f64 {
        fn whole<T: Copy + Into<u64>>(numbers: &[T], offsets: &[u32]) -> f64 {
            let number = |&offset: &u32| -> u64 { numbers[offset as usize].into() };
            offsets.iter().map(number).sum::<u64>() as f64
        }
        match self {
            Self::U8(numbers) => whole(&numbers[first..], offsets),
            Self::U16(numbers) => whole(&numbers[first..], offsets),
            Self::U32(numbers) => whole(&numbers[first..], offsets),
            Self::U64(_) | Self::F64(_) => {
                let number = |&offset: &u32| self.any(first + offset as usize);
                offsets.iter().map(number).sum()
            }
        }
    }

    /// One more than the largest whole number, 0 of none.
    pub(super) fn end(&self) -> usize {
        // Folded, since that compares many at a time.
        fn largest<T: Copy + Default + Ord + Into<u64>>(numbers: &[T]) -> u64 {
            let most = |a: T, b: &T| a.max(*b);
            numbers.iter().fold(T::default(), most).into()
        }
        let largest = match self {
            _ if self.len() == 0 => return 0,
            Self::U8(numbers) => largest(numbers),
            Self::U16(numbers) => largest(numbers),
            Self::U32(numbers) => largest(numbers),
            Self::U64(numbers) => largest(numbers),
            Self::F64(numbers) => numbers.iter().fold(0.0, |a: f64, b| a.max(*b)) as u64,
        };
        (largest as usize).saturating_add(1)
    }

    /// The sum of the whole numbers at some positions.
    pub(super) fn total(&self, positions: Range<usize>) -> u64 {
        fn total<T: Copy + Into<u64>>(numbers: &[T]) -> u64 {
            let number = |&number: &T| -> u64 { number.into() };
            numbers.iter().map(number).sum()
        }
        let wide = |numbers: &mut dyn Iterator<Item = u64>| numbers.fold(0, u64::saturating_add);
        match self {
            Self::U8(numbers) => total(&numbers[positions]),
            Self::U16(numbers) => total(&numbers[positions]),
            Self::U32(numbers) => total(&numbers[positions]),
            Self::U64(numbers) => wide(&mut numbers[positions].iter().copied()),
            Self::F64(numbers) => wide(&mut numbers[positions].iter().map(|&n| n as u64)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::U8(numbers) => numbers.len(),
            Self::U16(numbers) => numbers.len(),
            Self::U32(numbers) => numbers.len(),
            Self::U64(numbers) => numbers.len(),
            Self::F64(numbers) => numbers.len(),
        }
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        self.len() * self.width()
    }

    fn width(&self) -> usize {
        match self {
            Self::U8(_) => 1,
            Self::U16(_) => 2,
            Self::U32(_) => 4,
            Self::U64(_) | Self::F64(_) => 8,
        }
    }
}

impl Whole for Packed {
    fn at(&self, index: usize) -> u64 {
        self.whole(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_narrow_as_can_be() {
        for (largest, width) in [(255, 1), (256, 2), (65_536, 4), (1 << 40, 8)] {
            let column = Packed::of_whole([0, largest].into_iter());
            assert_eq!(column.bytes(), 2 * width);
            assert_eq!(column.end() as u64, largest + 1);
            assert_eq!((column.whole(0), column.whole(1)), (0, largest));
            assert_eq!(column.sum(1, &[0, 0]), 2.0 * largest as f64);
            assert_eq!(column.total(0..2), largest);
            let mut copied = [9; 1];
            column.copy_to(0..1, &mut copied);
            assert_eq!(copied, [0]);
        }
        assert_eq!(Packed::of_any(vec![1.0, 3.0]), Packed::U8(vec![1, 3]));
        for number in [-1.0, 0.5, 1e300] {
            let column = Packed::of_any(vec![2.0, number]);
            assert_eq!((column.any(0), column.any(1)), (2.0, number));
        }
    }
}
