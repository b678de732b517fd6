//! The headline chart: one measure over time, beside an earlier time. Pure.

use std::ops::Range;

use super::figure::{DataTable, Figure, square, stroke};
use super::number;
use super::scale::{Scale, Unit, date_ticks, place, readable};
use super::small::Better;
use super::{End, Hover, Mark, Plot, Point};
use crate::reports::calendar;
use crate::store::Day;

const HEIGHT: u32 = 232;

/// A measure over days.
pub(crate) struct Line {
    pub(crate) title: String,
    pub(crate) about: String,
    /// What the y axis counts, such as `installs`.
    pub(crate) counts: String,
    /// Name of the x axis.
    pub(crate) along: &'static str,
    /// Head of the value's column, such as `Active`.
    pub(crate) column: String,
    pub(crate) unit: Unit,
    pub(crate) better: Better,
    pub(crate) days: Vec<Day>,
    /// No number where nothing is known, which must be a gap.
    pub(crate) values: Vec<f64>,
    pub(crate) before: Option<Before>,
    pub(crate) marks: Vec<Mark>,
    /// Days on which reports were broken, as long as the line or empty: no line is drawn there.
    pub(crate) gaps: Vec<bool>,
}

/// The earlier time a line is compared with; as long as the line.
pub(crate) struct Before {
    /// Such as `previous 90 days`.
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

impl Line {
    /// The chart as HTML.
    pub(crate) fn html(&self) -> String {
        let figure = Figure {
            title: self.title.clone(),
            about: self.about.clone(),
            key: self.key(),
            end: String::new(),
            plot: self.plot(),
            table: self.table(),
        };
        figure.html()
    }

    fn plot(&self) -> String {
        let earlier = self
            .before
            .as_ref()
            .map_or(&[][..], |before| &before.values);
        let all = self.values.iter().chain(earlier).copied();
        let scale = Scale::for_line(all, self.unit);
        let from_zero = !scale.cropped();
        let (low, high) = (scale.low, scale.high);
        let points = along(&self.values);
        let mut plot = Plot::new(HEIGHT, scale, &self.describe())
            .axes(&self.counts, self.along)
            .y_ticks()
            .x_ticks(&date_ticks(&self.days));
        let was = self.before.as_ref().map(|before| along(&before.values));
        let pieces = pieces(&self.gaps, points.len());
        for (from, to) in between_pieces(&pieces, points.len()) {
            let (from, to) = (points[from].0, points[to].0);
            let across = |y: f64| [(from, y), (to, y)];
            plot = plot.area(&across(high), &across(low), "an");
        }
        for piece in &pieces {
            let now = &points[piece.clone()];
            if let Some(was) = &was {
                for (now, was, above) in between(now, &was[piece.clone()]) {
                    plot = plot.area(&now, &was, self.fill(above));
                }
            } else if from_zero && now.len() > 1 {
                let floor: Vec<Point> = now.iter().map(|&(x, _)| (x, low)).collect();
                plot = plot.area(now, &floor, "ar");
            }
        }
        if let Some(was) = &was {
            plot = plot.line(was, " pv");
        }
        for piece in &pieces {
            plot = plot.line(&points[piece.clone()], "");
        }
        plot = plot.marks(&readable(self.marks.clone()));
        if let Some(last) = pieces.last().map(|piece| piece.end - 1) {
            plot = plot.dot(points[last]).ends(&self.ends(last));
        }
        plot.html(Hover::Points, 1 + usize::from(self.before.is_some()))
    }

    fn fill(&self, above: bool) -> &'static str {
        match (self.better, above) {
            (Better::Up, false) | (Better::Down, true) => "ab",
            (Better::Up, true) | (Better::Down, false) | (Better::Neither, _) => "ar",
        }
    }

    /// Labels beside the last point that was not broken.
    fn ends(&self, last: usize) -> Vec<End> {
        let label = |value: f64, text: &str, strong: String| End {
            value,
            text: text.to_owned(),
            strong,
            swatch: "",
        };
        let last = |values: &[f64]| values.get(last).copied();
        let now = last(&self.values).map(|v| label(v, "", self.text(v)));
        let was = self.before.as_ref().and_then(|before| last(&before.values));
        let was = was.map(|v| label(v, &format!("{} before", self.text(v)), String::new()));
        now.into_iter().chain(was).collect()
    }

    fn key(&self) -> String {
        let (Some(before), Some(from), Some(to)) =
            (&self.before, self.days.first(), self.days.last())
        else {
            return String::new();
        };
        let span = format!("{} to {}", calendar::short(*from), calendar::short(*to));
        let lines = stroke("", &span) + &stroke(" pv", &before.name);
        let above = self
            .values
            .iter()
            .zip(&before.values)
            .any(|(now, was)| now > was);
        let below = self
            .values
            .iter()
            .zip(&before.values)
            .any(|(now, was)| now < was);
        let fills = [(above, "above", true), (below, "below", false)];
        let mut squares = String::new();
        for (shown, word, side) in fills {
            if shown {
                let word = if above && below { word } else { "difference" };
                squares.push_str(&square(self.fill(side), word));
            }
        }
        lines + &squares
    }

    fn describe(&self) -> String {
        let (Some(first), Some(last)) = (self.days.first(), self.days.last()) else {
            return format!("Line chart. {}: no data.", self.title);
        };
        let ends = |values: &[f64]| match (values.first(), values.last()) {
            (Some(a), Some(b)) => (self.text(*a), self.text(*b)),
            _ => (String::new(), String::new()),
        };
        let (a, b) = ends(&self.values);
        let mut out = format!(
            "Line chart. {}: {a} on {}, {b} on {}",
            self.title,
            calendar::short(*first),
            calendar::short(*last)
        );
        if let Some(before) = &self.before {
            let (a, b) = ends(&before.values);
            out.push_str(&format!("; {}: from {a} to {b}", before.name));
        }
        out.push('.');
        out
    }

    fn text(&self, value: f64) -> String {
        match self.unit {
            _ if value.is_nan() => "–".to_owned(),
            Unit::Share => number::percent(value),
            Unit::Count => number::real(value),
        }
    }

    fn table(&self) -> DataTable {
        let mut head = vec!["Day".to_owned(), self.column.clone()];
        if let Some(before) = &self.before {
            head.extend([capital(&before.name), "Change".to_owned()]);
        }
        let rows = (0..self.days.len()).map(|k| {
            let broken = self.gaps.get(k).copied().unwrap_or(false);
            let day = said_of(calendar::short(self.days[k]), broken);
            let mut row = vec![day, self.text(self.values[k])];
            if let Some(before) = &self.before {
                let was = before.values[k];
                row.extend([self.text(was), self.change(self.values[k], was)]);
            }
            row
        });
        DataTable {
            caption: format!("{} by day", self.title),
            head,
            rows: rows.collect(),
        }
    }

    fn change(&self, now: f64, was: f64) -> String {
        match self.unit {
            Unit::Share => format!("{:+.1} pts", (now - was) * 100.0),
            Unit::Count if was > 0.0 => format!("{:+.1}%", (now - was) / was * 100.0),
            Unit::Count => String::new(),
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

fn along(values: &[f64]) -> Vec<Point> {
    values
        .iter()
        .enumerate()
        .map(|(k, &value)| (place(k, values.len()), value))
        .collect()
}

/// Stretches of points without a gap in them.
pub(super) fn pieces(gaps: &[bool], points: usize) -> Vec<Range<usize>> {
    let broken = |k: usize| gaps.get(k).copied().unwrap_or(false);
    let mut out: Vec<Range<usize>> = Vec::new();
    for k in (0..points).filter(|&k| !broken(k)) {
        match out.last_mut().filter(|piece| piece.end == k) {
            Some(piece) => piece.end = k + 1,
            None => out.push(k..k + 1),
        }
    }
    out
}

/// The points that a gap lies between: the last one before it and the first one after it; at an end of
/// the chart, the end.
pub(super) fn between_pieces(pieces: &[Range<usize>], points: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut last = 0;
    for piece in pieces {
        out.push((last, piece.start));
        last = piece.end.saturating_sub(1);
    }
    out.push((last, points.saturating_sub(1)));
    out.retain(|(from, to)| from < to);
    out
}

/// A day in a data table; broken ones say so.
pub(super) fn said_of(day: String, broken: bool) -> String {
    if broken {
        format!("{day}, broken")
    } else {
        day
    }
}

type Stretch = (Vec<Point>, Vec<Point>, bool);

/// Cuts the area between two lines where they cross: each stretch lies above or below throughout.
fn between(now: &[Point], was: &[Point]) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    let mut open: Option<Stretch> = None;
    for k in 0..now.len().min(was.len()) {
        let gap = now[k].1 - was[k].1;
        let above = if gap == 0.0 {
            open.as_ref().is_none_or(|stretch| stretch.2)
        } else {
            gap > 0.0
        };
        if let Some(mut stretch) = open.take_if(|stretch| stretch.2 != above) {
            let cross = crossing((now[k - 1], now[k]), (was[k - 1], was[k]));
            stretch.0.push(cross);
            stretch.1.push(cross);
            out.push(stretch);
            open = Some((vec![cross], vec![cross], above));
        }
        let stretch = open.get_or_insert_with(|| (Vec::new(), Vec::new(), above));
        stretch.0.push(now[k]);
        stretch.1.push(was[k]);
    }
    out.extend(open);
    out.retain(|(now, was, _)| now.len() > 1 && now != was);
    out
}

/// Where two pieces of line over the same stretch of x meet.
fn crossing(now: (Point, Point), was: (Point, Point)) -> Point {
    let start = now.0.1 - was.0.1;
    let end = now.1.1 - was.1.1;
    let part = if start == end {
        0.0
    } else {
        start / (start - end)
    };
    let at = |a: f64, b: f64| a + (b - a) * part;
    (at(now.0.0, now.1.0), at(now.0.1, now.1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_days_are_gaps() {
        let of = |gaps: &[bool], points| -> Vec<(usize, usize)> {
            let found = pieces(gaps, points).into_iter();
            found.map(|piece| (piece.start, piece.end)).collect()
        };
        assert_eq!(of(&[], 3), [(0, 3)]);
        assert_eq!(of(&[false, true, true, false, false], 5), [(0, 1), (3, 5)]);
        assert_eq!(of(&[true, false, true], 3), [(1, 2)]);
        assert_eq!(of(&[true, true], 2), []);
    }

    #[test]
    fn areas_are_cut_where_lines_cross() {
        let stretches = between(&along(&[2.0, 4.0, 0.0]), &along(&[2.0, 2.0, 2.0]));
        assert_eq!(
            stretches,
            [
                (
                    vec![(0.0, 2.0), (0.5, 4.0), (0.75, 2.0)],
                    vec![(0.0, 2.0), (0.5, 2.0), (0.75, 2.0)],
                    true
                ),
                (
                    vec![(0.75, 2.0), (1.0, 0.0)],
                    vec![(0.75, 2.0), (1.0, 2.0)],
                    false
                ),
            ]
        );
        assert_eq!(between(&along(&[1.0, 1.0]), &along(&[1.0, 1.0])), []);
        assert_eq!(between(&along(&[1.0]), &along(&[2.0])), []);
        let start_equal = between(&along(&[1.0, 0.0]), &along(&[1.0, 1.0]));
        assert_eq!(start_equal.len(), 1);
        assert!(!start_equal[0].2);
    }
}
