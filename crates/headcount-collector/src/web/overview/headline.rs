//! The headline numbers and the chart of the one that is chosen. Pure.

use crate::chart::line::{Before, Line};
use crate::chart::number;
use crate::chart::scale::{Unit, place};
use crate::chart::small::{Better, Change, delta};
use crate::chart::{Mark, escape};
use crate::query::DayRange;
use crate::reports::release;
use crate::reports::totals::Figures;
use crate::store::Day;

use super::data::Data;
use super::series::Release;
use super::state::{Metric, State};
use super::tools;

/// One headline cell: a link that switches the chart.
pub(crate) struct Stat {
    pub(crate) label: String,
    pub(crate) value: String,
    /// HTML of the line under the value.
    pub(crate) line: String,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// The six cells.
pub(crate) fn stats(state: &State, data: &Data) -> Vec<Stat> {
    Metric::ALL.map(|metric| stat(state, data, metric)).into()
}

fn stat(state: &State, data: &Data, metric: Metric) -> Stat {
    let (label, value, line) = match metric {
        Metric::Active => counted(data, "Active installs", |f| f.active_week, Better::Up),
        Metric::New => counted(data, "New installs", |f| f.new, Better::Up),
        Metric::Gone => counted(data, "Gone quiet", |f| f.gone, Better::Down),
        Metric::Users => counted(data, "Users reported", |f| f.users, Better::Up),
        Metric::Median => median(data),
        Metric::Latest => latest(data),
    };
    Stat {
        label,
        value,
        line,
        href: state.with(|state| state.metric = metric),
        current: state.metric == metric,
    }
}

type Cell = (String, String, String);

fn counted(data: &Data, label: &str, of: fn(&Figures) -> u64, better: Better) -> Cell {
    let now = of(&data.now);
    let line = data.was.as_ref().map_or_else(
        || days_word(data.range),
        |was| {
            let was = of(was);
            let change = delta(now as f64, was as f64, better, Change::Relative);
            format!("{change} from {}", number::headline(was))
        },
    );
    (label.to_owned(), number::headline(now), line)
}

fn median(data: &Data) -> Cell {
    let word = |value: Option<f64>| value.map_or("–".to_owned(), number::real);
    let earlier = data.was.as_ref().and_then(|was| was.median_users);
    let line = match (data.now.median_users, earlier) {
        (Some(now), Some(was)) => {
            let change = delta(now.round(), was.round(), Better::Up, Change::Difference);
            format!("{change} from {}", number::real(was.round()))
        }
        _ => format!("{} told", number::counted(data.users.told, "install")),
    };
    let value = word(data.now.median_users.map(f64::round));
    ("Median users per install".to_owned(), value, line)
}

fn latest(data: &Data) -> Cell {
    let Some(((version, _), share)) = data.now.latest.as_ref().zip(data.now.latest_share()) else {
        return (
            "On the latest version".to_owned(),
            "–".to_owned(),
            "no version told".to_owned(),
        );
    };
    let line = match (
        &data.spread,
        data.was.as_ref().and_then(Figures::latest_share),
    ) {
        (Some(spread), _) => format!(
            "{} for v{} at {}",
            number::percent_whole(spread.before_share),
            escape(&spread.before),
            number::counted(spread.age_days.unsigned_abs().into(), "day")
        ),
        (None, Some(was)) => format!("{} on the latest of then", number::percent_whole(was)),
        (None, None) => format!("of {}", number::counted(data.now.active_week, "install")),
    };
    (
        format!("On v{version}, the latest"),
        number::percent_whole(share),
        line,
    )
}

fn days_word(range: DayRange) -> String {
    let days = range.to.0 - range.from.0 + 1;
    format!("in {}", number::counted(days.unsigned_abs().into(), "day"))
}

/// The chart of the metric that is chosen.
pub(crate) fn chart(state: &State, data: &Data) -> String {
    let style = style(state.metric, data);
    let line = Line {
        title: style.title,
        about: data.gaps.said(style.about),
        counts: style.counts.to_owned(),
        along: "day",
        column: style.column.to_owned(),
        unit: style.unit,
        better: style.better,
        days: data.line.days.clone(),
        values: data.line.values.clone(),
        before: data.line.before.as_ref().map(|values| Before {
            name: tools::name(state.compare, data.range),
            values: values.clone(),
        }),
        marks: marks(&data.releases, &data.line.days, false),
        gaps: data.gaps.points.clone(),
    };
    line.html()
}

struct Style {
    title: String,
    about: &'static str,
    counts: &'static str,
    column: &'static str,
    unit: Unit,
    better: Better,
}

fn style(metric: Metric, data: &Data) -> Style {
    let count = |title: &str, about, counts, column, better| Style {
        title: title.to_owned(),
        about,
        counts,
        column,
        unit: Unit::Count,
        better,
    };
    match metric {
        Metric::Active => count(
            "Active installs",
            "Installs that reported in the 7 days up to each day",
            "installs",
            "Active",
            Better::Up,
        ),
        Metric::New => count(
            "New installs",
            "Installs first seen in the 7 days up to each day",
            "installs a week",
            "New",
            Better::Up,
        ),
        Metric::Gone => count(
            "Gone quiet",
            "Installs that in the 7 days up to each day had been silent for 7 days",
            "installs a week",
            "Gone quiet",
            Better::Down,
        ),
        Metric::Users => count(
            "Users reported",
            "Sum over installs of what each last told in the 7 days up to each day",
            "users",
            "Users",
            Better::Up,
        ),
        Metric::Median => count(
            "Median users per install",
            "Half of the installs of the 7 days up to each day have fewer users, half have more",
            "users",
            "Median",
            Better::Up,
        ),
        Metric::Latest => Style {
            title: match &data.now.latest {
                Some((version, _)) => format!("Share on v{version}"),
                None => "Share on the latest version".to_owned(),
            },
            about: "Share of the installs of the 7 days up to each day that last told this version",
            counts: "% of installs",
            column: "Share",
            unit: Unit::Share,
            better: Better::Up,
        },
    }
}

/// Release marks along some days. Short ones name the line, as in `5.4`.
pub(crate) fn marks(releases: &[Release], days: &[Day], short: bool) -> Vec<Mark> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Vec::new();
    };
    let span = last.0 - first.0;
    releases
        .iter()
        .filter(|release| release.day >= *first && release.day <= *last && span > 0)
        .map(|release| {
            let along = usize::try_from(release.day.0 - first.0).unwrap_or(0);
            let label = if short {
                release::family(&release.version)
            } else {
                format!("v{}", release.version.trim_start_matches('v'))
            };
            Mark {
                at: place(along, usize::try_from(span).unwrap_or(0) + 1),
                label,
                minor: !release::is_minor(&release.version),
            }
        })
        .collect()
}
