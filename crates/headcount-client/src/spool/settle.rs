//! Ends a claimed batch: delivered, postponed, split, given up or stopped; and deletes what is switched off.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Transaction, params};

use super::append::count_loss;
use super::caps;
use super::claim::{Batch, Claim, losses};
use crate::loss::LossReason;
use crate::settings::Feed;

/// How a try ended, as the retry table decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Taken; events at these places of the batch were refused for good.
    Delivered { rejected: BTreeSet<usize> },
    /// One request of several of this batch was taken, that far on.
    Progress { units: u32 },
    /// Nothing is known to have been taken; the same batch again at that moment.
    Later { next_at_ms: i64 },
    /// Too large: half as much next time.
    Split { next_at_ms: i64 },
    /// Will never be taken.
    GiveUp(LossReason),
    /// The destination does not take anything from this install until the operator changes something.
    Stop,
}

/// What is noted about a try, for the operator.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) status: Option<u16>,
    pub(crate) text: String,
}

/// Settles a batch; false when the lease was lost meanwhile and another sender has it now.
pub(crate) fn settle(
    tx: &Transaction<'_>,
    claim: &Claim,
    batch: &Batch,
    outcome: &Outcome,
    note: &Note,
) -> rusqlite::Result<bool> {
    let id = claim.destination;
    let holder: Option<[Option<[u8; 16]>; 2]> = tx
        .prepare_cached("SELECT lease_owner, batch_id FROM destinations WHERE id = ?1")?
        .query_row([id], |row| Ok([row.get(0)?, row.get(1)?]))
        .optional()?;
    if holder != Some([Some(claim.owner), Some(batch.id)]) {
        return Ok(false);
    }
    tx.prepare_cached(
        "UPDATE destinations
         SET lease_owner = NULL, lease_until_ms = 0, last_at_ms = ?2, last_status = ?3, last_note = ?4,
         last_events = ?5
         WHERE id = ?1",
    )?
    .execute(params![id, claim.now_ms, note.status, note.text, count(batch.events.len())])?;
    match outcome {
        Outcome::Delivered { rejected } => {
            count_loss(tx, id, LossReason::Rejected, rejected.len() as u64)?;
            report_told(tx, id, &batch.lost)?;
            finish(tx, id, batch)?;
        }
        Outcome::GiveUp(reason) => {
            count_loss(tx, id, *reason, batch.events.len() as u64)?;
            finish(tx, id, batch)?;
        }
        Outcome::Progress { units } => {
            tx.prepare_cached(
                "UPDATE destinations
                 SET batch_progress = batch_progress + ?2, attempts = 0, next_at_ms = 0
                 WHERE id = ?1",
            )?
            .execute(params![id, units])?;
        }
        Outcome::Later { next_at_ms } => postpone(tx, id, *next_at_ms)?,
        Outcome::Split { next_at_ms } => split(tx, id, batch, *next_at_ms)?,
        Outcome::Stop => {
            postpone(tx, id, 0)?;
            tx.prepare_cached("UPDATE destinations SET stopped = ?2 WHERE id = ?1")?
                .execute(params![id, note.text])?;
        }
    }
    Ok(true)
}

fn count(events: usize) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}

fn finish(tx: &Transaction<'_>, destination: u32, batch: &Batch) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (batch.events.first(), batch.events.last()) else {
        return Ok(());
    };
    tx.prepare_cached(
        "DELETE FROM deliveries WHERE destination = ?1 AND event BETWEEN ?2 AND ?3 AND batched = 1",
    )?
    .execute(params![destination, first.seq, last.seq])?;
    caps::remove_events(tx, first.seq, last.seq)?;
    tx.prepare_cached(
        "UPDATE destinations
         SET batch_id = NULL, batch_lost = '{}', batch_progress = 0, attempts = 0, next_at_ms = 0,
         batch_limit = CASE WHEN batch_limit < 1000000 THEN batch_limit * 2 END
         WHERE id = ?1",
    )?
    .execute([destination])?;
    Ok(())
}

fn postpone(tx: &Transaction<'_>, destination: u32, next_at_ms: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE destinations SET attempts = attempts + 1, next_at_ms = ?2 WHERE id = ?1",
    )?
    .execute(params![destination, next_at_ms])?;
    Ok(())
}

fn split(
    tx: &Transaction<'_>,
    destination: u32,
    batch: &Batch,
    next_at_ms: i64,
) -> rusqlite::Result<()> {
    if batch.events.len() <= 1 {
        count_loss(
            tx,
            destination,
            LossReason::TooLarge,
            batch.events.len() as u64,
        )?;
        return finish(tx, destination, batch);
    }
    tx.prepare_cached("UPDATE deliveries SET batched = 0 WHERE destination = ?1 AND batched = 1")?
        .execute([destination])?;
    let half = batch.events.len() / 2;
    tx.prepare_cached(
        "UPDATE destinations
         SET batch_id = NULL, batch_lost = '{}', batch_progress = 0, batch_limit = ?2, next_at_ms = ?3
         WHERE id = ?1",
    )?
    .execute(params![destination, count(half), next_at_ms])?;
    Ok(())
}

fn report_told(
    tx: &Transaction<'_>,
    destination: u32,
    told: &BTreeMap<String, u64>,
) -> rusqlite::Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let reported: String = tx.query_row(
        "SELECT reported FROM destinations WHERE id = ?1",
        [destination],
        |row| row.get(0),
    )?;
    let mut reported: BTreeMap<String, u64> = serde_json::from_str(&reported).unwrap_or_default();
    for (reason, events) in told {
        *reported.entry(reason.clone()).or_default() += events;
    }
    let reported = serde_json::to_string(&reported).unwrap_or_default();
    tx.execute(
        "UPDATE destinations SET reported = ?2 WHERE id = ?1",
        params![destination, reported],
    )?;
    Ok(())
}

/// Deletes what waits at a destination for one feed.
pub(crate) fn drop_feed(
    tx: &Transaction<'_>,
    destination: u32,
    feed: Feed,
) -> rusqlite::Result<()> {
    let gone = tx
        .prepare_cached(
            "DELETE FROM deliveries
             WHERE destination = ?1 AND event IN (SELECT seq FROM events WHERE feed = ?2)",
        )?
        .execute(params![destination, feed as u8])?;
    if gone > 0 {
        count_loss(tx, destination, LossReason::SwitchedOff, gone as u64)?;
        caps::remove_undelivered(tx)?;
    }
    Ok(())
}

/// Deletes what waits for destinations that are no more.
pub(crate) fn drop_strangers(tx: &Transaction<'_>, known: &[u32]) -> rusqlite::Result<()> {
    let present: Vec<u32> = tx
        .prepare_cached("SELECT id FROM destinations UNION SELECT destination FROM deliveries")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for stranger in present.into_iter().filter(|id| !known.contains(id)) {
        let gone = tx.execute("DELETE FROM deliveries WHERE destination = ?1", [stranger])?;
        count_loss(tx, stranger, LossReason::SwitchedOff, gone as u64)?;
        tx.execute("DELETE FROM destinations WHERE id = ?1", [stranger])?;
    }
    caps::remove_undelivered(tx)
}

/// Deletes everything that waits.
pub(crate) fn erase_waiting(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM deliveries", [])?;
    tx.execute(
        "UPDATE destinations SET batch_id = NULL, batch_lost = '{}', batch_progress = 0",
        [],
    )?;
    caps::remove_undelivered(tx)
}

/// Lets a stopped destination try again, for example after its key was changed.
pub(crate) fn resume(tx: &Transaction<'_>, destination: u32) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE destinations
         SET stopped = NULL, attempts = 0, next_at_ms = 0
         WHERE id = ?1",
        [destination],
    )?;
    Ok(())
}

/// Losses of every destination together, by reason, ever.
pub(crate) fn all_losses(tx: &Transaction<'_>) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut all = losses(tx, 0)?;
    let others: Vec<u32> = tx
        .prepare("SELECT DISTINCT destination FROM losses WHERE destination <> 0")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for destination in others {
        for (reason, events) in losses(tx, destination)? {
            *all.entry(reason).or_default() += events;
        }
    }
    Ok(all)
}
