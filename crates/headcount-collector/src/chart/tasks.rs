//! One task: runs over time with the share that failed, failure rates by version, spread of values. Pure.

use super::figure::{DataTable, Figure, square};
use super::line::{pieces, said_of};
use super::number;
use super::scale::{Scale, Unit, date_ticks, readable};
use super::{Bar, End, Hover, Mark, Plot, Point, XTick};
use crate::reports::{calendar, share};
use crate::store::Day;

const RUNS_HEIGHT: u32 = 150;
const SHARE_HEIGHT: u32 = 72;
const VALUES_HEIGHT: u32 = 188;
const ROW_HEIGHT: u32 = 27;

/// Runs and failures for each of some days or weeks.
pub(crate) struct Runs {
    pub(crate) days: Vec<Day>,
    pub(crate) runs: Vec<u64>,
    pub(crate) failures: Vec<u64>,
    /// `day` or `week`.
    pub(crate) each: &'static str,
    /// Share that failed in the time compared with.
    pub(crate) before: Option<f64>,
    pub(crate) marks: Vec<Mark>,
    /// Days or weeks that were broken, as many as there are or none, and what is said of them.
    pub(crate) gaps: Vec<bool>,
    pub(crate) about: String,
    /// HTML at the end of the title line.
    pub(crate) end: String,
}

impl Runs {
    /// The chart as HTML: runs, and below an aligned strip with the share that failed.
    pub(crate) fn html(&self) -> String {
        let figure = Figure {
            title: "Runs over time".to_owned(),
            about: self.about.clone(),
            key: square("f2", "succeeded") + &square("fb", "failed"),
            end: self.end.clone(),
            plot: self.bars() + &self.strip(),
            table: self.table(),
        };
        figure.html()
    }

    fn bars(&self) -> String {
        let n = self.days.len().max(1) as f64;
        let high = self.runs.iter().max().copied().unwrap_or(0) as f64;
        let mut plot = Plot::new(
            RUNS_HEIGHT,
            Scale::from_zero(high, Unit::Count),
            &self.describe(),
        )
        .axes(&format!("runs per {}", self.each), "")
        .y_ticks();
        plot = self.shaded(plot);
        for (k, (&runs, &failed)) in self.runs.iter().zip(&self.failures).enumerate() {
            if self.is_gap(k) {
                continue;
            }
            let bar = |base: u64, value: u64, class| Bar {
                x: (k as f64 + 0.09) / n,
                width: 0.82 / n,
                base: base as f64,
                value: value as f64,
                class,
            };
            plot = plot
                .bar(&bar(failed, runs.saturating_sub(failed), "f2"))
                .bar(&bar(0, failed, "fb"));
        }
        plot.marks(&readable(self.marks.clone()))
            .ends(&[])
            .html(Hover::Bands, 0)
    }

    fn strip(&self) -> String {
        let n = self.days.len().max(1) as f64;
        let rate = |k: usize| share(self.failures[k], self.runs[k]);
        let told = |k: usize| self.runs[k] > 0 && !self.is_gap(k);
        let pieces: Vec<Vec<Point>> = pieces(&self.gaps, self.days.len())
            .into_iter()
            .map(|piece| piece.filter(|&k| told(k)))
            .map(|piece| piece.map(|k| ((k as f64 + 0.5) / n, rate(k))).collect())
            .collect();
        let points = || pieces.iter().flatten();
        let high = points().map(|point| point.1);
        let high = high.chain(self.before).fold(0.0, f64::max);
        let ticks: Vec<XTick> = date_ticks(&self.days)
            .into_iter()
            .map(|tick| XTick {
                at: (tick.at * (n - 1.0).max(0.0) + 0.5) / n,
                ..tick
            })
            .collect();
        let silent: Vec<Mark> = self
            .marks
            .iter()
            .map(|mark| Mark {
                label: String::new(),
                ..mark.clone()
            })
            .collect();
        let describe = points().last().map_or_else(
            || "No run".to_owned(),
            |(_, last)| format!("Share that failed: {} at the end.", number::percent(*last)),
        );
        let mut plot = Plot::new(SHARE_HEIGHT, Scale::from_zero(high, Unit::Share), &describe)
            .axes("% of runs that failed", self.each)
            .y_ticks()
            .x_ticks(&ticks)
            .marks(&silent);
        plot = self.shaded(plot);
        let mut ends = Vec::new();
        if let Some(before) = self.before {
            plot = plot.line(&[(0.0, before), (1.0, before)], " pv");
            ends.push(End {
                value: before,
                text: format!("{} before", number::percent(before)),
                strong: String::new(),
                swatch: "",
            });
        }
        if let Some(&(_, last)) = points().last() {
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                plot = plot.line(piece, " bd");
            }
            ends.push(End {
                value: last,
                text: String::new(),
                strong: number::percent(last),
                swatch: "",
            });
        }
        plot.ends(&ends).html(Hover::Bands, 0)
    }

    fn is_gap(&self, k: usize) -> bool {
        self.gaps.get(k).copied().unwrap_or(false)
    }

    /// A shade over what was broken.
    fn shaded(&self, mut plot: Plot) -> Plot {
        let n = self.days.len().max(1) as f64;
        let top = plot.top();
        for k in (0..self.days.len()).filter(|&k| self.is_gap(k)) {
            let across = |y: f64| [(k as f64 / n, y), ((k + 1) as f64 / n, y)];
            plot = plot.area(&across(top), &across(0.0), "an");
        }
        plot
    }

    fn describe(&self) -> String {
        let (runs, failed): (u64, u64) = (self.runs.iter().sum(), self.failures.iter().sum());
        format!(
            "Stacked bars, runs per {}: {} in all, {} of them failed.",
            self.each,
            number::count(runs),
            number::count(failed)
        )
    }

    fn table(&self) -> DataTable {
        let row = |k: usize| {
            let (runs, failed) = (self.runs[k], self.failures[k]);
            let rate = match runs {
                0 => String::new(),
                _ => number::percent(share(failed, runs)),
            };
            vec![
                said_of(calendar::short(self.days[k]), self.is_gap(k)),
                number::count(runs),
                number::count(failed),
                rate,
            ]
        };
        let first = if self.each == "day" { "Day" } else { "Week of" };
        DataTable {
            caption: format!("Runs by {}", self.each),
            head: [first, "Runs", "Failed", "Share failed"]
                .map(str::to_owned)
                .to_vec(),
            rows: (0..self.days.len()).map(row).collect(),
        }
    }
}

/// Failure rates by version, the newest first.
pub(crate) struct Rates {
    pub(crate) rows: Vec<Rate>,
    /// HTML at the end of the title line.
    pub(crate) end: String,
}

/// One version.
pub(crate) struct Rate {
    pub(crate) version: String,
    pub(crate) runs: u64,
    pub(crate) failures: u64,
    pub(crate) installs: u64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// Whether it fails more than the versions before.
    pub(crate) worse: bool,
}

impl Rates {
    /// The chart as HTML: a dot and a whisker for each version.
    pub(crate) fn html(&self) -> String {
        let figure = Figure {
            title: "Failure rate by version".to_owned(),
            about: match self.rows.iter().any(|row| row.worse) {
                true => "Filled dots: versions that fail more than those before",
                false => "Share of runs that failed, with its 95% interval",
            }
            .to_owned(),
            key: String::new(),
            end: self.end.clone(),
            plot: self.plot(),
            table: self.table(),
        };
        figure.html()
    }

    fn plot(&self) -> String {
        let rows = u32::try_from(self.rows.len()).unwrap_or(1).max(1);
        let high = self.rows.iter().map(|row| row.high).fold(0.0, f64::max);
        let scale = Scale::from_zero(high, Unit::Share);
        let mut plot = Plot::new(ROW_HEIGHT * rows, scale, &self.describe())
            .axes("app version", "")
            .value_axis("% of runs that failed");
        for (k, row) in self.rows.iter().enumerate() {
            let y = (k as f64 + 0.5) * f64::from(ROW_HEIGHT);
            let rate = share(row.failures, row.runs);
            plot = plot.whisker(y, &row.version, (row.low, rate, row.high), row.worse);
        }
        plot.html(Hover::Bands, 0)
    }

    fn describe(&self) -> String {
        let each = |row: &Rate| {
            let rate = share(row.failures, row.runs);
            format!("{} {}", row.version, number::percent(rate))
        };
        let all: Vec<String> = self.rows.iter().map(each).collect();
        format!("Dot plot of failure rate by version: {}.", all.join(", "))
    }

    fn table(&self) -> DataTable {
        let row = |row: &Rate| {
            vec![
                row.version.clone(),
                number::count(row.runs),
                number::count(row.failures),
                number::percent(share(row.failures, row.runs)),
                format!(
                    "{} to {}",
                    number::percent(row.low),
                    number::percent(row.high)
                ),
                number::count(row.installs),
            ]
        };
        DataTable {
            caption: "Failure rate by version".to_owned(),
            head: [
                "Version",
                "Runs",
                "Failed",
                "Rate",
                "95% interval",
                "Installs",
            ]
            .map(str::to_owned)
            .to_vec(),
            rows: self.rows.iter().map(row).collect(),
        }
    }
}

/// How often a task told which numbers.
pub(crate) struct Values {
    /// What a step is called, and its runs.
    pub(crate) steps: Vec<(String, u64)>,
    /// HTML at the end of the title line.
    pub(crate) end: String,
}

impl Values {
    /// The histogram as HTML.
    pub(crate) fn html(&self) -> String {
        let all: u64 = self.steps.iter().map(|(_, runs)| runs).sum();
        let figure = Figure {
            title: "Values".to_owned(),
            about: format!(
                "The number a run told, of {}",
                match all {
                    1 => "1 run that told one".to_owned(),
                    all => format!("{} runs that told one", number::count(all)),
                }
            ),
            key: String::new(),
            end: self.end.clone(),
            plot: self.plot(all),
            table: DataTable {
                caption: "Values told".to_owned(),
                head: ["Value", "Runs", "Share"].map(str::to_owned).to_vec(),
                rows: self
                    .steps
                    .iter()
                    .map(|(name, runs)| {
                        let part = number::percent(share(*runs, all));
                        vec![name.clone(), number::count(*runs), part]
                    })
                    .collect(),
            },
        };
        figure.html()
    }

    fn plot(&self, all: u64) -> String {
        let n = self.steps.len().max(1) as f64;
        let part = |runs: u64| share(runs, all);
        let high = self.steps.iter().map(|(_, runs)| part(*runs));
        let scale = Scale::from_zero(high.fold(0.0, f64::max), Unit::Share);
        let most = self.steps.iter().max_by_key(|(_, runs)| *runs);
        let describe = most.map_or_else(
            || "No run told a number.".to_owned(),
            |(name, runs)| {
                let part = number::percent_whole(part(*runs));
                format!("Histogram of the numbers told: {part} told {name}.")
            },
        );
        let every = self.steps.len().div_ceil(8).max(1);
        let ticks: Vec<XTick> = self
            .steps
            .iter()
            .enumerate()
            .filter(|(k, _)| k % every == 0)
            .map(|(k, (name, _))| XTick {
                at: (k as f64 + 0.5) / n,
                text: name.replace(" to ", "–"),
                spare: self.steps.len() > 5 && k % (2 * every) != 0,
            })
            .collect();
        let mut plot = Plot::new(VALUES_HEIGHT, scale, &describe)
            .axes("% of runs", "number told by a run")
            .y_ticks()
            .x_ticks(&ticks);
        for (k, (_, runs)) in self.steps.iter().enumerate() {
            plot = plot.bar(&Bar {
                x: (k as f64 + 0.05) / n,
                width: 0.9 / n,
                base: 0.0,
                value: part(*runs),
                class: "f4",
            });
        }
        plot.html(Hover::Bands, 0)
    }
}
