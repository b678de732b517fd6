//! The same answers by brute force: raw events selected by SQL, then read one by one. Shares no code
//! with the index beyond the words of `query`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;

use super::events::{
    Event, PAGE, STAT, TASK, apps_of, counted, is_of_events, of_event, own_clauses_accept,
    size_label, size_of, text_is,
};
use crate::query::{
    Answer, AnswerRow, Bucket, Clause, ClauseValue, DayRange, Dimension, Measure, Query,
};
use crate::store::{Day, ProjectNumber};

const SQL: &str = "
    SELECT day, seq, install, at_ms, kind,
        (SELECT text FROM texts WHERE sym = version),
        (SELECT text FROM texts WHERE sym = deployment),
        (SELECT text FROM texts WHERE sym = namespace), (SELECT text FROM texts WHERE sym = task),
        (SELECT text FROM texts WHERE sym = result), (SELECT text FROM texts WHERE sym = label),
        (SELECT text FROM texts WHERE sym = path), (SELECT text FROM texts WHERE sym = title),
        (SELECT text FROM texts WHERE sym = locale), (SELECT text FROM texts WHERE sym = browser),
        (SELECT text FROM texts WHERE sym = os),
        value, IFNULL(count, 0), users, tokens, apps
    FROM events
    WHERE project = ?1 AND day BETWEEN ?2 AND ?3
    ORDER BY at_ms, seq";

const TEXTS: [(Dimension, usize); 10] = [
    (Dimension::Version, 5),
    (Dimension::Namespace, 7),
    (Dimension::Task, 8),
    (Dimension::Result, 9),
    (Dimension::Label, 10),
    (Dimension::Path, 11),
    (Dimension::Title, 12),
    (Dimension::Locale, 13),
    (Dimension::Browser, 14),
    (Dimension::Os, 15),
];

/// Answers from the raw events of one project.
pub(super) struct Oracle {
    connection: Connection,
    project: ProjectNumber,
    first: BTreeMap<u32, i32>,
}

type Bucketed = BTreeMap<u32, Vec<Event>>;

impl Oracle {
    pub(super) fn new(folder: &Path, project: ProjectNumber) -> Self {
        let connection = crate::sqlite::open_reader(&folder.join("store.sqlite")).unwrap();
        let mut statement = connection
            .prepare("SELECT install, MIN(day) FROM events WHERE project = ?1 GROUP BY install")
            .unwrap();
        let first = statement
            .query_map([project.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        drop(statement);
        Self {
            connection,
            project,
            first,
        }
    }

    fn events(&self, from: i32, to: i32) -> Bucketed {
        let mut statement = self.connection.prepare_cached(SQL).unwrap();
        let mut rows = statement
            .query(rusqlite::params![self.project.0, from, to])
            .unwrap();
        let mut found = Bucketed::new();
        while let Some(row) = rows.next().unwrap() {
            let text = |at: usize| row.get::<_, Option<String>>(at).unwrap();
            let told = TEXTS
                .iter()
                .filter_map(|&(dimension, at)| Some((dimension, text(at)?)));
            let event = Event {
                day: row.get(0).unwrap(),
                seq: row.get(1).unwrap(),
                install: row.get(2).unwrap(),
                at_ms: row.get(3).unwrap(),
                kind: row.get(4).unwrap(),
                texts: told.collect(),
                deployment: text(6).unwrap(),
                value: row.get(16).unwrap(),
                count: row.get(17).unwrap(),
                users: row.get::<_, Option<i64>>(18).unwrap().map(|n| n as u64),
                tokens: row.get::<_, Option<i64>>(19).unwrap().map(|n| n as u64),
                apps: self.apps(row.get::<_, Option<Vec<u8>>>(20).unwrap()),
            };
            found.entry(event.install).or_default().push(event);
        }
        found
    }

    fn apps(&self, packed: Option<Vec<u8>>) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        let (mut number, mut shift) = (0_u32, 0);
        for byte in packed.unwrap_or_default() {
            number |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                let text: String = self
                    .connection
                    .query_row("SELECT text FROM texts WHERE sym = ?1", [number], |row| {
                        row.get(0)
                    })
                    .unwrap();
                texts.push(text);
                (number, shift) = (0, 0);
            }
        }
        texts
            .chunks(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect()
    }

    pub(super) fn answer(&self, query: &Query) -> Answer {
        let whole = self.events(query.range.from.0, query.range.to.0);
        let base = whole
            .iter()
            .filter(|(install, events)| self.matches(**install, events, &query.filter))
            .count() as u64;
        let mut rows = Vec::new();
        for (name, from, to) in buckets(query) {
            let mut cells = self.bucket(query, from, to);
            if query.by.is_empty() {
                cells.entry(Vec::new()).or_default();
            }
            let only = &query.only;
            cells.retain(|key, _| {
                let last = key.last().map(|(_, text)| text);
                only.is_empty() || last.is_none_or(|text| only.contains(text))
            });
            let of_events = matches!(query.measure, Measure::Tasks | Measure::Stats);
            let untold = of_events && !query.medians;
            rows.extend(cells.into_iter().map(|(key, mut cell)| {
                if untold {
                    cell.values.clear();
                }
                AnswerRow {
                    bucket: Day(name),
                    key: key.into_iter().map(|(_, text)| text).collect(),
                    ..cell.row()
                }
            }));
        }
        Answer { base, rows }
    }

    fn bucket(&self, query: &Query, from: i32, to: i32) -> BTreeMap<Key, Cell> {
        let events = self.events(from, to);
        let mut cells: BTreeMap<Key, Cell> = BTreeMap::new();
        let mut count = |install: u32, events: &[Event]| {
            for key in self.keys(install, events, &query.by) {
                cells.entry(key).or_default().installs.insert(install);
            }
        };
        match query.measure {
            Measure::Active | Measure::New => {
                for (&install, events) in &events {
                    let new = (from..=to).contains(&self.first[&install]);
                    if (query.measure == Measure::Active || new)
                        && self.matches(install, events, &query.filter)
                    {
                        count(install, events);
                    }
                }
            }
            Measure::Gone => {
                for day in from..=to {
                    let since = self.events(day - 7, day - 1);
                    for (&install, events) in &self.events(day - 8, day - 8) {
                        if !since.contains_key(&install)
                            && self.matches(install, events, &query.filter)
                        {
                            count(install, events);
                        }
                    }
                }
            }
            Measure::Users | Measure::Tokens => {
                for (&install, events) in &events {
                    let size = size_of(query.measure == Measure::Users, events);
                    let Some(size) = size else { continue };
                    if self.matches(install, events, &query.filter) {
                        for key in self.keys(install, events, &query.by) {
                            let cell = cells.entry(key).or_default();
                            cell.installs.insert(install);
                            cell.amount += size as f64;
                            cell.values.push(size as f64);
                        }
                    }
                }
            }
            Measure::Tasks | Measure::Pages | Measure::Stats => {
                for (&install, events) in &events {
                    self.add_amounts(query, install, events, &mut cells);
                }
            }
        }
        cells
    }

    fn add_amounts(
        &self,
        query: &Query,
        install: u32,
        events: &[Event],
        cells: &mut BTreeMap<Key, Cell>,
    ) {
        let kind = match query.measure {
            Measure::Tasks => TASK,
            Measure::Pages => PAGE,
            _ => STAT,
        };
        let (own, others): (Vec<Clause>, Vec<Clause>) = query
            .filter
            .iter()
            .cloned()
            .partition(|clause| of_event(kind, clause.dimension));
        if !self.matches(install, events, &others) {
            return;
        }
        let (of_event, of_install): (Vec<Dimension>, Vec<Dimension>) =
            query.by.iter().partition(|&&d| of_event(kind, d));
        let outer = self.keys(install, events, &of_install);
        for event in counted(kind, events) {
            if !own_clauses_accept(event, &own) {
                continue;
            }
            for outer in &outer {
                let mut outer = outer.iter().cloned();
                let key = query.by.iter().map(|dimension| {
                    if of_event.contains(dimension) {
                        (0, event.texts.get(dimension).cloned().unwrap_or_default())
                    } else {
                        outer.next().unwrap()
                    }
                });
                let cell = cells.entry(key.collect()).or_default();
                cell.installs.insert(install);
                cell.add(event);
            }
        }
    }

    /// The keys under which an install counts: one per combination of its values.
    fn keys(&self, install: u32, events: &[Event], by: &[Dimension]) -> Vec<Key> {
        let mut keys = vec![Key::new()];
        for &dimension in by {
            let values = self.values(install, events, dimension);
            keys = keys
                .iter()
                .flat_map(|key| {
                    values
                        .iter()
                        .map(|value| key.iter().cloned().chain([value.clone()]).collect())
                })
                .collect();
        }
        keys
    }

    /// What an install has of an attribute.
    fn values(
        &self,
        install: u32,
        events: &[Event],
        dimension: Dimension,
    ) -> BTreeSet<(u64, String)> {
        let last = |of: &dyn Fn(&Event) -> String| {
            let told = events.iter().rev().map(of).find(|text| !text.is_empty());
            told.map(|text| (0, text)).into_iter().collect()
        };
        let size = |users| {
            let label = size_of(users, events).map(size_label);
            label.into_iter().collect()
        };
        match dimension {
            Dimension::Version => last(&|event| event.texts[&Dimension::Version].clone()),
            Dimension::Deployment => last(&|event| event.deployment.clone()),
            Dimension::App => apps_of(events).into_keys().map(|app| (0, app)).collect(),
            Dimension::AppVersion => apps_of(events)
                .into_iter()
                .filter(|(_, version)| !version.is_empty())
                .map(|(app, version)| (0, format!("{app}={version}")))
                .collect(),
            Dimension::Users => size(true),
            Dimension::Tokens => size(false),
            Dimension::FirstSeen => BTreeSet::from([(0, month(self.first[&install]))]),
            _ => unreachable!("no attribute"),
        }
    }

    fn matches(&self, install: u32, events: &[Event], filter: &[Clause]) -> bool {
        let mut any: BTreeMap<Dimension, bool> = BTreeMap::new();
        for clause in filter
            .iter()
            .filter(|clause| !is_of_events(clause.dimension))
        {
            let has = self.has(install, events, clause);
            if clause.negated {
                if has {
                    return false;
                }
            } else {
                *any.entry(clause.dimension).or_default() |= has;
            }
        }
        if any.values().any(|has| !has) {
            return false;
        }
        [&[TASK, STAT][..], &[PAGE][..]].iter().all(|kinds| {
            let own: Vec<Clause> = filter
                .iter()
                .filter(|clause| is_of_events(clause.dimension))
                .filter(|clause| kinds.iter().any(|&kind| of_event(kind, clause.dimension)))
                .cloned()
                .collect();
            let (unwanted, wanted): (Vec<Clause>, Vec<Clause>) =
                own.into_iter().partition(|clause| clause.negated);
            let of_kind = || events.iter().filter(|event| kinds.contains(&event.kind));
            let is_wanted = |event: &Event| own_clauses_accept(event, &wanted);
            let is_unwanted = |event: &Event| {
                unwanted
                    .iter()
                    .any(|clause| text_is(event, clause.dimension, &clause.value))
            };
            (wanted.is_empty() || of_kind().any(is_wanted)) && !of_kind().any(is_unwanted)
        })
    }

    fn has(&self, install: u32, events: &[Event], clause: &Clause) -> bool {
        match (&clause.value, clause.dimension) {
            (ClauseValue::Range(low, high), Dimension::Users | Dimension::Tokens) => {
                let size = size_of(clause.dimension == Dimension::Users, events);
                size.is_some_and(|size| (*low..=*high).contains(&size))
            }
            (ClauseValue::Range(..), _) => false,
            (ClauseValue::Text(text), dimension) => self
                .values(install, events, dimension)
                .iter()
                .any(|(_, value)| value == text),
        }
    }
}

/// Sort keys and texts.
type Key = Vec<(u64, String)>;

#[derive(Debug, Default)]
struct Cell {
    installs: BTreeSet<u32>,
    amount: f64,
    failures: u64,
    values: Vec<f64>,
}

impl Cell {
    fn add(&mut self, event: &Event) {
        match event.kind {
            TASK => {
                self.amount += f64::from(event.count);
                let result = event.texts[&Dimension::Result].to_lowercase();
                if ["KeyError", "Timeout"]
                    .iter()
                    .any(|bad| bad.to_lowercase() == result)
                {
                    self.failures += u64::from(event.count);
                }
                for _ in 0..event.count {
                    let value = event.value.map(|value| value / f64::from(event.count));
                    self.values.extend(value);
                }
            }
            STAT => {
                self.amount += event.value.unwrap();
                self.values.extend(event.value);
            }
            _ => self.amount += 1.0,
        }
    }

    fn row(mut self) -> AnswerRow {
        self.values.sort_by(f64::total_cmp);
        let n = self.values.len();
        let some = n > 0;
        AnswerRow {
            bucket: Day(0),
            key: Vec::new(),
            installs: self.installs.len() as u64,
            amount: self.amount,
            failures: self.failures,
            median: some.then(|| (self.values[(n - 1) / 2] + self.values[n / 2]) / 2.0),
            p90: some.then(|| self.values[(n * 9).div_ceil(10) - 1]),
        }
    }
}

fn date(day: i32) -> jiff::civil::Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch
        .checked_add(jiff::ToSpan::days(i64::from(day)))
        .unwrap()
}

fn month(day: i32) -> String {
    date(day).strftime("%Y-%m").to_string()
}

fn buckets(query: &Query) -> Vec<(i32, i32, i32)> {
    let DayRange { from, to } = query.range;
    let mut found: BTreeMap<String, (i32, i32, i32)> = BTreeMap::new();
    for day in from.0..=to.0 {
        let name = match query.bucket {
            Bucket::Day | Bucket::Trailing7 => format!("{day:06}"),
            Bucket::Week => date(day).strftime("%G-%V").to_string(),
            Bucket::Month => month(day),
            Bucket::Whole => String::new(),
        };
        found.entry(name).or_insert((day, day, day)).2 = day;
    }
    let trailing = query.bucket == Bucket::Trailing7;
    let back = if trailing { 6 } else { 0 };
    found
        .into_values()
        .map(|(name, from, to)| (name, from - back, to))
        .collect()
}
