//! Bars that stand: sizes of installs in logarithmic buckets, hits of the last 60 minutes. Pure.

use super::figure::{DataTable, Figure, square};
use super::number;
use super::scale::{Scale, Unit};
use super::{Bar, Hover, Plot, XTick};
use crate::reports::share;
use crate::reports::sizes::SizeBucket;

const SIZES_HEIGHT: u32 = 240;
const MINUTES_HEIGHT: u32 = 96;
/// Size of the mark above a minute with refusals, as a part of the axis.
const MARK_SHARE: f64 = 0.05;

/// How large installs are.
pub(crate) struct Sizes {
    pub(crate) title: String,
    pub(crate) about: String,
    /// What is counted per install, such as `users`.
    pub(crate) of: String,
    pub(crate) buckets: Vec<SizeBucket>,
    /// Name and value, such as `p50` and 59.
    pub(crate) quantiles: Vec<(&'static str, f64)>,
}

impl Sizes {
    /// The histogram as HTML.
    pub(crate) fn html(&self) -> String {
        let n = self.buckets.len().max(1) as f64;
        let high = self.buckets.iter().map(|b| b.installs).max().unwrap_or(0);
        let x_name = format!("{} per install, log scale", self.of);
        // Room above the bars for the names of the quantiles.
        let scale = Scale::from_zero(high as f64 * 1.1, Unit::Count);
        let mut plot = Plot::new(SIZES_HEIGHT, scale, &self.describe())
            .axes("installs", &x_name)
            .y_ticks()
            .x_ticks(&self.ticks());
        for (k, bucket) in self.buckets.iter().enumerate() {
            let left = (k as f64 + 0.04) / n;
            plot = plot.bar(&Bar {
                x: left,
                width: 0.92 / n,
                base: 0.0,
                value: bucket.installs as f64,
                class: "f4",
            });
        }
        for (row, &(name, value)) in self.quantiles.iter().enumerate() {
            plot = plot.quantile((self.along(value), row), name, &number::real(value));
        }
        let figure = Figure {
            title: self.title.clone(),
            about: self.about.clone(),
            key: String::new(),
            end: String::new(),
            plot: plot.html(Hover::Bands, 0),
            table: self.table(),
        };
        figure.html()
    }

    /// Where a size lies on the axis: each bucket has the same width, inside it the scale is
    /// logarithmic.
    fn along(&self, value: f64) -> f64 {
        let n = self.buckets.len().max(1) as f64;
        for (k, bucket) in self.buckets.iter().enumerate() {
            let (from, to) = (bucket.from as f64, bucket.to as f64 + 1.0);
            if value < to {
                let inside = if from < 1.0 || value <= from {
                    0.0
                } else {
                    (value / from).ln() / (to / from).ln()
                };
                return (k as f64 + inside) / n;
            }
        }
        1.0
    }

    fn ticks(&self) -> Vec<XTick> {
        const MOST: usize = 5;
        let n = self.buckets.len();
        let spare_step = n.div_ceil(MOST).max(1);
        let start = |bucket: &SizeBucket| short(bucket.from);
        self.buckets
            .iter()
            .enumerate()
            .map(|(k, bucket)| XTick {
                at: k as f64 / n as f64,
                text: start(bucket),
                spare: k % spare_step != 0,
            })
            .collect()
    }

    fn describe(&self) -> String {
        let quantiles: Vec<String> = self
            .quantiles
            .iter()
            .map(|(name, value)| format!("{name} {}", number::real(*value)))
            .collect();
        let tail = if quantiles.is_empty() {
            "no data".to_owned()
        } else {
            quantiles.join(", ")
        };
        format!("Histogram of {} per install: {tail}.", self.of)
    }

    fn table(&self) -> DataTable {
        let all: u64 = self.buckets.iter().map(|b| b.installs).sum();
        let rows = self.buckets.iter().map(|b| {
            vec![
                range_words(b),
                number::count(b.installs),
                number::percent(share(b.installs, all)),
            ]
        });
        let mut of = self.of.clone();
        if let Some(first) = of.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        DataTable {
            caption: format!("Installs by number of {}", self.of),
            head: vec![of, "Installs".to_owned(), "Share".to_owned()],
            rows: rows.collect(),
        }
    }
}

/// `10 to 19`, or one number.
pub(crate) fn range_words(bucket: &SizeBucket) -> String {
    if bucket.from == bucket.to {
        number::count(bucket.from)
    } else {
        format!(
            "{} to {}",
            number::count(bucket.from),
            number::count(bucket.to)
        )
    }
}

/// `500`, `1k`, `20k`, `5M`.
fn short(size: u64) -> String {
    match size {
        0..1_000 => size.to_string(),
        1_000..1_000_000 => format!("{}k", size / 1_000),
        _ => format!("{}M", size / 1_000_000),
    }
}

/// Hits of the last 60 minutes, oldest first; the last minute is not over yet.
pub(crate) struct Minutes {
    pub(crate) accepted: Vec<u64>,
    pub(crate) refused: Vec<u64>,
}

impl Minutes {
    /// The chart as HTML.
    pub(crate) fn html(&self) -> String {
        let n = self.accepted.len().max(1);
        let width = 1.0 / n as f64;
        let high = self.accepted.iter().max().copied().unwrap_or(0) as f64;
        let scale = Scale::from_zero(high.max(1.0) * 1.12, Unit::Count);
        let top = scale.high;
        let mut plot = Plot::new(MINUTES_HEIGHT, scale, &self.describe())
            .axes("hits per minute", "minutes ago")
            .y_ticks()
            .x_ticks(&Self::ticks(n));
        for (k, (&accepted, &refused)) in self.accepted.iter().zip(&self.refused).enumerate() {
            let left = (k as f64 + 0.09) * width;
            let class = if k + 1 == n { "f2" } else { "f4" };
            plot = plot.bar(&Bar {
                x: left,
                width: width * 0.82,
                base: 0.0,
                value: accepted as f64,
                class,
            });
            if refused > 0 {
                let mark = top * MARK_SHARE;
                plot = plot.bar(&Bar {
                    x: left,
                    width: width * 0.82,
                    base: top - mark,
                    value: mark,
                    class: "fb",
                });
            }
        }
        let figure = Figure {
            title: "Last 60 minutes".to_owned(),
            about: "Hits per minute; a mark above a bar means at least one was rejected".to_owned(),
            key: square("f4", "accepted")
                + &square("f2", "this minute, so far")
                + &square("fb", "some rejected"),
            end: String::new(),
            plot: plot.html(Hover::Bands, 0),
            table: self.table(),
        };
        figure.html()
    }

    fn ticks(n: usize) -> Vec<XTick> {
        let place = |ago: usize| (n.saturating_sub(ago) as f64 - 0.5) / n as f64;
        [60, 50, 40, 30, 20, 10]
            .into_iter()
            .filter(|&ago| ago <= n)
            .map(|ago| XTick {
                at: if ago == n { 0.0 } else { place(ago) },
                text: ago.to_string(),
                spare: ago % 20 == 10,
            })
            .chain([XTick {
                at: 1.0,
                text: "now".to_owned(),
                spare: false,
            }])
            .collect()
    }

    fn describe(&self) -> String {
        format!(
            "Bars, hits per minute over the last hour: {} accepted, {} rejected.",
            number::count(self.accepted.iter().sum()),
            number::count(self.refused.iter().sum())
        )
    }

    fn table(&self) -> DataTable {
        let n = self.accepted.len();
        let rows = self.accepted.iter().zip(&self.refused).enumerate();
        DataTable {
            caption: "Hits by minute".to_owned(),
            head: ["Minutes ago", "Accepted", "Rejected"]
                .map(str::to_owned)
                .to_vec(),
            rows: rows
                .map(|(k, (a, r))| {
                    vec![
                        (n - 1 - k).to_string(),
                        number::count(*a),
                        number::count(*r),
                    ]
                })
                .collect(),
        }
    }
}
