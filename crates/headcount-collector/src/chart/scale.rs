//! Where an axis starts, ends and has its ticks. Pure.

use super::number;
use super::{Mark, XTick};
use crate::reports::calendar;
use crate::store::Day;

/// How the numbers of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Share,
}

/// A y axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<f64>,
    pub(crate) unit: Unit,
}

/// Room above the highest value, as a part of the span.
const HEADROOM: f64 = 0.06;
/// Ticks wanted on a y axis, roughly.
const TICKS: f64 = 4.0;

impl Scale {
    /// From 0 to a little above the highest value.
    pub(crate) fn from_zero(high: f64, unit: Unit) -> Self {
        let high = if high > 0.0 { high } else { smallest(unit) };
        Self::between(0.0, high, unit)
    }

    /// For lines: cropped where the data spans less than a quarter of its maximum, so that a change
    /// can be seen; else from 0.
    pub(crate) fn for_line(values: impl Iterator<Item = f64> + Clone, unit: Unit) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        let low = values.fold(f64::INFINITY, f64::min).min(high);
        if high <= low || high - low >= high / 4.0 || high <= 4.0 * smallest(unit) {
            return Self::from_zero(high, unit);
        }
        Self::between(low - (high - low) * 0.08, high, unit)
    }

    fn between(low: f64, high: f64, unit: Unit) -> Self {
        let step = nice((high - low) / TICKS, unit);
        let low = if low <= 0.0 {
            0.0
        } else {
            (low / step).floor() * step
        };
        let high = high + (high - low) * HEADROOM;
        let count = ((high - low) / step + 1e-9).floor() as u32;
        let ticks = (0..=count).map(|k| low + f64::from(k) * step).collect();
        Self {
            low,
            high,
            ticks,
            unit,
        }
    }

    /// Whether the axis starts above 0.
    pub(crate) fn cropped(&self) -> bool {
        self.low > 0.0
    }

    /// A value as the axis writes it.
    pub(crate) fn text(&self, value: f64) -> String {
        match self.unit {
            Unit::Share => format!("{}%", number::fixed(value * 100.0, 1)),
            Unit::Count if value >= 1e9 => format!("{}B", number::fixed(value / 1e9, 2)),
            Unit::Count if value >= 1e6 => format!("{}M", number::fixed(value / 1e6, 2)),
            Unit::Count if value >= 1e4 => format!("{}k", number::fixed(value / 1e3, 1)),
            Unit::Count => number::count(value.round() as u64),
        }
    }
}

/// The least that an empty chart still shows: one install, one per cent.
fn smallest(unit: Unit) -> f64 {
    match unit {
        Unit::Count => 1.0,
        Unit::Share => 0.01,
    }
}

/// A step of 1, 2 or 5 times a power of ten that is no smaller than asked; counts step by at least 1.
fn nice(step: f64, unit: Unit) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|&n| n * power >= step * 0.999);
    let step = nice.unwrap_or(10.0) * power;
    match unit {
        Unit::Count => step.max(1.0),
        Unit::Share => step.max(0.001),
    }
}

/// Where the k-th of n points lies, from 0 to 1.
pub(crate) fn place(k: usize, n: usize) -> f64 {
    if n < 2 {
        1.0
    } else {
        k as f64 / (n - 1) as f64
    }
}

/// Date labels under points: about seven, every second one spare. The year stands at the first label
/// and where it changes, if the days lie in more than one; two labels so long need room between them.
pub(crate) fn date_ticks(days: &[Day]) -> Vec<XTick> {
    const STRIDES: [usize; 9] = [1, 2, 4, 5, 7, 14, 28, 56, 91];
    const MOST: usize = 8;
    let n = days.len();
    let stride = STRIDES
        .into_iter()
        .find(|stride| n.div_ceil(*stride) <= MOST)
        .unwrap_or(n.max(1));
    let year = |day: &Day| calendar::date(*day).year();
    let many_years = days.first().map(year) != days.last().map(year);
    let mut last_year = None;
    (0..n)
        .step_by(stride)
        .enumerate()
        .map(|(j, k)| {
            let this = year(&days[k]);
            let tell = many_years && last_year.replace(this) != Some(this);
            let text = if tell {
                calendar::long(days[k])
            } else {
                calendar::short(days[k])
            };
            XTick {
                at: place(k, n),
                text,
                spare: j % 2 == 1 || (tell && j == 2),
            }
        })
        // A label just before the right edge would run into the name of the axis.
        .filter(|tick| tick.at <= 0.001 || tick.at < 0.985)
        .collect()
}

/// Drops labels that would overlap, and patch releases without room: releases that open a line first.
pub(crate) fn readable(mut marks: Vec<Mark>) -> Vec<Mark> {
    const APART: f64 = 0.065;
    marks.sort_by_key(|mark| mark.minor);
    let mut kept: Vec<Mark> = Vec::new();
    for mut mark in marks {
        let crowded = kept
            .iter()
            .any(|other| !other.label.is_empty() && (other.at - mark.at).abs() < APART);
        if crowded && mark.minor {
            continue;
        }
        if crowded {
            mark.label.clear();
        }
        kept.push(mark);
    }
    kept.sort_by(|a, b| a.at.total_cmp(&b.at));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64], unit: Unit) -> (f64, Vec<f64>) {
        let scale = Scale::for_line(values.iter().copied(), unit);
        assert!(
            values.iter().all(|&v| v >= scale.low && v <= scale.high),
            "{values:?}"
        );
        (scale.low, scale.ticks)
    }

    #[test]
    fn axes_start_at_zero_unless_the_span_is_small() {
        assert_eq!(
            line(&[1_787.0, 1_911.0, 1_660.0], Unit::Count),
            (1_600.0, vec![1_600.0, 1_700.0, 1_800.0, 1_900.0])
        );
        assert_eq!(
            line(&[10.0, 40.0], Unit::Count),
            (0.0, vec![0.0, 10.0, 20.0, 30.0, 40.0])
        );
        assert_eq!(line(&[0.0, 0.0], Unit::Count), (0.0, vec![0.0, 1.0]));
        assert_eq!(
            line(&[3.0, 3.0], Unit::Count),
            (0.0, vec![0.0, 1.0, 2.0, 3.0])
        );
        assert_eq!(line(&[], Unit::Count), (0.0, vec![0.0, 1.0]));
        assert_eq!(line(&[59.0, 59.0], Unit::Count).0, 0.0);
        let (low, ticks) = line(&[1_000.0, 1_001.0], Unit::Count);
        assert!(low > 900.0 && ticks.len() > 1, "{low} {ticks:?}");
    }

    #[test]
    fn axis_texts() {
        let count = Scale::from_zero(250_000.0, Unit::Count);
        assert_eq!(
            count
                .ticks
                .iter()
                .map(|&t| count.text(t))
                .collect::<Vec<_>>(),
            ["0", "100k", "200k"]
        );
        let share = Scale::from_zero(0.4, Unit::Share);
        assert_eq!(
            share
                .ticks
                .iter()
                .map(|&t| share.text(t))
                .collect::<Vec<_>>(),
            ["0%", "10%", "20%", "30%", "40%"]
        );
    }

    #[test]
    fn dates_tell_the_year_once() {
        let days: Vec<Day> = (0..53).map(|k| Day(20_416 + 7 * k)).collect();
        let texts: Vec<String> = date_ticks(&days).into_iter().map(|t| t.text).collect();
        assert_eq!(texts[0], "24 Nov 2025");
        assert_eq!(texts.iter().filter(|t| t.contains("2026")).count(), 1);
        assert!(texts.len() <= 8);
        assert_eq!(date_ticks(&[]).len(), 0);
        assert_eq!(date_ticks(&[Day(0)]).len(), 0);
    }

    #[test]
    fn crowded_marks_lose_their_labels() {
        let mark = |at, label: &str, minor| Mark {
            at,
            label: label.into(),
            minor,
        };
        let kept = readable(vec![
            mark(0.50, "v5.4.1", true),
            mark(0.52, "v5.5.0", false),
            mark(0.54, "v5.6.0", false),
            mark(0.90, "v5.6.1", true),
        ]);
        let labels: Vec<&str> = kept.iter().map(|m| m.label.as_str()).collect();
        assert_eq!(labels, ["v5.5.0", "", "v5.6.1"]);
    }
}
