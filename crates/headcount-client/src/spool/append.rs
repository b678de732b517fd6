//! Puts events into the spool: each once, with one row per destination that wants it.

use rusqlite::{OptionalExtension, Transaction, params};

use super::Caps;
use super::caps;
use crate::loss::LossReason;
use crate::ring::RingId;
use crate::settings::Feed;

/// An event on its way into the spool, cleaned, and who it is for.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) id: [u8; 16],
    pub(crate) at_ms: i64,
    pub(crate) feed: Feed,
    /// The record without anything that must not leave.
    pub(crate) body: Vec<u8>,
    /// The record as given; only kept when a destination is allowed to have it.
    pub(crate) raw: Option<Vec<u8>>,
    pub(crate) destinations: Vec<u32>,
}

impl Incoming {
    pub(crate) fn bytes(&self) -> u64 {
        (self.body.len() + self.raw.as_ref().map_or(0, Vec::len)) as u64
    }
}

/// Where events come from, so that none is taken over twice.
pub(crate) enum Source<'a> {
    /// A call that has no ring.
    Direct,
    /// A ring, read up to `end`; `losses` are its counters at that time.
    Ring {
        id: RingId,
        end: u64,
        losses: &'a [u64; LossReason::ALL.len()],
    },
}

/// How far a ring was taken over.
pub(crate) fn drained(tx: &Transaction<'_>, id: RingId) -> rusqlite::Result<u64> {
    let found: Option<i64> = tx
        .prepare_cached("SELECT drained FROM rings WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0).cast_unsigned())
}

/// Appends events, notes the ring's position and losses, and keeps the caps.
pub(crate) fn append(
    tx: &Transaction<'_>,
    incoming: &[Incoming],
    source: &Source<'_>,
    caps: &Caps,
) -> rusqlite::Result<()> {
    let mut bytes = 0;
    {
        let mut event = tx.prepare_cached(
            "INSERT INTO events (id, at_ms, feed, body, raw)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut delivery =
            tx.prepare_cached("INSERT INTO deliveries (destination, event) VALUES (?1, ?2)")?;
        for one in incoming.iter().filter(|one| !one.destinations.is_empty()) {
            let seq = event.insert(params![
                one.id,
                one.at_ms,
                one.feed as u8,
                one.body,
                one.raw
            ])?;
            for destination in &one.destinations {
                delivery.execute(params![destination, seq])?;
            }
            bytes += one.bytes();
        }
    }
    let events = incoming
        .iter()
        .filter(|one| !one.destinations.is_empty())
        .count();
    caps::grow(tx, events as u64, bytes)?;
    if let Source::Ring { id, end, losses } = source {
        note_ring(tx, *id, *end, losses)?;
    }
    caps::keep(tx, caps)
}

fn note_ring(
    tx: &Transaction<'_>,
    id: RingId,
    end: u64,
    losses: &[u64; LossReason::ALL.len()],
) -> rusqlite::Result<()> {
    let known: Option<String> = tx
        .prepare_cached("SELECT losses FROM rings WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let known: Vec<u64> = known
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    for reason in LossReason::ALL {
        let before = known.get(reason.index()).copied().unwrap_or(0);
        let new = losses[reason.index()].saturating_sub(before);
        count_loss(tx, 0, reason, new)?;
    }
    let losses = serde_json::to_string(losses).unwrap_or_default();
    tx.prepare_cached("INSERT OR REPLACE INTO rings (id, drained, losses) VALUES (?1, ?2, ?3)")?
        .execute(params![id, end.cast_signed(), losses])?;
    Ok(())
}

/// Forgets a ring whose file is gone.
pub(crate) fn forget_ring(tx: &Transaction<'_>, id: RingId) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM rings WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Counts losses of one destination, or of none in particular (0).
pub(crate) fn count_loss(
    tx: &Transaction<'_>,
    destination: u32,
    reason: LossReason,
    events: u64,
) -> rusqlite::Result<()> {
    if events == 0 {
        return Ok(());
    }
    tx.prepare_cached(
        "INSERT INTO losses (destination, reason, events)
         VALUES (?1, ?2, ?3)
         ON CONFLICT (destination, reason) DO UPDATE
         SET events = events + excluded.events",
    )?
    .execute(params![destination, reason.code(), events.cast_signed()])?;
    Ok(())
}
