//! The span of days a fleet is seen over, and on which of them installs arrive.

use super::catalog::{RELEASES, Release};
use super::dice::Dice;

/// Day 0 is 1970-01-01, a Thursday; Monday is 0.
const EPOCH_WEEKDAY: i32 = 3;

#[derive(Clone, Debug)]
pub(crate) struct Horizon {
    /// Days since 1970-01-01 of the first day.
    pub(crate) start: i32,
    pub(crate) days: i32,
    pub(crate) now_ms: i64,
    /// Sums of the chance of arrival up to each day.
    arrivals: Vec<f64>,
}

impl Horizon {
    pub(crate) fn new(now_ms: i64, days: i32) -> Self {
        let today = i32::try_from(now_ms.div_euclid(super::DAY_MS)).unwrap_or(i32::MAX);
        let mut horizon = Self {
            start: today + 1 - days,
            days,
            now_ms,
            arrivals: Vec::new(),
        };
        let mut sum = 0.0;
        for day in 0..days {
            sum += horizon.arrival_weight(day);
            horizon.arrivals.push(sum);
        }
        horizon
    }

    /// The same, seen at the end of its last day.
    pub(crate) fn to_midnight(&self) -> Self {
        Self {
            now_ms: i64::from(self.start + self.days) * super::DAY_MS,
            ..self.clone()
        }
    }

    pub(crate) fn draw_first(&self, dice: &mut Dice) -> i32 {
        let at = dice.unit() * self.arrivals.last().copied().unwrap_or(0.0);
        let day = self.arrivals.partition_point(|sum| *sum < at);
        i32::try_from(day).unwrap_or(0).min(self.days - 1)
    }

    /// Index of the day a release came out; negative before the first day.
    pub(crate) fn release_day(&self, release: &Release) -> i32 {
        self.days - 1 - release.age_days
    }

    pub(crate) fn days_before_end(&self, day: i32) -> i32 {
        self.days - 1 - day
    }

    /// Monday is 0.
    pub(crate) fn weekday(&self, day: i32) -> i32 {
        (self.start + day + EPOCH_WEEKDAY).rem_euclid(7)
    }

    /// More and more arrive, at weekends and after a release even more.
    fn arrival_weight(&self, day: i32) -> f64 {
        let mut weight = 1.0 + 0.6 * f64::from(day) / f64::from(self.days);
        for release in &RELEASES {
            let age = day - self.release_day(release);
            if (0..12).contains(&age) {
                weight *= 1.0 + 0.5 * (f64::from(-age) / 5.0).exp();
            }
        }
        weight * if self.weekday(day) >= 5 { 1.25 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_right() {
        // 2026-11-22 was a Sunday.
        let horizon = Horizon::new(1_795_348_800_000, 10);
        assert_eq!(horizon.weekday(9), 6);
        assert_eq!(horizon.weekday(3), 0);
    }
}
