//! `survival`: the share of installs that still report so many days after their first report, by
//! Kaplan and Meier, with a 95 % band.

use std::collections::BTreeMap;

use super::interval::Z95;
use super::{Body, Cell, Params, ReportError, Source};
use crate::query::{DayRange, Life, LivesQuery};

pub(crate) const COLUMNS: [&str; 6] = ["age_days", "kept", "low", "high", "at_risk", "gone"];

/// An install is gone when it was silent for so many days.
const SILENT_DAYS: i32 = 7;

/// One day of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) age_days: u64,
    /// Share that still reports at this age or later.
    pub(crate) kept: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Installs whose fate at this age is known.
    pub(crate) at_risk: u64,
    /// Installs that reported for the last time the day before this age.
    pub(crate) gone: u64,
}

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let found = (source.lives)(&LivesQuery {
        range: params.range,
        filter: params.filter.clone(),
        cut: None,
    })?;
    let rows = curve(&found.lives, params.range)
        .into_iter()
        .map(|step| {
            vec![
                Cell::Count(step.age_days),
                Cell::Number(step.kept),
                Cell::Number(step.low),
                Cell::Number(step.high),
                Cell::Count(step.at_risk),
                Cell::Count(step.gone),
            ]
        })
        .collect();
    Ok(Body {
        base: found.installs,
        rows,
    })
}

/// The curve of some lives seen up to the end of a range.
///
/// An install that was silent for the last 7 days of the range or longer is gone, at the age one day
/// after its last report. All others are known to report up to the 7th day before the end and are
/// censored there: later days could show them active but never gone. The band is that of
/// log(-log kept) with Greenwood's variance (Kalbfleisch and Prentice 2002, section 1.4); where all or
/// none are kept it is Wilson's bound of as many installs as are at risk.
pub(crate) fn curve(lives: &[Life], range: DayRange) -> Vec<Step> {
    let known = range.to.0 - SILENT_DAYS;
    // By age: installs gone at it, and installs last known at it.
    let mut gone: BTreeMap<i32, u64> = BTreeMap::new();
    let mut censored: BTreeMap<i32, u64> = BTreeMap::new();
    for life in lives.iter().filter(|life| life.first.0 <= known) {
        let (ends, age) = if life.last.0 < known {
            (&mut gone, life.last.0 - life.first.0 + 1)
        } else {
            (&mut censored, known - life.first.0)
        };
        *ends.entry(age).or_default() += life.installs;
    }
    let mut at_risk: u64 = gone.values().chain(censored.values()).sum();
    let (mut kept, mut variance, mut none_since) = (1.0, 0.0, at_risk);
    let mut out = Vec::new();
    for age in 0.. {
        if at_risk == 0 {
            break;
        }
        let dead = gone.get(&age).copied().unwrap_or(0);
        let (n, d) = (at_risk as f64, dead as f64);
        if dead > 0 {
            none_since = at_risk;
            kept *= (n - d) / n;
            variance += d / (n * (n - d));
        }
        let risk = if kept == 0.0 { none_since } else { at_risk };
        let (low, high) = band(kept, variance, risk);
        out.push(Step {
            age_days: u64::from(age.unsigned_abs()),
            kept,
            low,
            high,
            at_risk,
            gone: dead,
        });
        at_risk -= dead + censored.get(&age).copied().unwrap_or(0);
    }
    out
}

fn band(kept: f64, variance: f64, at_risk: u64) -> (f64, f64) {
    let few = Z95 * Z95 / (at_risk as f64 + Z95 * Z95);
    if kept >= 1.0 {
        return (1.0 - few, 1.0);
    }
    if kept <= 0.0 {
        return (0.0, few);
    }
    let log = kept.ln();
    let spread = Z95 * variance.sqrt() / log.abs();
    (kept.powf(spread.exp()), kept.powf((-spread).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Day;

    fn life(first: i32, last: i32, installs: u64) -> Life {
        Life {
            first: Day(first),
            last: Day(last),
            installs,
        }
    }

    const RANGE: DayRange = DayRange {
        from: Day(0),
        to: Day(107),
    };

    /// Freireich's 6-MP arm, as in Kalbfleisch and Prentice: remissions in weeks, here days.
    #[test]
    fn the_curve_is_that_of_the_textbook() {
        // Gone at 6, 6, 6, 7, 10, 13, 16, 22, 23; censored at 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35.
        let mut lives = Vec::new();
        for age in [6, 6, 6, 7, 10, 13, 16, 22, 23] {
            lives.push(life(0, age - 1, 1));
        }
        for age in [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35] {
            lives.push(life(100 - age, 107, 1));
        }
        let curve = curve(&lives, RANGE);
        for (age, kept) in [
            (5, 1.0),
            (6, 0.857_1),
            (7, 0.806_7),
            (10, 0.752_9),
            (13, 0.690_2),
            (16, 0.627_5),
            (22, 0.537_8),
            (23, 0.448_2),
            (35, 0.448_2),
        ] {
            let step = curve[age];
            assert!((step.kept - kept).abs() < 5e-5, "{step:?} is not {kept}");
        }
        // The log(-log) band at 10 is 0.503 to 0.889 in R's survival (conf.type = "log-log").
        assert!((curve[10].low - 0.503).abs() < 1e-3, "{:?}", curve[10]);
        assert!((curve[10].high - 0.889).abs() < 1e-3, "{:?}", curve[10]);
        assert_eq!((curve.len(), curve[35].at_risk), (36, 1));
    }

    #[test]
    fn who_reported_in_the_last_week_is_not_gone() {
        let lives = [life(0, 99, 1), life(0, 100, 1), life(0, 107, 1)];
        let curve = curve(&lives, RANGE);
        let last = curve.last().expect("there are three");
        assert_eq!((last.age_days, last.gone, last.at_risk), (100, 1, 3));
        // Seen first in the last week: nothing is known of them.
        assert_eq!(super::curve(&[life(101, 107, 9)], RANGE), []);
        assert_eq!(super::curve(&[], RANGE), []);
    }

    #[test]
    fn the_band_holds_where_all_or_none_are_kept() {
        let all = curve(&[life(90, 107, 10)], RANGE);
        assert!(all.iter().all(|step| step.kept == 1.0 && step.high == 1.0));
        assert!((all[0].low - 0.722).abs() < 1e-3, "{}", all[0].low);
        let none = curve(&[life(0, 0, 10)], RANGE);
        assert_eq!((none.len(), none[1].kept, none[1].low), (2, 0.0, 0.0));
        assert!((none[1].high - 0.278).abs() < 1e-3, "{}", none[1].high);
    }
}
