//! Keeps the spool within its caps: the oldest events go first, each counted for each destination it waited for.

use rusqlite::{Transaction, params};

use super::Caps;
use super::append::count_loss;
use crate::loss::LossReason;

/// What a waiting event costs beside its record: keys and rows, as measured on a full spool.
pub(crate) const ROW_BYTES: u64 = 64;

/// Adds to the totals.
pub(crate) fn grow(tx: &Transaction<'_>, events: u64, bytes: u64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE totals SET events = events + ?1, bytes = bytes + ?2")?
        .execute(params![
            events.cast_signed(),
            (bytes + events * ROW_BYTES).cast_signed()
        ])?;
    Ok(())
}

/// Removes the oldest events until the caps on number and bytes hold.
pub(crate) fn keep(tx: &Transaction<'_>, caps: &Caps) -> rusqlite::Result<()> {
    let (events, bytes) = totals(tx)?;
    if events > caps.events {
        let over = (events - caps.events).cast_signed();
        let last: i64 = tx.query_row(
            "SELECT seq FROM events ORDER BY seq LIMIT 1 OFFSET ?1",
            [over - 1],
            |row| row.get(0),
        )?;
        remove_through(tx, last, LossReason::SpoolEvents)?;
    }
    if bytes > caps.bytes {
        let (_, bytes) = totals(tx)?;
        if let Some(last) = last_over(tx, bytes.saturating_sub(caps.bytes))? {
            remove_through(tx, last, LossReason::SpoolBytes)?;
        }
    }
    Ok(())
}

/// Removes events that are older than the cap on age.
pub(crate) fn expire(tx: &Transaction<'_>, caps: &Caps, now_ms: i64) -> rusqlite::Result<()> {
    let age = i64::try_from(caps.age.as_millis()).unwrap_or(i64::MAX);
    let oldest = now_ms.saturating_sub(age);
    let lost: Vec<(u32, i64)> = tx
        .prepare_cached(
            "SELECT destination, count(*)
             FROM deliveries JOIN events ON seq = event
             WHERE at_ms < ?1
             GROUP BY destination",
        )?
        .query_map([oldest], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if lost.is_empty() {
        return Ok(());
    }
    for (destination, events) in lost {
        count_loss(tx, destination, LossReason::TooOld, events.cast_unsigned())?;
    }
    tx.execute(
        "DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE at_ms < ?1)",
        [oldest],
    )?;
    remove_undelivered(tx)
}

pub(crate) fn totals(tx: &Transaction<'_>) -> rusqlite::Result<(u64, u64)> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let (events, bytes) = tx
        .prepare_cached("SELECT events, bytes FROM totals")?
        .query_row([], read)?;
    Ok((events.max(0).cast_unsigned(), bytes.max(0).cast_unsigned()))
}

fn last_over(tx: &Transaction<'_>, mut over: u64) -> rusqlite::Result<Option<i64>> {
    let mut statement = tx.prepare_cached(
        "SELECT seq, length(body) + coalesce(length(raw), 0)
         FROM events
         ORDER BY seq",
    )?;
    let mut rows = statement.query([])?;
    let mut last = None;
    while over > 0
        && let Some(row) = rows.next()?
    {
        last = Some(row.get(0)?);
        let bytes: i64 = row.get(1)?;
        over = over.saturating_sub(bytes.cast_unsigned() + ROW_BYTES);
    }
    Ok(last)
}

fn remove_through(tx: &Transaction<'_>, last: i64, reason: LossReason) -> rusqlite::Result<()> {
    let lost: Vec<(u32, i64)> = tx
        .prepare_cached(
            "SELECT destination, count(*)
             FROM events CROSS JOIN deliveries ON event = seq
             WHERE seq <= ?1
             GROUP BY destination",
        )?
        .query_map([last], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (destination, events) in lost {
        count_loss(tx, destination, reason, events.cast_unsigned())?;
    }
    tx.execute(
        "DELETE FROM deliveries WHERE event IN (SELECT seq FROM events WHERE seq <= ?1)",
        [last],
    )?;
    remove_events(tx, i64::MIN, last)
}

/// Removes every event that waits for nobody any more.
pub(crate) fn remove_undelivered(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    remove_events(tx, i64::MIN, i64::MAX)
}

/// Removes the events from `first` to `last` that wait for nobody any more.
pub(crate) fn remove_events(tx: &Transaction<'_>, first: i64, last: i64) -> rusqlite::Result<()> {
    let sum: (i64, i64) = tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(length(body) + coalesce(length(raw), 0)), 0)
             FROM events
             WHERE seq BETWEEN ?1 AND ?2
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = seq)",
        )?
        .query_row([first, last], |row| Ok((row.get(0)?, row.get(1)?)))?;
    tx.prepare_cached(
        "DELETE FROM events
         WHERE seq BETWEEN ?1 AND ?2
         AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = seq)",
    )?
    .execute([first, last])?;
    let (events, bytes) = sum;
    tx.prepare_cached("UPDATE totals SET events = events - ?1, bytes = bytes - ?2")?
        .execute([events, bytes + events * ROW_BYTES.cast_signed()])?;
    Ok(())
}
