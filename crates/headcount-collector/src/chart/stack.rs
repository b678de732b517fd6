//! Version adoption: layers over time, the newest at the bottom, so that each boundary reads "on this
//! version or newer". Pure.

use super::figure::{DataTable, Figure};
use super::line::{between_pieces as between, pieces, said_of};
use super::number;
use super::scale::{Scale, Unit, date_ticks, place, readable};
use super::{End, Hover, Mark, Plot, Point};
use crate::reports::calendar;
use crate::store::Day;

const HEIGHT: u32 = 240;
/// Fills from the newest layer to the oldest: even steps of lightness.
const FILLS: [&str; 6] = ["f6", "f4", "f3", "f2", "f1", "f1"];
/// The last layer, of what is older or did not tell.
const REST: &str = "f0";
/// Layers under this share of the last column get no label of their own.
const LABEL_SHARE: f64 = 0.06;

/// Installs by version line over time.
pub(crate) struct Stack {
    pub(crate) title: String,
    pub(crate) about: String,
    /// HTML at the end of the title line.
    pub(crate) end: String,
    /// Last day of each column.
    pub(crate) days: Vec<Day>,
    /// Newest first; the last one is what is left over.
    pub(crate) layers: Vec<Layer>,
    pub(crate) marks: Vec<Mark>,
    /// Columns that were broken, as many as days or none: nothing is drawn there.
    pub(crate) gaps: Vec<bool>,
}

/// One version line.
pub(crate) struct Layer {
    pub(crate) name: String,
    /// One count for each column.
    pub(crate) installs: Vec<u64>,
    /// Whether it gathers what has no layer of its own.
    pub(crate) rest: bool,
}

impl Stack {
    /// The chart as HTML.
    pub(crate) fn html(&self) -> String {
        let figure = Figure {
            title: self.title.clone(),
            about: self.about.clone(),
            key: String::new(),
            end: self.end.clone(),
            plot: self.plot(),
            table: self.table(),
        };
        figure.html()
    }

    fn fill(&self, k: usize) -> &'static str {
        if self.layers[k].rest {
            REST
        } else {
            FILLS[k.min(FILLS.len() - 1)]
        }
    }

    fn total(&self, column: usize) -> u64 {
        self.layers
            .iter()
            .filter_map(|layer| layer.installs.get(column))
            .sum()
    }

    fn plot(&self) -> String {
        let n = self.days.len();
        let high = (0..n).map(|column| self.total(column)).max().unwrap_or(0);
        let mut plot = Plot::new(
            HEIGHT,
            Scale::from_zero(high as f64, Unit::Count),
            &self.describe(),
        )
        .axes("installs", "week ending")
        .y_ticks()
        .x_ticks(&date_ticks(&self.days));
        let top = plot.top();
        let pieces = pieces(&self.gaps, n);
        for (from, to) in between(&pieces, n) {
            let across = |y: f64| [(place(from, n), y), (place(to, n), y)];
            plot = plot.area(&across(top), &across(0.0), "an");
        }
        let mut base = vec![0_u64; n];
        for (k, layer) in self.layers.iter().enumerate() {
            let top: Vec<u64> = base
                .iter()
                .zip(&layer.installs)
                .map(|(b, v)| b + v)
                .collect();
            let line = |heights: &[u64]| -> Vec<Point> {
                heights
                    .iter()
                    .enumerate()
                    .map(|(k, &h)| (place(k, n), h as f64))
                    .collect()
            };
            if top != base && n > 1 {
                let (top, base) = (line(&top), line(&base));
                for piece in pieces.iter().filter(|piece| piece.len() > 1) {
                    let class = format!("{} st", self.fill(k));
                    plot = plot.area(&top[piece.clone()], &base[piece.clone()], &class);
                }
            }
            base = top;
        }
        plot.marks(&readable(self.marks.clone()))
            .ends(&self.ends())
            .html(Hover::Points, 0)
    }

    /// A label for each large layer, one for all small ones together.
    fn ends(&self) -> Vec<End> {
        let Some(last) = self.days.len().checked_sub(1) else {
            return Vec::new();
        };
        let total = self.total(last);
        let mut ends = Vec::new();
        let (mut base, mut small) = (0, 0);
        for (k, layer) in self.layers.iter().enumerate() {
            let installs = layer.installs[last];
            let share = crate::reports::share(installs, total);
            if share >= LABEL_SHARE && !layer.rest {
                ends.push(End {
                    value: base as f64 + installs as f64 / 2.0,
                    text: format!("{} ", layer.name),
                    strong: number::percent_whole(share),
                    swatch: self.fill(k),
                });
            } else {
                small += installs;
            }
            base += installs;
        }
        if small > 0 {
            ends.push(End {
                value: total as f64,
                text: "others ".to_owned(),
                strong: number::percent_whole(crate::reports::share(small, total)),
                swatch: "f2",
            });
        }
        ends
    }

    fn describe(&self) -> String {
        let Some(last) = self.days.len().checked_sub(1) else {
            return format!("Stacked area chart. {}: no data.", self.title);
        };
        let total = self.total(last);
        let parts: Vec<String> = self
            .layers
            .iter()
            .take(4)
            .map(|layer| {
                let share = crate::reports::share(layer.installs[last], total);
                format!("{} {}", layer.name, number::percent_whole(share))
            })
            .collect();
        let (weeks, day) = (self.days.len(), calendar::short(self.days[last]));
        format!(
            "Stacked area chart, {weeks} weeks. On {day}: {}.",
            parts.join(", ")
        )
    }

    fn table(&self) -> DataTable {
        let mut head = vec!["Week ending".to_owned()];
        head.extend(self.layers.iter().map(|layer| layer.name.clone()));
        let rows = self.days.iter().enumerate().map(|(k, day)| {
            let broken = self.gaps.get(k).copied().unwrap_or(false);
            let mut row = vec![said_of(calendar::short(*day), broken)];
            row.extend(
                self.layers
                    .iter()
                    .map(|layer| number::count(layer.installs[k])),
            );
            row
        });
        DataTable {
            caption: "Installs by version and week".to_owned(),
            head,
            rows: rows.collect(),
        }
    }
}
