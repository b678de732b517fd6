//! How strong the evidence is that a task fails more since a release, right under repeated looks. Pure.
//!
//! Runs of one install are not independent, nor are runs of one day (a service that is down fails
//! everywhere), and those who upgrade early are not like those who wait. So:
//!
//! * each install is compared with itself: what it failed in the weeks before the release, beside all
//!   others on the same days, says what to expect of its runs;
//! * the days after the release are compared with themselves: what the installs on older versions fail
//!   on a day, beside what was to be expected of them, is the level of that day, for the newer side too;
//! * the install is the unit: the variance is the sum over installs of the square of all that each adds
//!   to the score, on either side and before.
//!
//! The score S with variance V becomes an e-value by a mixture over half a normal distribution
//! (Robbins 1970, Ann. Math. Stat. 41:1397; for sums with an estimated variance Waudby-Smith et al.
//! 2021, arXiv:2103.06476). If the release changed nothing, the chance that it *ever* exceeds 1/a is at
//! most about a, however often one looks: it may be asked each day, and an answer may be acted on at
//! once. E-values of many tasks and releases are held against 1/a times their number.

use rustc_hash::FxHashMap;

use crate::query::Tally;

/// Variance at which the mixture is most sensitive, in failures: some dozens, when a rise of a few
/// times can first be told.
const TUNED_VARIANCE: f64 = 100.0;
/// Days with runs before the release that an install needs to be compared with itself.
const LEAST_HISTORY: u32 = 7;
/// Runs of a day beyond so many times the usual ones of an install count less: its history is too
/// short for them.
const MOST_RUNS: f64 = 3.0;
/// Installs that each side needs before the normal approximation is trusted.
const LEAST_INSTALLS: usize = 15;
/// How many times as much may be expected of the newer side as of the older: beyond it the few that
/// stayed would tell the level of a day for all.
const MOST_LEVERAGE: f64 = 4.0;
/// Installs on the newer side that must have failed.
const LEAST_FAILING: usize = 8;

/// What is known so far of one task and one release.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    installs: FxHashMap<u32, Score>,
}

/// What one install adds.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    /// Before the release: days with runs, runs, failures, and failures expected of anyone.
    days: u32,
    runs_before: f64,
    failed_before: f64,
    expected_before: f64,
    /// On newer versions: runs, failures, failures expected.
    runs: f64,
    failed: f64,
    expected: f64,
    /// On older versions after the release: how far it pulled the level of the days up.
    pull: f64,
}

impl Score {
    /// How many times as often it failed as all others.
    fn usual(&self) -> f64 {
        self.failed_before / self.expected_before.max(f64::MIN_POSITIVE)
    }

    /// A day's runs and failures, as far as its history can tell of them.
    fn weighed(&self, tally: &Tally) -> Option<(f64, f64)> {
        if self.days < LEAST_HISTORY || self.expected_before <= 0.0 {
            return None;
        }
        let most = MOST_RUNS * self.runs_before / f64::from(self.days);
        let part = (most / tally.runs).min(1.0);
        Some((tally.runs * part, tally.failures * part))
    }
}

/// What the evidence says on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// Natural logarithm of the e-value; below 0 where nothing speaks for a rise.
    pub(crate) log_e: f64,
    /// How many times as often it fails, with a 95 % interval of this moment.
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Share of runs that failed on newer versions, and that would have without the rise.
    pub(crate) rate: f64,
    pub(crate) rate_before: f64,
    /// Installs that ran it on newer versions and were known before.
    pub(crate) installs: u64,
}

impl Evidence {
    /// Takes in a day before the release.
    pub(crate) fn before(&mut self, day: &[Tally]) {
        let older = || day.iter().filter(|tally| !tally.newer);
        let (runs, failures) = older().fold((0.0, 0.0), |sum, tally| {
            (sum.0 + tally.runs, sum.1 + tally.failures)
        });
        for tally in older() {
            let score = self.installs.entry(tally.install).or_default();
            score.days += 1;
            score.runs_before += tally.runs;
            score.failed_before += tally.failures;
            score.expected_before += tally.runs * failures / runs;
        }
    }

    /// Takes in a day after it.
    pub(crate) fn after(&mut self, day: &[Tally]) {
        let known = |newer: bool| {
            let installs = &self.installs;
            day.iter().filter_map(move |tally| {
                let score = installs
                    .get(&tally.install)
                    .filter(|_| tally.newer == newer)?;
                let (runs, failures) = score.weighed(tally)?;
                Some((tally.install, runs, failures, runs * score.usual()))
            })
        };
        let older: Vec<_> = known(false).collect();
        let newer: Vec<_> = known(true).collect();
        let failures: f64 = older.iter().map(|(_, _, failures, _)| failures).sum();
        let usual: f64 = older.iter().map(|(.., usual)| usual).sum();
        if older.len() < LEAST_INSTALLS || usual <= 0.0 {
            return;
        }
        let level = failures / usual;
        let leverage = newer.iter().map(|(.., usual)| usual).sum::<f64>() / usual;
        if leverage > MOST_LEVERAGE {
            return;
        }
        for (install, runs, failures, usual) in newer {
            let score = self.installs.entry(install).or_default();
            score.runs += runs;
            score.failed += failures;
            score.expected += level * usual;
        }
        for (install, _, failures, usual) in older {
            let score = self.installs.entry(install).or_default();
            score.pull += (failures - level * usual) * leverage;
        }
    }

    /// What it says now.
    pub(crate) fn verdict(&self) -> Verdict {
        let moved = || self.installs.values().filter(|score| score.runs > 0.0);
        let sum = |of: fn(&Score) -> f64| moved().map(of).sum::<f64>();
        let (runs, failed, expected) = (sum(|s| s.runs), sum(|s| s.failed), sum(|s| s.expected));
        let installs = moved().count();
        let failing = moved().filter(|score| score.failed > 0.0).count();
        if installs < LEAST_INSTALLS || failing < LEAST_FAILING || expected <= 0.0 {
            return Verdict {
                installs: installs as u64,
                ..Verdict::default()
            };
        }
        let ratio = failed / expected;
        let own = |score: &Score| score.failed - ratio * score.expected - ratio * score.pull;
        let variance: f64 = self.installs.values().map(|s| own(s).powi(2)).sum();
        let half = 1.96 * variance.sqrt() / expected;
        // Counts vary as much as they are large: without the rise they would vary that much less.
        let variance = variance / ratio.max(1.0);
        Verdict {
            log_e: log_e(failed - expected, variance),
            ratio,
            low: (ratio - half).max(0.0),
            high: ratio + half,
            rate: failed / runs,
            rate_before: expected / runs,
            installs: installs as u64,
        }
    }
}

/// What `log_e` must reach so that, of so many tests, at most `alarms` are false on average. The bound
/// holds for sums without end; that the variance is estimated from some dozens of installs takes a part
/// of it back, as the simulated years show.
pub(crate) fn threshold(tests: f64, alarms: f64) -> f64 {
    const ESTIMATED: f64 = 3.0;
    (ESTIMATED * tests / alarms).ln()
}

/// The logarithm of the mixture of exp(l S - l^2 V / 2) over l > 0, half normal.
fn log_e(score: f64, variance: f64) -> f64 {
    if score <= 0.0 {
        return -1.0;
    }
    let wide = variance + TUNED_VARIANCE;
    let z = score / wide.sqrt();
    std::f64::consts::LN_2 + 0.5 * (TUNED_VARIANCE / wide).ln() + z * z / 2.0 + normal_below(z).ln()
}

/// The normal distribution function for z >= 0, within 1e-5 (Abramowitz and Stegun 26.2.16).
fn normal_below(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.332_67 * z);
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    1.0 - density * t * (0.436_183_6 + t * (-0.120_167_6 + t * 0.937_298))
}

#[cfg(test)]
mod tests;
