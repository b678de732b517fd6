//! The writing side: one transaction a group of requests. Belongs to one thread.

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use super::flagged::{Flagged, Loss, Verdict, verdict_code};
use super::interner::{Field, Interner};
use super::statements::Statements;
use super::{Accepted, Day, Entry, EntryBody, ProjectNumber, Row, Store, row};
use crate::error::Error;

/// Refused and noted hits kept per project; older ones go first.
const FLAGGED_KEPT: i64 = 1_000;
/// Kept in full per project and minute; the rest is only counted, so that a sender gone wrong
/// neither fills the disk nor pushes out the others' hits.
const FLAGGED_A_MINUTE: u32 = 300;
const MINUTE_MS: i64 = 60_000;
/// Pages of the log after which it is written back, 16 MiB: a page that many commits touch is then
/// written once.
const WAL_PAGES: i64 = 4_096;
/// Memory for pages: a group of thousands of events touches some thousand pages, since their ids lie
/// all over the index of ids, and what does not fit goes to the log before the commit.
const CACHE_KIB: i64 = 16 * 1024;
/// The log's file shrinks to this after it grew beyond, because a reader held it or a commit was
/// large.
const WAL_KEPT_BYTES: i64 = 64 * 1024 * 1024;

/// All that one request brought.
#[derive(Clone, Debug, Default)]
pub struct Parcel {
    pub accepted: Vec<Accepted>,
    pub flagged: Vec<Flagged>,
    pub lost: Vec<Loss>,
}

impl Parcel {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.flagged.is_empty() && self.lost.is_empty()
    }

    /// Number of events, accepted and refused.
    #[must_use]
    pub fn weight(&self) -> usize {
        let events: usize = self.accepted.iter().map(|part| part.entries.len()).sum();
        events + self.flagged.len()
    }
}

/// What became of the events of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    pub accepted: u64,
    /// Events whose id came before.
    pub duplicates: u64,
    /// Events of an install that is forgotten.
    pub forgotten: u64,
    /// Events of days whose raw events are removed.
    pub too_old: u64,
}

/// What one commit wrote.
#[derive(Debug, Default)]
pub(crate) struct GroupOutcome {
    pub(crate) rows: Vec<Row>,
    /// One per request, in order.
    pub(crate) receipts: Vec<Receipt>,
    /// Events that became no rows, by project and reason.
    pub(crate) refused: Refused,
}

/// Counts by project and stable code.
pub(crate) type Refused = FxHashMap<(ProjectNumber, &'static str), u64>;

/// Events of an install that is forgotten.
const FORGOTTEN: &str = "forgotten";
/// Events of days whose raw events are removed.
const TOO_OLD: &str = "too_old";

/// The only writer of events.
pub(crate) struct Inserter {
    store: Store,
    connection: Connection,
    interner: Interner,
    next_seq: i64,
    /// What memory says may be ahead of the file after a failure; then it is read anew.
    stale: bool,
    /// The state of `changes` that memory knows.
    changes: i64,
    flagged_minute: i64,
    flagged_counts: FxHashMap<ProjectNumber, u32>,
}

impl Inserter {
    pub(crate) fn new(store: Store, distinct_values: usize) -> Result<Self, Error> {
        let connection = store.connect()?;
        for (name, value) in [
            ("wal_autocheckpoint", WAL_PAGES),
            ("journal_size_limit", WAL_KEPT_BYTES),
            ("cache_size", -CACHE_KIB),
        ] {
            connection
                .pragma_update(None, name, value)
                .map_err(Error::at("setting up the log"))?;
        }
        Ok(Self {
            interner: Interner::new(distinct_values),
            store,
            connection,
            next_seq: 0,
            stale: true,
            changes: 0,
            flagged_minute: 0,
            flagged_counts: FxHashMap::default(),
        })
    }

    /// Writes a group in one transaction and commits it. After an error nothing of it is stored.
    ///
    /// # Errors
    /// The store cannot be written, for example because the disk is full.
    pub(crate) fn write(&mut self, group: &[Parcel], now_ms: i64) -> Result<GroupOutcome, Error> {
        if self.stale {
            self.reload()?;
        }
        self.stale = true;
        let result = self.transact(group, now_ms);
        if result.is_ok() {
            self.stale = false;
        } else if !self.connection.is_autocommit() {
            // Where this fails too, SQLite has already rolled back or the next BEGIN will say so.
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        result
    }

    /// The same failure as a full disk: the file may have that many pages.
    #[cfg(test)]
    pub(crate) fn limit_pages(&mut self, pages: u32) {
        let sql = format!("PRAGMA max_page_count = {pages}");
        self.connection
            .query_row(&sql, [], |_| Ok(()))
            .expect("a pragma that exists");
    }

    fn reload(&mut self) -> Result<(), Error> {
        let reading = "reading what the writer must know";
        self.next_seq = self
            .connection
            .query_row("SELECT next FROM sequence", [], |found| found.get(0))
            .map_err(Error::at(reading))?;
        self.changes = changes(&self.connection)?;
        self.interner.reload(&self.connection, &self.store)
    }

    /// Learns who was forgotten and which days were given up since the last commit, also by another
    /// process: inside the transaction, so that nothing can come in between.
    fn look_around(&mut self) -> Result<(), Error> {
        let changes = changes(&self.connection)?;
        if changes != self.changes {
            self.interner.renew(&self.connection)?;
            self.changes = changes;
        }
        Ok(())
    }

    fn transact(&mut self, group: &[Parcel], now_ms: i64) -> Result<GroupOutcome, Error> {
        let begin = "beginning a commit";
        self.connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(Error::at(begin))?;
        let mut outcome = GroupOutcome {
            rows: Vec::with_capacity(group.iter().map(Parcel::weight).sum()),
            receipts: Vec::with_capacity(group.len()),
            refused: Refused::default(),
        };
        self.look_around()?;
        let mut seq = self.next_seq;
        for parcel in group {
            let receipt = self.insert_parcel(parcel, &mut seq, &mut outcome)?;
            outcome.receipts.push(receipt);
        }
        let mut refused = self.insert_flagged(group, now_ms)?;
        for ((project, reason), count) in &outcome.refused {
            self.add_loss(*project, Day::of_ms(now_ms), reason, *count)?;
            *refused.entry(*project).or_default() += count;
        }
        self.insert_losses(group, &outcome.receipts, now_ms)?;
        self.interner.write(&self.connection)?;
        // A group of nothing asks whether the disk takes anything at all.
        if seq != self.next_seq || group.iter().all(Parcel::is_empty) {
            self.mark_dirty(&outcome.rows)?;
            self.connection
                .prepare_cached("UPDATE sequence SET next = ?1")
                .and_then(|mut statement| statement.execute([seq]))
                .map_err(Error::at("writing the sequence"))?;
        }
        self.connection
            .execute_batch("COMMIT")
            .map_err(Error::at("committing events"))?;
        self.next_seq = seq;
        self.interner.publish(&self.store);
        self.store
            .inner
            .recent
            .committed(&outcome.rows, &refused, now_ms);
        Ok(outcome)
    }

    fn insert_parcel(
        &mut self,
        parcel: &Parcel,
        seq: &mut i64,
        outcome: &mut GroupOutcome,
    ) -> Result<Receipt, Error> {
        let GroupOutcome { rows, refused, .. } = outcome;
        let mut receipt = Receipt::default();
        let mut statements = Statements::prepare(&self.connection)?;
        for part in &parcel.accepted {
            let before = rows.len();
            if part.entries.is_empty() {
                continue;
            }
            let mut texts = self.interner.project(&self.store, part.project);
            let Some(install) = texts.install(part.install.as_str()) else {
                let count = part.entries.len() as u64;
                *refused.entry((part.project, FORGOTTEN)).or_default() += count;
                receipt.forgotten += count;
                continue;
            };
            let version = texts.sym(Field::Version, &part.version);
            let deployment = texts.sym(Field::Deployment, &part.deployment);
            let runtime = texts.sym(Field::Runtime, &part.runtime);
            for entry in &part.entries {
                let row = Row {
                    project: part.project,
                    day: Day::of_ms(entry.at_ms),
                    seq: *seq,
                    event_id: entry.id,
                    install,
                    at_ms: entry.at_ms,
                    received_ms: part.received_ms,
                    wire: part.wire,
                    version,
                    deployment: stats_deployment(entry)
                        .map_or(deployment, |told| texts.sym(Field::Deployment, told)),
                    runtime,
                    body: texts.body(&entry.body),
                };
                if texts.is_removed(row.day) {
                    *refused.entry((part.project, TOO_OLD)).or_default() += 1;
                    receipt.too_old += 1;
                } else if statements.insert(&row)? {
                    *seq += 1;
                    texts.active(install, row.day);
                    rows.push(row);
                } else {
                    receipt.duplicates += 1;
                }
            }
            receipt.accepted += (rows.len() - before) as u64;
        }
        Ok(receipt)
    }

    fn mark_dirty(&self, rows: &[Row]) -> Result<(), Error> {
        let mut days: FxHashMap<(ProjectNumber, Day), i64> = FxHashMap::default();
        for row in rows {
            days.insert((row.project, row.day), row.seq);
        }
        let mut statement = self
            .connection
            .prepare_cached(
                "INSERT INTO dirty_days (project, day, seq) VALUES (?1, ?2, ?3)
                ON CONFLICT (project, day) DO UPDATE SET seq = excluded.seq",
            )
            .map_err(Error::at("noting days"))?;
        for ((project, day), seq) in days {
            statement
                .execute(params![project.0, day.0, seq])
                .map_err(Error::at("noting days"))?;
        }
        Ok(())
    }

    /// Keeps what was refused or noted; returns the number of refused hits per project.
    fn insert_flagged(
        &mut self,
        group: &[Parcel],
        now_ms: i64,
    ) -> Result<FxHashMap<ProjectNumber, u64>, Error> {
        let mut refused: FxHashMap<ProjectNumber, u64> = FxHashMap::default();
        let minute = now_ms.div_euclid(MINUTE_MS);
        if minute != self.flagged_minute {
            self.flagged_minute = minute;
            self.flagged_counts.clear();
        }
        let mut not_kept: FxHashMap<ProjectNumber, u64> = FxHashMap::default();
        for hit in group.iter().flat_map(|parcel| &parcel.flagged) {
            if hit.verdict == Verdict::Refused {
                *refused.entry(hit.project).or_default() += 1;
            }
            let count = self.flagged_counts.entry(hit.project).or_default();
            *count += 1;
            // The name of an install that is forgotten is not written down again.
            let forgotten = self.interner.is_forgotten(hit.project, &hit.install);
            if forgotten || *count > FLAGGED_A_MINUTE {
                *not_kept.entry(hit.project).or_default() += 1;
                continue;
            }
            self.keep_flagged(hit)?;
        }
        for (project, count) in not_kept {
            self.add_loss(project, Day::of_ms(now_ms), "flagged_hit_not_kept", count)?;
        }
        Ok(refused)
    }

    fn keep_flagged(&self, hit: &Flagged) -> Result<(), Error> {
        let keeping = "keeping a refused hit";
        self.connection
            .prepare_cached(
                "INSERT INTO flagged
                (project, received_ms, install, wire, event, verdict, reason, payload)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    hit.project.0,
                    hit.received_ms,
                    hit.install,
                    row::wire_code(hit.wire),
                    hit.event,
                    verdict_code(hit.verdict),
                    hit.reason,
                    hit.payload,
                ])
            })
            .map_err(Error::at(keeping))?;
        self.connection
            .prepare_cached(
                "DELETE FROM flagged WHERE project = ?1 AND id <= (
                    SELECT id FROM flagged WHERE project = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )
            .and_then(|mut statement| statement.execute(params![hit.project.0, FLAGGED_KEPT]))
            .map_err(Error::at(keeping))?;
        Ok(())
    }

    fn insert_losses(
        &mut self,
        group: &[Parcel],
        receipts: &[Receipt],
        now_ms: i64,
    ) -> Result<(), Error> {
        for (parcel, receipt) in group.iter().zip(receipts) {
            // A batch of nothing but duplicates was counted when it came first.
            if receipt.accepted == 0 && receipt.duplicates > 0 {
                continue;
            }
            for loss in &parcel.lost {
                self.add_loss(loss.project, loss.day, &loss.reason, loss.count)?;
            }
        }
        for ((project, field), count) in self.interner.take_folded() {
            let reason = format!("too_many_values_{}", field.name());
            self.add_loss(project, Day::of_ms(now_ms), &reason, count)?;
        }
        Ok(())
    }

    fn add_loss(
        &self,
        project: ProjectNumber,
        day: Day,
        reason: &str,
        count: u64,
    ) -> Result<(), Error> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "INSERT INTO losses (project, day, reason, count) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (project, day, reason) DO UPDATE
                SET count = MIN(count + excluded.count, 9000000000000000000)",
            )
            .and_then(|mut statement| statement.execute(params![project.0, day.0, reason, count]))
            .map_err(Error::at("counting losses"))?;
        Ok(())
    }
}

/// How often it changed who is forgotten and which days are given up.
fn changes(connection: &Connection) -> Result<i64, Error> {
    connection
        .prepare_cached("SELECT count FROM changes")
        .and_then(|mut statement| statement.query_row([], |found| found.get(0)))
        .map_err(Error::at("looking for changes"))
}

fn stats_deployment(entry: &Entry) -> Option<&str> {
    match &entry.body {
        EntryBody::Stats(stats) => stats.deployment.as_ref().map(|told| told.0.as_str()),
        EntryBody::Task(_) | EntryBody::Stat(_) | EntryBody::Page { .. } => None,
    }
}
