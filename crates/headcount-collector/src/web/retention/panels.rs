//! The panels of the retention page. Pure.

use crate::chart::curves::{Curve, Curves};
use crate::chart::{link, number};
use crate::query::DayRange;
use crate::reports::survival::Step;
use crate::reports::upgrade::Spreading;
use crate::reports::{calendar, release, share};
use crate::web::overview::state::State;
use crate::web::overview::words;

use super::data::Data;

/// Curves drawn, the newest release first.
const RELEASES: usize = 4;
/// Days of the upgrade chart.
const UPGRADE_DAYS: usize = 180;
/// Months of the table beside the first.
const AGES: usize = 12;
/// A curve ends where so few are left to tell: beyond it is noise.
const LEAST_AT_RISK: u64 = 10;
/// Rows of the tables.
const ROWS: usize = 8;
/// Apps on fewer installs say nothing of those that stay behind.
const LEAST_BEHIND: u64 = 5;
/// Shades of the heat table.
const SHADES: usize = 7;

/// A headline number.
pub(crate) struct Stat {
    pub(crate) label: String,
    pub(crate) value: String,
    pub(crate) line: String,
}

pub(crate) fn stats(data: &Data) -> Vec<Stat> {
    let mut out: Vec<Stat> = [
        (30, "Still reporting after 30 days"),
        (90, "After 90 days"),
        (365, "After 12 months"),
    ]
    .map(|(days, label)| kept(&data.curve, days, label))
    .into();
    let minor: Vec<&Spreading> = minor(data).collect();
    let half = minor
        .iter()
        .enumerate()
        .find_map(|(k, release)| Some((k, release.days_to(0.5)?)));
    out.push(match half {
        Some((k, days)) => {
            let earlier = minor.get(k + 1..).unwrap_or_default();
            let earlier = earlier
                .iter()
                .find_map(|release| Some((&release.version, release.days_to(0.5)?)));
            let earlier = earlier.map_or_else(String::new, |(version, days)| {
                format!("; v{version} took {days}")
            });
            Stat {
                label: "Half upgraded within".to_owned(),
                value: number::counted(days, "day"),
                line: format!("v{}{earlier}", minor[k].version),
            }
        }
        None => Stat {
            label: "Half upgraded within".to_owned(),
            value: "–".to_owned(),
            line: "no release reached half of the installs".to_owned(),
        },
    });
    out.push(match &data.behind {
        Some(behind) => Stat {
            label: format!("Stay behind v{}", behind.release),
            value: number::count(behind.installs),
            line: format!(
                "{} of {} active in the last 7 days",
                number::percent_whole(share(behind.installs, behind.installs + behind.others)),
                number::counted(behind.installs + behind.others, "install")
            ),
        },
        None => Stat {
            label: "Stay behind".to_owned(),
            value: "–".to_owned(),
            line: "no release was seen to begin".to_owned(),
        },
    });
    out
}

fn kept(curve: &[Step], days: usize, label: &str) -> Stat {
    let step = known(curve).get(days);
    Stat {
        label: label.to_owned(),
        value: step.map_or("–".to_owned(), |step| number::percent_whole(step.kept)),
        line: match step {
            Some(step) => format!(
                "95% interval {:.0} to {:.0}%; {} seen so long",
                step.low * 100.0,
                step.high * 100.0,
                number::counted(step.at_risk, "install")
            ),
            None => "too few installs were seen so long".to_owned(),
        },
    }
}

/// The part of a curve that enough installs tell of.
fn known(curve: &[Step]) -> &[Step] {
    let end = curve.iter().position(|step| step.at_risk < LEAST_AT_RISK);
    &curve[..end.unwrap_or(curve.len())]
}

fn minor(data: &Data) -> impl Iterator<Item = &Spreading> {
    let opens = |release: &&Spreading| release::is_minor(&release.version);
    data.releases.iter().filter(opens)
}

/// A link to a report as CSV.
fn csv(state: &State, slug: &str, name: &str, range: DayRange) -> String {
    format!(
        "/api/v1/projects/{slug}/reports/{name}{}&format=csv",
        state.api(range)
    )
}

/// The table of cohorts.
pub(crate) struct Heat {
    pub(crate) ages: Vec<usize>,
    pub(crate) rows: Vec<HeatRow>,
    /// Class and word.
    pub(crate) legend: Vec<(usize, String)>,
    pub(crate) about: String,
    pub(crate) csv: String,
}

pub(crate) struct HeatRow {
    pub(crate) name: String,
    pub(crate) strong: bool,
    pub(crate) installs: String,
    /// Shade and per cent; empty text for what is not over yet.
    pub(crate) cells: Vec<(usize, String)>,
}

pub(crate) fn heat(state: &State, slug: &str, data: &Data) -> Heat {
    let ages = data.complete.saturating_sub(1).min(AGES);
    let broken = |month: usize| data.gaps.points.get(month).copied().unwrap_or(false);
    let known = |cohort: usize, age: usize| cohort + age < data.complete && !broken(cohort + age);
    let all = |age: usize| {
        let own = data.cohorts.iter().enumerate();
        let own = own.filter(|(place, cohort)| known(*place, age) && cohort.installs > 0);
        let sums = own.fold((0, 0), |sums, (_, cohort)| {
            (sums.0 + cohort.active[age], sums.1 + cohort.installs)
        });
        (sums.1 > 0).then(|| share(sums.0, sums.1))
    };
    let mut rows = vec![(
        "All".to_owned(),
        data.cohorts.iter().map(|cohort| cohort.installs).sum(),
        (1..=ages).map(all).collect::<Vec<_>>(),
    )];
    for (place, cohort) in data.cohorts.iter().enumerate() {
        let cell = |age: usize| {
            let told = known(place, age) && cohort.installs > 0;
            told.then(|| share(cohort.active[age], cohort.installs))
        };
        let cells: Vec<_> = (1..=ages).map(cell).collect();
        if cells.iter().any(Option::is_some) {
            rows.push((calendar::month(cohort.first), cohort.installs, cells));
        }
    }
    let values = rows.iter().flat_map(|row| row.2.iter().flatten().copied());
    let shades = Shades::of(values);
    Heat {
        ages: (1..=ages).collect(),
        rows: rows
            .into_iter()
            .enumerate()
            .map(|(k, (name, installs, cells))| HeatRow {
                name,
                strong: k == 0,
                installs: number::count(installs),
                cells: cells.into_iter().map(|cell| shades.cell(cell)).collect(),
            })
            .collect(),
        legend: shades.legend(),
        about: data.gaps.said(
            "Of the installs first seen in a month, the percentage active so many calendar months later; months that are not over are left out",
        ),
        csv: csv(state, slug, "retention", data.cohort_range),
    }
}

/// Even steps of per cent over what there is.
struct Shades {
    low: u32,
    step: u32,
}

impl Shades {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        const STEP: u32 = 5;
        let per_cent = |share: f64| (share * 100.0) as u32;
        let low = per_cent(values.clone().fold(1.0, f64::min)) / STEP * STEP;
        let high = per_cent(values.fold(0.0, f64::max));
        let wide = high.saturating_sub(low).div_ceil(SHADES as u32);
        Self {
            low,
            step: wide.div_ceil(STEP).max(1) * STEP,
        }
    }

    fn cell(&self, share: Option<f64>) -> (usize, String) {
        let Some(share) = share else {
            return (0, String::new());
        };
        let per_cent = (share * 100.0).round() as u32;
        let shade = per_cent.saturating_sub(self.low) / self.step;
        ((shade as usize).min(SHADES - 1), per_cent.to_string())
    }

    fn legend(&self) -> Vec<(usize, String)> {
        (0..SHADES)
            .map(|k| {
                let from = self.low + self.step * k as u32;
                let text = match k {
                    0 => format!("under {}", self.low + self.step),
                    _ if k + 1 == SHADES => format!("{from} and over"),
                    _ => from.to_string(),
                };
                (k, text)
            })
            .take_while(|(k, _)| self.low + self.step * (*k as u32) <= 100)
            .collect()
    }
}

pub(crate) fn survival(state: &State, slug: &str, data: &Data) -> String {
    let shares = |curve: &[Step]| known(curve).iter().map(|step| step.kept).collect();
    let mut curves = vec![Curve {
        name: "All".to_owned(),
        shares: shares(&data.curve),
    }];
    curves.extend(data.by_deployment.iter().map(|(word, curve)| Curve {
        name: words::deployment(word),
        shares: shares(curve),
    }));
    let csv = csv(state, slug, "survival", data.range);
    Curves {
        title: "Survival".to_owned(),
        about: format!(
            "Share of installs still reporting, of {} first seen since {}; band is the 95% interval. Gone is who was silent for 7 days and did not come back",
            number::counted(data.installs, "install"),
            calendar::long(data.range.from)
        ),
        end: link(&csv, "CSV"),
        y_name: "% of installs still reporting".to_owned(),
        x_name: "days since first report".to_owned(),
        curves,
        band: known(&data.curve)
            .iter()
            .map(|step| (step.low, step.high))
            .collect(),
    }
    .html()
}

pub(crate) fn upgrade(state: &State, slug: &str, data: &Data) -> String {
    let shown = minor(data).take(RELEASES).map(|release| Curve {
        name: format!("v{}", release.version),
        shares: release
            .steps
            .iter()
            .take(UPGRADE_DAYS)
            .map(|&(on, active)| share(on, active))
            .collect(),
    });
    let csv = csv(state, slug, "upgrade", data.upgrade_range);
    Curves {
        title: "Time to upgrade".to_owned(),
        about: "Share of the installs active in 7 days on a release or anything newer, by days since it was first seen on more than a few installs".to_owned(),
        end: link(&csv, "CSV"),
        y_name: "% of installs on this release or newer".to_owned(),
        x_name: "days since the release".to_owned(),
        curves: shown.collect(),
        band: Vec::new(),
    }
    .html()
}

/// Releases and their days.
pub(crate) struct LagPanel {
    pub(crate) rows: Vec<LagRow>,
    pub(crate) csv: String,
}

pub(crate) struct LagRow {
    pub(crate) version: String,
    pub(crate) released: String,
    pub(crate) half: String,
    pub(crate) most: String,
    pub(crate) share: String,
    pub(crate) behind: String,
}

pub(crate) fn lag(state: &State, slug: &str, data: &Data) -> LagPanel {
    let days = |days: Option<u64>| days.map_or("not yet".to_owned(), number::count);
    let row = |release: &Spreading| {
        let (on, active) = release.now();
        LagRow {
            version: release.version.clone(),
            released: calendar::long(release.day),
            half: days(release.days_to(0.5)),
            most: days(release.days_to(0.9)),
            share: number::percent(share(on, active)),
            behind: number::count(active - on),
        }
    };
    LagPanel {
        rows: data.releases.iter().take(ROWS).map(row).collect(),
        csv: csv(state, slug, "upgrade-lag", data.upgrade_range),
    }
}

/// What installs that stay behind have in common.
pub(crate) struct BehindPanel {
    pub(crate) about: String,
    pub(crate) rows: Vec<BehindRow>,
    pub(crate) csv: String,
}

pub(crate) struct BehindRow {
    pub(crate) app: String,
    pub(crate) installs: String,
    pub(crate) share: String,
    pub(crate) others: String,
    pub(crate) ratio: String,
}

pub(crate) fn behind(state: &State, slug: &str, data: &Data) -> BehindPanel {
    let csv = csv(state, slug, "upgrade-behind", data.upgrade_range);
    let Some(behind) = &data.behind else {
        return BehindPanel {
            about: "No release was seen to begin in the last 12 months".to_owned(),
            rows: Vec::new(),
            csv,
        };
    };
    let mut apps: Vec<(&str, u64, f64, f64)> = behind
        .apps
        .iter()
        .filter(|(_, installs, _)| *installs >= LEAST_BEHIND)
        .map(|(app, installs, others)| {
            let own = share(*installs, behind.installs);
            (app.as_str(), *installs, own, share(*others, behind.others))
        })
        .collect();
    // By how much more frequent it is, in points: a ratio alone would lift what hardly anyone has.
    apps.sort_by(|a, b| {
        (b.2 - b.3)
            .total_cmp(&(a.2 - a.3))
            .then_with(|| a.0.cmp(b.0))
    });
    let row = |&(app, installs, own, others): &(&str, u64, f64, f64)| BehindRow {
        app: app.to_owned(),
        installs: number::count(installs),
        share: number::percent(own),
        others: number::percent(others),
        ratio: if others > 0.0 {
            format!("{:.1}×", own / others)
        } else {
            "only here".to_owned()
        },
    };
    BehindPanel {
        about: format!(
            "Apps of the {} on versions older than {}, most above the {} others first",
            number::counted(behind.installs, "install"),
            behind.release,
            number::count(behind.others)
        ),
        rows: apps.iter().take(ROWS).map(row).collect(),
        csv,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_spread_over_what_there_is() {
        let shades = Shades::of([0.62, 0.89].into_iter());
        assert_eq!((shades.low, shades.step), (60, 5));
        assert_eq!(shades.cell(Some(0.62)), (0, "62".to_owned()));
        assert_eq!(shades.cell(Some(0.89)), (5, "89".to_owned()));
        assert_eq!(shades.cell(None), (0, String::new()));
        assert_eq!(shades.legend()[0].1, "under 65");
        let wide = Shades::of([0.0, 1.0].into_iter());
        assert_eq!(wide.step, 15);
        assert_eq!(wide.cell(Some(1.0)).0, 6);
        let none = Shades::of(std::iter::empty());
        assert_eq!(none.legend().len(), 1);
    }
}
