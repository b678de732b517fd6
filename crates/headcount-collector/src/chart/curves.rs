//! Shares over days since a beginning: one curve each, the first one strong, maybe with a band. Pure.

use super::figure::{DataTable, Figure};
use super::number;
use super::scale::{Scale, Unit};
use super::{End, Hover, Plot, Point, XTick};

const HEIGHT: u32 = 220;
/// Strokes from the first curve to the last.
const STROKES: [&str; 4] = ["", " q", " q2", " q3"];
/// Rows of the data table, one for each place of the crosshair.
const ROWS: u32 = 30;
/// A curve that ends before this part of the axis is named at its end, not at the edge.
const SHORT: f64 = 0.9;

/// Some curves with one axis of days.
pub(crate) struct Curves {
    pub(crate) title: String,
    pub(crate) about: String,
    /// HTML at the end of the title line.
    pub(crate) end: String,
    pub(crate) y_name: String,
    pub(crate) x_name: String,
    /// The first one is the strong one; four at most.
    pub(crate) curves: Vec<Curve>,
    /// Lowest and highest share around the first curve, day by day.
    pub(crate) band: Vec<(f64, f64)>,
}

/// One curve.
pub(crate) struct Curve {
    pub(crate) name: String,
    /// Share on day 0, 1, 2 and so on.
    pub(crate) shares: Vec<f64>,
}

impl Curves {
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

    fn days(&self) -> usize {
        let longest = self.curves.iter().map(|curve| curve.shares.len()).max();
        longest.unwrap_or(1).saturating_sub(1).max(1)
    }

    fn plot(&self) -> String {
        let days = self.days() as f64;
        let along = |shares: &mut dyn Iterator<Item = f64>| -> Vec<Point> {
            let placed = shares.enumerate();
            placed
                .map(|(day, share)| (day as f64 / days, share))
                .collect()
        };
        let scale = Scale {
            low: 0.0,
            high: 1.0,
            ticks: [0.0, 0.25, 0.5, 0.75, 1.0].into(),
            unit: Unit::Share,
        };
        let mut plot = Plot::new(HEIGHT, scale, &self.describe())
            .axes(&self.y_name, &self.x_name)
            .y_ticks()
            .x_ticks(&self.ticks());
        if self.band.len() > 1 {
            let low = along(&mut self.band.iter().map(|(low, _)| *low));
            let high = along(&mut self.band.iter().map(|(_, high)| *high));
            plot = plot.area(&high, &low, "ar");
        }
        let mut ends = Vec::new();
        for (k, curve) in self.curves.iter().enumerate().rev() {
            let points = along(&mut curve.shares.iter().copied());
            let Some(&last) = points.last() else {
                continue;
            };
            plot = plot.line(&points, STROKES[k.min(STROKES.len() - 1)]);
            let text = format!("{} {}", curve.name, number::percent_whole(last.1));
            let (text, strong) = match k {
                0 => (String::new(), text),
                _ => (text, String::new()),
            };
            if last.0 < SHORT {
                plot = plot.tag(last, &text, &strong);
            } else {
                let swatch = "";
                let value = last.1;
                ends.push(End {
                    value,
                    text,
                    strong,
                    swatch,
                });
            }
        }
        plot.ends(&ends).html(Hover::Points, 0)
    }

    fn ticks(&self) -> Vec<XTick> {
        const STEPS: [usize; 8] = [1, 2, 5, 10, 30, 60, 90, 180];
        const MOST: usize = 7;
        let days = self.days();
        let step = STEPS.into_iter().find(|step| days / step <= MOST);
        let step = step.unwrap_or(365);
        (0..=days / step)
            .map(|k| XTick {
                at: (k * step) as f64 / days as f64,
                text: number::count((k * step) as u64),
                spare: k % 2 == 1,
            })
            .collect()
    }

    fn describe(&self) -> String {
        let ends = self.curves.iter().filter_map(|curve| {
            let last = number::percent_whole(*curve.shares.last()?);
            let days = curve.shares.len() as u64 - 1;
            let days = number::counted(days, "day");
            Some(format!("{} {last} after {days}", curve.name))
        });
        let ends: Vec<String> = ends.collect();
        format!("Curves. {}: {}.", self.title, ends.join(", "))
    }

    fn table(&self) -> DataTable {
        let days = self.days();
        let rows = days.min(ROWS as usize);
        let cell = |shares: &[f64], day: usize| {
            let share = shares.get(day).copied();
            share.map_or_else(String::new, number::percent)
        };
        let names = self.curves.iter().map(|curve| curve.name.clone());
        let mut head: Vec<String> = [self.x_name.clone()].into_iter().chain(names).collect();
        if !self.band.is_empty() {
            head.push("95% interval".to_owned());
        }
        let row = |k: usize| {
            let day = k * days / rows;
            let mut row = vec![day.to_string()];
            row.extend(self.curves.iter().map(|curve| cell(&curve.shares, day)));
            if !self.band.is_empty() {
                row.push(self.band.get(day).map_or_else(String::new, |(low, high)| {
                    format!("{} to {}", number::percent(*low), number::percent(*high))
                }));
            }
            row
        };
        DataTable {
            caption: self.title.clone(),
            head,
            rows: (0..=rows).map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_named_and_told() {
        let curve = |name: &str, shares: &[f64]| Curve {
            name: name.to_owned(),
            shares: shares.to_vec(),
        };
        let chart = Curves {
            title: "Time to upgrade".to_owned(),
            about: "Share of installs".to_owned(),
            end: String::new(),
            y_name: "% of installs".to_owned(),
            x_name: "days".to_owned(),
            curves: vec![
                curve("v5.5.0", &[0.0, 0.4]),
                curve("v5.4.0", &[0.0, 0.5, 0.7, 0.9]),
            ],
            band: Vec::new(),
        };
        let html = chart.html();
        for part in [
            "v5.5.0 40% after 1 day, v5.4.0 90% after 3 days",
            r#"class="dot fu""#,
            "<th scope=row>3<td><td>90.0%",
            "<tspan class=\"lx\">v5.5.0 40%</tspan>",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        let empty = Curves {
            curves: Vec::new(),
            ..chart
        };
        assert!(empty.html().contains("Curves. Time to upgrade: ."));
    }
}
