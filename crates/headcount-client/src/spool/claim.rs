//! Takes the next batch of a destination under a lease, so that one process at a time sends to it.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};

use crate::loss::LossReason;
use crate::settings::TokenKind;

/// A sender that is still silent after this long is taken for dead although its lock is held: a child that
/// was forked meanwhile holds a copy of it. Longer than any request may take.
pub(crate) const LEASE_MS: i64 = 60_000;

/// Who wants to send where, when, and how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) destination: u32,
    pub(crate) kind: TokenKind,
    /// Random name of the sender, one for each process.
    pub(crate) owner: [u8; 16],
    pub(crate) now_ms: i64,
    /// Most events of one request.
    pub(crate) limit: u32,
    /// A batch that is not full leaves this long after the last request.
    pub(crate) interval_ms: i64,
    /// The destination's lock is held by this sender: no other lives that sends there.
    pub(crate) locked: bool,
    /// Sends now although the back-off or the batch interval says later.
    pub(crate) force: bool,
}

/// What there is to send.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// No event waits.
    Nothing,
    /// Another process is sending there.
    Busy,
    /// The destination refused this install's key; nothing is sent until that is changed.
    Stopped,
    /// The back-off is not over, or the batch is not full yet.
    Later,
    /// Send this, then settle it.
    Batch(Batch),
}

/// Events that go out together. On a retry the same again, whatever came since.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: [u8; 16],
    /// Earlier tries of this batch.
    pub(crate) attempts: u32,
    /// Hits of this batch that were already taken.
    pub(crate) progress: u32,
    pub(crate) events: Vec<Waiting>,
    /// Losses this batch reports, by reason.
    pub(crate) lost: BTreeMap<String, u64>,
}

/// One waiting event.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) seq: i64,
    pub(crate) id: [u8; 16],
    /// As in `Feed`; a number since a spool may be damaged.
    pub(crate) feed: u8,
    pub(crate) body: Vec<u8>,
    pub(crate) raw: Option<Vec<u8>>,
}

struct Standing {
    lease_owner: Option<[u8; 16]>,
    lease_until_ms: i64,
    batch_id: Option<[u8; 16]>,
    batch_lost: String,
    batch_limit: Option<u32>,
    batch_progress: u32,
    last_at_ms: Option<i64>,
    attempts: u32,
    next_at_ms: i64,
    stopped: bool,
}

/// Claims the next batch; what it says other than `Batch` has changed nothing.
pub(crate) fn claim(
    tx: &Transaction<'_>,
    claim: &Claim,
    batch_id: [u8; 16],
) -> rusqlite::Result<Claimed> {
    let standing = standing(tx, claim.destination)?;
    if standing.stopped {
        return Ok(Claimed::Stopped);
    }
    if !claim.locked && is_leased(&standing, claim) {
        return Ok(Claimed::Busy);
    }
    if !claim.force && standing.next_at_ms > claim.now_ms {
        return Ok(Claimed::Later);
    }
    let mut batch = Batch {
        id: standing.batch_id.unwrap_or(batch_id),
        attempts: standing.attempts,
        progress: standing.batch_progress,
        events: batched(tx, claim.destination)?,
        lost: serde_json::from_str(&standing.batch_lost).unwrap_or_default(),
    };
    if batch.events.is_empty() {
        if is_collecting(tx, claim, &standing)? {
            return Ok(Claimed::Later);
        }
        let limit = standing.batch_limit.unwrap_or(claim.limit).min(claim.limit);
        form_batch(tx, claim.destination, limit)?;
        batch.id = batch_id;
        batch.progress = 0;
        batch.events = batched(tx, claim.destination)?;
        batch.lost = match claim.kind {
            TokenKind::Headcount => unreported(tx, claim.destination)?,
            TokenKind::Ga4 | TokenKind::Universal => BTreeMap::new(),
        };
    }
    if batch.events.is_empty() {
        return Ok(Claimed::Nothing);
    }
    hold(tx, claim, &batch)?;
    Ok(Claimed::Batch(batch))
}

/// Whether somebody else's lease still runs. One that ends later than any can is of a clock that was set back.
fn is_leased(standing: &Standing, claim: &Claim) -> bool {
    let left = standing.lease_until_ms - claim.now_ms;
    (1..=LEASE_MS).contains(&left) && standing.lease_owner != Some(claim.owner)
}

fn hold(tx: &Transaction<'_>, claim: &Claim, batch: &Batch) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE destinations
         SET lease_owner = ?2, lease_until_ms = ?3, batch_id = ?4, batch_lost = ?5, batch_progress = ?6
         WHERE id = ?1",
    )?
    .execute(params![
        claim.destination,
        claim.owner,
        claim.now_ms + LEASE_MS,
        batch.id,
        serde_json::to_string(&batch.lost).unwrap_or_default(),
        batch.progress
    ])?;
    Ok(())
}

/// Whether a batch still waits to become full.
fn is_collecting(
    tx: &Transaction<'_>,
    claim: &Claim,
    standing: &Standing,
) -> rusqlite::Result<bool> {
    let until = standing
        .last_at_ms
        .map_or(0, |last| last + claim.interval_ms);
    // A last request in the future is of a clock that was set back.
    let waits = (1..=claim.interval_ms).contains(&(until - claim.now_ms));
    if claim.force || !waits {
        return Ok(false);
    }
    let waiting: u32 = tx
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE destination = ?1 LIMIT ?2)",
        )?
        .query_row([claim.destination, claim.limit], |row| row.get(0))?;
    Ok(waiting < claim.limit)
}

/// Leaves only the first `keep` events in the batch: what does not fit the request goes with the next.
pub(crate) fn trim(
    tx: &Transaction<'_>,
    destination: u32,
    batch: &mut Batch,
    keep: usize,
) -> rusqlite::Result<()> {
    let Some(first_out) = batch.events.get(keep) else {
        return Ok(());
    };
    tx.prepare_cached(
        "UPDATE deliveries
         SET batched = 0
         WHERE destination = ?1 AND event >= ?2 AND batched = 1",
    )?
    .execute(params![destination, first_out.seq])?;
    batch.events.truncate(keep);
    Ok(())
}

/// The events that would go next, without claiming them.
pub(crate) fn peek(
    tx: &Transaction<'_>,
    destination: u32,
    limit: u32,
) -> rusqlite::Result<Vec<Waiting>> {
    let batch = batched(tx, destination)?;
    if !batch.is_empty() {
        return Ok(batch);
    }
    let mut statement = tx.prepare_cached(
        "SELECT seq, id, feed, body, raw
         FROM deliveries CROSS JOIN events ON seq = event
         WHERE destination = ?1
         ORDER BY event
         LIMIT ?2",
    )?;
    statement
        .query_map(params![destination, limit], waiting)?
        .collect()
}

fn standing(tx: &Transaction<'_>, destination: u32) -> rusqlite::Result<Standing> {
    let found = tx
        .prepare_cached(
            "SELECT lease_owner, lease_until_ms, batch_id, batch_lost, batch_limit, attempts, next_at_ms,
             stopped IS NOT NULL, batch_progress, last_at_ms
             FROM destinations
             WHERE id = ?1",
        )?
        .query_row([destination], |row| {
            Ok(Standing {
                lease_owner: row.get(0)?,
                lease_until_ms: row.get(1)?,
                batch_id: row.get(2)?,
                batch_lost: row.get(3)?,
                batch_limit: row.get(4)?,
                attempts: row.get(5)?,
                next_at_ms: row.get(6)?,
                stopped: row.get(7)?,
                batch_progress: row.get(8)?,
                last_at_ms: row.get(9)?,
            })
        })
        .optional()?;
    match found {
        Some(standing) => Ok(standing),
        None => {
            // A new destination is not told of what was lost before it was there.
            let common = serde_json::to_string(&losses(tx, 0)?).unwrap_or_default();
            tx.prepare_cached("INSERT INTO destinations (id, reported) VALUES (?1, ?2)")?
                .execute(params![destination, common])?;
            self::standing(tx, destination)
        }
    }
}

fn form_batch(tx: &Transaction<'_>, destination: u32, limit: u32) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE deliveries
         SET batched = 1
         WHERE destination = ?1 AND event IN (
             SELECT event FROM deliveries WHERE destination = ?1 ORDER BY event LIMIT ?2
         )",
    )?
    .execute(params![destination, limit])?;
    Ok(())
}

fn batched(tx: &Transaction<'_>, destination: u32) -> rusqlite::Result<Vec<Waiting>> {
    // The batch is always the oldest part of the queue: reading stops at the first row outside it.
    let mut statement = tx.prepare_cached(
        "SELECT seq, id, feed, body, raw, batched
         FROM deliveries CROSS JOIN events ON seq = event
         WHERE destination = ?1
         ORDER BY event",
    )?;
    let mut rows = statement.query([destination])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(5)? == 0 {
            break;
        }
        events.push(waiting(row)?);
    }
    Ok(events)
}

fn waiting(row: &rusqlite::Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        seq: row.get(0)?,
        id: row.get(1)?,
        feed: row.get(2)?,
        body: row.get(3)?,
        raw: row.get(4)?,
    })
}

fn unreported(tx: &Transaction<'_>, destination: u32) -> rusqlite::Result<BTreeMap<String, u64>> {
    let reported: String = tx.query_row(
        "SELECT reported FROM destinations WHERE id = ?1",
        [destination],
        |row| row.get(0),
    )?;
    let reported: BTreeMap<String, u64> = serde_json::from_str(&reported).unwrap_or_default();
    let mut lost = losses(tx, 0)?;
    for (reason, events) in losses(tx, destination)? {
        *lost.entry(reason).or_default() += events;
    }
    let reportable = |code: &String| {
        LossReason::ALL
            .iter()
            .any(|r| r.code() == code && r.is_reported())
    };
    Ok(lost
        .into_iter()
        .filter(|(code, _)| reportable(code))
        .map(|(code, events)| {
            let told = reported.get(&code).copied().unwrap_or(0);
            (code, events.saturating_sub(told))
        })
        .filter(|(_, events)| *events > 0)
        .collect())
}

/// Losses of one destination (0: of none in particular) by reason, ever.
pub(crate) fn losses(
    tx: &Transaction<'_>,
    destination: u32,
) -> rusqlite::Result<BTreeMap<String, u64>> {
    tx.prepare_cached("SELECT reason, events FROM losses WHERE destination = ?1")?
        .query_map([destination], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.max(0).cast_unsigned()))
        })?
        .collect()
}
