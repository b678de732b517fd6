//! Whether the latest release spreads unlike those before it: its share of the active installs beside
//! theirs at the same age. Pure.

use super::upgrade::Spreading;
use super::{release, share};
use crate::store::Day;

/// Ages at which a release is compared.
const AGES: std::ops::RangeInclusive<usize> = 5..=60;
/// Earlier releases that are needed, and that are looked at.
const LEAST_EARLIER: usize = 3;
const MOST_EARLIER: usize = 6;
/// Shares of earlier releases differ by this much at least, whatever few of them say.
const LEAST_SPREAD: f64 = 0.02;
/// How many times their spread a share must lie from theirs.
const MOST_SPREADS: f64 = 4.0;
/// Differences under this share are nobody's worry.
const LEAST_DIFFERENCE: f64 = 0.1;

/// A release that spreads unlike earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unusual {
    pub(crate) version: String,
    /// The day it was first seen on more than a few installs.
    pub(crate) day: Day,
    pub(crate) days: u64,
    pub(crate) share: f64,
    pub(crate) active: u64,
    /// Lowest and highest share of the earlier releases at that age, and how many they are.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) earlier: usize,
}

impl Unusual {
    pub(crate) fn is_fast(&self) -> bool {
        self.share > self.high
    }
}

/// Looks at the latest release that opens a line; `releases` begin with the newest version.
pub(crate) fn find(releases: &[Spreading]) -> Option<Unusual> {
    let mut minor = releases
        .iter()
        .filter(|release| release::is_minor(&release.version));
    let latest = minor.next()?;
    let age = latest.steps.len().checked_sub(1)?;
    let at = |release: &Spreading| {
        let &(on, active) = release.steps.get(age)?;
        (active > 0).then(|| share(on, active))
    };
    let earlier: Vec<f64> = minor.filter_map(at).take(MOST_EARLIER).collect();
    if !AGES.contains(&age) || earlier.len() < LEAST_EARLIER {
        return None;
    }
    let own = at(latest)?;
    let n = earlier.len() as f64;
    let mean = earlier.iter().sum::<f64>() / n;
    let squares: f64 = earlier.iter().map(|share| (share - mean).powi(2)).sum();
    let spread = (squares / (n - 1.0)).sqrt().max(LEAST_SPREAD) * (1.0 + 1.0 / n).sqrt();
    let difference = (own - mean).abs();
    let unusual = difference > spread * MOST_SPREADS && difference >= LEAST_DIFFERENCE;
    unusual.then(|| Unusual {
        version: latest.version.clone(),
        day: latest.day,
        days: age as u64,
        share: own,
        active: latest.now().1,
        low: earlier.iter().copied().fold(1.0, f64::min),
        high: earlier.iter().copied().fold(0.0, f64::max),
        earlier: earlier.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_compared_at_the_same_age() {
        let release = |version: &str, days: u64, speed: u64| Spreading {
            version: version.to_owned(),
            day: Day(0),
            steps: (0..=days)
                .map(|day| ((day * speed).min(100), 100))
                .collect(),
        };
        let earlier = |speed| release("5.5.0", 12, speed);
        let of = |latest: Spreading, releases: &[(&str, u64)]| {
            let mut all = vec![latest];
            all.extend(
                releases
                    .iter()
                    .map(|(version, speed)| release(version, 90, *speed)),
            );
            find(&all).map(|found| (found.days, found.is_fast(), found.earlier))
        };
        let known = [("5.4.0", 3), ("5.4.1", 8), ("5.3.0", 3), ("5.2.0", 3)];
        assert_eq!(of(earlier(3), &known), None);
        assert_eq!(of(earlier(1), &known), Some((12, false, 3)));
        assert_eq!(of(earlier(7), &known), Some((12, true, 3)));
        assert_eq!(of(earlier(7), &known[..3]), None);
        assert_eq!(of(release("5.5.0", 3, 20), &known), None);
        assert_eq!(find(&[]), None);
    }
}
