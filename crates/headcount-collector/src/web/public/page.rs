//! The public page: hero, weeks as a line, bars of the latest week, files, and what is collected.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;

use super::{Public, data};
use crate::chart::line::Line;
use crate::chart::number;
use crate::chart::scale::Unit;
use crate::chart::small::{Better, backing};
use crate::privacy::{Group, Parts};
use crate::publication::{Figures, Gap, Point};
use crate::reports::{calendar, share};
use crate::web::overview::gaps::Gaps;
use crate::web::shell::{Shell, page};

const MOST_APPS: usize = 20;

#[derive(Template)]
#[template(path = "public.html")]
struct PublicPage {
    shell: Shell,
    name: String,
    slug: String,
    k: u64,
    licence: String,
    latest: Option<Latest>,
    files: Vec<(&'static str, &'static str)>,
}

/// The latest week.
struct Latest {
    installs: String,
    /// Its Sunday.
    until: String,
    /// Why its own number is no measure; empty where it is one.
    gap: &'static str,
    /// HTML of the chart.
    chart: String,
    /// Panels side by side.
    columns: [Vec<List>; 2],
}

struct List {
    title: &'static str,
    about: &'static str,
    lines: Vec<(String, String, String)>,
}

pub(super) fn show(public: &Public) -> Response {
    let shell = Shell {
        slim: true,
        ..Shell::bare(&format!("{} in numbers", public.name))
    };
    page(&PublicPage {
        shell,
        name: public.name.clone(),
        slug: public.slug.clone(),
        k: public.publishing.k,
        licence: public.publishing.licence.clone(),
        latest: latest(public),
        files: data::FILES.to_vec(),
    })
}

fn latest(public: &Public) -> Option<Latest> {
    let week = public.latest()?;
    let Figures {
        installs,
        versions,
        deployments,
        sizes,
        apps,
    } = &week.figures;
    let parts = |title, about, parts: &Parts| List {
        title,
        about,
        lines: lines(&parts.groups, parts.others, *installs),
    };
    let apps = &apps[..apps.len().min(MOST_APPS)];
    Some(Latest {
        installs: number::count(*installs),
        until: calendar::long(week.last_day),
        gap: gap_of_last(&public.line).map_or("", Gap::said),
        chart: chart(&public.line),
        columns: [
            vec![
                parts("Versions", "Share of active installs", versions),
                parts("Size of installs", "Users per install", &by_size(sizes)),
                parts("Deployment", "Share of active installs", deployments),
            ],
            vec![List {
                title: "Apps",
                about: "Share of active installs that have the app",
                lines: lines(apps, 0, *installs),
            }],
        ],
    })
}

/// Sizes in their own order; what is no size comes last.
fn by_size(sizes: &Parts) -> Parts {
    let least = |group: &Group| {
        let digits = group.label.split('-').next().unwrap_or_default();
        digits.parse::<u64>().unwrap_or(u64::MAX)
    };
    let mut sizes = sizes.clone();
    sizes.groups.sort_by_key(least);
    sizes
}

/// Bar, name and share of each group, bars on one scale.
fn lines(groups: &[Group], others: u64, whole: u64) -> Vec<(String, String, String)> {
    let others = (others > 0).then(|| ("others, each too few".to_owned(), others));
    let named = groups.iter().map(|group| {
        let untold = group.label.is_empty();
        let name = if untold {
            "not told".to_owned()
        } else {
            group.label.clone()
        };
        (name, group.installs)
    });
    let named: Vec<(String, u64)> = named.chain(others).collect();
    let most = named
        .iter()
        .map(|(_, installs)| *installs)
        .max()
        .unwrap_or(0);
    named
        .into_iter()
        .map(|(name, installs)| {
            let part = number::percent_whole(share(installs, whole).min(1.0));
            (backing(share(installs, most)), name, part)
        })
        .collect()
}

fn gap_of_last(points: &[Point]) -> Option<Gap> {
    points.last().and_then(|point| point.gap)
}

fn chart(points: &[Point]) -> String {
    let reasons: BTreeSet<Gap> = points.iter().filter_map(|point| point.gap).collect();
    let gaps = Gaps {
        points: points.iter().map(|point| point.gap.is_some()).collect(),
        reasons: reasons
            .into_iter()
            .map(|gap| gap.said().to_owned())
            .collect(),
    };
    let line = Line {
        title: "Active installs".to_owned(),
        about: gaps.said("Installs that reported in the 7 days up to the end of each week"),
        counts: "active installs".to_owned(),
        along: "week ending",
        column: "Active installs".to_owned(),
        unit: Unit::Count,
        better: Better::Up,
        days: points.iter().map(|point| point.last_day).collect(),
        values: points
            .iter()
            .map(|point| point.installs.map_or(f64::NAN, |installs| installs as f64))
            .collect(),
        before: None,
        marks: Vec::new(),
        gaps: gaps.points,
    };
    line.html()
}
