//! Marks of a plot that are neither lines nor bars: names at the end of a curve, dots with whiskers. Pure.

use std::fmt::Write as _;

use super::number::fixed;
use super::{Plot, Point, XTick, escape};

impl Plot {
    /// A dot at the end of a curve with its name beside it.
    pub(crate) fn tag(mut self, (x, value): Point, text: &str, strong: &str) -> Self {
        let (at, y) = (fixed(x * 100.0, 2), self.y(value));
        let full = if strong.is_empty() { "" } else { " fu" };
        // Beside the dot where there is room, else before it.
        let (edge, dx) = if x > 0.6 { (" e", -9) } else { ("", 9) };
        let strong = match strong {
            "" => String::new(),
            strong => format!(r#"<tspan class="lx">{}</tspan>"#, escape(strong)),
        };
        let _ = write!(
            self.over,
            r#"<circle class="dot{full}" cx="{at}%" cy="{}" r="3"/><text class="halo lb{edge}" x="{at}%" dx="{dx}" y="{}">{}{strong}</text>"#,
            fixed(y, 1),
            fixed(y + 13.0, 1),
            escape(text)
        );
        self
    }

    /// Makes the value axis run along x, with a name under it; rows are then placed by `whisker`.
    pub(crate) fn value_axis(mut self, name: &str) -> Self {
        let height = self.height;
        let ticks: Vec<XTick> = (self.scale.ticks.iter().enumerate())
            .map(|(k, &tick)| XTick {
                at: self.along(tick),
                text: self.scale.text(tick),
                spare: self.scale.ticks.len() > 5 && k % 2 == 1,
            })
            .collect();
        for (k, tick) in ticks.iter().enumerate() {
            let class = if k == 0 { "bl" } else { "gl" };
            let x = fixed(tick.at * 100.0, 1);
            let _ = write!(
                self.back,
                r#"<line class="{class}" x1="{x}%" x2="{x}%" y1="0" y2="{height}"/>"#
            );
        }
        self.x_name = name.to_owned();
        self.x_ticks(&ticks)
    }

    /// A row with its name, a dot, and a whisker from low to high.
    pub(crate) fn whisker(
        mut self,
        y: f64,
        name: &str,
        (low, value, high): (f64, f64, f64),
        worse: bool,
    ) -> Self {
        let (bold, bad) = if worse { (" lx", " bd") } else { ("", "") };
        let at = |value: f64| fixed(self.along(value) * 100.0, 1);
        let (from, dot, to) = (at(low), at(value), at(high));
        let (y, text_y) = (fixed(y, 1), fixed(y + 4.0, 1));
        let _ = write!(
            self.over,
            r#"<text class="yt{bold}" x="-8" y="{text_y}">{}</text><line class="wh{bad}" x1="{from}%" x2="{to}%" y1="{y}" y2="{y}"/><circle class="dot{bad}" cx="{dot}%" cy="{y}" r="4"/>"#,
            escape(name)
        );
        self
    }

    fn along(&self, value: f64) -> f64 {
        (value - self.scale.low) / (self.scale.high - self.scale.low)
    }
}
