//! The list of tasks beside the detail. Pure.

use crate::chart::number;
use crate::query::AnswerRow;
use crate::reports::{count, share};
use crate::web::overview::flags::Flags;
use crate::web::overview::state::{Sort, State};
use crate::web::overview::words;
use crate::web::shell::Tab;

use super::data::Data;

/// Tasks listed; all others are found by name or in the full report.
const SHOWN: usize = 20;

/// What templates/tasks.html lists.
pub(crate) struct List {
    pub(crate) title: String,
    pub(crate) about: &'static str,
    pub(crate) switch: (String, &'static str),
    pub(crate) find: String,
    /// What the search form keeps.
    pub(crate) keeps: Vec<(&'static str, String)>,
    pub(crate) lines: Vec<Line>,
    /// All tasks, and how many more there are.
    pub(crate) all: String,
    pub(crate) more: String,
    pub(crate) csv: String,
}

pub(crate) struct Line {
    pub(crate) href: String,
    pub(crate) task: String,
    pub(crate) namespace: String,
    pub(crate) failed: String,
    pub(crate) runs: String,
    pub(crate) bad: bool,
    pub(crate) current: bool,
}

pub(crate) fn list(state: &State, slug: &str, (data, flags): (&Data, &Flags)) -> List {
    let wanted = state.find.to_lowercase();
    let matching: Vec<&AnswerRow> = data
        .rows
        .iter()
        .filter(|row| {
            row.key
                .iter()
                .any(|name| name.to_lowercase().contains(&wanted))
        })
        .collect();
    let chosen = data.detail.as_ref().map(|found| &found.row.key);
    let line = |row: &&AnswerRow| Line {
        href: state.with(|state| {
            state.namespace = Some(row.key[0].clone());
            state.task = Some(row.key[1].clone());
        }),
        task: words::name(&row.key[1]),
        namespace: words::name(&row.key[0]),
        failed: number::percent(share(row.failures, count(row.amount))),
        runs: number::counted(count(row.amount), "run"),
        bad: flags.get(&row.key[0], &row.key[1]).is_some(),
        current: chosen == Some(&row.key),
    };
    let (about, switch) = match state.sort {
        Sort::Runs => (
            "Most runs first; failure rate on the right",
            (state.with(|state| state.sort = Sort::Failed), "By failures"),
        ),
        Sort::Failed => (
            "Highest failure rate first",
            (state.with(|state| state.sort = Sort::Runs), "By runs"),
        ),
    };
    let keeps = state.pairs();
    let mut plain = state.clone();
    (plain.namespace, plain.task) = (None, None);
    let more = matching.len().saturating_sub(SHOWN);
    List {
        title: number::counted(matching.len() as u64, "task"),
        about,
        switch,
        find: state.find.clone(),
        keeps: keeps.into_iter().filter(|(name, _)| *name != "q").collect(),
        lines: matching.iter().take(SHOWN).map(line).collect(),
        all: format!("{}{}", Tab::Overview.href(slug), state.showing("tasks")),
        more: match more {
            0 => String::new(),
            more => format!("{} more", number::count(more as u64)),
        },
        csv: format!(
            "/api/v1/projects/{slug}/reports/tasks{}&format=csv",
            plain.api(data.range)
        ),
    }
}
