//! The panels with tables and lists: apps, pages, tasks, languages, browsers, deployment. Pure.

use headcount_protocol::event::is_failure;
use rustc_hash::FxHashMap;

use crate::chart::bars::range_words;
use crate::chart::number;
use crate::chart::small::{Better, Change, backing, bar, delta, spark};
use crate::query::{AnswerRow, Clause, ClauseValue, Dimension};
use crate::reports::sizes::SizeBucket;
use crate::reports::{count, share};

use super::data::{Data, SHOWN_APPS, most_told};
use super::flags::{Flag, Flags};
use super::state::{Sort, State};
use super::words;
use crate::web::shell::Tab;

const TASK_ROWS: usize = 8;
const LIST_ROWS: usize = 7;
/// Apps on fewer installs than this are summed up in a line.
const FEW_INSTALLS: u64 = 10;
/// Changes of a failure share under one point are noise.
const NOISE_POINTS: f64 = 1.0;

/// A row of the table of apps.
pub(crate) struct AppRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) installs: String,
    pub(crate) share: String,
    /// HTML.
    pub(crate) bar: String,
    pub(crate) change: String,
    pub(crate) trend: String,
}

/// The table of apps.
pub(crate) struct AppPanel {
    pub(crate) rows: Vec<AppRow>,
    pub(crate) about: String,
    pub(crate) all: String,
    pub(crate) few: String,
    pub(crate) href: String,
}

/// A clause that keeps what equals a text.
pub(crate) fn only(dimension: Dimension, text: &str) -> Clause {
    Clause {
        dimension,
        negated: false,
        value: ClauseValue::Text(text.to_owned()),
    }
}

pub(crate) fn apps(state: &State, data: &Data) -> AppPanel {
    let active = data.now.active_week;
    let found = most_told(&data.apps.now);
    let few = found
        .iter()
        .filter(|row| row.installs < FEW_INSTALLS)
        .count();
    let rows = found
        .iter()
        .take(SHOWN_APPS)
        .map(|row| app(state, data, row))
        .collect();
    let days = number::counted(
        u64::from((data.range.to.0 - data.range.from.0 + 1).unsigned_abs()),
        "day",
    );
    AppPanel {
        rows,
        about: format!(
            "Share of {} that report the app; {}trend over {days}",
            number::counted(active, "active install"),
            if data.apps.was.is_some() {
                "change and "
            } else {
                ""
            }
        ),
        all: format!("All {}", number::counted(found.len() as u64, "app")),
        few: match few {
            0 => String::new(),
            1 => format!("1 is on fewer than {FEW_INSTALLS} installs"),
            few => format!(
                "{} are on fewer than {FEW_INSTALLS} installs",
                number::count(few as u64)
            ),
        },
        href: state.showing("apps"),
    }
}

fn app(state: &State, data: &Data, row: &AnswerRow) -> AppRow {
    let name = &row.key[0];
    let part = share(row.installs, data.now.active_week);
    let share_in = |rows: &[AnswerRow], base| {
        let found = rows.iter().find(|row| row.key[0] == *name);
        share(found.map_or(0, |row| row.installs), base)
    };
    let change = data
        .apps
        .was
        .as_ref()
        .map_or_else(String::new, |(rows, base)| {
            delta(
                part,
                share_in(rows, *base),
                Better::Neither,
                Change::Points(0.0),
            )
        });
    let trend: Vec<Option<f64>> = data
        .apps
        .trend
        .iter()
        .map(|week| Some(share_in(&week.as_ref()?.0, week.as_ref()?.1)))
        .collect();
    AppRow {
        href: state.filtered(only(Dimension::App, name)),
        name: name.clone(),
        installs: number::count(row.installs),
        share: number::percent(part),
        bar: bar(part, "f4"),
        change,
        trend: spark(&trend),
    }
}

/// A part of a whole, 0 of nothing.
pub(crate) fn part(of: f64, whole: f64) -> f64 {
    if whole > 0.0 { of / whole } else { 0.0 }
}

/// A row of the table of tasks.
pub(crate) struct TaskRow {
    pub(crate) task: String,
    pub(crate) namespace: String,
    pub(crate) href: String,
    /// Such as `3.1× since 5.4.0`; empty for none.
    pub(crate) flag: String,
    pub(crate) runs: String,
    pub(crate) failed: String,
    pub(crate) bad: bool,
    /// HTML.
    pub(crate) bar: String,
    pub(crate) change: String,
    pub(crate) exception: String,
    pub(crate) median: String,
}

/// The table of tasks.
pub(crate) struct TaskPanel {
    pub(crate) rows: Vec<TaskRow>,
    pub(crate) about: String,
    pub(crate) all: String,
    pub(crate) href: String,
    /// What the bars go up to.
    pub(crate) scale: String,
    pub(crate) by_runs: Option<String>,
    pub(crate) by_failed: Option<String>,
}

pub(crate) fn tasks(state: &State, data: &Data, (slug, flags): (&str, &Flags)) -> TaskPanel {
    let tasks = &data.tasks;
    let failed = |row: &AnswerRow| share(row.failures, count(row.amount));
    let mut found: Vec<&AnswerRow> = tasks.rows.iter().collect();
    found.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.key.cmp(&b.key))
    });
    if state.sort == Sort::Failed {
        found.sort_by(|a, b| failed(b).total_cmp(&failed(a)));
    }
    let shown = &found[..found.len().min(TASK_ROWS)];
    let most = shown.iter().map(|row| failed(row)).fold(0.01, f64::max);
    let tops = top_exceptions(&tasks.results);
    let row = |row: &&AnswerRow| {
        let key = (row.key[0].as_str(), row.key[1].as_str());
        let flag = flags.get(key.0, key.1);
        let was = tasks.was.iter().find(|was| was.key == row.key);
        TaskRow {
            task: words::name(key.1),
            namespace: key.0.to_owned(),
            href: task_href(state, slug, key),
            flag: flag.map_or_else(String::new, Flag::short),
            runs: number::count(count(row.amount)),
            failed: number::percent(failed(row)),
            bad: flag.is_some(),
            bar: bar(failed(row) / most, if flag.is_some() { "fb" } else { "fn" }),
            change: was.map_or_else(String::new, |was| {
                delta(
                    failed(row),
                    failed(was),
                    Better::Down,
                    Change::Points(NOISE_POINTS),
                )
            }),
            exception: tops
                .get(&key)
                .map_or_else(String::new, |(name, _)| (*name).to_owned()),
            median: row.median.map_or_else(String::new, number::about),
        }
    };
    let order = match state.sort {
        Sort::Runs => "by number of runs",
        Sort::Failed => "by share that failed",
    };
    TaskPanel {
        rows: shown.iter().map(row).collect(),
        about: format!(
            "Background tasks from {} that send task events, {order}",
            number::counted(tasks.installs, "install")
        ),
        all: format!("All {}", number::counted(found.len() as u64, "task")),
        href: if state.fixed {
            state.showing("tasks")
        } else {
            format!("{}{}", Tab::Tasks.href(slug), state.link())
        },
        scale: number::percent(most),
        by_runs: (state.sort != Sort::Runs).then(|| state.with(|s| s.sort = Sort::Runs)),
        by_failed: (state.sort != Sort::Failed).then(|| state.with(|s| s.sort = Sort::Failed)),
    }
}

/// The page of one task.
pub(crate) fn task_href(state: &State, slug: &str, (namespace, task): (&str, &str)) -> String {
    let link = state.with(|state| {
        state.show = state.fixed.then(|| "task".to_owned());
        state.namespace = Some(namespace.to_owned());
        state.task = Some(task.to_owned());
    });
    // What a share link shows has no page of its own for tasks.
    if state.fixed {
        link
    } else {
        format!("{}{link}", Tab::Tasks.href(slug))
    }
}

/// The failing result with the most runs of each task.
fn top_exceptions(results: &[AnswerRow]) -> FxHashMap<(&str, &str), (&str, f64)> {
    let mut tops: FxHashMap<(&str, &str), (&str, f64)> = FxHashMap::default();
    for row in results.iter().filter(|row| is_failure(&row.key[2])) {
        let top = tops
            .entry((&row.key[0], &row.key[1]))
            .or_insert((&row.key[2], row.amount));
        if row.amount > top.1 {
            *top = (&row.key[2], row.amount);
        }
    }
    tops
}

/// A list of bars with a share each.
pub(crate) struct List {
    pub(crate) title: &'static str,
    pub(crate) about: String,
    pub(crate) lines: Vec<ListLine>,
}

pub(crate) struct ListLine {
    /// HTML of the bar behind.
    pub(crate) bar: String,
    pub(crate) name: String,
    /// Where the name leads, empty for nowhere.
    pub(crate) href: String,
    pub(crate) share: String,
}

/// One entry of a list before it is cut: name, link, amount.
struct Entry {
    name: String,
    href: String,
    amount: f64,
}

fn list(title: &'static str, about: String, mut entries: Vec<Entry>, whole: f64) -> List {
    if entries.len() > LIST_ROWS + 1 {
        let rest = entries.split_off(LIST_ROWS);
        entries.push(Entry {
            name: format!("{} others", rest.len()),
            href: String::new(),
            amount: rest.iter().map(|entry| entry.amount).sum(),
        });
    }
    let most = entries.iter().map(|entry| entry.amount).fold(0.0, f64::max);
    let lines = entries.into_iter().map(|entry| ListLine {
        bar: backing(part(entry.amount, most)),
        share: number::percent(part(entry.amount, whole)),
        name: entry.name,
        href: entry.href,
    });
    List {
        title,
        about,
        lines: lines.collect(),
    }
}

/// Languages by page views.
pub(crate) fn locales(state: &State, data: &Data) -> List {
    views(
        state,
        data,
        ("Locales", Dimension::Locale),
        &data.locales,
        words::language,
    )
}

/// Browsers by page views.
pub(crate) fn browsers(state: &State, data: &Data) -> List {
    views(
        state,
        data,
        ("Browsers", Dimension::Browser),
        &data.browsers,
        words::name,
    )
}

fn views(
    state: &State,
    data: &Data,
    (title, dimension): (&'static str, Dimension),
    rows: &[AnswerRow],
    word: fn(&str) -> String,
) -> List {
    let mut rows: Vec<&AnswerRow> = rows.iter().collect();
    rows.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.key.cmp(&b.key))
    });
    let entries = rows.into_iter().map(|row| Entry {
        name: word(&row.key[0]),
        href: state.filtered(only(dimension, &row.key[0])),
        amount: row.amount,
    });
    let about = format!(
        "Share of {}",
        number::counted(count(data.pages.views), "page view")
    );
    list(title, about, entries.collect(), data.pages.views)
}

/// How installs are run.
pub(crate) fn deployments(state: &State, data: &Data) -> List {
    let mut rows: Vec<&AnswerRow> = data.deployments.iter().collect();
    rows.sort_by(|a, b| b.installs.cmp(&a.installs).then_with(|| a.key.cmp(&b.key)));
    let entries = rows.iter().map(|row| Entry {
        name: words::deployment(&row.key[0]),
        // Who did not tell has no value to filter by.
        href: match row.key[0].as_str() {
            "" => String::new(),
            deployment => state.filtered(only(Dimension::Deployment, deployment)),
        },
        amount: row.installs as f64,
    });
    let about = format!(
        "Share of {}",
        number::counted(data.now.active_week, "active install")
    );
    list(
        "Deployment",
        about,
        entries.collect(),
        data.now.active_week as f64,
    )
}

/// Tokens per install in powers of ten.
pub(crate) fn tokens(data: &Data) -> List {
    let mut decades: Vec<SizeBucket> = Vec::new();
    for bucket in &data.tokens.buckets {
        let decade = |size: u64| size.checked_ilog10();
        match decades
            .last_mut()
            .filter(|last| decade(last.from) == decade(bucket.from))
        {
            Some(last) => {
                last.to = bucket.to;
                last.installs += bucket.installs;
            }
            None => decades.push(*bucket),
        }
    }
    let entries = decades.iter().map(|decade| Entry {
        name: range_words(decade),
        href: String::new(),
        amount: decade.installs as f64,
    });
    let told = data.tokens.told;
    let about = format!(
        "Tokens per install, told by {}",
        number::counted(told, "install")
    );
    list("Tokens", about, entries.collect(), told as f64)
}
