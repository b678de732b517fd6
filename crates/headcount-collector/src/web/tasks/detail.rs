//! One task in detail: headline numbers, runs, exceptions, versions, values. Pure.

use crate::chart::small::{Better, Change, bar, delta};
use crate::chart::tasks::{Rate, Rates, Runs, Values};
use crate::chart::{escape, link, number};
use crate::query::Bucket;
use crate::reports::task::Step;
use crate::reports::{Cell, count, release, share};
use crate::store::Day;
use crate::web::overview::flags::{Flag, Flags};
use crate::web::overview::headline;
use crate::web::overview::state::State;
use crate::web::overview::words;
use crate::web::shell::Tab;

use super::data::{Data, Found};

/// Versions with a row of their own.
const VERSIONS: usize = 8;
/// Runs under which a version is not drawn: its interval would hide all others.
const LEAST_RUNS: u64 = 30;
const EXCEPTIONS: usize = 8;

/// What templates/tasks.html shows of a task.
pub(crate) struct Detail {
    pub(crate) namespace: String,
    pub(crate) task: String,
    /// The report with all rows.
    pub(crate) full: String,
    pub(crate) note: Option<Note>,
    pub(crate) stats: Vec<Stat>,
    /// HTML.
    pub(crate) runs: String,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) exceptions_about: String,
    pub(crate) exceptions_csv: String,
    /// HTML.
    pub(crate) versions: String,
    pub(crate) values: String,
}

/// That it fails more since a release.
pub(crate) struct Note {
    pub(crate) strong: String,
    pub(crate) text: String,
}

pub(crate) struct Stat {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    /// HTML.
    pub(crate) line: String,
}

pub(crate) struct Exception {
    pub(crate) name: String,
    pub(crate) failed: String,
    pub(crate) share: String,
    /// HTML.
    pub(crate) bar: String,
    pub(crate) installs: String,
    pub(crate) first: String,
    pub(crate) new: bool,
}

pub(crate) fn detail(
    state: &State,
    slug: &str,
    (data, found, flags): (&Data, &Found, &Flags),
) -> Detail {
    let row = &found.row;
    let mut own = state.clone();
    own.namespace = Some(row.key[0].clone());
    own.task = Some(row.key[1].clone());
    let csv = |name: &str| {
        let query = own.api(data.range);
        format!("/api/v1/projects/{slug}/reports/{name}{query}&format=csv")
    };
    let flag = flags.get(&row.key[0], &row.key[1]);
    let full = own.with(|state| state.show = Some("task".to_owned()));
    Detail {
        namespace: row.key[0].clone(),
        task: words::name(&row.key[1]),
        full: format!("{}{full}", Tab::Overview.href(slug)),
        note: flag.map(|flag| note(flag, found, !state.filter.is_empty())),
        stats: stats(data, found),
        runs: runs(data, found, &csv("task")),
        exceptions: exceptions(found, flag),
        exceptions_about: format!(
            "{} by exception class; messages are never sent",
            number::counted(row.failures, "failed run")
        ),
        exceptions_csv: csv("task-exceptions"),
        versions: versions(found, flag, &csv("task-versions")),
        values: Values {
            steps: found.values.iter().map(step).collect(),
            end: link(&csv("task-values"), "CSV"),
        }
        .html(),
    }
}

fn note(flag: &Flag, found: &Found, filtered: bool) -> Note {
    let top = found
        .exceptions
        .iter()
        .find(|row| flag.covers(&row[3].plain()));
    let new = top.map_or_else(String::new, |row| {
        format!(
            " {} first came with {}: {}.",
            row[0].plain(),
            row[3].plain(),
            number::counted(number_of(&row[1]), "run")
        )
    });
    let all = if filtered {
        " This is told of all installs, whatever the filter."
    } else {
        ""
    };
    Note {
        strong: format!("Fails {:.1}× as often since {}.", flag.ratio, flag.since),
        text: format!("{}.{new}{all}", flag.evidence),
    }
}

fn stats(data: &Data, found: &Found) -> Vec<Stat> {
    let row = &found.row;
    let was = data.was(row);
    let rate = share(row.failures, count(row.amount));
    let relative = |now: f64, was: Option<f64>, better| {
        was.map_or_else(String::new, |was| delta(now, was, better, Change::Relative))
    };
    let rate_line = was.map_or_else(String::new, |was| {
        let before = share(was.failures, count(was.amount));
        let change = delta(rate, before, Better::Down, Change::Points(0.1));
        format!("{change} from {}", number::percent(before))
    });
    vec![
        Stat {
            label: "Runs",
            value: number::headline(count(row.amount)),
            line: relative(row.amount, was.map(|was| was.amount), Better::Neither),
        },
        Stat {
            label: "Failed",
            value: number::headline(row.failures),
            line: relative(
                row.failures as f64,
                was.map(|was| was.failures as f64),
                Better::Down,
            ),
        },
        Stat {
            label: "Failure rate",
            value: number::percent(rate),
            line: rate_line,
        },
        Stat {
            label: "Installs",
            value: number::count(row.installs),
            line: format!(
                "{} of those sending tasks",
                number::percent_whole(share(row.installs, data.installs))
            ),
        },
        Stat {
            label: "Median value",
            value: row.median.map_or("–".to_owned(), number::about),
            line: match found.p90 {
                Some(p90) => format!("p90 is {}", escape(&number::about(p90))),
                None => "no run told a number".to_owned(),
            },
        },
    ]
}

fn number_of(cell: &Cell) -> u64 {
    match cell {
        Cell::Count(count) => *count,
        _ => 0,
    }
}

fn share_of(cell: &Cell) -> f64 {
    match cell {
        Cell::Number(number) => *number,
        _ => 0.0,
    }
}

fn runs(data: &Data, found: &Found, csv: &str) -> String {
    let days: Vec<Day> = found.runs.iter().filter_map(|row| row[0].day()).collect();
    let each = match found.bucket {
        Bucket::Day => "day",
        _ => "week",
    };
    let column = |at: usize| found.runs.iter().map(|row| number_of(&row[at])).collect();
    Runs {
        marks: headline::marks(&found.releases, &days, false),
        days,
        runs: column(1),
        failures: column(2),
        each,
        gaps: found.gaps.points.clone(),
        about: found.gaps.said(&format!(
            "Runs per {each}, failed at the bottom; below, the share that failed"
        )),
        before: data
            .was(&found.row)
            .map(|was| share(was.failures, count(was.amount))),
        end: link(csv, "CSV"),
    }
    .html()
}

fn exceptions(found: &Found, flag: Option<&Flag>) -> Vec<Exception> {
    let most = found
        .exceptions
        .first()
        .map_or(1.0, |row| share_of(&row[4]));
    let row = |row: &Vec<Cell>| {
        let first = row[3].plain();
        let new = flag.is_some_and(|flag| flag.covers(&first));
        let part = share_of(&row[4]);
        Exception {
            name: row[0].plain(),
            failed: number::count(number_of(&row[1])),
            share: number::percent(part),
            bar: bar(part / most.max(f64::EPSILON), if new { "fb" } else { "fn" }),
            installs: number::count(number_of(&row[2])),
            first,
            new,
        }
    };
    let mut out: Vec<Exception> = found.exceptions.iter().take(EXCEPTIONS).map(row).collect();
    let rest = found.exceptions.get(EXCEPTIONS..).unwrap_or_default();
    if !rest.is_empty() {
        let part: f64 = rest.iter().map(|row| share_of(&row[4])).sum();
        let failed: u64 = rest.iter().map(|row| number_of(&row[1])).sum();
        out.push(Exception {
            name: format!("{} others", rest.len()),
            failed: number::count(failed),
            share: number::percent(part),
            bar: bar(part / most.max(f64::EPSILON), "fn"),
            installs: String::new(),
            first: String::new(),
            new: false,
        });
    }
    out
}

fn versions(found: &Found, flag: Option<&Flag>, csv: &str) -> String {
    let told = found.versions.iter().filter(|row| {
        let version = row[0].plain();
        number_of(&row[1]) >= LEAST_RUNS && release::is_release(&version)
    });
    let rate = |row: &Vec<Cell>| Rate {
        version: row[0].plain(),
        runs: number_of(&row[1]),
        failures: number_of(&row[2]),
        installs: number_of(&row[3]),
        low: share_of(&row[5]),
        high: share_of(&row[6]),
        worse: flag.is_some_and(|flag| flag.covers(&row[0].plain())),
    };
    Rates {
        rows: told.take(VERSIONS).map(rate).collect(),
        end: link(csv, "CSV"),
    }
    .html()
}

/// A step of values in words.
fn step(&(from, to, runs): &Step) -> (String, u64) {
    let name = match (from, to) {
        (None, _) => "under 0".to_owned(),
        (Some(from), Some(to)) if to > from && from > 0.0 => {
            format!("{} to {}", number::real(from), number::real(to))
        }
        (Some(0.0), Some(1.0)) => "under 1".to_owned(),
        (Some(from), _) => number::real(from),
    };
    (name, runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::task::steps;

    #[test]
    fn steps_read_as_ranges() {
        let spread = [
            (-3.0, 1),
            (0.0, 2),
            (0.5, 3),
            (1.0, 4),
            (3.0, 5),
            (4.0, 1),
            (120.0, 6),
        ];
        let named: Vec<_> = steps(&spread).iter().map(step).collect();
        let expected = [
            ("under 0", 1),
            ("0", 2),
            ("under 1", 3),
            ("1", 4),
            ("2 to 4", 6),
            ("100 to 199", 6),
        ];
        let named: Vec<_> = named
            .iter()
            .map(|(name, runs)| (name.as_str(), *runs))
            .collect();
        assert_eq!(named, expected);
    }
}
