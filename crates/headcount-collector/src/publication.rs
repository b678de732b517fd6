//! The weeks a project shows to everybody: exact answers in, figures that `privacy` lets through out.
//!
//! Weeks end on Sunday and are published once, a full day later, whoever looks first. There are no
//! ranges and no filters, so there is nothing to subtract but what `privacy` reckons with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::meta::breaks::Break;
use crate::meta::publications::KeptWeek;
use crate::privacy::{Grid, Group, Parts};
use crate::query::{Bucket, DayRange, Dimension, Measure};
use crate::reports::{Over, ReportError, Source, broken, silence};
use crate::store::Day;

const WEEK_DAYS: i32 = 7;
/// Late hits have so many days after a Sunday to be counted.
const GRACE_DAYS: i32 = 1;
/// Weeks that are shown and kept at most: two years.
const MOST_WEEKS: i32 = 104;
/// Weeks before one that count for the values a partition ever had.
const MEMORY_WEEKS: i32 = 52;

/// What is shown of a week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Rounded number of installs with an event in the week.
    pub installs: u64,
    pub versions: Parts,
    pub deployments: Parts,
    /// By users, in 1-2-5 buckets such as `10-19`.
    pub sizes: Parts,
    /// An install may have several.
    pub apps: Vec<Group>,
}

/// A week that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    /// Its Sunday.
    pub last_day: Day,
    pub figures: Figures,
}

/// Sundays that should be published by today, oldest first, without those that are.
pub fn due(first: Day, today: Day, kept: &[KeptWeek]) -> Vec<Day> {
    let newest = sunday_up_to(Day(today.0 - 1 - GRACE_DAYS));
    let oldest = Day(first.0.max(newest.0 - MOST_WEEKS * WEEK_DAYS + 1) + WEEK_DAYS - 1);
    (0..MOST_WEEKS)
        .map(|nth| Day(newest.0 - nth * WEEK_DAYS))
        .take_while(|sunday| sunday.0 >= oldest.0)
        .filter(|sunday| !kept.iter().any(|week| week.last_day == *sunday))
        .collect::<BTreeSet<Day>>()
        .into_iter()
        .collect()
}

fn sunday_up_to(day: Day) -> Day {
    // 1970-01-01 was a Thursday.
    Day(day.0 - (day.0 + 4).rem_euclid(WEEK_DAYS))
}

/// Publishes weeks that are due.
///
/// # Errors
/// The data cannot be read.
pub fn publish(
    source: &Source<'_>,
    grid: Grid,
    first: Day,
    due: &[Day],
) -> Result<Vec<KeptWeek>, ReportError> {
    let (Some(&oldest), Some(&newest)) = (due.first(), due.last()) else {
        return Ok(Vec::new());
    };
    let from = Day(oldest.0 - MEMORY_WEEKS * WEEK_DAYS - WEEK_DAYS + 1);
    let range = DayRange {
        // A Monday: no week is cut.
        from: Day(sunday_up_to(Day(first.0.max(from.0) - 1)).0 + 1),
        to: newest,
    };
    let ask = |by: &[Dimension]| by_week(source, by, range);
    let exact = Exact {
        active: ask(&[])?,
        versions: ask(&[Dimension::Version])?,
        deployments: ask(&[Dimension::Deployment])?,
        sizes: ask(&[Dimension::Users])?,
        apps: ask(&[Dimension::App])?,
    };
    due.iter()
        .map(|&sunday| {
            let content = serde_json::to_string(&exact.figures(grid, sunday));
            Ok(KeptWeek {
                last_day: sunday,
                k: grid.k(),
                content: content.map_err(|error| ReportError::Data(error.to_string()))?,
            })
        })
        .collect()
}

/// The kept weeks that may be shown under a k: none that was published finer.
pub fn shown(kept: &[KeptWeek], k: u64) -> Vec<Week> {
    kept.iter()
        .filter(|week| week.k >= k)
        .filter_map(|week| {
            Some(Week {
                last_day: week.last_day,
                figures: serde_json::from_str::<Option<Figures>>(&week.content).ok()??,
            })
        })
        .collect()
}

/// Why a week is a gap in the line of weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// A manager noted that reports were wrong on half of its days.
    Noted,
    /// Its published number is far below the published ones before it.
    Silent,
    /// Nothing was published: too few installs, or weeks that were published finer.
    Unpublished,
}

impl Gap {
    /// What everybody is told of it. Why a manager noted it is not for everybody.
    pub fn said(self) -> &'static str {
        match self {
            Self::Noted => "reports are known to be wrong",
            Self::Silent => "nearly no install reported",
            Self::Unpublished => "no week was published",
        }
    }
}

/// A week of the line: one that is shown, or a gap between two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub last_day: Day,
    /// The published number; `None` for a week that was not published.
    pub installs: Option<u64>,
    pub gap: Option<Gap>,
}

/// The line from the first week shown to the last. It follows from what is published already and from
/// what managers noted, so it tells nothing of installs that the weeks do not.
pub fn line(weeks: &[Week], breaks: &[Break]) -> Vec<Point> {
    let (Some(first), Some(last)) = (weeks.first(), weeks.last()) else {
        return Vec::new();
    };
    let published: Vec<u64> = weeks.iter().map(|week| week.figures.installs).collect();
    let silent = silence::silent_days(&published);
    let sundays = (first.last_day.0..=last.last_day.0).step_by(WEEK_DAYS as usize);
    let point = |sunday: Day| {
        let place = weeks.iter().position(|week| week.last_day == sunday);
        let gap = match place {
            None => Some(Gap::Unpublished),
            Some(_) if is_noted(breaks, sunday) => Some(Gap::Noted),
            Some(place) => silent[place].then_some(Gap::Silent),
        };
        Point {
            last_day: sunday,
            installs: place.map(|place| published[place]),
            gap,
        }
    };
    sundays.map(Day).map(point).collect()
}

/// Whether half of a week's days are noted as broken.
fn is_noted(breaks: &[Break], sunday: Day) -> bool {
    let noted = |day: &i32| {
        let mut own = broken::of(breaks, "stats");
        own.any(|known| known.from.0 <= *day && *day <= known.to.0)
    };
    let days = (sunday.0 - WEEK_DAYS + 1..=sunday.0).filter(noted).count();
    days * 2 >= WEEK_DAYS as usize
}

/// Groups by the Sunday of their week.
type ByWeek = BTreeMap<Day, Vec<Group>>;

fn by_week(source: &Source<'_>, by: &[Dimension], range: DayRange) -> Result<ByWeek, ReportError> {
    let over = Over {
        range,
        bucket: Bucket::Week,
        filter: &[],
    };
    let mut weeks = ByWeek::new();
    for row in source.ask(Measure::Active, by, &over)?.rows {
        let sunday = Day(row.bucket.0 + WEEK_DAYS - 1);
        weeks.entry(sunday).or_default().push(Group {
            label: row.key.into_iter().next().unwrap_or_default(),
            installs: row.installs,
        });
    }
    Ok(weeks)
}

/// Exact numbers of many weeks.
struct Exact {
    active: ByWeek,
    versions: ByWeek,
    deployments: ByWeek,
    sizes: ByWeek,
    apps: ByWeek,
}

impl Exact {
    fn figures(&self, grid: Grid, sunday: Day) -> Option<Figures> {
        let active = self.active.get(&sunday)?.first()?.installs;
        let parts = |weeks: &ByWeek| {
            let (groups, values) = whole(weeks, sunday, active);
            grid.partition(&groups, values)
        };
        let apps = self.apps.get(&sunday).map_or(&[][..], Vec::as_slice);
        Some(Figures {
            installs: grid.round(active)?,
            versions: parts(&self.versions)?,
            deployments: parts(&self.deployments)?,
            sizes: parts(&self.sizes)?,
            apps: grid.overlapping(apps),
        })
    }
}

/// A week's groups with those that told nothing, so that each active install is in one, and how many
/// values there were up to then.
fn whole(weeks: &ByWeek, sunday: Day, active: u64) -> (Vec<Group>, usize) {
    let mut groups = weeks.get(&sunday).cloned().unwrap_or_default();
    let told: u64 = groups.iter().map(|group| group.installs).sum();
    groups.push(Group {
        label: String::new(),
        installs: active.saturating_sub(told),
    });
    let known: BTreeSet<&str> = weeks
        .range(..=sunday)
        .flat_map(|(_, groups)| groups)
        .map(|group| group.label.as_str())
        .collect();
    (groups, known.len() + 1)
}

#[cfg(test)]
mod tests;
