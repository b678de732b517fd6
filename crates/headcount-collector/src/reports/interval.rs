//! Intervals around shares, and quantiles of counted numbers. Pure.

/// Normal quantile of a two-sided 95 % interval.
pub(crate) const Z95: f64 = 1.959_963_985;

/// Wilson's score interval of a share at 95 % (Wilson 1927, J. Am. Stat. Assoc. 22:209); of nothing
/// it is everything, 0 to 1.
pub(crate) fn wilson(part: u64, whole: u64) -> (f64, f64) {
    if whole == 0 {
        return (0.0, 1.0);
    }
    let n = whole as f64;
    let share = part as f64 / n;
    let z2 = Z95 * Z95;
    let middle = share + z2 / (2.0 * n);
    let half = Z95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // At the ends the formula is exact; the subtraction of equal numbers is not.
    let low = if part == 0 {
        0.0
    } else {
        (middle - half) / scale
    };
    let high = if part == whole {
        1.0
    } else {
        (middle + half) / scale
    };
    (low.clamp(0.0, 1.0), high.clamp(0.0, 1.0))
}

/// The nearest-rank quantile of numbers with how often each occurs, ascending; `None` without any.
pub(crate) fn quantile(numbers: &[(f64, u64)], share: f64) -> Option<f64> {
    let all: u64 = numbers.iter().map(|(_, count)| count).sum();
    let rank = ((all as f64 * share).ceil() as u64).clamp(1, all.max(1));
    let mut before = 0;
    let found = numbers.iter().find(|(_, count)| {
        before += count;
        before >= rank
    });
    found.map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_published_figures() {
        // Newcombe 1998, Stat. Med. 17:857, table I, method 3.
        for (part, whole, low, high) in [
            (81, 263, 0.255_3, 0.366_2),
            (15, 148, 0.062_4, 0.160_5),
            (0, 20, 0.0, 0.161_1),
            (1, 29, 0.006_1, 0.171_8),
            (29, 29, 1.0 - 0.117_0, 1.0),
        ] {
            let (a, b) = wilson(part, whole);
            assert!((a - low).abs() < 6e-5, "{part}/{whole}: {a} is not {low}");
            assert!((b - high).abs() < 6e-5, "{part}/{whole}: {b} is not {high}");
        }
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let numbers = [(1.0, 5), (2.0, 4), (9.0, 1)];
        for (share, expected) in [(0.5, 1.0), (0.51, 2.0), (0.9, 2.0), (0.91, 9.0), (1.0, 9.0)] {
            assert_eq!(quantile(&numbers, share), Some(expected), "{share}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }
}
