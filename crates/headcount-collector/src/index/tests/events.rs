//! One raw event as the oracle sees it, and what a list of them says of an install.

use std::collections::BTreeMap;

use crate::query::{Clause, ClauseValue, Dimension};

/// A raw event with its texts.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) day: i32,
    pub(super) seq: i64,
    pub(super) install: u32,
    pub(super) at_ms: i64,
    pub(super) kind: i64,
    pub(super) texts: BTreeMap<Dimension, String>,
    pub(super) deployment: String,
    pub(super) value: Option<f64>,
    pub(super) count: u32,
    pub(super) users: Option<u64>,
    pub(super) tokens: Option<u64>,
    pub(super) apps: Vec<(String, String)>,
}

pub(super) const STATS: i64 = 0;
pub(super) const TASK: i64 = 1;
pub(super) const STAT: i64 = 2;
pub(super) const PAGE: i64 = 3;

/// Whether events of this kind tell a dimension (of installs: how they are filtered and grouped).
pub(super) fn of_event(kind: i64, dimension: Dimension) -> bool {
    match dimension {
        Dimension::Version => kind != STATS,
        Dimension::Namespace | Dimension::Task | Dimension::Result | Dimension::Label => {
            kind == TASK || kind == STAT
        }
        _ => is_of_events(dimension) && kind == PAGE,
    }
}

pub(super) fn is_of_events(dimension: Dimension) -> bool {
    dimension >= Dimension::Namespace
}

/// The events that an amount counts: of app stats the last one of each per day.
pub(super) fn counted(kind: i64, events: &[Event]) -> Vec<&Event> {
    let of_kind = events.iter().filter(|event| event.kind == kind);
    if kind != STAT {
        return of_kind.collect();
    }
    let mut last: BTreeMap<_, &Event> = BTreeMap::new();
    for event in of_kind {
        let name = [Dimension::Namespace, Dimension::Task, Dimension::Label]
            .map(|dimension| event.texts[&dimension].clone());
        last.insert((event.day, name), event);
    }
    last.into_values().collect()
}

pub(super) fn own_clauses_accept(event: &Event, clauses: &[Clause]) -> bool {
    let mut any: BTreeMap<Dimension, bool> = BTreeMap::new();
    for clause in clauses {
        let has = text_is(event, clause.dimension, &clause.value);
        if clause.negated {
            if has {
                return false;
            }
        } else {
            *any.entry(clause.dimension).or_default() |= has;
        }
    }
    any.values().all(|has| *has)
}

pub(super) fn text_is(event: &Event, dimension: Dimension, value: &ClauseValue) -> bool {
    match value {
        ClauseValue::Text(text) => event.texts.get(&dimension) == Some(text),
        ClauseValue::Range(..) => false,
    }
}

pub(super) fn size_of(users: bool, events: &[Event]) -> Option<u64> {
    let mut newest_first = events.iter().rev();
    newest_first.find_map(|event| if users { event.users } else { event.tokens })
}

/// Apps of the last day that told any, with the version each told last on it.
pub(super) fn apps_of(events: &[Event]) -> BTreeMap<String, String> {
    let mut apps = BTreeMap::new();
    let day = events
        .iter()
        .filter(|event| !event.apps.is_empty())
        .map(|event| event.day)
        .max();
    let mut of_day: Vec<&Event> = events.iter().filter(|e| Some(e.day) == day).collect();
    of_day.sort_by_key(|event| (event.at_ms, event.seq));
    for (app, version) in of_day.iter().flat_map(|event| &event.apps) {
        let known: &mut String = apps.entry(app.clone()).or_default();
        if !version.is_empty() {
            known.clone_from(version);
        }
    }
    apps
}

pub(super) fn size_label(size: u64) -> (u64, String) {
    let mut low = 0;
    for next in [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000,
    ] {
        if size < next {
            let label = if low + 1 == next {
                low.to_string()
            } else {
                format!("{low}-{}", next - 1)
            };
            return (low, label);
        }
        low = next;
    }
    unreachable!("sizes of the test are small")
}
