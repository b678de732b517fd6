//! Numbers in buckets: 1-2-5 steps for sizes, 2 % steps for values, and the quantiles of both. Pure.

/// Width of a value bucket: any two numbers in one differ by at most 2 %.
const STEP: f64 = 1.02;

/// Distance of bucket codes from zero, so that codes of tiny numbers keep their sign: ln(1e-324) in
/// steps is about -37,700.
const SHIFT: i32 = 40_000;

/// The value bucket of a number. Ascending numbers have ascending codes; 0 has a bucket of its own.
pub(super) fn code_of(value: f64) -> i32 {
    if value == 0.0 || value.is_nan() {
        return 0;
    }
    let size = value.abs().min(f64::MAX);
    let steps = (size.ln() / STEP.ln()).floor() as i32 + SHIFT;
    if value < 0.0 { -steps } else { steps }
}

/// A number of the bucket: a whole one where there is one, so that counts read as counts.
pub(super) fn value_of(code: i32) -> f64 {
    if code == 0 {
        return 0.0;
    }
    let steps = f64::from(code.abs() - SHIFT);
    let middle = ((steps + 0.5) * STEP.ln()).exp();
    let near = [middle.round(), middle.floor(), middle.ceil()]
        .into_iter()
        .find(|&whole| whole != 0.0 && code_of(whole) == code.abs());
    near.unwrap_or(middle).copysign(f64::from(code))
}

/// Median (mean of the two middle values) and 90th percentile (nearest rank) of values by bucket,
/// ascending.
pub(super) fn quantiles(counts: impl Iterator<Item = (i32, u64)> + Clone) -> Option<(f64, f64)> {
    let all: u64 = counts.clone().map(|(_, count)| count).sum();
    if all == 0 {
        return None;
    }
    let at = |index: u64| {
        let mut before = 0;
        let found = counts.clone().find(|&(_, count)| {
            before += count;
            before > index
        });
        found.map_or(0.0, |(code, _)| value_of(code))
    };
    let (low, high) = (at((all - 1) / 2), at(all / 2));
    Some((low.midpoint(high), at(nearest_rank_90(all))))
}

/// The same of exact numbers; sorts them.
pub(super) fn exact_quantiles(numbers: &mut [u64]) -> Option<(f64, f64)> {
    if numbers.is_empty() {
        return None;
    }
    numbers.sort_unstable();
    let last = numbers.len() - 1;
    let at = |index: usize| numbers[index.min(last)] as f64;
    let median = at(last / 2).midpoint(at(numbers.len() / 2));
    Some((median, at(nearest_rank_90(numbers.len() as u64) as usize)))
}

fn nearest_rank_90(all: u64) -> u64 {
    (all * 9).div_ceil(10) - 1
}

/// Largest size bucket: 1e19 and more.
const LAST_SIZE: u64 = 58;

/// The 1-2-5 bucket of a size: 0, 1, 2-4, 5-9, 10-19, ... numbered from 0.
pub(super) fn size_bucket(size: u64) -> u64 {
    let Some(digits) = size.checked_ilog10() else {
        return 0;
    };
    let step = match size / 10_u64.pow(digits) {
        0 | 1 => 0,
        2..=4 => 1,
        _ => 2,
    };
    1 + u64::from(digits) * 3 + step
}

/// Smallest and largest size of a bucket.
pub(super) fn size_bounds(bucket: u64) -> (u64, u64) {
    let low = |bucket: u64| match bucket {
        0 => 0,
        _ => [1, 2, 5][(bucket as usize - 1) % 3] * 10_u64.pow((bucket as u32 - 1) / 3),
    };
    if bucket >= LAST_SIZE {
        (low(LAST_SIZE), u64::MAX)
    } else {
        (low(bucket), low(bucket + 1) - 1)
    }
}

/// A bucket as text: `10-19`, or the number where it holds only one.
pub(super) fn size_text(bucket: u64) -> String {
    let (low, high) = size_bounds(bucket);
    if low == high {
        low.to_string()
    } else {
        format!("{low}-{high}")
    }
}

/// Reads what `size_text` writes, and any other range.
pub(super) fn size_range(text: &str) -> Option<(u64, u64)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((low.parse().ok()?, high.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_stay_within_two_percent() {
        let mut value = 1e-12;
        while value < 1e15 {
            for signed in [value, -value] {
                let back = value_of(code_of(signed));
                assert!((back / signed - 1.0).abs() < 0.020_001, "{signed} {back}");
            }
            value *= 1.003_7;
        }
        for whole in 0..=50 {
            assert_eq!(value_of(code_of(f64::from(whole))), f64::from(whole));
        }
        assert!(code_of(f64::MAX) > code_of(1.0) && code_of(-1.0) > code_of(f64::MIN));
        assert!(code_of(5e-324) > 0 && code_of(-5e-324) < 0);
        assert!(value_of(code_of(f64::INFINITY)).is_finite());
    }

    #[test]
    fn quantiles_of_few_numbers() {
        let of = |numbers: &[i32]| {
            let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
            for &n in numbers {
                *counts.entry(code_of(f64::from(n))).or_default() += 1;
            }
            quantiles(counts.iter().map(|(&code, &count)| (code, count)))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some((7.0, 7.0)));
        assert_eq!(of(&[1, 4]), Some((2.5, 4.0)));
        assert_eq!(of(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), Some((5.5, 9.0)));
        assert_eq!(
            exact_quantiles(&mut [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
            Some((5.5, 9.0))
        );
        assert_eq!(exact_quantiles(&mut []), None);
    }

    #[test]
    fn sizes_fall_into_their_bucket() {
        for size in [0, 1, 2, 4, 5, 9, 10, 19, 20, 49, 50, 99, 100, u64::MAX] {
            let (low, high) = size_bounds(size_bucket(size));
            assert!(low <= size && size <= high, "{size}");
        }
        for bucket in 0..=LAST_SIZE {
            let (low, high) = size_bounds(bucket);
            assert_eq!((size_bucket(low), size_bucket(high)), (bucket, bucket));
            assert_eq!(size_range(&size_text(bucket)), Some((low, high)));
        }
        assert_eq!(size_text(size_bucket(12)), "10-19");
        assert_eq!(size_range("ten"), None);
    }
}
