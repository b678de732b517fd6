//! Charts as SVG text, the only place beside the templates that writes HTML. Pure.
//!
//! One idea carries every chart: the outer `<svg>` has no viewBox, so text and dots keep their size
//! at any width; x positions are percentages. Only paths and bars lie in an inner `<svg viewBox
//! preserveAspectRatio="none">`. No style attributes (the pages' CSP forbids them): colour is a class.

pub(crate) mod badge;
pub(crate) mod bars;
pub(crate) mod curves;
pub(crate) mod dots;
pub(crate) mod figure;
pub(crate) mod line;
pub(crate) mod number;
pub(crate) mod scale;
pub(crate) mod small;
pub(crate) mod stack;
pub(crate) mod tasks;

use std::fmt::Write as _;

use number::fixed;
use scale::Scale;

/// Escapes text for HTML, as content or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A link for the head of a figure.
pub(crate) fn link(to: &str, text: &str) -> String {
    format!(r#"<a href="{}">{}</a>"#, escape(to), escape(text))
}

/// How far along the x axis (0 to 1) and how high (in data units).
pub(crate) type Point = (f64, f64);

/// What the reader's crosshair snaps to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hover {
    /// Points at i / (n - 1).
    Points,
    /// Bands at (i + 0.5) / n.
    Bands,
}

/// A text at the x axis.
pub(crate) struct XTick {
    pub(crate) at: f64,
    pub(crate) text: String,
    /// Left out where the chart is narrow.
    pub(crate) spare: bool,
}

/// A dotted vertical with a label on top.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) at: f64,
    pub(crate) label: String,
    /// A patch release: gone where the chart is narrow.
    pub(crate) minor: bool,
}

/// A bar from `base` up by `value`, in data units; x and width run from 0 to 1.
pub(crate) struct Bar {
    pub(crate) x: f64,
    pub(crate) width: f64,
    pub(crate) base: f64,
    pub(crate) value: f64,
    pub(crate) class: &'static str,
}

/// One chart being drawn: behind, inside and over the paths.
pub(crate) struct Plot {
    height: u32,
    scale: Scale,
    /// One sentence made from the data, for those who do not see the picture.
    describe: String,
    unit: String,
    x_name: String,
    labels: bool,
    back: String,
    inner: String,
    over: String,
}

impl Plot {
    /// An empty chart `height` pixels high.
    pub(crate) fn new(height: u32, scale: Scale, describe: &str) -> Self {
        Self {
            height,
            scale,
            describe: describe.to_owned(),
            unit: String::new(),
            x_name: String::new(),
            labels: false,
            back: String::new(),
            inner: String::new(),
            over: String::new(),
        }
    }

    /// Names the axes: the unit above the y axis, the name beside or under the x axis.
    pub(crate) fn axes(mut self, unit: &str, x_name: &str) -> Self {
        self.unit = if self.scale.cropped() {
            format!("{unit}, axis starts at {}", self.scale.text(self.scale.low))
        } else {
            unit.to_owned()
        };
        self.x_name = x_name.to_owned();
        self
    }

    /// The value at the upper edge.
    pub(crate) fn top(&self) -> f64 {
        self.scale.high
    }

    fn y(&self, value: f64) -> f64 {
        let height = f64::from(self.height);
        height - (value - self.scale.low) / (self.scale.high - self.scale.low) * height
    }

    /// Lines and numbers of the y axis.
    pub(crate) fn y_ticks(mut self) -> Self {
        for (k, &tick) in self.scale.ticks.iter().enumerate() {
            let y = self.y(tick).round() + 0.5;
            let class = if k == 0 { "bl" } else { "gl" };
            let text = self.scale.text(tick);
            let _ = write!(
                self.back,
                r#"<line class="{class}" x2="100%" y1="{y}" y2="{y}"/><text class="yt" x="-8" y="{}">{text}</text>"#,
                y + 3.5
            );
        }
        self
    }

    /// Texts of the x axis.
    pub(crate) fn x_ticks(mut self, ticks: &[XTick]) -> Self {
        for tick in ticks {
            let edge = match tick.at {
                at if at <= 0.001 => " s",
                at if at >= 0.999 => " e",
                _ => "",
            };
            let spare = if tick.spare { " x3" } else { "" };
            let _ = write!(
                self.back,
                r#"<text class="xt{edge}{spare}" x="{}%" y="{}">{}</text>"#,
                fixed(tick.at * 100.0, 1),
                self.height + 17,
                escape(&tick.text)
            );
        }
        self
    }

    fn path(&self, points: &[Point]) -> String {
        let parts: Vec<String> = points
            .iter()
            .map(|&(x, value)| format!("{} {}", (x * 1000.0).round(), fixed(self.y(value), 1)))
            .collect();
        format!("M{}", parts.join("L"))
    }

    /// A line through points; gaps are drawn as gaps.
    pub(crate) fn line(mut self, points: &[Point], class: &str) -> Self {
        let path = self.path(points);
        let _ = write!(self.inner, r#"<path class="ln{class}" d="{path}"/>"#);
        self
    }

    /// The area between two lines with the same x positions.
    pub(crate) fn area(mut self, top: &[Point], bottom: &[Point], class: &str) -> Self {
        let back: Vec<Point> = bottom.iter().rev().copied().collect();
        let path = format!("{}L{}Z", self.path(top), &self.path(&back)[1..]);
        let _ = write!(self.inner, r#"<path class="{class}" d="{path}"/>"#);
        self
    }

    /// A bar.
    pub(crate) fn bar(mut self, bar: &Bar) -> Self {
        if bar.value > 0.0 {
            let (top, bottom) = (self.y(bar.base + bar.value), self.y(bar.base));
            let _ = write!(
                self.inner,
                r#"<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>"#,
                bar.class,
                fixed(bar.x * 1000.0, 1),
                fixed(top, 1),
                fixed(bar.width * 1000.0, 1),
                fixed((bottom - top).max(0.6), 1)
            );
        }
        self
    }

    /// Dotted verticals of releases.
    pub(crate) fn marks(mut self, marks: &[Mark]) -> Self {
        for mark in marks {
            let group = if mark.minor { "rel mi" } else { "rel" };
            let x = fixed(mark.at * 100.0, 1);
            let _ = write!(
                self.over,
                r#"<g class="{group}"><line x1="{x}%" x2="{x}%" y1="-4" y2="{}"/>"#,
                self.height
            );
            if !mark.label.is_empty() {
                let edge = match mark.at {
                    at if at > 0.985 => r#" class="e""#,
                    at if at < 0.015 => r#" class="s""#,
                    _ => "",
                };
                let label = escape(&mark.label);
                let _ = write!(self.over, r#"<text x="{x}%" y="-9"{edge}>{label}</text>"#);
            }
            self.over.push_str("</g>");
        }
        self
    }

    /// A vertical with a name and a value beside it, such as `p50 59`, each in a row of its own: in a
    /// narrow chart they would overlap.
    pub(crate) fn quantile(mut self, (at, row): (f64, usize), name: &str, value: &str) -> Self {
        const ROW: usize = 14;
        let (x, y) = (fixed(at * 100.0, 1), 4 + ROW * row);
        let (edge, dx) = if at > 0.2 { ("e", -4) } else { ("s", 4) };
        let _ = write!(
            self.over,
            r#"<g class="rel"><line x1="{x}%" x2="{x}%" y1="-4" y2="{}"/><text class="halo {edge}" x="{x}%" dx="{dx}" y="{y}">{} <tspan class="lx">{}</tspan></text></g>"#,
            self.height,
            escape(name),
            escape(value)
        );
        self
    }

    /// A filled dot on the line.
    pub(crate) fn dot(mut self, (x, value): Point) -> Self {
        let (cx, cy) = (fixed(x * 100.0, 2), fixed(self.y(value), 1));
        let _ = write!(
            self.over,
            r#"<circle class="dot fu" cx="{cx}%" cy="{cy}" r="3.5"/>"#
        );
        self
    }

    /// Labels at the right edge, pushed apart until they can be read.
    pub(crate) fn ends(mut self, labels: &[End]) -> Self {
        const APART: f64 = 15.0;
        let wanted: Vec<f64> = labels.iter().map(|label| self.y(label.value)).collect();
        let bounds = (4.0, f64::from(self.height) - 2.0);
        for (label, y) in labels.iter().zip(spread(&wanted, APART, bounds)) {
            let dx = if label.swatch.is_empty() { 9 } else { 23 };
            if !label.swatch.is_empty() {
                let _ = write!(
                    self.over,
                    r#"<rect class="{}" x="100%" y="{}" width="9" height="9" transform="translate(9)"/>"#,
                    label.swatch,
                    fixed(y - 4.5, 1)
                );
            }
            let strong = escape(&label.strong);
            let strong = if strong.is_empty() {
                strong
            } else {
                format!(r#"<tspan class="lx">{strong}</tspan>"#)
            };
            let _ = write!(
                self.over,
                r#"<text class="lb" x="100%" dx="{dx}" y="{}">{}{strong}</text>"#,
                fixed(y + 4.0, 1),
                escape(&label.text)
            );
        }
        self.labels = true;
        self
    }

    /// The chart as HTML. `dots` says how many columns of the data table the crosshair marks.
    pub(crate) fn html(&self, hover: Hover, dots: usize) -> String {
        // A short name of the x axis fits beside its ticks where there are labels on the right.
        let beside = self.labels && !self.x_name.is_empty() && self.x_name.len() < 13;
        let mut class = "ch".to_owned();
        for (on, name) in [(self.labels, " lab"), (beside, " flat")] {
            if on {
                class.push_str(name);
            }
        }
        let snap = match hover {
            Hover::Points => "p",
            Hover::Bands => "b",
        };
        let mut out = format!(r#"<div class="{class}" data-hover="{snap}""#);
        if dots > 0 {
            let (low, high) = (fixed(self.scale.low, 3), fixed(self.scale.high, 3));
            let _ = write!(out, r#" data-dots="{dots}" data-y="{low} {high}""#);
        }
        let height = self.height;
        let describe = escape(&self.describe);
        let _ = write!(
            out,
            r#"><svg class="plot" height="{height}" role="img" aria-label="{describe}">"#
        );
        if !self.unit.is_empty() {
            let _ = write!(
                out,
                r#"<text class="un" x="-44" y="-22">{}</text>"#,
                escape(&self.unit)
            );
        }
        out.push_str(&self.back);
        let _ = write!(
            out,
            r#"<svg viewBox="0 0 1000 {height}" preserveAspectRatio="none" width="100%" height="{height}">{}</svg>{}"#,
            self.inner, self.over
        );
        let x_name = escape(&self.x_name);
        if beside {
            let _ = write!(
                out,
                r#"<text x="100%" dx="14" y="{}">{x_name}</text>"#,
                height + 17
            );
        } else if !x_name.is_empty() {
            let _ = write!(
                out,
                r#"<text class="e" x="100%" y="{}">{x_name}</text>"#,
                height + 33
            );
        }
        out.push_str("</svg></div>");
        out
    }
}

/// A direct label at the right edge of a chart.
pub(crate) struct End {
    /// Where the line or layer ends, in data units.
    pub(crate) value: f64,
    pub(crate) text: String,
    /// The part in bold.
    pub(crate) strong: String,
    /// Class of a coloured square, empty for none.
    pub(crate) swatch: &'static str,
}

/// Pushes label positions apart until they are `apart` from each other, inside the bounds.
fn spread(wanted: &[f64], apart: f64, (low, high): (f64, f64)) -> Vec<f64> {
    const ROUNDS: usize = 60;
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed: Vec<f64> = order.iter().map(|&k| wanted[k]).collect();
    for _ in 0..ROUNDS {
        for k in 1..placed.len() {
            let overlap = placed[k - 1] + apart - placed[k];
            if overlap > 0.0 {
                placed[k - 1] -= overlap / 2.0;
                placed[k] += overlap / 2.0;
            }
        }
        if let Some(first) = placed.first_mut() {
            *first = first.max(low);
        }
        if let Some(last) = placed.last_mut() {
            *last = last.min(high);
        }
    }
    let mut out = vec![0.0; wanted.len()];
    for (&k, &y) in order.iter().zip(&placed) {
        out[k] = y;
    }
    out
}

#[cfg(test)]
mod tests;
