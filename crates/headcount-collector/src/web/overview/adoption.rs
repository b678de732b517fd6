//! The panels on versions and sizes. Pure.

use crate::chart::bars::Sizes as SizesChart;
use crate::chart::number;
use crate::chart::stack::{Layer, Stack};
use crate::reports::{calendar, release};

use super::data::{Data, Sizes};
use super::headline;
use super::state::State;

/// Version lines with a layer of their own.
const LAYERS: usize = 5;
/// A line that never had this share of any week gets no layer.
const LEAST_SHARE: f64 = 0.01;

/// The chart of installs by version line.
pub(crate) fn versions(state: &State, data: &Data) -> String {
    let minor: Vec<_> = data
        .releases
        .iter()
        .filter(|r| release::is_minor(&r.version))
        .cloned()
        .collect();
    let weeks = data.adoption.days.len();
    let stack = Stack {
        title: "Version adoption".to_owned(),
        about: data.adoption.gaps.said(&format!(
            "Active installs by version, {}. Read a boundary as “on this version or newer”",
            if weeks == 1 {
                "last week".to_owned()
            } else {
                format!("last {weeks} weeks")
            }
        )),
        gaps: data.adoption.gaps.points.clone(),
        end: crate::chart::link(&state.showing("versions"), "All versions"),
        days: data.adoption.days.clone(),
        layers: layers(data),
        marks: headline::marks(&minor, &data.adoption.days, true),
    };
    stack.html()
}

fn layers(data: &Data) -> Vec<Layer> {
    let weeks = &data.adoption.weeks;
    let counts = |of: &dyn Fn(&str) -> bool| -> Vec<u64> {
        weeks
            .iter()
            .map(|rows| {
                rows.iter()
                    .filter(|row| of(&row.key[0]))
                    .map(|row| row.installs)
                    .sum()
            })
            .collect()
    };
    let totals = counts(&|_| true);
    let mut lines: Vec<String> = weeks
        .iter()
        .flatten()
        .map(|row| release::family(&row.key[0]))
        .collect();
    lines.sort_by(|a, b| release::order(b, a));
    lines.dedup();
    let mut layers: Vec<Layer> = Vec::new();
    for line in lines {
        let installs = counts(&|version| release::family(version) == line);
        let large = installs
            .iter()
            .zip(&totals)
            .any(|(&part, &all)| crate::reports::share(part, all) >= LEAST_SHARE);
        if large && !line.is_empty() && layers.len() < LAYERS {
            layers.push(Layer {
                name: line,
                installs,
                rest: false,
            });
        }
    }
    let rest = totals
        .iter()
        .enumerate()
        .map(|(k, total)| total - layers.iter().map(|layer| layer.installs[k]).sum::<u64>());
    let rest: Vec<u64> = rest.collect();
    if rest.iter().any(|&installs| installs > 0) {
        layers.push(Layer {
            name: "Others".to_owned(),
            installs: rest,
            rest: true,
        });
    }
    layers
}

/// The histogram of users per install.
pub(crate) fn sizes(data: &Data) -> String {
    let users = &data.users;
    let quantiles = ["p50", "p90", "p99"].into_iter().zip(users.quantiles);
    let chart = SizesChart {
        title: "Size of installs".to_owned(),
        about: about(users, data),
        of: "users".to_owned(),
        buckets: users.buckets.clone(),
        quantiles: quantiles
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
    };
    chart.html()
}

fn about(users: &Sizes, data: &Data) -> String {
    let base = format!(
        "Users of {} on {}",
        number::counted(users.told, "install"),
        calendar::short(data.range.to)
    );
    match users.quantiles[0] {
        Some(median) => format!("{base}; half have {} or fewer", number::real(median)),
        None => base,
    }
}
