//! How the spool and its destinations stand, for status, doctor and the operator's pages.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use super::{Spool, caps, settle};
use crate::error::Result;
use crate::settings::{Feed, Token};

/// What waits, and how delivery stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Events that wait for at least one destination.
    pub waiting: u64,
    /// What they take in the spool, in bytes.
    pub bytes: u64,
    /// Destinations, in the order of the settings.
    pub destinations: Vec<DestinationStatus>,
    /// Events lost since the spool was made, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Day of the last daily report, as days since 1970-01-01.
    pub last_daily_day: Option<i64>,
    /// Requests to be forgotten that wait for an answer.
    pub forgets_waiting: u64,
    /// When a spool that could not be read was put aside and a new one begun, Unix milliseconds.
    pub replaced_damaged_at_ms: Option<i64>,
}

/// How delivery to one destination stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DestinationStatus {
    /// The token's number.
    pub token: u32,
    /// The token's name.
    pub name: String,
    /// Events that wait, by feed.
    pub waiting: BTreeMap<&'static str, u64>,
    /// Why nothing is sent there any more; `None` when delivery runs.
    pub stopped: Option<Stop>,
    /// Failed tries since the last success.
    pub attempts: u32,
    /// Not before this moment, Unix milliseconds; 0 when nothing holds it back.
    pub next_at_ms: i64,
    /// Moment of the last try, Unix milliseconds.
    pub last_at_ms: Option<i64>,
    /// Its HTTP status; `None` when no answer came.
    pub last_status: Option<u16>,
    /// Its outcome in words.
    pub last_note: Option<String>,
    /// Events in it.
    pub last_events: Option<u64>,
}

/// Why a destination takes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// What it said, and what to do.
    pub reason: String,
}

impl Spool {
    /// How the spool stands.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn status(&mut self, tokens: &[Token]) -> Result<Status> {
        self.transact(|tx| {
            let (waiting, bytes) = caps::totals(tx)?;
            let destinations = tokens
                .iter()
                .map(|token| destination(tx, token))
                .collect::<rusqlite::Result<_>>()?;
            Ok(Status {
                waiting,
                bytes,
                destinations,
                lost: settle::all_losses(tx)?,
                last_daily_day: fact(tx, LAST_DAILY_DAY)?,
                forgets_waiting: tx
                    .query_row("SELECT count(*) FROM forgets", [], |row| {
                        row.get::<_, u32>(0)
                    })?
                    .into(),
                replaced_damaged_at_ms: fact(tx, "replaced_damaged_at_ms")?,
            })
        })
    }

    /// Lets a stopped destination try again.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn resume(&mut self, token: u32) -> Result<()> {
        self.transact(|tx| settle::resume(tx, token))
    }
}

/// Name of the fact that says on which day the last daily report was recorded.
pub(crate) const LAST_DAILY_DAY: &str = "last_daily_day";

pub(crate) fn fact(tx: &Transaction<'_>, name: &str) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT value FROM facts WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

pub(crate) fn set_fact(tx: &Transaction<'_>, name: &str, value: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}

fn destination(tx: &Transaction<'_>, token: &Token) -> rusqlite::Result<DestinationStatus> {
    let mut status = DestinationStatus {
        token: token.id,
        name: token.name.clone(),
        waiting: waiting(tx, token.id)?,
        stopped: None,
        attempts: 0,
        next_at_ms: 0,
        last_at_ms: None,
        last_status: None,
        last_note: None,
        last_events: None,
    };
    let mut statement = tx.prepare_cached(
        "SELECT stopped, attempts, next_at_ms, last_at_ms, last_status, last_note, last_events
         FROM destinations
         WHERE id = ?1",
    )?;
    let mut rows = statement.query([token.id])?;
    if let Some(row) = rows.next()? {
        status.stopped = row
            .get::<_, Option<String>>(0)?
            .map(|reason| Stop { reason });
        status.attempts = row.get(1)?;
        status.next_at_ms = row.get(2)?;
        status.last_at_ms = row.get(3)?;
        status.last_status = row.get(4)?;
        status.last_note = row.get(5)?;
        status.last_events = row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned);
    }
    Ok(status)
}

fn waiting(
    tx: &Transaction<'_>,
    destination: u32,
) -> rusqlite::Result<BTreeMap<&'static str, u64>> {
    let mut statement = tx.prepare_cached(
        "SELECT feed, count(*)
         FROM deliveries JOIN events ON seq = event
         WHERE destination = ?1
         GROUP BY feed",
    )?;
    let mut rows = statement.query([destination])?;
    let mut waiting = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Some(feed) = Feed::from_number(row.get(0)?) {
            waiting.insert(feed.name(), row.get::<_, i64>(1)?.cast_unsigned());
        }
    }
    Ok(waiting)
}
