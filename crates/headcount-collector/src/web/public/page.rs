//! The public page: hero, weeks as a line, bars of the latest week, files, and what is collected.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;

use super::{Public, data};
use crate::chart::Mark;
use crate::chart::line::Line;
use crate::chart::number;
use crate::chart::scale::Unit;
use crate::chart::small::{Better, backing};
use crate::privacy::{Group, Parts};
use crate::publication::{Figures, Gap, Point};
use crate::reports::{calendar, release, share};
use crate::store::Day;
use crate::web::overview::gaps::Gaps;
use crate::web::overview::series::Release;
use crate::web::overview::{headline, words};
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
    about: String,
    lines: Vec<(String, String, String)>,
}

pub(super) fn show(public: &Public) -> Response {
    let shell = Shell {
        slim: true,
        published: Some(public.name.clone()),
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
    let parts = |title, about: &str, parts: &Parts| List {
        title,
        about: about.to_owned(),
        lines: lines(&parts.groups, parts.others, *installs),
    };
    let all = apps.len();
    let apps = &apps[..all.min(MOST_APPS)];
    let more = if all > MOST_APPS {
        format!("; the first {MOST_APPS} of {all}")
    } else {
        String::new()
    };
    Some(Latest {
        installs: number::count(*installs),
        until: calendar::long(week.last_day),
        gap: gap_of_last(&public.line).map_or("", Gap::said),
        chart: chart(public),
        columns: [
            vec![
                parts("Versions", "Share of active installs", versions),
                parts(
                    "Size of installs",
                    "Users per install, share of active installs",
                    &by_size(sizes),
                ),
                parts(
                    "Deployment",
                    "Share of active installs",
                    &in_words(deployments),
                ),
            ],
            vec![List {
                title: "Apps",
                about: format!("Share of active installs that have the app{more}"),
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

/// Kinds of deployment as people write them.
fn in_words(deployments: &Parts) -> Parts {
    let mut named = deployments.clone();
    for group in &mut named.groups {
        if !group.label.is_empty() {
            group.label = words::deployment(&group.label);
        }
    }
    named
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

/// The first week in which a line of releases newer than all before is named. It follows from what is
/// published.
fn marks(public: &Public) -> Vec<Mark> {
    let mut newest: Option<&str> = None;
    let mut releases = Vec::new();
    for week in &public.weeks {
        let groups = week.figures.versions.groups.iter();
        let versions = groups.map(|group| group.label.as_str());
        let highest = versions
            .filter(|version| release::is_release(version))
            .max_by(|a, b| release::order(a, b));
        let Some(highest) = highest else { continue };
        // What the first week shows was there before.
        if newest.is_some_and(|newest| {
            release::order(highest, newest).is_gt()
                && release::family(highest) != release::family(newest)
        }) {
            releases.push(Release {
                version: highest.to_owned(),
                day: week.last_day,
            });
        }
        if newest.is_none_or(|newest| release::order(highest, newest).is_gt()) {
            newest = Some(highest);
        }
    }
    let days: Vec<Day> = public.line.iter().map(|point| point.last_day).collect();
    headline::marks(&releases, &days, true)
}

fn chart(public: &Public) -> String {
    let points = &public.line;
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
        marks: marks(public),
        gaps: gaps.points,
    };
    line.html()
}
