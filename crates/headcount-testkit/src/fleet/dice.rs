//! A small seeded source of chance whose numbers never change with a dependency's version.

use std::f64::consts::TAU;

/// SplitMix64: one add and three mixes a number; good enough for a fleet, not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// An independent source for one thing among many, the same whatever was drawn before.
    pub(crate) fn of(seed: u64, which: [u64; 2]) -> Self {
        Self(mix(mix(mix(seed) ^ which[0]).wrapping_add(which[1])))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Evenly in `0.0..1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Evenly in `0..bound`; 0 for an empty range.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the high half of a product of u64s"
    )]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Standard normal.
    pub(crate) fn gauss(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.gauss()).exp()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    pub(crate) fn weibull(&mut self, scale: f64, shape: f64) -> f64 {
        scale * (-(1.0 - self.unit()).ln()).powf(1.0 / shape)
    }

    /// Number of hits where `mean` are expected; normal beyond 30, where both agree.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded and not negative"
    )]
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.gauss()).round().max(0.0) as u32;
        }
        let floor = (-mean).exp();
        let (mut hits, mut product) = (0, self.unit());
        while product > floor {
            hits += 1;
            product *= self.unit();
        }
        hits
    }

    /// Index of one of `weights`, by weight.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = f64> + Clone) -> usize {
        let total: f64 = weights.clone().sum();
        let mut rest = self.unit() * total;
        let mut last = 0;
        for (index, weight) in weights.enumerate() {
            last = index;
            rest -= weight;
            if rest < 0.0 {
                break;
            }
        }
        last
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_where_they_belong() {
        let mut dice = Dice::of(1, [0, 0]);
        let mut mean = |draw: &dyn Fn(&mut Dice) -> f64| {
            (0..20_000).map(|_| draw(&mut dice)).sum::<f64>() / 20_000.0
        };
        for (got, expected) in [
            (mean(&|dice| dice.unit()), 0.5),
            (mean(&|dice| dice.gauss() + 1.0), 1.0),
            (mean(&|dice| dice.exponential(4.0)), 4.0),
            (mean(&|dice| f64::from(dice.poisson(3.0))), 3.0),
            (mean(&|dice| f64::from(dice.poisson(90.0))), 90.0),
            (mean(&|dice| dice.weibull(2.0, 1.0)), 2.0),
            (mean(&|dice| f64::from(u8::from(dice.chance(0.25)))), 0.25),
        ] {
            assert!((got - expected).abs() < 0.05 * expected, "{got} {expected}");
        }
    }

    #[test]
    fn choices_stay_in_range() {
        let mut dice = Dice::of(2, [0, 0]);
        let mut seen = [0; 3];
        for _ in 0..3_000 {
            seen[dice.below(3)] += 1;
            let heavy = dice.weighted([0.0, 5.0].into_iter());
            assert_eq!(heavy, 1);
        }
        assert!(seen.iter().all(|&n| n > 900), "{seen:?}");
        assert_eq!(Dice::of(1, [2, 3]).next(), Dice::of(1, [2, 3]).next());
        assert_ne!(Dice::of(1, [2, 3]).next(), Dice::of(1, [3, 2]).next());
    }
}
