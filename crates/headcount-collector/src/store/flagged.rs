//! What the live page shows: the latest hits, what was refused or dropped from them, counts by minute.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::params;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Day, ProjectNumber, Row, RowBody, Store, Sym, Wire, row};
use crate::error::Error;

/// Refused and noted hits are shown and kept this long.
pub(crate) const FLAGGED_MS: i64 = 24 * 60 * 60 * 1_000;
/// Accepted events remembered per project.
const RECENT_ROWS: usize = 200;
/// Minutes counted.
const MINUTES: usize = 60;
const MINUTE_MS: i64 = 60_000;

/// What became of a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Accepted,
    /// Accepted, but something of it was dropped.
    Noted,
    Refused,
}

/// A hit that was refused, or accepted with something dropped from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flagged {
    /// `ProjectNumber(0)` where the key told no project.
    pub project: ProjectNumber,
    pub received_ms: i64,
    /// As sent; may be empty.
    pub install: String,
    pub wire: Wire,
    /// What it was, as far as it could be read.
    pub event: String,
    pub verdict: Verdict,
    /// One sentence with a stable code before a colon.
    pub reason: String,
    /// As sent, cut to a few KiB.
    pub payload: String,
}

/// One line of the live page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub received_ms: i64,
    pub install: String,
    pub wire: Wire,
    pub event: String,
    pub verdict: Verdict,
    pub reason: String,
    /// What was sent; empty for accepted hits, whose `event` tells all that is kept.
    pub payload: String,
}

/// Hits of one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// First moment, Unix milliseconds.
    pub start_ms: i64,
    pub accepted: u64,
    pub refused: u64,
}

/// Events that never became rows, by day and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub project: ProjectNumber,
    pub day: Day,
    pub reason: String,
    pub count: u64,
}

/// The part of all this that is kept in memory.
#[derive(Default)]
pub(super) struct Recent {
    projects: Mutex<FxHashMap<ProjectNumber, ProjectRecent>>,
}

#[derive(Default)]
struct ProjectRecent {
    rows: VecDeque<Row>,
    /// Whether `rows` was filled from the store after the start.
    refilled: bool,
    /// Installs of which nothing is shown, also not what was read before they were erased.
    forgotten: FxHashSet<u32>,
    minutes: VecDeque<Minute>,
}

impl ProjectRecent {
    fn minute(&mut self, at_ms: i64) -> &mut Minute {
        let start_ms = at_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
        // A clock that steps back counts into the newest minute.
        if self
            .minutes
            .back()
            .is_none_or(|last| last.start_ms < start_ms)
        {
            if self.minutes.len() == MINUTES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(Minute {
                start_ms,
                ..Minute::default()
            });
        }
        let last = self.minutes.len() - 1;
        &mut self.minutes[last]
    }
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, FxHashMap<ProjectNumber, ProjectRecent>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows nothing of an install any more.
    pub(super) fn forget(&self, project: ProjectNumber, install: u32) {
        let mut projects = self.lock();
        let recent = projects.entry(project).or_default();
        recent.forgotten.insert(install);
        recent.rows.retain(|row| row.install != install);
    }

    /// Takes in what a commit wrote.
    pub(super) fn committed(
        &self,
        rows: &[Row],
        refused: &FxHashMap<ProjectNumber, u64>,
        now_ms: i64,
    ) {
        let mut projects = self.lock();
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let length = rest
                .iter()
                .take_while(|row| row.project == first.project)
                .count();
            let (run, after) = rest.split_at(length);
            rest = after;
            let recent = projects.entry(first.project).or_default();
            recent.minute(now_ms).accepted += run.len() as u64;
            for row in &run[run.len().saturating_sub(RECENT_ROWS)..] {
                if recent.rows.len() == RECENT_ROWS {
                    recent.rows.pop_front();
                }
                recent.rows.push_back(row.clone());
            }
        }
        for (project, count) in refused {
            projects.entry(*project).or_default().minute(now_ms).refused += count;
        }
    }
}

impl Store {
    /// The latest hits of a project, newest first: refused and noted ones of the last 24 hours merged
    /// with accepted events.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recent_hits(&self, project: ProjectNumber, limit: usize) -> Result<Vec<Hit>, Error> {
        let mut rows = self.recent_rows(project)?;
        let flagged = self.flagged(project, limit)?;
        let mut hits = Vec::with_capacity(limit);
        for hit in flagged {
            // A noted hit is among the accepted rows too, and is shown once.
            if hit.verdict == Verdict::Noted {
                let number = self.install_number(project, &hit.install)?;
                let same = rows.iter().position(|row| {
                    Some(row.install) == number && row.received_ms == hit.received_ms
                });
                if let Some(position) = same {
                    rows.remove(position);
                }
            }
            hits.push(hit);
        }
        rows.sort_by_key(|row| std::cmp::Reverse((row.received_ms, row.seq)));
        for row in rows.iter().take(limit) {
            hits.push(self.accepted_hit(row)?);
        }
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.received_ms));
        hits.truncate(limit);
        Ok(hits)
    }

    /// Hits of the last 60 minutes, ascending; minutes without any are left out.
    #[must_use]
    pub fn minutes(&self, project: ProjectNumber, now_ms: i64) -> Vec<Minute> {
        let from = now_ms - MINUTES as i64 * MINUTE_MS;
        let projects = self.inner.recent.lock();
        let minutes = projects.get(&project).map(|recent| &recent.minutes);
        minutes
            .into_iter()
            .flatten()
            .filter(|minute| minute.start_ms > from)
            .copied()
            .collect()
    }

    /// What clients of a project say they lost, and what could not be kept of it here, by day.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn losses(&self, project: ProjectNumber) -> Result<Vec<Loss>, Error> {
        const SQL: &str = "
            SELECT day, reason, count FROM losses WHERE project = ?1 ORDER BY day, reason";
        self.read(|connection| {
            connection
                .prepare_cached(SQL)
                .and_then(|mut statement| {
                    statement
                        .query_map([project.0], |found| {
                            Ok(Loss {
                                project,
                                day: Day(found.get(0)?),
                                reason: found.get(1)?,
                                count: found.get::<_, i64>(2)?.cast_unsigned(),
                            })
                        })?
                        .collect()
                })
                .map_err(Error::at("reading losses"))
        })
    }

    fn recent_rows(&self, project: ProjectNumber) -> Result<Vec<Row>, Error> {
        {
            let projects = self.inner.recent.lock();
            let recent = projects.get(&project);
            if let Some(recent) =
                recent.filter(|recent| recent.refilled || recent.rows.len() == RECENT_ROWS)
            {
                return Ok(recent.rows.iter().cloned().collect());
            }
        }
        let stored = self.latest_rows(project)?;
        let mut projects = self.inner.recent.lock();
        let recent = projects.entry(project).or_default();
        if !recent.refilled {
            let first = recent.rows.front().map_or(i64::MAX, |row| row.seq);
            let forgotten = std::mem::take(&mut recent.forgotten);
            let older = |row: &Row| row.seq < first && !forgotten.contains(&row.install);
            for row in stored.into_iter().filter(older) {
                if recent.rows.len() == RECENT_ROWS {
                    break;
                }
                recent.rows.push_front(row);
            }
            recent.forgotten = forgotten;
            recent.refilled = true;
        }
        Ok(recent.rows.iter().cloned().collect())
    }

    /// Rows of the latest days, newest first.
    fn latest_rows(&self, project: ProjectNumber) -> Result<Vec<Row>, Error> {
        let reading = "reading the latest events";
        self.read(|connection| {
            let sql = format!(
                "SELECT {} FROM events WHERE project = ?1 ORDER BY day DESC, seq DESC LIMIT ?2",
                row::COLUMNS
            );
            let mut statement = connection
                .prepare_cached(&sql)
                .map_err(Error::at(reading))?;
            let mut rows = statement
                .query(params![project.0, RECENT_ROWS as i64])
                .map_err(Error::at(reading))?;
            let mut found = Vec::new();
            while let Some(next) = rows.next().map_err(Error::at(reading))? {
                found.push(row::decode(next)?);
            }
            found.sort_by_key(|row| std::cmp::Reverse(row.seq));
            Ok(found)
        })
    }

    fn flagged(&self, project: ProjectNumber, limit: usize) -> Result<Vec<Hit>, Error> {
        const SQL: &str = "
            SELECT received_ms, install, wire, event, verdict, reason, payload FROM flagged
            WHERE project = ?1 ORDER BY id DESC LIMIT ?2";
        let reading = "reading refused hits";
        self.read(|connection| {
            let mut statement = connection.prepare_cached(SQL).map_err(Error::at(reading))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement
                .query(params![project.0, limit])
                .map_err(Error::at(reading))?;
            let mut hits = Vec::new();
            while let Some(found) = rows.next().map_err(Error::at(reading))? {
                hits.push(Hit {
                    received_ms: found.get(0)?,
                    install: found.get(1)?,
                    wire: row::wire_of(found.get(2)?)?,
                    event: found.get(3)?,
                    verdict: verdict_of(found.get(4)?)?,
                    reason: found.get(5)?,
                    payload: found.get(6)?,
                });
            }
            Ok(hits)
        })
    }

    fn accepted_hit(&self, row: &Row) -> Result<Hit, Error> {
        let install = self.install_name(row.project, row.install)?;
        Ok(Hit {
            received_ms: row.received_ms,
            install: install.unwrap_or_default(),
            wire: row.wire,
            event: self.describe(&row.body),
            verdict: Verdict::Accepted,
            reason: String::new(),
            payload: String::new(),
        })
    }

    /// An event in one line.
    fn describe(&self, body: &RowBody) -> String {
        let join = |kind: &str, syms: &[Sym]| {
            let mut line = kind.to_owned();
            for text in syms.iter().map(|sym| self.text(*sym)) {
                if !text.is_empty() {
                    line.push(' ');
                    line.push_str(&text);
                }
            }
            line
        };
        match body {
            RowBody::Stats {
                users,
                tokens,
                addons,
                apps,
            } => {
                let mut line = "stats".to_owned();
                for (name, number) in [("users", users), ("tokens", tokens), ("addons", addons)] {
                    if let Some(number) = number {
                        line.push_str(&format!(" {name}={number}"));
                    }
                }
                match apps.as_slice() {
                    [] => line,
                    [(name, version)] => join(&format!("{line} app"), &[*name, *version]),
                    more => format!("{line} apps={}", more.len()),
                }
            }
            RowBody::Task {
                namespace,
                task,
                result,
                ..
            } => join("task", &[*namespace, *task, *result]),
            RowBody::Stat {
                namespace,
                task,
                label,
                value,
            } => format!("{} = {value}", join("stat", &[*namespace, *task, *label])),
            RowBody::Page { path, title, .. } => join("page", &[*path, *title]),
        }
    }
}

pub(super) fn verdict_code(verdict: Verdict) -> i64 {
    match verdict {
        Verdict::Accepted => 0,
        Verdict::Noted => 1,
        Verdict::Refused => 2,
    }
}

fn verdict_of(code: i64) -> Result<Verdict, Error> {
    match code {
        0 => Ok(Verdict::Accepted),
        1 => Ok(Verdict::Noted),
        2 => Ok(Verdict::Refused),
        _ => Err(Error::Damaged(format!("verdict {code}"))),
    }
}
